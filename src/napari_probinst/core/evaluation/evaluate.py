"""Score predictions against the truth: everything a report tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.bootstrap import Interval, bootstrap_intervals
from napari_probinst.core.evaluation.coco_ap import CocoAveragePrecision, CocoEvaluation
from napari_probinst.core.evaluation.segmentation import (
    ImageScores,
    SegmentationScores,
    score_image,
    summarise,
)
from napari_probinst.core.evaluation.uncertainty import UncertaintyScores, score_uncertainty
from napari_probinst.core.evaluation.worst import WorstInstance, worst_instances

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_probinst.core.evaluation.predicted import PredictedImages
    from napari_probinst.core.instances import InstanceSet

#: Instances that a report shows.
N_WORST = 10
#: Attributes of `UncertaintyScores` that are one number each.
UNCERTAINTY_KEYS = ("p_accurate_certain_005", "p_uncertain_inaccurate_005", "flagged_005")
#: Resamples of the images behind each confidence interval.
N_RESAMPLES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Predictions, truth, and all scores of one against the other.

    Parameters
    ----------
    predicted : PredictedImages
        What was scored.
    truth : mapping of str to InstanceSet
        True instances by image.
    images : tuple of ImageScores
        In the order of ``predicted``.
    scores : SegmentationScores
        Of all images together.
    coco : CocoAveragePrecision
        Ranked by the score of the predictions.
    coco_constant : CocoAveragePrecision
        With the same score for all predictions: what programs reach that give none.
    intervals : mapping of str to (float, float)
        95 % bootstrap interval over images of each score; empty with a single image.
    worst : tuple of WorstInstance
        The `N_WORST` worst instances.
    uncertainty : UncertaintyScores or None
        Where the native predictions are there.
    """

    predicted: PredictedImages
    truth: Mapping[str, InstanceSet]
    images: tuple[ImageScores, ...]
    scores: SegmentationScores
    coco: CocoAveragePrecision
    coco_constant: CocoAveragePrecision
    intervals: Mapping[str, Interval]
    worst: tuple[WorstInstance, ...]
    uncertainty: UncertaintyScores | None

    def dsb_image_at(self, threshold: float) -> float:
        """Mean DSB of the images at one threshold."""
        return float(np.mean([image.counts[threshold].dsb for image in self.images]))

    def headline(self) -> dict[str, float | None]:
        """All scores that are one number, by their names in the report; None if undefined."""
        return {
            **self.scores.headline(),
            **_coco_headline(self.coco, self.coco_constant),
            **{name: getattr(self.uncertainty, name, None) for name in UNCERTAINTY_KEYS},
        }


def evaluate_predictions(
    predicted: PredictedImages,
    truth: Mapping[str, InstanceSet],
    *,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Evaluation:
    """Score predictions.

    Parameters
    ----------
    predicted : PredictedImages
        Predictions of all images.
    truth : mapping of str to InstanceSet
        True instances of each of them.
    seed : int, default 0
        Of the bootstrap.
    n_resamples : int, default 1000
        Of the bootstrap.

    Raises
    ------
    InputError
        If no image has a true instance: there is nothing to score.
    """
    if not any(truth[image.name].areas().any() for image in predicted.images):
        raise InputError(
            "The truth holds no instance in any of the images to be scored, so that no score "
            "means anything; check that it is the truth of these images."
        )
    sets = [image.instances for image in predicted.images]
    true_sets = [truth[image.name] for image in predicted.images]
    images = tuple(
        score_image(image.name, image.instances, true_set)
        for image, true_set in zip(predicted.images, true_sets, strict=True)
    )
    ranked = CocoEvaluation(sets, true_sets, [image.scores for image in predicted.images])
    constant = CocoEvaluation(sets, true_sets, [np.ones(len(instances)) for instances in sets])

    def resampled(indices: NDArray[np.intp]) -> dict[str, float]:
        return {
            **summarise([images[index] for index in indices]).headline(),
            **_coco_headline(
                ranked.average_precision(indices), constant.average_precision(indices)
            ),
        }

    native = [
        (image.prediction, truth[image.name])
        for image in predicted.images
        if image.prediction is not None
    ]
    return Evaluation(
        predicted=predicted,
        truth=truth,
        images=images,
        scores=summarise(images),
        coco=ranked.average_precision(),
        coco_constant=constant.average_precision(),
        intervals=bootstrap_intervals(resampled, len(images), n_resamples=n_resamples, seed=seed),
        worst=worst_instances(zip(images, sets, true_sets, strict=True), N_WORST),
        uncertainty=score_uncertainty(native) if predicted.has_uncertainty else None,
    )


def _coco_headline(
    ranked: CocoAveragePrecision, constant: CocoAveragePrecision
) -> dict[str, float]:
    return {
        "coco_ap": ranked.mean,
        "coco_ap50": ranked.at_50,
        "coco_ap75": ranked.at_75,
        "coco_ap_constant": constant.mean,
        "coco_ap50_constant": constant.at_50,
        "coco_ap75_constant": constant.at_75,
    }
