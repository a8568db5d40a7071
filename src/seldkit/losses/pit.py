r"""Permutation-invariant training over tracks.

A track-wise network may put a sound on any track, so its loss is that of the best assignment of
predicted to target tracks. Every assignment is a sum of pairwise costs, so the pairs are enough:

$$c_{ij} = w_s \operatorname{BCE}(\hat a_i, a_j) + w_d \lVert \hat d_i - d_j \rVert^2 / 3$$

for $M$ tracks $M^2$ costs in place of $M!$ losses.
"""

from functools import partial
from math import inf
from typing import overload

import torch
from torch import Tensor, nn

from seldkit._checks import check_choice, check_number, check_shape
from seldkit._typing import Bool, Int
from seldkit.losses._checks import check_activity, check_outputs, check_tensors
from seldkit.losses._reduce import full_pair, mean, weighted_mean
from seldkit.losses.activity import Alpha, activity_loss, check_focus, shown
from seldkit.losses.direction import DIRECTION_ERRORS, DirectionError, direction_error
from seldkit.losses.distance import DISTANCE_ERRORS, DistanceError, distance_error
from seldkit.losses.spans import Per, check_span
from seldkit.losses.tasks import DistanceTaskLosses, TaskLosses
from seldkit.losses.tracks import match_tracks, place_activity, reorder
from seldkit.outputs import SELDOutput

Selection = tuple[float, float] | tuple[float, float, float]


@overload
def trackwise_pit_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    per: Per = "frame",
    chunk: Int[Tensor, "batch time"] | None = None,
    window: int | None = None,
    selection: Selection = (1.0, 1.0),
    direction: DirectionError = "mse",
    masked: bool = False,
    distance: None = None,
    gamma: float = 0.0,
    alpha: Alpha = None,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> TaskLosses: ...


@overload
def trackwise_pit_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    per: Per = "frame",
    chunk: Int[Tensor, "batch time"] | None = None,
    window: int | None = None,
    selection: Selection = (1.0, 1.0),
    direction: DirectionError = "mse",
    masked: bool = False,
    distance: DistanceError,
    gamma: float = 0.0,
    alpha: Alpha = None,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> DistanceTaskLosses: ...


def trackwise_pit_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    per: Per = "frame",
    chunk: Int[Tensor, "batch time"] | None = None,
    window: int | None = None,
    selection: Selection = (1.0, 1.0),
    direction: DirectionError = "mse",
    masked: bool = False,
    distance: DistanceError | None = None,
    gamma: float = 0.0,
    alpha: Alpha = None,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> TaskLosses | DistanceTaskLosses:
    """Binary cross-entropy and error of the directions under the best assignment of tracks.

    By default the directions of silent tracks are pulled to zero and their activities to nothing,
    as in the published code: no frame is masked.

    Source: Cao et al., "An improved event-independent network for polyphonic sound event
    localization and detection", ICASSP 2021, equations 1 to 3; the sliding window: Diaz-Guerra
    et al., "Position tracking of a varying number of sound sources with sliding permutation
    invariant training", EUSIPCO 2023.

    Args:
        preds: Logits `(batch, time, track, cls)` and directions `(batch, time, track, axis)`, or a
            direction for each class, `(batch, time, track, cls, axis)`.
        target: Activities in 0..1 and directions, same shapes; silent tracks are all zeros.
        per: For what the assignment is chosen: each `"frame"` (tPIT), each `"chunk"` (cPIT), the
            whole `"clip"`, or each frame by the costs in a `"window"` around it (sPIT). A chunk
            spans an event of the target, a class on a track, from its start to its end (active is
            what is above 0); events that overlap share a chunk, and so does what is between two
            chunks. `"stretch"` cuts finer: wherever an active track or class changes. The
            selected loss never rises from clip to chunk to stretch to frame.
        chunk: For `per="chunk"`, number of the chunk that each frame belongs to, any integers, in
            place of the events'; frames of a clip that have the same number share an assignment.
        window: Length of the window in frames, odd; at the ends of a clip less of it is filled.
        selection: Weights of SED, DOA and distance when the assignment is chosen; two weights
            leave the distance out of the choice. They do not scale the losses. The published
            EIN-SELD uses (1, 1), PSELDNets the weights of the total loss.
        direction: `"mse"` and `"l1"` (means over the axes), `"cosine"` (1 - cos) or `"angular"`
            (the angle in radians). A silent place has the cosine 0 and the angle π/2, whatever is
            predicted.
        masked: Leave silent tracks (of class-wise directions: classes) of the target out of the
            DOA loss, which is then the average over the active ones.
        distance: Error of the distances `(batch, time, track)` or `(batch, time, track, cls)`, in
            metres, where they are learned: `"mse"`, `"mae"`, or relative to the target `"mspe"`
            and `"mape"`. Silence has no distance: always averaged over what is active. None
            leaves distances alone.
        gamma: How fast activities that are predicted well lose weight, at least 0: more than 0
            makes the cross-entropy a [`focal_loss`][seldkit.losses.focal_loss], here and where
            the assignment is chosen.
        alpha: Weight in 0..1 of active places in the SED loss, against `1 - alpha` of silent ones;
            a number, or a tensor of one for each class. None leaves both at 1.
        mask: Which frames count, for the loss and for the choice; None for all. The others keep
            their place in a window, and neither begin nor end a chunk.

    Returns:
        The losses of the tasks, averaged over batch, frames, tracks and classes or axes; masked
        ones over active places. 0, with a gradient of zeros, if nothing counts.

    Raises:
        TypeError: If one is no `SELDOutput`, holds integers where only an activity may, the mask
            does not hold booleans, or a setting is no number.
        ValueError: If shapes differ or are wrong, a choice is unknown, distances are missing or
            only on one side, or an argument is given that the others make no use of; on the
            processor, if an activity of the target is not in 0..1.

    Examples:
        >>> activity, direction = torch.eye(2).reshape(1, 1, 2, 2), torch.eye(3)[:2]
        >>> target = SELDOutput(activity, direction.expand(1, 1, 2, 3))
        >>> swapped = SELDOutput(40 * target.activity.flip(2) - 20, target.direction.flip(2))
        >>> trackwise_pit_loss(swapped, target).doa
        tensor(0.)
    """
    _check_settings(per, window, selection, direction, distance)
    _check_inputs(preds, target, per, chunk, distance, mask)
    check_focus(gamma, alpha, preds.activity.shape[-1])
    with torch.autocast(preds.activity.device.type, enabled=False):
        preds, target = full_pair(preds, target, mask)
        check_activity("target.activity", target.activity)
        index = match_tracks(
            preds,
            target,
            per=per,
            chunk=chunk,
            window=window,
            selection=selection,
            direction=direction,
            masked=masked,
            distance=distance,
            gamma=gamma,
            alpha=alpha,
            mask=mask,
        )
        target = reorder(target, index)
        active = place_activity(target)
        sed = activity_loss(preds.activity, target.activity, mask, gamma=gamma, alpha=alpha)
        errors = direction_error(preds.direction, target.direction, direction)
        doa = weighted_mean(errors, active) if masked else mean(errors, mask)
        if distance is None or preds.distance is None or target.distance is None:
            return TaskLosses(sed, doa)
        far = distance_error(preds.distance, target.distance, distance)
        return DistanceTaskLosses(sed, doa, weighted_mean(far, active))


class TrackwisePITLoss(nn.Module):
    """Module form of [`trackwise_pit_loss`][seldkit.losses.trackwise_pit_loss].

    Weights of classes move with the module; they are a setting, so `state_dict` leaves them out.
    """

    alpha: Alpha

    def __init__(
        self,
        *,
        per: Per = "frame",
        window: int | None = None,
        selection: Selection = (1.0, 1.0),
        direction: DirectionError = "mse",
        masked: bool = False,
        distance: DistanceError | None = None,
        gamma: float = 0.0,
        alpha: Alpha = None,
    ) -> None:
        super().__init__()
        _check_settings(per, window, selection, direction, distance)
        check_focus(gamma, alpha)
        self.per: Per = per
        self.window = None if window is None else int(window)
        self.selection: Selection = selection
        self.direction: DirectionError = direction
        self.masked = masked
        self.distance: DistanceError | None = distance
        self.gamma = gamma
        if isinstance(alpha, Tensor):
            self.register_buffer("alpha", alpha.detach().clone(), persistent=False)
        else:
            self.alpha = alpha

    def forward(
        self,
        preds: SELDOutput,
        target: SELDOutput,
        chunk: Int[Tensor, "batch time"] | None = None,
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> TaskLosses | DistanceTaskLosses:
        """Return the losses of the tasks; of distances too if the module was made with them."""
        loss = partial(
            trackwise_pit_loss,
            preds,
            target,
            per=self.per,
            chunk=chunk,
            window=self.window,
            selection=self.selection,
            direction=self.direction,
            masked=self.masked,
            gamma=self.gamma,
            alpha=self.alpha,
            mask=mask,
        )
        return loss() if self.distance is None else loss(distance=self.distance)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        window = "" if self.window is None else f", window={self.window}"
        distance = "" if self.distance is None else f", distance={self.distance!r}"
        focus = (
            f", gamma={self.gamma}, alpha={shown(self.alpha)}"
            if self.gamma or self.alpha is not None
            else ""
        )
        return (
            f"per={self.per!r}{window}, selection={self.selection}, direction={self.direction!r},"
            f" masked={self.masked}{distance}{focus}"
        )


def _check_settings(
    per: Per,
    window: int | None,
    selection: Selection,
    direction: DirectionError,
    distance: DistanceError | None,
) -> None:
    check_span(per, window)
    check_choice("direction", direction, DIRECTION_ERRORS)
    check_choice("distance", distance, (None, *DISTANCE_ERRORS))
    check_number(**{f"selection[{i}]": weight for i, weight in enumerate(selection)})
    known = len(selection) in ((2,) if distance is None else (2, 3))
    if not (known and all(0 <= weight < inf for weight in selection)):
        tasks = "SED and DOA" if distance is None else "SED, DOA and, if it takes part, distance"
        raise ValueError(f"selection must be weights of {tasks}, at least 0, got {selection}")


def _check_inputs(
    preds: SELDOutput,
    target: SELDOutput,
    per: Per,
    chunk: Tensor | None,
    distance: DistanceError | None,
    mask: Tensor | None,
) -> None:
    activity = "batch time track cls"
    by_class = isinstance(preds, SELDOutput) and preds.direction.ndim == 5
    places = activity if by_class else "batch time track"
    loss = "trackwise_pit_loss"
    check_outputs(loss, preds, target, activity, places, distance=distance, mask=mask)
    if chunk is not None:
        if per != "chunk":
            raise ValueError(f"chunk needs per='chunk', got per={per!r}")
        check_tensors(loss, chunk=chunk)
        batch, time = preds.activity.shape[:2]
        check_shape("chunk", chunk, "batch time", batch=batch, time=time)
        if chunk.is_floating_point() or chunk.dtype == torch.bool:
            raise TypeError(f"chunk must hold integers, got {chunk.dtype}")
