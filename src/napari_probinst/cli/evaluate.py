"""``napari-probinst evaluate``: predictions and truth in, scores and a report out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.evaluation.evaluate import Evaluation

#: Images without a prediction that are named.
_NAMED = 5
#: Scores shown in the terminal, by their names in report.json.
_SHOWN = {
    "dsb_image": "DSB per image",
    "dsb_global": "DSB, all instances",
    "precision": "precision",
    "precision50": "precision at IoU 0.5",
    "precision75": "precision at IoU 0.75",
    "recall80": "recall at IoU 0.8",
    "coco_ap": "COCO AP, by score",
    "coco_ap_constant": "COCO AP, constant score",
    "panoptic_quality": "panoptic quality",
    "p_accurate_certain_005": "p(accurate | certain) at 0.05 nats",
    "p_uncertain_inaccurate_005": "p(uncertain | inaccurate) at 0.05 nats",
    "flagged_005": "share flagged at 0.05 nats",
}


def evaluate(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS",
            help="Folder of 'predict' (scores the uncertainty, too); folder of label images, "
            "stacks of masks, corrected results or sessions; or a COCO file.",
        ),
    ],
    truth: Annotated[
        Path,
        typer.Option(
            help="BBBC010's folder; a folder of label images, stacks of masks, corrected results "
            "or sessions named like the images; or a COCO file."
        ),
    ],
    output: Annotated[Path, typer.Option(metavar="REPORT", help="Folder for the report.")],
    wells: Annotated[
        Path | None,
        typer.Option(help="File of the names (wells) to score, one a line; all by default."),
    ] = None,
    figure_wells: Annotated[
        str | None,
        typer.Option(help="Images to show, e.g. A01,A02; by default a poor, a usual, a good one."),
    ] = None,
    corrected: Annotated[
        bool,
        typer.Option(
            "--corrected",
            help="Of a folder of 'predict', score the sessions and corrected results in it.",
        ),
    ] = False,
) -> None:
    """Score predictions against the truth.

    REPORT gets report.html, a page that needs no other file, the same as report.md with its
    figures, and the numbers as report.json and CSV. An earlier report is replaced, other files
    never.
    """
    from napari_probinst.cli._existing import is_report, refuse_others
    from napari_probinst.core.data.bbbc010 import read_list
    from napari_probinst.core.data.undivided import undivided_text
    from napari_probinst.core.evaluation.evaluate import evaluate_predictions
    from napari_probinst.core.evaluation.predicted import read_predictions
    from napari_probinst.core.evaluation.report import FILES, build_report, write_report
    from napari_probinst.core.evaluation.report_figures import report_figures
    from napari_probinst.core.evaluation.truth import read_truth, unscored_truth

    refuse_others(output, FILES, own=is_report(output / "report.json", "dsb_image"))
    names = read_list(wells) if wells is not None else None
    predicted = read_predictions(predictions, names, truth, corrected=corrected)
    shown = None if figure_wells is None else predicted.named(_names(figure_wells))
    true_sets = read_truth(truth, predicted.shapes)
    if undivided := undivided_text(true_sets, str(truth)):
        typer.secho(undivided, err=True, fg="yellow")
    evaluation = evaluate_predictions(predicted, true_sets)
    figures = report_figures(evaluation, truth, shown)
    page = write_report(build_report(evaluation, figures, str(truth)), output)
    _show(evaluation)
    if names is None:
        _tell_unscored(unscored_truth(truth, predicted.shapes))
    typer.echo(f"Report: {page}")


def _names(text: str) -> list[str]:
    """Names between commas, each once."""
    return list(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))


def _tell_unscored(names: Sequence[str]) -> None:
    """Say which images of the truth have no prediction."""
    if not names:
        return
    shown = ", ".join(names[:_NAMED]) + ", …" * (len(names) > _NAMED)
    what = "image of the truth has" if len(names) == 1 else "images of the truth have"
    verb = "is" if len(names) == 1 else "are"
    typer.secho(
        f"{len(names)} {what} no prediction and {verb} not scored: {shown}", err=True, fg="yellow"
    )


def _show(evaluation: Evaluation) -> None:
    from rich.console import Console
    from rich.table import Table

    from napari_probinst.core.evaluation.report_tables import number

    table = Table(
        title=f"{len(evaluation.images)} images, {evaluation.scores.n_true} true and "
        f"{evaluation.scores.n_predicted} predicted instances"
    )
    table.add_column("score")
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    values = evaluation.headline()
    for name, title in _SHOWN.items():
        if values[name] is None:
            continue
        bounds = evaluation.intervals.get(name, ())
        table.add_row(title, number(values[name]), " to ".join(map(number, bounds)))
    Console().print(table)
