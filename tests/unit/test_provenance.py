"""Images that say that they were generated: written, read back, and by strangers."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, features
from typer.testing import CliRunner

from ganvas import images
from ganvas.cli.app import app
from ganvas.errors import DataError
from ganvas.images import fast_png, provenance
from ganvas.images.films import write_film
from ganvas.images.provenance import PRODUCER, SOURCE_TYPE, read

FRAMES = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)


def written(folder, kind):
    path = folder / f"image.{kind}"
    if kind == "png":
        images.write_png(path, FRAMES[0], {"seed": "3"}, synthetic=True)
    elif kind == "mp4":
        head = struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 512)
        path.write_bytes(provenance.in_mp4(head, provenance.packet()))
    else:
        write_film(path, FRAMES, 1.0)
    return path


@pytest.mark.parametrize("kind", ["png", "gif", "webp", "mp4"])
def test_each_format_says_that_it_was_generated(kind, tmp_path, monkeypatch):
    if kind == "webp" and not features.check("webp"):
        pytest.skip("Pillow without WebP")
    monkeypatch.setenv(PRODUCER, 'Müller & Söhne <"图像">')
    said = read(written(tmp_path, kind))
    assert said.generated
    assert said.source_type == SOURCE_TYPE
    assert said.aigc["ContentProducer"] == 'Müller & Söhne <"图像">'
    if kind != "mp4":
        with Image.open(tmp_path / f"image.{kind}") as image:
            assert getattr(image, "n_frames", 1) == (1 if kind == "png" else 3)
            image.load()


def test_an_mp4_still_consists_of_whole_boxes(tmp_path):
    content, kinds = written(tmp_path, "mp4").read_bytes(), []
    while content:
        length, kind = struct.unpack(">I4s", content[:8])
        kinds.append(kind)
        content = content[length:]
    assert kinds == [b"ftyp", b"uuid"]


def test_pillow_reads_the_packet_of_a_png_and_the_pixels_are_the_same(tmp_path):
    path = written(tmp_path, "png")
    with Image.open(path) as image:
        assert SOURCE_TYPE in image.info["XML:com.adobe.xmp"]
        assert image.info["seed"] == "3"
        np.testing.assert_array_equal(np.asarray(image), FRAMES[0])


def test_real_images_are_not_labelled(tmp_path):
    images.write_png(tmp_path / "real.png", FRAMES[0])
    assert read(tmp_path / "real.png") is None


def test_a_served_png_says_so_in_the_graph(tmp_path):
    files = tf.function(images.to_png)(images.to_float(FRAMES)).numpy()
    for file, frame in zip(files, FRAMES, strict=True):
        (tmp_path / "served.png").write_bytes(file)
        assert read(tmp_path / "served.png").generated
        with Image.open(tmp_path / "served.png") as image:  # Pillow checks the sums of chunks
            image.load()
            np.testing.assert_array_equal(np.asarray(image), frame)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_server_writes_the_same_pixels(channels, tmp_path):
    drawn = np.random.default_rng(0).integers(0, 256, (2, 5, 7, channels)).astype(np.uint8)
    files = list(fast_png.encoded(drawn))
    np.testing.assert_array_equal(np.stack([images.read(file) for file in files]), drawn)
    (tmp_path / "a.png").write_bytes(files[1])
    assert read(tmp_path / "a.png").generated


def test_the_number_is_that_of_the_pixels():
    numbers = {provenance.identifier(one) for one in [*FRAMES, FRAMES[0], FRAMES[0].reshape(-1)]}
    assert len(numbers) == len(FRAMES) + 1


@pytest.mark.parametrize(
    "xmp",
    [
        b"<x:xmpmeta ></x:xmpmeta>",
        b"<x:xmpmeta >not xml &</x:xmpmeta>",
        b'<x:xmpmeta ><!DOCTYPE a [<!ENTITY b "c">]>&b;</x:xmpmeta>',
        provenance.packet().replace("{", "[").encode(),
        provenance.packet().replace('{"', "[" * 9000).encode(),
    ],
)
def test_packets_of_strangers_are_not_believed_and_not_expanded(xmp, tmp_path):
    (tmp_path / "other.png").write_bytes(b"\x89PNG" + xmp)
    said = read(tmp_path / "other.png")
    assert not said.aigc
    assert said.generated == (SOURCE_TYPE.encode() in xmp)


def test_info_prints_the_origin_of_an_image(tmp_path):
    path = written(tmp_path, "png")
    run = CliRunner().invoke(app, ["info", str(path), "--json"])
    facts = json.loads(run.stdout)
    assert facts["generated"] == "yes" and facts["seed"] == "3"
    assert facts["ProduceID"] == provenance.identifier(FRAMES[0])
    images.write_png(path, FRAMES[0])
    assert "not said" in CliRunner().invoke(app, ["info", str(path)]).stdout


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file or directory: give an"):
        read(tmp_path / "none.png")
