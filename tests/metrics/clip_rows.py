"""Small clips written row by row, and what is counted in them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seldkit.events import Events
from seldkit.events.events import changed
from seldkit.metrics import SELDMetrics, SELDScores
from seldkit.metrics.counts import Counts

Row = tuple[int, int, float] | tuple[int, int, float, float] | tuple[int, int, float, float, bool]
"""Frame, class, azimuth in degrees and perhaps distance in metres and on-screen flag."""


def events(*rows: Row, num_frames: int | None = None, frame_s: float = 0.1) -> Events:
    """Return events at elevation 0."""
    columns: list[Sequence[Any]] = [*zip(*rows, strict=True)] or [(), (), ()]
    frame, label, azimuth, *more = columns
    distance, onscreen = [*more, None, None][:2]
    zeros = [0.0] * len(rows)
    return Events.from_degrees(
        frame,
        label,
        azimuth,
        zeros,
        distance=distance,
        onscreen=onscreen,
        num_frames=num_frames,
        frame_s=frame_s,
    )


def in_frames(events: Events, frame_s: float) -> Events:
    """Return the same rows in frames that are said to last so long."""
    return changed(events, frame_s=frame_s)


def measure(
    protocol: str, prediction: Events, reference: Events, *, num_frames: int = 10, **settings: Any
) -> SELDMetrics:
    """Return the metrics of one clip of three classes, all of its frames."""
    metrics = SELDMetrics(protocol, 3, frames="clip", **settings)
    whole = replace(reference, num_frames=num_frames)
    metrics.update(in_frames(prediction, metrics.frame_s), in_frames(whole, metrics.frame_s))
    return metrics


def count(protocol: str, prediction: Events, reference: Events, **settings: Any) -> Counts:
    """Return what is counted in one clip, `[cls]` and scalars."""
    return measure(protocol, prediction, reference, **settings).counts().total()


def score(protocol: str, prediction: Events, reference: Events, **settings: Any) -> SELDScores:
    """Return the scores of one clip."""
    return measure(protocol, prediction, reference, **settings).compute()


def assert_counts(counts: Counts, *, abs: float = 1e-5, **expected: float) -> None:
    """Compare every count over all classes; those that are not named must be 0.

    The numbers of references by class and over all must agree where both are kept. Predictions
    are compared only if `Nsys` is named.
    """
    found = {name: value.item() for name, value in counts.together().items()}
    if "N" in found:
        expected["N"] = expected.get("Nref", 0)
    if "Nsys" not in expected:
        del found["Nsys"]
    assert found == pytest.approx(dict.fromkeys(found, 0) | expected, abs=abs, nan_ok=True)


def assert_same_counts(found: Counts, expected: Counts) -> None:
    """Compare the counts of every clip, their names and the clips' order."""
    for ours, theirs in zip(found, expected, strict=True):
        assert list(ours) == list(theirs)
        for name, count in theirs.items():
            assert ours[name].shape == count.shape
            np.testing.assert_allclose(ours[name], count, rtol=1e-12, atol=0, err_msg=name)
