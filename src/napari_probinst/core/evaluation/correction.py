"""A curator who swaps instances for the truth: the rule of the simulation (section 3.1).

At a stop, each predicted instance that is looked at is swapped for its counterpart: the true
instance that it is matched to (`counterparts`), or, if it has none, every true instance with an
IoU above 0. Each true instance is in the result once: an instance whose counterpart is there
already, or that has none at all, is just dropped. Then the true instances near the stop that no
instance covers are added: those that are no prediction's match and are not yet in the result,
with a pixel in the stop's patch or in one of the eight around it. The same rule serves all
orders; they differ in where they stop, and in which instances they look at there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.boxes import clip_box
from napari_probinst.core.data.flattening import exported_in_place
from napari_probinst.core.evaluation.average_precision import count_hits
from napari_probinst.core.evaluation.matching import iou_matrix
from napari_probinst.core.evaluation.pairing import assigned
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.patch_grid import middle_patch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox
    from napari_probinst.core.evaluation.average_precision import Counts
    from napari_probinst.core.instances import Instance
    from napari_probinst.core.prediction import Prediction


@dataclass(frozen=True, slots=True)
class Stop:
    """A place that is visited.

    Parameters
    ----------
    image : int
        Index of the image.
    y, x : int
        Top left pixel of the patch.
    instances : tuple of int
        Predicted instances that are looked at; none where a missed one is to be added.
    """

    image: int
    y: int
    x: int
    instances: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """An image to be corrected, with its truth.

    Parameters
    ----------
    prediction : Prediction
        What the network predicted.
    binary : InstanceSet
        The same, binarised; instances that are not worth exporting are empty.
    truth : InstanceSet
        True instances.
    iou : ndarray of float64, shape (n_predicted + n_truth, n_truth)
        Of predicted with true instances, then of true ones with one another.
    partners : tuple of int or None, length n_predicted
        Counterpart of each predicted instance.
    shown : tuple of int
        Predicted instances that are not empty.
    missed : tuple of int
        True instances, none empty, that are no prediction's counterpart.
    places : tuple of (int, int), length n_predicted + n_truth
        Top left pixel of the patch in the middle of each instance, where an order of instances
        stops: that of the instance's pixel nearest to the mean of all.
    """

    prediction: Prediction
    binary: InstanceSet
    truth: InstanceSet
    iou: NDArray[np.float64]
    partners: tuple[int | None, ...]
    shown: tuple[int, ...]
    missed: tuple[int, ...]
    places: tuple[tuple[int, int], ...]

    @classmethod
    def create(cls, prediction: Prediction, truth: InstanceSet) -> Case:
        """Match a prediction with the truth of the same image."""
        binary = exported_in_place(prediction)
        predicted_iou = iou_matrix(binary, truth)
        partners = assigned(predicted_iou)
        patch = prediction.settings.patch
        return cls(
            prediction=prediction,
            binary=binary,
            truth=truth,
            iou=np.concatenate([predicted_iou, iou_matrix(truth, truth)]),
            partners=partners,
            shown=tuple(np.flatnonzero(binary.areas()).tolist()),
            missed=tuple(j for j in np.flatnonzero(truth.areas()).tolist() if j not in partners),
            places=tuple(
                middle_patch(each, patch) for each in (*binary.instances, *truth.instances)
            ),
        )

    def shown_near(self, y: int, x: int) -> tuple[int, ...]:
        """Predicted instances with a pixel in the patch at (y, x), or in one around it."""
        return tuple(i for i in self.shown if self._is_near(self.binary.instances[i], y, x))

    def missed_near(self, y: int, x: int) -> tuple[int, ...]:
        """Missed true instances with a pixel in the patch at (y, x), or in one around it."""
        return tuple(j for j in self.missed if self._is_near(self.truth.instances[j], y, x))

    def counterparts_of(self, index: int) -> Iterable[int]:
        """Truth that a predicted instance is swapped for."""
        partner = self.partners[index]
        if partner is not None:
            return (partner,)
        return tuple(np.flatnonzero(self.iou[index]).tolist())

    def _is_near(self, instance: Instance, y: int, x: int) -> bool:
        patch = self.prediction.settings.patch
        around: BBox = (y - patch, x - patch, y + 2 * patch, x + 2 * patch)
        return bool(instance.crop(clip_box(around, self.truth.shape)).any())


@dataclass(frozen=True, slots=True)
class Corrected:
    """State of an image's instances.

    Parameters
    ----------
    kept : frozenset of int
        Predicted instances that nobody has looked at.
    placed : frozenset of int
        True instances in the result.
    n_corrected : int
        Predicted instances that were swapped or dropped, and missed ones that were added.
    """

    kept: frozenset[int]
    placed: frozenset[int] = frozenset()
    n_corrected: int = 0


def untouched(case: Case) -> Corrected:
    """Return the prediction as it is."""
    return Corrected(frozenset(case.shown))


def visit(case: Case, state: Corrected, stop: Stop) -> Corrected:
    """Correct what is seen at a stop; the rule stands at the top of this module.

    An instance that was corrected before is not corrected again.
    """
    seen = state.kept.intersection(stop.instances)
    placed = state.placed.union(*(case.counterparts_of(index) for index in sorted(seen)))
    added = frozenset(case.missed_near(stop.y, stop.x)) - placed
    if not seen and not added:
        return state
    return Corrected(state.kept - seen, placed | added, state.n_corrected + len(seen) + len(added))


def result(case: Case, state: Corrected) -> InstanceSet:
    """Instances of the corrected image: what is kept, then the truth that was placed."""
    return InstanceSet(
        case.truth.shape,
        (
            *(case.binary.instances[index] for index in sorted(state.kept)),
            *(case.truth.instances[index] for index in sorted(state.placed)),
        ),
    )


def hits(case: Case, state: Corrected) -> dict[float, Counts]:
    """Hits and errors of the corrected image at each IoU threshold, as `count_hits` tells."""
    n_predicted = len(case.binary)
    rows = [*sorted(state.kept), *(n_predicted + index for index in sorted(state.placed))]
    return count_hits(result(case, state), case.truth, case.iou[rows])
