"""One sentence that says what the images are, from their scores.

No score says it alone. Noise can have precision 1 (all of it lies near one unusual real image),
blobs have precision above that of real images (they lie near the middle of the data), copies have
the best coverage. So the scores are read together, by the first rule of `RULES` that applies, and
each is compared with its floor: the score of real images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .base import Comparison, Score
from .case import BLURRED, CLOSE, ENOUGH, FAR, MOSTLY, NEARLY_ALL, NOISY, NOTHING, SOME, WIDE, Case
from .copies import copied

NAMED = 5
"""Lost classes that the sentence names."""


@dataclass(frozen=True)
class Verdict:
    """What the images are.

    Attributes:
        name: of the rule that applied.
        sentence: what they are, the scores that show it, and what to do.
        notes: sentences about scores that can be misread.
        copied: near-copies of training images are more frequent than among held-out images.
    """

    name: str
    sentence: str
    notes: tuple[str, ...] = ()
    copied: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {"verdict": self.name, "sentence": self.sentence, "notes": list(self.notes)}


NOT_JUDGED = Verdict("not_judged", "not judged: there are no scores")


def read(case: Case) -> Verdict:
    """The verdict of the first rule that applies; the last one always does."""
    rule = next(rule for rule in RULES if rule.applies(case))
    return Verdict(rule.name, rule.sentence(case), notes(case, rule.name), bool(case.copied))


class Rule(NamedTuple):
    name: str
    applies: Callable[[Case], bool]
    sentence: Callable[[Case], str]


def _missing(case: Case) -> list[str]:
    needed = ("coverage", "kid", "precision", "recall")
    return [name for name in needed if case.scores.get(name, Score(None)).value is None]


def _few(case: Case) -> bool:
    return min(case.n_real, case.n_fake) < ENOUGH


def _noise(case: Case) -> bool:
    if case.low("detail") > NOISY:
        return case.covered < CLOSE
    return case.covered < NOTHING and case.alike and case.high("detail", 1) < BLURRED


def _copies(case: Case, share: float) -> bool:
    known = bool(case.copied) or (case.copied is None and share >= MOSTLY)
    return known and case.excess("near_copies") >= share


def _collapsed(case: Case) -> bool:
    return _repeated(case) or (case.alike and case.covered < FAR)


def _repeated(case: Case) -> bool:
    """Images of a run that has only begun cover nothing and lie close to each other, too: they
    count as varied unless nearly all repeat another."""
    begun = case.covered < NOTHING and not case.alike
    return case.excess("duplicates") >= (NEARLY_ALL if begun else MOSTLY)


def _blurred(case: Case) -> bool:
    smooth = case.high("detail", 1) < BLURRED or case.in_the_middle
    return case.covered >= NOTHING and smooth


def _incomplete(case: Case) -> bool:
    like = case.value("precision") >= CLOSE * case.floor("precision")
    return bool(case.lost) and like and case.covered >= FAR


def _real(case: Case) -> bool:
    return case.high("coverage") >= case.floor("coverage") and case.low("kid") <= max(
        0.0, case.floor("kid")
    )


def _vague(case: Case) -> bool:
    width = case.high("coverage") - case.low("coverage")
    return _real(case) and width > WIDE * case.floor("coverage")


def _evidence(case: Case) -> str:
    """The two scores that come first, with their floors; KID with the digits that it has."""
    kid, floor = case.beside_floor("kid")
    return (
        f"KID {kid} where real ones get {floor}, coverage "
        f"{case.value('coverage'):.2f} where they get {case.floor('coverage'):.2f}"
    )


def _longer(case: Case) -> str:
    return "train longer" + ("" if case.pretrained else ", or begin pretrained (--from auto)")


def _noisy(case: Case) -> str:
    if case.covered < NOTHING:
        what = f"noise: nothing like your images ({_evidence(case)})"
    else:
        times = case.value("detail")
        what = f"noise: {times:.1f} times the fine detail of real ones ({_evidence(case)})"
    return f"{what}; `ganvas doctor RUN` shows the causes"


def _too_few(case: Case) -> str:
    return (
        f"too few images to say: {case.n_fake:,} generated and {case.n_real:,} real ones were "
        f"compared, {ENOUGH} of each are needed; give more images"
    )


def _too_vague(case: Case) -> str:
    coverage = case.scores["coverage"]
    return (
        f"too few images to say: coverage is between {coverage.low:.2f} and {coverage.high:.2f} "
        f"({case.n_fake:,} generated and {case.n_real:,} real images); give more images"
    )


def _blur(case: Case) -> str:
    if case.high("detail", 1) < BLURRED:
        what = f"{case.value('detail'):.2f} of the fine detail of real ones"
    else:
        what = (
            "close to the middle of your data, and not as varied: precision "
            f"{case.value('precision'):.2f} is above that of real ones "
            f"({case.floor('precision'):.2f}), and recall is {case.value('recall'):.2f}"
        )
    return f"blurred: {what} ({_evidence(case)}); {_longer(case)}"


def _collapse(case: Case) -> str:
    if _repeated(case):
        what = (
            f"few distinct images: {case.value('duplicates'):.0%} of them nearly repeat another "
            f"(real ones: {case.floor('duplicates'):.0%})"
        )
    else:
        what = f"{case.value('diversity'):.2f} of the variety of real ones ({_evidence(case)})"
    return f"collapsed: {what}; `ganvas doctor RUN` shows the causes, --heal applies a fix"


def _copy(case: Case) -> str:
    return (
        f"copies of training images: {case.value('near_copies'):.0%} of the images nearly copy one "
        f"(other real ones: {case.floor('near_copies'):.0%}); train on more images, or for a "
        "shorter time"
    )


def _lost(case: Case) -> str:
    names = ", ".join(case.lost[:NAMED])
    names += f" and {len(case.lost) - NAMED} more" if len(case.lost) > NAMED else ""
    some = "a class is" if len(case.lost) == 1 else f"{len(case.lost)} classes are"
    return (
        f"{some} missing or rare: {names} ({_evidence(case)}); train with labels, or give "
        f"more images of {'it' if len(case.lost) == 1 else 'them'}"
    )


RULES = (
    Rule(
        "not_judged",
        lambda case: bool(_missing(case)) and not _few(case),
        lambda case: f"not judged: scores without a value: {', '.join(_missing(case))}",
    ),
    Rule("too_few", _few, _too_few),
    Rule("copies", lambda case: _copies(case, MOSTLY), _copy),
    Rule(
        "noise",
        lambda case: _noise(case) and not _repeated(case),
        _noisy,
    ),
    Rule("collapsed", _collapsed, _collapse),
    Rule("copies", lambda case: _copies(case, SOME), _copy),
    Rule("blurred", _blurred, _blur),
    Rule(
        "far",
        lambda case: case.covered < FAR,
        lambda case: (
            "varied blobs, or images of another kind: far from your images "
            f"({_evidence(case)}); {_longer(case)}"
        ),
    ),
    Rule("class_missing", _incomplete, _lost),
    Rule(
        "partial",
        lambda case: case.covered < CLOSE,
        lambda case: (
            f"some of your images are covered, others are not ({_evidence(case)}); {_longer(case)}"
        ),
    ),
    Rule("too_few", _vague, _too_vague),
    Rule(
        "as_good_as_real",
        _real,
        lambda case: (
            f"as good as real in these scores ({_evidence(case)}); look at the images for "
            "what scores do not measure"
        ),
    ),
    Rule(
        "close",
        lambda case: True,
        lambda case: (
            f"close to your images, and not the same ({_evidence(case)}); train longer if "
            "the scores still improve"
        ),
    ),
)
"""In the order in which they are tried."""

NAMES = tuple(dict.fromkeys(rule.name for rule in RULES))
GOOD, BAD = ("as_good_as_real", "close"), ("noise", "collapsed", "copies")


def notes(case: Case, name: str) -> tuple[str, ...]:
    """Sentences about scores that can be misread, and faults that the sentence leaves out."""
    found = []
    said = name == "blurred" and case.high("detail", 1) >= BLURRED
    weak = name in ("noise", "collapsed", "blurred", "far")
    if weak and not said and case.value("precision") >= CLOSE * case.floor("precision", 1):
        found.append(
            f"precision {case.value('precision'):.2f} (real ones: {case.floor('precision'):.2f}) "
            "does not mean good images: it counts images that lie within the region of the real "
            "ones, also in its middle or near one unusual image; recall is "
            f"{case.value('recall'):.2f}"
        )
    if name == "far" and case.excess("duplicates") >= MOSTLY:
        found.append(f"{case.value('duplicates'):.0%} of the images nearly repeat another")
    if case.lost and name in ("copies", "partial"):
        found.append(f"missing or rare classes: {', '.join(case.lost[:NAMED])}")
    if case.copied and name not in ("copies", "collapsed", "not_judged"):
        found.append(_copy(case))
    return tuple(found)


def verdict_of(
    c: Comparison,
    scores: Mapping[str, Score],
    lost: Sequence[str] = (),
    pretrained: bool = False,
) -> Verdict:
    """The verdict on the fakes of a comparison; `lost`: names of classes that they leave out;
    `pretrained`: the run that drew them did not begin from noise."""
    searched = scores.get("near_copies", Score(None)).value is not None
    flagged = copied(c) if searched else False
    return read(Case(scores, len(c.real), len(c.fake), flagged, lost, pretrained))
