"""Generator and discriminator pairs, by name."""

from .base import Networks
from .dcgan import DCGAN
from .given import Given
from .r3gan import R3GAN
from .resnet import ResNet
from .textbook import Textbook
from .texture import Texture

NETWORKS: dict[str, type[Networks]] = {
    "dcgan": DCGAN,
    "r3gan": R3GAN,
    "resnet": ResNet,
    "textbook": Textbook,
    "texture": Texture,
}
"""The pairs of networks that a recipe may name."""

__all__ = ["DCGAN", "NETWORKS", "R3GAN", "Given", "Networks", "ResNet", "Textbook", "Texture"]
