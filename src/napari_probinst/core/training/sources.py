"""Training folders: BBBC010's layout, ``images/`` beside ``instances/``, or corrected sessions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_probinst.core.curation.manifest import SESSION_SUFFIX, read_manifest
from napari_probinst.core.curation.session_folder import open_session
from napari_probinst.core.data.bbbc010 import (
    TRAIN_LIST,
    VALIDATION_LIST,
    find_wells,
    read_list,
    read_worm_masks,
)
from napari_probinst.core.data.io import find_images, read_instances
from napari_probinst.core.data.naming import IMAGE_FOLDER, INSTANCE_FOLDER
from napari_probinst.core.errors import InputError
from napari_probinst.core.network.normalisation import normalise
from napari_probinst.core.training.dataset import TrainingImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from napari_probinst.core.config import Config
    from napari_probinst.core.data.io import Image, ImageSource
    from napari_probinst.core.instances import InstanceSet

_MASK_SUFFIXES = (".tif", ".tiff", ".png")
#: An image may go through the network in one piece up to this many pixels a side.
LARGEST_EXTENT = 1024


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """An image as read, with its true instances."""

    image: Image
    truth: InstanceSet

    def normalised(self, config: Config) -> TrainingImage:
        """Return it as training sees it."""
        channels = normalise(self.image.channels, config.network.channels, self.image.present)
        return TrainingImage(self.image.name, channels, self.truth, self.image.present)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Images for training and for validation; they never share one."""

    training: tuple[LabelledImage, ...]
    validation: tuple[LabelledImage, ...]

    def extent(self, stride: int, *, coordinates: bool) -> tuple[int, int]:
        """Largest height and width that a network may see at once, in whole strides.

        One that reads coordinates may see what holds every image, at most `LARGEST_EXTENT`: a
        square, so that draws see an image in all eight orientations (see `n_orientations`). For
        others the size makes no difference, and it is `LARGEST_EXTENT`.

        Parameters
        ----------
        stride : int
            Of the network, pixels.
        coordinates : bool
            Whether it reads coordinates as channels.
        """
        if not coordinates:
            return (LARGEST_EXTENT // stride * stride,) * 2
        longest = max(max(item.truth.shape) for item in self.training)
        side = -(-min(longest, LARGEST_EXTENT) // stride) * stride
        return side, side

    def object_width(self) -> float:
        """Median over all instances of twice the greatest distance to the outline, pixels."""
        widths = [
            2 * float(ndimage.distance_transform_edt(np.pad(instance.mask, 1)).max())
            for item in self.training
            for instance in item.truth.instances
            if instance.area
        ]
        return float(np.median(widths)) if widths else 1.0


def load_training_data(
    data: Path | Iterable[Path],
    config: Config,
    *,
    train_list: Path | None = None,
    validation_list: Path | None = None,
) -> TrainingData:
    """Read training folders, and sessions that were chosen one by one.

    Each folder, and the chosen sessions of each folder together, are divided into images for
    training and for validation on their own.

    Parameters
    ----------
    data : Path or iterable of Path
        Folders and sessions. A folder is of BBBC010's layout; or a folder with ``images/`` and,
        of the same names, ``instances/`` (label images, stacks of masks, or sessions
        ``NAME.probinst``, whose corrected instances count); or a folder of sessions with their
        images beside them or in ``images/``, where images without a session are left out. A
        session ``NAME.probinst`` stands for itself alone: its image is looked for where that of a
        folder would be, and lists beside it don't count. Where there is no image NAME, a session
        is of the image that it was begun on, as ``NAME-2.probinst`` is.
    config : Config
        Channels, and the share of images to hold out where no list says which.
    train_list, validation_list : Path, optional
        Files with one image name (well) a line. By default ``train.txt`` and
        ``validation.txt`` in the folder, where these exist. They go with one folder alone.

    Raises
    ------
    InputError
        If there are lists for several folders, a folder has none of these layouts, a name is
        unknown or in both lists, an image has no masks or two sessions, or a session no image, or
        masks don't fit their image.
    """
    places = _places((data,) if isinstance(data, Path) else data)
    listed = train_list or validation_list
    if listed and (len(places) > 1 or any(places.values())):
        raise InputError(
            f"{listed} lists the images of one folder; give it one folder, or leave the list out."
        )
    return joined(
        [
            _load(folder, chosen, config, train_list, validation_list)
            for folder, chosen in places.items()
        ]
    )


def joined(parts: Sequence[TrainingData]) -> TrainingData:
    """Images of several folders, each divided by its own lists or share.

    Validation images take turns, since a score takes the first few: all folders have a say in it.
    """
    turns = zip_longest(*(part.validation for part in parts))
    return TrainingData(
        tuple(item for part in parts for item in part.training),
        tuple(item for turn in turns for item in turn if item is not None),
    )


def _places(paths: Iterable[Path]) -> dict[Path, list[Path]]:
    """Folders, and the sessions that were chosen in each; none where all of a folder counts."""
    places: dict[Path, list[Path]] = {}
    chosen: list[Path] = []
    for path in paths:
        if not path.is_dir():
            raise InputError(f"{path} is not a folder; give the folder that holds the images.")
        if path.name.endswith(SESSION_SUFFIX):
            chosen.append(path)
        else:
            places[path] = []
    whole = set(places)
    for path in dict.fromkeys(chosen):
        if path.parent not in whole:
            places.setdefault(path.parent, []).append(path)
    return places


def _load(
    folder: Path,
    chosen: Sequence[Path],
    config: Config,
    train_list: Path | None,
    validation_list: Path | None,
) -> TrainingData:
    """Images of a folder, or of the sessions that were chosen in it."""
    paths = chosen or _sessions(folder)
    wells = {} if paths else find_wells(folder)
    sessions: dict[str, Path] = {}
    if paths:
        sources, sessions = _corrected_sources(folder, config, paths)
    else:
        sources = _sources(folder, config, wells)
    truth = _truth_reader(folder, wells, sessions)
    names = [source.name for source in sources]
    if not chosen:
        train_list = train_list or _existing(folder / TRAIN_LIST)
        validation_list = validation_list or _existing(folder / VALIDATION_LIST)
    training, validation = _split(names, config, train_list, validation_list)
    by_name = {source.name: source for source in sources}
    return TrainingData(
        tuple(_read(by_name[name], truth) for name in training),
        tuple(_read(by_name[name], truth) for name in validation),
    )


def _sources(
    folder: Path, config: Config, wells: dict[str, dict[str, Path]]
) -> Sequence[ImageSource]:
    if wells:
        return find_images(folder, config.network.channels)
    images = folder / IMAGE_FOLDER
    if not images.is_dir():
        raise InputError(
            f"{folder} holds neither the folders '{IMAGE_FOLDER}' and '{INSTANCE_FOLDER}' nor "
            f"BBBC010's folders nor sessions NAME{SESSION_SUFFIX}; see the documentation of the "
            "training folder."
        )
    return find_images(images, config.network.channels)


def _sessions(folder: Path) -> list[Path]:
    """Sessions in a folder."""
    return [path for path in sorted(folder.glob(f"*{SESSION_SUFFIX}")) if path.is_dir()]


def _corrected_sources(
    folder: Path, config: Config, paths: Sequence[Path]
) -> tuple[Sequence[ImageSource], dict[str, Path]]:
    """Images that have a session, and their sessions by name; others are not corrected yet."""
    beside = folder.parent if folder.name == INSTANCE_FOLDER else folder
    places = (folder / IMAGE_FOLDER, beside / IMAGE_FOLDER)
    images = next((place for place in places if place.is_dir()), folder)
    sources = find_images(images, config.network.channels)
    names = {source.name for source in sources}
    sessions: dict[str, Path] = {}
    for path in paths:
        name = path.name.removesuffix(SESSION_SUFFIX)
        if name not in names:
            # A second session of an image has a number behind its name.
            name = read_manifest(path).name
        if name not in names:
            raise InputError(
                f"The session {path} has no image; expected one of the name {name} in {images}, "
                "so copy it there."
            )
        if name in sessions:
            raise InputError(
                f"{name} has both {sessions[name]} and {path}; give the one that is right by "
                "itself, or move the other away."
            )
        sessions[name] = path
    return [source for source in sources if source.name in sessions], sessions


def _truth_reader(
    folder: Path, wells: dict[str, dict[str, Path]], sessions: dict[str, Path]
) -> Callable[[str, tuple[int, int]], InstanceSet]:
    def read(name: str, shape: tuple[int, int]) -> InstanceSet:
        if name in sessions:
            return _corrected(sessions[name], shape)
        if wells:
            return _same_size(read_worm_masks(folder, name), shape, f"{name} in {folder}")
        start = folder / INSTANCE_FOLDER / name
        session = start.with_name(f"{name}{SESSION_SUFFIX}")
        masks = [start.with_name(f"{name}{suffix}") for suffix in _MASK_SUFFIXES]
        found = [path for path in masks if path.is_file()]
        if session.is_dir():
            if found:
                raise InputError(
                    f"{name} has both {found[0]} and {session}; keep the one that is right."
                )
            return _corrected(session, shape)
        if found:
            return read_instances(found[0], shape)
        raise InputError(
            f"There is no mask file for the image {name}; expected {masks[0]} (or .png), or a "
            f"session {session.name}."
        )

    return read


def _corrected(session: Path, shape: tuple[int, int]) -> InstanceSet:
    """Instances of a session as the curator left them."""
    with open_session(session, read_only=True) as opened:
        return _same_size(opened.session.current(), shape, str(session))


def _same_size(truth: InstanceSet, shape: tuple[int, int], what: str) -> InstanceSet:
    if truth.shape != shape:
        raise InputError(
            f"The masks of {what} are {truth.shape[0]} x {truth.shape[1]} pixels, but its image "
            f"is {shape[0]} x {shape[1]}; save them at the image's size."
        )
    return truth


def _read(
    source: ImageSource, truth: Callable[[str, tuple[int, int]], InstanceSet]
) -> LabelledImage:
    image = source.read()
    height, width = image.channels.shape[1:]
    return LabelledImage(image, truth(source.name, (height, width)))


def _split(
    names: Sequence[str],
    config: Config,
    train_list: Path | None,
    validation_list: Path | None,
) -> tuple[list[str], list[str]]:
    """Names for training and validation: by lists, or a fixed share by a seeded shuffle."""
    validation = _known(validation_list, names) if validation_list else None
    training = _known(train_list, names) if train_list else None
    if training is None and validation is None:
        order = np.random.default_rng(config.training.seed).permutation(len(names))
        n_held_out = round(config.training.held_out * len(names)) if len(names) > 1 else 0
        n_held_out = min(n_held_out, len(names) - 1)
        held_out = {names[index] for index in order[:n_held_out]}
        return [n for n in names if n not in held_out], [n for n in names if n in held_out]
    if training is None:
        training = [name for name in names if name not in (validation or ())]
    both = sorted(set(training) & set(validation or ()))
    if both:
        raise InputError(
            f"{', '.join(both[:5])} would serve both for training and for validation; "
            f"list each in one of {train_list} and {validation_list}."
        )
    return training, validation or []


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _known(path: Path, names: Sequence[str]) -> list[str]:
    listed = read_list(path)
    unknown = [name for name in listed if name not in names]
    if unknown:
        raise InputError(
            f"{path} names {', '.join(unknown[:5])}, which the folder does not hold; "
            f"it has {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}."
        )
    return list(listed)
