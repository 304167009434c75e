"""Boxes to choose what a viewer offers, a folder or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QMenu, QToolButton, QWidget

from napari_probinst.widgets.finding import is_plain_copy, is_result
from napari_probinst.widgets.path_rows import browse_button
from napari_probinst.widgets.truth import LayerTruth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    #: What a viewer offers: the text of each entry, and what it stands for.
    Offer = Callable[[], Iterable[tuple[str, Any]]]

_TOOLTIP = Qt.ItemDataRole.ToolTipRole
_FILES = "Masks, label images, COCO (*.tif *.tiff *.png *.json)"


class EntryBox(QWidget):
    """Lists what a viewer offers, and the paths that were chosen before.

    Parameters
    ----------
    name : str
        Name of the combo box; that of the button is ``browse_NAME``.
    tooltip : str
        What may be chosen.
    offer : callable
        Returns the text and the object of each entry that there is now.
    on_chosen : callable
        Called when the user has chosen.
    none : str, optional
        Text of a first entry, which stands for nothing; without one, the first entry that there
        is counts as chosen.
    """

    def __init__(
        self,
        name: str,
        tooltip: str,
        offer: Offer,
        on_chosen: Callable[[], None],
        none: str | None = None,
    ) -> None:
        super().__init__()
        self._on_chosen = on_chosen
        self._box = _ListedWhenOpened(offer, none)
        self._box.setObjectName(name)
        self._box.setToolTip(tooltip)
        self._box.activated.connect(lambda _: on_chosen())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._box, stretch=1)
        row.addWidget(self._browse_button(name))

    @property
    def entry(self) -> Any:
        """What is chosen: one of the viewer's objects, a path, or None."""
        return self._box.currentData()

    def choose(self, entry: Any) -> None:
        """Choose an object, a folder, a file, or nothing; the same as if the user did."""
        self._box.choose(entry)
        self._on_chosen()

    def refresh(self) -> None:
        """List what there is now; what was chosen stays chosen if it is still there."""
        self._box.refresh()

    def _browse_button(self, name: str) -> QToolButton:
        """Button with a menu: there are folders and files to be chosen."""
        made = browse_button(f"browse_{name}", "Choose a folder or a file", lambda: None)
        menu = QMenu(made)
        menu.addAction("Folder…", self._browse_folder)
        menu.addAction("File…", self._browse_file)
        made.setMenu(menu)
        made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return made

    def _browse_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a folder")
        if folder:
            self.choose(Path(folder))

    def _browse_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a file", "", _FILES)
        if path:
            self.choose(Path(path))


class SourceBox(EntryBox):
    """Lists the labels layers there are, for a truth, but no results of predictions.

    Parameters
    ----------
    name, tooltip, on_chosen, none
        As for `EntryBox`.
    viewer : napari.Viewer
        Whose layers are offered.
    """

    def __init__(
        self,
        name: str,
        tooltip: str,
        viewer: Any,
        on_chosen: Callable[[], None],
        none: str | None = None,
    ) -> None:
        def labels() -> Iterable[tuple[str, Labels]]:
            for layer in viewer.layers:
                if isinstance(layer, Labels) and (not is_result(layer) or is_plain_copy(layer)):
                    yield f"{layer.name} (layer)", layer

        super().__init__(name, tooltip, labels, on_chosen, none)

    def chosen(self, plane: Sequence[int] = ()) -> LayerTruth | Path | None:
        """Return what is chosen; of a layer, a copy as it is now, of a plane of a stack if asked.

        Raises
        ------
        InputError
            If the layer has no such plane.
        """
        entry = self.entry
        if isinstance(entry, Labels):
            return LayerTruth.of(entry, plane)
        return entry if isinstance(entry, Path) else None


class _ListedWhenOpened(QComboBox):
    """Combo box that looks what there is when it is opened, and costs nothing before."""

    def __init__(self, offer: Offer, none: str | None) -> None:
        super().__init__()
        self._offer, self._none = offer, none
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        if none is None:
            self.setPlaceholderText("choose a folder or file")
        else:
            self.addItem(none, None)

    def choose(self, entry: Any) -> None:
        """Choose an entry, after listing it if need be."""
        self.refresh()
        if isinstance(entry, Path) and entry not in self._entries():
            self._add_path(entry)
        self._set_current(entry)

    def showPopup(self) -> None:
        """List what there is now, and open."""
        self.refresh()
        super().showPopup()

    def refresh(self) -> None:
        """List what there is now."""
        chosen, title = self.currentData(), self.currentText()
        paths = [entry for entry in self._entries() if isinstance(entry, Path)]
        self.clear()
        if self._none is not None:
            self.addItem(self._none, None)
        for title, entry in self._offer():
            self.addItem(title, entry)
        for path in paths:
            self._add_path(path)
        self._set_current(chosen, title)

    def _set_current(self, entry: Any, title: str = "") -> None:
        """Choose an entry; where it isn't listed, what has come in its place, or the first one."""
        places = (i for i, each in enumerate(self._entries()) if each is entry or each == entry)
        same_title = self.findText(title, Qt.MatchFlag.MatchExactly) if title else -1
        first = min(self.count(), 1) - 1
        self.setCurrentIndex(next(places, same_title if same_title >= 0 else first))

    def _add_path(self, path: Path) -> None:
        self.addItem(path.name, path)
        self.setItemData(self.count() - 1, str(path), _TOOLTIP)

    def _entries(self) -> list[Any]:
        return [self.itemData(index) for index in range(self.count())]
