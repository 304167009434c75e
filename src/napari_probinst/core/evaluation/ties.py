"""What a ranking finds where several items have the same score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def expected_among_highest(
    score: NDArray[np.floating[Any]], wanted: NDArray[np.bool_], taken: NDArray[Any]
) -> NDArray[np.float64]:
    """Wanted items expected among those of the highest scores, ties in random order.

    Each member of a group of ties is as likely to be among those taken as any other, so that
    the expectation is linear in ``taken`` within a group.

    Parameters
    ----------
    score : ndarray of float, shape (n,)
        Taken from the highest to the lowest.
    wanted : ndarray of bool, shape (n,)
        What is counted.
    taken : ndarray of float, shape (m,)
        How many are taken, 0 to n; may be fractions.

    Returns
    -------
    ndarray of float64, shape (m,)
    """
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)) + 1, len(ranked))
    found = np.append(0, np.cumsum(wanted[order]))[ends]
    return np.asarray(np.interp(taken, np.append(0, ends), np.append(0, found)))
