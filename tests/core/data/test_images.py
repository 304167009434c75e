import io
import logging
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile

from napari_probinst.core.data import raster as raster_module
from napari_probinst.core.data.io import Image, read_image
from napari_probinst.core.errors import InputError

PLANE = np.arange(35, dtype=np.uint16).reshape(5, 7) * 100
PAIR = np.stack([PLANE, PLANE + 1])
SQUARE = (np.arange(48 * 64).reshape(48, 64) % 251).astype(np.uint8)


def write(folder, pixels, name="a.tif", **options):
    path = folder / name
    tifffile.imwrite(path, pixels, **options)
    return path


def refusal(path, **options):
    with pytest.raises(InputError) as caught:
        read_image(path, **options)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    assert message.endswith(".")
    return message


@pytest.mark.parametrize(
    "dtype",
    ["u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8", ">u2", ">f4", "u8"],
)
def test_native_types_are_kept(tmp_path, dtype):
    pixels = np.arange(35).reshape(5, 7).astype(dtype)
    image = read_image(write(tmp_path, pixels, byteorder=">" if dtype[0] == ">" else "<"))
    assert image.channels.dtype == np.dtype(dtype).newbyteorder("=")
    assert image.channels.dtype.isnative
    assert np.array_equal(image.channels[0], pixels)


def test_bits_become_bytes(tmp_path):
    bits = np.eye(5, 9, dtype=bool)
    image = read_image(write(tmp_path, bits))
    assert image.channels.dtype == np.uint8
    assert np.array_equal(image.channels[0], bits)


@pytest.mark.parametrize(
    "options",
    [
        {"bigtiff": True},
        {"byteorder": ">"},
        {"tile": (16, 32)},
        {"rowsperstrip": 5},
        {"compression": "lzw"},
        {"compression": "zlib", "predictor": True},
        {"compression": "zstd"},
        {"compression": "zstd", "tile": (16, 16)},
        {"compression": "packbits"},
        {"compression": "lzma"},
        {"ome": True},
        {"imagej": True},
        {"metadata": None},
        {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)},
    ],
    ids=str,
)
def test_containers_and_compressions(tmp_path, options):
    image = read_image(write(tmp_path, SQUARE, **options))
    assert np.array_equal(image.channels, SQUARE[np.newaxis])


def test_jpeg_is_nearly_the_same(tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    image = read_image(write(tmp_path, smooth, compression="jpeg"))
    assert np.abs(image.channels[0].astype(int) - smooth).max() <= 2


def test_jpeg_colours_are_colours(tmp_path):
    colours = np.full((32, 32, 3), (200, 0, 0), np.uint8)
    path = write(tmp_path, colours, photometric="rgb", compression="jpeg")
    image = read_image(path)
    assert image.channels.shape == (1, 32, 32)
    assert abs(int(image.channels[0, 9, 9]) - 60) <= 2


def test_min_is_white_is_inverted(tmp_path):
    image = read_image(write(tmp_path, PLANE, photometric="miniswhite"))
    assert np.array_equal(image.channels[0], 65535 - PLANE)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 1, 1), (2, 3, 1)])
def test_small_and_odd_sizes(tmp_path, shape):
    pixels = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    axes = "CYX"[-len(shape) :]
    path = write(tmp_path, pixels, ome=True, metadata={"axes": axes})
    assert np.array_equal(read_image(path).channels, pixels.reshape(-1, *shape[-2:]))


def test_axes_of_the_metadata(tmp_path):
    for options in (
        {"imagej": True, "metadata": {"axes": "CYX"}},
        {"imagej": True, "metadata": {"axes": "TZCYX"}},
        {"ome": True, "metadata": {"axes": "CYX"}},
        {"metadata": {"axes": "CYX"}},
        {"metadata": None},
    ):
        pixels = PAIR if options["metadata"] != {"axes": "TZCYX"} else PAIR[None, None]
        assert np.array_equal(read_image(write(tmp_path, pixels, **options)).channels, PAIR)


def test_virtual_imagej_stack_with_one_header(tmp_path):
    header = "ImageJ=1.11a\nimages=2\nchannels=2\nhyperstack=true\nmode=grayscale\n"
    path = write(tmp_path, PLANE, description=header, metadata=None)
    content = path.read_bytes()
    path.write_bytes(content + PLANE.tobytes())
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 1
    assert np.array_equal(read_image(path).channels, np.stack([PLANE, PLANE]))


def test_an_override_of_axes(tmp_path):
    path = write(tmp_path, PAIR, imagej=True, metadata={"axes": "ZYX"})
    assert "2 along depth" in refusal(path)
    assert np.array_equal(read_image(path, axes="CYX").channels, PAIR)


def test_alpha_is_dropped(tmp_path):
    colours = np.zeros((5, 7, 4), np.uint8)
    colours[..., :3], colours[..., 3] = 90, 17
    path = write(tmp_path, colours, photometric="rgb", extrasamples=["unassalpha"])
    assert (read_image(path).channels == 90).all()
    grey = colours[..., 2:]
    path = write(tmp_path, grey, photometric="minisblack", extrasamples=["unassalpha"])
    assert (read_image(path).channels == 90).all()
    assert read_image(path).channels.shape == (1, 5, 7)


@pytest.mark.parametrize("n_planes", [3, 4])
def test_colours_in_separate_planes_are_channels(tmp_path, n_planes):
    planes = np.arange(n_planes * 35, dtype=np.uint16).reshape(n_planes, 5, 7)
    path = write(tmp_path, planes, photometric="rgb", planarconfig="separate")
    assert np.array_equal(read_image(path).channels, planes)


def test_two_samples_without_alpha_are_channels(tmp_path):
    both = np.moveaxis(PAIR, 0, -1)
    path = write(tmp_path, both, photometric="minisblack", planarconfig="contig")
    assert np.array_equal(read_image(path).channels, PAIR)


def test_ome_names_and_pixel_size(tmp_path):
    path = write(
        tmp_path,
        PAIR,
        name="plate 1.ome.tif",
        metadata={
            "axes": "CYX",
            "Channel": {"Name": ["bright field", "GFP"]},
            "PhysicalSizeY": 650.0,
            "PhysicalSizeYUnit": "nm",
            "PhysicalSizeX": 0.5,
        },
    )
    image = read_image(path)
    assert image.name == "plate 1"
    assert image.channel_names == ("bright field", "GFP")
    assert image.pixel_size == pytest.approx((0.65, 0.5))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"imagej": True, "metadata": {"unit": "um"}, "resolution": (2, 4)}, (0.25, 0.5)),
        ({"imagej": True, "metadata": {"unit": "micron"}, "resolution": (2, 4)}, (0.25, 0.5)),
        ({"imagej": True, "metadata": {"unit": "pixel"}, "resolution": (2, 4)}, None),
        ({"imagej": True, "resolution": (2, 4)}, None),
        ({"resolution": (20000, 10000), "resolutionunit": "CENTIMETER"}, (1.0, 0.5)),
        ({"resolution": (50800, 50800), "resolutionunit": "INCH"}, (0.5, 0.5)),
        ({"resolution": (72, 72), "resolutionunit": "INCH"}, None),
        ({"resolution": (2, 2), "resolutionunit": "NONE"}, None),
        ({}, None),
        ({"ome": True}, None),
        ({"ome": True, "metadata": {"PhysicalSizeX": 2, "PhysicalSizeXUnit": "pixel"}}, None),
    ],
    ids=str,
)
def test_pixel_size_where_stated(tmp_path, options, expected):
    assert read_image(write(tmp_path, PLANE, **options)).pixel_size == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("samples", [0, 2, 3, 4])
def test_png(tmp_path, dtype, samples):
    grey = np.arange(35).reshape(5, 7).astype(dtype) * (7 if dtype == np.uint8 else 1800)
    pixels = np.repeat(grey[..., None], samples, axis=-1) if samples else grey
    path = tmp_path / "a.PNG"
    path.write_bytes(imagecodecs.png_encode(pixels))
    image = read_image(path)
    assert image.channels.dtype == dtype
    assert np.array_equal(image.channels, grey[np.newaxis])


def test_an_image_is_read_only_and_checked():
    image = Image("a", np.zeros((2, 3, 4)), ("x", "y"))
    assert image.shape == (3, 4)
    assert image.present == (True, True)
    with pytest.raises(ValueError, match="read-only"):
        image.channels[0, 0, 0] = 1
    with pytest.raises(ValueError, match="channels, height, width"):
        Image("a", np.zeros((3, 4)), ("x",))
    with pytest.raises(ValueError, match="names"):
        Image("a", np.zeros((2, 3, 4)), ("x",))


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
@pytest.mark.parametrize("content", [b"", b"II*\0", b"just some text\n" * 9, b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert "a." in refusal(path)


def test_an_absent_file_a_folder_and_an_unknown_suffix_are_refused(tmp_path):
    assert "doesn't exist" in refusal(tmp_path / "a.tif")
    assert "doesn't exist" in refusal(tmp_path / "a.png")
    folder = tmp_path / "b.tif"
    folder.mkdir()
    assert "is a folder" in refusal(folder)
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    assert ".jpg" in refusal(path)


@pytest.mark.parametrize("where", [(0, 0, 0), (1, 3, 2)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted_and_placed(tmp_path, value, where):
    pixels = np.zeros((2, 5, 7), np.float32)
    pixels[where] = pixels[1, 4, 6] = value
    message = refusal(write(tmp_path, pixels, metadata={"axes": "CYX"}))
    assert "2 pixels" in message
    assert f"channel {where[0] + 1} at y={where[1]}, x={where[2]}" in message


def test_a_thumbnail_is_ignored_but_a_second_image_is_refused(tmp_path):
    for second, refused in ((PLANE[::2, ::2], False), (PLANE, True)):
        path = tmp_path / f"{refused}.ome.tif"
        with tifffile.TiffWriter(path, ome=True) as writer:
            writer.write(PLANE)
            writer.write(second)
        if refused:
            assert "2 images of the same size" in refusal(path)
        else:
            assert np.array_equal(read_image(path).channels[0], PLANE)


def test_complex_numbers_are_refused(tmp_path):
    assert "complex64" in refusal(write(tmp_path, np.zeros((5, 7), np.complex64)))


def test_cmyk_is_refused(tmp_path):
    path = write(tmp_path, np.zeros((5, 7, 4), np.uint8), photometric="separated")
    assert "colour model" in refusal(path)


@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "zlib"}, {"tile": (16, 16)}, {"rowsperstrip": 8}, {"bigtiff": True}],
    ids=str,
)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_truncated_files_are_never_filled_up(tmp_path, options, share):
    noise = np.random.default_rng(0).integers(1, 255, (2, 48, 64), dtype=np.uint8)
    path = write(tmp_path, noise, metadata={"axes": "CYX"}, **options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refusal(path)


@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_truncated_hyperstacks_are_refused(tmp_path, kind):
    path = write(tmp_path, PAIR, metadata={"axes": "CYX"}, **{kind: True})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 20])
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        end = file.pages[-1].dataoffsets[0] + PLANE.nbytes
    path.write_bytes(content[: end - 1])
    refusal(path)


def test_tiles_that_were_never_written_are_refused(tmp_path):
    path = write(tmp_path, SQUARE, rowsperstrip=12)
    with tifffile.TiffFile(path) as file:
        tag = file.pages.first.tags["StripByteCounts"]
        offset, size = tag.valueoffset, tag.dtype
    content = bytearray(path.read_bytes())
    content[offset : offset + (2 if size == 3 else 4)] = b"\0" * (2 if size == 3 else 4)
    path.write_bytes(content)
    assert "missing" in refusal(path)


def test_planes_in_an_absent_file_of_an_ome_set_are_refused(tmp_path):
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" '
        'SizeX="7" SizeY="5" SizeC="2" SizeZ="1" SizeT="1">'
        '<Channel ID="Channel:0" SamplesPerPixel="1"/><Channel ID="Channel:1"/>'
        '<TiffData IFD="0" FirstC="0" PlaneCount="1"><UUID FileName="a.tif">urn:uuid:1</UUID>'
        '</TiffData><TiffData IFD="0" FirstC="1" PlaneCount="1">'
        '<UUID FileName="b.tif">urn:uuid:2</UUID></TiffData></Pixels></Image></OME>'
    )
    path = write(tmp_path, PLANE, description=xml, metadata=None)
    assert "plane 2 of 2" in refusal(path)


def test_a_header_larger_than_memory_is_refused_before_allocating(tmp_path, monkeypatch):
    path = write(tmp_path, SQUARE)
    assert "3.07e-06 GB" in refusal(path, memory_limit=SQUARE.nbytes - 1)
    assert read_image(path, memory_limit=SQUARE.nbytes).shape == SQUARE.shape
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages.first.tags["ImageLength"].overwrite(2_000_000_000)
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", lambda *args, **options: 1 / 0)
    refusal(path)


def test_a_png_header_larger_than_memory_is_refused_before_allocating(tmp_path):
    content = bytearray(imagecodecs.png_encode(SQUARE))
    content[16:24] = struct.pack(">II", 2_000_000_000, 2_000_000_000)
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert "may take here" in refusal(path)


def test_the_default_limit_is_a_share_of_memory(monkeypatch):
    assert 0 < raster_module.default_memory_limit() < 2**50
    monkeypatch.delattr(raster_module.os, "sysconf")
    assert raster_module.default_memory_limit() == 2 * 2**30


def test_nothing_is_logged_and_other_logs_are_left_alone(tmp_path, caplog):
    path = write(tmp_path, np.zeros((2, 48, 64), np.uint8), compression="lzw")
    path.write_bytes(path.read_bytes()[:-30])
    refusal(path)
    assert not caplog.records
    logging.getLogger("tifffile").error("mine")
    assert [record.message for record in caplog.records] == ["mine"]


def test_damaged_bytes_give_pixels_or_one_sentence(tmp_path):
    """Whatever is broken in a file, nothing but InputError comes out."""
    generator = np.random.default_rng(1)
    noise = generator.integers(0, 255, (2, 20, 24), dtype=np.uint8)
    originals = []
    for options in ({"ome": True}, {"imagej": True}, {"compression": "lzw"}, {"tile": (16, 16)}):
        stream = io.BytesIO()
        tifffile.imwrite(stream, noise, **options)
        originals.append(("a.tif", stream.getvalue()))
    originals.append(("a.png", imagecodecs.png_encode(noise[0])))
    refused = []
    for name, content in originals:
        for _ in range(25):
            broken = bytearray(content)
            header = 700 if name == "a.tif" else 60
            for place in generator.integers(0, min(len(content), header), 3):
                broken[place] = generator.integers(0, 256)
            path = tmp_path / name
            path.write_bytes(broken)
            try:
                read_image(path, memory_limit=10**6)
            except InputError as error:
                refused.append(str(error))
    assert len(refused) > 25
    assert not any("\n" in message for message in refused)
