"""What ``predict`` says of a run before and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_probinst.core.batch.summary import RunSummary
    from napari_probinst.core.data.io import ImageSource

#: Images that the summary names; the others are in the table.
_NAMED = 5


def tell_stacks(sources: Sequence[ImageSource]) -> None:
    """Say which files are predicted plane by plane: their axes may be stated wrong."""
    planes = [source for source in sources if source.plane]
    if not planes:
        return
    files = list(dict.fromkeys(source.path.name for source in planes))
    of = files[0] if len(files) == 1 else f"{len(files)} stacks"
    typer.echo(
        f"{len(planes)} planes of {of} (time, z), each an image of its own; where a file states "
        "its axes wrong, give --axes"
    )


def summarise(summary: RunSummary, table: Path, passed: float) -> None:
    """Say which images are the most uncertain, how many are done, and what took how long."""
    first = ", ".join(image.image for image in summary.ranked()[:_NAMED])
    typer.echo(f"{table}: most uncertain first: {first}")
    counts = ", ".join(
        f"{summary.count(status)} {status}"
        for status in ("predicted", "finished before", "refused")
    )
    typer.echo(f"{counts}, in {passed:.1f} s")
    seconds = summary.seconds
    typer.echo(
        f"reading {seconds.read:.1f} s, draws {seconds.draws:.1f} s, agglomeration and ranking "
        f"{seconds.agglomeration:.1f} s, writing {seconds.write:.1f} s"
    )


def tell_data_set(path: Path, n_images: int, n_earlier: int) -> None:
    """Say of how many images the data set is, and how many of them are of earlier runs."""
    before = f", {n_earlier} of them of earlier runs" if n_earlier else ""
    typer.echo(f"{path}: {n_images} images{before}")


def tell_others(
    names: Sequence[str], output: Path, kind: str = "this model and these settings"
) -> None:
    """Say which results in the folder are none of this kind."""
    from napari_probinst.core.evaluation.names import listed

    if names:
        typer.secho(
            f"Other results in {output} are not of {kind}, or damaged, and left "
            f"out of predictions.json: {listed(names)}",
            err=True,
            fg="yellow",
        )


def advise(summary: RunSummary, object_width: float, scale: float) -> None:
    """Say what may be wrong with the images: their colours, and how wide their objects are.

    Parameters
    ----------
    summary : RunSummary
        What came of the run.
    object_width : float
        Width of the objects that the model was trained with, pixels.
    scale : float
        At which it saw the images.
    """
    from napari_probinst.core.data.coloured import coloured_text

    if said := coloured_text(sum(outcome.from_colours for outcome in summary.good)):
        typer.secho(said, err=True, fg="yellow")
    # Where the image itself tells why, another scale is no advice.
    tried = [outcome for outcome in summary.good if not outcome.obstacle]
    known = [outcome.uncertainty for outcome in tried if outcome.uncertainty is not None]
    if known and not any(image.n_instances for image in known):
        typer.secho(
            f"Nothing was found. The model knows objects about {object_width / scale:.0f} pixels "
            "wide; if yours have another width, give --scale (0.5 where they are twice as wide)",
            err=True,
            fg="yellow",
        )
    _advise_scale(summary, object_width, scale)


def _advise_scale(summary: RunSummary, object_width: float, scale: float) -> None:
    """Say that objects are of another width than the model knows: in all images, or in some."""
    from statistics import median_low

    from napari_probinst.core.evaluation.names import listed
    from napari_probinst.core.inference.scale import compared, typical_misfit

    widths = {each.name: each.width for each in summary.good if each.width is not None}
    compare = {name: compared(width, object_width, scale) for name, width in widths.items()}
    odd = {name: misfit for name, misfit in compare.items() if misfit is not None}
    if not odd:
        return
    typical, n_images = typical_misfit(list(odd.values())), len(summary.good)
    # One scale is for all images of a run: some odd ones among them are no reason for another.
    of_all = compared(median_low(widths.values()), object_width, scale) is not None
    where = "" if n_images == 1 else f" in {len(odd)} of {n_images} images"
    if not of_all:
        where += f" ({listed(list(odd))})"
    typer.secho(
        f"What was found{where} is about {typical.width:.0f} pixels wide, and the model knows "
        f"objects about {typical.expected:.0f} wide: try --scale {typical.scale:g}"
        f"{'' if of_all else ' for these alone'}",
        err=True,
        fg="yellow",
    )
