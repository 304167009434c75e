"""The tables of a report, as text: the same in the HTML page and in Markdown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.core.evaluation import published
from napari_probinst.core.evaluation.average_precision import THRESHOLDS
from napari_probinst.core.evaluation.panoptic import HIT_IOU
from napari_probinst.core.evaluation.segmentation import RECALL_IOU
from napari_probinst.core.evaluation.uncertainty import TOLD_SHARES

if TYPE_CHECKING:
    from napari_probinst.core.evaluation.evaluate import Evaluation
    from napari_probinst.core.evaluation.uncertainty import UncertaintyScores

UNDEFINED = "–"

#: Score, what it is.
_HEADLINE = {
    "dsb_image": "DSB, TP / (TP + FP + FN): mean over thresholds and images",
    "dsb_global": "DSB of all instances together, mean over thresholds",
    "precision": "precision, TP / (TP + FP): mean over thresholds",
    "precision50": "precision at IoU 0.5",
    "precision75": "precision at IoU 0.75",
    "recall": "recall, TP / (TP + FN): mean over thresholds",
    "recall80": "recall at IoU 0.8",
    "coco_ap": "COCO AP, ranked by the score: mean over thresholds",
    "coco_ap50": "COCO AP50, ranked by the score",
    "coco_ap75": "COCO AP75, ranked by the score",
    "coco_ap_constant": "COCO AP, constant score: mean over thresholds",
    "coco_ap50_constant": "COCO AP50, constant score",
    "coco_ap75_constant": "COCO AP75, constant score",
    "panoptic_quality": "panoptic quality, Σ IoU / (TP + FP / 2 + FN / 2) at IoU 0.5",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text.

    Parameters
    ----------
    columns : tuple of str
        Headings.
    rows : tuple of tuple of str
        As long as ``columns``.
    note : str
        What to know when reading it.
    emphasised : frozenset of int
        Rows to stand out.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    emphasised: frozenset[int] = frozenset()


def number(value: float | None, digits: int = 3) -> str:
    """Return a value as text, or a dash where it is undefined."""
    if value is None or math.isnan(value):
        return UNDEFINED
    return f"{value:.{digits}f}"


def headline_table(evaluation: Evaluation) -> Table:
    """Each score with its confidence interval."""
    values, intervals = evaluation.headline(), evaluation.intervals
    rows = []
    for name, meaning in _HEADLINE.items():
        low, high = intervals.get(name, (None, None))
        spread = UNDEFINED if low is None else f"{number(low)} to {number(high)}"
        rows.append((meaning, number(values[name]), spread, name))
    note = (
        "Thresholds are IoU 0.50, 0.55, … 0.95; a hit has a larger IoU. One-to-one matching with "
        "most hits, then the largest IoU. Intervals: bootstrap over images."
    )
    if not evaluation.predicted.has_scores:
        note += (
            " The predictions state no scores, or all the same: COCO AP ranked by the score is "
            "that with a constant one."
        )
    return Table(
        ("score", "value", "95 % interval", "in report.json"), tuple(rows), note, frozenset({0})
    )


def published_table(evaluation: Evaluation) -> Table:
    """Table 1 of the paper with rows of this evaluation."""
    values = evaluation.headline()

    def row(title: str, *names: str) -> tuple[str, ...]:
        return (title, *(number(values[name]) if name else "" for name in names))

    ours = (
        row(
            "These predictions, AP as precision",
            *("precision", "precision50", "precision75", "recall80", "dsb_image"),
        ),
        row(
            "These predictions, AP as COCO's by score", "coco_ap", "coco_ap50", "coco_ap75", "", ""
        ),
        row(
            "These predictions, AP as COCO's, constant score",
            *("coco_ap_constant", "coco_ap50_constant", "coco_ap75_constant", "", ""),
        ),
    )
    rows = (*published.TABLE_1, *published.RESCORED, *ours)
    return Table(
        ("model", *published.COLUMNS),
        rows,
        "Published rows are of the test set of BBBC010, and comparable with predictions of its "
        "wells alone. What is printed as AP there very likely is precision, not COCO's ranked AP.",
        frozenset(range(len(rows) - len(ours), len(rows))),
    )


def threshold_table(evaluation: Evaluation) -> Table:
    """Counts and scores at each threshold, all images together."""
    rows = []
    for threshold in THRESHOLDS:
        counts = evaluation.scores.counts[threshold]
        rows.append(
            (
                f"{threshold:.2f}",
                str(counts.true_positives),
                str(counts.false_positives),
                str(counts.false_negatives),
                number(counts.precision),
                number(counts.recall),
                number(counts.dsb),
                number(evaluation.dsb_image_at(threshold)),
            )
        )
    columns = ("IoU >", "TP", "FP", "FN", "precision", "recall", "DSB", "DSB per image")
    return Table(columns, tuple(rows))


def error_table(evaluation: Evaluation) -> Table:
    """Errors by kind, with the rule."""
    errors, panoptic = evaluation.scores.errors, evaluation.scores.panoptic
    counts = evaluation.scores.counts[HIT_IOU]
    return Table(
        ("what", "number"),
        (
            ("true instances", str(evaluation.scores.n_true)),
            ("predicted instances", str(evaluation.scores.n_predicted)),
            ("hits at IoU 0.5", str(counts.true_positives)),
            ("false splits", str(errors.false_splits)),
            ("false merges", str(errors.false_merges)),
            ("missed", str(errors.misses)),
            ("spurious", str(errors.spurious)),
            ("inexact (found, IoU 0.5 or less)", str(errors.inexact)),
            ("segmentation quality (mean IoU of hits)", number(panoptic.segmentation)),
            ("recognition quality (F1 at IoU 0.5)", number(panoptic.recognition)),
        ),
        "A prediction without a match is a piece of the true instance that holds more than half "
        "of it; a true instance without a match is swallowed by the prediction that holds more "
        "than half of it. A true instance of k pieces, its match included, is k − 1 false splits; "
        "a prediction that stands for k true instances is k − 1 false merges; what has no part in "
        "any of this is missed or spurious.",
    )


def image_table(evaluation: Evaluation) -> Table:
    """Scores of each image, the worst first."""
    rows = []
    for image in sorted(evaluation.images, key=lambda image: (image.dsb, image.name)):
        half, errors = image.counts[HIT_IOU], image.kinds.counts
        rows.append(
            (
                image.name,
                str(half.true_positives + half.false_negatives),
                str(half.true_positives + half.false_positives),
                number(image.dsb),
                number(half.precision),
                number(half.recall),
                number(image.counts[RECALL_IOU].recall),
                number(image.panoptic.quality),
                str(errors.false_splits),
                str(errors.false_merges),
                str(errors.misses),
                str(errors.spurious),
            )
        )
    return Table(
        (
            *("image", "true", "predicted", "DSB", "precision at 0.5", "recall at 0.5"),
            *("recall at 0.8", "panoptic", "splits", "merges", "missed", "spurious"),
        ),
        tuple(rows),
    )


def worst_table(evaluation: Evaluation) -> Table:
    """The worst instances; indices count from 0 in the order of the files."""
    return Table(
        ("", "image", "what", "IoU", "pixels", "true instance", "predicted instance"),
        tuple(
            (
                str(place),
                worst.image,
                worst.kind,
                number(worst.iou),
                str(worst.area),
                UNDEFINED if worst.true is None else str(worst.true),
                UNDEFINED if worst.predicted is None else str(worst.predicted),
            )
            for place, worst in enumerate(evaluation.worst, start=1)
        ),
        "Predicted and true instances are paired so that the sum of IoU is largest.",
    )


def uncertainty_table(scores: UncertaintyScores) -> Table:
    """The paper's rates at 0.05 nats beside the printed ones."""
    return Table(
        ("at an entropy of 0.05 nats", "these predictions", "paper"),
        (
            ("p(accurate | certain)", number(scores.p_accurate_certain_005), "0.962"),
            ("p(uncertain | inaccurate)", number(scores.p_uncertain_inaccurate_005), "0.559"),
            ("share of patches that are flagged", number(scores.flagged_005), UNDEFINED),
            (
                "share of patches that are inaccurate",
                number(scores.n_inaccurate / scores.n_patches if scores.n_patches else None),
                UNDEFINED,
            ),
            (
                "calibration error of pixel probabilities",
                number(scores.calibration.expected_error),
                UNDEFINED,
            ),
        ),
        f"{scores.n_patches} patches of 4 x 4 pixels of every predicted instance and its matched "
        "truth. p(accurate | certain) is nearly the share of accurate patches, and the other rate "
        "means something only beside the share that is flagged.",
    )


def detection_table(scores: UncertaintyScores) -> Table:
    """How well inaccurate patches are found, beside the baselines."""
    shares = [f"{share:.0%} flagged" for share in TOLD_SHARES]
    return Table(
        ("order of patches", "AUROC", "average precision", *shares),
        tuple(
            (
                name,
                number(each.auroc),
                number(each.average_precision),
                *(number(each.found_at(share)) for share in TOLD_SHARES),
            )
            for name, each in scores.detection.items()
        ),
        "p(uncertain | inaccurate) at equal shares of flagged patches. The baselines know no "
        "draws: distance to the predicted boundary, and random order.",
        frozenset({0}),
    )


def confidence_table(scores: UncertaintyScores) -> Table:
    """How well the confidence of instances tells which are wrong."""
    return Table(
        ("instance errors", "wrong", "instances", "AURC", "random order", "best possible"),
        tuple(
            (
                f"IoU {threshold:.1f} or less",
                str(each.n_errors),
                str(each.n_instances),
                number(each.aurc),
                number(each.aurc_random),
                number(each.aurc_best),
            )
            for threshold, each in scores.instance_errors.items()
        ),
        "Area under the risk-coverage curve, with the mean pairwise IoU across draws as "
        "confidence: 0 is best.",
    )
