"""Straight lines from few pairs whose sides come again and again: a linear mixed model that sets its own penalties.

Pairs of the same subject, or of the same candidate, are alike for reasons that no feature tells: some choose often,
some are often chosen. A thousand pairs of thirty people tell hardly more of what people are like than thirty do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

Floats = NDArray[np.float64]

ROUNDS = 2
"""Estimates of the variances of the sides: of the answers, then of what the lines leave of them."""
STEPS, CLOSE = 100, 0.01
"""Most steps toward the variances of the slopes, and the relative change at which they end."""
LEAST = 1e-9
"""Least variance, so that what tells nothing is held at 0."""


def mixed(
    x: Floats, hit: NDArray[np.bool_], families: NDArray[np.int64], sides: Sequence[NDArray[Any]]
) -> tuple[float, Floats]:
    """(intercept, m slopes) of the log-odds from n × m features of mean 0 and equal spread.

    `sides` name what pairs have in common: an effect each for those of one subject, of one candidate. The variances of
    the sides come from the products of residuals (Henderson's moments, 1953); those of the slopes, one per family of
    features, are the most likely ones (MacKay's fixed point, 1992). Lines of 0 and 1 are turned into log-odds by one
    Newton step from the base rate, good while a pair's features tell little.
    """
    base = float(hit.mean())
    answer = hit.astype(np.float64) - base
    design = np.column_stack([x, np.ones(len(x))])
    variances = np.full(families.max() + 1, 0.01 / x.shape[1])
    rest = answer
    for _ in range(ROUNDS):
        solve = _whitening(rest, sides)
        weighed = solve(design)
        slopes, variances = _most_likely(design.T @ weighed, weighed.T @ answer, families, variances)
        rest = answer - design @ slopes
    even = base * (1 - base)
    return float(np.log(base / (1 - base)) + slopes[-1] / even), slopes[:-1] / even


def _whitening(rest: NDArray[np.floating[Any]], sides: Sequence[NDArray[Any]]) -> Callable[[Floats], Floats]:
    """What multiplies by the inverse covariance of the answers, by Woodbury's identity.

    Two residuals of one subject, or one candidate, are as alike on average as the variance of its effect.
    """
    n, whole = len(rest), float(rest @ rest) / len(rest)
    effects, shared = [], []
    for side in sides:
        at = np.unique(side, return_inverse=True)[1]
        size, total, own = np.bincount(at), np.bincount(at, rest), np.bincount(at, rest**2)
        shared.append(max(float((total**2 - own).sum()) / max(float((size * (size - 1)).sum()), 1.0), LEAST))
        effects.append(sp.csr_array((np.ones(n), (np.arange(n), at))))
    noise = max(whole - sum(shared), 0.05 * whole)
    z = sp.csc_array(sp.hstack(effects))
    held = np.concatenate([np.full(each.shape[1], noise / part) for each, part in zip(effects, shared, strict=True)])
    inner = splu(sp.csc_matrix(z.T @ z + sp.diags_array(held)), permc_spec="MMD_AT_PLUS_A")
    return lambda columns: np.asarray((columns - z @ inner.solve(np.asarray(z.T @ columns))) / noise)


def _most_likely(gram: Floats, moment: Floats, families: NDArray[np.int64], variances: Floats) -> tuple[Floats, Floats]:
    """(slopes and intercept, variances of the slopes of each family) from the weighed normal equations."""
    size = np.bincount(families)
    for _ in range(STEPS):
        spread = np.linalg.inv(gram + np.diag(np.append(1 / variances[families], 0.0)))
        slopes = spread @ moment
        told = size - np.bincount(families, np.diag(spread)[:-1] / variances[families])  # how many slopes pairs tell
        found = np.maximum(np.bincount(families, slopes[:-1] ** 2) / np.maximum(told, LEAST), LEAST)
        change = np.abs(np.log(found / variances))[size * np.maximum(found, variances) > 1e-6 * size.sum()]
        variances = found
        if change.max(initial=0.0) < CLOSE:
            break
    return slopes, variances
