"""Weights of the published CST-former code, for `models.cst_former`."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from seldkit._checks import check_count
from seldkit.compat._head_rows import track_rows
from seldkit.compat._names import bare_weights, check_names
from seldkit.compat._rules import REST, WORD, Rule, count, to_ours, to_published
from seldkit.models import cst_former

_STEPS = {"ch": "channel.across", "sp": "divided.spectral", "temp": "divided.temporal"}
_CONV = {"conv": "conv", "bn": "norm"}
_FIRST = "branches.0.0.weight"
_NORM = re.compile(r"(?:across|spectral|temporal)\.norm\.")
_WIDTH = "divided.spectral.attention.out_proj.bias"
_HEAD = ("head.linear.weight", "head.linear.bias")
_FEEDFORWARD = {
    "conv1x1_gelu_bn.conv3x3_gelu_bn.0": "expand.conv",
    "conv1x1_gelu_bn.conv3x3_gelu_bn.2": "expand.norm",
    "conv3x3_dw.conv": "filter.conv",
    "act.1": "filter.norm",
    "conv1x1_pw.0": "reduce.conv",
    "conv1x1_pw.1": "reduce.norm",
}


def convert(
    state_dict: Mapping[str, Any],
    num_classes: int = 13,
    num_tracks: int = 3,
    *,
    in_channels: int = 7,
) -> dict[str, Tensor]:
    """Return the weights of a published CST-former under the names of `models.cst_former`.

    The columns of the first linear layer come from the published order (plane, bin, channel) into
    (plane, channel, bin), the rows of the last from (track, axis, class) into (track, cls, axis).

    Args:
        state_dict: The published weights. For wrappers and beginnings of names see
            [`compat`][seldkit.compat].
        num_classes: Number of classes.
        num_tracks: Number of tracks; 1 for ACCDOA.
        in_channels: Channels of the features, which weights of the form `"dca_cmt"` do not tell.

    Returns:
        Tensors for a network built by [`cst_former`][seldkit.models.cst_former] with the settings
        of the form, from `CST_FORMERS`, and the sizes of the weights; of the form `"dca_cmt"` with
        `legacy_order=True`.

    Raises:
        KeyError: If a name is unknown, one is missing or two name the same tensor; the error lists
            them all.
        ValueError: If the last layer does not fit the number of classes and tracks, or a norm the
            number of channels.

    Examples:
        >>> published = {"fc_layer.fnn_list.0.bias": torch.zeros(128), "fc.bias": torch.zeros(117)}
        >>> convert(published)
        Traceback (most recent call last):
        ...
        KeyError: "these are not the weights of CST-former; unknown: ['fc.bias']; missing: ..."
    """
    check_count(num_classes=num_classes, num_tracks=num_tracks, in_channels=in_channels)
    weights = bare_weights(state_dict)
    cmt = not any(re.search(r"block_list\.\d+\.\w+_mhsa\.", name) for name in weights)
    last = count(r"fc_layer\.fnn_list\.NUMBER\.", weights, default=2) - 1
    rules = _rules(last, cmt)
    names = {name: to_ours(rules, name) for name in weights}
    expected = _expected(weights, last, cmt)
    check_names("CST-former", names, {new: to_published(rules, new) for new in expected})
    ours = {str(new): weights[old] for old, new in names.items()}
    alone = ours["trunk.convolutions.0.conv.weight"].shape[1] == 1  # the form "dca_cmt"
    ours |= _shaped(ours, in_channels if alone else 1)
    rows = {name: track_rows(ours[name], num_classes, num_tracks) for name in _HEAD}
    return ours | rows


def _rules(last: int, cmt: bool) -> list[Rule]:
    """Return what tensors are called there and here."""
    there, here = "attention_stage.block_list.{n}", "trunk.attention.{n}"
    inner, ours = (f"{there}.cst_attention", f"{here}.attention") if cmt else (there, here)
    step: dict[str, Any] = {"n": 0, "step": _STEPS, "rest": REST}
    return [
        Rule(
            "encoder.encoder.conv_block_list.{n}.0.{layer}.{kind}",
            "trunk.convolutions.{n}.{layer}.{kind}",
            n=0,
            layer=_CONV,
            kind=WORD,
        ),
        Rule(f"{inner}.{{step}}_mhsa.{{rest}}", f"{ours}.{{step}}.attention.{{rest}}", **step),
        Rule(f"{inner}.{{step}}_layer_norm.{{rest}}", f"{ours}.{{step}}.norm.{{rest}}", **step),
        Rule(f"{there}.norm1.{{kind}}", f"{here}.norm.{{kind}}", n=0, kind=WORD),
        Rule(
            f"{there}.LPU.conv_3x3_dw.conv.{{kind}}",
            f"{here}.local.depthwise.{{kind}}",
            n=0,
            kind=WORD,
        ),
        Rule(
            f"{there}.IRFFN.{{layer}}.{{kind}}",
            f"{here}.feedforward.{{layer}}.{{kind}}",
            n=0,
            layer=_FEEDFORWARD,
            kind=WORD,
        ),
        Rule(f"fc_layer.fnn_list.{last}.{{kind}}", "head.linear.{kind}", kind=WORD),
        Rule("fc_layer.fnn_list.{n}.{kind}", "branches.0.{n}.{kind}", n=0, kind=WORD),
    ]


def _expected(names: Iterable[str], last: int, cmt: bool) -> set[str]:
    """Return the names in a network with as many layers as there are weights."""
    names = list(names)
    blocks = count(r"encoder\.encoder\.conv_block_list\.NUMBER\.", names, default=3)
    with torch.device("meta"):
        model = cst_former(
            1,
            in_channels=1,
            num_bins=1,
            widths=[8] * blocks,
            pool_time=[1] * blocks,
            pool_freq=[1] * blocks,
            channel="ule" if any(".ch_mhsa." in name for name in names) else "none",
            cmt=cmt,
            num_layers=count(r"attention_stage\.block_list\.NUMBER\.", names, default=2),
            hidden=[8] * last,
        )
    return set(model.state_dict())


def _shaped(ours: Mapping[str, Tensor], planes: int) -> dict[str, Tensor]:
    """Return the norms by bin and channel, and the first linear layer by channel, then bin."""
    norms = {name: x for name, x in ours.items() if _NORM.search(name)}
    width = next(x.numel() for name, x in ours.items() if name.endswith(_WIDTH))
    one = next(iter(norms.values()))
    if one.numel() % (planes * width):
        raise ValueError(
            f"in_channels must divide the {one.numel() // width} vectors of a frame, got {planes}"
        )
    columns = ours[_FIRST].unflatten(1, (planes, -1, width)).mT.flatten(1)
    return {name: x.reshape(-1, planes * width) for name, x in norms.items()} | {_FIRST: columns}
