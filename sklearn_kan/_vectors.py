"""Rows of numbers, several at once: the innermost loops of the kernels.

The compiler would check for every node and sample whether the rows of weights overlap what is written, which takes
longer than the work where rows are short. Here they are known not to: four numbers run at once, then two, then one.

Places are those in an array as it lies in memory. In plain Python these functions are what they say; compiled kernels
get their own instructions instead, see `_vector_code`. A cached kernel notices no edit there: then empty the cache.
"""

from ._jit import lesson


def add_combination(out, at, n, values, rows, places):
    """Add ``sum_a values[a] rows[places[a] : places[a] + n]`` to ``out[at : at + n]``; they do not overlap."""
    out, rows = out.reshape(-1), rows.reshape(-1)
    for value, place in zip(values, places, strict=True):
        out[at : at + n] += value * rows[place : place + n]


def add_multiples(rows, places, n, values, row, at):
    """Add ``values[a] row[at : at + n]`` to ``rows[places[a] : places[a] + n]``; none of them overlap."""
    rows, row = rows.reshape(-1), row.reshape(-1)
    for value, place in zip(values, places, strict=True):
        rows[place : place + n] += value * row[at : at + n]


def dot_combination(row, at, n, values, rows, places):
    """Product of ``row[at : at + n]`` and ``sum_a values[a] rows[places[a] : places[a] + n]``."""
    row, rows = row.reshape(-1), rows.reshape(-1)
    return sum(
        value * (row[at : at + n] @ rows[place : place + n]) for value, place in zip(values, places, strict=True)
    )


def add_products(out, places, n, rows, starts, first, last, left, right):
    """Add ``rows[k + left + a] rows[k + right : k + right + n]``, summed over k in ``starts[first:last]``, to
    ``out[places[a] : places[a] + n]``; what is written does not overlap.
    """
    out, rows = out.reshape(-1), rows.reshape(-1)
    for start in starts[first:last]:
        for a, place in enumerate(places):
            out[place : place + n] += rows[start + left + a] * rows[start + right : start + right + n]


@lesson
def _teach_numba():
    from ._vector_code import teach

    teach(add_combination, add_multiples, add_products, dot_combination)
