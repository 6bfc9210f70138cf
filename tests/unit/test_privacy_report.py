"""What the report of an audit says, and what its numbers are made of."""

from __future__ import annotations

import dataclasses
import re
from types import SimpleNamespace

import numpy as np
import pytest
import scipy  # its parts are imported when a test first uses them

from ganvas.kits.privacy import (
    advice,
    audit_report,
    controls,
    copying,
    embeddings,
    findings,
    opinion,
    reconstruction,
    risk,
)
from ganvas.kits.privacy.case import Case
from ganvas.kits.privacy.part import Part
from ganvas.kits.privacy.phrases import percent, together
from ganvas.kits.privacy.result import AuditReport, Controls, Power, Result, none
from ganvas.kits.privacy.terms import TERMS
from ganvas.stats import exact


def faces(people: int, each: int, seed: int, sides: str) -> tuple[np.ndarray, np.ndarray]:
    """Soft patterns, uint8 [N, 16, 16, 1]: one for each person, with noise for each photograph."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 216, (people, 4, 4))
    patterns = np.kron(coarse, np.ones((4, 4), int))
    pixels = np.repeat(patterns, each, axis=0) + rng.normal(0, 12, (people * each, 16, 16))
    names = np.repeat([f"{sides}{i:02}" for i in range(people)], each)
    return np.clip(pixels, 0, 255).astype(np.uint8)[..., None], names


def case_of(fakes: np.ndarray, people: int = 16, each: int = 5) -> Case:
    parts = []
    for seed, side in ((1, "a"), (2, "b")):
        pixels, names = faces(people, each, seed, side)
        source = SimpleNamespace(pixels=lambda rows, x=pixels: x[rows], places=(), names=())
        parts.append(Part(source, np.arange(len(pixels)), pixels, people=names))
    return Case("case", fakes, *parts)


def relit(images: np.ndarray, gamma: float) -> np.ndarray:
    return np.rint(255 * (images / 255.0) ** gamma).astype(np.uint8)


def test_ranks_of_levels_are_those_of_scipy_and_do_not_change_with_gamma():
    image = np.random.default_rng(0).integers(60, 200, (1, 9, 8, 2)).astype(np.uint8)
    for channel in range(2):
        ranks = scipy.stats.rankdata(image[0, ..., channel]).reshape(9, 8) - 1
        expected = np.rint(np.clip(ranks * 255 / 71, 0, 255))
        found = copying.ranked(image)[0, ..., channel]
        assert np.abs(found - expected).max() <= 1
    brighter = (image + 40).astype(np.uint8)
    np.testing.assert_array_equal(copying.ranked(brighter), copying.ranked(image))


def test_relit_copies_are_found_by_their_ranks_alone():
    case = case_of(faces(40, 5, 3, "c")[0])
    pool = np.concatenate([case.train.small, case.holdout.small])
    fakes = case.fakes.copy()
    fakes[:60] = relit(case.train.small[:60], 0.4)
    ratios = [
        copying.judge(find(fakes, pool), 80, 80, 0, "", case.people, case.places)
        for find in (copying.in_pixels, copying.in_tones)
    ]
    assert ratios[1].p < 0.001 and ratios[1].value > 0.2 > ratios[0].value
    assert len(ratios[1].more["exposed"]) >= 11
    assert set(ratios[1].more["exposed"]) <= set(case.train.people)


def test_a_risk_is_what_exceeds_the_control():
    found = risk.risk(90, 100, 10, 100, "people")
    assert found["value"] == pytest.approx((0.9 - 0.1) / 0.9)
    assert 0.75 < found["low"] < found["value"] < found["high"] < 1
    nothing = risk.risk(5, 100, 5, 100, "people")
    assert nothing["value"] == nothing["low"] == 0 < nothing["high"] < 0.1
    assert risk.risk(16, 16, 0, 16, "people")["low"] > 0.7


def test_the_interval_of_a_risk_holds_the_truth():
    rng = np.random.default_rng(0)
    hits, controls_ = rng.binomial(40, 0.5, 2000), rng.binomial(40, 0.2, 2000)
    found = [risk.risk(a, 40, c, 40, "") for a, c in zip(hits, controls_, strict=True)]
    covered = np.mean([r["low"] <= 0.375 <= r["high"] for r in found])
    assert covered > 0.93


def test_exposed_people_are_those_above_every_held_out_one():
    scores = np.array([5.0, 1, 9, 2, 3, 1, 0, 4])
    member = np.arange(8) < 4
    people = np.array(["ann", "ann", "bob", "cy", "x", "x", "y", "z"])
    found = risk.by_rank(scores, member, people, None)
    assert found["exposed"] == ["bob", "ann"]
    assert (found["risk"]["attack"], found["risk"]["control"]) == (2 / 3, 0)


@pytest.mark.parametrize("people", [16, 17, 19])
def test_the_positive_control_works_for_few_people(people):
    case = case_of(faces(40, 5, 3, "c")[0], people)
    found = controls.run(case, 0.01)
    assert found.good and found.enough
    assert 0.05 < found.planted < 0.6


def test_with_five_people_a_side_no_control_is_possible():
    found = controls.run(case_of(faces(40, 5, 3, "c")[0], 5, 8), 0.001)
    assert not found.enough and not found.found


def test_power_counts_people():
    share = exact.least_share(200, 11, people=16)
    rng = np.random.default_rng(0)
    copies = rng.binomial(200, share, 3000)
    seen = [len(np.unique(rng.integers(0, 16, count))) >= 11 for count in copies]
    assert 0.86 < np.mean(seen) < 0.96
    assert exact.least_share(200, 17, people=16) == 1.0
    assert exact.needed(5, 5, 1e-4) is None


def test_a_hidden_half_is_filled_in_from_a_fake_of_the_same_image():
    case = case_of(np.concatenate([faces(16, 5, 1, "a")[0][::5], faces(30, 1, 9, "c")[0]]))
    queries = np.concatenate([case.train.small[1::5], case.holdout.small[1::5]])
    scores = reconstruction.from_fakes(case, queries)
    assert np.median(scores[:16]) > -0.3 > np.median(scores[16:])


def test_images_are_reduced_to_means_of_areas():
    images = np.random.default_rng(0).random((2, 24, 16, 3)).astype(np.float32)
    expected = images.reshape(2, 8, 3, 8, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(reconstruction.reduce(images), expected, rtol=1e-5)
    assert reconstruction.reduce(np.ones((1, 28, 15, 1), np.float32)).numpy() == pytest.approx(1)


def test_embeddings_are_read_again_by_their_content(monkeypatch, tmp_path):
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path))
    calls = []

    def embed(images):
        calls.append(len(images))
        return images.reshape(len(images), -1).astype(np.float32), None

    embed.sha256, embed.resize = "0", "none"
    images = faces(4, 2, 1, "a")[0]
    first = embeddings.embedded(embed, images)
    np.testing.assert_array_equal(embeddings.embedded(embed, images.copy()), first)
    embeddings.embedded(embed, images[::-1])
    assert calls == [8, 8]
    for file in (tmp_path / "embeddings").iterdir():
        file.write_bytes(b"damaged")
    np.testing.assert_array_equal(embeddings.embedded(embed, images), first)


def test_numbers_in_sentences():
    shown = [percent(x) for x in (0, 1, 0.994, 0.9996, 0.0034, 0.12, None, 0.00001)]
    assert shown == ["0 %", "100 %", "99 %", "over 99.9 %", "0.34 %", "12 %", "–", "0.001 %"]
    assert together(["a", "b", "c"]) == "a, b and c" and together(["a"]) == "a"


def rated(value: float, leak: bool, exposed: tuple[str, ...] = (), **more: float) -> Result:
    count = round(16 * value)
    extra = {
        "risk": risk.risk(count, 16, 0, 16, "people"), "exposed": list(exposed), "leak": leak,
        "adjusted": 0.001 if leak else 1.0, "statistic": "of the 11 people, 11 were trained on",
    }  # fmt: skip
    return Result(value, value / 2, min(1.0, value + 0.1), 0.0, 0.001, "share", more=extra | more)


def report(leak: bool, **changes) -> AuditReport:
    tests = {name: none("the search needs a run") for name in TERMS}
    tests["near_copies_pixels"] = rated(0.1 if leak else 0.0, leak, ("ann", "bob"), left_out=0.1)
    tests["near_copies_recoloured"] = tests["near_copies_features"] = rated(0.0, False)
    tests["membership_nearest"] = rated(0.5 if leak else 0.0, leak, ("ann",))
    tests["reconstruction_nearest"] = rated(0.0, False)
    fields = {
        "verdict": "leak found" if leak else "no leak found at this power", "tests": tests,
        "found": ("membership_nearest", "near_copies_pixels") if leak else (), "alpha": 0.01,
        "power": Power(11, 0.12, 0.9, "with 200 images"), "bound": None, "notes": (),
        "controls": Controls(0.2, True, False, False, 1.0, 0, 200), "subject": "faces",
        "n_fake": 200, "n_train": 80, "n_holdout": 80, "seconds": {}, "people": (16, 16),
        "record": {"date": "2026-11-30", "version": "1", "purpose": "research",
                   "options": {"seed": 0}, "sha256": {"model": None, "training_images": "ab12"}},
    }  # fmt: skip
    return findings.concluded(AuditReport(**{**fields, **changes}))


def test_the_first_sentence_says_what_who_how_badly_and_what_to_do():
    assert report(True).summary == (
        "A leak was found: 10 % of the 200 generated images nearly copy a training image (0 % a "
        "held-out one), and 2 of the 16 people trained on are exposed. Do not release."
    )
    assert report(False).summary == (
        "No leak was found: noisy copies of training images would have been detected reliably from "
        "12 % of the 200 images on. Decide on the release by the risks below, and by "
        "what was not tested."
    )
    assert list(findings.exposed(report(True))) == ["ann", "bob"]


@pytest.mark.parametrize(
    "control,leak,words",
    [
        ({"found": False}, False, "the positive control was missed"),
        ({"enough": False, "found": False}, False, "hold out more people"),
        ({"unlike": True}, True, "Do not rely on this audit"),
        ({"found": False}, True, "Do not release."),
    ],
)
def test_controls_decide_what_to_do(control, leak, words):
    normal = Controls(0.2, True, False, False, 1.0, 0, 200)
    assert words in report(leak, controls=dataclasses.replace(normal, **control)).summary


def test_there_is_one_risk_for_each_test_of_the_opinion():
    found = report(True).risks
    assert list(found) == ["Singling out", "Linkability", "Inference"]
    assert found["Linkability"]["attack"] == "membership_nearest"
    assert found["Linkability"]["value"] == 0.5 and found["Linkability"]["status"] == "leak found"
    assert found["Inference"]["status"] == "no leak found"
    tests = {**report(False).tests, "reconstruction_nearest": none("off")}
    assert report(False, tests=tests).risks["Inference"]["status"] == "not tested"


def test_the_attacks_of_opinion_28_2024_are_marked():
    status = {row.attack: row.status for row in opinion.grid(report(False))}
    assert status == {
        "Memorisation": "partly tested", "Membership inference": "partly tested",
        "Extraction and regurgitation": "partly tested", "Model inversion": "not tested",
        "Reconstruction": "partly tested", "Attribute inference": "partly tested",
    }  # fmt: skip
    tests = {name: rated(0.0, False) for name in TERMS}
    record = {"sha256": {"model": "ab"}}
    assert {row.status for row in opinion.grid(report(False, tests=tests, record=record))} == {
        "tested"
    }


def test_remedies_state_their_effect():
    effects = {remedy.name: remedy.effect for remedy in advice.remedies(report(True))}
    assert "10 % of the images would be left out" in next(iter(effects.values()))
    assert (
        "epsilon 1 to 0.27 % and by epsilon 3 to 2 %" in effects["Train with differential privacy"]
    )
    assert any("2 exposed people" in effect for effect in effects.values())


@pytest.mark.parametrize("leak", [True, False])
def test_the_page_can_be_filed(leak):
    page = audit_report._page(report(leak)).html()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for words in (
        "Purpose: research", "2026-11-30", "ab12", "Data protection officer", "Signature",
        "Singling out", "Linkability", "Inference", "Model inversion", "expected effect",
        "Off, or impossible, in this audit",
    ):  # fmt: skip
        assert words in text, words
    assert "anonymous" not in text.lower()
    assert not any(name in text for name in TERMS if "_" in name), "no code names"
    assert "e+0" not in text and "– are exposed" not in text


def test_a_missed_control_and_a_leak_do_not_stand_in_one_box():
    missed = Controls(0.2, False, False, False, 1.0, 0, 200)
    page = audit_report._page(report(True, controls=missed)).html()
    box = page[page.index('class="verdict') : page.index("</header>")]
    assert "leak was found" in box and "control" not in box
    assert "those that were found stand" in page
