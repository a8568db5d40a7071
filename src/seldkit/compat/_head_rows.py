"""Rows of a last layer: from the order of the published baselines into ours."""

from torch import Tensor


def track_rows(x: Tensor, num_classes: int, num_tracks: int) -> Tensor:
    """Bring the rows of the last layer from (track, axis, class) to (track, cls, axis)."""
    rows, columns = x.shape[0], num_classes * num_tracks
    if rows % columns or not 2 <= rows // columns <= 5:
        raise ValueError(
            f"the last layer must have 2 to 5 rows for each of {num_classes} classes and"
            f" {num_tracks} tracks, got {rows} rows"
        )
    ours: Tensor = x.unflatten(0, (num_tracks, -1, num_classes)).transpose(1, 2)
    return ours.flatten(0, 2)
