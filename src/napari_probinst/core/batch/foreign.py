"""Files of other commands and programs where the results of a run would be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import tifffile

from napari_probinst.core.batch.results import result_names
from napari_probinst.core.data.exports import PEAK_COLUMNS
from napari_probinst.core.data.naming import (
    COCO_NAME,
    PEAKS_SUFFIX,
    PREDICTION_SUFFIX,
    ZARR_SUFFIX,
)
from napari_probinst.core.data.ome_zarr_reader import is_own_export
from napari_probinst.core.data.prediction_file import load_origin
from napari_probinst.core.errors import InputError
from napari_probinst.core.inference.image_ranking import IMAGE_COLUMNS, IMAGES_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def foreign_files(folder: Path, names: Iterable[str]) -> list[Path]:
    """Files that the results of images would replace, and that no run of a model wrote.

    What lies beside a prediction of a model belongs to it, and a prediction that is damaged is
    one that is made again. Without a prediction, a file is known by what it says.

    Parameters
    ----------
    folder : Path
        For the results; may not exist yet.
    names : iterable of str
        Names of the images.
    """
    if not folder.is_dir():
        return []
    there = {path.name for path in folder.iterdir()}
    found = [
        folder / name
        for name, known in ((COCO_NAME, _is_own_data_set), (IMAGES_NAME, _is_own_table))
        if name in there and not known(folder / name)
    ]
    for name in names:
        zarr = f"{name}{ZARR_SUFFIX}"
        if zarr in there and not is_own_export(folder / zarr):
            found.append(folder / zarr)
        prediction = f"{name}{PREDICTION_SUFFIX}"
        if prediction in there:
            found += [folder / prediction] * _is_agglomeration(folder / prediction)
            continue
        files = [folder / each for each in result_names(name) if each in there]
        found += [path for path in files if not _is_own_export(path)]
    return found


def _is_agglomeration(path: Path) -> bool:
    """Whether a prediction was made without a model, of segmentations."""
    try:
        return not load_origin(path).provenance.model_checksum
    except InputError:
        return False


def _is_own_export(path: Path) -> bool:
    if path.name.endswith(PEAKS_SUFFIX):
        return _begins_with(path, PEAK_COLUMNS)
    try:
        with tifffile.TiffFile(path) as file:
            description = json.loads(file.pages.first.description)
    except (OSError, ValueError):  # it is no TIFF, or says something else
        return False
    return isinstance(description, dict) and "n_draws" in description


def _is_own_table(path: Path) -> bool:
    return _begins_with(path, IMAGE_COLUMNS)


def _is_own_data_set(path: Path) -> bool:
    try:
        return "napari-probinst" in json.loads(path.read_bytes())["info"]["description"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _begins_with(path: Path, columns: Iterable[str]) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().rstrip("\r\n") == ",".join(columns)
    except (OSError, UnicodeDecodeError):
        return False
