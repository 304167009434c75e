"""Read predictions to be scored: a folder of ``predict``, or a COCO file of any program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.data.coco_reader import read_coco
from napari_probinst.core.data.flattening import exported_instances
from napari_probinst.core.data.naming import PREDICTION_SUFFIX
from napari_probinst.core.data.prediction_file import load_prediction
from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.names import matched_names, named_once
from napari_probinst.core.inference.entropy import confidence
from napari_probinst.core.instances import InstanceSet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.prediction import Prediction


@dataclass(frozen=True, slots=True, eq=False)
class PredictedImage:
    """What was predicted for one image.

    Parameters
    ----------
    name : str
        Name of the image (a well, for BBBC010).
    instances : InstanceSet
        Binary instances, none of them empty; of a native prediction those that it exports.
    scores : ndarray of float64, shape (n_instances,)
        Confidence of each, 0 to 1.
    prediction : Prediction or None
        The native prediction, where the source holds it: the uncertainty comes from it.
    """

    name: str
    instances: InstanceSet
    scores: NDArray[np.float64]
    prediction: Prediction | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PredictedImages:
    """The predictions of all images to be scored.

    Parameters
    ----------
    source : Path
        Where they were read.
    images : tuple of PredictedImage
        At least one; each name once.
    """

    source: Path
    images: tuple[PredictedImage, ...]

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Height and width of each image by its name, pixels."""
        return {image.name: image.instances.shape for image in self.images}

    @property
    def has_uncertainty(self) -> bool:
        """Whether every image has its native prediction."""
        return all(image.prediction is not None for image in self.images)

    def named(self, names: Sequence[str]) -> tuple[str, ...]:
        """Names of the images that ``names`` mean; see `matched_names`.

        Raises
        ------
        InputError
            If one of them is not among the images.
        """
        known = [image.name for image in self.images]
        return tuple(matched_names(names, known, self.source, "prediction to be scored").values())


def read_predictions(source: Path, names: Sequence[str] | None = None) -> PredictedImages:
    """Read predictions with their confidence.

    Parameters
    ----------
    source : Path
        Folder with ``NAME.prediction.npz``, or a COCO file with ``images`` and ``annotations``
        whose masks are run lengths or polygons. An image is called by its file name without
        suffix, or by its well where it is one of BBBC010; an image without annotations has no
        instance.
    names : sequence of str, optional
        Images to read, in this order and under these names; a well also stands for the one
        image whose name contains it. Default: all that the source holds, a folder's sorted by
        name.

    Raises
    ------
    InputError
        If the source can't be read, holds no image, lacks one of ``names``, or holds an image
        twice.
    """
    if not source.exists():
        raise InputError(f"{source} doesn't exist; give a COCO file or a folder of 'predict'.")
    images = _from_folder(source, names) if source.is_dir() else _from_coco(source, names)
    return PredictedImages(source, tuple(images))


def _from_folder(folder: Path, names: Sequence[str] | None) -> list[PredictedImage]:
    paths = {
        path.name.removesuffix(PREDICTION_SUFFIX): path
        for path in sorted(folder.glob(f"*{PREDICTION_SUFFIX}"))
        if not path.name.startswith(".")
    }
    if not paths:
        raise InputError(
            f"{folder} holds no *{PREDICTION_SUFFIX}; give the folder that 'predict' wrote, or a "
            "COCO file."
        )
    return [
        scored_image(name, load_prediction(paths[known]))
        for name, known in _chosen(names, list(paths), folder).items()
    ]


def scored_image(name: str, prediction: Prediction) -> PredictedImage:
    """Instances worth exporting of a native prediction, with the draws' agreement as score."""
    exported = exported_instances(prediction)
    return PredictedImage(
        name,
        InstanceSet(prediction.shape, tuple(exported.values())),
        confidence(prediction.instances)[list(exported)],
        prediction,
    )


def _from_coco(path: Path, names: Sequence[str] | None) -> list[PredictedImage]:
    records = {image.file_name: image for image in read_coco(path)}
    if not records:
        raise InputError(f"{path} lists no image; add those that were predicted to 'images'.")
    file_names = named_once(records, path)
    images = []
    for name, known in _chosen(names, list(file_names), path).items():
        record = records[file_names[known]]
        instances = InstanceSet(record.shape, tuple(record.instances))
        images.append(PredictedImage(name, instances, np.array(record.scores, dtype=np.float64)))
    return images


def _chosen(names: Sequence[str] | None, known: Sequence[str], source: Path) -> dict[str, str]:
    if names is None:
        return {name: name for name in known}
    return dict(matched_names(names, known, source, "prediction"))
