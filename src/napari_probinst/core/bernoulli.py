"""Entropy of votes: how far a number of draws is from agreeing (equation 5 of the paper)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bernoulli_entropy(counts: NDArray[Any], n_draws: int) -> NDArray[np.float32]:
    """Entropy of the votes on each pixel (equation 5 of the paper).

    H(p) = −p·ln p − (1 − p)·ln(1 − p) with p = counts / n_draws.

    Parameters
    ----------
    counts : ndarray of int, any shape
        Draws that contain the pixel, 0 to ``n_draws``.
    n_draws : int
        Number of draws, at least 1.

    Returns
    -------
    ndarray of float32, same shape
        Nats, 0 (all draws agree) to ln 2 (half of them contain the pixel).

    Raises
    ------
    ValueError
        If there is no draw, or a count lies outside 0 to ``n_draws``.
    """
    if counts.size and not 0 <= int(counts.min()) <= int(counts.max()) <= n_draws:
        raise ValueError(f"counts must lie in 0 to {n_draws}, got {counts.min()}, {counts.max()}")
    entropy: NDArray[np.float32] = entropy_levels(n_draws).astype(np.float32)[counts]
    return entropy


def entropy_levels(n_draws: int) -> NDArray[np.float64]:
    """Entropy of 0, 1, ... ``n_draws`` votes, nats, shape (n_draws + 1,); symmetric exactly.

    Raises
    ------
    ValueError
        If ``n_draws`` is not positive.
    """
    if n_draws < 1:
        raise ValueError(f"entropy needs at least one draw, got {n_draws}")
    levels = np.zeros(n_draws + 1)
    yes = np.arange(1, n_draws) / n_draws
    no = yes[::-1]
    levels[1:-1] = -(yes * np.log(yes) + no * np.log(no))
    return levels
