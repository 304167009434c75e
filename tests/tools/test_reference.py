"""The committed reference says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import reference
import typer.main

from napari_probinst.cli.main import app
from napari_probinst.core.config import Config

ROOT = Path(__file__).parents[2]


def pages():
    return reference.pages()


def test_the_committed_pages_are_what_the_code_says():
    for name, text in pages().items():
        committed = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
        assert committed == text, f"docs/reference/{name} is stale: run make docs"


def test_every_option_of_every_command_is_told():
    text = pages()["commands.md"]
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    group = typer.main.get_command(app)
    assert sorted(sections) == sorted(group.commands)
    for name, command in group.commands.items():
        for item in command.params:
            if item.param_type_name == "option":
                assert f"`{item.opts[0]}`" in sections[name], (name, item.name)


def test_every_setting_is_told():
    text = pages()["settings.md"]
    for section, field in Config.model_fields.items():
        assert f"\n## {section}\n" in text
        for name in field.annotation.model_fields:
            assert f"`{name}`" in text or f"{section}.{name}[]" in text
