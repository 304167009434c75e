"""The files of one prediction, and the words for what is in them, for every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from napari_probinst.core.data.coco import CocoImage
    from napari_probinst.core.prediction import Prediction


def write_results(
    prediction: Prediction, folder: Path, file_name: str, *, stacks: bool = False
) -> tuple[CocoImage, str]:
    """Write the native prediction and its exports, and say what was found.

    Parameters, errors and the record that is returned are those of
    `napari_probinst.core.batch.results.write_results`.
    """
    from napari_probinst.core.batch import results

    record, n_overlap = results.write_results(prediction, folder, file_name, stacks=stacks)
    return record, found(len(record.instances), n_overlap, len(prediction.peaks))


def found(n_instances: int, n_overlap: int | None, n_peaks: int) -> str:
    """What was found in an image, in words; the overlap where it is known."""
    overlap = "" if n_overlap is None else f"{n_overlap} overlap pixels, "
    return f"{n_instances} instances, {overlap}{n_peaks} peaks"
