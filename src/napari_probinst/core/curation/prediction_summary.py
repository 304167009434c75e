"""What a queue needs of a prediction's file, read without its masks.

A folder of hundreds of predictions is listed in seconds this way; `load_prediction` reads and
checks a whole file once its image is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import TypeAdapter

from napari_probinst.core.bernoulli import entropy_levels
from napari_probinst.core.config import InferenceConfig  # noqa: TC001 - pydantic reads annotations
from napari_probinst.core.data.prediction_file import FORMAT, VERSION
from napari_probinst.core.data.prediction_members import Members
from napari_probinst.core.data.raster import refusing_damage
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import Peak  # noqa: TC001 - pydantic reads annotations
from napari_probinst.core.prediction import Provenance  # noqa: TC001 - pydantic reads annotations

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class PredictionSummary:
    """A prediction without its masks.

    Parameters
    ----------
    name : str
        Name of the image.
    image : str
        Checksum of the image's pixels; empty if unknown.
    peaks : tuple of Peak
        The most uncertain first.
    patch : int
        Side of a peak's patch, pixels.
    uncertainty : float
        Σ over all instances and their pixels of the votes' entropy, nats: what ranks images,
        see `ImageUncertainty.entropy`.
    """

    name: str
    image: str
    peaks: tuple[Peak, ...]
    patch: int
    uncertainty: float


@dataclass(frozen=True, slots=True)
class _Header:
    """The part of the file's header that is of use here."""

    format: str
    version: int
    name: str
    peaks: tuple[Peak, ...]
    settings: InferenceConfig
    provenance: Provenance


_HEADER: TypeAdapter[_Header] = TypeAdapter(_Header)


def read_summary(path: Path) -> PredictionSummary:
    """Read what a queue needs of ``NAME.prediction.npz``.

    Raises
    ------
    InputError
        If the file can't be read, is none of ours, is damaged in these parts, or was written by
        a newer version.
    """
    with refusing_damage(path, "prediction"):
        with Members(path) as arrays:
            text, counts, draws = (arrays[name] for name in ("header", "counts", "draw_sizes"))
        header = _HEADER.validate_json(text.tobytes())
        if header.format != FORMAT:
            raise ValueError("no prediction header")
        # A count beyond the draws is out of bounds here, and so is damage.
        votes = np.bincount(counts, minlength=len(draws) + 1)
        uncertainty = float(votes @ entropy_levels(len(draws)))
    if header.version > VERSION:
        raise InputError(
            f"{path} was written by a newer version (format {header.version}, this one reads up "
            f"to {VERSION}); update napari-probinst."
        )
    return PredictionSummary(
        name=header.name,
        image=header.provenance.image_checksum,
        peaks=header.peaks,
        patch=header.settings.patch,
        uncertainty=uncertainty,
    )
