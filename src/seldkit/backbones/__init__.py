"""Encoders: from features to a map of steps, on which a network's head is built."""

from seldkit.backbones.crnn import CRNN, crnn
from seldkit.backbones.fold import TimeFold
from seldkit.backbones.htsat import HTSAT, HTSATBranches, htsat, htsat_branches

__all__ = ["CRNN", "HTSAT", "HTSATBranches", "TimeFold", "crnn", "htsat", "htsat_branches"]
