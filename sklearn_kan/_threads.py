"""How row chunks are run: serial kernels without the GIL, a few Python threads, sums in a fixed order.

Threads stay for the whole of a fit; each takes a run of neighbouring chunks at a time.

Chunks depend on the shape of the data alone and results come back in their order, so the bits of a model do not
depend on the number of threads.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
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
_own = local()  # `pools`: of the fit that this thread does, by their numbers of workers


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


@contextmanager
def fit_threads():
    """Threads of one fit: BLAS has a single one, and those for chunks stay until the fit ends."""
    outer, pools = getattr(_own, "pools", None), {}
    _own.pools = pools
    try:
        with single_blas_thread():
            yield
    finally:
        _own.pools = outer
        for pool in pools.values():
            pool.shutdown()


def n_threads() -> int:
    """Threads for one call: Numba's number, shared between the fits that run in this process."""
    import numba

    return max(1, numba.config.NUMBA_NUM_THREADS // max(1, _state["fits"]))


def chunk_slices(n_rows, chunk_rows):
    """Slices of at most `chunk_rows` rows, all about as long, that cover `n_rows` rows in order."""
    n = -(-n_rows // chunk_rows)
    return [slice(n_rows * i // n, n_rows * (i + 1) // n) for i in range(n)]


def _in_order(function, items, workers):
    """Yield results in the order of the items, at most two a worker waiting."""
    with _pool(workers) as pool:
        waiting = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # after an error nothing may be at work any more
            for future in waiting:
                future.cancel()
            wait(waiting)


def _pool(workers):
    """A pool of so many workers: of the fit that this thread does, or for this call."""
    pools = getattr(_own, "pools", None)
    if pools is None:
        return ThreadPoolExecutor(workers)
    if workers not in pools:
        pools[workers] = ThreadPoolExecutor(workers)
    return nullcontext(pools[workers])


def map_chunks(function, n_rows, chunk_rows, most=_RUN):
    """Yield ``function(rows)`` for each chunk of rows, in order; a thread does at most so many before any is taken."""
    chunks = chunk_slices(n_rows, chunk_rows)
    workers = min(n_threads(), len(chunks))
    if workers < 2:
        yield from map(function, chunks)
        return
    length = min(-(-len(chunks) // (2 * workers)), most)
    runs = [chunks[first : first + length] for first in range(0, len(chunks), length)]
    for results in _in_order(lambda run: [function(rows) for rows in run], runs, workers):
        yield from results


def one_ahead(function, items):
    """Yield ``function(item)`` for each item, in order; with several threads the next one is made meanwhile."""
    yield from map(function, items) if n_threads() < 2 else _in_order(function, items, 1)


def taken(values, rows):
    """Some rows of an array by their numbers: ``values[rows]``, which takes longer."""
    out = np.empty((len(rows), *values.shape[1:]), dtype=values.dtype)

    def take(part):
        values.take(rows[part], axis=0, out=out[part], mode="clip")  # 'raise' would copy once more

    for _ in map_chunks(take, len(rows), _TAKEN):
        pass
    return out
