"""A form made from a settings model: bounds, units and help come from the model itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from annotated_types import Ge, Gt, Le, Lt
from qtpy.QtWidgets import QDoubleSpinBox, QFormLayout, QSpinBox, QWidget

from napari_probinst.core.config import Section, validated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo

S = TypeVar("S", bound=Section)
#: Largest whole number that a spin box of Qt holds.
_LARGEST = 2**31 - 1
_DECIMALS = 3


class SettingsForm(QWidget, Generic[S]):
    """One spin box for each number of a settings model.

    Parameters
    ----------
    settings : Section
        Values to start with, and the model.
    fields : iterable of str
        Names of the settings shown, in this order; the others keep their values.
    """

    def __init__(self, settings: S, fields: Iterable[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._boxes: dict[str, QSpinBox | QDoubleSpinBox] = {}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for name in fields:
            box = _spin_box(type(settings).model_fields[name])
            box.setObjectName(name)
            self._boxes[name] = box
            layout.addRow(name.replace("_", " ").replace("n draws", "draws").capitalize(), box)
        self.set_settings(settings)

    def settings(self) -> S:
        """Return the values as they stand in the form."""
        values: dict[str, Any] = self._settings.model_dump()
        values |= {name: box.value() for name, box in self._boxes.items()}
        return validated(type(self._settings), values, "The form")

    def set_settings(self, settings: S) -> None:
        """Show other values."""
        self._settings = settings
        for name, box in self._boxes.items():
            box.setValue(getattr(settings, name))


def _spin_box(field: FieldInfo) -> QSpinBox | QDoubleSpinBox:
    """Spin box with a field's bounds and its description as tooltip."""
    box: QSpinBox | QDoubleSpinBox
    if field.annotation is int:
        box = QSpinBox()
        low, high = _bounds(field, 1)
        box.setRange(math.ceil(low), math.floor(high))
    else:
        box = QDoubleSpinBox()
        box.setDecimals(_DECIMALS)
        box.setSingleStep(0.05)
        box.setRange(*_bounds(field, 10**-_DECIMALS))
    box.setToolTip(field.description or "")
    return box


def _bounds(field: FieldInfo, smallest: float) -> tuple[float, float]:
    """Lowest and highest value of a field; open bounds are off by the ``smallest`` step."""
    low, high = 0.0, float(_LARGEST)
    for bound in field.metadata:
        if isinstance(bound, Ge):
            low = float(str(bound.ge))
        elif isinstance(bound, Gt):
            low = float(str(bound.gt)) + smallest
        elif isinstance(bound, Le):
            high = float(str(bound.le))
        elif isinstance(bound, Lt):
            high = float(str(bound.lt)) - smallest
    return low, high
