"""Where Numba's options live: every kernel of the package is compiled by :func:`njit`.

Kernels take arrays and numbers only and call kernels of their own file only, so that the cache on disk never
serves code that was compiled against an older callee.

Set the environment variable ``SKLEARN_KAN_CACHE=0`` to compile in memory only.
"""

import os
import warnings

import numba

# isnan and isinf stay meaningful: 'nnan' and 'ninf' are left out.
_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "reassoc", "nsz", "arcp"},
}
_state = {"cache": os.environ.get("SKLEARN_KAN_CACHE", "1") != "0"}


def njit(kernel):
    """Compile `kernel` with the package's options; cached on disk where a place is writable."""
    if _state["cache"]:
        try:
            return numba.njit(cache=True, **_OPTIONS)(kernel)
        except RuntimeError as error:  # numba: "no locator available"
            _state["cache"] = False
            warnings.warn(
                f"sklearn_kan compiles its kernels anew in every process: no directory for their cache is "
                f"writable ({error}). Set NUMBA_CACHE_DIR to a writable directory.",
                RuntimeWarning,
                stacklevel=2,
            )
    return numba.njit(**_OPTIONS)(kernel)
