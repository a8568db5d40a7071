"""The track-wise head: one linear layer for each task and track."""

import pytest
import torch

from seldkit.heads import TrackWiseHead


def test_every_track_has_its_layers() -> None:
    head = TrackWiseHead(6, 5, 3)
    sed, doa = torch.randn(2, 2, 4, 3, 6)
    activity, direction, distance = head(sed, doa)
    assert activity.shape == (2, 4, 3, 5)
    assert direction.shape == (2, 4, 3, 3)
    assert distance is None
    for track in range(3):
        torch.testing.assert_close(activity[:, :, track], head.activity[track](sed[:, :, track]))
        expected = head.direction[track](doa[:, :, track]).tanh()
        torch.testing.assert_close(direction[:, :, track], expected)


def test_start_values() -> None:
    head = TrackWiseHead(600, 50, 2)
    for layer in (*head.activity, *head.direction):
        bound = (6 / 600) ** 0.5
        assert (layer.bias == 0).all()
        assert 0.95 * bound < layer.weight.abs().max() <= bound


@pytest.mark.messages
def test_messages() -> None:
    for name in ("in_channels", "num_classes", "num_tracks"):
        sizes = [0 if size == name else 6 for size in ("in_channels", "num_classes", "num_tracks")]
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            TrackWiseHead(*sizes)
    head, right, wrong = TrackWiseHead(6, 5, 3), torch.zeros(1, 4, 3, 6), torch.zeros(1, 4, 2, 6)
    with pytest.raises(ValueError, match=r"activity must be \(batch, time, track=3, channel=6\)"):
        head(wrong, right)
    with pytest.raises(
        ValueError, match=r"direction must be \(batch=1, time=4, track=3, channel=6\)"
    ):
        head(right, wrong)
