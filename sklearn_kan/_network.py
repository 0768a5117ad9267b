"""The network: layers over one flat vector of parameters, forward and backward through all of them."""

import numpy as np

from ._first_layer import FirstLayer
from ._jit import plain
from ._layer import FARTHEST, Layer
from ._threads import filled

# Elements of one chunk's expansion of its widest layer: a few hundred kB stay in cache.
_CHUNK_ELEMENTS = 1 << 16
# The same where nothing but the outputs is kept: fewer calls count more than the nearest cache.
_PREDICT_ELEMENTS = 1 << 18
_LEAST_ROWS, _MOST_ROWS = 32, 4096
# Elements of all work arrays of one chunk's derivatives; a single row may need more.
_DERIVATIVE_ELEMENTS = 1 << 18


def _trained_weights(layer):
    """Which weights are parameters: not those of edges without spline, nor of a base activation that is zero."""
    trained = np.repeat(layer.edge_mask[:, None], layer.n_basis + 1, axis=1)
    trained[:, -1] &= layer.base_activation != "zero"
    return trained


def _parameter_arrays(layers):
    """What the vector of all parameters is made of."""
    numbers = [layer.symbols.numbers for layer in layers]
    return [*(layer.weights for layer in layers), *numbers, layers[0].tables.values]


def _places(arrays):
    """Where arrays begin and end in one vector, and their shapes."""
    ends = np.cumsum([0, *(array.size for array in arrays)]).tolist()
    return list(zip(ends[:-1], ends[1:], [array.shape for array in arrays], strict=True))


def _views(vector, places):
    """Consecutive parts of a vector in the shapes of the arrays that they stand for."""
    return [vector[start:stop].reshape(shape) for start, stop, shape in places]


class Network:
    """Layers of a KAN; their weights are views of one vector.

    Parameters
    ----------
    layers : list of Layer
        Their arrays are copied. The first one becomes a `FirstLayer`.
    offset : ndarray of shape (n_out,)
        Constant added to the sums of the last layer.
    moments : list of ndarray of shape (3, n_in, n_out), default=None
        Means of abs(phi), phi and phi^2 of each layer's edges over the training rows.

    Attributes
    ----------
    weights : ndarray
        All weights, those of pruned edges (zero) included, then the numbers of all symbolic edges, then the values of
        layer 0's tables.
    places : list of tuple
        Where each layer's weights, then each layer's numbers, and the values begin and end in it, and their shapes.
    offsets, number_offsets : list of int
        Where the weights and the numbers of each layer begin in it.
    value_offset : int
        Where the values of the tables begin in it.
    theta : ndarray of shape (n_parameters,)
        The trainable ones: pruned edges are out. Setting it changes the layers' weights in place.
    """

    def __init__(self, layers, offset, moments=None):
        layers = [FirstLayer.of(layers[0]), *layers[1:]]
        arrays = _parameter_arrays(layers)
        self.weights = np.concatenate([array.ravel() for array in arrays]).astype(np.float64)
        self.places = _places(arrays)
        starts = [start for start, _, _ in self.places]
        self.offsets, self.number_offsets = starts[: len(layers)], starts[len(layers) : -1]
        self.value_offset = starts[-1]
        views = _views(self.weights, self.places)
        self.layers = [
            layer.replace(
                weights=weights,
                knots=layer.knots.copy(),
                center=layer.center.copy(),
                scale=layer.scale.copy(),
                edge_mask=layer.edge_mask.copy(),
                symbols=layer.symbols.copy(numbers),
            )
            for layer, weights, numbers in zip(layers, views, views[len(layers) :], strict=False)
        ]
        first = self.layers[0]
        self.layers[0] = first.replace(tables=first.tables.with_values(views[-1]), unseen=first.unseen.copy())
        parts = [_trained_weights(layer) for layer in layers]
        parts += [layer.symbols.trained(layer.edge_mask) for layer in layers]
        parts.append(first.tables.trained)
        for k in [*range(len(layers)), -1]:  # not the numbers of symbols
            views[k][~parts[k]] = 0.0
        self.free = np.flatnonzero(np.concatenate([part.ravel() for part in parts]))
        self.offset = np.array(offset, dtype=np.float64)
        self.n_functions = sum(layer.edge_mask.size for layer in layers)
        self.moments = moments

    @property
    def theta(self):
        return self.weights[self.free]

    @theta.setter
    def theta(self, theta):
        self.weights[self.free] = theta

    @property
    def shape(self):
        """Nodes of every layer of nodes, [n_0, ..., n_L]."""
        return [self.layers[0].n_in, *(layer.n_out for layer in self.layers)]

    @property
    def n_parameters(self):
        return len(self.free)

    def n_parameters_on(self, grid_size):
        """Parameters it would have on another grid."""
        added = grid_size - self.layers[0].grid_size
        return self.n_parameters + added * sum(int(layer.edge_mask.sum()) for layer in self.layers)

    def parametrized_like(self, other):
        """Whether the parameters of another network of the same table mean the same."""
        symbols = (
            np.array_equal(one.symbols.edges, two.symbols.edges)
            for one, two in zip(self.layers, other.layers, strict=True)
        )
        return self.places == other.places and np.array_equal(self.free, other.free) and all(symbols)

    def copy(self):
        return Network(self.layers, self.offset, self.moments)

    def scaled(self, center, scale):
        """A copy whose inputs are in other units: t = (x - center) / scale."""
        network = self.copy()
        first = network.layers[0]
        first.tables.rescale(first.center, first.scale, center, scale)
        first.center, first.scale = center.copy(), scale.copy()
        return network

    def widened(self, columns, tables):
        """The network of a table of more columns, of which `columns` are its own; see `FirstLayer.widened`."""
        first, *others = self.layers
        moments = self.moments
        if moments is not None:
            wide = np.zeros((3, len(columns), first.n_out))
            wide[:, columns] = moments[0]
            moments = [wide, *moments[1:]]
        return Network([first.widened(columns, tables), *others], self.offset, moments)

    def layer_gradients(self, gradient):
        """Views of a vector like `weights`, a tuple a layer: shaped like its weights, like its symbols' numbers and,
        of layer 0, like the values of its tables.
        """
        *views, values = _views(gradient, self.places)
        parts = list(zip(views[: len(self.layers)], views[len(self.layers) :], strict=True))
        return [(*parts[0], values), *parts[1:]]

    def starts(self, l):  # noqa: E741
        """Where these parts of a layer begin."""
        return self.offsets[l], self.number_offsets[l], *([self.value_offset] if l == 0 else [])

    def chunk_rows(self, elements=_CHUNK_ELEMENTS):
        """Rows a chunk, from the shape alone; their expansion repays a gradient of all weights."""
        widest = max(layer.n_in * (layer.degree + 2) for layer in self.layers)
        return min(max(max(elements, len(self.weights)) // widest, _LEAST_ROWS), _MOST_ROWS)

    def forward(self, x, first=None, *, slopes=True, reach=FARTHEST):
        """Raw predictions of some rows and the expansion of every layer.

        That of layer 0 has no slopes: no gradient goes on from there.

        Parameters
        ----------
        x : ndarray of shape (n_samples, n_in)
        first : Expansion, default=None
            Of layer 0 at these rows, when it is known.
        slopes : bool, default=True
            Whether the other layers' expansions have slopes, which `backward` needs.
        reach : float
            Where inputs are cut, in units of half the knot range.

        Returns
        -------
        raw : ndarray of shape (n_samples, n_out)
        terms : list of Expansion
        """
        terms = [self.layers[0].expand(x, slopes=False, reach=reach) if first is None else first]
        x = self.layers[0].forward(terms[0])
        for layer in self.layers[1:]:
            terms.append(layer.expand(x, slopes=slopes))
            x = layer.forward(terms[-1])
        x += self.offset
        return x, terms

    def backward(self, terms, delta, gradients):
        """Add the gradient of sum(delta * raw) by the weights to `gradients`, as of `layer_gradients`."""
        for layer, term, gradient in zip(self.layers[::-1], terms[::-1], gradients[::-1], strict=True):
            delta = layer.backward(term, delta, *gradient)

    def raw_predict(self, X):
        """Raw predictions of all rows, in chunks, shape (n_samples, n_out)."""
        if len(X) <= _LEAST_ROWS:
            with plain(len(X) * self.n_functions):
                return self.forward(X, slopes=False)[0]
        out = np.empty((len(X), self.layers[-1].n_out))
        return filled(out, lambda rows: self.forward(X[rows], slopes=False)[0], self.chunk_rows(_PREDICT_ELEMENTS))

    def derivative(self, X, order, link_slopes):
        """Derivatives of a function of the raw predictions by the inputs, in chunks.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_in)
        order : {1, 2}
        link_slopes : callable, raw -> (first, second)
            Derivatives of the function of each raw prediction, each of shape (n_samples, n_out).

        Returns
        -------
        derivative : ndarray of shape (n_samples, n_out, n_in) or (n_samples, n_out, n_in, n_in)
        """

        def differentiate_rows(rows):
            with np.errstate(over="ignore", invalid="ignore"):
                return self._derivative_rows(np.asarray(X[rows], dtype=np.float64), order, link_slopes)

        out = np.empty((len(X), self.shape[-1], *[self.shape[0]] * order))
        return filled(out, differentiate_rows, self._derivative_chunk_rows(order))

    def _derivative_chunk_rows(self, order):
        """Rows a chunk, from the shape alone; at least one."""
        n_in, n_out = self.shape[0], self.shape[-1]
        elements = sum(self.shape) * (3 * (self.layers[0].degree + 2) + n_out)
        if order == 2:
            elements += (n_out + 2) * n_in**2 + 3 * max(self.shape[1:]) * max(self.shape)
        return int(np.clip(_DERIVATIVE_ELEMENTS // elements, 1, 4096))

    def _derivative_rows(self, x, order, link_slopes):
        values, terms = [x], []
        for layer in self.layers:
            terms.append(layer.expand(values[-1]))
            values.append(layer.forward(terms[-1]))
        eye = np.eye(self.shape[-1])
        first, second = (slope[..., None] * eye for slope in link_slopes(values[-1] + self.offset))
        deltas = [first]  # cotangents of every layer of nodes, the outputs first
        for layer, term in zip(self.layers[::-1], terms[::-1], strict=True):
            deltas.append(layer.input_gradient(term, deltas[-1]))
        if order == 1:
            return deltas[-1] / self.layers[0].scale
        bends = [
            layer.input_curvature(term, delta)
            for layer, term, delta in zip(self.layers, terms, deltas[-2::-1], strict=True)
        ]
        return self._hessian(terms, [*bends, second])

    def _hessian(self, terms, bends):
        """Sum over all nodes of (bend at the node) G G', where G is the gradient of the node's value by the inputs.

        Every function has one variable, so the only second derivatives are the nodes' own: bends, of shape
        (n_samples, n_out, n_nodes) for each layer of nodes.
        """
        scale = self.layers[0].scale
        i = np.arange(len(scale))
        hessian = np.zeros((*bends[0].shape, len(scale)))
        hessian[:, :, i, i] = bends[0]
        tangent = None
        for layer, term, bend in zip(self.layers, terms, bends[1:], strict=True):
            edges = layer.edge_slopes(term).swapaxes(1, 2)
            tangent = edges if tangent is None else edges @ tangent
            if bend.any():
                for j in range(bend.shape[1]):
                    hessian[:, j] += (tangent.swapaxes(1, 2) * bend[:, j, None]) @ tangent
        hessian /= scale[:, None]
        hessian /= scale
        return 0.5 * (hessian + hessian.swapaxes(2, 3))  # symmetric to the last bit

    def activations(self, X, depth, start=0):
        """Values of the nodes of layer `depth`, shape (n_samples, n_depth), from those of another (0: the inputs)."""
        if start == depth:
            return X

        def values(rows):
            x = X[rows]
            for layer in self.layers[start:depth]:
                x = layer.forward(layer.expand(x, slopes=False))
            return x

        return filled(np.empty((len(X), self.shape[depth])), values, self.chunk_rows(_PREDICT_ELEMENTS))

    def to_dict(self):
        """Plain arrays and values, from which `from_dict` rebuilds the network."""
        return {
            "layers": [layer.to_dict() for layer in self.layers],
            "offset": self.offset,
            "moments": self.moments,
        }

    @classmethod
    def from_dict(cls, state):
        first, *others = state["layers"]
        if "unseen" not in first and state["moments"] is not None:  # older pickles
            first = first | {"unseen": state["moments"][0][1]}
        layers = [FirstLayer.from_dict(first), *(Layer.from_dict(layer) for layer in others)]
        return cls(layers, state["offset"], state["moments"])
