"""The sphere cut into cells of azimuth and elevation, whose neighbours overlap."""

from dataclasses import dataclass

import torch
from torch import Tensor

from seldkit._checks import check_number, check_positive, check_vectors, shortest
from seldkit._typing import Bool, Float
from seldkit.geometry import azimuth_elevation_deg, unit_vector


@dataclass(frozen=True)
class AngularCells:
    """Cells of one width in azimuth and elevation, that reach into their neighbours.

    Columns begin behind (azimuth -180) and go counter-clockwise; rows begin below. A direction lies
    in every cell whose centre is within reach: the reach is half a cell and the overlap, so that
    with the overlap of half a cell most directions lie in four cells.

    Source: Kim et al., "AD-YOLO: you look only once in training multiple sound event localization
    and detection", ICASSP 2023.

    Args:
        cell_deg: Width of a cell in degrees, which divides 180.
        overlap: How far a cell reaches into its neighbours, in cells, at most 0.5.

    Raises:
        ValueError: If the width does not divide 180, or the overlap is not in 0..0.5.

    Examples:
        >>> cells = AngularCells()
        >>> cells.columns, cells.rows
        (8, 4)
        >>> cells.holding(torch.tensor([1.0, 0.0, 0.0])).nonzero().tolist()
        [[3, 1], [3, 2], [4, 1], [4, 2]]
    """

    cell_deg: float = 45.0
    overlap: float = 0.5

    def __post_init__(self) -> None:
        check_positive(cell_deg=self.cell_deg)
        check_number(overlap=self.overlap)
        rows = 180 / self.cell_deg
        if abs(rows - round(rows)) > 1e-6:
            raise ValueError(f"cell_deg must divide 180, got {shortest(self.cell_deg)}")
        if not 0 <= self.overlap <= 0.5:
            raise ValueError(f"overlap must be in 0..0.5, got {self.overlap}")

    @property
    def rows(self) -> int:
        """Cells from below to above."""
        return round(180 / self.cell_deg)

    @property
    def columns(self) -> int:
        """Cells around."""
        return 2 * self.rows

    @property
    def reach_deg(self) -> float:
        """How far a cell reaches from its centre, in azimuth and in elevation."""
        return (0.5 + self.overlap) * self.cell_deg

    def centres_deg(self, like: Tensor) -> tuple[Float[Tensor, " column"], Float[Tensor, " row"]]:
        """Return the azimuths and elevations of the centres, on the device of a tensor."""
        halves = torch.arange(self.columns, device=like.device, dtype=like.dtype) + 0.5
        return halves * self.cell_deg - 180, halves[: self.rows] * self.cell_deg - 90

    def holding(self, direction: Float[Tensor, "*axes axis"]) -> Bool[Tensor, "*axes column row"]:
        """Return which cells hold each direction.

        Lower bounds belong to a cell and upper ones do not, but for the zenith, which belongs to
        the cells of the highest row. (The published code has no cell for it.) Degrees are rounded
        to thousandths before, so that directions on a bound lie where their degrees say.

        Args:
            direction: Vectors (x, y, z) of any length; one of length zero lies in no cell.
        """
        check_vectors(direction=direction)
        azimuth, elevation = (
            degrees.unsqueeze(-1).round(decimals=3) for degrees in azimuth_elevation_deg(direction)
        )
        columns, rows = self.centres_deg(azimuth)
        reach = self.reach_deg
        around = (azimuth - columns + reach) % 360 < 2 * reach
        high = (rows + reach >= 90) & (elevation >= 90)
        above = (elevation >= rows - reach) & ((elevation < rows + reach) | high)
        there = (direction != 0).any(dim=-1)[..., None, None]
        return around.unsqueeze(-1) & above.unsqueeze(-2) & there

    def directions(
        self, offset: Float[Tensor, "*axes column row anchor pair"]
    ) -> Float[Tensor, "*axes column row anchor axis"]:
        """Return the unit vectors of offsets from the centres.

        Args:
            offset: In azimuth and elevation, -1 to 1 for the reach of the cell. Elevations stay
                within ±90 degrees.
        """
        columns, rows = self.centres_deg(offset)
        azimuth = columns[:, None, None] + self.reach_deg * offset[..., 0]
        elevation = rows[:, None] + self.reach_deg * offset[..., 1]
        return unit_vector(azimuth, elevation.clamp(-90, 90))
