"""``napari-probinst predict``: images in, predictions and their exports out."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_probinst.core.batch.executors import Executor
    from napari_probinst.core.batch.job import Job, Outcome
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.data.io import ImageSource

Ranking = Literal["mass", "entropy"]
#: Some images of a folder were predicted and others refused.
PARTLY_DONE = 1
#: As a shell tells of a command that Ctrl-C ended.
INTERRUPTED = 130


def predict(
    images: Annotated[
        Path,
        typer.Argument(
            metavar="IMAGE_OR_FOLDER",
            help="An image (TIFF, PNG, OME-Zarr), or a folder of images. Of a stack (time, z) each "
            "plane is an image.",
        ),
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
        Path | None,
        typer.Option(help="File of the names (wells, stacks, planes) to predict, one a line."),
    ] = None,
    stacks: Annotated[
        bool, typer.Option("--stacks", help="Also write the masks and the counts as stacks.")
    ] = False,
    ome_zarr: Annotated[
        bool,
        typer.Option(
            "--ome-zarr",
            help="Also write NAME.prediction.ome.zarr: probability, entropy and instances in "
            "chunks and levels, for slides.",
        ),
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    seed: Annotated[int | None, typer.Option(help="Seed of the draws; 0 by default.")] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            help="Resample the images to this many times their size for the network, 0.05 to 20; "
            "results are in their own pixels."
        ),
    ] = None,
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
    existence: Annotated[
        float | None,
        typer.Option(help="Least share of the draws that found an instance of the result."),
    ] = None,
    ranking: Annotated[
        Ranking | None, typer.Option(help="What ranks the peaks; mass by default.")
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(
            help="Meaning of the files' dimensions, e.g. CYX or TYX, where they state it wrong or "
            "not at all."
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Predict also the images that are finished, and replace files of other "
            "commands and programs.",
        ),
    ] = False,
    workers: Annotated[
        int,
        typer.Option(min=1, help="Processes on this machine, each with its share of the threads."),
    ] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Dask scheduler that the images are sent to, e.g. tcp://10.0.0.5:8786; 'local' "
            "starts one here with --workers processes.",
        ),
    ] = None,
) -> None:
    """Predict instances with their probability, entropy and ranked peaks.

    For each image NAME the output gets NAME.prediction.npz, NAME.labels.tif,
    NAME.probability.tif, NAME.entropy.tif and NAME.peaks.csv; for the run predictions.json, a
    COCO data set, and for a folder images.csv, its images with the most uncertain first: both
    are of all images in the output that the same model and settings made, now or before.
    Planes of a stack are named NAME_003, or NAME_003_001 where it has time and z, from 000 on.
    Images that are finished, by the same model and settings, are skipped. A large image that
    was stopped goes on where it was, if the same command is run again.
    """
    from napari_probinst.cli._run_words import (
        advise,
        summarise,
        tell_data_set,
        tell_others,
        tell_stacks,
    )
    from napari_probinst.core.batch.earlier import check_namesakes, earlier_results
    from napari_probinst.core.batch.job import Job
    from napari_probinst.core.batch.summary import RunSummary
    from napari_probinst.core.data.atomic import make_folder
    from napari_probinst.core.data.bbbc010 import read_list
    from napari_probinst.core.data.image_folders import record_image_folders
    from napari_probinst.core.data.io import find_images
    from napari_probinst.core.errors import InputError
    from napari_probinst.core.inference.ensemble import check_agreement
    from napari_probinst.core.inference.image_ranking import IMAGES_NAME
    from napari_probinst.core.network.checkpoint import load_model
    from napari_probinst.models import default_model

    progress = _TileProgress()
    executor = _executor(workers, scheduler, device, progress)
    paths = tuple(model or [default_model()])
    models = [load_model(path) for path in paths]
    check_agreement(models)
    settings = _settings(
        models[0].header.inference,
        {
            "n_draws": draws,
            "seed": seed,
            "scale": scale,
            "flips": flips,
            "bandwidth": bandwidth,
            "cluster_threshold": cluster_threshold,
            "min_size": min_size,
            "probability_threshold": threshold,
            "existence_threshold": existence,
            "ranking": ranking,
        },
    )
    names = read_list(wells) if wells is not None else None
    sources = find_images(images, models[0].header.network.channels, names, planes=True, axes=axes)
    tell_stacks(sources)
    check_namesakes(output, sources, axes)
    _refuse_foreign(output, sources, overwrite=overwrite)
    make_folder(output)
    record_image_folders(output, dict.fromkeys(source.path.parent for source in sources))
    job = Job(
        models=paths,
        checksums=tuple(one.checksum for one in models),
        settings=settings,
        folder=output,
        device=device,
        axes=axes,
        stacks=stacks,
        ome_zarr=ome_zarr,
        overwrite=overwrite,
    )
    began = time.perf_counter()
    outcomes = _predict_all(executor, job, sources, progress)
    earlier = earlier_results(job, sources)
    summary = RunSummary(outcomes, earlier.outcomes)
    if not summary.good:
        if len(sources) == 1:
            raise InputError(summary.refused[0].reason)
        raise InputError(f"None of the {len(sources)} images could be predicted.")
    tell_data_set(summary.write_coco(job), len(summary.finished), len(summary.earlier))
    tell_others(earlier.others, output)
    if images.is_dir() or len(sources) > 1 or summary.earlier or (output / IMAGES_NAME).exists():
        summarise(summary, summary.write_table(output), time.perf_counter() - began)
    advise(summary, models[0].header.object_width, settings.scale)
    if summary.refused:
        typer.secho(f"{len(summary.refused)} of {len(sources)} images were refused:", err=True)
        for outcome in summary.refused:
            typer.secho(f"  {outcome.reason}", err=True)
        raise typer.Exit(PARTLY_DONE)


def _refuse_foreign(output: Path, sources: Sequence[ImageSource], *, overwrite: bool) -> None:
    from napari_probinst.cli._existing import refuse_existing
    from napari_probinst.core.batch.foreign import foreign_files

    for path in foreign_files(output, (source.name for source in sources)):
        what = "exists and is no earlier result of this command"
        refuse_existing(path, overwrite=overwrite, what=what)


def _executor(
    workers: int, scheduler: str | None, device: str, progress: _TileProgress
) -> Executor:
    """Where the images are predicted; refuses what can't be there, before anything is done."""
    from napari_probinst.core.batch.cluster import LOCAL, Cluster
    from napari_probinst.core.batch.executors import ThisProcess
    from napari_probinst.core.batch.processes import WorkerProcesses
    from napari_probinst.core.errors import ConfigError
    from napari_probinst.core.network.device import choose_runtime

    if scheduler is not None and scheduler != LOCAL:
        if workers > 1:
            raise ConfigError(
                f"The scheduler at {scheduler} has its own workers; leave out --workers, which "
                "are processes on this machine."
            )
        return Cluster(scheduler, on_tile=progress)
    choose_runtime(device)
    if scheduler == LOCAL:
        return Cluster(LOCAL, workers, progress)
    return ThisProcess(progress) if workers == 1 else WorkerProcesses(workers, progress)


class _TileProgress:
    """One line in the terminal that tells how far an image in tiles is; silent elsewhere."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._is_shown = False

    def __call__(self, name: str, draw: int, n_draws: int, tile: int, n_tiles: int) -> None:
        if not self._is_terminal or n_tiles == 1:
            return
        self.close()
        n_done, n_all = (draw - 1) * n_tiles + tile, n_draws * n_tiles
        if n_done < n_all:
            typer.echo(f"{name}: {n_done} of {n_all} tiles", err=True, nl=False)
            self._is_shown = True

    def close(self) -> None:
        """Remove the line, before another one is written."""
        if self._is_shown:
            typer.echo("\r\x1b[K", err=True, nl=False)
            self._is_shown = False


def _predict_all(
    executor: Executor, job: Job, sources: Sequence[ImageSource], progress: _TileProgress
) -> tuple[Outcome, ...]:
    """Outcomes in the order of the images; each is told when it is known."""
    outcomes: dict[int, Outcome] = {}
    try:
        with closing(executor.run(job, sources)) as run, closing(progress):
            for index, outcome in run:
                outcomes[index] = outcome
                progress.close()
                _tell(outcome, len(outcomes), len(sources))
    except KeyboardInterrupt:
        typer.secho(
            f"Stopped: {len(outcomes)} of {len(sources)} images are done. Run the same command "
            "again to go on with the others.",
            err=True,
        )
        raise typer.Exit(INTERRUPTED) from None
    return tuple(outcomes[index] for index in range(len(sources)))


def _tell(outcome: Outcome, number: int, n_images: int) -> None:
    from napari_probinst.cli._results import found

    for note in outcome.notes:
        typer.secho(f"{outcome.name}: {note}", err=True, fg="yellow")
    if outcome.obstacle:
        typer.secho(f"{outcome.name}: nothing was found. {outcome.obstacle}", err=True, fg="yellow")
    content = outcome.uncertainty
    if content is None:
        if n_images > 1:
            typer.secho(f"{outcome.name}: {outcome.reason}", err=True, fg="red")
        return
    words = found(content.n_instances, outcome.n_overlap, content.n_peaks)
    when = outcome.status if content.seconds is None else f"{content.seconds:.1f} s"
    typer.echo(f"[{number}/{n_images}] {outcome.name}: {words}, {when}")


def _settings(defaults: InferenceConfig, given: Mapping[str, object]) -> InferenceConfig:
    """Model's defaults with what was asked for, checked against the bounds."""
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.section import validated

    asked = {name: value for name, value in given.items() if value is not None}
    return validated(InferenceConfig, {**defaults.model_dump(), **asked}, "command line")
