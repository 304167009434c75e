"""What is there already is written over only where that was asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from napari_probinst.core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def refuse_existing(
    path: Path,
    *,
    overwrite: bool,
    what: str = "exists",
    ways: str = "--overwrite to replace it",
) -> None:
    """Refuse to write where something is, unless it is to be overwritten.

    Parameters
    ----------
    path : Path
        What would be written.
    overwrite : bool
        Whether the user asked for that.
    what : str, default "exists"
        What is there, in words that follow the path.
    ways : str
        Options that the user has beside another output.

    Raises
    ------
    OutputError
        If there is something.
    """
    if path.exists() and not overwrite:
        raise OutputError(f"{path} {what}: give {ways}, or another --output.")


def refuse_others(folder: Path, names: Iterable[str], *, own: bool = False) -> None:
    """Refuse to write results over files that aren't those of an earlier run.

    Parameters
    ----------
    folder : Path
        Folder for the results.
    names : iterable of str
        What would be written there.
    own : bool, default False
        Whether the command knows what is there for results of its own.

    Raises
    ------
    OutputError
        If one of them is there.
    """
    for name in names:
        if (folder / name).exists() and not own:
            raise OutputError(
                f"{folder / name} exists and is no earlier result of this command: give another "
                "--output."
            )


def is_report(path: Path, key: str) -> bool:
    """Whether a file is a report of this program that states ``key``, as one command's does."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"program", key} <= content.keys()


def refuse_input(path: Path, inputs: Iterable[Path]) -> None:
    """Refuse to write over what is read, whatever was asked for.

    Parameters
    ----------
    path : Path
        What would be written.
    inputs : iterable of Path
        Files and folders that are read.

    Raises
    ------
    OutputError
        If it is one of them, also under another name.
    """
    if path.exists() and any(each.exists() and path.samefile(each) for each in inputs):
        raise OutputError(f"{path} is what is read, and would be lost: give another --output.")
