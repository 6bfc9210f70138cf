"""Other libraries' logs are kept in for a while, and then no more."""

import logging

from ganvas.base.logs import quiet


def test_quiet_and_then_as_before():
    logger = logging.getLogger("ganvas-test")
    logger.setLevel(logging.INFO)
    with quiet("ganvas-test"):
        assert not logger.isEnabledFor(logging.WARNING)
    assert logger.level == logging.INFO
