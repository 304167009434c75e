"""The core and the command line need no GUI, and nothing that a plain installation lacks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "napari_probinst"
HEADLESS_SOURCES = sorted(
    path.relative_to(PACKAGE)
    for path in PACKAGE.rglob("*.py")
    if "widgets" not in path.relative_to(PACKAGE).parts
)

IMPORT_EVERYTHING = """
import block_gui
import importlib, pkgutil, sys
import napari_probinst.core, napari_probinst.cli

names = [
    module.name
    for package in (napari_probinst.core, napari_probinst.cli)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
]
for name in names:
    importlib.import_module(name)
sys.stdout.write("\\n".join(names))
"""


def run_blocked(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "tools",
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_core_and_command_line_import_without_a_gui():
    result = run_blocked(IMPORT_EVERYTHING)
    assert result.returncode == 0, result.stderr
    imported = set(result.stdout.split())
    expected = {
        ".".join(("napari_probinst", *path.with_suffix("").parts))
        for path in HEADLESS_SOURCES
        if path.parts[0] in {"core", "cli"} and path.name not in {"__init__.py", "__main__.py"}
    }
    assert expected <= imported


def test_the_blocker_blocks():
    result = run_blocked("import block_gui, napari")
    assert result.returncode != 0
    assert "napari is blocked" in result.stderr


def test_only_declared_dependencies_are_imported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {normalised(requirement) for requirement in project["dependencies"]}
    distributions = packages_distributions()
    undeclared = {
        (str(path), module)
        for path in HEADLESS_SOURCES
        for module in imported_modules(PACKAGE / path)
        if module not in sys.stdlib_module_names | {"napari_probinst"}
        and declared.isdisjoint(map(normalised, distributions.get(module, [module])))
    }
    assert not undeclared


def imported_modules(path: Path) -> set[str]:
    """Top-level names of the absolute imports anywhere in a file."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            modules.add(node.module)
    return {module.partition(".")[0] for module in modules}


def normalised(requirement: str) -> str:
    """Name of a distribution without version, extras and spelling."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", name.group()).lower() if name else ""
