"""The simulated curator of tools/retraining.py, and what its table says."""

from __future__ import annotations

import numpy as np
import pytest
import retraining

from napari_probinst.core.config import ChannelConfig, Config, InferenceConfig, NetworkConfig
from napari_probinst.core.curation.session_folder import create_session, open_session
from napari_probinst.core.data.synthetic import write_dataset
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Prediction
from napari_probinst.core.training.sources import load_training_data

SHAPE = (16, 80)


def bars(*spans):
    masks = np.zeros((len(spans), *SHAPE), dtype=bool)
    for mask, (start, stop) in zip(masks, spans, strict=True):
        mask[4:10, start:stop] = True
    return InstanceSet.from_masks(list(masks), SHAPE)


@pytest.fixture
def prediction():
    """A merge of two, one that is right, and one that is nothing: the draws doubt the first."""
    sure = ((44, 60), (64, 78))
    instances = agglomerate([bars((0, 40), *sure)] * 6 + [bars((0, 20), (20, 40), *sure)] * 2)
    return Prediction(
        "synthetic_000", instances, rank_peaks(instances), InferenceConfig(min_size=4)
    )


TRUTH = bars((0, 20), (20, 40), (44, 60))


def test_the_curator_mends_what_the_peaks_are_about(prediction, tmp_path):
    folder = tmp_path / "synthetic_000.probinst"
    with create_session(prediction, folder) as opened:
        retraining.correct(opened.session, TRUTH, 1)
        told = retraining.note(opened.session, TRUTH)
    # The spurious one, which no draw doubts, stays: 3 right of 4.
    assert (told["stops"], told["edits"], told["dsb_after"]) == (1, 2, 0.75)
    assert told["dsb_before"] < told["dsb_after"]
    with open_session(folder, read_only=True) as opened:
        left = {tuple(each.bbox) for each in opened.session.instances.values()}
        statuses = [opened.session.status(0)]
    assert left == {(4, 0, 10, 20), (4, 20, 10, 40), (4, 44, 10, 60), (4, 64, 10, 78)}
    assert statuses == ["accepted"]


def test_a_whole_review_ends_with_what_no_instance_shows(prediction, tmp_path):
    missed = bars((0, 20), (20, 40), (44, 60), (62, 64))
    with create_session(prediction, tmp_path / "a.probinst") as opened:
        retraining.correct(opened.session, missed, None)
        left = {tuple(each.bbox) for each in opened.session.instances.values()}
    assert (4, 62, 10, 64) in left
    assert len(left) == 5


def test_without_a_stop_nothing_is_done(prediction, tmp_path):
    with create_session(prediction, tmp_path / "a.probinst") as opened:
        retraining.correct(opened.session, TRUTH, 0)
        assert opened.session.records == ()


def test_arms_differ_by_what_the_further_images_have(tmp_path):
    plan = retraining.Plan(1, 2, 1, shape=(64, 80))
    run = retraining.Run(tmp_path, plan, seed=0)
    run._write_images()
    names = {
        arm: sorted(path.name for path in (run._data(arm) / "instances").iterdir())
        for arm in retraining.ARMS
    }
    first = "first_synthetic_000.tif"
    further = ["further_synthetic_000.tif", "further_synthetic_001.tif"]
    assert names == {
        "without": [first],
        "uncorrected": [first],
        "corrected": [first],
        "truth": [first, *further],
    }
    images = sorted(path.name for path in (run._data("corrected") / "images").iterdir())
    assert images == [first, *further]
    # A second time nothing is drawn again.
    (tmp_path / "data" / "truth" / "instances" / first).unlink()
    run._write_images()
    assert not (tmp_path / "data" / "truth" / "instances" / first).exists()


def test_masks_and_sessions_of_an_arm_are_read_by_the_training(prediction, tmp_path):
    write_dataset(tmp_path, 1, shape=SHAPE, n_worms=0)
    (tmp_path / "instances" / "synthetic_000.tif").unlink()
    with create_session(prediction, tmp_path / "instances" / "synthetic_000.probinst") as opened:
        retraining.correct(opened.session, TRUTH, 1)
    channels = (ChannelConfig(name="bright field"), ChannelConfig(name="fluorescence"))
    data = load_training_data(tmp_path, Config(network=NetworkConfig(channels=channels)))
    assert data.training[0].truth.areas().tolist() == [120, 96, 84, 120]


def test_the_table_tells_gains_over_the_model_without():
    def score(dsb, merges):
        return {"dsb": dsb, "false_merges": merges, "false_splits": 0, "misses": 1, "spurious": 0}

    without = [score(0.5, 2), score(0.7, 1)]
    corrected = [score(0.6, 1), score(0.8, 0)]
    found = retraining.summary(corrected, without)
    assert (found["dsb"], found["false_merges"]) == (pytest.approx(0.7), 1)
    assert found["gain_interval"] == pytest.approx((0.1, 0.1))
    models = {"without": retraining.summary(without, without), "corrected": found}
    lines = retraining.table({"models": models}).splitlines()
    assert lines[0].startswith("| model | DSB | gain (95 %) | false merges |")
    assert lines[2:] == [
        "| without | 0.600 |  | 3 | 0 | 2 | 0 |",
        "| corrected | 0.700 | +0.100 (+0.100 to +0.100) | 1 | 0 | 2 | 0 |",
    ]
