"""What rows and points of energy maps must keep to."""

from torch import Tensor

from seldkit._checks import check_finite, check_shape, shortest
from seldkit.events.rows import MAX_FRAMES
from seldkit.geometry import within


def check_map_rows(
    *,
    frame: Tensor,
    label: Tensor,
    row: Tensor,
    azimuth_deg: Tensor,
    elevation_deg: Tensor,
    energy: Tensor,
    source: Tensor | None,
    distance: Tensor | None,
    score: Tensor | None,
    num_frames: int | None,
) -> None:
    """Raise `ValueError` unless columns are the rows and points of a clip."""
    by_row = {"frame": frame, "label": label, "source": source, "distance": distance}
    for name, column in (by_row | {"score": score}).items():
        if column is not None:
            check_shape(name, column, "map", map=frame.numel())
    by_point = {"azimuth_deg": azimuth_deg, "elevation_deg": elevation_deg, "energy": energy}
    for name, column in ({"row": row} | by_point).items():
        check_shape(name, column, "point", point=row.numel())
    floats = by_point | {"distance": distance, "score": score}
    for name, column in floats.items():
        if column is not None:
            check_finite(name, column)
    not_negative = {"frame": frame, "label": label, "energy": energy, "distance": distance}
    for name, column in not_negative.items():
        if column is not None and (column < 0).any():
            least = column.min()
            told = shortest(least) if least.is_floating_point() else int(least)
            raise ValueError(f"{name} must not be negative, got {told}")
    for name, column, limit in (
        ("azimuth_deg", azimuth_deg, 180),
        ("elevation_deg", elevation_deg, 90),
    ):
        off = ~within(column.abs(), limit)
        if off.any():
            raise ValueError(
                f"{name} must lie in -{limit}..{limit}, got {shortest(column[off][0])} in point"
                f" {int(off.nonzero()[0])}"
            )
    lost = (row < 0) | (row >= len(frame))
    if lost.any():
        raise ValueError(
            f"row must lie in 0..{len(frame) - 1}, got {int(row[lost][0])} in point"
            f" {int(lost.nonzero()[0])}"
        )
    if num_frames is None:
        return
    if not 0 <= num_frames <= MAX_FRAMES:
        raise ValueError(f"num_frames must lie in 0..{MAX_FRAMES}, got {num_frames}")
    if len(frame) and frame.max() >= num_frames:
        raise ValueError(f"frame must be below num_frames={num_frames}, got {int(frame.max())}")
