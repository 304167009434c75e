"""The draws' distinct opinions about a peak, as alternatives that a curator can adopt."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from napari_probinst.core.curation import geometry
from napari_probinst.core.curation.scene import Scene, is_covered, scene_at
from napari_probinst.core.inference.opinions import opinions, similarities
from napari_probinst.core.inference.votes import number_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_probinst.core.curation.edits import AdoptDraw
    from napari_probinst.core.instances import Instance, Peak
    from napari_probinst.core.prediction import Prediction

#: Instances of one draw that are no further apart than this are cut from one another, pixels.
CUT_WIDTH = 5.0

#: IoU above which two instances can't be but each other's partners.
_SAME = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """One opinion about the instances at a peak, and the draws that hold it.

    Parameters
    ----------
    scene : Scene
        What all draws see there.
    draw : int
        Index of the most typical draw of this opinion.
    draws : tuple of int
        Indices of all draws of this opinion, ascending.
    cuts : tuple of (y, x)
        Where this opinion parts what another draw sees as one, pixels.
    """

    scene: Scene
    draw: int
    draws: tuple[int, ...]
    cuts: tuple[tuple[int, int], ...] = ()

    @property
    def ids(self) -> tuple[int, ...]:
        """Predicted instances that the opinion is about, ascending."""
        return self.scene.ids

    @property
    def instances(self) -> tuple[Instance, ...]:
        """What the most typical draw sees in their place; may be empty."""
        return self.scene.views[self.draw]

    @property
    def n_draws(self) -> int:
        """Draws in all."""
        return self.scene.n_draws

    @property
    def votes(self) -> int:
        """Number of draws of this opinion."""
        return len(self.draws)

    @property
    def reason(self) -> str:
        """The vote in words, e.g. "2 of 8 draws see two instances, cut at y 41, x 20"."""
        count = len(self.instances)
        noun = "instance" if count == 1 else "instances"
        seen = f"{number_word(count)} {noun}" if count else "nothing"
        verb = "sees" if self.votes == 1 else "see"
        places = " and ".join(f"y {y}, x {x}" for y, x in self.cuts)
        where = f", cut at {places}" if places else ""
        return f"{self.votes} of {self.n_draws} draws {verb} {seen}{where}"

    def edit(self, current: Mapping[int, Instance]) -> AdoptDraw:
        """Edit that adopts this opinion, given the current instances; see `Scene.adopt`."""
        return self.scene.adopt(self.draw, current)


def proposals(prediction: Prediction, peak: Peak) -> tuple[Proposal, ...]:
    """Distinct opinions of the draws about a peak, see `opinions`.

    The most typical draw of an opinion has the highest summed similarity to the others (ties:
    lowest index).

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
    scene = scene_at(prediction.instances, peak.instances)
    result = []
    for group in opinions(scene.views):
        typical = max(group, key=lambda draw: (_popularity(draw, group, scene.views), -draw))
        result.append(Proposal(scene, typical, group, _cuts(scene, typical)))
    return tuple(result)


def closest(opinions: Sequence[Proposal], present: Sequence[Instance]) -> int | None:
    """Index of the opinion that says the same as current instances, up to their outlines.

    As many instances, each of which overlaps its partner by more than `_SAME` (IoU); the highest
    mean IoU of those that do, ties by the lower index.

    Parameters
    ----------
    opinions : sequence of Proposal
        Opinions about one place.
    present : sequence of Instance
        Current instances there; see `Scene.present`.

    Returns
    -------
    int or None
        None where no opinion says the same.
    """
    best, found = 0.0, None
    for index, opinion in enumerate(opinions):
        if len(opinion.instances) != len(present):
            continue
        if not present:
            return index
        ious = similarities(present, opinion.instances)
        if ious.min() > _SAME and ious.mean() > best:
            best, found = float(ious.mean()), index
    return found


def _cuts(scene: Scene, draw: int) -> tuple[tuple[int, int], ...]:
    """Where a draw parts instances that another draw sees as one, in reading order."""
    others = [body for view in scene.views for body in view]
    places = set()
    for first, second in combinations(scene.views[draw], 2):
        if any(is_covered(first, body) and is_covered(second, body) for body in others):
            place, distance = geometry.contact(first, second)
            if distance <= CUT_WIDTH:
                places.add(place)
    return tuple(sorted(places))


def _popularity(draw: int, group: Sequence[int], views: Sequence[tuple[Instance, ...]]) -> float:
    return sum(float(similarities(views[draw], views[other]).sum()) for other in group)
