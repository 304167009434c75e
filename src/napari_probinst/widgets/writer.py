"""Writes the instances of a layer of ours as a stack of masks, in which overlaps survive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.curation.exported_session import of_session
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

if TYPE_CHECKING:
    from napari_probinst.widgets.layers import ShownPrediction


def write_stack(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write ``NAME.instances.tif``: one mask a page.

    Parameters
    ----------
    path : str
        The file.
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
    entry = meta.get("metadata", {}).get(METADATA_KEY, {})
    shown: ShownPrediction | None = entry.get("shown") if "prediction" in entry else None
    if shown is not None and shown.instances.name == meta.get("name"):
        image = of_session(shown.session)
    else:
        image = _of_labels(str(meta.get("name", "labels")), data)
    write_instance_stack(image, Path(path))
    return [path]


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
