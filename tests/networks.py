"""Every network of the library, as small as it goes: for what all of them must bear."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import pytest
from torch import nn

from seldkit import backbones, models


class Network(NamedTuple):
    """What builds a network, the channels and bins of its features, and a length they may have."""

    build: Callable[[], nn.Module]
    channels: int
    bins: int
    frames: int = 40


_BLOCKS: dict[str, Any] = {"widths": (4, 8), "pool_time": (2, 2), "pool_freq": (4, 4)}
_SMALL: dict[str, Any] = _BLOCKS | {"num_heads": 2, "num_layers": 1}
_SWIN: dict[str, Any] = {
    "num_bins": 8,
    "spec_size": 16,
    "patch": 2,
    "embed_dim": 4,
    "depths": (2, 1),
    "num_heads": (1, 2),
    "window": 4,
    "frames_per_label": 5,
}
_RESNET: dict[str, Any] = _BLOCKS | {
    "num_bins": 16,
    "channels": 8,
    "num_layers": 1,
    "num_heads": 2,
    "num_blocks": 1,
}
_SELDNET: dict[str, Any] = _BLOCKS | {
    "num_bins": 16,
    "rnn_channels": 4,
    "num_heads": 2,
    "hidden": (4,),
}
_AT2SELD: dict[str, Any] = {
    "widths": (4, 4),
    "pool_time": (2, 5),
    "pool_freq": (8, 8),
    "channels": 8,
    "num_heads": 2,
    "feedforward": 8,
    "frames_per_step": 4,
    "bins": "mel",
}
_E2E: dict[str, Any] = {
    "widths": (4, 4),
    "unet_widths": (4, 8),
    "grid_time": 2,
    "grid_freq": 2,
    "num_microphones": 2,
}
_PAIRS = [(2, 2)] * 6
_TAGGER: dict[str, Any] = {"widths": (4, 4), "pool_time": (2, 2), "pool_freq": (2, 2)}


def _einv2(**settings: Any) -> Network:
    sizes = _SMALL | {"feedforward": 8, "num_tracks": 1} | settings
    return Network(partial(models.einv2, 3, **sizes), 7, 16)


def _at2seld(backbone: str, widths: Sequence[Any] | None, **settings: Any) -> Network:
    sizes = _AT2SELD | {"backbone": backbone, "backbone_widths": widths} | settings
    bins = {"mel": 64, "linear": 513}[sizes["bins"]]
    return Network(partial(models.at2seld, 3, **sizes), 10, bins)


NETWORKS: dict[str, Network] = {
    "einv2": _einv2(num_tracks=2),
    "einv2 of the paper": _einv2(sequential_stitch=False, positions=True, stitch_tracks=True),
    "einv2, conformer": _einv2(
        temporal="conformer", stitch_tracks=True, num_bins=16, frames_per_label=5
    ),
    "einv2, gru": _einv2(temporal="gru", sharing="hard"),
    "einv2, none": _einv2(temporal="none", sharing="none"),
    "roam": Network(partial(models.roam, 3, feedforward=8, **_SMALL), 7, 16),
    "roam, attentive_mfm": Network(
        partial(
            models.roam,
            3,
            1,
            attention="attentive_mfm",
            pool="max",
            norm="post",
            temporal="conformer",
            feedforward=8,
            **_SMALL,
        ),
        7,
        16,
    ),
    "roam, ctam": Network(
        partial(models.roam, 3, 1, attention="ctam", temporal="gru", mean_first=True, **_SMALL),
        7,
        16,
    ),
    "seldnet": Network(partial(models.seldnet, 3, **_SELDNET), 7, 16),
    "seldnet, class_wise": Network(
        partial(
            models.seldnet,
            3,
            format="class_wise",
            distance=True,
            merge_every=True,
            tanh=False,
            **_SELDNET,
        ),
        7,
        16,
    ),
    "seldnet, accdoa": Network(
        partial(models.seldnet, 3, format="accdoa", distance=True, onscreen=True, **_SELDNET), 7, 16
    ),
    "resnet_conformer": Network(partial(models.resnet_conformer, 3, **_RESNET), 7, 16),
    "resnet_conformer, msca": Network(
        partial(
            models.resnet_conformer,
            3,
            attention="msca",
            positions="exact",
            pool_time_end=2,
            format="multi_accdoa",
            **_RESNET,
        ),
        7,
        16,
    ),
    "resnet_conformer, squeeze_excite": Network(
        partial(models.resnet_conformer, 3, attention="squeeze_excite", **_RESNET), 7, 16
    ),
    "seddoa": Network(partial(models.seddoa, 3, **_SWIN), 7, 8),
    "seddoa, soft": Network(partial(models.seddoa, 3, sharing="soft", **_SWIN), 7, 8),
    "seddoa, none": Network(partial(models.seddoa, 3, sharing="none", **_SWIN), 7, 8),
    "seddoa_crnn": Network(
        partial(models.seddoa_crnn, 3, num_bins=16, frames_per_label=5, **_SMALL), 7, 16
    ),
    "accdoa_htsat": Network(partial(models.accdoa_htsat, 3, **_SWIN), 7, 8),
    "accdoa_crnn": Network(
        partial(
            models.accdoa_crnn,
            3,
            format="accdoa",
            temporal="gru",
            num_bins=16,
            frames_per_label=5,
            **_SMALL,
        ),
        7,
        16,
    ),
    "accdoa_crnn, conformer": Network(
        partial(models.accdoa_crnn, 3, num_bins=16, frames_per_label=5, **_SMALL), 7, 16
    ),
    "at2seld": _at2seld("epanns", _PAIRS, bins="linear"),
    "at2seld, stitched": _at2seld(
        "cnn14",
        [2] * 6,
        early_stitches=["block1", "block2"],
        temporal="conformer",
        feedforward=16,
        track_attention=True,
        attention="multi_scale",
        distance=True,
        class_directions=False,
    ),
    "at2seld, yamnet": _at2seld(
        "yamnet",
        [2] * 14,
        temporal="gru",
        positions=True,
        split="embedding",
        smoothing="unidirectional",
        pool="max",
        block="convolution",
    ),
    "at2seld, none": _at2seld(
        "none", None, late_stitch=False, smoothing="none", frames_per_label=4
    ),
    "overlapping_e2e": Network(partial(models.overlapping_e2e, 3, **_E2E), 3, 16),
    "overlapping_e2e, map": Network(
        partial(
            models.overlapping_e2e,
            3,
            ssl_output="map",
            sss_output="direct",
            gate="learned",
            compression=0.3,
            **_E2E,
        ),
        3,
        16,
    ),
    "cnn14": Network(partial(backbones.cnn14, 3, embedding_dim=4, num_bins=16, **_TAGGER), 1, 16),
    "cnn14, frame": Network(
        partial(backbones.cnn14, 3, embedding_dim=4, num_bins=16, decision="frame", **_TAGGER),
        1,
        16,
    ),
    "epanns": Network(
        partial(
            backbones.epanns,
            3,
            embedding_dim=4,
            num_bins=16,
            **_TAGGER | {"widths": [(4, 6), (4, 4)]},
        ),
        1,
        16,
    ),
    "yamnet": Network(partial(backbones.yamnet, 3, widths=[2] * 14), 1, 64, 100),
    "htsat": Network(
        partial(backbones.htsat, **{k: v for k, v in _SWIN.items() if k != "frames_per_label"}),
        7,
        8,
    ),
    "htsat_branches": Network(
        partial(
            backbones.htsat_branches,
            **{k: v for k, v in _SWIN.items() if k != "frames_per_label"},
        ),
        7,
        8,
    ),
    "crnn": Network(partial(backbones.crnn, num_bins=16, **_SMALL), 7, 16),
}

each_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
