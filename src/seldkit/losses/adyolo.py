"""The loss of AD-YOLO: anchors near an event answer for it, the others for silence."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_floating, check_positive, check_shape, check_weight
from seldkit._typing import Bool, Float
from seldkit.grids import AngularCells
from seldkit.losses._checks import check_activity, check_mask, check_same_device, check_tensors
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import blank, full, own_precision, spread, weighted_mean
from seldkit.outputs import SELDOutput

_CLIP = 1 - 1e-7
"""Cosines are kept within, as published: the angle has a slope everywhere."""


def adyolo_loss(
    preds: Float[Tensor, "batch time column row anchor entry"],
    target: SELDOutput,
    *,
    cell_deg: float = 45.0,
    overlap: float = 0.5,
    angles_deg: Sequence[float] = (45.0, 25.0, 10.0),
    confidence_weight: float = 1.0,
    silence_weight: float = 5.0,
    class_weight: float = 3.0,
    angle_weight: float = 5.0,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    r"""Loss of the angular grid: confidence, class and angle of anchors responsible for events.

    In each cell that holds an event, the anchors closer to it than an angle are responsible for it,
    and the closest one always. For each of `angles_deg`, with binary cross-entropies averaged over
    anchors,

    $$L_a = w_1 \,\mathrm{BCE}(\text{confidence of responsible}, 1) + w_0\,
    \mathrm{BCE}(\text{of the others}, 0) + w_c\,\mathrm{BCE}(\text{classes of responsible}),$$

    and the loss is the mean of $L_a$, and $w_d$ times the mean angle between events and their
    responsible anchors over 180 degrees, for the first of the angles. An anchor that is responsible
    for several events counts for each of them, but once in its confidence.

    Source: Kim et al., "AD-YOLO: you look only once in training multiple sound event localization
    and detection", ICASSP 2023; angles and weights of the released code. That one
    confidence counts once is our reading.

    Args:
        preds: Logits of confidence and of each class, then offsets before tanh.
        target: Of [`AngularGrid`][seldkit.formats.AngularGrid]: activity `(batch, time, track,
            cls)`, direction `(batch, time, track, axis)`.
        cell_deg: See [`AngularCells`][seldkit.grids.AngularCells].
        overlap: Likewise.
        angles_deg: Angles within which anchors are responsible.
        confidence_weight: $w_1$.
        silence_weight: $w_0$.
        class_weight: $w_c$.
        angle_weight: $w_d$.
        mask: Which frames count; None for all.

    Returns:
        A scalar; terms over no anchor are a differentiable 0.

    Raises:
        TypeError: If `preds` is no tensor of floats, the target no `SELDOutput`, the mask does not
            hold booleans, or an angle or a weight is no number.
        ValueError: If shapes are wrong, there is no angle, one is not positive, or a weight is
            negative or infinite; on the processor, if an activity of the target is not in 0..1.

    Examples:
        >>> activity, direction = torch.ones(1, 1, 1, 1), torch.tensor([[[[0.0, 1.0, 0.0]]]])
        >>> target = SELDOutput(activity, direction)
        >>> preds = torch.full((1, 1, 8, 4, 1, 4), -20.0)
        >>> preds[..., -2:] = 0.0
        >>> preds[0, 0, 5:7, 1:3, 0, :2] = 20.0  # the four cells around the left are sure
        >>> adyolo_loss(preds, target).round(decimals=2)  # 31.4 of 180 degrees, five times
        tensor(0.8700)
    """
    _check_settings(
        angles_deg,
        confidence_weight=confidence_weight,
        silence_weight=silence_weight,
        class_weight=class_weight,
        angle_weight=angle_weight,
    )
    cells = AngularCells(cell_deg, overlap)
    _check(preds, target, cells, mask)
    with own_precision(preds):
        preds = blank(full(preds), mask)
        active, direction = (
            blank(x.to(preds.dtype), mask) for x in (target.activity, target.direction)
        )
        check_activity("target.activity", active)
        held = cells.holding(direction) & (active > 0).any(dim=-1)[..., None, None]
        places = preds.flatten(2, 4)  # batch time place entry
        vector = cells.directions(preds[..., -2:].tanh()).flatten(2, 4)
        cosine = (direction @ vector.mT).clamp(-_CLIP, _CLIP)
        angle = torch.rad2deg(cosine.arccos()).unflatten(3, (-1, preds.shape[4]))
        first = angle.detach().argmin(dim=4, keepdim=True)
        closest = torch.arange(preds.shape[4], device=preds.device) == first
        confidence, logits = places[..., 0], places[..., 1:-2]
        # The cross-entropy of all classes of a place for each track, without a table of both.
        of_classes = functional.softplus(logits).sum(dim=3).unsqueeze(2) - active @ logits.mT
        of_classes = of_classes / logits.shape[3]
        counted = torch.ones_like(confidence) if mask is None else spread(mask, confidence)
        terms = []
        for limit in angles_deg:
            near = ((angle < limit) | closest) & held.flatten(3).unsqueeze(4)
            pairs = near.flatten(3).to(preds.dtype)  # batch time track place
            responsible = pairs.amax(dim=2)
            silent = (1 - responsible) * counted
            terms.append(
                confidence_weight * weighted_mean(functional.softplus(-confidence), responsible)
                + silence_weight * weighted_mean(functional.softplus(confidence), silent)
                + class_weight * weighted_mean(of_classes, pairs)
            )
            if len(terms) == 1:
                angle_term = weighted_mean(angle.flatten(3) / 180, pairs)
        return torch.stack(terms).mean() + angle_weight * angle_term


class ADYOLOLoss(LossModule):
    """Module form of [`adyolo_loss`][seldkit.losses.adyolo_loss]."""

    def __init__(
        self,
        *,
        cell_deg: float = 45.0,
        overlap: float = 0.5,
        angles_deg: Sequence[float] = (45.0, 25.0, 10.0),
        confidence_weight: float = 1.0,
        silence_weight: float = 5.0,
        class_weight: float = 3.0,
        angle_weight: float = 5.0,
    ) -> None:
        AngularCells(cell_deg, overlap)
        weights = {
            "confidence_weight": confidence_weight,
            "silence_weight": silence_weight,
            "class_weight": class_weight,
            "angle_weight": angle_weight,
        }
        _check_settings(angles_deg, **weights)
        super().__init__(
            cell_deg=cell_deg, overlap=overlap, angles_deg=tuple(angles_deg), **weights
        )

    def forward(
        self,
        preds: Float[Tensor, "batch time column row anchor entry"],
        target: SELDOutput,
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return adyolo_loss(preds, target, mask=mask, **self._settings())


def _check_settings(angles_deg: Sequence[float], **weights: float) -> None:
    """Raise unless there are angles, and weights that a loss can have."""
    if not angles_deg:
        raise ValueError("angles_deg must hold an angle, got none")
    for angle in angles_deg:
        check_positive(angles_deg=angle)
    check_weight(**weights)


def _check(preds: Tensor, target: SELDOutput, cells: AngularCells, mask: Tensor | None) -> None:
    """Raise unless predictions and target fit each other and the cells."""
    check_tensors("adyolo_loss", preds=preds)
    if not isinstance(target, SELDOutput):
        kind = type(target).__name__
        raise TypeError(f"target must be a SELDOutput of AngularGrid for adyolo_loss, got a {kind}")
    check_shape("target.activity", target.activity, "batch time track cls")
    batch, time, tracks, classes = target.activity.shape
    sizes = {"batch": batch, "time": time}
    check_shape(
        "preds",
        preds,
        "batch time column row anchor entry",
        **sizes,
        column=cells.columns,
        row=cells.rows,
        entry=classes + 3,
    )
    axes = "batch time track axis"
    check_shape("target.direction", target.direction, axes, **sizes, track=tracks, axis=3)
    check_floating(preds=preds)
    on = {"preds": preds, "target.activity": target.activity}
    check_same_device(**on, **{"target.direction": target.direction})
    check_mask(mask, preds)
