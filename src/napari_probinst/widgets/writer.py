"""Writes the instances of a layer of ours: a stack of masks, or a copy of its session.

napari lists the commands of writers among its own, and calls them without a file there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_info

from napari_probinst.core.curation.exported_session import of_session
from napari_probinst.core.curation.manifest import SESSION_SUFFIX
from napari_probinst.core.curation.session_folder import begin_session
from napari_probinst.core.data.exported import (
    ExportedImage,
    ExportedInstance,
    write_instance_stack,
)
from napari_probinst.core.data.flattening import Flattened
from napari_probinst.core.data.masks import from_labels
from napari_probinst.core.errors import InputError
from napari_probinst.widgets.finding import METADATA_KEY
from napari_probinst.widgets.label_view import OVERLAP
from napari_probinst.widgets.proofreading import commands

if TYPE_CHECKING:
    from napari_probinst.widgets.layers import ShownPrediction


def write_stack(
    path: str | None = None, data: Any = None, meta: dict[str, Any] | None = None
) -> list[str]:
    """Write ``NAME.instances.tif``: one mask a page.

    Parameters
    ----------
    path : str, optional
        The file; without one, the open Proofread dock asks for the file and its format.
    data : array
        Labels, shape (height, width). Of an instances layer the session is written instead,
        which knows what holds each pixel.
    meta : dict
        The layer's state, as napari gives it.

    Returns
    -------
    list of str
        The file.

    Raises
    ------
    InputError
        If these are no labels of one page.
    OutputError
        If the file can't be written.
    """
    if path is None or meta is None:
        commands.export()
        return []
    shown = _shown(meta)
    if shown is not None:
        image = of_session(shown.session)
    else:
        image = _of_labels(str(meta.get("name", "labels")), data)
    write_instance_stack(image, Path(path))
    return [path]


def write_session(
    path: str | None = None,
    data: Any = None,  # noqa: ARG001 - the session knows more than the labels
    meta: dict[str, Any] | None = None,
) -> list[str]:
    """Write ``NAME.probinst``: a copy of a layer's session, with its whole history.

    Corrections go on to the session that they went to before.

    Parameters
    ----------
    path : str, optional
        The folder, which must not exist yet; without one, it is said how to choose it.
    data : array
        Labels; not needed.
    meta : dict
        The layer's state, as napari gives it.

    Returns
    -------
    list of str
        The folder.

    Raises
    ------
    InputError
        If the layer is none of instances of a prediction.
    OutputError
        If the folder exists or can't be written.
    """
    if path is None or meta is None:
        show_info(
            f"Save a layer of instances (File ▸ Save Selected Layers…) as NAME{SESSION_SUFFIX}: a "
            "copy of its session."
        )
        return []
    shown = _shown(meta)
    if shown is None:
        raise InputError(
            f"'{meta.get('name', 'labels')}' is no layer of instances of a prediction, which alone "
            "has a session: select such a layer."
        )
    begin_session(shown.session, shown.session.records, Path(path)).close()
    return [path]


def _shown(meta: dict[str, Any]) -> ShownPrediction | None:
    """Prediction whose instances a layer shows; None for any other layer."""
    entry = meta.get("metadata", {}).get(METADATA_KEY, {})
    shown: ShownPrediction | None = entry.get("shown") if "prediction" in entry else None
    return shown if shown is not None and shown.instances.name == meta.get("name") else None


def _of_labels(name: str, data: Any) -> ExportedImage:
    page = np.asarray(data[0] if isinstance(data, (list, tuple)) else data)
    if page.ndim != 2:
        raise InputError(f"'{name}' is a stack: a layer of one page is written as masks.")
    if (page == OVERLAP).any():
        raise InputError(
            f"'{name}' is a copy of a layer of instances, which doesn't know what holds a pixel of "
            "several: save the layer of instances itself."
        )
    instances = from_labels(page)
    one = tuple(
        ExportedInstance(number, instance, "new")
        for number, instance in enumerate(instances.instances, start=1)
    )
    flat = Flattened(page.astype(np.uint32), 0)
    rule = "No pixel belongs to several instances."
    return ExportedImage(name, instances.shape, one, flat, rule, curated=True)
