"""Weights of the published SRP-DNN, for `models.srp_dnn`."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from seldkit.compat._names import bare_weights, check_names
from seldkit.compat._rules import WORD, Rule, to_ours, to_published
from seldkit.models import srp_dnn

_BLOCK = {str(2 * block): str(block) for block in range(5)}
_RULES = (
    Rule(
        "cnn.{block}.{layer}{number}.{kind}",
        "pairs.network.trunk.{block}.conv.{layer}{number}.{kind}",
        block=_BLOCK,
        layer={"conv": "conv", "bn": "norm"},
        number=0,
        kind=WORD,
    ),
    Rule("rnn.{kind}", "pairs.network.sequence.recurrent.{kind}", kind=WORD),
    Rule("rnn_fc.0.{kind}", "pairs.network.sequence.output.{kind}", kind=WORD),
)


def convert(state_dict: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the weights of the published SRP-DNN under the names of `models.srp_dnn`.

    There kernels have their frequencies first; here time comes first, so kernels are transposed.

    Args:
        state_dict: The published weights, or a checkpoint that holds them. For wrappers and
            beginnings of names, such as `module.`, see [`compat`][seldkit.compat].

    Returns:
        The weights of a network built by [`srp_dnn`][seldkit.models.srp_dnn] with its default
        sizes, for any number of microphones.

    Raises:
        KeyError: If a name is unknown, one is missing or two name the same tensor; the error lists
            them all.

    Examples:
        >>> convert({"module.rnn_fc.0.bias": torch.zeros(512), "fc.bias": torch.zeros(1)})
        Traceback (most recent call last):
        ...
        KeyError: "these are not the weights of SRP-DNN; unknown: ['fc.bias']; missing: ..."
    """
    weights = bare_weights(state_dict)
    names = {name: to_ours(_RULES, name) for name in weights}
    with torch.device("meta"):
        expected = srp_dnn().state_dict()
    check_names("SRP-DNN", names, {new: to_published(_RULES, new) for new in expected})
    return {
        str(new): weights[old].transpose(2, 3) if weights[old].ndim == 4 else weights[old]
        for old, new in names.items()
    }
