"""Opens our files that are dropped on napari, or chosen under File ▸ Open.

Predictions, sessions and folders of them come into the Proofread dock; stacks of masks are layers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from napari.utils.notifications import show_warning

from napari_probinst.core.curation.manifest import MANIFEST
from napari_probinst.core.data.flattening import label_type
from napari_probinst.core.data.masks import read_instances
from napari_probinst.core.data.naming import INSTANCES_SUFFIX, PREDICTION_SUFFIX
from napari_probinst.core.errors import InputError
from napari_probinst.widgets.open_dock import open_dock

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_probinst.widgets.proofreading.dock import ProofreadWidget


def session_reader(
    path: str | list[str] | None = None,
) -> Callable[[str | list[str]], list[Any]] | None:
    """Reader of predictions, sessions, folders of them, and stacks of masks; None for others.

    napari lists the command of a reader among its own: called without a path, it asks for one.
    """
    if path is None:
        viewer = napari.current_viewer()
        if viewer is not None:
            _proofread(viewer).ask_to_open()
        return None
    if not isinstance(path, str):
        return None
    if path.lower().endswith(INSTANCES_SUFFIX):
        return _read_stack
    return _open if _is_ours(Path(path)) else None


def _is_ours(path: Path) -> bool:
    """Whether the Proofread dock opens this: a prediction, a session, or a folder of them."""
    if not path.is_dir():
        return path.name.lower().endswith(PREDICTION_SUFFIX)
    return (path / MANIFEST).is_file() or any(path.glob(f"*{PREDICTION_SUFFIX}"))


def _read_stack(path: str | list[str]) -> list[Any]:
    """Layers of a stack of masks: instances, and the pixels that several of them hold."""
    name = Path(str(path)).name[: -len(INSTANCES_SUFFIX)]
    instances = read_instances(Path(str(path)))
    page = np.zeros(instances.shape, dtype=label_type(len(instances)))
    # From the last to the first: a pixel of several is that of the first, as in our exports.
    for number, instance in reversed(list(enumerate(instances.instances, start=1))):
        instance.paint(page, number)
    layers: list[Any] = [(page, {"name": name}, "labels")]
    shared = instances.cover() > 1
    if shared.any():
        show_warning(
            f"{np.count_nonzero(shared)} pixels of several instances have the label of the first: "
            f"'{name} | overlaps' marks them."
        )
        layers.append((shared.astype(np.uint8), {"name": f"{name} | overlaps"}, "labels"))
    return layers


def _open(path: str | list[str]) -> list[Any]:
    """Open a prediction or session in the Proofread dock, which makes the layers itself."""
    viewer = napari.current_viewer()
    if viewer is None:
        raise InputError(f"{path} is opened in a window of napari: start napari first.")
    _proofread(viewer).open(Path(str(path)))
    # Tells napari that the file was read, and that there is no layer to add.
    return [(None,)]


def _proofread(viewer: Any) -> ProofreadWidget:
    from napari_probinst.widgets.proofreading.dock import ProofreadWidget

    return open_dock(viewer, "Proofread", ProofreadWidget)
