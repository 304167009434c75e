"""What exports need to know of an image, whether predicted or corrected; its TIFFs and COCO."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import tifffile

from napari_probinst.core.data.coco import CocoImage
from napari_probinst.core.data.exports import STACK_LIMIT
from napari_probinst.core.data.pages import write_pages
from napari_probinst.core.errors import OutputError
from napari_probinst.core.instances import InstanceSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.data.flattening import Flattened
    from napari_probinst.core.instances import Instance

#: As the program predicted it, edited by a curator, or made by one.
State = Literal["predicted", "edited", "new"]


@dataclass(frozen=True, slots=True, eq=False)
class ExportedInstance:
    """One instance with what is known about it.

    Parameters
    ----------
    id : int
        Positive; its value in label images.
    instance : Instance
        At least one pixel, in a tight box.
    state : str
        "predicted", "edited" or "new".
    probability : float, optional
        Mean over its pixels, 0 to 1; None once a curator has changed it.
    score : float, optional
        How far the draws agree on it, 0 to 1; None once a curator has changed it.
    """

    id: int
    instance: Instance
    state: State
    probability: float | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ExportedImage:
    """All instances of one image.

    Parameters
    ----------
    name : str
        Name of the image.
    shape : (int, int)
        Height and width, pixels.
    instances : tuple of ExportedInstance
        Ascending by id.
    flat : Flattened
        The same as one label image, and how many pixels it had to decide on.
    rule : str
        How it decided, a sentence.
    curated : bool
        Whether a curator has been over them.
    pixel_size : (float, float), optional
        y and x size of a pixel, micrometres.
    settings : mapping of str to any JSON value
        How the instances were made.
    """

    name: str
    shape: Shape
    instances: tuple[ExportedInstance, ...]
    flat: Flattened
    rule: str
    curated: bool
    pixel_size: tuple[float, float] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ids(self) -> list[int]:
        """Ids of the instances, ascending."""
        return [one.id for one in self.instances]

    @property
    def metadata(self) -> dict[str, Any]:
        """What each file that has room for it says about the instances."""
        return {**self.settings, "curated": self.curated}

    def cover(self) -> NDArray[np.uint16]:
        """How many instances hold each pixel, shape (height, width)."""
        return InstanceSet(self.shape, tuple(one.instance for one in self.instances)).cover()


def write_instance_stack(image: ExportedImage, path: Path) -> None:
    """Write one mask a page (0 and 255), in the order of the ids; overlaps survive.

    No instance at all gives one empty page. The image description is JSON with the ``ids``.

    Raises
    ------
    OutputError
        If the file can't be written, or would hold more than 4 GB of pixels.
    """
    n_pages, (height, width) = max(len(image.instances), 1), image.shape
    if n_pages * height * width > STACK_LIMIT:
        raise OutputError(
            f"{path} would hold {n_pages} pages of {height} x {width} pixels, more than 4 GB; "
            "export as coco, which keeps overlaps too."
        )
    ids = image.ids
    description: dict[str, Any] = {"n_instances": len(ids), "ids": ids, **image.metadata}
    if not ids:
        description["note"] = "no instances: this single page is empty"
    masks = (
        np.where(one.instance.full(image.shape), np.uint8(255), np.uint8(0))
        for one in image.instances
    )
    empty = [np.zeros(image.shape, np.uint8)]
    write_pages(path, masks if ids else empty, description, image.pixel_size)


def is_exported_tiff(path: Path) -> bool:
    """Whether a file holds instances that `write_instance_stack` or `write_label_image` wrote."""
    try:
        with tifffile.TiffFile(path) as file:
            description = json.loads(file.pages.first.description)
    except (OSError, ValueError):  # it is no TIFF, or says something else
        return False
    return isinstance(description, dict) and "curated" in description


def write_label_image(image: ExportedImage, path: Path) -> None:
    """Write one label image; its description states the rule for overlaps and their pixels.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    overlaps = {"rule": image.rule, "n_overlap_pixels": image.flat.n_overlap}
    write_pages(path, [image.flat.labels], {**overlaps, **image.metadata}, image.pixel_size)


def as_coco(image: ExportedImage, file_name: str) -> CocoImage:
    """Gather the instances as an image of a COCO data set; corrected ones have score 1.

    Parameters
    ----------
    image : ExportedImage
        What to export.
    file_name : str
        File name of the image.
    """
    return CocoImage(
        file_name=file_name,
        shape=image.shape,
        instances=[one.instance for one in image.instances],
        scores=[
            1.0 if image.curated or one.score is None else one.score for one in image.instances
        ],
        labels=image.ids,
        attributes={"curated": True} if image.curated else {},
    )
