"""What an edit changes: for each instance it touches, the pixels that are turned over."""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.boxes import BBox, enclose
from napari_probinst.core.instances import Instance

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Flip:
    """Pixels of one instance that are turned over: in becomes out, out becomes in.

    Turning the same pixels over once more undoes it. An instance without pixels does not exist,
    so creation and deletion are flips like any other.

    Parameters
    ----------
    id : int
        The instance, from 1.
    bbox : (int, int, int, int)
        Tight box around the pixels turned over.
    data : str
        The pixels inside the box: rows of bits (``numpy.packbits``), zlib, base64. Small enough
        to keep for ever, and ready for a line of the journal.
    """

    id: int
    bbox: BBox
    data: str

    @classmethod
    def of(cls, identifier: int, pixels: Instance) -> Flip:
        """Turn over ``pixels``, given with a tight box."""
        data = base64.b64encode(zlib.compress(np.packbits(pixels.mask).tobytes(), 1)).decode()
        y0, x0, y1, x1 = map(int, pixels.bbox)
        return cls(int(identifier), (y0, x0, y1, x1), data)

    @property
    def pixels(self) -> Instance:
        """The pixels turned over.

        Raises
        ------
        ValueError
            If the data does not fill the box: it comes from a damaged journal.
        """
        height, width = self.bbox[2] - self.bbox[0], self.bbox[3] - self.bbox[1]
        n_bytes = (height * width + 7) // 8
        try:
            packed = zlib.decompressobj().decompress(
                base64.b64decode(self.data, validate=True), n_bytes + 1
            )
        except (zlib.error, binascii.Error) as error:
            raise ValueError(f"the pixels of instance {self.id} are damaged: {error}") from error
        if len(packed) != n_bytes:
            raise ValueError(f"the pixels of instance {self.id} do not fill the box {self.bbox}")
        bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=height * width)
        return Instance(self.bbox, bits.reshape(height, width).astype(bool))

    def apply(self, instance: Instance | None) -> Instance | None:
        """Turn the pixels over in ``instance``; None stands for an instance without pixels."""
        return _exclusive_or(instance, self.pixels)


@dataclass(frozen=True, slots=True)
class Delta:
    """Change of a set of instances that stores only touched pixels, and undoes itself.

    Parameters
    ----------
    flips : tuple of Flip
        One for each instance touched, by id.
    """

    flips: tuple[Flip, ...]

    @classmethod
    def between(cls, before: Mapping[int, Instance], after: Mapping[int, Instance | None]) -> Delta:
        """Change that turns ``before[id]`` into ``after[id]`` for the ids of ``after`` only.

        An id that is missing from ``before``, and None or an empty instance in ``after``, stand
        for an instance that does not exist.
        """
        changes = {
            identifier: _exclusive_or(before.get(identifier), after[identifier])
            for identifier in sorted(after)
        }
        return cls(
            tuple(
                Flip.of(identifier, pixels)
                for identifier, pixels in changes.items()
                if pixels is not None
            )
        )

    @property
    def ids(self) -> tuple[int, ...]:
        """Instances touched, ascending."""
        return tuple(flip.id for flip in self.flips)

    @property
    def bbox(self) -> BBox:
        """Box around all pixels that are turned over; (0, 0, 0, 0) if there are none."""
        return enclose(flip.bbox for flip in self.flips)

    @property
    def n_pixels(self) -> int:
        """Pixels turned over, summed over the instances."""
        return sum(flip.pixels.area for flip in self.flips)

    @property
    def inverse(self) -> Delta:
        """Change that undoes this one: turning pixels over is its own inverse."""
        return self

    def apply(self, instances: Mapping[int, Instance]) -> dict[int, Instance | None]:
        """Touched instances as they are afterwards, None for those that no longer exist."""
        return {flip.id: flip.apply(instances.get(flip.id)) for flip in self.flips}


def _exclusive_or(first: Instance | None, second: Instance | None) -> Instance | None:
    """Pixels that only one of the two holds, with a tight box; None if there are none."""
    given = [instance for instance in (first, second) if instance is not None]
    bbox = enclose(instance.bbox for instance in given)
    mask = np.zeros((bbox[2] - bbox[0], bbox[3] - bbox[1]), dtype=bool)
    for instance in given:
        mask ^= instance.crop(bbox)
    pixels = Instance.from_mask(mask, bbox[:2])
    return pixels if pixels.mask.size else None
