"""``napari-probinst calibrate``: correct a model's contours and overlaps after its training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_probinst.core.network.checkpoint import Model
    from napari_probinst.core.training.sources import LabelledImage


def calibrate(
    model: Annotated[Path, typer.Option(help="Model file to calibrate.")],
    data: Annotated[Path, typer.Option(help="Training folder: the images with their truth.")],
    wells: Annotated[
        Path | None,
        typer.Option(
            help="File of the names (wells) to fit to, one a line; by default the images that "
            "the model says it was trained on."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Model file to write; MODEL itself by default.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another file that is there.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Fit how a model's contours depend on the share of foreground, and how often it sees overlaps.

    Three numbers in the file's header shift the class map of each image; the weights stay as they
    are. Fit them to training images, then choose the clustering settings anew with tune.
    """
    from napari_probinst import __version__
    from napari_probinst.cli._existing import refuse_existing
    from napari_probinst.core.data.atomic import atomic_file
    from napari_probinst.core.data.bbbc010 import read_list
    from napari_probinst.core.network.checkpoint import load_model, rewritten
    from napari_probinst.core.network.header import check_model_name
    from napari_probinst.core.training.calibrate import calibrate as fit

    written = output or model
    check_model_name(written)
    if not (written.exists() and written.samefile(model)):
        refuse_existing(written, overwrite=overwrite)
    loaded = load_model(model)
    images = _read(data, loaded, read_list(wells) if wells is not None else None)
    result = fit(loaded, _counted(images), device)
    record = {
        "program": f"napari-probinst {__version__}",
        "images": [item.image.name for item in images],
        "foreground_iou_before": round(result.before, 4),
        "foreground_iou": round(result.after, 4),
        "overlap_iou_before": round(result.overlap_before, 4),
        "overlap_iou": round(result.overlap_after, 4),
    }
    header = loaded.header.model_copy(
        update={
            "calibration": result.calibration,
            "training": {**loaded.header.training, "calibration": record},
        }
    )
    content = rewritten(model, loaded, header)
    with atomic_file(written) as file:
        file.write(content)
    line = result.calibration
    typer.echo(
        f"{len(images)} images: IoU of the foreground near their instances {result.before:.3f} "
        f"before and {result.after:.3f} after, of overlaps {result.overlap_before:.3f} and "
        f"{result.overlap_after:.3f}, on the same images"
    )
    typer.echo(
        f"log-odds of background {line.offset:+.3f} {line.slope:+.3f} x share of foreground "
        f"({line.least_share:.3f} to {line.largest_share:.3f}), of overlap {line.overlap:+.3f}"
    )
    typer.echo(f"{written}: calibrated; choose its settings anew with 'napari-probinst tune'")


def _read(data: Path, model: Model, names: Sequence[str] | None) -> list[LabelledImage]:
    from napari_probinst.core.config import Config
    from napari_probinst.core.errors import InputError
    from napari_probinst.core.training.sources import load_training_data

    folder = load_training_data(data, Config(network=model.header.network))
    items = {item.image.name: item for item in (*folder.training, *folder.validation)}
    wanted = names if names is not None else model.header.training.get("training_images", ())
    unknown = [name for name in wanted if name not in items]
    if unknown and names is not None:
        raise InputError(
            f"{data} does not hold {', '.join(unknown[:5])}; it has {', '.join(list(items)[:5])}."
        )
    found = [items[name] for name in wanted if name in items]
    if not found:
        raise InputError(
            f"{data} holds none of the images that {model.file_name} was trained on; name the "
            "images to fit to with --wells."
        )
    return found


def _counted(images: Sequence[LabelledImage]) -> Iterator[LabelledImage]:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(images, "looking at", console=console, disable=not console.is_terminal)
