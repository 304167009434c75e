"""``napari-probinst simulate``: what guided proofreading would gain, measured by the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from napari_probinst.core.evaluation.simulate import Simulation
    from napari_probinst.core.inference.ranking import Ranking
    from napari_probinst.core.instances import InstanceSet
    from napari_probinst.core.prediction import Prediction


def simulate(
    predicted: Annotated[
        Path, typer.Argument(metavar="PREDICTED_DIR", help="Folder that 'predict' wrote.")
    ],
    truth: Annotated[
        Path,
        typer.Option(
            help="BBBC010's folder, a folder of label images or stacks of masks named like the "
            "images, or a COCO file."
        ),
    ],
    output: Annotated[Path, typer.Option(metavar="REPORT", help="Folder for the report.")],
    corrections: Annotated[
        str, typer.Option(help="Numbers of corrections to tell, between commas.")
    ] = "0,5,10,15,20",
    ranking: Annotated[
        str | None,
        typer.Option(help="What ranks the peaks: mass (default), or entropy as in the paper."),
    ] = None,
) -> None:
    """Simulate proofreading: correct predictions by the truth, most uncertain places first.

    REPORT gets report.md with curves.png, report.csv and report.json: scores after so many
    corrections in the ranking's order, in the paper's, in others that know no uncertainty, and
    in those of oracles that know the truth. An earlier simulation is replaced, other files never.
    """
    numbers = _numbers(corrections)
    chosen = _ranking(ranking)

    from napari_probinst.cli._existing import is_report, refuse_others
    from napari_probinst.core.evaluation.simulate import simulate as run
    from napari_probinst.core.evaluation.simulation_report import FILES, write_simulation

    refuse_others(output, FILES, own=is_report(output / "report.json", "orders"))
    simulation = run(_read(predicted, truth), numbers, chosen)
    page = write_simulation(simulation, output)
    _show(simulation)
    typer.echo(f"Report: {page}")


def _numbers(text: str) -> list[int]:
    """Whole numbers between commas, ascending, each once."""
    from napari_probinst.core.errors import ConfigError

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ConfigError(
            f"--corrections is '{text}'; expected whole numbers from 0 up, such as 0,5,10."
        )
    return sorted({int(part) for part in parts})


def _ranking(name: str | None) -> Ranking:
    from napari_probinst.core.errors import ConfigError
    from napari_probinst.core.inference.ranking import DEFAULT_RANKING, RANKINGS

    for known in RANKINGS:
        if name == known:
            return known
    if name is None:
        return DEFAULT_RANKING
    raise ConfigError(f"--ranking is '{name}'; expected one of {', '.join(RANKINGS)}.")


def _read(predicted: Path, truth: Path) -> list[tuple[Prediction, InstanceSet]]:
    from napari_probinst.core.errors import InputError
    from napari_probinst.core.evaluation.predicted import read_predictions
    from napari_probinst.core.evaluation.truth import read_truth

    images = None if predicted.is_file() else read_predictions(predicted)
    if images is None or not images.has_uncertainty:
        raise InputError(
            f"{predicted} holds no draws to rank by; give the folder that 'predict' wrote."
        )
    true_sets = read_truth(truth, images.shapes)
    if not any(instances.areas().any() for instances in true_sets.values()):
        raise InputError(
            f"The truth in {truth} holds no instance in any of the predicted images, so that "
            "nothing can be corrected; check that it is the truth of these images."
        )
    return [
        (image.prediction, true_sets[image.name])
        for image in images.images
        if image.prediction is not None
    ]


def _show(simulation: Simulation) -> None:
    from rich.console import Console
    from rich.table import Table

    from napari_probinst.core.evaluation.simulate import GAIN

    last = simulation.corrections[-1]
    table = Table(
        title=f"{len(simulation.images)} images, {simulation.n_true} true instances: "
        f"DSB after {last} stops, by {simulation.ranking} for ours"
    )
    for heading in ("order", "DSB", "gain", "of oracle's"):
        table.add_column(heading, justify="left" if heading == "order" else "right")
    for order in simulation.curves:
        share = simulation.share(order, "stops", last)
        table.add_row(
            order,
            f"{simulation.scores(order, 'stops')[last][GAIN]:.3f}",
            f"{simulation.gain(order, 'stops', last):+.4f}",
            "–" if share is None else f"{100 * share:.0f} %",
        )
    Console().print(table)
