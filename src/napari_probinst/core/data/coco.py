"""Instances as a COCO data set: one run-length mask an instance, so overlaps survive.

T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014,
doi:10.1007/978-3-319-10602-1_48. The file is what pycocotools reads as ground truth; its
annotations carry scores, so that they also serve as results.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from pycocotools import mask as coco_mask

from napari_probinst.core.data.atomic import atomic_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.instances import Instance

#: The one category there is: what the instances are, a model doesn't say.
CATEGORY = {"id": 1, "name": "instance", "supercategory": "instance"}


@dataclass(frozen=True, slots=True, eq=False)
class CocoImage:
    """One image of a data set with its instances.

    Parameters
    ----------
    file_name : str
        File name of the image (of its first channel, where each has a file).
    shape : (int, int)
        Height and width, pixels.
    instances : sequence of Instance
        None of them empty.
    scores : sequence of float
        Confidence of each instance: 0 to 1 for ours, any finite number for other programs.
    labels : sequence of int, optional
        Value of each instance in the label image, written as ``label``.
    attributes : mapping of str to any JSON value
        Added to each annotation, e.g. ``{"curated": True}``.

    Raises
    ------
    ValueError
        If an instance is empty, or the scores don't fit the instances or aren't finite.
    """

    file_name: str
    shape: Shape
    instances: Sequence[Instance]
    scores: Sequence[float]
    labels: Sequence[int] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.instances):
            raise ValueError(f"{len(self.scores)} scores for {len(self.instances)} instances")
        if self.labels and len(self.labels) != len(self.instances):
            raise ValueError(f"{len(self.labels)} labels for {len(self.instances)} instances")
        if not all(math.isfinite(score) for score in self.scores):
            raise ValueError("scores must be finite")
        if any(not instance.mask.any() for instance in self.instances):
            raise ValueError("an empty instance can't be an annotation")


@dataclass(frozen=True, slots=True, eq=False)
class CocoEntry:
    """One image of a data set as JSON has it; identifiers may be those of another data set.

    Parameters
    ----------
    file_name : str
        File name of the image.
    shape : (int, int)
        Height and width, pixels.
    annotations : sequence of dict
        One an instance.
    """

    file_name: str
    shape: Shape
    annotations: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, image: CocoImage) -> CocoEntry:
        """Encode the masks of an image."""
        annotations = []
        for index, (instance, score) in enumerate(zip(image.instances, image.scores, strict=True)):
            y0, x0, y1, x1 = instance.tight().bbox
            annotations.append(
                {
                    "id": 0,
                    "image_id": 0,
                    "category_id": CATEGORY["id"],
                    "segmentation": encode(instance, image.shape),
                    "area": instance.area,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "iscrowd": 0,
                    "score": float(score),
                    **({"label": int(image.labels[index])} if image.labels else {}),
                    **image.attributes,
                }
            )
        return cls(image.file_name, image.shape, annotations)


def coco_dataset(
    images: Iterable[CocoImage | CocoEntry], made_by: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Build the data set of images and annotations, ready for JSON.

    Identifiers count from 1: COCOeval takes an annotation 0 for no match at all. ``made_by``, of
    JSON values, is stated as it is.
    """
    records: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, image in enumerate(images, start=1):
        entry = image if isinstance(image, CocoEntry) else CocoEntry.of(image)
        height, width = entry.shape
        records.append(
            {"id": image_id, "file_name": entry.file_name, "height": height, "width": width}
        )
        for annotation in entry.annotations:
            annotations.append({**annotation, "id": len(annotations) + 1, "image_id": image_id})
    info: dict[str, Any] = {"description": "Instances written by napari-probinst"}
    return {
        "info": info if made_by is None else {**info, "made_by": made_by},
        "images": records,
        "annotations": annotations,
        "categories": [CATEGORY],
    }


def write_coco(
    images: Iterable[CocoImage | CocoEntry], path: Path, made_by: Mapping[str, Any] | None = None
) -> None:
    """Write a data set as JSON; ``made_by`` says how its instances were made.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    content = json.dumps(coco_dataset(images, made_by), ensure_ascii=False, allow_nan=False)
    with atomic_file(path) as file:
        file.write(content.encode())


def encode(instance: Instance, shape: Shape) -> dict[str, Any]:
    """Compressed run lengths of an instance on a page of ``shape``.

    The runs are found inside the box, column by column as COCO counts, so that a page is never
    filled.

    Returns
    -------
    dict
        ``{"size": [height, width], "counts": str}``.
    """
    height, width = int(shape[0]), int(shape[1])
    columns, rows = np.nonzero(instance.mask.T)
    positions = (columns + instance.bbox[1]) * height + rows + instance.bbox[0]
    breaks = np.flatnonzero(np.diff(positions) != 1)
    starts = positions[np.concatenate(([0], breaks + 1))] if positions.size else positions
    ends = positions[np.concatenate((breaks, [-1]))] + 1 if positions.size else positions
    edges = np.stack((starts, ends), axis=1).ravel()
    runs = np.diff(edges, prepend=0, append=height * width).tolist()
    # pycocotools writes no empty run at the end.
    uncompressed = {"size": [height, width], "counts": runs if runs[-1] else runs[:-1]}
    compressed = coco_mask.frPyObjects(uncompressed, height, width)
    return {"size": [height, width], "counts": compressed["counts"].decode("ascii")}
