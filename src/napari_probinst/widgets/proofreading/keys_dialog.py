"""The dialog in which a user gives actions other keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QKeySequenceEdit,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_probinst.widgets.proofreading.key_table import ACTIONS, KeyTable, normalised

if TYPE_CHECKING:
    from collections.abc import Collection

#: Names of keys in Qt, where napari has others.
_QT_NAMES = {"Del": "Delete", "Ins": "Insert", "PgUp": "PageUp", "PgDown": "PageDown"}
#: Height of the dialog, and room for its scroll bar, pixels.
_HEIGHT, _BAR_WIDTH = 480, 20


class KeysDialog(QDialog):
    """A field for the key of every action; what clashes is said, and can't be saved.

    Parameters
    ----------
    table : KeyTable
        The keys as they are.
    taken : collection of str
        Keys that napari uses itself.
    parent : QWidget
        The dock.
    """

    #: The table that the user chose.
    chosen = Signal(object)

    def __init__(self, table: KeyTable, taken: Collection[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys of the Proofread dock")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._taken = taken
        self._keys = dict(table.keys)
        self._refused: dict[str, str] = {}
        self._fields = {action: self._field(action) for action in ACTIONS}
        self._problem = QLabel()
        self._problem.setObjectName("key_problem")
        self._problem.setWordWrap(True)
        buttons = QDialogButtonBox()
        self._save_button = QPushButton("Save")
        self._save_button.setObjectName("save_keys")
        self._save_button.clicked.connect(self._save)
        buttons.addButton(self._save_button, QDialogButtonBox.ButtonRole.AcceptRole)
        restore = QPushButton("Usual keys")
        restore.setToolTip("Give every action the key it had at first")
        restore.clicked.connect(self._restore)
        buttons.addButton(restore, QDialogButtonBox.ButtonRole.ResetRole)
        cancel = QPushButton("Cancel")
        cancel.clicked.connect(self.reject)
        buttons.addButton(cancel, QDialogButtonBox.ButtonRole.RejectRole)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("Click a field and press the key."))
        layout.addWidget(self._build_fields())
        layout.addWidget(self._problem)
        layout.addWidget(buttons)
        self.resize(self.sizeHint().width(), _HEIGHT)
        self._show()

    def field(self, action: str) -> QKeySequenceEdit:
        """Field of an action's key."""
        return self._fields[action]

    def _build_fields(self) -> QScrollArea:
        inner = QWidget()
        grid = QGridLayout(inner)
        for row, (name, action) in enumerate(ACTIONS.items()):
            none = QPushButton("None")
            none.setToolTip("No key")
            none.clicked.connect(lambda _checked=False, name=name: self._change(name, ""))
            grid.addWidget(QLabel(action.title), row, 0)
            grid.addWidget(self._fields[name], row, 1)
            grid.addWidget(none, row, 2)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidgetResizable(True)
        scroll.setWidget(inner)
        scroll.setMinimumWidth(inner.sizeHint().width() + _BAR_WIDTH)
        return scroll

    def _field(self, action: str) -> QKeySequenceEdit:
        field = QKeySequenceEdit()
        field.setObjectName(f"key_{action}")
        field.keySequenceChanged.connect(lambda keys: self._pressed(action, keys))
        return field

    def _pressed(self, action: str, sequence: QKeySequence) -> None:
        """Take the first key of those that were pressed."""
        if sequence.count():
            text = QKeySequence(sequence[0]).toString(QKeySequence.SequenceFormat.PortableText)
            *modifiers, last = text.split("+")
            self._change(action, "+".join([*modifiers, _QT_NAMES.get(last, last)]))

    def _change(self, action: str, key: str) -> None:
        self._refused.pop(action, None)
        try:
            self._keys[action] = normalised(key)
        except ValueError as error:
            self._refused[action] = (
                f"{error}: choose a letter, a digit or F1 to F12, with Ctrl, Alt or Shift."
            )
        self._show()

    def _restore(self) -> None:
        self._refused.clear()
        self._keys = dict(KeyTable().keys)
        self._show()

    def _show(self) -> None:
        for action, field in self._fields.items():
            field.blockSignals(True)
            field.setKeySequence(QKeySequence(self._keys[action]))
            field.blockSignals(False)
        problems = KeyTable(self._keys).problems(self._taken) | self._refused
        said = [f"{ACTIONS[action].title}: {text}" for action, text in problems.items()]
        self._problem.setText("\n".join(said))
        self._save_button.setEnabled(not problems)

    def _save(self) -> None:
        self.chosen.emit(KeyTable(dict(self._keys)))
        self.accept()
