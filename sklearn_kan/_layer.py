"""One KAN layer: an edge from every input node i to every output node j carries a function of one variable.

    phi_ij(x) = w_ij b(t) + sum_g c_igj B_ig(t),    t = (x - center_i) / scale_i,    y_j = sum_i phi_ij(x_i)

(paper eq. 2.5, 2.10; its outer factor is absorbed into w and c). Coefs and base weights lie in one array of shape
(n_in, n_basis + 1, n_out) whose last basis function is the base activation b, so that a row touches degree + 2
contiguous rows of it an input node. Beyond the end knots, or an overhang, phi continues as a straight line, b
included.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ._bspline import curvature_kernel, write_basis
from ._layer_kernels import (
    backward_kernel,
    dense_kernel,
    forward_kernel,
    gram_kernel,
    input_gradient_kernel,
    jacobian_kernel,
    l1_backward_kernel,
    moments_kernel,
    scale_kernel,
    silu_kernel,
)
from ._symbols import Symbols

BASE_ACTIVATIONS = ("silu", "identity", "zero")
# Distances from the knots, in units of the knot range, are cut here: products over some layers stay finite.
FARTHEST = 1e30
# With so few basis functions, and so many outputs, a product with all of them is quicker than one with some, where they
# are there already; the most elements that are kept of them.
_KEPT_BASIS, _KEPT_OUT, _KEPT_ELEMENTS = 11, 4, 1 << 22


def _silu_curvature(t):
    """Second derivative of silu."""
    sigmoid = expit(t)
    return sigmoid * (1.0 - sigmoid) * (2.0 + t * (1.0 - 2.0 * sigmoid))


def to_knots(x, center, scale):
    """Inputs in units of half the knot range, t = (x - center) / scale."""
    with np.errstate(over="ignore"):
        return np.clip((x - center) / scale, -FARTHEST, FARTHEST)


def edge_variances(moments):
    """Variance of every edge's function from its moments, see `Layer.moments`."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.nan_to_num(np.maximum(moments[2] - moments[1] ** 2, 0.0))


@dataclass
class Expansion:
    """The terms of a layer that differ from zero at some rows: degree + 1 splines and the base activation."""

    interval: np.ndarray  # (n_samples, n_in)
    value: np.ndarray  # (n_samples, n_in, degree + 2)
    slope: np.ndarray  # same shape, derivatives by t; 0 rows where they were not wanted
    t: np.ndarray  # (n_samples, n_in), inputs in units of the knots
    dense: np.ndarray | None = None  # (n_samples, n_in * (n_basis + 1)), all terms, zeros too, where it is kept

    def __getitem__(self, rows):
        slope = self.slope[rows] if len(self.slope) else self.slope
        dense = None if self.dense is None else self.dense[rows]
        return Expansion(self.interval[rows], self.value[rows], slope, self.t[rows], dense)


class Layer:
    """Knots, scaling and weights of one layer; see the module for the formula.

    Parameters
    ----------
    weights : ndarray of shape (n_in, n_basis + 1, n_out)
        Coefs, then the base weight; a view into the network's parameters.
    knots : ndarray of shape (n_in, grid_size + 2 * degree + 1)
        In units of t.
    center, scale : ndarrays of shape (n_in,)
        t = (x - center) / scale; 0 and 1 in hidden layers, whose nodes live in units of t.
    degree : int
    base_activation : {'silu', 'identity', 'zero'}
    linear : bool
        Whether phi continues as a line beyond its end knots; else as a constant.
    edge_mask : bool ndarray of shape (n_in, n_out)
        False for edges without a spline, pruned or symbolic, whose weights are zero.
    symbols : Symbols, default=None
        The symbolic edges; None for none.
    overhang : float, default=0
        Distance beyond the end knots, in units of t, at which the line or the constant begins.
    """

    expansion = Expansion  # what `expand` returns

    def __init__(
        self, weights, knots, center, scale, degree, base_activation, linear, edge_mask, symbols=None, overhang=0.0
    ):
        self.weights = np.ascontiguousarray(weights)  # itself, but for a selection
        self.knots = knots
        self.center = center
        self.scale = scale
        self.degree = degree
        self.base_activation = base_activation
        self.linear = linear
        self.edge_mask = edge_mask
        self.symbols = Symbols() if symbols is None else symbols
        self.overhang = overhang

    @property
    def n_in(self):
        return self.weights.shape[0]

    @property
    def n_out(self):
        return self.weights.shape[2]

    @property
    def n_basis(self):
        return self.weights.shape[1] - 1

    @property
    def grid_size(self):
        return self.n_basis - self.degree

    @property
    def coef(self):
        """Spline coefficients, a view of shape (n_in, n_basis, n_out)."""
        return self.weights[:, :-1]

    @property
    def base_weight(self):
        """Weights of the base activation, a view of shape (n_in, n_out)."""
        return self.weights[:, -1]

    @property
    def edges(self):
        """True at every edge that is left, with a spline or symbolic, shape (n_in, n_out)."""
        return self.edge_mask | self.symbols.mask(self.edge_mask.shape)

    @property
    def unnamed(self):
        """True at edges whose functions have no name, shape (n_in, n_out)."""
        return self.edge_mask

    def bounds(self):
        """First and last breakpoint of every input node, in units of t."""
        return self.knots[:, self.degree].copy(), self.knots[:, self.n_basis].copy()

    def _ends(self):
        """Where the line or the constant begins."""
        low, high = self.bounds()
        return low - self.overhang, high + self.overhang

    def expand(self, x, *, slopes=True, reach=FARTHEST) -> Expansion:
        """Terms at x, shape (n_samples, n_in), cut at t = -reach and reach, a number or an array of one a node.

        Without slopes they serve what takes no derivative by t, as `forward`.
        """
        x = np.ascontiguousarray(x, dtype=np.float64)
        if not x.flags.writeable:  # kernels would be compiled once more for it
            x = x.copy()
        t, each = np.empty(x.shape), np.empty(self.n_in)
        each[:] = reach
        scale_kernel(x, self.center, self.scale, each, t)
        interval = np.empty(t.shape, dtype=np.int64)
        value = np.empty((*t.shape, self.degree + 2))
        slope = np.empty(value.shape if slopes else (0, *value.shape[1:]))
        write_basis(t, self.knots, self.degree, self.linear, self.overhang, interval, value, slope)
        if self.base_activation == "silu":
            silu_kernel(t, self.knots, self.degree, self.linear, self.overhang, value, slope)
        elif self.base_activation == "identity":
            low, high = self._ends()
            value[..., -1] = t if self.linear else np.clip(t, low, high)
            slope[..., -1] = 1.0 if self.linear else ((t >= low) & (t <= high))[: len(slope)]
        else:
            value[..., -1] = slope[..., -1] = 0.0
        return self.expansion(interval, value, slope, t)

    def expands_like(self, other):
        """Whether another layer of the same network has the same terms everywhere."""
        names = ("knots", "center", "scale")
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)

    def all_terms(self, terms):
        """Basis functions of one input node after the other, zeros too, shape (n_samples, n_in * (n_basis + 1))."""
        if terms.dense is not None:
            return terms.dense
        dense = np.empty((len(terms.value), self.n_in, self.n_basis + 1))
        dense_kernel(terms.interval, terms.value, dense)
        return dense.reshape(len(dense), -1)

    def kept(self, terms):
        """Terms that serve many passes; they hold all of them where products with all are quicker than with some."""
        n_terms = terms.t.size * (self.n_basis + 1)
        if self.n_basis <= _KEPT_BASIS and self.n_out >= _KEPT_OUT and n_terms <= _KEPT_ELEMENTS:
            terms.dense = self.all_terms(terms)
        return terms

    def forward(self, terms):
        """Outputs, shape (n_samples, n_out)."""
        if terms.dense is not None:
            out = terms.dense @ self.weights.reshape(-1, self.n_out)
        else:
            out = np.zeros((len(terms.value), self.n_out))
            forward_kernel(terms.interval, terms.value, self.weights, out)
        if len(self.symbols):
            self.symbols.forward(terms.t, out)
        return out

    def backward(self, terms, delta, grad, grad_numbers=()):
        """Add the gradient by the weights and by the numbers of symbols to `grad` and `grad_numbers`.

        Returns
        -------
        delta_in : ndarray of shape (n_samples, n_in)
            The gradient by t.
        """
        delta_in, delta = np.zeros(terms.interval.shape), np.ascontiguousarray(delta)
        if not len(terms.slope) and terms.dense is not None:
            grad += (terms.dense.T @ delta).reshape(grad.shape)
        else:
            backward_kernel(terms.interval, terms.value, terms.slope, self.weights, delta, grad, delta_in)
        if len(self.symbols):
            self.symbols.backward(terms.t, delta, grad_numbers, delta_in)
        return delta_in

    def l1_backward(self, terms, factor, sample_weight, grad):
        """The same for the penalty sum_s w_s sum_ij factor_ij abs(phi_ij(x_s))."""
        delta_in = np.zeros(terms.interval.shape)
        l1_backward_kernel(
            terms.interval, terms.value, terms.slope, self.weights, factor, sample_weight, grad, delta_in
        )
        return delta_in

    def input_gradient(self, terms, delta):
        """Gradient by t, (n_samples, n_rows, n_in), of rows of cotangents, (n_samples, n_rows, n_out)."""
        delta_in = np.zeros((*delta.shape[:2], self.n_in))
        self._add_input_gradient(terms.interval, terms.slope, delta, delta_in)
        self.symbols.input_gradient(terms.t, delta, delta_in)
        return delta_in

    def _add_input_gradient(self, interval, slope, delta, delta_in):
        delta, into = delta.reshape(-1, self.n_out), delta_in.reshape(-1, self.n_in)
        input_gradient_kernel(interval, slope, self.weights, np.ascontiguousarray(delta), into)

    def edge_slopes(self, terms):
        """Derivative by t of every edge's function, shape (n_samples, n_in, n_out)."""
        outputs = np.tile(np.eye(self.n_out), (len(terms.interval), 1, 1))
        return self.input_gradient(terms, outputs).swapaxes(1, 2)

    def input_curvature(self, terms, delta):
        """Second derivative by each t, shape and cotangents as in `input_gradient`; mixed ones are zero."""
        t = terms.t
        curvature = np.zeros(terms.slope.shape)
        curvature_kernel(t, self.knots, self.degree, self.overhang, terms.interval, curvature)
        if self.base_activation == "silu":
            low, high = self._ends()
            curvature[..., -1] = np.where((t >= low) & (t <= high), _silu_curvature(t), 0.0)
        found = np.zeros((*delta.shape[:2], self.n_in))
        self._add_input_gradient(terms.interval, curvature, delta, found)
        self.symbols.input_curvature(t, delta, found)
        return found

    def jacobian(self, terms, delta, out, offset, number_offset=0):
        """Write the derivatives by the weights and by the numbers of symbols into zeros.

        Parameters
        ----------
        out : ndarray of shape (n_samples, n_rows, n_columns), output
        offset, number_offset : int
            First column of either.
        """
        jacobian_kernel(terms.interval, terms.value, delta, self.n_basis, offset, out)
        self.symbols.jacobian(terms.t, delta, out, number_offset)

    def features(self, terms):
        """What derivatives by the parameters of an output node's functions are in proportion to, zeros included.

        Returns
        -------
        features : ndarray of shape (n_samples, n_features)
            Basis functions of one input node after the other, then derivatives by the numbers of symbols.
        """
        features = self.all_terms(terms)
        if not len(self.symbols):
            return features
        numbers = np.empty((len(features), 1, self.symbols.numbers.size))
        self.symbols.jacobian(terms.t, np.ones((len(features), 1, self.n_out)), numbers, 0)
        return np.hstack([features, numbers[:, 0]])

    def moments(self, terms, sample_weight):
        """Weighted sums of abs(phi), phi and phi^2 of every edge, shape (3, n_in, n_out)."""
        moments = np.zeros((3, self.n_in, self.n_out))
        moments_kernel(terms.interval, terms.value, self.weights, sample_weight, moments)
        phi = self.symbols.values(terms.t)
        i, j = self.symbols.edges.T
        moments[:, i, j] += sample_weight @ np.stack([np.abs(phi), phi, phi**2])
        return moments

    def gram(self, terms, sample_weight):
        """Weighted Gram matrix of each input node's terms, shape (n_in, n_basis + 1, n_basis + 1)."""
        gram = np.zeros((self.n_in, self.n_basis + 1, self.n_basis + 1))
        gram_kernel(terms.interval, terms.value, sample_weight, gram)
        return gram

    def splines(self):
        """The layer without tables, of which only layer 0 has any."""
        return self

    def node(self, i):
        """The layer of input node i alone, whose input is in units of t."""
        return self.replace(
            weights=self.weights[i : i + 1],
            knots=self.knots[i : i + 1],
            center=np.zeros(1),
            scale=np.ones(1),
            edge_mask=self.edge_mask[i : i + 1],
            symbols=self.symbols.select(self.edges, np.arange(self.n_in) == i, np.ones(self.n_out, dtype=bool)),
        )

    def edge(self, i, t):
        """All functions phi_ij of input node i at points t, shape (n_points, n_out)."""
        one = self.node(i)
        return one.forward(one.expand(np.asarray(t, dtype=np.float64)[:, None], slopes=False))

    def functions(self, t):
        """Functions of all splines at points t of each input node, (n_points, n_in), shape (n_points, n_in, n_out)."""
        plain = self.splines().replace(center=np.zeros(self.n_in), scale=np.ones(self.n_in))
        terms = plain.all_terms(plain.expand(t, slopes=False)).reshape(len(t), self.n_in, -1)
        return np.einsum("sig,igj->sij", terms, self.weights)

    def with_symbol(self, i, j, function, numbers):
        """A copy whose edge (i, j) carries a named function instead of what it had."""
        mask, weights = self.edge_mask.copy(), self.weights.copy()
        mask[i, j], weights[i, :, j] = False, 0.0
        return self.replace(weights=weights, edge_mask=mask, symbols=self.symbols.with_edge(i, j, function, numbers))

    def part(self, mask, inputs, outputs):
        """The layer with some of its edges, input and output nodes; boolean arrays."""
        return self.replace(
            weights=np.where(mask[:, None], self.weights, 0.0)[inputs][:, :, outputs],
            knots=self.knots[inputs],
            center=self.center[inputs],
            scale=self.scale[inputs],
            edge_mask=(self.edge_mask & mask)[inputs][:, outputs],
            symbols=self.symbols.select(mask, inputs, outputs),
        )

    def with_own_output(self, i, j):
        """The layer with an output node more, to which the spline of edge (i, j) leads instead."""
        weights = np.dstack([self.weights, np.zeros(self.weights.shape[:2])])
        weights[i, :, -1], weights[i, :, j] = weights[i, :, j], 0.0
        mask = np.column_stack([self.edge_mask, np.zeros(self.n_in, dtype=bool)])
        mask[i, -1], mask[i, j] = True, False
        return self.replace(weights=weights, edge_mask=mask)

    def rescale_output(self, j, scale):
        """Divide the functions into output node j by scale."""
        self.weights[:, :, j] /= scale
        self.symbols.rescale_output(j, scale)

    def add_constant(self, j, constant):
        """Add a constant to output node j: to a symbolic edge, else to the spline that varies most; idle ones stay 0.

        Returns
        -------
        i : int or None
            Input node of the edge that took it; without any edge nothing is added.
        """
        symbolic = np.flatnonzero(self.symbols.edges[:, 1] == j)
        if len(symbolic):
            self.symbols.numbers[symbolic[0], 3] += constant
            return int(self.symbols.edges[symbolic[0], 0])
        spread = np.where(self.edge_mask[:, j], np.ptp(self.coef[:, :, j], axis=1), -1.0)
        i = int(spread.argmax())
        if not self.edge_mask[i, j]:
            return None
        self.coef[i, :, j] += constant
        return i

    def arguments(self):
        """The arguments of the constructor."""
        names = ("weights", "knots", "center", "scale", "degree", "base_activation", "linear", "edge_mask", "symbols")
        return {name: getattr(self, name) for name in (*names, "overhang")}

    def replace(self, **changes):
        """The layer with some arguments of its constructor changed; the other arrays are shared."""
        return type(self)(**self.arguments() | changes)

    def to_dict(self):
        """Plain arrays and values, from which `from_dict` rebuilds the layer."""
        return self.arguments() | {"symbols": self.symbols.to_dict()}

    @classmethod
    def from_dict(cls, state):
        symbols = state.get("symbols")  # older pickles have none
        return cls(**state | {"symbols": None if symbols is None else Symbols.from_dict(symbols)})
