"""The door to image files: everything that reads pixels is imported from here."""

from napari_probinst.core.data.images import Image, read_image
from napari_probinst.core.data.masks import from_labels, read_instances
from napari_probinst.core.data.sources import ImageSource, find_images

__all__ = [
    "Image",
    "ImageSource",
    "find_images",
    "from_labels",
    "read_image",
    "read_instances",
]
