"""ACCDOA networks of PSELDNets equal the published one; every form runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from seldkit._builders import built_by
from seldkit.compat import dcase, pseldnets
from seldkit.models import EncoderACCDOA, accdoa_crnn, accdoa_htsat
from transforms import assert_compiles_and_exports

Golden = Callable[[str], Path]
SMALL: dict[str, Any] = {
    "num_bins": 8,
    "spec_size": 32,
    "patch": 2,
    "embed_dim": 8,
    "depths": (2,),
    "num_heads": (2,),
    "window": 4,
}
CRNN: dict[str, Any] = {
    "num_bins": 8,
    "widths": (4, 8),
    "pool_time": (2, 2),
    "pool_freq": (2, 2),
    "num_heads": 2,
}


def build(encoder: str, num_classes: int = 5, **arguments: Any) -> EncoderACCDOA:
    """Return a network of few weights."""
    if encoder == "htsat":
        return accdoa_htsat(num_classes, **(SMALL | arguments))
    return accdoa_crnn(num_classes, temporal=encoder, **(CRNN | arguments))  # type: ignore[arg-type]


def test_outputs_equal_the_published_network(golden: Golden) -> None:
    weights = load_file(golden("einv2/pseld_maccdoa_htsat.safetensors"))
    model = accdoa_htsat(5, depths=(2, 2, 2, 2), num_heads=(2, 2, 4, 4), embed_dim=16)
    model.load_state_dict(pseldnets.convert(weights, num_classes=5))
    features = torch.from_numpy(np.load(golden("einv2/pseld_models_input.npz"))["x"])
    with torch.no_grad():
        output = model.eval()(features)
    wanted = np.load(golden("einv2/pseld_maccdoa_htsat_out.npz"))["multi_accdoa"]
    flat = dcase.pack_multi_accdoa(output)
    torch.testing.assert_close(flat, torch.from_numpy(wanted), rtol=0, atol=1e-5)


def test_published_sizes() -> None:
    def size(model: EncoderACCDOA) -> int:
        return sum(p.numel() for p in model.parameters())

    cnn8: dict[str, Any] = {"widths": (32, 64, 128, 256), "pool_time": (2, 2, 2, 1)}
    cnn8 |= {"pool_freq": (2, 2, 2, 2), "temporal": "gru", "num_layers": 2}
    with torch.device("meta"):
        assert size(accdoa_htsat(170)) == 34_596_242
        assert size(accdoa_htsat(170, format="accdoa")) == 29_895_062
        assert size(accdoa_crnn(170)) == 179_406_906
        assert size(accdoa_crnn(170, format="accdoa", **cnn8)) == 1_899_230


@pytest.mark.parametrize("encoder", ["htsat", "conformer", "gru"])
@pytest.mark.parametrize("format", ["accdoa", "multi_accdoa"])
def test_every_form_learns_with_all_its_weights(encoder: str, format: str) -> None:
    model, features = build(encoder, format=format), torch.randn(1, 7, 45, 8)
    output = model(features)
    tracks = (3,) if format == "multi_accdoa" else ()
    assert output.shape == (1, 4, *tracks, 5, 3)
    assert (output.abs() < 1).all()
    output.square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    with torch.autocast("cpu", torch.bfloat16):
        assert model(features).isfinite().all()


@pytest.mark.parametrize("encoder", ["htsat", "gru"])
def test_other_numbers_of_classes_and_tracks(encoder: str) -> None:
    model = build(encoder, 13, num_tracks=2, frames_per_label=5, in_channels=4).eval()
    features = torch.randn(3, 4, 139, 8)
    output = model(features)
    assert output.shape == (3, 27, 2, 13, 3)
    torch.testing.assert_close(model(features[:1]), output[:1], rtol=1e-4, atol=1e-5)


def test_names_are_those_of_seddoa_but_for_the_head() -> None:
    pinned = json.loads(Path(__file__).with_name("seddoa_keys.json").read_text())
    head = {"vectors.conv.weight", "vectors.conv.bias"}
    with torch.device("meta"):
        for model, name in ((accdoa_htsat(170), "hard"), (accdoa_crnn(170), "crnn")):
            encoder = {key for key in pinned[name] if key.startswith("encoder.")}
            assert set(model.state_dict()) == encoder | head


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    assert_compiles_and_exports(build("htsat").eval(), torch.randn(1, 7, 40, 8))


@pytest.mark.parametrize("encoder", ["htsat", "gru"])
def test_the_call_is_remembered(encoder: str) -> None:
    model = build(encoder, 13, format="accdoa")
    call = built_by(model)
    assert call is not None
    builders: dict[str, Callable[..., EncoderACCDOA]] = {
        "accdoa_htsat": accdoa_htsat,
        "accdoa_crnn": accdoa_crnn,
    }
    again = builders[call.name](**json.loads(json.dumps(call.arguments)))
    again.load_state_dict(model.state_dict())


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="format must be one of 'accdoa', 'multi_accdoa', got 'x'"):
        build("htsat", format="x")
    with pytest.raises(ValueError, match="num_classes must be at least 1, got 0"):
        build("gru", 0)
    with pytest.raises(ValueError, match="num_tracks must be at least 1, got 0"):
        build("htsat", num_tracks=0)
