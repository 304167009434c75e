"""What every edit is: a frozen object that says what it would change, or refuses.

An edit changes nothing itself. ``edit.delta(table)`` computes a `Delta`, which serves as preview,
as change and as undo. Nonsense is refused with `EditRefusedError`.
"""

from __future__ import annotations

import operator
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from napari_probinst.core.boxes import Shape, clip_box
from napari_probinst.core.curation.delta import Delta
from napari_probinst.core.errors import EditRefusedError
from napari_probinst.core.instances import Instance

if TYPE_CHECKING:
    from napari_probinst.core.curation.table import InstanceTable


class Edit(Protocol):
    """A change a curator asks for."""

    #: Name in the history and the journal.
    kind: ClassVar[str]

    def delta(self, table: InstanceTable) -> Delta:
        """Compute the change of the current instances, without making it.

        Raises
        ------
        EditRefusedError
            If the edit makes no sense here.
        """
        ...


def parameters(edit: Edit) -> dict[str, Any]:
    """Fields of an edit as plain JSON values, for the journal; masks as their box and area."""
    return {field.name: _plain(getattr(edit, field.name)) for field in fields(edit)}  # type: ignore[arg-type]


def existing(table: InstanceTable, identifier: int) -> Instance:
    """Return the current instance; refused if there is none of this id."""
    instance = table.instances.get(identifier)
    if instance is not None:
        return instance
    if identifier == 0:
        raise EditRefusedError("This is background: pick an instance.")
    raise EditRefusedError(f"There is no instance {identifier}: pick one that is shown.")


def drawn(instance: Instance, shape: Shape) -> Instance | None:
    """Tight instance, None if it is empty; refused if it reaches outside the image."""
    tight = instance.tight()
    if clip_box(tight.bbox, shape) != tight.bbox:
        raise EditRefusedError(
            f"The mask at {tight.bbox} reaches outside the image of "
            f"{shape[0]} x {shape[1]} pixels: paint inside the image."
        )
    return tight if tight.mask.size else None


def changed(identifier: int, table: InstanceTable, after: Instance, otherwise: str) -> Delta:
    """Change of one instance; refused with the reason ``otherwise`` if it stays the same."""
    delta = Delta.between(table.instances, {identifier: after})
    if not delta.flips:
        raise EditRefusedError(f"{otherwise}: nothing would change.")
    return delta


def whole(number: int, what: str) -> int:
    """Return a number of ``what`` as a plain int; refused if it is no whole number."""
    try:
        return operator.index(number)
    except TypeError as error:
        raise EditRefusedError(f"{number} is no whole number of {what}: choose one.") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Instance):
        return {"bbox": list(value.bbox), "area": value.area}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
