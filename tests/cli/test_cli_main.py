from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from napari_probinst import __version__, models
from napari_probinst.core.data.prediction_file import load_prediction

COMMAND = "from napari_probinst.cli.main import main; main()"

LIGHT = """
import sys
from napari_probinst.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as error:
    sys.stderr.write(f"{error.code} ")
heavy = {"torch", "numpy", "scipy", "lightning", "tifffile", "napari", "qtpy"}
sys.stderr.write(" ".join(sorted(heavy & set(sys.modules))))
"""


def python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [(["--help"], "predict"), (["predict", "-h"], "--stacks"), (["--version"], __version__)],
)
def test_help_and_version_wait_for_no_heavy_import(arguments, shown):
    done = python(LIGHT, *arguments)
    assert shown in done.stdout
    assert done.stderr == "0 "


def test_each_command_explains_all_its_options(run):
    for command in ("train", "predict", "info", "demo"):
        done = run(command, "--help")
        assert done.code == 0
        assert "Usage: napari-probinst" in done.out


def test_both_commands_are_installed():
    scripts = entry_points(group="console_scripts")
    assert scripts["napari-probinst"].load().__name__ == "main"
    assert scripts["napari-probinst-train"].load().__name__ == "train_main"


def test_info_tells_what_a_bug_report_needs(run, model, monkeypatch):
    monkeypatch.setattr(models, "bundled_models", lambda: {"tiny": model})
    done = run("info")
    assert done.code == 0
    for part in (f"napari-probinst {__version__}", "python 3", "torch ", "device ", "precision "):
        assert part in done.out
    assert "model tiny (" in done.out
    assert "bright field, fluorescence (optional)" in done.out


def test_info_and_predict_without_a_bundled_model(tmp_path, run, write, pixels, monkeypatch):
    monkeypatch.setattr(models, "bundled_models", dict)
    done = run("info")
    assert done.code == 0
    assert "no bundled model" in done.out
    image = write(tmp_path / "a.tif", pixels())
    sentence = run("predict", image, "--output", tmp_path / "out").refusal()
    assert "no bundled model; name a model file" in sentence


def test_a_refusal_in_a_process_of_its_own(tmp_path, model):
    (tmp_path / "a.tif").write_text("text")
    done = python(
        COMMAND, "predict", tmp_path / "a.tif", "--output", tmp_path / "out", "--model", model
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path / 'a.tif'} is not a complete TIFF file")


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
def test_ctrl_c_leaves_whole_files_only(tmp_path, model, write, pixels):
    for index in range(40):
        write(tmp_path / f"{index:02}.tif", pixels(index))
    command = (sys.executable, "-c", COMMAND, "predict", tmp_path, "--output", tmp_path / "out")
    with subprocess.Popen(
        [*command, "--model", model, "--draws", "8"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=100)
    assert first.startswith("[1/40] 00: "), errors
    assert process.returncode == 130
    assert "Traceback" not in errors
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert "00.peaks.csv" in left
    assert "39.labels.tif" not in left
    assert not [name for name in left if name.startswith(".") or name.endswith(".part")]
    for path in (tmp_path / "out").glob("*.prediction.npz"):
        assert load_prediction(path).instances.n_draws == 8
