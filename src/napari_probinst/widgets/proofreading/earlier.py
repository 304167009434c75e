"""Corrections that an image of the viewer was given before, and that can be gone on with."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.layers import Image

from napari_probinst.core.curation.manifest import SESSION_SUFFIX, read_manifest
from napari_probinst.core.curation.session_folder import journal_size, read_session_journal
from napari_probinst.core.curation.session_place import SessionPlace
from napari_probinst.core.errors import InputError
from napari_probinst.widgets.finding import image_name, is_result
from napari_probinst.widgets.image_axes import named_plane
from napari_probinst.widgets.pages import page_of
from napari_probinst.widgets.proofreading.keeping import work_text
from napari_probinst.widgets.proofreading.session_place import (
    file_name,
    folder_of_layer,
    user_folder,
)

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class EarlierSession:
    """A session on the disk, and what a button says that goes on with it."""

    path: Path
    text: str


def earlier_session(viewer: Any) -> EarlierSession | None:
    """Return the session that lies beside an image of the viewer, or in the user's folder.

    A session of a plane is one of the stack. Of the active image if it has one, else of the
    selected or the uppermost one that has, the one that goes farthest; sessions that can't be used
    are passed over.
    """
    selection = viewer.layers.selection
    downwards = list(reversed(viewer.layers))
    selected = [layer for layer in downwards if layer in selection]
    for layer in dict.fromkeys([selection.active, *selected, *downwards]):
        if not isinstance(layer, Image) or is_result(layer):
            continue
        name = image_name(layer)
        for path in _paths(layer):
            try:
                manifest = read_manifest(path)
                records = read_session_journal(path).records
            except InputError:
                continue
            if manifest.name == name or named_plane(layer, manifest.name):
                return EarlierSession(path, f"Continue {manifest.name} ({work_text(records)})")
    return None


def _paths(layer: Image) -> list[Path]:
    """Sessions that may be of an image or its planes, by their names; the longest first."""
    name, folder = file_name(image_name(layer)), folder_of_layer(layer)
    parents = () if folder is None else (folder,)
    own = SessionPlace(name, parents, user_folder()).paths()
    if layer.rgb or len(page_of(layer).shape) == 2:
        return own
    pattern = f"{glob.escape(name)}_*{SESSION_SUFFIX}"
    planes = [path for folder in (*parents, user_folder()) for path in folder.glob(pattern)]
    return own + sorted(planes, key=journal_size, reverse=True)
