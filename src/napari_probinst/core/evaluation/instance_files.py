"""Instances of images in files: label images, stacks of masks, and sessions of corrections."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from napari_probinst.core.curation.manifest import SESSION_SUFFIX, read_manifest
from napari_probinst.core.curation.session_folder import open_session
from napari_probinst.core.data.masks import read_instances
from napari_probinst.core.data.naming import INSTANCE_FOLDER, PREDICTION_SUFFIX, is_result
from napari_probinst.core.data.segmentations import (
    CORRECTED_ENDINGS,
    ENDINGS,
    Segmentation,
    find_segmentations,
    is_marked,
    mask_files,
    of_marked_files,
)
from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.names import name_of, named_once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_probinst.core.instances import InstanceSet

#: What can be read of each image, by its name.
Found: TypeAlias = dict[str, Segmentation]


def true_files(source: Path) -> Found:
    """Files and sessions that hold the truth of images.

    Parameters
    ----------
    source : Path
        A session, a label image or a stack of masks; or a folder of them, or one with such a
        folder ``instances``. What lies beside its own prediction and is not corrected is no
        truth. Sessions, and files whose names say that they are segmentations (`ENDINGS`), count
        alone if there are any: the others are images. Only in a folder that is called
        ``instances`` all files are masks.

    Returns
    -------
    dict of str to Segmentation
        Empty if there is none.

    Raises
    ------
    InputError
        If two files or sessions could be the truth of one image, or a session is damaged.
    """
    if not source.is_dir() or _is_session(source):
        return _of_path(source)
    inner = source / INSTANCE_FOLDER
    folder = inner if inner.is_dir() and not _sessions(source) else source
    files = [path for path in mask_files(folder) if not _is_predicted(path)]
    stated = _stated(folder, files, ENDINGS)
    if stated and folder.name != INSTANCE_FOLDER:
        return stated
    plain = _plain(folder, files)
    for name in sorted(plain.keys() & stated.keys()):
        raise InputError(
            f"{folder} has both {plain[name].file_name} and {stated[name].file_name} for {name}; "
            "keep the one that is right."
        )
    return {**plain, **stated}


def predicted_files(source: Path, *, corrected: bool = False) -> Found:
    """Files and sessions that hold what was segmented, by any program or person.

    Parameters
    ----------
    source : Path
        A session, a label image or a stack of masks; or a folder of them, where sessions, and
        files whose names say that they are segmentations (`ENDINGS`), count alone if there are
        any.
    corrected : bool, default False
        Of a folder only sessions and corrected results count.

    Returns
    -------
    dict of str to Segmentation
        Empty if there is none.

    Raises
    ------
    InputError
        If two files or sessions are of one image, or a session is damaged.
    """
    if not source.is_dir() or _is_session(source):
        return _of_path(source)
    files = mask_files(source)
    stated = _stated(source, files, CORRECTED_ENDINGS if corrected else ENDINGS)
    return stated if stated or corrected else _plain(source, files)


def _of_path(path: Path) -> Found:
    found = (_of_session(path),) if _is_session(path) else find_segmentations(path, name_of)
    return {one.name: one for one in found}


def _stated(folder: Path, files: Sequence[Path], endings: tuple[str, ...]) -> Found:
    """Segmentations by their names; a session is preferred to the files that were made of it."""
    return {**of_marked_files(files, name_of, endings), **_sessions(folder)}


def _plain(folder: Path, files: Sequence[Path]) -> Found:
    paths = {path.name: path for path in files if not (is_marked(path) or is_result(path))}
    return {
        name: Segmentation(name, file_name, partial(read_instances, paths[file_name]))
        for name, file_name in named_once(paths, folder).items()
    }


def _sessions(folder: Path) -> Found:
    found: Found = {}
    for path in sorted(folder.glob(f"*{SESSION_SUFFIX}")):
        if not path.is_dir() or path.name.startswith("."):
            continue
        session = _of_session(path)
        other = found.setdefault(session.name, session)
        if other is not session:
            raise InputError(
                f"{folder} has both {other.file_name} and {path.name} for {session.name}; keep "
                "the one that is right, or give it alone."
            )
    return found


def _of_session(path: Path) -> Segmentation:
    # Not by the folder: a second session of an image has a number behind its name.
    return Segmentation(read_manifest(path).name, path.name, partial(_current, path))


def _current(path: Path) -> InstanceSet:
    """Instances of a session as the curator left them."""
    with open_session(path, read_only=True) as opened:
        return opened.session.current()


def _is_session(path: Path) -> bool:
    return path.name.endswith(SESSION_SUFFIX) and path.is_dir()


def _is_predicted(path: Path) -> bool:
    """Whether a file is what a prediction beside it exports."""
    name = path.name.rsplit(".", 2)[0]
    return is_result(path) and path.with_name(f"{name}{PREDICTION_SUFFIX}").is_file()
