"""The numbers of a report for programs: JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from napari_probinst import __version__
from napari_probinst.core.data.spreadsheet import as_text
from napari_probinst.core.evaluation.bootstrap import LEVEL
from napari_probinst.core.evaluation.panoptic import HIT_IOU
from napari_probinst.core.evaluation.segmentation import RECALL_IOU

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_probinst.core.evaluation.average_precision import Counts
    from napari_probinst.core.evaluation.evaluate import Evaluation

IMAGE_COLUMNS = (
    *("image", "n_true", "n_predicted", "dsb", "precision50", "recall50", "recall80"),
    *("panoptic_quality", "false_splits", "false_merges", "misses", "spurious", "inexact"),
)
THRESHOLD_COLUMNS = ("iou", "tp", "fp", "fn", "precision", "recall", "dsb")
#: Of all images together; the last one is the mean of the images' DSB.
TOTAL_COLUMNS = (*THRESHOLD_COLUMNS, "dsb_image")


def json_report(evaluation: Evaluation, truth: str) -> bytes:
    """All scores; the headline ones at top level, null where they are undefined.

    Parameters
    ----------
    evaluation : Evaluation
        What is reported.
    truth : str
        Where the truth was read.
    """
    scores, uncertainty = evaluation.scores, evaluation.uncertainty
    content: dict[str, Any] = {
        **evaluation.headline(),
        "n_images": len(evaluation.images),
        "n_true": scores.n_true,
        "n_predicted": scores.n_predicted,
        "predictions": str(evaluation.predicted.source),
        "truth": truth,
        "program": f"napari-probinst {__version__}",
        "interval_level": LEVEL,
        "intervals": {name: list(bounds) for name, bounds in evaluation.intervals.items()},
        "errors": asdict(scores.errors),
        "panoptic": {
            "quality": scores.panoptic.quality,
            "segmentation": scores.panoptic.segmentation,
            "recognition": scores.panoptic.recognition,
        },
        "thresholds": [
            dict(zip(TOTAL_COLUMNS, row, strict=True)) for row in _total_rows(evaluation)
        ],
        "images": [dict(zip(IMAGE_COLUMNS, row, strict=True)) for row in _image_rows(evaluation)],
        "worst": [asdict(worst) for worst in evaluation.worst],
        "uncertainty": None if uncertainty is None else uncertainty.to_dict(),
    }
    text = json.dumps(_without_nan(content), indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def image_csv(evaluation: Evaluation) -> bytes:
    """One row an image, with the columns `IMAGE_COLUMNS`."""
    return _csv(IMAGE_COLUMNS, _image_rows(evaluation))


def threshold_csv(evaluation: Evaluation) -> bytes:
    """One row a threshold, all images together, with the columns `TOTAL_COLUMNS`."""
    return _csv(TOTAL_COLUMNS, _total_rows(evaluation))


def image_threshold_csv(evaluation: Evaluation) -> bytes:
    """One row for each image and threshold: the image, then `THRESHOLD_COLUMNS`."""
    rows = [
        (image.name, *_row(threshold, counts))
        for image in evaluation.images
        for threshold, counts in image.counts.items()
    ]
    return _csv(("image", *THRESHOLD_COLUMNS), rows)


def _image_rows(evaluation: Evaluation) -> list[tuple[Any, ...]]:
    rows = []
    for image in evaluation.images:
        half = image.counts[HIT_IOU]
        rows.append(
            (
                image.name,
                half.true_positives + half.false_negatives,
                half.true_positives + half.false_positives,
                image.dsb,
                half.precision,
                half.recall,
                image.counts[RECALL_IOU].recall,
                image.panoptic.quality,
                *asdict(image.kinds.counts).values(),
            )
        )
    return rows


def _total_rows(evaluation: Evaluation) -> list[tuple[float | int, ...]]:
    return [
        (*_row(threshold, counts), evaluation.dsb_image_at(threshold))
        for threshold, counts in evaluation.scores.counts.items()
    ]


def _row(threshold: float, counts: Counts) -> tuple[float | int, ...]:
    return (
        threshold,
        counts.true_positives,
        counts.false_positives,
        counts.false_negatives,
        counts.precision,
        counts.recall,
        counts.dsb,
    )


def _csv(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(map(_cell, row))
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6g}"
    return as_text(value) if isinstance(value, str) else value


def _without_nan(value: Any) -> Any:
    """Return the same JSON values with null for what is not a number."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
