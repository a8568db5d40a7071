"""The angular grid of AD-YOLO: targets come back, and anchors merge as published."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.events import Events
from seldkit.formats import AngularGrid
from seldkit.geometry import angle_deg, unit_vector


def silent(time: int = 1, classes: int = 2, anchors: int = 5) -> Tensor:
    return torch.full((time, 8, 4, anchors, classes + 3), -9.0, dtype=torch.float64)


def sound(label: int, u: float = 0.0, v: float = 0.0, score: float = 9.0) -> Tensor:
    """Return entries of an anchor that hears a class."""
    entries = torch.tensor([9.0, -9.0, -9.0, u, v], dtype=torch.float64)
    entries[-2:] = entries[-2:].atanh()
    entries[1 + label] = score
    return entries


@pytest.mark.parametrize("merge", ["connected", "soft", "suppress"])
def test_anchors_merge_as_published(merge: Any, golden: Callable[[str], Path]) -> None:
    arrays = np.load(golden("recent/adyolo.npz"))
    name = {"connected": "conn_merge", "soft": "soft_merge", "suppress": "nms"}[merge]
    wanted = torch.from_numpy(arrays[f"decode_{name}"]).double()
    output = torch.from_numpy(arrays["decode_logit"])[0].unflatten(1, (8, 4, 5, 6))
    events = AngularGrid(3, merge=merge).decode(output)
    assert len(events) == len(wanted)
    for frame, label, *vector in wanted.tolist():
        there = (events.frame == frame) & (events.label == label)
        error = (events.direction[there] - torch.tensor(vector)).abs().amax(dim=1)
        assert error.min() < 1e-5


@settings(max_examples=25)
@given(st.data())
def test_a_target_comes_back(data: st.DataObject) -> None:
    number = data.draw(st.integers(0, 6))
    frame = sorted(data.draw(st.lists(st.integers(0, 3), min_size=number, max_size=number)))
    events = Events.from_degrees(
        frame, list(range(number)), [37.0 * i - 90 for i in range(number)], [5.0 * i for i in frame]
    )
    format = AngularGrid(6, num_tracks=6)
    target = format.encode(events, num_frames=4)
    assert target.activity.shape == (4, 6, 6)
    again = format.decode(target)
    assert again.frame.tolist() == frame
    assert sorted(again.label.tolist()) == list(range(number))


@settings(max_examples=25)
@given(st.integers(0, 7), st.integers(0, 3), st.floats(-0.9, 0.9), st.floats(-0.9, 0.9))
def test_an_anchor_points_where_it_says(column: int, row: int, u: float, v: float) -> None:
    output = silent()
    output[0, column, row, 3] = sound(1, u, v)
    (event,) = [AngularGrid(2).decode(output)]
    assert (event.frame.tolist(), event.label.tolist()) == ([0], [1])
    azimuth, elevation = -180 + 45 * (column + 0.5 + u), -90 + 45 * (row + 0.5 + v)
    elevation = min(max(elevation, -90), 90)
    wanted = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    assert angle_deg(event.direction[0], wanted) < 1e-5
    output[0, column, row, 3, 0] = -1.0  # it is no longer sure
    assert len(AngularGrid(2).decode(output)) == 0


def test_ways_of_merging_by_hand() -> None:
    # Three anchors at azimuths 22.5, 32.5 and 42.5, surest first; the outer two are 20 apart.
    output = silent(anchors=3)
    for i, score in enumerate((9.0, 2.0, 1.0)):
        output[0, 4, 2, i] = sound(0, i * 10 / 45, -0.5, score)
    by = {
        merge: AngularGrid(2, anchors=3, merge=merge).decode(output).azimuth_deg
        for merge in ("connected", "soft", "suppress")
    }
    torch.testing.assert_close(by["suppress"], torch.tensor([22.5, 42.5]).double())
    assert len(by["connected"]) == 1
    assert 22.5 < by["connected"][0] < 42.5
    assert len(by["soft"]) == 2
    assert 22.5 < by["soft"][0] < 32.5 < by["soft"][1] < 42.5
    apart = AngularGrid(2, anchors=3, merge_deg=9.0).decode(output)
    assert apart.azimuth_deg.round(decimals=6).tolist() == [22.5, 32.5, 42.5]
    assert apart.source is not None
    assert apart.source.tolist() == [0, 1, 2]


def test_classes_and_frames_do_not_merge() -> None:
    output = silent(time=2)
    output[0, 4, 2, 0], output[0, 4, 2, 1] = sound(0), sound(1)
    output[1, 4, 2, 0] = sound(0)
    events = AngularGrid(2).decode(output)
    assert events.frame.tolist() == [0, 0, 1]
    assert events.label.tolist() == [0, 1, 0]
    assert len(AngularGrid(2, threshold=[0.5, 1.5]).decode(output)) == 2
    assert len(AngularGrid(2, confidence=0.99999).decode(output)) == 0
    assert len(AngularGrid(2, threshold=1e-6).decode(output)) >= 3


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="merge must be one of 'connected', 'soft', 'suppress'"):
        AngularGrid(2, merge="nms")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cell_deg must divide 180, got 50"):
        AngularGrid(2, cell_deg=50.0)
    with pytest.raises(ValueError, match="anchors must be at least 1, got 0"):
        AngularGrid(2, anchors=0)
    with pytest.raises(ValueError, match="distance must be False for AngularGrid"):
        AngularGrid(2, distance=True)
    with pytest.raises(ValueError, match="threshold must be positive for AngularGrid, got 0"):
        AngularGrid(2, threshold=0.0)
    for wrong in (float("nan"), 7.0, 1.0, -0.1):
        with pytest.raises(ValueError, match=r"confidence must be in \[0, 1\), got"):
            AngularGrid(2, confidence=wrong)
    with pytest.raises(ValueError, match=r"merge_deg must be in 0\.\.180, got -5"):
        AngularGrid(2, merge_deg=-5)
    with pytest.raises(TypeError, match="output must be a tensor, got list"):
        AngularGrid(2).decode([1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\(time, column=8, row=4, anchor=5, entry=5\), got"):
        AngularGrid(2).decode(torch.zeros(1, 8, 4, 5, 6))
    twice = Events.from_degrees([0, 0], [0, 1], [0.0, 9.0], [0.0, 0.0])
    with pytest.raises(ValueError, match="events must fit 1 tracks and 1 frames"):
        AngularGrid(2, num_tracks=1).encode(twice, 1)
