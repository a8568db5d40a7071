"""Every network of the library, as small as it goes: for what all of them must bear."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest
from torch import nn

from seldkit import backbones, models
from seldkit.arrays import ArrayGeometry


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
}
_CRNN: dict[str, Any] = _SMALL | {"num_bins": 16}
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
_CST: dict[str, Any] = _BLOCKS | {
    "num_bins": 16,
    "num_layers": 1,
    "num_heads": 2,
    "patch": (4, 2),
    "patch_heads": 2,
    "hidden": (4,),
}
_NGCC: dict[str, Any] = {
    "in_channels": 4,
    "channels": 4,
    "out_channels": 2,
    "max_lag": 2,
    "frame_length": 16,
}
_CAUSAL: dict[str, Any] = {
    "num_bins": 16,
    "widths": (4, 8),
    "pool_time": (2, 5),
    "pool_freq": (4, 2),
    "rnn_channels": 4,
    "hidden": (4,),
}
_AT2SELD: dict[str, Any] = {
    "num_tracks": 2,
    "widths": (4, 4),
    "pool_time": (2, 5),
    "pool_freq": (8, 8),
    "channels": 8,
    "num_heads": 2,
    "feedforward": 8,
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
_LINE = ArrayGeometry.line(3, 0.1)
_TAGGER: dict[str, Any] = {"widths": (4, 4), "pool_time": (2, 2), "pool_freq": (2, 2)}


def _einv2(**settings: Any) -> Network:
    sizes = _SMALL | {"feedforward": 8, "num_tracks": 1} | settings
    return Network(partial(models.einv2, 3, **sizes), 7, 16)


def _of_tagger(build: Callable[..., Any] | None, tagger_widths: Any, **settings: Any) -> nn.Module:
    steps: dict[str, Any] = {"frames_per_step": 4}
    if build is backbones.cnn14:
        steps = {"pool_time": (2, 2, 1, 1, 1, 1)}
    backbone: Any = "none" if build is None else build(widths=tagger_widths, **steps)
    return models.at2seld(3, backbone=backbone, **settings)


def _at2seld(build: Callable[..., Any] | None, widths: Any, **settings: Any) -> Network:
    sizes = _AT2SELD | settings
    bins = {"mel": 64, "linear": 513}[sizes["bins"]]
    return Network(partial(_of_tagger, build, widths, **sizes), 10, bins)


def _joined(num_classes: int, **sizes: Any) -> nn.Module:
    far: dict[str, Any] = {"distance": True, "distance_branch": "own"}
    sde, joint = (models.resnet_conformer(num_classes, **far, **sizes) for _ in range(2))
    return models.joined_trainings(models.resnet_conformer(num_classes, **sizes), sde, joint)


def _ngcc(num_microphones: int, *, in_channels: int, **sizes: Any) -> nn.Module:
    network = models.seldnet(3, in_channels=in_channels, **_SELDNET)
    return models.ngcc_seld(network, num_microphones, num_mels=16, sample_rate=16000, **sizes)


def encoder_network(
    encoder: Callable[..., nn.Module],
    num_classes: int = 3,
    *,
    num_tracks: int = 3,
    format: Any = "track_wise",
    frames_per_label: int = 5,
    **sizes: Any,
) -> nn.Module:
    """Return a network of an encoder of some sizes."""
    settings: dict[str, Any] = {"format": format, "frames_per_label": frames_per_label}
    return models.encoder_seld(encoder(**sizes), num_classes, num_tracks, **settings)


def htsat_pair(
    in_channels: int = 7, sed_channels: int = 4, *, stitched: bool = True, **sizes: Any
) -> nn.Module:
    """Return two encoders of the same sizes as one."""
    sed, doa = (backbones.htsat(channels, **sizes) for channels in (sed_channels, in_channels))
    return backbones.htsat_branches(sed, doa, stitched=stitched)


def neural_srp(**sizes: Any) -> nn.Module:
    """Return a network that has an array."""
    return models.neural_srp(array=_LINE, **sizes)


def adapted(
    build: Callable[..., nn.Module],
    num_classes: int = 3,
    *,
    rank: int | None = None,
    ratio: float = 0.5,
    **sizes: Any,
) -> nn.Module:
    """Return a network of some sizes with LoRA of a rank, or without one with adapters."""
    network = build(num_classes=num_classes, **sizes)
    if rank is not None:
        return models.with_lora(network, rank=rank)
    return models.with_adapters(network, ratio=ratio)


def _encoder_seld(encoder: Callable[..., nn.Module], bins: int, **settings: Any) -> Network:
    return Network(partial(encoder_network, encoder, **settings), 7, bins)


NETWORKS: dict[str, Network] = {
    "einv1": Network(partial(models.einv1, 3, rnn_channels=4, **_BLOCKS), 7, 16),
    "einv2": _einv2(num_tracks=2),
    "einv2 of the paper": _einv2(sequential_stitch=False, sinusoids=True, stitch_tracks=True),
    "einv2, conformer": _einv2(
        temporal="conformer", stitch_tracks=True, num_bins=16, frames_per_label=5
    ),
    "einv2, gru": _einv2(temporal="gru", sharing="hard"),
    "einv2, bimamba": _einv2(temporal="bimamba"),
    "einv2, none": _einv2(temporal="none", sharing="none"),
    "mff_einv2": Network(
        partial(
            models.mff_einv2,
            3,
            1,
            stem_width=2,
            num_scales=2,
            tfcm_layers=1,
            temporal="gru",
            **_SMALL | {"pool_freq": (2, 4)},
        ),
        7,
        16,
    ),
    "roam": Network(partial(models.roam, 3, 1, feedforward=8, **_SMALL), 7, 16),
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
    "ad_yolo": Network(
        partial(
            models.ad_yolo,
            3,
            num_bins=16,
            num_blocks=(1, 1),
            rnn_channels=4,
            hidden=4,
            cell_deg=90.0,
            anchors=1,
            **_BLOCKS,
        ),
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
    "causal_crnn": Network(partial(models.causal_crnn, 3, **_CAUSAL), 7, 16),
    "causal_crnn, lora": Network(partial(adapted, models.causal_crnn, rank=2, **_CAUSAL), 7, 16),
    "resnet_conformer": Network(partial(models.resnet_conformer, 3, **_RESNET), 7, 16),
    "resnet_conformer, multi_scale": Network(
        partial(
            models.resnet_conformer,
            3,
            attention="multi_scale",
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
    "resnet_conformer, three branches": Network(
        partial(
            models.resnet_conformer,
            3,
            distance=True,
            distance_branch="own",
            distance_activation="relu",
            **_RESNET,
        ),
        7,
        16,
    ),
    "joined_trainings": Network(partial(_joined, 3, **_RESNET), 7, 16),
    "ngcc_seld": Network(partial(_ngcc, 2, **_NGCC), 2, 16),
    "cst_former": Network(partial(models.cst_former, 3, **_CST | {"pool_freq": (2, 2)}), 7, 16),
    "cst_former, dca": Network(
        partial(models.cst_former, 3, channel="dca", legacy_order=True, format="accdoa", **_CST),
        7,
        16,
    ),
    "cst_former, none": Network(
        partial(
            models.cst_former,
            3,
            channel="none",
            cmt=False,
            pool_time_end=2,
            format="class_wise",
            **_CST,
        ),
        7,
        16,
    ),
    "srp_dnn": Network(
        partial(
            models.srp_dnn,
            3,
            num_bins=16,
            widths=(4, 8),
            pool_time=(2, 5),
            pool_freq=(4, 2),
            rnn_channels=4,
        ),
        6,
        16,
    ),
    "fn_ssl": Network(partial(models.fn_ssl, 3, num_bins=8, width=4, pool_time=5), 6, 8),
    "fn_ssl, directions": Network(
        partial(
            models.fn_ssl,
            pairs=[(1, 0)],
            num_bins=8,
            width=4,
            num_blocks=2,
            pool_time=5,
            num_directions=7,
            causal=False,
        ),
        4,
        8,
    ),
    "ipdnet": Network(partial(models.ipdnet, 3, 2, width=4, conv_width=4, pool_time=(2, 5)), 6, 8),
    "ipdnet, offline": Network(
        partial(models.ipdnet, 2, 3, width=4, conv_width=4, pool_time=(2, 5), causal=False), 4, 8
    ),
    "sphere_net": Network(
        partial(
            models.sphere_net,
            3,
            in_channels=2,
            height=8,
            width=16,
            widths=(4, 6),
            pool_time=2,
            context=3,
        ),
        2,
        128,
    ),
    "seddoa": _encoder_seld(backbones.htsat, 8, **_SWIN),
    "seddoa, adapters": Network(
        partial(adapted, partial(encoder_network, backbones.htsat), ratio=0.5, **_SWIN), 7, 8
    ),
    "seddoa, soft": _encoder_seld(htsat_pair, 8, **_SWIN),
    "seddoa, none": _encoder_seld(htsat_pair, 8, stitched=False, **_SWIN),
    "seddoa, crnn": _encoder_seld(backbones.crnn, 16, **_CRNN),
    "maccdoa, htsat": _encoder_seld(backbones.htsat, 8, format="multi_accdoa", **_SWIN),
    "accdoa, gru": _encoder_seld(backbones.crnn, 16, format="accdoa", temporal="gru", **_CRNN),
    "accdoa, mamba": _encoder_seld(backbones.crnn, 16, format="accdoa", temporal="mamba", **_CRNN),
    "maccdoa, crnn": _encoder_seld(backbones.crnn, 16, format="multi_accdoa", **_CRNN),
    "at2seld": _at2seld(backbones.cnn14, _PAIRS, bins="linear"),
    "at2seld, stitched": _at2seld(
        backbones.cnn14,
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
        backbones.yamnet,
        [2] * 14,
        temporal="gru",
        sinusoids=True,
        split="embedding",
        smoothing="unidirectional",
        pool="max",
        block="convolution",
    ),
    "at2seld, none": _at2seld(None, None, late_stitch=False, smoothing="none", frames_per_label=4),
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
    "cross3d": Network(partial(models.cross3d, (3, 4), channels=2, hidden=4), 3, 12),
    "doanet": Network(
        partial(models.doanet, num_bins=16, rnn_channels=4, num_heads=2, hidden=(4,), **_BLOCKS),
        7,
        16,
    ),
    "doanet, vectors": Network(
        partial(models.doanet, activity=False, num_bins=16, rnn_channels=4, hidden=(4,), **_BLOCKS),
        7,
        16,
    ),
    "neural_srp": Network(
        partial(
            neural_srp,
            num_lags=16,
            widths=(4, 8),
            pool_time=(2, 2),
            pool_lag=(4, 4),
            rnn_channels=4,
            joint=(4,),
            activity_hidden=(4,),
            direction_hidden=(4,),
        ),
        3,
        16,
    ),
    "sound_doa": Network(
        partial(
            models.sound_doa,
            3,
            sample_rate=4000,
            block_size=16,
            num_filters=16,
            kernel_size=31,
            **_SMALL,
        ),
        4,
        16,
    ),
    "sound_det": Network(
        partial(
            models.sound_det,
            3,
            sample_rate=4000,
            stride=8,
            num_filters=8,
            kernel_size=31,
            widths=(4, 6, 4),
            num_raised=1,
            rnn_channels=4,
            max_duration=5,
            num_points=4,
            hidden=4,
        ),
        4,
        16,
    ),
    "u_rnn": Network(
        partial(
            models.u_rnn, 3, num_bins=16, widths=(4, 4, 6), bottleneck_channels=4, rnn_channels=4
        ),
        7,
        16,
    ),
    "two_stage": Network(
        partial(
            models.two_stage,
            3,
            rnn_channels=4,
            frames_per_label=4,
            **_BLOCKS | {"pool_time": (2, 4)},
        ),
        10,
        16,
    ),
    "cnn14": Network(partial(backbones.cnn14, 3, embedding_dim=4, num_bins=16, **_TAGGER), 1, 16),
    "cnn14, frame": Network(
        partial(backbones.cnn14, 3, embedding_dim=4, num_bins=16, decision="frame", **_TAGGER),
        1,
        16,
    ),
    "cnn14 of pairs": Network(
        partial(
            backbones.cnn14,
            3,
            embedding_dim=4,
            num_bins=16,
            **_TAGGER | {"widths": [(4, 6), (4, 4)]},
        ),
        1,
        16,
    ),
    "yamnet": Network(partial(backbones.yamnet, 3, widths=[2] * 14), 1, 64, 100),
    "htsat": Network(partial(backbones.htsat, **_SWIN), 7, 8),
    "htsat_branches": Network(partial(htsat_pair, **_SWIN), 7, 8),
    "crnn": Network(partial(backbones.crnn, **_CRNN), 7, 16),
}

each_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
