"""Layers that Keras lacks, one file each, with correct second-order gradients."""

from .attention import SelfAttention
from .grouped import GroupedConv2D
from .minibatch import MinibatchDiscrimination, MinibatchStd
from .norms import BatchNorm, ConditionalNorm, GroupNorm, PixelNorm
from .pack import Pack
from .resample import Downsample, Upsample
from .scale import Basis, Bias, Clip
from .spectral import SpectralNorm
from .strided import Conv2D, Conv2DTranspose
from .wrap import WrapPad

__all__ = [
    "Basis",
    "BatchNorm",
    "Bias",
    "Clip",
    "ConditionalNorm",
    "Conv2D",
    "Conv2DTranspose",
    "Downsample",
    "GroupNorm",
    "GroupedConv2D",
    "MinibatchDiscrimination",
    "MinibatchStd",
    "Pack",
    "PixelNorm",
    "SelfAttention",
    "SpectralNorm",
    "Upsample",
    "WrapPad",
]

REGISTERED = {f"ganvas>{name}": globals()[name] for name in __all__}
"""The layers by the names under which Keras files store them."""
