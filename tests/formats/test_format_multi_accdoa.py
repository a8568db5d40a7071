"""A class sounds on as many tracks as there are, and its close tracks are one event."""

from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import normalize

from formats.sounding import (
    CLASSES,
    FRAMES,
    OVERLAPPING,
    Row,
    clip_of,
    in_order,
    make_events,
    quick,
)
from seldkit.events import Events
from seldkit.formats import MultiACCDOA
from seldkit.geometry import angle_deg, unit_vector

Found = list[tuple[int, Tensor]]
"""Events of one class and frame: the first track and the vector."""

SEED = st.integers(0, 2**32 - 1)


def cell(*vectors: Sequence[float]) -> Tensor:
    """Return an output of one frame and class, one vector for each track."""
    return torch.tensor(vectors, dtype=torch.float64).reshape(1, len(vectors), 1, -1)


def azimuths(*degrees: float, length: float = 1.0) -> Tensor:
    """Return an output of one frame and class whose tracks lie on the horizon."""
    azimuth = torch.tensor(degrees, dtype=torch.float64)
    return length * unit_vector(azimuth, torch.zeros_like(azimuth)).reshape(1, -1, 1, 3)


def decoded_deg(output: Tensor, **settings: Any) -> list[float]:
    events = MultiACCDOA(1, output.shape[1], **settings).decode(output)
    return events.azimuth_deg.round(decimals=6).tolist()


def published_rule(vectors: Tensor, unify_deg: float) -> Found:
    """Return the events of three tracks of one class: the published cases, one by one."""
    on = [bool(v.norm() > 0.5) for v in vectors]
    pairs = [(0, 1), (1, 2), (2, 0)]
    close = [
        (i, j)
        for i, j in pairs
        if on[i] and on[j] and angle_deg(vectors[i], vectors[j]) < unify_deg
    ]
    if not close:
        return [(k, vectors[k]) for k in range(3) if on[k]]
    if len(close) > 1:
        return [(0, vectors.mean(dim=0))]
    (i, j), (k,) = close[0], set(range(3)) - set(close[0])
    merged = (min(i, j), (vectors[i] + vectors[j]) / 2)
    return [(k, vectors[k]), merged] if on[k] else [merged]


def grown_groups(vectors: Tensor, unify_deg: float) -> list[list[int]]:
    """Return the groups of active tracks that chains of close tracks join."""
    left = [k for k in range(len(vectors)) if vectors[k].norm() > 0.5]
    groups = []
    while left:
        group = [left.pop(0)]
        for member in group:
            near = [k for k in left if angle_deg(vectors[member], vectors[k]) < unify_deg]
            group += near
            left = [k for k in left if k not in near]
        groups.append(sorted(group))
    return groups


@quick
@given(OVERLAPPING, st.booleans(), st.integers(0, 2))
def test_what_is_encoded_is_decoded(rows: list[Row], extras: bool, spare: int) -> None:
    events = make_events(rows, distance=extras, onscreen=extras)
    cells = [row[:2] for row in rows]
    tracks = max((cells.count(c) for c in cells), default=0) + spare or 1
    format_ = MultiACCDOA(CLASSES, tracks, distance=extras, onscreen=extras, unify_deg=0)
    decoded = format_.decode(format_.encode(events, FRAMES))
    # By frame, then class, then row: the events of a class stand on the first tracks.
    order = sorted(range(len(rows)), key=lambda k: rows[k][:2])
    assert in_order(decoded) == [in_order(events)[k] for k in order]
    assert decoded.source.tolist() == [events.source.tolist()[k] for k in order]


@pytest.mark.parametrize("unify_deg", [1.0, 15.0, 20.0, 90.0, 180.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_exactly_as_far_apart_as_the_limit_never_merges(
    unify_deg: float, dtype: torch.dtype
) -> None:
    azimuth = torch.arange(-180.0, 180.0, dtype=torch.float64)
    format_ = MultiACCDOA(1, num_tracks=2, unify_deg=unify_deg)
    for apart, tracks in ((unify_deg, 2), (unify_deg - 0.01, 1), (unify_deg + 0.01, 2)):
        pair = torch.stack((azimuth, azimuth + apart), dim=1)
        output = unit_vector(pair, 0.0).to(dtype).unsqueeze(2)
        events = format_.decode(output)
        if unify_deg == 180.0 and apart > 180.0:
            continue  # the other way round they are closer
        assert (events.frame.bincount() == tracks).all(), apart


def test_events_stand_on_the_first_tracks_of_their_class() -> None:
    events = Events.from_degrees([0, 0, 0, 0, 0], [1, 0, 1, 1, 1], [10, 20, 30, 40, 50], [0] * 5)
    format_ = MultiACCDOA(2, overflow="drop", unify_deg=0)
    target = format_.encode(events, 1)
    assert (target != 0).any(dim=-1).int().tolist() == [[[1, 1], [0, 1], [0, 1]]]
    assert format_.decode(target).azimuth_deg.round().tolist() == [20, 10, 30, 40]
    assert format_.fit(events, 1)[1].no_place.azimuth_deg.tolist() == [50]
    with pytest.raises(ValueError, match="events must fit 3 tracks of a class and 1 frames, but 1"):
        MultiACCDOA(2).encode(events, 1)


def test_close_tracks_of_a_class_merge_and_come_last() -> None:
    assert decoded_deg(azimuths(0, 60, 10)) == [60, 5]
    assert decoded_deg(azimuths(0, 14, 28)) == [14]  # through the one between
    assert decoded_deg(azimuths(0, 20, 40)) == [0, 20, 40]
    assert decoded_deg(azimuths(178, -178, 90)) == [90, -180]  # across the seam behind
    assert decoded_deg(azimuths(100, 0, 108, 8, 50)) == [50, 104, 4]
    assert decoded_deg(azimuths(0, 60, 10), unify_deg=0) == [0, 60, 10]
    assert decoded_deg(azimuths(0, 60, 30), unify_deg=31) == [30]


def test_tracks_of_two_classes_do_not_merge() -> None:
    output = torch.zeros(1, 2, 2, 3)
    output[0, 0, 0, 0] = output[0, 1, 1, 0] = 1
    events = MultiACCDOA(2, 2).decode(output)
    assert (events.label.tolist(), events.source.tolist()) == ([0, 1], [0, 1])


def test_the_angle_must_be_below_the_limit() -> None:
    right_angle = cell([1, 0, 0], [0, 0, 0.7])
    assert len(MultiACCDOA(1, 2, unify_deg=90).decode(right_angle)) == 2
    assert len(MultiACCDOA(1, 2, unify_deg=90.001).decode(right_angle)) == 1


def test_silent_tracks_join_nothing() -> None:
    assert decoded_deg(torch.cat((azimuths(0, 20), azimuths(10, length=0.5)), dim=1)) == [0, 20]


def test_a_longer_vector_counts_more_unless_all_are_made_one() -> None:
    output = torch.cat((azimuths(0), azimuths(10, length=0.6)), dim=1)
    raw = MultiACCDOA(1, 2).decode(output)
    torch.testing.assert_close(raw.direction[0], normalize(output.sum(dim=1).flatten(), dim=0))
    assert raw.azimuth_deg.item() < 4
    assert decoded_deg(output, merge="unit") == [5]


@pytest.mark.parametrize("merge", ["raw", "unit"])
def test_merged_tracks_share_distance_and_the_first_ones_flag(merge: Any) -> None:
    format_ = MultiACCDOA(1, 3, distance=True, onscreen=True, planar=True, merge=merge)
    output = cell([0, 1, 7, 2], [1, 0, 1, -0.5], [1, 0, 4, 0.5])
    events = format_.decode(output)
    assert events.azimuth_deg.tolist() == [90, 0]
    assert events.source.tolist() == [0, 1]
    assert events.distance is not None
    assert events.distance.tolist() == [7, 2.5]
    assert events.onscreen is not None
    assert events.onscreen.tolist() == [True, False]
    output[..., 2] *= -1
    assert format_.decode(output).distance.tolist() == [0, 0]  # type: ignore[union-attr]


def test_a_mean_of_length_zero_is_the_front() -> None:
    star = cell([0, 1, 0], [0.5, -0.5, 0], [-0.5, -0.5, 0])
    assert MultiACCDOA(1, unify_deg=140).decode(star).direction.tolist() == [[1, 0, 0]]
    nothing = torch.zeros(1, 1, 1, 3)
    assert MultiACCDOA(1, 1, threshold=-1.0).decode(nothing).direction.tolist() == [[1, 0, 0]]


@quick
@given(SEED, st.sampled_from([15.0, 40.0, 90.0]))
def test_three_tracks_merge_as_published(seed: int, unify_deg: float) -> None:
    random = torch.Generator().manual_seed(seed)
    output = torch.randn(6, 3, 2, 3, generator=random, dtype=torch.float64) * 0.6
    output[:, 1:] += output[:, :1] * torch.randint(3, (6, 2, 2, 1), generator=random)
    events = MultiACCDOA(2, unify_deg=unify_deg).decode(output)
    wanted = [
        (t, c, track, vector)
        for t in range(6)
        for c in range(2)
        for track, vector in published_rule(output[t, :, c], unify_deg)
    ]
    *columns, vectors = zip(*wanted, strict=True)
    assert [events.frame.tolist(), events.label.tolist(), events.source.tolist()] == [
        list(column) for column in columns
    ]
    torch.testing.assert_close(events.direction, normalize(torch.stack(vectors), dim=1))


@quick
@given(SEED, st.integers(1, 9))
def test_any_number_of_tracks_merges_by_chains(seed: int, tracks: int) -> None:
    random = torch.Generator().manual_seed(seed)
    output = torch.randn(1, tracks, 1, 4, generator=random, dtype=torch.float64)
    format_ = MultiACCDOA(1, tracks, distance=True, unify_deg=40.0)
    events = format_.decode(output)
    groups = grown_groups(output[0, :, 0, :3], 40.0)
    groups.sort(key=lambda group: (len(group) > 1, group[0]))
    assert events.source.tolist() == [group[0] for group in groups]
    if groups:
        wanted = torch.stack([output[0, group, 0].mean(dim=0) for group in groups])
        torch.testing.assert_close(events.direction, normalize(wanted[:, :3], dim=1))
        torch.testing.assert_close(events.distance, wanted[:, 3].clamp(min=0))


@quick
@given(SEED)
def test_the_order_of_the_tracks_changes_the_order_alone(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    output = torch.randn(1, 3, 1, 3, generator=random, dtype=torch.float64)
    degrees = [
        sorted(decoded_deg(output[:, list(order)], unify_deg=60))
        for order in permutations(range(3))
    ]
    assert all(found == pytest.approx(degrees[0]) for found in degrees)


def from_six_rows(label: Tensor) -> Tensor:
    """Return the tracks of a six-row label `(time, row, axis, cls)` of A | B B | C C C.

    Only the rows of one of the three groups are active, which is why they can be added up.
    """
    rows = (label[:, :, :1] * label[:, :, 1:]).transpose(2, 3)
    zero = torch.zeros_like(rows[:, 0])
    first, second, third = (
        torch.stack(group, dim=1)
        for group in (
            (rows[:, 0], zero, zero),
            (rows[:, 1], rows[:, 2], zero),
            (rows[:, 3], rows[:, 4], rows[:, 5]),
        )
    )
    return first + second + third


@pytest.mark.parametrize("clips", range(4))
@pytest.mark.parametrize("year", [2023, 2024, 2025])
def test_encodes_as_the_published_code(
    golden: Callable[[str], Path], clips: int, year: int
) -> None:
    saved = np.load(golden("dcase/adpit.npz"))
    labels = torch.from_numpy(saved[f"s{clips}_events"])
    frames, classes = saved[f"s{clips}_TC"].tolist()
    planar = year == 2025
    format_ = MultiACCDOA(
        classes, overflow="drop", distance=year > 2023, onscreen=planar, planar=planar
    )
    for clip in range(2):
        target = format_.encode(clip_of(labels, clip, frames), frames)
        wanted = torch.from_numpy(saved[f"s{clips}_target_adpit{year}"][clip])
        torch.testing.assert_close(target, from_six_rows(wanted).float())


@pytest.mark.parametrize("scene", range(3))
def test_decodes_as_the_published_code(golden: Callable[[str], Path], scene: int) -> None:
    saved = np.load(golden("dcase/decode.npz"))
    output = torch.from_numpy(saved[f"m{scene}_out"]).flatten(0, 1)
    events = MultiACCDOA(13).decode(output.unflatten(1, (3, 3, 13)).mT)
    rows = torch.from_numpy(saved[f"m{scene}_rows"])
    assert torch.equal(torch.stack((events.frame, events.label), dim=1), rows[:, :2].long())
    torch.testing.assert_close(events.direction, normalize(rows[:, 2:], dim=1), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_tracks": 0}, "num_tracks must be at least 1, got 0"),
        ({"unify_deg": -1.0}, r"unify_deg must lie in 0\.\.180, got -1"),
        ({"unify_deg": torch.nan}, r"unify_deg must lie in 0\.\.180, got nan"),
        ({"merge": "mean"}, "merge must be one of 'raw', 'unit', got 'mean'"),
    ],
)
@pytest.mark.messages
def test_wrong_settings_of_tracks_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiACCDOA(3, **arguments)
    with pytest.raises(ValueError, match=r"output must be \(time, track=3, cls=3, axis=3\)"):
        MultiACCDOA(3).decode(torch.zeros(4, 2, 3, 3))
