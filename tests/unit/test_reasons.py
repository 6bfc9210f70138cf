"""What the failures of workers mean: a refusal is told, a death starts all again."""

import pytest

from ganvas.cluster.training import _reason
from ganvas.errors import ConfigError, WorkerGone

Died = type("ActorDiedError", (Exception,), {"__module__": "ray.exceptions"})


class Wrapped(Exception):
    def __init__(self, inner):
        self._base_exc = inner


class Failed(Exception):
    def __init__(self, failures):
        self.worker_failures = failures


REFUSED = ConfigError("no")


@pytest.mark.parametrize(
    "failures, kind",
    [
        ({1: REFUSED}, ConfigError),
        ({0: Wrapped(REFUSED), 1: WorkerGone("other")}, ConfigError),
        ({0: Died()}, WorkerGone),
        ({0: WorkerGone("other"), 3: Died()}, WorkerGone),
        ({0: Wrapped(KeyError("x"))}, KeyError),
    ],
)
def test_why_workers_failed(failures, kind):
    assert type(_reason(Failed(failures))) is kind
