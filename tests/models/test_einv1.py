"""EIN-V1: two branches, events of both, two tracks; what the abstract says, and our reading."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from seldkit.formats import TrackWise
from seldkit.heads import TrackWiseHead
from seldkit.losses import event_pit_loss
from seldkit.models import EINV1, EventOutput, einv1
from seldkit.models.einv1_network import likeliest_events
from seldkit.outputs import SELDOutput
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("einv1_keys.json")
SIZES: dict[str, Any] = {"widths": (4, 8), "pool_time": (2, 2), "pool_freq": (2, 4)}


def small(num_classes: int = 3, num_tracks: int = 2, **arguments: Any) -> EINV1:
    """Return a network of few weights."""
    return einv1(num_classes, num_tracks, **(SIZES | {"rnn_channels": 4} | arguments))


def test_names_and_size_are_pinned() -> None:
    with torch.device("meta"):
        model = einv1(14)
    assert {k: list(v.shape) for k, v in model.state_dict().items()} == json.loads(KEYS.read_text())
    assert sum(p.numel() for p in model.parameters()) == 13_730_532


@settings(max_examples=20)
@given(st.integers(1, 3), st.integers(4, 19), st.integers(1, 4), st.integers(1, 3))
def test_any_length_batch_classes_and_tracks(
    batch: int, frames: int, classes: int, tracks: int
) -> None:
    model, x = small(classes, tracks).eval(), torch.randn(batch, 7, frames, 16)
    seld, event = model(x, events=True)
    frame = frames // 4
    assert seld.activity.shape == (batch, frame, tracks, classes)
    assert seld.direction.shape == (batch, frame, tracks, 3)
    assert event.shape == (batch, frame, tracks)
    output = model(x)
    assert isinstance(output, SELDOutput)
    assert torch.equal(output.direction, seld.direction)
    torch.testing.assert_close(model(x[:1], events=True).event, event[:1])


@given(st.integers(0, 99), st.integers(1, 4))
def test_a_track_holds_the_likeliest_class_or_nothing(seed: int, classes: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, 5, 2, classes, generator=generator)
    event = torch.randn(1, 5, 2, generator=generator)
    direction = functional.normalize(torch.randn(1, 5, 2, 3, generator=generator), dim=-1)
    seld = SELDOutput(logits, direction)
    output = likeliest_events(seld, event)
    decoded = TrackWise(classes).decode(output.map(lambda x: x[0]))
    wanted = [
        (frame, int(logits[0, frame, track].argmax()))
        for frame in range(5)
        for track in range(2)
        if event[0, frame, track] > 0
    ]
    found = list(zip(decoded.frame.tolist(), decoded.label.tolist(), strict=True))
    assert sorted(found) == sorted(wanted)


def test_events_are_told_from_both_branches() -> None:
    model, x = small().eval(), torch.randn(1, 7, 8, 16)
    before = model(x, events=True)
    x[:, 4:] += 1  # what the branch for direction alone reads
    after = model(x, events=True)
    assert torch.equal(before.seld.activity, after.seld.activity)
    assert not torch.allclose(before.event, after.event)
    event = after.event.sum()
    parts = dict(model.named_parameters())
    grads = torch.autograd.grad(event, [*parts.values()], allow_unused=True)
    for name, grad in zip(parts, grads, strict=True):
        assert (grad is None) == name.startswith("head."), name


def test_every_weight_learns_and_the_loss_falls() -> None:
    torch.manual_seed(0)
    model, x = small(), torch.randn(2, 7, 16, 16)
    activity = functional.one_hot(torch.randint(3, (2, 4, 2)), 3).float()
    activity[:, :2, 1] = 0
    direction = functional.normalize(torch.randn(2, 4, 2, 3), dim=-1)
    target = SELDOutput(activity, direction * activity.amax(dim=-1, keepdim=True))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(40):
        output = model(x, events=True)
        assert isinstance(output, EventOutput)
        loss = torch.stack([*event_pit_loss(*output, target)]).sum()
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    model = small().eval()
    model.sed_sequence = model.doa_sequence = model.event_sequence = nn.Identity()
    model.head, model.event_head = TrackWiseHead(8, 3, 2), nn.Linear(16, 2)
    assert_compiles_and_exports(model, torch.randn(1, 7, 8, 16))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="sed_channels must be at most 3, got 4"):
        small(in_channels=3)
    with pytest.raises(ValueError, match="widths, pool_time and pool_freq must have one length"):
        small(widths=(4,))
    with pytest.raises(ValueError, match=r"features must be \(batch, channel, time, freq\)"):
        small()(torch.zeros(7, 8, 16))
