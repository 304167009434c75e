"""All edits a curator can make, and those that concern whole instances.

Ids are stable: a merge keeps the id of its largest instance, the largest part of a split keeps
the id of the whole (ties: lowest id, first part in reading order), all other new instances get
the next free ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from napari_probinst.core.curation import geometry
from napari_probinst.core.curation.delta import Delta
from napari_probinst.core.curation.edit import Edit, drawn, existing, parameters
from napari_probinst.core.curation.outlines import FillHoles, Grow, Repaint, Shrink
from napari_probinst.core.curation.overlaps import GiveOverlap
from napari_probinst.core.curation.splits import SplitAlongLine, SplitBySeeds, SplitIntoParts
from napari_probinst.core.errors import EditRefusedError

if TYPE_CHECKING:
    from napari_probinst.core.curation.table import InstanceTable
    from napari_probinst.core.instances import Instance

__all__ = [
    "Add",
    "AdoptDraw",
    "Delete",
    "Edit",
    "FillHoles",
    "GiveOverlap",
    "Grow",
    "Merge",
    "Repaint",
    "Shrink",
    "SplitAlongLine",
    "SplitBySeeds",
    "SplitIntoParts",
    "parameters",
]


@dataclass(frozen=True, slots=True)
class Merge:
    """Make one instance of two or more; it keeps the id of the largest (ties: the lowest id)."""

    ids: tuple[int, ...]
    kind: ClassVar[str] = "merge"

    def delta(self, table: InstanceTable) -> Delta:
        """Compute the change; see `Edit.delta`."""
        if len(self.ids) < 2:
            raise EditRefusedError("A merge needs two or more instances: pick another one.")
        if len(set(self.ids)) < len(self.ids):
            raise EditRefusedError(
                "An instance can't be merged with itself: pick two different ones."
            )
        merged = [existing(table, identifier) for identifier in self.ids]
        kept = min(self.ids, key=lambda identifier: (-table.instances[identifier].area, identifier))
        after: dict[int, Instance | None] = dict.fromkeys(self.ids)
        return Delta.between(table.instances, after | {kept: geometry.union(merged)})


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove instances, all in one step."""

    ids: tuple[int, ...]
    kind: ClassVar[str] = "delete"

    def delta(self, table: InstanceTable) -> Delta:
        """Compute the change; see `Edit.delta`."""
        if not self.ids:
            raise EditRefusedError("Nothing is picked: pick the instances to delete.")
        if len(set(self.ids)) < len(self.ids):
            raise EditRefusedError("An instance can't be deleted twice: pick each one once.")
        for identifier in self.ids:
            existing(table, identifier)
        return Delta.between(table.instances, dict.fromkeys(self.ids))


@dataclass(frozen=True, slots=True)
class Add:
    """Add an instance that the model missed; it may overlap others, which stay as they are."""

    instance: Instance
    kind: ClassVar[str] = "add"

    def delta(self, table: InstanceTable) -> Delta:
        """Compute the change; see `Edit.delta`."""
        added = drawn(self.instance, table.shape)
        if added is None:
            raise EditRefusedError("The new instance has no pixels: paint it first.")
        for identifier in table.within(added.bbox):
            if added.same_pixels(table.instances[identifier]):
                raise EditRefusedError(
                    f"Instance {identifier} has exactly these pixels already: edit that one."
                )
        return Delta.between(table.instances, {table.next_id: added})


@dataclass(frozen=True, slots=True)
class AdoptDraw:
    """Take what one draw saw in the place of current instances.

    An instance taken keeps the id of the instance it replaces if the two overlap; pairs are made
    in the order of their intersection over union (ties: lowest id, then order of ``taken``).

    Parameters
    ----------
    draw : int
        Index of the draw, for the record.
    replaced : tuple of int
        Current instances that make room; may be empty where only the draw sees something.
    taken : tuple of Instance
        The draw's instances; empty where the draw sees nothing.
    """

    draw: int
    replaced: tuple[int, ...]
    taken: tuple[Instance, ...]
    kind: ClassVar[str] = "adopt draw"

    def delta(self, table: InstanceTable) -> Delta:
        """Compute the change; see `Edit.delta`."""
        for identifier in self.replaced:
            existing(table, identifier)
        seen = (drawn(instance, table.shape) for instance in self.taken)
        taken = [instance for instance in seen if instance is not None]
        pairs = sorted(
            (-iou, identifier, index)
            for identifier in set(self.replaced)
            for index, instance in enumerate(taken)
            if (iou := table.instances[identifier].iou(instance)) > 0
        )
        ids: dict[int, int] = {}
        for _, identifier, index in pairs:
            if index not in ids and identifier not in ids.values():
                ids[index] = identifier
        unmatched = (index for index in range(len(taken)) if index not in ids)
        ids |= {index: table.next_id + count for count, index in enumerate(unmatched)}
        after: dict[int, Instance | None] = dict.fromkeys(self.replaced)
        after |= {ids[index]: instance for index, instance in enumerate(taken)}
        delta = Delta.between(table.instances, after)
        if not delta.flips:
            raise EditRefusedError(
                f"Draw {self.draw + 1} sees exactly the current instances here: nothing to adopt."
            )
        return delta
