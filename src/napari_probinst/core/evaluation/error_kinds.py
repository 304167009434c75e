"""False splits, false merges, missed and spurious instances, told apart by one rule.

Predicted and true instances are matched one to one where their IoU exceeds 0.5. What is left is
assigned by overlap: an unmatched prediction is a **piece** of the true instance that holds most
of it, if this is more than half of the prediction's pixels; an unmatched true instance is
**swallowed** by the prediction that holds most of it, if this is more than half of the true
instance's pixels. Then

- a true instance with k pieces, its match included, is split k − 1 times;
- a prediction that stands for k true instances, its match included, merges k − 1 times;
- a true instance is missed that has neither match nor piece and is not swallowed;
- a prediction is spurious that has no match, is no piece and swallows nothing;
- a true instance is inexact that has no match and is neither missed nor part of a split or a
  merge: one prediction is there for it, with an IoU of at most 0.5.

With prediction and truth exchanged, splits become merges, and misses become spurious. A second
prediction of an instance that is found already counts as a split. Worms that really cross don't
count: both are matched, or hold less than half of one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A piece has more than this share of its pixels in the whole.
MAJORITY = 0.5


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """Errors of one image by kind, or of several images added up."""

    false_splits: int = 0
    false_merges: int = 0
    misses: int = 0
    spurious: int = 0
    inexact: int = 0

    def __add__(self, other: ErrorCounts) -> ErrorCounts:
        return ErrorCounts(
            self.false_splits + other.false_splits,
            self.false_merges + other.false_merges,
            self.misses + other.misses,
            self.spurious + other.spurious,
            self.inexact + other.inexact,
        )


@dataclass(frozen=True, slots=True, eq=False)
class ErrorKinds:
    """What became of each instance of one image.

    Parameters
    ----------
    true_kinds : tuple of str
        Of each true instance: "found", "split", "merged", "missed" or "inexact"; empty for one
        without a pixel. A split or merged one may have a match all the same.
    predicted_kinds : tuple of str
        Of each prediction: "hit", "piece", "merger", "spurious" or "inexact"; empty for one
        without a pixel.
    counts : ErrorCounts
        Errors of the image.
    """

    true_kinds: tuple[str, ...]
    predicted_kinds: tuple[str, ...]
    counts: ErrorCounts


def error_kinds(
    shared: NDArray[np.int64],
    predicted_areas: NDArray[np.int64],
    true_areas: NDArray[np.int64],
    hits: NDArray[np.intp],
) -> ErrorKinds:
    """Tell what became of each instance of one image.

    Parameters
    ----------
    shared : ndarray of int, shape (n_predicted, n_truth)
        Pixels that each pair shares.
    predicted_areas, true_areas : ndarray of int, shapes (n_predicted,) and (n_truth,)
        Pixels of each instance; those without a pixel don't count.
    hits : ndarray of int, shape (n_hits, 2)
        Pairs matched at IoU 0.5.
    """
    whole_of, host_of = (
        _majority(shared, predicted_areas, matched=hits[:, 0]),
        _majority(shared.T, true_areas, matched=hits[:, 1]),
    )
    n_pieces = _tally(len(true_areas), hits[:, 1], whole_of)
    n_held = _tally(len(predicted_areas), hits[:, 0], host_of)
    # A match belongs to the split or merge of its partner, too.
    whole_of[hits[:, 0]], host_of[hits[:, 1]] = hits[:, 1], hits[:, 0]
    true_kinds = _kinds(n_pieces, host_of, n_held, ("found", "split", "merged", "missed"))
    predicted_kinds = _kinds(n_held, whole_of, n_pieces, ("hit", "merger", "piece", "spurious"))
    for kinds, areas, matched in (
        (true_kinds, true_areas, hits[:, 1]),
        (predicted_kinds, predicted_areas, hits[:, 0]),
    ):
        unmatched = np.setdiff1d(np.arange(len(areas)), matched)
        for index in unmatched.tolist():
            if kinds[index] in {"found", "hit"}:
                kinds[index] = "inexact"
        for index in np.flatnonzero(areas == 0).tolist():
            kinds[index] = ""
    return ErrorKinds(
        tuple(true_kinds),
        tuple(predicted_kinds),
        ErrorCounts(
            false_splits=int(np.maximum(n_pieces - 1, 0).sum()),
            false_merges=int(np.maximum(n_held - 1, 0).sum()),
            misses=true_kinds.count("missed"),
            spurious=predicted_kinds.count("spurious"),
            inexact=true_kinds.count("inexact"),
        ),
    )


def _majority(
    shared: NDArray[np.int64], areas: NDArray[np.int64], *, matched: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Column that holds more than half of each unmatched row; -1 where there is none."""
    result = np.full(len(areas), -1, dtype=np.intp)
    if shared.size:
        best = shared.argmax(axis=1)
        most = shared[np.arange(len(areas)), best]
        result = np.where(most > MAJORITY * areas, best, -1)
    result[matched] = -1
    return result


def _tally(n: int, matched: NDArray[np.intp], assigned: NDArray[np.intp]) -> NDArray[np.int64]:
    """How many partners each of ``n`` instances has."""
    return np.bincount(np.concatenate([matched, assigned[assigned >= 0]]), minlength=n)


def _kinds(
    n_own: NDArray[np.int64],
    partner: NDArray[np.intp],
    n_partners: NDArray[np.int64],
    names: tuple[str, str, str, str],
) -> list[str]:
    """Kind of each instance: one partner, several, one that is shared, or none at all.

    Parameters
    ----------
    n_own : ndarray of int, shape (n,)
        Instances that this one stands for, or is in pieces.
    partner : ndarray of int, shape (n,)
        Instance of the other side that this one is a part of; -1 for none.
    n_partners : ndarray of int
        The same as ``n_own`` for the other side.
    names : (str, str, str, str)
        Names of these kinds.
    """
    single, several, part, none = names
    kinds = []
    for own, index in zip(n_own.tolist(), partner.tolist(), strict=True):
        if own > 1:
            kinds.append(several)
        elif index >= 0 and n_partners[index] > 1:
            kinds.append(part)
        else:
            kinds.append(single if own or index >= 0 else none)
    return kinds
