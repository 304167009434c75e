"""Figures of the segmentation's scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from napari_probinst.core.evaluation.average_precision import THRESHOLDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.evaluation.segmentation import ImageScores, SegmentationScores

#: More bars than this have no names.
_MOST_NAMED = 40


def threshold_figure(scores: SegmentationScores, images: Sequence[ImageScores]) -> Figure:
    """Draw precision, recall and DSB over the IoU threshold, and the DSB of each image."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    curves, bars = figure.subplots(1, 2)
    counts = [scores.counts[threshold] for threshold in THRESHOLDS]
    for values, colour, label in (
        ([count.precision for count in counts], "C0", "precision"),
        ([count.recall for count in counts], "C1", "recall"),
        ([count.dsb for count in counts], "C3", "DSB"),
    ):
        curves.plot(THRESHOLDS, values, color=colour, marker="o", markersize=4, label=label)
    curves.set_xlabel("IoU threshold")
    curves.set_ylabel("All images together")
    curves.legend(fontsize="small")
    ordered = sorted(images, key=lambda image: image.dsb)
    bars.bar(range(len(ordered)), [image.dsb for image in ordered], color="C3")
    bars.axhline(scores.dsb_image, color="0.3", linestyle="--", linewidth=1)
    bars.set_ylabel("DSB of each image (dashed: mean)")
    names = [image.name for image in ordered] if len(ordered) <= _MOST_NAMED else []
    bars.set_xticks(range(len(names)), names, rotation=90, fontsize="small")
    for axes in (curves, bars):
        axes.set_ylim(0, 1.02)
        axes.grid(color="0.9", axis="y")
        axes.set_axisbelow(True)
    return figure
