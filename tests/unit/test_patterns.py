"""The patterns kit: colours, seams, fields, textures, paths, each against what must hold."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from ganvas import images
from ganvas.errors import DataError, MissingExtra, UsageError
from ganvas.gan.networks import Texture
from ganvas.gan.networks.texture import take
from ganvas.kits.patterns import colour, directions, quilting, report, torus, vector
from ganvas.kits.patterns.crops import crops, cut_from, read_textures
from ganvas.kits.patterns.likeness import ALIKE, Likeness
from ganvas.kits.patterns.marks import read_marks
from ganvas.kits.patterns.measure import Seams, Steps, mirrored, repeats, seams
from ganvas.kits.patterns.mockups import fabric, repeated, wallpaper
from ganvas.kits.patterns.quilting import Grid, quilt
from ganvas.kits.patterns.results import (
    LogoFile,
    LogosReport,
    TileFile,
    TilesReport,
    VectorFile,
)
from ganvas.kits.patterns.tiling import make_tiles
from refusals import refuses

RNG = np.random.default_rng(0)
RED, NAVY = "#e63946", "#1d3557"


def noisy(height, width, seed=0):
    """A texture that tiles: smooth noise on a torus."""
    field = torus.smooth((height, width), 3, np.random.default_rng(seed), 2.0)
    return np.clip(128 + 40 * field, 0, 255).astype(np.uint8)


def disc(paint, size=32, paper=(255, 255, 255), radius=10, at=(16, 16)):
    y, x = np.mgrid[0:size, 0:size]
    inside = (y - at[0]) ** 2 + (x - at[1]) ** 2 <= radius**2
    return np.where(inside[..., None], paint, paper).astype(np.uint8)


# --- colours ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rgb", "lab"),  # Lindbloom's calculator, D65
    [((255, 0, 0), (53.24, 80.09, 67.20)), ((0, 0, 255), (32.30, 79.19, -107.86)),
     ((119, 119, 119), (50.03, 0, 0)), ((255, 255, 255), (100, 0, 0))],
)  # fmt: skip
def test_lab_of_known_colours(rgb, lab):
    np.testing.assert_allclose(colour.to_lab(np.array(rgb, np.uint8)), lab, atol=0.02)


def test_lab_and_back():
    pixels = RNG.integers(0, 256, (500, 3)).astype(np.uint8)
    np.testing.assert_array_equal(colour.to_rgb(colour.to_lab(pixels)), pixels)


def test_palettes_are_words_and_numbers():
    assert colour.parse_palette(" Red, #ABC ,#1d3557") == [colour.NAMED["red"], "#aabbcc", NAVY]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "palette is empty"), (" , ", "palette is empty"), ("rde", "did you mean 'red'"),
     ("#12345", "must be #rrggbb"), ("#gg0000", "must be #rrggbb")],
)  # fmt: skip
def test_palettes_that_are_none(text, words):
    with pytest.raises(UsageError, match=words):
        colour.parse_palette(text)


def test_main_colour_is_the_figure_s_and_not_the_paper_s():
    words = list(colour.NAMED)
    for word in ("red", "blue", "green", "black"):
        image = disc(colour.rgb_of([colour.NAMED[word]])[0], radius=6)
        assert words[colour.main_colours(image[None])[0]] == word


def test_a_palette_is_found_in_order_of_area():
    image = disc(colour.rgb_of([RED])[0], radius=14)
    image[:4] = colour.rgb_of([NAVY])
    found, shares = colour.palette(image, 3)
    assert found[:2] == [RED, "#ffffff"] or found[:2] == ["#ffffff", RED]
    assert found[2] == NAVY
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares) <= 0).all()


def test_recolouring_gives_the_colour_asked_for_and_keeps_the_paper():
    image = disc(colour.rgb_of(["#2e9e3e"])[0])
    changed = colour.recolour(image, [RED])
    assert colour.hex_of(changed[16, 16][None]) == [RED]
    np.testing.assert_array_equal(changed[0, 0], [255, 255, 255])


def test_recolouring_keeps_shades():
    image = disc((46, 158, 62))
    image[12:16, 12:16] = (30, 110, 42)
    changed = colour.recolour(image, [RED])
    light, dark = colour.to_lab(changed[18, 18]), colour.to_lab(changed[13, 13])
    assert dark[0] < light[0] - 5


def test_ink_ends_at_its_colours():
    drawn = colour.ink(np.array([[0, 255]], np.uint8), RED, "#000000")
    assert colour.hex_of(drawn[0]) == ["#000000", RED]


# --- seams and fields ---------------------------------------------------------------------------


def test_a_tile_has_no_seam_and_its_crop_has_one():
    tile = noisy(96, 128)
    assert seams(tile).within
    assert seams(tile).ratio == pytest.approx(1, abs=0.3)
    crop = seams(tile[:50, :70])
    assert not crop.within
    assert crop.ratio > 2


def test_one_open_side_is_enough_to_be_found():
    assert not seams(noisy(96, 128)[:, :70]).within
    found = seams(noisy(96, 128)[:, :70])
    assert found.columns.ratio > 2 > found.rows.ratio


def test_a_mirror_tiles_too_smoothly():
    assert seams(mirrored(noisy(64, 64)[:40, :40])).ratio == 0


def test_a_tile_within_the_view_repeats_and_noise_does_not():
    assert repeats(noisy(128, 128), view=256) == pytest.approx(1, abs=0.01)
    assert repeats(noisy(256, 256), view=256) < 0.3


def with_the_spectrum_of(image, seed=1):
    """Noise that has the same power at every frequency."""
    waves = np.fft.fft2(np.random.default_rng(seed).standard_normal(image.shape[:2]))
    phase = (waves / np.abs(waves))[..., None]
    mean = image.mean(axis=(0, 1))
    noise = np.fft.ifft2(np.fft.fft2(image - mean, axes=(0, 1)) * phase, axes=(0, 1)).real
    return np.clip(noise + mean, 0, 255).astype(np.uint8)


def test_structure_is_not_the_spectrum():
    """Spots: moved they are alike; noise of their spectrum, their blur and a surface are not."""
    spots = np.where(noisy(192, 192)[..., :1] > 140, 220, 30).astype(np.uint8).repeat(3, axis=2)
    likeness = Likeness(spots)
    assert likeness.distance(np.roll(spots, (50, 71), (0, 1))) < ALIKE
    assert likeness.distance(with_the_spectrum_of(spots)) > 2 * ALIKE
    soft = np.asarray(Image.fromarray(spots).resize((24, 24)).resize((192, 192)))
    assert likeness.distance(soft) > 2 * ALIKE
    assert likeness.distance(np.full((64, 64, 3), 90, np.uint8)) > 0.8


# --- quilting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 64), (96, 130), (500, 71)])
def test_blocks_cover_the_torus_and_overlap(size):
    grid = Grid.of(size, 24)
    covered = np.zeros(size, int)
    for i, top in enumerate(grid.rows):
        for j, left in enumerate(grid.columns):
            where = np.ix_((top + np.arange(24)) % size[0], (left + np.arange(24)) % size[1])
            known = covered[where] > 0
            np.testing.assert_array_equal(known, quilting._strips(24, grid.overlaps(i, j)))
            covered[where] += 1
    assert covered.min() == 1 and covered.max() >= 4
    assert (covered > 1).mean() > 0.3


def test_the_mismatch_is_that_of_every_block():
    source = noisy(40, 50)
    blocks = quilting._Blocks(source, 12, np.random.default_rng(0))
    before = np.random.default_rng(1).uniform(0, 255, (12, 12, 3)).astype(np.float32)
    known = quilting._strips(12, (3, 4, 0, 2))
    found = blocks.mismatch(before, (3, 4, 0, 2))
    for top, left in ((0, 0), (28, 38), (5, 17)):
        block = source[top : top + 12, left : left + 12]
        wanted = ((block - before)[known] ** 2).mean()
        assert found[top, left] == pytest.approx(wanted, rel=1e-3)


def test_a_cut_takes_the_cheapest_path():
    """All paths of a small overlap are tried."""
    error = np.random.default_rng(0).uniform(0, 1, (5, 3))
    steps = list(itertools.product((-1, 0, 1), repeat=4))
    paths = [np.cumsum((start, *step)) for start in range(3) for step in steps]
    allowed = [path for path in paths if path.min() >= 0 and path.max() < 3]
    best = min(allowed, key=lambda path: error[np.arange(5), path].sum())
    found = quilting._right_of_path(error, 6)
    np.testing.assert_array_equal(found, np.arange(6) >= best[:, None])


@pytest.mark.parametrize("overlap", range(4))
def test_each_side_keeps_what_was_there(overlap):
    """Where old and new are equal, nothing is cut; at the outer border the old one stays, unless
    the path runs along it."""
    before, after = np.zeros((16, 16, 3), np.float32), np.full((16, 16, 3), 9, np.float32)
    overlaps = tuple(5 * (i == overlap) for i in range(4))
    inner = [(2, slice(None)), (slice(None), 2), (13, slice(None)), (slice(None), 13)][overlap]
    after[inner] = 0  # the cheapest path
    new = quilting._cuts(before, after, overlaps)
    turned = np.rot90(new, (0, -1, 2, 1)[overlap])  # the overlap on top
    assert not turned[:2].any() and turned[3:].all()


@pytest.mark.parametrize("closed", [False, True])
def test_a_quilt_is_of_its_texture_and_has_no_seam(closed):
    source = noisy(96, 128)
    tile = quilt(source, (128, 96), seed=3, closed=closed)
    assert tile.shape == (128, 96, 3) and tile.dtype == np.uint8
    colours = {tuple(pixel) for pixel in source.reshape(-1, 3)}
    assert {tuple(pixel) for pixel in tile.reshape(-1, 3)} <= colours
    np.testing.assert_array_equal(quilt(source, (128, 96), seed=3, closed=closed), tile)
    assert not np.array_equal(quilt(source, (128, 96), seed=4, closed=closed), tile)
    assert seams(tile).ratio < 2.2 < seams(source[:70, :70]).ratio


def test_a_texture_that_tiles_does_not_come_back_as_it_is():
    source = noisy(96, 96)
    tile = quilt(source, (192, 192), closed=True)
    assert repeats(np.tile(source, (2, 2, 1)), 192) > 0.95 > 0.8 > repeats(tile, 192)


SEAMS = seams(noisy(64, 64))
TILES = TilesReport(
    ("run",), (64, 96), "finished", (TileFile("tiles/a-0000.png", "a", 0, SEAMS, 0.1, 0.5),),
    1.0, 1.0, 2.5, 3.0, "gan", 0.1, 0.5,
)  # fmt: skip
LOGO = LogoFile("logos/0000.png", "red/02", None, 3, "item 3", 1.5)
PATHS = dataclasses.replace(LOGO, svg=VectorFile("svg/0000.svg", 900, 7.5))
LOGOS = LogosReport(
    "run", "finished", ("red/02",), 0.8, (RED,), 0, (NAVY,),
    ({"truncation": 0.5, "precision": None, "recall": 0.2},), (LOGO, PATHS), 2.5, 3.0,
    "gan", {"precision": 0.4},
)  # fmt: skip
RESULTS = {
    "seams": (TILES.tiles[0].seams, ["rows", "columns", "ratio", "within"]),
    "tiles": (TILES, ["runs", "size", "status", "tiles", "ratio", "within", "seconds_training",
                      "seconds", "engine", "distance", "repeats"]),
    "logo": (LOGO, ["file", "kind", "main", "nearest", "nearest_name", "distance", "near_copy"]),
    "paths": (PATHS, ["file", "kind", "main", "nearest", "nearest_name", "distance", "near_copy",
                      "svg", "svg_bytes", "svg_error"]),
    "logos": (LOGOS, ["run", "status", "kinds", "truncation", "palette", "refused",
                      "training_palette", "precision_recall", "logos", "seconds_training",
                      "seconds", "engine", "scores", "use"]),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_frozen_and_json_with_the_documented_keys(name):
    result, keys = RESULTS[name]
    assert list(json.loads(json.dumps(result.to_dict(), allow_nan=False))) == keys
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(result, dataclasses.fields(result)[0].name, None)


def test_results_hold_results():
    (tile,) = TILES.to_dict()["tiles"]
    assert list(tile) == ["file", "texture", "seed", "seams", "distance", "repeats"]
    assert list(tile["seams"]["rows"]) == ["seam", "low", "high", "ratio"]
    assert LOGOS.to_dict()["logos"][1]["svg"] == "svg/0000.svg"


def test_smooth_noise_is_standard_closed_and_smooth():
    field = torus.smooth((64, 48), 200, np.random.default_rng(0), 3.0)
    assert field.mean() == pytest.approx(0, abs=0.05)
    assert field.std() == pytest.approx(1, abs=0.05)
    steps = np.abs(np.roll(field, -1, 0) - field).mean(axis=(1, 2))
    assert steps[-1] == pytest.approx(steps[:-1].mean(), rel=0.2)
    assert steps.mean() < 0.4


def test_a_morph_begins_and_ends_with_the_first():
    share = torus.between((2, 40))[0, :, 0]
    assert share[0] < 0.01 and share[-1] < 0.01 and share[20] > 0.99
    np.testing.assert_allclose(share, share[::-1], atol=1e-6)


def test_enlarging_is_linear_and_closed():
    field = RNG.standard_normal((3, 4, 1))
    large = torus.enlarged(field, 8)
    assert large.shape == (24, 32, 1)
    np.testing.assert_allclose(torus.enlarged(np.roll(field, 1, 1), 8), np.roll(large, 8, 1))
    middle = (large[3, 3] + large[3, 4] + large[4, 3] + large[4, 4]) / 4
    assert middle == pytest.approx(field[0, 0], abs=0.3)


# --- networks -----------------------------------------------------------------------------------

SMALL = {"width": 4, "discriminator_width": 4, "max_width": 8, "local": 3, "overall": 2}


def torus_of(networks, generator, classes=0):
    model = networks.torus(3, classes)
    take(model, generator)
    return model


def shaken(model):
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if "variance" in weight.path:  # the running ones, which stay positive
            weight.assign(weight + rng.uniform(size=weight.shape))
        else:
            weight.assign(weight + 0.05 * rng.normal(size=weight.shape))


def test_a_window_of_the_torus_is_what_was_trained():
    """Same numbers in the field, same pixels, wherever no border is near."""
    networks = Texture(**SMALL)
    generator = networks.generator((32, 32, 3))
    shaken(generator)
    side = networks._windows((32, 32, 3))[0][0]
    field = RNG.standard_normal((1, 16, 16, 3)).astype(np.float32)
    overall = RNG.standard_normal((1, 2)).astype(np.float32)
    everywhere = np.broadcast_to(overall[:, None, None], (1, 16, 16, 2))
    large = torus_of(networks, generator)({"field": np.concatenate([field, everywhere], -1)})
    noise = np.concatenate([field[:, 4 : 4 + side, 4 : 4 + side].reshape(1, -1), overall], 1)
    window = generator({"noise": noise})[0].numpy()
    assert window.std() > 0.01
    # Where the window lies: each convolution takes a pixel, each doubling doubles.
    start = 4
    for level in range(networks.levels + 2):
        start = start + 1 if level in (0, networks.levels + 1) else 2 * start + 1
    np.testing.assert_allclose(window, large[0, start : start + 32, start : start + 32], atol=1e-5)


@pytest.mark.parametrize("classes", [0, 3])
def test_rolling_the_field_rolls_the_image(classes):
    networks = Texture(**SMALL)
    generator = networks.generator((32, 32, 3), classes)
    shaken(generator)
    model = torus_of(networks, generator, classes)
    field = RNG.standard_normal((1, 4, 6, 3 + 2 * (1 + bool(classes)))).astype(np.float32)
    image = model({"field": field}).numpy()
    assert image.shape == (1, 64, 96, 3)
    rolled = model({"field": np.roll(field, (1, 2), (1, 2))}).numpy()
    np.testing.assert_allclose(rolled, np.roll(image, (16, 32), (1, 2)), atol=1e-5)
    assert np.abs(image - np.roll(image, 1, 2)).max() > 1e-3


@pytest.mark.parametrize("wrong", [{"norm": "group"}, {"discriminator_norm": "batch"},
                                   {"minibatch": "discrimination"}, {"levels": 0}])  # fmt: skip
def test_texture_refuses(wrong):
    with pytest.raises(ValueError, match=r"must be (one of|>= 1)"):
        Texture(**wrong)


# --- textures and logos as they are read ----------------------------------------------------------


def saved(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


def test_crops_of_a_closed_texture_reach_across_its_borders():
    pixels = noisy(80, 80)
    cut = cut_from(pixels, 400, 64, np.random.default_rng(0), closed=True)
    tiled = np.tile(pixels, (2, 2, 1))
    whole = {tiled[r : r + 64, c : c + 64].tobytes() for r in range(80) for c in range(80)}
    assert all(one.tobytes() in whole for one in cut)
    inside = {pixels[r : r + 64, c : c + 64].tobytes() for r in range(17) for c in range(17)}
    assert not all(one.tobytes() in inside for one in cut)
    open_ones = cut_from(pixels, 100, 64, np.random.default_rng(0), closed=False)
    assert all(one.tobytes() in inside for one in open_ones)


def test_textures_are_scaled_counted_once_and_stretched(tmp_path):
    saved(tmp_path / "a.png", noisy(512, 600) // 4)
    saved(tmp_path / "b.png", noisy(512, 600) // 4)
    saved(tmp_path / "c.png", noisy(90, 70, 1))
    found = read_textures([tmp_path])
    assert [one.name for one in found] == ["a", "c"]
    assert [one.pixels.shape for one in found] == [(256, 300, 3), (90, 70, 3)]
    assert found[0].pixels.max() < 80
    assert found[0].stretched().min() == 0
    assert found[0].stretched().max() == 255
    images, names = crops(found)
    assert images.shape[1:] == (64, 64, 3)
    assert list(np.unique(names)) == ["00 a", "01 c"]


@pytest.mark.parametrize(
    ("pixels", "scale", "words"),
    [(noisy(40, 200), None, "got 40 × 200: give a larger texture"),
     (np.full((80, 80, 3), 7, np.uint8), None, "a single colour"),
     (noisy(80, 80), 32, "64 to 4096 pixels .the short side., got 32")],
)  # fmt: skip
def test_textures_that_cannot_be_learnt(tmp_path, pixels, scale, words):
    with pytest.raises((DataError, UsageError), match=words):
        read_textures([saved(tmp_path / "t.png", pixels)], scale)


def test_no_textures(tmp_path):
    with refuses(DataError):
        read_textures([tmp_path])
    with refuses(DataError):
        read_textures([tmp_path / "none.png"])
    (tmp_path / "text.png").write_text("no image")
    with refuses(DataError):
        read_textures([tmp_path / "text.png"])


def test_logos_are_sorted_by_main_colour():
    paints = {word: colour.rgb_of([colour.NAMED[word]])[0] for word in ("red", "blue")}
    images = np.stack(
        [disc(paints["red" if i % 2 else "blue"], radius=6 + i % 7) for i in range(80)]
    )
    marks = read_marks(images)
    assert marks.coloured
    assert [label.partition("/")[0] for label in marks.labels[:4]] == ["blue", "red"] * 2


def test_alpha_is_laid_over_white_and_ink_stays_ink():
    images = np.zeros((60, 32, 32, 4), np.uint8)
    for i in range(60):
        images[i, 4 : 8 + i % 20, 4:28] = (215, 35, 45, 255)
    marks = read_marks(images)
    assert marks.pixels.shape == (60, 32, 32, 3)
    assert (marks.pixels[0, 0, 0] == 255).all()
    assert not read_marks(images[..., 3]).coloured


@pytest.mark.parametrize(
    ("paper", "figure"),  # (grey, alpha): what is ink is 255, whichever way it was drawn
    [((0, 0), (0, 255)), ((0, 0), (255, 255)), ((255, 255), (0, 255)), ((0, 255), (255, 255)),
     ((255,), (0,)), ((0,), (255,))],
)  # fmt: skip
def test_ink_is_what_is_no_paper(paper, figure):
    images = np.stack([disc(figure, paper=paper, radius=4 + i % 9) for i in range(60)])
    pixels = read_marks(images).pixels
    assert pixels.shape == (60, 32, 32, 1)
    assert pixels[0, 0, 0] == 0
    assert pixels[0, 16, 16] == 255


def test_wide_logos_stand_on_their_own_paper_and_have_names(tmp_path):
    for i in range(50):
        Image.fromarray(disc((215, 35, 4 * i), 40, radius=9)[8:32]).save(
            tmp_path / f"é {i:02d}.png"
        )
    marks = read_marks(tmp_path)
    assert (marks.pixels[:, 0] == 255).all()
    assert marks.name(3) == "é 03.png"
    assert marks.chosen("red").any()
    with refuses(UsageError, "'rad'", "'red'"):
        marks.chosen("rad")


def test_textures_of_one_name_get_names_of_their_own(tmp_path):
    for i, name in enumerate(("a b.png", "a-b.png", "A-B.png", "._a.png")):
        saved(tmp_path / name, noisy(64, 64, i))
    names = [one.name for one in read_textures([tmp_path])]
    assert len(names) == 3 and len({name.casefold() for name in names}) == 3
    assert not any(" " in name for name in names)


@pytest.mark.parametrize("count", [1, 49])
def test_few_logos(count):
    with pytest.raises(DataError, match=rf"{count} readable image.* needed|got {count}: give"):
        read_marks(RNG.integers(0, 255, (count, 32, 32, 3)).astype(np.uint8))


# --- directions ---------------------------------------------------------------------------------


def tiny_generator(kernel):
    noise = keras.Input((4,), name="noise")
    layer = keras.layers.Dense(kernel.shape[1], use_bias=False)
    model = keras.Model({"noise": noise}, layer(noise))
    layer.set_weights([kernel])
    return model


def test_sefa_finds_the_planted_direction():
    kernel = np.diag([0.1, 3, 0.5, 1]).astype(np.float32)
    found = directions.sefa(tiny_generator(kernel), 2)
    np.testing.assert_allclose(np.abs(found), [[0, 1, 0, 0], [0, 0, 0, 1]], atol=1e-6)


# --- paths --------------------------------------------------------------------------------------

SQUARE = "M0 0 L10 0 L10 10 L0 10 Z"


def svg(*paths):
    inside = "".join(f'<path d="{d}" fill="{c}" transform="translate({t})"/>' for d, c, t in paths)
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">'
    return head + inside + "</svg>"


def test_paths_are_filled_moved_and_laid_over_each_other():
    image = vector.render(svg((SQUARE, "#ff0000", "5,5"), (SQUARE, "#0000ff", "10,10")), (40, 40))
    assert tuple(image[12, 12]) == (255, 0, 0)
    assert tuple(image[35, 35]) == (0, 0, 255)
    assert tuple(image[25, 25]) == (0, 0, 255)
    assert tuple(image[2, 2]) == (255, 255, 255)


def test_holes_stay_open():
    ring = SQUARE + " M3 3 L7 3 L7 7 L3 7 Z"
    image = vector.render(svg((ring, "#000000", "5,5")), (20, 20))
    assert tuple(image[10, 10]) == (255, 255, 255)
    assert tuple(image[6, 6]) == (0, 0, 0)


def test_curves_have_the_area_of_their_circle():
    k = 0.5523 * 8
    circle = (f"M8 0 C{8 + k} 0 16 {8 - k} 16 8 C16 {8 + k} {8 + k} 16 8 16 "
              f"C{8 - k} 16 0 {8 + k} 0 8 C0 {8 - k} {8 - k} 0 8 0 Z")  # fmt: skip
    image = vector.render(svg((circle, "#000000", "2,2")), (200, 200))
    assert (image[..., 0] < 128).mean() == pytest.approx(np.pi * 64 / 400, rel=0.01)


def test_other_paths_are_refused():
    with refuses(UsageError):
        vector.render(svg(("M0 0 A5 5 0 0 1 10 10 Z", "#000000", "0,0")), (20, 20))


def test_crisp_has_few_colours_and_keeps_the_shape():
    image = disc(colour.rgb_of([RED])[0])
    large = vector.crisp(image, 8, colours=["#ffffff", RED])
    assert large.shape == (256, 256, 3)
    assert (large[..., 1] < 128).mean() == pytest.approx((image[..., 1] < 128).mean(), rel=0.03)
    assert tuple(large[128, 128]) == tuple(colour.rgb_of([RED])[0])


def test_svg_without_vtracer_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "vtracer", None)
    with refuses(MissingExtra, "'ganvas[vector]'"):
        vector.to_svg(disc((1, 2, 3)))


def test_svg_comes_back_as_it_was():
    pytest.importorskip("vtracer")
    image = disc(colour.rgb_of([RED])[0])
    text = vector.to_svg(image, {"seed": "<3>"}, colours=["#ffffff", RED])
    assert "seed: &lt;3&gt;" in text
    assert RED in text.lower()
    assert vector.svg_error(text, image, colours=["#ffffff", RED]) < 12


# --- mock-ups and the folder ----------------------------------------------------------------------


@pytest.mark.parametrize("draw", [wallpaper, fabric])
def test_mockups_show_the_tile(draw):
    plain = draw(np.full((64, 64, 3), 200, np.uint8))
    shown = draw(noisy(64, 96))
    assert shown.shape == plain.shape
    assert shown.dtype == np.uint8
    assert (np.abs(shown.astype(int) - plain).max(-1) > 8).mean() > 0.3


def test_repeated():
    tile = noisy(16, 32)
    np.testing.assert_array_equal(repeated(tile, 2)[16:, 32:], tile)


def test_the_report_of_tiles(tmp_path):
    (tmp_path / "previews").mkdir()
    (tmp_path / "wallpaper.png").write_bytes(b"no picture")
    images.write_png(tmp_path / "previews" / "a-0000.png", np.zeros((8, 8, 3), np.uint8))
    steps = Steps(1.0, 0.5, 1.5, 1.04)
    tile = TileFile("tiles/a-0000.png", "<a>", 0, Seams(steps, steps, 1.04, True), 0.3, 1.0)
    result = TilesReport(
        ("runs/x",), (64, 96), "interrupted", (tile,), 1.04, 1.0, 3.0, 4.0, "gan", 0.3, 1.0
    )
    text = report.write_tiles_report(tmp_path, result).read_text("utf-8")
    first = "1 tile of 64 x 96 pixels: the step across their seams is 1.04 times a step inside"
    assert (
        f"<strong>{first}, all of them ordinary; 0 of 1 have the structure of the texture" in text
    )
    assert "&lt;a&gt;, seed 0, repeated" in text and text.count("<img") == 1
    assert "the same command goes on" in text


def test_the_report_of_logos(tmp_path):
    logos = tuple(
        LogoFile(f"logos/{i}.png", "red/02", "#d7232d", i, f"icon {i}", 0.1 * i) for i in (1, 2, 3)
    )
    result = LogosReport(
        "run", "finished", ("red/01", "red/02"), 0.8, ("#d7232d",), 3, (),
        ({"truncation": 0.5, "precision": 0.9, "recall": None},), logos, 1.0, 2.0, "gan", {},
    )  # fmt: skip
    text = report.write_logos_report(tmp_path, result).read_text("utf-8")
    assert (
        "<strong>3 logos of 2 kinds: 3 near-copies of training images were refused; the nearest "
        "to a training image is at distance 0.10 (median 0.20).</strong>"
    ) in text
    assert "icon 3" in text and "0.300" in text and "Fidelity and variety" in text


def test_a_report_of_somebody_else_is_kept(tmp_path):
    (tmp_path / "report.html").write_text("mine")
    with refuses(UsageError, "report.html"):
        make_tiles([], tmp_path)
