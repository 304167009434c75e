"""The figures of a report, as PNG."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.core.evaluation.instance_plots import Sample, sample_figure, worst_figure
from napari_probinst.core.evaluation.pairing import assigned
from napari_probinst.core.evaluation.pixels import find_pictures, read_picture
from napari_probinst.core.evaluation.segmentation_plots import threshold_figure
from napari_probinst.core.evaluation.uncertainty_plots import uncertainty_figures
from napari_probinst.core.inference.entropy import entropy_map

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_probinst.core.evaluation.evaluate import Evaluation
    from napari_probinst.core.evaluation.predicted import PredictedImage

_DOTS_PER_INCH = 110

_CAPTIONS = {
    "samples": (
        "Images with predictions, truth and uncertainty (figure 1 of the paper). Colours tell "
        "instances apart, are those of the matched prediction in the truth, and mix where "
        "instances overlap; fluorescence is red; the uncertainty is the highest entropy of any "
        "instance."
    ),
    "uncertainty": (
        "Left, figure 2 of the paper: a patch is uncertain if its mean entropy exceeds the "
        "threshold. Right: errors found at equal shares of flagged patches, beside the distance "
        "to the predicted boundary and random order."
    ),
    "reliability": "Probability of a pixel, and how often it belongs to the matched true instance.",
    "risk_coverage": (
        "Share of wrong instances among those that the draws agree on most (mean pairwise IoU)."
    ),
    "thresholds": "Scores over the IoU threshold, and the DSB of each image.",
    "worst": (
        "The instances with the smallest IoU, the largest first among equals. Thick lines: the "
        "true instance in blue, the predicted one in orange; thin lines: their neighbours."
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class ReportFigure:
    """A figure ready to be shown.

    Parameters
    ----------
    name : str
        File name without suffix.
    caption : str
        What it shows.
    png : bytes
        The picture.
    """

    name: str
    caption: str
    png: bytes


def report_figures(
    evaluation: Evaluation, truth: Path, names: Sequence[str] | None = None
) -> dict[str, ReportFigure]:
    """Draw all figures of a report.

    Parameters
    ----------
    evaluation : Evaluation
        What is reported.
    truth : Path
        Where the truth was read: for BBBC010, the pixels are found beside it.
    names : sequence of str, optional
        Scored images of the figure of samples. Default: those of the lowest, the median and the
        highest DSB.

    Returns
    -------
    dict of str to ReportFigure
        ``samples``, ``thresholds``; ``worst`` unless everything agrees exactly; and those of
        `uncertainty_figures` where the uncertainty was scored.
    """
    chosen = names or _typical(evaluation)
    needed = {*chosen, *(instance.image for instance in evaluation.worst)}
    samples = _samples(evaluation, truth, needed)
    figures = {
        "samples": sample_figure([samples[name] for name in chosen]),
        "thresholds": threshold_figure(evaluation.scores, evaluation.images),
    }
    if evaluation.worst:
        figures["worst"] = worst_figure(evaluation.worst, samples)
    if evaluation.uncertainty is not None:
        figures.update(uncertainty_figures(evaluation.uncertainty))
    return {
        name: ReportFigure(name, _CAPTIONS.get(name, ""), _png(figure))
        for name, figure in figures.items()
    }


def _typical(evaluation: Evaluation) -> list[str]:
    ordered = sorted(evaluation.images, key=lambda image: (image.dsb, image.name))
    places = dict.fromkeys((0, (len(ordered) - 1) // 2, len(ordered) - 1))
    return [ordered[place].name for place in places]


def _samples(evaluation: Evaluation, truth: Path, names: set[str]) -> dict[str, Sample]:
    pictures = find_pictures(truth)
    return {
        image.name: Sample(
            name=image.name,
            predicted=image.instances,
            truth=evaluation.truth[image.name],
            partners=assigned(scores.iou),
            picture=read_picture(pictures, image.name, image.instances.shape),
            entropy=_entropy(image),
        )
        for image, scores in zip(evaluation.predicted.images, evaluation.images, strict=True)
        if image.name in names
    }


def _entropy(image: PredictedImage) -> NDArray[np.float32] | None:
    return None if image.prediction is None else entropy_map(image.prediction.instances)


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DOTS_PER_INCH, facecolor="white")
    return content.getvalue()
