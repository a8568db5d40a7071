"""Energy maps stand where they are in the sky, and move."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PathCollection

from random_maps import random_maps
from seldkit.events import EnergyMaps
from seldkit.plot import animate_maps, plot_maps
from seldkit.plot.canvas import new_figure


def test_points_masks_and_energy_stand_where_they_are() -> None:
    maps = EnergyMaps([2, 7], [0, 1], [0, 0, 1], [90, 96, 0], [30, 30, 0], [1, 0.25, 1])
    figure = plot_maps(maps, maps, classes=["speech", "bell"])
    first, second = figure.axes
    assert [panel.get_title(loc="left") for panel in (first, second)] == ["0.2 s", "0.7 s"]
    assert first.get_xlim() == (180, -180)
    (image,) = first.get_images()
    row, column = divmod(int(np.asarray(image.get_array()).argmax()), 180)
    assert abs(90 - 2 * row - 30) <= 2
    assert abs(-180 + 2 * column - 91) <= 3
    mask, points, other = first.collections
    (sides,) = mask.get_paths()
    azimuth = np.asarray(sides.vertices)[:, 0]
    assert 75 < azimuth.min() < azimuth.max() < 112
    assert isinstance(points, PathCollection)
    np.testing.assert_allclose(np.asarray(points.get_offsets()), [[90, 30], [96, 30]])
    assert points.get_sizes().tolist() == [30, 7.5]
    assert other.get_linestyle() != mask.get_linestyle()
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["speech", "bell", "reference", "prediction"]


def test_few_frames_are_chosen_or_those_asked_for() -> None:
    maps = random_maps(0, rows=20, frames=15)
    assert len(plot_maps(maps).axes) == 6
    assert [p.get_title(loc="left") for p in plot_maps(maps, frames=[1]).axes] == ["0.1 s"]
    panels = new_figure(4, 4).subplots(2, 1)
    assert plot_maps(maps, frames=[0, 1], axes=panels).axes == list(panels)


def test_a_moving_picture_is_kept(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    maps = random_maps(0, rows=3, frames=2)
    animation = animate_maps(maps, maps, speed=2.0)
    animation.save(tmp_path / "maps.gif", writer="pillow", dpi=20)
    assert (tmp_path / "maps.gif").read_bytes().startswith(b"GIF")


@pytest.mark.messages
def test_what_cannot_be_drawn_is_told() -> None:
    maps = random_maps(0, rows=3)
    with pytest.raises(ValueError, match="frames must name one where nothing sounds, got none"):
        plot_maps(EnergyMaps([], [], [], [], [], []))
    with pytest.raises(ValueError, match="axes must be 2 panels, got 1"):
        plot_maps(maps, frames=[0, 1], axes=[new_figure(2, 2).add_subplot()])
    with pytest.raises(ValueError, match="classes must name class"):
        plot_maps(maps, classes=[])
    with pytest.raises(ValueError, match="speed must be positive, got 0"):
        animate_maps(maps, speed=0)
    slow = EnergyMaps([0], [0], [0], [0], [0], [1], frame_s=0.02)
    for draw in (plot_maps, animate_maps):
        with pytest.raises(ValueError, match=r"prediction.frame_s must be 0.1 as the reference's"):
            draw(maps, slow)
