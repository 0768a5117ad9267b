"""Where Numba's options live: every kernel of the package is decorated with `njit`.

Kernels take arrays and numbers only and call kernels of their own file only, so that the cache on disk never
serves code that was compiled against an older callee. Numba is imported, and a file's kernels are compiled or taken
from the cache, when one of them is first called. That takes longer than a small prediction in plain Python, which
therefore computes the first ones.

Set the environment variable ``SKLEARN_KAN_CACHE=0`` to compile in memory only.
"""

import functools
import os
import threading
import warnings
from contextlib import contextmanager, nullcontext

import numpy as np

# isnan and isinf stay meaningful: 'nnan' and 'ninf' are left out.
_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "reassoc", "nsz", "arcp"},
}
# 'plain': functions of one variable that Python may still evaluate, in about the time that the import of Numba takes.
_state = {"cache": os.environ.get("SKLEARN_KAN_CACHE", "1") != "0", "plain": 10_000}
_lock = threading.RLock()
_lessons = []


class _Mode(threading.local):
    plain = False


_mode = _Mode()


class Kernel:
    """A function that Numba compiles when it is first called, with the other kernels of its file."""

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function, self.compiled = function, None

    def __call__(self, *arguments):
        if _mode.plain:
            return self.function(*arguments)
        if self.compiled is None:
            _compile_file(self)
        return self.compiled(*arguments)


njit = Kernel


def lesson(function):
    """Decorator: what Numba is taught before it compiles anything."""
    _lessons.append(function)
    return function


def plain(n_functions):
    """Leave the evaluation of so many functions of one variable to Python, if they are few and nothing is compiled."""
    return nullcontext() if n_functions > _state["plain"] else _plain(n_functions)


@contextmanager
def _plain(n_functions):
    _state["plain"] -= n_functions
    _mode.plain = True
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        _mode.plain = False


def _compile_file(kernel):
    """Compile a kernel and put those of its file, which may call one another, in the place of their functions."""
    names = kernel.function.__globals__
    with _lock:
        _state["plain"] = 0
        while _lessons:
            _lessons[-1]()
            _lessons.pop()  # not before: after an interrupt it is taught again
        for name, other in list(names.items()):
            if isinstance(other, Kernel) and other.function.__globals__ is names:
                names[name] = other.compiled = _compiled(other.function)
        if kernel.compiled is None:
            kernel.compiled = _compiled(kernel.function)


def _compiled(function):
    """The function with the package's options; cached on disk where a place is writable."""
    import numba

    if _state["cache"]:
        try:
            return numba.njit(cache=True, **_OPTIONS)(function)
        except RuntimeError as error:  # numba: "no locator available"
            _state["cache"] = False
            warnings.warn(
                f"sklearn_kan compiles its kernels anew in every process: no directory for their cache is "
                f"writable ({error}). Set NUMBA_CACHE_DIR to a writable directory.",
                RuntimeWarning,
                stacklevel=4,
            )
    return numba.njit(**_OPTIONS)(function)
