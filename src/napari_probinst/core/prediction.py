"""The result of the pipeline for one image: what proofreading, scoring and export start from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_probinst.core.config import InferenceConfig

if TYPE_CHECKING:
    from napari_probinst.core.instances import InstanceSet, Peak, ProbabilisticInstances


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a prediction comes from, so that a changed image or model is noticed.

    Parameters
    ----------
    image_checksum : str
        SHA-256 of the channels' pixels, hexadecimal; empty if unknown.
    model_name, model_checksum : str
        File name and SHA-256 of the model; empty for draws of another program.
    program : str
        Name and version of the program that wrote it.
    n_channels : int
        Channels of the model; 0 if unknown: they tell which axis of a stack counts channels.
    """

    image_checksum: str = ""
    model_name: str = ""
    model_checksum: str = ""
    program: str = ""
    n_channels: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """How a prediction was made.

    Parameters
    ----------
    settings : InferenceConfig
        Draws, thresholds and seed.
    provenance : Provenance
        Checksums and versions.
    """

    settings: InferenceConfig
    provenance: Provenance


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Prediction:
    """Probabilistic instances of one image, its ranked peaks, and how they were made.

    Parameters
    ----------
    name : str
        Name of the image, without folder and suffix (a well, for BBBC010).
    instances : ProbabilisticInstances
        All instances with the draws they come from.
    peaks : tuple of Peak
        Most uncertain first; rank i + 1 at index i.
    settings : InferenceConfig
        Draws, thresholds and seed.
    provenance : Provenance
        Checksums and versions.
    pixel_size : (float, float) or None
        y and x size of a pixel in micrometres, where the image states it.

    Raises
    ------
    ValueError
        If the size of a pixel is not positive and finite: no file could hold it.
    """

    name: str
    instances: ProbabilisticInstances
    peaks: tuple[Peak, ...]
    settings: InferenceConfig = field(default_factory=InferenceConfig)
    provenance: Provenance = field(default_factory=Provenance)
    pixel_size: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        sizes = self.pixel_size or ()
        if not all(size > 0 and math.isfinite(size) for size in sizes):
            raise ValueError(
                f"A pixel of {self.name!r} has the size {sizes}; expected positive ones."
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image, pixels."""
        return self.instances.shape

    def binary(self) -> InstanceSet:
        """Binary instances at the prediction's threshold, in the same order; some may be empty."""
        settings = self.settings
        return self.instances.binarise(settings.probability_threshold, settings.existence_threshold)
