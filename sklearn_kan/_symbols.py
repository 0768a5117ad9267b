"""Symbolic edges of a layer (paper 2.5.1): instead of a spline the edge (i, j) carries a named function f,

    phi_ij(t) = c f(a t + b) + d

with four numbers that are trained like weights, unless others make up for them.
"""

import numpy as np

from ._symbolic_library import LIBRARY, SymbolicFunction
from ._threads import map_chunks

# Step of the central difference that gives second derivatives, relative to the size of the argument.
_STEP = 1e-5


# Arguments are held this far inside of a domain, relative to their size, where the function is not finite.
_HAIR = 1e-12
# Values and slopes are cut here: sums of their squares are finite.
_LARGEST = 1e120


def _finite(function, symbol, u):
    """function(u); where that is no finite number, u is moved into the domain of the symbol."""
    found = function(u)
    if (np.abs(found) <= _LARGEST).all():
        return found
    hairs = [_HAIR * max(1.0, abs(end)) if np.isfinite(end) else 0.0 for end in symbol.domain]
    inside = np.clip(u, symbol.domain[0] + hairs[0], symbol.domain[1] - hairs[1])
    found = np.where(np.isfinite(found), found, function(inside))
    return np.clip(np.nan_to_num(found, posinf=_LARGEST, neginf=-_LARGEST), -_LARGEST, _LARGEST)


def value(function, numbers, t):
    """phi at t, an array of any shape; zero where t is NaN, as are all derivatives."""
    a, b, c, d = numbers
    # A constant is one outside of the domain, too.
    phi = c * _finite(function.function, function, a * t + b) + d if c != 0.0 else d
    return np.where(np.isnan(t), 0.0, phi)


def slope(function, numbers, t):
    """Derivative by t."""
    a, b, c, _ = numbers
    return c * a * _finite(function.derivative, function, a * t + b) if c != 0.0 else np.zeros(np.shape(t))


def number_gradient(function, numbers, t):
    """Derivatives by a, b, c and d at t (n,), shape (n, 4)."""
    a, b, c, _ = numbers
    u = a * t + b
    by_b = c * _finite(function.derivative, function, u) if c != 0.0 else np.zeros(len(t))
    gradient = np.stack([by_b * t, by_b, _finite(function.function, function, u), np.ones(len(t))], axis=1)
    return np.where(np.isnan(t)[:, None], 0.0, gradient)


def curvature(function, numbers, t):
    """Second derivative by t, from the first one's central difference."""
    step = _STEP * np.maximum(np.abs(t), 1.0)
    return (slope(function, numbers, t + step) - slope(function, numbers, t - step)) / (2.0 * step)


class Symbols:
    """Symbolic edges of one layer.

    Parameters
    ----------
    edges : array-like of int, shape (n_symbols, 2)
        Input and output node of each.
    functions : list of SymbolicFunction
    numbers : ndarray of shape (n_symbols, 4)
        a, b, c and d of each; in a network a view into its parameters.
    """

    def __init__(self, edges=(), functions=(), numbers=None):
        self.edges = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
        self.functions = list(functions)
        self.numbers = np.zeros((0, 4)) if numbers is None else numbers

    def __len__(self):
        return len(self.functions)

    def __iter__(self):
        """Input node, output node, function and numbers of every edge."""
        for (i, j), function, numbers in zip(self.edges, self.functions, self.numbers, strict=True):
            yield int(i), int(j), function, numbers

    def mask(self, shape):
        """True at symbolic edges."""
        mask = np.zeros(shape, dtype=bool)
        mask[tuple(self.edges.T)] = True
        return mask

    def trained(self, edge_mask):
        """Which numbers are parameters, shape (n_symbols, 4).

        A constant d is one only where nothing else can add a constant to its output node.
        """
        trained = np.ones(self.numbers.shape, dtype=bool)
        supplied = edge_mask.any(axis=0)
        for (_, j, function, _), row in zip(self, trained, strict=True):
            row[:2] = [name not in function.fixed for name in "ab"]
            row[3] = not supplied[j]
            supplied[j] = True
        return trained

    def values(self, t):
        """phi of every symbolic edge, shape (n_samples, n_symbols)."""
        columns = [value(function, numbers, t[:, i]) for i, _, function, numbers in self]
        return np.stack(columns, axis=1) if columns else np.zeros((len(t), 0))

    def undefined(self, t):
        """Whether a function is no finite number somewhere in a row of t, shape (n_samples,)."""
        undefined = np.zeros(len(t), dtype=bool)
        for i, _, function, (a, b, c, _) in self:
            if c != 0.0:
                with np.errstate(all="ignore"):
                    undefined |= ~np.isfinite(function.function(a * t[:, i] + b)) & ~np.isnan(t[:, i])
        return undefined

    def forward(self, t, out):
        """Add the functions to the output nodes, shape (n_samples, n_out)."""
        for i, j, function, numbers in self:
            out[:, j] += value(function, numbers, t[:, i])

    def backward(self, t, delta, grad, delta_in):
        """Add the gradient by the numbers to grad and the one by t to delta_in; delta is the gradient by y."""
        for (i, j, function, numbers), row in zip(self, grad, strict=True):
            row += delta[:, j] @ number_gradient(function, numbers, t[:, i])
            delta_in[:, i] += delta[:, j] * slope(function, numbers, t[:, i])

    def input_gradient(self, t, delta, delta_in, derivative=slope):
        """Add the gradient by t to delta_in, (n_samples, n_rows, n_in); delta is (n_samples, n_rows, n_out)."""
        for i, j, function, numbers in self:
            delta_in[:, :, i] += derivative(function, numbers, t[:, i])[:, None] * delta[:, :, j]

    def input_curvature(self, t, delta, found):
        """The same for second derivatives."""
        self.input_gradient(t, delta, found, derivative=curvature)

    def jacobian(self, t, delta, out, offset):
        """Write derivatives by the numbers into (n_samples, n_rows, n_columns), from column `offset` on."""
        for k, (i, j, function, numbers) in enumerate(self):
            gradient = number_gradient(function, numbers, t[:, i])
            out[:, :, offset + 4 * k : offset + 4 * k + 4] = gradient[:, None] * delta[:, :, j, None]

    def rescale_input(self, i, center, scale):
        """Let the edges of input node i take t' = (t - center) / scale; the functions stay."""
        for k in np.flatnonzero(self.edges[:, 0] == i):
            self.numbers[k, 1] += self.numbers[k, 0] * center
            self.numbers[k, 0] *= scale

    def rescale_output(self, j, scale):
        """Divide the functions into output node j by scale."""
        self.numbers[self.edges[:, 1] == j, 2:] /= scale

    def select(self, mask, inputs, outputs):
        """Some of the edges, between some of the nodes, which are numbered anew; all boolean arrays."""
        if not len(self):
            return Symbols()
        i, j = self.edges.T
        kept = mask[i, j] & inputs[i] & outputs[j]
        new_i, new_j = np.cumsum(inputs) - 1, np.cumsum(outputs) - 1
        edges = np.stack([new_i[self.edges[kept, 0]], new_j[self.edges[kept, 1]]], axis=1)
        return Symbols(edges, [self.functions[k] for k in np.flatnonzero(kept)], self.numbers[kept].copy())

    def without(self, i, j):
        """All but one edge."""
        kept = (self.edges != (i, j)).any(axis=1)
        return Symbols(self.edges[kept], [self.functions[k] for k in np.flatnonzero(kept)], self.numbers[kept].copy())

    def with_edge(self, i, j, function, numbers):
        """One edge more, or in the place of what it was."""
        rest = self.without(i, j)
        return Symbols(
            np.vstack([rest.edges, [[i, j]]]), [*rest.functions, function], np.vstack([rest.numbers, [numbers]])
        )

    def name(self, i, j):
        """Name of the function of an edge; None where there is none."""
        return next((function.name for k, m, function, _ in self if (k, m) == (i, j)), None)

    def copy(self, numbers):
        """The same edges with other numbers."""
        return Symbols(self.edges.copy(), self.functions, numbers)

    def to_dict(self):
        """Plain arrays, names, and what is not in the library."""
        own = {f.name: dict(vars(f)) for f in self.functions if LIBRARY.get(f.name) is not f}
        return {
            "edges": self.edges,
            "names": [function.name for function in self.functions],
            "numbers": self.numbers,
            "own": own,
        }

    @classmethod
    def from_dict(cls, state):
        own = {name: SymbolicFunction(**fields) for name, fields in state["own"].items()}
        known = LIBRARY | own
        return cls(state["edges"], [known[name] for name in state["names"]], state["numbers"])


def n_undefined(network, X):
    """Rows at which a symbol is not defined: there the network holds its argument inside of the domain."""

    def chunk(rows):
        _, terms = network.forward(X[rows], slopes=False, reach=np.inf)
        of_layers = [layer.symbols.undefined(term.t) for layer, term in zip(network.layers, terms, strict=True)]
        return np.count_nonzero(np.any(of_layers, axis=0))

    return sum(map_chunks(chunk, len(X), network.chunk_rows()))
