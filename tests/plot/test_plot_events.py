"""A picture shows every row once, with no stroke that is not there."""

import importlib
import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.typing import NDArray

from plot import drawn
from plot.drawn import glide
from seldkit.events import Events
from seldkit.io import read_events
from seldkit.plot import PALETTE, plot_events

Lines = list[tuple[NDArray[np.float64], NDArray[np.float64]]]


def strokes(events: Events, panel: int = 0) -> Lines:
    """Return the unbroken lines of a panel, as times in seconds and degrees."""
    return [(s[:, 0], s[:, 1]) for s in drawn.strokes(plot_events(events).axes[panel])]


def test_a_source_is_one_line_from_its_first_to_its_last_moment() -> None:
    ((time, azimuth),) = strokes(glide([10, 20, 30], frames=[5, 6, 7]))
    np.testing.assert_allclose(time, [0.5, 0.55, 0.65, 0.75, 0.8])
    np.testing.assert_allclose(azimuth, [10, 10, 20, 30, 30])
    ((_, elevation),) = strokes(glide([10, 20, 30]), panel=1)
    np.testing.assert_allclose(elevation, [10] * 5)


@pytest.mark.parametrize(
    ("azimuth", "edges"), [([170.0, -170.0], (180, -180)), ([-170.0, 150.0], (-180, 180))]
)
def test_a_line_leaves_at_one_edge_and_comes_in_at_the_other(
    azimuth: list[float], edges: tuple[int, int]
) -> None:
    (out_time, out), (in_time, back) = strokes(glide(azimuth))
    assert (out[-1], back[0]) == edges
    assert out_time[-1] == in_time[0]
    assert 0.05 < out_time[-1] < 0.15


def test_lines_break_where_the_sound_does() -> None:
    assert len(strokes(glide([0, 0, 0, 0], frames=[0, 1, 3, 4]))) == 2  # a pause
    assert len(strokes(glide([0, 0, 120, 120]))) == 2  # a jump
    for start in range(-180, 135, 7):
        assert len(strokes(glide([start, start + 45]))) == 1  # just no jump
    other = Events.from_degrees([0, 1, 2], [0] * 3, [0, 0, 0], [0] * 3, source=[0, 1, 1])
    assert len(strokes(other)) == 2
    twins = Events.from_degrees([0, 0, 1, 1], [0] * 4, [0, 30, 0, 30], [0] * 4, source=[-1] * 4)
    np.testing.assert_allclose([azimuth for _, azimuth in strokes(twins)], [[0] * 4, [30] * 4])


def test_no_stroke_crosses_the_panel() -> None:
    events = Events(
        torch.arange(300) // 3,
        torch.arange(300) % 3,
        torch.nn.functional.normalize(torch.randn(300, 3, dtype=torch.float64), dim=-1),
    )
    for panel in (0, 1):
        assert max(np.abs(np.diff(angle)).max() for _, angle in strokes(events, panel)) <= 180
        assert all(np.abs(angle).max() <= (180, 90)[panel] for _, angle in strokes(events, panel))


def test_a_single_frame_is_a_dot() -> None:
    figure = plot_events(glide([50, 60], frames=[3, 9]))
    dots = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == "None"]
    assert [line.get_marker() for line in dots] == ["o"]
    np.testing.assert_allclose(np.asarray(dots[0].get_xydata()), np.array([[0.35, 50], [0.95, 60]]))


def test_the_legend_names_classes_in_the_order_of_their_onset() -> None:
    reference = Events.from_degrees([5, 6, 9], [2, 2, 0], [0] * 3, [0] * 3)
    prediction = Events.from_degrees([1], [1], [0], [0])
    figure = plot_events(reference, prediction, classes=["dog", "rain", "bell"], title="clip 7")
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["rain", "bell", "dog", "reference", "prediction"]
    assert figure.axes[0].get_title(loc="left") == "clip 7"
    alone = plot_events(reference).legends[0]
    assert [text.get_text() for text in alone.get_texts()] == ["2", "0"]


def test_the_reference_is_thick_and_pale_and_the_prediction_thin_and_dark_on_top() -> None:
    pale, dark = (
        line
        for line in plot_events(glide([0, 0]), glide([0, 0])).axes[0].get_lines()
        if line.get_linestyle() != "None"
    )
    assert pale.get_linewidth() > 3 * dark.get_linewidth()
    assert pale.get_zorder() < dark.get_zorder()
    assert sum(pale.get_color()) > sum(dark.get_color())  # type: ignore[arg-type]


def test_the_time_axis_is_the_clip() -> None:
    events = Events.from_degrees([0], [0], [0], [0], num_frames=250)
    assert plot_events(events).axes[1].get_xlim() == (0, 25)
    fine = replace(events, frame_s=0.02)
    assert plot_events(fine).axes[1].get_xlim() == (0, 5)
    assert plot_events(fine, events).axes[1].get_xlim() == (0, 25)
    assert plot_events(glide([0] * 40)).axes[1].get_xlim() == (0, 4)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_no_events_are_a_picture_too(suffix: str) -> None:
    empty = Events.from_degrees([], [], [], [])
    for figure in (plot_events(empty), plot_events(empty, empty), plot_events(glide([0]), empty)):
        figure.savefig(file := io.BytesIO(), format=suffix)
        assert len(file.getvalue()) > 1000


def test_pictures_open_no_window() -> None:
    plot_events(glide([0, 1, 2])).savefig(io.BytesIO())
    assert importlib.import_module("matplotlib.pyplot").get_fignums() == []


def test_real_labels_are_drawn(data: Callable[[str], Path]) -> None:
    file = data("starss22_metadata/dev-test-sony/fold4_room23_mix004.csv")
    figure = plot_events(read_events(file, format="dcase2022"))
    figure.savefig(io.BytesIO())
    assert len(figure.legends[0].get_texts()) > 5


def test_distances_are_a_panel_where_they_are_known() -> None:
    known, unknown = glide([0, 10], distance=[1.5, 2.0]), glide([0, 10])
    figure = plot_events(unknown, known)
    assert [axes.get_ylabel() for axes in figure.axes][2:] == ["distance (m)"]
    (line,) = drawn.strokes(figure.axes[2])
    np.testing.assert_allclose(line[:, 1], [1.5, 1.5, 2.0, 2.0])
    assert len(plot_events(unknown).axes) == 2


def test_one_side_alone_has_the_full_colour() -> None:
    line, *_ = plot_events(glide([0, 0], label=3)).axes[0].get_lines()
    assert to_hex(line.get_color()).upper() == PALETTE[3]
    assert len(plot_events(glide([0, 0])).legends[0].get_texts()) == 1


def test_axes_are_taken_as_they_are_given() -> None:
    figure = Figure()
    panels = figure.subplots(3, 2)
    events = glide([0, 10], distance=[1.5, 2.0])
    assert plot_events(events, axes=panels[:, 0]) is figure
    assert [axes.get_ylabel() for axes in panels[:, 1]] == ["", "", ""]
    assert panels[2, 0].get_ylabel() == "distance (m)"
    assert drawn.legend(panels[0, 0]) == ["0"]
    assert plot_events(events, axes=panels[:2, 1]) is figure  # without the distance
    assert figure.legends == []
    _, part = np.ravel(np.asarray(Figure().subfigures(1, 2), dtype=object))
    assert plot_events(events, axes=part.subplots(3)) is not part


def test_a_legend_of_many_classes_counts_those_it_does_not_name() -> None:
    label = np.arange(170)
    events = Events.from_degrees(label, label, label, label * 0)
    texts = drawn.names(plot_events(events).legends[0].get_texts())
    assert (len(texts), texts[35], texts[36]) == (37, "35", "and 134 more")


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="classes must name class 4, got 2 names"):
        plot_events(glide([0], label=4), classes=["dog", "rain"])
    with pytest.raises(TypeError, match="classes must be a list of names, got the text 'doors'"):
        plot_events(glide([0], label=4), classes="doors")
    with pytest.raises(ValueError, match="axes must be 2 panels, got 3"):
        plot_events(glide([0]), axes=Figure().subplots(3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'seldkit\[plot\]'"):
            plot_events(glide([0]))
