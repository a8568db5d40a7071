"""Steps become label frames: as many as the features say, and with the right values."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seldkit.layers import LabelRate
from transforms import assert_compiles_and_exports

numbers = st.integers(1, 12)


@given(step=numbers, label=numbers, steps=numbers, frames=st.integers(0, 60))
def test_each_label_is_the_mean_of_the_steps_of_its_frames(
    step: int, label: int, steps: int, frames: int
) -> None:
    frames += label
    x = torch.randn(2, steps, 3)
    y = LabelRate(step, label, filling="hold")(x, frames)
    assert y.shape == (2, frames // label, 3)
    for i in range(frames // label):
        spans = [min(t // step, steps - 1) for t in range(i * label, (i + 1) * label)]
        torch.testing.assert_close(y[:, i], x[:, spans].mean(dim=1))


@pytest.mark.parametrize("step", [41, 47, 55, 61, 82, 97])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_a_held_step_never_takes_from_its_neighbour(step: int, dtype: torch.dtype) -> None:
    x = torch.arange(200.0).remainder(7).to(dtype).unsqueeze(0)
    y = LabelRate(step, 1, filling="hold")(x, 200 * step)
    assert torch.equal(y, x.repeat_interleave(step, dim=1))


def test_lines_are_as_exact_at_the_end_of_an_hour_as_at_its_beginning() -> None:
    steps, size = 5000, 82
    x = torch.tensor([0.0, 1.0]).repeat(steps // 2).unsqueeze(0)
    y = LabelRate(size, 1)(x, steps * size)[0]
    period = 2 * size
    assert torch.equal(y[period : 2 * period], y[-2 * period : -period])


@given(step=numbers, label=numbers, steps=st.integers(2, 12))
def test_lines_between_the_middles_of_steps(step: int, label: int, steps: int) -> None:
    frames = step * steps
    if frames < label:
        return
    middle = (torch.arange(steps) + 0.5) * step
    y = LabelRate(step, label)(middle.unsqueeze(0), frames)[0]
    first = torch.arange(0, frames - label + 1, label)
    inside = (first >= step / 2) & (first + label <= frames - step / 2)
    torch.testing.assert_close(y[inside], (first + label / 2)[inside])


@pytest.mark.parametrize("filling", ["linear", "hold"])
def test_constants_stay_and_labels_as_long_as_steps_change_nothing(filling: Any) -> None:
    x = torch.randn(1, 4, 2, 3, 5)
    torch.testing.assert_close(LabelRate(3, 3, filling="hold")(x, 12), x)
    constant = x[:, :1].expand(-1, 4, -1, -1, -1)
    y = LabelRate(8, 10, filling=filling)(constant, 41)
    torch.testing.assert_close(y, constant)


@pytest.mark.parametrize("filling", ["linear", "hold"])
def test_autocast_and_gradients(filling: Any) -> None:
    x = torch.randn(1, 4, 6, requires_grad=True)
    y = LabelRate(8, 10, filling=filling)(x.bfloat16(), 32)
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).all()


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    assert_compiles_and_exports(LabelRate(8, 10), torch.randn(1, 4, 6), 33)


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="frames_per_step must be at least 1, got 0"):
        LabelRate(0, 10)
    with pytest.raises(ValueError, match="filling must be one of 'linear', 'hold', got 'cubic'"):
        LabelRate(8, 10, filling="cubic")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="num_frames must be at least frames_per_label=10, got 9"):
        LabelRate(8, 10)(torch.zeros(1, 2, 3), 9)
    with pytest.raises(ValueError, match=r"x must be \(batch, step, ...\) with steps, got"):
        LabelRate(8, 10)(torch.zeros(1, 0, 3), 10)
