"""Layer 0: splines of the columns of numbers, tables of the categorical columns, of atoms and of missing values.

A missing value has a row in a table if the column had missing values in training, a category if it was seen there.
Otherwise each edge contributes the mean of its function over the training rows. Atoms and missing values are apart from
the splines: slopes are zero there.

In columns with far outliers the functions end as constants beyond their `reach`, where the outliers were seen: a line
through them would turn the whole function.
"""

from dataclasses import dataclass, replace

import numpy as np

from ._bspline import even_knots
from ._categorical import Tables
from ._layer import FARTHEST, Expansion, Layer


@dataclass(kw_only=True)
class FirstExpansion(Expansion):
    """The terms of the splines, t being NaN and all else zero apart from them, and where samples are in the tables.

    See `Tables.locate`.
    """

    rows: np.ndarray | None = None  # (n_samples, n_tables); set by `FirstLayer.expand`
    unseen: np.ndarray | None = None  # (n_samples, n_in)

    def __getitem__(self, rows):
        splines = vars(super().__getitem__(rows))
        return FirstExpansion(
            **splines, rows=self.rows[rows], unseen=None if self.unseen is None else self.unseen[rows]
        )


class FirstLayer(Layer):
    """A layer with tables beside its splines.

    Parameters
    ----------
    *args, **kwargs
        As for `Layer`; the splines of categorical columns are masked.
    tables : Tables, default=None
    unseen : ndarray of shape (n_in, n_out), default=None
        What edges contribute at values without a row in the tables: the means of their functions.
    reach : ndarray of shape (n_in,), default=None
        Where values count as if they lay no farther out, in units of half the knot range; None for no such place.
    """

    expansion = FirstExpansion

    def __init__(self, *args, tables=None, unseen=None, reach=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.tables = Tables.empty(self.n_out) if tables is None else tables
        self.unseen = np.zeros(self.edge_mask.shape) if unseen is None else unseen
        self.reach = np.full(self.n_in, FARTHEST) if reach is None else reach

    @classmethod
    def of(cls, layer):
        """A layer as first layer."""
        return layer if isinstance(layer, cls) else cls(**layer.arguments())

    def splines(self):
        return Layer(**super().arguments())

    @property
    def edges(self):
        return super().edges | self.tables.edges(self.n_in)

    @property
    def unnamed(self):
        return super().unnamed | self.tables.edges(self.n_in) & ~self.symbols.mask(self.edge_mask.shape)

    def _reach(self, most):
        """Where values are cut; a symbol counts as far as it is asked for."""
        if most == FARTHEST and not len(self.symbols):
            return self.reach
        reach = np.minimum(self.reach, most)
        if len(self.symbols):
            reach[self.symbols.mask(self.edge_mask.shape).any(axis=1)] = most
        return reach

    def expand(self, x, *, reach=FARTHEST, **options):
        missing = np.isnan(x)
        any_missing = np.count_nonzero(missing) > 0  # quicker than any(), for one row as for many
        numbers = np.where(missing, self.center, x) if any_missing else x
        if len(self.tables) and len(self.tables.categorical):
            numbers = np.array(numbers, dtype=np.float64)
            numbers[:, self.tables.categorical] = 0.0
        reach = self._reach(reach)
        terms = super().expand(numbers, reach=reach, **options)
        if len(terms.slope) and np.any(reach < FARTHEST):
            terms.slope[np.abs(terms.t) >= reach] = 0.0
        if any_missing or len(self.tables):
            self._set_apart(terms, x, missing)
        else:
            terms.rows = np.empty((len(x), 0), dtype=np.int64)
        return terms

    def _set_apart(self, terms, x, missing):
        """Leave to the tables what is theirs, and say where it is there."""
        terms.rows, terms.unseen = self.tables.locate(x, missing)
        apart = missing
        apart[:, self.tables.columns] |= (terms.rows >= 0) & (self.tables.n_atoms > 0)
        if apart.any():
            terms.value[apart], terms.t[apart] = 0.0, np.nan
            if len(terms.slope):
                terms.slope[apart] = 0.0

    def expands_like(self, other):
        return super().expands_like(other) and len(self.tables) == len(other.tables)

    def forward(self, terms):
        out = super().forward(terms)
        self.tables.forward(terms.rows, out)
        for i, at in self._unseen(terms):
            out[at] += self.unseen[i]
        return out

    def _unseen(self, terms):
        """Columns with values that were not seen in training, and where these are."""
        if terms.unseen is not None:
            for i in np.flatnonzero(terms.unseen.any(axis=0)):
                yield i, terms.unseen[:, i]

    def backward(self, terms, delta, grad, grad_numbers=(), grad_values=None):
        self.tables.backward(terms.rows, delta, grad_values)
        return super().backward(terms, delta, grad, grad_numbers)

    def l1_backward(self, terms, factor, sample_weight, grad, grad_values=None):
        if len(self.tables):
            grad_values += self.tables.l1_gradient(self.tables.totals(terms.rows, sample_weight), factor)
        return super().l1_backward(terms, factor, sample_weight, grad)

    def jacobian(self, terms, delta, out, offset, number_offset=0, value_offset=0):
        super().jacobian(terms, delta, out, offset, number_offset)
        self.tables.jacobian(terms.rows, delta, out, value_offset)

    def features(self, terms, tables):
        """Those of a layer, then whether samples are in the rows of some tables, bool ndarray of shape (n_tables,)."""
        some, features = np.flatnonzero(tables), super().features(terms)
        if not len(some):
            return features
        starts, stops = self.tables.starts[some], (self.tables.starts + self.tables.sizes)[some]
        rows = [terms.rows[:, k, None] == np.arange(*of) for k, *of in zip(some, starts, stops, strict=True)]
        return np.hstack([features, *rows])

    def input_curvature(self, terms, delta):
        apart = np.isnan(terms.t)
        found = super().input_curvature(replace(terms, t=np.where(apart, 0.0, terms.t)), delta)
        found[np.broadcast_to(apart[:, None], found.shape)] = 0.0
        return found

    def moments(self, terms, sample_weight):
        moments = super().moments(terms, sample_weight)
        moments[:, self.tables.columns] += self.tables.moments(self.tables.totals(terms.rows, sample_weight))
        for i, at in self._unseen(terms):
            mean = self.unseen[i]
            moments[:, i] += sample_weight[at].sum() * np.stack([np.abs(mean), mean, mean**2])
        return moments

    def remember_means(self, moments):
        """What values that were not seen contribute, from the moments over the training rows."""
        self.unseen[:] = moments[1]

    def node(self, i):
        return self.splines().node(i)

    def column(self, i, x):
        """All functions phi_ij of column i at values x in its own units, shape (n_samples, n_out)."""
        spline = self.node(i).replace(center=self.center[i : i + 1], scale=self.scale[i : i + 1]).arguments()
        one = FirstLayer(
            **spline, tables=self.tables.of_column(i), unseen=self.unseen[i : i + 1], reach=self.reach[i : i + 1]
        )
        return one.forward(one.expand(np.asarray(x, dtype=np.float64)[:, None]))

    def part(self, mask, inputs, outputs):
        unseen = np.where(mask, self.unseen, 0.0)[:, outputs]
        return super().part(mask, inputs, outputs).replace(tables=self.tables.select(mask, outputs), unseen=unseen)

    def widened(self, columns, tables):
        """The layer of a table of more columns: those in `columns` are its own, from the others no edge leads.

        Parameters
        ----------
        columns : bool ndarray of shape (n_columns,)
        tables : Tables
            Of all columns, to be filled.
        """

        def spread(own, others):
            out = np.empty((len(columns), *own.shape[1:]), dtype=own.dtype)
            out[~columns], out[columns] = others, own
            return out

        even = even_knots(1, self.grid_size, self.degree)
        return self.replace(
            weights=spread(self.weights, 0.0),
            knots=spread(self.knots, even),
            center=spread(self.center, 0.0),
            scale=spread(self.scale, 1.0),
            edge_mask=spread(self.edge_mask, False),
            unseen=spread(self.unseen, 0.0),
            reach=spread(self.reach, FARTHEST),
            tables=tables.filled(self.tables, np.flatnonzero(columns)),
        )

    def with_own_output(self, i, j):
        unseen = np.column_stack([self.unseen, np.zeros(self.n_in)])
        unseen[i, -1], unseen[i, j] = unseen[i, j], 0.0
        return super().with_own_output(i, j).replace(tables=self.tables.with_output(), unseen=unseen)

    def rescale_output(self, j, scale):
        super().rescale_output(j, scale)
        self.tables.values[:, j] /= scale
        self.unseen[:, j] /= scale

    def add_constant(self, j, constant):
        i = super().add_constant(j, constant)
        if i is None and self.tables.mask[:, j].any():
            # A table can take a constant only as a whole; one of numbers alone has no value for all samples.
            i = int(self.tables.columns[self.tables.mask[:, j] & (self.tables.n_categories > 0)][0])
        if i is not None:
            k = self.tables.table_of(i)
            if k is not None and self.tables.mask[k, j]:
                self.tables.values[self.tables.rows_of(k), j] += constant
            self.unseen[i, j] += constant
        return i

    def arguments(self):
        return super().arguments() | {"tables": self.tables, "unseen": self.unseen, "reach": self.reach}

    def to_dict(self):
        return super().to_dict() | {"tables": self.tables.to_dict()}

    @classmethod
    def from_dict(cls, state):
        tables = state.get("tables")  # older pickles have none
        return super().from_dict(state | {"tables": None if tables is None else Tables(**tables)})
