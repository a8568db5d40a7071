"""Sounds in words: what, where, when."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seldkit import Events
from seldkit.events import sentences


@given(st.integers(-180, 180), st.integers(-90, 90), st.integers(0, 10_000))
def test_a_sentence_tells_class_place_and_time(azimuth: int, elevation: int, frame: int) -> None:
    events = Events.from_degrees([frame], [0], [azimuth], [elevation])
    (told,) = sentences(events, ["bell"])
    name, where, *height, time = told.split(", ")
    assert name == "bell"
    if abs(elevation) < 89:  # at the poles every azimuth is the same
        degrees = int(where.removesuffix(" degrees"))
        assert -180 < degrees <= 180
        assert (degrees - azimuth) % 360 == 0
    side = "up" if elevation > 0 else "down"
    assert height == ([f"{abs(elevation)} {side}"] if abs(elevation) >= 10 else [])
    start, end = (float(x) for x in time.removeprefix("from ").removesuffix(" s").split(" to "))
    assert start == pytest.approx(frame / 10)
    assert end == pytest.approx((frame + 1) / 10)


def test_there_are_as_many_as_spans_in_their_order() -> None:
    generator = torch.Generator().manual_seed(0)
    frame, label, azimuth = (
        torch.randint(0, high, (60,), generator=generator) for high in (20, 4, 360)
    )
    events = Events.from_degrees(frame, label, azimuth - 180, torch.zeros(60))
    told = [line.split(",")[0] for line in sentences(events)]
    assert told == [f"class {span.label}" for span in events.spans()]


def test_a_sound_that_moves_is_told_from_its_first_to_its_last_place() -> None:
    events = Events.from_degrees(range(4), [0] * 4, [-170, 180, 170, 150], [0] * 4)
    assert sentences(events) == ["class 0, -170 to 150 degrees, from 0 to 0.4 s"]
    near = Events.from_degrees(range(2), [0] * 2, [175, -175], [0] * 2, distance=[1.0, 2.0])
    assert sentences(near) == ["class 0, 180 degrees, 1.5 m, from 0 to 0.2 s"]


def test_no_events_are_no_sentences() -> None:
    assert sentences(Events.from_degrees([], [], [], []), ["bell"]) == []


@pytest.mark.messages
def test_every_class_needs_a_name() -> None:
    events = Events.from_degrees([0], [1], [0], [0])
    with pytest.raises(ValueError, match="classes must name class 1, got 1 names"):
        sentences(events, ["bell"])
    with pytest.raises(TypeError, match="classes must be a list of names, got the text 'bell'"):
        sentences(events, "bell")
