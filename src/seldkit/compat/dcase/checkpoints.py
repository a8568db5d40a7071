"""Weights of the published DCASE baselines of 2022 to 2025, for `models.seldnet`."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from seldkit._checks import check_positive
from seldkit.models import seldnet

_CONV = re.compile(r"conv_blocks\.(\d+)\.(conv|bn)\.(\w+)")
_CONV_AMONG = re.compile(r"conv_block_list\.(\d+)\.(conv|bn)\.(\w+)")  # with pools and dropouts
_GRU = re.compile(r"gru\.(\w+)")
_ATTENTION = re.compile(r"(?:mhsa_block_list|mhsa_layers)\.(\d+)\.(.+)")
_ATTENTION_NORM = re.compile(r"(?:layer_norm_list|layer_norms)\.(\d+)\.(\w+)")
_EMBED = re.compile(r"visual_embed_to_d_model\.(\w+)")
_DECODER = re.compile(r"transformer_decoder\.(layers\.\d+\..+)")
_UNUSED = re.compile(r"transformer_decoder_layer\.(.+)")
_LINEAR = re.compile(r"fnn_list\.(\d+)\.(weight|bias)")

_LAYER = {"conv": "conv", "bn": "norm"}
_HEAD = ("head.linear.weight", "head.linear.bias")


def convert(
    state_dict: Mapping[str, Any], num_classes: int = 13, num_tracks: int = 3
) -> dict[str, Tensor]:
    """Return the weights of a published DCASE baseline under the names of `models.seldnet`.

    The rows of the last layer come from the published order (track, axis, class) into that of our
    output, (track, cls, axis). What the published network holds but does not use is left out: the
    decoder layer that the networks with video copy.

    Args:
        state_dict: The published weights, or a checkpoint with them as `seld_model`, as in 2025.
            Read them by `torch.load(path, map_location="cpu", weights_only=True)`, which runs no
            code of the file. Names may begin with `module.`, as data-parallel training leaves them.
        num_classes: Number of classes.
        num_tracks: Number of tracks; 1 for ACCDOA.

    Returns:
        Tensors for a network built by [`seldnet`][seldkit.models.seldnet] with the settings of the
        edition, from `SELDNET_EDITIONS["dcase2022"]` on, and the sizes of the weights.

    Raises:
        KeyError: If a name is unknown, one is missing or two name the same tensor; the error lists
            them all.
        ValueError: If the last layer does not fit the number of classes and tracks.

    Examples:
        >>> published = {"fnn_list.0.bias": torch.zeros(117), "fc.bias": torch.zeros(117)}
        >>> convert(published)
        Traceback (most recent call last):
        ...
        KeyError: "these are not the weights of SELDnet; unknown: ['fc.bias']; missing: ..."
    """
    check_positive(num_classes=num_classes, num_tracks=num_tracks)
    published = state_dict.get("seld_model", state_dict)
    bare = {name: name.removeprefix("module.") for name in published}
    last = _largest(_LINEAR, bare.values(), default=1)
    names = {name: _rename(short, last) for name, short in bare.items()}
    converted = {new: published[old] for old, new in names.items() if new is not None}
    expected = _expected(converted, last)
    unused = {_unused(name) for name in expected}
    times = Counter(names.values())
    unknown = sorted(
        old for old, new in names.items() if new not in expected | unused or times[new] > 1
    )
    missing = sorted(expected - set(converted))
    if unknown or missing:
        raise KeyError(
            f"these are not the weights of SELDnet; unknown: {unknown}; missing: {missing}"
        )
    rows = {name: _our_rows(converted[name], num_classes, num_tracks) for name in _HEAD}
    return {name: x for name, x in converted.items() if name in expected} | rows


def _rename(name: str, last: int) -> str | None:
    """Return the name of a published tensor in `models.seldnet`, or None if it is unknown."""
    if match := _CONV.fullmatch(name):
        return f"trunk.{match[1]}.{_LAYER[match[2]]}.{match[3]}"
    if (match := _CONV_AMONG.fullmatch(name)) and int(match[1]) % 3 == 0:
        return f"trunk.{int(match[1]) // 3}.{_LAYER[match[2]]}.{match[3]}"
    if match := _GRU.fullmatch(name):
        return f"sequence.recurrent.gru.0.{match[1]}"
    if match := _ATTENTION.fullmatch(name):
        return f"sequence.attention.{match[1]}.attention.{match[2]}"
    if match := _ATTENTION_NORM.fullmatch(name):
        return f"sequence.attention.{match[1]}.norm.{match[2]}"
    if match := _EMBED.fullmatch(name):
        return f"fusion.embed.{match[1]}"
    if match := _DECODER.fullmatch(name):
        return f"fusion.decoder.{match[1]}"
    if match := _UNUSED.fullmatch(name):
        return f"unused.{match[1]}"
    if match := _LINEAR.fullmatch(name):
        layer = int(match[1])
        return f"head.linear.{match[2]}" if layer == last else f"branches.0.{layer}.{match[2]}"
    return None


def _largest(pattern: re.Pattern[str], names: Iterable[str], *, default: int) -> int:
    """Return the largest number that a pattern finds at the beginning of the names."""
    return max((int(match[1]) for match in map(pattern.match, names) if match), default=default)


def _expected(names: Iterable[str], last: int) -> set[str]:
    """Return the names in a network with as many layers as there are weights."""

    def number(pattern: str, default: int = 0) -> int:
        return 1 + _largest(re.compile(pattern), names, default=default - 1)

    blocks = number(r"trunk\.(\d+)", 3)
    with torch.device("meta"):
        model = seldnet(
            1,
            num_bins=1,
            widths=[8] * blocks,
            pool_time=[1] * blocks,
            pool_freq=[1] * blocks,
            rnn_channels=8,
            rnn_layers=number(r"sequence\.recurrent\..+_l(\d+)", 2),
            num_attention_layers=number(r"sequence\.attention\.(\d+)"),
            hidden=[8] * last,
            video_size=(1, 1) if any(name.startswith("fusion.") for name in names) else None,
            num_video_layers=number(r"fusion\.decoder\.layers\.(\d+)", 2),
        )
    return set(model.state_dict())


def _unused(name: str) -> str:
    """Return the name of the tensor that a decoder's first layer is a copy of, or the name."""
    return name.replace("fusion.decoder.layers.0.", "unused.")


def _our_rows(x: Tensor, num_classes: int, num_tracks: int) -> Tensor:
    """Bring the rows of the last layer from (track, axis, class) to (track, cls, axis)."""
    rows, columns = x.shape[0], num_classes * num_tracks
    if rows % columns or not 2 <= rows // columns <= 5:
        raise ValueError(
            f"the last layer must have 2 to 5 rows for each of {num_classes} classes and"
            f" {num_tracks} tracks, got {rows} rows"
        )
    ours: Tensor = x.unflatten(0, (num_tracks, -1, num_classes)).transpose(1, 2)
    return ours.flatten(0, 2)
