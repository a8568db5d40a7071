"""Colours are told apart by everybody, on white pages and on dark ones."""

from itertools import combinations

import matplotlib.style
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from plot.drawn import glide
from seldkit.events import Events
from seldkit.plot import DARK_PALETTE, PALETTE, plot_events
from seldkit.plot.ink import DARK_PAPER, Ink, class_looks, ink_of

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

WHITE, DARK = Ink((0, 0, 0), (1, 1, 1)), Ink((1, 1, 1), (0, 0, 0))
LIGHTEST_PAPER = "#1E2129"  # the lightest of the pages that are called dark


def rgb(code: str) -> tuple[float, ...]:
    return tuple(int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))


def light_of(palette: list[str]) -> NDArray[np.float64]:
    codes = np.array([rgb(code) for code in palette])
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("palette", [PALETTE, DARK_PALETTE], ids=["white", "dark"])
@pytest.mark.parametrize("sight", DICHROMACY)
def test_colours_are_told_apart_by_everybody(sight: str, palette: list[str]) -> None:
    seen = np.clip(light_of(palette) @ np.array(DICHROMACY[sight]).T, 0, 1)
    lab = np.cbrt(seen @ np.array(LIGHT_TO_CONES).T) @ np.array(CONES_TO_LAB).T
    distances = [float(np.linalg.norm(a - b)) for a, b in combinations(lab, 2)]
    # The six colours of Okabe and Ito, a common standard, come as close as 0.076.
    assert min(distances) > (0.15 if sight == "trichromacy" else 0.09)
    assert len(palette) >= 13


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


def test_dark_pages_have_colours_that_stand_out() -> None:
    *light, paper = light_of([*DARK_PALETTE, LIGHTEST_PAPER]) @ [0.2126, 0.7152, 0.0722]
    assert min((value + 0.05) / (paper + 0.05) for value in light) > 3  # WCAG 2.1, 1.4.11


def test_every_class_of_a_picture_has_a_look_of_its_own() -> None:
    looks = class_looks([3, 59, 60, 169], WHITE)  # 59 is 3 + 56, and 60 would be the next
    assert len(set(looks.values())) == 4
    assert looks[3] == class_looks([3], WHITE)[3]
    assert len(set(class_looks(range(56), DARK).values())) == 56
    assert len(class_looks(range(170), DARK)) == 170


def test_the_ink_is_that_of_the_style_or_of_the_axes() -> None:
    panel = Figure().add_subplot()
    assert ink_of(panel) == WHITE
    with matplotlib.style.context("dark_background"):
        assert ink_of(Figure().add_subplot()) == DARK
        clear = Figure(facecolor="none").add_subplot(facecolor="none")
        assert ink_of(clear) == DARK._replace(paper=DARK_PAPER)
        line, *_ = plot_events(glide([0, 0])).axes[0].get_lines()
    assert line.get_color() == pytest.approx(rgb(DARK_PALETTE[0]))
    panel.set_facecolor("#202020")
    panel.xaxis.label.set_color("white")
    assert ink_of(panel).palette is DARK_PALETTE
