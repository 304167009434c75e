"""Join the instances that the tiles of one draw have found to the instances of the image.

A tile is trusted in its core and sees more around it, so several tiles see an instance near
a seam. It is taken as a whole from the one tile that is trusted with most of it: no contour
is put together at a seam. Only what every tile sees cut off, being longer than two halos, is
joined from pieces.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from napari_probinst.core.instances import Instance, InstanceSet, enclose, intersect, window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.inference.tiling import Tile
    from napari_probinst.core.instances import BBox, Shape

#: Padding disturbs the network most at the border of what it reads: an instance that comes
#: this near to it, pixels, counts as cut off.
RIM = 4
#: Two masks of different tiles are one instance where they share more than this part of the
#: smaller one; worms that cross share a fifth at most.
SAME = 0.5
#: Part of an instance's pixels that must lie in cores of tiles that have seen it.
SUPPORT = 0.5
#: Side of the squares by which instances are looked up, pixels: about the size of one.
CELL = 128
EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


def stitch(parts: Iterable[tuple[Tile, InstanceSet]], shape: Shape) -> InstanceSet:
    """Instances of an image from those of its tiles, all of one draw.

    1. What a tile sees in its halo alone is left to the others.
    2. Of the instances that a tile sees whole, those with most pixels in the tile's core come
       first. One that shares more than half of the smaller mask with an earlier one of
       another tile is the same, and only confirms it. A fragment, cut off at the border of
       its tile, does so where more than half of it lies in the earlier one.
    3. Other fragments are joined, if pieces of two tiles agree where both can see (IoU above
       one half). In the core of a tile that takes part, that tile decides.
    4. An instance stays if at least half of its pixels lie in the cores of tiles that have
       seen it: what only a neighbour saw was not there for the tile that knows best.

    The result depends neither on the order of the parts nor on who computed them.

    Parameters
    ----------
    parts : iterable of (Tile, InstanceSet)
        The tiles of one layout, each with its instances in pixels of the tile: their shape
        is the tile's, and (0, 0) is its first pixel. A tile that is left out sees nothing.
    shape : (int, int)
        Height and width of the image, pixels.

    Returns
    -------
    InstanceSet
        In pixels of the image, in the order of the instances' first pixels, row by row.

    Raises
    ------
    ValueError
        If the shape of a set is not its tile's, or a tile comes twice.
    """
    found, fragments = _lead(_sightings(parts, shape))
    found += [_join(group) for group in _linked(fragments)]
    kept = [candidate.instance for candidate in found if candidate.is_supported()]
    return InstanceSet(shape, tuple(sorted(kept, key=_reading_order)))


@dataclass(frozen=True, slots=True, eq=False)
class _Sighting:
    """An instance as one tile sees it, in pixels of the image."""

    tile: Tile
    instance: Instance
    area: int
    trusted: int
    whole: bool


@dataclass(slots=True, eq=False)
class _Candidate:
    """An instance of the image, and the cores of the tiles that have seen it."""

    instance: Instance
    area: int
    tile: Tile | None = None
    cores: set[BBox] = field(default_factory=set)

    def is_supported(self) -> bool:
        supported = sum(_count_inside(self.instance, core) for core in self.cores)
        return supported >= SUPPORT * self.area


class _Lookup:
    """Find the boxes near a box in a time that doesn't grow with their number."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], list[int]] = {}

    def add(self, number: int, bbox: BBox) -> None:
        for cell in _cells(bbox):
            self._cells.setdefault(cell, []).append(number)

    def near(self, bbox: BBox) -> list[int]:
        """Numbers in ascending order of the boxes that have a cell in common with ``bbox``."""
        return sorted({number for cell in _cells(bbox) for number in self._cells.get(cell, ())})


def _cells(bbox: BBox) -> Iterator[tuple[int, int]]:
    y0, x0, y1, x1 = bbox
    for row in range(y0 // CELL, (y1 - 1) // CELL + 1):
        for column in range(x0 // CELL, (x1 - 1) // CELL + 1):
            yield row, column


def _sightings(parts: Iterable[tuple[Tile, InstanceSet]], shape: Shape) -> list[_Sighting]:
    """All instances with a pixel in their tile's core, the most trusted first."""
    sightings: list[_Sighting] = []
    seen: set[BBox] = set()
    for tile, instances in parts:
        if instances.shape != tile.shape:
            raise ValueError(f"instances of shape {instances.shape} in a tile of {tile.shape}")
        if tile.core in seen:
            raise ValueError(f"the tile with the core {tile.core} comes twice")
        seen.add(tile.core)
        for local in instances.instances:
            corner = (local.bbox[0] + tile.origin[0], local.bbox[1] + tile.origin[1])
            instance = Instance.from_mask(local.mask, corner)
            trusted = _count_inside(instance, tile.core)
            if trusted:
                whole = _is_whole(instance.bbox, tile.outer, shape)
                sightings.append(_Sighting(tile, instance, instance.area, trusted, whole))
    # Those of one tile keep their order, as the sort is stable.
    return sorted(sightings, key=lambda one: (not one.whole, -one.trusted, one.tile.core))


def _is_whole(bbox: BBox, outer: BBox, shape: Shape) -> bool:
    """Whether the box keeps away from all sides of ``outer`` that aren't the image's."""
    return all(
        (outer[axis] == 0 or bbox[axis] >= outer[axis] + RIM)
        and (outer[axis + 2] == shape[axis] or bbox[axis + 2] <= outer[axis + 2] - RIM)
        for axis in (0, 1)
    )


def _lead(sightings: Sequence[_Sighting]) -> tuple[list[_Candidate], list[_Sighting]]:
    """Instances that one tile sees whole, and the fragments that belong to none of them."""
    leaders: list[_Candidate] = []
    lookup = _Lookup()
    fragments = []
    for sighting in sightings:
        explained = False
        for leader in (leaders[number] for number in lookup.near(sighting.instance.bbox)):
            if leader.tile is sighting.tile:
                continue
            common = leader.instance.intersection(sighting.instance)
            if common > SAME * min(sighting.area, leader.area):
                leader.cores.add(sighting.tile.core)
                explained |= sighting.whole or common > SAME * sighting.area
        if explained:
            continue
        if sighting.whole:
            lookup.add(len(leaders), sighting.instance.bbox)
            leaders.append(
                _Candidate(sighting.instance, sighting.area, sighting.tile, {sighting.tile.core})
            )
        else:
            fragments.append(sighting)
    return leaders, fragments


def _linked(fragments: Sequence[_Sighting]) -> list[list[_Sighting]]:
    """Fragments that belong together, also by way of others."""
    lookup = _Lookup()
    links = [
        (number, earlier)
        for number, fragment in enumerate(fragments)
        for earlier in _earlier(lookup, number, fragment.instance.bbox)
        if _agree(fragments[earlier], fragment)
    ]
    ends = np.array(links, dtype=np.int64).reshape(-1, 2).T
    size = len(fragments)
    graph = coo_matrix((np.ones(len(links), bool), tuple(ends)), shape=(size, size))
    n_groups, group_of = connected_components(graph, directed=False) if size else (0, [])
    groups: list[list[_Sighting]] = [[] for _ in range(n_groups)]
    for fragment, group in zip(fragments, group_of, strict=True):
        groups[group].append(fragment)
    return groups


def _earlier(lookup: _Lookup, number: int, bbox: BBox) -> list[int]:
    near = lookup.near(bbox)
    lookup.add(number, bbox)
    return near


def _agree(first: _Sighting, second: _Sighting) -> bool:
    """Whether both see the same piece of an instance cross from one core to the other.

    Connected pieces are compared, in the region that both tiles see: the two arms of a bent
    worm may be one fragment for the tile that sees the bend and two for the other. A piece
    away from the seam proves nothing: where two worms cross at the region's border, a few
    pixels of both are all there is to compare.
    """
    seen = intersect(first.tile.outer, second.tile.outer)
    box = seen and intersect(seen, enclose([first.instance.bbox, second.instance.bbox]))
    if first.tile is second.tile or box is None:
        return False
    if not first.instance.intersection(second.instance):
        return False
    one, n_one = ndimage.label(first.instance.crop(box), EIGHT_NEIGHBOURS)
    other, n_other = ndimage.label(second.instance.crop(box), EIGHT_NEIGHBOURS)
    pairs = one * (n_other + 1) + other
    shape = (n_one + 1, n_other + 1)

    def count(region: BBox) -> NDArray[np.int64]:
        """Pixels of each pair of pieces in ``region``; index 0 is no piece."""
        inside = intersect(region, box)
        pixels = pairs[window(inside, box)] if inside else pairs[:0]
        return np.bincount(pixels.ravel(), minlength=shape[0] * shape[1]).reshape(shape)

    table = count(box)
    common = table[1:, 1:]
    union = table[1:].sum(axis=1)[:, None] + table[:, 1:].sum(axis=0) - common
    crossing = count(first.tile.core)[1:, 1:].astype(bool)
    crossing &= count(second.tile.core)[1:, 1:].astype(bool)
    return bool((crossing & (common > SAME * union)).any())


def _join(group: Sequence[_Sighting]) -> _Candidate:
    """One instance of fragments: each counts outside the cores of the others' tiles."""
    cores = {fragment.tile.core for fragment in group}
    bbox = enclose(fragment.instance.bbox for fragment in group)
    mask = np.zeros((bbox[2] - bbox[0], bbox[3] - bbox[1]), dtype=bool)
    for fragment in group:
        instance = fragment.instance
        part = instance.mask.copy()
        for core in cores - {fragment.tile.core}:
            foreign = intersect(core, instance.bbox)
            if foreign is not None:
                part[window(foreign, instance.bbox)] = False
        mask[window(instance.bbox, bbox)] |= part
    joined = Instance.from_mask(mask, bbox[:2])
    return _Candidate(joined, joined.area, cores=cores)


def _count_inside(instance: Instance, box: BBox) -> int:
    inside = intersect(instance.bbox, box)
    if inside is None:
        return 0
    return int(np.count_nonzero(instance.mask[window(inside, instance.bbox)]))


def _reading_order(instance: Instance) -> tuple[int, int, BBox]:
    first_row: NDArray[np.bool_] = instance.mask[0]
    return (instance.bbox[0], instance.bbox[1] + int(first_row.argmax()), instance.bbox)
