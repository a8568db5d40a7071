"""The label formats: which columns stand in the files of which edition of the challenges.

**DCASE.** Frames counted from 0, of 100 ms (20 ms in 2019), classes from 0. Angles are in degrees,
azimuth counter-clockwise. Rows of different length are different layouts:

- Labels are polar. Since 2023 a sixth column holds the distance in centimetres.
- Outputs of the official systems are Cartesian, as long as the network's vector, and since 2023
  with a distance in metres. They hold source 0 in every row, and 0 for a distance that the system
  does not tell. In 2019 they are polar, in whole degrees.
- Four columns are polar rows without a source.

Two editions have a header: the event lists of 2019, with elevation before azimuth, and all files of
2025, whose stereo sound has no elevation.

**L3DAS, task 2.** Labels are event lists with positions in metres, under a header whose columns are
read by name; another column, such as the audio file's name, may stand among them. Outputs of
systems are rows of frame, class and position without a header. Clips last 60 s in 2021 and 30 s
after it. Positions of 2023 are cylindrical: x = -rho sin(theta), y = rho cos(theta).

Source: the label readers and output writers of the official baselines of DCASE, 2019 to 2025, and
of the official repositories, L3DAS21 to L3DAS23.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from seldkit._checks import check_choice, check_positive, integer
from seldkit.events.rows import DAY_S, MAX_FRAMES
from seldkit.io.classes import L3DAS_CLASSES, TAU2019_CLASSES
from seldkit.io.columns import Layout, Unit

FrameRule = Literal["published", "plain"]

Kind = Literal["label", "output"]
"""Whether a file holds labels or what a system found."""


class Edition(NamedTuple):
    """How the label files of one edition are laid out.

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

    def names_classes(self, kind: Kind | None) -> bool:
        """Return whether files of a kind hold the names of classes: whether they list events."""
        return self.lists_events and (kind or self.kind) in self.headed

    @property
    def has_distances(self) -> bool:
        """Whether any file of the format tells a distance."""
        layouts = (*self.rows, tuple(self.header.values()))
        return any(name.endswith(("_m", "_cm")) for layout in layouts for name in layout)

    @property
    def max_frames(self) -> int:
        """Frames of a day, which no clip reaches, and no more than events can have."""
        return min(round(DAY_S / self.frame_s), MAX_FRAMES)


POLAR = ("frame", "class", "source", "azimuth", "elevation")
CARTESIAN = ("frame", "class", "source", "x", "y", "z")
SOURCELESS = ("frame", "class", "azimuth", "elevation")
STEREO = ("frame", "class", "source", "azimuth", "distance_cm", "onscreen")
POSITION = ("x_m", "y_m", "z_m")
CYLINDER = ("rho_m", "theta", "z_m")

_2019 = Edition(
    rows=(SOURCELESS,),
    labels=((*POLAR, "distance_m"), POLAR),
    outputs=(SOURCELESS,),
    header={
        "sound_event_recording": "class",
        "start_time": "start",
        "end_time": "end",
        "ele": "elevation",
        "azi": "azimuth",
        "dist": "distance_m",
    },
    optional=("dist",),
    headed=("label",),
    classes=TAU2019_CLASSES,
    frame_s=0.02,
    usual_s=60.0,
    whole_degrees=True,
)
_2020 = Edition(
    rows=(SOURCELESS, POLAR, CARTESIAN), labels=(POLAR,), outputs=(CARTESIAN,), repeats=False
)
_2022 = _2020._replace(repeats=True)
_2023 = Edition(
    rows=(SOURCELESS, POLAR, (*POLAR, "distance_cm"), (*CARTESIAN, "distance_m")),
    labels=((*POLAR, "distance_cm"), POLAR),
    outputs=((*CARTESIAN, "distance_m"),),
    zero_distance=True,
)
_2025 = Edition(
    rows=(),
    labels=(STEREO,),
    outputs=(STEREO,),
    header=dict(
        zip(("frame", "class", "source", "azimuth", "distance", "onscreen"), STEREO, strict=True)
    ),
    headed=("label", "output"),
    dummy_source=True,
)


def _l3das(names: tuple[str, ...], position: tuple[str, ...], duration_s: float) -> Edition:
    row = ("frame", "class", *position)
    columns = ("start", "end", "class", *position)
    return Edition(
        rows=(row,),
        labels=(("frame", "class", "source", *position),),
        outputs=(row,),
        header=dict(zip(("Start", "End", "Class", *names), columns, strict=True)),
        classes=L3DAS_CLASSES,
        duration_s=duration_s,
        frames="squeezed",
        headed=("label",),
        kind="output",
    )


FORMATS = {
    "dcase2019": _2019,
    "dcase2020": _2020,
    "dcase2021": _2020,
    "dcase2022": _2022,
    "dcase2023": _2023,
    "dcase2024": _2023,
    "dcase2025": _2025,
    "l3das21": _l3das(("X", "Y", "Z"), POSITION, 60.0),
    "l3das22": _l3das(("X", "Y", "Z"), POSITION, 30.0),
    "l3das23": _l3das(("rho", "theta", "z"), CYLINDER, 30.0),
}


def find_edition(
    format: str,
    *,
    classes: Sequence[str] | None = None,
    frame_s: float | None = None,
    frame_rule: FrameRule = "published",
    num_frames: int | None = None,
    distance_unit: Unit | None = None,
) -> Edition:
    """Return a format, where the caller's word stands for the published one.

    Raises:
        TypeError: If a number is none, or `classes` one name.
        ValueError: If the format, the frame rule or the unit is unknown, the format has no
            distances for a unit, or a number is not positive.
    """
    check_choice("format", format, FORMATS)
    check_choice("frame_rule", frame_rule, ("published", "plain"))
    check_choice("distance_unit", distance_unit, (None, "cm", "m"))
    edition = FORMATS[format]
    if distance_unit is not None and not edition.has_distances:
        raise ValueError(
            f"distance_unit must be None for {format}, which has no distances,"
            f" got {distance_unit!r}"
        )
    if isinstance(classes, str):
        raise TypeError(f"classes must be a sequence of names, got {classes!r}")
    if classes is not None:
        edition = edition._replace(classes=tuple(classes))
    if frame_s is not None:
        check_positive(frame_s=frame_s)
        edition = edition._replace(frame_s=frame_s)
    if frame_rule == "plain":
        edition = edition._replace(frames="rounded")
    if num_frames is not None:
        num_frames = integer("num_frames", num_frames)
        if not 0 <= num_frames <= edition.max_frames:
            raise ValueError(f"num_frames must lie in 0..{edition.max_frames}, got {num_frames}")
        edition = edition._replace(duration_s=num_frames * edition.frame_s)
    return edition
