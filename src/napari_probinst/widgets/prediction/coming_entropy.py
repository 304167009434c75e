"""The entropy of an image whose draws are coming: what those so far say, in one layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_probinst.widgets.finding import METADATA_KEY
from napari_probinst.widgets.layers import plane_title
from napari_probinst.widgets.pages import page_of
from napari_probinst.widgets.placement import placement
from napari_probinst.widgets.plane_in_view import PlaneFollower
from napari_probinst.widgets.result_layers import entropy_data, entropy_layer, is_bright

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.prediction.channels import ChannelSource
    from napari_probinst.widgets.prediction.events import Sharpened


class ComingEntropy:
    """The entropy of an image, or of a plane of a stack, that sharpens draw by draw.

    It is shown in the layer of an earlier result of the same size, else in the one that a
    cancelled prediction has left, else in a new one. The layer becomes part of the result, and
    is never taken away: deleting layers that were just painted ends napari on some graphics
    drivers (https://github.com/vispy/vispy/issues/1611). It is no prediction, and no image to
    predict.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is shown.
    source : ChannelSource
        The image's layer, or one plane of it.
    earlier : ShownPrediction or None
        Its earlier result.
    seen : Sharpened
        What the first draws say.
    """

    def __init__(
        self,
        viewer: Any,
        source: ChannelSource,
        earlier: ShownPrediction | None,
        seen: Sharpened,
    ) -> None:
        self._viewer, self._source = viewer, source
        fits = earlier is not None and earlier.prediction.shape == seen.instances.shape
        self._earlier = earlier if fits else None
        self._follower: PlaneFollower | None = None
        self._layer = self._own_layer(seen) if self._earlier is None else self._earlier.entropy
        self.show(seen)

    def show(self, seen: Sharpened) -> None:
        """Show what the draws so far say, unless the user has removed the layer."""
        self._n_draws = seen.instances.n_draws
        if self._layer in self._viewer.layers:
            self._layer.data = seen.page

    def hand_over(self) -> Image | None:
        """Layer that the result goes on with; None if the user has removed it."""
        if self._follower is not None:
            self._follower.stop()
        return self._layer if self._layer in self._viewer.layers else None

    def leave(self) -> str:
        """Show the earlier result's entropy again, or say of how many draws it is.

        The other draws won't come.

        Returns
        -------
        str
            What is shown now, in a sentence; empty if the user has removed the layer.
        """
        if self._layer not in self._viewer.layers:
            return ""
        if self._earlier is not None:
            self._layer.data = entropy_data(self._earlier.prediction.instances)
            return "Cancelled; the earlier result is shown."
        self._layer.name = f"{self._title} | entropy of {self._n_draws} draws"
        return f"Cancelled; the entropy of the first {self._n_draws} draws is shown."

    @property
    def _title(self) -> str:
        return plane_title(self._source.layer, self._source.plane)

    def _own_layer(self, seen: Sharpened) -> Image:
        """Layer of no earlier result; it is seen where the image's plane is in view."""
        layer = self._left(seen) or self._new(seen)
        entry: dict[str, Any] = {
            "shown": None,
            "entropy_of": (self._source.layer, self._source.plane),
        }
        if self._source.plane:
            image, axes = self._source.layer, self._source.leading_axes
            self._follower = PlaneFollower(
                self._viewer, image, (layer,), plane=self._source.plane, axes=axes
            )
            # A layer that is left goes on following.
            entry["follower"] = self._follower
        layer.metadata[METADATA_KEY] = entry
        return layer

    def _left(self, seen: Sharpened) -> Image | None:
        """Layer that a cancelled prediction has left."""
        for layer in self._viewer.layers:
            entry = layer.metadata.get(METADATA_KEY, {})
            same = entry.get("entropy_of") == (self._source.layer, self._source.plane)
            if same and page_of(layer).shape == seen.instances.shape:
                if "follower" in entry:
                    entry["follower"].stop()
                left: Image = layer
                return left
        return None

    def _new(self, seen: Sharpened) -> Image:
        image = self._source.layer
        layer = entropy_layer(
            seen.page,
            f"{self._title} | entropy",
            placement(image),
            on_bright=is_bright(
                image, seen.instances, self._source.plane, self._source.leading_axes
            ),
        )
        layer.metadata[METADATA_KEY] = {"shown": None}
        selected = set(self._viewer.layers.selection)
        self._viewer.add_layer(layer)
        self._viewer.layers.selection = selected
        return layer
