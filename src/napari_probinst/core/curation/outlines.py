"""Edits of one instance's outline: repaint, fill holes, grow, shrink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from napari_probinst.core.curation import geometry
from napari_probinst.core.curation.edit import changed, drawn, existing, whole
from napari_probinst.core.errors import EditRefusedError

if TYPE_CHECKING:
    from napari_probinst.core.curation.delta import Delta
    from napari_probinst.core.curation.table import InstanceTable
    from napari_probinst.core.instances import Instance


@dataclass(frozen=True, slots=True)
class Repaint:
    """Give an instance another mask, as painted with a brush.

    Parameters
    ----------
    id : int
        The instance.
    instance : Instance
        Its pixels afterwards.
    """

    id: int
    instance: Instance
    kind: ClassVar[str] = "repaint"

    def delta(self, table: InstanceTable) -> Delta:
        """Compute the change; see `Edit.delta`."""
        existing(table, self.id)
        painted = drawn(self.instance, table.shape)
        if painted is None:
            raise EditRefusedError(
                f"Nothing would be left of instance {self.id}: delete it instead."
            )
        return changed(self.id, table, painted, f"Instance {self.id} has these pixels already")


@dataclass(frozen=True, slots=True)
class FillHoles:
    """Fill the background that an instance encloses."""

    id: int
    kind: ClassVar[str] = "fill holes"

    def delta(self, table: InstanceTable) -> Delta:
        """Compute the change; see `Edit.delta`."""
        after = geometry.filled(existing(table, self.id))
        return changed(self.id, table, after, f"Instance {self.id} has no holes")


@dataclass(frozen=True, slots=True)
class Grow:
    """Add everything within ``pixels`` (Euclidean distance) of an instance."""

    id: int
    pixels: int = 1
    kind: ClassVar[str] = "grow"

    def delta(self, table: InstanceTable) -> Delta:
        """Compute the change; see `Edit.delta`."""
        instance = existing(table, self.id)
        # No distance in the image is longer: a slip of the keyboard must not fill the memory.
        reach = min(_positive(self.pixels), sum(table.shape))
        after = geometry.grown(instance, reach, table.shape)
        return changed(self.id, table, after, f"Instance {self.id} fills the image")


@dataclass(frozen=True, slots=True)
class Shrink:
    """Remove everything within ``pixels`` (Euclidean distance) of an instance's outside.

    The edge of the image is not outside.
    """

    id: int
    pixels: int = 1
    kind: ClassVar[str] = "shrink"

    def delta(self, table: InstanceTable) -> Delta:
        """Compute the change; see `Edit.delta`."""
        instance = existing(table, self.id)
        after = geometry.shrunk(instance, _positive(self.pixels), table.shape)
        if not after.mask.size:
            raise EditRefusedError(
                f"Nothing would be left of instance {self.id}: "
                "shrink it by fewer pixels, or delete it."
            )
        return changed(self.id, table, after, f"Instance {self.id} fills the image")


def _positive(pixels: int) -> int:
    if whole(pixels, "pixels") < 1:
        raise EditRefusedError(f"{pixels} pixels change nothing: choose 1 or more.")
    return whole(pixels, "pixels")
