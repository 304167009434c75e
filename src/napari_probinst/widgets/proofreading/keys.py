"""The keys of the Proofread dock, bound while the dock is open."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels
from napari.utils.notifications import show_warning
from qtpy.QtGui import QAction  # type: ignore[attr-defined]
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QKeySequenceEdit,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
)

from napari_probinst.core.errors import ProbinstError
from napari_probinst.widgets.proofreading.key_table import (
    ACTIONS,
    MODE_KEYS,
    KeyTable,
    keys_file,
    load_keys,
    normalised,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from napari.layers import Layer
    from qtpy.QtWidgets import QWidget

#: Actions whose usual keys napari's Labels layers use themselves; bound on our layers always,
#: whatever the user's table says: napari's own undo would replay strokes into masks that have
#: changed since.
SHADOWED = ("undo", "redo")
#: Seconds within which the same key counts once: some versions of napari fire it twice.
REPEAT_GAP = 0.05

_TEXT_FIELDS = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox, QKeySequenceEdit)


@dataclass(slots=True, eq=False)
class _Bound:
    """What a key does, and did before."""

    provider: Any
    key: str
    run: Callable[[], None]
    before: Any = None
    released: bool = False
    #: napari asks for the name of whatever a key does.
    __name__ = "run"

    def __call__(self, _provider: Any) -> None:
        self.run()

    def release(self) -> None:
        """Give the key back, unless somebody else has bound it since."""
        self.released = True
        if self in self.provider.keymap.values():
            before = self.before
            while isinstance(before, _Bound) and before.released:
                before = before.before
            self.provider.bind_key(self.key, before, overwrite=True)


class KeyBindings:
    """Binds actions to keys of a viewer and of layers, and gives back what was there before.

    Letters are for the whole viewer, and a text field that has the focus keeps them.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose keys are bound.
    act : callable
        Called with the name of one of `ACTIONS` and `MODE_KEYS`, which it does.
    table : KeyTable
        Which key stands for which action.
    """

    def __init__(self, viewer: Any, act: Callable[[str], None], table: KeyTable) -> None:
        self._viewer = viewer
        self._act = act
        self._table = table
        self._bound: list[_Bound] = []
        self._last: tuple[str, float] = ("", -REPEAT_GAP)

    @property
    def table(self) -> KeyTable:
        """Which key stands for which action."""
        return self._table

    def bind_viewer(self) -> None:
        """Bind the permanent keys of the viewer."""
        for action, key in self._table.keys.items():
            if key:
                self._bind(self._viewer, action, key)

    def bind_layer(self, layer: Layer) -> None:
        """Bind the keys that napari's own would shadow while this layer is active."""
        for action in SHADOWED:
            self._bind(layer, action, ACTIONS[action].key)

    def bind_mode(self, *providers: Any) -> None:
        """Bind the keys of a mode on the viewer and on these layers."""
        for provider in (self._viewer, *providers):
            self.bind_mode_layer(provider)

    def bind_mode_layer(self, layer: Layer) -> None:
        """Bind the keys of a mode on its own layer; the viewer has them already."""
        for action, key in MODE_KEYS.items():
            self._bind(layer, action, key)

    def remap(self, table: KeyTable) -> None:
        """Take another table from now on; no mode is on."""
        self.release(self._viewer)
        self._table = table
        self.bind_viewer()

    def release(self, *providers: Any, keys: Mapping[str, str] | None = None) -> None:
        """Give back keys: of the viewer or layers named, or all; only ``keys`` if given.

        A key that somebody else has bound since is theirs.
        """
        wanted = None if keys is None else set(keys.values())
        kept = []
        for bound in reversed(self._bound):
            mine = not providers or any(bound.provider is each for each in providers)
            if mine and (wanted is None or bound.key in wanted):
                bound.release()
            else:
                kept.append(bound)
        self._bound = kept[::-1]

    def release_mode(self) -> None:
        """Give back the keys of a mode."""
        self.release(keys=MODE_KEYS)

    def _bind(self, provider: Any, action: str, key: str) -> None:
        bound = _Bound(provider, key, partial(self._run, action))
        bound.before = provider.bind_key(key, bound, overwrite=True)
        self._bound.append(bound)

    def _run(self, action: str) -> None:
        if typing_text():
            return
        now = time.monotonic()
        last_action, moment = self._last
        self._last = (action, now)
        if action != last_action or now - moment > REPEAT_GAP:
            self._act(action)


def typing_text() -> bool:
    """Whether a field that takes text, numbers or keys has the focus."""
    widget = QApplication.focusWidget()
    if isinstance(widget, QComboBox):
        return widget.isEditable()
    return isinstance(widget, _TEXT_FIELDS)


def keys_of_user() -> KeyTable:
    """Keys that the user chose; the usual ones, and a warning, where they can't be read."""
    try:
        return load_keys(keys_file())
    except ProbinstError as error:
        show_warning(str(error))
        return KeyTable()


def keys_of_napari(viewer: Any, window: QWidget) -> set[str]:
    """Keys that napari uses itself where ours are bound.

    Those of the viewer and of the layers that show a prediction, in the user's own preferences
    of napari, and those of the window's menus.
    """
    return set(_taken(viewer, window))


def _taken(viewer: Any, window: QWidget) -> Iterator[str]:
    classes = (*type(viewer).__mro__, *Labels.__mro__, *Image.__mro__)
    bound = (str(key) for each in classes for key in getattr(each, "class_keymap", ()))
    menus = (
        shortcut.toString(shortcut.SequenceFormat.PortableText)
        for action in window.findChildren(QAction)
        for shortcut in action.shortcuts()
    )
    for key in (*bound, *menus):
        # Keys that can't be chosen anyway, such as the arrows.
        with suppress(ValueError):
            yield normalised(key)
