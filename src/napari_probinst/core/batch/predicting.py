"""One image after the other, in this process: read ahead, predict, write."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from napari_probinst.core.batch.job import Job, Outcome, Seconds
from napari_probinst.core.batch.results import (
    coco_record,
    found_prediction,
    has_all_exports,
    write_exports,
    write_results,
)
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.data.naming import is_file_name
from napari_probinst.core.errors import InputError, OutputError
from napari_probinst.core.inference.image_ranking import image_uncertainty
from napari_probinst.core.inference.nothing import why_nothing
from napari_probinst.core.inference.resources import is_out_of_memory
from napari_probinst.core.inference.scale import compared, typical_width
from napari_probinst.core.inference.tile_cache import remove_cache

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from napari_probinst.core.data.io import Image, ImageSource, LazyImage
    from napari_probinst.core.inference.pipeline import Predictor
    from napari_probinst.core.prediction import Prediction


@dataclass(frozen=True, slots=True, eq=False)
class ReadImage:
    """An image that waits to be predicted.

    Parameters
    ----------
    image : Image or LazyImage
        Its pixels, or where they are.
    file_name : str
        Its file's name, for the COCO data set.
    seconds : float
        Time that reading took.
    """

    image: Image | LazyImage
    file_name: str
    seconds: float


class OnTile(Protocol):
    """Hears of the progress within an image."""

    def __call__(self, name: str, draw: int, n_draws: int, tile: int, n_tiles: int) -> None:
        """Hear that ``tile`` of ``n_tiles`` tiles of draw ``draw``, from 1, are done."""
        ...


def predict_images(
    job: Job, sources: Iterable[ImageSource], on_tile: OnTile | None = None
) -> Iterator[Outcome]:
    """Predict images in their order; while one is computed, the next is read.

    Two images at most are in memory, and of large ones windows only.

    Parameters
    ----------
    job : Job
        How.
    sources : iterable of ImageSource
        Asked for the next one, from another thread, while the one before is computed.
    on_tile : OnTile, optional
        Told after each tile.

    Yields
    ------
    Outcome
        What came of the next image.

    Raises
    ------
    ProbinstError
        If a model, the device or the folder for the results can't be used: no image can then.
    """
    predictor = job.predictor()
    waiting = iter(sources)
    reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read ahead")
    try:
        ahead = reader.submit(_read_next, job, waiting)
        while (read := ahead.result()) is not None:
            ahead = reader.submit(_read_next, job, waiting)
            yield read if isinstance(read, Outcome) else compute(job, predictor, read, on_tile)
    finally:
        # Not waited for: where sources come from another process, the next may never come.
        reader.shutdown(wait=False, cancel_futures=True)


def predict_image(job: Job, source: ImageSource) -> Outcome:
    """Predict one image; the models stay loaded for the next one of the same job."""
    read = read_image(job, source)
    return read if isinstance(read, Outcome) else compute(job, loaded_predictor(job), read)


def read_image(job: Job, source: ImageSource) -> ReadImage | Outcome:
    """Read an image, unless it is refused or its results are there already.

    They are, if the prediction records the same pixels, pixel size, models and settings. Exports
    that are missing, since they were not asked for then, are made of it: the network isn't needed.

    Returns
    -------
    ReadImage or Outcome
        The outcome, where nothing is left to do.

    Raises
    ------
    OutputError
        If an export that is missing can't be written.
    """
    began = time.perf_counter()
    try:
        image = _checked(source).open(job.axes)
    except InputError as error:
        return Outcome(source.name, "refused", reason=str(error))
    if not job.overwrite:
        found = found_prediction(image.name, job.folder)
        if found is not None and _is_of(found, job, image):
            asked = {"stacks": job.stacks, "ome_zarr": job.ome_zarr}
            if not has_all_exports(image.name, job.folder, **asked):
                write_exports(found, job.folder, **asked)
            return Outcome(
                name=image.name,
                status="finished before",
                record=coco_record(found, source.file_name),
                uncertainty=image_uncertainty(found),
                width=typical_width(found.binary().instances),
                from_colours=image.from_colours,
                seconds=Seconds(read=time.perf_counter() - began),
            )
    return ReadImage(image, source.file_name, time.perf_counter() - began)


def compute(
    job: Job, predictor: Predictor, read: ReadImage, on_tile: OnTile | None = None
) -> Outcome:
    """Predict an image and write its results.

    What is finished of an image in tiles is kept in a hidden folder beside the results until
    they are written: the same job goes on there.

    Raises
    ------
    OutputError
        If they can't be written.
    """
    image = read.image
    notes: list[str] = []
    began = drawn = time.perf_counter()

    n_done, n_draws = 0, predictor.n_draws(job.settings)
    cache = tile_folder(job, image.name)

    def count_draw(done: int, total: int) -> None:
        nonlocal drawn, n_done
        del total
        drawn, n_done = time.perf_counter(), done

    def count_tile(done: int, n_tiles: int) -> None:
        if on_tile is not None:
            on_tile(image.name, n_done + 1, n_draws, done, n_tiles)

    try:
        prediction = predictor.predict(
            image.channels,
            job.settings,
            name=image.name,
            present=image.present,
            pixel_size=image.pixel_size,
            on_draw=count_draw,
            on_tile=count_tile,
            notify=notes.append,
            cache_folder=cache,
        )
    except InputError as error:
        return Outcome(image.name, "refused", reason=str(error), notes=tuple(notes))
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        reason = (
            f"{image.path or image.name} could not be predicted: memory ran out, in the smallest "
            "tiles, too; close other programs, take fewer workers, or a smaller image."
        )
        return Outcome(image.name, "refused", reason=reason, notes=tuple(notes))
    ended = time.perf_counter()
    record, n_overlap = write_results(
        prediction, job.folder, read.file_name, stacks=job.stacks, ome_zarr=job.ome_zarr
    )
    try:
        remove_cache(cache)
    except OutputError as error:
        # The results are written: this is no reason to stop before the next image.
        notes.append(f"What was kept in case it is stopped can't be removed: {error}")
    known, scale = predictor.model.header.object_width, job.settings.scale
    width = typical_width(prediction.binary().instances)
    obstacle = ""
    if not record.instances:
        obstacle = why_nothing(image.channels, image.present, known / scale)
    seconds = Seconds(read.seconds, drawn - began, ended - drawn, time.perf_counter() - ended)
    return Outcome(
        name=image.name,
        status="predicted",
        notes=tuple(notes),
        record=record,
        uncertainty=image_uncertainty(prediction, seconds.total),
        n_overlap=n_overlap,
        width=width,
        misfit=None if width is None else compared(width, known, scale),
        obstacle=obstacle,
        from_colours=image.from_colours,
        seconds=seconds,
    )


def tile_folder(job: Job, name: str) -> Path:
    """Hidden folder beside the results for what is finished of an image in tiles."""
    return job.folder / f".{name}.tiles"


def _read_next(job: Job, sources: Iterator[ImageSource]) -> ReadImage | Outcome | None:
    source = next(sources, None)
    return None if source is None else read_image(job, source)


def _checked(source: ImageSource) -> ImageSource:
    if not (is_file_name(source.name) and is_file_name(source.path.name)):
        raise InputError(
            f"{source.path} has a name that not every system can write; expected one without "
            "colons, backslashes and unreadable characters, so rename it."
        )
    return source


def _is_of(prediction: Prediction, job: Job, image: Image | LazyImage) -> bool:
    """Whether a prediction is what the job would make of the image."""
    return (
        job.made(prediction)
        and prediction.pixel_size == image.pixel_size
        and prediction.provenance.image_checksum == image_checksum(image.channels)
    )


@lru_cache(maxsize=1)
def loaded_predictor(job: Job) -> Predictor:
    """Predictor of a job, loaded once in each process."""
    return job.predictor()
