"""The two-stage strategy: sizes of the published networks, what each stage trains, and when."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from seldkit._builders import built_by
from seldkit.events import Events
from seldkit.formats import ClassWise
from seldkit.geometry import azimuth_elevation_deg, unit_vector
from seldkit.losses import active_direction_loss, class_wise_loss
from seldkit.models import StageCRNN, TwoStage, two_stage
from seldkit.outputs import SELDOutput, combine
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("two_stage_keys.json")
SIZES: dict[str, Any] = {"widths": (4, 8), "pool_time": (2, 2), "pool_freq": (2, 4)}


def small(num_classes: int = 3, **arguments: Any) -> TwoStage:
    """Return a network of few weights, a label of which is a step."""
    sizes = SIZES | {"rnn_channels": 4, "frames_per_label": 4}
    return two_stage(num_classes, **(sizes | arguments))


def scene() -> tuple[Tensor, SELDOutput]:
    """Return features in which classes are seen, and their target."""
    torch.manual_seed(0)
    events = Events.from_degrees([0, 1, 1], [0, 0, 2], [90.0, 90.0, -170.0], [0.0, 0.0, 40.0])
    target = ClassWise(3).encode(events, 4)
    features = torch.randn(1, 10, 16, 16)
    features[0, :3] += 3 * target.activity.T.repeat_interleave(4, dim=1).unsqueeze(-1)
    return features, combine(torch.stack, [target])


def test_names_and_size_are_pinned() -> None:
    with torch.device("meta"):
        model = two_stage(11)
    assert {k: list(v.shape) for k, v in model.state_dict().items()} == json.loads(KEYS.read_text())
    call = built_by(model)
    assert call is not None
    assert call.name == "two_stage"


def test_one_trunk_and_all_heads_are_the_published_network() -> None:
    with torch.device("meta"):
        model = two_stage(11)
    parts = (model.sed.trunk, model.sed.sequence, model.sed.head, model.doa.head)
    assert sum(p.numel() for part in parts for p in part.parameters()) == 5_890_977


@settings(max_examples=20)
@given(st.integers(1, 3), st.integers(4, 19), st.integers(1, 4), st.integers(1, 4))
def test_any_length_batch_classes_and_labels(
    batch: int, frames: int, classes: int, per_label: int
) -> None:
    model = small(classes, frames_per_label=per_label).eval()
    x = torch.randn(batch, 10, frames, 16)
    activity, direction, _ = model(x)
    labels = frames // per_label
    assert activity.shape == (batch, labels, classes)
    assert direction.shape == (batch, labels, classes, 3)
    assert (direction.norm(dim=-1) < 1 + 1e-5).all()
    torch.testing.assert_close(model(x[:1]).activity, activity[:1])


def test_steps_are_held_at_the_rate_of_the_features() -> None:
    model, x = small(frames_per_label=1).eval(), torch.randn(2, 10, 12, 16)
    activity, direction, _ = model(x)
    stage = model.sed
    steps = stage.head(stage.sequence(stage.trunk(x).mean(dim=3).mT))
    assert torch.equal(activity, steps.repeat_interleave(4, dim=1))
    torch.testing.assert_close(direction.norm(dim=-1), torch.ones(2, 12, 3))
    whole = small().eval()
    whole.load_state_dict(model.state_dict())
    torch.testing.assert_close(whole(x).direction, direction[:, ::4])


def plain_steps(stage: StageCRNN, x: Tensor) -> Tensor:
    """Return the sequence as the published layers make it, from functions of torch alone."""
    state = stage.state_dict()
    for i in range(2):
        for j in (1, 2):
            names = ("running_mean", "running_var", "weight", "bias")
            norm = [state[f"trunk.{i}.norm{j}.{name}"] for name in names]
            x = functional.conv2d(x, state[f"trunk.{i}.conv{j}.weight"], padding=1)
            x = functional.batch_norm(x, *norm).relu()
        x = functional.avg_pool2d(x, (2, 2 + 2 * i))
    gru = nn.GRU(8, 4, batch_first=True, bidirectional=True)
    gru.load_state_dict({k: state[f"sequence.gru.0.{k}"] for k in gru.state_dict()})
    return gru(x.mean(dim=3).mT)[0]  # type: ignore[no-any-return]


def test_it_is_the_published_network() -> None:
    model, x = small(frames_per_label=1).eval(), torch.randn(2, 10, 12, 16)
    for name, value in model.named_buffers():
        if "running" in name:
            value.uniform_(0.5, 1.5)
    state = model.state_dict()
    with torch.no_grad():
        output = model(x)
        layers = [
            functional.linear(
                plain_steps(stage, x), state[f"{name}.weight"], state[f"{name}.bias"]
            ).repeat_interleave(4, dim=1)
            for stage, name in (
                (model.sed, "sed.head"),
                (model.doa, "doa.head.azimuth"),
                (model.doa, "doa.head.elevation"),
            )
        ]
    logits, azimuth, elevation = layers
    torch.testing.assert_close(output.activity, logits)
    found = azimuth_elevation_deg(output.direction)
    wanted = unit_vector(azimuth.rad2deg(), elevation.rad2deg())
    torch.testing.assert_close(found, azimuth_elevation_deg(wanted), rtol=0, atol=1e-3)


def test_angles_are_radians() -> None:
    model, x = small(1).eval(), torch.randn(1, 10, 4, 16)
    nn.init.zeros_(model.doa.head.azimuth.weight)  # type: ignore[arg-type, union-attr]
    nn.init.zeros_(model.doa.head.elevation.weight)  # type: ignore[arg-type, union-attr]
    nn.init.constant_(model.doa.head.azimuth.bias, torch.pi / 2)  # type: ignore[arg-type, union-attr]
    wanted = torch.tensor([0.0, 1.0, 0.0])
    torch.testing.assert_close(model(x).direction.flatten(), wanted)


def test_the_second_stage_begins_with_the_convolutions_of_the_first() -> None:
    model, x = small(), torch.randn(2, 10, 8, 16)
    model.sed(x)  # norms have seen something
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.begin_second_stage()
    after = model.state_dict()
    for name, value in after.items():
        source = name.replace("doa.trunk.", "sed.trunk.")
        assert torch.equal(value, before[source]), name
    model.eval()
    assert torch.equal(model.doa.trunk(x), model.sed.trunk(x))
    with torch.no_grad():
        for parameter in model.doa.trunk.parameters():
            parameter.add_(1)
    assert torch.equal(
        model.sed.state_dict()["trunk.0.conv1.weight"], before["sed.trunk.0.conv1.weight"]
    )


def train(part: StageCRNN, features: Tensor, loss: Any) -> float:
    """Train one network for some steps and return its last loss."""
    optimizer = torch.optim.Adam(part.parameters(), lr=0.02)
    for _ in range(60):
        value = loss(part(features))
        optimizer.zero_grad()
        value.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in part.parameters())
        optimizer.step()
    return float(value.detach())


def test_both_stages_learn_and_the_whole_finds_the_events() -> None:
    features, target = scene()
    model = small()
    doa = {k: v.clone() for k, v in model.doa.state_dict().items()}
    bce = functional.binary_cross_entropy_with_logits
    assert train(model.sed, features, lambda x: bce(x, target.activity)) < 0.1
    assert all(torch.equal(v, doa[k]) for k, v in model.doa.state_dict().items())
    model.begin_second_stage()
    sed = {k: v.clone() for k, v in model.sed.state_dict().items()}

    def angular(x: Tensor) -> Tensor:
        return active_direction_loss(x, target.direction, target.activity, direction="angular")

    assert train(model.doa, features, angular) < 0.15
    assert all(torch.equal(v, sed[k]) for k, v in model.sed.state_dict().items())
    output = model(features)  # norms as in training
    losses = class_wise_loss(output, target, direction="angular")
    assert max(losses) < 0.2, losses
    events = ClassWise(3).decode(output.map(lambda x: x[0].detach()))
    assert sorted(zip(events.frame.tolist(), events.label.tolist(), strict=True)) == [
        (0, 0),
        (1, 0),
        (1, 2),
    ]


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    model = small(frames_per_label=3).eval()
    model.sed.sequence = model.doa.sequence = nn.Identity()
    assert_compiles_and_exports(model, torch.randn(1, 10, 8, 16))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="widths, pool_time and pool_freq must have one length"):
        small(widths=(4,))
    with pytest.raises(ValueError, match="frames_per_label must be at least 1, got 0"):
        small(frames_per_label=0)
    with pytest.raises(ValueError, match=r"features must be \(batch, channel, time, freq\)"):
        small()(torch.zeros(10, 8, 16))
    with pytest.raises(ValueError, match=r"channel=10"):
        small()(torch.zeros(1, 7, 8, 16))
    with pytest.raises(ValueError, match="must have at least"):
        small()(torch.zeros(1, 10, 1, 16))
