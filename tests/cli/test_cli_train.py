from __future__ import annotations

import re
import resource
import shutil
import signal
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
import typer

from napari_probinst.cli import _training_progress
from napari_probinst.cli.main import train_main
from napari_probinst.cli.train import seconds
from napari_probinst.core.data.coloured import coloured_text
from napari_probinst.core.network.calibration import Calibration
from napari_probinst.core.network.checkpoint import load_model
from napari_probinst.core.network.header import read_header, with_header

SETTINGS = """
network: {filters: 4, levels: 2, embedding_dimensions: 4}
training: {max_steps: 3, crop: 16, warmup_steps: 1, validation_images: 0, workers: 0}
inference: {min_size: 4, n_seeds: 16, n_draws: 2}
"""


@pytest.fixture
def folder(tmp_path, pixels):
    """Three images of two channels with two instances each, and settings for a tiny network."""
    data = tmp_path / "data"
    for part in ("images", "instances"):
        (data / part).mkdir(parents=True)
    labels = np.zeros((24, 24), np.uint16)
    labels[2:8, 2:20], labels[12:20, 5:12] = 1, 2
    for seed, name in enumerate("abc"):
        image = pixels(seed, (2, 24, 24)) // 8 + 500 * (labels > 0)
        tifffile.imwrite(
            data / "images" / f"{name}.tif", image.astype(np.uint16), photometric="minisblack"
        )
        tifffile.imwrite(data / "instances" / f"{name}.tif", labels)
    (data / "settings.yaml").write_text(SETTINGS)
    return data


@pytest.fixture
def train(run, folder, tmp_path):
    """Return the function that trains on the folder."""

    def train(*options, output=tmp_path / "m.safetensors"):
        settings = ("--config", folder / "settings.yaml", "--device", "cpu")
        return run("--data", folder, "--output", output, *settings, *options, command=train_main)

    return train


def test_a_model_is_trained_and_predicts(tmp_path, folder, train, predict, run):
    done = train()
    assert done.code == 0, done
    assert "2 images to train on, 1 for validation" in done.out
    assert "m.safetensors written after 3 steps" in done.out
    header = read_header(tmp_path / "m.safetensors")
    assert header.network.filters == 4
    assert header.training["steps"] == 3
    assert (tmp_path / "m.run" / "last.ckpt").is_file()
    assert list((tmp_path / "m.run").rglob("metrics.csv"))
    predicted = predict(folder / "images", tmp_path / "out", model=tmp_path / "m.safetensors")
    assert predicted.code == 0, predicted


def test_colours_are_trained_on_and_predicted(tmp_path, folder, train, predict):
    for path in sorted((folder / "images").iterdir()):
        picture = np.zeros((24, 24, 3), np.uint8)
        picture[..., :2] = tifffile.imread(path).transpose(1, 2, 0) // 8
        path.with_suffix(".png").write_bytes(imagecodecs.png_encode(picture))
        path.unlink()
    assert coloured_text(3) in train().err
    channels = "[{name: red}, {name: green}, {name: blue}]"
    text = SETTINGS.replace("network: {", f"network: {{channels: {channels}, ")
    (folder / "settings.yaml").write_text(text)
    done = train("--overwrite")
    assert done.code == 0, done
    assert not done.err
    model = tmp_path / "m.safetensors"
    predicted = predict(folder / "images", tmp_path / "out", model=model)
    assert predicted.code == 0, predicted
    assert "RGB" not in predicted.err


def test_several_folders_train_together(tmp_path, folder, train):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    done = train("--data", other)
    assert done.code == 0, done
    assert "4 images to train on, 2 for validation" in done.out


@pytest.mark.filterwarnings("ignore:.*num_workers.*:UserWarning")
def test_ctrl_c_writes_the_model_and_resume_goes_on(tmp_path, train, monkeypatch):
    class Interrupting(_training_progress.TrainingProgress):
        def on_train_batch_end(self, trainer, pl_module, *arguments):
            super().on_train_batch_end(trainer, pl_module, *arguments)
            if trainer.global_step == 2:
                signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(_training_progress, "TrainingProgress", Interrupting)
        stopped = train("--max-steps", 5)
    assert stopped.code == 130, stopped
    assert "m.safetensors written after 2 steps" in stopped.out
    assert "--resume" in stopped.out
    assert load_model(tmp_path / "m.safetensors").header.training["steps"] == 2
    resumed = train("--max-steps", 3, "--resume")
    assert resumed.code == 0, resumed
    assert "written after 3 steps" in resumed.out
    assert not list(tmp_path.rglob("*.part"))


def test_a_second_ctrl_c_ends_at_once(tmp_path, train, monkeypatch):
    class Impatient(_training_progress.TrainingProgress):
        def on_train_batch_end(self, trainer, pl_module, *arguments):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(_training_progress, "TrainingProgress", Impatient)
    stopped = train()
    assert stopped.code == 130, stopped
    assert "Traceback" not in stopped.err
    assert not (tmp_path / "m.safetensors").exists()


def test_a_disk_that_fills_up_is_said(tmp_path, train, monkeypatch):
    """The system itself cuts the checkpoint short, at the size limit of this process."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limits[1]))
    try:
        done = train()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "can't be written" in done.refusal()
    assert not (tmp_path / "m.safetensors").exists()


@pytest.fixture
def earlier(tmp_path):
    """Return the function that leaves what a training would, and tells what is there."""

    def earlier(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"earlier {name}")
        paths = [path for path in tmp_path.rglob("*") if tmp_path / "data" not in path.parents]
        return {path: path.read_bytes() if path.is_file() else None for path in paths}

    return earlier


@pytest.mark.parametrize(
    ("names", "options", "sentence"),
    [
        (
            ("m.safetensors", "m.run/last.ckpt"),
            (),
            "m.safetensors exists: give --resume to go on with its training, --overwrite to begin "
            "anew, or another --output.",
        ),
        (
            ("m.run/last.ckpt",),
            (),
            "last.ckpt is the checkpoint of an unfinished training: give --resume to go on with "
            "its training, --overwrite to begin anew, or another --output.",
        ),
        (
            ("m.safetensors",),
            (),
            "m.safetensors exists: give --overwrite to begin anew, or another --output.",
        ),
        (
            ("m.safetensors",),
            ("--resume",),
            "m.safetensors exists, without a checkpoint to go on from: give --overwrite to begin "
            "anew, or another --output.",
        ),
        ((), ("--resume", "--overwrite"), "give one of them."),
    ],
)
def test_an_earlier_training_is_not_written_over_unasked(
    folder, train, earlier, *, names, options, sentence
):
    before = earlier(*names)
    # It is said before anything is read.
    (folder / "settings.yaml").write_text("7")
    assert train(*options).refusal().endswith(sentence)
    assert earlier() == before


@pytest.mark.parametrize("names", [("m.safetensors",), ("m.run/last.ckpt",)])
def test_overwrite_begins_anew(tmp_path, train, earlier, names):
    earlier(*names)
    done = train("--overwrite")
    assert done.code == 0, done
    assert "m.safetensors written after 3 steps" in done.out
    assert load_model(tmp_path / "m.safetensors").header.training["steps"] == 3


def test_what_was_begun_anew_is_never_the_training_before_when_it_goes_on(train, earlier, tmp_path):
    earlier("m.run/last.ckpt", "m.run/best.ckpt")
    last = tmp_path / "m.run" / "last.ckpt"
    seen = []

    def stop_at_once(*_, **__):
        seen.append(last.exists())
        raise OSError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lightning.pytorch.Trainer.fit", stop_at_once)
        train("--overwrite")
    assert seen == [False]


def test_nothing_to_resume_begins_anew_and_says_so(tmp_path, train):
    done = train("--resume")
    assert done.code == 0, done
    assert done.err.startswith(
        f"{tmp_path / 'm.safetensors'} has no checkpoint to go on from: its training begins anew."
    )
    assert "m.safetensors written after 3 steps" in done.out


@pytest.fixture
def begun(tmp_path, folder, train):
    """Model file of a training that was begun from another model, with two steps to go."""
    train(output=tmp_path / "first.safetensors")
    (folder / "list.txt").write_text("a\nb\n", encoding="utf-8")
    output = tmp_path / "m.safetensors"
    options = ("--train-wells", folder / "list.txt", "--from", tmp_path / "first.safetensors")
    assert train(*options, "--max-steps", 1, output=output).code == 0
    return output


def test_a_training_goes_on_by_its_name_alone(folder, run, begun):
    (folder / "settings.yaml").unlink()
    (begun.parent / "first.safetensors").unlink()
    resume = ("--output", begun, "--resume", "--device", "cpu")
    done = run(*resume, "--max-steps", 2, command=train_main)
    assert done.code == 0, done
    assert "2 images to train on, 0 for validation" in done.out
    assert "written after 2 steps" in done.out
    header = read_header(begun)
    assert header.network.filters == 4
    assert header.training["training_images"] == ["a", "b"]
    # What goes on can go on again.
    again = run(*resume, "--max-steps", 3, command=train_main)
    assert "written after 3 steps" in again.out


def test_what_contradicts_a_training_that_goes_on_is_refused(tmp_path, folder, run, begun, train):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    (other / "settings.yaml").write_text("network: {filters: 8}", encoding="utf-8")
    second = tmp_path / "second.safetensors"
    assert train(output=second).code == 0
    cases = {
        ("--from", second): (second, tmp_path / "first.safetensors"),
        ("--data", other): (other, folder),
        ("--config", other / "settings.yaml"): ("network.filters to 8", "with 4"),
        ("--validation-wells", folder / "list.txt"): (folder / "list.txt", "begun without it"),
    }
    for options, values in cases.items():
        done = run("--output", begun, "--resume", *options, command=train_main)
        sentence = done.refusal()
        for value in values:
            assert str(value) in sentence, sentence


def test_what_is_repeated_or_was_moved_is_no_contradiction(tmp_path, folder, run, begun):
    moved = folder.rename(tmp_path / "moved")
    options = ("--data", moved, "--config", moved / "settings.yaml", "--max-steps", 2)
    lists = ("--train-wells", moved / "list.txt", "--from", tmp_path / "first.safetensors")
    done = run("--output", begun, "--resume", *options, *lists, command=train_main)
    assert done.code == 0, done


def test_images_must_be_named_where_a_training_begins(tmp_path, run):
    for options in ((), ("--resume",)):
        done = run("--output", tmp_path / "m.safetensors", *options, command=train_main)
        assert done.refusal().endswith("name it with --data.")


def refusal(train, tmp_path, *options, **keywords):
    """Return the sentence of a refused training, which has left nothing behind."""
    sentence = train(*options, **keywords).refusal()
    assert not (tmp_path / "m.safetensors").exists()
    assert not (tmp_path / "m.run").exists()
    return sentence


def test_masks_of_another_shape_are_refused(tmp_path, folder, train):
    tifffile.imwrite(folder / "instances" / "b.tif", np.ones((24, 23), np.uint8))
    sentence = refusal(train, tmp_path)
    assert str(folder / "instances" / "b.tif") in sentence
    assert "24 x 23 pixels, but the image is 24 x 24; save them at" in sentence


def test_masks_of_another_shape_are_refused_for_wells_too(tmp_path, folder, train):
    wells = tmp_path / "wells"
    images, masks = wells / "BBBC010_v2_images", wells / "BBBC010_v1_foreground_eachworm"
    images.mkdir(parents=True)
    masks.mkdir()
    for channel in ("w1", "w2"):
        name = f"1649_1109_0003_Amp5-1_B_20070424_A01_{channel}_0A.tif"
        tifffile.imwrite(images / name, np.zeros((24, 24), np.uint16))
    assert "holds no masks of well A01" in refusal(train, tmp_path, "--data", wells)
    (masks / "A01_01_ground_truth.png").write_bytes(
        imagecodecs.png_encode(np.ones((24, 23), np.uint8))
    )
    sentence = refusal(train, tmp_path, "--data", wells)
    assert "masks of A01" in sentence
    assert "24 x 23 pixels, but its image is 24 x 24; save them at" in sentence


def test_masks_that_are_not_there_or_no_masks_are_refused(tmp_path, folder, train):
    path = folder / "instances" / "b.tif"
    path.unlink()
    assert str(path) in refusal(train, tmp_path)
    path.write_text("text")
    assert str(path) in refusal(train, tmp_path)
    tifffile.imwrite(path, np.full((24, 24), 0.5, np.float32))
    assert "fractions" in refusal(train, tmp_path)


def test_images_that_can_not_be_used_are_refused(tmp_path, folder, train):
    path = folder / "images" / "a.tif"
    tifffile.imwrite(path, np.full((24, 24), np.nan, np.float32))
    assert f"{path} has 576 pixels" in refusal(train, tmp_path)
    tifffile.imwrite(path, np.zeros((3, 24, 24), np.uint8), photometric="minisblack")
    assert f"{path} has" in refusal(train, tmp_path)


def test_masks_of_many_objects_in_one_value_are_told(folder, train):
    for path in (folder / "instances").iterdir():
        tifffile.imwrite(path, 255 * (tifffile.imread(path) > 0).astype(np.uint8))
    done = train()
    assert done.code == 0
    assert f"The labels of 3 images in {folder} (" in done.err
    assert len(done.err.splitlines()) == 1


def test_images_and_masks_in_each_others_place_are_refused(tmp_path, folder, train):
    (folder / "images").rename(folder / "other")
    (folder / "instances").rename(folder / "images")
    (folder / "other").rename(folder / "instances")
    for path in (folder / "instances").iterdir():
        tifffile.imwrite(path, (tifffile.imread(path)[0] // 64).astype(np.uint8))
    assert "values that lie scattered" in refusal(train, tmp_path)


def test_a_training_without_an_instance_is_refused(folder, train):
    for path in (folder / "instances").iterdir():
        tifffile.imwrite(path, np.zeros((24, 24), np.uint8))
    assert "no instance at all" in train().refusal()


def test_folders_of_another_layout_are_refused(tmp_path, train):
    for path in (tmp_path / "absent", tmp_path):
        assert f"{path} " in refusal(train, tmp_path, "--data", path)


def test_lists_of_wells_are_checked(tmp_path, train):
    (tmp_path / "all.txt").write_text("a\nb\n")
    (tmp_path / "unknown.txt").write_text("a\nZ99\n")
    sentence = refusal(train, tmp_path, "--train-wells", tmp_path / "unknown.txt")
    assert "unknown.txt names Z99" in sentence
    both = ("--train-wells", tmp_path / "all.txt", "--validation-wells", tmp_path / "all.txt")
    assert "a, b would serve both for training and" in refusal(train, tmp_path, *both)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("network: {filters: 0}", "network.filters is 0; expected at least 1"),
        ("network: {wings: 2}", "network.wings is no setting; expected one of channels, "),
        ("training: {crop: 17}", "training.crop is 17, but .* a multiple of 16"),
        ("network: [", "is not a readable YAML file"),
        ("7", "must hold sections"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, folder, train, text, reason):
    (folder / "settings.yaml").write_text(text)
    sentence = refusal(train, tmp_path)
    assert str(folder / "settings.yaml") in sentence
    assert re.search(reason, sentence), sentence


def test_outputs_that_can_not_be_written_are_refused_before_training(tmp_path, train):
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "file").write_text("x")
    for name, reason in (
        ("model.pt", "expected one that ends in .safetensors"),
        ("folder.safetensors", "is a folder; expected a file"),
        ("file/m.safetensors", "can't be written: part of the path is a file"),
    ):
        sentence = train(output=tmp_path / name).refusal()
        assert reason in sentence


def test_a_model_goes_on_with_its_own_settings(tmp_path, folder, run, train):
    assert train().code == 0
    first, onward = tmp_path / "m.safetensors", tmp_path / "onward.safetensors"
    begun = read_header(first)
    calibrated = begun.model_copy(update={"calibration": Calibration(offset=3, overlap=1)})
    first.write_bytes(with_header(first.read_bytes(), calibrated))
    options = ("--data", folder, "--from", first, "--max-steps", 1, "--device", "cpu")
    done = run(*options, "--output", onward, command=train_main)
    assert done.code == 0, done
    gone_on = read_header(onward)
    assert gone_on.network == begun.network
    assert gone_on.inference == begun.inference
    assert gone_on.training["config"]["training"]["crop"] == 16
    # The old weights were calibrated, the new ones only know how overlaps were weighed.
    assert gone_on.calibration == begun.calibration
    (folder / "settings.yaml").write_text("network: {filters: 8}")
    other = train("--from", first, output=tmp_path / "other.safetensors")
    assert "filters is 8, but 4 in m.safetensors" in other.refusal()


def test_starting_points_are_checked(tmp_path, train):
    torch.save({"weights": torch.zeros(2)}, tmp_path / "old.pt")
    assert "never opened" in refusal(train, tmp_path, "--from", tmp_path / "old.pt")
    (tmp_path / "m.run").mkdir()
    torch.save({"payload": Path("a")}, tmp_path / "m.run" / "last.ckpt")
    assert "last.ckpt is no checkpoint of napari-probinst-train" in train("--resume").refusal()
    assert not (tmp_path / "m.safetensors").exists()


@pytest.mark.parametrize(
    ("text", "expected"), [("90m", 5400), ("1h30m", 5400), ("45s", 45), ("2h", 7200), (" 1m ", 60)]
)
def test_durations(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "90", "m", "0m", "1m1h", "-5m", "1.5h", "forever"])
def test_durations_that_are_none_are_refused(text):
    with pytest.raises(typer.BadParameter):
        seconds(text)
