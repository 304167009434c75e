from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_probinst.core.config import ChannelConfig, InferenceConfig, NetworkConfig
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.errors import CancelledError, InputError, ModelError
from napari_probinst.core.inference import drawing, ensemble
from napari_probinst.core.inference.draws import PixelPrediction, realise
from napari_probinst.core.inference.embeddings import Embeddings
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.inference.segmentation import segment, segment_tiles
from napari_probinst.core.network.checkpoint import Model
from napari_probinst.core.network.device import Runtime
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet

SETTINGS = InferenceConfig(n_draws=3, min_size=4, n_seeds=32, bandwidth=0.5, cluster_threshold=0.5)


def _predictor(dropout="concrete", **header):
    torch.manual_seed(0)
    config = NetworkConfig(
        channels=(ChannelConfig(name="bright"), ChannelConfig(name="green", required=False)),
        filters=4,
        levels=3,
        embedding_dimensions=2,
        initial_rate=0.3,
        dropout=dropout,
        coordinates="input",
    )
    network = UNet(config).eval()
    model = Model(network, ModelHeader(network=config, inference=SETTINGS, **header), "abc", "m")
    return Predictor(model, Runtime("cpu", bfloat16=False))


@pytest.fixture(scope="module")
def predictor():
    return _predictor()


def _image(seed, shape=(24, 31)):
    return np.random.default_rng(seed).integers(0, 4000, (2, *shape)).astype(np.uint16)


def _content(prediction):
    """Everything a prediction holds, as one comparable value."""
    return (
        prediction.shape,
        prediction.peaks,
        [
            (item.bbox, item.counts.tobytes(), item.matches)
            for item in prediction.instances.instances
        ],
        [
            [(item.bbox, item.mask.tobytes()) for item in draw.instances]
            for draw in prediction.instances.draws
        ],
    )


def test_the_order_of_images_changes_nothing(predictor):
    images = [_image(0), _image(1, (9, 40))]
    forward = [_content(predictor.predict(image)) for image in images]
    torch.rand(7)
    backward = [_content(_predictor().predict(image)) for image in reversed(images)]
    assert forward == backward[::-1]
    assert any(content[2] for content in forward), "the test's network finds nothing"


def test_networks_are_drawn_once_for_all_images_of_a_seed(monkeypatch):
    drawn = []

    def counting(network, **options):
        drawn.append((options["seed"], options["draw"]))
        return realise(network, **options)

    monkeypatch.setattr(ensemble, "realise", counting)
    predictor = _predictor()
    for seed in (0, 1):
        predictor.predict(_image(seed))
    assert drawn == [(0, 0), (0, 1), (0, 2)]
    predictor.predict(_image(0), SETTINGS.model_copy(update={"seed": 1, "n_draws": 20}))
    assert drawn[3:] == [(1, draw) for draw in range(20)]
    predictor.predict(_image(0), SETTINGS.model_copy(update={"seed": 1, "n_draws": 20}))
    assert len(drawn) == 3 + 20 + 7, "no more than 16 are kept"


def test_another_seed_gives_other_draws(predictor):
    other = SETTINGS.model_copy(update={"seed": 1})
    assert _content(predictor.predict(_image(0))) != _content(predictor.predict(_image(0), other))


def test_more_draws_begin_with_the_same_ones(predictor):
    few = predictor.predict(_image(0))
    more = predictor.predict(_image(0), SETTINGS.model_copy(update={"n_draws": 5}))
    assert _content(more)[3][:3] == _content(few)[3]


def test_draw_by_draw_is_the_same_as_at_once(predictor):
    draws = list(predictor.draws(_image(0)))
    assembled = predictor.assemble(draws)
    assert _content(assembled) == _content(predictor.predict(_image(0)))


@pytest.mark.parametrize("shape", [(24, 31), (70, 50)])
def test_threads_change_nothing(shape):
    found = []
    before = torch.get_num_threads()
    for n_threads in (1, 3):
        torch.set_num_threads(n_threads)
        try:
            found.append(_content(_predictor(extent=(32, 32)).predict(_image(0, shape))))
        finally:
            torch.set_num_threads(before)
    assert found[0] == found[1]


def test_a_deterministic_model_makes_one_draw():
    prediction = _predictor("none").predict(_image(0))
    assert prediction.instances.n_draws == 1
    assert prediction.settings.n_draws == 1
    assert prediction.peaks == ()


def test_one_draw_has_no_peaks(predictor):
    prediction = predictor.predict(_image(0), SETTINGS.model_copy(update={"n_draws": 1}))
    assert prediction.instances.n_draws == 1
    assert prediction.peaks == ()


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (17, 33)])
def test_any_size(predictor, shape):
    assert predictor.predict(_image(0, shape)).shape == shape


def test_a_constant_image_is_a_valid_one(predictor):
    prediction = predictor.predict(np.full((2, 16, 16), 7, np.uint8))
    assert prediction.shape == (16, 16)


def test_an_image_beyond_the_extent_goes_through_in_tiles():
    predictor = _predictor(extent=(32, 32))
    image = _image(0, (70, 50))
    first, second = predictor.predict(image), predictor.predict(image)
    assert first.shape == (70, 50)
    assert _content(first) == _content(second)


def test_provenance(predictor):
    image = _image(0)
    prediction = predictor.predict(image, name="A01", pixel_size=(0.5, 0.25))
    assert prediction.name == "A01"
    assert prediction.pixel_size == (0.5, 0.25)
    assert prediction.settings == SETTINGS
    assert prediction.provenance.image_checksum == image_checksum(image)
    assert (prediction.provenance.model_name, prediction.provenance.model_checksum) == ("m", "abc")
    assert prediction.provenance.program.startswith("napari-probinst ")


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (8, 8), (2, 1, 8, 8)])
def test_a_wrong_number_of_channels_is_refused(predictor, shape):
    with pytest.raises(InputError, match=r"expects 2 channels \(bright, green\)"):
        predictor.predict(np.zeros(shape))


def test_only_an_optional_channel_may_be_absent(predictor):
    image = _image(0)
    with pytest.raises(InputError, match="'bright'"):
        predictor.predict(image, present=(False, True))
    absent = predictor.predict(image, present=(True, False))
    image[1] = 0  # zeros are a constant channel, which is absent too
    assert _content(absent) == _content(predictor.predict(image))


def test_progress_tells_every_draw(predictor):
    told = []
    predictor.predict(_image(0), on_draw=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_cancel_acts_within_a_draw(predictor):
    told = []
    with pytest.raises(CancelledError, match=r"after 1 of 3 draws of A01"):
        predictor.predict(
            _image(0),
            name="A01",
            on_draw=lambda done, total: told.append(done),
            cancelled=lambda: True,
        )
    assert told == [1]


FLIPS = SETTINGS.model_copy(update={"flips": True})


class TestFlips:
    def test_draws_see_the_image_anew_and_the_first_as_it_is(self, predictor):
        plain, flipped = (list(predictor.draws(_image(0), s)) for s in (SETTINGS, FLIPS))
        same = [_masks(one) == _masks(other) for one, other in zip(plain, flipped, strict=True)]
        assert same == [True, False, False]

    def test_a_mirrored_image_gives_mirrored_instances(self):
        """The second draw of an image is the first orientation's of the mirrored one."""
        predictor = _predictor("none")
        image = _image(0)
        settings = FLIPS.model_copy(update={"n_draws": 2})
        first, second = predictor.draws(image, settings)
        mirrored = next(predictor.draws(image[:, :, ::-1].copy(), settings))
        whole = {item.full(first.shape).tobytes() for item in second.instances}
        assert whole == {
            np.ascontiguousarray(item.full(first.shape)[:, ::-1]).tobytes()
            for item in mirrored.instances
        }
        assert whole

    def test_a_deterministic_model_has_more_than_one_draw_then(self):
        predictor = _predictor("none")
        settings = FLIPS.model_copy(update={"n_draws": 8})
        assert predictor.n_draws(settings) == 4
        assert predictor.predict(_image(0), settings).instances.n_draws == 4

    def test_tiles_and_binned_models(self):
        predictor = _predictor(extent=(32, 32), binning=2)
        settings = FLIPS.model_copy(update={"n_draws": 6})
        image = _image(0, (70, 51))
        first, second = (predictor.predict(image, settings) for _ in range(2))
        assert first.shape == (70, 51)
        assert first.instances.n_draws == 6
        assert _content(first) == _content(second)


def _masks(instances):
    return [(item.bbox, item.mask.tobytes()) for item in instances.instances]


class TestEnsemble:
    @pytest.fixture
    def pair(self):
        torch.manual_seed(1)
        first = _predictor().model
        network = UNet(first.header.network).eval()
        other = replace(first, network=network, checksum="def", file_name="o")
        runtime = Runtime("cpu", bfloat16=False)
        return Predictor(first, runtime), Predictor(other, runtime)

    def test_draws_are_those_of_the_models_in_turns(self, pair):
        one, other = pair
        both = Predictor(one.model, one.runtime, (other.model,))
        image = _image(0)
        alone = [list(predictor.draws(image)) for predictor in pair]
        expected = [alone[0][0], alone[1][0], alone[0][1]]
        drawn = list(both.draws(image))
        assert [_masks(draw) for draw in drawn] == [_masks(draw) for draw in expected]
        assert _masks(alone[0][0]) != _masks(alone[1][0])

    def test_each_model_is_clustered_with_its_own_settings(self, pair):
        one, other = pair
        header = other.model.header
        own = header.inference.model_copy(update={"bandwidth": 5.0, "cluster_threshold": 5.0})
        tuned = replace(other.model, header=header.model_copy(update={"inference": own}))
        both = Predictor(one.model, one.runtime, (tuned,))
        image = _image(0)
        second = list(both.draws(image))[1]
        assert _masks(second) == _masks(next(other.draws(image, own)))
        assert _masks(second) != _masks(next(other.draws(image)))

    def test_provenance_names_all(self, pair):
        one, other = pair
        both = Predictor.create(one.model, "cpu", [other.model])
        provenance = both.predict(_image(0)).provenance
        assert (provenance.model_name, provenance.model_checksum) == ("m + o", "abc + def")

    def test_models_that_differ_in_channels_are_refused(self, pair):
        network = NetworkConfig(channels=(ChannelConfig(name="red"),), filters=2, levels=2)
        stranger = Model(UNet(network), ModelHeader(network=network), "x", "stranger")
        with pytest.raises(ModelError, match="stranger expects the channels red"):
            Predictor.create(pair[0].model, "cpu", [stranger])


@pytest.mark.parametrize("binning", [1, 2])
@pytest.mark.parametrize("shape", [(24, 31), (70, 50)])
def test_the_two_halves_are_the_whole(shape, binning):
    predictor = _predictor(extent=(32, 32), binning=binning)
    image = _image(0, shape)
    halves = [segment_tiles(seen, shape, SETTINGS) for seen in predictor.foregrounds(image)]
    assert [_masks(draw) for draw in halves] == [_masks(draw) for draw in predictor.draws(image)]


def _pixels(background, foreground, overlap):
    """Prediction of one row of pixels whose embedding is constant."""
    classes = np.array([background, foreground, overlap], np.float32)[:, None]
    return PixelPrediction(Embeddings(np.zeros((2, 1, classes.shape[-1]), np.float32)), classes)


def test_segment_by_hand():
    settings = SETTINGS.model_copy(update={"min_size": 0})
    # Background, a tie with it, foreground, overlap, and an even tie of the last two.
    pixels = _pixels(
        [0.9, 0.5, 0.1, 0.2, 0.0], [0.05, 0.4, 0.8, 0.2, 0.5], [0.05, 0.1, 0.1, 0.6, 0.5]
    )
    instances = segment(pixels, settings)
    assert len(instances) >= 1
    covered = instances.cover()[0] > 0
    assert not covered[0]
    assert covered[[1, 2, 4]].all()


def test_segment_finds_nothing_in_background():
    assert len(segment(_pixels([1, 1], [0, 0], [0, 0]), SETTINGS)) == 0


class TestChecksum:
    def test_byte_order_and_strides_do_not_matter(self):
        image = _image(0)
        expected = image_checksum(image)
        assert image_checksum(image.astype(">u2")) == expected
        assert image_checksum(np.asfortranarray(image)) == expected
        spread = np.zeros((2, 24, 62), np.uint16)
        spread[..., ::2] = image
        assert image_checksum(spread[..., ::2]) == expected
        assert image_checksum(image[:, ::-1][:, ::-1]) == expected

    def test_pixels_shape_and_type_matter(self):
        image = _image(0, (4, 6))
        changed = image.copy()
        changed[1, 3, 5] ^= 1
        others = [changed, image.reshape(2, 6, 4), image.astype(np.uint32), image.view(np.int16)]
        sums = {image_checksum(one) for one in [image, *others]}
        assert len(sums) == 5


class TestMemory:
    def test_smaller_tiles_where_memory_runs_out(self, monkeypatch):
        predictor = _predictor(extent=(512, 512))
        work = drawing.segment_image
        extents = []

        def short(channels, realisation, settings, extent, **rest):
            extents.append(extent)
            if extent[0] > 256:
                raise MemoryError
            return work(channels, realisation, settings, extent, **rest)

        monkeypatch.setattr(drawing, "segment_image", short)
        told = []
        expected = _content(_predictor().predict(_image(0)))
        extents.clear()
        prediction = predictor.predict(_image(0), notify=told.append)
        # Draws that are worked on at once all try.
        assert extents[0] == (512, 512)
        assert extents.count((256, 256)) == 3
        assert len(told) == 1
        assert "256 x 256" in told[0]
        assert _content(prediction) == expected

    @pytest.mark.parametrize("error", [MemoryError("no"), RuntimeError("a real bug")])
    def test_it_gives_up_where_that_cannot_help(self, monkeypatch, error):
        def fail(*_, **__):
            raise error

        monkeypatch.setattr(drawing, "segment_image", fail)
        with pytest.raises(type(error), match=str(error)):
            _predictor(extent=(128, 128)).predict(_image(0))
