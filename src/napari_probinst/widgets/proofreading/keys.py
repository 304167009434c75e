"""The keys of the Proofread dock: one table, bound while the dock is open."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.layers import Layer

#: Action and key. None of these letters is used by napari itself; letters are for the whole
#: viewer, and a text field that has the focus keeps them.
KEYS: dict[str, str] = {
    "next": "N",
    "previous": "Shift-N",
    "accept": "K",
    "skip": "Q",
    "jump": "J",
    "isolate": "W",
    "uncertainty": "U",
    "merge": "G",
    "split": "H",
    "undo": "Control-Z",
    "redo": "Control-Shift-Z",
}
#: Keys of a mode that is on: confirm and leave.
MODE_KEYS: dict[str, str] = {"confirm": "Enter", "leave": "Escape"}
#: Keys that napari's Labels layers use themselves; bound on our layers, where they would shadow
#: those of the viewer. Their own undo would replay strokes into masks that have changed since.
SHADOWED = frozenset({"undo", "redo", "confirm", "leave"})
#: Seconds within which the same key counts once: some versions of napari fire it twice.
REPEAT_GAP = 0.05

_TEXT_FIELDS = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)


def key_label(action: str) -> str:
    """Key of an action as it stands on its button, e.g. "Shift+N"."""
    return KEYS[action].replace("Control", "Ctrl").replace("-", "+")


class KeyBindings:
    """Binds actions to keys of a viewer and of layers, and gives back what was there before.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose keys are bound.
    actions : mapping of str to callable
        What each action of `KEYS` and `MODE_KEYS` does.
    """

    def __init__(self, viewer: Any, actions: Mapping[str, Callable[[], None]]) -> None:
        self._viewer = viewer
        self._actions = actions
        self._bound: list[tuple[Any, str, Any]] = []
        self._last: tuple[str, float] = ("", -REPEAT_GAP)

    def bind_viewer(self) -> None:
        """Bind the permanent keys of the viewer."""
        for action, key in KEYS.items():
            self._bind(self._viewer, action, key)

    def bind_layer(self, layer: Layer) -> None:
        """Bind the keys that napari's own would shadow while this layer is active."""
        for action, key in KEYS.items():
            if action in SHADOWED:
                self._bind(layer, action, key)

    def bind_mode(self, *providers: Any) -> None:
        """Bind the keys of a mode on the viewer and on these layers."""
        for provider in (self._viewer, *providers):
            self.bind_mode_layer(provider)

    def bind_mode_layer(self, layer: Layer) -> None:
        """Bind the keys of a mode on its own layer; the viewer has them already."""
        for action, key in MODE_KEYS.items():
            self._bind(layer, action, key)

    def release(self, *providers: Any, keys: Mapping[str, str] | None = None) -> None:
        """Give back keys: of the viewer or layers named, or all; only ``keys`` if given."""
        wanted = None if keys is None else set(keys.values())
        kept = []
        for provider, key, before in reversed(self._bound):
            mine = not providers or any(provider is each for each in providers)
            if mine and (wanted is None or key in wanted):
                provider.bind_key(key, before, overwrite=True)
            else:
                kept.append((provider, key, before))
        self._bound = kept[::-1]

    def release_mode(self) -> None:
        """Give back the keys of a mode."""
        self.release(keys=MODE_KEYS)

    def _bind(self, provider: Any, action: str, key: str) -> None:
        def run(_provider: Any) -> None:
            self._run(action)

        before = provider.bind_key(key, run, overwrite=True)
        self._bound.append((provider, key, before))

    def _run(self, action: str) -> None:
        if typing_text():
            return
        now = time.monotonic()
        last_action, moment = self._last
        self._last = (action, now)
        if action != last_action or now - moment > REPEAT_GAP:
            self._actions[action]()


def typing_text() -> bool:
    """Whether a field that takes text or numbers has the focus."""
    widget = QApplication.focusWidget()
    if isinstance(widget, QComboBox):
        return widget.isEditable()
    return isinstance(widget, _TEXT_FIELDS)
