"""What a folder means: each layout of the table, its classes, what is left out and what is said."""

import contextlib
import csv
import io
import json
import os
import unicodedata
import zlib
from pathlib import Path

import numpy as np
import pytest

from ganvas.base.progress import reporting
from ganvas.data import Options, header, layouts, load
from ganvas.data.listing import split
from ganvas.errors import DataError
from ganvas.images import write_png
from refusals import refuses


def fill(folder, *names):
    """A distinct tiny image for each name."""
    for name in names:
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        write_png(folder / name, rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
    return folder


def several(where, count=4):
    return [f"{where}/{i}.png" for i in range(count)]


def rows(folder, name, *lines):
    with (folder / name).open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    return folder / name


def said(source):
    """The header as one line."""
    return " ".join(" ".join(line.split()) for line in header.header(source))


def unused(source):
    """Images that are left out, by the reason."""
    left_out = source.report.left_out
    return {one["why"]: one["count"] for one in left_out if one["what"] == "image"}


LAYOUTS = {
    "MVTec's tree": (
        [*several("train/good"), *several("test/good", 2), *several("test/scratch", 2),
         "ground_truth/scratch/0_mask.png", "ground_truth/scratch/1_mask.png"],
        (), 4, "ganvas defects fit",
    ),
    "training and test parts": (
        [*several("train/cat"), *several("train/dog"), *several("val/cat"), *several("test/x")],
        ("cat", "dog"), 8, "test and val are left for ganvas evaluate RUN --data",
    ),
    "numbered parts": (
        [*several("00000"), *several("00001")], (), 8, "none: the folders are numbered parts",
    ),
    "folders of dates": (
        [*several("2019"), *several("2020-07"), *several("2021年3月"), *several("20220131")], (),
        16, "none: the folders are dates",
    ),
    "one folder above": (
        [*several("photos/cat"), *several("photos/dog")], ("cat", "dog"), 8,
        "all class folders are in photos",
    ),
    "class folders": (
        [*several("10"), *several("2"), *several("1")], ("1", "10", "2"), 12, "3: 1 (4), 10 (4)",
    ),
    "one set": (several("."), (), 4, "none: no sub-folders"),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout(tmp_path, name):
    files, classes, count, sentence = LAYOUTS[name]
    folder = fill(tmp_path / "set", *files)
    source = load(folder)
    assert (source.names, source.count) == (classes, count)
    assert sentence in said(source)
    assert all(len(line) <= 80 or len(line.split()) < 3 for line in header.header(source))
    everything = load(folder, Options(labels=False))
    assert (everything.classes, everything.count) == (0, count)
    assert len(source.places) == count
    assert all((folder / place).is_file() for place in source.places)


REFUSED = {
    "CycleGAN's domains": (["trainA", "trainB", "testA", "testB"], "trainA"),
    "several data sets": (["bottle/train/good", "bottle/test/hole", "nut/train/good",
                           "nut/test/cut"], "bottle"),
    "training and test parts": (["val", "test"], "test"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_of_several_sets_is_refused(tmp_path, name):
    folders, give = REFUSED[name]
    fill(tmp_path / "set", *(file for folder in folders for file in several(folder)))
    with refuses(DataError, str(Path("set", give))):
        load(tmp_path / "set")


def test_every_layout_has_a_case():
    assert {row.name for row in layouts.LAYOUTS} == {*LAYOUTS, *REFUSED, "labels in a file"}


def test_other_names_of_parts(tmp_path):
    for train, other in (("Train", "Test"), ("training_set", "test_set"), ("train2017", "val2017")):
        folder = fill(tmp_path / train, *several(train), *several(other), "extra/x.png")
        assert {Path(place).parts[0] for place in load(folder).places} == {train}
    folder = fill(tmp_path / "coco", *several("train"), *several("plane"), *several("car"))
    assert load(folder).names == ("car", "plane", "train"), "a train on rails"


def test_parts_of_one_name(tmp_path):
    for train, other in (
        ("seg_train", "seg_test"),
        ("train", "test1"),
        ("Cat-Train", "cat-VAL"),
        ("trainval", "test"),
    ):
        folder = fill(
            tmp_path / train, *several(f"{train}/{train}/a"), *several(f"{train}/{train}/b")
        )
        fill(folder, *several(f"{other}/a"), *several("pred"))
        assert (load(folder).names, load(folder).count) == (("a", "b"), 8)
    for names in (("crash_test", "toy_train"), ("test1", "test2")):
        folder = fill(tmp_path / names[0], *several(names[0]), *several(names[1]))
        assert load(folder).names == names
    several_sets = ("bed_train", "bed_val", "den_train", "den_val")
    fill(tmp_path / "rooms", *(file for name in several_sets for file in several(name)))
    with refuses(DataError, "bed_train"):
        load(tmp_path / "rooms")
    fill(tmp_path / "kit", *several("VOC2007/JPEGImages"), *several("VOC2012/JPEGImages"))
    with refuses(DataError, "VOC2007"):
        load(tmp_path / "kit")


@pytest.mark.parametrize("names", ["HAM_part_1 HAM_part_2", "100CANON 101NIKON", "fold1 fold2"])
def test_folders_that_are_numbered_with_words(tmp_path, names):
    source = load(fill(tmp_path, *(file for name in names.split() for file in several(name))))
    assert (source.classes, source.count) == (0, 8)
    assert "are parts of one set" in said(source)


def test_dates_and_numbers_that_are_none(tmp_path):
    months = fill(tmp_path / "one", *several("2021/07"), *several("2021/11"))
    assert load(months).classes == 0
    for number, names in enumerate((("07", "11"), ("2019 Ford", "2020 Ford"), ("2021", "cat"))):
        folder = fill(tmp_path / str(number), *several(names[0]), *several(names[1]))
        assert load(folder).names == names


def test_where_classes_may_be_is_said(tmp_path):
    fill(tmp_path, "cat.0.png", "cat.1.png", "3_wild dog_1.png", "4_wild dog_2.png")
    assert "named by 2 words (cat, wild dog): if these are classes" in said(load(tmp_path))
    assert "words" not in said(load(tmp_path, Options(labels=False)))
    fill(tmp_path / "camera", "IMG_1.png", "IMG_2.png", "DSC_1.png", "DSC_2.png")
    (tmp_path / "camera" / "attributes.csv").touch()
    assert "words" not in said(load(tmp_path / "camera"))
    assert "--labels names another file" in said(load(tmp_path / "camera"))


def test_every_digit_is_a_class_and_so_are_numbers_without_zeros(tmp_path):
    fill(tmp_path / "digits", *(file for i in range(10) for file in several(str(i), 2)))
    assert load(tmp_path / "digits").classes == 10
    fill(tmp_path / "codes", *several("10234"), *several("20511"))
    assert load(tmp_path / "codes").names == ("10234", "20511")


def test_a_few_images_beside_class_folders(tmp_path):
    folder = fill(tmp_path / "a", *several("cat"), *several("dog"), "preview.png")
    (folder / "docs").mkdir()
    source = load(folder)
    assert source.names == ("cat", "dog")
    assert unused(source) == {"beside the class folders (preview.png)": 1}
    assert "8 of 9 found" in said(source)
    assert "1 sub-folder without images: docs" in said(source)
    assert load(folder, Options(labels=False)).count == 9
    fill(folder, *several(".", 30))
    source = load(folder)
    assert (source.classes, source.count) == (0, 39)
    assert "none: 31 images lie beside the sub-folders" in said(source)
    fill(tmp_path / "b", *several("pets/cat"), *several("pets/dog"), "preview.png")
    assert (load(tmp_path / "b").names, load(tmp_path / "b").count) == (("cat", "dog"), 8)
    assert load(tmp_path / "b", Options(labels=False)).count == 9


def test_paths_are_those_of_the_walk(tmp_path, monkeypatch):
    """Also for the folder ".", whose name is not in its files' paths."""
    fill(tmp_path, *several("p/a"), *several("p/b"), "p/a/x_mask.png", "p/a/x.png")
    monkeypatch.chdir(tmp_path)
    for name in (".", "./", str(tmp_path), "p/.."):
        source = load(name)
        assert (source.names, source.count) == (("a", "b"), 9), name
        assert source.places[0] == "p/a/0.png"


# --- labels in a file ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [("path", "label"), ("file_name", "label"), ("filename", "class"), ("Image", "category")],
)
@pytest.mark.parametrize("name", ["labels.csv", "metadata.csv"])
def test_a_table_of_labels(tmp_path, head, name):
    fill(tmp_path, *several("img", 6))
    rows(tmp_path, name, head, *((f"img/{i}.png", "b" if i % 2 else "a") for i in range(6)))
    source = load(tmp_path)
    assert [source.names[n] for n in source.labels] == list("ababab")
    assert source.report.ignored == 0
    assert load(tmp_path, Options(labels=False)).classes == 0


def test_a_table_by_names_of_files_with_or_without_suffix(tmp_path):
    fill(tmp_path, *several("img", 12))
    rows(tmp_path, "labels.csv", ("id", "label"), *((i, 10 - i % 3) for i in range(12)))
    assert load(tmp_path).names == ("8", "9", "10"), "numbers in their order"
    known = [(f"{i}.png", i % 2) for i in range(10)]
    rows(tmp_path, "labels.csv", ("file", "label"), *known, ("gone.png", 1), known[0])
    source = load(tmp_path)
    assert (source.count, source.classes) == (10, 2)
    assert unused(source) == {"without a label in labels.csv": 2}
    assert "1 path of labels.csv does not exist, such as gone.png" in said(source)


def test_a_table_that_is_not_one_of_classes_is_ignored_and_said(tmp_path):
    paths = [*several("cat", 30), *several("dog", 30)]
    fill(tmp_path, *paths)
    for head, lines, words in [
        (("file_name", "text"), [(path, "a") for path in paths], "the columns file_name, text"),
        (("file_name", "label"), [(p, i) for i, p in enumerate(paths)], "60 labels for 60 images"),
        (("file_name", "label"), [("else.png", 1)], "none of the 1 paths"),
        (("file_name", "label"), [(path, label) for path in paths for label in "ab"],
         "several labels to 60 of 60 images"),
        (("file_name", "label"), [], "no row with a path and a label"),
    ]:  # fmt: skip
        rows(tmp_path, "metadata.csv", head, *lines)
        assert load(tmp_path).names == ("cat", "dog")
        assert words in said(load(tmp_path))


def test_a_table_that_the_user_names(tmp_path):
    folder = fill(tmp_path / "set", *several("x", 20))
    pairs = [(f"x/{i}.png", i % 2) for i in range(20)]
    mine = rows(tmp_path, "mine.csv", ("path", "label"), *pairs)
    assert load(folder, Options(labels=str(mine))).names == ("0", "1")
    for lines, words in [
        ([("path", "group"), ("x/0.png", 1)], ("path, group",)),
        ([("path", "label"), ("else.png", 1)], ("none of the 1", "else.png")),
        ([("path", "label"), *pairs, ("x/0.png", 2)], ("1 of 20", "x/0.png")),
    ]:
        rows(tmp_path, "mine.csv", *lines)
        with refuses(DataError, *words):
            load(folder, Options(labels=str(mine)))
    mine.write_bytes(b"path,label\n\x81,1\n")
    with refuses(DataError, "UTF-8"):
        load(folder, Options(labels=str(mine)))
    with refuses(DataError, "nowhere.csv"):
        load(folder, Options(labels=str(tmp_path / "nowhere.csv")))
    with refuses(DataError, "mine.csv", "folder of images"):
        load(np.zeros((4, 16, 16), np.uint8), Options(labels=str(mine)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    ("separator", "name"),
    [(";", "labels.csv"), ("\t", "labels.tsv"), (", ", "train.csv"), ("|", "metadata.csv")],
)
def test_separators_and_encodings_of_spreadsheets(tmp_path, separator, name, encoding):
    fill(tmp_path, *several("img", 6))
    lines = [
        f"Image Name{separator}class-label",
        *(f'{i}.png{separator}"é{i % 2}"' for i in range(6)),
    ]
    for first in ([], ["sep=;"]):
        (tmp_path / name).write_bytes("\r\n".join([*first, *lines]).encode(encoding))
        assert load(tmp_path).names == ("é0", "é1")


@pytest.mark.parametrize(
    ("encoding", "names", "said_as"),
    [("gbk", ("狗", "猫"), "GB18030"), ("cp1252", ("Ampère", "Säge"), "Windows-1252")],
)
def test_tables_that_are_not_utf_8_are_read_and_it_is_said(tmp_path, encoding, names, said_as):
    fill(tmp_path, *several("img", 6))
    lines = ["path,label", *(f"img/{i}.png,{names[i % 2]}" for i in range(6))]
    (tmp_path / "labels.csv").write_bytes("\r\n".join(lines).encode(encoding))
    source = load(tmp_path)
    assert source.names == names
    assert f"classes from labels.csv (path, label), which is read as {said_as}" in said(source)


def test_a_column_for_each_class(tmp_path):
    fill(tmp_path, *several("img", 6))
    flags = [(f"{i}", *("1.0" if i % 3 == c else "0.0" for c in range(3))) for i in range(6)]
    rows(tmp_path, "train.csv", ("image", "MEL", "NV", "BCC"), *flags)
    source = load(tmp_path)
    assert source.names == ("BCC", "MEL", "NV")
    assert "classes from train.csv (image; the column with a 1)" in said(source)
    rows(tmp_path, "train.csv", ("image", "MEL", "NV", "BCC"), *flags[1:], ("0", "1.0", "1.0", "0"))
    assert load(tmp_path).classes == 0, "an image of two classes"


def test_labels_of_hugging_face(tmp_path):
    fill(tmp_path, *several("train", 6), *several("test", 2))
    told = [{"file_name": f"{i}.png", "label": i % 2} for i in range(6)]
    file = tmp_path / "train" / "metadata.jsonl"
    file.write_text("".join(f"{json.dumps(one)}\n" for one in told))
    assert "classes from train/metadata.jsonl (file_name, label)" in said(load(tmp_path))
    assert load(tmp_path).names == ("0", "1")
    listed = json.dumps({"file_name": "0.png", "label": [1, 1]})
    file.write_text(listed)
    assert "labels that are no classes" in said(load(tmp_path))
    for content, words in (("[1]", "lines that are no objects"), ("{", "cannot be read")):
        file.write_text(content)
        assert f"train/metadata.jsonl {words}" in said(load(tmp_path)).replace("has lines", "lines")


def test_labels_of_a_few_images_do_not_drop_the_others(tmp_path):
    fill(tmp_path, *several("cat", 10), *several("dog", 10))
    file = rows(tmp_path, "labels.csv", ("path", "label"), ("cat/0.png", "a"), ("cat/1.png", "b"))
    source = load(tmp_path)
    assert (source.names, source.count) == (("cat", "dog"), 20)
    assert "labels.csv has labels of 2 of the 20 images only" in said(source)
    assert load(tmp_path, Options(labels=str(file))).count == 2


def test_paths_of_another_computer(tmp_path):
    """By the longest end that an image shares; capitals and composed accents do not matter."""
    composed, apart = (unicodedata.normalize(form, "é.png") for form in ("NFC", "NFD"))
    fill(tmp_path, *several("a", 2), *several("b", 2), f"b/{apart}")
    told = {
        "C:\\me\\A\\0.PNG": "x",
        "/home/me/a/1.png": "x",
        "/mnt/b/0.png": "y",
        "set\\b\\1.png": "y",
    }
    rows(
        tmp_path, "labels.csv", ("path", "label"), *told.items(), (composed, "y"), ("c/0.png", "z")
    )
    source = load(tmp_path)
    assert [source.names[n] for n in source.labels] == list("xxyyy")
    assert "1 path of labels.csv does not exist, such as c/0.png" in said(source)


def test_labels_that_are_equal_to_the_eye(tmp_path):
    fill(tmp_path, *several(".", 4))
    accents = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    for found, names in ((("0.0", "1.0"), ("0", "1")), ((*accents, "e"), ("e", accents[0]))):
        table = [(i, found[i % len(found)]) for i in range(4)]
        rows(tmp_path, "labels.csv", ("id", "label"), *table)
        assert load(tmp_path).names == names


def test_labels_of_stylegan(tmp_path):
    fill(tmp_path, *several("00000"), *several("00001"))
    pairs = [[f"0000{s}/{i}.png", (s + i) % 3] for s in range(2) for i in range(4)]
    hot = [[path, [int(label == n) for n in range(3)]] for path, label in pairs]
    for labels in (pairs, dict(pairs), hot):
        (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
        source = load(tmp_path)
        assert source.names == ("0", "1", "2")
        assert source.labels.tolist() == [label for _, label in pairs]
    vectors = [[path, [0.5, 0.1]] for path, _ in pairs]
    for labels, words in ((None, "has no labels"), (vectors, "labels that are no classes")):
        (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
        source = load(tmp_path)
        assert (source.classes, source.count) == (0, 8)
        assert f"dataset.json {words}" in said(source).replace("has labels that", "labels that")


def test_numbered_folders_and_a_table_without_labels(tmp_path):
    """As in the German traffic signs, 00000 to 00042: the header says how they become classes."""
    fill(tmp_path, *several("00000"), *several("00001"))
    rows(tmp_path, "labels.csv", ("path", "width"), ("00000/0.png", 16))
    source = load(tmp_path)
    assert (source.classes, source.count) == (0, 8)
    assert "if they are classes, rename them, or give --labels FILE.csv" in said(source)
    assert "labels.csv has the columns path, width" in said(source)


def test_labels_within_a_part(tmp_path):
    fill(tmp_path, *several("train"), *several("test"))
    pairs = [(f"{i}.png", i % 2) for i in range(4)]
    rows(tmp_path / "train", "metadata.csv", ("file_name", "label"), *pairs)
    source = load(tmp_path)
    assert (source.names, source.count) == (("0", "1"), 4)


# --- what is never data -------------------------------------------------------------------------


def test_masks_are_never_trained_on(tmp_path):
    fill(tmp_path / "a", "x.png", "y.png", "z.png", "x_mask.png", "y_mask_1.png", "alone_mask.png")
    assert load(tmp_path / "a").places == ("alone_mask.png", "x.png", "y.png", "z.png")
    assert "2 masks (x_mask.png beside x)" in said(load(tmp_path / "a"))
    for masks in ("masks", "images_mask", "annotations/trimaps"):
        folder = fill(tmp_path / masks.replace("/", "-"), *several("images"), *several(masks))
        assert load(folder).places == tuple(several("images"))
    fill(tmp_path / "b", *several("."), *several("masks"))
    assert load(tmp_path / "b").count == 4
    for classes in (("mask", "no_mask"), ("with_mask", "without_mask"), ("bottles", "labels")):
        folder = fill(tmp_path / classes[0], *several(classes[0]), *several(classes[1]))
        assert load(folder).names == classes


@pytest.mark.parametrize(
    "junk",
    ["@eaDir", ".ipynb_checkpoints", "__MACOSX", ".thumbnails", "lost+found", "$RECYCLE.BIN", ".x"],
)
def test_folders_of_a_system_are_no_images(tmp_path, junk):
    fill(tmp_path, *several("a"), *several("b"), *several(junk), f"a/{junk}/x.png", "a/._0.png")
    source = load(tmp_path)
    assert (source.names, source.count, source.report.found) == (("a", "b"), 8, 8)
    assert "without images" not in said(source)


MARKS = {
    "run": {"config.toml": 'recipe = "quick"\n', "run.json": "{}"},
    "killed": {"config.toml": 'recipe = "quick"\n', "state/.x": ""},
    "model": {"manifest.json": json.dumps({"files": {"saved_model.pb": "0" * 64}})},
    "patterns": {"kit.json": '{"kit": "patterns tile"}'},
    "balance": {"study.json": '{"version": 1, "plan": {}, "images": "x"}'},
    "detector": {"fit.json": '{"fingerprint": "x"}'},
    "samples": {".request.json": '{"n": 3}'},
    "delivery": {"delivery.json": '{"delivered": 3, "sha256": "x"}'},
    "heat-maps": {"scores.csv": "path,picture,score,p_value,defective\n"},
}


@pytest.mark.parametrize("mark", MARKS)
def test_what_ganvas_writes_is_no_data(tmp_path, mark):
    before = load(fill(tmp_path, *several(".")))
    out = fill(tmp_path / "out" / mark, *several("samples", 3), "x.png")
    assert load(tmp_path).count == 8, "images of the user, as long as nothing says otherwise"
    for name, text in MARKS[mark].items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text(text)
    after = load(tmp_path)
    assert after.fingerprint == before.fingerprint
    assert f"4 in out/{mark}, written by ganvas" in said(after)


def test_files_of_such_names_that_are_not_by_ganvas(tmp_path):
    fill(tmp_path, *several("a"), *several("b"))
    others = {"manifest.json": '{"name": "my app"}', "kit.json": "[]", "fit.json": ""}
    for name, text in {**others, "config.toml": "[tool]\n", "run.json": "{}"}.items():
        (tmp_path / "a" / name).write_text(text)
    assert load(tmp_path).names == ("a", "b")


def test_a_run_is_not_data(tmp_path):
    fill(tmp_path, *several("samples"))
    (tmp_path / "config.toml").write_text('recipe = "quick"\n')
    (tmp_path / "run.json").write_text("{}")
    with refuses(DataError, "ganvas resume"):
        load(tmp_path)


def test_drawn_images_are_no_data(tmp_path):
    folder = fill(tmp_path / "a", *several("."))
    about = {"model": "runs/x", "seed": "0", "truncation": "1.0"}
    write_png(folder / "grid.png", np.zeros((16, 16, 3), np.uint8), about)
    assert load(folder).count == 4
    assert "1 drawn by ganvas sample" in said(load(folder))
    assert load(folder, Options(judged=True)).count == 5
    for i in range(4):
        write_png(tmp_path / "b" / f"{i}.png", np.eye(16, dtype=np.uint8) * (9 + i), about)
    assert load(tmp_path / "b").count == 4, "a folder of nothing else was meant"


# --- held out -----------------------------------------------------------------------------------


def test_no_class_is_lost_to_the_holdout():
    rng = np.random.default_rng(0)
    hashes = rng.integers(1000, 2**63, 400, dtype=np.uint64)
    labels = np.repeat([0, 1, 2, 3], [380, 3, 15, 2]).astype(np.int32)
    hashes[380:383] = [1, 2, 3]  # the smallest: they would all be held out
    hashes[398:] = 2**63 + 9  # equal images: they stay together
    rows, held = split(hashes, 0.05, labels)
    assert sorted([*rows, *held]) == list(range(400))
    assert np.bincount(labels[rows]).min() >= 1
    assert np.bincount(labels[held], minlength=4)[[1, 3]].tolist() == [2, 0]
    assert np.bincount(labels[held], minlength=4)[2] >= 1
    order = rng.permutation(400)
    again = split(hashes[order], 0.05, labels[order])
    assert {*hashes[order][again[1]]} == {*hashes[held]}
    many = np.arange(400, dtype=np.int32) // 2
    assert len(split(hashes, 0.05, many)[1]) <= 40, "the holdout does not double"


def test_a_run_of_older_versions_keeps_its_holdout():
    """They held out by content alone."""
    images = np.random.default_rng(0).integers(0, 256, (400, 16, 16), dtype=np.uint8)
    labels = np.repeat([0, 1], [397, 3])
    source = load((images, labels))
    now = source.fingerprint
    source.rows, held = split(source.hashes, 0.05)
    del source.fingerprint
    assert source.fingerprint != now, "the rare class has one held out"
    old = load((images, labels), Options(known=source.fingerprint))
    assert np.array_equal(old.rows, source.rows) and old.fingerprint == source.fingerprint
    assert (old.count, old.held_count) == (len(source.rows), len(held))
    assert load((images, labels), Options(known="another")).fingerprint == now


def test_the_header_comes_before_a_file_is_decoded(tmp_path, capsys):
    folder = fill(tmp_path, *(f"{name}/{i}.png" for name in "ab" for i in range(150)))
    cut = (folder / "a" / "0.png").read_bytes()[:300]
    (folder / "a" / "cut.png").write_bytes(cut)
    with reporting():
        source = load(folder, announce=header.show_found)
    first = capsys.readouterr().err.splitlines()
    assert first[:2] == ["images     301", "classes    2: a (151), b (150)"]
    with reporting(always=True):
        header.show_used(source, {"run": "runs/x"})
    second = capsys.readouterr().err.splitlines()
    used = f"{source.count} to train on, {source.held_count} held out"
    assert second[0] == f"used       {used}; 1 unreadable, such as a/cut.png"
    assert second[1].split() == ["run", "runs/x"] and second[-1].startswith("note: 1 of 301 images")


@pytest.mark.parametrize("stream", ["missing", "closed", "broken"])
def test_the_header_stops_nothing(tmp_path, monkeypatch, stream):
    """As of `ganvas resume RUN 2>&-`, or if its reader has ended."""
    source = load(fill(tmp_path, *several(".")))
    end, other = os.pipe()
    os.close(end)
    broken = os.fdopen(other, "w")
    closed = io.StringIO()
    closed.close()
    streams = {"missing": None, "closed": closed, "broken": broken}
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", streams[stream])
        with reporting():
            header.show(source)
    with contextlib.suppress(BrokenPipeError):
        broken.close()


def test_the_header_of_many_classes(tmp_path):
    fill(tmp_path, *(f"class {i:02d}/{i}{k}.png" for i in range(30) for k in range(8)))
    fill(tmp_path, "rare/x.png")
    (tmp_path / "a.txt").write_text("")
    lines = header.header(load(tmp_path), {"recipe": "quick, 600 kimg", "run": "runs/x"})
    assert all(len(line) <= 80 for line in lines) and len(lines) < 10
    assert "and 25 more; with one image: rare" in " ".join(" ".join(lines).split())
    assert "left out   1 .txt file" in lines
    assert lines[0] == "images     241" and "held out" in lines[-3]
