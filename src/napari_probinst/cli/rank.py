"""``napari-probinst rank``: in which images most is in doubt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.inference.image_ranking import ImageUncertainty


def rank(
    results: Annotated[
        Path, typer.Argument(metavar="FOLDER_OF_RESULTS", help="Folder that 'predict' wrote.")
    ],
    output: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Also write the table to this file.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that is there.")
    ] = False,
    top: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many; all by default.")
    ] = None,
    by: Annotated[
        Literal["sum", "mean"],
        typer.Option(help="Entropy in all, or its mean over the foreground's pixels."),
    ] = "sum",
) -> None:
    """Rank images by the uncertainty of their predictions, most uncertain first.

    In the first ones most is in doubt: they are the ones to look at, or to annotate, next.
    """
    from napari_probinst.cli._existing import refuse_existing
    from napari_probinst.core.inference.image_ranking import rank_results, write_images

    if output is not None:
        refuse_existing(output, overwrite=overwrite)
    ranked = rank_results(results, by)[:top]
    _show(ranked)
    if output is not None:
        write_images(ranked, output)
        typer.echo(f"{output}: {len(ranked)} images")


def _show(ranked: Sequence[ImageUncertainty]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Most uncertain first (entropy in nats)")
    table.add_column("image")
    for title in ("instances", "peaks", "entropy", "a foreground pixel"):
        table.add_column(title, justify="right")
    for image in ranked:
        numbers = (image.n_instances, image.n_peaks)
        entropies = (f"{image.entropy:.1f}", f"{image.mean_entropy:.4f}")
        table.add_row(image.image, *map(str, numbers), *entropies)
    Console().print(table)
