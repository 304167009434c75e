"""The current instances of a session, as exports need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.boxes import crop_to
from napari_probinst.core.data.exported import ExportedImage, ExportedInstance
from napari_probinst.core.data.flattening import Flattened, exported_instances, label_type
from napari_probinst.core.inference.entropy import confidence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.data.exported import State
    from napari_probinst.core.prediction import Prediction

CORRECTED_RULE = (
    "A pixel of several instances goes to the one with the lowest id; a label is an id."
)


def of_session(session: CurationSession) -> ExportedImage:
    """Current instances of a session, by their ids."""
    prediction = session.prediction
    before = exported_instances(prediction)
    scores = confidence(prediction.instances)
    exported = []
    for identifier, instance in sorted(session.instances.items()):
        index = identifier - 1
        original = before.get(index)
        if original is not None and original.same_pixels(instance):
            probability, score = mean_probability(prediction, index), float(scores[index])
            one = ExportedInstance(identifier, original, "predicted", probability, score)
        else:
            state: State = "new" if original is None else "edited"
            one = ExportedInstance(identifier, instance.tight(), state)
        exported.append(one)
    return ExportedImage(
        name=prediction.name,
        shape=session.shape,
        instances=tuple(exported),
        flat=Flattened(*flatten_corrected(session)),
        rule=CORRECTED_RULE,
        curated=True,
        pixel_size=prediction.pixel_size,
    )


def flatten_corrected(session: CurationSession) -> tuple[NDArray[np.unsignedinteger[Any]], int]:
    """Label image of the current instances (`CORRECTED_RULE`).

    Corrected instances are all certain, so that the rule of predictions, the most probable and
    then the lowest label, leaves just the lowest id.

    Returns
    -------
    labels : ndarray of uint16 or uint32, shape (height, width)
        Id of each pixel's instance, 0 for background.
    n_overlap : int
        Pixels that more than one instance holds.
    """
    ids = sorted(session.instances, reverse=True)
    labels = np.zeros(session.shape, dtype=label_type(max(ids, default=0)))
    for identifier in ids:
        session.instances[identifier].paint(labels, identifier)
    return labels, int(np.count_nonzero(session.current().cover() > 1))


def mean_probability(prediction: Prediction, index: int) -> float:
    """Mean probability of a predicted instance over its binary mask."""
    probabilistic = prediction.instances.instances[index]
    settings = prediction.settings
    binary = probabilistic.binarise(settings.probability_threshold, settings.existence_threshold)
    counts = crop_to(probabilistic.bbox, probabilistic.counts, binary.bbox)
    return float(np.mean(counts[binary.mask]) / probabilistic.n_draws)
