"""What is wrong with a setting that a user wrote, in a sentence."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

#: What is expected instead, by the beginning of pydantic's name of the error.
_EXPECTED = {
    "finite_number": "a finite number",
    "int_": "a whole number",
    "float_": "a number",
    "bool_": "true or false",
    "string_": "text",
    "tuple_": "a list, such as [a, b]",
    "model_": "settings of its own, such as {{name: value}}",
    "literal_error": "{expected}",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "too_short": "at least {min_length} of them",
    "path_": "a path",
}


def setting_error(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    """Name a setting, its value and what is expected.

    Parameters
    ----------
    error : mapping
        What pydantic found, one of its `ErrorDetails`.
    model : type of BaseModel
        What was to be made.

    Returns
    -------
    str
        Such as "network.filters is 0; expected at least 1", without a full stop.
    """
    place = error["loc"]
    name = ".".join(str(part) for part in place)
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{name} is no setting{_instead(place, model)}"
    if kind == "value_error":
        return f"{name}: {context['error']}" if name else str(context["error"])
    if kind == "missing":
        return f"{name} is left out, and is needed"
    if kind == "invalid_key":
        return f"{name} is no name of a setting"
    value = "empty" if error["input"] is None else repr(error["input"])
    for beginning, expected in _EXPECTED.items():
        if kind.startswith(beginning):
            return f"{name} is {value}; expected {expected.format(**context)}"
    return f"{name} is {value}: {error['msg']}"


def _instead(place: tuple[int | str, ...], model: type[BaseModel]) -> str:
    """Say which name was meant, or which there are."""
    *sections, wrong = place
    known: Any = model
    for section in sections:
        field = known.model_fields.get(section) if hasattr(known, "model_fields") else None
        known = None if field is None else field.annotation
    names = list(getattr(known, "model_fields", ()))
    if meant := get_close_matches(str(wrong), names, n=1):
        return f"; the nearest one is {meant[0]}"
    return f"; expected one of {', '.join(names)}" if names else ""
