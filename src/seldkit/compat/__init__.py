"""Published checkpoints and layouts: their weights and tensors under our names and axes."""

from seldkit.compat import dcase, ein_seld, panns, pseldnets, srp_dnn, yamnet

__all__ = ["dcase", "ein_seld", "panns", "pseldnets", "srp_dnn", "yamnet"]
from seldkit.compat import hungarian_net

__all__ = ["dcase", "ein_seld", "hungarian_net", "panns", "pseldnets", "yamnet"]
