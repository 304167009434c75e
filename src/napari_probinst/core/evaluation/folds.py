"""Two halves of a set of images: what is chosen on one is scored on the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.names import listed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Folds = tuple[tuple[str, ...], tuple[str, ...]]

_EXPECTED = "expected two lists of names, '- [C03, C06]' in one line and '- [C07]' in another"


def alternate_folds(names: Sequence[str]) -> Folds:
    """Every other name in alphabetical order, so that neighbours are apart.

    Raises
    ------
    InputError
        If there are fewer than two names.
    """
    if len(names) < 2:
        raise InputError(
            f"Only {listed(names)} is to be tuned on, and cross-validation needs two images at "
            "least; list more."
        )
    in_order = sorted(names)
    return tuple(in_order[::2]), tuple(in_order[1::2])


def read_folds(path: Path, names: Sequence[str]) -> Folds:
    """Read two lists of names from a YAML file.

    Parameters
    ----------
    path : Path
        A list of two lists.
    names : sequence of str
        What they have to hold, each once.

    Raises
    ------
    InputError
        If the file can't be read or holds something else, or a name is missing, unknown, or
        listed twice.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} is not a readable YAML file; {_EXPECTED}.") from error
    if not (_is_list(content) and len(content) == 2 and all(map(_is_list, content))):
        raise InputError(f"{path} holds no folds; {_EXPECTED}.")
    first, second = (tuple(str(name) for name in fold) for fold in content)
    both = [*first, *second]
    for problem, wrong in (
        ("lists more than once", {name for name in both if both.count(name) > 1}),
        ("names, though they are not to be tuned on,", set(both) - set(names)),
        ("leaves out", set(names) - set(both)),
    ):
        if wrong:
            raise InputError(
                f"{path} {problem} {listed(sorted(wrong))}; list each image that is tuned on in "
                "one of the two folds."
            )
    return first, second


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)
