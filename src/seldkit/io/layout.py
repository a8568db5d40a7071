"""How label files are laid out: which columns, by their place or by the names of a header."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Layout = tuple[str, ...]
"""Names of columns.

- `frame`, `class`, `source`: whole numbers; `start`, `end`: seconds.
- `azimuth`, `elevation`: degrees; without an elevation all is level.
- `x`, `y`, `z`: a vector of any length. `x_m`, `y_m`, `z_m`: a position in metres.
- `rho_m`, `theta`, `z_m`: a position by its distance from the vertical axis in metres and its angle
  from the left in degrees, counter-clockwise.
- `distance_cm`, `distance_m`; `onscreen`: 0 or 1.
"""


class Format(NamedTuple):
    """How the files of one edition are laid out.

    Attributes:
        rows: Layouts without a header, told apart by their number of columns.
        writes: What is written of events: the first layout that they can fill.
        header: Which column stands under which name of a header, in the published order. A file
            with a `start` is an event list: a line for each event, not for each of its frames.
        optional: Names that a header may lack.
        headed: Whether files are written with the header: as event lists, if it is that of one.
        classes: Names of the classes in an event list, in the order of their numbers.
        frame_s: Length of a label frame.
        duration_s: Length of the clip, where it is known.
        frames: Which frames an event of a list covers: the `touched` ones, those between the
            `rounded` times, or the `squeezed` ones of L3DAS.
        repeats: Whether labels may hold the same row twice, as those of STARSS22 do where two
            sounds of a class come from one place.
        dummy_source: Whether systems write source 0 in all rows of a layout that labels have too.
    """

    rows: tuple[Layout, ...]
    writes: tuple[Layout, ...]
    header: Mapping[str, str] = MappingProxyType({})
    optional: tuple[str, ...] = ()
    headed: bool = False
    classes: tuple[str, ...] = ()
    frame_s: float = 0.1
    duration_s: float | None = None
    frames: Literal["touched", "rounded", "squeezed"] = "touched"
    repeats: bool = True
    dummy_source: bool = False

    @property
    def lists_events(self) -> bool:
        """Whether files with a header are event lists."""
        return "start" in self.header.values()

    @property
    def merges(self) -> bool:
        """Whether rows are merged into an event list when they are written."""
        return self.headed and self.lists_events
