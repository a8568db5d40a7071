"""The scan by chunks is the recurrence: in any chunks, from any state, for any length."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from seldkit.layers import state_space_scan
from transforms import assert_compiles_and_exports


def inputs(time: int, batch: int = 2, heads: int = 3) -> list[Tensor]:
    """Return what is written, log decays of which some are strong, and where to write and read."""
    x, decay, write, read = (
        torch.randn(batch, time, *shape, dtype=torch.float64)
        for shape in ((heads, 2), (heads,), (4,), (4,))
    )
    return [x, -3 * decay.square(), write, read]


def recurrence(
    x: Tensor, log_decay: Tensor, write: Tensor, read: Tensor, *, start: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what the formula says, frame after frame."""
    made, state = [], start
    for t in range(x.shape[1]):
        written = x[:, t, :, :, None] * write[:, t, None, None]
        state = log_decay[:, t, :, None, None].exp() * state + written
        made.append((state * read[:, t, None, None]).sum(dim=3))
    return torch.stack(made, dim=1), state


@settings(max_examples=40)
@given(st.integers(1, 150), st.integers(1, 70), st.booleans())
def test_any_chunks_make_the_recurrence(time: int, chunk: int, begun: bool) -> None:
    given_ones = inputs(time)
    kept = [x.clone() for x in given_ones]
    start = torch.randn(2, 3, 2, 4, dtype=torch.float64) * begun
    y, last = state_space_scan(*given_ones, start=start if begun else None, chunk=chunk)
    wanted, state = recurrence(*given_ones, start=start)
    torch.testing.assert_close(y, wanted, rtol=0, atol=1e-10)
    torch.testing.assert_close(last, state, rtol=0, atol=1e-10)
    assert all(torch.equal(x, y) for x, y in zip(given_ones, kept, strict=True))


@settings(max_examples=20)
@given(st.integers(2, 90), st.data())
def test_no_frame_sees_a_later_one(time: int, data: st.DataObject) -> None:
    frame = data.draw(st.integers(1, time - 1))
    before, after = inputs(time), inputs(time)
    mixed = [
        torch.cat((a[:, :frame], b[:, frame:]), dim=1) for a, b in zip(before, after, strict=True)
    ]
    (y, _), (changed, _) = (state_space_scan(*x, chunk=16) for x in (before, mixed))
    assert torch.equal(y[:, :frame], changed[:, :frame])


def test_many_chunks_are_joined_by_groups() -> None:
    given_ones = inputs(9000, batch=1, heads=1)  # of two frames: more than 64 groups of 64 chunks
    y, last = state_space_scan(*given_ones, chunk=2)
    wanted, state = state_space_scan(*given_ones, chunk=500)
    torch.testing.assert_close(y, wanted, rtol=0, atol=1e-10)
    torch.testing.assert_close(last, state, rtol=0, atol=1e-10)


def test_a_state_is_kept_and_forgotten() -> None:
    x, _, write, read = inputs(40, batch=1)
    kept, _ = state_space_scan(x, torch.zeros(1, 40, 3).double(), write, read, chunk=8)
    summed = (x.unsqueeze(4) * write[:, :, None, None]).cumsum(dim=1)
    torch.testing.assert_close(kept, (summed * read[:, :, None, None]).sum(dim=4))
    gone, _ = state_space_scan(x, torch.full((1, 40, 3), -1e4).double(), write, read, chunk=8)
    torch.testing.assert_close(gone, x * (write * read).sum(dim=2)[:, :, None, None])


def test_work_grows_with_the_number_of_frames() -> None:
    def work(time: int) -> int:
        with FlopCounterMode(display=False) as counter:
            state_space_scan(*inputs(time, batch=1, heads=1))
        return int(counter.get_total_flops())

    assert work(40 * 1024) < 4.05 * work(10 * 1024)


def test_gradients() -> None:
    tensors = [x.requires_grad_() for x in inputs(5, batch=1, heads=2)]
    assert torch.autograd.gradcheck(lambda *x: state_space_scan(*x, chunk=2), tensors)


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    class Scan(torch.nn.Module):
        def forward(self, *tensors: Tensor) -> Any:
            return state_space_scan(*tensors, chunk=4)

    assert_compiles_and_exports(Scan(), *inputs(11))


@pytest.mark.messages
def test_messages() -> None:
    x, log_decay, write, read = inputs(5)
    with pytest.raises(ValueError, match="chunk must be at least 1, got 0"):
        state_space_scan(x, log_decay, write, read, chunk=0)
    with pytest.raises(ValueError, match=r"x must be \(batch, time, head, channel\), got"):
        state_space_scan(x[0], log_decay, write, read)
    with pytest.raises(ValueError, match=r"log_decay must be \(batch=2, time=5, head=3\), got"):
        state_space_scan(x, log_decay[:, 1:], write, read)
    with pytest.raises(ValueError, match=r"read must be \(batch=2, time=5, state=4\), got"):
        state_space_scan(x, log_decay, write, read[..., 1:])
    with pytest.raises(ValueError, match=r"start must be \(batch=2, head=3, channel=2, state=4\)"):
        state_space_scan(x, log_decay, write, read, start=torch.zeros(1, 3, 2, 4))
