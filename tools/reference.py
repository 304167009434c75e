"""Pages of the reference that come from the code: commands, settings, keys."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import typer.main
from pydantic import BaseModel

from napari_probinst.cli.main import app
from napari_probinst.core.config import Config
from napari_probinst.core.section import unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_GENERATED = "<!-- Written by tools/reference.py from the code. -->\n\n"


def pages() -> dict[str, str]:
    """Markdown of each generated page, by file name."""
    return {"commands.md": commands(), "settings.md": settings()}


def commands() -> str:
    """Every command of ``napari-probinst`` with its arguments and options."""
    parts = [_GENERATED, "# Commands\n\n"]
    group: Any = typer.main.get_command(app)
    for name in sorted(group.commands):
        command = group.commands[name]
        arguments = [item for item in command.params if item.param_type_name == "argument"]
        usage = " ".join([_shown(item) for item in arguments])
        parts += [
            f"## {name}\n\n",
            f"```\nnapari-probinst {name} [OPTIONS] {usage}".rstrip() + "\n```\n\n",
            inspect.cleandoc(command.help or "").replace("\b\n", "") + "\n\n",
            *_table(command.params),
        ]
    parts.append("`napari-probinst-train` is `napari-probinst train`.\n")
    return "".join(parts)


def settings() -> str:
    """Every setting of a configuration file with its default, bounds and meaning."""
    parts = [
        _GENERATED,
        "# Settings\n\n"
        "The sections of a configuration file (`napari-probinst train --config FILE`).\n"
        "What a file leaves out has the default below; an unknown name is refused.\n",
    ]
    for title, model in _sections(Config):
        parts += [
            f"\n## {title}\n\n{inspect.cleandoc(model.__doc__ or '').splitlines()[0]}\n\n",
            "| setting | default | meaning |\n|---|---|---|\n",
        ]
        for name, field in model.model_fields.items():
            if _model_of(field.annotation) is not None:
                continue
            bounds = ", ".join(filter(None, (unit_of(field), _bounds(field.metadata))))
            meaning = (field.description or "") + (f" ({bounds})" if bounds else "")
            default = "required" if field.is_required() else _value(field.default)
            parts.append(f"| `{name}` | {default} | {_escaped(meaning)} |\n")
    return "".join(parts)


def _shown(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()).removesuffix("...")
    many = " ..." if argument.nargs == -1 else ""
    return f"{name}{many}" if argument.required else f"[{name}{many}]"


def _table(items: list[Any]) -> list[str]:
    rows = [_command_row(item) for item in items if item.name != "help"]
    return ["| | |\n|---|---|\n", *rows, "\n"] if rows else []


def _command_row(item: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*item.opts, *item.secondary_opts])
    if item.param_type_name == "argument":
        names = _escaped(f"`{_shown(item)}`")
    help_text = " ".join((getattr(item, "help", None) or "").split())
    default = item.default
    told = default not in (None, False, ()) and not callable(default)
    suffix = f" Default: {_value(default)}." if told and "default" not in help_text else ""
    return f"| {names} | {_escaped(help_text)}{suffix} |\n"


def _sections(config: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in config.model_fields.items():
        model = _model_of(field.annotation)
        if model is None:
            continue
        yield name, model
        for inner, inner_field in model.model_fields.items():
            part = _model_of(inner_field.annotation)
            if part is not None:
                yield f"{name}.{inner}[]", part


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """Section that a field holds, or holds a tuple of."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        if inspect.isclass(part) and issubclass(part, BaseModel):
            return part
    return None


def _bounds(metadata: list[Any]) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    return ", ".join(
        f"{sign} {getattr(bound, name):g}"
        for bound in metadata
        for name, sign in signs.items()
        if hasattr(bound, name)
    )


def _value(value: Any) -> str:
    if isinstance(value, str):
        return f"`{value}`"
    return f"`{json.dumps(value, default=str)}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
