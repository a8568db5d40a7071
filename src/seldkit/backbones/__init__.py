"""Encoders: from features to a map of steps, on which a network's head is built."""

from seldkit.backbones.crnn_encoder import CRNN, crnn
from seldkit.backbones.fold import TimeFold
from seldkit.backbones.htsat_encoder import HTSAT, HTSATBranches, htsat, htsat_branches
from seldkit.backbones.mobilenet import YAMNet, yamnet
from seldkit.backbones.panns import CNN14, cnn14, epanns
from seldkit.backbones.tagging import TaggingBackbone, TaggingOutput

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
