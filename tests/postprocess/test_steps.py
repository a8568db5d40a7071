"""Steps decide as the functions do, in every format, and are saved as plain settings."""

import json
from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit import postprocess
from seldkit._builders import built_by
from seldkit.events import Events
from seldkit.formats import ACCDOA, ClassWise, MultiACCDOA, TrackWise
from seldkit.geometry import angle_deg, unit_vector
from seldkit.outputs import SELDOutput
from seldkit.postprocess import (
    Chain,
    DropShort,
    FillGaps,
    Hysteresis,
    LinkTracks,
    MedianFilter,
    SmoothTracks,
    drop_short,
    fill_gaps,
    hysteresis,
    median_filter,
    smooth_tracks,
)
from steps import steps_in_windows

SEEDS = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=20)
CLASSES, TRACKS = 3, 2
THRESHOLDS = [0.5, 0.05, 0.95, [0.2, 0.5, 0.9]]
"""Decisions of steps hold whatever the format's threshold is."""

ACCDOAS: dict[str, tuple[Any, dict[str, Any]]] = {
    "accdoa": (ACCDOA, {}),
    "accdoa_distance": (ACCDOA, {"distance": True}),
    "accdoa_planar": (ACCDOA, {"planar": True, "distance": True, "onscreen": True}),
    "multi_accdoa": (MultiACCDOA, {"num_tracks": TRACKS, "unify_deg": 0}),
    "multi_accdoa_planar": (
        MultiACCDOA,
        {"num_tracks": TRACKS, "unify_deg": 0, "planar": True, "onscreen": True},
    ),
}
ACTIVITIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "class_wise": (ClassWise, {}),
    "class_wise_distance": (ClassWise, {"distance": True}),
    "track_wise": (TrackWise, {"num_tracks": TRACKS}),
    "track_wise_distance": (TrackWise, {"num_tracks": TRACKS, "distance": True}),
    "class_directions": (TrackWise, {"num_tracks": TRACKS, "class_directions": True}),
}
KINDS: dict[str, tuple[Any, dict[str, Any]]] = {**ACCDOAS, **ACTIVITIES}
every_kind = st.sampled_from(sorted(KINDS))


def is_planar(kind: str) -> bool:
    return bool(KINDS[kind][1].get("planar", False))


def random_output(seed: int, kind: str, time: int = 25, dtype: Any = torch.float32) -> Any:
    """Return an output of a format whose scores stay up or down for some frames."""
    generator = torch.Generator().manual_seed(seed)
    _, extra = KINDS[kind]
    places = (time, TRACKS, CLASSES) if "num_tracks" in extra else (time, CLASSES)
    coarse = torch.rand((-(-time // 3), *places[1:]), generator=generator)
    scores = coarse.repeat_interleave(3, dim=0)[:time]
    noise = torch.rand(places, generator=generator) - 0.5
    scores = (0.15 + 0.7 * scores + 0.3 * noise).clamp(1e-6, 1 - 1e-6)
    if kind in ACCDOAS:
        axes = 2 if is_planar(kind) else 3
        vector = torch.randn(*places, axes, generator=generator)
        vector = vector / vector.norm(dim=-1, keepdim=True) * scores.unsqueeze(-1)
        rest = extra.get("distance", False) + extra.get("onscreen", False)
        return torch.cat((vector, torch.rand(*places, rest, generator=generator)), -1).to(dtype)
    own = places if kind != "track_wise" and kind != "track_wise_distance" else places[:2]
    distance = torch.rand(own, generator=generator) if extra.get("distance") else None
    output = SELDOutput(scores.logit(), torch.randn(*own, 3, generator=generator), distance)
    return converted(output, dtype)


def converted(output: SELDOutput, dtype: torch.dtype) -> SELDOutput:
    distance = None if output.distance is None else output.distance.to(dtype)
    return SELDOutput(output.activity.to(dtype), output.direction.to(dtype), distance)


def scores_in(output: Any, kind: str) -> Tensor:
    if isinstance(output, SELDOutput):
        return output.activity.double().sigmoid()
    length: Tensor = output[..., : 2 if is_planar(kind) else 3].double().norm(dim=-1)
    return length


def cells(events: Events, kind: str) -> list[tuple[int, ...]]:
    columns = [events.frame.tolist(), events.label.tolist()]
    columns += [events.source.tolist()] if "num_tracks" in KINDS[kind][1] else []
    return sorted(zip(*columns, strict=True))


def decided_cells(active: Tensor, scores: Tensor, kind: str) -> list[tuple[int, ...]]:
    """Return frame, class and track of a decision; of a track-wise one the strongest class."""
    if kind in ACTIVITIES and active.ndim == 3:
        best = scores.where(active, -1.0).argmax(dim=-1, keepdim=True)
        active = torch.zeros_like(active).scatter(-1, best, True) & active
    if active.ndim == 2:
        return sorted(map(tuple, active.nonzero().tolist()))
    return sorted((t, c, k) for t, k, c in active.nonzero().tolist())


def decode(output: Any, kind: str, threshold: Any) -> Events:
    make, extra = KINDS[kind]
    events: Events = make(CLASSES, threshold=threshold, **extra).decode(output)
    return events


@QUICK
@given(SEEDS, every_kind, st.sampled_from(THRESHOLDS))
def test_what_steps_decide_is_what_is_decoded(seed: int, kind: str, threshold: Any) -> None:
    output, planar = random_output(seed, kind), is_planar(kind)
    scores = scores_in(output, kind)
    plain = scores > 0.5
    if kind in ACTIVITIES and scores.ndim == 3:  # one class of a track
        plain &= scores == scores.amax(dim=-1, keepdim=True)
    steps: dict[Any, Tensor] = {
        Hysteresis(0.6, 0.4, planar=planar): hysteresis(scores, low=0.4, high=0.6, dim=0),
        Hysteresis(0.6, planar=planar): scores > 0.6,
        FillGaps(3, planar=planar): fill_gaps(plain, 3, dim=0),
        DropShort(3, planar=planar): drop_short(plain, 3, dim=0),
    }
    for step, active in steps.items():
        strength = plain.double() if isinstance(step, FillGaps) else scores
        for changed in (step(output), step(step(output))):
            assert type(changed) is type(output)
            found = cells(decode(changed, kind, threshold), kind)
            assert found == decided_cells(active, strength, kind), step


@QUICK
@given(SEEDS, every_kind, st.sampled_from([1, 3, 5]), st.sampled_from(["nearest", "zero"]))
def test_the_median_is_that_of_the_scores(seed: int, kind: str, window: int, edge: Any) -> None:
    output = random_output(seed, kind, dtype=torch.float64)
    changed = MedianFilter(window, edge=edge, planar=is_planar(kind))(output)
    wanted = median_filter(scores_in(output, kind), window, dim=0, edge=edge)
    torch.testing.assert_close(scores_in(changed, kind), wanted)
    if window == 1:
        before, after = decode(output, kind, 0.5), decode(changed, kind, 0.5)
        torch.testing.assert_close(before.direction, after.direction)


@pytest.mark.parametrize("kind", ["accdoa", "multi_accdoa_planar"])
def test_a_vector_of_length_zero_takes_the_direction_before_it(kind: str) -> None:
    output = random_output(1, kind)
    output[..., :3] = 0
    output[:, ..., 0, 1] = 1.0  # from the left
    output[10] = 0
    changed = MedianFilter(3, planar=is_planar(kind))(output)
    events = decode(changed, kind, 0.5)
    assert events.azimuth_deg.tolist() == [90] * len(events)
    assert (events.frame == 10).any()


@QUICK
@given(SEEDS, every_kind)
def test_a_filled_gap_holds_what_was_before_it(seed: int, kind: str) -> None:
    output, planar = random_output(seed, kind), is_planar(kind)
    filled = decode(FillGaps(4, planar=planar)(output), kind, 0.5)
    before = decode(output, kind, 0.5)
    known = dict(zip(cells_in_order(before, kind), before.direction, strict=True))
    for cell, direction in zip(cells_in_order(filled, kind), filled.direction, strict=True):
        if cell in known:
            torch.testing.assert_close(direction, known[cell], rtol=0, atol=1e-6)
            continue
        frame, *place = cell
        last = max(t for t in range(frame) if (t, *place) in known)
        torch.testing.assert_close(direction, known[(last, *place)], rtol=0, atol=1e-6)


def cells_in_order(events: Events, kind: str) -> list[tuple[int, ...]]:
    columns = [events.frame.tolist(), events.label.tolist()]
    columns += [events.source.tolist()] if "num_tracks" in KINDS[kind][1] else []
    return list(zip(*columns, strict=True))


@QUICK
@given(SEEDS, every_kind, st.sampled_from([1, 3, 7]))
def test_directions_are_smoothed_as_the_function_does(seed: int, kind: str, window: int) -> None:
    output, planar = random_output(seed, kind, dtype=torch.float64), is_planar(kind)
    changed = SmoothTracks(window, planar=planar)(output)
    active = scores_in(output, kind) > 0.5
    torch.testing.assert_close(scores_in(changed, kind), scores_in(output, kind))
    before, after = decode(output, kind, 0.5), decode(changed, kind, 0.5)
    assert cells_in_order(before, kind) == cells_in_order(after, kind)
    if kind in ("class_wise", "accdoa", "multi_accdoa"):
        direction = output.direction if isinstance(output, SELDOutput) else output[..., :3]
        smooth = smooth_tracks(direction, active, window, dim=0)
        found = changed.direction if isinstance(changed, SELDOutput) else changed[..., :3]
        units = torch.nn.functional.normalize(found, dim=-1)
        torch.testing.assert_close(units[active], smooth[active])
        assert torch.equal(found[~active], direction[~active])
    if window == 1:
        torch.testing.assert_close(before.direction, after.direction)


def test_a_class_of_a_track_is_smoothed_by_itself() -> None:
    logits = torch.full((6, 1, 2), -5.0)
    logits[:3, 0, 0] = logits[3:, 0, 1] = 5.0
    direction = torch.zeros(6, 1, 3)
    direction[:3, 0, 0] = direction[3:, 0, 1] = 1
    changed = SmoothTracks(5)(SELDOutput(logits, direction))
    assert torch.equal(changed.direction, direction)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_precision_is_kept_under_autocast(kind: str, dtype: torch.dtype) -> None:
    output, planar = random_output(4, kind, dtype=dtype), is_planar(kind)
    steps = [*steps_in_windows(planar=planar).values(), Hysteresis(0.6, 0.4, planar=planar)]
    exact: Any = (
        converted(output, torch.float64) if isinstance(output, SELDOutput) else output.double()
    )
    for step in steps:
        with torch.autocast("cpu", torch.bfloat16):
            changed = step(output)
        tensors = changed if isinstance(changed, SELDOutput) else [changed]
        assert {x.dtype for x in tensors if x is not None} == {dtype}
        wanted = decode(step(exact), kind, 0.5)
        found = decode(changed, kind, 0.5)
        if not isinstance(step, MedianFilter):  # which leaves scores next to the threshold
            assert cells(found, kind) == cells(wanted, kind)


def test_the_longest_vectors_stay_the_longest() -> None:
    output = torch.zeros(4, 3, 3)
    output[..., 1] = torch.tensor([0.45, 0.9, 0.6])
    changed = Hysteresis(0.4)(output)
    assert ACCDOA(3, max_events=1).decode(changed).label.tolist() == [1] * 4


def test_a_step_that_decides_nothing_moves_nothing() -> None:
    output = torch.zeros(5, 2, 1, 3)
    lengths = torch.tensor([1.0, 0.55])
    azimuth = torch.tensor([0.0, 14.0])
    output[..., 0, :] = unit_vector(azimuth, torch.zeros(2)) * lengths.unsqueeze(1)
    format_ = MultiACCDOA(1, num_tracks=2)
    plain = format_.decode(output)
    for step in (DropShort(1), Hysteresis(0.5), FillGaps(0)):
        same = format_.decode(step(output))
        assert angle_deg(same.direction, plain.direction).max() < 1e-4


CHAIN = Chain(
    [
        LinkTracks(memory=0.5),
        MedianFilter(3),
        Hysteresis([0.5, 0.6, 0.7], 0.3),
        FillGaps(np.array([1, 2, 3])),
        Chain([DropShort(np.int64(2)), SmoothTracks(5, threshold=torch.tensor(0.5))]),
    ]
)


def test_a_chain_is_its_steps() -> None:
    output = random_output(2, "track_wise")
    steps: Sequence[Any] = [
        LinkTracks(memory=0.5),
        MedianFilter(3),
        Hysteresis([0.5, 0.6, 0.7], 0.3),
        FillGaps([1, 2, 3]),
        DropShort(2),
        SmoothTracks(5),
    ]
    wanted = output
    for step in steps:
        wanted = step(wanted)
    for a, b in zip(CHAIN(output), wanted, strict=True):
        assert (a is None) == (b is None)
        assert a is None or torch.equal(a, b)
    assert Chain([])(output) is output


@pytest.mark.parametrize(
    "step",
    [
        LinkTracks(),
        MedianFilter(5, edge="zero"),
        Hysteresis(torch.tensor([0.5, 0.6, 0.7]), np.float32(0.25), planar=True),
        FillGaps([1, 2, 3], threshold=np.array([0.5, 0.25, 0.75])),
        DropShort(torch.tensor([1, 2, 3])),
        SmoothTracks(3, threshold=[0.5, 0.25, 0.75]),
        CHAIN,
    ],
    ids=lambda step: type(step).__name__,
)
def test_a_step_is_saved_by_its_name_and_plain_arguments(step: Any) -> None:
    call = built_by(step)
    assert call is not None
    name, arguments = json.loads(json.dumps(call))
    again = getattr(postprocess, name)(**arguments)
    assert again == step
    assert built_by(again) == call
    with pytest.raises(FrozenInstanceError):
        step.planar = True


@pytest.mark.messages  # NumPy's integers are none of Python's
def test_a_window_may_be_an_integer_of_numpy() -> None:
    for kind in (MedianFilter, SmoothTracks):
        step = kind(np.int64(5))  # type: ignore[arg-type]
        assert step == kind(5)
        assert json.dumps(built_by(step)) == json.dumps(built_by(kind(5)))


@pytest.mark.messages
def test_what_is_wrong_with_a_step_is_told() -> None:
    output = random_output(0, "class_wise")
    with pytest.raises(ValueError, match=r"memory must lie in 0\.\.1, got 2"):
        LinkTracks(memory=2.0)
    with pytest.raises(ValueError, match="window must be odd and positive, got 4"):
        MedianFilter(4)
    with pytest.raises(TypeError, match="window must be an integer, got 3"):
        SmoothTracks(3.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="high must be a number, got True"):
        Hysteresis(True)
    with pytest.raises(TypeError, match=r"max_frames must be an integer, got 1\.5"):
        FillGaps([1.5, 2])
    with pytest.raises(ValueError, match="threshold must not be nan, got nan"):
        DropShort(1, threshold=float("nan"))
    with pytest.raises(ValueError, match="high must not be nan, got nan"):
        Hysteresis(float("nan"))
    with pytest.raises(ValueError, match="high must be one number or broadcast"):
        Hysteresis([0.5] * 4)(output)
    silent = output._replace(activity=torch.full_like(output.activity, -torch.inf))
    assert not MedianFilter(3)(silent).activity.sigmoid().any()
    with pytest.raises(ValueError, match="min_frames must not be negative, got -1"):
        DropShort(-1)
    with pytest.raises(ValueError, match="edge must be one of"):
        MedianFilter(3, edge="far")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="low must not exceed high"):
        Hysteresis(0.3, 0.5)(output)
    with pytest.raises(ValueError, match="threshold must be one number or 3, got 2"):
        SmoothTracks(3, threshold=[0.5, 0.5])(output)
    with pytest.raises(ValueError, match=r"output must have x, y, z\[, distance\]\[, onscreen\]"):
        Hysteresis(0.5)(torch.zeros(4, 3, 2))
    with pytest.raises(ValueError, match="without a batch axis, got scores of shape"):
        Hysteresis(0.5)(torch.zeros(1, 4, 2, 3, 3))
    with pytest.raises(KeyError, match="step 'Blur' is unknown; known are"):
        Chain([("Blur", {})])
    wrong: Any = [len]
    with pytest.raises(TypeError, match="steps must be of"):
        Chain(wrong)
    pair: Any = (output.activity, output.direction)
    with pytest.raises(TypeError, match="output must be a SELDOutput or a tensor, got tuple"):
        Hysteresis(0.5)(pair)
