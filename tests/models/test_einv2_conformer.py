"""EINV2 with Conformer blocks, as the published code of its descendants has it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from seldkit._builders import built_by
from seldkit.compat import pseldnets
from seldkit.models import StitchedSELD, einv2
from transforms import assert_compiles_and_exports

Golden = Callable[[str], Path]
CNN8: dict[str, Any] = {
    "pool_time": (2, 2, 2, 1),
    "temporal": "conformer",
    "num_layers": 1,
    "stitch_tracks": True,
    "dropout": 0.1,
    "num_bins": 64,
    "frames_per_label": 10,
}
SMALL: dict[str, Any] = {
    "widths": (4, 8),
    "pool_time": (2, 4),
    "pool_freq": (2, 2),
    "num_heads": 2,
    "feedforward": 16,
    "num_bins": 8,
}


def small(**arguments: Any) -> StitchedSELD:
    """Return a network of few weights."""
    return einv2(5, 2, **(CNN8 | SMALL | arguments))


def test_outputs_equal_the_published_network(golden: Golden) -> None:
    weights = load_file(golden("einv2/pseld_einv2_cnn8_conformer.safetensors"))
    model = einv2(5, 3, widths=(8, 16, 24, 32), feedforward=128, **CNN8)
    model.load_state_dict(pseldnets.convert(weights))
    features = torch.from_numpy(np.load(golden("einv2/pseld_models_input.npz"))["x"])[:, :, :1000]
    with torch.no_grad():
        output = model.eval()(features)
    with np.load(golden("einv2/pseld_einv2_cnn8_conformer_out.npz")) as wanted:
        for ours, theirs in ((output.activity, "sed"), (output.direction, "doa")):
            torch.testing.assert_close(ours, torch.from_numpy(wanted[theirs]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("temporal", ["transformer", "conformer", "gru", "bimamba", "none"])
@pytest.mark.parametrize("sharing", ["soft", "hard"])
def test_every_variant_learns_with_all_its_weights(temporal: str, sharing: str) -> None:
    features = torch.randn(1, 7, 45, 8)
    before = features.clone()
    model = small(temporal=temporal, sharing=sharing)
    output = model(features)
    assert output.activity.shape == (1, 4, 2, 5)
    (output.activity.square().mean() + output.direction.square().mean()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert torch.equal(features, before)


@pytest.mark.parametrize("frames", [10, 39, 48, 57])
def test_label_frames_follow_the_features(frames: int) -> None:
    model = small(frames_per_label=10).eval()
    assert model(torch.randn(1, 7, frames, 8)).direction.shape == (1, frames // 10, 2, 3)
    pooled = small(frames_per_label=None).eval()
    assert pooled(torch.randn(1, 7, frames, 8)).direction.shape == (1, frames // 8, 2, 3)


def test_autocast_and_the_call() -> None:
    model = small(dropout=0.0)
    with torch.autocast("cpu", torch.bfloat16):
        assert model(torch.randn(2, 7, 45, 8)).activity.isfinite().all()
    call = built_by(model)
    assert call is not None
    assert call.arguments["temporal"] == "conformer"


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    assert_compiles_and_exports(small(sharing="hard").eval(), torch.randn(1, 7, 45, 8))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temporal": "lstm"}, "temporal must be one of 'transformer', 'conformer', 'gru', 'ma"),
        ({"feedforward": 12}, "feedforward must be a multiple of 8 for Conformer blocks, got 12"),
        ({"frames_per_label": 0}, "frames_per_label must be at least 1, got 0"),
        ({"num_bins": 0}, "num_bins must be at least 1, got 0"),
    ],
)
def test_messages(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)
