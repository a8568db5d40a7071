r"""Permutation-invariant training over tracks.

A track-wise network may put a sound on any track, so its loss is that of the best assignment of
predicted to target tracks. Every assignment is a sum of pairwise costs, so the pairs are enough:

$$c_{ij} = w_s \operatorname{BCE}(\hat a_i, a_j) + w_d \lVert \hat d_i - d_j \rVert^2 / 3$$

for $M$ tracks $M^2$ costs in place of $M!$ losses.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_choice, check_same_shape, check_shape
from seldkit._typing import Float, Int
from seldkit.assignment import best_permutation
from seldkit.losses.tasks import TaskLosses
from seldkit.outputs import SELDOutput

Per = Literal["frame", "chunk", "clip"]


def trackwise_pit_loss(
    preds: SELDOutput,
    target: SELDOutput,
    *,
    per: Per = "frame",
    chunk: Int[Tensor, "batch time"] | None = None,
    selection: tuple[float, float] = (1.0, 1.0),
) -> TaskLosses:
    """Binary cross-entropy and squared error under the best assignment of tracks.

    The directions of silent tracks are pulled to zero and their activities to nothing, as in the
    published code: no frame is masked.

    Source: Cao et al., "An improved event-independent network for polyphonic sound event
    localization and detection", ICASSP 2021, equations 1 to 3.

    Args:
        preds: Logits `(batch, time, track, cls)` and directions `(batch, time, track, axis)`.
        target: Activities in 0..1 and directions, same shapes; silent tracks are all zeros.
        per: For what the assignment is chosen: `"frame"` (tPIT), `"chunk"` (cPIT) or the whole
            `"clip"`. A longer span has less freedom, so the selected loss is never smaller.
        chunk: Number of the chunk that each frame belongs to, any integers; frames of a clip that
            have the same number share an assignment. By default a chunk is a stretch of frames in
            which the target's active tracks and classes do not change.
        selection: Weights of SED and DOA when the assignment is chosen. They do not scale the
            losses. The published EIN-SELD uses (1, 1), PSELDNets the weights of the total loss.

    Returns:
        Both losses, averaged over batch, frames, tracks and classes or axes.

    Raises:
        ValueError: If shapes differ or are wrong, `per` is unknown, or `chunk` is given without
            `per="chunk"`.

    Examples:
        >>> activity, direction = torch.eye(2).reshape(1, 1, 2, 2), torch.eye(3)[:2]
        >>> target = SELDOutput(activity, direction.expand(1, 1, 2, 3))
        >>> swapped = SELDOutput(40 * target.activity.flip(2) - 20, target.direction.flip(2))
        >>> trackwise_pit_loss(swapped, target).doa
        tensor(0.)
    """
    _check(preds, target, per, chunk)
    with torch.autocast(preds.activity.device.type, enabled=False):
        activity, direction = _full(preds.activity), _full(preds.direction)
        sed = _pairwise_bce(activity, target.activity.to(activity.dtype))
        doa = _pairwise_mse(direction, target.direction.to(direction.dtype))
    cost = selection[0] * sed + selection[1] * doa
    if per == "clip":
        cost = cost.mean(dim=1, keepdim=True)
    elif per == "chunk":
        cost = _sum_over_chunks(cost, _constant_chunks(target.activity) if chunk is None else chunk)
    index = best_permutation(cost.detach())[1].expand(sed.shape[:-1]).unsqueeze(-1)
    return TaskLosses(sed.gather(-1, index).mean(), doa.gather(-1, index).mean())


class TrackwisePITLoss(nn.Module):
    """Module form of [`trackwise_pit_loss`][seldkit.losses.trackwise_pit_loss]."""

    def __init__(self, *, per: Per = "frame", selection: tuple[float, float] = (1.0, 1.0)) -> None:
        super().__init__()
        check_choice("per", per, ("frame", "chunk", "clip"))
        self.per: Per = per
        self.selection = selection

    def forward(
        self,
        preds: SELDOutput,
        target: SELDOutput,
        chunk: Int[Tensor, "batch time"] | None = None,
    ) -> TaskLosses:
        """Return the losses of both tasks."""
        return trackwise_pit_loss(
            preds, target, per=self.per, chunk=chunk, selection=self.selection
        )

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"per={self.per!r}, selection={self.selection}"


def _check(preds: SELDOutput, target: SELDOutput, per: Per, chunk: Tensor | None) -> None:
    check_choice("per", per, ("frame", "chunk", "clip"))
    check_shape("preds.activity", preds.activity, "batch time track cls")
    batch, time, track, _ = preds.activity.shape
    sizes = {"batch": batch, "time": time, "track": track, "axis": 3}
    check_shape("preds.direction", preds.direction, "batch time track axis", **sizes)
    for name in ("activity", "direction"):
        pair = {"preds": getattr(preds, name), "target": getattr(target, name)}
        check_same_shape(**{f"{side}.{name}": tensor for side, tensor in pair.items()})
    if chunk is not None:
        if per != "chunk":
            raise ValueError(f"chunk needs per='chunk', got per={per!r}")
        check_shape("chunk", chunk, "batch time", batch=batch, time=time)


def _pairwise_bce(
    logits: Float[Tensor, "batch time track cls"], target: Float[Tensor, "batch time track cls"]
) -> Float[Tensor, "batch time track track"]:
    # BCE(x, y) = softplus(x) - x y, and only the second term knows both tracks.
    alone = functional.softplus(logits).mean(dim=-1, keepdim=True)
    return alone - logits @ target.mT / logits.shape[-1]


def _pairwise_mse(
    preds: Float[Tensor, "batch time track axis"], target: Float[Tensor, "batch time track axis"]
) -> Float[Tensor, "batch time track track"]:
    return (preds.unsqueeze(3) - target.unsqueeze(2)).square().mean(dim=-1)


def _full(x: Tensor) -> Tensor:
    """Return half-precision values, as autocast leaves them, in float32."""
    return x if x.dtype == torch.float64 else x.float()


def _constant_chunks(
    activity: Float[Tensor, "batch time track cls"],
) -> Int[Tensor, "batch time"]:
    """Number the stretches of frames in which the active tracks and classes stay the same."""
    changed = (activity[:, 1:] != activity[:, :-1]).flatten(2).any(dim=2)
    return functional.pad(changed.cumsum(dim=1), (1, 0))


def _sum_over_chunks(
    cost: Float[Tensor, "batch time row col"], chunk: Int[Tensor, "batch time"]
) -> Float[Tensor, "batch time row col"]:
    """Return for each frame the sum of the costs of all frames of its chunk."""
    same = (chunk.unsqueeze(1) == chunk.unsqueeze(2)).to(cost.dtype)
    return torch.einsum("bts,bsij->btij", same, cost)
