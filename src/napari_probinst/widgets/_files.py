"""Opening predictions and saving corrections, as the Proofread dock does it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtWidgets import QFileDialog

from napari_probinst.core.curation.corrected import save_corrected
from napari_probinst.core.curation.journal import prediction_checksum
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.data.naming import PREDICTION_SUFFIX, is_file_name
from napari_probinst.core.data.prediction_file import load_prediction, save_prediction
from napari_probinst.core.errors import OutputError
from napari_probinst.widgets._layers import (
    ShownPrediction,
    image_name,
    is_result,
    show_prediction,
)
from napari_probinst.widgets._saved import SavedState

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


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
        and not is_result(layer)
        and not layer.rgb
        and not layer.multiscale
        and tuple(layer.data.shape[-2:]) == prediction.shape
    ]
    named = [layer for layer in images if prediction.name in (image_name(layer), layer.name)]
    image = (named or (images if len(images) == 1 else [None]))[0]
    session = CurationSession(prediction)
    return show_prediction(viewer, prediction, session, image, path.parent)


def save(shown: ShownPrediction, folder: Path) -> None:
    """Write the corrections, and the prediction they belong to where it isn't there yet.

    Raises
    ------
    ProbinstError
        If a file can't be written, or the folder holds another prediction of this image.
    """
    name = file_name(shown.prediction.name)
    path = folder / f"{name}{PREDICTION_SUFFIX}"
    if not path.exists():
        save_prediction(shown.prediction, path)
    elif prediction_checksum(load_prediction(path)) != shown.session.header.prediction:
        raise OutputError(
            f"{path} is another prediction, which corrections of this one must not stand beside: "
            "choose another folder."
        )
    save_corrected(shown.session, folder, name)
    shown.saved = SavedState.now(shown.session)


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
