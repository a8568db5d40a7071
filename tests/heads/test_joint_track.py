"""The head of trackers: all tracks by one layer."""

import pytest
import torch

from seldkit.heads import JointTrackHead, TrackWiseHead


def test_it_is_a_layer_for_each_track_on_the_same_features() -> None:
    joint, apart = JointTrackHead(6, 2, 3), TrackWiseHead(6, 2, 3)
    for name in ("activity", "direction"):
        layers = [*getattr(apart, name)]
        with torch.no_grad():
            getattr(joint, name).weight.copy_(torch.cat([layer.weight for layer in layers]))
    sed, doa = torch.randn(2, 2, 4, 6)
    wanted = apart(*(x.unsqueeze(2).expand(-1, -1, 3, -1) for x in (sed, doa)))
    for x, y in zip(joint(sed, doa), wanted, strict=True):
        assert x is y is None or torch.allclose(x, y, atol=1e-6)


def test_published_logits_are_bounded() -> None:
    free, bounded = JointTrackHead(6), JointTrackHead(6, bounded_activity=True)
    bounded.load_state_dict(free.state_dict())
    x = 9 * torch.randn(2, 4, 6)
    torch.testing.assert_close(bounded(x, x).activity, free(x, x).activity.tanh())
    assert bounded(x, x).activity.sigmoid().amin() >= 0.2689


def test_start_values() -> None:
    head = JointTrackHead(600, 5)
    head.activity.bias.data.fill_(1.0)
    head.reset_parameters()
    assert (head.activity.bias == 0).all()
    assert 0.09 < head.direction.weight.abs().max() <= 0.1


@pytest.mark.messages
def test_messages() -> None:
    right, wrong = torch.zeros(1, 4, 6), torch.zeros(1, 4, 5)
    with pytest.raises(ValueError, match=r"activity must be \(batch, time, channel=6\), got shape"):
        JointTrackHead(6)(wrong, right)
    with pytest.raises(ValueError, match=r"direction must be \(batch=1, time=4, channel=6\)"):
        JointTrackHead(6)(right, right[:, :3])
