"""Whatever does the work, the results are the same and in order, and few items are under way."""

import itertools
import os
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seldkit._executors import AHEAD, begin_worker, map_in_order, num_processors

pytestmark = pytest.mark.programs


def inverse(number: int) -> float:
    return 1 / number


def slow_first(number: int) -> int:
    time.sleep(0.02 if number % 4 == 0 else 0)
    return number


def touch(path: Path) -> Path:
    path.touch()
    return path


def end(number: int) -> int:
    if number == 3:
        os._exit(1)
    return number


@pytest.fixture(scope="module")
def threads() -> Iterator[Executor]:
    """Return two threads."""
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    """Return two processes."""
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        yield executor


WORKERS = ["here", "own", "threads", "processes", "dask"]


@pytest.fixture(params=WORKERS)
def workers(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the arguments that say who works."""
    if request.param in ("here", "own"):
        return {"num_workers": int(request.param == "own")}
    return {"executor": request.getfixturevalue(request.param)}


def test_results_are_in_order_whoever_works(workers: dict[str, Any]) -> None:
    assert list(map_in_order(slow_first, range(20), **workers)) == list(range(20))
    assert list(map_in_order(slow_first, [], **workers)) == []


def test_an_error_names_its_item_and_comes_in_its_place(workers: dict[str, Any]) -> None:
    results = map_in_order(inverse, [1, 2, 0, 4], **workers)
    assert [next(results), next(results)] == [1, 0.5]
    with pytest.raises(ZeroDivisionError) as caught:
        next(results)
    assert caught.value.__notes__ == ["at item 2: 0"]
    assert list(map_in_order(inverse, [1, 2], **workers)) == [1, 0.5]  # it is still of use


@given(st.lists(st.integers()), st.integers(1, 3))
def test_any_items_are_mapped_once(items: list[int], count: int) -> None:
    with ThreadPoolExecutor(count) as executor:
        assert list(map_in_order(str, items, executor=executor)) == list(map(str, items))


@pytest.mark.parametrize("name", ["here", "threads", "dask"])
def test_items_are_taken_as_they_are_needed(name: str, request: pytest.FixtureRequest) -> None:
    taken = itertools.count()
    given = {} if name == "here" else {"executor": request.getfixturevalue(name)}
    ahead = AHEAD if given else 1
    results = map_in_order(abs, taken, **given or {"num_workers": 0})  # without an end
    assert list(itertools.islice(results, 300)) == list(range(300))
    results.close()  # type: ignore[attr-defined]  # a generator
    assert 300 <= next(taken) <= 300 + ahead


def test_what_is_closed_is_taken_back(tmp_path: Path, threads: Executor) -> None:
    def work(number: int) -> int:
        time.sleep(0.01)
        (tmp_path / str(number)).touch()
        return number

    results = map_in_order(work, range(AHEAD), executor=threads)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]  # a generator
    done = len(list(tmp_path.iterdir()))
    assert done < AHEAD
    list(map_in_order(abs, range(4), executor=threads))
    assert len(list(tmp_path.iterdir())) == done  # nothing went on


def test_an_error_of_the_items_is_passed_on(threads: Executor) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(map_in_order(abs, items(), executor=threads))


def test_a_worker_that_is_killed_is_told() -> None:
    with pytest.raises(BrokenProcessPool) as caught:
        list(map_in_order(end, range(6), num_workers=1))
    assert "was killed (memory?)" in caught.value.__notes__[0]


def test_a_pool_of_ones_own_has_as_many_threads_as_it_is_told() -> None:
    with ProcessPoolExecutor(1, get_context("spawn"), begin_worker, (2,)) as pool:
        assert pool.submit(torch.get_num_threads).result() == 2


def test_long_items_are_shortened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        list(map_in_order(touch, [tmp_path / "no" / "file"], num_workers=0))
    assert caught.value.__notes__[0].endswith("no/file')")
    with pytest.raises(ValueError, match="invalid literal") as error:
        list(map_in_order(int, ["x" * 10**6], num_workers=0))
    assert len(error.value.__notes__[0]) < 300


def test_there_is_a_processor() -> None:
    assert num_processors() >= 1


@pytest.mark.messages
def test_what_is_no_executor_is_refused(threads: Executor) -> None:
    wrong: Any = ThreadPoolExecutor
    with pytest.raises(TypeError, match=r"executor must be a concurrent\.futures\.Executor, got"):
        map_in_order(abs, [], executor=wrong)
    with pytest.raises(ValueError, match="num_workers must be None beside an executor, got 2"):
        map_in_order(abs, [], executor=threads, num_workers=2)
    with pytest.raises(ValueError, match="num_workers must not be negative, got -1"):
        map_in_order(abs, [], num_workers=-1)
    wrong = 0.5
    with pytest.raises(TypeError, match=r"num_workers must be an integer, got 0\.5"):
        map_in_order(abs, [], num_workers=wrong)
