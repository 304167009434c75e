"""Thumbnails of small images, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.curation.thumbnails import (
    FRAME,
    LONGEST,
    SHORTEST,
    WHITE,
    Backdrop,
    field_of_view,
)
from napari_probinst.core.instances import Instance

BLUE, ORANGE = (0, 0, 255), (255, 128, 0)
#: A place that is outside what is shown.
NOWHERE = (90, 90, 94, 94)


@pytest.fixture
def plain():
    """Backdrop of 7 x 9 pixels without an image, one pixel a pixel."""
    return Backdrop.create(None, (10, 20, 17, 29), 9)


def where(picture, colour):
    """Picture of the pixels that have a colour, rows separated by spaces."""
    found = (picture == np.array(colour)).all(axis=2)
    return " ".join("".join("#" if pixel else "." for pixel in row) for row in found)


def test_outline_is_drawn_where_the_instance_is(plain, picture):
    mask = picture("##### ##### ##### .###.")
    drawn = plain.draw([Instance.from_mask(mask, (12, 22))], [BLUE], NOWHERE)
    assert where(drawn, BLUE) == " ".join(
        [
            ".........",
            ".........",
            "..#####..",
            "..#...#..",
            "..##.##..",
            "...###...",
            ".........",
        ]
    )
    inside, outside = drawn[3, 4], drawn[0, 0]
    assert inside[2] > outside[2]
    assert inside[0] < outside[0]


def test_overlap_is_white_and_both_outlines_are_seen(plain):
    bar = Instance.from_mask(np.ones((5, 9), bool), (11, 20))
    post = Instance.from_mask(np.ones((7, 5), bool), (10, 22))
    drawn = plain.draw([bar, post], [BLUE, ORANGE], NOWHERE)
    assert drawn[3, 4].min() > drawn[3, 1].max()
    assert where(drawn, ORANGE)[:9] == "..#...#.."
    assert tuple(drawn[1, 4]) == BLUE


def test_what_leaves_the_picture_has_no_outline_at_its_edge(plain):
    everything = Instance.from_mask(np.ones((40, 40), bool))
    assert "#" not in where(plain.draw([everything], [BLUE], NOWHERE), BLUE)


def test_instances_elsewhere_and_nothing_at_all(plain):
    far = Instance.from_mask(np.ones((3, 3), bool), (80, 80))
    empty = Instance.from_mask(np.zeros((3, 3), bool), (12, 22))
    assert np.array_equal(plain.draw([far, empty], [BLUE, BLUE], NOWHERE), plain.picture)
    assert np.array_equal(plain.draw([], [], NOWHERE), plain.picture)


def test_place_is_framed_at_a_distance():
    backdrop = Backdrop.create(None, (0, 0, 9, 12), 12)
    assert where(backdrop.draw([], [], (4, 5, 5, 6)), FRAME) == " ".join(
        [
            "............",
            "..#######...",
            "..#.....#...",
            "..#.....#...",
            "..#.....#...",
            "..#.....#...",
            "..#.....#...",
            "..#######...",
            "............",
        ]
    )


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_image_is_read_only_in_view_and_enlarged(scale):
    image = np.full((30, 30), np.nan)
    image[4:8, 6:12] = np.arange(24).reshape(4, 6)
    backdrop = Backdrop.create(image, (4, 6, 8, 12), 6 * scale)
    assert backdrop.picture.shape == (4 * scale, 6 * scale, 3)
    grey = backdrop.picture[..., 0].astype(int)
    assert (np.diff(grey[::scale, ::scale].ravel()) >= 0).all()
    assert grey[0, 0] < 30
    assert grey[-1, -1] > 150
    assert np.array_equal(grey[::scale].repeat(scale, 0), grey)
    assert np.array_equal(backdrop.picture[..., 0], backdrop.picture[..., 2])


@pytest.mark.parametrize("value", [0, 7, np.nan, np.inf])
def test_image_of_one_value(value):
    picture = Backdrop.create(np.full((8, 8), value), (0, 0, 8, 8), 8).picture
    assert len(np.unique(picture)) == 1


def test_large_part_is_made_smaller_and_instances_with_it():
    image = np.zeros((300, 400), dtype=np.uint16)
    backdrop = Backdrop.create(image, (0, 0, 300, 400), 40)
    half = Instance.from_mask(np.ones((300, 200), bool))
    drawn = backdrop.draw([half], [BLUE], NOWHERE)
    assert drawn.shape == (30, 40, 3)
    assert where(drawn, BLUE) == " ".join(["." * 19 + "#" + "." * 20] * 30)


def test_neighbours_are_faint():
    beside = Instance.from_mask(np.ones((3, 3), bool), (2, 2))
    picture = Backdrop.create(None, (0, 0, 8, 8), 8, [beside]).picture
    ground, outline, middle = (int(picture[y, x, 0]) for y, x in ((0, 0), (2, 2), (3, 3)))
    assert ground == middle < outline < WHITE[0]


def test_refusals():
    with pytest.raises(ValueError, match="empty"):
        Backdrop.create(None, (5, 5, 5, 9), 10)
    with pytest.raises(ValueError, match="plane"):
        Backdrop.create(np.zeros((8, 8, 3)), (0, 0, 8, 8), 10)


@pytest.mark.parametrize(
    ("boxes", "place", "expected"),
    [
        # A margin of 8 around an instance of 60 pixels.
        ([(100, 100, 160, 110)], (120, 104, 124, 108), (92, 67, 168, 143)),
        # Nothing but the place: the shortest side around it.
        ([], (100, 100, 104, 104), (82, 82, 122, 122)),
        # At a corner of the image it is moved inside.
        ([], (0, 396, 4, 400), (0, 360, 40, 400)),
    ],
)
def test_field_of_view(boxes, place, expected):
    assert field_of_view(boxes, place, (300, 400)) == expected


@pytest.mark.parametrize("place", [(0, 500, 4, 504), (500, 2, 504, 6), (996, 996, 1000, 1000)])
def test_place_is_in_view_of_a_huge_instance(place):
    y0, x0, y1, x1 = field_of_view([(0, 0, 1000, 1000)], place, (1000, 1000))
    assert (y1 - y0, x1 - x0) == (LONGEST, LONGEST)
    assert y0 <= place[0] < place[2] <= y1
    assert x0 <= place[1] < place[3] <= x1


def test_image_smaller_than_any_field_is_shown_whole():
    assert field_of_view([], (4, 4, 8, 8), (12, SHORTEST)) == (0, 0, 12, SHORTEST)
