from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
BBBC010 = ROOT.parent / "shared" / "bbbc010"

_settings_folder = pytest.StashKey[str]()


def pytest_addoption(parser, pluginmanager):
    # pyproject.toml names the Qt binding for pytest-qt; the headless run leaves that plugin out.
    if not pluginmanager.hasplugin("pytest-qt"):
        parser.addini("qt_api", "read by pytest-qt")


def pytest_configure(config):
    """Keep napari's settings and the graphics driver's cache out of the user's home."""
    config.addinivalue_line("markers", "opengl: looks at the pixels of the canvas")
    folder = tempfile.mkdtemp(prefix="napari-probinst-tests-")
    config.stash[_settings_folder] = folder
    os.environ["XDG_CONFIG_HOME"] = f"{folder}/config"
    os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
    os.environ["NAPARI_CONFIG"] = f"{folder}/settings.yaml"


def pytest_unconfigure(config):
    shutil.rmtree(config.stash[_settings_folder], ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if item.get_closest_marker("opengl") and _without_opengl():
        pytest.skip("Qt's offscreen platform has no OpenGL: run under Xvfb")


@pytest.fixture(scope="session")
def bbbc010() -> Path:
    """Folder with real wells in the archives' layout."""
    if not BBBC010.is_dir():
        pytest.skip("the real images of BBBC010 are not in ../shared/bbbc010")
    return BBBC010


@pytest.fixture(autouse=True)
def _seeded():
    """Untrained networks are the same ones whichever tests ran before."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _opengl_limits(request, monkeypatch):
    """Let viewers open without OpenGL: napari asks the driver for its limits and fails."""
    if not (_without_opengl() and "make_napari_viewer" in request.fixturenames):
        return
    # These names are private: a version of napari that has not got one does not ask there.
    for module in ("canvas", "layers.base", "layers.image", "layers.labels"):
        with suppress(ImportError):
            private = import_module(f"napari._vispy.{module}")
            monkeypatch.setattr(
                private, "get_max_texture_sizes", lambda: (16384, 2048), raising=False
            )
            monkeypatch.setattr(
                private, "get_gl_extensions", lambda: "GL_ARB_texture_float", raising=False
            )


def _without_opengl() -> bool:
    return os.environ.get("QT_QPA_PLATFORM") == "offscreen" and not os.environ.get("DISPLAY")
