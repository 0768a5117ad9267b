"""How row chunks are run: serial kernels without the GIL, a few Python threads, sums in a fixed order.

The calling thread works too, and its helpers stay for its next call. Each takes a run of neighbouring chunks at a time.

Chunks depend on the shape of the data alone and results come back in their order, so the bits of a model do not
depend on the number of threads.
"""

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from threading import Lock, local

import numpy as np
import scipy.linalg  # noqa: F401  loads SciPy's BLAS before the controller looks for libraries
from threadpoolctl import ThreadpoolController

# Most chunks of a run, whose results wait together.
_RUN = 8
# Rows that are taken in one go.
_TAKEN = 1 << 15

_lock = Lock()
_state = {"fits": 0, "limit": None, "controller": None}


class _Helpers(local):
    """Pools of the calling thread, by their numbers of helpers; they end with it."""

    def __init__(self):
        self.pools = {}

    def pool(self, n):
        if n not in self.pools:
            self.pools[n] = ThreadPoolExecutor(n)
        return self.pools[n]

    def forget(self):
        self.pools.clear()


_helpers = _Helpers()
if hasattr(os, "register_at_fork"):  # threads do not live on in a forked process
    os.register_at_fork(after_in_child=_helpers.forget)


def _take_control():
    """Let this thread set limits: in newer threadpoolctl the first one that did so keeps the others from it."""
    for library in _state["controller"].lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)


@contextmanager
def single_blas_thread():
    """Limit BLAS to one thread while at least one fit runs.

    On small systems more BLAS threads cost time and change the bits. Fits in several threads share one limit:
    the first one in sets it, the last one out restores what was before.
    """
    with _lock:
        if _state["fits"] == 0:
            if _state["controller"] is None:
                _state["controller"] = ThreadpoolController()
            _take_control()
            _state["limit"] = _state["controller"].limit(limits=1, user_api="blas")
        _state["fits"] += 1
    try:
        yield
    finally:
        with _lock:
            _state["fits"] -= 1
            if _state["fits"] == 0:
                _take_control()
                _state["limit"].restore_original_limits()
                _take_control()


def n_threads() -> int:
    """Threads for one call: Numba's number, shared between the fits that run in this process."""
    import numba

    return max(1, numba.config.NUMBA_NUM_THREADS // max(1, _state["fits"]))


def chunk_slices(n_rows, chunk_rows):
    """Slices of at most `chunk_rows` rows, all about as long, that cover `n_rows` rows in order."""
    n = -(-n_rows // chunk_rows)
    return [slice(n_rows * i // n, n_rows * (i + 1) // n) for i in range(n)]


def _in_order(function, items, helpers, most):
    """Yield results in the order of the items, at most so many waiting; who waits for a result makes another one."""
    items, waiting, pool = iter(items), deque(), _helpers.pool(helpers)
    try:
        while True:
            for item in islice(items, most - len(waiting)):
                waiting.append((item, pool.submit(function, item)))
            if not waiting:
                return
            for i, (item, future) in enumerate(waiting):
                if waiting[0][1].done():
                    break
                if future.cancel():  # no helper has begun
                    waiting[i] = item, Future()
                    waiting[i][1].set_result(function(item))
            yield waiting.popleft()[1].result()
    finally:  # after an error nothing may be at work any more
        wait([future for _, future in waiting if not future.cancel()])


def map_chunks(function, n_rows, chunk_rows, most=_RUN):
    """Yield ``function(rows)`` for each chunk of rows, in order; a thread does at most so many before any is taken."""
    chunks = chunk_slices(n_rows, chunk_rows)
    workers = min(n_threads(), len(chunks))
    if workers < 2:
        yield from map(function, chunks)
        return
    length = min(-(-len(chunks) // (2 * workers)), most)
    runs = [chunks[first : first + length] for first in range(0, len(chunks), length)]
    for results in _in_order(lambda run: [function(rows) for rows in run], runs, workers - 1, 2 * workers):
        yield from results


def filled(out, function, chunk_rows):
    """The array with ``function(rows)`` in the rows of each chunk."""

    def fill(rows):
        out[rows] = function(rows)

    for _ in map_chunks(fill, len(out), chunk_rows):
        pass
    return out


def one_ahead(function, items):
    """Yield ``function(item)`` for each item, in order; with several threads the next one is made meanwhile."""
    yield from map(function, items) if n_threads() < 2 else _in_order(function, items, 1, 2)


def taken(values, rows):
    """Some rows of an array by their numbers: ``values[rows]``, which takes longer."""
    out = np.empty((len(rows), *values.shape[1:]), dtype=values.dtype)

    def take(part):
        values.take(rows[part], axis=0, out=out[part], mode="clip")  # 'raise' would copy once more

    for _ in map_chunks(take, len(rows), _TAKEN):
        pass
    return out
