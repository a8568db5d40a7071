r"""What a tracker's scores would be, as losses: dMOTP and dMOTA.

A table $A$ says in every frame how much each predicted track belongs to each track of the target.
Whoever makes the table, distances and missed, false and exchanged tracks are sums over it.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple, TypeAlias, get_args

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_choice, check_number, check_shape
from seldkit._typing import Bool, Float
from seldkit.assignment import exact_assignment
from seldkit.losses._checks import check_outputs
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import blank, full_pair, own_precision
from seldkit.losses.activity import activity_loss
from seldkit.losses.tasks import place_activity
from seldkit.outputs import SELDOutput

Form = Literal["mended", "published"]
FORMS: tuple[Form, ...] = get_args(Form)
Assign: TypeAlias = Callable[[Tensor], Tensor]

ABSENT = 10.0
"""Each coordinate of what is not there, farther from the unit sphere than all of it is wide."""

SHORTEST = 0.1
"""A vector that is shorter is not brought to length 1, so that no slope is steeper than ten."""

nearest = partial(exact_assignment, limit=4.0)
"""The exact assignment of unit vectors, 2 apart at most, that leaves alone what is absent."""


class MOTLosses(NamedTuple):
    """Differentiable scores of tracking, and the loss of the activity.

    Attributes:
        motp: Distance of unit vectors that belong to each other, lower is better; a scalar.
        mota: Missed, false and exchanged tracks, 0 where there are none; a scalar.
        activity: Binary cross-entropy of whether a predicted track has a partner; a scalar.
    """

    motp: Tensor
    mota: Tensor
    activity: Tensor


def dmot_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    assign: Assign = nearest,
    form: Form = "mended",
    gate: float = 0.5,
    switch_weight: float = 1.0,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> MOTLosses:
    r"""Differentiable CLEAR-MOT scores of tracks of directions.

    With the distances $D$ of predicted to target tracks in a frame and the table $A$ made of them,
    where weights up to the gate are 0,

    $$\text{motp} = \frac{\sum_t \sum_{ij} D A}{\sum_t \sum_{ij} A}, \qquad
    \text{mota} = \frac{\sum_t |M - N| + w S}{\sum_t N}.$$

    $M = \sum_i \max_j A_{ij}$ predicted tracks have a partner, $N$ are there, and
    $S = \sum_j (\sum_i A_{ij} \sum_i A'_{ij} - \sum_i A_{ij} A'_{ij})$, with the table $A'$ of the
    frame before, counts target tracks that changed their partner. What begins changes nothing, nor
    does the first frame of a clip. Directions are brought to length 1 first; one that is shorter
    than 0.1 to ten times its length, so that the slope stays in bounds.

    The published code, `form="published"`, differs in four places. We take them for oversights: the
    scores that it is named after have none of them, and the plain mean stands in a comment there.

    - its motp has a factor $\sum_{ij} A$ more in the numerator, so that frames with two sources
      weigh four times as much as those with one;
    - its mota is divided by $\sum_t M$, what is found, not by what is there as in MOTA: a network
      lowers it by finding more;
    - its $S = \sum_{ij} A (1 - A')$ counts every beginning of a track as an exchange, and clips of
      a batch follow one another as if they were one;
    - a track that belongs to an absent one counts for motp, with a distance of about 17, and as
      active.

    Source: Adavanne et al., "Differentiable tracking-based training of deep learning sound source
    localizers", WASPAA 2021; the published form as its code and that of Neural-SRP (Grinstein et
    al., IEEE OJSP 2024). They add 50 motp + mota + 10 activity:
    `FixedWeights(sed=None, doa=None, motp=50, mota=1, activity=10)`.

    Args:
        preds: Logits `(batch, time, track, cls=1)` of whether a track is active, and directions
            `(batch, time, track, axis)` of any length.
        target: Activities in 0..1 (active is what is above 0) and directions, same shapes.
        assign: From distances `(batch, time, row, col)`, of prediction and target, to weights in
            0..1 of the same shape. Absent tracks of the target are (10, 10, 10). The default is
            [`exact_assignment`][seldkit.assignment.exact_assignment] with a limit of 4;
            [`sinkhorn_assignment`][seldkit.assignment.sinkhorn_assignment] with a limit, or
            [`HungarianNet.associate`][seldkit.layers.HungarianNet] take its place. Only where
            weights have a gradient has mota one.
        form: `"mended"` as above, or `"published"`.
        gate: Weights that are not above it become 0.
        switch_weight: $w$, of an exchange, at least 0.
        mask: Which frames count; None for all. An exchange is one to the last frame that counts.

    Returns:
        Three scalars. 0, with a gradient of zeros, where nothing has a weight. (The activity of an
        empty batch is nan.)

    Raises:
        TypeError: If one is no `SELDOutput` or holds integers where only an activity may, the mask
            does not hold booleans, or a setting is no number.
        ValueError: If shapes differ or are wrong, there is more than one class, or a setting is
            unknown or out of range; on the processor, if an activity is not in 0..1.

    Examples:
        The tracks are exchanged in the second of two frames, one of two sounds each:

        >>> both = torch.eye(3)[:2].expand(1, 2, 2, 3)
        >>> target = SELDOutput(torch.ones(1, 2, 2, 1), both)
        >>> preds = SELDOutput(torch.full((1, 2, 2, 1), 20.0), both.clone())
        >>> preds.direction[0, 1] = both[0, 1].flip(0)
        >>> motp, mota, _ = dmot_loss(preds, target)
        >>> motp, mota
        (tensor(0.), tensor(0.5000))
    """
    _check_settings(form, gate, switch_weight)
    axes = "batch time track cls"
    check_outputs("dmot_loss", preds, target, axes, "batch time track", distance=None, mask=mask)
    check_shape("preds.activity", preds.activity, axes, cls=1)
    with own_precision(preds.activity):
        preds, target = full_pair(preds, target, mask)
        there = place_activity(target) > 0
        unit = functional.normalize(preds.direction, dim=-1, eps=SHORTEST)
        goal = torch.where(there.unsqueeze(-1), target.direction, ABSENT)
        distance = torch.linalg.vector_norm(unit.unsqueeze(3) - goal.unsqueeze(2), dim=-1)
        table = assign(distance)
        if table.shape != distance.shape:
            want, got = tuple(distance.shape), tuple(table.shape)
            raise ValueError(f"assign must return a table of shape {want}, got {got}")
        table = blank(table.to(distance.dtype) * (table > gate), mask)
        partners = table if form == "published" else table * there.unsqueeze(2)
        wanted = (partners.amax(dim=3) > gate).to(table.dtype)
        return MOTLosses(
            _motp(distance, partners, form),
            _mota(table, partners, there, form, switch_weight, mask),
            activity_loss(preds.activity.squeeze(3), blank(wanted, mask), mask),
        )


class DMOTLoss(LossModule):
    """Module form of [`dmot_loss`][seldkit.losses.dmot_loss].

    It holds the function that assigns, not the network behind it: move and freeze that yourself.
    """

    def __init__(
        self,
        *,
        assign: Assign = nearest,
        form: Form = "mended",
        gate: float = 0.5,
        switch_weight: float = 1.0,
    ) -> None:
        _check_settings(form, gate, switch_weight)
        super().__init__(form=form, gate=gate, switch_weight=switch_weight)
        self._assign = (assign,)  # in a tuple, so that a module's weights do not become its own

    def forward(
        self, preds: SELDOutput, target: SELDOutput, mask: Bool[Tensor, "batch time"] | None = None
    ) -> MOTLosses:
        """Return the losses."""
        return dmot_loss(preds, target, assign=self._assign[0], mask=mask, **self._settings())


def _check_settings(form: str, gate: float, switch_weight: float) -> None:
    check_choice("form", form, FORMS)
    check_number(gate=gate, switch_weight=switch_weight)
    if not 0 <= gate < 1:
        raise ValueError(f"gate must be in [0, 1), got {gate}")
    if not 0 <= switch_weight < torch.inf:
        raise ValueError(f"switch_weight must be finite and at least 0, got {switch_weight}")


def _motp(distance: Tensor, table: Tensor, form: Form) -> Float[Tensor, ""]:
    """Return the mean distance under the weights of the table."""
    far = (distance * table).sum(dim=(2, 3))
    if form == "published":
        far = far * table.sum(dim=(2, 3))
    return _ratio(far.sum(), table.sum())


def _mota(
    table: Float[Tensor, "batch time track track"],
    partners: Float[Tensor, "batch time track track"],
    there: Bool[Tensor, "batch time track"],
    form: Form,
    switch_weight: float,
    mask: Bool[Tensor, "batch time"] | None,
) -> Float[Tensor, ""]:
    """Return what is missed, false or exchanged, as a part of what is there, or is found."""
    found = table.amax(dim=3).sum(dim=2)
    present = there.to(table.dtype).sum(dim=2)
    wrong = (found - present).abs().sum()
    if form == "published":
        joined = table.flatten(0, 1).unsqueeze(0)
        before, any_before = _before(joined, None if mask is None else mask.reshape(1, -1))
        switches = joined * (1 - before) * any_before
    else:
        before, _ = _before(partners, mask)
        switches = partners.sum(dim=2) * before.sum(dim=2) - (partners * before).sum(dim=2)
    total = found.sum() if form == "published" else present.sum()
    return _ratio(wrong + switch_weight * switches.sum(), total)


def _before(
    table: Float[Tensor, "batch time track track"], mask: Bool[Tensor, "batch time"] | None
) -> tuple[Tensor, Float[Tensor, "batch time 1 1"]]:
    """Return the table of the last frame before that counts, and 1 where there is one, else 0."""
    batch, time = table.shape[:2]
    frame = torch.arange(time, device=table.device).expand(batch, time)
    if mask is not None:
        frame = torch.where(mask, frame, -1).cummax(dim=1).values
    last = functional.pad(frame, (1, 0), value=-1)[:, :time, None, None]
    known = (last >= 0).to(table.dtype)
    return table.take_along_dim(last.clamp(min=0), dim=1) * known, known


def _ratio(part: Tensor, total: Tensor) -> Float[Tensor, ""]:
    return part / torch.where(total > 0, total, 1)
