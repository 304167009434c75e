"""Whatever can be pressed, chosen or typed in a dock tells what it is for."""

from __future__ import annotations

from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QHeaderView,
    QLineEdit,
    QWidget,
)

from napari_probinst.widgets.settings_form import SettingsForm

FIELDS = (QAbstractButton, QAbstractItemView, QAbstractSpinBox, QComboBox, QLineEdit)
#: Parts that Qt makes by itself are told of by what they are in.
WHOLES = (QAbstractItemView, QAbstractSpinBox, QComboBox)


def part_of_another(widget):
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, WHOLES):
        parent = parent.parentWidget()
    return parent is not None or isinstance(widget, QHeaderView)


def test_every_field_has_a_tooltip(viewer, put, make_prediction):
    put(viewer, make_prediction())
    for name in ("Predict", "Proofread", "Train", "Evaluate"):
        _, dock = viewer.window.add_plugin_dock_widget("napari-probinst", name)
        fields = [
            widget
            for widget in dock.findChildren(QWidget)
            if isinstance(widget, FIELDS)
            and not part_of_another(widget)
            # Cards of hypotheses that there are none of, and Qt's own buttons.
            and not (widget.objectName().startswith("hypothesis_") and widget.isHidden())
            and not widget.objectName().startswith("qt_")
        ]
        assert len(fields) > 5, name
        assert [field.objectName() for field in fields if not field.toolTip()] == [], name
        for form in dock.findChildren(SettingsForm):
            layout = form.layout()
            for row in range(layout.rowCount()):
                label, box = (
                    layout.itemAt(row, role).widget()
                    for role in (QFormLayout.ItemRole.LabelRole, QFormLayout.ItemRole.FieldRole)
                )
                assert label.toolTip() == box.toolTip(), name
