"""A form made from a settings model: bounds, units and help come from the model itself."""

from __future__ import annotations

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
    whole = field.annotation is int
    box: QSpinBox | QDoubleSpinBox = QSpinBox() if whole else QDoubleSpinBox()
    step = 1 if whole else 0.05
    if not whole:
        box.setDecimals(3)
        box.setSingleStep(step)
    low, high = 0, _LARGEST if whole else 1e6
    smallest = 1 if whole else 0.001
    for bound in field.metadata:
        match bound:
            case Ge(ge):
                low = ge
            case Gt(gt):
                low = gt + smallest
            case Le(le):
                high = le
            case Lt(lt):
                high = lt - smallest
    box.setRange(low, high)
    box.setToolTip(field.description or "")
    return box
