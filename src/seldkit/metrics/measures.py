"""How far a prediction lies from a reference, as each published script measures it.

A measure takes the references and the predictions of some clips and returns the cost of any pairs
of their rows; what can be computed once for each row is.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._typing import Bool, Float
from seldkit.geometry import angle_deg, within
from seldkit.metrics.matching import Cells, Cost, Pairs, gather_cells, match_cells
from seldkit.metrics.timeline import JoinedClips, Rows, Timeline

Measure = Callable[[Rows, Rows], Cost]


def match_by_class(
    clips: JoinedClips, line: Timeline, measure: Measure
) -> tuple[Cells, Cells, Pairs]:
    """Match predictions to references within each cell of a line: each frame and class.

    Returns:
        The references and the predictions gathered by frame and class, and the matched pairs.
    """
    references, predictions = (
        gather_cells(cell, line.num_cells) for cell in (line.reference, line.prediction)
    )
    cost = measure(clips.reference, clips.prediction)
    return references, predictions, match_cells(references, predictions, cost)


def is_spatial_miss(
    angle: Float[Tensor, " pair"], threshold_deg: float, counting: str
) -> Bool[Tensor, " pair"]:
    """Tell which angles are beyond a limit.

    Where the limit is just met the rounding of the published script decides;
    `counting="corrected"` forgives it.
    """
    return ~within(angle, threshold_deg) if counting == "corrected" else angle > threshold_deg


def exact_angle(references: Rows, predictions: Rows) -> Cost:
    """Measure the angle in degrees, exact near 0 and 180 too; no published script does."""
    a, b = references.direction, predictions.direction
    return lambda row, col: angle_deg(a[row], b[col])


def polar_angle(references: Rows, predictions: Rows) -> Cost:
    r"""Measure the angle in degrees as the scripts of dcase2020 to dcase2023 do.

    With azimuth $\phi$ and elevation $\theta$ of both directions the angle is
    $\arccos(\sin\theta_a \sin\theta_b + \cos\theta_a \cos\theta_b \cos|\phi_a - \phi_b|)$.
    The arc cosine loses half of the digits near 0, so equal directions may lie up to 1e-6 degrees
    apart. Every step is the published one in numpy, down to the last bit: sources at one elevation
    often have two matchings of the same cost, and that bit decides between them.
    """
    (azimuth_a, sine_a, cosine_a), (azimuth_b, sine_b, cosine_b) = (
        _polar(rows) for rows in (references, predictions)
    )

    def cost(row: Tensor, col: Tensor) -> Tensor:
        i, j = row.numpy(), col.numpy()
        across = cosine_a[i] * cosine_b[j] * np.cos(np.abs(azimuth_a[i] - azimuth_b[j]))
        return _arc_cosine_deg(sine_a[i] * sine_b[j] + across)

    return cost


def cartesian_angle(references: Rows, predictions: Rows) -> Cost:
    r"""Measure the angle in degrees as the script of dcase2024 does.

    The vectors are divided by $\sqrt{x^2 + y^2 + z^2 + 10^{-10}}$, a little too much, before the
    arc cosine of their product is taken. So equal directions lie 8.1e-4 degrees apart, and near
    them angles come out too large; from 1 degree on the excess is below 4e-7.
    """
    a, b = (_shortened(rows.direction) for rows in (references, predictions))
    return lambda row, col: _arc_cosine_deg((a[row.numpy()] * b[col.numpy()]).sum(axis=-1))


def folded_azimuth(references: Rows, predictions: Rows) -> Cost:
    """Measure the difference of azimuths in degrees as the script of dcase2025 does.

    Stereo recordings do not tell front from back: azimuths are mirrored to the front, to
    [-90, 90], before they are compared. Elevations have no say. As in the script, azimuths are
    wrapped to [-180, 180) first, those within it too: that leaves other last bits, which decide
    where two matchings cost the same.
    """
    a, b = (_folded_deg(rows.azimuth_elevation_deg()[0]) for rows in (references, predictions))
    return lambda row, col: (a[row] - b[col]).abs()


def position_distance(references: Rows, predictions: Rows) -> Cost:
    """Measure the distance of positions in metres; nan where a distance is not known."""
    a, b = (rows.direction * rows.distance.unsqueeze(-1) for rows in (references, predictions))
    return lambda row, col: torch.linalg.vector_norm(a[row] - b[col], dim=-1)


def _polar(rows: Rows) -> tuple[NDArray[np.float64], ...]:
    """Return azimuth in radians, sine and cosine of the elevation."""
    azimuth, elevation = (degrees.numpy() * np.pi / 180 for degrees in rows.azimuth_elevation_deg())
    return azimuth, np.sin(elevation), np.cos(elevation)


def _shortened(direction: Tensor) -> NDArray[np.float64]:
    vector: NDArray[np.float64] = direction.numpy()
    length: NDArray[np.float64] = np.sqrt((vector**2).sum(axis=-1, keepdims=True) + 1e-10)
    return vector / length


def _arc_cosine_deg(cosine: NDArray[np.float64]) -> Float[Tensor, " pair"]:
    return torch.as_tensor(np.arccos(np.clip(cosine, -1, 1)) * 180 / np.pi)


def _folded_deg(azimuth: Tensor) -> Float[Tensor, " row"]:
    azimuth = (azimuth + 180) % 360 - 180
    azimuth = torch.where(azimuth < -90, -180 - azimuth, azimuth)
    return torch.where(azimuth > 90, 180 - azimuth, azimuth)
