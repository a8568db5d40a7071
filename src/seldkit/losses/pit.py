r"""Permutation-invariant training over tracks.

A track-wise network may put a sound on any track, so its loss is that of the best assignment of
predicted to target tracks. Every assignment is a sum of pairwise costs, so the pairs are enough:

$$c_{ij} = w_s \operatorname{BCE}(\hat a_i, a_j) + w_d \lVert \hat d_i - d_j \rVert^2 / 3$$

for $M$ tracks $M^2$ costs in place of $M!$ losses.
"""

from functools import partial
from typing import overload

import torch
from torch import Tensor

from seldkit._typing import Bool, Int
from seldkit.losses._checks import check_activity
from seldkit.losses._reduce import full_pair, weighted_mean
from seldkit.losses.activity import Alpha, FocusedLoss, activity_loss, check_focus
from seldkit.losses.direction import DirectionError, direction_error, mean_of_places
from seldkit.losses.distance import DistanceError, distance_error
from seldkit.losses.spans import Per
from seldkit.losses.tasks import DistanceTaskLosses, TaskLosses
from seldkit.losses.tracks import (
    Selection,
    cheapest_tracks,
    check_inputs,
    check_settings,
    place_activity,
    reorder,
)
from seldkit.outputs import SELDOutput


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
    inactive_weight: float = 1.0,
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
    inactive_weight: float = 1.0,
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
    inactive_weight: float = 1.0,
    distance: DistanceError | None = None,
    gamma: float = 0.0,
    alpha: Alpha = None,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> TaskLosses | DistanceTaskLosses:
    """Binary cross-entropy and error of the directions under the best assignment of tracks.

    By default the directions of silent tracks are pulled to zero and their activities to nothing,
    as in the published code. For a loss of your own take the parts it is made of,
    [`match_tracks`][seldkit.losses.match_tracks] and [`reorder`][seldkit.losses.reorder].

    Source: Cao et al., "An improved event-independent network for polyphonic sound event
    localization and detection", ICASSP 2021, equations 1 to 3; the sliding window: Diaz-Guerra
    et al., "Position tracking of a varying number of sound sources with sliding permutation
    invariant training", EUSIPCO 2023.

    Args:
        preds: Logits `(batch, time, track, cls)` and directions `(batch, time, track, axis)`, or a
            direction for each class, `(batch, time, track, cls, axis)`.
        target: Activities in 0..1 and directions, same shapes; silent tracks are all zeros. Labels
            are smoothed after the assignment (see
            [`match_tracks`][seldkit.losses.match_tracks]), not before: what is above 0 is active
            here, so no event would end, and silent places would weigh as much as they are smoothed.
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
        inactive_weight: Weight of silent tracks (of class-wise directions: classes) in the DOA
            loss, in 0..1: 1 takes the plain mean, 0 leaves them out.
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
        The losses of the tasks, averaged over batch, frames, tracks and classes or axes, with
        the weights of places. 0, with a gradient of zeros, if nothing counts.

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
    check_settings(per, window, selection, direction, inactive_weight, distance)
    check_inputs("trackwise_pit_loss", preds, target, per, chunk, distance, mask)
    check_focus(gamma, alpha, preds.activity.shape[-1])
    with torch.autocast(preds.activity.device.type, enabled=False):
        preds, target = full_pair(preds, target, mask)
        check_activity("target.activity", target.activity)
        index = cheapest_tracks(
            preds,
            target,
            per=per,
            chunk=chunk,
            window=window,
            selection=selection,
            direction=direction,
            inactive_weight=inactive_weight,
            distance=distance,
            gamma=gamma,
            alpha=alpha,
            mask=mask,
        )
        target = reorder(target, index)
        active = place_activity(target)
        sed = activity_loss(preds.activity, target.activity, mask, gamma=gamma, alpha=alpha)
        errors = direction_error(preds.direction, target.direction, direction)
        doa = mean_of_places(errors, active, inactive_weight, mask)
        if distance is None or preds.distance is None or target.distance is None:
            return TaskLosses(sed, doa)
        far = distance_error(preds.distance, target.distance, distance)
        return DistanceTaskLosses(sed, doa, weighted_mean(far, active))


class TrackwisePITLoss(FocusedLoss):
    """Module form of [`trackwise_pit_loss`][seldkit.losses.trackwise_pit_loss]."""

    def __init__(
        self,
        *,
        per: Per = "frame",
        window: int | None = None,
        selection: Selection = (1.0, 1.0),
        direction: DirectionError = "mse",
        inactive_weight: float = 1.0,
        distance: DistanceError | None = None,
        gamma: float = 0.0,
        alpha: Alpha = None,
    ) -> None:
        super().__init__(gamma, alpha)
        check_settings(per, window, selection, direction, inactive_weight, distance)
        self.per: Per = per
        self.window = None if window is None else int(window)
        self.selection: Selection = selection
        self.direction: DirectionError = direction
        self.inactive_weight = inactive_weight
        self.distance: DistanceError | None = distance

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
            inactive_weight=self.inactive_weight,
            gamma=self.gamma,
            alpha=self.alpha,
            mask=mask,
        )
        return loss() if self.distance is None else loss(distance=self.distance)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        window = "" if self.window is None else f", window={self.window}"
        distance = "" if self.distance is None else f", distance={self.distance!r}"
        return (
            f"per={self.per!r}{window}, selection={self.selection}, direction={self.direction!r},"
            f" inactive_weight={self.inactive_weight}{distance}, {self.shown_focus()}"
        )
