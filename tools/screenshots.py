"""Take the documentation's pictures of the docks from the running plugin, on synthetic images.

    python tools/screenshots.py docs/images

Needs a display; ``make screenshots`` starts one where there is none, and takes the pictures of the
Proofread dock from the demo.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
import tifffile
from PIL import Image
from qtpy.QtWidgets import QLineEdit

from napari_probinst.core.data.synthetic import write_dataset
from napari_probinst.models import default_model
from napari_probinst.sample_data import sample_image
from napari_probinst.widgets.demo import WINDOW_SIZE, settle, wait_until
from napari_probinst.widgets.finding import shown_predictions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_probinst.core.instances import InstanceSet

#: Long enough for curves that show something.
_TRAINING = """
loss: {n_examples: 1000}
training:
  {max_steps: 60, crop: 256, validate_every: 12, validation_images: 1, warmup_steps: 5,
   learning_rate: 1.0e-4, rate_learning_rate: 1.0e-5, ema_decay: 0}
"""
_N_IMAGES = 6


def main() -> None:
    """Take all pictures, or tell which one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    output = parser.parse_args().output
    with TemporaryDirectory() as folder:
        for name, dock in _docks(Path(folder)):
            picture = Image.fromarray(dock.viewer.screenshot(canvas_only=False, flash=False))
            # 256 colours: a quarter of the bytes, and the same to the eye.
            picture.convert("RGB").quantize(256).save(output / f"{name}.png", optimize=True)
            sys.stdout.write(f"{output / name}.png\n")
            dock.viewer.close()


class _Dock:
    """A dock of ours in a window with the sample."""

    def __init__(self, title: str, *, sample: bool = True) -> None:
        self.viewer = napari.Viewer(show=True)
        self.viewer.window.resize(*WINDOW_SIZE)
        if sample:
            self.viewer.open_sample("napari-probinst", "worms")
        self.widget = self.open(title)

    def open(self, title: str) -> Any:
        return self.viewer.window.add_plugin_dock_widget("napari-probinst", title)[1]


def _docks(folder: Path) -> Iterator[tuple[str, _Dock]]:
    yield "predict", _predicted()
    yield "evaluate", _evaluated(folder)
    yield "train", _trained(folder)


def _predicted() -> _Dock:
    dock = _Dock("Predict")
    dock.widget.run()
    wait_until(lambda: not dock.widget.running)
    settle()
    return dock


def _evaluated(folder: Path) -> _Dock:
    dock = _predicted()
    shown = next(shown_predictions(dock.viewer))
    truth = folder / "truth"
    _write_truth(truth / f"{shown.prediction.name}.tif", sample_image().truth)
    evaluate = dock.open("Evaluate")
    evaluate.choose_truth(truth)
    evaluate.run()
    wait_until(lambda: not evaluate.running)
    settle()
    return dock


def _write_truth(path: Path, truth: InstanceSet) -> None:
    """Write masks as a stack, one a plane."""
    path.parent.mkdir(parents=True)
    planes = np.array([one.full(truth.shape) for one in truth.instances], dtype=np.uint8)
    tifffile.imwrite(path, planes, photometric="minisblack", compression="zlib")


def _trained(folder: Path) -> _Dock:
    data, config = folder / "wells", folder / "short.yaml"
    data.mkdir()
    write_dataset(data, _N_IMAGES)
    config.write_text(_TRAINING, encoding="utf-8")
    dock = _Dock("Train", sample=False)
    form = dock.widget.form
    form.folders.add(data)
    form.choose_config(config)
    form.choose_start(default_model())
    dock.widget.findChild(QLineEdit, "output").setText(str(folder / "my-worms.safetensors"))
    dock.widget.run()
    wait_until(lambda: not dock.widget.running)
    settle()
    return dock


if __name__ == "__main__":
    main()
