"""A form made from a settings model: bounds, units and help come from the model itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QWidget,
)

from napari_probinst.core.section import Section, unit_of, validated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo

S = TypeVar("S", bound=Section)
#: Largest whole number that a spin box of Qt holds.
_LARGEST = 2**31 - 1
Box = QSpinBox | QDoubleSpinBox | QCheckBox | QComboBox
_DECIMALS = 3
#: Longest unit that stands in a box, letters.
_LONGEST_UNIT = 6


class SettingsForm(QWidget, Generic[S]):
    """A spin box, check box or list for each chosen setting of a model.

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
        self._boxes: dict[str, Box] = {}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for name in fields:
            field = type(settings).model_fields[name]
            box = _box(field)
            box.setObjectName(name)
            self._boxes[name] = box
            label = QLabel(field.title or name.replace("_", " ").capitalize())
            label.setToolTip(box.toolTip())
            layout.addRow(label, box)
        self.set_settings(settings)

    def settings(self) -> S:
        """Return the values as they stand in the form."""
        values: dict[str, Any] = self._settings.model_dump()
        values |= {name: _value(box) for name, box in self._boxes.items()}
        return validated(type(self._settings), values, "The form")

    def set_settings(self, settings: S) -> None:
        """Show other values."""
        self._settings = settings
        for name, box in self._boxes.items():
            _show(box, getattr(settings, name))


def _value(box: Box) -> Any:
    if isinstance(box, QCheckBox):
        return box.isChecked()
    return box.currentText() if isinstance(box, QComboBox) else box.value()


def _show(box: Box, value: Any) -> None:
    if isinstance(box, QCheckBox):
        box.setChecked(value)
    elif isinstance(box, QComboBox):
        box.setCurrentText(value)
    else:
        box.setValue(value)


def _box(field: FieldInfo) -> Box:
    """Box with a field's bounds or choices, and its description as tooltip."""
    box: Box
    if field.annotation is bool:
        box = QCheckBox()
    elif get_origin(field.annotation) is Literal:
        box = QComboBox()
        box.addItems(get_args(field.annotation))
    elif field.annotation is int:
        box = QSpinBox()
        low, high = _bounds(field, 1)
        box.setRange(math.ceil(low), math.floor(high))
    else:
        box = QDoubleSpinBox()
        box.setDecimals(_DECIMALS)
        box.setSingleStep(0.05)
        box.setRange(*_bounds(field, 10**-_DECIMALS))
    unit = unit_of(field)
    if unit and isinstance(box, QSpinBox | QDoubleSpinBox):
        # A long unit would make all boxes wider: the tooltip has it.
        box.setSuffix(f" {unit}" if len(unit) <= _LONGEST_UNIT else "")
    told = f" Unit: {unit}." if unit else ""
    box.setToolTip(f"{field.description or ''}{told}")
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
