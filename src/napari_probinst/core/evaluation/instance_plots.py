"""Figures that show instances: whole images (figure 1 of the paper), and the worst instances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from napari_probinst.core.boxes import BBox, clip_box, crop_to, enclose, intersect, window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from napari_probinst.core.evaluation.worst import WorstInstance
    from napari_probinst.core.instances import Instance, InstanceSet

#: Told apart by anyone, on grey: predictions orange, truth blue.
PREDICTED_COLOUR, TRUE_COLOUR = "#ff8c1a", "#2fa8ff"
#: Without grey, which the pictures are.
_PALETTE = np.delete(colormaps["tab10"](np.arange(10))[:, :3], 7, axis=0).astype(np.float32)
_OPACITY = 0.65
_MARGIN = 24
_COLUMNS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One image to be drawn.

    Parameters
    ----------
    name : str
        Name of the image.
    predicted, truth : InstanceSet
        Its instances.
    partners : tuple of int or None, length n_predicted
        True instance that each prediction stands for: it gets the same colour.
    picture : ndarray of shape (height, width, 3), optional
        Its pixels, 0 to 1; without, instances are drawn on white.
    entropy : ndarray of shape (height, width), optional
        Highest entropy of any instance, nats.
    """

    name: str
    predicted: InstanceSet
    truth: InstanceSet
    partners: tuple[int | None, ...]
    picture: NDArray[np.float32] | None = None
    entropy: NDArray[np.float32] | None = None


def sample_figure(samples: Sequence[Sample]) -> Figure:
    """Draw each image in a row: pixels, prediction, truth, uncertainty (figure 1).

    Columns that no image has are left out. Colours tell instances apart, and mix where these
    overlap; an instance has the same in prediction and truth.
    """
    columns = ["image"] * any(sample.picture is not None for sample in samples)
    columns += ["prediction", "truth"]
    columns += ["uncertainty"] * any(sample.entropy is not None for sample in samples)
    height, width = np.max([sample.truth.shape for sample in samples], axis=0)
    side = 3.6
    figure = Figure(
        figsize=(side * len(columns), side * height / width * len(samples) + 0.4),
        layout="constrained",
    )
    grid = figure.subplots(len(samples), len(columns), squeeze=False)
    for row, sample in zip(grid, samples, strict=True):
        for axes, column in zip(row, columns, strict=True):
            _draw(axes, sample, column)
    for axes, column in zip(grid[0], columns, strict=True):
        axes.set_title(column)
    for axes, sample in zip(grid[:, 0], samples, strict=True):
        axes.set_ylabel(sample.name)
    if "uncertainty" in columns:
        figure.colorbar(_entropy_map(), ax=grid[:, -1], label="entropy (nats)", fraction=0.05)
    return figure


def worst_figure(worst: Sequence[WorstInstance], samples: Mapping[str, Sample]) -> Figure:
    """Draw each of these instances with its surroundings.

    Parameters
    ----------
    worst : sequence of WorstInstance
        At least one.
    samples : mapping of str to Sample
        Their images by name.
    """
    n_rows = math.ceil(len(worst) / _COLUMNS)
    figure = Figure(figsize=(3 * _COLUMNS, 3.3 * n_rows), layout="constrained")
    grid = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    for axes in grid[len(worst) :]:
        axes.set_axis_off()
    for number, (axes, instance) in enumerate(zip(grid, worst, strict=False), start=1):
        _draw_worst(axes, instance, samples[instance.image])
        axes.set_title(
            f"{number}. {instance.image}: {instance.kind}, IoU {instance.iou:.2f}", fontsize=9
        )
    return figure


def _draw(axes: Axes, sample: Sample, column: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    if column == "uncertainty":
        entropy = np.zeros(sample.truth.shape) if sample.entropy is None else sample.entropy
        axes.imshow(entropy, cmap="magma", vmin=0, vmax=math.log(2))
        return
    picture = _backdrop(sample)
    if column == "prediction":
        picture = _painted(picture, sample.predicted, range(len(sample.predicted)))
    elif column == "truth":
        picture = _painted(picture, sample.truth, _true_colours(sample))
    axes.imshow(picture)


def _entropy_map() -> Any:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    return ScalarMappable(Normalize(0, math.log(2)), "magma")


def _backdrop(sample: Sample) -> NDArray[np.float32]:
    if sample.picture is not None:
        return sample.picture
    return np.ones((*sample.truth.shape, 3), dtype=np.float32)


def _true_colours(sample: Sample) -> list[int]:
    """Number of the colour of each true instance: its partner's, or one that none has."""
    partner_of = {true: index for index, true in enumerate(sample.partners)}
    others = count(len(sample.predicted))
    return [
        partner_of[index] if index in partner_of else next(others)
        for index in range(len(sample.truth))
    ]


def _painted(
    picture: NDArray[np.float32], instances: InstanceSet, colours: Iterable[int]
) -> NDArray[np.float32]:
    """Picture with coloured instances; their colours mix where they overlap."""
    colour = np.zeros_like(picture)
    for instance, number in zip(instances.instances, colours, strict=True):
        part = colour[window(instance.bbox, (0, 0, *instances.shape))]
        part[instance.mask] += _PALETTE[number % len(_PALETTE)]
    cover = instances.cover()[..., np.newaxis]
    mixed = (1 - _OPACITY) * picture + _OPACITY * colour / np.maximum(cover, 1)
    return np.where(cover > 0, mixed, picture).astype(np.float32)


def _draw_worst(axes: Axes, worst: WorstInstance, sample: Sample) -> None:
    shown = [
        instances.instances[index]
        for instances, index in ((sample.truth, worst.true), (sample.predicted, worst.predicted))
        if index is not None
    ]
    box = _with_margin(enclose(instance.bbox for instance in shown), sample.truth.shape)
    axes.imshow(_backdrop(sample)[box[0] : box[2], box[1] : box[3]])
    axes.set_xticks([])
    axes.set_yticks([])
    for instances, chosen, colour in (
        (sample.truth, worst.true, TRUE_COLOUR),
        (sample.predicted, worst.predicted, PREDICTED_COLOUR),
    ):
        for index, instance in enumerate(instances.instances):
            if intersect(instance.bbox, box) is not None:
                _outline(axes, instance, box, colour, strong=index == chosen)


def _with_margin(box: BBox, shape: tuple[int, int]) -> BBox:
    y0, x0, y1, x1 = box
    return clip_box((y0 - _MARGIN, x0 - _MARGIN, y1 + _MARGIN, x1 + _MARGIN), shape)


def _outline(axes: Axes, instance: Instance, box: BBox, colour: str, *, strong: bool) -> None:
    mask = crop_to(instance.bbox, instance.mask, box)
    if not mask.any():
        return
    # A frame of background closes the outline at the edge of the crop.
    padded = np.pad(mask, 1).astype(np.uint8)
    rows, columns = (np.arange(-1, length + 1) for length in mask.shape)
    axes.contour(
        columns,
        rows,
        padded,
        levels=[0.5],
        colors=[colour],
        linewidths=2 if strong else 1.1,
        alpha=1 if strong else 0.8,
    )
