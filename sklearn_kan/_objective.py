"""What the solvers minimise: network, loss, penalties and data joined in one function of theta.

    F(theta) = sum_s w_s l(y_s, raw(x_s)) / sum_s w_s + penalties

Sums run over chunks of rows in a fixed order. The Gauss-Newton matrix is accumulated chunk by chunk as well: the
Jacobian of all rows never exists.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ._blocks import Parts
from ._bspline import continuity, roughness
from ._gauss_newton import Segments
from ._grid import OUTLIERS
from ._penalties import add_blocks, quadratic_units, quadratic_value_gradient, sparsity
from ._stratified_sample import stratified
from ._threads import map_chunks, one_ahead, taken

# Elements kept of layer 0's expansion, whose knots are fixed during a stage; more are computed anew in each pass.
_KEPT_ELEMENTS = 1 << 24
# Elements of layer 0's expansion at the rows of some mini-batches.
_BATCH_ELEMENTS = 1 << 19
# Elements of the Jacobian of one chunk, and rows that repay adding up its product.
_JACOBIAN_ELEMENTS = 1 << 20
_JACOBIAN_ROWS = 512
# Elements of the derivatives, and the fewest rows, that tell by how much layers bend.
_BEND_ELEMENTS, _BEND_ROWS = 1 << 23, 100
# |phi| below which the majoriser of the sparsity penalty is no longer sharpened, relative to the target's spread.
_SPARSE = 1e-4


@dataclass(frozen=True)
class Strengths:
    """Strengths of the penalties; see `_penalties`.

    Those of ridge and smoothness are numbers, or lists with an array of shape (n_in,) for each layer.
    """

    alpha: float | list = 0.0
    smoothing: float | list = 0.0
    reg_lambda: float = 0.0
    l1_weight: float = 1.0
    entropy_weight: float = 1.0
    continuity: float = 0.0

    def fit(self, network):
        """Whether these lists belong to a network of this shape."""
        return [len(part) for part in self.alpha] == network.shape[:-1]

    def with_hidden_nodes(self, size):
        """Lists for hidden nodes as well, in whose units of this size the weights at the columns are."""
        lists = {}
        for name in ("alpha", "smoothing"):
            columns = getattr(self, name)[0]
            lists[name] = [columns * np.mean(size**2), np.full(len(size), columns.mean())]
        return replace(self, **lists)

    def joined(self, others):
        """Lists for networks side by side: the mean at the columns, one after the other at the hidden nodes."""
        lists = {name: [getattr(one, name) for one in (self, *others)] for name in ("alpha", "smoothing")}
        return replace(
            self,
            **{
                name: [np.mean([part[0] for part in parts], axis=0), np.concatenate([part[1] for part in parts])]
                for name, parts in lists.items()
            },
        )

    def of_nodes(self, name, network, l):  # noqa: E741
        """Strengths of 'alpha' or 'smoothing' at the input nodes of layer l, shape (n_in,)."""
        strength = getattr(self, name)
        return strength[l] if isinstance(strength, list) else np.full(network.layers[l].n_in, float(strength))


def rows_of(values, rows):
    """Some rows of an array, by a slice or by their numbers."""
    return values[rows] if isinstance(rows, slice) else taken(values, rows)


class Objective:
    """Function of theta with gradient and Gauss-Newton matrix.

    Parameters
    ----------
    network : Network
        Evaluations set its theta.
    loss : object of `_losses`
    X : ndarray of shape (n_samples, n_in)
    y : ndarray of shape (n_samples, n_out)
    sample_weight : ndarray of shape (n_samples,)
    strengths : Strengths
    before : Objective, default=None
        Of the same rows: layer 0's expansion is taken from it while its knots are the same.
    reach : float, default=2.0
        Rows count as if they lay no farther from the centre than this, in units of half the knot range.
    """

    def __init__(self, network, loss, X, y, sample_weight, strengths, *, before=None, reach=OUTLIERS):
        self.network = network
        self.loss = loss
        self.X = X
        self.y = y
        self.sample_weight = sample_weight / sample_weight.sum()
        self.strengths = strengths
        self.reach = reach
        self.first = None
        expanded = before is not None and network.layers[0].expands_like(before.network.layers[0])
        if expanded:
            self.first = before.first
        elif X.size * (network.layers[0].degree + 2) <= _KEPT_ELEMENTS:
            self.first = network.layers[0].kept(network.layers[0].expand(X, slopes=False, reach=reach))
        self.last_loss = self.last_equations = None
        if before is not None and before.network is network:  # strengths alone are other ones
            self.last_loss, self.last_equations = before.last_loss, before.last_equations
        self.units, self.ties = zip(*(self._units(k, before) for k in range(len(network.layers))), strict=True)
        self.matrices = [self._penalty(k) for k in range(len(network.layers))]
        self._curvature = None
        tables = network.layers[0].tables
        self.totals = before.totals if expanded else self._table_totals()
        self.shares = before.shares if expanded else tables.shares(self.totals)
        columns = tables.columns
        self.table_strengths = strengths.of_nodes("alpha", network, 0)[columns] + strengths.continuity
        same = before is not None and network.parametrized_like(before.network)
        self._parts = before._parts if same else {}

    def _units(self, l, before):  # noqa: E741
        """Matrices of ridge and smoothness of one edge of every input node of layer l at strength 1, and ties."""
        layer = self.network.layers[l]
        known = before is not None and l < len(before.units)
        if known and np.array_equal(layer.knots, before.network.layers[l].knots):
            return before.units[l], before.ties[l]
        return quadratic_units(roughness(layer.knots, layer.degree)), continuity(layer.knots, layer.degree)

    def _penalty(self, l):  # noqa: E741
        """Matrices of ridge and smoothness of one edge of every input node of layer l."""
        unit = self.units[l]
        strengths = {name: self.strengths.of_nodes(name, self.network, l) for name in unit}
        matrices = sum(strengths[name][:, None, None] * unit[name] for name in unit)
        matrices[:, :-1, :-1] += self.strengths.continuity * self.ties[l]
        return matrices

    @property
    def n_rows(self):
        return len(self.X)

    def parts(self, detail):
        """Which parameters count, and which of them together, see `Parts`; it is remembered."""
        if detail not in self._parts:
            self._parts[detail] = Parts(self.network, detail)
        return self._parts[detail]

    @property
    def row_strengths(self):
        """Of the penalty on the rows of layer 0's tables, shape (n_rows,)."""
        return np.repeat(self.table_strengths, self.network.layers[0].tables.sizes)

    def table_curvature(self, rows):
        """Of the penalty, by some of these rows, for each output node, shape (n_rows, n_rows)."""
        return self.row_strengths[rows, None] * self.network.layers[0].tables.curvature(self.shares, rows)

    @cached_property
    def table_matrix(self):
        """The same by all of them."""
        return self.table_curvature(slice(None))

    @property
    def table_diagonal(self):
        """The diagonal of `table_matrix`."""
        return self.row_strengths * self.network.layers[0].tables.curvature_diagonal(self.shares)

    def subset(self, rows):
        """The same objective on some rows, which are expanded anew: that costs less than to copy."""
        part = object.__new__(Objective)
        part.__dict__.update(self.__dict__)
        part.X, part.y, weight = (rows_of(values, rows) for values in (self.X, self.y, self.sample_weight))
        part.sample_weight = weight * (len(self.X) / len(weight))
        part.first = None
        part.last_loss = part.last_equations = None
        return part

    def batches(self, order, batch_size):
        """The same objective on mini-batches of the rows in some order; several small ones are expanded at once."""
        together = self.network.chunk_rows(_BATCH_ELEMENTS) // batch_size
        n_rows = max(1, together) * batch_size

        def prepared(start):
            some = self.subset(order[start : start + n_rows])
            if together > 1:
                some.first = self.network.layers[0].expand(some.X, slopes=False, reach=self.reach)
            return some

        for some in one_ahead(prepared, range(0, len(order), n_rows)):
            for start in range(0, some.n_rows, batch_size):
                rows = slice(start, start + batch_size)
                part = some.subset(rows)
                if together > 1:
                    part.first = some.first[rows]
                yield part

    def thinned(self, most):
        """The same objective on a sample of the rows, at least half of `most` and at most that many."""
        step = -(-len(self.X) // most)
        if step == 1:
            return self
        part = self.subset(stratified(len(self.X), step))
        part.sample_weight /= part.sample_weight.sum()
        return part

    def forward(self, rows, *, slopes=True):
        """Raw predictions of some rows, and the expansion of every layer; slopes of layer 0 may be left out.

        Outliers are cut: a line through a far point would turn the whole function.
        """
        if self.first is not None:
            return self.network.forward(None, self.first[rows], slopes=slopes)
        return self.network.forward(self.X[rows], slopes=slopes, reach=self.reach)

    def _chunks(self, function):
        return map_chunks(function, len(self.X), self.network.chunk_rows())

    def _evaluated(self, theta):
        """Raw predictions chunk by chunk and the loss without penalties; the last ones are remembered."""
        self.network.theta = theta
        if self.last_loss is None or not np.array_equal(theta, self.last_loss[0]):

            def chunk(rows):
                raw, _ = self.forward(rows, slopes=False)
                return raw, float(self.sample_weight[rows] @ self.loss.value(self.y[rows], raw).sum(axis=1))

            raw, losses = zip(*self._chunks(chunk), strict=True)
            self.last_loss = theta.copy(), raw, sum(losses)
        return self.last_loss[1:]

    def loss_value(self, theta):
        """Loss without penalties."""
        return self._evaluated(theta)[1]

    def _table_totals(self):
        """Weight of the rows at every row of layer 0's tables."""
        tables = self.network.layers[0].tables
        if len(tables) == 0:
            return np.zeros(0)

        def chunk(rows):
            located, _ = tables.locate(self.X[rows], np.isnan(self.X[rows]))
            return tables.totals(located, self.sample_weight[rows])

        return sum(self._chunks(chunk))

    def _raw(self, theta):
        """Raw predictions of all rows, shape (n_samples, n_out)."""
        self.network.theta = theta
        return np.vstack(list(self._chunks(lambda rows: self.forward(rows, slopes=False)[0])))

    def raw_variance(self, theta):
        """Variance of the raw predictions, the mean over the outputs."""
        raw = np.vstack(self._evaluated(theta)[0])
        return float(np.mean(self.sample_weight @ (raw - self.sample_weight @ raw) ** 2))

    def dispersion(self, theta):
        """Variance of the noise around the raw predictions as the loss sees it, not corrected for what was learnt."""
        return self.loss.dispersion(self.y, np.vstack(self._evaluated(theta)[0]), self.sample_weight)

    def moments(self, theta):
        """Weighted means of abs(phi), phi and phi^2 of every edge, a list of (3, n_in, n_out) arrays."""
        self.network.theta = theta

        def chunk(rows):
            _, terms = self.forward(rows, slopes=False)
            return [
                layer.moments(term, self.sample_weight[rows])
                for layer, term in zip(self.network.layers, terms, strict=True)
            ]

        return [sum(parts) for parts in zip(*self._chunks(chunk), strict=True)]

    def _sparsity(self, theta):
        """Value of the sparsity penalty, the gradient by the norms of each layer and the norms; None without it."""
        strengths = self.strengths
        if strengths.reg_lambda == 0.0:
            return 0.0, None, None
        moments = self.moments(theta)
        norms = [layer.unnamed * part[0] for layer, part in zip(self.network.layers, moments, strict=True)]
        parts = [sparsity(norm, strengths.l1_weight, strengths.entropy_weight) for norm in norms]
        factors = [
            strengths.reg_lambda * layer.unnamed * gradient
            for layer, (_, gradient) in zip(self.network.layers, parts, strict=True)
        ]
        return strengths.reg_lambda * sum(value for value, _ in parts), factors, norms

    def _quadratic(self):
        """Value of ridge and smoothness, the gradient by all weights, and its parts of every layer."""
        total = np.zeros(len(self.network.weights))  # the numbers of symbolic edges have no penalty
        gradients = self.network.layer_gradients(total)
        value, gradients[0][-1][:] = self.network.layers[0].tables.penalty(self.shares, self.table_strengths)
        for matrices, layer, gradient in zip(self.matrices, self.network.layers, gradients, strict=True):
            value += quadratic_value_gradient(matrices, layer.weights, gradient[0])
        return value, total, gradients

    def value(self, theta):
        """F(theta)."""
        loss = self.loss_value(theta)
        return loss + self._sparsity(theta)[0] + self._quadratic()[0]

    def _chunk_gradient(self, raw, terms, rows, factors):
        """Loss and gradient by all weights of one chunk; factors of the sparsity penalty or None."""
        gradient = np.zeros(len(self.network.weights))
        return self._add_gradient(raw, terms, rows, factors, self.network.layer_gradients(gradient)), gradient

    def _add_gradient(self, raw, terms, rows, factors, parts):
        """Add the gradient of one chunk to the parts of a vector like the weights; its loss."""
        network = self.network
        weight = self.sample_weight[rows]
        y = self.y[rows]
        value, delta = self.loss.value_and_gradient(y, raw)
        delta *= weight[:, None]
        if factors is None:
            network.backward(terms, delta, parts)
        else:
            for l in reversed(range(len(network.layers))):  # noqa: E741
                layer = network.layers[l]
                into = layer.backward(terms[l], delta, *parts[l])
                parts_with_norm = parts[l][::2]  # symbols have no sparsity penalty
                delta = into + layer.l1_backward(terms[l], factors[l], weight, *parts_with_norm)
        return float(weight @ value.sum(axis=1))

    def value_and_gradient(self, theta):
        """F(theta) and its gradient, shape (n_parameters,)."""
        self.network.theta = theta
        penalty, factors, _ = self._sparsity(theta)
        smooth, gradient, parts = self._quadratic()
        value = penalty + smooth
        if self.n_rows <= self.network.chunk_rows():
            every = slice(0, self.n_rows)
            value += self._add_gradient(*self.forward(every), every, factors, parts)
            return value, gradient[self.network.free]
        for part, part_gradient in self._chunks(lambda rows: self._chunk_gradient(*self.forward(rows), rows, factors)):
            value += part
            gradient += part_gradient
        return value, gradient[self.network.free]

    def curvature_root(self, raw, rows):
        """A' of C = A A', the weighted curvature at some rows, shape (n_samples, n_rows, n_out)."""
        factor = self.loss.curvature_factor(self.y[rows], raw)
        return np.ascontiguousarray(factor.transpose(0, 2, 1)) * np.sqrt(self.sample_weight[rows])[:, None, None]

    def _chunk_deltas(self, raw, terms, rows):
        """Cotangents A of every layer's output nodes, C = A A' the weighted curvature: (n_samples, n_rows, n_out)."""
        deltas = [self.curvature_root(raw, rows)]
        for layer, term in zip(self.network.layers[:0:-1], terms[:0:-1], strict=True):
            deltas.append(layer.input_gradient(term, deltas[-1]))
        return deltas[::-1]

    def _chunk_gram(self, terms, deltas, segments):
        """J' C J of one chunk: in the order of segments if they pay, else by the parameters."""
        if segments.pays:
            return segments.gram(terms, deltas)
        network = self.network
        jacobian = np.zeros((*deltas[0].shape[:2], len(network.weights)))
        for l, layer in enumerate(network.layers):  # noqa: E741
            layer.jacobian(terms[l], deltas[l], jacobian, *network.starts(l))
        jacobian = jacobian.reshape(-1, len(network.weights))
        if network.n_parameters < len(network.weights):
            jacobian = jacobian[:, network.free]
        return jacobian.T @ jacobian

    def unsmoothed_equations(self, theta):
        """What `normal_equations` gives without ridge and smoothness, from one pass over the rows.

        The last ones are remembered: other strengths at the same theta cost no pass.
        """
        network = self.network
        network.theta = theta
        if self.last_equations is not None and np.array_equal(theta, self.last_equations[0]):
            return self.last_equations[1]
        value, factors, norms = self._sparsity(theta)
        gradient = np.zeros(len(network.weights))
        segments = Segments(network)
        width = segments.n_entries if segments.pays else len(network.weights)
        most = max(1, _JACOBIAN_ELEMENTS // (width * self.y.shape[1]))
        chunk_rows = min(most, max(network.chunk_rows(), _JACOBIAN_ROWS))

        def chunk(rows):
            raw, terms = self.forward(rows)
            gram = self._chunk_gram(terms, self._chunk_deltas(raw, terms, rows), segments)
            return *self._chunk_gradient(raw, terms, rows, factors), gram

        hessian = None
        for part, part_gradient, part_matrix in map_chunks(chunk, len(self.X), chunk_rows, 1):
            value += part
            gradient += part_gradient
            hessian = part_matrix if hessian is None else hessian + part_matrix
        if segments.pays:
            hessian = self._of_parameters(segments.unpacked(hessian))
        if factors is not None:
            hessian = hessian + self._of_parameters(self._sparsity_curvature(factors, norms))
        self.last_equations = theta.copy(), (value, gradient[network.free], hessian)
        return self.last_equations[1]

    def bend(self, theta, step):
        """J' C d2 by the parameters: d2 is the second difference of the raw predictions over a step ahead and back."""
        sides = self._raw(theta + step) + self._raw(theta - step)
        self.network.theta = theta

        def chunk(rows):
            raw, terms = self.forward(rows)
            factor = self.loss.curvature_factor(self.y[rows], raw)
            bent = np.einsum("sjr,sj->sr", factor, sides[rows] - 2.0 * raw)
            delta = np.einsum("sjr,sr->sj", factor, bent) * self.sample_weight[rows, None]
            gradient = np.zeros(len(self.network.weights))
            self.network.backward(terms, delta, self.network.layer_gradients(gradient))
            return gradient

        return sum(self._chunks(chunk))[self.network.free]

    def _of_parameters(self, matrix):
        """The part of a matrix of all weights that belongs to the parameters."""
        free = self.network.free
        return matrix if len(free) == len(matrix) else matrix[np.ix_(free, free)]

    def quadratic_curvature(self):
        """Curvature of ridge and smoothness, shape (n_parameters, n_parameters); it is remembered."""
        if self._curvature is not None:
            return self._curvature
        network = self.network
        curvature = np.zeros((len(network.weights), len(network.weights)))
        for layer, offset, matrices in zip(network.layers, network.offsets, self.matrices, strict=True):
            add_blocks(curvature, offset, matrices, np.ones(layer.edge_mask.shape))
        network.layers[0].tables.add_penalty(curvature, network.value_offset, self.table_matrix)
        self._curvature = self._of_parameters(curvature)
        return self._curvature

    def normal_equations(self, theta):
        """F(theta), its gradient and J' C J + curvature of the penalties."""
        value, gradient, hessian = self.unsmoothed_equations(theta)
        smooth, smooth_gradient, _ = self._quadratic()
        return value + smooth, gradient + smooth_gradient[self.network.free], hessian + self.quadratic_curvature()

    def grams(self):
        """Weighted Gram matrices of the terms of every input node, (n_in, n_basis + 1, n_basis + 1) a layer."""

        def chunk(rows):
            _, terms = self.forward(rows, slopes=False)
            return [
                layer.gram(term, self.sample_weight[rows])
                for layer, term in zip(self.network.layers, terms, strict=True)
            ]

        chunks = self._chunks(chunk)
        grams = next(chunks)
        for parts in chunks:  # of many columns two chunks' are large
            for total, part in zip(grams, parts, strict=True):
                total += part
        return grams

    def bends(self):
        """Curvature by an output node of each layer, the mean over its nodes; of many outputs few rows tell it."""
        size = self.y.shape[1] * max(self.network.shape[1:])
        some = self.thinned(max(_BEND_ELEMENTS // size, _BEND_ROWS))

        def chunk(rows):
            deltas = some._chunk_deltas(*some.forward(rows), rows)
            return [float(np.sum(delta**2)) / delta.shape[2] for delta in deltas]

        rows = max(1, min(self.network.chunk_rows(), _JACOBIAN_ELEMENTS // size))
        return [sum(parts) for parts in zip(*map_chunks(chunk, some.n_rows, rows), strict=True)]

    def _sparsity_curvature(self, factors, norms):
        """Curvature of a quadratic majoriser of the sparsity penalty: factor_ij / norm_ij times the Gram matrix."""
        hessian = np.zeros((len(self.network.weights), len(self.network.weights)))
        weights = [
            np.maximum(factor, 0.0) / np.maximum(norm, _SPARSE) for factor, norm in zip(factors, norms, strict=True)
        ]
        for gram, weight, offset in zip(self.grams(), weights, self.network.offsets, strict=True):
            add_blocks(hessian, offset, gram, weight)
        tables = self.network.layers[0].tables
        tables.add_l1_curvature(hessian, self.network.value_offset, self.totals, weights[0])
        return hessian
