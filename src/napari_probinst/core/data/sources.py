"""Find the images that a path stands for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_probinst.core.data.bbbc010 import find_wells
from napari_probinst.core.data.files import IMAGE_SUFFIXES, image_name
from napari_probinst.core.data.image_source import ImageSource
from napari_probinst.core.data.naming import is_result, plane_words
from napari_probinst.core.data.ome_zarr_reader import is_own_export, is_zarr
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from napari_probinst.core.config import ChannelConfig


def find_images(
    path: Path,
    channels: Sequence[ChannelConfig],
    wells: Sequence[str] | None = None,
    *,
    planes: bool = False,
    axes: str | None = None,
) -> list[ImageSource]:
    """Images at a path, for a model of these channels, sorted by name.

    Parameters
    ----------
    path : Path
        An image file (of a pair, either file: its partner is found beside it), or a folder.
        In a folder, BBBC010's w1/w2 pairs are one image named by its well; else files whose
        names hold the suffixes of the model's channels (``NAME_w1.tif``, ``NAME_w2.tif``) are
        one image; any other image file is an image of its own. Sub-folders are not searched;
        hidden files and files that this program wrote don't count. The folder of an OME-Zarr is
        an image. Files of a folder that would be the same image, or lack a required channel, are
        an image with a `problem`: the others can be read all the same.
    channels : sequence of ChannelConfig
        The model's channels, in its order.
    wells : sequence of str, optional
        Names of the images (wells) to keep; that of a stack keeps all of its planes.
    planes : bool, default False
        Whether each plane of a stack (time, z) is an image of its own, see `ImageSource.planes`:
        the headers of all files are read. Otherwise a stack is an image that can't be read.
    axes : str, optional
        Meaning of the stored dimensions, for stacks that state them wrongly.

    Raises
    ------
    InputError
        If there is no image, a name is unknown, or the file that was asked for lacks a required
        channel or has a rival.
    """
    sources = (
        _in_folder(path, tuple(channels))
        if path.is_dir() and not is_zarr(path)
        else [_around_file(path, tuple(channels))]
    )
    if planes:
        images = [(source, image) for source in sources for image in source.planes(axes)]
        sources = _named_once(image for _, image in images)
        stacks = {image.name: source.name for source, image in images}
    else:
        stacks = {}
    return sources if wells is None else _selected(sources, wells, path, stacks)


def _in_folder(folder: Path, channels: tuple[ChannelConfig, ...]) -> list[ImageSource]:
    wells = _well_sources(folder, channels)
    if wells and wells[0].path.parent != folder:
        return wells
    # A well that lacks a channel, or another image beside the wells, is not passed over.
    of_wells = {path for source in wells for path in source.paths}
    others = [path for path in _image_files(folder) if path not in of_wells]
    sources = sorted([*wells, *_grouped(others, channels)], key=lambda source: source.name)
    if not sources:
        raise InputError(
            f"{folder} holds no image; expected files that end in {', '.join(IMAGE_SUFFIXES)} "
            "(sub-folders are not searched)."
        )
    return sources


def _around_file(path: Path, channels: tuple[ChannelConfig, ...]) -> ImageSource:
    if not path.exists():
        raise InputError(f"{path} doesn't exist; expected an image file or a folder of images.")
    for source in _well_sources(path.parent, channels):
        if path in source.paths:
            return source
    parts = _split_name(path, channels)
    if parts is None:
        return ImageSource(image_name(path), (path,), channels)
    partners = [
        other
        for other in {path, *_image_files(path.parent)}
        if (others := _split_name(other, channels)) and others[0] == parts[0]
    ]
    (source,) = _grouped(partners, channels)
    if source.problem:
        raise InputError(source.problem)
    return source


def _image_files(folder: Path) -> list[Path]:
    try:
        content = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"{folder} can't be listed: {error.strerror}; check the folder."
        ) from error
    return [
        path
        for path in content
        if not path.name.startswith(".")
        and (
            (is_zarr(path) and not is_own_export(path))
            if path.is_dir()
            else (path.suffix.lower() in IMAGE_SUFFIXES and not is_result(path) and path.is_file())
        )
    ]


def _well_sources(folder: Path, channels: tuple[ChannelConfig, ...]) -> list[ImageSource]:
    """BBBC010's wells, if the model knows its channels by their marks."""
    wells = find_wells(folder)
    sources = []
    for well, files in wells.items():
        paths = tuple(files.get(channel.suffix or "") for channel in channels)
        if any(
            path is None and channel.required for path, channel in zip(paths, channels, strict=True)
        ):
            return []
        sources.append(ImageSource(well, paths, channels))
    return sources


def _split_name(path: Path, channels: Iterable[ChannelConfig]) -> tuple[str, str] | None:
    """Name of the image and mark of the channel, e.g. ``("plate 1", "w2")``."""
    suffixes = [re.escape(channel.suffix) for channel in channels if channel.suffix]
    if not suffixes:
        return None
    match = re.fullmatch(
        rf"(?P<name>.+)[_\-. ](?P<suffix>{'|'.join(suffixes)})(?:[_\-. ].*)?", image_name(path)
    )
    return (match["name"], match["suffix"]) if match else None


def _grouped(paths: Iterable[Path], channels: tuple[ChannelConfig, ...]) -> list[ImageSource]:
    """Images of these files: those that carry marks of channels together, the others alone."""
    groups: dict[str, dict[str, list[Path]]] = {}
    for path in sorted(paths):
        name, mark = _split_name(path, channels) or (image_name(path), "")
        groups.setdefault(name, {}).setdefault(mark, []).append(path)
    return [_of_group(name, groups[name], channels) for name in sorted(groups)]


def _of_group(
    name: str, files: dict[str, list[Path]], channels: tuple[ChannelConfig, ...]
) -> ImageSource:
    """Image of the files of one name, by the marks of their channels: "" for one without."""
    everything = tuple(path for same in files.values() for path in same)
    problem = _rivals(name, files) or _absent(name, files, channels)
    if problem or "" in files:
        return ImageSource(name, everything, channels, problem)
    paths = tuple(files.get(channel.suffix or "", [None])[0] for channel in channels)
    return ImageSource(name, paths, channels)


def _rivals(name: str, files: dict[str, list[Path]]) -> str:
    """Say which two files would be the same image, or the same channel of it."""
    rivals = next((same for same in files.values() if len(same) > 1), [])
    if not rivals and "" in files:
        rivals = [path for same in files.values() for path in same]
    if len(rivals) < 2:
        return ""
    return (
        f"{rivals[1]} and {rivals[0].name} would both be the image {name!r}; rename or remove "
        "one of them."
    )


def _absent(name: str, files: dict[str, list[Path]], channels: tuple[ChannelConfig, ...]) -> str:
    """Say which required channel has no file among those with marks."""
    for channel in channels:
        if channel.required and "" not in files and channel.suffix not in files:
            return (
                f"{next(iter(files.values()))[0]} has no partner for the required channel "
                f"{channel.name}; expected a file such as {name}_{channel.suffix}.tif beside it."
            )
    return ""


def _named_once(images: Iterable[ImageSource]) -> list[ImageSource]:
    """Images by name; a plane and another file that would be the same image are a problem."""
    groups: dict[str, list[ImageSource]] = {}
    for image in images:
        groups.setdefault(image.name, []).append(image)
    found = []
    for name, (first, *others) in groups.items():
        if not others:
            found.append(first)
            continue
        paths = tuple(path for image in (first, *others) for path in image.paths)
        problem = (
            f"{first.path}{plane_words(first.plane)} and {others[0].path.name}"
            f"{plane_words(others[0].plane)} would both be the image {name!r}; rename or remove "
            "one of them."
        )
        found.append(ImageSource(name, paths, first.channels, problem))
    return found


def _selected(
    sources: list[ImageSource], wells: Sequence[str], path: Path, stacks: Mapping[str, str]
) -> list[ImageSource]:
    """Images that are named, by themselves or by their stack in ``stacks``."""
    known = {source.name: {source.name, stacks.get(source.name, "")} for source in sources}
    names = set().union(*known.values())
    unknown = [name for name in dict.fromkeys(wells) if name not in names]
    if unknown:
        raise InputError(
            f"{path} has no {_listed(unknown)}; it holds {_listed(list(known))}, so correct the "
            "list."
        )
    if not wells:
        raise InputError(f"no image of {path} is asked for; name at least one.")
    return [source for source in sources if not known[source.name].isdisjoint(wells)]


def _listed(names: Sequence[str], longest: int = 8) -> str:
    shown = ", ".join(names[:longest])
    return shown if len(names) <= longest else f"{shown}, … ({len(names)} in all)"
