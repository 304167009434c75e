"""The four layers that show a prediction."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Points
from napari.utils.colormaps.standardize_color import transform_color

from napari_probinst.core.curation.peak_filter import STATUSES
from napari_probinst.core.curation.readings import Readings
from napari_probinst.widgets.finding import METADATA_KEY
from napari_probinst.widgets.image_axes import plane_of
from napari_probinst.widgets.label_view import distinct_places, label_colours, label_page
from napari_probinst.widgets.layer_removal import one_removal
from napari_probinst.widgets.own_context import free_in_own_context
from napari_probinst.widgets.pages import render_again
from napari_probinst.widgets.pixel_status import show_readings
from napari_probinst.widgets.placement import Following, placement
from napari_probinst.widgets.plane_in_view import PlaneFollower
from napari_probinst.widgets.result_layers import (
    Begun,
    entropy_data,
    entropy_layer,
    instances_data,
    instances_layer,
    is_bright,
    probability_layer,
    show_instances,
)
from napari_probinst.widgets.saved_labels import save_flat
from napari_probinst.widgets.saved_state import SavedState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.layers import Image, Labels, Layer
    from numpy.typing import NDArray

    from napari_probinst.core.curation.kept_session import KeptSession
    from napari_probinst.core.curation.readings import Reading
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.data.planes import PlaneView
    from napari_probinst.core.instances import Peak
    from napari_probinst.core.prediction import Prediction

#: Colours of peaks by status; none needs red to be told from green.
STATUS_COLOURS = {
    "open": "#F0E442",
    "accepted": "#56B4E9",
    "skipped": "#CC79A7",
    "flagged": "#E69F00",
    "touched": "#999999",
}


@dataclass(slots=True, eq=False)
class ShownPrediction:
    """A prediction, the layers that show it, and what has been done to it.

    Parameters
    ----------
    prediction : Prediction
        What the layers were made from; it is never changed.
    title : str
        Name of the image layer when the layers were made.
    image : Layer or None
        The image's layer, None where a file was opened without its image.
    instances, probability, entropy, peaks : Layer
        The four layers.
    session : CurationSession
        The corrections.
    folder : Path or None
        Where the prediction's file is and results are saved; None until it is known.
    saved : SavedState
        When the results were saved last.
    kept : KeptSession or None
        What writes the session to the disk; None until it is proofread.
    colours : dict of int to int
        Place in the palette of instances that don't have the colour of their turn.
    plane : tuple of int
        Which plane of the image it is of, where that is a stack; empty otherwise.
    follower : PlaneFollower or None
        What hides the layers while another plane is in view.

    Attributes
    ----------
    backdrop : PlaneView or None
        Plane of the image, unread; None without an image.
    """

    prediction: Prediction
    title: str
    image: Layer | None
    instances: Labels
    probability: Image
    entropy: Image
    peaks: Points
    session: CurationSession
    folder: Path | None = None
    saved: SavedState = field(default_factory=SavedState)
    kept: KeptSession | None = None
    colours: dict[int, int] = field(default_factory=dict)
    plane: tuple[int, ...] = ()
    follower: PlaneFollower | None = field(default=None, repr=False)
    backdrop: PlaneView | None = field(init=False, repr=False)
    _readings: Readings = field(init=False, repr=False)
    _following: Following | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self._readings = Readings(self.prediction.instances)
        n_channels = self.prediction.provenance.n_channels
        self.backdrop = plane_of(self.image, self.plane, n_channels)
        if self.image is not None:
            self._following = Following(self.image, self.layers)

    def leave_image(self) -> None:
        """Don't follow the image's place any more."""
        if self._following is not None:
            self._following.stop()
            self._following = None

    def readings_at(self, y: int, x: int) -> tuple[Reading, ...]:
        """Every instance at a pixel, with its probability; see `Readings.at`."""
        return self._readings.at(self.session, y, x)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The four layers, bottom to top."""
        return (self.probability, self.entropy, self.instances, self.peaks)

    @property
    def writes(self) -> bool:
        """Whether its session is on the disk and open for corrections."""
        kept = self.kept
        return kept is not None and not (kept.closed or kept.read_only or kept.path is None)

    @property
    def corrected(self) -> bool:
        """Whether a curator has edited or decided anything."""
        return self.session.can_undo


def show_prediction(
    viewer: Any,
    prediction: Prediction,
    session: CurationSession,
    image: Layer | None = None,
    folder: Path | None = None,
    *,
    kept: KeptSession | None = None,
    begun: Begun | None = None,
    plane: Sequence[int] = (),
    axes: Sequence[int] = (),
) -> ShownPrediction:
    """Add the four layers of a prediction to a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    prediction : Prediction
        What they show.
    session : CurationSession
        Its corrections; the instances layer shows their current state.
    image : Layer, optional
        Layer whose name and place the new layers take over.
    folder : Path, optional
        Where the prediction's file is.
    kept : KeptSession, optional
        What writes the session to the disk already.
    begun : Begun, optional
        Layers to go on with.
    plane, axes : sequence of int, optional
        Which plane of the image it is, and the axes of the image's pixels that count planes,
        where that is a stack.

    Returns
    -------
    ShownPrediction
        Found again by `shown_predictions`.
    """
    title = plane_title(image, plane) if image is not None else prediction.name
    place = placement(image) if image is not None else pixel_scale(prediction.pixel_size)
    begun = begun or Begun()
    probability = probability_layer(prediction.instances, f"{title} | probability", place)
    data, name = entropy_data(prediction.instances), f"{title} | entropy"
    entropy = begun.entropy
    if entropy is None:
        on_bright = is_bright(image, prediction.instances, plane, axes)
        entropy = entropy_layer(data, name, place, on_bright=on_bright)
    else:
        entropy.data, entropy.name = data, name
    places = distinct_places(session, len(prediction.instances), begun.places)
    colours = label_colours(session.instances, places)
    data, name = instances_data(session), f"{title} | instances"
    instances = begun.instances
    if instances is None:
        instances = instances_layer(data, name, place, colours)
    else:
        show_instances(instances, data, colours)
        instances.name = name
    peaks = _peaks_layer(prediction, session, f"{title} | peaks", place)
    shown = ShownPrediction(
        prediction,
        title,
        image,
        instances,
        probability,
        entropy,
        peaks,
        session,
        folder,
        kept=kept,
        colours=places,
        plane=tuple(plane),
    )
    for layer in shown.layers:
        layer.metadata[METADATA_KEY] = {"shown": shown}
        show_readings(layer, prediction.shape, shown.readings_at)
    instances.metadata[METADATA_KEY]["prediction"] = prediction
    save_flat(instances, lambda: shown.session)
    free_in_own_context(viewer)
    add_layers(viewer, shown)
    if begun.instances is None:
        instances.visible = True
    if plane:
        shown.follower = PlaneFollower(viewer, image, shown.layers, plane=plane, axes=axes)
    return shown


def add_layers(viewer: Any, shown: ShownPrediction) -> None:
    """Add those of the four layers that the viewer doesn't have, and select the instances.

    Each comes below those of the four that belong above it.
    """
    for index, layer in enumerate(shown.layers):
        present = list(viewer.layers)
        if layer in present:
            continue
        viewer.add_layer(layer)
        places = [present.index(each) for each in shown.layers[index + 1 :] if each in present]
        if places:
            viewer.layers.move(len(present), min(places))
    viewer.layers.selection.active = shown.instances


def redraw(shown: ShownPrediction) -> None:
    """Show another state of the session than the one the layers were made from."""
    session, layer = shown.session, shown.instances
    n_predicted = len(shown.prediction.instances)
    shown.colours = distinct_places(session, n_predicted, shown.colours)
    layer.colormap = label_colours(session.instances, shown.colours)
    render_again(layer, (0, 0, *session.shape), partial(label_page, session))
    layer.refresh(extent=False)


def remove_layers(viewer: Any, shown: ShownPrediction, *, but: Sequence[Layer | None] = ()) -> None:
    """Take a prediction out of a viewer for good; its corrections stay on the disk.

    Those that are not there are gone with it: a caller writes them before.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    shown : ShownPrediction
        The prediction.
    but : sequence of Layer, optional
        Layers that stay, to go on with.
    """
    present = list(viewer.layers)
    shown.leave_image()
    if shown.kept is not None:
        shown.kept.release()
    shown.instances.metadata.pop(METADATA_KEY, None)
    with one_removal(viewer):
        for layer in shown.layers:
            if layer in present and layer not in but:
                viewer.layers.remove(layer)
    if shown.follower is not None:
        shown.follower.stop()


def pixel_scale(pixel_size: tuple[float, float] | None, ndim: int = 2) -> dict[str, Any]:
    """Keyword arguments that give pixels their size (y, x), micrometres, where it is known."""
    if pixel_size is None:
        return {}
    before = ndim - 2
    return {
        "scale": (1.0,) * before + pixel_size,
        "units": ("pixel",) * before + ("micrometer", "micrometer"),
    }


def plane_title(image: Layer, plane: Sequence[int]) -> str:
    """What a plane of an image is called: "name", or "name [3]" in a stack."""
    return f"{image.name} [{', '.join(map(str, plane))}]" if plane else str(image.name)


def peak_colours(session: CurationSession) -> NDArray[np.float64]:
    """Border colours (RGBA) of the peaks, faint: they are not to hide what they mark."""
    of_status = transform_color([STATUS_COLOURS[status] for status in STATUSES])
    colours: NDArray[np.float64] = of_status[session.queue.states()]
    colours[:, 3] = 0.5
    return colours


def peak_centre(peak: Peak, side: int) -> tuple[float, float]:
    """Centre (y, x) of a peak's patch, between the first pixel of the patch and its last."""
    return peak.y + (side - 1) / 2, peak.x + (side - 1) / 2


def _peaks_layer(
    prediction: Prediction, session: CurationSession, name: str, place: dict[str, Any]
) -> Points:
    peaks = prediction.peaks
    side = prediction.settings.patch
    centres = np.array([peak_centre(peak, side) for peak in peaks], dtype=float).reshape(-1, 2)
    features = {
        "rank": [peak.rank for peak in peaks],
        "kind": [peak.kind for peak in peaks],
        "entropy": [peak.entropy for peak in peaks],
        "status": [session.status(index) for index in range(len(peaks))],
        "reason": [peak.reason for peak in peaks],
    }
    layer = Points(
        centres,
        ndim=2,
        name=name,
        features=features,
        symbol="square",
        size=side + 2,
        face_color="transparent",
        border_color=peak_colours(session) if peaks else "#F0E442",
        border_width=0.1,
        **place,
    )
    layer.editable = False
    return layer
