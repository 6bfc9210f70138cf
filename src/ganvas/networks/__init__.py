"""Generator and discriminator pairs, by name."""

from .base import Networks
from .dcgan import DCGAN
from .textbook import Textbook

NETWORKS: dict[str, type[Networks]] = {"dcgan": DCGAN, "textbook": Textbook}

__all__ = ["DCGAN", "NETWORKS", "Networks", "Textbook"]
