"""A log holds what the run was told, also after it was stopped and goes on."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seldkit.data import TrainingLog, load_checkpoint, save_checkpoint


@given(rows=st.lists(st.tuples(st.integers(), st.floats()), min_size=1, max_size=5))
def test_numbers_come_back_whole(
    rows: list[tuple[int, float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = TrainingLog(tmp_path_factory.mktemp("log") / "log.csv")
    for step, loss in rows:
        log.add({"step": step}, **{"loss, mean": loss})
    with log.path.open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [(int(row["step"]), repr(float(row["loss, mean"]))) for row in read] == [
        (step, repr(loss)) for step, loss in rows
    ]


def test_a_run_that_goes_on_has_the_log_of_the_unbroken_one(tmp_path: Path) -> None:
    path, saved = tmp_path / "deep" / "log.csv", tmp_path / "last.safetensors"
    log = TrainingLog(path)
    for epoch in range(3):
        log.add(epoch=epoch, loss=float(np.float32(0.5)))
        if epoch == 1:
            save_checkpoint(saved, epoch=1, log=log)
    whole = path.read_text()
    with path.open("a") as file:
        file.write("3,0.")  # as a process that is killed leaves it
    again = TrainingLog(path)
    load_checkpoint(saved, log=again)
    assert path.read_text() == "epoch,loss\n0,0.5\n1,0.5\n"
    again.add(epoch=2, loss=0.5)
    assert path.read_text() == whole
    TrainingLog(path).add(epoch=0)
    assert path.read_text() == "epoch\n0\n"


@pytest.mark.messages
def test_other_columns_and_what_is_no_number_are_told(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "log.csv")
    log.add(epoch=0, loss=1.0)
    with pytest.raises(ValueError, match=r"columns must be \['epoch', 'loss'\], got \['epoch'\]"):
        log.add(epoch=1)
    with pytest.raises(TypeError, match="loss must be a number, got 'low'"):
        log.add(epoch=1, loss="low")  # type: ignore[arg-type]
    assert log.rows == [{"epoch": 0, "loss": 1.0}]
