"""Permutation-invariant training of tracks that also say whether they hold an event."""

from typing import Literal

from torch import Tensor

from seldkit._checks import check_floating, check_literal, check_shape, check_weight
from seldkit._typing import Bool, Float
from seldkit.losses._checks import check_same_device, check_tensors
from seldkit.losses._module import LossModule
from seldkit.losses._order import moved
from seldkit.losses._reduce import blank, full_pair, own_precision
from seldkit.losses.activity import activity_loss
from seldkit.losses.direction import DirectionError
from seldkit.losses.spans import Span
from seldkit.losses.tasks import EventTaskLosses, Terms, task_losses
from seldkit.losses.tracks import cheapest_tracks, check_matching, check_settings
from seldkit.outputs import SELDOutput

Weights = tuple[float, float, float]
EventPer = Literal["frame", "chunk", "stretch", "clip"]


def event_pit_loss(
    preds: SELDOutput,
    event: Float[Tensor, "batch time track"],
    target: SELDOutput,
    *,
    per: EventPer = "frame",
    selection: Weights = (1.0, 1.0, 1.0),
    direction: DirectionError = "mse",
    inactive_weight: float = 0.0,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> EventTaskLosses:
    r"""Losses of classes, directions and events under one assignment of tracks for all three.

    The assignment is that of the smallest sum

    $$c_{ij} = w_s \operatorname{BCE}(\hat a_i, a_j) + w_d \lVert \hat d_i - d_j \rVert^2 / 3
    + w_e \operatorname{BCE}(\hat e_i, e_j),$$

    where a track of the target holds an event, $e_j = 1$, if any class is active on it.

    Source: the three predictions and the training by frames (tPIT) are of Cao et al.,
    "Event-independent network for polyphonic sound event localization and detection", DCASE
    Workshop 2020, as its abstract says them. That one assignment serves all three, that the costs
    are these, and that directions of silent tracks are left out, is our reading.

    Args:
        preds: Class logits `(batch, time, track, cls)` and directions `(batch, time, track, axis)`.
        event: Logits of whether each track holds an event.
        target: Activities in 0..1 and directions, as for
            [`trackwise_pit_loss`][seldkit.losses.trackwise_pit_loss].
        per: For what the assignment is chosen: `"frame"`, `"chunk"`, `"stretch"` or `"clip"`, see
            there.
        selection: Weights of SED, DOA and events when the assignment is chosen. They do not scale
            the losses.
        direction: Error of the directions, see there.
        inactive_weight: Weight of silent tracks in the DOA loss, in 0..1.
        mask: Which frames count, for the losses and for the choice; None for all.

    Returns:
        The losses, each averaged over batch, frames and tracks, and over classes or axes.

    Raises:
        TypeError: If one is no output or tensor of floats, or a setting is no number.
        ValueError: If shapes differ or are wrong, or a choice is unknown.

    Examples:
        >>> import torch
        >>> activity, direction = torch.eye(2).reshape(1, 1, 2, 2), torch.eye(3)[:2]
        >>> activity[0, 0, 1] = 0  # the second track is silent
        >>> target = SELDOutput(activity, direction.expand(1, 1, 2, 3) * activity.amax(3, True))
        >>> silent = SELDOutput(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 3))
        >>> right = event_pit_loss(silent, torch.tensor([[[20.0, -20.0]]]), target)
        >>> swapped = event_pit_loss(silent, torch.tensor([[[-20.0, 20.0]]]), target)
        >>> float(right.event) < 1e-6, right.event == swapped.event
        (True, tensor(True))
    """
    span, terms = Span(per, None, None), Terms(direction, inactive_weight, None)
    _check_own(per, selection)
    check_matching("event_pit_loss", preds, target, span, selection[:2], terms, mask)
    check_tensors("event_pit_loss", event=event)
    batch, time, tracks = preds.activity.shape[:3]
    check_shape("event", event, "batch time track", batch=batch, time=time, track=tracks)
    check_floating(event=event)
    check_same_device(event=event, **{"preds.activity": preds.activity})
    with own_precision(preds.activity):
        preds, target = full_pair(preds, target, mask)
        event = blank(event.to(preds.activity.dtype), mask)
        # Of the cross-entropy, what a track costs alone settles no choice: the products remain.
        cost = -selection[2] * event.detach().unsqueeze(3) * _present(target).unsqueeze(2)
        index = cheapest_tracks(preds, target, span, selection[:2], terms, mask, cost)
        target = moved(target, index)
        losses = task_losses(preds, target, terms, mask)
        return EventTaskLosses(losses.sed, losses.doa, activity_loss(event, _present(target), mask))


class EventPITLoss(LossModule):
    """Module form of [`event_pit_loss`][seldkit.losses.event_pit_loss]."""

    def __init__(
        self,
        *,
        per: EventPer = "frame",
        selection: Weights = (1.0, 1.0, 1.0),
        direction: DirectionError = "mse",
        inactive_weight: float = 0.0,
    ) -> None:
        _check_own(per, selection)
        terms = Terms(direction, inactive_weight, None)
        check_settings(Span(per, None, None), selection[:2], terms)
        super().__init__(
            per=per, selection=selection, direction=direction, inactive_weight=inactive_weight
        )

    def forward(
        self,
        preds: SELDOutput,
        event: Float[Tensor, "batch time track"],
        target: SELDOutput,
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> EventTaskLosses:
        """Return the losses of the tasks."""
        return event_pit_loss(preds, event, target, mask=mask, **self._settings())


def _present(target: SELDOutput) -> Float[Tensor, "batch time track"]:
    """Return whether each track holds an event."""
    return target.activity.amax(dim=-1)


def _check_own(per: str, selection: Weights) -> None:
    """Raise unless there are three weights; the first two are checked with all else."""
    check_literal("per", per, EventPer)
    if len(selection) != 3:
        raise ValueError(f"selection must be weights of SED, DOA and events, got {selection}")
    check_weight(**{"selection[2]": selection[2]})
