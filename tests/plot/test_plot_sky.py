"""Directions stand where they are in the sky, and no line crosses it that is not there."""

from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from plot import drawn
from plot.drawn import glide
from seldkit.events import Events
from seldkit.plot import plot_polar, plot_sky


def test_left_is_left_and_the_front_in_the_middle() -> None:
    (panel,) = plot_sky(glide([90]), title="clip 7").axes
    assert (panel.get_xlim(), panel.get_ylim()) == ((180, -180), (-90, 90))
    words = [name.splitlines()[1] for name in drawn.names(panel.get_xticklabels())]
    assert words == ["back", "left", "front", "right", "back"]
    assert panel.get_title(loc="left") == "clip 7"
    (dot,) = drawn.dots(panel)
    np.testing.assert_allclose(dot, [[90, 10]])


def test_a_line_leaves_behind_at_one_edge_and_comes_in_at_the_other() -> None:
    events = Events.from_degrees([0, 1], [0, 0], [170, -160], [0, 30])
    out, back = drawn.strokes(plot_sky(events).axes[0])
    np.testing.assert_allclose(out, [[170, 0], [180, 10]])
    np.testing.assert_allclose(back, [[-180, 10], [-160, 30]])


@given(st.lists(st.tuples(st.floats(-180, 179), st.floats(-90, 90)), min_size=1, max_size=20))
def test_no_line_crosses_the_sky(places: list[tuple[float, float]]) -> None:
    azimuth, elevation = zip(*places, strict=True)
    events = Events.from_degrees(range(len(places)), [0] * len(places), azimuth, elevation)
    for stroke in drawn.strokes(plot_sky(events).axes[0]):
        assert np.abs(np.diff(stroke[:, 0])).max(initial=0) <= 180
        assert np.abs(stroke[:, 0]).max() <= 180


def test_a_map_lies_behind_the_lines() -> None:
    level = torch.zeros(18, 36)
    level[13, 30] = 1.0  # elevation 45°, azimuth 125°
    (image,) = plot_sky(glide([120]), level=level).axes[0].get_images()
    assert tuple(image.get_extent()) == (-180, 180, -90, 90)
    assert image.origin == "lower"
    assert np.asarray(image.get_array()).argmax() == 13 * 36 + 30


def test_a_moment_from_above() -> None:
    reference = Events.from_degrees([4, 5, 5], [0, 0, 1], [0, 90, -90], [0, 0, 60], num_frames=9)
    figure = plot_polar(reference, glide([80], frames=[5]), time_s=0.5, classes=["dog", "bell"])
    (panel,) = figure.axes
    assert panel.get_title(loc="left") == "0.5 s"
    found = np.concatenate(drawn.dots(panel))
    np.testing.assert_allclose(
        found, [[np.pi / 2, 90], [-np.pi / 2, 30], [np.deg2rad(80), 80]], atol=1e-9
    )
    named = ["dog", "bell", "reference", "prediction"]
    assert drawn.names(figure.legends[0].get_texts()) == named
    assert drawn.names(panel.get_xticklabels())[::2] == ["front", "left", "back", "right"]
    assert len(plot_polar(reference, time_s=0.05).axes[0].get_lines()) == 1  # the horizon


def test_axes_are_taken_as_they_are_given() -> None:
    figure = Figure()
    sky, polar = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2, projection="polar")
    assert plot_sky(glide([10, 20]), glide([12, 22]), ax=sky) is figure
    assert plot_polar(glide([10]), time_s=0, ax=cast(PolarAxes, polar)) is figure
    assert drawn.legend(sky) == ["0", "reference", "prediction"]


@pytest.mark.messages
def test_messages() -> None:
    events = Events.from_degrees([0], [0], [0], [0], num_frames=10)
    for time_s in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match="time_s must lie in the clip of 1 s, got"):
            plot_polar(events, time_s=time_s)
    with pytest.raises(ValueError, match="time_s must lie in the clip, got -1"):
        plot_polar(glide([0]), time_s=-1)
    with pytest.raises(ValueError, match="ax must have the projection 'polar', got 'rectilinear'"):
        plot_polar(events, time_s=0, ax=Figure().add_subplot())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"level must be \(elevation, azimuth\), got shape \(3,\)"):
        plot_sky(events, level=torch.zeros(3))
    with pytest.raises(ValueError, match="level must be finite, got nan or infinity in 1 of 4"):
        plot_sky(events, level=torch.tensor([[0.0, torch.nan], [0.0, 0.0]]))
