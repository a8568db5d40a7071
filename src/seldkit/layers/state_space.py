"""The scan of a selective state space: a recurrence whose decay is one number a head and frame."""

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_count, check_shape
from seldkit._typing import Float

_GROUP = 64
"""So many chunks are joined by one matrix; more are joined group by group."""


def state_space_scan(
    x: Float[Tensor, "batch time head channel"],
    log_decay: Float[Tensor, "batch time head"],
    write: Float[Tensor, "batch time state"],
    read: Float[Tensor, "batch time state"],
    *,
    start: Float[Tensor, "batch head channel state"] | None = None,
    chunk: int = 64,
) -> tuple[Float[Tensor, "batch time head channel"], Float[Tensor, "batch head channel state"]]:
    r"""Return what is read of a state that decays and is written to, frame after frame.

    For each head, with the input $x_t$, the logarithm of the decay $a_t \le 0$, and what all heads
    share, $b_t$ to write and $c_t$ to read,

    $$S_t = e^{a_t} S_{t-1} + x_t b_t^\top, \qquad y_t = S_t\, c_t.$$

    Within a chunk it is a masked product of matrices, as attention without a softmax; between
    chunks the states are carried on. So the work grows with the number of frames, and no loop runs
    over them. What is computed is the recurrence itself, up to rounding: decays are sums within a
    chunk, never differences of large sums, and no frame sees a later one.

    Args:
        x: What is written.
        log_decay: Logarithms of the decays, at most 0.
        write: Where it is written.
        read: Where is read.
        start: The state before the first frame; zeros if None.
        chunk: Frames of a chunk; it changes the speed alone.

    Returns:
        What was read at each frame, and the state behind the last one.

    Raises:
        ValueError: If the shapes do not suit each other, or `chunk` is below 1.

    Source: Dao and Gu, "Transformers are SSMs: generalized models and efficient algorithms through
    structured state space duality", ICML 2024, section 6 and listing 1.

    Examples:
        >>> x = torch.tensor([1.0, 0.0, 0.0, 2.0]).reshape(1, 4, 1, 1)
        >>> half, one = torch.full((1, 4, 1), 0.5).log(), torch.ones(1, 4, 1)
        >>> y, last = state_space_scan(x, half, one, one, chunk=2)
        >>> y.flatten().tolist(), last.item()
        ([1.0, 0.5, 0.25, 2.125], 2.125)
    """
    check_count(chunk=chunk)
    check_shape("x", x, "batch time head channel")
    batch, time, heads, channels = x.shape
    check_shape("log_decay", log_decay, "batch time head", batch=batch, time=time, head=heads)
    check_shape("write", write, "batch time state", batch=batch, time=time)
    states = write.shape[2]
    check_shape("read", read, "batch time state", batch=batch, time=time, state=states)
    if start is None:
        start = x.new_zeros(batch, heads, channels, states)
    else:
        sizes = {"batch": batch, "head": heads, "channel": channels, "state": states}
        check_shape("start", start, "batch head channel state", **sizes)
    parts = (time + chunk - 1) // chunk
    if not isinstance(time, int):  # a length to be exported: one part would be another program
        parts = parts + 1
    more = parts * chunk - time  # silent frames without decay, which leave the state as it is
    x, log_decay, write, read = (
        functional.pad(part, (0, 0) * (part.ndim - 2) + (0, more)).unflatten(1, (parts, chunk))
        for part in (x, log_decay, write, read)
    )
    x, log_decay = x.transpose(2, 3), log_decay.transpose(2, 3)  # batch part head frame ...
    decay = _decay_between(log_decay)
    weights = decay * (read @ write.mT).unsqueeze(2)
    within = weights @ x
    written = (x * decay[..., -1, :, None]).mT @ write.unsqueeze(2)
    states_at_ends = _recurrence(
        functional.pad(log_decay.sum(dim=3), (0, 0, 1, 0)).transpose(1, 2),
        torch.cat((start.unsqueeze(1), written), dim=1).transpose(1, 2).flatten(3),
    ).unflatten(3, (channels, states))
    before = states_at_ends[:, :, :-1].transpose(1, 2)
    carried = log_decay.cumsum(dim=3).exp().unsqueeze(4) * (read.unsqueeze(2) @ before.mT)
    y = (within + carried).transpose(2, 3).flatten(1, 2)
    return y[:, :time], states_at_ends[:, :, -1].clone()


def _decay_between(log_decay: Float[Tensor, "*axes time"]) -> Float[Tensor, "*axes time earlier"]:
    """Return how much of what an earlier frame wrote is left at each frame; 0 of later ones."""
    time = log_decay.shape[-1]
    ones = torch.ones(time, time, dtype=torch.bool, device=log_decay.device)
    steps = log_decay.unsqueeze(-1).masked_fill(ones.triu(), 0.0)
    return steps.cumsum(dim=-2).masked_fill(ones.triu(1), -torch.inf).exp()


def _recurrence(
    log_decay: Float[Tensor, "batch head time"], update: Float[Tensor, "batch head time entry"]
) -> Float[Tensor, "batch head time entry"]:
    """Return states that decay and are added to, by groups, and groups of groups if there are many.

    What is exported has any length, so all of it is one group there.
    """
    time = log_decay.shape[2]
    if torch.compiler.is_exporting() or time <= _GROUP:
        return _decay_between(log_decay) @ update
    more = -time % _GROUP
    log_decay = functional.pad(log_decay, (0, more)).unflatten(2, (-1, _GROUP))
    update = functional.pad(update, (0, 0, 0, more)).unflatten(2, (-1, _GROUP))
    inside = _decay_between(log_decay) @ update
    ends = _recurrence(log_decay.sum(dim=3), inside[:, :, :, -1])
    before = functional.pad(ends, (0, 0, 1, 0))[:, :, :-1].unsqueeze(3)
    states = inside + log_decay.cumsum(dim=3).exp().unsqueeze(4) * before
    return states.flatten(2, 3)[:, :, :time]
