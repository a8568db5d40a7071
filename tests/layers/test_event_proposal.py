"""Maps over start and duration: the sparse product, its reach, and what it must bear."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.layers import DenseEventProposal, SpectralEnhancement
from seldkit.layers.event_proposal import sample_points
from transforms import assert_compiles_and_exports


@settings(max_examples=20)
@given(st.integers(1, 9), st.integers(1, 6), st.integers(1, 5), st.sampled_from([0.0, 0.25, 0.4]))
def test_points_read_straight_lines(time: int, durations: int, points: int, context: float) -> None:
    like = torch.empty(0, dtype=torch.float64)
    column, share = sample_points(time, durations, points, context, like=like)
    matrix = torch.zeros(durations * time, time * points, dtype=torch.float64)
    matrix.scatter_add_(1, column, share)
    matrix = matrix.unflatten(1, (time, points)).unflatten(0, (durations, time))
    ramp = torch.arange(time, dtype=torch.float64)  # frame n holds n, so a point reads its place
    read = torch.einsum("dstn,t->dsn", matrix, ramp)
    total = matrix.sum(dim=2)
    for duration in range(1, durations + 1):
        ends = (-context * duration, duration - 1 + context * duration)
        middle = torch.tensor([sum(ends) / 2])
        along = torch.linspace(*ends, points).double() if points > 1 else middle
        for start in range(time):
            place = start + along.double()
            inside = (place >= 0) & (place <= time - 1)
            torch.testing.assert_close(
                read[duration - 1, start][inside], place[inside], atol=1e-5, rtol=0
            )
            ones = total[duration - 1, start]
            torch.testing.assert_close(ones[inside], torch.ones_like(ones[inside]))
            assert (ones[(place <= -1) | (place >= time)] == 0).all()


def test_the_sum_is_that_of_the_points_one_by_one() -> None:
    layer, x = (
        DenseEventProposal(3, 2, max_duration=4, num_points=5, hidden=6),
        torch.randn(2, 7, 3),
    )
    column, share = sample_points(7, 4, 5, layer.context, like=x)
    weight = layer.points.weight.unflatten(0, (5, 6))
    sums = torch.zeros(2, 28, 6)
    for event in range(28):
        for entry, amount in zip(column[event].tolist(), share[event], strict=True):
            frame, point = divmod(entry, 5)
            sums[:, event] += amount * x[:, frame] @ weight[point].T
    maps = (sums + layer.bias).relu().mT.unflatten(2, (4, 7))
    torch.testing.assert_close(layer(x), layer.output(layer.conv(maps).relu()))


def test_an_event_reads_nothing_far_from_it() -> None:
    layer, x = DenseEventProposal(2, 1, max_duration=3, context=0.0), torch.randn(1, 20, 2)
    before = layer(x)
    x[:, 15:] += 1
    changed = (layer(x) != before)[0, 0].any(dim=0).nonzero().flatten()
    assert changed.min() == 15 - 2 - 1  # three frames from 13 on, and the convolution


def test_precision_and_gradients() -> None:
    layer, x = (
        DenseEventProposal(2, 1, max_duration=3, num_points=2, hidden=3),
        torch.randn(1, 5, 2),
    )
    wanted = layer(x)
    for dtype in (torch.float16, torch.bfloat16):
        found = layer.to(dtype)(x.to(dtype))
        assert found.dtype == dtype
        torch.testing.assert_close(found.float(), wanted, rtol=0, atol=0.05)
        layer.float()
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).isfinite().all()
    layer.double()
    assert torch.autograd.gradcheck(layer, (x.double().requires_grad_(),))


def test_enhancement_by_hand() -> None:
    gate = SpectralEnhancement(1)
    for conv in (gate.gate, gate.detail):
        for parameter in conv.parameters():
            torch.nn.init.zeros_(parameter)
    x = torch.randn(2, 1, 3, 5)
    torch.testing.assert_close(gate(x), x / 2)
    torch.nn.init.constant_(gate.get_parameter("gate.bias"), 50.0)
    torch.nn.init.constant_(gate.detail.weight, 50.0)
    three = torch.ones(1, 1, 2, 3)
    torch.testing.assert_close(gate(three), 1 + torch.ones(1, 1, 2, 3))
    torch.testing.assert_close(gate(torch.zeros(1, 1, 2, 3)), torch.zeros(1, 1, 2, 3))


@pytest.mark.parametrize("axis", ["freq", "time"])
def test_enhancement_sees_neighbours_along_one_axis(axis: str) -> None:
    gate, x = SpectralEnhancement(2, axis=axis).double(), torch.zeros(1, 2, 7, 7)  # type: ignore[arg-type]
    x = x.double().requires_grad_()
    gate(x)[0, :, 3, 3].sum().backward()
    assert x.grad is not None
    seen = x.grad.abs().sum(dim=(0, 1)).nonzero().tolist()
    assert seen == ([[3, i] for i in (2, 3, 4)] if axis == "freq" else [[i, 3] for i in (2, 3, 4)])


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    assert_compiles_and_exports(
        DenseEventProposal(2, 1, max_duration=3, hidden=3), torch.randn(2, 5, 2)
    )


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match=r"context must be at least 0, got -0\.5"):
        DenseEventProposal(2, 1, max_duration=3, context=-0.5)
    layer = DenseEventProposal(2, 1, max_duration=3)
    with pytest.raises(ValueError, match=r"x must be \(batch, time, channel=2\)"):
        layer(torch.zeros(1, 5, 3))
    with pytest.raises(ValueError, match="x must not be empty along time"):
        layer(torch.zeros(1, 0, 2))
    with pytest.raises(ValueError, match="axis must be"):
        SpectralEnhancement(2, axis="lag")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="channel=2"):
        SpectralEnhancement(2)(torch.zeros(1, 3, 4, 4))
