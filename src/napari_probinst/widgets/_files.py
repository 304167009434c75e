"""Opening predictions and saving corrections, as the Proofread dock does it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtWidgets import QFileDialog

from napari_probinst.core.curation.records import Visit
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.data.naming import PREDICTION_SUFFIX, is_file_name
from napari_probinst.core.data.prediction_file import load_prediction, save_prediction
from napari_probinst.widgets._layers import METADATA_KEY, ShownPrediction, show_prediction

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


@dataclass(frozen=True, slots=True)
class SavedState:
    """When a session was saved, and how many records it had then."""

    moment: str = ""
    n_records: int = 0

    @classmethod
    def now(cls, session: CurationSession) -> SavedState:
        """State right after saving."""
        return cls(datetime.now().astimezone().strftime("%H:%M:%S"), len(session.records))

    def text(self, session: CurationSession) -> str:
        """What the dock says, e.g. "3 unsaved changes"."""
        if session.modified:
            later = session.records[self.n_records :]
            changes = sum(not isinstance(record.event, Visit) for record in later)
            before = f" (saved {self.moment})" if self.moment else ""
            return f"{changes} unsaved {'change' if changes == 1 else 'changes'}{before}"
        return f"saved {self.moment}" if self.moment else "no changes"


def open_prediction(viewer: Any, path: Path) -> ShownPrediction:
    """Show a prediction's file, placed on its image where the viewer has that.

    Raises
    ------
    InputError
        If the file can't be used.
    """
    prediction = load_prediction(path)
    images = [
        layer
        for layer in viewer.layers
        if isinstance(layer, Image)
        and METADATA_KEY not in layer.metadata
        and not layer.rgb
        and not layer.multiscale
        and tuple(layer.data.shape[-2:]) == prediction.shape
    ]
    named = (layer for layer in images if layer.name == prediction.name)
    image = next(named, images[0] if images else None)
    session = CurationSession(prediction)
    return show_prediction(viewer, prediction, session, image, path.parent)


def save(shown: ShownPrediction) -> None:
    """Write the corrections, and the prediction they belong to where it isn't there yet.

    Raises
    ------
    OutputError
        If a file can't be written.
    """
    from napari_probinst.core.curation.corrected import save_corrected

    name = file_name(shown.prediction.name)
    prediction = shown.folder / f"{name}{PREDICTION_SUFFIX}"
    if not prediction.exists():
        save_prediction(shown.prediction, prediction)
    save_corrected(shown.session, shown.folder, name)
    shown.session.mark_saved()


def file_name(name: str) -> str:
    """Name of an image made fit for a file: a layer may be called anything."""
    safe = "".join(" " if c in "/\\:\0\n\r" else c for c in name).strip()
    return safe if is_file_name(safe) else "image"


def likely_folder(shown: ShownPrediction) -> Path:
    """Folder of the image, else the user's own."""
    source = None if shown.image is None else shown.image.source.path
    return Path(source).parent if source else Path.home()


def ask_prediction(parent: QWidget) -> Path | None:
    """Ask for a prediction's file."""
    path, _ = QFileDialog.getOpenFileName(
        parent, "Open a prediction", "", f"Predictions (*{PREDICTION_SUFFIX});;All files (*)"
    )
    return Path(path) if path else None


def ask_folder(parent: QWidget, start: Path) -> Path | None:
    """Ask where the corrections go."""
    folder = QFileDialog.getExistingDirectory(
        parent, "Folder for the prediction and its corrections", str(start)
    )
    return Path(folder) if folder else None
