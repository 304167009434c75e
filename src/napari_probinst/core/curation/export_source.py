"""What can be exported, and what is said of that which can't."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.core.curation.manifest import MANIFEST, SESSION_SUFFIX
from napari_probinst.core.data.naming import PREDICTION_SUFFIX
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_TAKEN = f"a session NAME{SESSION_SUFFIX} or a NAME{PREDICTION_SUFFIX}"
_CORRECTED = ".corrected.npz"


def check_export_source(source: Path, *, of_session: bool = False) -> None:
    """Refuse what is there, and neither a session nor a prediction, by its name and content.

    Parameters
    ----------
    source : Path
        What is to be exported.
    of_session : bool, default False
        Whether only a session will do.

    Raises
    ------
    InputError
        With what was given and what is expected.
    """
    if source.is_dir():
        if not (source / MANIFEST).exists():
            raise InputError(f"{source} is {_content(source)}; expected {_TAKEN}.")
    elif source.name.endswith(_CORRECTED):
        name = source.name.removesuffix(_CORRECTED)
        raise InputError(
            f"{source} holds corrected instances alone; expected {_TAKEN}, so give the session "
            f"{name}{SESSION_SUFFIX} that they are from."
        )
    elif source.exists() and source.suffix != ".npz":
        raise InputError(
            f"{source} is a file {source.suffix or 'without a suffix'}; expected {_TAKEN}. (Label "
            "images and masks become a prediction by napari-probinst agglomerate.)"
        )
    elif source.exists() and of_session:
        raise InputError(
            f"{source} is a prediction, of which nothing was corrected yet; expected a session "
            f"NAME{SESSION_SUFFIX}."
        )


def _content(folder: Path) -> str:
    """What a folder that is no session holds that could be exported."""
    found = sorted(
        path.name
        for path in folder.iterdir()
        if path.name.endswith((PREDICTION_SUFFIX, SESSION_SUFFIX))
    )
    if not found:
        return "a folder, but no session of corrections"
    return f"a folder that holds {found[0]}" + (
        f" and {len(found) - 1} more, which are exported one by one" if len(found) > 1 else ""
    )
