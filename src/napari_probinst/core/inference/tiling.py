"""Cut an image that is larger than the model was trained for into overlapping tiles."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_probinst.core.boxes import BBox, Shape

#: Default halo in strides of the network, and the largest share of the extent's shorter side;
#: `default_halo` says why.
HALO_STRIDES = 8
HALO_SHARE = 1 / 4


@dataclass(frozen=True, slots=True)
class Tile:
    """One piece of an image.

    Parameters
    ----------
    outer : (int, int, int, int)
        What the network reads: y0, x0, y1, x1 in pixels of the image, upper bounds exclusive.
    core : (int, int, int, int)
        What the tile is responsible for. The cores of a layout share no pixel and fill the
        image; between a core and an outer side inside the image lies the halo.
    """

    outer: BBox
    core: BBox

    @property
    def origin(self) -> tuple[int, int]:
        """Row and column in the image of the first pixel that is read."""
        return self.outer[:2]

    @property
    def shape(self) -> Shape:
        """Height and width of what is read, pixels."""
        y0, x0, y1, x1 = self.outer
        return (y1 - y0, x1 - x0)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns to read from an image's last two axes."""
        y0, x0, y1, x1 = self.outer
        return (slice(y0, y1), slice(x0, x1))


def default_halo(extent: Shape, stride: int) -> int:
    """Halo that suits a model, pixels.

    A U-Net sees about six strides to either side; with two more no prediction in a core depends
    on the tile's border, and for five levels, whose stride is 16, these 128 pixels are longer
    than a worm, too. A tile sees every instance that reaches into its core and isn't longer than
    the halo as a whole, and one tile at least sees any instance up to twice as long. Wider halos
    cost: with an extent of 1024 the tiles of a large image read 1.7 times its pixels, with one of
    704 2.4 times. Of a small extent the halo is `HALO_SHARE` at most: a core is to be left.

    Parameters
    ----------
    extent : (int, int)
        Largest height and width that the network may read at once, pixels.
    stride : int
        Of the network, in pixels of the image.
    """
    halo = min(HALO_STRIDES * stride, int(min(extent) * HALO_SHARE))
    # Whole strides, where there is one.
    return max(halo - halo % stride if halo >= stride else halo, 1)


def tile_layout(
    shape: Shape, extent: Shape, halo: int | None = None, *, stride: int = 1
) -> tuple[Tile, ...]:
    """Tiles of about the same size that cover an image, row by row.

    An axis along which the image fits into the extent is not cut. Along the other, cores of
    nearly equal size are read with ``halo`` more pixels on every side that isn't the
    image's; the first and last are larger by as much, so that all read the same.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image, pixels.
    extent : (int, int)
        Largest height and width that the network may read at once, pixels.
    halo : int, optional
        Width of the halo, pixels, at least 1; `default_halo` by default.
    stride : int, default 1
        Tiles begin at multiples of this many pixels. With the network's own stride its
        pooling windows are the same in all tiles, and so are its predictions in the cores.

    Returns
    -------
    tuple of Tile
        One tile where the image fits into the extent.

    Raises
    ------
    ValueError
        If a size is not positive, or the halos leave no room for a core.
    """
    halo = default_halo(extent, stride) if halo is None else halo
    if min(*shape, *extent, halo, stride) < 1:
        raise ValueError(
            "shape, extent, halo and stride must be positive, "
            f"got {shape}, {extent}, {halo} and {stride}"
        )
    rows, columns = (
        _spans(length, limit, halo, stride) for length, limit in zip(shape, extent, strict=True)
    )
    return tuple(
        Tile(
            outer=(row[0], column[0], row[1], column[1]),
            core=(row[2], column[2], row[3], column[3]),
        )
        for row in rows
        for column in columns
    )


def _spans(length: int, limit: int, halo: int, stride: int) -> list[tuple[int, int, int, int]]:
    """Start and stop of what each tile reads, then of its core, along one axis."""
    if length <= limit:
        return [(0, length, 0, length)]
    most_steps = (limit - 2 * halo) // stride
    if most_steps < 1:
        raise ValueError(
            f"an extent of {limit} pixels with a halo of {halo} on both sides leaves no core of "
            f"at least {stride} pixels"
        )
    n_steps = -(-(length - 2 * halo) // stride)
    n_tiles = -(-n_steps // most_steps)
    starts = [tile * n_steps // n_tiles * stride for tile in range(n_tiles)]
    reads = [(start, end + 2 * halo) for start, end in pairwise(starts)]
    reads.append((starts[-1], length))
    edges = [0, *(start + halo for start in starts[1:]), length]
    return [(*read, *core) for read, core in zip(reads, pairwise(edges), strict=True)]
