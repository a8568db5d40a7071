"""Names of the classes of published corpora, in the order of their numbers."""

from collections.abc import Iterable

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
"""The names of the 11 classes of TAU Spatial Sound Events 2019."""

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
"""The names of the 14 classes of TAU-NIGENS Spatial Sound Events 2020."""

NIGENS2021_CLASSES = tuple(name for name in NIGENS2020_CLASSES if name not in ("engine", "fire"))
"""The names of the 12 classes of TAU-NIGENS Spatial Sound Events 2021."""

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

L3DAS_CLASSES = (
    "Chink_and_clink",
    "Computer_keyboard",
    "Cupboard_open_or_close",
    "Drawer_open_or_close",
    "Female_speech_and_woman_speaking",
    "Finger_snapping",
    "Keys_jangling",
    "Knock",
    "Laughter",
    "Male_speech_and_man_speaking",
    "Printer",
    "Scissors",
    "Telephone",
    "Writing",
)
"""The names of the 14 classes of L3DAS21 to L3DAS23."""


def check_class_names(classes: Iterable[str], *, without: str = "") -> None:
    """Raise `ValueError` for the first name that a line of a text file cannot hold as it is.

    Args:
        classes: Names of classes.
        without: Characters that separate what stands in a line.

    Examples:
        >>> check_class_names(["alarm", "baby cry, infant cry"], without=",")
        Traceback (most recent call last):
        ...
        ValueError: classes must have names without ',' in this file, got 'baby cry, infant cry'
    """
    for name in classes:
        if not name or name != name.strip() or not name.isprintable():
            raise ValueError(
                "classes must have names of printable characters, without spaces around them, in"
                f" this file, got {name!r}"
            )
        for character in without:
            if character in name:
                raise ValueError(
                    f"classes must have names without {character!r} in this file, got {name!r}"
                )
