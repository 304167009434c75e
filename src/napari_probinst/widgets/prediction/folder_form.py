"""Which folder of images is predicted, and where its results go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QFormLayout, QLineEdit, QVBoxLayout, QWidget

from napari_probinst.core.errors import InputError
from napari_probinst.widgets.path_rows import beside, browse_button
from napari_probinst.widgets.scrolling_dock import button

if TYPE_CHECKING:
    from collections.abc import Callable

#: Folder for the results in that of the images, unless another is chosen.
_RESULTS = "predictions"


class FolderForm(QWidget):
    """Two folders and a button.

    Parameters
    ----------
    on_run : callable
        Called when the folder is to be predicted.
    """

    def __init__(self, on_run: Callable[[], None]) -> None:
        super().__init__()
        #: Asks for a folder, or None; tests put their own answer here.
        self.choose: Callable[[str], Path | None] = self._choose
        self._images = _path_box("images_folder", "Folder of images, or of BBBC010's wells")
        self._results = _path_box(
            "results_folder", "Folder for the results; images that are finished there are skipped"
        )
        self._images.textChanged.connect(self._suggest_results)
        self._run = button(
            "run_folder",
            "Run folder",
            "Predict every image of the folder to files, as 'napari-probinst predict' does",
            on_run,
        )
        form = QFormLayout()
        form.addRow(
            "Images",
            beside(
                self._images,
                browse_button("browse_images", "Choose a folder of images", self._browse_images),
            ),
        )
        form.addRow(
            "Results",
            beside(
                self._results,
                browse_button("browse_results", "Choose another folder", self._browse_results),
            ),
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self._run)

    @property
    def images(self) -> Path:
        """Folder of the images.

        Raises
        ------
        InputError
            If none is chosen.
        """
        return _path_in(self._images, "No folder of images is chosen; choose one.")

    @property
    def results(self) -> Path:
        """Folder for the results; a sub-folder of that of the images unless one is chosen."""
        return Path(self._results.text()) if self._results.text() else self.images / _RESULTS

    def set_images(self, folder: Path) -> None:
        """Choose a folder of images, and a sub-folder of it for the results."""
        self._images.setText(str(folder))
        self._results.setText(str(folder / _RESULTS))

    def allow_run(self, allowed: bool) -> None:
        """Allow the folder to be predicted, or not now."""
        self._run.setEnabled(allowed)

    def _suggest_results(self, images: str) -> None:
        """Tell where the results go unless another folder is chosen."""
        self._results.setPlaceholderText(str(Path(images) / _RESULTS) if images else "")

    def _browse_images(self) -> None:
        folder = self.choose("Choose a folder of images")
        if folder is not None:
            self.set_images(folder)

    def _browse_results(self) -> None:
        folder = self.choose("Choose a folder for the results")
        if folder is not None:
            self._results.setText(str(folder))

    def _choose(self, title: str) -> Path | None:
        folder = QFileDialog.getExistingDirectory(self, title, self._images.text())
        return Path(folder) if folder else None


def _path_box(name: str, tooltip: str) -> QLineEdit:
    box = QLineEdit()
    box.setObjectName(name)
    box.setToolTip(tooltip)
    return box


def _path_in(box: QLineEdit, otherwise: str) -> Path:
    if not box.text():
        raise InputError(otherwise)
    return Path(box.text())
