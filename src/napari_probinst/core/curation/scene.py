"""What each draw sees at one place, and what adopting one draw would replace there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.core.boxes import enclose, intersect
from napari_probinst.core.curation.edits import AdoptDraw
from napari_probinst.core.errors import EditRefusedError
from napari_probinst.core.inference.place import COVERED, instances_at, views_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_probinst.core.instances import Instance, ProbabilisticInstances


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
    """Collect what the draws see in the place of instances, and of those that `instances_at` adds.

    Parameters
    ----------
    prediction : ProbabilisticInstances
        With the draws' instances and their matches.
    involved : iterable of int
        Indices of instances, e.g. those of a peak.
    """
    indices = instances_at(prediction, involved)
    views = views_at(prediction, indices)
    return Scene(tuple(index + 1 for index in indices), views, len(prediction))


def is_covered(instance: Instance, body: Instance) -> bool:
    """Whether half of an instance or more lies in ``body``."""
    both = instance.intersection(body)
    return both > 0 and both >= COVERED * instance.area
