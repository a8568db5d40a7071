"""Networks that tell classes, for `train.py`: a row has features, format and loss of a system.

Networks are reduced for a small computer: leave their sizes out for the published ones. The last
sizes of a row are those of `--quick`. A system of your own is one more row. Not here is the network
of `overlapping_e2e.py`, which separates sources.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from seldkit import backbones, formats, losses, models
from seldkit.features import presets
from seldkit.outputs import SELDOutput
from system import AS_IT_IS, BY_ARRAY, TETRAHEDRON, System, by_name


def event_losses(output: models.EventOutput, target: SELDOutput) -> dict[str, Tensor]:
    """Return the losses of tracks that say whether they hold an event."""
    return by_name(losses.event_pit_loss(output.seld, output.event, target))


def presence_losses(output: models.PresenceOutput, target: SELDOutput) -> dict[str, Tensor]:
    """Return the losses of tracks, and of which classes are heard at all."""
    presence = losses.presence_loss(output.presence, target.activity)
    return by_name(losses.trackwise_pit_loss(output.seld, target)) | {"presence": presence}


def proposal_losses(output: models.ProposalOutput, target: SELDOutput) -> dict[str, Tensor]:
    """Return the losses of frames, and of events that are proposed whole."""
    longest = output.maps.overlap.shape[2]
    maps = [models.proposal_targets(clip, longest) for clip in target.items()]
    wanted = models.ProposalMaps(*(torch.stack(column) for column in zip(*maps, strict=True)))
    proposed = models.proposal_losses(output.maps, wanted)
    return by_name(losses.class_wise_loss(output.seld, target)) | proposed


def htsat_seld(num_classes: int, **sizes: Any) -> nn.Module:
    """Return SEDDOA with an HTS-AT of some sizes."""
    return models.encoder_seld(backbones.htsat(**sizes), num_classes)


def crnn_seld(num_classes: int, **sizes: Any) -> nn.Module:
    """Return the same with convolutions and GRUs in place of HTS-AT."""
    return models.encoder_seld(backbones.crnn(temporal="gru", **sizes), num_classes)


def tagged(num_classes: int, *, tagger_widths: tuple[int, ...], **sizes: Any) -> nn.Module:
    """Return AT2SELD with a CNN14 that learns with it, as it has not learned to tag before."""
    tagger = backbones.cnn14(widths=tagger_widths, pool_time=(2, 2, 2, 2, 1, 1))
    return models.at2seld(num_classes, 2, backbone=tagger, frozen=False, bins="mel", **sizes)


def correlated(num_classes: int, *, filters: int, pairs: int, **sizes: Any) -> nn.Module:
    """Return a CST-former that reads correlations which it learns from the waveform."""
    reader = models.cst_former(num_classes, in_channels=4 + 6 * pairs, **sizes)
    rate: dict[str, int] = {"frame_length": 160, "sample_rate": 8000}
    return models.ngcc_seld(reader, channels=filters, out_channels=pairs, **rate)


AT_40_HZ = partial(presets.ein_seld, num_mels=64)
AT_80_HZ = partial(presets.ein_seld, num_mels=64, hop_length=300)
CLASSES = partial(formats.ClassWise, overflow="drop")
VECTORS = partial(formats.ACCDOA, overflow="drop")
TRACKED_VECTORS = partial(formats.MultiACCDOA, overflow="drop")
TRACKS = partial(formats.TrackWise, overflow="drop")
THIN: dict[str, Any] = {"widths": (8, 16, 16), "pool_time": (5, 1, 1), "pool_freq": (4, 4, 2)}
THIN_40: dict[str, Any] = {"widths": (8, 16), "pool_time": (4, 1), "pool_freq": (4, 4)}
THIN_80: dict[str, Any] = {"widths": (4, 16), "pool_time": (8, 1), "pool_freq": (8, 4)}
CST: dict[str, Any] = {**THIN, "pool_freq": (2, 2, 2), "num_layers": 1, "patch": (4, 2)}
FOUR: dict[str, Any] = {"widths": (16, 32, 64, 128)}

SELD_SYSTEMS = {
    "accdoa": System(
        presets.dcase2023_foa,
        partial(models.seldnet, format="accdoa"),
        VECTORS,
        losses.accdoa_loss,
        THIN,
    ),
    "seldnet": System(
        presets.dcase2023_foa, models.seldnet, TRACKED_VECTORS, losses.adpit_loss, THIN
    ),
    "class_wise": System(
        presets.dcase2023_foa,
        partial(models.seldnet, format="class_wise"),
        CLASSES,
        partial(losses.class_wise_loss, inactive_weight=1.0),
        THIN,
    ),
    "u_rnn": System(
        presets.dcase2023_foa,
        partial(models.u_rnn, widths=(16, 32, 64)),
        CLASSES,
        losses.class_wise_loss,
        {"widths": (4, 8, 16), "bottleneck_channels": 16, "rnn_channels": 16},
        lr=3e-3,
    ),
    "resnet_conformer": System(
        presets.dcase2023_foa,
        partial(models.resnet_conformer, channels=128, num_layers=2),
        CLASSES,
        losses.class_wise_loss,
        {**THIN, "num_blocks": 1, "channels": 32, "num_layers": 1},
    ),
    "cst_former": System(
        presets.dcase2023_foa,
        partial(models.cst_former, widths=(32, 32, 32), pool_time=(5, 1, 1), patch=(2, 4)),
        TRACKED_VECTORS,
        losses.adpit_loss,
        CST,
    ),
    "causal_crnn": System(
        partial(presets.dcase2023_foa, top_db=None),
        models.causal_crnn,
        TRACKED_VECTORS,
        losses.adpit_loss,
        {**THIN, "rnn_channels": 16, "hidden": (16,)},
    ),
    "einv1": System(
        AT_40_HZ,
        partial(models.einv1, rnn_channels=64, **FOUR),
        TRACKS,
        event_losses,
        {**THIN_40, "rnn_channels": 16},
        asked={"events": True},
    ),
    "einv2": System(
        AT_40_HZ, partial(models.einv2, **FOUR), TRACKS, losses.trackwise_pit_loss, THIN_40
    ),
    "einv2_mamba": System(
        AT_40_HZ,
        partial(models.einv2, temporal="bimamba", **FOUR),
        TRACKS,
        losses.trackwise_pit_loss,
        THIN_40,
    ),
    "mff_einv2": System(
        AT_80_HZ,
        partial(
            models.mff_einv2,
            num_tracks=2,
            stem_width=8,
            tfcm_layers=1,
            widths=(32, 64, 64),
            feedforward=256,
        ),
        TRACKS,
        losses.trackwise_pit_loss,
        {"stem_width": 4, "num_scales": 2, "tfcm_layers": 1, "temporal": "gru", **THIN_80},
    ),
    "roam": System(
        AT_80_HZ,
        partial(models.roam, num_tracks=2, pool_freq=(4, 4, 4, 1), **FOUR),
        TRACKS,
        losses.trackwise_pit_loss,
        THIN_80,
    ),
    "seddoa": System(
        presets.pseldnets,
        partial(htsat_seld, spec_size=128, embed_dim=48, depths=(2, 2, 2), num_heads=(2, 4, 8)),
        partial(TRACKS, num_tracks=3),
        losses.trackwise_pit_loss,
        {"embed_dim": 8, "depths": (1, 1), "num_heads": (1, 2), "patch": 8},
    ),
    "encoder_seld": System(
        presets.pseldnets,
        partial(
            crnn_seld, widths=(16, 32, 64, 128), pool_time=(2, 2, 2, 1), pool_freq=(2, 2, 2, 2)
        ),
        partial(TRACKS, num_tracks=3),
        losses.trackwise_pit_loss,
        {"widths": (8, 16), "pool_time": (5, 2), "pool_freq": (4, 4)},
    ),
    "ad_yolo": System(
        AT_40_HZ,
        partial(models.ad_yolo, widths=(16, 32, 64, 128), num_blocks=(1, 1, 1, 1)),
        partial(formats.AngularGrid, overflow="drop"),
        losses.adyolo_loss,
        {**THIN_40, "num_blocks": (1, 1), "rnn_channels": 16, "hidden": 32},
        lr=2e-3,
    ),
    "at2seld": System(
        partial(presets.at2seld, bins="mel", phase="cosine_sine"),
        partial(tagged, in_channels=13, tagger_widths=(16, 32, 64, 64, 128, 128), channels=128),
        partial(TRACKS, class_directions=True),
        presence_losses,
        {
            "tagger_widths": (2, 4, 4, 8, 8, 8),
            "widths": (8, 16),
            "pool_time": (10, 1),
            "pool_freq": (8, 8),
            "channels": 32,
            "feedforward": 32,
        },
        asked={"presence": True},
        standardized=False,  # a tagger reads decibels
    ),
    "sound_doa": System(
        presets.waveform_blocks,
        partial(models.sound_doa, num_filters=64, kernel_size=257, pool_freq=(4, 4, 4, 1), **FOUR),
        TRACKS,
        losses.trackwise_pit_loss,
        {"num_filters": 16, "kernel_size": 65, **THIN_80, "pool_freq": (4, 4), "num_layers": 1},
        **AS_IT_IS,
    ),
    "sound_det": System(
        presets.waveform_blocks,
        partial(
            models.sound_det,
            num_filters=32,
            kernel_size=251,
            widths=(32, 32, 64, 64, 128, 128, 128),
            rnn_channels=128,
            hidden=32,
        ),
        CLASSES,
        proposal_losses,
        {"num_filters": 8, "kernel_size": 65, "widths": [8] * 7, "rnn_channels": 8, "hidden": 8},
        asked={"proposals": True},
        **BY_ARRAY,
    ),
    "two_stage": System(  # both stages at once: its page has the one after the other
        presets.dcase2023_mic,
        partial(models.two_stage, frames_per_label=5, rnn_channels=64, **FOUR),
        CLASSES,
        losses.class_wise_loss,
        {"rnn_channels": 16, **THIN},
        scenes={"array": TETRAHEDRON},
        turned=False,
    ),
    "ngcc_seld": System(
        partial(presets.ngcc_phat, frame_length=160, sample_rate=8000),
        partial(correlated, filters=8, pairs=4, pool_time=(5, 1, 1), patch=(2, 4), hidden=(256,)),
        TRACKED_VECTORS,
        losses.adpit_loss,
        {"filters": 4, "pairs": 2, **CST},
        **BY_ARRAY,
    ),
}
