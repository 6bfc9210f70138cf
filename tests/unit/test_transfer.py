"""Weights from one network to another: what must be the same, is the same."""

import json

import numpy as np
import pytest

from ganvas.base.building import building
from ganvas.errors import ModelError, RunError, UsageError
from ganvas.gan.fitting import channels, classes_of, colours, resampled
from ganvas.gan.networks import DCGAN, NETWORKS, R3GAN, ResNet
from ganvas.gan.transfer import transfer
from ganvas.pretrained import pairs
from ganvas.pretrained.cards import beginning, card, cards
from ganvas.pretrained.nearest import distances
from ganvas.training.choosing import choose, read

SHAPE = (32, 32, 3)
SMALL = {"noise": 16, "width": 8, "discriminator_width": 8}
STD = DCGAN(minibatch="std", **SMALL)
PLAIN = DCGAN(**SMALL)


def built(networks, shape=SHAPE, classes=0, seed=0):
    """A pair whose vectors (biases, scales, statistics) are not at their initial values."""
    random = np.random.default_rng(seed)
    with building(seed):
        pair = networks.generator(shape, classes), networks.discriminator(shape, classes)
    for network in pair:
        network.set_weights([
            w + 0.3 * np.abs(random.normal(size=w.shape)) if w.ndim == 1 else w
            for w in network.get_weights()
        ])  # fmt: skip
    return pair


def outputs(pair, classes=0, seed=0):
    """Images for a noise of 16 numbers and as many zeros as fit, and logits of random images."""
    random = np.random.default_rng(seed)
    generator, discriminator = pair
    size = generator.input["noise"].shape[-1]
    noise = random.normal(size=(4, 16)).astype("float32")
    noise = np.pad(noise, ((0, 0), (0, max(0, size - 16))))[:, :size]
    image = random.normal(size=(4, *discriminator.input["image"].shape[1:])).astype("float32")
    label = {"label": np.arange(4) % classes} if classes else {}
    drawn = generator({"noise": noise, **(label if "label" in generator.input else {})})
    judged = {"image": image, **(label if "label" in discriminator.input else {})}
    return drawn.numpy(), discriminator(judged).numpy()


def moved(source, target, rows=None):
    return [transfer(one, other, rows) for one, other in zip(source, target, strict=True)]


SAME = {
    "same": (STD, {}, STD, {}),
    "longer noise": (STD, {}, DCGAN(minibatch="std", **SMALL | {"noise": 24}), {}),
    "twice as wide": (STD, {}, DCGAN(16, 16, 16, minibatch="std"), {}),
    "std added, wider": (PLAIN, {}, DCGAN(16, 16, 24, minibatch="std"), {}),
    "spectral norm left out": (DCGAN(discriminator_norm="spectral", **SMALL), {}, PLAIN, {}),
    "more classes": (STD, {"classes": 2}, STD, {"classes": 3}),
    "resnet": (ResNet(16, 4, 4), {}, ResNet(16, 4, 4), {}),
    "r3gan": (R3GAN(16, 8, 8, group=4), {}, R3GAN(16, 8, 8, group=4), {}),
}


@pytest.mark.parametrize("case", SAME)
def test_exact_transfers_compute_the_same(case):
    networks, form, others, other_form = SAME[case]
    source, target = built(networks, **form, seed=1), built(others, **other_form, seed=2)
    done = moved(source, target)
    assert not [name for one in done for name in one.anew]
    classes = form.get("classes", 0)
    for before, after in zip(outputs(source, classes), outputs(target, classes), strict=True):
        assert np.abs(before - after).max() < 1e-5 * max(1, np.abs(before).max())
        assert np.ptp(before) > 1e-3


def test_labels_are_added_and_left_out():
    source, target = built(STD, seed=1), built(STD, classes=3, seed=2)
    drawn, judged = moved(source, target)
    assert drawn.anew == ["Embedding"] and not judged.anew
    before, after = outputs(source), outputs(target, 3)
    assert np.array_equal(before[1], after[1])  # no class has a vector yet
    assert np.abs(before[0] - after[0]).max() < 0.05
    back = built(STD, seed=3)
    moved(target, back)
    assert np.abs(outputs(back)[0] - after[0]).max() < 0.05


@pytest.mark.parametrize("classes", [0, 2])
def test_a_spectral_conditional_discriminator_takes_other_classes(classes):
    """From none its table of classes is initialised: of zeros, the norm would be zero, too."""
    networks = DCGAN(discriminator_norm="spectral", condition="norm", **SMALL)
    source, target = built(networks, classes=classes, seed=1), built(networks, classes=3, seed=2)
    _, judged = moved(source, target, None if not classes else [0, 1, None])
    assert ("Embedding" in judged.anew) is (not classes)
    assert all(np.isfinite(one).all() for one in outputs(target, 3))


def test_classes_are_paired_by_their_rows():
    source, target = built(STD, classes=3, seed=1), built(STD, classes=2, seed=2)
    moved(source, target, rows=[2, None])
    tables = [
        next(layer for layer in pair[0].layers if "embedding" in layer.name).get_weights()[0]
        for pair in (source, target)
    ]
    assert np.array_equal(tables[1][0], tables[0][2])
    assert np.allclose(tables[1][1], tables[0].mean(0))


def test_grey_of_a_colour_generator_is_its_grey():
    source, target = built(STD, seed=1), built(STD, (32, 32, 1), seed=2)
    moved(source, target)
    colour, grey = (np.arctanh(np.clip(outputs(p)[0], -0.999, 0.999)) for p in (source, target))
    assert np.allclose((colour * [0.299, 0.587, 0.114]).sum(3), grey[..., 0], atol=1e-3)


@pytest.mark.parametrize("shape", [(28, 28, 1), (48, 48, 3), (64, 64, 3), (50, 70, 4), (16, 16, 3)])
@pytest.mark.parametrize("classes", [0, 2])
def test_other_sizes_take_most_layers(shape, classes):
    source, target = built(STD, seed=1), built(STD, shape, classes, seed=2)
    for done in moved(source, target):
        assert 2 * len(done.anew) <= len(done.taken) + len(done.adapted), done
    assert all(np.isfinite(one).all() for one in outputs(target, classes))


def test_a_left_out_block_is_fitted_by_the_first_layer():
    """At half the size the source's map after its first block is drawn by a linear layer: not
    perfectly, and far better than by chance."""
    source, target = built(STD, seed=1), built(STD, (16, 16, 3), seed=2)
    other = built(STD, (16, 16, 3), seed=3)
    transfer(source[0], target[0])
    small = outputs(source)[0].reshape(4, 16, 2, 16, 2, 3).mean((2, 4))

    def alike(pair):
        return np.corrcoef(outputs(pair)[0].ravel(), small.ravel())[0, 1]

    assert alike(target) > 0.3 + abs(alike(other))


def test_other_networks_have_little_in_common():
    drawn, judged = moved(built(STD), built(ResNet(16, 4, 4)))
    assert len(drawn.anew) > len(drawn.taken) + len(drawn.adapted)
    assert len(judged.anew) > len(judged.taken) + len(judged.adapted)


def test_channels_are_split_exactly_or_not_at_all():
    random = np.random.default_rng(0)
    x, a, b = random.normal(size=(5, 8)), random.normal(size=(8, 6)), random.normal(size=(6, 7))
    wide = x @ channels(a, 1, 18, "out", random) @ channels(b, 0, 18, "in", random)
    assert np.allclose(wide, x @ a @ b)
    assert channels(a, 1, 9, "out", random) is None and channels(b, 0, 4, "in", random) is None
    assert np.array_equal(channels(b, 0, 5, "in", random), b[:5])


def test_colours_and_alpha():
    rgb = np.arange(6.0).reshape(2, 3)
    assert np.allclose(colours(rgb, 1, 1, "in"), rgb.sum(1, keepdims=True))
    rgba = colours(rgb, 1, 4, "out", bias=True)
    assert np.array_equal(rgba[:, :3], rgb) and (rgba[:, 3] > 1).all()
    grey = colours(rgba, 1, 2, "out")
    assert grey.shape == (2, 2) and np.array_equal(grey[:, 1], rgba[:, 3])
    assert np.allclose(colours(rgb[:, :1], 1, 3, "in").sum(1), rgb[:, 0])


def test_resampling_keeps_constants_and_sums():
    maps = np.ones((4, 4, 2)) * [1, 2]
    assert np.allclose(resampled(maps, 0, (7, 5), total=False), [1, 2])
    assert np.allclose(resampled(maps, 0, (7, 5), total=True).sum((0, 1)), maps.sum((0, 1)))
    assert classes_of(np.ones((3, 2)), (2, 4), None) is None


# --- files and names --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "own.npz"
    networks = {"name": "dcgan", "minibatch": "std", **SMALL}
    pairs.save(path, networks, *built(STD, classes=2, seed=1), np.arange(1280.0))
    return path


def test_a_pair_is_read_as_it_was_saved(file):
    pair = pairs.read(file)
    assert pair.name == "own.npz" and pair.shape == SHAPE and pair.reference.shape == (1280,)
    before, after = (
        outputs(built(STD, classes=2, seed=1), 2),
        outputs((pair.generator, pair.discriminator), 2),
    )
    assert np.abs(before[0] - after[0]).max() < 0.01


def test_a_weight_too_large_for_half_precision_is_refused(tmp_path):
    pair = built(PLAIN)
    pair[0].layers[1].bias.assign(np.full(pair[0].layers[1].bias.shape, 1e6))
    with pytest.raises(UsageError, match="too large for half precision"):
        pairs.save(tmp_path / "pair.npz", {"name": "dcgan", **SMALL}, *pair)
    assert not list(tmp_path.iterdir())


HOSTILE = {
    "other networks": {"networks": {"name": "resnet"}},
    "own code": {"networks": {"name": "os:system"}},
    "no networks": {"networks": {"name": "nothing"}},
    "wrong argument": {"networks": {"name": "dcgan", "wdith": 3}},
    "a huge image": {"shape": [4096, 4096, 3]},
    "text for a shape": {"shape": "abc"},
    "many classes": {"classes": 10**9},
    "huge networks": {"networks": {"name": "dcgan", "width": 10**5, "max_width": 10**6}},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_damaged_pairs_are_refused(file, tmp_path, case):
    with np.load(file) as stored:
        arrays = dict(stored)
    about = {**json.loads(arrays["about"].tobytes()), **HOSTILE[case]}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(tmp_path / "pair.npz", **arrays)
    with pytest.raises(ModelError, match="is no pair of networks"):
        pairs.read(tmp_path / "pair.npz")


def test_other_files_are_no_pairs(file, tmp_path):
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "images.npz", images=np.zeros((2, 8, 8, 3), np.uint8))
    cut = tmp_path / "cut.npz"
    cut.write_bytes(file.read_bytes()[:-2000])
    for path in (tmp_path / "text.npz", tmp_path / "images.npz", cut, tmp_path / "none.npz"):
        with pytest.raises(ModelError):
            pairs.read(path)


def test_the_bundled_pairs(monkeypatch):
    assert set(cards()) == {"drawings", "photos"}
    total = sum(path.stat().st_size for path in pairs.WEIGHTS.iterdir())
    assert total <= 12e6
    for name, one in cards().items():
        assert one.sizes == [32, 64] and one.sources and one.training
        for side, size in ((28, 32), (32, 32), (48, 32), (64, 64), (128, 64)):
            assert pairs.bundled(name, side).shape == (size, size, 3)
    with pytest.raises(UsageError, match="drawings"):
        card("drawing")
    monkeypatch.setitem(card("photos").sha256, "32", "0" * 64)
    with pytest.raises(UsageError, match="another sha256"):
        pairs.bundled("photos", 32)


def test_the_nearest_pair_is_that_of_the_same_kind():
    random = np.random.default_rng(0)
    flat = np.full((40, 32, 32, 3), 255, np.uint8)  # coloured squares on white
    for image in flat:
        y, x, side = random.integers(2, 10), random.integers(2, 10), random.integers(10, 20)
        image[y : y + side, x : x + side] = random.integers(0, 256, 3)
    found = distances(flat)
    assert list(found) == ["drawings", "photos"] and found["drawings"] < found["photos"]


def test_where_a_run_begins(tmp_path, monkeypatch, file):
    monkeypatch.chdir(tmp_path)
    assert [beginning(word) for word in (None, "none", "auto", "photos")] == [
        "", "", "auto", "photos",
    ]  # fmt: skip
    (tmp_path / "photos").mkdir()
    assert beginning("photos") == "photos" and beginning(file) == str(file)
    for word in ("./photos", "photo", "none.npz"):
        with pytest.raises(RunError, match="auto, none"):
            beginning(word)


def test_the_recipe_follows_from_the_images_and_the_beginning():
    assert choose("photos/", None, {}, None).parent == "auto"
    assert choose("photos/", None, {}, None).recipe == "auto"
    assert choose(np.zeros(3), None, {}, "drawings").parent == "drawings"
    for data, recipe, start in (("mnist", None, None), ("x/", None, "none"), ("x/", "quick", None)):
        chosen = choose(data, recipe, {}, start)
        assert (chosen.recipe, chosen.parent) == ("quick", "")


def test_a_recipe_has_values_for_the_transfer():
    plain, begun = read("quick", {}), read("quick", {"train.ema_kimg": 3}, "photos")
    assert begun.train.ema_kimg == 3 and begun.data.clusters == 0 and plain.data.clusters == 100
    for name in NETWORKS:
        assert read("finetune", {"networks": name}, "photos").parent == "photos"
