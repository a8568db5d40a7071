"""Dense maps of points: a Gaussian around each, on rows of elevation and columns of azimuth."""

import math

import torch
from torch import Tensor

from seldkit._checks import check_positive, integer
from seldkit._typing import Float, Int

CUT_SIGMAS = 4.0
"""Beyond so many widths a point adds nothing."""

LEAST_COSINE = 0.087
"""Nearer to the poles than about 85 degrees, columns reach no further."""

CELLS = 2**20
"""How many values of single points are held at once."""


def check_canvas(height: int, width: int, sigma_deg: float) -> None:
    """Raise unless sizes make a canvas and a width is one.

    Raises:
        TypeError: If a size is no integer, or the width no number.
        ValueError: If a height is below 2, a width below 1, or `sigma_deg` not in 0..90.
    """
    for name, value, least in (("height", height, 2), ("width", width, 1)):
        if integer(name, value) < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    check_positive(sigma_deg=sigma_deg)
    if sigma_deg > 90:
        raise ValueError(f"sigma_deg must be at most 90, got {sigma_deg}")


def render_points(
    row: Int[Tensor, " point"],
    azimuth_deg: Float[Tensor, " point"],
    elevation_deg: Float[Tensor, " point"],
    energy: Float[Tensor, " point"],
    *,
    num_maps: int,
    height: int,
    width: int,
    sigma_deg: float,
    doubled_columns: bool,
) -> Float[Tensor, "map height width"]:
    """Return the maps of points, in float32, as `EnergyMaps.render` says.

    Args:
        row: To which map each point belongs, rising.
        azimuth_deg: In [-180, 180].
        elevation_deg: In [-90, 90].
        energy: How strong each point is.
        num_maps: How many maps there are.
        height: Rows of a map.
        width: Columns of a map.
        sigma_deg: Width of a point.
        doubled_columns: Whether columns that a point reaches from both sides get it twice.
    """
    canvas = torch.zeros(num_maps, height, width)
    if not len(row):
        return canvas
    reach = CUT_SIGMAS * sigma_deg
    top = ((90 - (elevation_deg + reach).clamp(max=90)) * ((height - 1) / 180)).floor()
    bottom = ((90 - (elevation_deg - reach).clamp(min=-90)) * ((height - 1) / 180)).ceil()
    cosine = torch.deg2rad(elevation_deg).cos().clamp(min=0)
    half = (reach / cosine.clamp(min=LEAST_COSINE)).clamp(max=180)
    first = ((azimuth_deg - half + 180) * (width / 360)).floor().long()
    last = ((azimuth_deg + half + 180) * (width / 360)).ceil().long()
    if not doubled_columns:
        last = torch.minimum(last, first + width - 1)
    window = torch.stack((top.long(), bottom.long(), first, last), dim=1)

    count = torch.bincount(row, minlength=num_maps)
    start = count.cumsum(0) - count
    box, size = _boxes(row, window, num_maps, width)
    cost = count * size[:, 0] * size[:, 1]
    order = cost.argsort(stable=True)
    order = order[cost[order] > 0]
    points = torch.stack((azimuth_deg, elevation_deg, energy), dim=1)
    for chunk in _chunks(order, torch.stack((count, size[:, 0], size[:, 1]), dim=1)):
        most = int(count[chunk].max())
        place = start[chunk].unsqueeze(1) + torch.arange(most)
        there = torch.arange(most) < count[chunk].unsqueeze(1)
        place = place.clamp(max=len(row) - 1)
        shape = [int(size[chunk, axis].max()) for axis in (0, 1)]
        lines = box[chunk, :1].clamp(max=height - shape[0]) + torch.arange(shape[0])
        columns = (box[chunk, 1:] + torch.arange(shape[1])) % width
        values = _add_up(
            points[place], window[place], there, lines, columns, height, width, sigma_deg
        )
        index = (chunk[:, None, None], lines.unsqueeze(2), columns.unsqueeze(1))
        canvas[index] = values
    return canvas


def _add_up(
    points: Float[Tensor, "map point 3"],
    window: Int[Tensor, "map point 4"],
    there: Tensor,
    lines: Int[Tensor, "map line"],
    columns: Int[Tensor, "map column"],
    height: int,
    width: int,
    sigma_deg: float,
) -> Float[Tensor, "map line column"]:
    """Return the sum over the points of each map, at some of its lines and columns."""
    azimuth, elevation, energy = torch.deg2rad(points).unbind(dim=-1)
    energy = points[..., 2] * there
    line_rad = torch.deg2rad(90 - lines * (180 / (height - 1))).unsqueeze(1)
    column_rad = torch.deg2rad(columns * (360 / width) - 180).unsqueeze(1)
    # Minus 2 / sigma^2 haversines: one that falls with the lines, one with lines and columns.
    scale = -2 / math.radians(sigma_deg) ** 2
    fall = scale * ((line_rad - elevation.unsqueeze(2)) / 2).sin().square()
    inside = (lines.unsqueeze(1) >= window[..., :1]) & (lines.unsqueeze(1) <= window[..., 1:2])
    fall = (fall + energy.log().unsqueeze(2)).masked_fill(~inside, -torch.inf)
    across = scale * ((column_rad - azimuth.unsqueeze(2)) / 2).sin().square()
    closer = line_rad.cos() * elevation.cos().unsqueeze(2)
    # How often a column is among those from the first to the last of a point, around the circle.
    turns = torch.stack((window[..., 3], window[..., 2] - 1), dim=-1)
    ends = (turns.unsqueeze(2) - columns[:, None, :, None]).div(width, rounding_mode="floor")
    times = (ends[..., 0] - ends[..., 1]).float()
    blobs = torch.addcmul(
        fall.float().unsqueeze(3), closer.float().unsqueeze(3), across.float().unsqueeze(2)
    )
    return (blobs.exp_().mul_(times.unsqueeze(2))).sum(dim=1)


def _boxes(
    row: Int[Tensor, " point"], window: Int[Tensor, "point 4"], num_maps: int, width: int
) -> tuple[Int[Tensor, "map 2"], Int[Tensor, "map 2"]]:
    """Return the first line and column of each map that a point reaches, and how many it takes.

    Columns of the points of a map are counted from near its first point, so that a map across the
    seam is narrow.
    """
    count = torch.bincount(row, minlength=num_maps)
    start = (count.cumsum(0) - count).clamp(max=len(row) - 1)
    top, bottom, first, last = window.unbind(dim=1)
    anchor = first[start][row]
    turn = ((first - anchor + width // 2).div(width, rounding_mode="floor")) * width
    first, last = first - turn, last - turn

    def least(values: Tensor) -> Tensor:
        return values.new_zeros(num_maps).scatter_reduce_(
            0, row, values, "amin", include_self=False
        )

    def most(values: Tensor) -> Tensor:
        return -least(-values)

    begin = torch.stack((least(top), least(first)), dim=1)
    size = torch.stack((most(bottom), most(last)), dim=1) - begin + 1
    size[:, 1].clamp_(max=width)
    return begin, size * (count > 0).unsqueeze(1)


def _chunks(order: Int[Tensor, " map"], sizes: Int[Tensor, "all 3"]) -> list[Tensor]:
    """Return maps in groups that are alike and whose padded values are not too many at once."""
    chunks, begin = [], 0
    largest, listed = [0, 0, 0], sizes[order].tolist()
    for place, size in enumerate(listed):
        grown = [max(a, b) for a, b in zip(largest, size, strict=True)]
        if place > begin and math.prod(grown) * (place - begin + 1) > CELLS:
            chunks.append(order[begin:place])
            begin, grown = place, size
        largest = grown
    chunks.append(order[begin:])
    return [chunk for chunk in chunks if len(chunk)]
