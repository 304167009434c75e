"""The edits of the Proofread dock: often used ones as buttons, the others in menus."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QAction  # type: ignore[attr-defined]
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from napari_probinst.widgets.proofreading.brushes import BrushTool
from napari_probinst.widgets.proofreading.words import selection_text
from napari_probinst.widgets.proofreading.wrapped_label import WrappedLabel
from napari_probinst.widgets.scrolling_dock import button

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.widgets.proofreading.key_table import KeyTable
    from napari_probinst.widgets.proofreading.tools import Tool

#: Rows of buttons that are always in view: action, text, tooltip.
_QUICK = (
    (
        ("merge", "Merge", "Pick instances that are one, by clicks; then again to merge them"),
        ("split", "Split", "Drag a line across the selected instance"),
        ("undo", "Undo", "Take back"),
    ),
    (
        ("add", "Add", "Paint an instance that was missed"),
        ("repaint", "Repaint", "Paint or erase the selected instance with napari's brush"),
        ("delete", "Delete", "Delete the selected instances"),
    ),
)
#: Rows of the other buttons.
_ROWS = (
    (
        ("grow", "Grow", "Add one pixel all around the selected instance; one step each time"),
        ("shrink", "Shrink", "Take one pixel off all around the selected instance"),
    ),
    (("redo", "Redo", "Make again"),),
)
_VERBS = {"undo": "Take back", "redo": "Make again"}
#: Menus: action, text.
_SPLITS = (
    ("split", "Along a line"),
    ("split_points", "By a point on each part"),
    ("split_parts", "Into a number of parts"),
)
_MORE = (
    ("fill", "Fill holes"),
    ("overlap_one", "Overlap: give it to one"),
    ("overlap_both", "Overlap: paint where both are"),
    ("export", "Export corrected masks…"),
    ("keys", "Keys…"),
)
#: Width of a button that has nothing but the arrow of its menu, pixels.
_ARROW_WIDTH = 28
#: What needs an instance that is selected.
_OF_SELECTION = ("delete", "repaint", "grow", "shrink", "fill")


class EditButtons(QGroupBox):
    """What is selected, and what can be done about it.

    The edits that are needed most are in ``quick``, rows to be shown where they don't scroll.

    Parameters
    ----------
    keys : KeyTable
        Keys that stand on the buttons.

    Attributes
    ----------
    asked : Signal of str
        A button or an entry of a menu was clicked: the name of its action.
    """

    asked = Signal(str)

    def __init__(self, keys: KeyTable) -> None:
        super().__init__("Correct")
        self._texts: dict[QPushButton | QAction, tuple[str, str]] = {}
        self._painting = False
        self._buttons: dict[str, QPushButton] = {}
        self._entries: dict[str, list[QAction]] = {}
        self._selected = WrappedLabel("selected")
        column = QVBoxLayout(self)
        column.setSpacing(3)
        column.addWidget(self._selected)
        for entries in _ROWS:
            row = QHBoxLayout()
            row.setSpacing(3)
            for name, text, tooltip in entries:
                row.addWidget(self._button(name, text, tooltip), stretch=1)
            if entries[-1][0] == "redo":
                row.addWidget(self._menu_button("more", "More", "Rarer edits, export, keys", _MORE))
            column.addLayout(row)
        self.quick = self._build_quick()
        self.show_keys(keys)

    def show_nothing(self) -> None:
        """Show that there is nothing to edit."""
        self._selected.setText("")
        for made in self._buttons.values():
            made.setEnabled(False)
            made.setDown(False)

    def show_session(
        self, session: CurationSession, selected: tuple[int, ...], tool: Tool | None
    ) -> None:
        """Show what can be done now.

        Parameters
        ----------
        session : CurationSession
            The corrections.
        selected : tuple of int
            Selected instances.
        tool : Tool or None
            The tool that is on.
        """
        self._selected.setText(selection_text(session, selected))
        self._painting = painting = isinstance(tool, BrushTool)
        for name, made in self._buttons.items():
            made.setEnabled(not painting and (bool(selected) or name not in _OF_SELECTION))
            made.setDown(tool is not None and tool.name == name)
        for name, entries in self._entries.items():
            for entry in entries:
                entry.setEnabled(bool(selected) or name not in _OF_SELECTION)
        splitting = tool is not None and tool.name in dict(_SPLITS)
        self._buttons["split"].setDown(splitting)
        for name, step in (("undo", session.undo_step), ("redo", session.redo_step)):
            verb = _VERBS[name]
            self._buttons[name].setEnabled(step is not None and not painting)
            self._buttons[name].setToolTip(verb if step is None else f"{verb}: {step.summary}")

    def show_steps_elsewhere(self, images: Mapping[str, str]) -> None:
        """Say of "undo" and "redo" in which other image the step is that they concern."""
        for name, image in images.items():
            self._buttons[name].setEnabled(not self._painting)
            self._buttons[name].setToolTip(f"{_VERBS[name]}: the last step, in image {image}")

    def show_keys(self, keys: KeyTable) -> None:
        """Show the keys on buttons and in menus."""
        for made, (name, text) in self._texts.items():
            made.setText(keys.labelled(name, text))

    def _build_quick(self) -> QWidget:
        quick = QWidget()
        column = QVBoxLayout(quick)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        for entries in _QUICK:
            row = QHBoxLayout()
            row.setSpacing(3)
            for name, text, tooltip in entries:
                row.addWidget(self._button(name, text, tooltip), stretch=1)
                if name == "split":
                    menu = self._menu_button("split_menu", "", "Other ways to split", _SPLITS)
                    row.addWidget(menu)
            column.addLayout(row)
        return quick

    def _button(self, name: str, text: str, tooltip: str) -> QPushButton:
        made = button(name, text, tooltip, partial(self.asked.emit, name))
        self._buttons[name] = made
        self._texts[made] = (name, text)
        return made

    def _menu_button(
        self, name: str, text: str, tooltip: str, entries: Sequence[tuple[str, str]]
    ) -> QPushButton:
        made = QPushButton(text)
        made.setObjectName(name)
        made.setToolTip(tooltip)
        made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        menu = QMenu(made)
        for action, title in entries:
            entry = QAction(title, menu)
            entry.setObjectName(f"entry_{action}")
            # `triggered` carries whether the entry is checked, which no action takes.
            entry.triggered.connect(lambda _checked, action=action: self.asked.emit(action))
            self._texts[entry] = (action, title)
            menu.addAction(entry)
            self._entries.setdefault(action, []).append(entry)
        made.setMenu(menu)
        if not text:
            made.setFixedWidth(_ARROW_WIDTH)
        self._buttons[name] = made
        return made
