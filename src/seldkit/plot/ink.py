"""Colours: of the page a picture lies on, and of the classes on it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from seldkit._checks import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Colour = tuple[float, float, float]
"""Red, green and blue, each from 0 to 1."""

PALETTE = (
    "#404EA9 #F7AE7D #750500 #3694FF #C3B4FE #308F05 #E36D80"
    " #A22471 #1CDDBB #9369BE #AAA41A #705305 #17138B #4E0350"
).split()
"""Colours of the first 14 classes on a white page, told apart with every kind of colour vision.

Found by maximising the smallest distance in OKLab as seen with full colour vision and with each
dichromacy (Machado et al., IEEE TVCG 2009); early colours lie furthest apart.
"""
DARK_PALETTE = (
    "#4D97FF #F2F275 #EA0102 #BB7E9C #5AFFFC #B002E5 #5EDB0D"
    " #91AA60 #3571A8 #C8C9BE #F4A2FB #FC41E1 #CD118E #747246"
).split()
"""Their colours on a dark page, found in the same way among those that stand out from it."""
WHITE_PAPER: Colour = (1.0, 1.0, 1.0)
DARK_PAPER: Colour = (0.12, 0.13, 0.16)
"""What pages are taken for where their colour is not known."""
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.5)), (0, (6, 1.5, 1, 1.5)))
"""Line styles of the first 14 classes, of the next 14, and so on."""


class Ink(NamedTuple):
    """What a picture is drawn in, and on.

    Attributes:
        text: Colour of the text, which stands out from the page.
        paper: Colour of the page.
    """

    text: Colour
    paper: Colour

    @property
    def palette(self) -> list[str]:
        """The colours of the classes on such a page."""
        return DARK_PALETTE if sum(self.text) > sum(self.paper) else PALETTE

    def pale(self, colour: str | Colour, share: float) -> Colour:
        """Return a colour into which a share of the page's is mixed."""
        return _mix(colour, self.paper, share)

    def strong(self, colour: str | Colour, share: float) -> Colour:
        """Return a colour into which a share of the text's is mixed."""
        return _mix(colour, self.text, share)


def ink_of(axes: "Axes") -> Ink:
    """Return the ink of axes: what the style in use, or whoever made them, has given them.

    Where nothing is painted below them, the page is taken for white if the text is dark, and for a
    dark one if it is light.
    """
    colours = require("matplotlib.colors", "plot")
    text: Colour = colours.to_rgb(axes.xaxis.label.get_color())
    paper = DARK_PAPER if sum(text) > 1.5 else WHITE_PAPER
    for painted in (axes.figure.get_facecolor(), axes.get_facecolor()):
        *colour, opacity = colours.to_rgba(painted)
        paper = _mix(paper, (colour[0], colour[1], colour[2]), opacity)
    return Ink(text, paper)


class Look(NamedTuple):
    """How a class is told from the others: by its colour and the dashes of its lines."""

    colour: str
    dashes: str | tuple[int, tuple[float, ...]]


def class_looks(labels: Iterable[int], ink: Ink) -> dict[int, Look]:
    """Return the look of each class of a picture, by its number.

    The first 56 classes have a look of their own, the same in every picture. A later one has that
    of class `label % 56` or, where that is taken, the next that is free.
    """
    looks = [Look(colour, dashes) for dashes in DASHES for colour in ink.palette]
    taken: dict[int, int] = {}
    for label in sorted(set(labels)):
        places = [(label + step) % len(looks) for step in range(len(looks))]
        free = [place for place in places if place not in taken.values()]
        taken[label] = (free or places)[0]
    return {label: looks[place] for label, place in taken.items()}


def _mix(colour: str | Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (
        own + share * (theirs - own)
        for own, theirs in zip(
            require("matplotlib.colors", "plot").to_rgb(colour), other, strict=True
        )
    )
    return red, green, blue
