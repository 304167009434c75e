"""Words about models and results that several parts of the dock use."""

from __future__ import annotations

#: A width that differs from the model's by more than this factor is told.
_MISFIT = 1.5


def found(n_instances: int, n_peaks: int) -> str:
    """What a prediction holds, in a sentence."""
    instances = "instance" if n_instances == 1 else "instances"
    places = "place" if n_peaks == 1 else "places"
    return f"{n_instances} {instances}; the draws disagree at {n_peaks} {places}."


def expected_width(object_width: float, pixel_size: tuple[float, float] | None) -> str:
    """How wide objects have to be for a model, in a sentence.

    Parameters
    ----------
    object_width : float
        Of the objects that the model was trained with, pixels.
    pixel_size : (float, float) or None
        y and x size of a pixel of the image, micrometres.
    """
    text = f"The model knows objects about {object_width:.0f} pixels wide"
    if pixel_size is None:
        return f"{text}."
    return f"{text}: {object_width * sum(pixel_size) / 2:.3g} µm in this image."


def misfit(width: float | None, object_width: float) -> str:
    """Sentence about instances of another width than the model knows; empty if they fit.

    Parameters
    ----------
    width : float or None
        Typical width of what was found, pixels.
    object_width : float
        Width that the model knows, pixels.
    """
    if width is None or 1 / _MISFIT <= width / object_width <= _MISFIT:
        return ""
    return (
        f"They are about {width:.0f} pixels wide, and the model knows about {object_width:.0f}: "
        f"resample the image to {object_width / width:.2g} times its size, or train a model on "
        "such images."
    )
