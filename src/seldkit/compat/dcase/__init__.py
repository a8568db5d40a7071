"""The published DCASE baselines: their weights, outputs and labels under our names and axes."""

from seldkit.compat.dcase.checkpoints import convert
from seldkit.compat.dcase.layouts import (
    pack_adpit_label,
    pack_multi_accdoa,
    unpack_adpit_label,
    unpack_multi_accdoa,
)

__all__ = [
    "convert",
    "pack_adpit_label",
    "pack_multi_accdoa",
    "unpack_adpit_label",
    "unpack_multi_accdoa",
]
