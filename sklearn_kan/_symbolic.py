"""From splines to named functions (paper 2.5.1): which function an edge looks like, and a search over whole networks.

The search is a beam search. At each level one more edge of every network in the beam becomes symbolic, and of all these
networks the ones go on that have the least

    log(loss) / log(1 + tol) + complexity,

a unit of complexity being worth a factor 1 + tol of the loss. An edge's function is chosen by the loss of the whole
model after some solver steps that refit all numbers and the splines that are left (arXiv:2603.15250), never by its own
R^2 alone. Where a node has one edge before it, the splines around it are known only together: F(g(x)) is G(h(x)) for
many pairs. There simple functions h are tried, G is fitted anew, and the pair is judged by what G looks like.
"""

import itertools
from dataclasses import dataclass, field, replace

import numpy as np

from ._affine_fit import fit_affine
from ._bspline import even_knots, fit_function, greville
from ._grid import refine
from ._layer import to_knots
from ._network import Network
from ._pruning import edge_deviations, prune
from ._symbols import n_undefined, value

# The grid on which splines are compared with functions, and rows that carry a parameter there.
_GRID, _ROWS_A_PARAMETER = 20, 4
# Points at which a function is compared with the library.
_N_POINTS = 256
# Solver steps after a change, after one that other edges are to make up for altogether, and at the end.
_STEPS, _MANY_STEPS, _LAST_STEPS = 12, 50, 100
# Networks that go on from one level to the next.
_BEAM = 3
# Candidates of an edge: how many, what they must explain of its function, how much better a more complex one must be,
# and what a simpler one may leave, next to the best one or at all.
_CANDIDATES, _LEAST_R2, _BETTER, _WORSE, _CLOSE = 5, 0.9, 0.3, 1e5, 1e-4
# What an equally simple one that is another function leaves more, in parts of it.
_ALIKE = 0.01
# Functions that all edges of a layer are tried to be together, and what one must explain of an edge for that.
_SIMPLE, _NEARLY = (("x",), ("x", "x^2")), 0.98
# What no spline on a grid tells apart.
_SAME = 1e-12
# Inner functions that are tried where a node has one edge before it, and how many of them go on.
_INNER, _MOST_INNER = ("x", "x^2", "exp", "log", "1/x", "sqrt", "abs", "sin"), 3
# A spline's complexity; that of x is 1, of the library's others 2 to 5.
_SPLINE = 10.0
# Shares of the loss: an exact formula, and what a network on the way may have; so much more than the end may have it
# always may, as the splines that are left carry errors of their own.
_EXACT, _ON_THE_WAY, _WORSE_ON_THE_WAY = 1e-17, 1e-7, 4.0
# A fall of the loss to this part opens all edges again that were to stay splines.
_MUCH_BETTER = 0.1
# Part of the targets that is free, at least, however many parameters there are.
_LEAST_FREEDOM = 0.3
# How many times the spread of an edge's function c f may have: more is one function passing for another.
_CANCELLED = 100.0


@dataclass(order=True)
class _State:
    """A network on the way, ordered by its criterion."""

    criterion: float
    number: int
    network: Network = field(compare=False)
    loss: float = field(compare=False)
    kept: frozenset = field(compare=False, default=frozenset())  # edges that stay splines
    outlook: dict = field(compare=False, default_factory=dict)  # the best score of edges when they were last looked at


def spline_edges(network):
    """(l, i, j) of every edge that has a spline."""
    return [(l, int(i), int(j)) for l, layer in enumerate(network.layers) for i, j in np.argwhere(layer.edge_mask)]  # noqa: E741


def complexity(network):
    """Sum of the complexities of the symbolic edges."""
    return sum(function.complexity for layer in network.layers for function in layer.symbols.functions)


def edge_points(network, l, i, X):  # noqa: E741
    """Where the functions of input node i of layer l are looked at, in units of their knots.

    Rows, evenly thinned by their order at the node; without rows, points evenly spaced over the knots.
    Missing values do not count.
    """
    layer = network.layers[l]
    t = np.zeros(0)
    if X is not None:
        x = network.activations(np.asarray(X, dtype=np.float64), l)[:, i]
        t = np.sort(to_knots(x[~np.isnan(x)], layer.center[i], layer.scale[i]))
    if not len(t):
        low, high = layer.bounds()
        return np.linspace(low[i], high[i], _N_POINTS)
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
        if np.abs(value(function, fit.numbers, t) - fit.numbers[3]).max() > _CANCELLED * np.ptp(phi):
            continue
        found.append((-0.5 * np.log10(max(1.0 - fit.r2, 1e-16)) - 0.2 * function.complexity, function, fit))
    return sorted(found, key=lambda entry: -entry[0])


def with_symbol(network, l, i, j, function, numbers):  # noqa: E741
    """The network with a named function on an edge."""
    layers = list(network.layers)
    layers[l] = layers[l].with_symbol(i, j, function, numbers)
    return Network(layers, network.offset, network.moments)


def without_symbol(network, l, i, j):  # noqa: E741
    """The network with a spline in the place of a named function, fitted to it over the knots."""
    layers = list(network.layers)
    layer = layers[l]
    knots = layer.knots[i]

    def phi(t):
        return layer.edge(i, t)[:, j : j + 1]

    weights, mask = layer.weights.copy(), layer.edge_mask.copy()
    weights[i, :-1, j], mask[i, j] = fit_function(phi, knots, layer.degree)[:, 0], True
    layers[l] = layer.replace(weights=weights, edge_mask=mask, symbols=layer.symbols.without(i, j))
    return Network(layers, network.offset, network.moments)


def search_grid(network, n_rows):
    """The network on a grid on which an error of its splines is not mistaken for one of a formula."""
    grid_size = network.layers[0].grid_size
    carried = [g for g in range(grid_size, _GRID + 1) if network.n_parameters_on(g) * _ROWS_A_PARAMETER <= n_rows]
    return refine(network, max([grid_size, *carried]))


def cross_validated(loss, n_parameters, n_targets):
    """A share of the loss, as generalised cross-validation corrects it for so many parameters."""
    freedom = max(1.0 - n_parameters / n_targets, _LEAST_FREEDOM)
    return max(loss, _EXACT) / freedom**2


class Search:
    """Search for a symbolic network.

    Parameters
    ----------
    trainer : Trainer
        Refits networks.
    library : dict of SymbolicFunction
    tol : float
        The loss of the result, corrected for the number of parameters as in generalised cross-validation, lies above
        that of the start by this part at most.
    edof : float, default=NaN
        Effective degrees of freedom of the start, where they are known: penalties leave fewer than it has parameters.
    zero : ndarray of shape (n_in,), default=None
        Where the columns are 0 in their own units, in those of the knots; None for 0.
    """

    def __init__(self, trainer, library, tol, edof=np.nan, zero=None):
        self.trainer = trainer
        self.library = library
        self.tol = tol
        self.edof = edof
        self.zero = np.zeros(trainer.rows.X.shape[1]) if zero is None else zero
        self.numbers = itertools.count()

    def run(self, network):
        """The best network found; its splines are those that no function can replace."""
        if network.n_parameters == 0:
            return network
        start = self._state(*self.trainer.settle(network, _LAST_STEPS), frozenset())
        given = self._state(network, self.trainer.share_of(network), frozenset())
        known = self._corrected(given, np.fmin(self.edof, network.n_parameters))
        self.most = (1.0 + self.tol) * min(known, self._cross_validated(start))
        small = self._eliminated(start)
        found, best = [small, *self._with_simple_layers(small)], start
        if self._cross_validated(start) > self.most:  # even strengths do not suit these functions
            found, best = [*found, given], given
        best = self._best_of(found, best)
        if spline_edges(best.network):
            again = self._unshared(best)  # easier to tell once edges have names
            best = best if again is best else self._best_of([again], best)
        return best.network

    def _best_of(self, found, best):
        """The best of these networks and of those that come of them, or the best one so far."""
        while found:
            ends = [self._settled(state) for state in sorted(found)[:_BEAM] if not self._open_edges(state)]
            best = min([best, *filter(self._is_good, [*found, *ends])])
            if best.loss <= _EXACT and not spline_edges(best.network):
                break
            beam = sorted(state for state in found if self._open_edges(state))[:_BEAM]
            found = [child for state in beam for child in self._children(state)]
        settled = self._settled(best)
        return settled if self._cross_validated(settled) <= max(self.most, self._cross_validated(best)) else best

    def _eliminated(self, state):
        """Without the edges that the others can make up for, tried from the least one on."""
        rank = 0
        while rank < sum(int(layer.edges.sum()) for layer in state.network.layers):
            scores = edge_deviations(self.trainer.measured(state.network).moments)
            places = [(score, l, i, j) for l, layer in enumerate(scores) for (i, j), score in np.ndenumerate(layer)]  # noqa: E741
            alive = [(*place[1:],) for place in sorted(places) if state.network.layers[place[1]].edges[place[2:]]]
            l, i, j = alive[rank]  # noqa: E741
            smaller = self._without(state, l, [i], j)
            rank += smaller is None
            state = smaller or state
        return self._unshared(state)

    def _unshared(self, state):
        """Without the edges of a node whose inputs lead to another one as well, which may make up for them."""
        for l in range(len(state.network.layers) - 1):  # noqa: E741
            for j, k in itertools.permutations(range(state.network.layers[l].n_out), 2):
                edges = state.network.layers[l].edges
                if max(j, k) < edges.shape[1]:  # nodes may have gone with their edges
                    shared = edges[:, j] & edges[:, k]
                    if 0 < shared.sum() < edges[:, j].sum():
                        state = self._without(state, l, np.flatnonzero(shared), j, _MANY_STEPS) or state
        return state

    def _without(self, state, l, inputs, j, steps=_STEPS):  # noqa: E741
        """The network without the edges from some nodes of layer l to node j; None where that costs too much."""
        network = self.trainer.measured(state.network)
        kept = [np.ones(layer.edges.shape) for layer in network.layers]
        kept[l][inputs, j] = 0.0
        smaller = prune(network, 0.5, kept)
        if smaller.n_parameters == 0:
            return None
        child = self._state(*self.trainer.settle(smaller, steps), frozenset())  # nodes may have other numbers
        return child if self._cross_validated(child) <= max(self.most, _ON_THE_WAY) else None

    def _with_simple_layers(self, start):
        """Networks in which all edges of a layer that nearly are lines, or lines and squares, are so together.

        One alone may need the others: x y, for one, is a difference of squares of sums, but also of cosines of sums of
        arcsines, and of all between.
        """
        found = []
        for l in range(len(start.network.layers)):  # noqa: E741
            before = start.network
            for names in _SIMPLE:
                network = self._simplified(start, l, names)
                if complexity(network) > complexity(before):
                    found.append(self._state(*self.trainer.settle(network, 2 * _STEPS), start.kept))
                before = network
        return [state for state in found if self._may_go_on(state)]

    def _simplified(self, state, l, names):  # noqa: E741
        """All edges of a layer by the first of some functions that is near enough, where one is."""
        network = state.network
        for edge in [edge for edge in self._open_edges(state) if edge[0] == l]:
            for name in names:
                found = self._suggestions(
                    state.network, edge, {name: self.library[name]} if name in self.library else {}
                )
                if found and found[0][2].r2 >= _NEARLY:
                    network = with_symbol(network, *edge, found[0][1], found[0][2].numbers)
                    break
        return network

    def _state(self, network, loss, kept):
        edges = sum(int(layer.edge_mask.sum()) for layer in network.layers)
        least = _ON_THE_WAY if edges else _EXACT  # splines that are left can hide, or mend, what is below
        criterion = np.log(max(loss, least)) / np.log1p(self.tol) + complexity(network) + _SPLINE * edges
        return _State(criterion, next(self.numbers), network, loss, kept)

    def _settled(self, state):
        return self._state(*self.trainer.settle(state.network, _LAST_STEPS), state.kept)

    def _cross_validated(self, state):
        return self._corrected(state, state.network.n_parameters)

    def _corrected(self, state, n_parameters):
        """The loss, as generalised cross-validation corrects it for so many parameters."""
        return cross_validated(state.loss, n_parameters, self.trainer.rows.y.size)

    def _is_good(self, state):
        """Whether the loss is low enough and the formula defined on all rows; an exact one will be."""
        if self._cross_validated(state) > self.most:
            return False
        return state.loss <= _EXACT or n_undefined(state.network, self.trainer.rows.X) == 0

    def _open_edges(self, state):
        return [edge for edge in spline_edges(state.network) if edge not in state.kept]

    def _children(self, state):
        """Networks with one edge more that is settled: symbolic, or to stay a spline."""
        edges = self._open_edges(state)
        chain = next((edge for edge in edges if _is_chain(state.network, edge)), None)
        if chain is not None:
            return self._inner_functions(state, chain) or [self._keep(state, chain)]
        for edge in edges:
            if edge not in state.outlook:
                state.outlook[edge] = max(
                    (score for score, _, _ in self._suggestions(state.network, edge)), default=0.0
                )
        edge = max(edges, key=state.outlook.get)
        found = _candidates(self._suggestions(state.network, edge))
        tried = [self._try(state, edge, function, fit.numbers) for _, function, fit in found]
        good = [child for child in tried if self._may_go_on(child)]
        if good:
            return good
        if _can_split(state.network, edge):
            return [self._state(_split(state.network, edge), state.loss, state.kept)]
        return [self._without(state, edge[0], [edge[1]], edge[2]) or self._keep(state, edge)]

    def _may_go_on(self, state):
        return self._cross_validated(state) <= max(_WORSE_ON_THE_WAY * self.most, _ON_THE_WAY)

    def _try(self, state, edge, function, numbers):
        network, loss = self.trainer.settle(with_symbol(state.network, *edge, function, numbers), _STEPS)
        child = self._state(network, loss, frozenset() if loss < _MUCH_BETTER * state.loss else state.kept)
        child.outlook = {other: score for other, score in state.outlook.items() if other != edge}
        return child

    def _suggestions(self, network, edge, library=None):
        return suggestions(network, *edge, self.library if library is None else library, self.trainer.rows.X)

    def _keep(self, state, edge):
        return replace(state, number=next(self.numbers), kept=state.kept | {edge})

    def _inner_functions(self, state, edge):
        """Simple functions on the one edge into a node; those go on behind which the other edges look best."""
        l, i, j = edge  # noqa: E741
        t = edge_points(state.network, l, i, self.trainer.rows.X)
        phi = state.network.layers[l].edge(i, t)[:, j]
        tried, seen = [], []
        for name in _INNER:
            if name in self.library:
                fit = fit_affine(self.library[name], t, phi)
                if fit.numbers[2] == 0.0 or any(abs(fit.r2 - r2) < _SAME for r2 in seen):
                    continue  # the same function on these points
                seen.append(fit.r2)
                tried.append(self._try(state, edge, self.library[name], fit.numbers))
        if l == 0 and "log" in self.library:
            tried += self._logarithm_of_column(state, edge, t, phi)
        found = [(self._unexplained_behind(child.network, l, j), child) for child in tried if self._may_go_on(child)]
        return [child for _, child in sorted(found)[:_MOST_INNER]]

    def _logarithm_of_column(self, state, edge, t, phi):
        """log x, behind which a power of the column is an exponential: no other log(x + b) is near that."""
        x = t - self.zero[edge[1]]
        if not (x.min() > 0.0 or x.max() < 0.0):
            return []
        sign = np.sign(x[0])
        c, d = np.polyfit(np.log(sign * x), phi, 1)
        return [self._try(state, edge, self.library["log"], [sign, -sign * self.zero[edge[1]], c, d])]

    def _unexplained_behind(self, network, l, j):  # noqa: E741
        """The most that the library leaves of any function behind node j."""
        behind = np.flatnonzero(network.layers[l + 1].edge_mask[j])
        looked = [self._suggestions(network, (l + 1, j, int(k))) for k in behind]
        best = [max((fit.r2 for _, _, fit in found), default=0.0) for found in looked]
        return max(1.0 - min(best, default=1.0), _SAME)


def _candidates(found):
    """Functions worth a try: much better than all simpler ones, little worse than an equally simple one."""
    best = max(1.0 - max((fit.r2 for _, _, fit in found), default=0.0), _SAME)
    kept, least = [], np.inf
    for _, alike in itertools.groupby(sorted(found, key=_simplicity), key=lambda entry: entry[1].complexity):
        seen = []  # what equally simple functions leave: sin and cos are one
        for score, function, fit in alike:
            left = max(1.0 - fit.r2, _SAME)
            rival = not seen or (1.0 + _ALIKE) * seen[-1] < left < seen[0] / _BETTER
            if rival and left < _BETTER * least:
                seen.append(left)
                if fit.r2 >= _LEAST_R2 and left <= max(_WORSE * best, _CLOSE):
                    kept.append((score, function, fit))
        least = min([least, *seen])
    return sorted(kept, key=lambda entry: -entry[2].r2)[:_CANDIDATES]


def _simplicity(entry):
    return entry[1].complexity, -entry[2].r2


def _is_chain(network, edge):
    """Whether an edge is the only one into a hidden node behind which all edges are splines."""
    l, _, j = edge  # noqa: E741
    if l == len(network.layers) - 1:
        return False
    before, behind = network.layers[l], network.layers[l + 1]
    return before.edges[:, j].sum() == 1 and not behind.symbols.mask(behind.edge_mask.shape)[j].any()


def _can_split(network, edge):
    """Whether an edge may get a node of its own: others lead into its node, which only adds to the nodes behind it."""
    l, _, j = edge  # noqa: E741
    if l == len(network.layers) - 1 or network.layers[l].edges[:, j].sum() == 1:
        return False
    behind = network.layers[l + 1]
    names = [function.name for i, _, function, _ in behind.symbols if i == j]
    return not behind.edge_mask[j].any() and set(names) == {"x"}


def _split(network, edge):
    """The same function with a node more: the edge leads into it, and splines, straight lines so far, go on."""
    l, i, j = edge  # noqa: E741
    layers = list(network.layers)
    before, behind = layers[l], layers[l + 1]
    layers[l] = before.with_own_output(i, j)
    knots = even_knots(1, behind.grid_size, behind.degree)
    mask, weights = np.zeros((1, behind.n_out), dtype=bool), np.zeros((1, behind.n_basis + 1, behind.n_out))
    for node, k, _, numbers in behind.symbols:
        if node == j:
            mask[0, k] = True
            weights[0, :-1, k] = numbers[0] * numbers[2] * greville(knots, behind.degree)[0]
    layers[l + 1] = behind.replace(
        weights=np.vstack([behind.weights, weights]),
        edge_mask=np.vstack([behind.edge_mask, mask]),
        knots=np.vstack([behind.knots, knots]),
        center=np.append(behind.center, 0.0),
        scale=np.append(behind.scale, 1.0),
    )
    return Network(layers, network.offset)
