from __future__ import annotations

from pathlib import Path

import pytest

from napari_probinst.core.data.bbbc010 import VALIDATION_LIST, read_list
from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.folds import alternate_folds, read_folds

EXAMPLE = Path(__file__).resolve().parents[3] / "configs" / "folds.yaml"


def test_every_other_name_whatever_their_order():
    assert alternate_folds(["B01", "A02", "A01"]) == (("A01", "B01"), ("A02",))
    assert alternate_folds(["a", "b"]) == (("a",), ("b",))


def test_one_image_cannot_be_cross_validated():
    with pytest.raises(InputError, match=r"Only a is .* list more\."):
        alternate_folds(["a"])


@pytest.mark.parametrize("text", ["- [a, c]\n- [b]\n", "[[a, c], [b]]", "-\n  - a\n  - c\n- [b]"])
def test_two_lists(tmp_path, text):
    path = tmp_path / "folds.yaml"
    path.write_text(text)
    assert read_folds(path, ["a", "b", "c"]) == (("a", "c"), ("b",))


def test_names_that_look_like_numbers(tmp_path):
    path = tmp_path / "folds.yaml"
    path.write_text("[[1], [2]]")
    assert read_folds(path, ["1", "2"]) == (("1",), ("2",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[a, c], [b], [d]]", "holds no folds"),
        ("[[a, b, c], []]", "holds no folds"),
        ("first: [a, c]\nsecond: [b]", "holds no folds"),
        ("a b c", "holds no folds"),
        ("", "holds no folds"),
        ("[[a", "not a readable YAML"),
        ("[[a, c], [a, b]]", "lists more than once a;"),
        ("[[a], [b]]", "leaves out c;"),
        ("[[a, c], [b, x]]", "not to be tuned on, x;"),
    ],
)
def test_anything_else_is_refused(tmp_path, text, message):
    path = tmp_path / "folds.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_folds(path, ["a", "b", "c"])
    assert str(path) in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a readable YAML"):
        read_folds(tmp_path / "none.yaml", ["a", "b"])


def test_the_example_holds_the_validation_wells(bbbc010):
    wells = read_list(bbbc010 / VALIDATION_LIST)
    assert read_folds(EXAMPLE, wells) == alternate_folds(wells)
