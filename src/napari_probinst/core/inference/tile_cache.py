"""What a prediction of a large image has found so far, on the disk: a stopped run goes on there.

A folder holds the instances of every finished tile of the draw that is under way, and those of
every finished draw, whose tiles are removed: together not more than the prediction itself and
one draw's tiles. Where workers compute tiles apart, those of all draws lie there until the end.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst import __version__
from napari_probinst.core.data.atomic import atomic_file, make_folder, output_error
from napari_probinst.core.data.packing import packed_boxes, packed_masks, unpacked
from napari_probinst.core.data.raster import DAMAGE
from napari_probinst.core.errors import OutputError
from napari_probinst.core.instances import InstanceSet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.inference.tiling import Tile
    from napari_probinst.core.network.device import Runtime

#: File that says which prediction a folder belongs to.
_KEY_NAME = "key.txt"
#: Settings that the instances of a draw don't depend on.
_AFTERWARDS = {
    "n_draws",
    "probability_threshold",
    "existence_threshold",
    "patch",
    "ranking",
    "size_outliers",
}


def prediction_key(
    image: str, present: Sequence[bool] | None, models: Sequence[str], settings: InferenceConfig
) -> str:
    """All that the instances of a draw depend on, for `TileCache`.

    Parameters
    ----------
    image : str
        Checksum of the image.
    present : sequence of bool or None
        Which channels there are.
    models : sequence of str
        Checksums of the models.
    settings : InferenceConfig
        Scale, seed and thresholds.
    """
    key = {
        "image": image,
        "present": None if present is None else list(present),
        "models": list(models),
        "settings": settings.model_dump(mode="json", exclude=_AFTERWARDS),
        "program": __version__,
    }
    return json.dumps(key, sort_keys=True)


class TileCache:
    """Folder of one prediction of one image.

    It is made when there is something to keep, so that predicting small images leaves no trace.

    Parameters
    ----------
    folder : Path
        Its parent exists. What it holds of another prediction (of other pixels, models or
        settings) is removed.
    key : str
        All that the instances of a draw depend on, whatever it is called.
    on_failure : callable, optional
        Told, once, why something can't be kept, instead of an error: nothing more is kept then.
    """

    def __init__(
        self, folder: Path, key: str, on_failure: Callable[[OutputError], None] | None = None
    ) -> None:
        self._folder = folder
        self._key = key
        self._on_failure = on_failure
        self._is_ready = False
        self._has_failed = False
        self._lock = Lock()

    def begin(self) -> None:
        """Make the folder, before several processes keep their parts in it."""
        self._prepare()

    def draw(self, key: str, shape: Shape) -> DrawTiles:
        """Part of the cache for one draw, of an image of ``shape`` (height, width)."""
        return DrawTiles(self, _digest(key), shape)

    def remove(self) -> None:
        """Remove the folder: the prediction is complete.

        Raises
        ------
        OutputError
            If it can't be removed.
        """
        remove_cache(self._folder)

    def find(self, *names: str, shape: Shape) -> InstanceSet | None:
        """Read what was kept under these names; None if nothing was, or it is damaged."""
        if not self._is_ready and _text(self._folder / _KEY_NAME) != self._key:
            return None
        return _load(self._folder.joinpath(*names), shape)

    def keep(self, *names: str, instances: InstanceSet) -> bool:
        """Keep instances under these names; return whether they are there now.

        Raises
        ------
        OutputError
            If they can't be written, and there is no ``on_failure``.
        """
        if self._has_failed:
            return False
        try:
            self._prepare()
            path = self._folder.joinpath(*names)
            make_folder(path.parent)
            _save(instances, path)
        except OutputError as error:
            if self._on_failure is None:
                raise
            with self._lock:
                is_first, self._has_failed = not self._has_failed, True
            if is_first:
                self._on_failure(error)
            return False
        return True

    def forget(self, *names: str) -> None:
        """Remove a folder of the cache, if it is there."""
        shutil.rmtree(self._folder.joinpath(*names), ignore_errors=True)

    def _prepare(self) -> None:
        # Tiles are kept by several threads.
        with self._lock:
            if self._is_ready:
                return
            if _text(self._folder / _KEY_NAME) != self._key:
                self.remove()
                make_folder(self._folder)
                with atomic_file(self._folder / _KEY_NAME) as file:
                    file.write(self._key.encode())
            self._is_ready = True


@dataclass(frozen=True, slots=True)
class DrawTiles:
    """Tiles of one draw in a cache; a `TileStore`.

    Parameters
    ----------
    cache : TileCache
        Where they are.
    name : str
        Of the draw, in the cache.
    shape : (int, int)
        Height and width of the image, pixels.
    conditions : str, default ""
        How it is computed: on which device, in tiles of what size.
    """

    cache: TileCache
    name: str
    shape: Shape
    conditions: str = ""

    def under(self, runtime: Runtime, extent: Shape) -> DrawTiles:
        """Same draw on a device, in tiles of a size; what another way found is no part of it."""
        return replace(self, conditions=f"{runtime} {extent}")

    def find(self, tile: Tile) -> InstanceSet | None:
        """Instances in a tile, in its pixels, if they were kept."""
        return self.cache.find(self.name, self._file(tile), shape=tile.shape)

    def keep(self, tile: Tile, instances: InstanceSet) -> None:
        """Keep the instances of a tile."""
        self.cache.keep(self.name, self._file(tile), instances=instances)

    def find_whole(self) -> InstanceSet | None:
        """Instances of the finished draw, if it was."""
        return self.cache.find(f"{self.name}.npz", shape=self.shape)

    def keep_whole(self, instances: InstanceSet) -> None:
        """Keep the finished draw; its tiles are removed."""
        if self.cache.keep(f"{self.name}.npz", instances=instances):
            self.cache.forget(self.name)

    def _file(self, tile: Tile) -> str:
        return f"{_digest(repr((self.conditions, tile.outer, tile.core)))}.npz"


def remove_cache(folder: Path) -> None:
    """Remove the folder of a cache, if it is there.

    Raises
    ------
    OutputError
        If it can't be removed.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise output_error(folder, error) from error


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _save(instances: InstanceSet, path: Path) -> None:
    boxes = packed_boxes(one.bbox for one in instances.instances).astype(np.int64)
    with atomic_file(path) as file:
        np.savez_compressed(file, boxes=boxes, masks=packed_masks(instances.instances))


def _load(path: Path, shape: Shape) -> InstanceSet | None:
    # What a full disk or a fault of it has left is made again; nothing is lost but time.
    try:
        # Opened here: NumPy leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            boxes, masks = arrays["boxes"], arrays["masks"]
        return InstanceSet(shape, unpacked(boxes, masks, shape))
    except (OSError, *DAMAGE):
        return None
