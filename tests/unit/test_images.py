"""Images at the border: every format and mode, and what is refused."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from ganvas import images
from ganvas.errors import DataError, Diverged
from refusals import refuses

RGB = np.zeros((8, 12, 3), np.uint8)
RGB[:, :6] = (250, 10, 20)
RGB[:, 6:] = (20, 30, 240)


def saved(tmp_path, name, image=RGB, mode=None, **options):
    picture = Image.fromarray(image)
    path = tmp_path / name
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


def test_there_and_back_for_every_value():
    every = np.arange(256, dtype=np.uint8)
    floats = images.to_float(every)
    assert (floats.min(), floats.max(), floats.dtype) == (-1, 1, np.float32)
    np.testing.assert_array_equal(images.to_uint8(floats), every)
    np.testing.assert_array_equal(images.to_uint8(np.array([-9.0, 9.0])), [0, 255])
    with refuses(Diverged, "NaN"):
        images.to_uint8(np.array([np.nan]))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.gif", "a.webp", "a.tiff"])
def test_formats(tmp_path, name):
    options = {"lossless": True} if name.endswith("webp") else {}
    read = images.read(saved(tmp_path, name, **options), channels=3)
    assert read.shape == RGB.shape
    middle = np.s_[2:6, 1:4]
    assert np.abs(read[middle].astype(int) - RGB[middle]).max() < 12


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4), ("P", 3)]
)
def test_modes(tmp_path, mode, channels):
    path = saved(tmp_path, "a.png", mode=mode)
    assert images.read(path).shape == (8, 12, channels)
    assert images.probe(path).alpha == (mode in ("LA", "RGBA"))
    for wanted in (1, 2, 3, 4):
        assert images.read(path, channels=wanted).shape == (8, 12, wanted)


def test_cmyk_and_sixteen_bits(tmp_path):
    assert images.read(saved(tmp_path, "a.jpg", mode="CMYK")).shape == (8, 12, 3)
    wide = np.linspace(0, 65535, 96).reshape(8, 12).astype(np.uint16)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    read = images.read(tmp_path / "wide.png")[..., 0]
    np.testing.assert_array_equal(read, (wide.astype(int) + 128) // 257)


def test_first_frame_of_a_gif(tmp_path):
    frames = [Image.fromarray(RGB), Image.fromarray(RGB[:, ::-1])]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    assert images.read(tmp_path / "two.gif", channels=3)[4, 2, 0] > 200


CORNERS = {  # orientation: what the corners show when the image stands upright
    1: "abcd", 2: "badc", 3: "dcba", 4: "cdab", 5: "acbd", 6: "cadb", 7: "dbca", 8: "bdac",
}  # fmt: skip


@pytest.mark.parametrize("orientation", CORNERS)
def test_exif_orientation(tmp_path, orientation):
    """Every one of the eight, by the corners; `probe` tells the size that `read` gives."""
    shades = np.kron([[0, 80], [160, 240]], np.ones((4, 6))).astype(np.uint8)  # a b, c d
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, "a.jpg", shades, exif=exif, quality=95)
    read = images.read(path)
    assert read.shape == ((8, 12, 1) if orientation < 5 else (12, 8, 1))
    assert images.probe(path)[:2] == read.shape[:2]
    corners = read[[1, 1, -2, -2], [1, -2, 1, -2], 0].astype(float)
    assert "".join("abcd"[round(shade / 80)] for shade in corners) == CORNERS[orientation]


def test_alpha_is_laid_over_white(tmp_path):
    clear = np.dstack([RGB, np.zeros((8, 12), np.uint8)])
    assert (images.read(saved(tmp_path, "a.png", clear), channels=3) == 255).all()


def test_crop_and_pad(tmp_path):
    path = saved(tmp_path, "a.png")
    cropped = images.read(path, (8, 8))
    assert cropped.shape == (8, 8, 3)
    assert (cropped.reshape(-1, 3).max(1) > 100).all()
    padded = images.read(path, (12, 12), fit="pad")
    assert (padded[:2] == 0).all()
    assert (padded[-2:] == 0).all()
    np.testing.assert_array_equal(padded[2:-2], RGB)


def test_much_too_big_is_shrunk_in_two_steps_and_looks_the_same(tmp_path):
    """Against Pillow's `fit` by the same filter in one step."""
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (60, 80, 3), np.uint8))
    noise = np.asarray(small.resize((320, 240)))
    for side, off in ((64, 0), (61, 0), (24, 10)):  # 3.75 and 3.9 times: one step; 10 times: two
        once = ImageOps.fit(Image.fromarray(noise), (side, side), Image.Resampling.BICUBIC)
        ours = images.read(saved(tmp_path, "a.png", noise), (side, side))
        apart = np.abs(ours.astype(int) - np.asarray(once))
        assert apart.max() <= off
        assert apart.mean() <= off / 5
        assert (apart.mean() > 0) == (off > 0)


def bomb(side: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "named"),
    [(b"", "a.png"), (b"a letter, not a picture", "a.png"), (bomb(30_000), 100), (bomb(1), 4)],
    ids=["empty", "letter", "large", "small"],
)
def test_refused_files(tmp_path, content, named):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    for look in (images.probe, images.read):
        with refuses(DataError, named):
            look(path)


def test_truncated_jpeg(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = saved(tmp_path, "a.jpg", noise)
    path.write_bytes(path.read_bytes()[:1500])
    with refuses(DataError, "truncated"):
        images.read(path)


def test_png_with_words_appears_whole(tmp_path):
    for channels in (1, 2, 3, 4):
        image = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
        path = tmp_path / "deep" / f"{channels}.png"
        images.write_png(path, image, {"seed": "7"})
        np.testing.assert_array_equal(images.read(path, channels=channels), image)
        assert Image.open(path).text == {"seed": "7"}
    assert len(list((tmp_path / "deep").iterdir())) == 4


def test_grid_and_film(tmp_path):
    cells = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 6, 1), np.uint8)
    sheet = images.grid(cells, columns=2)
    assert sheet.shape == (3 * 6 - 2, 2 * 8 - 2, 1)
    assert sheet[6, 8] == 3
    assert sheet[-1, -1] == 255
    images.write_gif(tmp_path / "a.gif", np.random.default_rng(0).integers(
        0, 256, (6, 8, 8, 1), dtype=np.uint8), seconds=0.6)  # fmt: skip
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 6
        assert film.info["duration"] == 100
