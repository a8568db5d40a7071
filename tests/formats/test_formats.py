"""What holds for every format: events survive, nothing is lost unsaid, and mistakes are named."""

import inspect
import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from formats.sounding import CLASSES, FRAMES, OVERLAPPING, SINGLE, Row, in_order, make_events, quick
from seldkit import SELDOutput
from seldkit.events import Events
from seldkit.formats import ACCDOA, ClassWise, DenseMap, MultiACCDOA, TrackWise

FORMATS: list[Callable[..., Any]] = [ACCDOA, ClassWise, MultiACCDOA, TrackWise]
VECTORS: list[Callable[..., Any]] = [ACCDOA, MultiACCDOA]
every_format = pytest.mark.parametrize("kind", FORMATS)


def tensors(target: SELDOutput | Tensor) -> list[Tensor]:
    return [target] if isinstance(target, Tensor) else [x for x in target if x is not None]


@quick
@given(SINGLE, st.sampled_from(FORMATS), st.booleans())
def test_what_is_encoded_is_decoded(
    rows: list[Row], kind: Callable[..., Any], distance: bool
) -> None:
    events = make_events(rows, distance=distance, onscreen=False)
    # Track-wise formats need a track for each class.
    more = {"num_tracks": CLASSES} if kind is TrackWise else {}
    format_ = kind(CLASSES, distance=distance, **more)
    target = format_.encode(events, FRAMES)
    decoded = format_.decode(target)
    assert sorted(in_order(decoded)) == sorted(in_order(events))
    assert decoded.num_frames == FRAMES
    assert {(x.dtype, len(x)) for x in tensors(target)} == {(torch.float32, FRAMES)}


@quick
@given(SINGLE, st.booleans(), st.booleans(), st.booleans(), st.sampled_from(VECTORS))
def test_vectors_hold_all_that_is_asked_of_them(
    rows: list[Row], distance: bool, onscreen: bool, planar: bool, kind: Callable[..., Any]
) -> None:
    events = make_events(rows, distance=distance, onscreen=onscreen)
    format_ = kind(CLASSES, distance=distance, onscreen=onscreen, planar=planar)
    target = format_.encode(events, FRAMES)
    assert target.shape[-1] == 3 - planar + distance + onscreen
    kept = [(f, c, a, 0 if planar else e, n) for f, c, a, e, n in rows]
    wanted = make_events(kept, distance=distance, onscreen=onscreen)
    assert in_order(format_.decode(target)) == sorted(in_order(wanted))


@quick
@given(OVERLAPPING, st.sampled_from(FORMATS))
def test_what_does_not_fit_is_counted(rows: list[Row], kind: Callable[..., Any]) -> None:
    events = make_events(rows, onscreen=False)
    more = {"unify_deg": 0, "num_tracks": 2} if kind is MultiACCDOA else {}
    format_ = kind(CLASSES, overflow="drop", distance=True, **more)
    before = asdict(format_)
    target = format_.encode(events, FRAMES - 2)
    decoded = format_.decode(target)
    kept, dropped = format_.fit(events, FRAMES - 2)
    assert asdict(format_) == before
    assert sorted(in_order(decoded)) == sorted(in_order(kept))
    beyond = events.frame >= FRAMES - 2
    assert dropped.beyond_clip == events.select(beyond)
    assert (dropped.no_place.frame < FRAMES - 2).all()
    everything = sorted(in_order(kept) + in_order(dropped.no_place) + in_order(dropped.beyond_clip))
    assert everything == sorted(in_order(events))
    assert len(dropped) == len(events) - len(kept)
    again = kind(CLASSES, distance=True, **more).encode(kept, FRAMES - 2)
    assert all(map(torch.equal, tensors(again), tensors(target)))
    assert format_.fit(kept, FRAMES - 2)[0] == kept
    if len(decoded) < len(events):
        with pytest.raises(ValueError, match=f"but {len(events) - len(decoded)} of {len(events)}"):
            kind(CLASSES, distance=True, **more).encode(events, FRAMES - 2)


@pytest.mark.parametrize("kind", [ACCDOA, ClassWise])
def test_of_one_class_and_frame_the_last_row_stays(kind: Callable[..., Any]) -> None:
    events = Events.from_degrees([1, 0, 1, 1], [0, 0, 1, 0], [10, 20, 30, 40], [0, 0, 0, 0])
    format_ = kind(2, overflow="drop")
    assert in_order(format_.decode(format_.encode(events, 2))) == [
        (0, 0, 20, 0),
        (1, 0, 40, 0),
        (1, 1, 30, 0),
    ]
    with pytest.raises(ValueError, match="events must fit one event of a class and 2 frames, but"):
        kind(2).encode(events, 2)


@every_format
def test_a_clip_without_events_is_all_zeros(kind: Callable[..., Any]) -> None:
    format_ = kind(CLASSES, distance=True)
    target = format_.encode(make_events([]), 4)
    assert all(x.count_nonzero() == 0 for x in tensors(target))
    decoded = format_.decode(target)
    assert (len(decoded), decoded.num_frames) == (0, 4)
    assert decoded.distance is not None


@pytest.mark.parametrize(
    "format_",
    [
        *(kind(2, distance=True) for kind in FORMATS),
        *(kind(2, distance=True, onscreen=True) for kind in VECTORS),
        TrackWise(2, positions_m=2.0),
        DenseMap(2, height=6, width=12, distance=True),
    ],
    ids=repr,
)
def test_a_file_of_silence_tells_no_distance_and_lacks_none(format_: Any) -> None:
    sounding = Events([0], [1], [[1.0, 0, 0]], distance=[1.0], onscreen=[True])
    shapes = [
        [x.shape for x in tensors(format_.encode(events, 4))]
        for events in (Events([], [], []), sounding)
    ]
    assert shapes[0] == shapes[1]


@every_format
def test_each_class_has_its_threshold(kind: Callable[..., Any]) -> None:
    events = make_events([(0, 0, 0, 0, 0), (1, 1, 0, 0, 0), (2, 2, 0, 0, 0)])
    target = kind(CLASSES).encode(events, 3)
    for threshold, labels in (
        (0.5, [0, 1, 2]),
        ([0.9, 1.0, 1.1], [0]),
        ([1, 0.2, torch.inf], [1]),
        (torch.tensor([1, 0.2, torch.inf]), [1]),
        (np.array([1, 0.2, np.inf], dtype=np.float32), [1]),
        (torch.tensor(0.5, requires_grad=True), [0, 1, 2]),
        (np.float32(1.0), []),
    ):
        format_ = kind(CLASSES, threshold=threshold)
        how = {"logits": False} if isinstance(target, SELDOutput) else {}
        assert format_.decode(target, **how).label.tolist() == labels


@every_format
def test_a_format_is_made_of_its_fields(kind: Callable[..., Any]) -> None:
    names = list(inspect.signature(kind).parameters)
    tracks = ["num_tracks"] if "num_tracks" in names else []
    assert names[: 4 + len(tracks)] == [
        "num_classes",
        *tracks,
        "threshold",
        "overflow",
        "distance",
    ]
    assert kind(3) == kind(3)
    assert kind(3) != kind(3, distance=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"threshold": [0.5]}, "threshold must be one number or 3, got 1"),
        ({"threshold": torch.nan}, "threshold must not be nan, got nan"),
        ({"overflow": "skip"}, "overflow must be one of 'raise', 'drop', got 'skip'"),
    ],
)
@every_format
@pytest.mark.messages
def test_wrong_settings_are_named(
    kind: Callable[..., Any], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**{"num_classes": 3, **arguments})


@every_format
def test_wrong_events_are_named(kind: Callable[..., Any]) -> None:
    events = Events.from_degrees([0], [3], [0], [0])
    with pytest.raises(ValueError, match="label must be below num_classes=3, got 3"):
        kind(3, overflow="drop").encode(events, 1)
    with pytest.raises(ValueError, match="events must have distances for a format with"):
        kind(4, distance=True).encode(events, 1)
    with pytest.raises(ValueError, match="num_frames must be at least 1, got 0"):
        kind(4).encode(events, 0)
    with pytest.raises(
        ValueError, match=r"and 1 frames, but 1 of 1 rows do not \(1 beyond the clip\)"
    ):
        kind(4).encode(Events.from_degrees([1], [3], [0], [0]), 1)


@pytest.mark.parametrize("kind", VECTORS)
@pytest.mark.messages
def test_vectors_without_their_columns_are_named(kind: Callable[..., Any]) -> None:
    events = Events.from_degrees([0], [0], [0], [0])
    with pytest.raises(ValueError, match="events must have on-screen flags for a format with"):
        kind(1, onscreen=True).encode(events, 1)
    target = kind(1).encode(events, 1)
    with pytest.raises(ValueError, match=r"output must be .*cls=2, axis=3"):
        kind(2).decode(target)
    with pytest.raises(ValueError, match=r"output must be .*cls=1, axis=4"):
        kind(1, distance=True).decode(target)
    with pytest.raises(ValueError, match=r"output must be .*, got shape"):
        kind(1).decode(target.unsqueeze(0))
    with pytest.raises(ValueError, match="output must be finite, got nan or infinity in"):
        kind(1).decode(target * torch.nan)
    with pytest.raises(
        TypeError, match=f"vectors for {kind.__name__}, got SELDOutput; ClassWise and"
    ):
        kind(1).decode(SELDOutput(target, target))


@pytest.mark.parametrize("kind", [ClassWise, TrackWise])
@pytest.mark.messages
def test_a_tensor_is_no_output_of_activity_and_direction(kind: Callable[..., Any]) -> None:
    rule = f"output must be a SELDOutput of activity and direction for {kind.__name__}, got "
    with pytest.raises(TypeError, match=f"{rule}Tensor; formats of the ACCDOA family decode"):
        kind(1).decode(torch.zeros(1, 1, 3))
    with pytest.raises(TypeError, match=f"{rule}tuple$"):
        kind(1).decode((torch.zeros(1, 1), torch.zeros(1, 1, 3)))


@every_format
@pytest.mark.messages  # NumPy's integers are none of Python's
def test_a_format_is_saved_as_plain_numbers(kind: Callable[..., Any]) -> None:
    thresholds = torch.tensor([0.1, 0.7, 0.3])
    for given_ in (thresholds, thresholds.numpy(), list(thresholds), tuple(thresholds.tolist())):
        format_ = kind(np.int64(3), threshold=given_)
        assert format_ == kind(3, threshold=thresholds.tolist())
        assert format_ == kind(**json.loads(json.dumps(asdict(format_))))
    assert (
        json.loads(json.dumps(asdict(kind(3, threshold=torch.tensor(0.25)))))["threshold"] == 0.25
    )
    with pytest.raises(FrozenInstanceError):
        format_.threshold = 0.5


@every_format
@pytest.mark.messages
def test_what_is_no_number_is_told(kind: Callable[..., Any]) -> None:
    for wrong in (True, "0.5", [0.5, True, 0.5], torch.tensor([True] * 3), None):
        with pytest.raises(TypeError, match="threshold must be a number, got"):
            kind(3, threshold=wrong)
    for count in (True, 2.5, "3"):
        with pytest.raises(TypeError, match="num_classes must be an integer, got"):
            kind(count)
    with pytest.raises(TypeError, match="num_frames must be an integer, got"):
        kind(3).encode(Events.from_degrees([0], [0], [0], [0]), 2.5)
