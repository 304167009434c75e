"""Images of a few blocks whose embeddings decide which bandwidth is right."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.average_precision import count_hits, mean_dsb
from napari_probinst.core.evaluation.search import SearchSpace
from napari_probinst.core.evaluation.tune import TuningImage, tune, typical_area, untuned
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.draw_cache import CachedDraw
from napari_probinst.core.inference.embeddings import Embeddings
from napari_probinst.core.inference.foreground import Foreground
from napari_probinst.core.inference.segmentation import TileForeground
from napari_probinst.core.inference.tiling import Tile
from napari_probinst.core.instances import InstanceSet

SHAPE = (10, 24)
START = InferenceConfig(
    bandwidth=6.0, cluster_threshold=6.0, min_size=4, n_seeds=32, probability_threshold=0.75
)
SPACE = SearchSpace(bandwidths=(0.5, 1.0), thresholds=(1.0,), min_sizes=())


def _draw(embedding):
    """Draw whose foreground is where ``embedding`` (height, width) is not NaN."""
    foreground = ~np.isnan(embedding)
    vectors = np.stack([np.nan_to_num(embedding), np.zeros(SHAPE)]).astype(np.float32)
    page = (0, 0, *SHAPE)
    seen = TileForeground(Tile(page, page), Foreground.select(Embeddings(vectors), foreground))
    return CachedDraw(SHAPE, [seen])


def _tune(images, current, folds, **options):
    """Tune from the model's own settings, which the small pages of these tests are made for."""
    return tune(images, current, folds, start=current, **options)


def _touching(name, distance, *, one_worm, n_draws=1):
    """Two blocks side by side whose embeddings lie ``distance`` apart: one worm or two."""
    embedding = np.full(SHAPE, np.nan)
    embedding[2:8, 2:12], embedding[2:8, 12:22] = 0, distance
    left, right = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    left[2:8, 2:12], right[2:8, 12:22] = True, True
    masks = [left | right] if one_worm else [left, right]
    draws = tuple(_draw(embedding) for _ in range(n_draws))
    return TuningImage(name, InstanceSet.from_masks(masks, SHAPE), draws)


def _dsb(image, settings):
    """Score of an image, computed anew."""
    instances = agglomerate([draw.segment(settings) for draw in image.draws])
    predicted = instances.binarise(settings.probability_threshold)
    return mean_dsb([count_hits(predicted, image.truth)])


def test_the_better_bandwidth_is_chosen():
    images = [_touching(name, 4.0, one_worm=False) for name in "abcd"]
    result = _tune(images, START, (("a", "c"), ("b", "d")), space=SPACE)
    assert result.before.dsb_image == 0
    assert result.settings.bandwidth == 3.0
    assert result.scores.dsb_image == 1
    assert result.cross_validated.dsb_image == 1
    assert result.settings.seed == START.seed


def test_what_is_too_small_to_be_exported_is_not_scored():
    """Four draws of 20 pixels each: three of them agree on 8. Half of the minimum is the least."""
    pages = [np.full(SHAPE, np.nan) for _ in range(4)]
    for number, page in enumerate(pages):
        page[2:4, 4 * number : 4 * number + 10] = 0
    agreed = np.zeros(SHAPE, bool)
    agreed[2:4, [8, 9, 12, 13]] = True
    truth = InstanceSet.from_masks([agreed], SHAPE)
    images = [TuningImage(name, truth, tuple(map(_draw, pages))) for name in "ab"]
    only = SearchSpace(bandwidths=(1.0,), thresholds=(1.0,), min_sizes=())
    for min_size, score in ((16, 1), (18, 0)):
        start = START.model_copy(update={"min_size": min_size})
        result = _tune(images, start, (("a",), ("b",)), space=only)
        assert result.before.dsb_image == score


def test_each_fold_is_scored_with_the_choice_of_the_other():
    """What suits one fold is wrong for the other: on both, the choice is worth nothing."""
    images = [
        _touching("a", 4.0, one_worm=True),
        _touching("b", 4.0, one_worm=False),
        _touching("c", 4.0, one_worm=True),
        _touching("d", 4.0, one_worm=False),
    ]
    result = _tune(images, START, (("a", "c"), ("b", "d")), space=SPACE)
    first, second = result.folds
    assert (first.images, second.images) == (("a", "c"), ("b", "d"))
    assert (first.settings.bandwidth, second.settings.bandwidth) == (3.0, 6.0)
    assert result.cross_validated.dsb_image == 0
    assert result.scores.dsb_image == 0.5
    assert result.settings == START, "of equal scores the first stays"


def test_what_the_model_states_has_no_part_in_the_cross_validation():
    """Its settings are right, and the search, from others, can't find them."""
    images = [_touching(name, 4.0, one_worm=False) for name in "ab"]
    current = START.model_copy(update={"bandwidth": 3.0, "cluster_threshold": 3.0})
    only = SearchSpace(bandwidths=(1.0,), thresholds=(1.0,), min_sizes=())
    result = tune(images, current, (("a",), ("b",)), start=START, space=only)
    assert result.cross_validated.dsb_image == 0
    assert result.before.dsb_image == result.scores.dsb_image == 1
    assert result.settings == current


def test_objects_that_are_held_out_have_no_part_in_a_choice():
    """The sizes that are tried follow from the objects: of the same half alone."""
    image, other = (_touching(name, 4.0, one_worm=False) for name in "ab")
    speck = np.zeros(SHAPE, bool)
    speck[2, 2:5] = True
    smaller = TuningImage("b", InstanceSet.from_masks([speck] * 3, SHAPE), other.draws)
    chosen = [
        tune([image, held_out], START, (("a",), ("b",))).folds[1].settings
        for held_out in (other, smaller)
    ]
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize(("areas", "expected"), [([60], 63.1), ([55, 70, 500], 63.1), ([1], 1)])
def test_typical_area_is_the_median_to_a_tenth_of_a_decade(areas, expected):
    page = np.arange(600).reshape(20, 30)
    truth = InstanceSet.from_masks([page < area for area in areas], (20, 30))
    empty = InstanceSet((20, 30), ())
    assert typical_area([truth, empty]) == pytest.approx(expected, abs=0.01)
    assert typical_area([empty]) == 1


def test_untuned_settings_are_those_of_the_program():
    found = untuned(START.model_copy(update={"n_draws": 5, "flips": True}), area=200)
    assert found == InferenceConfig(n_draws=5, flips=True, n_seeds=32, min_size=60)


def test_scores_are_those_of_a_prediction_with_these_settings():
    rng = np.random.default_rng(0)
    images = []
    for name in "abc":
        image = _touching(name, 4.0, one_worm=False)
        noisy = np.full(SHAPE, np.nan)
        noisy[2:8, 2:22] = np.repeat([0, 4.0], 10) + rng.normal(0, 1.2, (6, 20))
        images.append(TuningImage(name, image.truth, tuple(_draw(noisy + k) for k in range(3))))
    result = _tune(images, START, (("a",), ("b", "c")))
    for scores, settings in (
        (result.scores, dict.fromkeys("abc", result.settings)),
        (result.before, dict.fromkeys("abc", START)),
        (
            result.cross_validated,
            {name: fold.settings for fold in result.folds for name in fold.images},
        ),
    ):
        expected = {image.name: _dsb(image, settings[image.name]) for image in images}
        assert scores.dsb_image == pytest.approx(np.mean(list(expected.values())))
    assert result.by_image == pytest.approx(expected)
    assert result.scores.dsb_image >= result.before.dsb_image


def test_the_probability_threshold_is_chosen_without_clustering_again():
    """Two of four draws see the worm in full, two of them half of it."""
    full, half = np.full(SHAPE, np.nan), np.full(SHAPE, np.nan)
    full[2:8, 2:22] = 0
    half[2:8, 2:14] = 0
    worm = ~np.isnan(full)
    images = [
        TuningImage(
            name,
            InstanceSet.from_masks([worm], SHAPE),
            (_draw(full), _draw(half), _draw(full), _draw(half)),
        )
        for name in "ab"
    ]
    told = []
    space = SearchSpace(bandwidths=(1.0,), thresholds=(1.0,), min_sizes=())
    result = _tune(images, START, (("a",), ("b",)), space=space, on_trial=lambda: told.append(1))
    assert result.settings.probability_threshold == 0.5
    assert result.scores.dsb_image == 1
    assert result.before.dsb_image == pytest.approx(0.2)
    assert len(told) == 2
    assert result.n_tried == 3


def test_the_record_is_json_and_says_what_was_done():
    images = [_touching(name, 4.0, one_worm=False) for name in "ab"]
    record = _tune(images, START, (("a",), ("b",)), space=SPACE).record()
    assert json.loads(json.dumps(record)) == record
    assert [fold["images"] for fold in record["folds"]] == [["a"], ["b"]]
    assert record["folds"][0]["chosen_on_the_others"]["bandwidth"] == 3.0
    assert record["cross_validated"]["dsb_image"] == 1
    assert record["before"]["dsb_image"] == 0


@pytest.mark.parametrize("folds", [(("a",), ("b", "c")), (("a",), ()), (("a", "b"), ("b",))])
def test_folds_that_do_not_fit_are_a_bug(folds):
    images = [_touching(name, 4.0, one_worm=False) for name in "ab"]
    with pytest.raises(ValueError, match="every image once"):
        _tune(images, START, folds)


def test_truth_without_instances_is_refused():
    empty = InstanceSet(SHAPE, ())
    images = [TuningImage(name, empty, (_draw(np.full(SHAPE, np.nan)),)) for name in "ab"]
    with pytest.raises(InputError, match="no instance at all"):
        _tune(images, START, (("a",), ("b",)))


def test_one_image_of_a_set_may_be_empty():
    blank = np.full(SHAPE, np.nan)
    images = [
        _touching("a", 4.0, one_worm=False),
        TuningImage("b", InstanceSet(SHAPE, ()), (_draw(blank),)),
    ]
    result = _tune(images, START, (("a",), ("b",)), space=SPACE)
    assert result.scores.dsb_image == 1
