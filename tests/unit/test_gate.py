"""The gate says what failed, and a score without a value fails it."""

import pytest

from ganvas.config import Gate
from ganvas.evaluation.base import Score
from ganvas.evaluation.gate import judge
from ganvas.evaluation.result import GateResult


def test_no_demands_no_verdict():
    assert judge(Gate(), {"frechet": Score(1.0)}) == GateResult(None)


@pytest.mark.parametrize("frechet, coverage, failed", [(1.0, 0.9, []), (3.0, 0.5, ["f", "c"])])
def test_bounds(frechet, coverage, failed):
    gate = Gate(frechet_max=2.0, coverage_min=0.7)
    result = judge(gate, {"frechet": Score(frechet), "coverage": Score(coverage)})
    assert result.passed == (not failed)
    assert [sentence[0] for sentence in result.failed] == failed
    if failed:
        assert result.failed == (
            "frechet 3 is above frechet_max = 2",
            "coverage 0.5 is below coverage_min = 0.7",
        )


def test_what_has_no_value_fails():
    result = judge(Gate(near_copies_max=0.01), {"near_copies": Score(None, why="no images")})
    assert result.passed is False
    assert "no images" in result.failed[0] and "near_copies_max" in result.failed[0]
    assert judge(Gate(modes_min=0.5), {}).passed is False
