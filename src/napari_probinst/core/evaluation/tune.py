"""Choose the settings of a model on images with truth, and say what the choice is worth.

"The mean-shift bandwidth and the clustering threshold are treated as hyperparameters and found
through a grid-search with 2-fold cross-validation" (section 2.2 of the paper): the images of
one half are scored with what was chosen on the other. The network has seen each image once
before this begins; what is searched for only changes how its draws are clustered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.data.flattening import worth_exporting
from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.search import SearchSpace, search
from napari_probinst.core.evaluation.segmentation import score_image, summarise
from napari_probinst.core.inference.agglomeration import agglomerate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from napari_probinst.core.evaluation.folds import Folds
    from napari_probinst.core.evaluation.segmentation import ImageScores, SegmentationScores
    from napari_probinst.core.inference.draw_cache import CachedDraw
    from napari_probinst.core.instances import InstanceSet

#: Least instance of the settings that a search begins from, as a share of the objects' median area.
START_SIZE = 0.3
#: Settings that are searched for.
TUNED = ("bandwidth", "cluster_threshold", "min_size", "probability_threshold")


@dataclass(frozen=True, slots=True, eq=False)
class TuningImage:
    """One image to tune on.

    Parameters
    ----------
    name : str
        Name of the image (a well, for BBBC010).
    truth : InstanceSet
        Its true instances.
    draws : tuple of CachedDraw
        What the network saw in it; as many for every image.
    """

    name: str
    truth: InstanceSet
    draws: tuple[CachedDraw, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """Images that were held out, and their scores with what was chosen on the others.

    Parameters
    ----------
    images : tuple of str
        Their names.
    settings : InferenceConfig
        The choice on the other fold's images.
    scores : SegmentationScores
        Of the images with these settings.
    """

    images: tuple[str, ...]
    settings: InferenceConfig
    scores: SegmentationScores


@dataclass(frozen=True, slots=True)
class TuningResult:
    """What was chosen, and what it is worth.

    Parameters
    ----------
    settings : InferenceConfig
        The choice on all images.
    scores : SegmentationScores
        Of the choice on all images, on which it was made: optimistic.
    before : SegmentationScores
        Of the model's settings, on all images.
    folds : (Fold, Fold)
        Both halves, each scored with the choice on the other.
    cross_validated : SegmentationScores
        Of all images, each with the choice on the half that it isn't in: the honest figures.
    by_image : dict of str to float
        DSB of each image, cross-validated in the same way.
    n_tried : int
        Settings that were tried.
    """

    settings: InferenceConfig
    scores: SegmentationScores
    before: SegmentationScores
    folds: tuple[Fold, Fold]
    cross_validated: SegmentationScores
    by_image: dict[str, float]
    n_tried: int

    def record(self) -> dict[str, Any]:
        """What the header of a tuned model states, as JSON can hold it."""
        return {
            "folds": [
                {
                    "images": list(fold.images),
                    "chosen_on_the_others": tuned_values(fold.settings),
                    "scores": _rounded(fold.scores),
                }
                for fold in self.folds
            ],
            "cross_validated": _rounded(self.cross_validated),
            "cross_validated_dsb": {name: round(dsb, 4) for name, dsb in self.by_image.items()},
            "all_images": _rounded(self.scores),
            "before": _rounded(self.before),
        }


def untuned(settings: InferenceConfig, area: float) -> InferenceConfig:
    """Settings with the program's defaults for what is searched for.

    What a model's file states may have been chosen on the very images that are now held out. The
    minimum size, which has no meaning without the objects', is `START_SIZE` of theirs.

    Parameters
    ----------
    settings : InferenceConfig
        What is not searched for stays as it is here.
    area : float
        Median area of the objects, pixels.
    """
    defaults = tuned_values(InferenceConfig()) | {"min_size": round(START_SIZE * area)}
    return settings.model_copy(update=defaults)


def typical_area(truths: Iterable[InstanceSet]) -> float:
    """Median area of true instances, in steps of a tenth of a decade, pixels.

    What a search tries depends on it, so that it must not know the images that are held out.
    The steps, a quarter apart, let both halves try the same sizes nearly always, and what was
    tried for one serves the other.

    Parameters
    ----------
    truths : iterable of InstanceSet
        True instances of each image; 1 where there is none.
    """
    areas = np.concatenate([truth.areas() for truth in truths])
    median = max(float(np.median(areas)), 1.0) if areas.size else 1.0
    return float(10 ** (round(10 * np.log10(median)) / 10))


def tune(
    images: Sequence[TuningImage],
    current: InferenceConfig,
    folds: Folds,
    *,
    start: InferenceConfig | None = None,
    space: SearchSpace | None = None,
    on_trial: Callable[[], None] | None = None,
) -> TuningResult:
    """Search for the settings with the highest DSB per image, cross-validated over two folds.

    Parameters
    ----------
    images : sequence of TuningImage
        Images with truth and draws.
    current : InferenceConfig
        Settings of the model. They stay where no others are better on all images, and have no
        part in the cross-validation.
    folds : (sequence of str, sequence of str)
        Names of the images in each half: every image in one of them.
    start : InferenceConfig, optional
        Settings that every search begins from; those of `untuned` by default.
    space : SearchSpace, optional
        What to try.
    on_trial : callable, optional
        Called after each segmentation of an image.

    Returns
    -------
    TuningResult

    Raises
    ------
    InputError
        If no image has a true instance.
    ValueError
        If the folds don't hold every image once, or one is empty.
    """
    if not any(len(image.truth) for image in images):
        raise InputError("The truth holds no instance at all, so there is nothing to tune on.")
    if not all(folds) or sorted(name for fold in folds for name in fold) != sorted(
        image.name for image in images
    ):
        raise ValueError("two folds must hold every image once, and at least one each")
    space = space or SearchSpace()
    n_draws = len(images[0].draws)
    probabilities = {
        probability
        for settings in (start or InferenceConfig(), current)
        for probability in space.thresholds_of(n_draws, settings.probability_threshold)
    }
    trials = _Trials(sorted(probabilities), on_trial)

    def dsb(settings: InferenceConfig, on: Sequence[TuningImage]) -> float:
        return float(np.mean([trials.of(image, settings).dsb for image in on]))

    def choose(on: Sequence[TuningImage]) -> InferenceConfig:
        area = typical_area(image.truth for image in on)
        return search(
            lambda settings: dsb(settings, on),
            start or untuned(current, area),
            area=area,
            n_draws=n_draws,
            space=space,
        )

    def fold(held_out: Sequence[TuningImage], others: Sequence[TuningImage]) -> Fold:
        settings = choose(others)
        scores = summarise([trials.of(image, settings) for image in held_out])
        return Fold(tuple(image.name for image in held_out), settings, scores)

    first, second = ([image for image in images if image.name in names] for names in folds)
    held_out = (fold(first, second), fold(second, first))
    settings = max(current, choose(images), key=lambda each: dsb(each, images))
    chosen_for = {name: half.settings for half in held_out for name in half.images}
    honest = [trials.of(image, chosen_for[image.name]) for image in images]
    return TuningResult(
        settings=settings,
        scores=summarise([trials.of(image, settings) for image in images]),
        before=summarise([trials.of(image, current) for image in images]),
        folds=held_out,
        cross_validated=summarise(honest),
        by_image={scores.name: scores.dsb for scores in honest},
        n_tried=trials.n_settings,
    )


class _Trials:
    """Scores of each image under all settings that were tried; nothing is computed twice."""

    def __init__(self, probabilities: Sequence[float], on_trial: Callable[[], None] | None) -> None:
        self._probabilities = probabilities
        self._on_trial = on_trial
        self._scores: dict[tuple[str, InferenceConfig], ImageScores] = {}

    @property
    def n_settings(self) -> int:
        """Different settings that were tried."""
        return len({settings for _, settings in self._scores})

    def of(self, image: TuningImage, settings: InferenceConfig) -> ImageScores:
        """Scores of one image."""
        if (image.name, settings) not in self._scores:
            self._segment(image, settings)
        return self._scores[image.name, settings]

    def _segment(self, image: TuningImage, settings: InferenceConfig) -> None:
        """Score the image with every probability threshold: all follow from the same counts."""
        instances = agglomerate([draw.segment(settings) for draw in image.draws])
        for probability in self._probabilities:
            key = settings.model_copy(update={"probability_threshold": probability})
            self._scores[image.name, key] = score_image(
                image.name, worth_exporting(instances, key), image.truth
            )
        if self._on_trial is not None:
            self._on_trial()


def tuned_values(settings: InferenceConfig) -> dict[str, float]:
    """Values of the settings that are searched for."""
    return {name: getattr(settings, name) for name in TUNED}


def _rounded(scores: SegmentationScores) -> dict[str, float]:
    return {name: round(value, 4) for name, value in scores.headline().items()}
