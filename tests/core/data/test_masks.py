import imagecodecs
import numpy as np
import pytest
import tifffile

from napari_probinst.core.data.io import from_labels, read_instances
from napari_probinst.core.data.masks import is_undivided
from napari_probinst.core.errors import InputError

LABELS = np.array([[0, 7, 7, 0, 2], [0, 7, 0, 0, 2], [9, 0, 0, 0, 0]], np.uint16)
MASKS = np.stack([LABELS == 2, LABELS == 7, LABELS == 9])


def pages(instances):
    return np.array([instance.full(instances.shape) for instance in instances.instances])


def write(folder, pixels, name="a.tif", **options):
    path = folder / name
    tifffile.imwrite(path, pixels, **{"photometric": "minisblack", **options})
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_a_label_image_is_read_in_order_of_its_labels(tmp_path, dtype):
    instances = read_instances(write(tmp_path, LABELS.astype(dtype)), shape=(3, 5))
    assert np.array_equal(pages(instances), MASKS)
    assert instances.instances[0].bbox == (0, 4, 2, 5)


def test_labels_may_be_as_large_as_their_type():
    labels = np.array([[0, 2**32 - 1]], np.uint32)
    assert from_labels(labels).instances[0].bbox == (0, 1, 1, 2)


@pytest.mark.parametrize("value", [1, 255])
def test_a_page_of_two_values_is_one_mask(tmp_path, value):
    mask = (LABELS > 0).astype(np.uint8) * value
    assert np.array_equal(pages(read_instances(write(tmp_path, mask))), [LABELS > 0])


def test_a_page_without_background_is_one_instance():
    assert pages(from_labels(np.full((2, 3), 4))).all()


def test_an_empty_page_holds_no_instance(tmp_path):
    instances = read_instances(write(tmp_path, np.zeros((3, 5), np.uint8)))
    assert len(instances) == 0
    assert instances.shape == (3, 5)


@pytest.mark.parametrize("n_pages", [2, 3, 4])
@pytest.mark.parametrize("value", [1, 255])
def test_a_stack_keeps_overlaps(tmp_path, n_pages, value):
    stack = np.zeros((n_pages, 6, 8), np.uint8)
    for i in range(n_pages):
        stack[i, i : i + 3, 1:5] = value
    instances = read_instances(write(tmp_path, stack))
    assert np.array_equal(pages(instances), stack > 0)
    assert instances.cover().max() == min(n_pages, 3)


@pytest.mark.parametrize(
    "options",
    [
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"ome": True, "metadata": {"axes": "CYX"}},
        {"metadata": {"axes": "TYX"}},
        {"metadata": None},
        {"photometric": "rgb", "planarconfig": "separate"},
    ],
    ids=str,
)
def test_pages_may_go_by_any_name(tmp_path, options):
    path = write(tmp_path, MASKS.astype(np.uint8), **options)
    assert np.array_equal(pages(read_instances(path)), MASKS)


def test_four_pages_saved_as_colours_with_alpha_stay_four(tmp_path):
    stack = np.zeros((4, 3, 5), np.uint8)
    stack[range(4), 1, range(4)] = 255
    path = write(tmp_path, stack, photometric="rgb", planarconfig="separate")
    assert np.array_equal(pages(read_instances(path)), stack > 0)


def test_bit_masks_count_as_stored_whatever_is_white(tmp_path):
    for options in ({"photometric": "miniswhite"}, {"photometric": "minisblack"}):
        path = write(tmp_path, MASKS, **options)
        assert np.array_equal(pages(read_instances(path)), MASKS)


def test_empty_pages_of_a_stack_are_left_out(tmp_path):
    stack = np.concatenate([MASKS[:1], np.zeros_like(MASKS[:1]), MASKS[1:]]).astype(np.uint8)
    assert np.array_equal(pages(read_instances(write(tmp_path, stack))), MASKS)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_labels_grey_or_grey_in_colours(tmp_path, dtype):
    for pixels in (LABELS.astype(dtype), np.stack([LABELS] * 3, -1).astype(dtype)):
        path = tmp_path / "a.png"
        path.write_bytes(imagecodecs.png_encode(pixels))
        assert np.array_equal(pages(read_instances(path)), MASKS)


def test_a_palette_stands_for_its_entries(tmp_path):
    from PIL import Image

    picture = Image.fromarray(LABELS.astype(np.uint8)).convert("P")
    palette = np.zeros((256, 3), np.uint8)
    palette[[2, 7, 9]] = [[0, 0, 90], [0, 200, 0], [30, 0, 0]]
    picture.putpalette(palette.tobytes())
    picture.save(tmp_path / "a.png")
    assert np.array_equal(pages(read_instances(tmp_path / "a.png")), MASKS)


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.array([[0.0, 0.5]], np.float32), "fractions"),
        (np.array([[0, np.nan]], np.float32), "no labels"),
        (np.array([[0, -1]], np.int16), "no labels"),
        (np.array([[0, 1j]], np.complex64), "no labels"),
        (np.array([[[0, 1, 2]], [[0, 1, 1]]], np.uint8), "page 1"),
        (np.zeros((2, 3, 4, 5), np.uint8), "one mask a page"),
    ],
)
def test_what_is_neither_labels_nor_masks_is_refused(tmp_path, pixels, said):
    with pytest.raises(InputError, match=r"a\.tif") as caught:
        read_instances(write(tmp_path, pixels))
    assert said in str(caught.value)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_picture_is_no_label_image(tmp_path, dtype):
    path = tmp_path / "raw.tif"
    pixels = np.random.default_rng(0).normal(120, 40, (300, 300)).clip(0, 255)
    tifffile.imwrite(path, pixels.astype(dtype))
    with pytest.raises(InputError, match=r"raw.tif holds 2\d\d values that lie scattered"):
        read_instances(path)


def test_a_picture_of_few_grey_values_is_no_label_image():
    pixels = np.random.default_rng(0).normal(20, 3, (100, 100)).astype(np.uint8)
    with pytest.raises(InputError, match=r"holds 2\d values that lie scattered"):
        from_labels(pixels)


def test_labels_in_a_few_pieces_are_labels():
    labels = np.zeros((100, 100), np.uint8)
    for number in range(30):
        labels[3 * number : 3 * number + 2] = number + 1
    labels[:, ::20] = 0  # five pieces each
    assert len(from_labels(labels)) == 30


def test_one_value_in_separate_pieces_is_undivided():
    assert is_undivided(from_labels((LABELS > 0) * np.uint8(255)))
    assert not is_undivided(from_labels(LABELS))
    assert not is_undivided(from_labels((LABELS == 7) * np.uint8(255)))
    assert not is_undivided(from_labels(np.zeros_like(LABELS)))


def test_many_instances_that_lie_across_are_labels():
    """Lines of two pixels' width from corner to corner, whose boxes cover them many times."""
    labels = np.zeros((400, 400), np.uint16)
    for number, offset in enumerate(range(-240, 241, 4), start=1):
        for width in (0, 1):
            rows = np.arange(max(0, -offset - width), min(400, 400 - offset - width))
            labels[rows, rows + offset + width] = number
    assert len(from_labels(labels)) == 121


def test_a_colour_picture_is_refused(tmp_path):
    picture = np.zeros((3, 5, 3), np.uint8)
    picture[0, 0] = (255, 0, 0)
    with pytest.raises(InputError, match="colour picture"):
        read_instances(write(tmp_path, picture, photometric="rgb"))


def test_masks_of_another_shape_than_the_image_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"3 x 5 pixels, but the image is 5 x 3"):
        read_instances(write(tmp_path, LABELS), shape=(5, 3))


def test_pages_of_different_sizes_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((3, 5), np.uint8), photometric="minisblack")
        writer.write(np.zeros((3, 4), np.uint8), photometric="minisblack")
    with pytest.raises(InputError, match="different sizes"):
        read_instances(tmp_path / "a.tif")
