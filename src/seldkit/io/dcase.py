"""Label files of the DCASE challenges: which columns stand in a row of which edition.

Frames of 100 ms counted from 0, classes from 0, no header. Angles are in degrees, azimuth
counter-clockwise. Rows of different length are different layouts:

- Labels are polar. Since 2023 a sixth column holds the distance in centimetres.
- Outputs of the official systems are Cartesian, as long as the network's vector, and in 2023 with
  a distance in metres. They hold source 0 in every row.
- Four columns are polar rows without a source.

Source: the label readers and output writers of the official baselines, 2020 to 2023.
"""

from typing import NamedTuple

POLAR = ("frame", "class", "source", "azimuth", "elevation")
CARTESIAN = ("frame", "class", "source", "x", "y", "z")


class Format(NamedTuple):
    """How the rows of one edition are laid out.

    Attributes:
        reads: Layouts that are read, told apart by their number of columns.
        writes: Layouts that are written: the first whose columns the events can fill.
        repeats: Whether labels may hold the same row twice, as those of STARSS22 do where two
            sounds of a class come from one place.
    """

    reads: tuple[tuple[str, ...], ...]
    writes: tuple[tuple[str, ...], ...]
    repeats: bool


FORMATS = {
    "dcase2020": Format(reads=(POLAR, CARTESIAN), writes=(POLAR,), repeats=False),
    "dcase2021": Format(reads=(POLAR, CARTESIAN), writes=(POLAR,), repeats=False),
    "dcase2022": Format(reads=(POLAR, CARTESIAN), writes=(POLAR,), repeats=True),
    "dcase2023": Format(
        reads=(
            ("frame", "class", "azimuth", "elevation"),
            POLAR,
            (*POLAR, "distance_cm"),
            (*CARTESIAN, "distance_m"),
        ),
        writes=((*POLAR, "distance_cm"), POLAR),
        repeats=True,
    ),
}
