"""The Gauss-Newton matrix in blocks: parameters of functions into different nodes count as independent.

    H_b = J_b' C J_b + P_b        b the parameters of one node's functions, or of some of them

P is the curvature of ridge and smoothness. Derivatives by a node's functions are in proportion to that by the node,
df/dw_igj = B_ig(x) df/du_j: all nodes of a layer share the features B, and one row a sample stands for all outputs.
Where the blocks would be too large the rows of long tables count alone: a sample is in one row of a table,

    H_rj = n_r sum_s c_s (df_s/du_j)^2 + P_rr        n_r the share of the samples in row r
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ._stratified_sample import stratified
from ._threads import map_chunks

# All parameters count together while there are no more than this; beyond that functions into different nodes count as
# independent, in wide networks those of different inputs as well, or, where these matrices would hold more numbers than
# one of so many parameters, those before the last layer as known.
_WHOLE, _DENSE = 1400, 2000
# Multiply-adds that collecting the matrices may cost. Every so many rows stand for all where more are too many, and
# where fewer than twice the parameters of a group would be left, the groups are made smaller, but not than the least.
_WORK, _LEAST = 1e9, 150
# As much where all parameters count together, and where no fewer rows will do.
_MOST_WORK = 3e9
# As many parameters, and as much work, where they count together and are asked for seldom.
_LARGE, _LARGE_WORK = 2500, 2e10
# Elements of the Jacobian of one chunk, and rows that repay adding up its product.
_ELEMENTS = 1 << 22
_ROWS = 512


def _places(layers):
    """Layer, input node, term (-1 for a symbol's number), output node and feature of each parameter, (n_columns, 5).

    The tables of the very first layer count as one more input node, their rows as its terms. Features are those of
    `Layer.features`.
    """
    weights, numbers, values = [], [], []
    for l, layer in enumerate(layers):  # noqa: E741
        i, g, j = np.indices(layer.weights.shape).reshape(3, -1)
        weights.append(np.stack([np.full_like(i, l), i, g, j, i * (layer.n_basis + 1) + g], axis=1))
        first = layer.n_in * (layer.n_basis + 1)
        for k, (i, j) in enumerate(np.repeat(layer.symbols.edges, layer.symbols.numbers.shape[1], axis=0)):
            numbers.append((l, i, -1, j, first + k))
        if hasattr(layer, "tables"):
            g, j = np.indices(layer.tables.values.shape).reshape(2, -1)
            feature = first + layer.symbols.numbers.size + g
            values.append(np.stack([np.zeros_like(g), np.full_like(g, layer.n_in), g, j, feature], axis=1))
    return np.vstack([*weights, np.array(numbers, dtype=int).reshape(-1, 5), *values])


def _as_slice(places):
    """Increasing places as a slice, if there is no gap between them: that copies nothing."""
    first, last = places[0], places[-1] + 1
    return slice(first, last) if last - first == len(places) else places


def _square(places):
    """Index of the rows and columns at increasing places, if there is no gap between them as slices."""
    places = _as_slice(places)
    return (places, places) if isinstance(places, slice) else np.ix_(places, places)


def _gram(jacobian):
    return jacobian.T @ jacobian  # of one array with itself: half the work


@dataclass
class Edges:
    """Edges of a group that have the same terms: into nodes of one layer, or layer 0's tables as one edge.

    One edge alone is added without copies, as tables may have a thousand terms.
    """

    layer: int | None  # None for tables
    nodes: np.ndarray  # (n_edges,), input nodes in order
    places: np.ndarray  # (n_edges, n_terms) in the group
    terms: np.ndarray  # (n_terms,)

    def penalties(self, objective):
        """Matrices of ridge and smoothness of each edge, shape (n_edges, n_terms, n_terms)."""
        if self.layer is None:
            return objective.table_curvature(self.terms)[None]
        matrices = objective.matrices[self.layer]
        if len(self.places) == 1:
            return matrices[self.nodes[0]][_square(self.terms)][None]
        return matrices[np.ix_(self.nodes, self.terms, self.terms)]

    def add_to(self, matrix, blocks):
        """Add a matrix of these terms for each edge to its block."""
        if len(self.places) == 1:
            matrix[_square(self.places[0])] += blocks[0]
            return
        matrix[self.places[:, :, None], self.places[:, None]] += blocks

    def of_gram(self, root):
        """The blocks of the edges in R R', of which no more is found, shape (n_edges, n_terms, n_terms)."""
        if len(self.places) == 1:
            return _gram(root[_as_slice(self.places[0])].T)[None]
        rows = root[self.places]
        return rows @ rows.transpose(0, 2, 1)

    def add(self, own, blocks):
        """Add the blocks of the edges to the matrices of their input nodes."""
        if len(self.places) == 1:
            blocks[self.nodes[0]][_square(self.terms)] += own[0]
            return
        first = np.flatnonzero(np.diff(self.nodes, prepend=-1))
        blocks[np.ix_(self.nodes[first], self.terms, self.terms)] += np.add.reduceat(own, first, axis=0)


class Parts:
    """Which parameters count, and which of them together.

    Parameters
    ----------
    network : Network
    detail : {'whole', 'large', 'nodes', 'last'}
        All together; so, and of larger networks; those of functions into different nodes as independent, and, where
        they are many, those of so many neighbouring inputs only that their matrices are affordable; so, and of the last
        layer only.

    Attributes
    ----------
    groups : list of ndarray
        Columns of `jacobian` of the parameters that count together; the last one may be `alone`.
    alone : ndarray
        Those that count alone, of long tables; matrices and roots of theirs are diagonals.
    """

    def __init__(self, network, detail):
        self.detail, self.shape, self.free = detail, network.shape, network.free
        self.tables = network.layers[0].tables
        self.lowest = len(network.layers) - 1 if detail == "last" else 0
        self.start, self.end = network.offsets[self.lowest], network.number_offsets[0]
        self.number_start = network.number_offsets[self.lowest]
        last = len(network.weights) if self.lowest == 0 else network.value_offset
        columns = np.r_[self.start : self.end, self.number_start : last]
        self.columns, self.n_columns = columns, len(columns)
        self.places = _places(network.layers[self.lowest :])
        is_free = np.zeros(len(network.weights), dtype=bool)
        is_free[network.free] = True
        free = np.flatnonzero(is_free[columns])
        self.long, self.alone = np.zeros(len(self.tables), dtype=bool), free[:0]
        self.groups = []
        if len(free):
            self.groups = [free] if self.is_whole else self._nodes(free)
            if not self.is_whole and (len(self.tables.values) > _DENSE or self._size() > _DENSE**2):
                self.groups = self._nodes(self._set_apart(free))
        self.largest, self.size = max(map(len, self.groups), default=0), self._size()
        self.groups += [self.alone] if len(self.alone) else []

    def _size(self):
        """Elements of the matrices of all groups."""
        return sum(len(group) ** 2 for group in self.groups)

    def _most(self, n_free):
        """Parameters of a group, at most."""
        return max(min(np.sqrt(0.5 * _WORK / (n_free * self.shape[-1])), _DENSE**2 / n_free), _LEAST)

    def _set_apart(self, free):
        """The free columns without those that count alone, which are set; features are those of the others."""
        of_tables = self._in_table(self.places)
        self.long = self.tables.sizes > min(self._most(len(free)), _DENSE**2 / len(free))
        is_long = np.repeat(self.long, self.tables.sizes)
        feature = np.cumsum(~is_long) - 1 - np.arange(len(is_long))
        rows = self.places[of_tables, 2]
        self.places[of_tables, 4] += feature[rows]
        alone = np.zeros(len(self.places), dtype=bool)
        alone[of_tables] = is_long[rows]
        self.alone = free[alone[free]]
        return free[~alone[free]]

    def _in_table(self, places):
        """Which places are in layer 0's tables."""
        return (places[:, 0] == 0) & (places[:, 1] == self.shape[self.lowest])

    def _nodes(self, free):
        """Some columns in groups of one node each, or of a part of its edges."""
        if not len(free):
            return []
        layer, output = self.places[free][:, [0, 3]].T
        node = layer * max(self.shape) + output
        order = np.argsort(node, kind="stable")
        groups = np.split(free[order], np.flatnonzero(np.diff(node[order])) + 1)
        return [part for group in groups for part in self._split(group, self._most(len(free)))]

    def _split(self, group, most):
        """Parts of a node's group with about as many parameters at most; neighbours stay together.

        An edge is not divided, but for tables: a sample is in one row of each, so that rows share no sample.
        """
        in_table = self._in_table(self.places[group])
        starts = np.flatnonzero(np.diff(self.places[group, 1], prepend=-1) | in_table)
        n_parts = min(-(-len(group) // int(most)), len(starts))
        at = starts[np.searchsorted(starts, len(group) * np.arange(1, n_parts) / n_parts, side="right") - 1]
        return np.split(group, np.unique(at[at > 0]))

    def parameters(self, group):
        """Places of a group in theta."""
        return np.searchsorted(self.free, self.columns[group])

    @property
    def is_whole(self):
        """Whether all parameters count together."""
        return self.detail in ("whole", "large")

    @property
    def most_work(self):
        """Multiply-adds that the matrices may cost."""
        return _LARGE_WORK if self.detail == "large" else _MOST_WORK

    @property
    def n_sums(self):
        """Rows a sample of the Jacobian that the matrices take."""
        return self.shape[-1] if self.is_whole else 1

    @property
    def fit_in_memory(self):
        """Whether the matrices of all groups are not too large."""
        most = {"whole": min(_WHOLE, _DENSE), "large": _LARGE}.get(self.detail, _DENSE)
        return self.size <= most**2

    def affordable(self, n_rows):
        """Whether memory and work suffice for all groups; all outputs count, of which functions learn together."""
        work = min(n_rows, 2 * self.largest) * self.shape[-1] * self.size
        return self.fit_in_memory and (work <= self.most_work or self.detail == "last")

    def _layers(self, network, terms, delta):
        """From the last layer down: its number, the layer, its expansion, and cotangents of its output nodes."""
        for l in reversed(range(self.lowest, len(network.layers))):  # noqa: E741
            layer, term = network.layers[l], terms[l]
            yield l, layer, term, delta
            if l > self.lowest:
                delta = layer.input_gradient(term, delta)

    def jacobian(self, network, terms, delta):
        """Derivatives of sums of raw predictions, weighed by delta, shape (n_samples, n_sums, n_columns)."""
        jacobian = np.zeros((*delta.shape[:2], self.n_columns))
        for l, layer, term, by_node in self._layers(network, terms, delta):  # noqa: E741
            number_offset = self.end - self.start + network.number_offsets[l] - self.number_start
            value_offset = [network.value_offset] if l == 0 else []
            layer.jacobian(term, by_node, jacobian, network.offsets[l] - self.start, number_offset, *value_offset)
        return jacobian

    def _factors(self, network, terms, delta):
        """Of each group of one node: its columns' features and the cotangents of the node, whose products are J.

        Yields
        ------
        features : ndarray of shape (n_samples, n_group)
        by_node : ndarray of shape (n_samples, n_sums)
        """
        found = []
        for l, layer, term, rows in self._layers(network, terms, delta):  # noqa: E741
            features = layer.features(term, ~self.long) if l == 0 else layer.features(term)
            found.insert(0, (features, rows))
        for group in self.groups:
            if group is self.alone:
                yield None, found[0][1]
                continue
            k, _, _, j, _ = self.places[group[0]]
            features, rows = found[k]
            yield features[:, _as_slice(self.places[group, 4])], rows[:, :, j]

    @cached_property
    def alone_at(self):
        """Row of the tables and output node of the parameters that count alone."""
        return tuple(self.places[self.alone][:, [2, 3]].T)

    def grams(self, network, totals, terms, delta):
        """J' J of each group over all samples and sums; totals are the weights of all samples at the tables' rows."""
        if self.is_whole:
            jacobian = self.jacobian(network, terms, delta).reshape(-1, self.n_columns)
            return [_gram(jacobian[:, group]) for group in self.groups]

        def gram(features, rows):
            if features is None:
                return np.outer(totals, np.einsum("srj,srj->j", rows, rows))[self.alone_at]
            return _gram(np.sqrt(np.einsum("sr,sr->s", rows, rows))[:, None] * features)

        return [gram(*factors) for factors in self._factors(network, terms, delta)]

    def squares(self, network, terms, delta, roots):
        """Squared lengths of the rows of J of each group times its root, added up, shape (n_samples, n_sums)."""
        if self.is_whole:
            jacobian = self.jacobian(network, terms, delta)
            spread = (jacobian[:, :, group] @ root for group, root in zip(self.groups, roots, strict=True))
            return sum((np.einsum("srp,srp->sr", one, one) for one in spread), np.zeros(delta.shape[:2]))
        total = np.zeros(delta.shape[:2])
        for (features, rows), root in zip(self._factors(network, terms, delta), roots, strict=True):
            if features is None:
                values, variance = np.zeros(self.tables.values.shape), np.zeros((len(total), rows.shape[2]))
                values[self.alone_at] = root**2
                self.tables.with_values(values).forward(terms[0].rows, variance)
                total += np.einsum("sj,srj->sr", variance, rows**2)
                continue
            spread = features @ root
            total += np.einsum("sp,sp->s", spread, spread)[:, None] * rows**2
        return total

    @cached_property
    def edges(self):
        """The edges of each group, a list of `Edges`; numbers of symbols are left out."""
        return [[] if group is self.alone else self._edges(group) for group in self.groups]

    def _edges(self, group):
        layer, node, term, output = self.places[group, :4].T
        n_in = np.array(self.shape[self.lowest : -1])
        table = node == n_in[layer]
        kind = np.where(table, len(n_in) + output, layer)
        found = []
        for one in np.unique(kind[term >= 0]):
            at = np.flatnonzero((kind == one) & (term >= 0))
            at = at[np.lexsort((term[at], output[at], node[at]))]
            n_edges = 1 + np.count_nonzero(np.diff(node[at]) | np.diff(output[at]))
            places = at.reshape(n_edges, -1)
            is_table = one >= len(n_in)
            nodes = np.zeros(1, dtype=int) if is_table else node[places[:, 0]]
            found.append(Edges(None if is_table else self.lowest + int(one), nodes, places, term[places[0]]))
        return found

    def add_penalties(self, objective, matrices):
        """Add the curvature of ridge and smoothness to the matrix of each group: terms of one edge curb one another."""
        for edges, matrix in zip(self.edges, matrices, strict=True):
            if matrix.ndim == 1:
                matrix += objective.table_diagonal[self.alone_at[0]]
            for some in edges:
                some.add_to(matrix, some.penalties(objective))

    def chunk_rows(self, n_sums):
        """Rows a chunk of the Jacobian."""
        return max(1, _ELEMENTS // max((self.n_columns - len(self.alone)) * n_sums, 1))


def affordable_parts(objective, details):
    """The parts of the first of some details, see `Parts`, whose matrices are affordable; None if none is."""
    every = (objective.parts(detail) for detail in details)
    return next((parts for parts in every if parts.affordable(objective.n_rows)), None)


def curvatures(objective, parts):
    """J' C J + P of each group."""
    matrices = normal_matrices(objective, parts)
    parts.add_penalties(objective, matrices)
    return matrices


def curved(objective, rows):
    """Terms of some rows, and the cotangents with which the Jacobian is C^1/2 J."""
    raw, terms = objective.forward(rows)
    return terms, objective.curvature_root(raw, rows)


def normal_matrices(objective, parts):
    """J' C J of each group, from all rows or a sample."""
    most = parts.most_work if parts.is_whole else _WORK
    step = int(np.ceil(objective.n_rows * parts.n_sums * parts.size / most))
    if parts.is_whole and step == 1 and objective.strengths.reg_lambda == 0.0:  # the solver knows it
        return [objective.unsmoothed_equations(objective.network.theta)[2].copy()]
    some = objective.subset(stratified(objective.n_rows, step)) if step > 1 else objective

    def chunk(rows):
        return parts.grams(some.network, objective.totals, *curved(some, rows))

    chunk_rows = min(parts.chunk_rows(parts.n_sums), max(_ROWS, objective.network.chunk_rows()))
    total = [0.0] * len(parts.groups)
    for matrices in map_chunks(chunk, some.n_rows, chunk_rows, 1):
        total = [one + other for one, other in zip(total, matrices, strict=True)]
    return total
