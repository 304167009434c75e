"""The table of keys and its file."""

from __future__ import annotations

import json

import pytest

from napari_probinst.core.errors import InputError, OutputError
from napari_probinst.widgets.proofreading.key_table import (
    ACTIONS,
    KeyTable,
    load_keys,
    normalised,
    save_keys,
)


def test_keys_are_written_in_one_way():
    assert normalised("Shift+Ctrl+z") == "Ctrl+Shift+Z"
    assert [normalised(key) for key in ("n", "F12", "Alt+PageUp", "")] == [
        "N",
        "F12",
        "Alt+PageUp",
        "",
    ]
    for wrong in ("Ö", "F13", "Space", "+", "Ctrl+", "Hyper+N", "N, M"):
        with pytest.raises(ValueError, match="can't be used"):
            normalised(wrong)


def test_the_usual_keys_clash_with_nothing():
    table = KeyTable()
    assert table.problems(taken={"Ctrl+Z", "Ctrl+Shift+Z", "B", "M"}) == {}
    assert table.chosen == {}
    assert table.labelled("merge", "Merge") == "Merge [G]"
    assert table.labelled("flag", "Flag") == table.labelled("open", "Flag") == "Flag"


def test_clashes_are_sentences():
    table = KeyTable({**KeyTable().keys, "flag": "N", "add": "B", "fill": "Enter", "grow": "Y"})
    problems = table.problems(taken={"B"})
    assert problems.keys() == {"flag", "add", "fill"}
    assert "“Next place” already" in problems["flag"]
    assert "napari itself" in problems["add"]
    assert "finishes or leaves" in problems["fill"]


def test_only_what_differs_is_kept_and_comes_back(tmp_path):
    path = tmp_path / "new" / "keys.json"
    assert load_keys(path) == KeyTable()
    table = KeyTable.of({"next": "y", "flag": "Shift+F", "skip": ""})
    save_keys(table, path)
    assert json.loads(path.read_text()) == {"next": "Y", "flag": "Shift+F", "skip": ""}
    assert load_keys(path) == table
    assert [path.name for path in path.parent.iterdir()] == ["keys.json"]


def test_a_usual_key_gives_way_to_the_users_own():
    table = KeyTable.of({"flag": "N"})
    assert (table.keys["flag"], table.keys["next"]) == ("N", "")
    assert table.keys.keys() == ACTIONS.keys()
    assert table.problems(taken=()) == {}


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"next": 3}', '{"nxt": "Y"}', '{"next": "Ö"}', '{"next": "Y", "add": "y"}'],
)
def test_a_file_that_makes_no_sense_is_said(tmp_path, content):
    path = tmp_path / "keys.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"keys\.json can't be used .* usual keys hold"):
        load_keys(path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't be made"):
        save_keys(KeyTable(), tmp_path / "file" / "keys.json")
