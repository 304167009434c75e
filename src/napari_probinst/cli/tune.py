"""``napari-probinst tune``: choose a model's clustering settings on images with truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import Progress

    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.data.io import ImageSource
    from napari_probinst.core.evaluation.folds import Folds
    from napari_probinst.core.evaluation.tune import TuningImage, TuningResult
    from napari_probinst.core.inference.draw_cache import DrawCache
    from napari_probinst.core.inference.pipeline import Predictor
    from napari_probinst.core.instances import InstanceSet
    from napari_probinst.core.network.checkpoint import Model

#: Columns of the table of scores, by their names in a report.
_COLUMNS = {
    "dsb_image": "DSB/image",
    "dsb_global": "DSB/all",
    "precision": "precision",
    "precision50": "at .5",
    "precision75": "at .75",
    "recall80": "recall@.8",
}
_MEGABYTE = 1_000_000
#: A score below this is 0.000 in the table.
_LEAST_SCORE = 0.0005


def tune(
    model: Annotated[Path, typer.Option(help="Model file to choose settings for.")],
    data: Annotated[
        Path,
        typer.Option(help="Folder of images and truth: images/ and instances/, or BBBC010's."),
    ],
    wells: Annotated[
        Path | None,
        typer.Option(
            help="File of the names (wells) to tune on, one a line; by default those in DATA that "
            "MODEL's training held out."
        ),
    ] = None,
    folds: Annotated[
        Path | None,
        typer.Option(help="YAML file with two lists of these names; every other by default."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Model file to write; MODEL itself by default.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another file that is there.")
    ] = False,
    draws: Annotated[
        int | None, typer.Option(help="Draws from the posterior; the model's own by default.")
    ] = None,
    flips: Annotated[
        bool | None,
        typer.Option("--flips/--no-flips", help="Whether draws see the image mirrored or turned."),
    ] = None,
    own_bandwidth: Annotated[
        bool | None,
        typer.Option(
            "--own-bandwidth/--no-own-bandwidth",
            help="Whether far too large instances get a bandwidth of their own.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    memory: Annotated[
        int, typer.Option(min=0, help="Megabytes of draws to hold; the rest goes to files.")
    ] = 500,
) -> None:
    """Choose bandwidth, clustering threshold, minimum size and probability threshold.

    The network runs once an image. What scores best on all images becomes the model's default,
    in the file's header; the weights stay as they are. What the choice is worth is told by
    2-fold cross-validation: each half is scored with what was chosen on the other.
    """
    from napari_probinst import __version__
    from napari_probinst.cli._existing import refuse_existing
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.data.atomic import atomic_file
    from napari_probinst.core.evaluation.folds import alternate_folds, read_folds
    from napari_probinst.core.inference.draw_cache import draw_cache
    from napari_probinst.core.inference.pipeline import Predictor
    from napari_probinst.core.network.checkpoint import load_model, rewritten
    from napari_probinst.core.network.header import check_model_name
    from napari_probinst.core.section import validated

    written = output or model
    check_model_name(written)
    if not (written.exists() and written.samefile(model)):
        refuse_existing(written, overwrite=overwrite)
    loaded = load_model(model)
    asked = {"n_draws": draws, "flips": flips, "own_bandwidth": own_bandwidth}
    changed = {name: value for name, value in asked.items() if value is not None}
    start = validated(
        InferenceConfig, {**loaded.header.inference.model_dump(), **changed}, "command line"
    )
    names = _names(wells, data, loaded)
    halves = alternate_folds(names) if folds is None else read_folds(folds, names)
    predictor = Predictor.create(loaded, device)
    sources = _sources(data, loaded, names)
    truth = _truth(data, sources)
    with draw_cache(memory * _MEGABYTE) as cache, _progress() as progress:
        images = _see(sources, truth, predictor, start, cache, progress)
        result = _choose(images, start, halves, progress)
    _refuse_nothing(result)
    header = loaded.header.model_copy(
        update={
            "inference": result.settings,
            "tuning": {"program": f"napari-probinst {__version__}", **result.record()},
        }
    )
    content = rewritten(model, loaded, header)
    with atomic_file(written) as file:
        file.write(content)
    _report(result, n_images=len(images), n_draws=len(images[0].draws))
    typer.echo(f"{written}: the choice is its default now")


def _names(wells: Path | None, data: Path, model: Model) -> Sequence[str]:
    """Images to tune on; a word where the model was trained on some of them."""
    from napari_probinst.core.data.bbbc010 import read_list
    from napari_probinst.core.errors import InputError
    from napari_probinst.core.evaluation.names import listed

    if wells is not None:
        names = read_list(wells)
        trained_on = set(model.header.trained_on)
        learnt = [name for name in names if name in trained_on]
        if learnt:
            typer.secho(
                f"By their names, {model.file_name} was trained on {len(learnt)} of the "
                f"{len(names)} images ({listed(learnt)}): what is chosen on these is too bold for "
                "others, and its scores are too good",
                err=True,
                fg="yellow",
            )
        return names
    held_out = model.header.held_out
    if not held_out:
        raise InputError(
            f"{model.file_name} states no image that its training held out; name those to tune "
            "on with --wells."
        )
    there = {source.name for source in _sources(data, model)}
    names = tuple(name for name in held_out if name in there)
    if not names:
        raise InputError(
            f"{data} holds none of the images that the training of {model.file_name} held out "
            f"({listed(held_out)}); name those to tune on with --wells."
        )
    typer.echo(
        f"Tuning on {len(names)} of the {len(held_out)} images that the training of "
        f"{model.file_name} held out"
    )
    return names


def _sources(data: Path, model: Model, names: Sequence[str] | None = None) -> list[ImageSource]:
    from napari_probinst.core.data.bbbc010 import find_wells
    from napari_probinst.core.data.io import find_images
    from napari_probinst.core.data.naming import IMAGE_FOLDER
    from napari_probinst.core.errors import InputError

    if not data.is_dir():
        raise InputError(f"{data} is not a folder; give the folder that holds the images.")
    beside_truth = data / IMAGE_FOLDER
    folder = beside_truth if beside_truth.is_dir() and not find_wells(data) else data
    return list(find_images(folder, model.header.network.channels, names))


def _truth(data: Path, sources: Sequence[ImageSource]) -> dict[str, InstanceSet]:
    """Read the truth before the network begins: a missing mask is told at once."""
    from napari_probinst.core.evaluation.truth import read_truth

    shapes = {}
    for source in sources:
        height, width = source.read().channels.shape[1:]
        shapes[source.name] = (height, width)
    return read_truth(data, shapes)


def _see(
    sources: Sequence[ImageSource],
    truth: dict[str, InstanceSet],
    predictor: Predictor,
    settings: InferenceConfig,
    cache: DrawCache,
    progress: Progress,
) -> list[TuningImage]:
    from napari_probinst.core.evaluation.tune import TuningImage

    n_draws = predictor.n_draws(settings)
    task = progress.add_task("draws", total=len(sources) * n_draws)
    images = []
    for source in sources:
        image = source.read()
        kept = []
        for tiles in predictor.foregrounds(image.channels, settings, image.present):
            kept.append(cache.keep(truth[source.name].shape, tiles))
            progress.advance(task)
        images.append(TuningImage(source.name, truth[source.name], tuple(kept)))
    return images


def _choose(
    images: Sequence[TuningImage], start: InferenceConfig, folds: Folds, progress: Progress
) -> TuningResult:
    from napari_probinst.core.evaluation.tune import tune as search

    task = progress.add_task("segmentations tried", total=None)
    return search(images, start, folds, on_trial=lambda: progress.advance(task))


def _progress() -> Progress:
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def _refuse_nothing(result: TuningResult) -> None:
    """Refuse a choice under which nothing is found: any other would have been as good."""
    from napari_probinst.core.errors import InputError

    if result.scores.dsb_image < _LEAST_SCORE:
        raise InputError(
            f"None of the {result.n_tried} settings that were tried finds an object of the truth "
            "(DSB 0.000), so nothing is chosen; likely the model knows objects of another width, "
            "or another kind of image, so train it further on such images first."
        )


def _report(result: TuningResult, *, n_images: int, n_draws: int) -> None:
    rows = {
        "before": result.before,
        "chosen, on the same images": result.scores,
        "chosen, cross-validated": result.cross_validated,
    }
    typer.echo(f"{n_images} images, {n_draws} draws each, {result.n_tried} settings tried")
    typer.echo(" " * 28 + "".join(f"{title:>11}" for title in _COLUMNS.values()))
    for title, scores in rows.items():
        values = scores.headline()
        typer.echo(f"{title:<28}" + "".join(f"{values[name]:>11.3f}" for name in _COLUMNS))
    for number, fold in enumerate(result.folds, start=1):
        typer.echo(
            f"fold {number}: DSB {fold.scores.dsb_image:.3f} on {len(fold.images)} images, with "
            f"{_values(fold.settings)} chosen on the others"
        )
    typer.echo(f"chosen: {_values(result.settings)}")


def _values(settings: InferenceConfig) -> str:
    from napari_probinst.core.evaluation.tune import tuned_values

    return ", ".join(f"{name} {value:g}" for name, value in tuned_values(settings).items())
