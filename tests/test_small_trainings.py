"""A training in two processes is that in one, and one that was killed is the unbroken one."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from signal import SIGKILL
from typing import Any

import numpy as np
import pytest

from house import ROOT

pytestmark = pytest.mark.programs


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Return how the trainings of the program ended."""
    folder = tmp_path_factory.mktemp("trainings")
    words = [sys.executable, str(ROOT / "tests" / "small_trainings.py"), str(folder)]
    path = os.pathsep.join(sys.path)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    logs = "".join(log.read_text() for log in sorted(folder.glob("*/log-*.txt")))
    assert done.returncode == 0, done.stderr + logs
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def table(end: Mapping[str, Any]) -> tuple[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Return the columns of a log and its numbers."""
    head, *rows = end["log"].splitlines()
    return head, np.array([[float(x) for x in row.split(",")] for row in rows])


@pytest.mark.parametrize("name", ["two", "accumulated"])
def test_shares_of_a_batch_train_to_the_weights_of_the_whole(
    ends: Mapping[str, Any], name: str
) -> None:
    one, shared = ends["one"], ends[name]
    assert one["weights"].keys() == shared["weights"].keys()
    for key, weights in one["weights"].items():
        np.testing.assert_allclose(shared["weights"][key], weights, rtol=1e-4, atol=1e-6)
    head, rows = table(one)
    assert head == "epoch,lr,loss,F"
    assert rows[-1, 2] < 0.9 * rows[0, 2]
    assert rows[-1, 3] > 0.1, "a score that tells something"
    assert table(shared)[0] == head
    np.testing.assert_allclose(table(shared)[1], rows, rtol=1e-5)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_training_goes_on_as_if_it_had_not_been(
    ends: Mapping[str, Any], processes: int
) -> None:
    end = ends[f"killed-{processes}"]
    for codes in end["ends"]:  # the last process was killed in each; another cannot go on alone
        assert codes[-1] == -SIGKILL
        assert 0 not in codes
    assert end["broken"]["bytes"] == end["whole"]["bytes"]
    assert len(end["broken"]["bytes"]) == 3


def test_a_training_stops_where_the_score_rises_no_more(ends: Mapping[str, Any]) -> None:
    _, rows = table(ends["stopped"])
    assert 1 < len(rows) < 12
    assert rows[-1, 3] <= rows[-2, 3] == rows[:, 3].max()
    assert ends["stopped again"] == ends["stopped"]
