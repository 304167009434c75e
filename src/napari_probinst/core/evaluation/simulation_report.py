"""A simulation as files: numbers for programs, tables to read, and the curves."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from napari_probinst import __version__
from napari_probinst.core.data.atomic import write_together
from napari_probinst.core.evaluation.orders import ORACLES, ORDERS
from napari_probinst.core.evaluation.simulate import AXES, SCORES
from napari_probinst.core.evaluation.simulation_plots import simulation_figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from napari_probinst.core.evaluation.simulate import Simulation

PAGE = "report.md"
_CURVE = "curves.png"
#: What a report consists of.
FILES = (PAGE, "report.json", "report.csv", _CURVE)

_COLUMNS = {
    "precision": "avAP[0.5:0.95]",
    "precision50": "AP.5",
    "precision75": "AP.75",
    "recall80": "Recall.8",
    "dsb_image": "avAPdsb[0.5:0.95]",
    "dsb_global": "the same, all images together",
}
#: Table 2 of J. L. Rumberger, L. Mais, D. Kainmueller, "Probabilistic Deep Learning for Instance
#: Segmentation", BIC workshop at ECCV 2020, doi:10.1007/978-3-030-66415-2_29, as printed.
_PUBLISHED = (
    ("0", "0.770", "0.974", "0.883", "0.81", "0.703", "–"),
    ("5", "0.779", "0.977", "0.883", "0.82", "0.714", "–"),
    ("10", "0.782", "0.978", "0.896", "0.83", "0.719", "–"),
    ("15", "0.786", "0.980", "0.897", "0.83", "0.725", "–"),
    ("20", "0.791", "0.982", "0.903", "0.84", "0.735", "–"),
)
_HEADINGS = {
    "stops": "Gain at equal numbers of stops",
    "corrected": "Gain at equal numbers of corrected instances",
}


def write_simulation(simulation: Simulation, folder: Path) -> Path:
    """Write ``report.json``, ``report.csv``, ``curves.png`` and, last, ``report.md``.

    All appear together or not at all. Returns the path of ``report.md``.

    Raises
    ------
    OutputError
        If one can't be written.
    """
    content = {**simulation.to_dict(), "program": f"napari-probinst {__version__}"}
    image = io.BytesIO()
    simulation_figure(simulation).savefig(image, format="png", dpi=120)
    files = {
        "report.json": json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False).encode(),
        "report.csv": _csv(simulation).encode(),
        _CURVE: image.getvalue(),
        PAGE: _markdown(simulation).encode(),
    }
    write_together(files, folder)
    return folder / PAGE


def _csv(simulation: Simulation) -> str:
    """One line for each order, axis and number, up to the largest one."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["order", "axis", "number", *SCORES, "gain", "share_of_oracle"])
    for order in simulation.curves:
        for axis in AXES:
            for number, scores in enumerate(simulation.scores(order, axis)):
                share = simulation.share(order, axis, number)
                writer.writerow(
                    [
                        order,
                        axis,
                        number,
                        *(f"{scores[name]:.6f}" for name in SCORES),
                        f"{simulation.gain(order, axis, number):.6f}",
                        "" if share is None else f"{share:.4f}",
                    ]
                )
    return text.getvalue()


def _markdown(simulation: Simulation) -> str:
    parts = [
        "# Simulated proofreading",
        f"{len(simulation.images)} images, {simulation.n_true} true and "
        f"{simulation.n_predicted} predicted instances. At each stop the instances looked at are "
        "swapped for their true counterparts, and missed ones near the stop are added.",
        f"![DSB over stops and over corrected instances]({_CURVE})",
        "## Table 2 of the paper, redrawn",
        "AP is precision, TP / (TP + FP). Corrections are stops.",
        f"Ours, ranked by {simulation.ranking}:",
        _table_2(simulation, "ours"),
        "The paper's order, patch peaks, on the same predictions:",
        _table_2(simulation, "paper"),
        "As published, for 50 test images with about 700 worms:",
        _table(("corrections", *_COLUMNS.values()), _PUBLISHED),
    ]
    for axis in AXES:
        parts += [
            f"## {_HEADINGS[axis]}",
            "Added to the DSB averaged over images; in brackets as a share of what the oracle, and "
            "the greedy oracle, gain with as many corrected instances.",
            _gains(simulation, axis),
        ]
    parts += [
        "## Orders",
        "\n".join(f"- **{name}**: {meaning}" for name, meaning in ORDERS.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _table_2(simulation: Simulation, order: str) -> str:
    scores = simulation.scores(order, "stops")
    return _table(
        ("corrections", *_COLUMNS.values()),
        (
            (str(number), *(f"{scores[number][name]:.3f}" for name in _COLUMNS))
            for number in simulation.corrections
        ),
    )


def _gains(simulation: Simulation, axis: str) -> str:
    numbers = [number for number in simulation.corrections if number]
    return _table(
        ("order", *(str(number) for number in numbers)),
        (
            (order, *(_gain(simulation, order, axis, number) for number in numbers))
            for order in simulation.curves
        ),
    )


def _gain(simulation: Simulation, order: str, axis: str, number: int) -> str:
    shares = (simulation.share(order, axis, number, oracle) for oracle in ORACLES)
    told = ", ".join("–" if share is None else f"{100 * share:.0f} %" for share in shares)
    return f"{simulation.gain(order, axis, number):+.4f} ({told})"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
