"""From draws, of our network or of any other program, to a prediction with ranked peaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.prediction import Prediction, Provenance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.instances import InstanceSet


def compose(
    draws: Sequence[InstanceSet],
    settings: InferenceConfig,
    *,
    name: str = "image",
    provenance: Provenance | None = None,
    pixel_size: tuple[float, float] | None = None,
) -> Prediction:
    """Agglomerate draws and rank their peaks.

    Nothing here knows where the draws come from: a network's posterior, an ensemble of
    programs, or several annotators.

    Parameters
    ----------
    draws : sequence of InstanceSet
        Segmentations of one image, 1 to 255; one alone is certain of all it says.
    settings : InferenceConfig
        Patch, thresholds and, in the result, ``n_draws`` as many as there are.
    name : str, default "image"
        Name of the image.
    provenance : Provenance, optional
        Where the draws come from; unknown by default.
    pixel_size : (float, float), optional
        y and x size of a pixel, micrometres.

    Returns
    -------
    Prediction
        All instances with probability and entropy, and the peaks, most uncertain first.

    Raises
    ------
    ValueError
        If there is no draw, there are more than 255, or their shapes differ.
    """
    instances = agglomerate(draws)
    return Prediction(
        name=name,
        instances=instances,
        peaks=rank_peaks(
            instances,
            settings.patch,
            settings.probability_threshold,
            settings.ranking,
            existence=settings.existence_threshold,
            size_outliers=settings.size_outliers,
        ),
        settings=settings.model_copy(update={"n_draws": len(draws)}),
        provenance=provenance or Provenance(),
        pixel_size=pixel_size,
    )
