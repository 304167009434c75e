from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from napari_probinst import __version__, models
from napari_probinst.core.data.prediction_file import load_prediction
from napari_probinst.core.network.header import read_header

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
    monkeypatch.setattr("torch.get_num_threads", lambda: 1)
    done = run("info")
    assert done.code == 0
    for part in (f"napari-probinst {__version__}", "python 3", "torch ", "device ", "precision "):
        assert part in done.out
    assert ", 1 thread\n" in done.out
    assert "model tiny (" in done.out
    assert "bright field, fluorescence (optional)" in done.out


def test_info_of_a_model_is_one_screen(run, make_model, monkeypatch):
    names = [f"plate 7 well {number:03}" for number in range(400)]
    path = make_model(
        description="Worms [in] bright field.",
        binning=2,
        training={
            "program": "napari-probinst 0.1.0",
            "steps": 1200,
            "seconds": 5400,
            "training_images": names,
            "held_out_images": ["C04", "C05", names[0]],
            "validation_images": ["C04"],
        },
        tuning={
            "folds": [{"images": ["C04"]}, {"images": ["C05"]}],
            "cross_validated": {"dsb_image": 0.712},
            "all_images": {"dsb_image": 0.725},
        },
    )
    done = run("info", path)
    assert (done.code, done.err) == (0, "")
    words = " ".join(done.out.split())
    for part in (
        "Worms [in] bright field.",
        hashlib.sha256(path.read_bytes()).hexdigest(),
        "bright field, fluorescence (optional)",
        "3 levels",
        "binned by 2",
        "about 2.0 pixels wide",
        "min_size 4, probability_threshold 0.5",
        "1200 steps, 90 minutes",
        "trained on 400 images: plate 7 well 000, ",
        "… (--json lists all)",
        # The other one was trained on all the same.
        "held out 2 images: C04, C05",
        "DSB 0.712 cross-validated, 0.725 on the same images; 2 images: C04, C05",
        "napari-probinst 0.1.0",
    ):
        assert part in words
    assert len(done.out.splitlines()) <= 40
    monkeypatch.setattr(models, "bundled_models", lambda: {"tiny": path})
    assert run("info", "tiny").out == done.out
    header = json.loads(run("info", path, "--json").out)
    assert header == json.loads(read_header(path).model_dump_json())


def test_info_of_a_bare_model_says_what_is_not_stated(run, model, tmp_path):
    words = " ".join(run("info", model).out.split())
    assert "held out not stated calibration none tuning not stated" in words
    assert "can't be read" in run("info", tmp_path / "absent").refusal()
    assert "info MODEL --json" in run("info", "--json").refusal()


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
