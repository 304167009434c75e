"""Force overlapping instances into one label image, by a stated rule."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.remembered import remembered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.instances import ProbabilisticInstances
    from napari_probinst.core.prediction import Prediction

FLATTEN_RULE = (
    "A pixel of several instances goes to the one most probable there, the lowest label on a "
    "tie; a label is the instance's index + 1."
)

NO_PIXELS = Instance((0, 0, 0, 0), np.zeros((0, 0), dtype=bool))


@dataclass(frozen=True, slots=True, eq=False)
class Flattened:
    """Overlapping instances forced into one label image.

    Parameters
    ----------
    labels : ndarray of uint16 or uint32, shape (height, width)
        0 is background, i + 1 is instance i.
    n_overlap : int
        Pixels that belong to more than one instance.
    """

    labels: NDArray[np.unsignedinteger[Any]]
    n_overlap: int


@remembered
def exported_instances(prediction: Prediction) -> Mapping[int, Instance]:
    """Binary instances worth exporting, by their index in the prediction.

    Those that enough draws found, and that hold at least one pixel, and at least half of
    ``settings.min_size``, at the prediction's probability threshold.
    """
    return MappingProxyType(_large_enough(prediction.instances, prediction.settings))


def export_rule(prediction: Prediction) -> dict[str, float]:
    """What decided which instances are exported, for the description of a file: JSON values."""
    settings = prediction.settings
    return {
        "n_draws": prediction.instances.n_draws,
        "threshold": settings.probability_threshold,
        "existence": settings.existence_threshold,
        "min_size": settings.min_size,
    }


def exported_in_place(prediction: Prediction) -> InstanceSet:
    """Binary instances in the prediction's order; those not worth exporting have no pixels."""
    exported = exported_instances(prediction)
    return InstanceSet(
        prediction.shape,
        tuple(exported.get(index, NO_PIXELS) for index in range(len(prediction.instances))),
    )


def worth_exporting(instances: ProbabilisticInstances, settings: InferenceConfig) -> InstanceSet:
    """Binary instances that a prediction under these settings exports."""
    return InstanceSet(instances.shape, tuple(_large_enough(instances, settings).values()))


def _large_enough(
    instances: ProbabilisticInstances, settings: InferenceConfig
) -> dict[int, Instance]:
    binary = instances.binarise(settings.probability_threshold, settings.existence_threshold)
    # In the draws it had the whole size; where they only overlap in part, less is agreed on.
    least = max(settings.min_size // 2, 1)
    return {
        index: instance for index, instance in enumerate(binary.instances) if instance.area >= least
    }


def flatten(prediction: Prediction) -> Flattened:
    """Label image of the exported instances.

    A pixel that several instances hold goes to the one with the highest probability there, and
    to the lowest index on a tie.
    """
    labels = np.zeros(prediction.shape, dtype=label_type(len(prediction.instances)))
    highest = np.zeros(prediction.shape, dtype=np.uint8)
    covered, shared = np.zeros((2, *prediction.shape), dtype=bool)
    for index, instance in exported_instances(prediction).items():
        probabilistic = prediction.instances.instances[index]
        y0, x0, y1, x1 = probabilistic.bbox
        inside = instance.crop(probabilistic.bbox)
        wins = inside & (probabilistic.counts > highest[y0:y1, x0:x1])
        labels[y0:y1, x0:x1][wins] = index + 1
        highest[y0:y1, x0:x1][wins] = probabilistic.counts[wins]
        shared[y0:y1, x0:x1] |= inside & covered[y0:y1, x0:x1]
        covered[y0:y1, x0:x1] |= inside
    return Flattened(labels, int(np.count_nonzero(shared)))


def label_type(highest: int) -> type[np.unsignedinteger[Any]]:
    """Smallest type, 16 bits at least, that holds labels up to ``highest``."""
    return np.uint16 if highest <= np.iinfo(np.uint16).max else np.uint32
