"""Errors that tests provoke: a test names the class, the key and the value; the whole sentences
stand in one file, so that a new wording is one diff to read.

`pytest --write-sentences` writes tests/sentences.json anew for the tests that it runs, and removes
tests that are no longer in their files.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import re
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from ganvas.errors import GanvasError

FILE = Path(__file__).with_name("sentences.json")
VOLATILE = [  # what differs from one machine, or one call, to the next
    (re.compile(r"[^\s'\"`(]*/pytest-of-[^/]+/pytest-\d+/(?:popen-gw\d+/)?[^/\s'\"`:;,)]+"), "TMP"),
    (re.compile(re.escape(str(FILE.parents[1]))), "REPO"),
    (re.compile(r"\bganvas-[a-z0-9_]{8}(?=/|$)"), "SCRATCH"),
    (re.compile(r"_ssl\.c:\d+"), "_ssl.c:LINE"),
    (re.compile(r"[\d.]+ are free"), "N are free"),
    (re.compile(r"since [\d.]+ kimg"), "since N kimg"),
    (re.compile(r"(127\.0\.0\.1|localhost|\[::1\]):\d\d+"), r"\1:PORT"),
]
writing = False
collected: set[str] = set()
"""All tests of the files that were given."""
seen: dict[str, list[str]] = collections.defaultdict(list)


@contextlib.contextmanager
def refuses(kind, *parts: object) -> Iterator[pytest.ExceptionInfo]:
    """What happens within raises exactly this class, or one of a tuple of classes, and its sentence
    names every part. `GanvasError` stands for all of its subclasses."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    with pytest.raises(kinds) as caught:
        yield caught
    sentence = str(caught.value)
    assert caught.type in kinds or GanvasError in kinds, f"{caught.type.__name__}: {sentence}"
    for part in parts:
        assert str(part) in sentence, sentence
    check(sentence, caught.value)


def check(sentence: str, error: BaseException | None) -> None:
    """Compare one more sentence of the test that runs with those in the file.

    Not where another library wrote it, nor in a fixture: which test makes that first is not known.
    """
    test, _, phase = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")
    if phase != "(call)" or not isinstance(error, GanvasError):
        return
    kept = seen[test]
    kept.append(_stable(sentence, error))
    if not writing:
        expected = _sentences().get(test, [])[: len(kept)]
        assert kept == expected, "--write-sentences writes the new wording; read the diff"


def write() -> None:
    """Put what was seen in place of what the file holds for these tests."""
    if writing and seen:
        with FileLock(Path(tempfile.gettempdir()) / "ganvas-sentences.lock"):
            files = {_file(test) for test in collected}
            old = {
                test: kept
                for test, kept in _sentences().items()
                if test in collected or _file(test) not in files
            }
            merged = old | seen
            FILE.write_text(json.dumps(merged, indent=0, sort_keys=True, ensure_ascii=False) + "\n")


def _file(test: str) -> str:
    return test.partition("::")[0]


def _sentences() -> dict[str, list[str]]:
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def _stable(sentence: str, error: BaseException) -> str:
    """Without paths and ports of this call, and without what another library said."""
    sentence = " ".join(sentence.split())
    for cause in (error.__cause__, error.__context__):
        for said in (cause, getattr(cause, "strerror", None)):
            words = " ".join(str(said or "").split())
            if len(words) > 3 and not _ours(cause):
                sentence = sentence.replace(words, "CAUSE")
    for pattern, word in VOLATILE:
        sentence = pattern.sub(word, sentence)
    return sentence


def _ours(error: BaseException) -> bool:
    """Whether this package raised it."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return "/ganvas/" in frame.f_code.co_filename
