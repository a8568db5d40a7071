"""Weights of the published PSELDNets code, for `models.seddoa` and its relatives."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from seldkit._checks import check_count
from seldkit.backbones import crnn, htsat, htsat_branches
from seldkit.compat._names import bare_weights, check_names
from seldkit.compat._pseldnets import is_computed, rules_of
from seldkit.compat._rules import count, to_ours, to_published
from seldkit.models import einv2, encoder_seld

# Beginnings of names that tell a network; of those that fit, the first.
_NETWORKS = {
    "EINV2 with HTS-AT": ("sed_encoder.", "doa_encoder."),
    "SEDDOA with HTS-AT": ("sed_tscam_conv.", "doa_tscam_conv."),
    "ACCDOA with HTS-AT": ("encoder.", "tscam_conv."),
    "EINV2 with convolutions": ("sed_convs.", "doa_convs.", "sed_track", "doa_track", "fc_"),
    "ACCDOA with convolutions": ("convs.", "decoder.", "fc."),
}

_CHANNEL = re.compile(r"(.+)\[(\d+)\]")
_INPUT_NORM = re.compile(r"(encoder\.)?norm\.batch_norm\..+")
_LABEL_CONV = re.compile(r"(activity|direction|vectors)\.conv\..+")


def convert(checkpoint: Mapping[str, Any], *, num_classes: int | None = None) -> dict[str, Tensor]:
    """Return the weights of a published PSELDNets network under the names of ours.

    What network it is follows from the names of the weights:

    | published | here |
    | --- | --- |
    | SEDDOA-HTSAT | `models.seddoa(170)` |
    | EINV2-HTSAT | `models.seddoa(170, sharing="soft")` |
    | mACCDOA-HTSAT | `models.encoder_seld(htsat(), 170, format="multi_accdoa")` |
    | ACCDOA-HTSAT | `models.encoder_seld(htsat(), 170, format="accdoa")` |
    | mACCDOA-CNN14-Conformer | `models.encoder_seld(crnn(), 170, format="multi_accdoa")` |
    | EINV2 with CNN8-Conformer | [`models.einv2`][seldkit.models.einv2], as told there |

    Left out are the published feature extractor and tables that we compute: sinusoids, and the
    places and masks of attention.

    Args:
        checkpoint: A Lightning checkpoint, or its entry `state_dict`; read it with
            `torch.load(path, weights_only=True)`. For wrappers and beginnings of names see
            [`compat`][seldkit.compat].
        num_classes: Number of classes; needed for ACCDOA and multi-ACCDOA, whose outputs lie in the
            order track, axis, class there and track, class, axis here.

    Returns:
        The state of a network built with the sizes of the weights.

    Raises:
        KeyError: If a name is unknown, one is missing or two name the same tensor; the error lists
            them all.
        ValueError: If `num_classes` is needed and not given, or does not divide the outputs.

    Examples:
        >>> convert({"state_dict": {"net.encoder.norm.bias": torch.zeros(768)}})
        Traceback (most recent call last):
        ...
        KeyError: "these are not the weights of ACCDOA with HTS-AT; unknown: []; missing: ..."
    """
    weights = {n: x for n, x in bare_weights(checkpoint).items() if not is_computed(n)}
    fitting = (
        title
        for title, first in _NETWORKS.items()
        if any(name.startswith(first) for name in weights)
    )
    title = next(fitting, "ACCDOA with HTS-AT")
    stages = count(r"(?:sed_|doa_)?encoder\.layers\.NUMBER\.", weights, default=4)
    rules = rules_of(
        convolutions=title.endswith("convolutions"),
        num_stages=stages,
        branch_blocks=_branch_blocks(weights) if title.startswith("EINV2 with c") else 0,
    )
    names = {name: to_ours(rules, name) for name in weights}
    expected = _expected(title, weights, stages)
    check_names(title, names, {new: to_published(rules, new) for new in expected})
    joined = _join_channels({str(new): weights[old] for old, new in names.items()})
    return {name: _arrange(name, tensor, num_classes) for name, tensor in joined.items()}


def _branch_blocks(names: Collection[str]) -> int:
    return count(r"(?:sed|doa)_convs\.conv_blockNUMBER\.", names, default=4, first=1)


def _expected(title: str, names: Collection[str], stages: int) -> set[str]:
    """Return the names of ours that a network with such names needs.

    The name of a tensor that holds all feature channels is needed once for each.
    """
    side = 2 ** (stages - 1)
    blocks_of = r"(?:sed_|doa_)?encoder\.layers\.{}\.blocks\.NUMBER\."
    swin: dict[str, Any] = {
        "depths": [count(blocks_of.format(stage), names, default=1) for stage in range(stages)],
        "num_heads": [1] * stages,
        "embed_dim": 1,
        "patch": 1,
        "spec_size": side,
        "num_bins": side,
    }
    layers = r"(?:decoder|(?:sed|doa)_track[0-9]+)\.decoder\."
    gru = layers + r"(?:weight|bias)_[ih]h_lNUMBER(?:_reverse)?$"
    num_grus = count(gru, names, default=0)
    blocks = (
        _branch_blocks(names)
        if title.startswith("EINV2")
        else count(r"convs\.conv_blockNUMBER\.", names, default=4, first=1)
    )
    convolutions: dict[str, Any] = {
        "widths": [2] * blocks,
        "pool_time": [1] * blocks,
        "pool_freq": [1] * blocks,
        "temporal": "gru" if num_grus else "conformer",
        "num_layers": num_grus or count(layers + r"layers\.NUMBER\.", names, default=1),
        "num_heads": 1,
        "num_bins": 1,
    }
    tracks = count(r"(?:fc_)?(?:sed|doa)_trackNUMBER\.", names, default=3, first=1)
    builders: dict[str, Callable[[], nn.Module]] = {
        "EINV2 with HTS-AT": lambda: encoder_seld(
            htsat_branches(htsat(4, **swin), htsat(7, **swin)), 1
        ),
        "SEDDOA with HTS-AT": lambda: encoder_seld(htsat(7, **swin), 1),
        "ACCDOA with HTS-AT": lambda: encoder_seld(htsat(7, **swin), 1, format="accdoa"),
        "EINV2 with convolutions": lambda: einv2(
            1, tracks, feedforward=2, stitch_tracks=True, **convolutions
        ),
        "ACCDOA with convolutions": lambda: encoder_seld(
            crnn(7, **convolutions), 1, format="accdoa"
        ),
    }
    with torch.device("meta"):
        model = builders[title]()
    channels = count(r"scalar\.NUMBER\.", names, default=7)
    expected = set()
    for name in model.state_dict():
        joined = _INPUT_NORM.fullmatch(name)
        expected |= {f"{name}[{c}]" for c in range(channels)} if joined else {name}
    return expected


def _join_channels(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return one batch norm in place of that of each feature channel."""
    joined: dict[str, Tensor] = {}
    channels: defaultdict[str, dict[int, Tensor]] = defaultdict(dict)
    for name, tensor in weights.items():
        if match := _CHANNEL.fullmatch(name):
            channels[match[1]][int(match[2])] = tensor
        else:
            joined[name] = tensor
    for name, tensors in channels.items():
        ordered = [tensors[channel] for channel in sorted(tensors)]
        joined[name] = torch.cat(ordered) if ordered[0].ndim else ordered[0]
    return joined


def _arrange(name: str, tensor: Tensor, num_classes: int | None) -> Tensor:
    """Return a tensor with its axes and rows in our order."""
    if not _LABEL_CONV.fullmatch(name):
        return tensor
    if name.endswith("weight"):
        tensor = tensor.mT if tensor.ndim == 4 else tensor[:, :, None, None]
    if not name.startswith("vectors"):
        return tensor
    if num_classes is None:
        raise ValueError("num_classes must be given for the weights of ACCDOA or multi-ACCDOA")
    check_count(num_classes=num_classes)
    if tensor.shape[0] % (3 * num_classes):
        raise ValueError(
            f"num_classes must fit the {tensor.shape[0]} outputs of the weights, got {num_classes}"
        )
    tracks: Tensor = tensor.unflatten(0, (-1, 3, num_classes))
    return tracks.transpose(1, 2).flatten(0, 2)
