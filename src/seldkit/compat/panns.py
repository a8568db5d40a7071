"""Weights of the published PANNs and E-PANNs, for `backbones.cnn14` and `backbones.epanns`."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from seldkit.backbones import cnn14
from seldkit.compat._names import check_names

_BLOCK = re.compile(r"conv_block(\d+)\.(conv|bn)([12])\.(\w+)")
_WHOLE = {"bn0": "norm.batch_norm", "fc1": "embedding", "fc_audioset": "classifier"}
_LAYER = {"conv": "conv", "bn": "norm"}
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
            runs no code of the file. Names may begin with `module.`, as data-parallel training
            leaves them.

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
    published = checkpoint.get("model", checkpoint)
    bare = {name: name.removeprefix("module.") for name in published}
    names = {name: _rename(short) for name, short in bare.items() if short not in _FRONT_END}
    converted = {new: published[old] for old, new in names.items() if new is not None}
    check_names("PANNs", names, _expected(bare.values()))
    return converted


def _rename(name: str) -> str | None:
    """Return the name of a published tensor in `backbones.cnn14`, or None if it is unknown."""
    if match := _BLOCK.fullmatch(name):
        block, layer, number, kind = match.groups()
        return f"blocks.{int(block) - 1}.{_LAYER[layer]}{number}.{kind}"
    layer, _, kind = name.partition(".")
    return f"{_WHOLE[layer]}.{kind}" if layer in _WHOLE else None


def _expected(names: Iterable[str]) -> set[str]:
    """Return the names in a network with as many blocks as there are weights for."""
    blocks = max((int(match[1]) for match in map(_BLOCK.fullmatch, names) if match), default=6)
    ones = [1] * max(blocks, 1)
    with torch.device("meta"):
        model = cnn14(1, num_bins=1, widths=ones, pool_time=ones, pool_freq=ones, embedding_dim=1)
    return set(model.state_dict())
