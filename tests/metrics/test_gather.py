"""Scores of clips that several processes have counted."""

import re
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from torch import distributed
from torch.multiprocessing.spawn import spawn

from metrics.clip_rows import assert_same_counts
from metrics.random_clips import Variant, random_clip
from seldkit.metrics import DenseMapMetrics, SELDMetrics, gather, jackknife
from seldkit.metrics.tracking import CLEARMOT

pytestmark = pytest.mark.programs

VARIANTS = [
    Variant("dcase2019", {}),
    Variant("dcase2023", {}),
    Variant("dcase2024", {"average": "micro"}),
    Variant("dcase2025", {}),
    Variant("l3das21", {}),
]
CLIPS = [random_clip(seed, num_frames) for seed, num_frames in enumerate((60, 25, 0, 111))]

SHARES = [(3, 1), (0, 4), (4, 0), (2, 2), (0, 0)]
"""How many clips each of two processes has, the first of them the first clips."""


@pytest.fixture(autouse=True)
def _stay_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    loopback = [name for _, name in socket.if_nameindex() if name.startswith("lo")]
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", loopback[0])


def join_group(rank: int, world_size: int, file: Path) -> None:
    """Join the group of processes that meet in a file."""
    distributed.init_process_group(
        "gloo",
        init_method=file.as_uri(),
        rank=rank,
        world_size=world_size,
        timeout=timedelta(seconds=60),
    )


def as_one_of_two(rank: int, file: Path) -> None:
    """Do what each of two processes does."""
    join_group(rank, 2, file)
    for variant in VARIANTS:
        for first, second in SHARES:
            shares = CLIPS[:first], CLIPS[first : first + second]
            own, whole = variant.measure(*shares[rank]), variant.measure(*shares[0], *shares[1])
            assert_same_counts(gather(own).counts(), whole.counts())
            assert own.num_clips == len(shares[rank])
    with pytest.raises(
        TypeError, match=r"metrics must keep counts.* got DenseMapMetrics, which can"
    ):
        gather(DenseMapMetrics())  # type: ignore[type-var]
    assert_same_scores()
    assert_tracks_are_gathered(rank)
    assert_settings_must_agree(rank)
    assert_a_group_may_be_chosen(rank)
    distributed.destroy_process_group()


def assert_same_scores() -> None:
    """Score all clips in each process: gathered, they are there twice."""
    own = VARIANTS[1].measure(*CLIPS)
    gathered, twice = gather(own), VARIANTS[1].measure(*CLIPS, *CLIPS)
    assert gathered.compute().as_dict() == twice.compute().as_dict()
    assert jackknife(gathered) == jackknife(twice)


def assert_tracks_are_gathered(rank: int) -> None:
    """Count one clip of tracks in the first process, and none in the other."""
    clip = CLIPS[0][1], CLIPS[0][1]
    own, whole = CLEARMOT(), CLEARMOT()
    whole.update(*clip)
    if not rank:
        own.update(*clip)
    assert gather(own).compute() == whole.compute()


def assert_settings_must_agree(rank: int) -> None:
    """Gather metrics that do not belong together."""
    for other in (
        SELDMetrics("dcase2019", 3),
        SELDMetrics("dcase2023", 4),
        SELDMetrics("dcase2023", 3, counting="corrected"),
    ):
        own = other if rank else SELDMetrics("dcase2023", 3)
        message = "metrics must have the same settings in all processes, got ['dcase20"
        with pytest.raises(ValueError, match=re.escape(message)):
            gather(own)


def assert_a_group_may_be_chosen(rank: int) -> None:
    """Gather in one process alone."""
    alone = distributed.new_group([1])
    if rank == 1:
        own = VARIANTS[0].measure(*CLIPS)
        assert_same_counts(gather(own, alone).counts(), own.counts())


def test_two_processes_gather_the_clips_of_one(tmp_path: Path) -> None:
    spawn(as_one_of_two, (tmp_path / "meeting",), nprocs=2)


def test_one_process_gathers_its_own(tmp_path: Path) -> None:
    join_group(0, 1, tmp_path / "meeting")
    try:
        for variant in VARIANTS:
            own = variant.measure(*CLIPS)
            assert_same_counts(gather(own).counts(), own.counts())
    finally:
        distributed.destroy_process_group()


def test_processes_that_are_no_group_are_named() -> None:
    message = "gather needs a group: call torch.distributed.init_process_group first"
    with pytest.raises(RuntimeError, match=message):
        gather(VARIANTS[0].measure(*CLIPS))
