"""SEDDOA and EINV2 with HTS-AT equal the published networks; every variant runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from seldkit._builders import built_by
from seldkit.compat import pseldnets
from seldkit.losses import trackwise_pit_loss
from seldkit.models import EncoderSELD, seddoa, seddoa_crnn
from seldkit.outputs import SELDOutput
from transforms import assert_compiles_and_exports

Golden = Callable[[str], Path]
KEYS = Path(__file__).with_name("seddoa_keys.json")
SMALL: dict[str, Any] = {
    "num_bins": 8,
    "spec_size": 32,
    "patch": 2,
    "embed_dim": 8,
    "depths": (2, 1),
    "num_heads": (2, 4),
    "window": 4,
}
CRNN: dict[str, Any] = {"widths": (4, 8), "pool_time": (2, 2), "pool_freq": (2, 2)}


def small(num_classes: int = 5, num_tracks: int = 3, **arguments: Any) -> EncoderSELD:
    """Return a network of few weights."""
    return seddoa(num_classes, num_tracks, **(SMALL | arguments))


def small_crnn(num_classes: int = 5, num_tracks: int = 3, **arguments: Any) -> EncoderSELD:
    """Return a network of few weights with convolutions."""
    sizes = CRNN | {"num_bins": 8, "num_heads": 2}
    return seddoa_crnn(num_classes, num_tracks, **(sizes | arguments))


def published_input(golden: Golden) -> Tensor:
    """Return the features of the goldens."""
    return torch.from_numpy(np.load(golden("einv2/pseld_models_input.npz"))["x"])


@pytest.mark.parametrize(("name", "sharing"), [("seddoa", "hard"), ("einv2", "soft")])
def test_outputs_equal_the_published_network(golden: Golden, name: str, sharing: str) -> None:
    weights = load_file(golden(f"einv2/pseld_{name}_htsat.safetensors"))
    sizes: dict[str, Any] = {"depths": (2, 2, 2, 2), "num_heads": (2, 2, 4, 4), "embed_dim": 16}
    model = seddoa(5, sharing=sharing, **sizes)  # type: ignore[arg-type]
    model.load_state_dict(pseldnets.convert(weights))
    features = published_input(golden)
    before = features.clone()
    with torch.no_grad():
        output = model.eval()(features)
    assert torch.equal(features, before)
    with np.load(golden(f"einv2/pseld_{name}_htsat_out.npz")) as wanted:
        for ours, theirs in ((output.activity, "sed"), (output.direction, "doa")):
            torch.testing.assert_close(ours, torch.from_numpy(wanted[theirs]), rtol=0, atol=1e-5)


def test_sizes_and_names_are_pinned() -> None:
    pinned = json.loads(KEYS.read_text())
    with torch.device("meta"):
        models = {"hard": seddoa(170), "soft": seddoa(170, sharing="soft")}
        models |= {"crnn": seddoa_crnn(170)}
    for name, model in models.items():
        shapes = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
        assert shapes == pinned[name], name
    sizes = {name: sum(p.numel() for p in model.parameters()) for name, model in models.items()}
    assert sizes["hard"] == 29_936_543
    assert sizes["soft"] == 57_481_271


@pytest.mark.parametrize("sharing", ["soft", "hard", "none", "crnn"])
def test_every_variant_learns_with_all_its_weights(sharing: str) -> None:
    model = small_crnn() if sharing == "crnn" else small(sharing=sharing, drop_path=0.0)
    output = model(torch.randn(1, 7, 150, 8))
    target = SELDOutput(torch.zeros(1, 15, 3, 5), torch.zeros(1, 15, 3, 3))
    loss = trackwise_pit_loss(output, target)
    (loss.sed + loss.doa).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("build", [small, small_crnn])
@pytest.mark.parametrize(
    ("classes", "tracks", "batch", "frames"), [(1, 1, 1, 10), (13, 2, 3, 137), (170, 4, 1, 129)]
)
def test_shapes(
    build: Callable[..., EncoderSELD], classes: int, tracks: int, batch: int, frames: int
) -> None:
    model = build(classes, tracks).eval()
    features = torch.randn(batch, 7, frames, 8)
    output = model(features)
    assert output.activity.shape == (batch, frames // 10, tracks, classes)
    assert output.direction.shape == (batch, frames // 10, tracks, 3)
    assert (output.direction.abs() < 1).all()
    alone = model(features[-1:])
    torch.testing.assert_close(alone.activity, output.activity[-1:], rtol=1e-4, atol=1e-5)


def test_lengths_do_not_stay_in_the_network() -> None:
    model, long = small().eval(), torch.randn(1, 7, 300, 8)
    first = model(long).activity
    assert model(long[:, :, :45]).activity.shape[1] == 4
    assert torch.equal(model(long).activity, first)


def test_other_sizes() -> None:
    model = small(in_channels=10, sed_channels=2, sharing="soft", num_bins=16, frames_per_label=4)
    assert model(torch.randn(2, 10, 66, 16)).activity.shape == (2, 16, 3, 5)


@pytest.mark.parametrize("build", [small, small_crnn])
def test_autocast(build: Callable[..., EncoderSELD]) -> None:
    model, features = build().eval(), torch.randn(2, 7, 150, 8)
    with torch.autocast("cpu", torch.bfloat16):
        output = model(features)
        output.activity.float().square().mean().backward()
    assert output.activity.isfinite().all()
    expected = model(features).activity
    torch.testing.assert_close(output.activity.float(), expected, rtol=0.1, atol=0.1)


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    model = small(sharing="soft", depths=(2,), num_heads=(2,))
    assert_compiles_and_exports(model.eval(), torch.randn(1, 7, 40, 8))


@pytest.mark.parametrize("build", [small, small_crnn])
def test_the_call_is_remembered(build: Callable[..., EncoderSELD]) -> None:
    model = build(13, 2)
    call = built_by(model)
    assert call is not None
    builders: dict[str, Callable[..., EncoderSELD]] = {
        "seddoa": seddoa,
        "seddoa_crnn": seddoa_crnn,
    }
    again = builders[call.name](**json.loads(json.dumps(call.arguments)))
    again.load_state_dict(model.state_dict())
    features = torch.randn(1, 7, 40, 8)
    assert torch.equal(again.eval()(features).activity, model.eval()(features).activity)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"num_tracks": 0}, "num_tracks must be at least 1, got 0"),
        ({"frames_per_label": 0}, "frames_per_label must be at least 1, got 0"),
        ({"sharing": "half"}, "sharing must be one of 'soft', 'hard', 'none', got 'half'"),
        ({"sharing": "soft", "sed_channels": 8}, "sed_channels must be at most 7, got 8"),
        ({"window": 3}, "window must divide the 16 patches of stage 0, got 3"),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)


@pytest.mark.messages
def test_messages_of_wrong_features() -> None:
    with pytest.raises(
        ValueError, match=r"x must be \(batch, channel=7, time, freq=8\), got shape"
    ):
        small()(torch.zeros(1, 4, 40, 8))
    with pytest.raises(ValueError, match="num_frames must be at least frames_per_label=10, got 9"):
        small()(torch.zeros(1, 7, 9, 8))
    with pytest.raises(ValueError, match="num_tracks must be at least 1, got 0"):
        small_crnn(5, 0)
