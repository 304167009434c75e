"""How the layers of a prediction are found again, and told from others.

The link between them is kept in the layers' metadata and by the layer objects themselves, so
that renaming, moving, duplicating or deleting layers, two images, or two viewers confuse nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_probinst.core.curation.journal import prediction_checksum

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.layers import Layer

    from napari_probinst.core.prediction import Prediction
    from napari_probinst.widgets.layers import ShownPrediction

#: Our entry in a layer's metadata.
METADATA_KEY = "napari_probinst"


def shown_predictions(viewer: Any) -> Iterator[ShownPrediction]:
    """Predictions whose instances layer is in the viewer, in the order of the layers.

    A duplicate of an instances layer shares its metadata and is passed over: it is a plain label
    image of that moment.
    """
    for layer in viewer.layers:
        entry = layer.metadata.get(METADATA_KEY)
        if isinstance(entry, dict) and "prediction" in entry and entry["shown"].instances is layer:
            yield entry["shown"]


def same_prediction(one: Prediction, other: Prediction) -> bool:
    """Whether two predictions are the same, of the same image: they have one session."""
    return (
        one.name == other.name
        and one.provenance.image_checksum == other.provenance.image_checksum
        and prediction_checksum(one) == prediction_checksum(other)
    )


def is_result(layer: Layer) -> bool:
    """Whether a layer shows a prediction, and is no image to predict."""
    return "shown" in layer.metadata.get(METADATA_KEY, ())


def is_plain_copy(layer: Layer) -> bool:
    """Whether a layer is a duplicate of one of a prediction's, which shows it no more."""
    shown = layer.metadata.get(METADATA_KEY, {}).get("shown")
    return shown is not None and layer not in shown.layers


def shown_by(layer: Layer) -> ShownPrediction | None:
    """Return the prediction that has a layer for one of its four; None for any other layer."""
    shown: ShownPrediction | None = layer.metadata.get(METADATA_KEY, {}).get("shown")
    return shown if shown is not None and layer in shown.layers else None


def image_of(layer: Layer) -> Layer | None:
    """Return the image that a layer shows a result of, also of the first draws; None if none."""
    shown = shown_by(layer)
    if shown is not None:
        return shown.image
    _, image, _ = layer.metadata.get(METADATA_KEY, {}).get("draws_of", (None, None, None))
    return image


def image_name(layer: Layer) -> str:
    """Name under which an image's results are saved: its own where it states one."""
    name = layer.metadata.get(METADATA_KEY, {}).get("name")
    return str(name or layer.name)


def shown_of_image(viewer: Any, image: Layer, plane: Sequence[int] = ()) -> ShownPrediction | None:
    """Return the prediction of an image layer, or of a plane of it; None if there is none."""
    of_image = (shown for shown in shown_predictions(viewer) if shown.image == image)
    return next((shown for shown in of_image if shown.plane == tuple(plane)), None)


def shown_in_view(viewer: Any, image: Layer) -> ShownPrediction | None:
    """Prediction of an image: of its plane in view, otherwise the first one; None without one."""
    of_image = [shown for shown in shown_predictions(viewer) if shown.image == image]
    here = (shown for shown in of_image if shown.follower is None or shown.follower.is_here)
    return next(here, of_image[0] if of_image else None)
