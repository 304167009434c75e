"""``napari-probinst synthetic``: images with their exact truth, to train or to try things on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def synthetic(
    output: Annotated[Path, typer.Option(help="Folder for images/ and instances/.")],
    images: Annotated[int, typer.Option(min=1, help="Number of images.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Other seeds share no image.")] = 0,
    worm_width: Annotated[
        float, typer.Option(min=2, max=100, help="Typical width of a worm, pixels.")
    ] = 10.0,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Write into a folder that isn't empty; images of the same names are replaced.",
        ),
    ] = False,
) -> None:
    """Draw images of worms that touch and cross, with the mask of each, as train reads them."""
    from napari_probinst.cli._existing import refuse_existing
    from napari_probinst.core.data.synthetic import write_dataset

    if output.is_dir() and any(output.iterdir()):
        ways = "--overwrite to write into it all the same"
        refuse_existing(output, overwrite=overwrite, what="is not empty", ways=ways)
    names = write_dataset(output, images, seed, worm_width=worm_width)
    typer.echo(f"{output}: {len(names)} images and their instances, {names[0]} to {names[-1]}")
    typer.echo(
        f"Train on them: napari-probinst train --data {output} --output my-model.safetensors"
    )
