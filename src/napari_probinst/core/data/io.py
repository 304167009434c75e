"""The door to image files: everything that reads pixels is imported from here."""

from napari_probinst.core.data.image_source import ImageSource
from napari_probinst.core.data.images import Image, read_image
from napari_probinst.core.data.lazy import LazyImage, open_image
from napari_probinst.core.data.masks import from_labels, read_instances
from napari_probinst.core.data.sources import find_images

__all__ = [
    "Image",
    "ImageSource",
    "LazyImage",
    "find_images",
    "from_labels",
    "open_image",
    "read_image",
    "read_instances",
]
