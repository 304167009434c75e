"""The data model: instances as boxes with boolean crops, and what the stages make of them.

Instances overlap, so no label image can hold them. Each is a bounding box and a crop inside
it; intersections look only at boxes that meet, and work grows with the number of instances,
not with instances times image area.

All objects are frozen, and the arrays in them are marked read-only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.box_index import BoxIndex
from napari_probinst.core.boxes import check_boxes, crop_to, intersect, shifted, tight_bbox, window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox, Shape


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """One object: a bounding box and the mask inside it.

    Parameters
    ----------
    bbox : (int, int, int, int)
        y0, x0, y1, x1, pixels, upper bounds exclusive. May be larger than the mask's extent.
    mask : ndarray of bool, shape (y1 - y0, x1 - x0)
        Pixels of the object inside the box.

    Raises
    ------
    ValueError
        If the mask's shape is not the box's.
    """

    bbox: BBox
    mask: NDArray[np.bool_]

    def __post_init__(self) -> None:
        object.__setattr__(self, "mask", _frozen_crop(self.bbox, self.mask, np.bool_))

    @classmethod
    def from_mask(cls, mask: NDArray[Any], origin: tuple[int, int] = (0, 0)) -> Instance:
        """Tight instance of the nonzero pixels of ``mask``, whose top left pixel is ``origin``.

        An empty mask gives an instance with an empty box at ``origin``.
        """
        bbox = tight_bbox(mask)
        y0, x0, y1, x1 = bbox
        crop = np.ascontiguousarray(mask[y0:y1, x0:x1]).astype(bool)
        return cls(shifted(bbox, origin), crop)

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.mask))

    def tight(self) -> Instance:
        """Return the same pixels with the smallest box that holds them."""
        mask = self.mask
        if mask.size and all(edge.any() for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1])):
            return self
        return Instance.from_mask(self.mask, self.bbox[:2])

    def full(self, shape: Shape) -> NDArray[np.bool_]:
        """Mask on a whole page of ``shape`` (height, width)."""
        page = np.zeros(shape, dtype=bool)
        self.paint(page, True)
        return page

    def paint(self, page: NDArray[Any], value: Any) -> None:
        """Set the pixels of this instance on ``page`` (height, width) to ``value``."""
        y0, x0, y1, x1 = self.bbox
        page[y0:y1, x0:x1][self.mask] = value

    def crop(self, bbox: BBox) -> NDArray[np.bool_]:
        """Mask inside ``bbox``, which may reach beyond this instance's own box."""
        return crop_to(self.bbox, self.mask, bbox)

    def contains(self, y: int, x: int) -> bool:
        """Whether the pixel belongs to this instance."""
        y0, x0, y1, x1 = self.bbox
        return y0 <= y < y1 and x0 <= x < x1 and bool(self.mask[y - y0, x - x0])

    def intersection(self, other: Instance) -> int:
        """Number of pixels that both instances hold."""
        box = intersect(self.bbox, other.bbox)
        if box is None:
            return 0
        own, others = self.mask[window(box, self.bbox)], other.mask[window(box, other.bbox)]
        return int(np.count_nonzero(own & others))

    def iou(self, other: Instance) -> float:
        """Intersection over union, in [0, 1]; 0 if both are empty."""
        both = self.intersection(other)
        return both / (self.area + other.area - both) if both else 0.0

    def same_pixels(self, other: Instance) -> bool:
        """Whether both hold exactly the same pixels, whatever their boxes."""
        area = self.area
        return area == other.area and self.intersection(other) == area


@dataclass(frozen=True, slots=True, eq=False)
class InstanceSet:
    """Instances of one image: those of one draw, of the truth, or of a curated result.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image, pixels.
    instances : tuple of Instance
        In a fixed order; they may overlap.
    """

    shape: Shape
    instances: tuple[Instance, ...]

    def __post_init__(self) -> None:
        check_boxes(self.shape, (instance.bbox for instance in self.instances))

    def __len__(self) -> int:
        return len(self.instances)

    @classmethod
    def from_masks(cls, masks: Sequence[NDArray[Any]], shape: Shape) -> InstanceSet:
        """Build the set from one full page (height, width) an instance."""
        return cls(shape, tuple(Instance.from_mask(mask) for mask in masks))

    def areas(self) -> NDArray[np.int64]:
        """Pixels of each instance, shape (n_instances,)."""
        return np.array([instance.area for instance in self.instances], dtype=np.int64)

    def cover(self) -> NDArray[np.uint16]:
        """How many instances hold each pixel, shape (height, width)."""
        page = np.zeros(self.shape, dtype=np.uint16)
        for instance in self.instances:
            y0, x0, y1, x1 = instance.bbox
            page[y0:y1, x0:x1] += instance.mask
        return page


@dataclass(frozen=True, slots=True, eq=False)
class ProbabilisticInstance:
    """One agglomerated instance: how many draws contain each of its pixels.

    Parameters
    ----------
    bbox : (int, int, int, int)
        Box around the union of the matched instances of all draws.
    counts : ndarray of uint8, shape (y1 - y0, x1 - x0)
        Draws that contain the pixel, 0 to the number of draws.
    matches : tuple of int or None, length n_draws
        Index of the matched instance in each draw's set; None where the draw has none.
    """

    bbox: BBox
    counts: NDArray[np.uint8]
    matches: tuple[int | None, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", _frozen_crop(self.bbox, self.counts, np.uint8))

    @property
    def n_draws(self) -> int:
        """Number of draws that were agglomerated."""
        return len(self.matches)

    @property
    def votes(self) -> int:
        """Number of draws in which the instance was found at all."""
        return sum(match is not None for match in self.matches)

    def probability(self) -> NDArray[np.float32]:
        """Counts / draws inside the box, in [0, 1]."""
        return self.counts.astype(np.float32) / np.float32(self.n_draws)

    def binarise(self, threshold: float, existence: float = 0.0) -> Instance:
        """Pixels with a probability of at least ``threshold``, with a tight box.

        None where less than the share ``existence`` of the draws found the instance.
        Comparisons are made on integer counts, so that 6 of 8 draws are exactly 0.75.
        """
        return Instance.from_mask(self._is_likely(threshold, existence), self.bbox[:2])

    def area(self, threshold: float, existence: float = 0.0) -> int:
        """Pixels of `binarise`."""
        return int(np.count_nonzero(self._is_likely(threshold, existence)))

    def _is_likely(self, threshold: float, existence: float) -> NDArray[np.bool_]:
        if self.votes < existence * self.n_draws - 1e-9:
            return np.zeros(self.counts.shape, dtype=bool)
        least = max(int(np.ceil(threshold * self.n_draws - 1e-9)), 1)
        likely: NDArray[np.bool_] = self.counts >= least
        return likely


@dataclass(frozen=True, slots=True, eq=False)
class ProbabilisticInstances:
    """All agglomerated instances of an image, with the draws they come from.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image, pixels.
    instances : tuple of ProbabilisticInstance
        Also those that few draws agree on; they may be empty once binarised.
    draws : tuple of InstanceSet
        The draws' own instances: the alternative hypotheses a curator can adopt.
    """

    shape: Shape
    instances: tuple[ProbabilisticInstance, ...]
    draws: tuple[InstanceSet, ...]
    _index: BoxIndex = field(init=False, repr=False)

    def __post_init__(self) -> None:
        boxes = [instance.bbox for instance in self.instances]
        check_boxes(self.shape, boxes)
        object.__setattr__(self, "_index", BoxIndex(boxes))
        if any(instance.n_draws != self.n_draws for instance in self.instances):
            raise ValueError(f"every instance needs one match for each of {self.n_draws} draws")

    def __len__(self) -> int:
        return len(self.instances)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return len(self.draws)

    def within(self, bbox: BBox) -> tuple[int, ...]:
        """Indices of the instances whose boxes meet ``bbox`` (y0, x0, y1, x1), ascending."""
        return self._index.meeting(bbox)

    def binarise(self, threshold: float, existence: float = 0.0) -> InstanceSet:
        """Binary instances in the same order; the unlikely ones are empty."""
        return InstanceSet(
            self.shape,
            tuple(instance.binarise(threshold, existence) for instance in self.instances),
        )


@dataclass(frozen=True, slots=True)
class Peak:
    """A place where the draws disagree: one 4x4 patch and the instances it concerns.

    Parameters
    ----------
    y, x : int
        Top left pixel of the patch.
    instances : tuple of int
        Indices of the instances involved, the most uncertain first.
    entropy : float
        Highest mean entropy of the patch over its instances, nats, 0 to ln 2.
    mass : float
        Doubt, nats: the entropy summed over the peak's region and the instances involved, and
        what is added for an instance that is far too large.
    rank : int
        1 for the most uncertain place.
    kind : str
        "merge", "split", "missed", "spurious" or "contour": the likely error.
    reason : str
        The draws' votes in words.
    """

    y: int
    x: int
    instances: tuple[int, ...]
    entropy: float
    mass: float
    rank: int
    kind: str
    reason: str


def _frozen_crop(bbox: BBox, crop: NDArray[Any], dtype: type) -> NDArray[Any]:
    expected = (bbox[2] - bbox[0], bbox[3] - bbox[1])
    if crop.shape != expected:
        raise ValueError(f"a crop of shape {crop.shape} does not fill its box {bbox}")
    frozen: NDArray[Any] = np.asarray(crop, dtype=dtype).view()
    frozen.flags.writeable = False
    return frozen
