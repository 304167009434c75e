"""True instances that a user chose: a layer, or files as `evaluate --truth` takes them."""

from __future__ import annotations

from dataclasses import dataclass
from operator import ge
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.data.files import IMAGE_SUFFIXES
from napari_probinst.core.data.masks import from_labels, read_instances
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import InstanceSet
from napari_probinst.widgets.pages import page_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape


@dataclass(frozen=True, slots=True, eq=False)
class LayerTruth:
    """True instances in a layer of the viewer.

    Parameters
    ----------
    name : str
        Name of the layer.
    labels : ndarray of int, shape (height, width) or (n_instances, height, width)
        Label image, or one mask a plane; of a stack, those of the plane in question.
    """

    name: str
    labels: NDArray[Any]

    @classmethod
    def of(cls, layer: Layer, plane: Sequence[int] = ()) -> LayerTruth:
        """Copy the labels of a layer: it may be painted on meanwhile.

        Parameters
        ----------
        layer : Layer
            With labels.
        plane : sequence of int, default ()
            Which plane of a stack is in question. The first axes of the layer are taken for those
            of the stack; a layer of two axes is taken for the labels of this very plane.

        Raises
        ------
        InputError
            If the layer has no such plane.
        """
        labels, plane, name = page_of(layer), tuple(plane), str(layer.name)
        leading = tuple(labels.shape[:-2])
        if not plane or not leading:
            return cls(name, np.array(labels))
        if len(leading) < len(plane) or any(map(ge, plane, leading)):
            raise InputError(
                f"The layer '{name}' has planes of the shape {leading}, and none at {plane}; "
                "choose the labels of the whole stack, or those of this plane."
            )
        return cls(name, np.array(labels[plane]))


def read_image_truth(truth: LayerTruth | Path, name: str, shape: Shape) -> InstanceSet:
    """True instances of one image.

    Parameters
    ----------
    truth : LayerTruth or Path
        A layer; or a folder or file as `read_truth` takes it. One file of masks needs no name.
    name : str
        Name of the image.
    shape : (int, int)
        Its height and width, pixels.

    Raises
    ------
    InputError
        If there is no truth of this image, or it is of another size, or can't be read.
    """
    # scikit-learn and pycocotools are imported here, not when a dock opens.
    from napari_probinst.core.evaluation.truth import read_truth

    if isinstance(truth, LayerTruth):
        return _of_layer(truth, shape)
    if truth.is_file() and truth.suffix.lower() in IMAGE_SUFFIXES:
        return read_instances(truth, shape)
    return read_truth(truth, {name: shape})[name]


def _of_layer(truth: LayerTruth, shape: Shape) -> InstanceSet:
    labels = truth.labels.reshape(-1, *truth.labels.shape[-2:])
    height, width = labels.shape[1:]
    if (height, width) != tuple(shape):
        raise InputError(
            f"The layer '{truth.name}' is {height} x {width} pixels, but the prediction is "
            f"{shape[0]} x {shape[1]}; choose the truth of this image."
        )
    if len(labels) == 1:
        return from_labels(labels[0])
    for number, plane in enumerate(labels):
        if len(np.unique(plane[plane != 0])) > 1:
            raise InputError(
                f"The layer '{truth.name}' has {len(labels)} planes, and several labels on plane "
                f"{number}; expected a label image, or one mask a plane."
            )
    masks = [plane != 0 for plane in labels if plane.any()]
    return InstanceSet.from_masks(masks, (height, width))
