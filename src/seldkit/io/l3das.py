"""Label files of the L3DAS challenges, task 2: event lists with positions in metres.

Labels have a header, whose columns are read by name; another column, such as the audio file's name,
may stand among them. Outputs of systems are rows of frame, class and position without a header.
Clips last 60 s in 2021 and 30 s after it. Positions of 2023 are cylindrical: x = -rho sin(theta),
y = rho cos(theta).

Source: the label readers and output writers of the official repositories, L3DAS21 to L3DAS23.
"""

from seldkit.io.layout import Edition

POSITION = ("x_m", "y_m", "z_m")
CYLINDER = ("rho_m", "theta", "z_m")

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


def _edition(names: tuple[str, ...], position: tuple[str, ...], duration_s: float) -> Edition:
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
    "l3das21": _edition(("X", "Y", "Z"), POSITION, 60.0),
    "l3das22": _edition(("X", "Y", "Z"), POSITION, 30.0),
    "l3das23": _edition(("rho", "theta", "z"), CYLINDER, 30.0),
}
