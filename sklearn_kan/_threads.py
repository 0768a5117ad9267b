"""How row chunks are run: serial kernels without the GIL, a few Python threads, sums in a fixed order.

Chunks depend on the shape of the data alone and results come back in their order, so the bits of a model do not
depend on the number of threads.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock

import scipy.linalg  # noqa: F401  loads SciPy's BLAS before the controller looks for libraries
from threadpoolctl import ThreadpoolController

# Fewer chunks a thread are done sooner than threads begin.
_CHUNKS_A_THREAD = 8

_lock = Lock()
_state = {"fits": 0, "limit": None, "controller": None}


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


def _in_order(function, items, workers):
    """Yield results in the order of the items, at most two a worker waiting."""
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def map_chunks(function, n_rows, chunk_rows):
    """Yield ``function(rows)`` for each chunk of rows, in order."""
    chunks = chunk_slices(n_rows, chunk_rows)
    workers = min(n_threads(), len(chunks) // _CHUNKS_A_THREAD)
    yield from map(function, chunks) if workers < 2 else _in_order(function, chunks, workers)


def one_ahead(function, items):
    """Yield ``function(item)`` for each item, in order; with several threads the next one is made meanwhile."""
    yield from map(function, items) if n_threads() < 2 else _in_order(function, items, 1)
