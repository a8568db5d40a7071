"""How label files are laid out: which columns, by their place or by the names of a header."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from seldkit.events.rows import DAY_S, MAX_FRAMES

Kind = Literal["label", "output"]
"""Whether a file holds labels or what a system found."""

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
        labels: What is written of events as labels: the first layout that they can fill.
        outputs: The same as the output of a system.
        header: Which column stands under which name of a header, in the published order. A file
            with a `start` is an event list: a line for each event, not for each of its frames.
        optional: Names that a header may lack.
        headed: Which kinds are written with the header: as event lists, if it is that of one.
        classes: Names of the classes in an event list, in the order of their numbers.
        frame_s: Length of a label frame, in seconds.
        duration_s: Length of the clip, where it is known.
        usual_s: Length of the clips of the corpus; a list whose events all end by then is of one.
        frames: Which frames an event of a list covers: the `touched` ones, those between the
            `rounded` times, or the `squeezed` ones of L3DAS.
        repeats: Whether labels may hold the same row twice, as those of STARSS22 do where two
            sounds of a class come from one place.
        dummy_source: Whether systems write source 0 in all rows of a layout that labels have too.
        kind: What is written if the caller does not say.
        zero_distance: Whether outputs hold 0 where a system knows no distance.
        whole_degrees: Whether outputs hold angles in whole degrees.
    """

    rows: tuple[Layout, ...]
    labels: tuple[Layout, ...]
    outputs: tuple[Layout, ...]
    header: Mapping[str, str] = MappingProxyType({})
    optional: tuple[str, ...] = ()
    headed: tuple[Kind, ...] = ()
    classes: tuple[str, ...] = ()
    frame_s: float = 0.1
    duration_s: float | None = None
    usual_s: float | None = None
    frames: Literal["touched", "rounded", "squeezed"] = "touched"
    repeats: bool = True
    dummy_source: bool = False
    kind: Kind = "label"
    zero_distance: bool = False
    whole_degrees: bool = False

    @property
    def lists_events(self) -> bool:
        """Whether files with a header are event lists."""
        return "start" in self.header.values()

    @property
    def has_distances(self) -> bool:
        """Whether any file of the format tells a distance."""
        layouts = (*self.rows, tuple(self.header.values()))
        return any(name.endswith(("_m", "_cm")) for layout in layouts for name in layout)

    @property
    def max_frames(self) -> int:
        """Frames of a day, which no clip reaches, and no more than events can have."""
        return min(round(DAY_S / self.frame_s), MAX_FRAMES)
