"""Groups of images without labels: what they follow, their size, where there are none, storage."""

import dataclasses
import json

import numpy as np
import pytest

import ganvas
from ganvas.base.arrays import open_npz
from ganvas.data import Options, groups, header, load
from ganvas.errors import DataError
from ganvas.storage.run import GROUPS, Run
from refusals import refuses

BY_FEATURES = Options(clusters=4, group_by="features", holdout=0)
SIDE = 24


def patterns(count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Lying stripes, a chessboard, a disc and a ring: so many of each, in random colours."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    far = np.hypot(y - SIDE / 2, x - SIDE / 2)
    masks = [y // 3 % 2 > 0, (y // 4 + x // 4) % 2 > 0, far < 9, (far < 11) & (far > 7)]
    kinds = np.arange(4 * count) % 4
    colours = rng.integers(0, 256, (2, len(kinds), 1, 1, 3))
    inked = np.stack(masks)[kinds][..., None]
    return np.where(inked, *colours).astype(np.uint8), kinds


@pytest.fixture(scope="module")
def found():
    images, kinds = patterns()
    return load(images, BY_FEATURES), kinds


def said(source) -> str:
    return " ".join(" ".join(line.split()) for line in header.header(source))


def test_features_follow_shape_where_pixels_follow_colour(found):
    source, kinds = found
    assert purity(source.labels, kinds) > 0.95
    by_pixels = load(patterns()[0], dataclasses.replace(BY_FEATURES, group_by="pixels"))
    assert purity(by_pixels.labels, kinds) < 0.75
    assert (source.names, by_pixels.report.groups["by"]) == ((), "pixels")


def test_both_follow_shape_and_colour():
    images, kinds = patterns(240)
    images, kinds = images[kinds < 2], kinds[kinds < 2]
    dark = np.arange(len(images)) // 2 % 2
    images = images // 4 + np.where(dark, 0, 190)[:, None, None, None].astype(np.uint8)
    both = load(images, dataclasses.replace(BY_FEATURES, clusters=8, group_by="both"))
    assert purity(both.labels, 2 * kinds + dark) > 0.9
    assert f"{both.classes} of similar features and pixels, " in said(both)


def purity(labels: np.ndarray, kinds: np.ndarray) -> float:
    """The share of images whose kind is the most common one of their group."""
    return sum(np.bincount(kinds[labels == one]).max() for one in set(labels)) / len(kinds)


def test_the_report_says_what_groups_there_are(found):
    source, _ = found
    facts = source.report.to_dict()["groups"]
    sizes = sorted(source.class_counts)
    assert (facts["by"], facts["count"]) == ("features", source.classes)
    assert (facts["smallest"], facts["largest"]) == (sizes[0], sizes[-1]) and sizes[0] >= 50
    assert facts["gap"] > 2 * groups.SEPARATE
    sizes = f"{sizes[0]} to {sizes[-1]} images each"
    assert f"groups {source.classes} of similar features, {sizes}" in said(source)
    json.dumps(source.report.to_dict(), allow_nan=False)


def test_noise_has_no_groups():
    noise = np.random.default_rng(0).integers(0, 256, (300, 16, 16, 3)).astype(np.uint8)
    source = load(noise, BY_FEATURES)
    assert (source.classes, source.class_counts, source.report.groups["count"]) == (0, (), 0)
    assert "groups none: the images do not fall into groups (gap 0.0" in said(source)


def test_few_images_have_no_groups():
    source = load(patterns(20)[0], BY_FEATURES)
    assert "groups none: fewer than 100 images to train on" in said(source)
    assert "groups" not in said(load(patterns(20)[0]))


def test_digits_are_grouped_by_pixels():
    digits = load("mnist").pixels(np.arange(400))
    found = [load(digits, Options(clusters=4, group_by=by)) for by in groups.BY]
    assert {one.report.groups["by"] for one in found} == {"pixels"}
    assert len({one.fingerprint for one in found}) == 1


def test_the_holdout_decides_no_group():
    """Held-out images get a group, of the same number as in training."""
    source = load(patterns(100)[0], dataclasses.replace(BY_FEATURES, holdout=0.1))
    held = source.held_out()
    assert held.count == 40 and held.classes == source.classes
    assert sum(source.class_counts) == source.count


def test_small_groups_are_dissolved():
    rng = np.random.default_rng(0)
    middles = np.repeat(np.eye(4) * 10, (200, 100, 30, 5), axis=0)
    points = (middles + rng.normal(0, 0.1, middles.shape)).astype(np.float32)
    centres = groups.merged(points, np.eye(4, dtype=np.float32) * 10)
    sizes = np.bincount(groups.nearest(points, centres))
    assert len(sizes) == 2 and sizes.sum() == 335 and sizes.min() >= 50
    assert len(groups.merged(points[:40], centres)) == 1


@pytest.mark.parametrize("count", [4, 16])
def test_gap_statistic(count):
    rng = np.random.default_rng(count)
    cloud = rng.normal(size=(2000, 8)).astype(np.float32) * np.arange(1, 9)
    apart = cloud + 30 * rng.normal(size=(count, 8))[np.arange(2000) % count]
    gaps = []
    for points in (cloud, (apart - apart.mean(0)) @ np.linalg.svd(apart - apart.mean(0))[2].T):
        points = points.astype(np.float32)
        numbers = np.random.Generator(np.random.Philox(0))
        gaps.append(groups.gap_statistic(points, count, numbers))
    assert abs(gaps[0]) < groups.SEPARATE / 2 and gaps[1] > 10 * groups.SEPARATE
    assert groups.gap_statistic(cloud, 1, rng) == 0


def test_images_that_are_equal_within_groups_have_a_finite_gap():
    flat = np.repeat(np.random.default_rng(0).integers(0, 256, (4, 1, 1, 3)), 60, axis=0)
    images = np.broadcast_to(flat, (240, 16, 16, 3)).astype(np.uint8)
    facts = load(images, dataclasses.replace(BY_FEATURES, judged=True)).report.to_dict()["groups"]
    json.dumps(facts, allow_nan=False)


class TestStored:
    @pytest.fixture
    def file(self, found, tmp_path):
        groups.save(found[0], tmp_path / GROUPS)
        return tmp_path / GROUPS

    def again(self, file, **changes):
        options = dataclasses.replace(BY_FEATURES, groups_file=str(file), **changes)
        return load(patterns()[0], options)

    def test_the_network_is_not_asked_again(self, found, file, monkeypatch):
        monkeypatch.setattr(groups, "by_features", None)
        source = self.again(file)
        assert source.fingerprint == found[0].fingerprint
        assert source.report.groups == found[0].report.groups

    def test_that_there_are_none_is_stored_too(self, tmp_path, monkeypatch):
        noise = np.random.default_rng(0).integers(0, 256, (300, 16, 16, 3)).astype(np.uint8)
        source = load(noise, BY_FEATURES)
        groups.save(source, tmp_path / GROUPS)
        monkeypatch.setattr(groups, "by_features", None)
        options = dataclasses.replace(BY_FEATURES, groups_file=str(tmp_path / GROUPS))
        assert load(noise, options).report.groups == source.report.groups

    @pytest.mark.parametrize("damage", ["cut", "text", "missing", "labels", "short", "count"])
    def test_a_damaged_file_is_not_used(self, file, damage):
        """Also one that somebody else has written."""
        with open_npz(file) as arrays:
            labels, facts = arrays["labels"], json.loads(str(arrays["facts"]))
        assert groups._stored(str(file), len(labels)) is not None
        if damage == "missing":
            file.unlink()
        elif damage in ("cut", "text"):
            file.write_bytes(file.read_bytes()[:100] if damage == "cut" else b"{}")
        else:
            changed = labels + 9 if damage == "labels" else labels[damage == "short" :]
            facts |= {"count": 10**9} if damage == "count" else {}
            np.savez(file, labels=changed.astype(np.int32), facts=json.dumps(facts))
        assert groups._stored(str(file), len(labels)) is None


@pytest.mark.filterwarnings("ignore::ganvas.errors.Advice")
def test_a_run_keeps_its_groups(few_steps, tmp_path, monkeypatch):
    images = patterns()[0]
    stop = {"each_tick": lambda run: True, "progress": False}
    values = few_steps | {"data.clusters": 4, "data.group_by": "features", "data.size": 16}
    run = ganvas.train(images, "quick", run=tmp_path / "run", overrides=values, **stop)
    facts = run.info["data"]["groups"]
    assert facts["count"] == len(run.info["data"]["class_shares"]) > 1
    assert run.read_json("data.json")["groups"] == facts
    monkeypatch.setattr(groups, "by_features", None)
    again = ganvas.resume(run, data=images, progress=False)
    assert again.status() == "finished" and Run(run.folder).info["data"]["groups"] == facts


def test_what_groups_are_found_by():
    with refuses(DataError, "group_by", "both", "features", "pixels", "'colour'"):
        Options(group_by="colour")
