"""CNN14 and E-PANNs equal the published networks."""

import json
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor, nn

from seldkit._builders import built_by
from seldkit.backbones import CNN14, TaggingOutput, cnn14, epanns
from seldkit.compat import panns
from seldkit.features import presets
from seldkit.layers import BinNorm, DoubleConv
from transforms import assert_compiles_and_exports

Golden = Callable[[str], Path]
WIDTHS = (4, 8, 16, 24, 32, 48)
PRUNED = ((6, 9), (8, 12), (12, 15), (15, 20), (20, 30), (30, 40))
FRONT_END = ("spectrogram_extractor.", "logmel_extractor.")
each_decision = pytest.mark.parametrize("decision", ["clip", "frame"])


def small(**arguments: Any) -> CNN14:
    """Return a network of few weights, whose step is 4 frames."""
    sizes: dict[str, Any] = {"widths": (4, 6, 8), "pool_time": (2, 2, 1), "pool_freq": (2, 4, 1)}
    return cnn14(5, **({"num_bins": 16, "embedding_dim": 10} | sizes | arguments))


def close(actual: Tensor, expected: np.ndarray) -> None:
    """Compare as the reference arrays ask for."""
    torch.testing.assert_close(actual, torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


def published(golden: Golden, name: str, network: CNN14) -> tuple[TaggingOutput, Any, list[Tensor]]:
    """Return the output from a waveform with published weights, the arrays, and the maps."""
    weights = load_file(golden(f"at2seld/{name}_state.safetensors"))
    network.load_state_dict(panns.convert(weights))
    arrays = np.load(golden(f"at2seld/{name}_io.npz"))
    maps: list[Tensor] = []
    for layer in (network.norm, *network.blocks):
        layer.register_forward_hook(lambda module, inputs, output: maps.append(output))
    with torch.no_grad():
        features = presets.panns()(torch.from_numpy(arrays["waveform"]).unsqueeze(1))
        return network.eval()(features), arrays, maps


@pytest.mark.parametrize("name", ["cnn14_tiny", "cnn14_dlmax_tiny"])
def test_cnn14_equals_the_published_network(golden: Golden, name: str) -> None:
    frames = "dlmax" in name
    network = cnn14(13, widths=WIDTHS, embedding_dim=40, decision="frame" if frames else "clip")
    output, arrays, maps = published(golden, name, network)
    close(maps[0].permute(0, 3, 2, 1), arrays["act_bn0_mel_time"])
    for block in (1, 3, 6):
        close(maps[block], arrays[f"act_block{block}"])
    close(output.probabilities(), arrays["clipwise_output"])
    if frames:
        assert output.frame_logits is not None
        close(output.frame_logits.sigmoid(), arrays["framewise_output"])
    else:
        close(output.embedding, arrays["embedding"])
        assert output.frame_logits is None


def test_epanns_equals_the_published_network(golden: Golden) -> None:
    network = cnn14(13, widths=PRUNED, embedding_dim=40)
    output, arrays, _ = published(golden, "epanns_tiny", network)
    close(output.logits, arrays["logits"])
    close(output.embedding, arrays["embedding"])
    close(output.probabilities("softmax"), arrays["softmax_output"])
    close(output.probabilities("sigmoid"), arrays["sigmoid_output"])


@pytest.mark.parametrize(
    ("build", "keys", "ours", "official"),
    [(cnn14, "cnn14", 80_753_615, 81_837_071), (epanns, "epanns", 23_205_839, 24_289_295)],
)
def test_published_sizes(
    golden: Golden, build: Callable[[], CNN14], keys: str, ours: int, official: int
) -> None:
    shapes = json.loads(golden(f"at2seld/{keys}_state_keys.json").read_text())
    tables = sum(prod(shape) for name, (shape, _) in shapes.items() if name.startswith(FRONT_END))
    assert tables == 2 * 513 * 1024 + 513 * 64
    with torch.device("meta"):
        network = build()
    assert sum(p.numel() for p in network.parameters()) == ours
    assert ours + tables == official


@each_decision
@pytest.mark.parametrize(("batch", "frames"), [(1, 4), (2, 37)])
def test_shapes_and_gradients(decision: Any, batch: int, frames: int) -> None:
    network, x = small(decision=decision), torch.randn(batch, 1, frames, 16)
    before = x.clone()
    output = network(x)
    assert output.logits.shape == (batch, 5)
    assert output.embedding.shape == (batch, 10)
    if decision == "frame":
        assert output.frame_logits is not None
        assert output.frame_logits.shape == (batch, frames, 5)
        assert torch.equal(output.frame_logits.amax(dim=1), output.logits)
    encoded = network.encode(x)
    steps = frames // network.frames_per_step
    assert encoded.shape == (batch, network.out_channels, steps, network.out_bins)
    assert encoded.shape == (batch, 8, steps, 2)
    output.logits.square().sum().backward()
    assert torch.equal(x, before)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_frames_repeat_their_step_and_then_the_last() -> None:
    network = small(decision="frame").eval()
    frames = network(torch.randn(1, 1, 15, 16)).frame_logits[0]
    steps = frames[[0, 4, 8]]
    assert torch.equal(frames[:12], steps.repeat_interleave(4, dim=0))
    assert torch.equal(frames[12:], steps[2:].expand(3, -1))


def test_a_step_sees_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: a map of one bin goes through an identity and is summed by the classifier."""
    network = CNN14(
        norm=BinNorm(1, num_bins=1),
        blocks=[DoubleConv(1, 1)],
        embedding=nn.Linear(1, 1),
        classifier=nn.Linear(1, 1),
        decision="frame",
    ).eval()
    for layer in (network.embedding, network.classifier):
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
    sequence = torch.tensor([0.0, 3.0, 0.0, 0.0, 6.0])
    monkeypatch.setattr(network, "encode", lambda features: sequence.reshape(1, 1, 5, 1))
    output = network(torch.zeros(1, 1, 5, 1))
    assert output.frame_logits.flatten().tolist() == [4, 4, 4, 8, 8]
    assert output.logits.item() == 8
    assert output.embedding.item() == pytest.approx(5.6)
    network.decision = "clip"
    assert network(torch.zeros(1, 1, 5, 1)).logits.item() == pytest.approx(6 + 9 / 5)


@given(frames=st.integers(4, 40))
@settings(max_examples=15)
def test_frames_that_fill_no_step_are_dropped_from_the_map(frames: int) -> None:
    assert small().eval().encode(torch.randn(1, 1, frames, 16)).shape[2] == frames // 4


def test_the_embedding_is_before_any_dropout() -> None:
    network = small(dropout=0.0, embedding_dropout=0.5)
    output = network(torch.randn(2, 1, 16, 16))
    assert torch.equal(output.logits, network.classifier(output.embedding))


def test_pooling_less_gives_finer_steps_with_the_same_weights() -> None:
    coarse, fine = small(), small(pool_time=(1, 2, 1))
    fine.load_state_dict(coarse.state_dict())
    x = torch.randn(1, 1, 40, 16)
    assert (coarse.frames_per_step, fine.frames_per_step) == (4, 2)
    assert (coarse.encode(x).shape[2], fine.encode(x).shape[2]) == (10, 20)


def test_between_sees_and_replaces_the_map_of_each_block() -> None:
    network, x = small().eval(), torch.randn(1, 1, 16, 16)
    seen: dict[str, Tensor] = {}

    def keep(name: str, maps: Tensor) -> Tensor:
        seen[name] = maps
        return maps

    assert torch.equal(network.encode(x, keep), network.encode(x))
    assert {name: tuple(maps.shape) for name, maps in seen.items()} == {
        "block1": (1, 4, 8, 8),
        "block2": (1, 6, 4, 2),
        "block3": (1, 8, 4, 2),
    }
    assert (network.encode(x, lambda name, maps: maps * (name != "block3")) == 0).all()


def test_state_names() -> None:
    norm = ["bias", "num_batches_tracked", "running_mean", "running_var", "weight"]
    block = ["conv1.weight", "conv2.weight", *(f"norm{i}.{name}" for i in (1, 2) for name in norm)]
    wanted = [f"{layer}.{name}" for layer in ("embedding", "classifier") for name in norm[::4]]
    wanted += [f"norm.batch_norm.{name}" for name in norm]
    wanted += [f"blocks.{i}.{name}" for i in range(3) for name in block]
    assert sorted(small().state_dict()) == sorted(wanted)


def test_the_builders_remember_their_arguments() -> None:
    widths: list[Any] = [[4, 6], [[4, 6], 6]]
    for each in widths:
        arguments: dict[str, Any] = {"widths": each, "pool_time": [2, 2], "pool_freq": [2, 2]}
        assert built_by(cnn14(3, **arguments)) == ("cnn14", {"num_classes": 3} | arguments)
    with torch.device("meta"):
        assert built_by(epanns(3)) == ("epanns", {"num_classes": 3})


def test_fresh_weights_are_as_published() -> None:
    weights = small(widths=(64, 6, 8)).state_dict()
    assert (weights["blocks.0.norm1.weight"] == 1).all()
    assert (weights["classifier.bias"] == 0).all()
    bound = (6 / (9 * 1 + 9 * 64)) ** 0.5  # of Glorot's uniform law
    assert 0.8 * bound < weights["blocks.0.conv1.weight"].abs().max() <= bound


@each_decision
def test_autocast_is_finite(decision: Any) -> None:
    network, x = small(decision=decision), torch.randn(2, 1, 20, 16)
    with torch.autocast("cpu", torch.bfloat16):
        output = network(x)
    output.logits.float().sum().backward()
    assert output.logits.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@each_decision
@pytest.mark.transforms
def test_it_compiles_and_exports(decision: Any) -> None:
    sizes: dict[str, Any] = {"widths": (4,), "pool_time": (4,), "pool_freq": (4,)}
    network = small(decision=decision, **sizes).freeze("norm").eval()
    assert_compiles_and_exports(network, torch.randn(1, 1, 14, 16))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"widths": (4,)}, "widths, pool_time and pool_freq must have one length, got 1"),
        ({"num_bins": 31}, "num_bins must be at least 32 for pool_freq=.*, got 31"),
        ({"decision": "step"}, "decision must be one of 'clip', 'frame', got 'step'"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ({"embedding_dropout": -1}, r"embedding_dropout must be in \[0, 1\), got -1"),
        ({"widths": [(4, 6, 8)] * 6}, r"widths must be .* pairs.*, got \(4, 6, 8\)"),
        ({"widths": [(0, 4)] * 6}, r"widths\[0\]\[0\] must be at least 1, got 0"),
    ],
)
def test_messages(arguments: dict[str, Any], message: str) -> None:
    sizes: dict[str, Any] = {"widths": (4,) * 6, "embedding_dim": 4}
    with pytest.raises(ValueError, match=message):
        cnn14(**sizes | arguments)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 1, 3, 16), r"features must have at least 4 frames, got shape \(1, 1, 3, 16\)"),
        ((1, 2, 8, 16), r"features must be \(batch, channel=1, time, freq=16\), got shape"),
        ((1, 1, 8, 64), r"features must be .*freq=16\), got shape \(1, 1, 8, 64\)"),
        ((8, 16), r"features must be .*, got shape \(8, 16\)"),
    ],
)
def test_wrong_features(shape: tuple[int, ...], message: str) -> None:
    network = small()
    for call in (network, network.encode):
        with pytest.raises(ValueError, match=message):
            call(torch.zeros(shape))
