"""Write a folder under its final name only when it is complete."""

from __future__ import annotations

import secrets
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_probinst.core.data.atomic import output_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Empty folder that appears as ``path`` when the block ends, or not at all.

    A folder that was at ``path`` is moved aside, and removed once the new one has its place.

    Parameters
    ----------
    path : Path
        Final name; the folder that is to hold it exists. Whether what is there may be replaced
        is for the caller to know.

    Yields
    ------
    Path
        Hidden folder beside ``path``, to be filled.

    Raises
    ------
    OutputError
        If the disk is full or read-only, or anything else prevents writing.
    """
    mark = secrets.token_hex(4)
    temporary, former = path.with_name(f".{mark}.part"), path.with_name(f".{mark}.former")
    try:
        temporary.mkdir()
        yield temporary
        if path.exists():
            path.rename(former)
        try:
            temporary.rename(path)
        except OSError:
            if former.exists():
                former.rename(path)
            raise
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if path.exists():
            shutil.rmtree(former, ignore_errors=True)
