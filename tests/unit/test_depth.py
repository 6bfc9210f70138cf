"""Pixels of every mode against NumPy: more than 8 bits, levels, white as zero, DICOM."""

import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from ganvas import images
from ganvas.errors import DataError
from ganvas.images import Extent, levels_of, repair
from refusals import refuses

RAMP = np.arange(96).reshape(8, 12)
CLASSIC = {"<": b"II*\0", ">": b"MM\0*"}


def tiff(values: np.ndarray, order: str = "<", white_is_zero: bool = False, **tags: int) -> bytes:
    """A grey TIFF file by hand: a strip, no compression, in the type of the values."""
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    content = values.astype(values.dtype.newbyteorder(order)).tobytes()
    height, width = values.shape
    entries = {
        256: width, 257: height, 258: 8 * values.itemsize, 259: 1, 262: int(not white_is_zero),
        273: 8, 277: 1, 278: height, 279: len(content), 339: kind,
        **{int(tag[1:]): value for tag, value in tags.items()},
    }  # fmt: skip
    table = struct.pack(order + "H", len(entries))
    for tag, value in sorted(entries.items()):
        long = tag in (256, 257, 273, 278, 279)
        table += struct.pack(order + "HHI", tag, 4 if long else 3, 1)
        table += struct.pack(order + ("I" if long else "HH"), value, *(() if long else (0,)))
    return CLASSIC[order] + struct.pack(order + "I", 8 + len(content)) + content + table + bytes(4)


def full(values):
    return (np.clip(values.astype(np.int64), 0, 65535) + 128) // 257


def scaled(values, low, high):
    return np.rint(np.clip((values.astype(np.float64) - low) * 255 / (high - low), 0, 255))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize("name", ["uint16", "int16", "uint32", "int32", "float32"])
def test_tiff_of_every_type(name, white_is_zero, order):
    values = RAMP.astype(name) * (40 if name != "float32" else np.float32(0.01))
    values = values - values.dtype.type(1000) if name.startswith("int") else values
    file = tiff(values, order, white_is_zero)
    if name == "uint32" and order == ">":
        with refuses(DataError, "Pillow does not read"):
            images.read(file)
        return
    low, high = float(values.min()), float(values.max())
    assert images.probe(file) == (8, 12, True, False, True, False, False)
    assert images.extent(file) == (low, high, name == "float32")
    ways = [((low, high), scaled(values, low, high)), ((low - 7, high / 2), None)]
    if name != "float32":
        ways.append(("full", full(values)))
    for levels, expected in ways:
        expected = scaled(values, *levels) if expected is None else expected
        expected = 255 - expected if white_is_zero else expected
        np.testing.assert_array_equal(images.read(file, levels=levels)[..., 0], expected)


def test_colour_with_sixteen_bits_is_told_from_eight(tmp_path):
    row = b"\0" + struct.pack(">12H", *range(1000, 1012))
    content = repair.PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0))
    content += chunk(b"IDAT", zlib.compress(4 * row)) + chunk(b"IEND", b"")
    assert images.probe(content).reduced and images.read(content).max() == 3
    Image.fromarray(np.dstack([RAMP] * 3).astype(np.uint8)).save(tmp_path / "a.png")
    assert not images.probe(tmp_path / "a.png").reduced


def test_large_unsigned_values_are_not_negative():
    file = tiff(RAMP.astype(np.uint32) * 40_000_000)
    assert images.extent(file) == (0, 95 * 40_000_000, False)


@pytest.mark.parametrize("white_is_zero", [False, True])
def test_white_is_zero_with_few_bits(white_is_zero):
    eight = (RAMP * 2).astype(np.uint8)
    read = images.read(tiff(eight, white_is_zero=white_is_zero))[..., 0]
    np.testing.assert_array_equal(read, 255 - eight if white_is_zero else eight)
    bits = np.unpackbits(np.array([[0b10110000, 0b11010000]], np.uint8).repeat(8, 0), axis=1)
    packed = tiff(np.packbits(bits[:, :12], axis=1), white_is_zero=white_is_zero, t256=12, t258=1)
    expected = bits[:, :12] * 255
    expected = 255 - expected if white_is_zero else expected
    np.testing.assert_array_equal(images.read(packed)[..., 0], expected)


def test_twelve_bits_stored_in_sixteen(tmp_path):
    values = (RAMP * 43).astype(np.uint16)
    for name in ("a.png", "a.tif", "a.pgm"):
        Image.fromarray(values).save(tmp_path / name)
        read = images.read(tmp_path / name, levels=(0, 4095))[..., 0]
        np.testing.assert_array_equal(read, scaled(values, 0, 4095))
        assert images.read(tmp_path / name).max() == 16  # what it was
    swapped = tiff(values, ">")
    with Image.open(tmp_path / "a.tif") as ours:
        assert ours.mode == "I;16"
    np.testing.assert_array_equal(images.read(swapped, levels=(0, 4095))[..., 0], read)


@pytest.mark.parametrize(
    ("low", "high", "floats", "levels"),
    [(0, 200, False, (0, 255)), (3, 1023, False, (0, 1023)), (0, 1024, False, (0, 4095)),
     (0, 16383, False, (0, 16383)), (0, 16384, False, "full"), (0, 70_000, False, (0, 70_000)),
     (-1000, 3000, False, (-1024, 3071)), (-3000, 10, False, (-3000, 10)),
     (0.1, 0.9, True, (0, 1)), (-1.5, 7.25, True, (-1.5, 7.25)), (5.0, 5.0, True, (5, 6))],
)  # fmt: skip
def test_levels_by_the_values(low, high, floats, levels):
    assert levels_of(Extent(low, high, floats)) == levels


def test_floats_need_levels_and_numbers():
    values = RAMP.astype(np.float32)
    with refuses(DataError, "data.levels"):
        images.read(tiff(values))
    values[3, 3] = np.nan
    for look in (images.extent, lambda file: images.read(file, levels=(0, 1))):
        with refuses(DataError, "NaN"):
            look(tiff(values))


def test_palette_with_transparency_and_grey_with_alpha(tmp_path):
    colours = np.array([[10, 20, 30], [200, 100, 0], [7, 7, 7]], np.uint8)
    index = (RAMP % 3).astype(np.uint8)
    picture = Image.fromarray(index)
    picture.putpalette(colours.ravel().tolist())
    picture.save(tmp_path / "p.png", transparency=bytes([255, 128, 0]))
    read = images.read(tmp_path / "p.png")
    np.testing.assert_array_equal(read[..., :3], colours[index])
    np.testing.assert_array_equal(read[..., 3], np.array([255, 128, 0])[index])
    both = np.dstack([RAMP, 255 - RAMP]).astype(np.uint8)
    Image.fromarray(both).save(tmp_path / "la.png")
    np.testing.assert_array_equal(images.read(tmp_path / "la.png"), both)
    over = np.rint(both[..., 0] * (both[..., 1] / 255) + 255 - both[..., 1])
    assert np.abs(images.read(tmp_path / "la.png", channels=1)[..., 0] - over).max() <= 1
    ink = np.random.default_rng(0).integers(0, 256, (8, 12, 4), np.uint8)
    Image.fromarray(ink, "CMYK").save(tmp_path / "cmyk.tif")
    expected = np.asarray(Image.fromarray(ink, "CMYK").convert("RGB"))
    np.testing.assert_array_equal(images.read(tmp_path / "cmyk.tif"), expected)


def chunk(kind: bytes, content: bytes, wrong: int = 0) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body) ^ wrong)


@pytest.mark.parametrize("where", [33, -12])  # after the header, before the end
@pytest.mark.parametrize(
    "extra",
    [chunk(b"zTXt", b"XML\0\0" + zlib.compress(bytes(3_000_000))),
     chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(3_000_000))),
     chunk(b"tEXt", b"a\0b", wrong=1), chunk(b"gAMA", b"\0\0\0\1", wrong=1)],
    ids=["long text", "long xmp", "text checksum", "gamma checksum"],
)  # fmt: skip
def test_png_with_a_bad_chunk_beside_the_pixels(tmp_path, extra, where):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    content = content[:where] + extra + content[where:]
    np.testing.assert_array_equal(images.read(content), pixels)
    assert images.probe(content)[:2] == (8, 12)
    with refuses(DataError):
        images.read(content[: -len(extra) - 40] if where < 0 else content[:-40])  # truncated


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif", "a.avif", "a.jpg"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_orientation_in_every_format(tmp_path, name, orientation):
    shades = np.kron([[0, 80], [160, 240]], np.ones((8, 12))).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if name.endswith("webp") else {}
    Image.fromarray(shades).save(tmp_path / name, exif=exif, **options)
    read = images.read(tmp_path / name, channels=1)[..., 0].astype(int)
    expected = np.rot90(shades, 2 if orientation == 3 else -1).astype(int)
    assert read.shape == expected.shape == images.probe(tmp_path / name)[:2]
    assert np.abs(read - expected)[::3, ::3].mean() < 12


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tif"])
def test_the_first_of_several_frames(tmp_path, name):
    first = np.kron([[0, 255]], np.ones((8, 6))).astype(np.uint8)
    frames = [Image.fromarray(first), Image.fromarray(255 - first)]
    options = {"lossless": True} if name.endswith("webp") else {}
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
    assert images.probe(tmp_path / name).several
    np.testing.assert_array_equal(images.read(tmp_path / name, channels=1)[..., 0], first)
    frames[0].save(tmp_path / name)
    assert not images.probe(tmp_path / name).several


class TestDicom:
    @pytest.fixture
    def written(self):
        pydicom = pytest.importorskip("pydicom")
        from pydicom.dataset import FileDataset, FileMetaDataset
        from pydicom.uid import ExplicitVRLittleEndian, generate_uid

        def write(path, pixels, kind="MONOCHROME2", slope=1, intercept=0):
            meta = FileMetaDataset()
            meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
            meta.MediaStorageSOPInstanceUID = generate_uid()
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            about = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
            about.Rows, about.Columns = pixels.shape[:2]
            about.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
            about.PlanarConfiguration = 0
            about.PhotometricInterpretation = kind
            about.BitsAllocated = about.BitsStored = 8 * pixels.itemsize
            about.HighBit = about.BitsStored - 1
            about.PixelRepresentation = int(pixels.dtype.kind == "i")
            about.RescaleSlope, about.RescaleIntercept = slope, intercept
            about.PixelData = pixels.tobytes()
            pydicom.dcmwrite(path, about, enforce_file_format=True)
            return path

        return write

    @pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
    def test_values_by_slope_and_intercept(self, written, tmp_path, kind):
        stored = (RAMP * 40).astype(np.uint16)
        file = written(tmp_path / "IM0001", stored, kind, 2, -1024)
        assert images.is_image(file)
        assert images.probe(file) == (8, 12, True, False, True, False, False)
        units = stored.astype(int) * 2 - 1024
        assert images.extent(file) == (units.min(), units.max(), False)
        expected = scaled(units, -1024, 3071)
        expected = 255 - expected if kind == "MONOCHROME1" else expected
        read = images.read(file, levels=(-1024, 3071))[..., 0]
        np.testing.assert_array_equal(read, expected)

    def test_eight_bits_and_colour(self, written, tmp_path):
        eight = RAMP.astype(np.uint8)
        read = images.read(written(tmp_path / "a.dcm", eight, "MONOCHROME1"))[..., 0]
        np.testing.assert_array_equal(read, 255 - eight)
        colour = np.dstack([eight, eight + 1, eight * 2])
        read = images.read(written(tmp_path / "b.dcm", colour, "RGB"))
        np.testing.assert_array_equal(read, colour)


def test_dicom_without_pydicom_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with refuses(DataError, "ganvas[dicom]"):
        images.read(bytes(128) + b"DICM" + bytes(64))
