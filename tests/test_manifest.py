"""The manifest is what napari reads: it must be valid, and everything it names must exist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from npe2 import PluginManifest
from npe2.manifest.utils import import_python_name

ROOT = Path(__file__).resolve().parents[1]
PACKAGED = ROOT / "src" / "napari_probinst" / "napari.yaml"
TOP_LEVEL = ROOT / "napari.yaml"
MANIFEST = PluginManifest.from_file(PACKAGED)
COMMANDS = MANIFEST.contributions.commands or []


def test_top_level_manifest_is_a_link_to_the_packaged_one():
    assert TOP_LEVEL.is_symlink()
    assert TOP_LEVEL.resolve() == PACKAGED


@pytest.mark.parametrize("target", ["napari-probinst", str(TOP_LEVEL), str(PACKAGED)])
def test_npe2_finds_the_manifest_valid(target):
    result = subprocess.run(
        [sys.executable, "-m", "npe2", "validate", target],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.id)
def test_every_command_can_be_imported_and_called(command):
    assert callable(import_python_name(command.python_name))


def test_all_docks_and_both_samples_are_contributed():
    widgets = {widget.display_name for widget in MANIFEST.contributions.widgets or []}
    samples = {sample.key for sample in MANIFEST.contributions.sample_data or []}
    assert widgets == {"Predict", "Proofread", "Train", "Evaluate"}
    assert samples == {"worms", "worms_truth"}


def test_every_menu_takes_contributions():
    # napari drops entries of any other menu without a word; its list of them is private.
    from napari._app_model.constants import MenuId

    menus = MANIFEST.contributions.menus or {}
    assert set(menus) == {"napari/layers/segment", "napari/layers/annotate"}
    assert set(menus) <= MenuId.contributables()
