"""A symbolic network as a formula, in the units of the data.

A column with a table beside or instead of its spline, see `_first_layer`, appears as function phi_0_i_j at first and as
a sum over cases at last.

A hidden node's scale and constant are a gauge: its consumers take up both. The formula's gauge is the one with most
ones and zeros: no constants inside, and factor 1 where a function would only multiply it (`canonical`). Numbers near
zero, one, integers, small fractions and parts of pi take these values where, after all others are refitted, that
costs nothing (`snap`).
"""

import re
from functools import partial

import numpy as np

from ._layer import to_knots
from ._objective import Objective, Strengths
from ._simplification import DENOMINATORS, number, rounded, shortest
from ._solvers import levenberg_marquardt
from ._symbols import n_undefined, value

_SNAP_STEPS = 15
# Share of the loss that counts as an exact formula.
_EXACT = 1e-17
# How far a number may be moved to a simple one, relative to the larger of both; 0 and +-1 are tried from anywhere.
_REACH = 0.02
# More categories are not listed.
_MOST_CASES = 12
_MISSING = "missing"
# Factors smaller than this, or larger than its inverse, could underflow or overflow in what comes next.
_LEAST_SIZE = 1e-200
# Exponentials larger than this, or smaller than its inverse, have a constant that makes them about 1 amid the data.
_FAR = 1e8
# Exponents as far apart as this leave the range of numbers when those in the middle are about 0.
_APART = 600.0
# Points within the knots at which a formula is looked at, and what two of its forms may differ by there.
_N_POINTS, _SAME_VALUES = 64, 1e-8
_MOST_DECIMALS = 16


def _with_units(network, center, scale):
    """A copy whose symbolic edges of layer 0 take columns as (x - center) / scale, of x in the units as before."""
    network = network.copy()
    first = network.layers[0]
    shifts, factors = (center - first.center) / first.scale, scale / first.scale
    for i, (shift, factor) in enumerate(zip(shifts, factors, strict=True)):
        first.symbols.rescale_input(i, shift, factor)
    first.center, first.scale = center.copy(), scale.copy()
    return network


def plain(network):
    """The network whose symbolic edges of layer 0 take columns in the units of the data."""
    first = network.layers[0]
    return _with_units(network, np.zeros_like(first.center), np.ones_like(first.scale))


def from_plain(network, like):
    """Back again to the units of the knots."""
    return _with_units(network, like.center, like.scale)


# --- the gauge --------------------------------------------------------------------------------------------------------


def _absorb(function, numbers):
    """Move what is redundant in a x + b into c and d, in place: f(s u) = s^n f(u), or log(s u) = log(s) + log(u)."""
    a, b, c, _ = numbers
    if function.fixed == "b":  # exp; far from zero its constant stays where it is
        with np.errstate(over="ignore", invalid="ignore"):
            size = c * float(function.function(b))
        if c == 0.0 or _LEAST_SIZE < abs(size) < 1.0 / _LEAST_SIZE:
            numbers[1:3] = 0.0, size if c != 0.0 else 0.0
    elif function.fixed == "ab":  # x
        numbers[:] = 1.0, 0.0, c * a, numbers[3] + c * b
    elif function.fixed == "a":
        size, sign = abs(a), np.sign(a)
        if function.degree is None:  # log
            numbers[3] += c * float(function.function(size))
        else:
            c *= size**function.degree
        if sign < 0.0 and function.mirrored:
            c *= float(function.function(-1.0) / function.function(1.0))
            b, sign = -b, 1.0
        numbers[:3] = sign, b / size, c


def _symbolic_nodes(network, l):  # noqa: E741
    """Nodes between layers l and l + 1 all of whose edges are symbolic."""
    before, behind = network.layers[l], network.layers[l + 1]
    splines = before.edge_mask.any(axis=0) | behind.edge_mask.any(axis=1)
    if l == 0:
        splines |= before.tables.mask.any(axis=0)
    return np.flatnonzero(before.edges.any(axis=0) & behind.edges.any(axis=1) & ~splines)


def canonical(network):
    """The same function in the gauge of the formula, and which numbers are free in it.

    Parameters
    ----------
    network : Network
        As `plain` returns it.

    Returns
    -------
    network : Network
    free : list of bool ndarray of shape (n_symbols, 4)
    """
    network = network.copy()
    symbols = [layer.symbols for layer in network.layers]
    free = [layer.symbols.trained(layer.edge_mask) for layer in network.layers]
    for _, _, function, numbers in symbols[0]:
        _absorb(function, numbers)
    for l in range(len(symbols) - 1):  # noqa: E741
        for j in _symbolic_nodes(network, l):
            into, out = symbols[l].edges[:, 1] == j, symbols[l + 1].edges[:, 0] == j
            symbols[l + 1].rescale_input(j, symbols[l].numbers[into, 3].sum(), 1.0)
            symbols[l].numbers[into, 3], free[l][into, 3] = 0.0, False
            scaled = [k for k in np.flatnonzero(out) if "a" not in symbols[l + 1].functions[k].fixed]
            if scaled:
                scale = 1.0 / symbols[l + 1].numbers[scaled[0], 0]
                free[l + 1][scaled[0], 0] = False
            else:
                k = np.flatnonzero(into)[np.abs(symbols[l].numbers[into, 2]).argmax()]
                scale = symbols[l].numbers[k, 2]
                free[l][k, 2] = False
            symbols[l].rescale_output(j, scale)
            symbols[l + 1].rescale_input(j, 0.0, scale)
        for _, _, function, numbers in symbols[l + 1]:
            _absorb(function, numbers)
    _gather_constants(network)
    return network, free


def _gather_constants(network):
    """All constants of an output into the first symbolic edge that leads to it."""
    last = network.layers[-1].symbols
    always = np.ones(len(last), dtype=bool)
    if len(network.layers) == 1:  # not those that are zero where a value is missing
        always = ~network.layers[0].tables.edges(network.shape[0])[tuple(last.edges.T)]
    for j in range(network.shape[-1]):
        into = np.flatnonzero((last.edges[:, 1] == j) & always)
        if len(into):
            constant = last.numbers[into, 3].sum() + network.offset[j]
            last.numbers[into, 3], network.offset[j] = 0.0, 0.0
            last.numbers[into[0], 3] = constant


# --- simple numbers ---------------------------------------------------------------------------------------------------


def simple_numbers(value, reach):
    """Simple numbers near a value, the simplest first: 0, 1, -1, integers, fractions, parts and multiples of pi, e."""
    found = [0.0, 1.0, -1.0, float(np.round(value))]
    for unit in (1.0, np.pi, np.e):
        found += [unit * np.round(value / unit * n) / n for n in DENOMINATORS]
    near = [one for one in found if abs(one - value) <= reach * max(abs(value), abs(one))]
    return list(dict.fromkeys(near))


class _Snapping:
    """Numbers of a canonical network that take simple values while the others are refitted.

    Parameters
    ----------
    network : Network
    free : list of bool ndarray
    rows : Rows
        X in the units of the data, y in those of the network.
    units : ndarray of shape (n_out,)
        Of the outputs: the last layer's c and d times these are what the formula shows.
    """

    def __init__(self, network, free, loss, rows, null_loss, units, center):
        self.network, self.free, self.rows = network, free, rows
        self.loss, self.null_loss, self.units, self.center = loss, null_loss, units, center
        self.margin = 1.0 + np.log(rows.y.size) / rows.y.size
        self.n_undefined = n_undefined(network, rows.X)
        self.share = self._refit()

    def _objective(self):
        network = self.network
        chosen = np.zeros(len(network.weights), dtype=bool)
        for offset, free in zip(network.number_offsets, self.free, strict=True):
            chosen[offset : offset + free.size] = free.ravel()
        network.free = np.flatnonzero(chosen)
        return _objective(network, self.loss, self.rows)

    def _refit(self):
        """Share of the loss that is left after some steps on the free numbers."""
        objective = self._objective()
        theta = self.network.theta
        if len(theta):
            theta = levenberg_marquardt(objective, theta, max_iter=_SNAP_STEPS, tol=1e-3).theta
        self.network.theta = theta
        return objective.loss_value(theta) / self.null_loss

    def _shown(self, l, k, which):  # noqa: E741
        """Unit and constant in which the formula shows a number."""
        if l < len(self.network.layers) - 1 or which < 2:
            return 1.0, 0.0
        j = self.network.layers[l].symbols.edges[k, 1]
        return self.units[j], self.center[j] if which == 3 else 0.0

    def run(self):
        for l, layer in enumerate(self.network.layers):  # noqa: E741
            for k, which in np.argwhere(self.free[l]):
                unit, center = self._shown(l, k, which)
                self._snap(layer.symbols.numbers, l, (k, which), unit, center)
        return self.network

    def _snap(self, numbers, l, place, unit, center):  # noqa: E741
        """Try simple values for one number; one that costs nothing, and is defined on the rows, stays."""
        before, share = self.network.weights.copy(), self.share
        shown = numbers[place] * unit + center
        self.free[l][place] = False
        for simple in self._values(shown):
            numbers[place] = (simple - center) / unit
            self.share = self._refit()
            cheap = np.isfinite(self.share) and self.share <= max(share * self.margin, _EXACT)
            if cheap and n_undefined(self.network, self.rows.X) <= self.n_undefined:
                return
            self.network.weights[:] = before
        self.free[l][place], self.share = True, share

    def _values(self, shown):
        return list(dict.fromkeys([0.0, float(np.sign(shown)), *simple_numbers(shown, _REACH)]))


def snap(network, loss, rows, null_loss, units, center):
    """The network with simple numbers wherever that costs nothing.

    Parameters
    ----------
    network : Network
        All of whose edges are symbolic; its inputs are columns in the units of the data.
    loss : object of `_losses`
    rows : object with X, y and weight
        X in the units of the data.
    null_loss : float
        Loss of the constant model.
    units, center : ndarrays of shape (n_out,)
        Outputs in the units of the data are raw * units + center.

    Returns
    -------
    snapped : Network
        In the units of the knots, as the one given; the one given where its numbers do not bear the units of the data.
    """
    plain_network, free = canonical(plain(network))
    n_free = sum(int(chosen.sum()) for chosen in free)
    snapping = _Snapping(plain_network, free, loss, rows, null_loss, units, center)
    snapped = from_plain(snapping.run(), network.layers[0])
    before, after = (_objective(one, loss, rows).loss_value(one.theta) / null_loss for one in (network, snapped))
    return snapped if after <= max(before * snapping.margin**n_free, _EXACT) else network


def _objective(network, loss, rows):
    return Objective(network, loss, rows.X, rows.y, rows.weight, Strengths(), reach=np.inf)


# --- the expression ---------------------------------------------------------------------------------------------------


def expressions(network, names, units, center):
    """SymPy expressions of the outputs in the units of the data; splines and tables stay as functions phi_l_i_j.

    Parameters
    ----------
    network : Network
    names : list of str
        Of the columns.
    units, center : ndarrays of shape (n_out,)
        Outputs in the units of the data are raw * units + center.

    Returns
    -------
    found : list of sympy expressions, one an output
    """
    import sympy

    given, columns = network, _points(network, names)
    network, _ = canonical(plain(network))
    nodes = [sympy.Symbol(name) for name in names]
    for l, layer in enumerate(network.layers):  # noqa: E741
        last = l == len(network.layers) - 1
        x = np.stack([_evaluated(node, columns, given) for node in nodes], axis=1)
        factors = units if last else np.ones(layer.n_out)
        constants = network.offset * units + center if last else np.zeros(layer.n_out)
        tables = layer.tables.edges(layer.n_in) if l == 0 else np.zeros_like(layer.edge_mask)
        sums = [[] for _ in range(layer.n_out)]
        values = np.zeros((len(x), layer.n_out))
        for i, j in np.argwhere(layer.edge_mask | tables):
            sums[j].append(number(factors[j]) * sympy.Function(f"phi_{l}_{i}_{j}")(nodes[i]))
            values[:, j] += _evaluated(sums[j][-1], columns, given)
        symbols = [symbol for symbol in layer.symbols if not tables[symbol[:2]]]
        for i, j, function, numbers in symbols:
            constants[j] += numbers[3] * factors[j]
            values[:, j] += value(function, [*numbers[:3], 0.0], x[:, i]) * factors[j]
        sizes = [_largest(column) for column in (values + constants).T]
        for i, j, function, (a, b, c, _) in symbols:
            sums[j].append(_term(function, (a, b, c * factors[j]), nodes[i], x[:, i], sizes[j]))
        nodes = [sympy.Add(*sums[j], number(constants[j], sizes[j])) for j in range(layer.n_out)]
    return [shortest(node, partial(_agree, node, columns, given)) for node in nodes]


def _points(network, names):
    """Some points within the knots, and values of tables: a dict from the names of the columns to their values."""
    first = network.layers[0]
    rng, tables = np.random.RandomState(0), first.tables
    X = first.center + first.scale * rng.uniform(-1.0, 1.0, (_N_POINTS, first.n_in))
    for k, i in enumerate(tables.columns):
        codes, missing = range(tables.n_categories[k]), [np.nan] * int(tables.has_missing[k])
        n_special = _N_POINTS if codes else _N_POINTS // 2
        X[:n_special, i] = rng.choice([*codes, *tables.atoms_of(k), *missing], n_special)
    return dict(zip(names, X.T, strict=True))


def _largest(values):
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def _agree(expression, columns, network, form, categories=None, error=_SAME_VALUES):
    """Whether a form of an expression has its values but for an error in units of the largest."""
    expected, found = (_evaluated(one, columns, network, categories) for one in (expression, form))
    return np.allclose(found, expected, rtol=0.0, atol=error * _largest(expected), equal_nan=True)


def _evaluated(expression, columns, network, categories=None):
    """Values, NaN where they cannot be told: a user's own function may be anything."""
    try:
        return evaluate(expression, columns, network, categories)
    except (KeyError, AttributeError, TypeError, ValueError, OverflowError):
        return np.full(_N_POINTS, np.nan)


def _term(function, numbers, node, x, size):
    """c f(a x + b), without numbers that are rounding errors: beside others in it, or in a sum of some size."""
    (a, b, c), x = numbers, x[np.isfinite(x)]
    outer = _largest(value(function, [a, b, 1.0, 0.0], x))
    if function.fixed == "b" and c != 0.0 and len(x) and _is_far(b, outer, node):
        return _exponential(a, b, c, node, x, size)
    inner = _largest(a * x + b)
    u = number(a, inner / (_largest(x) or 1.0)) * node + number(b, inner)
    return number(c, size / (outer or 1.0)) * function.sympy(u)


def _is_far(b, outer, node):
    """Whether an exponential should not be written as a factor and one without a constant.

    That of a sum of logarithms is a product, which has units of its own.
    """
    import sympy

    if b == 0.0 and node.has(sympy.log):
        return False
    return not (1.0 / _FAR < outer < _FAR and abs(b) < np.log(_FAR))


def _exponential(a, b, c, node, x, size):
    """c exp(a x + b) as c' exp(a x + b'), b' being minus a times a round number in the middle of x, as an integer.

    SymPy would make another number a factor, which might underflow or overflow. Where exponents are far apart the
    largest one counts instead of that in the middle.
    """
    import sympy

    step = 10.0 ** np.floor(np.log10(np.ptp(x) or 1.0))
    middle, end = 0.5 * (x.min() + x.max()), x.max() if a > 0.0 else x.min()
    constant = -np.round(a * step * np.round((end if abs(a) * np.ptp(x) > _APART else middle) / step))
    with np.errstate(over="ignore"):
        c = np.sign(c) * np.exp(np.log(abs(c)) + b - constant)
        outer = _largest(np.exp(a * x + constant))
    return number(c, size / (outer or 1.0)) * sympy.exp(number(a) * node + sympy.Integer(int(constant)))


def _category(category):
    """A category in a formula: a number, or a text in quotes."""
    import sympy

    return sympy.Symbol(repr(category)) if isinstance(category, str) else sympy.sympify(category)


def with_cases(expression, network, names, categories):
    """An expression in which columns with tables appear as sums over cases, unless there are too many of them.

    Parameters
    ----------
    expression : sympy expression
        As `expressions` makes it.
    network : Network
    names : list of str
        Of the columns.
    categories : list
        Of each column, its list of categories, or None.

    Returns
    -------
    expression : sympy expression
        With Piecewise: the values where the column is one of its categories or `missing`, then that of all others, the
        function of numbers or the mean.
    """
    import sympy

    columns = _points(network, names)
    network, _ = canonical(plain(network))
    first = network.layers[0]
    places = np.argwhere(first.tables.edges(first.n_in)).tolist()
    found = {sympy.Function(f"phi_0_{i}_{j}")(sympy.Symbol(names[i])): (i, j) for i, j in places}

    def visit(node):
        factor, phi = node.args if node.is_Mul and len(node.args) == 2 and node.args[0].is_number else (1.0, node)
        if phi in found:
            i, j = found[phi]
            return _cases(first, i, j, phi, float(factor), categories[i], columns[names[i]])
        return node.func(*map(visit, node.args)) if node.args else node

    return visit(expression)


def _cases(layer, i, j, phi, factor, categories, x):
    """The function phi of an edge of layer 0 times a factor, as sum over cases unless there are too many of them."""
    import sympy

    k = layer.tables.table_of(i)
    if layer.tables.sizes[k] > _MOST_CASES:
        return number(factor) * phi
    column = phi.args[0]
    keys = [_category(category) for category in categories or layer.tables.atoms_of(k).tolist()]
    keys += [sympy.Symbol(_MISSING)] * int(layer.tables.has_missing[k])
    other = number(factor) * phi
    if categories is not None:
        other = number(factor * layer.unseen[i, j])
    for symbol_i, symbol_j, function, (a, b, c, d) in layer.symbols:
        if (symbol_i, symbol_j) == (i, j):
            other = _term(function, (a, b, factor * c), column, x, 0.0) + number(factor * d)
    values = layer.tables.values[layer.tables.rows_of(k), j]
    cases = [
        (number(factor * value), sympy.Eq(column, key, evaluate=False)) for value, key in zip(values, keys, strict=True)
    ]
    return sympy.Piecewise(*cases, (other, True), evaluate=False)


def with_decimals(expression, decimals, network, names, categories):
    """An expression with its numbers to so many decimals, or as many as its values need to be as exact."""
    if decimals is None:
        return expression
    points = _points(network, names)
    for n, keep in [(decimals, False), *((n, True) for n in range(max(decimals, 0), _MOST_DECIMALS))]:
        shorter = rounded(expression, n, keep=keep)
        if _agree(expression, points, network, shorter, categories, error=10.0**-decimals):
            return shorter
    return expression


def _holds(condition, columns, categories, visit):
    """Where the condition of a case holds, see `with_cases`; or one of a function of the user's own."""
    if condition == True:  # noqa: E712
        return np.ones(len(next(iter(columns.values()))), dtype=bool)
    kind = type(condition).__name__
    if kind in _CONNECTIVES:
        return _CONNECTIVES[kind].reduce([_holds(part, columns, categories, visit) for part in condition.args])
    if kind in _COMPARISONS:
        return _COMPARISONS[kind](visit(condition.lhs), visit(condition.rhs))
    if not condition.lhs.is_Symbol:
        return visit(condition.lhs) == visit(condition.rhs)
    name, key = condition.lhs.name, condition.rhs
    if key.is_Symbol and key.name == _MISSING:
        return np.isnan(columns[name])
    known = categories[list(columns).index(name)]
    if known is None:
        return np.isclose(columns[name], float(key), rtol=1e-9, atol=0.0)
    return columns[name] == [_category(category) for category in known].index(key)


def latex(expression):
    """LaTeX of an expression; names that are no identifiers, and categories, as text."""
    import sympy

    names = [symbol.name for symbol in expression.free_symbols]
    texts = [name for name in names if name == _MISSING or not re.fullmatch(r"[^\W\d_]\w*", name)]
    escaped = {sympy.Symbol(name): rf"\text{{{''.join(_ESCAPES.get(one, one) for one in name)}}}" for name in texts}
    return sympy.latex(expression, symbol_names=escaped)


def check_sympy_support(caller):
    """Raise an ImportError that says what to do without SymPy."""
    try:
        import sympy  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{caller} needs SymPy for formulas. Install it: pip install 'sklearn_kan[symbolic]'."
        ) from error


def evaluate(expression, columns, network, categories):
    """Values of an expression with NumPy, node by node.

    Parameters
    ----------
    expression : sympy expression
        As `with_cases` makes it.
    columns : dict
        From the names of all columns to arrays of shape (n_samples,).
    network : Network
        Whose splines and tables stand for functions phi_l_i_j.
    categories : list
        Of each column, its list of categories, or None.

    Returns
    -------
    values : ndarray of shape (n_samples,)
    """
    n_samples = len(next(iter(columns.values())))

    def visit(node):
        if node.is_Symbol:
            return columns[node.name]
        if node.is_number:
            return np.full(n_samples, float(node))
        if node.is_Piecewise:
            cases = [(_holds(condition, columns, categories, visit), visit(value)) for value, condition in node.args]
            return np.select(*zip(*cases, strict=True), default=np.nan)
        parts = [visit(argument) for argument in node.args]
        name = type(node).__name__
        if node.is_Add:
            return sum(parts)
        if node.is_Mul:
            return np.prod(parts, axis=0)
        if node.is_Pow:
            return _power(parts[0], node.args[1], parts[1])
        if name.startswith("phi_"):
            l, i, j = map(int, name.split("_")[1:])  # noqa: E741
            layer = network.layers[l]
            if l == 0:
                return layer.column(i, parts[0])[:, j]
            return layer.edge(i, to_knots(parts[0], layer.center[i], layer.scale[i]))[:, j]
        return _UFUNCS[name](*parts) if name in _UFUNCS else _by_sympy(node.func, parts)

    with np.errstate(all="ignore"):
        return visit(expression)


def _by_sympy(function, parts):
    """Values of a function that NumPy does not have, point by point; NaN where they are not real."""

    def value_at(*point):
        found = function(*point).evalf()
        return float(found) if found.is_real else np.nan

    return np.array([value_at(*point) for point in np.broadcast(*parts)])


def _power(base, exponent, values):
    return base ** int(exponent) if exponent.is_Integer else base**values


# Characters that mean something else in LaTeX.
_ESCAPES = {one: rf"\{one}" for one in "%&#$_{}"}
_ESCAPES |= {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"}
# SymPy's functions that NumPy has, and how it names those that it names otherwise.
_UFUNCS = {name: getattr(np, name) for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sign")}
_UFUNCS |= {f"a{name}": getattr(np, f"arc{name}") for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}
_UFUNCS |= {"Abs": np.abs}
_CONNECTIVES = {"And": np.logical_and, "Or": np.logical_or}
_COMPARISONS = {
    "StrictGreaterThan": np.greater,
    "GreaterThan": np.greater_equal,
    "StrictLessThan": np.less,
    "LessThan": np.less_equal,
    "Unequality": np.not_equal,
}
