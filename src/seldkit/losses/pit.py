r"""Permutation-invariant training over tracks.

A track-wise network may put a sound on any track, so its loss is that of the best assignment of
predicted to target tracks. Every assignment is a sum of pairwise costs, so the pairs are enough:

$$c_{ij} = w_s \operatorname{BCE}(\hat a_i, a_j) + w_d \lVert \hat d_i - d_j \rVert^2 / 3$$

for $M$ tracks $M^2$ costs in place of $M!$ losses.
"""

from functools import partial
from typing import overload

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_choice, check_shape
from seldkit._typing import Float, Int
from seldkit.assignment import cheapest_matching
from seldkit.losses._checks import check_outputs
from seldkit.losses._reduce import full_pair
from seldkit.losses._terms import Term
from seldkit.losses.activity import check_focus, focal_loss
from seldkit.losses.direction import DIRECTION_ERRORS, DirectionError, direction_error
from seldkit.losses.distance import DISTANCE_ERRORS, DistanceError, distance_error
from seldkit.losses.spans import Per, check_span, span_cost
from seldkit.losses.tasks import DistanceTaskLosses, TaskLosses
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
    alpha: float | None = None,
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
    alpha: float | None = None,
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
    alpha: float | None = None,
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
            whole `"clip"`, or each frame by the costs in a `"window"` around it (sPIT). The
            selected loss of a clip is never below that of its chunks, nor that below its frames'.
        chunk: Number of the chunk that each frame belongs to, any integers; frames of a clip that
            have the same number share an assignment. By default a chunk is a stretch of frames in
            which the target's active tracks and classes do not change.
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
            None leaves both at 1.

    Returns:
        The losses of the tasks, averaged over batch, frames, tracks and classes or axes; masked
        ones over active places, and 0, with a gradient of zeros, if there are none.

    Raises:
        ValueError: If shapes differ or are wrong, a choice is unknown, distances are missing, or
            an argument is given that the others make no use of.

    Examples:
        >>> activity, direction = torch.eye(2).reshape(1, 1, 2, 2), torch.eye(3)[:2]
        >>> target = SELDOutput(activity, direction.expand(1, 1, 2, 3))
        >>> swapped = SELDOutput(40 * target.activity.flip(2) - 20, target.direction.flip(2))
        >>> trackwise_pit_loss(swapped, target).doa
        tensor(0.)
    """
    _check_settings(per, window, selection, direction, distance)
    check_focus(gamma, alpha)
    _check_inputs(preds, target, per, chunk, distance)
    with torch.autocast(preds.activity.device.type, enabled=False):
        preds, target = full_pair(preds, target)
        sed = _pairwise_activity(preds.activity, target.activity, gamma, alpha)
        terms = _terms(preds, target, direction, masked, distance)
        with torch.no_grad():
            costs = [sed, *(term.pairwise() for term in terms[: len(selection) - 1])]
            cost = torch.stack([w * c for w, c in zip(selection, costs, strict=True)]).sum(dim=0)
            cost = span_cost(cost, target.activity, per=per, chunk=chunk, window=window)
            index = cheapest_matching(cost).expand(sed.shape[:-1]).unsqueeze(-1)
        losses = [sed.gather(-1, index).mean(), *(term.matched(index) for term in terms)]
    return TaskLosses(*losses) if distance is None else DistanceTaskLosses(*losses)


class TrackwisePITLoss(nn.Module):
    """Module form of [`trackwise_pit_loss`][seldkit.losses.trackwise_pit_loss]."""

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
        alpha: float | None = None,
    ) -> None:
        super().__init__()
        _check_settings(per, window, selection, direction, distance)
        check_focus(gamma, alpha)
        self.per: Per = per
        self.window = window
        self.selection: Selection = selection
        self.direction: DirectionError = direction
        self.masked = masked
        self.distance: DistanceError | None = distance
        self.gamma, self.alpha = gamma, alpha

    def forward(
        self,
        preds: SELDOutput,
        target: SELDOutput,
        chunk: Int[Tensor, "batch time"] | None = None,
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
        )
        return loss() if self.distance is None else loss(distance=self.distance)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        window = "" if self.window is None else f", window={self.window}"
        distance = "" if self.distance is None else f", distance={self.distance!r}"
        focus = (
            f", gamma={self.gamma}, alpha={self.alpha}"
            if self.gamma or self.alpha is not None
            else ""
        )
        return (
            f"per={self.per!r}{window}, selection={self.selection}, direction={self.direction!r},"
            f" masked={self.masked}{distance}{focus}"
        )


def _terms(
    preds: SELDOutput,
    target: SELDOutput,
    direction: DirectionError,
    masked: bool,
    distance: DistanceError | None,
) -> list[Term]:
    by_class = preds.direction.ndim == 5
    # A direction of the whole track is that of one class: of anything that is active.
    active = target.activity if by_class else target.activity.amax(dim=-1, keepdim=True)
    weight = active if masked else torch.full_like(active, 1 / active.shape[-1])

    def places(x: Tensor) -> Tensor:
        return x if by_class else x.unsqueeze(3)

    error = partial(direction_error, error=direction)
    terms = [Term(places(preds.direction), places(target.direction), weight, error)]
    if distance is not None and preds.distance is not None and target.distance is not None:
        far = partial(distance_error, error=distance)
        terms.append(Term(places(preds.distance), places(target.distance), active, far))
    return terms


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
    if len(selection) not in ((2,) if distance is None else (2, 3)) or min(selection) < 0:
        tasks = "SED and DOA" if distance is None else "SED, DOA and, if it takes part, distance"
        raise ValueError(f"selection must be weights of {tasks}, at least 0, got {selection}")


def _check_inputs(
    preds: SELDOutput,
    target: SELDOutput,
    per: Per,
    chunk: Tensor | None,
    distance: DistanceError | None,
) -> None:
    places = "batch time track cls" if preds.direction.ndim == 5 else "batch time track"
    check_outputs(preds, target, "batch time track cls", places, distance=distance)
    if chunk is not None:
        if per != "chunk":
            raise ValueError(f"chunk needs per='chunk', got per={per!r}")
        batch, time = preds.activity.shape[:2]
        check_shape("chunk", chunk, "batch time", batch=batch, time=time)


def _pairwise_activity(
    logits: Float[Tensor, "batch time track cls"],
    target: Float[Tensor, "batch time track cls"],
    gamma: float,
    alpha: float | None,
) -> Float[Tensor, "batch time track track"]:
    if gamma == 0 and alpha is None:
        # BCE(x, y) = softplus(x) - x y, and only the second term knows both tracks.
        alone = functional.softplus(logits).mean(dim=-1, keepdim=True)
        return alone - logits @ target.mT / logits.shape[-1]
    pairs = torch.broadcast_tensors(logits.unsqueeze(3), target.unsqueeze(2))
    return focal_loss(*pairs, gamma=gamma, alpha=alpha, reduction="none").mean(dim=-1)
