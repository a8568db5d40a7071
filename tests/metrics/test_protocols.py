"""What a protocol is made of, and what may be set in it: angle, blocks and frames."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.clip_rows import assert_same_counts, count, events
from metrics.random_clips import Variant, random_clips
from seldkit.metrics import SELDMetrics
from seldkit.metrics.protocols import PROTOCOLS, takers

LOCATED = takers("angle_threshold_deg")
BLOCKS = takers("block_frames")


def test_each_protocol_tells_what_it_is_made_of() -> None:
    assert LOCATED == [f"dcase202{year}" for year in range(6)]
    assert BLOCKS == ["dcase2019", *LOCATED[:4]]
    told = {
        name: (SELDMetrics(name, 1).block_frames, protocol.frame_s, protocol.num_classes)
        for name, protocol in PROTOCOLS.items()
    }
    assert told == {
        "dcase2019": (50, 0.02, 11),
        "dcase2020": (10, 0.1, 14),
        "dcase2021": (10, 0.1, 12),
        "dcase2022": (10, 0.1, 13),
        "dcase2023": (10, 0.1, 13),
        "dcase2024": (1, 0.1, 13),
        "dcase2025": (1, 0.1, 13),
        "l3das21": (1, 0.1, 14),
        "l3das22": (1, 0.1, 14),
        "l3das23": (1, 0.1, 14),
    }


@settings(max_examples=5)
@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_published_values_change_nothing(protocol: str, seed: int) -> None:
    clips, variant = random_clips(seed), Variant(protocol, {})
    settings, frame_s = PROTOCOLS[protocol].settings, PROTOCOLS[protocol].frame_s
    published: dict[str, Any] = {**settings, "frame_s": frame_s}
    assert_same_counts(
        variant.measure(*clips, **published).counts(), variant.measure(*clips).counts()
    )


@pytest.mark.parametrize("protocol", LOCATED)
@pytest.mark.parametrize(("limit", "hits"), [(None, 0), (29.0, 0), (30.5, 1), (180.0, 1)])
def test_a_hit_is_within_the_limit_that_is_asked_for(
    protocol: str, limit: float | None, hits: int
) -> None:
    clip = events((0, 1, 30)), events((0, 1, 0))
    counts = count(protocol, *clip, angle_threshold_deg=limit)
    assert counts.by_class["TP"].tolist() == [0, hits, 0]


@pytest.mark.parametrize("protocol", ["dcase2020", "dcase2021", "dcase2022", "dcase2023"])
def test_a_block_is_as_long_as_is_asked_for(protocol: str) -> None:
    # One class at 0.0, 0.7 and 1.2 s.
    clip = events((0, 0, 0), (7, 0, 0), (12, 0, 0))
    for block_frames, blocks in ((None, 2), (10, 2), (5, 3), (1, 3), (13, 1), (100, 1)):
        counts = count(protocol, clip, clip, num_frames=20, block_frames=block_frames)
        assert counts.by_class["Nref"].tolist() == [blocks, 0, 0]
        assert counts.by_class["TP"].tolist() == [blocks, 0, 0]


def test_blocks_of_dcase2019_leave_out_their_last_frame() -> None:
    clip = events((9, 0, 0), (18, 0, 0))
    counts = count("dcase2019", clip, clip, num_frames=20, block_frames=10)
    assert counts.by_class["Nref"].tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("protocol", "frame_s", "block_frames", "clip_frames"),
    [
        ("dcase2019", 0.1, 10, 600),
        ("dcase2020", 0.02, 50, 3000),
        ("dcase2021", 0.05, 20, 1200),
        ("dcase2023", 0.02, 50, 0),
        ("dcase2024", 0.02, 1, 0),
        ("l3das22", 0.05, 1, 600),
    ],
)
def test_seconds_and_clips_last_as_long_in_frames_of_any_length(
    protocol: str, frame_s: float, block_frames: int, clip_frames: int
) -> None:
    metrics = SELDMetrics(protocol, 1, frame_s=frame_s)
    assert (metrics.frame_s, metrics.block_frames) == (frame_s, block_frames)
    assert metrics.scored_frames(events(), events()) == clip_frames


def test_a_block_that_is_asked_for_needs_no_whole_number_of_frames_in_a_second() -> None:
    assert SELDMetrics("dcase2023", 1, frame_s=0.03, block_frames=33).block_frames == 33


@pytest.mark.messages
@pytest.mark.parametrize(
    ("protocol", "arguments", "error", "message"),
    [
        (
            "dcase2019",
            {"angle_threshold_deg": 20.0},
            ValueError,
            "angle_threshold_deg is an argument of dcase2020, dcase2021, dcase2022, dcase2023,"
            " dcase2024, dcase2025 alone: leave it out for 'dcase2019', got 20.0",
        ),
        (
            "dcase2024",
            {"block_frames": 10},
            ValueError,
            "block_frames is an argument of dcase2019, dcase2020, dcase2021, dcase2022, dcase2023"
            " alone: leave it out for 'dcase2024', got 10",
        ),
        ("dcase2023", {"angle_threshold_deg": 0}, ValueError, "must be positive, got 0"),
        ("dcase2023", {"angle_threshold_deg": "20"}, TypeError, "must be a number, got '20'"),
        ("dcase2023", {"block_frames": 0}, ValueError, "block_frames must be at least 1, got 0"),
        ("dcase2023", {"block_frames": 2.5}, TypeError, "block_frames must be an integer, got 2.5"),
        ("dcase2023", {"block_frames": True}, TypeError, "must be an integer, got True"),
        ("dcase2024", {"frame_s": 0.0}, ValueError, "frame_s must be positive, got 0.0"),
        ("dcase2024", {"frame_s": True}, TypeError, "frame_s must be a number, got True"),
        (
            "dcase2023",
            {"frame_s": 0.03},
            ValueError,
            "block_frames must be given for frame_s=0.03, of which no whole number lasts 1 s",
        ),
    ],
)
def test_what_a_protocol_does_not_know_is_named(
    protocol: str, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        SELDMetrics(protocol, 3, **arguments)


def test_frames_of_another_length_are_refused() -> None:
    # Ten frames of 100 ms are not ten of 20 ms, though they may be brought to them.
    coarse, metrics = events((0, 0, 0)), SELDMetrics("dcase2019", 1)
    with pytest.raises(ValueError, match=r"prediction must have frames of 0.02 s, got 0.1 s"):
        metrics.update(coarse, coarse.at(0.02))
    with pytest.raises(ValueError, match=r"reference must have frames .* events.at\(0.02\)"):
        metrics.update(coarse.at(0.02), coarse)
    metrics.update(events(), coarse.at(0.02))
    assert metrics.compute().counts["N"] == 1
