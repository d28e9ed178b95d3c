"""A Gaussian process over judged pairs (Rasmussen and Williams 2006, chapter 2): what all of them say of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

Matrix = NDArray[np.float32]
Floats = NDArray[np.float64]

NOISE = 1.0
"""Variance of a grade around what the process says, in the unit of the covariances."""


class Process:
    """A process that was fitted to n values around 0.

    The posterior mean of a pair is covariance · (K + NOISE · I)⁻¹ · values, with K the covariances of the n.
    """

    def __init__(self, covariance: Matrix, values: Floats, groups: NDArray[np.int64]) -> None:
        """Of an n × n covariance, which is used up, and n values; equal numbers are a group."""
        covariance[np.diag_indices_from(covariance)] += NOISE
        inverse = _inverse(covariance)
        self.weights: Matrix = inverse @ values.astype(np.float32)
        self.held_out = self._held_out(inverse, values, groups)
        """What the others say of each of the n, without its group."""

    def of(self, covariance: Matrix) -> Floats:
        """The posterior mean of m pairs, from their m × n covariances."""
        return np.asarray(covariance @ self.weights, np.float64)

    def _held_out(self, inverse: Matrix, values: Floats, groups: NDArray[np.int64]) -> Floats:
        """From blocks of the inverse, as leaving one out from its diagonal (same, equation 5.12)."""
        held_out = np.empty(len(values))
        order = np.argsort(groups, kind="stable")
        for at in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
            block = np.asarray(inverse[np.ix_(at, at)], np.float64)
            held_out[at] = values[at] - np.linalg.solve(block, self.weights[at])
        return held_out


def _inverse(matrix: Matrix) -> Matrix:
    """The inverse of a symmetric positive definite matrix, which is used up; ValueError where it is not one."""
    lower, failed = lapack.spotrf(matrix, lower=True, overwrite_a=True)
    if failed:
        raise ValueError("the covariance is not positive definite")
    inverse, _ = lapack.spotri(lower, lower=True, overwrite_c=True)
    return np.asarray(np.tril(inverse) + np.tril(inverse, -1).T, np.float32)
