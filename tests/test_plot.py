"""A picture shows every row once, with no stroke that is not there."""

import importlib
import io
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from seldkit.events import Events
from seldkit.io import read_events
from seldkit.plot import PALETTE, plot_events

# How the red, green and blue of light look without one kind of cone: Machado, Oliveira and
# Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009.
DICHROMACY = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
    "trichromacy": np.eye(3).tolist(),
}
# Light to cones and cones to lightness and two hues: Ottosson's OKLab, 2020.
LIGHT_TO_CONES = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
CONES_TO_LAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]

Lines = list[tuple[NDArray[np.float64], NDArray[np.float64]]]


def glide(azimuth_deg: list[float], *, frames: list[int] | None = None, label: int = 0) -> Events:
    rows = len(azimuth_deg)
    frames = list(range(rows)) if frames is None else frames
    return Events.from_degrees(frames, [label] * rows, azimuth_deg, [10.0] * rows)


def strokes(events: Events, panel: int = 0) -> Lines:
    """Return the unbroken lines of a panel, as times in seconds and degrees."""
    found = []
    for line in plot_events(events).axes[panel].get_lines():
        if line.get_linestyle() != "None":
            points = np.asarray(line.get_xydata())
            gaps = np.flatnonzero(np.isnan(points[:, 1]))
            found += [s[~np.isnan(s[:, 1])] for s in np.split(points, gaps)]
    return [(s[:, 0], s[:, 1]) for s in found if len(s)]


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


def test_a_class_keeps_its_colour_and_later_classes_have_other_lines() -> None:
    def looks(first: int) -> list[tuple[object, bool]]:
        label = np.arange(first, 2 * len(PALETTE))
        events = Events.from_degrees(label * 0, label, label, label)
        handles = plot_events(events).legends[0].legend_handles
        return [
            (line.get_color(), line.is_dashed()) for line in handles if isinstance(line, Line2D)
        ]

    assert looks(3) == looks(0)[3:]
    assert len(set(looks(0))) == 2 * len(PALETTE)
    assert [dashed for _, dashed in looks(0)] == [False] * len(PALETTE) + [True] * len(PALETTE)


@pytest.mark.parametrize("sight", DICHROMACY)
def test_colours_are_told_apart_by_everybody(sight: str) -> None:
    codes = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in PALETTE])
    light = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    seen = np.clip(light @ np.array(DICHROMACY[sight]).T, 0, 1)
    lab = np.cbrt(seen @ np.array(LIGHT_TO_CONES).T) @ np.array(CONES_TO_LAB).T
    distances = [float(np.linalg.norm(a - b)) for a, b in combinations(lab, 2)]
    # The six colours of Okabe and Ito, a common standard, come as close as 0.076.
    assert min(distances) > (0.15 if sight == "trichromacy" else 0.09)
    assert len(PALETTE) >= 13


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


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="classes must name class 4, got 2 names"):
        plot_events(glide([0], label=4), classes=["dog", "rain"])
    with pytest.raises(TypeError, match="classes must be a list of names, got the text 'doors'"):
        plot_events(glide([0], label=4), classes="doors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'seldkit\[plot\]'"):
            plot_events(glide([0]))
