"""The table of keys and its file."""

from __future__ import annotations

import json
import re
from itertools import takewhile
from pathlib import Path

import pytest

from napari_probinst.core.errors import InputError, OutputError
from napari_probinst.widgets.proofreading.key_table import (
    ACTIONS,
    MODE_KEYS,
    KeyTable,
    load_keys,
    normalised,
    save_keys,
)

ROOT = Path(__file__).resolve().parents[3]


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


def keys_told(page):
    """Rows of the tables of keys in a page: their keys, and the other cells."""
    lines = iter((ROOT / page).read_text(encoding="utf-8").splitlines())
    for line in lines:
        if not line.startswith("| key |"):
            continue
        next(lines)
        for row in takewhile(lambda line: line.startswith("|"), lines):
            cells = [cell.strip() for cell in row.strip("|").split("|")]
            yield re.findall(r"`([^`]+)`", cells[0]), cells[1:]


def key_of(action):
    """Usual key of an action or of a mode, as the guides write it."""
    return {**KeyTable().keys, **MODE_KEYS}[action].replace("Escape", "Esc")


def test_the_guide_tells_each_key_beside_its_button():
    modes = {"finish": "confirm", "leave": "leave"}
    told = set()
    for keys, (buttons, _) in keys_told("docs/proofreading.md"):
        names = [modes.get(name, name) for name in buttons.lower().split(", ")]
        if all(name in {*ACTIONS, *MODE_KEYS} for name in names):
            assert keys == [key_of(name) for name in names if key_of(name)], buttons
        told |= set(keys)
    assert told == {key_of(action) for action in (*ACTIONS, *MODE_KEYS)} - {""}


def test_the_readme_tells_each_key_beside_what_it_does():
    rows = list(keys_told("README.md"))
    assert rows
    for keys, (does,) in rows:
        for key, words in zip(keys, does.split(":")[0].split(", "), strict=True):
            verb = words.split()[0].capitalize()
            of_verb = [name for name, action in ACTIONS.items() if action.title.startswith(verb)]
            assert key in [key_of(name) for name in of_verb or MODE_KEYS], words


def test_the_tour_tells_the_keys_of_its_tools():
    text = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
    told = re.findall(r"\*\*(\w+)\*\* `([^`]+)`", text)
    assert told
    assert [key for _, key in told] == [key_of(tool.lower()) for tool, _ in told]
