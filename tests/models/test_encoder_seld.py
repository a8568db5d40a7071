"""Networks of one encoder equal those of PSELDNets; any encoder ends in any format."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from networks import encoder_network, htsat_pair
from seldkit.backbones import cnn14, crnn, htsat
from seldkit.compat import dcase, pseldnets
from seldkit.losses import trackwise_pit_loss
from seldkit.models import encoder_seld, seddoa
from seldkit.outputs import SELDOutput
from transforms import assert_compiles_and_exports

Golden = Callable[[str], Path]
KEYS = Path(__file__).with_name("seddoa_keys.json")
TINY: dict[str, Any] = {"depths": (2, 2, 2, 2), "num_heads": (2, 2, 4, 4), "embed_dim": 16}
SMALL: dict[str, Any] = {
    "num_bins": 8,
    "spec_size": 32,
    "patch": 2,
    "embed_dim": 8,
    "depths": (2, 1),
    "num_heads": (2, 4),
    "window": 4,
}
CRNN: dict[str, Any] = {"num_bins": 8, "widths": (4, 8), "pool_time": (2, 2), "pool_freq": (2, 2)}
ENCODERS: dict[str, Callable[..., nn.Module]] = {
    "htsat": lambda **x: htsat(**SMALL | x),
    "soft": lambda **x: htsat_pair(**SMALL | x),
    "none": lambda **x: htsat_pair(**SMALL | {"stitched": False} | x),
    "conformer": lambda **x: crnn(num_heads=2, **CRNN | x),
    "gru": lambda **x: crnn(temporal="gru", **CRNN | x),
}
FORMS = [(name, "track_wise") for name in ENCODERS] + [
    (name, format) for name in ("htsat", "gru") for format in ("accdoa", "multi_accdoa")
]
each_form = pytest.mark.parametrize(("encoder", "format"), FORMS)


def small(encoder: str, num_classes: int = 5, **arguments: Any) -> nn.Module:
    """Return a network of few weights, of labels of 10 frames."""
    sizes = {"frames_per_label": 10} | arguments
    return encoder_network(ENCODERS[encoder], num_classes, **sizes)


def tensors(output: SELDOutput | Tensor) -> list[Tensor]:
    """Return the parts of an output."""
    return [output] if isinstance(output, Tensor) else [output.activity, output.direction]


@pytest.mark.parametrize(
    ("published", "build", "format", "names"),
    [
        ("seddoa", htsat, "track_wise", ["sed", "doa"]),
        ("einv2", htsat_pair, "track_wise", ["sed", "doa"]),
        ("maccdoa", htsat, "multi_accdoa", ["multi_accdoa"]),
    ],
)
def test_outputs_equal_the_published_network(
    golden: Golden, published: str, build: Callable[..., nn.Module], format: Any, names: list[str]
) -> None:
    weights = load_file(golden(f"einv2/pseld_{published}_htsat.safetensors"))
    model = encoder_seld(build(**TINY), 5, format=format)
    model.load_state_dict(pseldnets.convert(weights, num_classes=5))
    features = torch.from_numpy(np.load(golden("einv2/pseld_models_input.npz"))["x"])
    before = features.clone()
    with torch.no_grad():
        output = model.eval()(features)
    assert torch.equal(features, before)
    found = [dcase.pack_multi_accdoa(output)] if format == "multi_accdoa" else tensors(output)
    with np.load(golden(f"einv2/pseld_{published}_htsat_out.npz")) as wanted:
        for ours, name in zip(found, names, strict=True):
            torch.testing.assert_close(ours, torch.from_numpy(wanted[name]), rtol=0, atol=1e-5)


def test_sizes_and_names_are_pinned() -> None:
    pinned = json.loads(KEYS.read_text())
    cnn8: dict[str, Any] = {"widths": (32, 64, 128, 256), "pool_time": (2, 2, 2, 1)}
    cnn8 |= {"pool_freq": (2, 2, 2, 2), "temporal": "gru", "num_layers": 2}
    with torch.device("meta"):
        models: dict[str, nn.Module] = {"hard": seddoa(170), "soft": seddoa(170, sharing="soft")}
        models |= {"crnn": encoder_seld(crnn(), 170)}
        vectors = {
            "hard": encoder_seld(htsat(), 170, format="multi_accdoa"),
            "crnn": encoder_seld(crnn(), 170, format="multi_accdoa"),
        }
        others = [encoder_seld(x, 170, format="accdoa") for x in (htsat(), crnn(**cnn8))]
    for name, model in models.items():
        shapes = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
        assert shapes == pinned[name], name
    for name, model in vectors.items():
        encoder = {key for key in pinned[name] if key.startswith("encoder.")}
        assert set(model.state_dict()) == encoder | {"vectors.conv.weight", "vectors.conv.bias"}
    every = (models["hard"], models["soft"], *vectors.values(), *others)
    sizes = [sum(p.numel() for p in model.parameters()) for model in every]
    assert sizes == [29_936_543, 57_481_271, 34_596_242, 179_406_906, 29_895_062, 1_899_230]


@each_form
def test_every_form_learns_with_all_its_weights(encoder: str, format: str) -> None:
    rates: dict[str, Any] = {"drop_path": 0.0} if encoder in ("htsat", "soft", "none") else {}
    model, features = small(encoder, format=format, **rates), torch.randn(1, 7, 150, 8)
    output = model(features)
    if isinstance(output, SELDOutput):
        target = SELDOutput(torch.zeros(1, 15, 3, 5), torch.zeros(1, 15, 3, 3))
        sum(trackwise_pit_loss(output, target)).backward()  # type: ignore[union-attr]
    else:
        output.square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    with torch.autocast("cpu", torch.bfloat16):
        half = tensors(model.eval()(features))
    for x, y in zip(half, tensors(model(features)), strict=True):
        torch.testing.assert_close(x.float(), y, rtol=0.1, atol=0.1)


@each_form
@pytest.mark.parametrize(
    ("classes", "tracks", "batch", "frames"), [(1, 1, 1, 10), (13, 2, 3, 137), (170, 4, 1, 129)]
)
def test_shapes(
    encoder: str, format: str, classes: int, tracks: int, batch: int, frames: int
) -> None:
    model = small(encoder, classes, num_tracks=tracks, format=format).eval()
    features = torch.randn(batch, 7, frames, 8)
    output, places = tensors(model(features)), () if format == "accdoa" else (tracks,)
    one = batch, frames // 10, *places
    assert output[-1].shape == ((*one, 3) if format == "track_wise" else (*one, classes, 3))
    assert (output[-1].abs() < 1).all()
    if format == "track_wise":
        assert output[0].shape == (*one, classes)
    for x, y in zip(tensors(model(features[-1:])), output, strict=True):
        torch.testing.assert_close(x, y[-1:], rtol=1e-4, atol=1e-5)


def test_lengths_do_not_stay_in_the_network() -> None:
    model, long = small("htsat").eval(), torch.randn(1, 7, 300, 8)
    first = model(long).activity
    assert model(long[:, :, :45]).activity.shape[1] == 4
    assert torch.equal(model(long).activity, first)


def test_other_sizes() -> None:
    model = small("soft", in_channels=10, sed_channels=2, num_bins=16, frames_per_label=4)
    assert model(torch.randn(2, 10, 66, 16)).activity.shape == (2, 16, 3, 5)


def test_an_encoder_of_ones_own() -> None:
    encoder: Any = nn.Conv2d(7, 6, (2, 4), stride=(2, 4))
    encoder.out_channels, encoder.out_bins, encoder.frames_per_step = 6, 2, 2
    model = encoder_seld(encoder, 5, format="accdoa", frames_per_label=5)
    assert model(torch.randn(2, 7, 50, 8)).shape == (2, 10, 5, 3)


@pytest.mark.transforms
@pytest.mark.parametrize(("encoder", "format"), [("soft", "track_wise"), ("htsat", "accdoa")])
def test_compiles_and_exports(encoder: str, format: str) -> None:
    model = small(encoder, format=format, depths=(2,), num_heads=(2,))
    assert_compiles_and_exports(model.eval(), torch.randn(1, 7, 40, 8))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"num_tracks": 0}, "num_tracks must be at least 1, got 0"),
        ({"frames_per_label": 0}, "frames_per_label must be at least 1, got 0"),
        ({"format": "x"}, "format must be one of 'track_wise', 'accdoa', 'multi_accdoa', got 'x'"),
        ({"format": "accdoa"}, "format must be 'track_wise' for two encoders, got 'accdoa'"),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small("soft", **arguments)


@pytest.mark.messages
def test_messages_of_wrong_encoders_and_features() -> None:
    tagger = cnn14(3, widths=[2] * 6, embedding_dim=2)
    for encoder, name in ((nn.Linear(3, 3), "Linear"), (tagger, "CNN14")):
        with pytest.raises(TypeError, match=f"encoder must return a map and have .*, got {name}"):
            encoder_seld(encoder, 5)
    with pytest.raises(ValueError, match="sharing must be one of 'soft', 'hard', 'none', got 'x'"):
        seddoa(5, sharing="x")  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r"x must be \(batch, channel=7, time, freq=8\), got shape"
    ):
        small("htsat")(torch.zeros(1, 4, 40, 8))
    with pytest.raises(ValueError, match="num_frames must be at least frames_per_label=10, got 9"):
        small("htsat")(torch.zeros(1, 7, 9, 8))
