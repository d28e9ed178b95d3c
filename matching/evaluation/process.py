"""A Gaussian process over judged pairs (Rasmussen and Williams 2006, chapter 2): what all of them say of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

Matrix = NDArray[np.float32]
Floats = NDArray[np.float64]
Groups = NDArray[np.int64]

NOISE = 1.0
"""Variance of a grade around what the process says, in the unit of the covariances."""


class Process:
    """Processes of one covariance, each fitted to a column of n × m values around 0; each row is of a group: a number.

    The posterior mean of a pair is c · (K + NOISE · I)⁻¹ · values, with c its covariances with the n and K theirs.
    Nothing is ever said of a pair from its own group.
    """

    def __init__(self, covariance: Matrix, values: Floats, groups: Groups) -> None:
        """Of an n × n covariance, which is used up; ValueError where it is not positive definite."""
        covariance[np.diag_indices_from(covariance)] += NOISE
        self._inverse = _inverse(covariance)
        self._weights = np.asarray(self._inverse @ values.astype(np.float32), np.float64)
        self._members = {int(groups[at[0]]): at for at in _parts(groups)}
        self.held_out = np.empty(values.shape)
        """What the others say of each of the n × m: from blocks of the inverse, as leaving one out from its diagonal
        (same, equation 5.12)."""
        for at in self._members.values():
            self.held_out[at] = values[at] - self._own(at)

    def of(self, covariance: Matrix, groups: Groups) -> Floats:
        """The posterior means of some pairs, from their covariances with the n and their groups."""
        said = np.asarray(covariance @ self._weights, np.float64)
        for rows in _parts(groups):
            at = self._members.get(int(groups[rows[0]]))
            if at is not None:
                said[rows] -= covariance[rows] @ (self._inverse[:, at] @ self._own(at))
        return said

    def _own(self, at: NDArray[np.int64]) -> Floats:
        """The inverse's block of a group, solved for its weights."""
        block = np.asarray(self._inverse[np.ix_(at, at)], np.float64)
        return np.asarray(np.linalg.solve(block, self._weights[at]))


def _parts(groups: Groups) -> list[NDArray[np.int64]]:
    """Places of each group's members."""
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1) if len(groups) else []


def _inverse(matrix: Matrix) -> Matrix:
    """The inverse of a symmetric matrix, which is used up; ValueError where it is not positive definite."""
    lower, failed = lapack.spotrf(matrix.T, lower=True, overwrite_a=True)
    if failed:
        raise ValueError("the covariance is not positive definite")
    inverse, failed = lapack.spotri(lower, lower=True, overwrite_c=True)
    if failed:
        raise ValueError("the covariance has no inverse")
    upper = np.triu_indices_from(inverse, 1)
    inverse[upper] = inverse.T[upper]
    return np.asarray(inverse, np.float32)
