"""What napari's status line says of a pixel of a prediction: every instance there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_probinst.widgets.canvas import pixel_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Layer

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.curation.readings import Reading


def pixel_text(readings: Sequence[Reading]) -> str:
    """Instances at a pixel in words, e.g. "3: 0.88 (7 of 8 draws) · 4: 0.25 (2 of 8), left out"."""
    return " · ".join(pixel_lines(readings))


def pixel_lines(readings: Sequence[Reading]) -> tuple[str, ...]:
    """Instances at a pixel in words, a line each; one line where there is none."""
    return tuple(map(_reading_text, readings)) or ("background",)


def show_readings(
    layer: Layer, shape: Shape, read: Callable[[int, int], Sequence[Reading]]
) -> None:
    """Let the status line name what ``read`` finds under the cursor.

    A label image has one value a pixel, and an overlap of two instances only a value that stands
    for none. The method of this one layer is replaced: a class of our own would be unknown to
    napari where it duplicates and saves layers. It is called from napari's thread for the status.

    Parameters
    ----------
    layer : Layer
        Two-dimensional layer of a prediction: of its pixels, or of points on them.
    shape : (int, int)
        Height and width of the prediction, pixels.
    read : callable
        Called with y and x, pixels.
    """

    def get_status(position: Any = None, *args: Any, **kwargs: Any) -> dict[str, str]:
        # Not what stands in the layer: it may have been of an earlier prediction.
        status: dict[str, str] = type(layer).get_status(layer, position, *args, **kwargs)
        pixel = None if position is None else pixel_at(layer, position, shape)
        if pixel is not None and kwargs.get("world"):
            before = status["value"]
            status["value"] = pixel_text(read(*pixel))
            place = status["coordinates"].removesuffix(before).rstrip(": ")
            status["coordinates"] = f"{place}: {status['value']}"
        return status

    layer.get_status = get_status


def _reading_text(reading: Reading) -> str:
    if reading.probability is None:
        return f"{reading.id}: from an edit"
    text = f"{reading.id}: {reading.probability:.2f} ({reading.votes} of {reading.n_draws} draws)"
    return text if reading.is_current else f"{text}, left out"
