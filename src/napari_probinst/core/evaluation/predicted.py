"""Read predictions to be scored: a folder of ``predict``, or masks or COCO of any program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import normalize

import numpy as np

from napari_probinst.core.data.coco_reader import is_coco, read_coco
from napari_probinst.core.data.flattening import exported_instances
from napari_probinst.core.data.naming import PREDICTION_SUFFIX
from napari_probinst.core.data.prediction_file import load_prediction
from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.instance_files import predicted_files
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
        Confidence of each, 0 to 1; of another program any finite numbers.
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
    def has_scores(self) -> bool:
        """Whether the scores rank the instances: not where there are none, or all the same."""
        scores = [image.scores for image in self.images if len(image.scores)]
        return len(scores) > 0 and len(np.unique(np.concatenate(scores))) > 1

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


def read_predictions(
    source: Path,
    names: Sequence[str] | None = None,
    truth: Path | None = None,
    *,
    corrected: bool = False,
) -> PredictedImages:
    """Read predictions with their confidence.

    Parameters
    ----------
    source : Path
        Folder with ``NAME.prediction.npz``; one of label images, stacks of masks, corrected
        results or sessions, or one of these (see `predicted_files`), which state no scores: all
        are 1; or a COCO file: ``images`` and ``annotations``, or the list of annotations that
        COCO calls results. Its masks are run lengths or polygons. An image is called by its file
        name without suffix, or by its well where it is one of BBBC010; an image without
        annotations has no instance.
    names : sequence of str, optional
        Images to read, in this order and under these names; a well also stands for the one
        image whose name contains it. Default: all that the source holds, a folder's sorted by
        name.
    truth : Path, optional
        Where the truth is. Of a COCO file, a list of results gets its images, all of them.
    corrected : bool, default False
        Read sessions and corrected results of a folder, although predictions lie beside them.

    Raises
    ------
    InputError
        If the source can't be read, holds no image, lacks one of ``names``, holds an image
        twice, or a prediction under another image's name.
    """
    if not source.exists():
        raise InputError(
            f"{source} doesn't exist; give a folder of 'predict' or of masks, or a COCO file."
        )
    if corrected and source.is_file():
        raise InputError(
            f"{source} is a file; corrected results are those of a folder, so give it."
        )
    if is_coco(source):
        images = _from_coco(source, names, truth)
    elif corrected or not (paths := _native(source)):
        images = _from_masks(source, names, corrected=corrected)
    else:
        images = _from_folder(source, paths, names)
    return PredictedImages(source, tuple(images))


def _native(folder: Path) -> dict[str, Path]:
    """Files of native predictions by the name that they are called."""
    return {
        path.name.removesuffix(PREDICTION_SUFFIX): path
        for path in sorted(folder.glob(f"*{PREDICTION_SUFFIX}"))
        if not path.name.startswith(".")
    }


def _from_folder(
    folder: Path, paths: dict[str, Path], names: Sequence[str] | None
) -> list[PredictedImage]:
    return [
        scored_image(name, _of_its_name(paths[known], known))
        for name, known in _chosen(names, list(paths), folder).items()
    ]


def _from_masks(
    source: Path, names: Sequence[str] | None, *, corrected: bool
) -> list[PredictedImage]:
    found = predicted_files(source, corrected=corrected)
    if not found:
        what = "session NAME.probinst and no NAME.corrected.instances.tif"
        if not corrected:
            what = f"*{PREDICTION_SUFFIX}, no session, no label image and no stack of masks"
        raise InputError(
            f"{source} holds no {what}; give the folder that 'predict' wrote, masks named like "
            "the images, or a COCO file."
        )
    images = []
    for name, known in _chosen(names, sorted(found), source).items():
        read = found[known].read()
        instances = tuple(each for each in read.instances if each.mask.any())
        images.append(
            PredictedImage(name, InstanceSet(read.shape, instances), np.ones(len(instances)))
        )
    return images


def _of_its_name(path: Path, name: str) -> Prediction:
    """Prediction of a file that is called as its image: no other image's truth is taken for it."""
    prediction = load_prediction(path)
    # The same letters may be written in two ways, of which some disks change one to the other.
    called, own = (normalize("NFC", each.strip()) for each in (name, prediction.name))
    if called != own:
        raise InputError(
            f"{path} holds the prediction of {prediction.name}: give the file that name back, so "
            "that it is scored against its own truth."
        )
    return prediction


def scored_image(name: str, prediction: Prediction) -> PredictedImage:
    """Instances worth exporting of a native prediction, with the draws' agreement as score."""
    exported = exported_instances(prediction)
    return PredictedImage(
        name,
        InstanceSet(prediction.shape, tuple(exported.values())),
        confidence(prediction.instances)[list(exported)],
        prediction,
    )


def _from_coco(path: Path, names: Sequence[str] | None, truth: Path | None) -> list[PredictedImage]:
    listing = truth if truth is not None and is_coco(truth) else None
    records = {image.file_name: image for image in read_coco(path, listing)}
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
