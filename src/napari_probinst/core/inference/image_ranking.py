"""Images by their uncertainty: which of them is worth annotating next.

This is Bayesian active learning, the other use of the uncertainty that the paper names in its
conclusion; Y. Gal, R. Islam, Z. Ghahramani, "Deep Bayesian Active Learning with Image Data",
ICML 2017.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_probinst.core.bernoulli import entropy_levels
from napari_probinst.core.data.atomic import atomic_file
from napari_probinst.core.data.flattening import exported_instances
from napari_probinst.core.data.naming import PREDICTION_SUFFIX
from napari_probinst.core.data.prediction_file import load_prediction
from napari_probinst.core.data.spreadsheet import as_text
from napari_probinst.core.errors import InputError
from napari_probinst.core.inference.jitter import count_jitter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.prediction import Prediction

#: Sum of the entropy, or its mean over the foreground.
Score = Literal["sum", "mean"]

IMAGES_NAME = "images.csv"
IMAGE_COLUMNS = ("image", "instances", "peaks", "entropy", "mean_entropy", "seconds")


@dataclass(frozen=True, slots=True)
class ImageUncertainty:
    """How uncertain the prediction of one image is.

    Parameters
    ----------
    image : str
        Name of the image.
    n_instances : int
        Instances that are exported, as in the label image.
    n_peaks : int
        Ranked peaks.
    entropy : float
        Σ over all instances and their pixels of the entropy of the draws' votes, nats: what the
        peaks' mass is part of. It grows with the doubts that an annotation would settle.
    mean_entropy : float
        ``entropy`` divided by the foreground: the pixels that at least one draw gives to an
        instance, once for each instance. Nats, 0 to ln 2; 0 where there is no instance.
    seconds : float, optional
        Time of the prediction, where it was just made.
    n_jitter : int, default 0
        Peaks at which an outline wavers, and no more; see `jitter_mass`.
    """

    image: str
    n_instances: int
    n_peaks: int
    entropy: float
    mean_entropy: float
    seconds: float | None = None
    n_jitter: int = 0

    def score(self, by: Score = "sum") -> float:
        """Value that ranks the image, nats."""
        return self.entropy if by == "sum" else self.mean_entropy


def image_uncertainty(prediction: Prediction, seconds: float | None = None) -> ImageUncertainty:
    """Sum up the uncertainty of a prediction.

    Parameters
    ----------
    prediction : Prediction
        Of one image.
    seconds : float, optional
        Time that it took.
    """
    votes = _votes(prediction)
    entropy = _entropy(votes)
    foreground = int(votes[1:].sum())
    return ImageUncertainty(
        image=prediction.name,
        n_instances=len(exported_instances(prediction)),
        n_peaks=len(prediction.peaks),
        entropy=entropy,
        mean_entropy=entropy / foreground if foreground else 0.0,
        seconds=seconds,
        n_jitter=count_jitter(prediction.peaks, prediction.settings.patch),
    )


def image_entropy(prediction: Prediction) -> float:
    """Return `ImageUncertainty.entropy` alone, without making a mask, nats."""
    return _entropy(_votes(prediction))


def _votes(prediction: Prediction) -> NDArray[np.int64]:
    """Pixels by their votes: whole numbers, whose sum depends on no order."""
    instances = prediction.instances
    votes = np.zeros(instances.n_draws + 1, dtype=np.int64)
    for instance in instances.instances:
        votes += np.bincount(instance.counts.ravel(), minlength=len(votes))
    return votes


def _entropy(votes: NDArray[np.int64]) -> float:
    return float(votes @ entropy_levels(len(votes) - 1))


def rank_images(images: Iterable[ImageUncertainty], by: Score = "sum") -> list[ImageUncertainty]:
    """Most uncertain first; on a tie in the order of the names.

    Parameters
    ----------
    images : iterable of ImageUncertainty
        In any order.
    by : "sum" or "mean", default "sum"
        Which entropy ranks them. The sum favours images of many instances, the mean does not.
    """
    return sorted(images, key=lambda image: (-image.score(by), image.image))


def rank_results(folder: Path, by: Score = "sum") -> list[ImageUncertainty]:
    """Rank the images whose results are in a folder.

    Parameters
    ----------
    folder : Path
        With ``NAME.prediction.npz`` for each image.
    by : "sum" or "mean", default "sum"
        See `rank_images`.

    Raises
    ------
    InputError
        If the folder holds no prediction, or one that is damaged.
    """
    paths = sorted(folder.glob(f"*{PREDICTION_SUFFIX}"))
    if not paths:
        raise InputError(
            f"{folder} holds no results; expected files that end in {PREDICTION_SUFFIX}, as "
            "'napari-probinst predict' writes them."
        )
    # One prediction at a time is in memory.
    return rank_images((image_uncertainty(load_prediction(path)) for path in paths), by)


def write_images(images: Iterable[ImageUncertainty], path: Path) -> None:
    """Write images as CSV in the order given, the columns being `IMAGE_COLUMNS`.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(IMAGE_COLUMNS)
    for image in images:
        seconds = "" if image.seconds is None else f"{image.seconds:.2f}"
        entropies = [f"{value:.9g}" for value in (image.entropy, image.mean_entropy)]
        counts = (image.n_instances, image.n_peaks)
        writer.writerow([as_text(image.image), *counts, *entropies, seconds])
    with atomic_file(path) as file:
        file.write(text.getvalue().encode())
