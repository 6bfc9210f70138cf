"""Faster tests of searches."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from alembic.script import ScriptDirectory


@contextlib.contextmanager
def migrations_read_once() -> Iterator[None]:
    """Optuna reads the scripts that migrate its database for each study that it opens: half of
    the time that this takes."""
    read, known = ScriptDirectory.from_config, {}

    def from_config(config):
        place = config.get_main_option("script_location")
        if place not in known:
            known[place] = read(config)
        return known[place]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", from_config)
        yield
