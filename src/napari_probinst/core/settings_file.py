"""A configuration file, as it is written: sections of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from napari_probinst.core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def stated_settings(path: Path) -> dict[str, Any]:
    """Read what a configuration file states, unchecked.

    Raises
    ------
    ConfigError
        If the file isn't there, can't be read, is no YAML, or holds no sections.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"The configuration {path} doesn't exist; check the path, or leave it out."
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} is not a readable YAML file: {_reason(error)}.") from error
    if content is not None and not isinstance(content, dict):
        raise ConfigError(f"{path} must hold sections such as 'network:', not a single value.")
    return content or {}


def _reason(error: Exception) -> str:
    """Why a file can't be read, on one line; where in it, if that is known."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', '')}"
