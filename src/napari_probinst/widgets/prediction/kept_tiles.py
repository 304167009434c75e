"""What stopped predictions of large images have found, in the user's cache folder."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import platformdirs

from napari_probinst.core.data.atomic import make_folder
from napari_probinst.core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.inference.pipeline import Predictor
    from napari_probinst.core.inference.tile_cache import TileCache

#: Images of which something is kept; the one that was left the longest time ago makes room.
MOST_IMAGES = 8


def cache_folder() -> Path:
    """Folder that holds one folder for each image; the system may empty it."""
    return platformdirs.user_cache_path("napari-probinst", appauthor=False) / "tiles"


def kept_tiles(
    predictor: Predictor,
    checksum: str,
    settings: InferenceConfig,
    present: tuple[bool, ...] | None,
    note: Callable[[str], None],
) -> TileCache | None:
    """Return the cache of one image, model and settings; anything else of the image is removed.

    Parameters
    ----------
    predictor, settings, present
        As for `Predictor.tile_cache`.
    checksum : str
        The image's, as `image_checksum` gives it.
    note : callable
        Told in a sentence if nothing can be kept, or nothing more.

    Returns
    -------
    TileCache or None
        None if the folder can't be written: the prediction goes on without it.
    """

    def lose(error: OutputError) -> None:
        note(f"If it is cancelled, what is finished will not be kept: {error}")

    folder = cache_folder() / checksum[:16]
    cache = predictor.tile_cache(folder, checksum, settings, present, on_failure=lose)
    try:
        make_folder(folder.parent)
        cache.begin()
        _make_room(folder)
    except OutputError as error:
        lose(error)
        return None
    return cache


def _make_room(folder: Path) -> None:
    from napari_probinst.core.inference.tile_cache import remove_cache

    with suppress(OSError, OutputError):  # another window may remove some, too
        os.utime(folder)
        others = [path for path in folder.parent.iterdir() if path != folder]
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in others[MOST_IMAGES - 1 :]:
            remove_cache(path)
