"""A box to choose a labels layer, a folder or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QMenu, QToolButton, QWidget

from napari_probinst.widgets.finding import is_result
from napari_probinst.widgets.path_rows import browse_button
from napari_probinst.widgets.truth import LayerTruth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TOOLTIP = Qt.ItemDataRole.ToolTipRole
_FILES = "Masks, label images, COCO (*.tif *.tiff *.png *.json)"


class SourceBox(QWidget):
    """Lists "none", the labels layers there are, and the paths that were chosen before.

    Parameters
    ----------
    name : str
        Name of the combo box; that of the button is ``browse_NAME``.
    tooltip : str
        What may be chosen.
    viewer : napari.Viewer
        Whose layers are offered; results of predictions are left out.
    on_chosen : callable
        Called when the user has chosen.
    none : str
        Text of the first entry, which stands for nothing.
    """

    def __init__(
        self, name: str, tooltip: str, viewer: Any, on_chosen: Callable[[], None], none: str
    ) -> None:
        super().__init__()
        self._on_chosen = on_chosen
        self._box = _ListedWhenOpened(viewer, none)
        self._box.setObjectName(name)
        self._box.setToolTip(tooltip)
        self._box.activated.connect(lambda _: on_chosen())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._box, stretch=1)
        row.addWidget(self._browse_button(name))

    def chosen(self, plane: Sequence[int] = ()) -> LayerTruth | Path | None:
        """Return what is chosen; of a layer, a copy as it is now, of a plane of a stack if asked.

        Raises
        ------
        InputError
            If the layer has no such plane.
        """
        entry = self._box.currentData()
        if isinstance(entry, Labels):
            return LayerTruth.of(entry, plane)
        return entry if isinstance(entry, Path) else None

    def choose(self, source: Labels | Path | None) -> None:
        """Choose a layer, a folder, a file, or nothing; the same as if the user did."""
        self._box.choose(source)
        self._on_chosen()

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


class _ListedWhenOpened(QComboBox):
    """Combo box that looks for the layers when it is opened, and costs nothing before."""

    def __init__(self, viewer: Any, none: str) -> None:
        super().__init__()
        self._viewer = viewer
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.addItem(none, None)

    def choose(self, source: Labels | Path | None) -> None:
        """Choose an entry, after listing it if need be."""
        self._list()
        if isinstance(source, Path) and source not in self._entries():
            self._add_path(source)
        entries = self._entries()
        self.setCurrentIndex(next((i for i, entry in enumerate(entries) if entry == source), 0))

    def showPopup(self) -> None:
        """List the layers there are now, and open."""
        self._list()
        super().showPopup()

    def _list(self) -> None:
        chosen = self.currentData()
        paths = [entry for entry in self._entries() if isinstance(entry, Path)]
        while self.count() > 1:
            self.removeItem(1)
        for layer in self._viewer.layers:
            if isinstance(layer, Labels) and not is_result(layer):
                self.addItem(f"{layer.name} (layer)", layer)
        for path in paths:
            self._add_path(path)
        entries = self._entries()
        self.setCurrentIndex(next((i for i, entry in enumerate(entries) if entry == chosen), 0))

    def _add_path(self, path: Path) -> None:
        self.addItem(path.name, path)
        self.setItemData(self.count() - 1, str(path), _TOOLTIP)

    def _entries(self) -> list[Any]:
        return [self.itemData(index) for index in range(self.count())]
