"""The files of one prediction, as every command that makes predictions writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from napari_probinst.core.data.coco import CocoImage
    from napari_probinst.core.prediction import Prediction


def write_results(
    prediction: Prediction, folder: Path, file_name: str, *, stacks: bool = False
) -> tuple[CocoImage, str]:
    """Write the native prediction and its exports.

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

    Returns
    -------
    CocoImage
        The image's part of the COCO data set of all images.
    str
        What was found, in words.

    Raises
    ------
    OutputError
        If a file can't be written, or the stacks would be too large (then nothing is written).
    """
    from napari_probinst.core.data.exports import check_stack_sizes, coco_image, export_prediction
    from napari_probinst.core.data.naming import PREDICTION_SUFFIX
    from napari_probinst.core.data.prediction_file import save_prediction
    from napari_probinst.core.inference.entropy import confidence, entropy_map, probability_map

    if stacks:
        check_stack_sizes(prediction)
    save_prediction(prediction, folder / f"{prediction.name}{PREDICTION_SUFFIX}")
    n_overlap = export_prediction(
        prediction,
        folder,
        probability=probability_map(prediction.instances),
        entropy=entropy_map(prediction.instances),
        stacks=stacks,
    )
    record = coco_image(prediction, file_name, confidence(prediction.instances))
    return record, (
        f"{len(record.instances)} instances, {n_overlap} overlap pixels, "
        f"{len(prediction.peaks)} peaks"
    )
