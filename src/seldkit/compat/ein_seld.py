"""Weights of the published EIN-SELD code, for `models.einv2`."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from seldkit.compat._names import bare_weights, check_names
from seldkit.compat._rules import REST, WORD, Rule, count, to_ours, to_published
from seldkit.models import einv2

_STAGES = {"sed": "stages_a", "doa": "stages_b"}
_TASKS = {"sed": "sed", "doa": "doa"}
_OUTPUT = {"sed": "activity", "doa": "direction"}
_LAYER = {"0": "conv1", "1": "norm1", "3": "conv2", "4": "norm2"}
_RULES = (
    Rule(
        "{task}_conv_block{block}.0.double_conv.{layer}.{kind}",
        "trunk.{task}.{block}.{layer}.{kind}",
        task=_STAGES,
        block=-1,
        layer=_LAYER,
        kind=WORD,
    ),
    Rule("stitch.{stage}", "trunk.stitches.{stage}.weight", stage=0),
    Rule(
        "{task}_trans_track{track}.layers.{layer}.{rest}",
        "{task}_tracks.encoders.{track}.layers.{layer}.{rest}",
        task=_TASKS,
        track=-1,
        layer=0,
        rest=REST,
    ),
    Rule(
        "fc_{task}_track{track}.{kind}",
        "head.{task}.{track}.{kind}",
        task=_OUTPUT,
        track=-1,
        kind=WORD,
    ),
)


def convert(state_dict: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the weights of a published EINV2 under the names of `models.einv2`.

    Args:
        state_dict: The published weights, or a checkpoint of the EIN-SELD code that holds them as
            `model`. For wrappers and beginnings of names see [`compat`][seldkit.compat].

    Returns:
        The same tensors for a network built by [`einv2`][seldkit.models.einv2] with its default
        sharing, whose widths, tracks and classes are those of the weights.

    Raises:
        KeyError: If a name is unknown, one is missing or two name the same tensor; the error lists
            them all.

    Examples:
        >>> published = {"fc_sed_track1.bias": torch.zeros(14), "fc.bias": torch.zeros(14)}
        >>> convert(published)
        Traceback (most recent call last):
        ...
        KeyError: "these are not the weights of EINV2; unknown: ['fc.bias']; missing: ..."
    """
    weights = bare_weights(state_dict)
    names = {name: to_ours(_RULES, name) for name in weights}
    check_names("EINV2", names, {new: to_published(_RULES, new) for new in _expected(names)})
    return {str(new): weights[old] for old, new in names.items()}


def _expected(names: Mapping[str, str | None]) -> set[str]:
    """Return the names in a network with as many blocks, tracks and layers as there are weights."""
    blocks = count(r"(?:sed|doa)_conv_blockNUMBER\.", names, default=4, first=1)
    with torch.device("meta"):
        model = einv2(
            1,
            count(r"fc_(?:sed|doa)_trackNUMBER\.", names, default=2, first=1),
            widths=[8] * blocks,
            pool_time=[1] * blocks,
            pool_freq=[1] * blocks,
            num_layers=count(r"(?:sed|doa)_trans_track[0-9]+\.layers\.NUMBER\.", names, default=2),
            feedforward=8,
        )
    return set(model.state_dict())
