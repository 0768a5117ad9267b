"""From splines to named functions (paper 2.5.1): which function an edge looks like, and a search over whole networks.

The search keeps a heap of networks, some of whose edges are symbolic, and goes on from the one with the least

    n log(loss) + log(n) n_parameters + complexity           (Schwarz's criterion)

An edge's function is chosen by the loss of the whole model after some solver steps that refit all numbers and the
splines that are left (arXiv:2603.15250), never by its own R^2 alone. Where a node has one edge before it, the two
splines around it are known only together: F(g(x)) is G(h(x)) for many pairs. There each simple h is tried, G is fitted
anew, and the pair is judged by what G looks like.
"""

import heapq
import itertools
from dataclasses import dataclass, field

import numpy as np

from ._affine_fit import fit_affine
from ._layer import to_knots
from ._network import Network

# Points at which a function is compared with the library.
_N_POINTS = 256
# Solver steps after a change, and at the end.
_STEPS, _LAST_STEPS = 8, 100
# Candidates of an edge: how many, and what they must explain of its function at least.
_CANDIDATES, _LEAST_R2 = 4, 0.9
# A function that explains all but this of an edge, and costs nothing, leaves no question.
_CERTAIN = 1e-6
# Inner functions that are tried where a node has one edge before it.
_INNER = ("x", "x^2", "exp", "log", "1/x", "sqrt", "abs", "sin")
# Networks that are refitted at most.
_BUDGET = 150
# Shares of the loss that are left: an exact formula, and rounding.
_EXACT, _FLOOR = 1e-17, 1e-20


@dataclass(order=True)
class _State:
    """A network on the way, ordered by its criterion."""

    criterion: float
    number: int
    network: Network = field(compare=False)
    loss: float = field(compare=False)
    kept: frozenset = field(compare=False, default=frozenset())  # edges that stay splines


def spline_edges(network):
    """(l, i, j) of every edge that has a spline."""
    return [(l, int(i), int(j)) for l, layer in enumerate(network.layers) for i, j in np.argwhere(layer.edge_mask)]  # noqa: E741


def complexity(network):
    """Sum of the complexities of the symbolic edges."""
    return sum(function.complexity for layer in network.layers for function in layer.symbols.functions)


def edge_points(network, l, i, X=None, weight=None):  # noqa: E741
    """Where the functions of input node i of layer l are looked at, in units of their knots.

    Rows, evenly thinned by their order at the node; without rows, points evenly spaced over the knots.
    """
    layer = network.layers[l]
    if X is None:
        low, high = layer.bounds()
        return np.linspace(low[i], high[i], _N_POINTS)
    x = network.activations(np.asarray(X, dtype=np.float64), l)[:, i]
    t = np.sort(to_knots(x, layer.center[i], layer.scale[i]))
    return t[np.unique(np.linspace(0, len(t) - 1, _N_POINTS).astype(int))]


def suggestions(network, l, i, j, library, X=None):  # noqa: E741
    """Functions of the library fitted to an edge, best score first: a list of (score, function, AffineFit).

    The score is the number of digits of the edge's function that are explained, -log10(1 - R^2) / 2, less a
    fifth of the complexity.
    """
    t = edge_points(network, l, i, X)
    phi = network.layers[l].edge(i, t)[:, j]
    found = []
    for function in library.values():
        fit = fit_affine(function, t, phi)
        found.append((-0.5 * np.log10(max(1.0 - fit.r2, 1e-16)) - 0.2 * function.complexity, function, fit))
    return sorted(found, key=lambda entry: -entry[0])


def with_symbol(network, l, i, j, function, numbers):  # noqa: E741
    """The network with a named function on an edge."""
    layers = list(network.layers)
    layers[l] = layers[l].with_symbol(i, j, function, numbers)
    return Network(layers, network.offset, network.moments)


class Search:
    """Search for a symbolic network.

    Parameters
    ----------
    trainer : Trainer
        Refits networks.
    library : dict of SymbolicFunction
    tol : float
        What a symbol may add to the generalised cross-validation of the loss, relative to the start's.
    """

    def __init__(self, trainer, library, tol):
        self.trainer = trainer
        self.library = library
        self.tol = tol
        self.n_rows = trainer.rows.y.size
        self.numbers = itertools.count()

    def run(self, network):
        """The best network found; its splines are those that no function can replace."""
        start = self._state(*self.trainer.settle(network, _LAST_STEPS))
        self.bar = (1.0 + self.tol) * self._cross_validation(start)
        self.heap, best, self.n_refits = [start], start, 0
        while self.heap and self.n_refits < _BUDGET:
            state = heapq.heappop(self.heap)
            if not self._open_edges(state):
                best = min(best, self._settled(state))
                if best.loss <= _EXACT:
                    break
                continue
            best = min(best, state)
            self._expand(state)
        return self._settled(best).network

    def _state(self, network, loss, kept=frozenset()):
        criterion = self.n_rows * np.log(max(loss, _FLOOR)) + np.log(self.n_rows) * network.n_parameters
        return _State(criterion + complexity(network), next(self.numbers), network, loss, kept)

    def _settled(self, state):
        return self._state(*self.trainer.settle(state.network, _LAST_STEPS), state.kept)

    def _cross_validation(self, state):
        freedom = max(1.0 - state.network.n_parameters / self.n_rows, 0.3)
        return max(state.loss, _EXACT) / freedom**2

    def _open_edges(self, state):
        return [edge for edge in spline_edges(state.network) if edge not in state.kept]

    def _push(self, state):
        """Keep a state whose loss is within the tolerance."""
        if self._cross_validation(state) <= self.bar:
            heapq.heappush(self.heap, state)
            return True
        return False

    def _try(self, state, edge, function, numbers):
        self.n_refits += 1
        network = with_symbol(state.network, *edge, function, numbers)
        return self._state(*self.trainer.settle(network, _STEPS), state.kept)

    def _suggestions(self, network, edge):
        return suggestions(network, *edge, self.library, self.trainer.rows.X)

    def _expand(self, state):
        """Push what may follow a state."""
        edges = self._open_edges(state)
        chain = next((edge for edge in edges if _is_chain(state.network, edge)), None)
        if chain is not None and self._expand_chain(state, chain):
            return
        looked = [(self._suggestions(state.network, edge), edge) for edge in edges if edge != chain]
        if not looked:
            self._keep(state, chain)
            return
        found, edge = max(looked, key=lambda entry: entry[0][0][0])
        pushed = False
        for _, function, fit in found[:_CANDIDATES]:
            if fit.r2 < _LEAST_R2:
                break
            tried = self._try(state, edge, function, fit.numbers)
            pushed |= self._push(tried)
            if 1.0 - fit.r2 < _CERTAIN and tried.criterion < state.criterion:
                break
        if not pushed:
            self._keep(state, edge)

    def _keep(self, state, edge):
        """The state with an edge that stays a spline."""
        state = _State(state.criterion, next(self.numbers), state.network, state.loss, state.kept | {edge})
        heapq.heappush(self.heap, state)

    def _expand_chain(self, state, edge):
        """Each simple inner function, with the outer splines refitted; whether any will do."""
        t = edge_points(state.network, edge[0], edge[1], self.trainer.rows.X)
        phi = state.network.layers[edge[0]].edge(edge[1], t)[:, edge[2]]
        pushed = False
        for name in _INNER:
            if name in self.library:
                fit = fit_affine(self.library[name], t, phi)
                if np.isfinite(fit.numbers).all() and fit.numbers[2] != 0.0:
                    pushed |= self._push(self._try(state, edge, self.library[name], fit.numbers))
        return pushed


def _is_chain(network, edge):
    """Whether an edge is the only one into a hidden node behind which all edges are splines."""
    l, _, j = edge  # noqa: E741
    if l == len(network.layers) - 1:
        return False
    before, behind = network.layers[l], network.layers[l + 1]
    return before.edges[:, j].sum() == 1 and not behind.symbols.mask(behind.edge_mask.shape)[j].any()
