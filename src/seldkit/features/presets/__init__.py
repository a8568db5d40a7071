"""Feature extractors of published systems, equal to theirs."""

from seldkit.features.presets.dcase import (
    dcase2020_foa,
    dcase2021_foa,
    dcase2023_foa,
    dcase2023_mic,
    dcase2025_stereo,
)
from seldkit.features.presets.direct_path import ipdnet, srp_dnn
from seldkit.features.presets.einv2 import dcase2022_task3, ein_seld, l3das22_task2, pseldnets
from seldkit.features.presets.encoders import gram, spatial_ast
from seldkit.features.presets.overlapping import overlapping_e2e
from seldkit.features.presets.salsa import (
    dcase2023_salsa_lite,
    salsa_foa,
    salsa_ipd,
    salsa_lite,
    salsa_mic,
)
from seldkit.features.presets.tagging import panns, yamnet
from seldkit.features.presets.tracking import cross3d, neural_srp
from seldkit.features.presets.transfer import at2seld
from seldkit.features.presets.waveform import ngcc_phat, waveform_blocks

__all__ = [
    "at2seld",
    "cross3d",
    "dcase2020_foa",
    "dcase2021_foa",
    "dcase2022_task3",
    "dcase2023_foa",
    "dcase2023_mic",
    "dcase2023_salsa_lite",
    "dcase2025_stereo",
    "ein_seld",
    "gram",
    "ipdnet",
    "l3das22_task2",
    "neural_srp",
    "ngcc_phat",
    "overlapping_e2e",
    "panns",
    "pseldnets",
    "salsa_foa",
    "salsa_ipd",
    "salsa_lite",
    "salsa_mic",
    "spatial_ast",
    "srp_dnn",
    "waveform_blocks",
    "yamnet",
]
