"""Times of two or more functions that take turns, so that other work on the machine meets all of them."""

import time

import numpy as np


def seconds(function):
    """Time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def interleaved(functions, *, runs):
    """Seconds of every run, shape (n_functions, runs), after one call of each that does not count."""
    for function in functions:
        function()
    return np.array([[seconds(function) for function in functions] for _ in range(runs)]).T


def compare(name, ours, theirs, *, runs, limit):
    """Print one line: median seconds of either, the ratio of the medians and that of the quickest runs."""
    found = interleaved([ours, theirs], runs=runs)
    mine, other = np.median(found, axis=1)
    quickest = found.min(axis=1)
    print(
        f"{name:46} {scaled(mine)} beside {scaled(other)}, ratio {mine / other:5.2f} (limit {limit:g}), "
        f"of the quickest runs {quickest[0] / quickest[1]:5.2f}",
        flush=True,
    )


def scaled(value):
    """Seconds in a readable unit."""
    for unit, size in (("s ", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:7.2f} {unit}"
    return f"{value / 1e-6:7.1f} us"
