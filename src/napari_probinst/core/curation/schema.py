"""What the first line of a journal and the manifest of a session state about themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field

from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

#: Version of a file's schema; there never was one before 1.
Version = Annotated[int, Field(ge=1, strict=True)]


def _check_stated(value: object) -> object:
    if isinstance(value, dict) and not {"format", "version"} <= value.keys():
        raise ValueError("the format or its version is not stated")
    return value


#: For a class whose ``format`` and ``version`` have defaults: a file must state them.
STATED = BeforeValidator(_check_stated)


def check_version(path: Path, version: int, newest: int) -> None:
    """Make sure that this program knows the schema of a file.

    Raises
    ------
    InputError
        If a newer program wrote it.
    """
    if version > newest:
        raise InputError(
            f"{path} was written by a newer version of the program (format {version}, "
            f"this one reads {newest}): update napari-probinst."
        )
