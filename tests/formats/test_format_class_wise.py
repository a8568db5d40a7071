"""Each class has a direction, a distance and a probability of its own."""

import pytest
import torch

from seldkit import SELDOutput
from seldkit.events import Events
from seldkit.formats import ClassWise


def test_events_stand_at_their_class() -> None:
    events = Events.from_degrees([1, 1], [0, 2], [90, 0], [0, 90], distance=[2.0, 3.0])
    activity, direction, distance = ClassWise(3, distance=True).encode(events, 2)
    assert activity.tolist() == [[0, 0, 0], [1, 0, 1]]
    wanted = torch.tensor([[0, 1, 0], [0, 0, 0], [0, 0, 1.0]])
    torch.testing.assert_close(direction, torch.stack((torch.zeros(3, 3), wanted)))
    assert distance is not None
    assert distance.tolist() == [[0, 0, 0], [2, 0, 3]]
    assert ClassWise(3).encode(events, 2).distance is None


@pytest.mark.parametrize("logits", [False, True])
def test_a_class_must_exceed_its_threshold(logits: bool) -> None:
    probability = torch.tensor([[0.2, 0.6], [0.3, 0.9]], dtype=torch.float64)
    output = SELDOutput(probability.logit() if logits else probability, torch.ones(2, 2, 3))
    events = ClassWise(2, threshold=[0.25, 0.7]).decode(output, logits=logits)
    assert (events.frame.tolist(), events.label.tolist()) == ([1, 1], [0, 1])
    assert events.source.tolist() == [0, 0]
    torch.testing.assert_close(events.direction, torch.full_like(events.direction, 3**-0.5))
    assert ClassWise(2, threshold=0.9).decode(output, logits=logits).label.tolist() == []


def test_no_direction_is_the_front_and_no_distance_is_negative() -> None:
    output = SELDOutput(torch.ones(1, 1), torch.zeros(1, 1, 3), torch.full((1, 1), -0.3))
    events = ClassWise(1, distance=True).decode(output)
    assert events.direction.tolist() == [[1, 0, 0]]
    assert events.distance is not None
    assert events.distance.tolist() == [0]


def test_wrong_outputs_are_named() -> None:
    right = SELDOutput(torch.ones(4, 2), torch.ones(4, 2, 3))
    with pytest.raises(ValueError, match=r"activity must be \(time, cls=3\), got shape \(4, 2\)"):
        ClassWise(3).decode(right)
    with pytest.raises(ValueError, match=r"direction must be \(time=4, cls=2, axis=3\)"):
        ClassWise(2).decode(right._replace(direction=torch.ones(3, 2, 3)))
    with pytest.raises(ValueError, match="output must have distances for a format with"):
        ClassWise(2, distance=True).decode(right)
    with pytest.raises(ValueError, match=r"distance must be \(time=4, cls=2\), got shape \(4, 3\)"):
        ClassWise(2, distance=True).decode(right._replace(distance=torch.ones(4, 3)))
    for name in ("activity", "direction"):
        broken = right._replace(**{name: getattr(right, name) * torch.nan})
        with pytest.raises(ValueError, match=f"{name} must be finite"):
            ClassWise(2).decode(broken)
