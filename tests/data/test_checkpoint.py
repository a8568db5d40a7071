"""A resumed run is the run that was never stopped."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from seldkit.data import load_checkpoint, save_checkpoint


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
