"""Checkpoints that are written while the run goes on are those of the moment they were taken."""

import threading
from pathlib import Path

import pytest
import torch
from torch import nn

from seldkit.data import CheckpointWriter, checkpoint_writer, load_checkpoint, save_checkpoint
from seldkit.data.checkpoint import Snapshot, write_snapshot


class Gate:
    """In place of writing: a file is written once the gate is open."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = threading.Event()
        self.written: list[str] = []
        monkeypatch.setattr(checkpoint_writer, "write_snapshot", self.write)

    def write(self, path: Path, snapshot: Snapshot) -> None:
        """Wait at the gate, then write."""
        assert self.open.wait(60)
        write_snapshot(path, snapshot)
        self.written.append(path.name)


def test_a_run_goes_on_while_its_state_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, model, path = Gate(monkeypatch), nn.Linear(2, 3), tmp_path / "deep" / "last.safetensors"
    before = model.weight.detach().clone()
    with CheckpointWriter() as writer:
        writer.save(path, epoch=1, model=model)
        assert not path.exists()
        nn.init.zeros_(model.weight)
        gate.open.set()
    assert load_checkpoint(path, model=model) == 1
    assert torch.equal(model.weight, before)


def test_it_writes_what_save_checkpoint_writes(tmp_path: Path) -> None:
    model = nn.Linear(2, 3)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    save_checkpoint(tmp_path / "a", epoch=2, model=model, optimizer=optimizer)
    with CheckpointWriter() as writer:
        writer.save(tmp_path / "b", epoch=2, model=model, optimizer=optimizer)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_files_are_written_in_order_and_one_copy_of_each_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, model = Gate(monkeypatch), nn.Linear(2, 3)
    writer = CheckpointWriter()
    writer.save(tmp_path / "best", epoch=1, model=model)
    writer.save(tmp_path / "last", epoch=1, model=model)
    opener = threading.Timer(0.05, gate.open.set)
    opener.start()
    writer.save(tmp_path / "last", epoch=2, model=model)  # waits for the gate
    assert gate.open.is_set()
    assert gate.written[:2] == ["best", "last"]
    writer.wait()
    assert gate.written == ["best", "last", "last"]
    assert load_checkpoint(tmp_path / "last", model=model) == 2
    opener.join()


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    model = nn.Linear(2, 3)
    (tmp_path / "file").touch()
    writer = CheckpointWriter()
    writer.save(tmp_path / "file" / "last", epoch=1, model=model)
    with pytest.raises(FileExistsError, match="file"):
        writer.save(tmp_path / "file" / "last", epoch=2, model=model)
    writer.save(tmp_path / "file" / "last", epoch=2, model=model)
    with pytest.raises(FileExistsError, match="file"):
        writer.wait()
    writer.wait()


@pytest.mark.messages
def test_what_has_no_state_is_told_at_once(tmp_path: Path) -> None:
    writer = CheckpointWriter()
    with pytest.raises(TypeError, match="model must have a state, got int"):
        writer.save(tmp_path / "last", epoch=1, model=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="epoch must not be negative, got -1"):
        writer.save(tmp_path / "last", epoch=-1)


def test_a_block_that_fails_keeps_what_was_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, model = Gate(monkeypatch), nn.Linear(2, 3)
    gate.open.set()

    def save_and_fail() -> None:
        with CheckpointWriter() as writer:
            writer.save(tmp_path / "last", epoch=3, model=model)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_and_fail()
    assert load_checkpoint(tmp_path / "last", model=model) == 3
