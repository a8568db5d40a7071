"""What a clip must be so that it stands among the others of a data set."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from seldkit._checks import check_shape
from seldkit.outputs import SELDOutput

Target = SELDOutput | Tensor


@contextmanager
def naming(clip: str) -> Iterator[None]:
    """Let errors of a value or its kind say which clip they are about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if clip in str(error):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{clip}: {error}") from error


def num_frames(target: Target) -> int:
    """Return how many label frames a target has."""
    return len(target if isinstance(target, Tensor) else target.activity)


def check_clip(
    features: Tensor, target: Target, first: tuple[Tensor, Target], *, ratio: int, chunk: int
) -> None:
    """Raise unless features and target belong together, hold a chunk and are like the first clip's.

    Args:
        features: `(channel, time, freq)`, or a waveform `(channel, sample)`.
        target: Target without the batch axis.
        first: Both of the first clip.
        ratio: Feature frames, or samples, per label frame.
        chunk: Length of a chunk, in label frames.
    """
    waveform = features.ndim == 2
    check_shape("features", features, "channel sample" if waveform else "channel time freq")
    parts, frames = _parts(target), num_frames(target)
    if frames < chunk:
        raise ValueError(f"length must be at least chunk={chunk}, got {frames}")
    length, what = features.shape[1], "samples" if waveform else "frames"
    if not 0 <= length - frames * ratio <= ratio:
        raise ValueError(
            f"features must have {ratio} {what} per label frame, got {length} for {frames}"
        )
    like, pattern = _without_time(first[0]), _parts(first[1])
    if _without_time(features) != like:
        raise ValueError(
            f"features must be as those of the first clip, {like}, got {_without_time(features)}"
        )
    if parts != pattern:
        raise ValueError(f"target must be as that of the first clip, {pattern}, got {parts}")


def _without_time(features: Tensor) -> str:
    """Return what the features of all clips have in common, in words."""
    sizes = zip(("channel", "freq"), (features.shape[0], *features.shape[2:]), strict=False)
    return f"({', '.join(f'{axis}={size}' for axis, size in sizes)}) of {features.dtype}"


def _parts(target: Target) -> str:
    """Return what the targets of one format have in common, in words."""
    if isinstance(target, Tensor):
        parts = {"tensor": target}
    elif isinstance(target, SELDOutput):
        parts = {name: part for name, part in target._asdict().items() if part is not None}
    else:
        raise TypeError(f"target must be a SELDOutput or a tensor, got {type(target).__name__}")
    for name, part in parts.items():
        if part.ndim < 2 or len(part) != num_frames(target):
            raise ValueError(f"target's {name} must be (time, ...), got shape {tuple(part.shape)}")
    return ", ".join(
        f"{name} (time, {str(list(part.shape[1:]))[1:-1]})" for name, part in parts.items()
    )
