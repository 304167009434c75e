"""Write a file under its final name only when it is complete."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from napari_probinst.core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the file would be larger than allowed; choose another disk",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.EACCES: "writing there is not permitted; choose another folder",
    errno.EPERM: "writing there is not permitted; choose another folder",
    errno.ENOENT: "the folder doesn't exist; create it first",
    errno.ENOTDIR: "part of the path is a file; choose another folder",
    errno.EISDIR: "there is a folder of that name; rename it",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Binary file that appears as ``path`` when the block ends, or not at all.

    The content goes to a hidden file in the same folder, is forced to the disk, and replaces
    what was at ``path`` in one step. On any failure, Ctrl-C included, the hidden file is
    removed and ``path`` stays as it was.

    Parameters
    ----------
    path : Path
        Final name; its folder exists.

    Yields
    ------
    BinaryIO
        Open for writing, with random access.

    Raises
    ------
    OutputError
        If the disk is full or read-only, the folder is missing, or anything else prevents
        writing.
    """
    temporary = path.with_name(f".{secrets.token_hex(4)}.part")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105  (Path.replace, but beside its own fsync)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_together(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files that belong together: under their names once all are complete, or none is.

    Folders that had to be created are removed again where nothing could be written.

    Parameters
    ----------
    files : mapping of str to bytes
        Content by path inside ``folder``; the last one gets its name last.
    folder : Path
        Where to write; created, with its parents, unless it exists.

    Raises
    ------
    OutputError
        If one can't be written.
    """
    paths = {folder / name: content for name, content in files.items()}
    inner = {path.parent for path in paths}
    new = [each for each in {*inner, folder, *folder.parents} if not each.exists()]
    try:
        for each in inner:
            make_folder(each)
        with ExitStack() as stack:
            # What is entered first is left last.
            for path, content in reversed(paths.items()):
                if path.is_dir():
                    raise output_error(path, IsADirectoryError(errno.EISDIR, ""))
                file = stack.enter_context(atomic_file(path))
                file.write(content)
                file.flush()
    finally:
        for each in sorted(new, reverse=True):
            with suppress(OSError):  # one that holds files stays
                each.rmdir()


def make_folder(folder: Path) -> None:
    """Create a folder for results, with its parents, unless it exists.

    Raises
    ------
    OutputError
        If it can't be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OutputError(f"{folder} is a file, not a folder; choose another folder.") from error
    except OSError as error:
        raise output_error(folder, error) from error


def output_error(path: Path, error: OSError) -> OutputError:
    """One sentence about why ``path`` can't be written."""
    # numpy reports a short write without an error number; a full disk is what causes it.
    code = error.errno if error.errno is not None else errno.ENOSPC
    advice = _ADVICE.get(code) or f"{error.strerror or error}; choose another folder"
    return OutputError(f"{path} can't be written: {advice}.")
