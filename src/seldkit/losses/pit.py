r"""Permutation-invariant training over tracks.

A track-wise network may put a sound on any track, so its loss is that of the best assignment of
predicted to target tracks. Every assignment is a sum of pairwise costs, so the pairs are enough:

$$c_{ij} = w_s \operatorname{BCE}(\hat a_i, a_j) + w_d \lVert \hat d_i - d_j \rVert^2 / 3$$

for $M$ tracks $M^2$ costs in place of $M!$ losses.
"""

from typing import Unpack, overload

from torch import Tensor

from seldkit._typing import Bool, Int
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import full_pair, own_precision
from seldkit.losses.activity import Alpha, check_focus
from seldkit.losses.class_wise import Options
from seldkit.losses.direction import DirectionError
from seldkit.losses.distance import DistanceError
from seldkit.losses.spans import Per, Span
from seldkit.losses.tasks import DistanceTaskLosses, TaskLosses, Terms, task_losses
from seldkit.losses.tracks import Selection, check_matching, check_settings, in_best_order
from seldkit.outputs import SELDOutput


class TrackOptions(Options, total=False):
    """The same, and what says which tracks are held against each other."""

    per: Per
    chunk: Int[Tensor, "batch time"] | None
    window: int | None
    selection: Selection


@overload
def trackwise_pit_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    distance: None = None,
    **options: Unpack[TrackOptions],
) -> TaskLosses: ...


@overload
def trackwise_pit_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    distance: DistanceError,
    **options: Unpack[TrackOptions],
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
        >>> import torch
        >>> activity, direction = torch.eye(2).reshape(1, 1, 2, 2), torch.eye(3)[:2]
        >>> target = SELDOutput(activity, direction.expand(1, 1, 2, 3))
        >>> swapped = SELDOutput(40 * target.activity.flip(2) - 20, target.direction.flip(2))
        >>> trackwise_pit_loss(swapped, target).doa
        tensor(0.)
    """
    span = Span(per, chunk, window)
    terms = Terms(direction, inactive_weight, distance, gamma, alpha)
    check_matching("trackwise_pit_loss", preds, target, span, selection, terms, mask)
    with own_precision(preds.activity):
        preds, target = full_pair(preds, target, mask)
        target = in_best_order(preds, target, span, selection, terms, mask)
        return task_losses(preds, target, terms, mask)


class TrackwisePITLoss(LossModule):
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
        terms = Terms(direction, inactive_weight, distance, gamma, alpha)
        check_focus(gamma, alpha)
        check_settings(Span(per, None, window), selection, terms)
        window = None if window is None else int(window)
        super().__init__(per=per, window=window, selection=selection, **terms._asdict())

    def forward(
        self,
        preds: SELDOutput,
        target: SELDOutput,
        chunk: Int[Tensor, "batch time"] | None = None,
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> TaskLosses | DistanceTaskLosses:
        """Return the losses of the tasks; of distances too if the module was made with them."""
        settings = self._settings()
        losses: TaskLosses | DistanceTaskLosses
        losses = trackwise_pit_loss(preds, target, chunk=chunk, mask=mask, **settings)
        return losses
