"""Label files of the DCASE challenges: which columns stand in a row of which edition.

Frames counted from 0, of 100 ms (20 ms in 2019), classes from 0. Angles are in degrees, azimuth
counter-clockwise. Rows of different length are different layouts:

- Labels are polar. Since 2023 a sixth column holds the distance in centimetres.
- Outputs of the official systems are Cartesian, as long as the network's vector, and since 2023
  with a distance in metres. They hold source 0 in every row, and 0 for a distance that the system
  does not tell. In 2019 they are polar, in whole degrees.
- Four columns are polar rows without a source.

Two editions have a header: the event lists of 2019, with elevation before azimuth, and all files of
2025, whose stereo sound has no elevation.

Source: the label readers and output writers of the official baselines, 2019 to 2025.
"""

from seldkit.io.layout import Edition

POLAR = ("frame", "class", "source", "azimuth", "elevation")
CARTESIAN = ("frame", "class", "source", "x", "y", "z")
SOURCELESS = ("frame", "class", "azimuth", "elevation")
STEREO = ("frame", "class", "source", "azimuth", "distance_cm", "onscreen")

TAU2019_CLASSES = (
    "knock",
    "drawer",
    "clearthroat",
    "phone",
    "keysDrop",
    "speech",
    "keyboard",
    "pageturn",
    "cough",
    "doorslam",
    "laughter",
)

NIGENS2020_CLASSES = (
    "alarm",
    "baby",
    "crash",
    "dog",
    "engine",
    "female_scream",
    "female_speech",
    "fire",
    "footsteps",
    "knock",
    "male_scream",
    "male_speech",
    "phone",
    "piano",
)

NIGENS2021_CLASSES = tuple(name for name in NIGENS2020_CLASSES if name not in ("engine", "fire"))

STARSS_CLASSES = (
    "female_speech",
    "male_speech",
    "clapping",
    "telephone",
    "laughter",
    "domestic_sounds",
    "footsteps",
    "door",
    "music",
    "musical_instrument",
    "water_tap",
    "bell",
    "knock",
)
"""The names of STARSS22 and STARSS23, and of the stereo sound of 2025, in short."""

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

FORMATS = {
    "dcase2019": _2019,
    "dcase2020": _2020,
    "dcase2021": _2020,
    "dcase2022": _2022,
    "dcase2023": _2023,
    "dcase2024": _2023,
    "dcase2025": _2025,
}
