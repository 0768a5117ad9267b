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


def ratio(ours, theirs, *, runs):
    """Median seconds of either and the ratio of the medians."""
    mine, other = np.median(interleaved([ours, theirs], runs=runs), axis=1)
    return mine, other, mine / other


def show(name, ours, theirs, found, limit):
    """Print one line: a ratio beside its limit."""
    verdict = "" if found <= limit else "  ABOVE"
    print(
        f"{name:44} {scaled(ours)}  beside {scaled(theirs)}  ratio {found:5.2f}  (limit {limit:g}){verdict}", flush=True
    )


def scaled(value):
    """Seconds in a readable unit."""
    for unit, size in (("s ", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:7.2f} {unit}"
    return f"{value / 1e-6:7.1f} us"
