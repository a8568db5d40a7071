"""Weights of the published DCASE baselines of 2022 to 2025, for `models.seldnet`."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from seldkit._checks import check_count
from seldkit.compat._head_rows import track_rows
from seldkit.compat._names import bare_weights, check_names
from seldkit.compat._rules import REST, WORD, Rule, count, to_ours, to_published
from seldkit.models import seldnet

_COPIED = "fusion.decoder.layers.0."
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
            code of the file. For wrappers and beginnings of names see [`compat`][seldkit.compat].
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
    check_count(num_classes=num_classes, num_tracks=num_tracks)
    weights = bare_weights(state_dict)
    last = count(r"fnn_list\.NUMBER\.", weights, default=2) - 1
    rules = _rules(weights, last)
    names = {name: to_ours(rules, name) for name in weights}
    expected = _expected([name for name in names.values() if name is not None], last)
    published = {new: to_published(rules, new) for new in expected}
    unused = {f"unused.{name.removeprefix(_COPIED)}" for name in expected if _COPIED in name}
    wanted = {old: new for old, new in names.items() if new not in unused}
    check_names("SELDnet", wanted, published)
    converted = {str(new): weights[old] for old, new in wanted.items()}
    rows = {name: track_rows(converted[name], num_classes, num_tracks) for name in _HEAD}
    return converted | rows


def _rules(names: Iterable[str], last: int) -> list[Rule]:
    """Return what tensors are called there and here; two parts have two names in the editions."""
    names = list(names)

    def has(part: str) -> bool:
        return any(name.startswith(f"{part}.") for name in names)

    layer: dict[str, Any] = {"layer": {"conv": "conv", "bn": "norm"}, "kind": WORD}
    among = has("conv_block_list")  # with pools and dropouts between
    blocks: dict[str, Any] = {"n": {str(3 * n): str(n) for n in range(100)} if among else 0}
    stack = "conv_block_list" if among else "conv_blocks"
    attention = "mhsa_layers" if has("mhsa_layers") else "mhsa_block_list"
    norms = "layer_norms" if has("layer_norms") else "layer_norm_list"
    return [
        Rule(f"{stack}.{{n}}.{{layer}}.{{kind}}", "trunk.{n}.{layer}.{kind}", **blocks, **layer),
        Rule("gru.{kind}", "sequence.recurrent.gru.0.{kind}", kind=WORD),
        Rule(
            f"{attention}.{{n}}.{{rest}}", "sequence.attention.{n}.attention.{rest}", n=0, rest=REST
        ),
        Rule(f"{norms}.{{n}}.{{kind}}", "sequence.attention.{n}.norm.{kind}", n=0, kind=WORD),
        Rule("visual_embed_to_d_model.{kind}", "fusion.embed.{kind}", kind=WORD),
        Rule(
            "transformer_decoder.layers.{n}.{rest}",
            "fusion.decoder.layers.{n}.{rest}",
            n=0,
            rest=REST,
        ),
        Rule("transformer_decoder_layer.{rest}", "unused.{rest}", rest=REST),
        Rule(f"fnn_list.{last}.{{kind}}", "head.linear.{kind}", kind=WORD),
        Rule("fnn_list.{n}.{kind}", "branches.0.{n}.{kind}", n=0, kind=WORD),
    ]


def _expected(names: Iterable[str], last: int) -> set[str]:
    """Return the names in a network with as many layers as there are weights."""
    blocks = count(r"trunk\.NUMBER\.", names, default=3)
    with torch.device("meta"):
        model = seldnet(
            1,
            num_bins=1,
            widths=[8] * blocks,
            pool_time=[1] * blocks,
            pool_freq=[1] * blocks,
            rnn_channels=8,
            rnn_layers=count(
                r"sequence\.recurrent\.gru\.0\.\w+_lNUMBER(?:_reverse)?$", names, default=2
            ),
            num_attention_layers=count(r"sequence\.attention\.NUMBER\.", names, default=0),
            hidden=[8] * last,
            video_size=(1, 1) if any(name.startswith("fusion.") for name in names) else None,
            num_video_layers=count(r"fusion\.decoder\.layers\.NUMBER\.", names, default=2),
        )
    return set(model.state_dict())
