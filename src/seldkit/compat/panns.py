"""Weights of the published PANNs and E-PANNs, for `backbones.cnn14` and `backbones.epanns`."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from seldkit.backbones import cnn14
from seldkit.compat._names import bare_weights, check_names
from seldkit.compat._rules import WORD, Rule, count, to_ours, to_published

_RULES = (
    Rule(
        "conv_block{block}.{layer}{number}.{kind}",
        "blocks.{block}.{layer}{number}.{kind}",
        block=-1,
        layer={"conv": "conv", "bn": "norm"},
        number=0,
        kind=WORD,
    ),
    Rule(
        "{part}.{kind}",
        "{part}.{kind}",
        part={"bn0": "norm.batch_norm", "fc1": "embedding", "fc_audioset": "classifier"},
        kind=WORD,
    ),
)
_FRONT_END = {
    "spectrogram_extractor.stft.conv_real.weight",
    "spectrogram_extractor.stft.conv_imag.weight",
    "logmel_extractor.melW",
}


def convert(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the weights of a published PANNs network under the names of `backbones.cnn14`.

    They are those of Cnn14 (also at 16 and 8 kHz, with 128 mel bands, and with the decision-level
    maximum), Cnn10 and E-PANNs: networks of blocks of two convolutions. Their tables of the Fourier
    transform and of the mel filters, where there are any, are left out: they are computed by
    [`panns`][seldkit.features.presets.panns].

    Args:
        checkpoint: A checkpoint with the weights as `model`, as of PANNs, or the weights alone, as
            of E-PANNs. Read it by `torch.load(path, map_location="cpu", weights_only=True)`, which
            runs no code of the file. For wrappers and beginnings of names see
            [`compat`][seldkit.compat].

    Returns:
        The same tensors for a network built by [`cnn14`][seldkit.backbones.cnn14] or
        [`epanns`][seldkit.backbones.epanns] with the sizes of the weights.

    Raises:
        KeyError: If a name is unknown, one is missing or two name the same tensor; the error lists
            them all.

    Examples:
        >>> convert({"model": {"fc1.bias": torch.zeros(2048), "fc2.bias": torch.zeros(527)}})
        Traceback (most recent call last):
        ...
        KeyError: "these are not the weights of PANNs; unknown: ['fc2.bias']; missing: ..."
    """
    weights = bare_weights(checkpoint)
    names = {name: to_ours(_RULES, name) for name in weights if name not in _FRONT_END}
    check_names("PANNs", names, {new: to_published(_RULES, new) for new in _expected(names)})
    return {str(new): weights[old] for old, new in names.items()}


def _expected(names: Iterable[str]) -> set[str]:
    """Return the names in a network with as many blocks as there are weights for."""
    ones = [1] * count(r"conv_blockNUMBER\.", names, default=6, first=1)
    with torch.device("meta"):
        model = cnn14(1, num_bins=1, widths=ones, pool_time=ones, pool_freq=ones, embedding_dim=1)
    return set(model.state_dict())
