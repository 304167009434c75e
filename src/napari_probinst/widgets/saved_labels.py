"""What napari saves and duplicates of a layer of instances: label images without overlaps.

On the canvas a pixel of several instances has a value that stands for none of them
(`napari_probinst.widgets.label_view.OVERLAP`), which would end up in every file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_warning

from napari_probinst.core.curation.exported_session import flatten_corrected
from napari_probinst.core.data.flattening import label_type
from napari_probinst.core.data.naming import INSTANCES_SUFFIX
from napari_probinst.widgets.pages import levels

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.curation.session import CurationSession


def save_flat(layer: Labels, session: Callable[[], CurationSession]) -> None:
    """Let napari save a layer of instances as labels in which each value is an id.

    napari's own writer of labels comes before any other for ``.tif`` and ``.npz``, and can't be
    replaced. The method of this one layer is: a class of our own would be unknown to napari.

    Parameters
    ----------
    layer : Labels
        The layer.
    session : callable
        Returns the session that it shows.
    """

    def as_layer_data_tuple() -> tuple[FlatLabels, dict[str, Any], str]:
        # Not what stands in the layer: it may have been of an earlier prediction.
        _, state, kind = type(layer).as_layer_data_tuple(layer)
        return FlatLabels(session()), state, kind

    layer.as_layer_data_tuple = as_layer_data_tuple


class FlatLabels:
    """Labels of a session without overlaps, as what napari takes for an array.

    They are made when they are read, which says how many pixels had to be decided on: our own
    writer, which keeps overlaps, doesn't read them.

    Parameters
    ----------
    session : CurationSession
        The instances.
    """

    ndim = 2

    def __init__(self, session: CurationSession) -> None:
        self._session = session

    @property
    def shape(self) -> Shape:
        """Height and width, pixels."""
        return self._session.shape

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Smallest type that holds the ids."""
        return np.dtype(label_type(max(self._session.instances, default=0)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the labels, shape (height, width)."""
        labels, n_overlap = flatten_corrected(self._session)
        if n_overlap:
            show_warning(
                f"{n_overlap} pixels of several instances have the lowest of their labels here: "
                f"save the instances as NAME{INSTANCES_SUFFIX} to keep overlaps."
            )
        return labels if dtype is None else labels.astype(dtype)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Labels of a part."""
        part: NDArray[Any] = np.asarray(self)[key]
        return part

    def __deepcopy__(self, memo: dict[int, Any]) -> NDArray[Any] | list[NDArray[Any]]:
        """Return the data of a duplicate of the layer, a plain one."""
        return levels(np.asarray(self))
