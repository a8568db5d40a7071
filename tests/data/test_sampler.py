"""Every item once in an epoch over all ranks, and after a stop those that were to come."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import distributed
from torch.utils.data import DataLoader

from seldkit.data import EpochSampler, load_checkpoint, save_checkpoint


class Setting(NamedTuple):
    """A training: how much there is, and among how many it is shared."""

    size: int
    ranks: int
    batch: int
    seed: int
    remainder: Any

    def sampler(self, rank: int = 0, **changed: Any) -> EpochSampler:
        """Return the sampler of one rank."""
        settings: dict[str, Any] = {
            "batch_size": self.batch,
            "seed": self.seed,
            "remainder": self.remainder,
            "num_ranks": self.ranks,
        }
        return EpochSampler(self.size, rank=rank, **settings | changed)

    def steps(self, epoch: int = 0, **changed: Any) -> list[list[list[int]]]:
        """Return for each step of an epoch the batch of each rank."""
        ranks = []
        for rank in range(changed.get("num_ranks", self.ranks)):
            sampler = self.sampler(rank, **changed)
            sampler.set_epoch(epoch)
            ranks.append(list(sampler))
            assert len(sampler) == len(ranks[-1])
        return [list(step) for step in zip(*ranks, strict=True)]


@st.composite
def settings(draw: st.DrawFn) -> Setting:
    """Return settings that leave an item for each rank of each step."""
    ranks, batch = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    remainder = draw(st.sampled_from(["drop", "spread"]))
    size = draw(st.integers(ranks * batch if remainder == "drop" else ranks, 150))
    steps = -(-size // (ranks * batch))
    assume(remainder == "drop" or size >= steps * ranks)
    return Setting(size, ranks, batch, draw(st.integers(0, 2**70)), remainder)


@given(settings(), st.integers(0, 1000))
def test_every_item_comes_once_over_all_ranks(setting: Setting, epoch: int) -> None:
    steps = setting.steps(epoch)
    items = [item for step in steps for batch in step for item in batch]
    sizes = [len(batch) for step in steps for batch in step]
    assert len(set(items)) == len(items)
    assert set(items) <= set(range(setting.size))
    if setting.remainder == "drop":
        assert set(sizes) == {setting.batch}
        assert setting.size - len(items) < setting.batch * setting.ranks
    else:
        assert len(items) == setting.size
        assert 1 <= min(sizes) <= max(sizes) <= setting.batch
        assert max(sizes) - min(sizes) <= 1


@given(settings(), st.integers(0, 1000), st.data())
def test_a_resumed_epoch_is_the_rest_of_the_unbroken_one(
    setting: Setting, epoch: int, data: st.DataObject
) -> None:
    for rank in range(setting.ranks):
        first = setting.sampler(rank)
        first.set_epoch(epoch)
        whole = list(first)
        done = data.draw(st.integers(0, len(whole)))
        consumed = first.consume(whole)
        assert [next(consumed) for _ in range(done)] == whole[:done]
        again = setting.sampler(rank)
        again.load_state_dict(first.state_dict())
        assert (again.epoch, len(again)) == (epoch, len(whole) - done)
        assert list(again) == whole[done:]
        assert list(again.consume(again)) == whole[done:]
        assert (again.epoch, again.position) == (epoch + 1, 0)
        first.set_epoch(epoch + 1)
        assert list(again) == list(first)


@given(settings(), st.data())
def test_other_ranks_and_batches_go_on_without_loss(setting: Setting, data: st.DataObject) -> None:
    sampler = setting.sampler()
    whole = setting.steps()
    done = data.draw(st.integers(0, len(whole)))
    consumed = sampler.consume(list(sampler))
    for _ in range(done):
        next(consumed)
    before = [item for step in whole[:done] for batch in step for item in batch]
    assert sampler.position == len(before)
    ranks, batch = data.draw(st.integers(1, 4)), data.draw(st.integers(2, 5))
    left = setting.size - len(before)
    assume(setting.size >= ranks * batch and left >= -(-left // (ranks * batch)) * ranks)
    after = []
    for rank in range(ranks):
        other = setting.sampler(rank, num_ranks=ranks, batch_size=batch)
        other.load_state_dict(sampler.state_dict())
        after += [item for items in other for item in items]
    assert len(set(before + after)) == len(before + after)
    if setting.remainder == "spread":
        assert len(before + after) == setting.size


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 40), st.integers(0, 9))
def test_two_ranks_take_together_what_one_of_a_larger_batch_takes(
    ranks: int, batch: int, steps: int, seed: int
) -> None:
    setting = Setting(ranks * batch * steps + 1, ranks, batch, seed, "drop")
    alone = setting.steps(num_ranks=1, batch_size=ranks * batch)
    together = [list(chain.from_iterable(step)) for step in setting.steps()]
    assert together == [step[0] for step in alone]


@given(settings(), st.integers(0, 100))
def test_orders_depend_on_seed_and_epoch_alone(setting: Setting, epoch: int) -> None:
    assert setting.steps(epoch) == setting.steps(epoch)
    assume(setting.size > 30)
    orders = [setting.steps(epoch), setting.steps(epoch + 1), setting.steps(epoch, seed=2**71)]
    assert len({str(order) for order in orders}) == 3


def test_items_are_drawn_by_weight() -> None:
    weights = torch.tensor([0.0, 1.0, 3.0, 0.0]).repeat(1000)
    sampler = EpochSampler(4000, batch_size=100, weights=weights)
    drawn = Counter(item % 4 for batch in sampler for item in batch)
    assert set(drawn) == {1, 2}
    assert drawn[2] / drawn.total() == pytest.approx(0.75, abs=0.03)
    half = EpochSampler(4000, batch_size=50, weights=weights, rank=1, num_ranks=2)
    assert [batch[50:] for batch in sampler] == list(half)


def rest_of(loader: DataLoader[Any], sampler: EpochSampler) -> list[list[int]]:
    return [batch.tolist() for batch in sampler.consume(loader)]


@pytest.mark.parametrize("workers", [0, 2])
def test_what_workers_have_read_ahead_is_not_counted(workers: int, tmp_path: Path) -> None:
    def training() -> tuple[EpochSampler, DataLoader[Any]]:
        sampler = EpochSampler(60, batch_size=4, seed=5)
        kept = bool(workers)
        loader: DataLoader[Any] = DataLoader(
            torch.arange(60),  # type: ignore[arg-type]
            batch_sampler=sampler,
            num_workers=workers,
            persistent_workers=kept,
            generator=torch.Generator(),
        )
        return sampler, loader

    sampler, loader = training()
    whole = [rest_of(loader, sampler) for _ in range(2)]
    assert sampler.epoch == 2

    broken, loader = training()
    path = tmp_path / "last.safetensors"
    seen = []
    for batch in broken.consume(loader):
        seen.append(batch.tolist())
        if len(seen) == 6:
            save_checkpoint(path, epoch=broken.epoch, sampler=broken)
        if len(seen) == 8:
            break  # the training is killed: what came behind the checkpoint counts as not done
    assert broken.position == 32

    state = torch.get_rng_state()
    again, loader = training()
    load_checkpoint(path, sampler=again)
    assert [rest_of(loader, again) for _ in range(2)] == [whole[0][6:], whole[1]]
    assert torch.equal(torch.get_rng_state(), state)


def test_the_process_group_says_which_rank_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(distributed, "get_rank", lambda: 1)
    sampler = EpochSampler(10, batch_size=2, seed=3)
    assert list(sampler) == [step[1] for step in Setting(10, 2, 2, 3, "drop").steps()]


def no_batches() -> Iterator[int]:
    """Return a loader that has no sampler, and nothing."""
    return iter(())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size": 0}, "size must be at least 1, got 0"),
        ({"size": 7}, r"size must be at least batch_size \* num_ranks = 8, got 7"),
        ({"seed": -1}, "seed must not be negative, got -1"),
        ({"rank": 2}, "rank must lie in 0 <= rank < num_ranks=2, got 2"),
        ({"remainder": "pad"}, "remainder must be one of 'drop', 'spread', got 'pad'"),
        ({"weights": torch.zeros(10)}, "weights must not be negative, nor all zero"),
        ({"weights": torch.ones(9)}, r"weights must be \(item=10\), got shape \(9,\)"),
        ({"weights": torch.full((10,), float("nan"))}, "weights must be finite"),
        (
            {"size": 3, "batch_size": 1, "remainder": "spread"},
            "size must leave an item for each of 2 ranks in 2 steps, got 3",
        ),
    ],
)
@pytest.mark.messages
def test_wrong_settings_are_named(changed: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"size": 10, "batch_size": 4, "rank": 0, "num_ranks": 2}
    with pytest.raises(ValueError, match=message):
        EpochSampler(**given | changed)


def test_a_state_of_another_training_is_refused() -> None:
    sampler = EpochSampler(10, batch_size=2, seed=1)
    weights = torch.ones(10)
    for other, message in (
        (EpochSampler(11, batch_size=2, seed=1), "must have size 10, got 11"),
        (EpochSampler(10, batch_size=2, seed=2), "must have seed 1, got 2"),
        (EpochSampler(10, batch_size=2, seed=1, weights=weights), "must have weights None, got"),
    ):
        with pytest.raises(ValueError, match=message):
            sampler.load_state_dict(other.state_dict())
    with pytest.raises(ValueError, match=r"position must lie in 0\.\.10, got 11"):
        sampler.load_state_dict(sampler.state_dict() | {"position": 11})
    with pytest.raises(ValueError, match="epoch must not be negative, got -1"):
        sampler.set_epoch(-1)
    loader: DataLoader[Any] = DataLoader(range(10), batch_size=2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must take its batches from this sampler"):
        next(sampler.consume(loader))
    assert list(sampler.consume(no_batches())) == []
