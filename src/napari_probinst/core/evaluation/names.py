"""Which name of one program is which of another's: equal, or that of the same well."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from napari_probinst.core.data.files import image_name
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WELL = re.compile(r"(?<![A-Za-z0-9])[A-P](?:0[1-9]|1\d|2[0-4])(?![A-Za-z0-9])")
#: BBBC010's images have names that say more than the well, and differ between the channels.
_ARCHIVE = re.compile(r"1649_1109_0003_Amp5-1_B_20070424_(?P<well>[A-P]\d{2})_w\d_")
_MOST_LISTED = 8


def name_of(file_name: str) -> str:
    """Name of the image that a file name stands for: the well in BBBC010, else without suffix."""
    # pathlib reads a backslash as a separator on Windows only; COCO files come from anywhere.
    name = image_name(Path(file_name.replace("\\", "/")))
    match = _ARCHIVE.match(name)
    return match["well"] if match else name


def named_once(file_names: Iterable[str], source: object) -> dict[str, str]:
    """File name of each image by its name.

    Raises
    ------
    InputError
        If two files stand for one image.
    """
    found: dict[str, str] = {}
    for file_name in file_names:
        name = name_of(file_name)
        if name in found:
            raise InputError(
                f"{source} holds the image {name} twice, as {found[name]} and as {file_name}; "
                "keep one of them."
            )
        found[name] = file_name
    return found


def matched_names(
    wanted: Iterable[str], known: Sequence[str], source: object, what: str
) -> Mapping[str, str]:
    """Find for each wanted name the known one that means the same image.

    It is the equal one; else the one that is a well which the wanted name contains, or contains
    the well that the wanted name is. ``plate1_A01`` and ``plate2_A01`` are two images.

    Parameters
    ----------
    wanted : iterable of str
        Names of images.
    known : sequence of str
        Names that ``source`` holds.
    source : object
        Where they come from, for the message.
    what : str
        What is looked for, e.g. "truth".

    Returns
    -------
    dict of str to str
        Known name by wanted name, in the order wanted.

    Raises
    ------
    InputError
        If a name has no match, or more than one, or two names have the same.
    """
    matches = {name: alike(name, known) for name in wanted}
    missing = [name for name, found in matches.items() if not found]
    if missing:
        raise InputError(
            f"{source} holds no {what} of {listed(missing)}; it has {listed(known)}, so name the "
            "images alike, or leave them out (--wells of 'evaluate' lists what is scored)."
        )
    for name, found in matches.items():
        if len(found) > 1:
            raise InputError(
                f"{source} holds more than one {what} that could be of {name} "
                f"({listed(found)}); name the images alike."
            )
    result = {name: found[0] for name, found in matches.items()}
    owners: dict[str, str] = {}
    for name, found_name in result.items():
        if found_name in owners:
            raise InputError(
                f"{owners[found_name]} and {name} both stand for {found_name} in {source}; "
                "list each image once."
            )
        owners[found_name] = name
    return result


def listed(names: Sequence[str]) -> str:
    """Names for a message, the first of them where there are many."""
    shown = ", ".join(names[:_MOST_LISTED])
    return shown if len(names) <= _MOST_LISTED else f"{shown}, … ({len(names)} in all)"


def alike(name: str, known: Sequence[str]) -> list[str]:
    """Known names that may mean the same image; see `matched_names`."""
    if name in known:
        return [name]
    well = _well(name)
    if well is None:
        return []
    return [other for other in known if _well(other) == well and well in (name, other)]


def _well(name: str) -> str | None:
    """Return the well that a name contains, if it contains one."""
    wells = set(_WELL.findall(name))
    return wells.pop() if len(wells) == 1 else None
