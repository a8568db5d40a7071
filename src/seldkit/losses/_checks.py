"""Checks of predictions, targets and masks that several losses make."""

import torch
from torch import Tensor

from seldkit._checks import check_floating, check_same_shape, check_shape, check_within
from seldkit._typing import Bool
from seldkit.outputs import SELDOutput

OUTPUT_LOSSES = "class_wise_loss takes class-wise outputs, trackwise_pit_loss track-wise ones"
TENSOR_LOSSES = (
    "accdoa_loss takes tensors (batch, time, cls, axis), adpit_loss (batch, time, track, cls, axis)"
)


def check_outputs(
    loss: str,
    preds: SELDOutput,
    target: SELDOutput,
    activity: str,
    places: str,
    *,
    distance: str | None,
    mask: Tensor | None,
) -> None:
    """Raise unless both are outputs with these axes, of one shape, with the distances needed.

    Args:
        loss: Name of the loss, for the messages.
        preds: Output of a network.
        target: What it should be.
        activity: Axes of the activity, such as `"batch time track cls"`.
        places: Those of them that have a direction each, such as `"batch time track"`.
        distance: Error of the distances; None if none are needed.
        mask: Which frames count.
    """
    if mask is None and distance is None and _are_usual(preds, target, activity, places):
        return
    parts: dict[str, Tensor] = {}
    for side, output in (("preds", preds), ("target", target)):
        if not isinstance(output, SELDOutput):
            raise TypeError(
                f"{side} must be a SELDOutput(activity, direction) for {loss},"
                f" got {_kind(output)}: {TENSOR_LOSSES}"
            )
        for name, x in zip(output._fields, output, strict=True):
            if x is not None:
                parts[f"{side}.{name}"] = x
    check_tensors(loss, **parts)
    check_shape("preds.activity", preds.activity, activity)
    check_some("preds.activity", preds.activity)
    known = dict(zip(activity.split(), preds.activity.shape, strict=True))
    sizes = {axis: known[axis] for axis in places.split()}
    check_shape("preds.direction", preds.direction, f"{places} axis", **sizes, axis=3)
    for part in ("activity", "direction"):
        pair = (f"preds.{part}", f"target.{part}")
        check_same_shape(**{name: parts[name] for name in pair})
    check_floating(**{name: x for name, x in parts.items() if name != "target.activity"})
    if distance is not None or len(parts) > 4:
        _check_distances(preds, target, places, sizes, distance)
    check_same_device(**parts)
    check_mask(mask, preds.activity)


def _are_usual(preds: SELDOutput, target: SELDOutput, activity: str, places: str) -> bool:
    """Return whether nothing is wrong for sure: seen in few steps, which small losses need."""
    if not (isinstance(preds, SELDOutput) and isinstance(target, SELDOutput)):
        return False
    (a, d, far), (b, e, metres) = preds, target
    if not (far is metres is None and all(isinstance(x, Tensor) for x in (a, b, d, e))):
        return False
    shape, num_places = a.shape, places.count(" ") + 1
    return (
        len(shape) == activity.count(" ") + 1
        and 0 not in shape[2:]
        and b.shape == shape
        and d.shape == e.shape == (*shape[:num_places], 3)
        and all(x.is_floating_point() for x in (a, d, e))
        and a.device == b.device == d.device == e.device
    )


def check_vectors(
    loss: str, preds: Tensor, target: Tensor, axes: str, *, onscreen: bool, mask: Tensor | None
) -> None:
    """Raise unless both are tensors of activity-coupled vectors of one shape.

    Args:
        loss: Name of the loss, for the messages.
        preds: Output of a network.
        target: What it should be.
        axes: Their axes, such as `"batch time cls axis"`.
        onscreen: Whether the last entry is not of the vector.
        mask: Which frames count.
    """
    check_tensors(loss, preds=preds, target=target)
    check_shape("preds", preds, axes)
    check_some("preds", preds)
    check_same_shape(preds=preds, target=target)
    if preds.shape[-1] - onscreen < 1:
        shape = tuple(preds.shape)
        raise ValueError(f"preds must hold a vector before onscreen, got shape {shape}")
    check_floating(preds=preds, target=target)
    check_same_device(preds=preds, target=target)
    check_mask(mask, preds)


def check_tensors(loss: str, **tensors: object) -> None:
    """Raise `TypeError` unless all are tensors; where outputs are given, say which losses mean it.

    Args:
        loss: Name of the loss, for the message.
        tensors: What must be tensors, by name.
    """
    for name, x in tensors.items():
        if isinstance(x, SELDOutput):
            raise TypeError(
                f"{name} must be a tensor for {loss}, got a SELDOutput: {OUTPUT_LOSSES};"
                " a part of it is .activity or .direction"
            )
        if not isinstance(x, Tensor):
            raise TypeError(f"{name} must be a tensor for {loss}, got {_kind(x)}")


def check_some(name: str, x: Tensor) -> None:
    """Raise `ValueError` if a frame holds nothing: no track, class or axis."""
    if 0 in x.shape[2:]:
        rule = "must have a size of at least 1 in each axis after time"
        raise ValueError(f"{name} {rule}, got shape {tuple(x.shape)}")


def check_same_device(**tensors: Tensor) -> None:
    """Raise `ValueError` unless all tensors lie on the device of the first."""
    (first_name, first), *others = tensors.items()
    for name, x in others:
        if x.device != first.device:
            raise ValueError(
                f"{name} must be on the device of {first_name}, {first.device}, got {x.device}"
            )


def check_mask(mask: Bool[Tensor, "batch time"] | None, x: Tensor) -> None:
    """Raise unless the mask holds booleans, one for each clip and frame of `x`, or is None."""
    if mask is None:
        return
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        kind = mask.dtype if isinstance(mask, Tensor) else _kind(mask)
        raise TypeError(f"mask must be a tensor of booleans (batch, time), got {kind}")
    if x.ndim < 2:
        raise ValueError(f"mask needs axes batch and time, got shape {tuple(x.shape)}")
    batch, time = x.shape[:2]
    check_shape("mask", mask, "batch time", batch=batch, time=time)
    if mask.device != x.device:
        raise ValueError(f"mask must be on the device of preds, {x.device}, got {mask.device}")


def check_activity(name: str, x: Tensor) -> None:
    """Raise `ValueError` if an activity is not in 0..1; nan is left to show in the loss."""
    check_within(name, x, 1)


def _check_distances(
    preds: SELDOutput,
    target: SELDOutput,
    places: str,
    sizes: dict[str, int],
    distance: str | None,
) -> None:
    sides = {"preds": preds.distance, "target": target.distance}
    if distance is not None:
        for side, metres in sides.items():
            if metres is None:
                raise ValueError(
                    f"{side}.distance must be given for distance={distance!r}, got None"
                )
    given = [side for side, metres in sides.items() if metres is not None]
    if len(given) == 1:
        (one,), other = given, "target" if given == ["preds"] else "preds"
        raise ValueError(
            f"preds and target must both have distances or neither, got {one}.distance alone:"
            f" give {other}.distance, or {one}._replace(distance=None)"
        )
    for side, metres in sides.items():
        if metres is not None:
            check_shape(f"{side}.distance", metres, places, **sizes)


def _kind(x: object) -> str:
    shape = f" of shape {tuple(x.shape)}" if isinstance(x, Tensor) else ""
    return f"a {type(x).__name__}{shape}"
