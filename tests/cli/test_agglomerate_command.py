from __future__ import annotations

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.data.coco import CocoImage, write_coco
from napari_probinst.core.data.coco_reader import read_coco
from napari_probinst.core.data.prediction_file import load_prediction, save_prediction
from napari_probinst.core.instances import Instance
from napari_probinst.core.prediction import Provenance

SHAPE = (24, 40)
FILES = ("entropy.tif", "labels.tif", "peaks.csv", "prediction.npz", "probability.tif")
#: One worm, or two that touch; and one that all see.
WHOLE, LEFT, RIGHT = (4, 2, 8, 34), (4, 2, 8, 18), (4, 18, 8, 34)
OTHER = (14, 5, 20, 30)


def mask(box, shape=SHAPE):
    page = np.zeros(shape, bool)
    page[box[0] : box[2], box[1] : box[3]] = True
    return page


def labels(*boxes, shape=SHAPE):
    page = np.zeros(shape, np.uint16)
    for value, box in enumerate(boxes, start=1):
        page[mask(box, shape)] = value
    return page


@pytest.fixture
def draws(tmp_path, write):
    """Label images of one image by four programs, three of which see one worm in two."""
    seen = [(LEFT, RIGHT, OTHER), (WHOLE, OTHER), (RIGHT, OTHER, LEFT), (LEFT, OTHER, RIGHT)]
    return [write(tmp_path / f"p{i}.tif", labels(*boxes)) for i, boxes in enumerate(seen)]


@pytest.fixture
def agglomerate(run, tmp_path):
    """Return the function that agglomerates into the folder ``out``."""

    def agglomerate(*draws, options=()):
        return run("agglomerate", *draws, "--output", tmp_path / "out", *options)

    return agglomerate


def test_label_images_become_a_prediction_with_all_its_files(tmp_path, draws, agglomerate):
    done = agglomerate(*draws, options=("--name", "worms"))
    assert (done.code, done.err) == (0, "")
    assert "[1/1] worms: 4 draws, 3 instances, 0 overlap pixels" in done.out
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {f"worms.{part}" for part in FILES} | {
        "predictions.json"
    }
    prediction = load_prediction(out / "worms.prediction.npz")
    # The one worm of the second program is matched to one of the two.
    assert [instance.votes for instance in prediction.instances.instances] == [4, 3, 4]
    assert prediction.settings.n_draws == 4
    assert prediction.provenance.model_name == ""
    probability = tifffile.imread(out / "worms.probability.tif")
    assert probability[15, 10] == 1
    entropy = tifffile.imread(out / "worms.entropy.tif")
    quarter = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert entropy[15, 10] == 0
    np.testing.assert_allclose(np.unique(entropy), [0, quarter], atol=1e-6)
    with (out / "worms.peaks.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert first["rank"] == "1"
    assert 4 <= int(first["y"]) < 8


@pytest.mark.parametrize(
    ("n_draws", "options", "columns"),
    [
        (3, (), 20),  # what two of three have
        (3, ("--threshold", 0.9), 16),
        (2, (), 16),  # what both have
        (2, ("--threshold", 0.5), 20),
    ],
)
def test_pixels_count_that_most_draws_have(
    tmp_path, write, agglomerate, *, n_draws, options, columns
):
    widths = (16, 20, 24)[:n_draws]
    seen = [write(tmp_path / f"{n}.tif", labels((4, 2, 8, 2 + n))) for n in widths]
    done = agglomerate(*seen, options=(*options, "--name", "w"))
    assert (done.code, done.err) == (0, "")
    assert ("where both agree" in done.out) == (n_draws == 2 and not options)
    (instance,) = load_prediction(tmp_path / "out" / "w.prediction.npz").binary().instances
    assert instance.area == 4 * columns


def test_the_prediction_can_be_proofread(tmp_path, draws, agglomerate):
    agglomerate(*draws, options=("--name", "worms"))
    prediction = load_prediction(tmp_path / "out" / "worms.prediction.npz")
    assert prediction.peaks
    session = CurationSession(prediction)
    assert len(session.prediction.instances.draws) == 4


def test_stacks_coco_and_labels_mix(tmp_path, write, agglomerate):
    boxes = (LEFT, RIGHT, OTHER)
    stack = np.stack([mask(box) for box in boxes]).astype(np.uint8) * 255
    instances = [Instance.from_mask(mask(box)) for box in boxes]
    write_coco([CocoImage("any.tif", SHAPE, instances, [0.5] * 3)], tmp_path / "c.json")
    done = agglomerate(
        write(tmp_path / "a.tif", stack),
        tmp_path / "c.json",
        write(tmp_path / "b.tif", labels(*boxes)),
    )
    assert (done.code, done.err) == (0, "")
    prediction = load_prediction(tmp_path / "out" / "a.prediction.npz")
    assert prediction.peaks == ()
    for instance, box in zip(prediction.binary().instances, boxes, strict=True):
        np.testing.assert_array_equal(instance.full(SHAPE), mask(box))


def test_folders_are_matched_by_the_images_names(tmp_path, write, agglomerate):
    for run, boxes in (("first", (LEFT, RIGHT)), ("second", (WHOLE,))):
        (tmp_path / run).mkdir()
        for name in ("a", "b"):
            write(tmp_path / run / f"{name}.tif", np.zeros(SHAPE, np.uint16))
            there = labels(*boxes) if name == "a" else labels(OTHER)
            write(tmp_path / run / f"{name}_cp_masks.tif", there)
    done = agglomerate(tmp_path / "first", tmp_path / "second")
    assert (done.code, done.err) == (0, "")
    out = tmp_path / "out"
    assert load_prediction(out / "a.prediction.npz").peaks
    assert not load_prediction(out / "b.prediction.npz").peaks
    records = read_coco(out / "predictions.json")
    assert [record.file_name for record in records] == ["a_cp_masks.tif", "b_cp_masks.tif"]


def test_one_image_is_chosen_by_its_name(tmp_path, write, agglomerate):
    """A folder and a COCO file of several images, and a label image that is of the chosen one."""
    (tmp_path / "one").mkdir()
    for name, box in (("a", OTHER), ("b", WHOLE)):
        write(tmp_path / "one" / f"{name}.tif", labels(box))
    records = [
        CocoImage(f"{name}.tif", SHAPE, (Instance.from_mask(mask(box)),), (1.0,))
        for name, box in (("b", WHOLE), ("c", OTHER))
    ]
    write_coco(records, tmp_path / "two.json")
    single = write(tmp_path / "single.tif", labels(LEFT, RIGHT))
    done = agglomerate(tmp_path / "one", tmp_path / "two.json", single, options=("--name", "b"))
    assert (done.code, done.err) == (0, "")
    prediction = load_prediction(tmp_path / "out" / "b.prediction.npz")
    assert [len(draw) for draw in prediction.instances.draws] == [1, 1, 2]


def test_results_of_predict_are_draws_too(tmp_path, draws, agglomerate, run):
    agglomerate(*draws, options=("--name", "w"))
    again = run("agglomerate", tmp_path / "out", tmp_path / "out", "--output", tmp_path / "more")
    assert (again.code, again.err) == (0, "")
    assert load_prediction(tmp_path / "more" / "w.prediction.npz").peaks == ()


def test_one_draw_is_a_prediction_without_peaks(tmp_path, draws, agglomerate):
    done = agglomerate(draws[0])
    assert done.code == 0
    assert "One draw shows no uncertainty" in done.err
    prediction = load_prediction(tmp_path / "out" / "p0.prediction.npz")
    assert (prediction.peaks, len(prediction.instances)) == ((), 3)


def test_draws_without_an_object_are_a_prediction(tmp_path, write, agglomerate):
    empty = write(tmp_path / "a.tif", labels())
    done = agglomerate(empty, empty)
    assert (done.code, done.err) == (0, "")
    assert json.loads((tmp_path / "out" / "predictions.json").read_text())["annotations"] == []


def test_the_image_gives_size_and_checksum(tmp_path, draws, write, agglomerate):
    image = write(tmp_path / "image.tif", np.zeros(SHAPE, np.uint16))
    done = agglomerate(*draws, options=("--image", image, "--stacks"))
    assert (done.code, done.err) == (0, "")
    prediction = load_prediction(tmp_path / "out" / "p0.prediction.npz")
    assert len(prediction.provenance.image_checksum) == 64
    assert (tmp_path / "out" / "p0.instances.tif").is_file()


def test_threshold_and_smallest_size_are_those_asked_for(tmp_path, draws, agglomerate):
    done = agglomerate(*draws, options=("--threshold", 1, "--min-size", 100))
    assert done.code == 0
    prediction = load_prediction(tmp_path / "out" / "p0.prediction.npz")
    assert prediction.settings.probability_threshold == 1
    assert np.unique(tifffile.imread(tmp_path / "out" / "p0.labels.tif")).size == 2


def test_earlier_results_are_replaced_and_nothing_else(
    tmp_path, draws, write, agglomerate, contents
):
    out = tmp_path / "out"
    assert agglomerate(*draws[:3], options=("--name", "w")).code == 0
    assert agglomerate(*draws, options=("--name", "w")).code == 0
    assert load_prediction(out / "w.prediction.npz").instances.n_draws == 4

    native = load_prediction(out / "w.prediction.npz")
    of_model = replace(native, provenance=Provenance(model_checksum="a model's"))
    for name, spoil, refused in (
        ("w", lambda: None, out / "w.labels.tif"),
        ("v", lambda: write(out / "v.labels.tif", labels(OTHER)), out / "v.labels.tif"),
        ("w", lambda: save_prediction(of_model, out / "x.prediction.npz"), None),
    ):
        spoil()
        before = contents(out)
        source = out / "w.labels.tif" if refused else draws[0]
        sentence = agglomerate(source, draws[1], options=("--name", name)).refusal()
        assert sentence.startswith(str(refused or out / "x.prediction.npz"))
        assert contents(out) == before


def test_the_data_set_is_of_all_images_that_the_same_settings_made(tmp_path, draws, agglomerate):
    for name in "ba":
        done = agglomerate(*draws[:3], options=("--name", name))
    assert "2 images, 1 of them of earlier runs" in done.out
    data_set = tmp_path / "out" / "predictions.json"
    assert [record.file_name for record in read_coco(data_set)] == ["a.tif", "b.tif"]
    done = agglomerate(*draws, options=("--name", "c"))
    assert "not of these settings and this number of draws" in done.err
    assert "a, b" in done.err
    assert len(read_coco(data_set)) == 1


def test_a_data_set_of_another_program_is_not_replaced(tmp_path, draws, agglomerate):
    path = tmp_path / "out" / "predictions.json"
    path.parent.mkdir()
    path.write_text("mine")
    sentence = agglomerate(*draws).refusal()
    assert sentence.startswith(f"{path} exists and is no earlier result of this command")
    assert [each.name for each in path.parent.iterdir()] == ["predictions.json"]


class TestRefusals:
    def _refusal(self, tmp_path, done):
        assert not (tmp_path / "out" / "predictions.json").exists()
        return done.refusal()

    def test_shapes_that_differ(self, tmp_path, draws, write, agglomerate):
        other = write(tmp_path / "odd.tif", labels(shape=(24, 39)))
        sentence = self._refusal(tmp_path, agglomerate(draws[0], other))
        assert f"{other} is 24 x 39 pixels, but {draws[0]} is 24 x 40" in sentence

    def test_an_image_of_another_shape(self, tmp_path, draws, write, agglomerate):
        image = write(tmp_path / "image.tif", np.zeros((5, 5), np.uint16))
        sentence = self._refusal(tmp_path, agglomerate(*draws, options=("--image", image)))
        assert f"is 24 x 40 pixels, but {image} is 5 x 5" in sentence

    def test_names_that_are_missing(self, tmp_path, write, agglomerate):
        for path in ("one/a.tif", "one/b.tif", "two/b.tif"):
            (tmp_path / path).parent.mkdir(exist_ok=True)
            write(tmp_path / path, labels(OTHER))
        sentence = self._refusal(tmp_path, agglomerate(tmp_path / "one", tmp_path / "two"))
        assert f"{tmp_path / 'two'} holds no segmentation of a, which" in sentence

    def test_too_many_draws(self, tmp_path, draws, agglomerate):
        sentence = self._refusal(tmp_path, agglomerate(*[draws[0]] * 256))
        assert sentence == "256 draws are given; expected at most 255."

    def test_files_that_are_no_segmentation(self, tmp_path, draws, write, agglomerate):
        (tmp_path / "text.tif").write_text("text")
        (tmp_path / "text.json").write_text("text")
        (tmp_path / "empty").mkdir()
        fractions = write(tmp_path / "f.tif", np.full(SHAPE, 0.5, np.float32))
        for path in (tmp_path / "text.tif", tmp_path / "text.json", tmp_path / "empty", fractions):
            assert str(path) in self._refusal(tmp_path, agglomerate(draws[0], path))
        absent = tmp_path / "absent.tif"
        assert f"{absent} doesn't exist" in self._refusal(tmp_path, agglomerate(absent))

    def test_one_name_or_image_for_many(self, tmp_path, write, agglomerate):
        (tmp_path / "one").mkdir()
        for name in "ab":
            write(tmp_path / "one" / f"{name}.tif", labels(OTHER))
        for options, reason in (
            (("--name", "c"), "holds no segmentation of --name c; it has a, b."),
            (("--image", tmp_path / "one" / "a.tif"), "the draws are of 2"),
        ):
            done = agglomerate(tmp_path / "one", options=options)
            assert reason in self._refusal(tmp_path, done)

    def test_a_name_that_is_no_file_name(self, tmp_path, draws, agglomerate):
        done = agglomerate(*draws, options=("--name", "a/b"))
        assert "'a/b' can't begin" in self._refusal(tmp_path, done)

    def test_one_bad_image_of_several_is_told_and_the_others_are_kept(
        self, tmp_path, write, agglomerate
    ):
        (tmp_path / "one").mkdir()
        write(tmp_path / "one" / "a.tif", labels(OTHER))
        (tmp_path / "one" / "b.tif").write_text("text")
        done = agglomerate(tmp_path / "one")
        assert done.code == 1
        assert str(tmp_path / "one" / "b.tif") in done.err
        assert "1 of 2 images were refused: b" in done.err
        (record,) = read_coco(tmp_path / "out" / "predictions.json")
        assert record.file_name == "a.tif"


def test_no_folder_is_left_where_nothing_could_be_written(tmp_path, write, draws, agglomerate):
    smaller = write(tmp_path / "smaller.tif", np.zeros((5, 5), np.uint16))
    done = agglomerate(draws[0], smaller)
    assert done.code == 2
    assert "expected one size" in done.err
    assert not (tmp_path / "out").exists()
