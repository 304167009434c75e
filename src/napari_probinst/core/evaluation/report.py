"""A report of an evaluation: a page to read, the same as Markdown, and numbers for programs."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from napari_probinst import __version__
from napari_probinst.core.data.atomic import write_together
from napari_probinst.core.evaluation import report_tables as tables
from napari_probinst.core.evaluation.report_data import (
    image_csv,
    image_threshold_csv,
    json_report,
    threshold_csv,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_probinst.core.evaluation.evaluate import Evaluation
    from napari_probinst.core.evaluation.report_figures import ReportFigure
    from napari_probinst.core.evaluation.report_tables import Table

PAGE = "report.html"
FIGURE_FOLDER = "figures"
#: What a report consists of.
FILES = (
    *(PAGE, "report.md", "report.json", "images.csv", "thresholds.csv", "image_thresholds.csv"),
    FIGURE_FOLDER,
)
#: Figures with a place of their own; the others are of the uncertainty.
_PLACED = frozenset({"samples", "thresholds", "worst"})


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A heading with its tables and figures."""

    title: str
    tables: tuple[Table, ...] = ()
    figures: tuple[ReportFigure, ...] = ()


def build_report(
    evaluation: Evaluation, figures: Mapping[str, ReportFigure], truth: str
) -> dict[str, bytes]:
    """All files of a report, complete before any is written.

    Parameters
    ----------
    evaluation : Evaluation
        What is reported.
    figures : mapping of str to ReportFigure
        See `report_figures`.
    truth : str
        Where the truth was read.

    Returns
    -------
    dict of str to bytes
        Content by file name: ``report.html`` (self-contained), ``report.md`` with
        ``figures/*.png``, ``report.json``, ``images.csv``, ``thresholds.csv`` and
        ``image_thresholds.csv``.
    """
    context = {
        "sections": _sections(evaluation, figures),
        "n_images": len(evaluation.images),
        "n_true": evaluation.scores.n_true,
        "n_predicted": evaluation.scores.n_predicted,
        "predictions": str(evaluation.predicted.source),
        "truth": truth,
        "version": __version__,
        "has_uncertainty": evaluation.uncertainty is not None,
        "figure_folder": FIGURE_FOLDER,
    }
    return {
        PAGE: _rendered("report.html.j2", context),
        "report.md": _rendered("report.md.j2", context),
        "report.json": json_report(evaluation, truth),
        "images.csv": image_csv(evaluation),
        "thresholds.csv": threshold_csv(evaluation),
        "image_thresholds.csv": image_threshold_csv(evaluation),
        **{f"{FIGURE_FOLDER}/{figure.name}.png": figure.png for figure in figures.values()},
    }


def write_report(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write the files of a report, all or none, the page last; its path is returned.

    Raises
    ------
    OutputError
        If one can't be written.
    """
    write_together({name: files[name] for name in sorted(files, key=PAGE.__eq__)}, folder)
    return folder / PAGE


def _sections(evaluation: Evaluation, figures: Mapping[str, ReportFigure]) -> list[Section]:
    def drawn(*names: str) -> tuple[ReportFigure, ...]:
        return tuple(figures[name] for name in names if name in figures)

    sections = [
        Section("Scores", (tables.headline_table(evaluation),), drawn("thresholds")),
        Section("Beside published results", (tables.published_table(evaluation),)),
        Section("By IoU threshold", (tables.threshold_table(evaluation),)),
        Section("Errors by kind", (tables.error_table(evaluation),)),
        Section("Samples", (), drawn("samples")),
    ]
    uncertainty = evaluation.uncertainty
    if uncertainty is not None:
        sections.append(
            Section(
                "Uncertainty",
                (
                    tables.uncertainty_table(uncertainty),
                    tables.detection_table(uncertainty),
                    tables.confidence_table(uncertainty),
                ),
                tuple(figure for name, figure in figures.items() if name not in _PLACED),
            )
        )
    if evaluation.worst:
        worst = tables.worst_table(evaluation)
        sections.append(Section("The worst instances", (worst,), drawn("worst")))
    sections.append(Section("By image", (tables.image_table(evaluation),)))
    return sections


def _rendered(name: str, context: Mapping[str, object]) -> bytes:
    environment = Environment(
        loader=PackageLoader("napari_probinst.core.evaluation"),
        autoescape=name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
    environment.filters["cell"] = lambda text: text.replace("|", "\\|")
    return environment.get_template(name).render(context).encode()
