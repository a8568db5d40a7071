"""Directions where a source is known to sound: what a network's directions are worth alone."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_finite, check_shape
from seldkit._typing import Float
from seldkit.events import Events
from seldkit.geometry import unit_norm
from seldkit.metrics.analysis.matches import By, Matches, match_events
from seldkit.metrics.analysis.overlap import Unit
from seldkit.outputs import SELDOutput


class Candidates(NamedTuple):
    """Everything that a network points to, active or not.

    Attributes:
        direction: Vectors of any length, `[time, track, cls, axis]`; `cls` is 1 where directions
            are of no class.
        activity: How active each is, on any scale, `[time, track, cls]`.
        label: Its class, `[time, track, cls]`.
        distance: In metres, `[time, track, cls]`, or None.
    """

    direction: Float[Tensor, "time track cls axis=3"]
    activity: Float[Tensor, "time track cls"]
    label: Tensor
    distance: Tensor | None


def match_oracle(
    clips: Sequence[tuple[SELDOutput | Tensor, Events]],
    *,
    tracks: Literal["closest", "likeliest"] = "closest",
    unit: Unit = 1,
) -> Matches:
    """Match the directions of a network to the references, as if it knew what sounds.

    Wherever the reference is active, each source gets one of the network's directions, at the
    smallest sum of angles, whatever the network's activity says:

    - Track-wise, one of the tracks in that frame, whatever its class.
    - Class-wise and ACCDOA, that of its class. Of two sources of one class one stays without.
    - Multi-ACCDOA, and track-wise output with a direction for each class: one of the tracks of its
      class.

    A direction of length zero points nowhere and is never taken.

    Args:
        clips: Of each clip the network's output, without the batch axis, and the reference. The
            output of the kinds above is `SELDOutput` with activity `time track cls` and direction
            `time track axis` or `time track cls axis`; `SELDOutput` with activity `time cls`
            and direction `time cls axis`; ACCDOA `time cls axis`; multi-ACCDOA
            `time track cls axis`. Logits or probabilities.
        tracks: Among which tracks to choose: `"closest"` takes all of them, which flatters a
            network of many tracks; `"likeliest"` only as many as there are sources, the most active
            first.
        unit: Frames that stay together in `overlap` and `same_class`, as in
            [`count_overlap`][seldkit.metrics.analysis.count_overlap].

    Returns:
        A row for each reference. The prediction's class is that of the direction or, track-wise,
        the most probable one of its track.

    Raises:
        ValueError: If there is no clip, an output has none of these shapes or holds nan, outputs
            are of several kinds, or a reference has a frame or label that its output has not.

    Examples:
        >>> from seldkit.metrics.analysis import direction_scores
        >>> scene = Events.from_degrees([0, 1, 1], [4, 4, 2], [0, 0, 90], [0, 0, 0])
        >>> silent = torch.full((2, 2, 5), -9.0)
        >>> pointing = torch.tensor([[[1.0, 0, 0], [0, 0, 1]], [[0, 1, 0], [0.6, 0, 0.8]]])
        >>> matches = match_oracle([(SELDOutput(silent, pointing), scene)])
        >>> matches.angle_deg.round(decimals=2)
        tensor([ 0.0000, 53.1300,  0.0000], dtype=torch.float64)
        >>> direction_scores(matches, within_deg=(20,)).accuracy.round(decimals=3)
        tensor([0.6670], dtype=torch.float64)
    """
    check_choice("tracks", tracks, ("closest", "likeliest"))
    ways = {_matched_by(output) for output, _ in clips}
    if len(ways) > 1:
        raise ValueError("clips must hold outputs of one kind, got class-wise and track-wise ones")
    by: By = ways.pop() if ways else "class"
    pointed = [
        (_candidates_where_active(output, reference, by, tracks), reference)
        for output, reference in clips
    ]
    matches = match_events(pointed, by=by, unit=unit)
    return matches.select(matches.reference >= 0)


def _matched_by(output: SELDOutput | Tensor) -> By:
    """Tell whether directions are of a class, or of whatever sounds there."""
    if isinstance(output, SELDOutput) and output.activity.ndim == output.direction.ndim:
        return "place" if output.activity.ndim == 3 else "class"
    return "class"


def _candidates_where_active(
    output: SELDOutput | Tensor, reference: Events, by: By, tracks: str
) -> Events:
    """Return, as events, the directions that a source may get."""
    direction, activity, label, distance = _read(output)
    check_finite("direction", direction)
    check_finite("activity", activity)
    time, _, num_places = activity.shape
    _check_reference(reference, time, num_places if by == "class" else None)

    place = reference.label if by == "class" else torch.zeros_like(reference.label)
    cell = reference.frame * num_places + place
    wanted = cell.bincount(minlength=time * num_places).reshape(time, 1, num_places)
    if tracks == "closest":
        kept = (wanted > 0).expand_as(activity)
    else:
        rank = activity.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        kept = rank < wanted
    kept = kept & direction.any(dim=-1)
    frame, track, _ = kept.nonzero(as_tuple=True)
    return Events(
        frame,
        label[kept],
        unit_norm(direction[kept]),
        source=track,
        distance=None if distance is None else distance[kept].clamp(min=0),
        frame_s=reference.frame_s,
    )


def _read(output: SELDOutput | Tensor) -> Candidates:
    """Bring every kind of output to one shape, `time track cls`."""
    if isinstance(output, Tensor):
        return _read_vectors(_plain(output))
    activity, direction = _plain(output.activity), _plain(output.direction)
    distance = None if output.distance is None else _plain(output.distance)
    if activity.ndim == 2:
        activity, direction = activity.unsqueeze(1), direction.unsqueeze(1)
        distance = None if distance is None else distance.unsqueeze(1)
    check_shape("activity", activity, "time track cls")
    if _matched_by(output) == "place":
        activity, label = activity.max(dim=-1, keepdim=True)
        direction = direction.unsqueeze(2)
        distance = None if distance is None else distance.unsqueeze(2)
    else:
        label = torch.arange(activity.shape[-1]).expand_as(activity)
    sizes = dict(zip(("time", "track", "cls"), activity.shape, strict=True))
    check_shape("direction", direction, "time track cls axis", **sizes, axis=3)
    if distance is not None:
        check_shape("distance", distance, "time track cls", **sizes)
    return Candidates(direction, activity, label, distance)


def _read_vectors(vectors: Tensor) -> Candidates:
    """Read ACCDOA or multi-ACCDOA, whose lengths are activities."""
    if vectors.ndim not in (3, 4) or vectors.shape[-1] not in (3, 4):
        raise ValueError(
            "output must be (time, cls, axis) or (time, track, cls, axis) with 3 or 4 axes,"
            f" got shape {tuple(vectors.shape)}"
        )
    vectors = vectors.unsqueeze(1) if vectors.ndim == 3 else vectors
    direction, distance = vectors[..., :3], vectors[..., 3] if vectors.shape[-1] == 4 else None
    activity = torch.linalg.vector_norm(direction, dim=-1)
    label = torch.arange(activity.shape[-1]).expand_as(activity)
    return Candidates(direction, activity, label, distance)


def _check_reference(reference: Events, time: int, num_classes: int | None) -> None:
    """Raise `ValueError` unless an output has all frames, and all classes if any, of the events."""
    if not len(reference):
        return
    if reference.frame.max() >= time:
        raise ValueError(
            f"reference.frame must be below time={time} of its output,"
            f" got {int(reference.frame.max())}"
        )
    if num_classes is not None and reference.label.max() >= num_classes:
        raise ValueError(
            f"reference.label must be below cls={num_classes} of its output,"
            f" got {int(reference.label.max())}"
        )


def _plain(part: Tensor) -> Tensor:
    return part.detach().cpu().double()
