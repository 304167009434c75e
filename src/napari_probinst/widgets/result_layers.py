"""How the maps and the instances of a prediction look as layers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from napari.utils import Colormap
from napari.utils.colormaps import ensure_colormap

from napari_probinst.core.inference.entropy import entropy_map, probability_map
from napari_probinst.widgets.label_view import add_colours, label_page
from napari_probinst.widgets.pages import page_data, page_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari.layers import Layer
    from napari.utils import DirectLabelColormap

    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.instances import ProbabilisticInstances

#: Instances whose surroundings are looked at: of a lazy image each is read meanwhile.
_MOST_LOOKED_AT = 16


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """What there is of a result's layers before it: it goes on with them.

    Parameters
    ----------
    entropy, instances : Layer or None
        Two of its layers.
    places : mapping of int to int
        Places in the palette that its instances have there already, by id.
    """

    entropy: Image | None = None
    instances: Labels | None = None
    places: Mapping[int, int] = field(default_factory=dict)


def probability_layer(instances: ProbabilisticInstances, name: str, place: dict[str, Any]) -> Image:
    """Layer of the map of probabilities, 0 to 1; hidden at first."""
    return Image(
        page_data(instances.shape, partial(probability_map, instances)),
        name=name,
        contrast_limits=(0, 1),
        colormap="viridis",
        opacity=0.6,
        visible=False,
        **place,
    )


def entropy_layer(data: Any, name: str, place: dict[str, Any], *, on_bright: bool) -> Image:
    """Layer of the map of entropies, 0 to ln 2 nats.

    Parameters
    ----------
    data : ndarray or list of PageLevel
        Of `entropy_data`.
    name : str
        Name of the layer.
    place : dict
        Where it lies; see `napari_probinst.widgets.placement.placement`.
    on_bright : bool
        Whether the image below is bright: light added to it is lost, and the map is laid over it.
    """
    return Image(
        data,
        name=name,
        contrast_limits=(0, math.log(2)),
        colormap=_transparent_magma(),
        blending="translucent" if on_bright else "additive",
        opacity=0.7,
        **place,
    )


def entropy_data(instances: ProbabilisticInstances) -> Any:
    """Data of a layer of entropies; it can be made in any thread."""
    return page_data(instances.shape, partial(entropy_map, instances))


def instances_layer(
    data: Any, name: str, place: dict[str, Any], colours: DirectLabelColormap
) -> Labels:
    """Layer of the contours of instances, of `instances_data`.

    It is hidden until it is in a viewer: napari draws the contours of the whole page anew at
    every step on the way there, which takes seconds with tens of millions of pixels.
    """
    layer = Labels(
        data,
        name=name,
        colormap=colours,
        opacity=0.9,
        visible=False,
        **place,
    )
    layer.contour = 1
    # Edits go to the session, which knows of overlaps; napari's brush must not bypass it.
    layer.editable = False
    return layer


def instances_data(session: CurationSession) -> Any:
    """Data of a layer of instances; see `napari_probinst.widgets.label_view`.

    It can be made in any thread.
    """
    return page_data(session.shape, partial(label_page, session))


def show_instances(layer: Labels, data: Any, colours: DirectLabelColormap) -> None:
    """Show other instances of the same image in a layer of `instances_layer`, drawn once."""
    add_colours(layer, colours)
    layer.data = data
    # napari lets its brush into new data.
    layer.editable = False


def is_bright(
    layer: Layer | None,
    instances: ProbabilisticInstances,
    plane: Sequence[int] = (),
    axes: Sequence[int] = (),
) -> bool:
    """Whether the surroundings of the instances are shown in the upper half of the contrast.

    Parameters
    ----------
    layer : Layer or None
        The image.
    instances : ProbabilisticInstances
        Of many, `_MOST_LOOKED_AT` at even distances in the sequence are looked at.
    plane, axes : sequence of int, optional
        Which plane of the image it is, and the axes of the image's pixels that count planes.
    """
    if not isinstance(layer, Image) or layer.rgb:
        return False
    step = -(-len(instances) // _MOST_LOOKED_AT) or 1
    boxes = [instance.bbox for instance in instances.instances[::step]]
    page = page_of(layer)
    if not boxes or tuple(page.shape[-2:]) != instances.shape:
        return False
    # At once: an index of the plane alone would make some lazy arrays read all of it.
    place = dict(zip(axes, plane, strict=True))
    leading = tuple(place.get(axis, 0) for axis in range(len(page.shape) - 2))
    pixels = [
        np.asarray(page[(*leading, slice(y0, y1, 4), slice(x0, x1, 4))]).ravel()
        for y0, x0, y1, x1 in boxes
    ]
    return bool(np.median(np.concatenate(pixels)) > np.mean(layer.contrast_limits))


def _transparent_magma() -> Colormap:
    """Magma that lets the image through where the draws agree."""
    colours = np.array(ensure_colormap("magma").colors)
    colours[:, 3] = np.linspace(0, 1, len(colours)) ** 0.5
    return Colormap(colours, name="transparent magma")
