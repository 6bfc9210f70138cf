"""Generator and discriminator pairs, by name."""

from .base import Networks
from .dcgan import DCGAN
from .r3gan import R3GAN
from .resnet import ResNet
from .textbook import Textbook

NETWORKS: dict[str, type[Networks]] = {
    "dcgan": DCGAN,
    "r3gan": R3GAN,
    "resnet": ResNet,
    "textbook": Textbook,
}

__all__ = ["DCGAN", "NETWORKS", "R3GAN", "Networks", "ResNet", "Textbook"]
