"""Checks of predictions and targets that several losses make."""

from seldkit._checks import check_same_shape, check_shape
from seldkit.outputs import SELDOutput


def check_outputs(
    preds: SELDOutput, target: SELDOutput, activity: str, places: str, *, distance: str | None
) -> None:
    """Raise `ValueError` unless the outputs have these axes, one shape, and the distances needed.

    Args:
        preds: Output of a network.
        target: What it should be.
        activity: Axes of the activity, such as `"batch time track cls"`.
        places: Those of them that have a direction each, such as `"batch time track"`.
        distance: Error of the distances; None if none are needed.
    """
    check_shape("preds.activity", preds.activity, activity)
    known = dict(zip(activity.split(), preds.activity.shape, strict=True))
    sizes = {axis: known[axis] for axis in places.split()}
    check_shape("preds.direction", preds.direction, f"{places} axis", **sizes, axis=3)
    check_same_shape(**{"preds.activity": preds.activity, "target.activity": target.activity})
    check_same_shape(**{"preds.direction": preds.direction, "target.direction": target.direction})
    if distance is None:
        return
    for side, output in (("preds", preds), ("target", target)):
        if output.distance is None:
            raise ValueError(f"{side}.distance must be given for distance={distance!r}, got None")
        check_shape(f"{side}.distance", output.distance, places, **sizes)
