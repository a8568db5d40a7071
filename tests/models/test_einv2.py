"""EINV2 equals the published network; every variant runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from seldkit._builders import built_by
from seldkit.compat import ein_seld
from seldkit.losses import trackwise_pit_loss
from seldkit.models import StitchedSELD, einv2
from seldkit.outputs import SELDOutput

Golden = Callable[[str], Path]
KEYS = Path(__file__).with_name("einv2_keys.json")


def small(num_classes: int = 5, num_tracks: int = 2, **arguments: Any) -> StitchedSELD:
    """Return a network of few weights."""
    sizes: dict[str, Any] = {"widths": (4, 6, 8, 16), "feedforward": 16, "num_layers": 1}
    return einv2(num_classes, num_tracks, **(sizes | arguments))


def published(golden: Golden) -> tuple[StitchedSELD, dict[str, Tensor]]:
    """Return the reduced network of the goldens, and its weights by their published names."""
    weights = load_file(golden("einv2/einv2_reduced_state_dict.safetensors"))
    model = einv2(14, widths=(8, 16, 32, 64), feedforward=128, dropout=0.0)
    model.load_state_dict(ein_seld.convert(weights))
    return model, weights


def arrays_of(path: Path) -> dict[str, Tensor]:
    """Return the numeric arrays of a file."""
    return {k: torch.from_numpy(v) for k, v in np.load(path).items() if v.dtype.kind == "f"}


def test_outputs_and_activations_equal_the_published_network(golden: Golden) -> None:
    model, _ = published(golden)
    arrays = arrays_of(golden("einv2/einv2_reduced_io.npz"))
    seen: dict[str, Tensor] = {}

    def record(name: str, module: nn.Module) -> None:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            seen[f"in_{name}"], seen[f"act_{name}"] = inputs[0], output

        module.register_forward_hook(hook)

    trunk = model.trunk
    for task, stages, tracks in (
        ("sed", trunk.stages_a, model.sed_tracks),
        ("doa", trunk.stages_b, model.doa_tracks),
    ):
        for i, stage in enumerate(stages, start=1):  # type: ignore[arg-type]
            record(f"{task}_conv_block{i}", stage)
        for i, encoder in enumerate(tracks.encoders, start=1):  # type: ignore[arg-type]
            record(f"{task}_trans_track{i}", encoder)
    with torch.no_grad():
        output = model.eval()(arrays["features"])
    torch.testing.assert_close(output.activity, arrays["sed_logits"], rtol=0, atol=1e-4)
    torch.testing.assert_close(output.direction, arrays["doa"], rtol=0, atol=1e-4)
    compared = [name for name in arrays if name in seen]
    assert len(compared) == 18
    for name in compared:
        wanted = arrays[name].transpose(0, 1) if "trans" in name else arrays[name]
        torch.testing.assert_close(seen[name], wanted, rtol=0, atol=1e-4)


def test_a_training_step_equals_the_published_one(golden: Golden) -> None:
    model, weights = published(golden)
    path = golden("einv2/einv2_reduced_trainstep.npz")
    arrays, names = arrays_of(path), np.load(path)["grad_names"].tolist()
    output = model.train()(arrays["features"])
    torch.testing.assert_close(output.activity, arrays["sed_logits_train"], rtol=0, atol=1e-4)
    torch.testing.assert_close(output.direction, arrays["doa_train"], rtol=0, atol=1e-4)
    target = SELDOutput(arrays["target_sed"], arrays["target_doa"])
    loss = trackwise_pit_loss(output, target)
    total = 0.5 * loss.sed + 0.5 * loss.doa
    for value, name in ((loss.sed, "sed"), (loss.doa, "doa"), (total, "all")):
        torch.testing.assert_close(value.double(), arrays[f"loss_{name}"], rtol=1e-5, atol=0)
    total.backward()
    # Numbers in place of weights tell which published name became which of ours.
    numbers = {name: torch.tensor(i) for i, name in enumerate(weights)}
    ours = {list(weights)[int(i)]: new for new, i in ein_seld.convert(numbers).items()}
    parameters = dict(model.named_parameters())
    assert {ours[name] for name in names} == set(parameters)
    for name, norm in zip(names, arrays["grad_norms"], strict=True):
        gradient = parameters[ours[name]].grad
        assert gradient is not None
        torch.testing.assert_close(gradient.norm().double(), norm, rtol=1e-3, atol=1e-6)


def test_size_and_names_of_the_published_network(golden: Golden) -> None:
    with torch.device("meta"):
        model = einv2(14)
        published_keys = json.loads(golden("einv2/einv2_full_keys.json").read_text())
        converted = ein_seld.convert({name: torch.empty(shape) for name, shape in published_keys})
    assert sum(p.numel() for p in model.parameters()) == 26_218_978
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    assert {name: tensor.shape for name, tensor in converted.items()} == shapes


def test_names_are_pinned() -> None:
    pinned = json.loads(KEYS.read_text())
    with torch.device("meta"):
        variants = {
            "published": einv2(14),
            "paper": einv2(14, sequential_stitch=False, sinusoids=True, stitch_tracks=True),
            "hard": einv2(14, sharing="hard"),
        }
    names = {name: set(model.state_dict()) for name, model in variants.items()}
    shapes = {k: list(v.shape) for k, v in variants["published"].state_dict().items()}
    assert shapes == pinned["published"]
    assert names["paper"] - names["published"] == set(pinned["paper_adds"])
    assert names["hard"] - names["published"] == set(pinned["hard_adds"])


@pytest.mark.parametrize("sharing", ["soft", "hard", "none"])
@pytest.mark.parametrize("sequential_stitch", [True, False])
@pytest.mark.parametrize("sinusoids", [True, False])
@pytest.mark.parametrize("stitch_tracks", [True, False])
def test_every_variant_learns_with_all_its_weights(
    sharing: str, sequential_stitch: bool, sinusoids: bool, stitch_tracks: bool
) -> None:
    model = small(
        sharing=sharing,
        sequential_stitch=sequential_stitch,
        sinusoids=sinusoids,
        stitch_tracks=stitch_tracks,
    )
    output = model(torch.randn(2, 7, 16, 16))
    (output.activity.square().mean() + output.direction.square().mean()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize(
    ("classes", "tracks", "batch", "frames", "bins"),
    [(1, 1, 1, 4, 16), (14, 3, 1, 37, 64), (13, 2, 3, 161, 17), (170, 4, 2, 7, 31)],
)
def test_shapes(classes: int, tracks: int, batch: int, frames: int, bins: int) -> None:
    output = small(classes, tracks).eval()(torch.randn(batch, 7, frames, bins))
    assert output.activity.shape == (batch, frames // 4, tracks, classes)
    assert output.direction.shape == (batch, frames // 4, tracks, 3)
    assert (output.direction.abs() < 1).all()


def test_other_sizes() -> None:
    model = small(
        in_channels=5,
        sed_channels=2,
        widths=(4, 8),
        pool_time=(1, 2),
        pool_freq=(3, 1),
        num_heads=4,
        num_layers=2,
    )
    assert model(torch.randn(1, 5, 9, 6)).activity.shape == (1, 4, 2, 5)


def test_items_of_a_batch_do_not_mix_and_sed_reads_its_channels_alone() -> None:
    model, features = small(sharing="none").eval(), torch.randn(3, 7, 16, 16)
    batch, item = model(features), model(features[1:2])
    torch.testing.assert_close(batch.activity[1:2], item.activity)
    torch.testing.assert_close(batch.direction[1:2], item.direction)
    features[:, 4:] = 0
    torch.testing.assert_close(model(features).activity, batch.activity)
    assert not torch.allclose(model(features).direction, batch.direction)


def test_positions_tell_frames_apart() -> None:
    constant = torch.ones(1, 7, 1, 16).expand(1, 7, 160, 16)
    for sinusoids in (True, False):
        activity = small(sinusoids=sinusoids).eval()(constant).activity
        same = torch.allclose(activity[:, 18], activity[:, 22], atol=1e-5)  # far from the borders
        assert same is not sinusoids


def test_autocast() -> None:
    model, features = (
        small(stitch_tracks=True, sinusoids=True, dropout=0.0),
        torch.randn(2, 7, 16, 16),
    )
    with torch.autocast("cpu", torch.bfloat16):
        output = model(features)
        output.activity.float().square().mean().backward()
    assert output.activity.isfinite().all()
    expected = model(features).activity
    torch.testing.assert_close(output.activity.float(), expected, rtol=0.1, atol=0.2)


@pytest.mark.transforms
@pytest.mark.parametrize("training", [True, False])
def test_compiles_and_exports(training: bool) -> None:
    model, features = small(sinusoids=True, dropout=0.0).train(training), torch.randn(2, 7, 16, 16)
    expected = model(features)
    compiled = torch.compile(model, fullgraph=True, backend="eager")(features)
    exported = torch.export.export(model, (features,)).module()(features)
    for output in (compiled, exported):
        torch.testing.assert_close(output.activity, expected.activity, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(output.direction, expected.direction, rtol=1e-4, atol=1e-5)


def test_the_call_is_remembered() -> None:
    model = small(14, 3, sinusoids=True)
    call = built_by(model)
    assert call is not None
    assert call.name == "einv2"
    assert call.arguments["num_tracks"] == 3
    again = einv2(**json.loads(json.dumps(call.arguments)))
    again.load_state_dict(model.state_dict())
    features = torch.randn(1, 7, 16, 16)
    assert torch.equal(again.eval()(features).activity, model.eval()(features).activity)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"num_tracks": 0}, "num_tracks must be at least 1, got 0"),
        ({"in_channels": 0}, "in_channels must be at least 1, got 0"),
        ({"sed_channels": 0}, "sed_channels must be at least 1, got 0"),
        ({"sed_channels": 8}, "sed_channels must be at most 7, got 8"),
        ({"widths": (4, 8)}, "must have one length, got 2, 4 and 4"),
        ({"widths": (), "pool_time": (), "pool_freq": ()}, "must have one length, got 0, 0 and 0"),
        ({"widths": (4, 4, 4, 12)}, "last of widths, must be a multiple of 8 .*, got 12"),
        ({"sharing": "stitched"}, "sharing must be one of 'soft', 'hard', 'none', got 'stitched'"),
        ({"num_heads": 0}, "num_heads must be at least 1, got 0"),
        ({"num_layers": 0}, "num_layers must be at least 1, got 0"),
        ({"feedforward": 0}, "feedforward must be at least 1, got 0"),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)


@pytest.mark.messages
def test_messages_of_wrong_features() -> None:
    with pytest.raises(ValueError, match=r"features must be \(batch, channel, time, freq\), got"):
        small()(torch.zeros(7, 16, 16))
    with pytest.raises(ValueError, match=r"must be \(batch, channel=7, time, freq\), got shape"):
        small()(torch.zeros(1, 10, 16, 16))
    with pytest.raises(ValueError, match=r"x must have at least \(2, 2\) frames and bins"):
        small()(torch.zeros(1, 7, 3, 16))
