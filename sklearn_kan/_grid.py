"""Where the knots are: placed by the data, moved with the activations, refined; the function is kept.

- Layer 0: the knots of a column cover its range plus a margin, so that no training row lies on an end knot. Outliers
  do not stretch it: a column's range ends at most `REACH` times the spread of its middle 90 % beyond that middle, and
  codes among its values do not count, see `_shortest_half`.
- Hidden layers: the activations drift in training, so the knots move with them. The gauge is fixed: after a move the
  activations of a node fill [-1, 1] again and the factor goes into the layer before. For exact data the polynomials of
  the end intervals go on a little beyond the knots, where the activations of new rows lie, before they become lines.
- Refinement (paper 2.4): each spline is fitted by one on the finer grid, over the whole knot range.
"""

import numpy as np

from ._bspline import breakpoints_of, even_knots, extend_breakpoints, fit_functions
from ._first_layer import FirstLayer
from ._layer import FARTHEST, Layer, to_knots
from ._network import Network
from ._shortest_half import REACH, codes_of
from ._stratified_sample import stratified

# Margins of the knots a side, in parts of the range. Corners of the box that few training rows reach lie beyond the
# hidden range by more than new inputs lie beyond theirs.
MARGIN, INPUT_MARGIN = 0.03, 0.02
# The polynomials of the end intervals of hidden nodes go on so far where data is exact. A line that began at the knots
# would be wrong, for activations that drift and those of new rows, by the curvature that the rows inside show.
_OVERHANG = 0.1
# Outliers count as if they lay there, in units of half the knot range.
OUTLIERS = 2.0
# Hidden knots stay while the activations lie inside and fill this width at least, nine tenths of what they are given.
_FILLED = 0.9 * 2.0 / (1.0 + 2.0 * MARGIN)
# Nodes whose spread is less, in units of half the knot range, count as constant: rounding errors of the mean are as
# large, and would fill the knots with it.
_NARROWEST = 1e-6
# Columns whose quantiles are farther than this from those of a uniform one, in parts of the range, are skewed.
_SKEWED = 0.25
# Standard deviation of the first splines, in units of the base activation's weight.
_SPLINE_NOISE = 0.3
# Half widths are cut here, where the next operations would overflow.
_WIDEST = 1.6e308
# Rows that tell where activations are; more do not move quantiles.
_RANGE_ROWS = 10_000
# Elements of the basis functions that are fitted on other knots at a time.
_REFIT_ELEMENTS = 1 << 22


class _Ordered:
    """Columns in order: their quantiles by the weighted empirical distribution.

    Missing values do not count; a column that holds nothing else has zeros.

    Attributes
    ----------
    values : ndarray of shape (n_columns, n_samples)
    places : ndarray of shape (n_samples,) or (n_columns, n_samples)
        Part of the weight that lies below each value, and half of its own.
    """

    def __init__(self, x, weight):
        x = np.ascontiguousarray(x.T)
        if weight.min() == weight.max() and not np.isnan(x).any():  # equal values in any order: a plain sort is faster
            self.values, self.places = np.sort(x, axis=1), (np.arange(x.shape[1]) + 0.5) / x.shape[1]
            return
        order = np.argsort(x, axis=1, kind="stable")
        ordered = np.take_along_axis(x, order, axis=1)
        weight = np.where(np.isnan(ordered), 0.0, weight[order])
        self.values = np.nan_to_num(np.fmax.accumulate(ordered, axis=1))  # missing values are last
        above = np.cumsum(weight, axis=1)
        self.places = (above - 0.5 * weight) / np.maximum(above[:, -1:], np.finfo(np.float64).tiny)

    def quantiles(self, levels):
        """Shape (n_levels, n_columns)."""
        places = np.broadcast_to(self.places, self.values.shape)
        return np.stack([np.interp(levels, *column) for column in zip(places, self.values, strict=True)], axis=1)

    def range(self):
        """Lowest and highest value of each column; far outliers left out."""
        low, high = self.values[:, 0], self.values[:, -1]
        if self.values.shape[1] < 3:
            return low, high
        bottom, top = self.quantiles([0.05, 0.95])
        with np.errstate(over="ignore"):
            reach = np.where(top > bottom, REACH * (0.5 * top - 0.5 * bottom) * 2.0, np.inf)
            return np.maximum(low, bottom - reach), np.minimum(high, top + reach)

    def scale(self, center, scale):
        """Give the columns the values (x - center) / scale."""
        self.values = (self.values - center[:, None]) / scale[:, None]


def extremes(x):
    """Lowest and highest value of each column that is not missing."""
    low, high = x.min(axis=0), x.max(axis=0)
    holes = np.isnan(low)
    if holes.any():  # to look for them in all columns takes several times as long
        low[holes], high[holes] = (which.reduce(x[:, holes], axis=0) for which in (np.fmin, np.fmax))
    return low, high


def data_range(x, weight, *, whole=False):
    """Lowest and highest value of each column; far outliers left out unless `whole`."""
    return extremes(x) if whole else _Ordered(x, weight).range()


def _without_codes(x, weight):
    """Columns with codes among their values have missing ones there."""
    codes = [codes_of(column, weight) for column in x.T]
    if any(map(len, codes)):
        x = np.where(np.stack([np.isin(*pair) for pair in zip(x.T, codes, strict=True)], axis=1), np.nan, x)
    return x


def _centred(low, high, margin=MARGIN):
    """Centre and half width, with the margin; half width 0 for a constant column."""
    half = np.minimum(0.5 * high - 0.5 * low, _WIDEST)
    return 0.5 * low + 0.5 * high, half * (1.0 + 2.0 * margin)


def _breakpoints(t, grid_size, knots):
    """Breakpoints in [-1, 1]: uniform, or halfway between uniform and the quantiles of the columns in order, t."""
    levels = np.linspace(0.0, 1.0, grid_size + 1)
    uniform = np.tile(2.0 * levels - 1.0, (len(t.values), 1))
    if knots == "uniform":
        return uniform
    inside = 1.0 / (1.0 + 2.0 * INPUT_MARGIN)
    quantiles = np.clip(t.quantiles(levels), -inside, inside).T
    quantiles[:, 0], quantiles[:, -1] = -1.0, 1.0
    placed = 0.5 * (uniform + quantiles)
    if knots == "auto":
        deciles = np.linspace(0.1, 0.9, 9)
        distance = np.abs(t.quantiles(deciles) - (2.0 * deciles - 1.0)[:, None]).max(axis=0) / 2.0
        placed[distance <= _SKEWED] = uniform[distance <= _SKEWED]
    return placed


def input_scaling(X, weight, *, whole):
    """Centre and scale of every column; scale 1 for a constant one."""
    some, weight = (np.asarray(X, dtype=np.float64), weight) if whole else range_sample(X, weight)
    low, high = data_range(some if whole else _without_codes(some, weight), weight, whole=whole)
    center, scale = _centred(low, high, INPUT_MARGIN)
    center = np.nan_to_num(center)  # of a column without values
    return center, np.where(scale > 0.0, scale, np.maximum(1.0, np.abs(center)))


def input_breakpoints(X, weight, center, scale, grid_sizes, knots):
    """Breakpoints of every column, shape (n_in, grid_size + 1), in units of the knots; those of each grid size."""
    some, weight = range_sample(X, weight)
    ordered = _Ordered(_without_codes(to_knots(some, center, scale), weight), weight)
    return [_breakpoints(ordered, grid_size, knots) for grid_size in grid_sizes]


def initial_network(
    shape,
    X,
    weight,
    rng,
    *,
    grid_size,
    degree,
    knots,
    base_activation,
    extrapolation,
    active,
    offset,
    varied,
    scaling,
    ends,
    breakpoints,
    tables,
):
    """A network with random weights whose knots lie where the data is.

    Base weights are Xavier-scaled and the splines small noise (paper 2.2).

    Parameters
    ----------
    shape : list of int
        Nodes of every layer of nodes.
    X : ndarray of shape (n_samples, n_in)
    weight : ndarray of shape (n_samples,)
    rng : RandomState
    active : bool ndarray of shape (n_in,)
        Columns that enter the network by splines; if none does and no table, no edge is trained.
    offset : ndarray of shape (n_out,)
        Raw prediction of the constant model.
    varied : bool ndarray of shape (n_out,)
        Outputs that are not constant; others get no edges.
    scaling : tuple of ndarrays of shape (n_in,)
        Centre and scale of the columns.
    ends : tuple of ndarrays of shape (n_in,)
        Lowest and highest value of the columns.
    breakpoints : ndarray of shape (n_in, grid_size + 1)
        Of the columns.
    tables : Tables
        Of layer 0; their values are set.
    """
    alive = active.any() or tables.mask.any()
    center, scale = scaling
    layers = []
    for l, (n_in, n_out) in enumerate(zip(shape[:-1], shape[1:], strict=True)):  # noqa: E741
        if l > 0:
            center, scale = np.zeros(n_in), np.ones(n_in)
        n_basis = grid_size + degree
        weights = np.empty((n_in, n_basis + 1, n_out))
        weights[:, :-1] = rng.normal(scale=_SPLINE_NOISE / np.sqrt(n_in), size=(n_in, n_basis, n_out))
        weights[:, -1] = rng.normal(scale=np.sqrt(2.0 / (n_in + n_out)), size=(n_in, n_out))
        mask = np.full((n_in, n_out), alive) if l > 0 else np.repeat(active[:, None], n_out, axis=1)
        if l == len(shape) - 2:
            mask &= varied
        weights *= mask[:, None]
        linear = l > 0 or extrapolation != "constant"
        placed = extend_breakpoints(breakpoints, degree) if l == 0 else even_knots(n_in, grid_size, degree)
        layers.append(Layer(weights, placed, center, scale, degree, base_activation, linear, mask))
    reach = _reach(ends, *scaling)
    layers[0] = FirstLayer(**layers[0].arguments(), tables=_random_values(tables, shape, rng), reach=reach)
    return follow_activations(Network(layers, offset), *range_sample(X, weight), knots)


def let_in(network, columns, X, weight, *, knots, whole):
    """The network with edges from more columns, whose functions are zero and whose knots lie where these rows are.

    Parameters
    ----------
    columns : int array of shape (n_columns,)
    X : ndarray of shape (n_samples, n_columns)
    """
    layer = network.layers[0]
    center, scale, placed, mask = (part.copy() for part in (layer.center, layer.scale, layer.knots, layer.edge_mask))
    center[columns], scale[columns] = input_scaling(X, weight, whole=whole)
    [breakpoints] = input_breakpoints(X, weight, center[columns], scale[columns], [layer.grid_size], knots)
    placed[columns] = extend_breakpoints(breakpoints, layer.degree)
    mask[columns] = True
    reach = layer.reach.copy()
    reach[columns] = _reach(extremes(X), center[columns], scale[columns])
    layer = layer.replace(knots=placed, center=center, scale=scale, edge_mask=mask, reach=reach)
    return Network([layer, *network.layers[1:]], network.offset, network.moments)


def cut_at_outliers(network, X):
    """The network whose functions of columns end where these rows have outliers, as the range of the knots tells."""
    first, *others = network.layers
    reach = np.minimum(first.reach, _reach(extremes(X), first.center, (1.0 + 2.0 * REACH) * first.scale))
    return Network([first.replace(reach=reach), *others], network.offset, network.moments)


def with_overhang(network):
    """The network of exact data, whose functions of hidden nodes go on beyond the knots."""
    layers = [layer.replace(overhang=_OVERHANG) for layer in network.layers[1:]]
    return Network([network.layers[0], *layers], network.offset, network.moments)


def _reach(ends, center, width):
    """Where columns with values farther from their centres than these widths are cut."""
    low, high = ends
    with np.errstate(invalid="ignore", over="ignore"):
        beyond = (low < center - width) | (high > center + width)
    return np.where(beyond, OUTLIERS, FARTHEST)


def _random_values(tables, shape, rng):
    """Tables with values about as spread as the functions of columns of numbers; those of missing there are zero."""
    values = rng.normal(scale=_SPLINE_NOISE * np.sqrt(2.0 / (shape[0] + shape[1])), size=tables.values.shape)
    numbers = np.repeat(tables.n_categories == 0, tables.sizes)
    return tables.with_values(np.where(numbers[:, None], 0.0, values))


def _refit(layer, knots, center=0.0, scale=1.0):
    """Weights on other knots, for t' = (t - center) / scale of each input node: same functions as before.

    The base weights keep the slopes they stand for; the splines take up the rest.
    """
    center, scale = (np.broadcast_to(value, layer.n_in) for value in (center, scale))
    moved = layer.replace(weights=np.zeros((layer.n_in, knots.shape[1] - layer.degree, layer.n_out)), knots=knots)
    moved.weights[:, -1] = layer.base_weight * scale[:, None]

    def spline_part(t):
        return layer.functions(scale * t + center) - moved.functions(t)

    breaks = (breakpoints_of(layer.knots, layer.degree) - center[:, None]) / scale[:, None]
    moved.weights[:, :-1] = fit_functions(spline_part, knots, layer.degree, breaks)
    return moved.weights


def _refit_in_parts(layer, knots):
    """The same of some nodes at a time: all basis functions of many nodes on a fine grid take much memory."""
    plain, every = layer.splines(), np.ones(layer.n_out, dtype=bool)
    n_elements = layer.n_in * (layer.degree + 1) * knots.shape[1] * (knots.shape[1] + layer.knots.shape[1])
    nodes = np.arange(layer.n_in)
    parts = np.array_split(nodes, min(layer.n_in, -(-n_elements // _REFIT_ELEMENTS)))
    some = (plain.part(plain.edge_mask, np.isin(nodes, part), every) for part in parts)
    return np.vstack([_refit(one, knots[part]) for one, part in zip(some, parts, strict=True)])


def _all_in_place(activations):
    """Whether all hidden nodes, outliers too, lie inside their knots and fill them."""
    low, high = activations.min(axis=0), activations.max(axis=0)
    return low.min() >= -1.0 and high.max() <= 1.0 and (high - low).min() >= _FILLED


def _out_of_place(low, high):
    """Which hidden nodes with activations from low to high have to have other knots."""
    width = high - low
    return (width > 2.0 * _NARROWEST) & ((low < -1.0) | (high > 1.0) | (width < _FILLED))


def has_drifted(activations, weight):
    """Which hidden nodes left their knots or fill them no more; outliers do not count."""
    if _all_in_place(activations):
        return np.zeros(activations.shape[1], dtype=bool)
    return _out_of_place(*data_range(activations, weight))


def range_sample(X, weight):
    """A bounded number of rows that tell where activations are."""
    rows = stratified(len(X), max(1, len(X) // _RANGE_ROWS))
    return np.asarray(X[rows], dtype=np.float64), weight[rows]


def any_drift(network, X, weight, first=None):
    """Whether any hidden node drifted; `first` is layer 0's expansion at X when it is known."""
    for layer in network.layers[:-1]:
        X = layer.forward(layer.expand(X, slopes=False) if first is None else first)
        first = None
        if has_drifted(X, weight).any():
            return True
    return False


def follow_activations(network, X, weight, knots="uniform", first=None):
    """Move the knots of drifted hidden nodes to their activations; see the module for the gauge.

    Parameters
    ----------
    network : Network
    X : ndarray of shape (n_samples, n_in)
    weight : ndarray of shape (n_samples,)
    knots : {'auto', 'uniform', 'quantile'}
    first : Expansion, default=None
        Of layer 0 at X, when it is known.

    Returns
    -------
    moved : Network
        Another network, as close to the same function as the moved splines allow.
    """
    network = network.copy()
    for before, layer in zip(network.layers[:-1], network.layers[1:], strict=True):
        terms = before.expand(X, slopes=False) if first is None else first
        X, first = before.forward(terms), None
        if _all_in_place(X):
            continue
        ordered = _Ordered(X, weight)
        low, high = ordered.range()
        drifted = _out_of_place(low, high)
        if not drifted.any():
            continue
        if before is network.layers[0]:
            before.remember_means(before.moments(terms, weight / weight.sum()))
        center, scale = _centred(low, high)
        center, scale = np.where(drifted, center, 0.0), np.where(drifted, scale, 1.0)
        X = (X - center) / scale
        ordered.scale(center, scale)
        breakpoints = _breakpoints(ordered, layer.grid_size, knots)
        every = np.ones(layer.n_out, dtype=bool)
        placed = extend_breakpoints(breakpoints[drifted], layer.degree)
        some = layer.part(layer.edge_mask, drifted, every)
        layer.weights[drifted] = _refit(some, placed, center[drifted], scale[drifted])
        layer.knots[drifted] = placed
        for i in np.flatnonzero(drifted):
            layer.symbols.rescale_input(i, center[i], scale[i])
            regauge(before, i, center[i], scale[i])
    return network


def regauge(layer, j, center, scale):
    """Give output node j the value (y_j - center) / scale; the splines sum to one, so one takes up the shift."""
    layer.rescale_output(j, scale)
    layer.add_constant(j, -center / scale)


def _equal_parts(old_size, new_size):
    """Places of new breakpoints in the old ones' numbering: equal parts of the whole."""
    return np.linspace(0.0, old_size, new_size + 1)


def _nested_parts(old_size, new_size):
    """The same, but all old breakpoints stay: some intervals are divided into one part more than others."""
    parts = np.diff(np.arange(old_size + 1) * new_size // old_size)
    starts = [i + np.arange(n) / n for i, n in enumerate(parts)]
    return np.append(np.concatenate(starts), old_size)


def refine(network, grid_size, *, nested=False):
    """The same functions on a finer grid (paper eq. 2.16).

    New breakpoints lie at equal parts of the old ones' numbering: the grids nest, and nothing changes, when the new
    size is a multiple of the old one. With `nested` they always do, at the price of uneven intervals.

    Returns
    -------
    refined : Network
        A copy where the grid stays.
    """
    if grid_size == network.layers[0].grid_size:
        return network.copy()
    places = _nested_parts if nested else _equal_parts
    layers = []
    for layer in network.layers:
        old = breakpoints_of(layer.knots, layer.degree)
        numbers = places(layer.grid_size, grid_size)
        new = np.stack([np.interp(numbers, np.arange(layer.grid_size + 1), row) for row in old])
        knots = extend_breakpoints(new, layer.degree)
        weights = _refit_in_parts(layer, knots) * layer.edge_mask[:, None]
        layers.append(layer.replace(weights=weights, knots=knots))
    return Network(layers, network.offset, network.moments)
