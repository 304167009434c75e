"""Splits: one instance becomes two or more, and not one of its pixels is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from napari_probinst.core.curation import geometry
from napari_probinst.core.curation.delta import Delta
from napari_probinst.core.curation.division import divide
from napari_probinst.core.curation.edit import existing, whole
from napari_probinst.core.errors import EditRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_probinst.core.curation.geometry import Point
    from napari_probinst.core.curation.table import InstanceTable
    from napari_probinst.core.instances import Instance

#: More parts than anybody counts at a glance; the cost grows with their number.
MOST_PARTS = 20
#: Coordinates beyond this are no place in an image, pixels.
_FARTHEST = 1e9


@dataclass(frozen=True, slots=True)
class SplitAlongLine:
    """Cut one instance along a drawn line; pixels under the line go to the nearest part.

    Parameters
    ----------
    id : int
        The instance.
    line : tuple of (y, x)
        Corners of the line in pixels of the image, two or more.
    """

    id: int
    line: tuple[Point, ...]
    kind: ClassVar[str] = "split along line"

    def delta(self, table: InstanceTable) -> Delta:
        """Compute the change; see `Edit.delta`."""
        instance = existing(table, self.id)
        if len(self.line) < 2 or not _are_places(self.line):
            raise EditRefusedError("A cut needs a line of two or more points: draw it again.")
        drawn = geometry.rasterise(self.line, instance.bbox)
        if not (drawn & instance.mask).any():
            raise EditRefusedError(
                f"The line misses instance {self.id}: draw it right across the instance."
            )
        labels = geometry.cut(instance.mask, drawn)
        if labels is None:
            raise EditRefusedError(
                f"The line doesn't cut instance {self.id} in two: "
                "start and end it outside the instance."
            )
        parts = geometry.parts_of(labels, instance.bbox[:2])
        return Delta.between(table.instances, _numbered(self.id, parts, table.next_id))


@dataclass(frozen=True, slots=True)
class SplitBySeeds:
    """Divide one instance among seed points; each pixel goes to the nearest inside the mask.

    Parameters
    ----------
    id : int
        The instance.
    seeds : tuple of (y, x)
        Two or more points on the instance, in pixels of the image; so far apart that each gets
        more than debris (`geometry.least_part`).
    """

    id: int
    seeds: tuple[Point, ...]
    kind: ClassVar[str] = "split by seeds"

    def delta(self, table: InstanceTable) -> Delta:
        """Compute the change; see `Edit.delta`."""
        instance = existing(table, self.id)
        if len(self.seeds) < 2 or not _are_places(self.seeds):
            raise EditRefusedError("A split needs two or more points: add one for each part.")
        pixels = [(int(np.floor(y + 0.5)), int(np.floor(x + 0.5))) for y, x in self.seeds]
        if len(set(pixels)) < len(pixels):
            raise EditRefusedError("Two of the points lie on the same pixel: move one of them.")
        labels = np.zeros(instance.mask.shape, dtype=np.int32)
        for number, (y, x) in enumerate(pixels, start=1):
            if not instance.contains(y, x):
                raise EditRefusedError(
                    f"The point at y {y}, x {x} is not on instance {self.id}: "
                    "place all points on it."
                )
            labels[y - instance.bbox[0], x - instance.bbox[1]] = number
        parts = geometry.parts_of(geometry.spread(labels, instance.mask), instance.bbox[:2])
        if parts[-1].area < geometry.least_part(instance.mask):
            raise EditRefusedError(
                f"One of the points would get {parts[-1].area} of the {instance.area} pixels of "
                f"instance {self.id}: move the points apart."
            )
        return Delta.between(table.instances, _numbered(self.id, parts, table.next_id))


@dataclass(frozen=True, slots=True)
class SplitIntoParts:
    """Say how many an instance is: it is divided along its shape, cut where it is narrow.

    Parameters
    ----------
    id : int
        The instance.
    number : int
        Parts, 2 to 20.
    """

    id: int
    number: int
    kind: ClassVar[str] = "split into parts"

    def delta(self, table: InstanceTable) -> Delta:
        """Compute the change; see `Edit.delta`."""
        instance = existing(table, self.id)
        number = whole(self.number, "parts")
        if not 2 <= number <= MOST_PARTS:
            raise EditRefusedError(
                f"An instance can't be split into {number} at once: choose 2 to {MOST_PARTS}."
            )
        labels = divide(instance.mask, number)
        if labels is None:
            raise EditRefusedError(
                f"Instance {self.id} has no room for {number} parts: choose fewer."
            )
        parts = geometry.parts_of(labels, instance.bbox[:2])
        return Delta.between(table.instances, _numbered(self.id, parts, table.next_id))


def _numbered(
    identifier: int, parts: Sequence[Instance], next_id: int
) -> dict[int, Instance | None]:
    """Parts by id: the first keeps the id of the whole."""
    ids: Iterable[int] = (identifier, *range(next_id, next_id + len(parts) - 1))
    return dict(zip(ids, parts, strict=True))


def _are_places(points: Sequence[Point]) -> bool:
    """Whether all points could lie on or near some image: no infinities, nothing absurd."""
    return bool((np.abs(points) < _FARTHEST).all())
