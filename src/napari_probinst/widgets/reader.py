"""Opens sessions that are dropped on napari, or chosen under File ▸ Open, in the Proofread dock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari

from napari_probinst.core.curation.session_folder import MANIFEST
from napari_probinst.core.errors import InputError
from napari_probinst.widgets.open_dock import open_dock

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_probinst.widgets.proofreading.dock import ProofreadWidget


def session_reader(
    path: str | list[str] | None = None,
) -> Callable[[str | list[str]], list[Any]] | None:
    """Reader of a ``NAME.probinst`` folder; None for anything else.

    napari lists the command of a reader among its own: called without a path, it asks for one.
    """
    if path is None:
        viewer = napari.current_viewer()
        if viewer is not None:
            _proofread(viewer).ask_to_open()
        return None
    single = isinstance(path, str) and (Path(path) / MANIFEST).is_file()
    return _open if single else None


def _open(path: str | list[str]) -> list[Any]:
    """Open the session in the Proofread dock, which makes the layers itself."""
    viewer = napari.current_viewer()
    if viewer is None:
        raise InputError(f"{path} is opened in a window of napari: start napari first.")
    _proofread(viewer).open(Path(str(path)))
    # Tells napari that the file was read, and that there is no layer to add.
    return [(None,)]


def _proofread(viewer: Any) -> ProofreadWidget:
    from napari_probinst.widgets.proofreading.dock import ProofreadWidget

    return open_dock(viewer, "Proofread", ProofreadWidget)
