"""What each draw sees at one place, and what adopting one draw would replace there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.boxes import crop_to, enclose, intersect
from napari_probinst.core.curation.edits import AdoptDraw
from napari_probinst.core.errors import EditRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_probinst.core.instances import (
        Instance,
        ProbabilisticInstance,
        ProbabilisticInstances,
    )

#: An instance is part of a scene if one instance that a draw sees there covers this share of it.
COVERED = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One place as every draw sees it.

    Parameters
    ----------
    ids : tuple of int
        Predicted instances that the place is about (index + 1), ascending.
    views : tuple of tuple of Instance
        For each draw what it sees in their place; may be empty.
    n_predicted : int
        Instances of the whole prediction: higher ids were made by edits.
    """

    ids: tuple[int, ...]
    views: tuple[tuple[Instance, ...], ...]
    n_predicted: int

    @property
    def n_draws(self) -> int:
        """Draws in all."""
        return len(self.views)

    def present(self, current: Mapping[int, Instance]) -> dict[int, Instance]:
        """Those of the current instances that `adopt` would replace, whichever draw it takes."""
        bodies = [body for view in self.views for body in view]
        around = enclose(body.bbox for body in bodies)
        replaced = set(self.ids) & current.keys()
        replaced |= {
            identifier
            for identifier, instance in current.items()
            if identifier > self.n_predicted
            and intersect(instance.bbox, around) is not None
            and any(is_covered(instance, body) for body in bodies)
        }
        return {identifier: current[identifier] for identifier in sorted(replaced)}

    def adopt(self, draw: int, current: Mapping[int, Instance]) -> AdoptDraw:
        """Edit that puts what one draw sees here in the place of current instances.

        Those of the scene make room, and so do those made by edits, such as parts of a split,
        of which half is covered by one instance that any draw sees here.

        Parameters
        ----------
        draw : int
            Index of the draw.
        current : mapping of int to Instance
            Current instances by id.

        Raises
        ------
        EditRefusedError
            If there is no such draw.
        """
        if not 0 <= draw < self.n_draws:
            raise EditRefusedError(
                f"There is no draw {draw + 1}: choose one from 1 to {self.n_draws}."
            )
        return AdoptDraw(draw, tuple(self.present(current)), self.views[draw])


def scene_at(prediction: ProbabilisticInstances, involved: Iterable[int]) -> Scene:
    """Collect what the draws see in the place of instances.

    Other predicted instances of which half is covered, on the average over the draws that
    contain them, by one instance that a draw sees here belong to the scene too: where one draw
    sees one worm and others two, all draws are asked about both.

    Parameters
    ----------
    prediction : ProbabilisticInstances
        With the draws' instances and their matches.
    involved : iterable of int
        Indices of instances, e.g. those of a peak.
    """
    indices = set(involved)
    bodies = [
        draw.instances[match]
        for index in sorted(indices)
        for draw, match in zip(prediction.draws, prediction.instances[index].matches, strict=True)
        if match is not None
    ]
    around = enclose(body.bbox for body in bodies)
    indices |= {
        index
        for index in prediction.within(around)
        if any(_is_mostly_in(prediction.instances[index], body) for body in bodies)
    }
    matches = [prediction.instances[index].matches for index in sorted(indices)]
    views = []
    for number, draw in enumerate(prediction.draws):
        found = {match for each in matches if (match := each[number]) is not None}
        views.append(tuple(draw.instances[match] for match in sorted(found)))
    return Scene(tuple(index + 1 for index in sorted(indices)), tuple(views), len(prediction))


def is_covered(instance: Instance, body: Instance) -> bool:
    """Whether half of an instance or more lies in ``body``."""
    both = instance.intersection(body)
    return both > 0 and both >= COVERED * instance.area


def _is_mostly_in(instance: ProbabilisticInstance, body: Instance) -> bool:
    box = intersect(instance.bbox, body.bbox)
    if box is None:
        return False
    inside = crop_to(instance.bbox, instance.counts, box)[body.crop(box)].sum(dtype=np.int64)
    return bool(inside > 0 and inside >= COVERED * instance.counts.sum(dtype=np.int64))
