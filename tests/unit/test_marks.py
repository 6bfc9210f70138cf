"""Marks of SVG drawings: read with care, taken apart, composed, and none of them a copy."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from PIL import Image

from ganvas.errors import DataError, UsageError
from ganvas.kits import patterns
from ganvas.kits.patterns import composer, composing, results, vector
from ganvas.kits.patterns.paths import choosing, outline, parts, path_data, svg

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
SHAPES = [
    '<path d="M12 2 22 20H2Z"/>',
    '<circle cx="12" cy="12" r="10"/>',
    '<path fill-rule="evenodd" d="M2 2h20v20H2zM8 8v8h8V8z"/>',
    '<rect x="3" y="9" width="18" height="6" rx="3"/>',
    '<path d="M2 12a10 10 0 0 1 20 0z"/><path d="M8 16h8v5H8z"/>',
    '<path d="M12 2C18 8 18 16 12 22 6 16 6 8 12 2Z"/>',
    '<path d="M3 3h8v8H3zM13 13h8v8h-8zM13 3h8v8h-8z"/>',
    '<path d="M2 22V6l8 16V2h4v20z"/>',
    '<g transform="rotate(45 12 12)"><rect x="5" y="5" width="14" height="14"/></g>',
    '<path d="M4 4q16 0 16 16h-6q0-10-10-10z"/><circle cx="6" cy="18" r="3"/>',
    '<polygon points="12,2 15,9 22,9 16,14 18,22 12,17 6,22 8,14 2,9 9,9"/>',
    '<path d="M3 3h4v18H3z"/><path d="M10 9h4v12h-4z"/><path d="M17 14h4v7h-4z"/>',
    '<path d="M2 12 10 4v5h12v6H10v5z"/>',
    '<circle cx="12" cy="12" r="11"/><path fill="#fff" d="M8 6 18 12 8 18z"/>',
]


def shapes(body):
    return svg.parse(f"{HEAD}{body}</svg>".encode())


def ink(body, side=48):
    return outline.drawn(shapes(body), side)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Fourteen drawings, and one that is none."""
    place = tmp_path_factory.mktemp("svg")
    for number, body in enumerate(SHAPES):
        (place / f"{number:02d}.svg").write_text(f"{HEAD}{body}</svg>")
    (place / "broken.svg").write_text("<svg")
    return place


@pytest.fixture(scope="module")
def learnt(folder):
    return composer.learn_marks(folder)


# --- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('<path d="M2 2H22V22H2Z"/>', '<rect x="2" y="2" width="20" height="20"/>'),
        ('<path d="m2 2h20v20h-20z"/>', '<polygon points="2 2 22 2 22 22 2 22"/>'),
        ('<path d="M2 12a10 10 0 1 0 20 0a10 10 0 1 0-20 0"/>', '<circle cx="12" cy="12" r="10"/>'),
        ('<path d="M2 12a10 10 0 1020 0 10 10 0 10-20 0z"/>', '<circle cx="12" cy="12" r="10"/>'),
        ('<path d="M2 20Q12-10 22 20z"/>', '<path d="M2 20C8.67 0 15.33 0 22 20z"/>'),
        ('<path d="M2 12Q7 2 12 12T22 12z"/>', '<path d="M2 12Q7 2 12 12Q17 22 22 12z"/>'),
        ('<path d="M2 9C2 2 9 2 9 9S16 16 16 9z"/>',
         '<path d="M2 9C2 2 9 2 9 9C9 16 16 16 16 9z"/>'),
        ('<g transform="translate(4,2) scale(2)"><rect width="5" height="7"/></g>',
         '<rect x="4" y="2" width="10" height="14"/>'),
        ('<rect width="8" height="8" transform="rotate(90)translate(4 -12)"/>',
         '<rect x="4" y="4" width="8" height="8"/>'),
        ('<g style="fill:none;stroke:#000;stroke-width:4">'
         '<line x1="2" y1="12" x2="22" y2="12"/></g>',
         '<rect y="10" width="24" height="4" rx="2"/>'),
        ('<ellipse cx="12" cy="12" rx="10" ry="4"/>',
         '<circle r="4" transform="translate(12 12) scale(2.5 1)"/>'),
    ],
)  # fmt: skip
def test_ways_to_write_the_same(one, other):
    a, b = ink(one).astype(int), ink(other).astype(int)
    assert a.mean() > 15
    assert np.abs(a - b).mean() < 1.5


def test_inside_is_by_the_rule_and_paper_takes_ink_away():
    rings = 'd="M2 2h20v20H2zM7 7h10v10H7z"'
    assert ink(f"<path {rings}/>")[24, 24] == 255  # both squares turn the same way
    assert ink(f'<path fill-rule="evenodd" {rings}/>')[24, 24] == 0
    assert ink('<circle cx="12" cy="12" r="11"/><circle fill="white" cx="12" cy="12" r="4"/>')[
        24, 24] == 0  # fmt: skip


def test_what_is_no_shape_is_left_out():
    square = '<rect x="2" y="2" width="6" height="6"/>'
    other = '<rect x="12" y="12" width="9" height="9"/>'
    foreign = [
        f"<defs>{other}</defs>", f'<clipPath id="a">{other}</clipPath>',
        "<script>alert(1)</script>",
        '<use href="#a"/>', '<image href="file:///etc/passwd" width="24" height="24"/>',
        "<style>@import url(http://example.org)</style>", f"<symbol>{other}</symbol>",
        f'<g display="none">{other}</g>'.replace("<rect", '<rect fill="none"'),
        '<text x="1" y="9">A</text>', f'<a href="http://example.org">{other}</a>',
    ]  # fmt: skip
    np.testing.assert_array_equal(ink(square + "".join(foreign)), ink(square))


HOSTILE = {
    "document type": '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg viewBox="0 0 1 1"/>',
    "an entity": '<!DOCTYPE svg SYSTEM "http://example.org/a.dtd"><svg/>',
    "not 'svg'": "<html/>", "no shapes": f"{HEAD}</svg>", "unclosed token": "<svg",
    "neither a viewBox": '<svg><path d="M0 0h1v1z"/></svg>',
    "levels": HEAD + "<g>" * 200 + "</g>" * 200 + "</svg>",
    "unknown command 'X'": f'{HEAD}<path d="M0 0X"/></svg>',
    "begin each line with a command": f'{HEAD}<path d="5 5"/></svg>',
    "needs 2 numbers": f'{HEAD}<path d="M0"/></svg>',
    "flags must be 0 or 1": f'{HEAD}<path d="M0 0a1 1 0 2 0 1 1"/></svg>',
    "beyond": f'{HEAD}<path d="M0 0L9999999999 0"/></svg>',
    "characters": f'{HEAD}<path d="{"M0 0h1" * 40_000}"/></svg>',
    "rotate has 2": f'{HEAD}<g transform="rotate(1 2)"><path d="M0 0h1"/></g></svg>',
}  # fmt: skip


@pytest.mark.parametrize("words", HOSTILE)
def test_files_that_are_refused(words, tmp_path):
    path = tmp_path / "one.svg"
    path.write_text(HOSTILE[words])
    with pytest.raises(DataError, match=f"one.svg.*{words}"):
        svg.read(path)


def test_large_files_are_not_read(tmp_path, monkeypatch):
    path = tmp_path / "one.svg"
    path.write_text(HEAD + " " * 200 + "</svg>")
    monkeypatch.setattr(svg, "LARGEST", 100)
    with pytest.raises(DataError, match="1 to 100 bytes"):
        svg.read(path)


def test_an_arc_lies_on_its_circle():
    start, end = np.array([5.0, 0.0]), np.array([-3.0, 4.0])
    for large, sweep in itertools.product([False, True], repeat=2):
        pieces = path_data.arc(start, end, np.array([5.0, 5.0]), 0.3, large, sweep)
        line = outline.Contour(np.concatenate([start[None], *pieces]), "C" * len(pieces)).flat()
        centres = [(0, 0), (2, 4)]  # of both circles of radius 5 through both points
        away = [np.abs(np.hypot(*(line - centre).T) - 5).max() for centre in centres]
        assert min(away) < 2e-3
        np.testing.assert_allclose(line[-1], end)
        length = np.hypot(*np.diff(line, axis=0).T).sum()
        assert (length > 5 * np.pi) == large


# --- parts --------------------------------------------------------------------------------------


def test_a_drawing_is_taken_apart():
    square, three = (parts.taken_apart(svg.Drawing("a", shapes(SHAPES[i])), 0) for i in (2, 11))
    assert [len(part.shape.contours) for part in square.parts] == [2, 1]  # with its hole; the hole
    assert square.symmetry == "turn 4" and square.frame is not None
    assert three.count == 3 and three.frame is None and three.symmetry == "none"
    assert all(max(part.width, part.height) == pytest.approx(1) for part in three.parts)
    badge = parts.taken_apart(svg.Drawing("a", shapes(SHAPES[13])), 0)
    assert badge.frame is not None and not badge.hollow


def test_what_a_drawing_mainly_is_is_no_part():
    """A shape of many pieces with most of the ink: only what is beside it is used."""
    wave = "M2 2" + "q1 1 2 0" * 9 + "v14h-18z"
    found = parts.taken_apart(svg.Drawing("a", shapes(f'<path d="{wave}"/>' + SHAPES[8][:0])), 0)
    assert not found.parts
    beside = f'<path d="{wave}"/><circle cx="12" cy="21" r="2.5"/>'
    (part,) = parts.taken_apart(svg.Drawing("a", shapes(beside)), 0).parts
    assert part.mirrored and part.size == pytest.approx(5 / 24, rel=0.01)


@pytest.mark.parametrize(
    ("number", "symmetry"),
    [(0, "mirror"), (1, "mirror"), (8, "turn 4"), (3, "turn 2"), (7, "none"), (5, "turn 2")],
)
def test_symmetries(number, symmetry):
    found = parts.symmetry_of(ink(SHAPES[number], 64))
    assert found == symmetry or {found, symmetry} == {"mirror", "turn 2"}


# --- composing ----------------------------------------------------------------------------------


def test_marks_lie_within_the_view_and_are_drawn_again(learnt):
    marks = list(itertools.islice(learnt.grammar.marks(3), 20))
    again = list(itertools.islice(learnt.grammar.marks(3), 20))
    assert len({mark.layout for mark in marks}) >= 4
    for mark, other in zip(marks, again, strict=True):
        np.testing.assert_array_equal(mark.picture, other.picture)
        box = outline.box_of(mark.shapes)
        assert min(box[:2]) > 0.03 and max(box[2:]) < 0.97
        assert set(mark.sources) <= set(range(14)) and mark.sources


def test_a_mark_that_turns_has_the_symmetry(learnt):
    marks = itertools.islice(learnt.grammar.marks(1), 40)
    turned = [mark for mark in marks if mark.layout.startswith("turn")]
    assert turned
    assert all(parts.symmetry_of(mark.picture) != "none" for mark in turned)


def test_an_svg_file_is_the_mark(learnt):
    for mark in itertools.islice(learnt.grammar.marks(0), 6):
        text = composer.svg_of(mark, "#1c1c1c", "a & b")
        again = 255 - vector.render(text, (64, 64))[..., 0].astype(int)
        assert np.abs(again / (255 - 28) * 255 - mark.picture).mean() < 6
        assert text.count("<path") == 1 and "a &amp; b" in text
        assert parts.same(outline.drawn(svg.parse(text.encode()), 64), mark.picture, 0.97)


def test_near_copies_are_found_in_pixels(learnt):
    copied = learnt.reference.copied(learnt.pictures[:5], np.zeros((5, 0)))
    assert copied.all()
    rows, apart = learnt.reference.nearest(learnt.pictures[:5])
    assert list(rows) == [0, 1, 2, 3, 4] and apart.max() < 0.1


def test_halves_typical_and_copies_in_features(monkeypatch):
    """With the position of a dot as features: what lies among the dots is typical."""
    rng = np.random.default_rng(0)
    places = rng.integers(2, 30, (200, 2))
    pictures = np.full((200, 32, 32, 1), 255, np.uint8)
    for picture, (y, x) in zip(pictures, places, strict=True):
        picture[y, x] = 0

    def found(images):
        dark = (255 - images[..., 0]).reshape(len(images), -1).argmax(axis=1)
        return np.stack([dark // 32, dark % 32], axis=1).astype(np.float32) * 10, None

    monkeypatch.setattr(choosing, "extractor", lambda name, shape: found)
    reference = choosing.Reference(pictures)
    assert reference.judged and len(reference.held) == 100
    away = np.full((1, 32, 32, 1), 255, np.uint8)
    away[0, 0, 31] = 0
    features = reference.features_of(np.concatenate([pictures[:50], away]))
    typical = reference.typical(features)
    assert typical[:50].mean() > 0.8 and not typical[50]
    assert reference.copied(pictures[:50], features[:50]).all()
    scores = reference.scores(pictures[:100], reference.features_of(pictures[:100]), 0)
    assert scores["precision"].value > 0.8
    assert not choosing.Reference(pictures[:50]).judged, "50 are too few"


def test_logos_are_composed(folder, tmp_path):
    out, heard = tmp_path / "out", []
    words = {"palette": ["#e63946", "#1d3557"], "n": 6, "tell": heard.append}
    result = patterns.make_logos(folder, out, **words)
    assert json.loads((out / "logos.json").read_text()) == result.to_dict()
    assert (result.engine, result.run, result.scores, result.use) == ("compose", "", {}, "")
    assert any("broken.svg" in sentence for sentence in heard)
    assert [one.main for one in result.logos] == ["#e63946", "#1d3557"] * 3
    for one in result.logos:
        assert one.parts and one.svg is not None and (out / one.svg.file).is_file()
        with Image.open(out / one.file) as picture:
            assert picture.size == (512, 512) and picture.info["layout"] == one.kind
    for name in ("logos.png", "set.png", "nearest.png"):
        assert (out / name).is_file()
    assert "What the grammar has learnt" in (out / "report.html").read_text()
    assert len(patterns.make_logos(folder, out, n=3).logos) == 3
    assert len([*(out / "svg").iterdir()]) == 3, "those of the earlier command are removed"


def test_the_engine_follows_the_files_and_the_options(folder, tmp_path):
    assert composing.engine_of("auto", folder, {}) == "compose"
    assert composing.engine_of("auto", str(folder), {"kimg": 1}) == "gan"
    assert composing.engine_of("auto", "icons.npz", {}) == "gan"
    assert composing.engine_of("auto", np.zeros(3), {}) == "gan"
    with pytest.raises(UsageError, match="needs a folder with SVG files"):
        composing.engine_of("compose", tmp_path, {})
    with pytest.raises(UsageError, match="trains nothing, got walk"):
        composing.engine_of("compose", folder, {"walk": True})
    with pytest.raises(UsageError, match="vtrace"):
        composing.engine_of("vtrace", folder, {})


def test_few_drawings_are_refused(folder, tmp_path):
    for path in sorted(folder.iterdir())[:5]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(DataError, match="at least 12 SVG drawings"):
        composer.learn_marks(tmp_path)


def test_the_use_is_by_precision():
    values = {"run": "", "status": "finished", "kinds": (), "truncation": 1.0, "palette": (),
              "refused": 0, "training_palette": (), "precision_recall": (), "logos": (),
              "seconds_training": 0.0, "seconds": 1.0, "engine": "gan"}  # fmt: skip
    for precision, words in ((0.45, "texture fun"), (0.7, "good for marks")):
        report = results.LogosReport(**values, scores={"precision": precision})
        assert report.use.startswith(words) and f"{precision:.2f}" in report.use
