from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.data.coco import CocoImage, write_coco
from napari_probinst.core.data.exports import coco_image
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.calibration import calibrate
from napari_probinst.core.evaluation.correction import Case, hits, untouched
from napari_probinst.core.evaluation.instance_errors import instance_errors
from napari_probinst.core.evaluation.patches import image_patches
from napari_probinst.core.evaluation.predicted import read_predictions, scored_image
from napari_probinst.core.evaluation.segmentation import score_image
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.entropy import confidence
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.prediction import Prediction

SHAPE = (12, 30)


def bar(row, start, stop):
    return Instance((row, start, row + 2, stop), np.ones((2, stop - start), bool))


def prediction(name):
    """One bar that both draws see, one that a single draw sees, and a speck."""
    draws = [
        InstanceSet(SHAPE, (bar(0, 0, 20), bar(4, 0, 20), bar(8, 0, 1))),
        InstanceSet(SHAPE, (bar(0, 0, 16), bar(8, 0, 1))),
    ]
    settings = InferenceConfig(n_draws=2, min_size=6, probability_threshold=0.75)
    return Prediction(name, agglomerate(draws), (), settings)


@pytest.fixture
def folder(tmp_path):
    for name in ("b", "a", "x_A01"):
        save_prediction(prediction(name), tmp_path / f"{name}.prediction.npz")
    (tmp_path / "a.labels.tif").write_bytes(b"not looked at")
    return tmp_path


@pytest.fixture
def coco(tmp_path):
    def write(*file_names):
        path = tmp_path / "set.json"
        write_coco([CocoImage(name, SHAPE, [bar(0, 0, 9)], [0.25]) for name in file_names], path)
        return path

    return write


def test_a_folder_holds_what_it_exports(folder):
    found = read_predictions(folder)
    assert [image.name for image in found.images] == ["a", "b", "x_A01"]
    assert found.shapes == dict.fromkeys(("a", "b", "x_A01"), SHAPE)
    assert found.has_uncertainty
    image = found.images[0]
    (instance,) = image.instances.instances  # neither the doubtful bar nor the speck
    assert instance.bbox == (0, 0, 2, 16)
    assert image.scores.tolist() == [pytest.approx(16 / 20)]
    assert image.prediction.name == "a"


def test_folder_and_coco_file_say_the_same(folder, tmp_path):
    one = prediction("a")
    write_coco([coco_image(one, "a.tif", confidence(one.instances))], tmp_path / "set.json")
    (exported,) = read_predictions(tmp_path / "set.json").images
    (native,) = read_predictions(folder, ["a"]).images
    assert exported.prediction is None
    assert exported.instances.instances[0].same_pixels(native.instances.instances[0])
    np.testing.assert_allclose(exported.scores, native.scores)


def test_names_choose_order_and_call_the_images(folder, coco):
    assert [image.name for image in read_predictions(folder, ["A01", "a"]).images] == ["A01", "a"]
    found = read_predictions(coco("q/b.png", "a.tif"), ["a"])
    assert [image.name for image in found.images] == ["a"]
    assert not found.has_uncertainty


def test_an_image_without_instances_is_there(tmp_path):
    write_coco([CocoImage("a.tif", SHAPE, [], [])], tmp_path / "set.json")
    (image,) = read_predictions(tmp_path / "set.json").images
    assert (len(image.instances), image.instances.shape, len(image.scores)) == (0, SHAPE, 0)


def test_named_finds_images_that_were_read(folder):
    found = read_predictions(folder)
    assert found.named(["A01", "b"]) == ("x_A01", "b")
    with pytest.raises(InputError, match="no prediction to be scored of C07"):
        found.named(["C07"])


def test_refusals(folder, coco, tmp_path):
    with pytest.raises(InputError, match=r"holds no prediction of C07, C08; it has a, b"):
        read_predictions(folder, ["a", "C07", "C08"])
    with pytest.raises(InputError, match=r"holds no prediction of B02"):
        read_predictions(coco("a.tif"), ["B02"])
    with pytest.raises(InputError, match="holds the image a twice"):
        read_predictions(coco("a.tif", "a.png"))
    with pytest.raises(InputError, match="lists no image"):
        read_predictions(coco())
    with pytest.raises(InputError, match="doesn't exist"):
        read_predictions(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"holds no \*\.prediction\.npz"):
        read_predictions(tmp_path / "empty")


def test_prediction_under_another_images_name_is_refused(folder):
    (folder / "a.prediction.npz").rename(folder / "c.prediction.npz")
    with pytest.raises(InputError, match=r"c\.prediction\.npz holds the prediction of a: give"):
        read_predictions(folder)
    assert [image.name for image in read_predictions(folder, ["b"]).images] == ["b"]


def test_every_score_counts_the_same_instances():
    """A worm, and a speck too small to be exported, which every draw sees."""
    shape = (12, 40)
    worm, speck = np.zeros((2, *shape), dtype=bool)
    worm[4:8, 4:32] = True
    speck[0, 38:] = True
    seen = InstanceSet.from_masks([worm, speck], shape)
    truth = InstanceSet.from_masks([worm], shape)
    both = Prediction("A01", agglomerate([seen] * 2), (), InferenceConfig(n_draws=2, min_size=20))
    alone = Prediction("A01", agglomerate([truth] * 2), (), both.settings)
    assert [len(scored_image("A01", each).instances) for each in (both, alone)] == [1, 1]
    assert len(image_patches(both, truth)) == len(image_patches(alone, truth)) > 0
    errors = instance_errors([(both, truth)])
    assert (errors[0.5].n_instances, errors[0.5].n_errors) == (1, 0)
    assert calibrate([(both, truth)]) == calibrate([(alone, truth)])
    case = Case.create(both, truth)
    assert (len(case.shown), case.missed) == (1, ())
    assert hits(case, untouched(case)) == score_image("A01", truth, truth).counts
