"""Chunks in order, errors that come through, one limit of BLAS threads for all fits."""

import os
import signal
import threading
import time

import numba
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from threadpoolctl import ThreadpoolController, threadpool_info

from sklearn_kan import KANRegressor, _threads
from sklearn_kan._threads import chunk_slices, map_chunks, n_threads, one_ahead, single_blas_thread, taken


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.fixture(autouse=True)
def restored():
    """A test that fails leaves no limit to the next one."""
    before = blas_threads()
    yield
    controllers = ThreadpoolController().select(user_api="blas").lib_controllers
    for controller, number in zip(controllers, before, strict=True):
        if hasattr(controller, "clear_controlling_thread"):  # newer ones let one thread alone set limits
            controller.clear_controlling_thread(force=True)
        controller.set_num_threads(number)


@pytest.mark.parametrize(("n_rows", "chunk_rows"), [(0, 3), (1, 3), (3, 3), (10, 3), (10, 100)])
def test_chunks_cover_the_rows(n_rows, chunk_rows):
    rows = [row for part in chunk_slices(n_rows, chunk_rows) for row in range(n_rows)[part]]
    assert rows == list(range(n_rows))
    lengths = [part.stop - part.start for part in chunk_slices(n_rows, chunk_rows)]
    assert max(lengths, default=0) <= chunk_rows
    assert max(lengths, default=0) - min(lengths, default=0) <= 1


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_order(threads, monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)

    def late(rows):
        time.sleep(0.002 * (rows.start % 3))  # later chunks are ready first
        return rows.start

    assert list(map_chunks(late, 100, 2)) == list(range(0, 100, 2))


@pytest.mark.parametrize("threads", [1, 2])
def test_one_is_made_ahead(threads, monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
    made, used = [], []
    for item in one_ahead(lambda item: made.append(item) or item, range(5)):
        used.append(item)
        assert len(made) <= len(used) + 1
    assert used == list(range(5))


@pytest.mark.parametrize("threads", [1, 3])
def test_errors_come_through(threads, monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)

    def fail(rows):
        if rows.start == 6:
            raise ArithmeticError("chunk 6")
        return rows.start

    with pytest.raises(ArithmeticError, match="chunk 6"):
        list(map_chunks(fail, 60, 2))


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_fit_takes_no_more_threads_than_its_share(workers, monkeypatch):
    """Of four threads, as many as the call may take, however many wait; the same ones serve the next call."""
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 4)
    monkeypatch.setitem(_threads._state, "fits", 4 // workers - 1)
    at_work, most, names = 0, 0, set()
    lock = threading.Lock()

    def work(item):
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
            names.add(threading.current_thread().name)
        time.sleep(0.002)
        with lock:
            at_work -= 1
        return item

    with single_blas_thread():
        for _ in range(3):
            list(map_chunks(work, 60, 1))
    assert most == len(names) == workers


def test_one_limit_for_all_fits():
    """The first in sets it, the last out restores it, in whatever order they leave."""
    before = blas_threads()
    inside, leave = threading.Event(), threading.Event()

    def fit():
        with single_blas_thread():
            inside.set()
            leave.wait(10.0)

    other = threading.Thread(target=fit)
    with single_blas_thread():
        other.start()
        inside.wait(10.0)
        assert blas_threads() == [1] * len(before)
        assert n_threads() == max(1, numba.config.NUMBA_NUM_THREADS // 2)
    assert blas_threads() == [1] * len(before)  # the other one still runs
    leave.set()
    other.join()
    assert blas_threads() == before
    assert n_threads() == numba.config.NUMBA_NUM_THREADS


def test_the_limit_ends_with_an_error():
    before = blas_threads()
    with pytest.raises(KeyError), single_blas_thread():
        raise KeyError
    assert blas_threads() == before


def test_the_limit_holds_in_every_thread():
    """Whichever thread limited BLAS before, and is still alive: a fit in another one runs with one BLAS thread."""
    before = blas_threads()
    with single_blas_thread():
        pass
    found = []

    def fit():
        with single_blas_thread():
            found.append(blas_threads())
        found.append(blas_threads())

    other = threading.Thread(target=fit)
    other.start()
    other.join()
    assert found == [[1] * len(before), before]
    assert blas_threads() == before


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_in_another_thread_gives_the_same_bits():
    """Of a model that is large enough for BLAS to use its threads."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (1500, 8))
    y = np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2]
    found = []

    def fit():
        options = {"grid_size": 8, "max_iter": 2, "n_init": 1, "random_state": 0, "solver": "lm"}
        found.append(KANRegressor((12,), **options).fit(X, y).network_.theta)

    fit()
    other = threading.Thread(target=fit)
    other.start()
    other.join()
    assert_array_equal(found[1], found[0])


@pytest.mark.parametrize("shape", [(100_000,), (70_000, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_taken(shape, dtype):
    """Of arrays that may be views, by several threads, and none of none."""
    rng = np.random.RandomState(0)
    values = rng.normal(size=(2 * shape[0], *shape[1:])).astype(dtype)[::2]
    for rows in (rng.permutation(len(values)), np.arange(0)):
        found = taken(values, rows)
        assert found.dtype == dtype
        assert_array_equal(found, values[rows])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_a_forked_process_has_threads_of_its_own(monkeypatch):
    """Helpers of the parent do not live in it: it makes new ones instead of waiting for them."""
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 3)
    assert sum(map_chunks(lambda rows: rows.start, 60, 1)) == sum(range(60))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            slow = map_chunks(lambda rows: time.sleep(0.001) or (rows.start, threading.get_ident()), 60, 1)
            starts, threads = zip(*slow, strict=True)
            status = 0 if starts == tuple(range(60)) and len(set(threads)) > 1 else 2
        finally:
            os._exit(status)
    deadline = time.monotonic() + 20.0
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    if ended == (0, 0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert ended == (child, 0)
