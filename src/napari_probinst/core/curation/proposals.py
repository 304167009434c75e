"""The draws' distinct opinions about a peak, as alternatives that a curator can adopt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from napari_probinst.core.curation.edits import AdoptDraw

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.instances import Instance, Peak
    from napari_probinst.core.prediction import Prediction

#: Two draws are of one opinion if they see as many instances, each at least this similar.
SAME_IOU = 0.5

_NUMBERS = ("nothing", "one worm", "two worms", "three worms", "four worms")


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """One opinion about the instances at a peak, and the draws that hold it.

    Parameters
    ----------
    ids : tuple of int
        Instances that the peak is about, ascending.
    instances : tuple of Instance
        What the most typical of the draws sees in their place; may be empty.
    draw : int
        Index of that draw.
    draws : tuple of int
        Indices of all draws of this opinion, ascending.
    n_draws : int
        Draws in all.
    """

    ids: tuple[int, ...]
    instances: tuple[Instance, ...]
    draw: int
    draws: tuple[int, ...]
    n_draws: int

    @property
    def votes(self) -> int:
        """Number of draws of this opinion."""
        return len(self.draws)

    @property
    def reason(self) -> str:
        """The vote in words, e.g. "6 of 8 draws see one worm"."""
        count = len(self.instances)
        seen = _NUMBERS[count] if count < len(_NUMBERS) else f"{count} worms"
        verb = "sees" if self.votes == 1 else "see"
        return f"{self.votes} of {self.n_draws} draws {verb} {seen}"

    def edit(self, current: Container[int]) -> AdoptDraw:
        """Edit that adopts this opinion, given the ids of the current instances.

        Instances of the peak that were edited away meanwhile are left out.
        """
        replaced = tuple(identifier for identifier in self.ids if identifier in current)
        return AdoptDraw(self.draw, replaced, self.instances)


def proposals(prediction: Prediction, peak: Peak) -> tuple[Proposal, ...]:
    """Group what the draws see at a peak into distinct opinions.

    A draw's opinion is its instances that were matched to the instances the peak is about. It
    joins the first opinion that it agrees with (``SAME_IOU``); the most typical draw of an opinion
    has the highest summed similarity to the others (ties: lowest index).

    Parameters
    ----------
    prediction : Prediction
        With the draws' instances and their matches.
    peak : Peak
        One of its peaks.

    Returns
    -------
    tuple of Proposal
        Most votes first; ties by the lowest draw.
    """
    involved = sorted(set(peak.instances))
    matches = [prediction.instances.instances[index].matches for index in involved]
    views: list[tuple[Instance, ...]] = []
    for draw, instance_set in enumerate(prediction.instances.draws):
        found = {index for match in matches if (index := match[draw]) is not None}
        views.append(tuple(instance_set.instances[index] for index in sorted(found)))
    groups: list[list[int]] = []
    for draw, view in enumerate(views):
        for group in groups:
            if _agree(views[group[0]], view):
                group.append(draw)
                break
        else:
            groups.append([draw])
    ids = tuple(index + 1 for index in involved)
    result = []
    for group in groups:
        typical = max(group, key=lambda draw: (_popularity(draw, group, views), -draw))
        result.append(Proposal(ids, views[typical], typical, tuple(group), len(views)))
    return tuple(sorted(result, key=lambda proposal: (-proposal.votes, proposal.draws[0])))


def _popularity(draw: int, group: Sequence[int], views: Sequence[tuple[Instance, ...]]) -> float:
    return sum(float(_similarities(views[draw], views[other]).sum()) for other in group)


def _agree(first: tuple[Instance, ...], second: tuple[Instance, ...]) -> bool:
    if len(first) != len(second):
        return False
    return bool((_similarities(first, second) >= SAME_IOU).all())


def _similarities(first: tuple[Instance, ...], second: tuple[Instance, ...]) -> NDArray[np.float64]:
    """IoU of each pair of the assignment that maximises their sum."""
    ious = np.array([[one.iou(other) for other in second] for one in first], dtype=np.float64)
    ious = ious.reshape(len(first), len(second))
    best: NDArray[np.float64] = ious[linear_sum_assignment(ious, maximize=True)]
    return best
