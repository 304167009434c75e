"""Scores of instances that are being corrected: an edit costs what it touches, not the image.

Matches and kinds of errors fall apart into groups. An instance concerns another only where they
share more than half of the pixels of one of them: a pair with an IoU above 0.5 does, and so does a
piece or a merger (`error_kinds`). What hangs together by such ties is a group, mostly of one
prediction and one true instance. The tally of an image is the sum over its groups, and an edit
changes only the groups of the instances it touches. The result is that of `score_image`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.evaluation.average_precision import THRESHOLDS, Counts, mean_dsb
from napari_probinst.core.evaluation.error_kinds import MAJORITY, ErrorCounts, error_kinds
from napari_probinst.core.evaluation.matching import intersection_over_union, match
from napari_probinst.core.evaluation.panoptic import HIT_IOU

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from napari_probinst.core.instances import Instance, InstanceSet


@dataclass(frozen=True, slots=True)
class Score:
    """Scores of one image at one moment.

    Parameters
    ----------
    n_predicted, n_true : int
        Instances; those without a pixel don't count.
    hits : tuple of int
        Matches at each of `THRESHOLDS`.
    errors : ErrorCounts
        Errors by kind.
    """

    n_predicted: int
    n_true: int
    hits: tuple[int, ...]
    errors: ErrorCounts

    @property
    def counts(self) -> dict[float, Counts]:
        """Hits and errors at each of `THRESHOLDS`."""
        return {
            threshold: Counts(hits, self.n_predicted - hits, self.n_true - hits)
            for threshold, hits in zip(THRESHOLDS, self.hits, strict=True)
        }

    @property
    def dsb(self) -> float:
        """DSB averaged over the thresholds, in [0, 1]."""
        return mean_dsb([self.counts])


class LiveScores:
    """Scores of a set of instances that changes, against the truth.

    Parameters
    ----------
    truth : InstanceSet
        True instances.
    predicted : mapping of int to Instance
        Instances of the same image by id, to begin with.
    """

    def __init__(self, truth: InstanceSet, predicted: Mapping[int, Instance]) -> None:
        self._truth = truth.instances
        self._true_areas = truth.areas()
        self._n_true = int(np.count_nonzero(self._true_areas))
        self._boxes = np.array([each.bbox for each in self._truth], np.int64).reshape(-1, 4)
        self._areas: dict[int, int] = {}
        #: Pixels shared with each true instance that a prediction has a tie to, and the other way.
        self._shared: dict[int, dict[int, int]] = {}
        self._tied: list[set[int]] = [set() for _ in self._truth]
        self._hits = np.zeros(len(THRESHOLDS), dtype=np.int64)
        self._errors = ErrorCounts()
        self._count(set(), set(np.flatnonzero(self._true_areas).tolist()), 1)
        self.update(predicted)

    @property
    def score(self) -> Score:
        """Scores of the instances as they are."""
        return Score(len(self._areas), self._n_true, tuple(self._hits.tolist()), self._errors)

    def update(self, changed: Mapping[int, Instance | None]) -> Score:
        """Take over instances that changed, and return the scores.

        Parameters
        ----------
        changed : mapping of int to (Instance or None)
            Instances by id as they are now; None, or an instance without pixels, is gone.
        """
        ties = {
            identifier: {} if instance is None else self._ties(instance)
            for identifier, instance in changed.items()
        }
        true = {index for shared in ties.values() for index in shared}
        predicted, true = self._group(changed.keys() & self._areas.keys(), true)
        self._count(predicted, true, -1)
        for identifier, instance in changed.items():
            self._replace(identifier, 0 if instance is None else instance.area, ties[identifier])
        # New ties are among the changed ones and those of the groups they had, or have now.
        self._count((predicted | changed.keys()) & self._areas.keys(), true, 1)
        return self.score

    def _ties(self, instance: Instance) -> dict[int, int]:
        """Pixels shared with each true instance where they are most of one of the two."""
        y0, x0, y1, x1 = instance.bbox
        meets = (self._boxes[:, 0] < y1) & (self._boxes[:, 2] > y0)
        meets &= (self._boxes[:, 1] < x1) & (self._boxes[:, 3] > x0)
        area, found = instance.area, {}
        for index in np.flatnonzero(meets).tolist():
            shared = instance.intersection(self._truth[index])
            if shared > MAJORITY * min(area, int(self._true_areas[index])):
                found[index] = shared
        return found

    def _replace(self, identifier: int, area: int, shared: dict[int, int]) -> None:
        for index in self._shared.pop(identifier, {}):
            self._tied[index].discard(identifier)
        self._areas.pop(identifier, None)
        if area:
            self._areas[identifier] = area
            self._shared[identifier] = shared
            for index in shared:
                self._tied[index].add(identifier)

    def _group(self, predicted: Iterable[int], true: Iterable[int]) -> tuple[set[int], set[int]]:
        """All that hangs together with these, which may be of several groups."""
        found_predicted, found_true = set(predicted), set(true)
        waiting_predicted, waiting_true = set(found_predicted), set(found_true)
        while waiting_predicted or waiting_true:
            reached_true = {i for each in waiting_predicted for i in self._shared[each]}
            reached_predicted = {i for each in waiting_true for i in self._tied[each]}
            waiting_true = reached_true - found_true
            waiting_predicted = reached_predicted - found_predicted
            found_true |= waiting_true
            found_predicted |= waiting_predicted
        return found_predicted, found_true

    def _count(self, predicted: set[int], true: set[int], sign: int) -> None:
        """Add the tallies of whole groups, or take them away."""
        left_predicted, left_true = set(predicted), set(true)
        while left_predicted or left_true:
            one = {next(iter(left_predicted))} if left_predicted else set()
            group = self._group(one, set() if one else {next(iter(left_true))})
            left_predicted -= group[0]
            left_true -= group[1]
            hits, errors = self._tally(sorted(group[0]), sorted(group[1]))
            self._hits += sign * hits
            self._errors = _sum(self._errors, errors, sign)

    def _tally(
        self, predicted: list[int], true: list[int]
    ) -> tuple[NDArray[np.int64], ErrorCounts]:
        """Hits at each threshold and errors of one group."""
        columns = {index: column for column, index in enumerate(true)}
        shared = np.zeros((len(predicted), len(true)), dtype=np.int64)
        for row, identifier in enumerate(predicted):
            for index, pixels in self._shared[identifier].items():
                shared[row, columns[index]] = pixels
        areas = np.array([self._areas[identifier] for identifier in predicted], dtype=np.int64)
        true_areas = self._true_areas[true]
        iou = intersection_over_union(shared, areas, true_areas)
        best = iou.max(initial=0.0)
        hits = [len(match(iou, each)) if best > each else 0 for each in THRESHOLDS]
        kinds = error_kinds(shared, areas, true_areas, match(iou, HIT_IOU))
        return np.array(hits, dtype=np.int64), kinds.counts


def _sum(one: ErrorCounts, other: ErrorCounts, sign: int) -> ErrorCounts:
    return ErrorCounts(
        one.false_splits + sign * other.false_splits,
        one.false_merges + sign * other.false_merges,
        one.misses + sign * other.misses,
        one.spurious + sign * other.spurious,
        one.inexact + sign * other.inexact,
    )
