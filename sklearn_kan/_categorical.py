"""Tables beside the splines of layer 0: a value for each category of a column, for each atom, and for "missing".

    phi_ij(x) = v_rj,    r the row of the category or atom x_i, or of missing

A categorical column holds codes 0, 1, ... or -1 for a category that is not among them; NaN is missing. What was not
seen in training has no row; see `_first_layer` for what it contributes. Where a fifth of the rows share one value of a
column of numbers, its atoms are all values that many rows share, more than even ones around them: no amount, the cap,
a usual sum. A smooth function of the amount need not pass through them. Of a number that is a name all values that rows
share are atoms, of others codes are in any case, see `_shortest_half`. The penalty of a column's edge (i, j) is

    strength / 2 (sum_r (v_rj - m_j)^2 + m_j^2),    m_j = sum_r p_r v_rj,    p_r the share of the training rows at r:

values are drawn to their mean over the rows, the more the rarer they are, as the loss is a mean over rows.
"""

import numpy as np

from ._jit import njit
from ._shortest_half import codes_of
from ._stratified_sample import stratified

# Share of the rows that one value must hold for its column to have atoms, and distinct values that it must exceed.
_SHARED, _FEW_VALUES = 0.2, 20
# Rows of each atom. Where so many values around are even, gaps differing by this factor at most, it has to have more
# than this multiple of their median.
_ATOM_ROWS, _AROUND, _EVEN, _STANDS_OUT = 20, 7, 2.0, 1.5
# Rows that tell whether a column may have atoms.
_SOME_ROWS = 10_000
# Values that are no farther from an atom, in units of half the knot range, are the same.
_SAME = 1e-6


@njit
def _forward_kernel(rows, values, out):
    """Add the values at the rows to out, shape (n_samples, n_out)."""
    for s in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            r = rows[s, k]
            if r >= 0:
                for j in range(out.shape[1]):
                    out[s, j] += values[r, j]


@njit
def _backward_kernel(rows, delta, grad):
    """Add the gradient by the values to grad; delta is the one by the outputs."""
    for s in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            r = rows[s, k]
            if r >= 0:
                for j in range(grad.shape[1]):
                    grad[r, j] += delta[s, j]


@njit
def _jacobian_kernel(rows, delta, offset, jacobian):
    """Write the derivatives by the values, shape (n_samples, n_rows, n_weights), where not zero, from offset on."""
    n_out = delta.shape[2]
    for s in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            r = rows[s, k]
            if r >= 0:
                for a in range(delta.shape[1]):
                    for j in range(n_out):
                        jacobian[s, a, offset + r * n_out + j] = delta[s, a, j]


@njit
def _totals_kernel(rows, sample_weight, totals):
    """Add the weights of the samples to the totals of their rows."""
    for s in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            if rows[s, k] >= 0:
                totals[rows[s, k]] += sample_weight[s]


def _shares(x, weight):
    """The distinct values of a column, but for missing, and their shares in the weight."""
    found, place = np.unique(x, return_inverse=True)
    known = ~np.isnan(found)
    return found[known], (np.bincount(place, weight) / weight.sum())[known]


def atoms_of(x, weight, is_name=False):
    """The atoms of a column of numbers, see the module, increasing.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        NaN is missing.
    weight : ndarray of shape (n_samples,)
        Rows count by their share in it.
    is_name : bool, default=False

    Returns
    -------
    atoms : ndarray of shape (n_atoms,)
    """
    if is_name:
        found, counts = np.unique(x[~np.isnan(x)], return_counts=True)
        return found[counts > 1].astype(np.float64)
    step = max(1, len(x) // _SOME_ROWS)
    rows = stratified(len(x), step)
    codes = codes_of(x[rows], weight[rows]).astype(np.float64)
    if step > 1:  # sorting all of them takes long
        some = _shares(x[rows], weight[rows])[1]
        if some.max(initial=0.0) < 0.8 * _SHARED:
            return codes
    found, share = _shares(x, weight)
    if len(found) <= _FEW_VALUES or share.max() < _SHARED:
        return codes
    found = found[_stands_out(found, share) & (share * len(x) >= _ATOM_ROWS)]
    return np.union1d(found.astype(np.float64), codes)


def _stands_out(values, share):
    """Which values many more rows share than the even ones around them; those among uneven ones do."""

    def around(of_each, **options):
        padded = np.pad(of_each, _AROUND // 2, mode="reflect", **options)
        return np.lib.stride_tricks.sliding_window_view(padded, _AROUND)

    gaps = np.diff(around(values, reflect_type="odd"), axis=1)
    even = gaps.max(axis=1) <= _EVEN * gaps.min(axis=1)
    return ~even | (share > _STANDS_OUT * np.median(around(share), axis=1)) | (share >= _SHARED)


class Tables:
    """Tables of some columns.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_out)
        Those of all tables, one below the other; in a network a view into its parameters.
    columns : int array of shape (n_tables,)
        The column of each table, increasing.
    n_categories : int array of shape (n_tables,)
        Rows for categories; 0 for a column of numbers.
    has_missing : bool array of shape (n_tables,)
        Whether the last row of a table is for missing.
    mask : bool array of shape (n_tables, n_out)
        False for pruned edges, whose values are zero.
    atoms : ndarray of shape (n_atoms, 2), default=None
        Those of all tables, increasing in each, as lowest and highest number that counts as the atom. Their rows come
        before that of missing.
    n_atoms : int array of shape (n_tables,), default=None
        Atoms of each table; 0 for a categorical column.
    """

    def __init__(self, values, columns, n_categories, has_missing, mask, atoms=None, n_atoms=None):
        self.values = values
        self.columns = columns
        self.n_categories = n_categories
        self.has_missing = has_missing
        self.mask = mask
        self.atoms = np.zeros((0, 2)) if atoms is None else atoms
        self.n_atoms = np.zeros_like(n_categories) if n_atoms is None else n_atoms
        self.sizes = n_categories + self.n_atoms + has_missing
        self.starts = np.cumsum(self.sizes) - self.sizes

    @classmethod
    def empty(cls, n_out):
        """No tables."""
        none = np.zeros(0, dtype=np.int64)
        return cls(np.zeros((0, n_out)), none, none, none.astype(bool), np.zeros((0, n_out), dtype=bool))

    @classmethod
    def of(cls, X, n_categories, n_out, atoms, scale):
        """Tables of zeros for the columns of X with categories, atoms or missing values; constant ones are masked.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns)
        n_categories : int array of shape (n_columns,)
            All of them are in X; 0 for columns of numbers.
        n_out : int
        atoms : list of ndarray
            Of each column, see `atoms_of`.
        scale : ndarray of shape (n_columns,)
            Half the knot range of each column.
        """
        n_atoms = np.array([len(own) for own in atoms])
        some = np.isnan(X.min(axis=0))  # a NaN is the lowest
        constant = some.copy()
        constant[some] = np.isnan(X[:, some]).all(axis=0)
        constant |= (n_categories == 1) & ~some
        columns = np.flatnonzero(some | (n_categories > 0) | (n_atoms > 0))
        values = np.zeros((int((n_categories + n_atoms + some)[columns].sum()), n_out))
        mask = np.repeat(~constant[columns, None], n_out, axis=1)
        middles, margins = np.concatenate(atoms), _SAME * np.repeat(scale, n_atoms)
        bounds = np.stack([middles - margins, middles + margins], axis=1)
        return cls(values, columns, n_categories[columns], some[columns], mask, bounds, n_atoms[columns])

    def __len__(self):
        return len(self.columns)

    @property
    def categorical(self):
        """The categorical columns."""
        return self.columns[self.n_categories > 0]

    def table_of(self, i):
        """Number of the table of a column; None where it has none."""
        found = np.flatnonzero(self.columns == i)
        return int(found[0]) if len(found) else None

    def rows_of(self, k):
        """The rows of table k, a slice."""
        return slice(int(self.starts[k]), int(self.starts[k] + self.sizes[k]))

    def _bounds(self, k):
        """Lowest and highest number of the atoms of table k, shape (n_atoms, 2)."""
        end = int(self.n_atoms[: k + 1].sum())
        return self.atoms[end - int(self.n_atoms[k]) : end]

    def atoms_of(self, k):
        """The atoms of table k as numbers, rounded to what their bounds tell of them."""
        digits = [-int(np.floor(np.log10(1e-3 * (high - low)))) for low, high in self._bounds(k)]
        return np.array([round(float(m), d) for m, d in zip(self._bounds(k).mean(axis=1), digits, strict=True)])

    def edges(self, n_in):
        """True at edges that have a table, shape (n_in, n_out)."""
        edges = np.zeros((n_in, self.values.shape[1]), dtype=bool)
        edges[self.columns] = self.mask
        return edges

    @property
    def trained(self):
        """Which values are parameters."""
        return np.repeat(self.mask, self.sizes, axis=0)

    # --- at samples -------------------------------------------------------------------------------------------------

    def locate(self, x, missing):
        """Where in the tables some samples are.

        Parameters
        ----------
        x : ndarray of shape (n_samples, n_in)
        missing : bool ndarray of the same shape
            Where x is NaN.

        Returns
        -------
        rows : int ndarray of shape (n_samples, n_tables)
            -1 where a sample is in no row of the table.
        unseen : bool ndarray of shape (n_samples, n_in) or None
            Where x is missing or of an unknown category and has no row; None where that is nowhere.
        """
        rows = np.full((len(x), len(self)), -1, dtype=np.int64)
        unseen = missing.copy()
        for k, i in enumerate(self.columns):
            start = self.starts[k]
            if self.has_missing[k]:
                rows[missing[:, i], k] = start + self.sizes[k] - 1
            if self.n_atoms[k]:
                low, high = self._bounds(k).T
                place = np.minimum(np.searchsorted(high, x[:, i]), len(high) - 1)
                at = (low[place] <= x[:, i]) & (x[:, i] <= high[place])
                rows[at, k] = start + place[at]
            if self.n_categories[k]:
                known = x[:, i] >= 0.0
                rows[known, k] = start + x[known, i].astype(np.int64)
                unseen[:, i] = True
            unseen[:, i] &= rows[:, k] < 0
        return rows, unseen if unseen.any() else None

    def forward(self, rows, out):
        """Add the values to the output nodes, shape (n_samples, n_out)."""
        if len(self):  # else the kernel would be compiled for nothing
            _forward_kernel(rows, self.values, out)

    def backward(self, rows, delta, grad):
        """Add the gradient by the values to grad; delta is the one by the output nodes."""
        if len(self):
            _backward_kernel(rows, delta, grad)

    def jacobian(self, rows, delta, out, offset):
        """Write derivatives by the values into (n_samples, n_rows, n_columns), from column `offset` on."""
        if len(self):
            _jacobian_kernel(rows, delta, offset, out)

    def totals(self, rows, sample_weight):
        """Weight of the samples at every row of the tables, shape (n_rows,)."""
        totals = np.zeros(len(self.values))
        if len(self):
            _totals_kernel(rows, sample_weight, totals)
        return totals

    def _sums(self, terms):
        """Sums over the rows of each table, along the first axis."""
        return np.add.reduceat(terms, self.starts, axis=0) if len(self) else np.zeros((0, *terms.shape[1:]))

    def moments(self, totals):
        """Sums of abs(phi), phi and phi^2, shape (3, n_tables, n_out)."""
        v = self.values
        return np.stack([self._sums(totals[:, None] * part) for part in (np.abs(v), v, v * v)])

    def l1_gradient(self, totals, factor):
        """Gradient by the values of sum_r totals_r factor_ij abs(v_rj); factor of shape (n_in, n_out)."""
        return totals[:, None] * np.sign(self.values) * np.repeat(factor[self.columns], self.sizes, axis=0)

    # --- penalty ----------------------------------------------------------------------------------------------------

    def shares(self, totals):
        """Shares of a table's samples at its rows; equal ones where there are no samples."""
        sums = np.repeat(self._sums(totals), self.sizes)
        return np.divide(totals, sums, out=1.0 / np.repeat(self.sizes, self.sizes), where=sums > 0.0)

    def penalty(self, shares, strengths):
        """Value and gradient of the penalty; see the module.

        Parameters
        ----------
        shares : ndarray of shape (n_rows,)
            Of the training rows, at every row of the tables.
        strengths : ndarray of shape (n_tables,)
        """
        if not len(self):  # mini-batches of a large table ask often
            return 0.0, np.zeros_like(self.values)
        p = shares[:, None]
        mean = np.repeat(self._sums(p * self.values), self.sizes, axis=0)
        off = self.values - mean
        by_mean = mean - np.repeat(self._sums(off), self.sizes, axis=0)
        strength = np.repeat(strengths, self.sizes)[:, None]
        # The value is that of the quadratic form: half of gradient times values.
        gradient = strength * (off + p * by_mean)
        return 0.5 * float(np.vdot(gradient, self.values)), gradient

    def curvature(self, shares, rows=slice(None)):
        """Curvature of the penalty at strength 1 by some rows of one output node, shape (n_rows, n_rows)."""
        table, size = (np.repeat(of, self.sizes)[rows] for of in (np.arange(len(self)), self.sizes))
        p = shares[rows]
        matrix = np.eye(len(p)) - p + p[:, None] * ((size + 1.0) * p - 1.0)
        return np.where(table[:, None] == table, matrix, 0.0)

    def curvature_diagonal(self, shares):
        """Its diagonal, where the matrix of many categories would be large."""
        return 1.0 - 2.0 * shares + (np.repeat(self.sizes, self.sizes) + 1.0) * shares**2

    def add_penalty(self, hessian, offset, matrix):
        """Add the curvature of the penalty to the Hessian of all parameters; the values begin at `offset`."""
        if not len(self):
            return
        n_rows, n_out = self.values.shape
        for j in range(n_out):
            places = offset + np.arange(n_rows) * n_out + j
            hessian[np.ix_(places, places)] += matrix

    def add_l1_curvature(self, hessian, offset, totals, factor):
        """Add totals_r factor_ij to the diagonal, the majoriser of `l1_gradient`'s penalty over abs(v)."""
        added = totals[:, None] * np.repeat(factor[self.columns], self.sizes, axis=0)
        places = offset + np.arange(added.size)
        hessian[places, places] += added.ravel()

    # --- changes ----------------------------------------------------------------------------------------------------

    def of_column(self, i):
        """The table of one column, as column 0."""
        k = self.columns == i
        rows = np.repeat(k, self.sizes)
        column = np.zeros(k.sum(), dtype=np.int64)
        atoms = self.atoms[np.repeat(k, self.n_atoms)]
        return Tables(
            self.values[rows], column, self.n_categories[k], self.has_missing[k], self.mask[k], atoms, self.n_atoms[k]
        )

    def filled(self, other, columns):
        """These tables with the values of others, whose columns are `columns` of these ones; the rest is masked."""
        values, mask = np.zeros_like(self.values), np.zeros_like(self.mask)
        for k, i in enumerate(columns[other.columns]):
            own = self.table_of(i)
            values[self.rows_of(own)], mask[own] = other.values[other.rows_of(k)], other.mask[k]
        return self._changed(values, mask)

    def rescale(self, center, scale, new_center, new_scale):
        """Bring the atoms into other units of the columns, in place: new_center + new_scale (x - center) / scale."""
        i = np.repeat(self.columns, self.n_atoms)
        center, scale, new_center, new_scale = (of[i, None] for of in (center, scale, new_center, new_scale))
        atoms = new_center + new_scale * (self.atoms - center) / scale
        self.atoms = atoms + np.spacing(np.abs(atoms)) * [-2.0, 2.0]  # rounding must not shut an atom out

    def _changed(self, values, mask):
        """The same rows with other values and edges."""
        return Tables(values, self.columns, self.n_categories, self.has_missing, mask, self.atoms, self.n_atoms)

    def with_values(self, values):
        """The same tables with other values."""
        return self._changed(values, self.mask.copy())

    def with_output(self):
        """The same tables with an output node more, to which no edge of theirs leads."""
        values = np.column_stack([self.values, np.zeros(len(self.values))])
        mask = np.column_stack([self.mask, np.zeros(len(self), dtype=bool)])
        return self._changed(values, mask)

    def beside(self, others):
        """The same tables with the output nodes of others, of the same columns, too."""
        values, masks = zip(*((tables.values, tables.mask) for tables in (self, *others)), strict=True)
        return self._changed(np.hstack(values), np.hstack(masks))

    def select(self, mask, outputs):
        """Some of the edges, mask of shape (n_in, n_out), to some of the output nodes."""
        mask = self.mask & mask[self.columns]
        values = np.where(np.repeat(mask, self.sizes, axis=0), self.values, 0.0)[:, outputs]
        return self._changed(values, mask[:, outputs])

    def to_dict(self):
        """Plain arrays, from which the constructor rebuilds the tables."""
        names = ("values", "columns", "n_categories", "has_missing", "mask", "atoms", "n_atoms")
        return {name: getattr(self, name) for name in names}
