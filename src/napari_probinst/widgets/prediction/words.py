"""Words about models and results that several parts of the dock use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_probinst.core.inference.scale import Misfit


def found(n_instances: int, n_peaks: int, n_jitter: int, more: str = "") -> str:
    """What a prediction holds, in a sentence.

    Parameters
    ----------
    n_instances : int
        Instances.
    n_peaks : int
        Places where the draws disagree.
    n_jitter : int
        Those of them that Proofread hides at first; see `jitter_mass`.
    more : str, default ""
        Sentence that follows: of the width of what was found, or why nothing was.
    """
    if n_instances == 0:
        scale = "If your objects are of another width than the model knows, set Scale."
        return f"Nothing was found. {more or scale}"
    instances = "instance" if n_instances == 1 else "instances"
    n_worth = n_peaks - n_jitter
    places = "place" if n_worth == 1 else "places"
    text = f"{n_instances} {instances}; {n_worth} {places} worth a look"
    text += f", and {n_jitter} where only outlines waver." if n_jitter else "."
    return f"{text} {more}".strip()


def expected_width(
    object_width: float, pixel_size: tuple[float, float] | None, scale: float = 1.0
) -> str:
    """How wide objects have to be for a model, in a sentence.

    Parameters
    ----------
    object_width : float
        Of the objects that the model was trained with, pixels.
    pixel_size : (float, float) or None
        y and x size of a pixel of the image, micrometres.
    scale : float, default 1
        Times its size that the image is resampled to for the model.
    """
    width = object_width / scale
    text = f"The model knows objects about {width:.0f} pixels wide"
    if scale != 1:
        text += f" at scale {scale:g}"
    if pixel_size is None:
        return f"{text}."
    return f"{text}: {width * sum(pixel_size) / 2:.3g} µm in this image."


def doubt(misfit: Misfit | None) -> str:
    """Sentence about instances of another width than the model knows; empty if they fit."""
    if misfit is None:
        return ""
    return (
        f"They are about {misfit.width:.0f} pixels wide, and the model knows about "
        f"{misfit.expected:.0f}: a scale of {misfit.scale:g} suits them."
    )
