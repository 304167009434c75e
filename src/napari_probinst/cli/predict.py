"""``napari-probinst predict``: images in, predictions and their exports out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.data.coco import CocoImage
    from napari_probinst.core.data.io import ImageSource
    from napari_probinst.core.inference.pipeline import Predictor

Ranking = Literal["mass", "entropy"]
#: Some images of a folder were predicted and others refused.
PARTLY_DONE = 1


def predict(
    images: Annotated[
        Path, typer.Argument(metavar="IMAGE_OR_FOLDER", help="An image, or a folder of images.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for the results.")],
    model: Annotated[
        list[Path] | None,
        typer.Option(
            help="Model file; the bundled model by default. Given several times, the draws are "
            "spread over the models."
        ),
    ] = None,
    draws: Annotated[
        int | None, typer.Option(help="Draws from the posterior, 1 to 255; 8 by default.")
    ] = None,
    wells: Annotated[
        Path | None, typer.Option(help="File of the names (wells) to predict, one a line.")
    ] = None,
    stacks: Annotated[
        bool, typer.Option("--stacks", help="Also write the masks and the counts as stacks.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    seed: Annotated[int | None, typer.Option(help="Seed of the draws; 0 by default.")] = None,
    flips: Annotated[
        bool | None,
        typer.Option("--flips/--no-flips", help="Whether draws see the image mirrored or turned."),
    ] = None,
    bandwidth: Annotated[
        float | None, typer.Option(help="Mean-shift bandwidth in the embedding space.")
    ] = None,
    cluster_threshold: Annotated[
        float | None, typer.Option(help="Farthest an embedding may lie from its centre.")
    ] = None,
    min_size: Annotated[
        int | None, typer.Option(help="Smallest instance of a draw, pixels.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Least probability of a binary instance's pixels.")
    ] = None,
    ranking: Annotated[
        Ranking | None, typer.Option(help="What ranks the peaks; mass by default.")
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(help="Meaning of the files' dimensions, e.g. CYX, where they state it wrong."),
    ] = None,
) -> None:
    """Predict instances with their probability, entropy and ranked peaks.

    For each image NAME the folder gets NAME.prediction.npz, NAME.labels.tif,
    NAME.probability.tif, NAME.entropy.tif and NAME.peaks.csv; for the run predictions.json, a
    COCO data set.
    """
    from napari_probinst.core.data.atomic import make_folder
    from napari_probinst.core.data.bbbc010 import read_list
    from napari_probinst.core.data.coco import write_coco
    from napari_probinst.core.data.io import find_images
    from napari_probinst.core.data.naming import COCO_NAME
    from napari_probinst.core.errors import InputError
    from napari_probinst.core.inference.pipeline import Predictor
    from napari_probinst.core.network.checkpoint import load_model
    from napari_probinst.models import default_model

    loaded, *others = [load_model(path) for path in model or [default_model()]]
    settings = _settings(
        loaded.header.inference,
        {
            "n_draws": draws,
            "seed": seed,
            "flips": flips,
            "bandwidth": bandwidth,
            "cluster_threshold": cluster_threshold,
            "min_size": min_size,
            "probability_threshold": threshold,
            "ranking": ranking,
        },
    )
    predictor = Predictor.create(loaded, device, others)
    names = read_list(wells) if wells is not None else None
    sources = find_images(images, loaded.header.network.channels, names)
    make_folder(output)
    done: list[CocoImage] = []
    refused: list[str] = []
    for number, source in enumerate(sources, start=1):
        try:
            record, line = _predict_one(source, predictor, settings, output, axes, stacks=stacks)
        except InputError as error:
            if len(sources) == 1:
                raise
            refused.append(str(error))
            typer.secho(f"{source.name}: {error}", err=True, fg="red")
            continue
        done.append(record)
        typer.echo(f"[{number}/{len(sources)}] {line}")
    if refused and not done:
        raise InputError(f"None of the {len(refused)} images could be predicted.")
    write_coco(done, output / COCO_NAME)
    typer.echo(f"{output / COCO_NAME}: {len(done)} images")
    if refused:
        typer.secho(f"{len(refused)} of {len(sources)} images were refused:", err=True)
        for sentence in refused:
            typer.secho(f"  {sentence}", err=True)
        raise typer.Exit(PARTLY_DONE)


def _predict_one(
    source: ImageSource,
    predictor: Predictor,
    settings: InferenceConfig,
    output: Path,
    axes: str | None,
    *,
    stacks: bool,
) -> tuple[CocoImage, str]:
    import time

    from napari_probinst.cli._results import write_results
    from napari_probinst.core.data.naming import is_file_name
    from napari_probinst.core.errors import InputError

    began = time.perf_counter()
    if not (is_file_name(source.name) and is_file_name(source.path.name)):
        raise InputError(
            f"{source.path} has a name that not every system can write; expected one without "
            "colons, backslashes and unreadable characters, so rename it."
        )
    image = source.read(axes)
    prediction = predictor.predict(
        image.channels,
        settings,
        name=source.name,
        present=image.present,
        pixel_size=image.pixel_size,
        notify=lambda message: typer.secho(f"{source.name}: {message}", err=True, fg="yellow"),
    )
    record, found = write_results(prediction, output, source.path.name, stacks=stacks)
    return record, f"{source.name}: {found}, {time.perf_counter() - began:.1f} s"


def _settings(defaults: InferenceConfig, given: Mapping[str, object]) -> InferenceConfig:
    """Model's defaults with what was asked for, checked against the bounds."""
    from napari_probinst.core.config import InferenceConfig, validated

    asked = {name: value for name, value in given.items() if value is not None}
    return validated(InferenceConfig, {**defaults.model_dump(), **asked}, "command line")
