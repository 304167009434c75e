"""The results of one image as OME-Zarr: probability and entropy, and the instances as labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.curation.export import predicted_instances
from napari_probinst.core.data.flattening import export_rule
from napari_probinst.core.data.ome_zarr import Picture, write_labelled
from napari_probinst.core.inference.entropy import entropy_map, probability_map

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox
    from napari_probinst.core.prediction import Prediction

#: Channels of the image, and the highest value that each can have.
CHANNELS = {"probability": 1.0, "entropy": math.log(2)}


def write_result_zarr(prediction: Prediction, path: Path, n_overlap: int) -> None:
    """Write a folder ``*.ome.zarr``, chunk by chunk: no page is in memory as a whole.

    Its image has the channels probability (0 to 1) and entropy (nats, 0 to ln 2), each the
    maximum over instances, as float32. Its label images are those of `write_labelled`.

    Parameters
    ----------
    prediction : Prediction
        Result for one image.
    path : Path
        Folder to write; one that this program wrote is replaced.
    n_overlap : int
        Pixels that belong to more than one instance.

    Raises
    ------
    OutputError
        If there is something else at ``path``, or it can't be written.
    """

    def render(within: BBox, step: int) -> NDArray[Any]:
        return np.stack(
            [
                probability_map(prediction.instances, within, step),
                entropy_map(prediction.instances, within, step),
            ]
        )

    channels = [
        {
            "label": name,
            "color": "FFFFFF",
            "active": True,
            "window": {"min": 0.0, "max": highest, "start": 0.0, "end": highest},
        }
        for name, highest in CHANNELS.items()
    ]
    write_labelled(
        path,
        Picture(np.float32, render, len(CHANNELS), {"omero": {"channels": channels}}),
        predicted_instances(prediction),
        prediction.shape,
        prediction.name,
        prediction.pixel_size,
        about={
            "n_overlap_pixels": n_overlap,
            **export_rule(prediction),
            "curated": False,
        },
    )
