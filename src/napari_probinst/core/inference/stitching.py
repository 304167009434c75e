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

from napari_probinst.core.box_index import BoxIndex
from napari_probinst.core.boxes import enclose, intersect, shifted, window
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.neighbourhood import EIGHT_NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox, Shape
    from napari_probinst.core.inference.tiling import Tile

#: Padding disturbs the network most at the border of what it reads: an instance that comes
#: this near to it, pixels, counts as cut off.
RIM = 4
#: Two masks of different tiles are one instance where they share more than this part of the
#: smaller one. Worms that cross share a tenth or two; two views of one worm far more.
SAME = 0.5
#: Part of an instance's pixels that must lie in cores of tiles that have seen it.
SUPPORT = 0.5


def stitch(parts: Iterable[tuple[Tile, InstanceSet]], shape: Shape) -> InstanceSet:
    """Instances of an image from those of its tiles, all of one draw.

    1. What a tile sees in its halo alone is left to the others.
    2. Of the instances that a tile sees whole, those with most pixels in the tile's core come
       first. One that shares more than half of the smaller mask with an earlier one of
       another tile is the same, and only confirms it. A fragment, cut off at the border of
       its tile, does so where more than half of it lies in the earlier one.
    3. Other fragments are joined, if two tiles agree on a piece that crosses from one core to
       the other (IoU above one half where both can see). In the core of a tile that takes
       part, that tile decides.
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
            instance = Instance(shifted(local.bbox, tile.origin), local.mask).tight()
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
    lookup = BoxIndex()
    fragments = []
    for sighting in sightings:
        explained = False
        for leader in (leaders[number] for number in lookup.meeting(sighting.instance.bbox)):
            if leader.tile is sighting.tile:
                continue
            common = leader.instance.intersection(sighting.instance)
            if common > SAME * min(sighting.area, leader.area):
                leader.cores.add(sighting.tile.core)
                explained |= sighting.whole or common > SAME * sighting.area
        if explained:
            continue
        if sighting.whole:
            lookup.add(sighting.instance.bbox)
            leaders.append(
                _Candidate(sighting.instance, sighting.area, sighting.tile, {sighting.tile.core})
            )
        else:
            fragments.append(sighting)
    return leaders, fragments


def _linked(fragments: Sequence[_Sighting]) -> list[list[_Sighting]]:
    """Fragments that belong together, also by way of others.

    The pieces that agree best are linked first, and each only once for each pair of tiles: a
    worm isn't linked to the one that crosses it at the seam.
    """
    lookup = BoxIndex()
    candidates = []
    for number, fragment in enumerate(fragments):
        for earlier in lookup.meeting(fragment.instance.bbox):
            other = fragments[earlier]
            candidates += [
                (-iou, (earlier, fragment.tile.core, one), (number, other.tile.core, two))
                for iou, one, two in _agreeing_pieces(other, fragment)
            ]
        lookup.add(fragment.instance.bbox)
    used: set[tuple[int, BBox, int]] = set()
    links = []
    for _, first, second in sorted(candidates):
        if used.isdisjoint((first, second)):
            used |= {first, second}
            links.append((first[0], second[0]))
    return _components(fragments, links)


def _components(
    fragments: Sequence[_Sighting], links: Sequence[tuple[int, int]]
) -> list[list[_Sighting]]:
    if not fragments:
        return []
    ends = np.array(links, dtype=np.int64).reshape(-1, 2).T
    size = len(fragments)
    graph = coo_matrix((np.ones(len(links), bool), tuple(ends)), shape=(size, size))
    n_groups, group_of = connected_components(graph, directed=False)
    groups: list[list[_Sighting]] = [[] for _ in range(n_groups)]
    for fragment, group in zip(fragments, group_of, strict=True):
        groups[group].append(fragment)
    return groups


def _agreeing_pieces(first: _Sighting, second: _Sighting) -> list[tuple[float, int, int]]:
    """IoU, above `SAME`, and numbers of the pieces that both see cross between their cores.

    Connected pieces are compared, in the region that both tiles see: the two arms of a bent
    worm may be one fragment for the tile that sees the bend and two for the other. A piece
    away from the seam proves nothing: where two worms cross at the region's border, a few
    pixels of both are all there is to compare.
    """
    if first.tile is second.tile or not first.instance.intersection(second.instance):
        return []
    # Each lies within its own tile: the other one's is all that limits it.
    one_box = intersect(first.instance.bbox, second.tile.outer)
    other_box = intersect(second.instance.bbox, first.tile.outer)
    box = intersect(first.instance.bbox, second.instance.bbox)
    if one_box is None or other_box is None or box is None:
        return []
    one, n_one = ndimage.label(first.instance.crop(one_box), EIGHT_NEIGHBOURS)
    other, n_other = ndimage.label(second.instance.crop(other_box), EIGHT_NEIGHBOURS)
    shape = (n_one + 1, n_other + 1)
    pairs = one[window(box, one_box)] * shape[1] + other[window(box, other_box)]

    def count(region: BBox) -> NDArray[np.int64]:
        """Pixels of each pair of pieces in ``region``; index 0 is no piece."""
        inside = intersect(region, box)
        pixels = pairs[window(inside, box)] if inside else pairs[:0]
        return np.bincount(pixels.ravel(), minlength=shape[0] * shape[1]).reshape(shape)

    common = count(box)
    union = np.bincount(one.ravel())[:, None] + np.bincount(other.ravel()) - common
    agreeing = common > SAME * union
    agreeing &= (count(first.tile.core) > 0) & (count(second.tile.core) > 0)
    agreeing[0] = agreeing[:, 0] = False
    return [(float(common[i, j] / union[i, j]), int(i), int(j)) for i, j in np.argwhere(agreeing)]


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
