"""The files of one prediction: how they are written, and whether they are all there."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

from napari_probinst.core.batch.result_zarr import write_result_zarr
from napari_probinst.core.data.atomic import output_error
from napari_probinst.core.data.exports import check_stack_sizes, coco_image, export_prediction
from napari_probinst.core.data.naming import (
    COUNTS_SUFFIX,
    ENTROPY_SUFFIX,
    INSTANCES_SUFFIX,
    LABELS_SUFFIX,
    PEAKS_SUFFIX,
    PREDICTION_SUFFIX,
    PROBABILITY_SUFFIX,
    ZARR_SUFFIX,
)
from napari_probinst.core.data.ome_zarr_reader import is_own_export
from napari_probinst.core.data.prediction_file import load_prediction, save_prediction
from napari_probinst.core.errors import InputError
from napari_probinst.core.inference.entropy import confidence, entropy_map, probability_map

if TYPE_CHECKING:
    from pathlib import Path

    from napari_probinst.core.data.coco import CocoImage
    from napari_probinst.core.prediction import Prediction

_ALWAYS = (PREDICTION_SUFFIX, LABELS_SUFFIX, PROBABILITY_SUFFIX, ENTROPY_SUFFIX, PEAKS_SUFFIX)
_STACKS = (INSTANCES_SUFFIX, COUNTS_SUFFIX)


def result_names(name: str) -> tuple[str, ...]:
    """Names of the files that `write_results` writes or removes for the image ``name``."""
    return tuple(f"{name}{suffix}" for suffix in _ALWAYS + _STACKS)


def write_results(
    prediction: Prediction,
    folder: Path,
    file_name: str,
    *,
    stacks: bool = False,
    ome_zarr: bool = False,
) -> tuple[CocoImage, int]:
    """Write the native prediction and its exports.

    Results of an earlier prediction of the same image are removed first, so that files which
    lie side by side always belong together, wherever the process is stopped.

    Parameters
    ----------
    prediction : Prediction
        Result for one image, NAME.
    folder : Path
        Exists; gets ``NAME.prediction.npz``, ``NAME.labels.tif`` and the others.
    file_name : str
        File name of the image, for the COCO data set.
    stacks : bool, default False
        Also write the stacks of masks and of counts.
    ome_zarr : bool, default False
        Also write ``NAME.prediction.ome.zarr``.

    Returns
    -------
    CocoImage
        The image's part of the COCO data set of all images.
    int
        Pixels that belong to more than one instance.

    Raises
    ------
    OutputError
        If a file can't be written, or the stacks would be too large (then nothing is changed).
    """
    if stacks:
        check_stack_sizes(prediction)
    _remove(prediction.name, folder)
    save_prediction(prediction, folder / f"{prediction.name}{PREDICTION_SUFFIX}")
    n_overlap = write_exports(prediction, folder, stacks=stacks, ome_zarr=ome_zarr)
    return coco_record(prediction, file_name), n_overlap


def write_exports(
    prediction: Prediction, folder: Path, *, stacks: bool = False, ome_zarr: bool = False
) -> int:
    """Write what `write_results` makes of a prediction that is in the folder already.

    Parameters and errors are those of `write_results`.

    Returns
    -------
    int
        Pixels that belong to more than one instance.
    """
    if stacks:
        check_stack_sizes(prediction)
    n_overlap = export_prediction(
        prediction,
        folder,
        probability=partial(probability_map, prediction.instances),
        entropy=partial(entropy_map, prediction.instances),
        stacks=stacks,
    )
    if ome_zarr:
        write_result_zarr(prediction, folder / f"{prediction.name}{ZARR_SUFFIX}", n_overlap)
    return n_overlap


def coco_record(prediction: Prediction, file_name: str) -> CocoImage:
    """Exported instances with their confidence, as an image of a COCO data set."""
    return coco_image(prediction, file_name, confidence(prediction.instances))


def found_prediction(name: str, folder: Path) -> Prediction | None:
    """Read the prediction of an image that was written to a folder.

    Parameters
    ----------
    name : str
        Name of the image.
    folder : Path
        Where its results would be.

    Returns
    -------
    Prediction or None
        None if there is none, or it can't be read: it has to be made again.
    """
    path = folder / f"{name}{PREDICTION_SUFFIX}"
    try:
        return load_prediction(path) if path.is_file() else None
    except InputError:
        return None


def has_all_exports(
    name: str, folder: Path, *, stacks: bool = False, ome_zarr: bool = False
) -> bool:
    """Whether every file is there that `write_results` makes of a prediction.

    Parameters
    ----------
    name, folder
        As for `found_prediction`.
    stacks, ome_zarr
        As for `write_results`.
    """
    suffixes = _ALWAYS + (_STACKS if stacks else ())
    if not all((folder / f"{name}{suffix}").is_file() for suffix in suffixes):
        return False
    return not ome_zarr or (folder / f"{name}{ZARR_SUFFIX}").is_dir()


def _remove(name: str, folder: Path) -> None:
    for file_name in result_names(name):
        path = folder / file_name
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(path, error) from error
    zarr = folder / f"{name}{ZARR_SUFFIX}"
    if not is_own_export(zarr):  # nothing there, or what somebody else made
        return
    try:
        shutil.rmtree(zarr)
    except OSError as error:
        raise output_error(zarr, error) from error
