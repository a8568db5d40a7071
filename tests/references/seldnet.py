"""The DCASE baselines of 2022 to 2025 in plain functions, with the published names of weights."""

import torch
from torch import Tensor
from torch.nn import functional

HEADS = 8


def baseline(
    weights: dict[str, Tensor],
    features: Tensor,
    video: Tensor | None = None,
    *,
    pool_time: tuple[int, ...] = (5, 1, 1),
    pool_freq: tuple[int, ...] = (4, 4, 2),
) -> Tensor:
    """Return the last layer's output before any activation, `(batch, frame, entry)`."""
    late = "conv_blocks.0.conv.weight" in weights
    x = features
    for i, pool in enumerate(zip(pool_time, pool_freq, strict=True)):
        block = f"conv_blocks.{i}" if late else f"conv_block_list.{3 * i}"
        x = _conv(weights, block, x)
        x = functional.max_pool2d(x, pool)
    batch, _, frames, _ = x.shape
    x = x.permute(0, 2, 1, 3).reshape(batch, frames, -1)
    layer = 0
    while f"gru.weight_ih_l{layer}" in weights:
        ahead = _gru(weights, f"l{layer}", x)
        back = _gru(weights, f"l{layer}_reverse", x.flip(1)).flip(1)
        x, layer = torch.cat((ahead, back), dim=2), layer + 1
    half = x.shape[2] // 2
    x = torch.tanh(x[:, :, half:]) * torch.tanh(x[:, :, :half])
    attention, norm = (
        ("mhsa_layers", "layer_norms") if late else ("mhsa_block_list", "layer_norm_list")
    )
    layer = 0
    while f"{attention}.{layer}.in_proj_weight" in weights:
        x = _norm(weights, f"{norm}.{layer}", x + _attend(weights, f"{attention}.{layer}", x, x))
        layer += 1
    if video is not None:
        memory = _linear(weights, "visual_embed_to_d_model", video.reshape(*video.shape[:2], -1))
        layer = 0
        while f"transformer_decoder.layers.{layer}.linear1.weight" in weights:
            x = _decode(weights, f"transformer_decoder.layers.{layer}", x, memory)
            layer += 1
    layer = 0
    while f"fnn_list.{layer}.weight" in weights:
        x, layer = _linear(weights, f"fnn_list.{layer}", x), layer + 1
    return x


def _conv(weights: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    w, b = weights[f"{name}.conv.weight"], weights[f"{name}.conv.bias"]
    x = functional.conv2d(x, w, b, padding=1)
    mean, variance, scale, shift = (
        weights[f"{name}.bn.{part}"][:, None, None]
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return torch.relu((x - mean) / torch.sqrt(variance + 1e-5) * scale + shift)


def _gru(weights: dict[str, Tensor], end: str, x: Tensor) -> Tensor:
    w_in, w_state = weights[f"gru.weight_ih_{end}"], weights[f"gru.weight_hh_{end}"]
    b_in, b_state = weights[f"gru.bias_ih_{end}"], weights[f"gru.bias_hh_{end}"]
    state, states = x.new_zeros(x.shape[0], w_state.shape[1]), []
    for frame in x.unbind(1):
        reset_in, update_in, new_in = (frame @ w_in.T + b_in).chunk(3, dim=1)
        reset_state, update_state, new_state = (state @ w_state.T + b_state).chunk(3, dim=1)
        reset = torch.sigmoid(reset_in + reset_state)
        update = torch.sigmoid(update_in + update_state)
        new = torch.tanh(new_in + reset * new_state)
        state = (1 - update) * new + update * state
        states.append(state)
    return torch.stack(states, dim=1)


def _attend(weights: dict[str, Tensor], name: str, x: Tensor, memory: Tensor) -> Tensor:
    w_q, w_k, w_v = weights[f"{name}.in_proj_weight"].chunk(3)
    b_q, b_k, b_v = weights[f"{name}.in_proj_bias"].chunk(3)
    query, key, value = x @ w_q.T + b_q, memory @ w_k.T + b_k, memory @ w_v.T + b_v
    size = query.shape[2] // HEADS
    heads = []
    for i in range(HEADS):
        part = slice(i * size, (i + 1) * size)
        scores = query[:, :, part] @ key[:, :, part].transpose(1, 2) / size**0.5
        heads.append(scores.softmax(dim=2) @ value[:, :, part])
    return _linear(weights, f"{name}.out_proj", torch.cat(heads, dim=2))


def _decode(weights: dict[str, Tensor], name: str, x: Tensor, memory: Tensor) -> Tensor:
    x = _norm(weights, f"{name}.norm1", x + _attend(weights, f"{name}.self_attn", x, x))
    x = _norm(weights, f"{name}.norm2", x + _attend(weights, f"{name}.multihead_attn", x, memory))
    inner = torch.relu(_linear(weights, f"{name}.linear1", x))
    return _norm(weights, f"{name}.norm3", x + _linear(weights, f"{name}.linear2", inner))


def _norm(weights: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    x = x - x.mean(dim=-1, keepdim=True)
    x = x / torch.sqrt(x.square().mean(dim=-1, keepdim=True) + 1e-5)
    return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def _linear(weights: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def random_weights(
    year: int,
    *,
    channels: int,
    bins: int,
    rows: int,
    width: int = 16,
    attention: int = 2,
    video: int | None = None,
) -> dict[str, Tensor]:
    """Return random weights by the names that a baseline publishes, of few numbers each.

    Args:
        year: 2022 to 2025: its names.
        channels: Channels of the features.
        bins: Bins that are left after the convolutions.
        rows: Entries of the output.
        width: Channels of every layer.
        attention: Layers of self-attention.
        video: Size of a video map, if there is one.
    """
    weights: dict[str, Tensor] = {}

    def add(name: str, *shape: int) -> None:
        weights[name] = torch.randn(shape) / max(1, shape[-1]) ** 0.5

    def linear(name: str, inputs: int, outputs: int) -> None:
        add(f"{name}.weight", outputs, inputs)
        add(f"{name}.bias", outputs)

    def multi_head(name: str) -> None:
        add(f"{name}.in_proj_weight", 3 * width, width)
        add(f"{name}.in_proj_bias", 3 * width)
        linear(f"{name}.out_proj", width, width)

    def decoder(name: str) -> None:
        for part in ("self_attn", "multihead_attn"):
            multi_head(f"{name}.{part}")
        linear(f"{name}.linear1", width, 2048)
        linear(f"{name}.linear2", 2048, width)
        for i in (1, 2, 3):
            linear(f"{name}.norm{i}", 1, width)
            weights[f"{name}.norm{i}.weight"] = 1 + torch.rand(width)

    for i in range(3):
        block = f"conv_blocks.{i}" if year == 2025 else f"conv_block_list.{3 * i}"
        add(f"{block}.conv.weight", width, width if i else channels, 3, 3)
        for part in ("conv.bias", "bn.weight", "bn.bias", "bn.running_mean"):
            add(f"{block}.{part}", width)
        weights[f"{block}.bn.running_var"] = 0.5 + torch.rand(width)
        weights[f"{block}.bn.num_batches_tracked"] = torch.tensor(7)
    for layer in range(2):
        for end in (f"l{layer}", f"l{layer}_reverse"):
            add(f"gru.weight_ih_{end}", 3 * width, 2 * width if layer else width * bins)
            add(f"gru.weight_hh_{end}", 3 * width, width)
            add(f"gru.bias_ih_{end}", 3 * width)
            add(f"gru.bias_hh_{end}", 3 * width)
    names = (
        ("mhsa_layers", "layer_norms") if year == 2025 else ("mhsa_block_list", "layer_norm_list")
    )
    for i in range(attention):
        multi_head(f"{names[0]}.{i}")
        add(f"{names[1]}.{i}.weight", width)
        add(f"{names[1]}.{i}.bias", width)
    if video is not None:
        linear("visual_embed_to_d_model", video, width)
        decoder("transformer_decoder_layer")
        decoder("transformer_decoder.layers.0")
        decoder("transformer_decoder.layers.1")
    linear("fnn_list.0", width, width)
    linear("fnn_list.1", width, rows)
    return weights
