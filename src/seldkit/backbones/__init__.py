"""Encoders: from features to a map of steps, on which a network's head is built."""

from seldkit.backbones.cnn14 import CNN14, cnn14
from seldkit.backbones.crnn import CRNN, crnn
from seldkit.backbones.epanns import epanns
from seldkit.backbones.fold import TimeFold
from seldkit.backbones.htsat import HTSAT, HTSATBranches, htsat, htsat_branches
from seldkit.backbones.tagging import TaggingBackbone, TaggingOutput
from seldkit.backbones.yamnet import YAMNet, yamnet

__all__ = [
    "CNN14",
    "CRNN",
    "HTSAT",
    "HTSATBranches",
    "TaggingBackbone",
    "TaggingOutput",
    "TimeFold",
    "YAMNet",
    "cnn14",
    "crnn",
    "epanns",
    "htsat",
    "htsat_branches",
    "yamnet",
]
