"""Where the images of a folder of results were: a small file beside the results."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import TypeAdapter, ValidationError

from napari_probinst.core.data.atomic import atomic_file

if TYPE_CHECKING:
    from collections.abc import Iterable

IMAGE_FOLDERS_NAME = "image-folders.json"


@dataclass(frozen=True, slots=True)
class _Record:
    """Folders of images, the last ones first.

    Each is there twice: relative to the results, for both moved together, and absolute, for the
    results moved alone. One on another drive has no relative path, which then is the absolute one.
    """

    folders: tuple[tuple[str, str], ...] = ()
    format: Literal["napari-probinst image folders"] = field(
        default="napari-probinst image folders", repr=False
    )


_RECORD: TypeAdapter[_Record] = TypeAdapter(_Record)


def record_image_folders(results: Path, folders: Iterable[Path]) -> None:
    """Note where the images of results are, before what was noted for earlier ones.

    Nothing is noted for the folder of the results and the one above, which are always looked in.

    Parameters
    ----------
    results : Path
        Folder of the results; exists, and gets ``image-folders.json``.
    folders : iterable of Path
        Folders of the images.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    own = results.resolve()
    known = _read(results)
    found = [each.resolve() for each in folders]
    new = [(_relative(each, own), str(each)) for each in found if each not in (own, own.parent)]
    record = _Record(tuple(dict.fromkeys((*new, *known.folders))))
    if record != known:
        with atomic_file(results / IMAGE_FOLDERS_NAME) as file:
            file.write(_RECORD.dump_json(record, indent=2) + b"\n")


def recorded_image_folders(results: Path) -> tuple[Path, ...]:
    """Folders that were noted for results and can be listed, the last ones first.

    It only says where to look: what can't be read, or isn't there any more, is passed over.
    """
    noted = [path for pair in _read(results).folders for path in pair]
    found = dict.fromkeys(Path(os.path.normpath(results / path)) for path in noted)
    # os.path.isdir, unlike Path.is_dir, has no error where the folder above is closed to us.
    return tuple(each for each in found if os.path.isdir(each) and os.access(each, os.R_OK))  # noqa: PTH112


def _read(results: Path) -> _Record:
    try:
        return _RECORD.validate_json((results / IMAGE_FOLDERS_NAME).read_bytes())
    except (OSError, ValidationError):
        return _Record()


def _relative(folder: Path, results: Path) -> str:
    try:
        return Path(os.path.relpath(folder, results)).as_posix()
    except ValueError:  # on another drive
        return str(folder)
