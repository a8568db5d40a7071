"""Networks that tell where something sounds and not what, for `train.py`: a row for a system.

As in `seld_systems.py`, networks are reduced, and the last sizes are those of `--quick`. To these
whatever sounds is of one class. Not here are the network of `train_hungarian.py`, which matches
tracks, and acoustic maps (`lam`, `uplam`), which are learned without labels.
"""

from functools import partial
from typing import Any

from energy_maps import FORMAT as MAPS
from energy_maps import planes_on
from seldkit import formats, losses, models
from seldkit.features import presets
from system import AS_IT_IS, BY_ARRAY, TETRAHEDRON, System

THIN: dict[str, Any] = {"widths": (8, 16, 16), "pool_freq": (4, 4, 2)}
SOURCES = partial(formats.TrackWise, 1, overflow="drop")
PHASES = partial(formats.DirectPathPhase, TETRAHEDRON, overflow="drop")
LOCALIZER: dict[str, Any] = {"named": False, **BY_ARRAY}
FOLLOWER = LOCALIZER | {"scenes": {"array": TETRAHEDRON, "max_polyphony": 1}}

LOCALIZERS = {
    "doanet": System(
        presets.dcase2020_foa,
        partial(models.doanet, widths=(32, 64, 64)),
        SOURCES,
        losses.trackwise_pit_loss,
        {**THIN, "rnn_channels": 16, "hidden": (16,)},
        named=False,
    ),
    "neural_srp": System(
        presets.neural_srp,
        partial(models.neural_srp, array=TETRAHEDRON, widths=(32, 64, 64)),
        SOURCES,
        losses.trackwise_pit_loss,
        {
            "widths": (4, 8, 8),
            "rnn_channels": 16,
            "joint": (16,),
            "activity_hidden": (16,),
            "direction_hidden": (16,),
        },
        **LOCALIZER,
    ),
    "cross3d": System(
        partial(presets.cross3d, TETRAHEDRON, (8, 16), lags="exact", hop_length=1600),
        partial(models.cross3d, (8, 16), channels=16),
        partial(formats.ACCDOA, 1, overflow="drop"),
        losses.accdoa_loss,
        {"channels": 8, "hidden": 32},
        **FOLLOWER,
    ),
    "srp_dnn": System(
        partial(presets.srp_dnn, 4, hop_length=320),
        partial(models.srp_dnn, 4, widths=(16, 32, 32, 32, 32), pool_time=(1, 5, 1, 1, 1)),
        PHASES,
        losses.direct_path_loss,
        {"widths": (4, 8), "pool_time": (1, 5), "pool_freq": (8, 8), "rnn_channels": 32},
        **LOCALIZER,
    ),
    "fn_ssl": System(
        partial(presets.ipdnet, 4, hop_length=320),
        partial(models.fn_ssl, 4, width=16, num_blocks=1, pool_time=5),
        partial(PHASES, max_sources=1),
        losses.direct_path_loss,
        {"width": 4},
        lr=1e-2,
        **FOLLOWER,
    ),
    "ipdnet": System(
        partial(presets.ipdnet, 4, hop_length=320),
        partial(models.ipdnet, 4, width=16, conv_width=16, num_blocks=1, pool_time=(1, 5)),
        partial(PHASES, num_tracks=2),
        losses.direct_path_loss,
        {"width": 8, "conv_width": 8},
        lr=1e-2,
        **LOCALIZER,
    ),
    "sphere_net": System(
        partial(planes_on, MAPS.height, MAPS.width),  # a builder that `Pipeline.load` must be given
        partial(models.sphere_net, 1, height=MAPS.height, width=MAPS.width),
        lambda: MAPS,
        losses.energy_map_loss,
        {"widths": (4, 8)},
        named=False,
        lr=1e-2,
        **AS_IT_IS,
    ),
}
