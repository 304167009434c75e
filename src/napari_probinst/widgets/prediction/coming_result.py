"""The result of an image whose draws are coming: what those so far say, in two layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_probinst.core.curation.readings import Readings
from napari_probinst.widgets.finding import METADATA_KEY
from napari_probinst.widgets.layers import plane_title, redraw
from napari_probinst.widgets.pages import page_of
from napari_probinst.widgets.pixel_status import show_readings
from napari_probinst.widgets.placement import placement
from napari_probinst.widgets.plane_in_view import PlaneFollower
from napari_probinst.widgets.result_layers import (
    Begun,
    entropy_data,
    entropy_layer,
    instances_layer,
    is_bright,
    show_instances,
)
from napari_probinst.widgets.saved_labels import save_flat

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer

    from napari_probinst.core.curation.readings import Reading
    from napari_probinst.core.prediction import Prediction
    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.prediction.channels import ChannelSource
    from napari_probinst.widgets.prediction.glimpse import Glimpse


class ComingResult:
    """The instances and the entropy of an image, or of a plane of a stack, draw by draw.

    They are shown in the layers of an earlier result of the same size, else in those that a
    cancelled prediction has left, else in new ones. The layers become part of the result, and
    are never taken away: deleting layers that were just painted ends napari on some graphics
    drivers (https://github.com/vispy/vispy/issues/1611). They are no prediction, and no image to
    predict.

    An earlier result that is open in Proofread lends its entropy alone: who corrects instances
    has to see them.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is shown.
    source : ChannelSource
        The image's layer, or one plane of it.
    earlier : ShownPrediction or None
        Its earlier result.
    seen : Glimpse
        What the first draws say.
    """

    def __init__(
        self,
        viewer: Any,
        source: ChannelSource,
        earlier: ShownPrediction | None,
        seen: Glimpse,
    ) -> None:
        self._viewer, self._source, self._seen = viewer, source, seen
        fits = earlier is not None and earlier.prediction.shape == seen.instances.shape
        self._earlier = earlier if fits else None
        #: Whether the instances layer shows what the draws say.
        self._has_instances = False
        self._follower: PlaneFollower | None = None
        #: Whether the instances layer is new, and hidden until it has its data.
        self._is_hidden = False
        self._entropy, self._instances = self._own_layers()
        # Proofread adds layers when it opens a result.
        viewer.layers.events.inserted.connect(self._give_back)
        self.show(seen)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The two layers; of an earlier result all four, which stay together."""
        return (self._entropy, self._instances) if self._earlier is None else self._earlier.layers

    def show(self, seen: Glimpse) -> None:
        """Show what the draws so far say, except in a layer that the user has removed."""
        self._seen = seen
        if self._entropy in self._viewer.layers:
            self._entropy.data = seen.entropy
        if self._instances in self._viewer.layers and not self._is_proofread:
            show_instances(self._instances, seen.labels, seen.colours)
            self._has_instances = True
        self._reveal()

    def hand_over(self, prediction: Prediction) -> Begun:
        """Layers that the result goes on with, but those that the user has removed."""
        self._stop()
        if self._follower is not None:
            self._follower.stop()
        present = self._viewer.layers
        goes_on = self._instances in present and not self._is_proofread
        return Begun(
            self._entropy if self._entropy in present else None,
            self._instances if goes_on else None,
            self._seen.places_in(prediction.instances),
        )

    def leave(self) -> str:
        """Show the earlier result again, or say of how many draws it is.

        The other draws won't come.

        Returns
        -------
        str
            What is shown now, in a sentence; empty if the user has removed the layers.
        """
        self._stop()
        own = {"entropy": self._entropy, "instances": self._instances}
        left = {what: layer for what, layer in own.items() if layer in self._viewer.layers}
        if not left:
            return ""
        if self._earlier is not None:
            self._entropy.data = entropy_data(self._earlier.prediction.instances)
            if self._has_instances:
                redraw(self._earlier)
            return "Cancelled; the earlier result is shown."
        n_draws = self._seen.n_draws
        for what, layer in left.items():
            layer.name = f"{self._title} | {what} of {n_draws} draw{'s' * (n_draws > 1)}"
        say = "the first draw says" if n_draws == 1 else f"the first {n_draws} draws say"
        return f"Cancelled; what {say} is shown."

    @property
    def _is_proofread(self) -> bool:
        kept = None if self._earlier is None else self._earlier.kept
        return kept is not None and not kept.closed

    def _reveal(self) -> None:
        """Show the instances layer if it is new: drawn once, that way."""
        if not self._is_hidden:
            return
        self._is_hidden = False
        if self._follower is None:
            self._instances.visible = True
        else:
            self._follower.show(self._instances)

    def _give_back(self, _event: Any) -> None:
        """Show the earlier result's instances again, if it was opened in Proofread meanwhile."""
        if self._earlier is not None and self._has_instances and self._is_proofread:
            self._has_instances = False
            redraw(self._earlier)

    def _stop(self) -> None:
        self._viewer.layers.events.inserted.disconnect(self._give_back)

    # Layers of no earlier result -----------------------------------------------------------

    def _own_layers(self) -> tuple[Image, Labels]:
        """Layers of the earlier result, else own ones, seen where the image's plane is in view."""
        if self._earlier is not None:
            return self._earlier.entropy, self._earlier.instances
        entropy = self._left("entropy") or self._new_entropy()
        instances = self._left("instances") or self._new_instances()
        layers = {"entropy": entropy, "instances": instances}
        source = self._source
        if source.plane:
            self._follower = PlaneFollower(
                self._viewer,
                source.layer,
                tuple(layers.values()),
                plane=source.plane,
                axes=source.leading_axes,
            )
        for what, layer in layers.items():
            layer.metadata[METADATA_KEY] = {
                "shown": None,
                "draws_of": (what, source.layer, source.plane),
                # Layers that are left go on following.
                "follower": self._follower,
            }
            show_readings(layer, self._seen.instances.shape, self._readings_at)
        save_flat(instances, lambda: self._seen.session)
        return entropy, instances

    def _left(self, what: str) -> Any:
        """Layer that a cancelled prediction has left; None if there is none."""
        for layer in self._viewer.layers:
            entry = layer.metadata.get(METADATA_KEY, {})
            same = entry.get("draws_of") == (what, self._source.layer, self._source.plane)
            if same and page_of(layer).shape == self._seen.instances.shape:
                if entry["follower"] is not None:
                    entry["follower"].stop()
                return layer
        return None

    def _new_entropy(self) -> Image:
        source, seen = self._source, self._seen
        layer = entropy_layer(
            seen.entropy,
            f"{self._title} | entropy",
            placement(source.layer),
            on_bright=is_bright(source.layer, seen.instances, source.plane, source.leading_axes),
        )
        self._add(layer)
        return layer

    def _new_instances(self) -> Labels:
        layer = instances_layer(
            self._seen.labels,
            f"{self._title} | instances",
            placement(self._source.layer),
            self._seen.colours,
        )
        self._add(layer)
        self._is_hidden = True
        return layer

    def _add(self, layer: Layer) -> None:
        """Add a layer to the viewer; what was selected stays selected."""
        layer.metadata[METADATA_KEY] = {"shown": None}
        selected = set(self._viewer.layers.selection)
        self._viewer.add_layer(layer)
        self._viewer.layers.selection = selected

    def _readings_at(self, y: int, x: int) -> tuple[Reading, ...]:
        seen = self._seen
        return Readings(seen.instances).at(seen.session, y, x)

    @property
    def _title(self) -> str:
        return plane_title(self._source.layer, self._source.plane)
