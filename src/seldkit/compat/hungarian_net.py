"""Weights of the published Hungarian network, for `layers.HungarianNet`."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from seldkit.compat._names import bare_weights, check_names
from seldkit.compat._rules import WORD, Rule, to_ours, to_published
from seldkit.layers import HungarianNet

_RULES = (
    Rule("gru.{kind}", "gru.{kind}", kind=WORD),
    Rule(
        "attn.conv_{part}.weight",
        "{part}.weight",
        part={"Q": "query", "K": "key", "V": "value"},
    ),
    Rule("fc1.{kind}", "output.{kind}", kind=WORD),
)


def convert(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the weights of a published Hungarian network under the names of `HungarianNet`.

    Its projections to queries, keys and values are convolutions of one place there, linear layers
    here: their last axis, of length 1, is dropped.

    Args:
        checkpoint: The weights, of any number of tracks. Read them by
            `torch.load(path, map_location="cpu", weights_only=True)`, which runs no code of the
            file. For wrappers and beginnings of names see [`compat`][seldkit.compat].

    Returns:
        The same tensors for a [`HungarianNet`][seldkit.layers.HungarianNet] of the same sizes.

    Raises:
        KeyError: If a name is unknown, one is missing or two name the same tensor; the error lists
            them all.

    Examples:
        >>> convert({"fc1.bias": torch.zeros(2), "fc3.bias": torch.zeros(2)})
        Traceback (most recent call last):
        ...
        KeyError: "these are not the weights of the Hungarian network; unknown: ['fc3.bias']; ..."
    """
    weights = bare_weights(checkpoint)
    names = {name: to_ours(_RULES, name) for name in weights}
    with torch.device("meta"):
        expected = HungarianNet(channels=1).state_dict()
    check_names("the Hungarian network", names, {x: to_published(_RULES, x) for x in expected})
    return {
        str(new): weights[old].squeeze(2) if old.startswith("attn.") else weights[old]
        for old, new in names.items()
    }
