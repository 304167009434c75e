"""Whole folders: going on, going on in spite of bad images, and the summary."""

from __future__ import annotations

import csv
import json
import os
import threading

import numpy as np
import pytest

from napari_probinst.core.batch import earlier, results
from napari_probinst.core.batch.job import Job
from napari_probinst.core.batch.predicting import predict_images
from napari_probinst.core.data.image_folders import recorded_image_folders
from napari_probinst.core.data.io import ImageSource, find_images
from napari_probinst.core.data.prediction_file import load_prediction
from napari_probinst.core.inference.image_ranking import rank_results
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.network.checkpoint import load_model


@pytest.fixture
def plate(tmp_path, write, pixels):
    """Folder with the images a, b and c."""
    folder = tmp_path / "plate"
    folder.mkdir()
    for seed, name in enumerate("abc"):
        write(folder / f"{name}.tif", pixels(seed))
    return folder


def skipped(done):
    """Names of the images that a run told to be finished before."""
    assert done.code in (0, 1), done
    lines = [line for line in done.out.splitlines() if line.startswith("[")]
    return "".join(line.split()[1][0] for line in lines if line.endswith(", finished before"))


def table(folder):
    with (folder / "images.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_finished_is_skipped_and_counts(tmp_path, predict, plate, contents):
    out = tmp_path / "out"
    assert skipped(predict(plate, out)) == ""
    first = contents(out)
    for name in ("predictions.json", "images.csv"):
        (out / name).unlink()
    times = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    done = predict(plate, out)
    assert skipped(done) == "abc"
    assert "0 predicted, 3 finished before, 0 refused" in done.out
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert contents(out)["predictions.json"] == first["predictions.json"]
    assert [row["seconds"] for row in table(out)] == ["", "", ""]
    assert skipped(predict(plate, out, "--overwrite")) == ""


def test_what_was_changed_is_predicted_again(  # noqa: PLR0917  (fixtures)
    tmp_path, predict, plate, write, pixels, make_model
):
    out = tmp_path / "out"
    predict(plate, out)
    write(plate / "b.tif", pixels(7))
    write(plate / "c.tif", pixels(2), resolution=(10_000, 10_000), resolutionunit=3)
    assert skipped(predict(plate, out)) == "a"
    assert skipped(predict(plate, out, "--min-size", 5)) == ""
    assert skipped(predict(plate, out, "--min-size", 5)) == "abc"
    other = make_model(description="The same weights, another file.")
    assert skipped(predict(plate, out, "--min-size", 5, model=other)) == ""


def test_a_prediction_that_is_gone_or_damaged_is_made_again(tmp_path, predict, plate, contents):
    out = tmp_path / "out"
    predict(plate, out)
    first = contents(out)
    (out / "b.prediction.npz").unlink()
    (out / "c.prediction.npz").write_bytes(first["c.prediction.npz"][:-30])
    assert skipped(predict(plate, out)) == "a"
    del first["images.csv"]
    assert first.items() <= contents(out).items()


@pytest.mark.parametrize("suffix", ["labels.tif", "peaks.csv"])
def test_a_file_that_is_gone_is_made_of_the_prediction(tmp_path, predict, plate, contents, suffix):
    out = tmp_path / "out"
    predict(plate, out, "--stacks")
    first = contents(out)
    (out / f"b.{suffix}").unlink()
    assert skipped(predict(plate, out)) == "abc"
    del first["images.csv"]
    # The stacks stay: they belong to the same prediction.
    assert first.items() <= contents(out).items()


def test_stacks_belong_to_the_prediction_beside_them(tmp_path, predict, plate, contents):
    out = tmp_path / "out"
    predict(plate, out)
    assert skipped(predict(plate, out, "--stacks")) == "abc"
    stacks = contents(out)["a.counts.tif"]
    assert skipped(predict(plate, out, "--stacks")) == "abc"
    predict(plate, out, "--seed", 3)
    assert "a.counts.tif" not in contents(out)
    assert skipped(predict(plate, out, "--seed", 3, "--stacks")) == "abc"
    assert contents(out)["a.counts.tif"] != stacks


def test_an_image_that_was_stopped_half_way_is_not_finished(
    tmp_path, predict, plate, contents, monkeypatch
):
    """Not even where files of an earlier prediction would make it look complete."""
    out = tmp_path / "out"
    predict(plate, out)
    first = contents(out)
    export = results.export_prediction

    def stop(prediction, *arguments, **options):
        if prediction.name == "b":
            raise KeyboardInterrupt
        return export(prediction, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(results, "export_prediction", stop)
        done = predict(plate, out, "--seed", 3)
    assert done.code == 130
    assert "1 of 3 images are done. Run the same command again to go on" in done.err
    assert load_prediction(out / "b.prediction.npz").settings.seed == 3
    assert skipped(predict(plate, out)) == "c"
    del first["images.csv"]
    assert first.items() <= contents(out).items()


def test_bad_images_are_listed_and_good_ones_done(tmp_path, predict, plate, write):
    out = tmp_path / "out"
    predict(plate, out)
    (plate / "b.tif").write_text("not an image")
    write(plate / "d.tif", np.full((2, 4, 5), np.inf, np.float32))
    write(plate / "e.tif", np.zeros((3, 4, 5), np.uint8))
    write(plate / "f_w1.tif", np.zeros((4, 5), np.uint8))
    write(plate / "g.tif", np.zeros((4, 5), np.uint8))
    (plate / "g.zarr").mkdir()
    (plate / "g.zarr" / "zarr.json").write_text("{}")
    done = predict(plate, out)
    assert done.code == 1
    assert skipped(done) == "ac"
    assert "0 predicted, 2 finished before, 5 refused" in done.out
    heading, *sentences = done.err.splitlines()[-6:]
    assert heading == "5 of 7 images were refused:"
    reasons = {
        "b.tif": "not a complete TIFF",
        "d.tif": "NaN or infinite",
        "e.tif": "3 channels",
        "f_w1.tif": "no partner for the required channel bright field",
        "g.tif": "would both be the image 'g'",
    }
    for sentence, (name, reason) in zip(sentences, reasons.items(), strict=True):
        assert name in sentence
        assert reason in sentence
    data = json.loads((out / "predictions.json").read_text())
    assert [image["file_name"] for image in data["images"]] == ["a.tif", "c.tif"]
    assert {row["image"] for row in table(out)} == {"a", "c"}


def test_an_image_without_memory_is_refused_and_others_done(tmp_path, predict, plate, monkeypatch):
    whole = Predictor.predict

    def fail(predictor, channels, *arguments, name, **options):
        if name == "b":
            raise MemoryError
        return whole(predictor, channels, *arguments, name=name, **options)

    monkeypatch.setattr(Predictor, "predict", fail)
    done = predict(plate, tmp_path / "out")
    assert done.code == 1
    assert "2 predicted, 0 finished before, 1 refused" in done.out
    assert "b.tif could not be predicted: memory ran out" in done.err.splitlines()[-1]


def test_the_table_of_images_is_that_of_the_results(tmp_path, predict, plate):
    out = tmp_path / "out"
    done = predict(plate, out)
    rows = table(out)
    ranked = rank_results(out)
    assert [row["image"] for row in rows] == [image.image for image in ranked]
    assert f"most uncertain first: {', '.join(row['image'] for row in rows)}\n" in done.out
    for row, image in zip(rows, ranked, strict=True):
        assert (int(row["instances"]), int(row["peaks"])) == (image.n_instances, image.n_peaks)
        assert float(row["entropy"]) == pytest.approx(image.entropy)
        assert float(row["mean_entropy"]) == pytest.approx(image.mean_entropy)
        assert float(row["seconds"]) >= 0
    assert len({row["entropy"] for row in rows}) == 3


def file_names(folder):
    data = json.loads((folder / "predictions.json").read_text())
    return [image["file_name"] for image in data["images"]]


def test_the_files_about_a_folder_are_of_all_its_finished_images(
    tmp_path, predict, plate, contents
):
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (plate / "b.tif").rename(elsewhere / "b.png.tif")
    out, whole = tmp_path / "out", tmp_path / "whole"
    assert "predictions.json: 1 images\n" in predict(plate / "c.tif", out).out
    done = predict(elsewhere / "b.png.tif", out)
    assert "predictions.json: 2 images, 1 of them of earlier runs\n" in done.out
    assert file_names(out) == ["b.png.tif", "c.tif"]
    predict(plate, out)
    (elsewhere / "b.png.tif").rename(plate / "b.png.tif")
    predict(plate, whole)
    # Whatever the order, the data set is that of one run.
    assert contents(out)["predictions.json"] == contents(whole)["predictions.json"]
    assert [row["image"] for row in table(out)] == [row["image"] for row in table(whole)]
    assert predict(plate / "a.tif", out).err == ""


def test_what_is_listed_of_earlier_images_is_not_made_again(
    tmp_path, predict, plate, contents, monkeypatch
):
    out = tmp_path / "out"
    predict(plate, out)
    first = contents(out)["predictions.json"]
    for path in out.glob("*.prediction.npz"):
        os.utime(path, (1, 1))
    loaded = []

    def load(name, folder):
        loaded.append(name)
        return results.found_prediction(name, folder)

    monkeypatch.setattr(earlier, "found_prediction", load)
    predict(plate / "a.tif", out)
    assert loaded == []
    # One that is newer than what is listed is another one.
    (out / "b.prediction.npz").touch()
    os.utime(out / "images.csv", (2, 2))
    predict(plate / "a.tif", out)
    assert loaded == ["b"]
    assert contents(out)["predictions.json"] == first
    assert {row["image"] for row in table(out)} == {"a", "b", "c"}
    # Nor is a list of other settings one of these.
    predict(plate / "c.tif", out, "--seed", 3)
    assert loaded == ["b"]
    assert file_names(out) == ["c.tif"]


def test_results_of_other_settings_are_told_and_left_out(tmp_path, predict, plate):
    out = tmp_path / "out"
    predict(plate, out)
    (out / "b.prediction.npz").write_bytes(b"damaged")
    done = predict(plate / "a.tif", out, "--seed", 3)
    assert done.err.splitlines()[0] == (
        f"Other results in {out} are not of this model and these settings, or damaged, and left "
        "out of predictions.json: b, c"
    )
    assert file_names(out) == ["a.tif"]
    assert [row["image"] for row in table(out)] == ["a"]


def test_an_image_does_not_replace_another_of_its_name(tmp_path, predict, plate, write, pixels):
    other, out = tmp_path / "other", tmp_path / "out"
    other.mkdir()
    write(other / "b.tif", pixels(9))
    predict(plate, out)
    before = (out / "b.prediction.npz").read_bytes()
    sentence = predict(other, out).refusal()
    assert sentence.startswith(f"{other / 'b.tif'} and {plate / 'b.tif'} have the same name")
    assert (out / "b.prediction.npz").read_bytes() == before
    assert recorded_image_folders(out) == (plate.resolve(),)
    # A copy is the same image, and so is one that has changed.
    write(other / "b.tif", pixels(1))
    assert skipped(predict(other, out)) == "b"
    write(plate / "b.tif", pixels(8))
    assert predict(plate, out).code == 2
    (other / "b.tif").unlink()
    assert predict(plate, out).code == 0


def test_one_image_is_read_ahead_and_no_more(tmp_path, plate, model, monkeypatch):
    loaded = load_model(model)
    (tmp_path / "out").mkdir()
    job = Job((model,), (loaded.checksum,), loaded.header.inference, tmp_path / "out")
    read: list[str] = []
    second_is_read = threading.Event()
    read_image, predict_image = ImageSource.open, Predictor.predict
    read_by_then = {}

    def read_and_tell(source, *arguments):
        read.append(source.name)
        if source.name == "b":
            second_is_read.set()
        return read_image(source, *arguments)

    def wait_and_predict(predictor, channels, *arguments, name, **options):
        assert second_is_read.wait(60), "nothing was read while this image was computed"
        read_by_then[name] = "".join(read)
        return predict_image(predictor, channels, *arguments, name=name, **options)

    monkeypatch.setattr(ImageSource, "open", read_and_tell)
    monkeypatch.setattr(Predictor, "predict", wait_and_predict)
    sources = find_images(plate, loaded.header.network.channels)
    outcomes = list(predict_images(job, sources))
    assert [(outcome.name, outcome.status) for outcome in outcomes] == [
        (name, "predicted") for name in "abc"
    ]
    assert read_by_then["a"] == "ab"


def test_the_results_tell_where_the_images_were(tmp_path, predict, plate):
    out = tmp_path / "deep" / "results"
    predict(plate, out)
    assert recorded_image_folders(out) == (plate.resolve(),)


@pytest.mark.parametrize(
    "name", ["predictions.json", "images.csv", "b.labels.tif", "c.peaks.csv", "b.counts.tif"]
)
def test_files_of_other_programs_are_replaced_only_if_asked_for(tmp_path, predict, plate, name):
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("[]", encoding="utf-8")
    sentence = predict(plate, out).refusal()
    assert sentence.startswith(f"{out / name} exists and is no earlier result of this command")
    assert [path.name for path in out.iterdir()] == [name]
    assert predict(plate, out, "--overwrite").code == 0
    assert (out / "a.labels.tif").is_file()


def test_what_was_agglomerated_is_replaced_only_if_asked_for(tmp_path, run, predict, plate):
    out, seen = tmp_path / "out", tmp_path / "seen"
    predict(plate / "a.tif", seen)
    labels = seen / "a.labels.tif"
    assert run("agglomerate", labels, labels, "--name", "b", "--output", out).code == 0
    assert "b.prediction.npz exists and is no" in predict(plate, out).refusal()
    assert predict(plate / "a.tif", out).code == 0
