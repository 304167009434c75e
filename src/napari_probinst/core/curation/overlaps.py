"""Whose are the pixels where instances overlap: one's, or several's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from napari_probinst.core.curation import geometry
from napari_probinst.core.curation.delta import Delta
from napari_probinst.core.curation.edit import drawn, existing
from napari_probinst.core.errors import EditRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.curation.table import InstanceTable
    from napari_probinst.core.instances import Instance


@dataclass(frozen=True, slots=True)
class GiveOverlap:
    """Give the pixels that instances contest to one of them, or to several.

    Parameters
    ----------
    ids : tuple of int
        Two or more instances that contest pixels; no others change.
    to : tuple of int
        Those that hold the pixels afterwards: one, or both where one worm lies on another.
    region : Instance, optional
        Drawn region; contested are its pixels that any of ``ids`` holds. By default the pixels
        that all of them hold.
    """

    ids: tuple[int, ...]
    to: tuple[int, ...]
    region: Instance | None = None
    kind: ClassVar[str] = "give overlap"

    def delta(self, table: InstanceTable) -> Delta:
        """Compute the change; see `Edit.delta`."""
        if len(self.ids) < 2:
            raise EditRefusedError("An overlap is between two or more instances: pick another one.")
        if len(set(self.ids)) < len(self.ids):
            raise EditRefusedError(
                "An instance doesn't overlap with itself: pick two different ones."
            )
        named = {identifier: existing(table, identifier) for identifier in self.ids}
        if not self.to or not set(self.to) <= set(self.ids):
            raise EditRefusedError(
                f"The overlap of {_listed(self.ids)} goes to one or more of them: choose which."
            )
        contested = self._contested(table, tuple(named.values()))
        after: dict[int, Instance | None] = {}
        for identifier, instance in named.items():
            if identifier in self.to:
                after[identifier] = geometry.union((instance, contested))
                continue
            rest = geometry.without(instance, contested)
            if not rest.mask.size:
                raise EditRefusedError(
                    f"Nothing would be left of instance {identifier}: delete it instead."
                )
            after[identifier] = rest
        delta = Delta.between(table.instances, after)
        if not delta.flips:
            raise EditRefusedError(
                f"These pixels belong to {_listed(self.to)} already: draw the region to give."
            )
        return delta

    def _contested(self, table: InstanceTable, instances: Sequence[Instance]) -> Instance:
        if self.region is None:
            shared = geometry.common(instances)
            if not shared.mask.size:
                raise EditRefusedError(
                    f"The instances {_listed(self.ids)} share no pixels: draw the region to give."
                )
            return shared
        region = drawn(self.region, table.shape)
        if region is None:
            raise EditRefusedError("The region has no pixels: paint it first.")
        contested = geometry.common((region, geometry.union(instances)))
        if not contested.mask.size:
            raise EditRefusedError(
                f"The region misses the instances {_listed(self.ids)}: draw it on them."
            )
        return contested


def _listed(ids: Sequence[int]) -> str:
    return " and ".join(map(str, ids))
