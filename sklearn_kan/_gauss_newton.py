"""The Gauss-Newton matrix J' J from rows of J that are mostly zero.

At a row only degree + 1 splines of every input node differ from zero. Their derivatives are a segment: degree + 1
times n_out neighbouring columns that begin where the node's interval says. Base weights and numbers of symbols of a
layer are segments that begin at one place in all rows; each table of layer 0 is a segment of n_out columns that begin
where its row is. J is kept as its segments, and J' J is the sum over pairs of segments. Rows are sorted for each pair:
those where both begin at the same places add to one tile of J' J, which stays in registers meanwhile. For this the
columns of each layer are ordered: splines, base weights, numbers.
"""

import numpy as np

from ._jit import njit
from ._vectors import add_products

# Rows that add to a tile in one go, and stay in cache meanwhile.
_RUN = 64
# Rows and columns of a tile that stays there while it is transposed.
_TILE = 64
# Multiply-adds of BLAS in the time of one of these.
_BLAS_SPEED = 5


@njit
def _fill_kernel(value, delta, start, rows):
    """Write the segments of one layer's splines and base weights into rows, (n_samples, n_rows, n_entries)."""
    n_samples, n_in, n_terms = value.shape
    n_rows, n_out = delta.shape[1:]
    base = start + n_in * (n_terms - 1) * n_out
    for s in range(n_samples):
        for r in range(n_rows):
            for i in range(n_in):
                for a in range(n_terms):
                    k = start + (i * (n_terms - 1) + a) * n_out if a < n_terms - 1 else base + i * n_out
                    for j in range(n_out):
                        rows[s, r, k + j] = value[s, i, a] * delta[s, r, j]


@njit
def _sort_kernel(keys, order, found):
    """Write an order to `found`, stably sorted by keys, whole numbers of some small range.

    Plain loops: ``min()``, ``max()`` and ``zeros()`` take longer to compile than all the rest.
    """
    least = largest = keys[0]
    for key in keys:
        least = min(least, key)
        largest = max(largest, key)
    first = np.empty(largest - least + 2, dtype=np.int64)
    for key in range(len(first)):
        first[key] = 0
    for s in order:
        first[keys[s] - least + 1] += 1
    for key in range(len(first) - 1):
        first[key + 1] += first[key]
    for s in order:
        key = keys[s] - least
        found[first[key]] = s
        first[key] += 1


@njit
def _gram_kernel(rows, places, starts, gram):
    """Add the products of all pairs of segments to the lower triangle of gram.

    rows : (n_rows, n_entries), places : where segments begin and end in an entry, starts : (n_segments, n_rows), their
    first columns, gram : (n_columns, n_columns).
    """
    n_rows, n_entries = rows.shape
    n_columns = gram.shape[1]
    every, by_p, order = np.empty(n_rows, np.int64), np.empty(n_rows, np.int64), np.empty(n_rows, np.int64)
    at, line = np.empty(n_rows, np.int64), np.empty(n_rows, np.int64)
    for k in range(n_rows):
        every[k] = k
    for p in range(len(starts)):
        length = places[p + 1] - places[p]
        _sort_kernel(starts[p], every, by_p)
        for q in range(p, len(starts)):
            _sort_kernel(starts[q], by_p, order)
            for k in range(n_rows):
                at[k] = order[k] * n_entries
                line[k] = starts[q, order[k]] * n_columns + starts[p, order[k]]
            first = 0
            while first < n_rows:
                last = first + 1
                while last < min(n_rows, first + _RUN) and line[last] == line[first]:
                    last += 1
                place = line[first]
                a = places[q]
                while a + 4 <= places[q + 1]:
                    lines = (place, place + n_columns, place + 2 * n_columns, place + 3 * n_columns)
                    add_products(gram, lines, length, rows, at, first, last, a, places[p])
                    place += 4 * n_columns
                    a += 4
                while a < places[q + 1]:
                    add_products(gram, (place,), length, rows, at, first, last, a, places[p])
                    place += n_columns
                    a += 1
                first = last


@njit
def _unpack_kernel(gram, order, full):
    """Complete the symmetric matrix whose lower triangle is gram, and write it in another order to full."""
    n = len(order)
    for top in range(0, n, _TILE):
        for left in range(0, top + 1, _TILE):
            for p in range(top, min(top + _TILE, n)):
                for q in range(left, min(left + _TILE, p)):
                    gram[q, p] = gram[p, q]
    for p in range(n):
        for q in range(n):
            full[p, q] = gram[order[p], order[q]]


class Segments:
    """Where the segments of a network's Jacobian lie.

    Parameters
    ----------
    network : Network

    Attributes
    ----------
    n_entries : int
        Entries of a row that are kept.
    pays : bool
        Whether it takes less time than a dense product.
    """

    def __init__(self, network):
        layers = network.layers
        self.order = np.empty(len(network.weights), dtype=np.int64)
        self.tables = network.layers[0].tables
        self.layers = []  # first segment, the layer, first entry, first entry of the numbers
        lengths, starts = [], []
        column = 0
        for layer, weights, numbers in zip(layers, network.places, network.places[len(layers) :], strict=False):
            index = np.arange(*weights[:2]).reshape(weights[2])
            parts = [index[:, :-1].ravel(), index[:, -1].ravel(), np.arange(*numbers[:2])]
            entry = sum(lengths)
            self.layers.append((len(lengths), layer, entry, entry + layer.n_in * (layer.degree + 2) * layer.n_out))
            starts += [column + i * layer.n_basis * layer.n_out for i in range(layer.n_in)]
            lengths += [(layer.degree + 1) * layer.n_out] * layer.n_in
            for part in parts:
                self.order[part] = column + np.arange(len(part))
                column += len(part)
            starts += [column - len(parts[1]) - len(parts[2]), column - len(parts[2])]
            lengths += [len(parts[1]), len(parts[2])]
        values = np.arange(network.value_offset, len(network.weights))
        self.order[values] = values  # the last ones in either order
        self.first_table, self.first_value = len(lengths), sum(lengths)
        starts += [network.value_offset] * len(self.tables)
        lengths += [network.layers[0].n_out] * len(self.tables)
        self.starts = np.array(starts)
        self.places = np.cumsum([0, *lengths])
        self.n_entries = int(self.places[-1])
        self.pays = _BLAS_SPEED * self.n_entries**2 < network.n_parameters**2

    def gram(self, terms, deltas):
        """Sum of J' J over some rows, in the order of segments, lower triangle.

        Parameters
        ----------
        terms : list of Expansion
        deltas : list of ndarray of shape (n_samples, n_rows, n_out)
            Cotangents of every layer's output nodes.
        """
        n_samples, n_rows = deltas[0].shape[:2]
        rows = np.empty((n_samples, n_rows, self.n_entries))
        starts = np.tile(self.starts[:, None], n_samples)
        for (segment, layer, entry, number_entry), term, delta in zip(self.layers, terms, deltas, strict=True):
            _fill_kernel(term.value, delta, entry, rows)
            layer.symbols.jacobian(term.t, delta, rows, number_entry)
            starts[segment : segment + layer.n_in] += layer.n_out * term.interval.T
        if len(self.tables):
            self._fill_tables(terms[0].rows, deltas[0], rows, starts)
        gram = np.zeros((len(self.order), len(self.order)))
        filled = np.diff(self.places) > 0
        places, starts = self.places[np.append(filled, True)], np.repeat(starts[filled], n_rows, axis=1)
        _gram_kernel(rows.reshape(-1, self.n_entries), places, starts, gram)
        return gram

    def _fill_tables(self, at, delta, rows, starts):
        """The segments of layer 0's tables: zero where a sample is in no row of the table."""
        n_out = delta.shape[2]
        for k in range(len(self.tables)):
            entry = self.first_value + k * n_out
            rows[:, :, entry : entry + n_out] = delta * (at[:, k] >= 0)[:, None, None]
        starts[self.first_table :] += n_out * np.maximum(at, 0).T

    def unpacked(self, gram):
        """The symmetric matrix in the order of the network's weights; gram is completed."""
        full = np.empty_like(gram)
        _unpack_kernel(gram, self.order, full)
        return full
