"""A resumed run is the run that was never stopped."""

import json
import os
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from signal import SIGKILL
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from seldkit.data import CheckpointWriter, RunSettings, load_checkpoint, save_checkpoint


class Run:
    """A small training run: model, optimiser and schedule."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
        weights = [p for p in self.model.parameters() if p.ndim > 1]
        biases = [p for p in self.model.parameters() if p.ndim == 1]
        groups: list[dict[str, Any]] = [{"params": weights}, {"params": biases, "weight_decay": 0}]
        self.optimizer = AdamW(groups, lr=1e-2, amsgrad=True)
        self.schedule = OneCycleLR(self.optimizer, max_lr=1e-2, total_steps=12)

    @property
    def parts(self) -> dict[str, Any]:
        """Return what a checkpoint of the run holds."""
        return {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}

    def train(self, steps: range) -> list[Tensor]:
        """Train on the batch of each step; return all weights and the rate after each."""
        path = []
        for step in steps:
            x = torch.randn(16, 3, generator=torch.Generator().manual_seed(step))
            self.optimizer.zero_grad()
            self.model(x).square().mean().backward()
            self.optimizer.step()
            self.schedule.step()
            state = [tensor.flatten().double() for tensor in self.model.state_dict().values()]
            rate = torch.tensor([self.schedule.get_last_lr()[0]], dtype=torch.float64)
            path.append(torch.cat([*state, rate]))
        return path


def test_a_resumed_run_continues_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "last.safetensors"
    run = Run(seed=1)
    run.train(range(5))
    save_checkpoint(path, epoch=5, **run.parts)
    wanted = run.train(range(5, 12))
    resumed = Run(seed=2)
    assert load_checkpoint(path, **resumed.parts) == 5
    found = resumed.train(range(5, 12))
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    assert [file.name for file in path.parent.iterdir()] == ["last.safetensors"]


def test_the_last_checkpoint_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    run = Run(seed=1)
    for epoch in (0, 1):
        save_checkpoint(str(path), epoch=epoch, **run.parts)
        run.train(range(epoch, epoch + 1))
    assert load_checkpoint(str(path), **run.parts) == 1


class Fixed:
    """A part with a state of its own."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""
        return self.state

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Take up a state."""
        self.state = state_dict


def test_a_failed_save_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, epoch=3, part=Fixed({"a": 1}))
    with pytest.raises(TypeError, match="plain values, got <class 'set'> at part/b/1"):
        save_checkpoint(path, epoch=4, part=Fixed({"b": [1, {2}]}))
    part = Fixed({})
    assert load_checkpoint(path, part=part) == 3
    assert part.state == {"a": 1}


def test_plain_values_come_back(tmp_path: Path) -> None:
    state: dict[Any, Any] = {
        "none": None,
        "flag": True,
        "rate": 0.1,
        "name": "ü",
        7: {"list": [1, [], {}]},
    }
    save_checkpoint(tmp_path / "a.safetensors", epoch=0, part=Fixed(state))
    part = Fixed({})
    load_checkpoint(tmp_path / "a.safetensors", part=part)
    assert part.state == state


def test_shared_strided_and_half_tensors_come_back(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    state = {"a": base, "b": base, "c": base.T, "d": base[1], "e": base.bfloat16(), "f": base[0, 0]}
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, epoch=0, one=Fixed(state), two=Fixed(state))
    parts = Fixed({}), Fixed({})
    load_checkpoint(path, one=parts[0], two=parts[1])
    for part in parts:
        assert list(part.state) == list(state)
        for name, tensor in state.items():
            assert part.state[name].dtype == tensor.dtype
            assert torch.equal(part.state[name], tensor)


def test_wrong_files_and_names_are_named(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    run = Run(seed=1)
    with pytest.raises(FileNotFoundError, match=r"there is no checkpoint .*last\.safetensors"):
        load_checkpoint(path, **run.parts)
    save_checkpoint(path, epoch=0, **run.parts)
    message = r"checkpoint holds \['model', 'optimizer', 'schedule'\], asked for \['model'\]"
    with pytest.raises(KeyError, match=message):
        load_checkpoint(path, model=run.model)


class Wide:
    """A run with channels-last weights and a fused optimiser, dropout and a schedule."""

    def __init__(self, *, last: bool = True) -> None:
        torch.manual_seed(3)
        self.model = nn.Sequential(  # no bias before the norm: its gradient is rounding alone
            nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Dropout(0.2), nn.Conv2d(4, 5, 3)
        )
        if last:
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = AdamW(self.model.parameters(), lr=1e-2, fused=True)
        self.schedule = OneCycleLR(self.optimizer, max_lr=1e-2, total_steps=8)
        self.generator, self.numbers = torch.Generator().manual_seed(4), np.random.default_rng(5)

    @property
    def parts(self) -> dict[str, Any]:
        """Return what a checkpoint of the run holds."""
        return dict(vars(self))

    def train(self, steps: int) -> list[Tensor]:
        """Train for some steps on batches of its own generators; return the weights."""
        for step in range(steps):
            torch.manual_seed(step)
            x = torch.randn(4, 3, 9, 7, generator=self.generator) * self.numbers.uniform(0.5, 2)
            x = x.to(memory_format=torch.channels_last)
            self.optimizer.zero_grad()
            self.model(x).square().mean().backward()
            self.optimizer.step()
            self.schedule.step()
        return [tensor.clone() for tensor in self.model.state_dict().values()]


def test_weights_in_another_memory_order_continue_bit_for_bit(tmp_path: Path) -> None:
    run = Wide()
    run.train(3)
    save_checkpoint(tmp_path / "a.safetensors", epoch=3, **run.parts)
    resumed = Wide()
    load_checkpoint(tmp_path / "a.safetensors", **resumed.parts)
    for old, new in zip(run.model.parameters(), resumed.model.parameters(), strict=True):
        for name, moment in run.optimizer.state[old].items():
            assert resumed.optimizer.state[new][name].stride() == moment.stride()
    for a, b in zip(run.train(4), resumed.train(4), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("last", [False, True])
def test_moments_follow_weights_whose_memory_order_has_changed(tmp_path: Path, last: bool) -> None:
    run = Wide(last=last)
    run.train(3)
    save_checkpoint(tmp_path / "a.safetensors", epoch=3, **run.parts)
    resumed = Wide(last=not last)
    load_checkpoint(tmp_path / "a.safetensors", **resumed.parts)
    for a, b in zip(run.train(4), resumed.train(4), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_every_memory_order_and_kind_of_number_comes_back(tmp_path: Path) -> None:
    image = torch.arange(120.0).reshape(2, 3, 4, 5).to(memory_format=torch.channels_last)
    state = {
        "last": image,
        "turned": image.permute(3, 0, 2, 1),
        "cut": image[:, :, 1:3],
        "spread": torch.ones(1, 1).expand(3, 4),
        "narrow": torch.zeros(4, 3, 1, 1).to(memory_format=torch.channels_last),
        "complex": torch.randn(3, dtype=torch.complex64).conj(),
        "flags": torch.tensor([True, False]),
        "bytes": torch.arange(9, dtype=torch.uint8),
        "none": torch.zeros(0, 3),
        "pair": (0.9, 0.999),
        "numpy": np.float32(0.5),
    }
    save_checkpoint(tmp_path / "a.safetensors", epoch=0, part=Fixed(state))
    part = Fixed({})
    load_checkpoint(tmp_path / "a.safetensors", part=part)
    for name, value in state.items():
        if isinstance(value, Tensor):
            assert torch.equal(part.state[name], value)
            assert part.state[name].stride() == torch.empty_like(value).stride()
        else:
            assert part.state[name] == value


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({1: torch.ones(1), "1": torch.ones(2)}, r"needs names that differ, got twice \['1'\]"),
        ({1: 1.0, "1": 2.0}, r"got twice \['1'\] in part"),
        ({"a": {"b": torch.ones(1)}, "a/b": torch.ones(2)}, r"got 'part/a/b' twice"),
        ({"a": [torch.ones(1)], "a/0": torch.ones(2)}, r"got 'part/a/0' twice"),
        ({None: torch.ones(1), "None": torch.ones(2)}, r"got twice \['None'\]"),
    ],
)
def test_names_that_collide_are_refused(
    tmp_path: Path, state: dict[Any, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        save_checkpoint(tmp_path / "a.safetensors", epoch=0, part=Fixed(state))
    assert not list(tmp_path.iterdir())


def test_names_with_a_stroke_that_do_not_collide_come_back(tmp_path: Path) -> None:
    state = {"a/b": torch.ones(1), "a": {"c": torch.zeros(2)}}
    save_checkpoint(tmp_path / "a.safetensors", epoch=0, part=Fixed(state))
    part = Fixed({})
    load_checkpoint(tmp_path / "a.safetensors", part=part)
    assert torch.equal(part.state["a/b"], state["a/b"])  # type: ignore[arg-type]


def _save_for_ever(path: Path, epoch: int, *, meanwhile: bool) -> None:
    save = CheckpointWriter().save if meanwhile else save_checkpoint
    while True:
        epoch += 1
        state = {str(i): torch.full((400_000,), float(epoch)) for i in range(4)}
        save(path, epoch=epoch, part=Fixed(state))


@pytest.mark.parametrize("meanwhile", [False, True])
def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path: Path, meanwhile: bool) -> None:
    path, part, epoch = tmp_path / "last.safetensors", Fixed({}), 0
    for moment in range(8):
        number = path.stat().st_ino if path.exists() else 0
        target = partial(_save_for_ever, meanwhile=meanwhile)
        process = get_context("fork").Process(target=target, args=(path, epoch))
        begin = monotonic()
        process.start()
        while not path.exists() or path.stat().st_ino == number:
            sleep(0.0005)
        sleep((monotonic() - begin) * moment / 8)  # up to about as long as to save again
        process.kill()
        process.join()
        assert process.exitcode == -SIGKILL
        before, epoch = epoch, load_checkpoint(path, part=part)
        assert epoch > before
        for tensor in part.state.values():
            assert torch.equal(tensor, torch.full_like(tensor, float(epoch)))
    for draft in tmp_path.glob(".*.draft"):  # what was being written when it was killed
        for each in (*draft.iterdir(), draft):
            os.utime(each, (0, 0))
    save_checkpoint(path, epoch=0, part=part)
    assert list(tmp_path.iterdir()) == [path]


def test_damaged_and_foreign_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, epoch=1, part=Fixed({"a": torch.arange(100.0), "b": 1}))
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-9] ^= 1
    changed = whole.replace(b"epoch", b"epoxh")
    other = save({"a": torch.ones(2)})
    newer = save({}, metadata={"checkpoint": json.dumps({"layout": 9})})
    foreign = save({}, metadata={"checkpoint": "of something else"})
    for contents, message in (
        (b"", "is damaged or no checkpoint: "),
        (b"hello, this is text", "is damaged or no checkpoint: "),
        (whole[: len(whole) // 2], "is damaged or no checkpoint: "),
        (whole[:-1], "is damaged or no checkpoint: "),
        (whole + b"more", "is damaged or no checkpoint: "),
        (bytes(flipped), "is damaged: its contents are not what was written"),
        (changed, "is damaged: its contents are not what was written"),
        (other, "is no checkpoint: it holds tensors, but no state of a run"),
        (foreign, "is damaged or no checkpoint: "),
        (newer, "was written by another version of seldkit: its layout is 9, this one reads 2"),
    ):
        path.write_bytes(contents)
        with pytest.raises(ValueError, match=rf"last\.safetensors {message}"):
            load_checkpoint(path, part=Fixed({}))
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load_checkpoint(tmp_path, part=Fixed({}))


def test_any_changed_byte_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, epoch=1, part=Fixed({"a": torch.arange(6).reshape(2, 3), "b": [1, 2.5]}))
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=r"last\.safetensors (is|was)"):
            load_checkpoint(path, part=Fixed({}))


@pytest.mark.messages
def test_a_state_that_does_not_fit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, epoch=1, model=nn.Linear(2, 3))
    with pytest.raises(
        ValueError, match=r"last\.safetensors does not fit model: (.|\n)*size mismatch"
    ):
        load_checkpoint(path, model=nn.Linear(2, 4))
    with pytest.raises(TypeError, match="model must have a state, got int"):
        load_checkpoint(path, model=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="model must have a state, got int"):
        save_checkpoint(path, epoch=1, model=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="epoch must be an integer, got True"):
        save_checkpoint(path, epoch=True, model=nn.Linear(2, 3))
    with pytest.raises(ValueError, match="epoch must not be negative, got -1"):
        save_checkpoint(path, epoch=-1, model=nn.Linear(2, 3))


def test_a_run_goes_on_with_its_own_settings_only(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    model = nn.Linear(2, 3)
    before = model.weight.clone()
    own = RunSettings(epochs=8, lr=np.float64(1e-3), out=tmp_path, widths=(1, 2), nan=float("nan"))
    save_checkpoint(path, epoch=1, settings=own, model=model)
    same = RunSettings(epochs=8, lr=1e-3, out=str(tmp_path), widths=[1, 2], nan=float("nan"))
    load_checkpoint(path, settings=same, model=model)
    other = RunSettings(epochs=9, lr=1e-3, widths=[1, 2], nan=float("nan"), seed=0)
    torch.nn.init.zeros_(model.weight)
    with pytest.raises(ValueError, match=r"epochs=8, not 9; out=.*; seed=nothing, not 0: repeat"):
        load_checkpoint(path, settings=other, model=model)
    assert not model.weight.any()
    assert before.any()
    with pytest.raises(TypeError, match=r"rates must be a plain value, got \{1\}"):
        RunSettings(rates={1})
    RunSettings(w={"a": 2, "b": 1}).load_state_dict(RunSettings(w={"b": 1, "a": 2}).state_dict())


def test_the_same_state_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in "abcd":
        run = Wide()
        run.train(2)
        save_checkpoint(tmp_path / name, epoch=2, **run.parts)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
