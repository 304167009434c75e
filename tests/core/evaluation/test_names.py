from __future__ import annotations

import pytest

from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.names import alike, listed, matched_names, name_of, named_once

ARCHIVE = "1649_1109_0003_Amp5-1_B_20070424_C03_w2_DB6D4956-386A-4438-A5E8-2CE075E6FA54.tif"


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("a.tif", "a"),
        ("a.ome.tif", "a"),
        ("some/folder/a.b.png", "a.b"),
        ("C:\\images\\a.tif", "a"),
        ("C03", "C03"),
        (ARCHIVE, "C03"),
        (f"images/{ARCHIVE}", "C03"),
        ("plate 2_C03_w2.tif", "plate 2_C03_w2"),
    ],
)
def test_an_image_is_called_by_its_file_or_well(file_name, name):
    assert name_of(file_name) == name


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("A01", ["A01", "x_A01"], ["A01"]),  # the equal one comes first
        ("A01", ["A02", "well-A01.w2"], ["well-A01.w2"]),
        ("plate 2_A01", ["A01", "A02"], ["A01"]),
        ("plate 2_A01", ["plate 1_A01"], []),  # another plate
        ("A01", ["A01_w1", "A01_w2"], ["A01_w1", "A01_w2"]),
        ("A01", ["BA01", "A011", "A01x"], []),
        ("A99", ["x_A99"], []),  # no plate has 99 columns
        ("A01", ["A01_B02"], []),
        ("image", ["Image"], []),
    ],
)
def test_what_may_be_the_same_image(name, known, found):
    assert alike(name, known) == found


def test_every_name_finds_its_own():
    known = ["x_A01", "b", "x_A02"]
    assert list(matched_names(["A02", "b"], known, "src", "truth").items()) == [
        ("A02", "x_A02"),
        ("b", "b"),
    ]


@pytest.mark.parametrize(
    ("wanted", "known", "sentence"),
    [
        (
            ["a", "c", "d"],
            ["a", "b"],
            "^src holds no truth of c, d; it has a, b, so name .* or leave them out",
        ),
        (["A01"], ["A01_w1", "A01_w2"], "more than one truth that could be of A01"),
        (["A01", "x_A01"], ["A01"], "A01 and x_A01 both stand for A01"),
    ],
)
def test_what_does_not_fit_is_named(wanted, known, sentence):
    with pytest.raises(InputError, match=sentence):
        matched_names(wanted, known, "src", "truth")


def test_two_files_of_one_image_are_refused():
    assert named_once(["a.tif", "b.png"], "src") == {"a": "a.tif", "b": "b.png"}
    with pytest.raises(InputError, match=r"holds the image a twice, as a\.tif and as a\.png"):
        named_once(["a.tif", "a.png"], "src")
    with pytest.raises(InputError, match="holds the image C03 twice"):
        named_once([ARCHIVE, ARCHIVE.replace("w2", "w1")], "src")


def test_long_lists_are_shortened():
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(n) for n in range(20)]).endswith("7, … (20 in all)")
