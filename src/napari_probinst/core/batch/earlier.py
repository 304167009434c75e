"""What earlier runs left in a folder of results: what counts along, what may not be replaced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_probinst.core.batch.job import Outcome
from napari_probinst.core.batch.listed import ListedImages
from napari_probinst.core.batch.results import coco_record, found_prediction
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.data.image_folders import recorded_image_folders
from napari_probinst.core.data.io import ImageSource, find_images
from napari_probinst.core.data.naming import PREDICTION_SUFFIX, stacks_of
from napari_probinst.core.data.prediction_file import load_origin
from napari_probinst.core.errors import InputError
from napari_probinst.core.inference.image_ranking import image_uncertainty

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from napari_probinst.core.batch.job import Job


@dataclass(frozen=True, slots=True)
class EarlierResults:
    """Results in a folder of images that a run had nothing to do with.

    Parameters
    ----------
    outcomes : tuple of Outcome
        What the same models and settings made, sorted by name: it belongs to one data set with
        what the run makes.
    others : tuple of str
        Names of images whose results are of other models or settings, or can't be read.
    """

    outcomes: tuple[Outcome, ...] = ()
    others: tuple[str, ...] = ()


def earlier_results(job: Job, sources: Sequence[ImageSource]) -> EarlierResults:
    """Gather the finished results in a run's folder that are of none of its images.

    Parameters
    ----------
    job : Job
        How the run predicts, and where to.
    sources : sequence of ImageSource
        Images of the run, at least one: what became of them the run knows itself.
    """
    own = {source.name for source in sources}
    names = [
        name
        for path in sorted(job.folder.glob(f"*{PREDICTION_SUFFIX}"))
        if (name := path.name.removesuffix(PREDICTION_SUFFIX)) not in own and name
    ]
    images: dict[str, ImageSource] = {}
    if names:
        for image in _images_there(job.folder, sources):
            images.setdefault(image.name, image)
    listed = ListedImages.of(job) if names else ListedImages()
    outcomes, others = [], []
    for name in names:
        file_name = _file_name(name, images)
        if (outcome := listed.outcome(name, file_name, job.folder)) is not None:
            outcomes.append(outcome)
            continue
        # One prediction at a time is in memory, and none that doesn't count.
        found = found_prediction(name, job.folder) if _is_of(job, name) else None
        if found is None:
            others.append(name)
            continue
        outcomes.append(
            Outcome(
                name=name,
                status="finished before",
                record=coco_record(found, file_name),
                uncertainty=image_uncertainty(found),
            )
        )
    return EarlierResults(tuple(outcomes), tuple(others))


def _file_name(name: str, images: Mapping[str, ImageSource]) -> str:
    """Name of the file that an image is in, or of one that would hold a plane of a stack."""
    for known, plane in ((name, ()), *stacks_of(name)):
        if known in images:
            return replace(images[known], name=name, plane=plane).file_name
    return f"{name}.tif"


def check_namesakes(folder: Path, sources: Sequence[ImageSource], axes: str | None = None) -> None:
    """Refuse images whose results would replace those of another image of the same name.

    An image that has changed is the same image still, and so is its copy elsewhere.

    Parameters
    ----------
    folder : Path
        For the results; may not exist yet.
    sources : sequence of ImageSource
        Images to predict, at least one.
    axes : str, optional
        Meaning of the files' dimensions, where they state it wrong.

    Raises
    ------
    InputError
        That names both images.
    """
    there = [s for s in sources if (folder / f"{s.name}{PREDICTION_SUFFIX}").is_file()]
    if not there:
        return
    #: By the name of an image: which plane of it would have the same results as a source.
    alike: dict[str, list[tuple[ImageSource, tuple[int, ...]]]] = {}
    for source in there:
        for name, plane in ((source.name, ()), *stacks_of(source.name)):
            alike.setdefault(name, []).append((source, plane))
    for image in _images_there(folder, sources):
        for source, plane in alike.get(image.name, ()):
            _check_namesake(folder, source, replace(image, plane=plane), axes)


def _check_namesake(
    folder: Path, source: ImageSource, other: ImageSource, axes: str | None
) -> None:
    if (source.path.resolve(), source.plane) == (other.path.resolve(), other.plane):
        return
    found = found_prediction(source.name, folder)
    if found is None or not found.provenance.image_checksum:
        return
    known = found.provenance.image_checksum
    if _checksum(other, axes) == known != _checksum(source, axes):
        raise InputError(
            f"{source.path} and {other.path} have the same name, and {folder} holds the "
            "results of the second, which those of the first would replace; choose another "
            "folder for the results, or rename one of the images."
        )


def _is_of(job: Job, name: str) -> bool:
    try:
        return job.made(load_origin(job.folder / f"{name}{PREDICTION_SUFFIX}"))
    except InputError:
        return False


def _images_there(folder: Path, sources: Sequence[ImageSource]) -> Iterator[ImageSource]:
    """Images where those of a folder of results may be: the run's own and the last noted first."""
    own = folder.resolve()
    noted = (*recorded_image_folders(folder), own, own.parent)
    channels = sources[0].channels
    for place in dict.fromkeys(each.resolve() for each in (*_folders(sources), *noted)):
        try:
            found = find_images(place, channels)
        except InputError:
            continue
        for image in found:
            if image.problem:
                # Files that can't be images side by side may have been predicted one by one.
                paths = (path for path in image.paths if path is not None)
                yield from (ImageSource(image.name, (path,), channels) for path in paths)
            else:
                yield image


def _folders(sources: Sequence[ImageSource]) -> dict[Path, None]:
    return dict.fromkeys(source.path.parent for source in sources)


def _checksum(source: ImageSource, axes: str | None) -> str:
    """Checksum of an image's pixels, or nothing where they can't be read."""
    try:
        return image_checksum(source.open(axes).channels)
    except InputError:
        return ""
