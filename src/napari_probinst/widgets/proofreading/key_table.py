"""Which key does what in the Proofread dock, and the file that holds a user's own choice.

napari lists no keys of plugins in its preferences (npe2 reads ``keybindings`` of a manifest, and
napari passes them over: napari#7246), so the table is the dock's own.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from napari_probinst.core.data.atomic import atomic_file
from napari_probinst.core.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: Environment variable with the path of another file than the user's.
KEYS_VARIABLE = "NAPARI_PROBINST_KEYS"


@dataclass(frozen=True, slots=True)
class Action:
    """What a key can do.

    Parameters
    ----------
    title : str
        In words.
    key : str, default ""
        Its key unless the user chose another; empty for none.
    """

    title: str
    key: str = ""


#: Every action that can have a key. None of the letters is used by napari itself.
ACTIONS: dict[str, Action] = {
    "next": Action("Next place", "N"),
    "previous": Action("Previous place", "Shift+N"),
    "accept": Action("Accept the place", "K"),
    "skip": Action("Skip the place", "Q"),
    "flag": Action("Flag the place"),
    "jump": Action("Zoom to the place again", "J"),
    "isolate": Action("Isolate the selected instances", "W"),
    "uncertainty": Action("Show or hide the uncertainty", "U"),
    "merge": Action("Merge", "G"),
    "split": Action("Split along a line", "H"),
    "split_points": Action("Split by points", "Shift+H"),
    "split_parts": Action("Split into a number of parts"),
    "add": Action("Add an instance"),
    "repaint": Action("Repaint the instance"),
    "delete": Action("Delete the instances"),
    "fill": Action("Fill holes"),
    "grow": Action("Grow by a pixel"),
    "shrink": Action("Shrink by a pixel"),
    "overlap_one": Action("Give an overlap to one"),
    "overlap_both": Action("Give an overlap to both"),
    "undo": Action("Undo", "Ctrl+Z"),
    "redo": Action("Redo", "Ctrl+Shift+Z"),
}
#: Keys of a mode that is on: confirm and leave. They stay, so that there is always a way out.
MODE_KEYS: dict[str, str] = {"confirm": "Enter", "leave": "Escape"}

_MODIFIERS = ("Ctrl", "Alt", "Shift", "Meta")
_KEY = re.compile(r"[A-Z0-9]|F([1-9]|1[0-2])|Delete|Insert|Home|End|PageUp|PageDown")


def _defaults() -> dict[str, str]:
    return {name: action.key for name, action in ACTIONS.items()}


@dataclass(frozen=True, slots=True)
class KeyTable:
    """One key, or none, for every action.

    Parameters
    ----------
    keys : mapping of str to str
        Key of each of `ACTIONS`, as `normalised` gives it; empty for none.
    """

    keys: Mapping[str, str] = field(default_factory=_defaults)

    @classmethod
    def of(cls, chosen: Mapping[str, str]) -> KeyTable:
        """Table with the user's own choice; an action whose usual key is taken then has none.

        Raises
        ------
        ValueError
            If an action or a key doesn't exist, or two actions were given the same key.
        """
        keys = {action: normalised(key) for action, key in chosen.items()}
        if unknown := keys.keys() - ACTIONS.keys():
            raise ValueError(f"there is no action {min(unknown)!r}")
        given = [key for key in keys.values() if key]
        if double := {key for key in given if given.count(key) > 1}:
            raise ValueError(f"{min(double)} stands for two actions")
        free = {name: "" if key in given else key for name, key in _defaults().items()}
        return cls(free | keys)

    @property
    def chosen(self) -> dict[str, str]:
        """What differs from the usual keys."""
        usual = _defaults()
        return {action: key for action, key in self.keys.items() if key != usual[action]}

    def labelled(self, action: str, text: str) -> str:
        """Text of an action's button, with its key: "Merge [G]"."""
        key = self.keys.get(action)
        return f"{text} [{key}]" if key else text

    def problems(self, taken: Collection[str]) -> dict[str, str]:
        """Why keys of this table can't be used, a sentence for each such action.

        Parameters
        ----------
        taken : collection of str
            Keys of napari itself, as `normalised` gives them. The usual key of an action may be
            among them: undo takes the place of napari's on the layers of a prediction.
        """
        found: dict[str, str] = {}
        first: dict[str, str] = {}
        for action, key in self.keys.items():
            if not key:
                continue
            if key in MODE_KEYS.values():
                found[action] = f"{key} finishes or leaves a tool: choose another key."
            elif key in first:
                other = ACTIONS[first[key]].title
                found[action] = f"{key} is the key of “{other}” already: choose another one."
            elif key in taken and key != ACTIONS[action].key:
                found[action] = f"{key} is a key of napari itself: choose another one."
            first.setdefault(key, action)
        return found


def normalised(key: str) -> str:
    """Return a key with its modifiers in one order, e.g. "Ctrl+Shift+Z"; "" stays.

    Raises
    ------
    ValueError
        If it is no letter, digit, function key, or one of Delete, Insert, Home, End, PageUp and
        PageDown, with Ctrl, Alt, Shift or Meta.
    """
    *modifiers, last = key.strip().split("+")
    if not modifiers and not last:
        return ""
    last = last.upper() if len(last) == 1 else last
    if not set(modifiers) <= set(_MODIFIERS) or not _KEY.fullmatch(last):
        raise ValueError(f"{key} can't be used as a key")
    return "+".join([*(each for each in _MODIFIERS if each in modifiers), last])


def keys_file() -> Path:
    """File with the user's own keys."""
    chosen = os.environ.get(KEYS_VARIABLE)
    if chosen:
        return Path(chosen)
    return platformdirs.user_config_path("napari-probinst", appauthor=False) / "keys.json"


def load_keys(path: Path) -> KeyTable:
    """Read the user's keys; the usual ones if there is no file.

    Raises
    ------
    InputError
        If the file can't be read as a table of keys.
    """
    try:
        return KeyTable.of(_texts(json.loads(path.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return KeyTable()
    except (OSError, ValueError) as error:
        raise InputError(
            f"The keys in {path} can't be used ({error}): mend or delete the file. "
            "Until then the usual keys hold."
        ) from error


def _texts(content: Any) -> dict[str, str]:
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content.values()):
        raise ValueError("it is no table of actions and keys")
    return content


def save_keys(table: KeyTable, path: Path) -> None:
    """Write what differs from the usual keys.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The keys can't be saved: the folder {path.parent} can't be made ({error.strerror})."
        ) from error
    with atomic_file(path) as file:
        file.write(json.dumps(table.chosen, indent=2).encode() + b"\n")
