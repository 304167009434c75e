"""Pixel size and channel names from the metadata of a TIFF file: OME, ImageJ or plain tags."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from tifffile import TiffFile

#: Micrometres in one unit, under the names that OME-XML and ImageJ use.
MICROMETRES = {
    "pm": 1e-6,
    "Å": 1e-4,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "µm": 1.0,  # micro sign
    "μm": 1.0,  # Greek mu
    "\\u00B5m": 1.0,  # as ImageJ escapes it
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "mm": 1e3,
    "millimeter": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "m": 1e6,
    "meter": 1e6,
    "in": 25_400.0,
    "inch": 25_400.0,
}

#: Coarsest plain resolution, micrometres, that is believed: printers' defaults are far coarser
#: (72 dots an inch are 353 micrometres).
_COARSEST_PLAIN = 10.0
_INCH, _CENTIMETRE = 2, 3


def pixel_size(file: TiffFile) -> tuple[float, float] | None:
    """Y and x size of a pixel in micrometres, or None where the file doesn't say.

    OME's physical size counts first, then ImageJ's unit with the resolution tags, then the
    resolution tags alone, unless they are coarser than 10 µm: that is a printing resolution.
    """
    if file.is_ome:
        return _ome_pixel_size(file.ome_metadata)
    resolution = _resolution(file)
    if resolution is None:
        return None
    if file.is_imagej:
        unit = str((file.imagej_metadata or {}).get("unit", "")).strip()
        factor = MICROMETRES.get(unit)
        return None if factor is None else _valid(factor / resolution[0], factor / resolution[1])
    unit_tag = int(file.pages.first.resolutionunit)
    factor = {_INCH: MICROMETRES["inch"], _CENTIMETRE: MICROMETRES["cm"]}.get(unit_tag)
    if factor is None:
        return None
    size = _valid(factor / resolution[0], factor / resolution[1])
    return size if size is not None and max(size) <= _COARSEST_PLAIN else None


def channel_names(file: TiffFile) -> tuple[str, ...]:
    """Names of the channels from OME-XML; empty where there are none."""
    pixels = _ome_pixels(file.ome_metadata) if file.is_ome else None
    if pixels is None:
        return ()
    names = [
        element.get("Name") or ""
        for element in pixels
        if element.tag.rpartition("}")[2] == "Channel"
    ]
    return tuple(names) if all(names) else ()


def _resolution(file: TiffFile) -> tuple[float, float] | None:
    """Pixels per unit along y and x from the resolution tags."""
    values = []
    for tag in ("YResolution", "XResolution"):
        rational = file.pages.first.tags.valueof(tag)
        if not isinstance(rational, tuple) or len(rational) != 2 or not all(rational):
            return None
        values.append(rational[0] / rational[1])
    return values[0], values[1]


def _ome_pixel_size(xml: str | None) -> tuple[float, float] | None:
    pixels = _ome_pixels(xml)
    if pixels is None:
        return None
    sizes = []
    for axis in "YX":
        factor = MICROMETRES.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        try:
            sizes.append(float(pixels.get(f"PhysicalSize{axis}", "")) * (factor or math.nan))
        except ValueError:
            return None
    return _valid(sizes[0], sizes[1])


def _ome_pixels(xml: str | None) -> ElementTree.Element | None:
    """Pixels element of the first image, whatever the version of the schema."""
    if not xml:
        return None
    root = ElementTree.fromstring(xml)
    return next((node for node in root.iter() if node.tag.rpartition("}")[2] == "Pixels"), None)


def _valid(y: float, x: float) -> tuple[float, float] | None:
    return (y, x) if 0 < y < math.inf and 0 < x < math.inf else None
