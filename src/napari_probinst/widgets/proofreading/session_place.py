"""Where the Proofread dock keeps corrections: beside the prediction, the image, or the user's own.

An image without a file, such as the sample data, leaves its corrections in a folder of the user,
which the environment variable `SESSIONS_VARIABLE` moves.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from napari_probinst.core.curation.session_place import SessionPlace
from napari_probinst.core.data.naming import is_file_name

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_probinst.widgets.layers import ShownPrediction

SESSIONS_VARIABLE = "NAPARI_PROBINST_SESSIONS"


def session_place(shown: ShownPrediction) -> SessionPlace:
    """Place of a shown prediction's session.

    A prediction that was opened from a file comes before its image: it may be opened again
    without it.
    """
    parents = dict.fromkeys(folder for folder in (shown.folder, image_folder(shown)) if folder)
    return SessionPlace(file_name(shown.prediction.name), tuple(parents), user_folder())


def image_folder(shown: ShownPrediction) -> Path | None:
    """Folder of the image's file; None if it has none, as an array or an address of the web."""
    return None if shown.image is None else folder_of_layer(shown.image)


def folder_of_layer(layer: Layer) -> Path | None:
    """Folder of the file that a layer was read from; None if it has none."""
    source = layer.source.path
    folder = Path(source).absolute().parent if source else None
    return folder if folder is not None and folder.is_dir() else None


def user_folder() -> Path:
    """Folder for sessions of images that have no folder of their own."""
    chosen = os.environ.get(SESSIONS_VARIABLE)
    if chosen:
        return Path(chosen)
    return platformdirs.user_data_path("napari-probinst", appauthor=False) / "sessions"


def file_name(name: str) -> str:
    """Name of an image made fit for a file: a layer may be called anything."""
    safe = "".join(" " if c in "/\\:\0\n\r" else c for c in name).strip()
    return safe if is_file_name(safe) else "image"
