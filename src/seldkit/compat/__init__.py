"""Published checkpoints and layouts: their weights and tensors under our names and axes."""

from seldkit.compat import (
    cst_former,
    dcase,
    ein_seld,
    hungarian_net,
    ngcc,
    panns,
    pseldnets,
    srp_dnn,
    yamnet,
)

__all__ = [
    "cst_former",
    "dcase",
    "ein_seld",
    "hungarian_net",
    "ngcc",
    "panns",
    "pseldnets",
    "srp_dnn",
    "yamnet",
]
