"""Clips that are counted together are counted as each alone."""

from dataclasses import replace

import pytest
import torch

from metrics.clip_rows import assert_same_counts
from metrics.random_clips import FRAMES, VARIANTS, Clip, Variant, random_clip
from seldkit.events import Events
from seldkit.metrics import seld
from seldkit.metrics.counts import concatenate
from seldkit.metrics.seld import Frames
from seldkit.metrics.timeline import Rows, join

NOTHING = Events.from_degrees([], [], [], [])

LENGTHS = (25, 60, 0, 1, 110, 7)


def clips_of_any_length() -> list[Clip]:
    """Return clips of different lengths, some of them empty, with predictions beyond their ends."""
    full = [random_clip(seed, num_frames) for seed, num_frames in enumerate(LENGTHS)]
    late, _ = random_clip(9, FRAMES)
    beyond = [(replace(late, num_frames=None), reference) for _, reference in full]
    empty = replace(NOTHING, num_frames=30)
    return [*full, (empty, full[0][1]), *beyond, (late, empty), (NOTHING, empty), full[1]]


@pytest.mark.parametrize("frames", ["official", "clip"])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_clips_do_not_touch_one_another(variant: Variant, frames: Frames) -> None:
    clips = clips_of_any_length()
    alone = [variant.measure(clip, frames=frames).counts() for clip in clips]
    assert_same_counts(variant.measure(*clips, frames=frames).counts(), concatenate(alone))


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_no_clips_have_no_counts(variant: Variant) -> None:
    nothing, some = variant.measure().counts(), variant.measure(random_clip(0)).counts()
    assert_same_counts(nothing, some.map(lambda count: count[:0]))


def test_clips_wait_until_there_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    portions = []

    def spy(events: list[Events]) -> Rows:
        portions.append(len(events))
        return join(events)

    variant, clips = VARIANTS[0], [random_clip(seed, 10) for seed in range(8)]
    at_once = variant.measure(*clips).counts()
    monkeypatch.setattr(seld, "join", spy)
    # A clip has 15 rows on either side and is one more, so the fourth is one too many.
    monkeypatch.setattr(seld, "MAX_WAITING_ROWS", 93)
    metrics = variant.measure(*clips)
    assert metrics.num_clips == 8
    assert_same_counts(metrics.counts(), at_once)
    assert portions == [4, 4, 4, 4]  # predictions and references, twice


def test_a_clip_says_whether_distances_and_flags_are_known() -> None:
    bare = Events.from_degrees([0, 1], [0, 0], [0, 0], [0, 0])
    ranged = replace(bare, distance=torch.tensor([1.0, 2.0]))
    flagged = replace(bare, onscreen=torch.tensor([True, False]))
    rows = join([ranged, bare, NOTHING, flagged])
    assert rows.clip.tolist() == [0, 0, 1, 1, 3, 3]
    assert rows.has_distance.tolist() == [True, False, True, False]
    assert rows.has_onscreen.tolist() == [False, False, True, True]
    assert rows.distance.isnan().tolist() == [False, False, True, True, True, True]
    assert rows.onscreen.tolist() == [False, False, False, False, True, False]
