"""The demo, whole: a window, the bundled model, one correction, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import imageio.v3 as iio
import pytest

from napari_probinst.core.curation.corrected_file import load_corrected
from napari_probinst.core.data.prediction_file import load_prediction
from napari_probinst.core.inference.jitter import jitter_mass
from napari_probinst.core.instances import Peak
from napari_probinst.widgets.demo import places_text


@pytest.mark.opengl
def test_the_unattended_demo_leaves_a_picture_and_corrected_files(tmp_path):
    folder = tmp_path / "demo output"
    done = subprocess.run(
        [sys.executable, "-m", "napari_probinst.cli", "demo", "--unattended", "--output", folder],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
        env={**os.environ, "NAPARI_ASYNC": "0"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    scores = re.search(r"DSB against the known truth (\S+) before, (\S+) after", done.stdout)
    assert scores is not None, done.stdout
    assert float(scores[2]) > float(scores[1])
    assert len(re.findall(r": \d+\.\d s$", done.stdout, re.MULTILINE)) >= 5
    (path,) = folder.glob("*.prediction.npz")
    prediction = load_prediction(path)
    corrected = load_corrected(path.with_name(f"{prediction.name}.corrected.npz"))
    assert corrected.shape == prediction.shape == (520, 696)
    before, after = (iio.imread(folder / name) for name in ("window-before.png", "window.png"))
    assert before.shape == after.shape
    assert before.std() > 20
    assert (before != after).any()
    coco = json.loads((folder / f"{prediction.name}.corrected.json").read_text())
    assert len(coco["annotations"]) == len(corrected)
    assert all(each["curated"] and each["score"] == 1 for each in coco["annotations"])


def test_the_demo_counts_the_places_that_the_dock_lists():
    masses = {"merge": 9.0, "contour": jitter_mass(4) / 2}
    peaks = [Peak(0, 0, (0,), 0.5, mass, 1, kind, "") for kind, mass in masses.items()]
    assert places_text(peaks, 4).startswith("1 place to proofread, and 1 where only outlines")
