"""A table as networks see it, new networks for some of its columns, and the network of the whole table."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._categorical import Tables, atoms_of
from ._grid import extremes, initial_network, input_breakpoints
from ._stage import Rows

# Rows that show which columns are constant, at least.
_SHOW_RANGES = 10


@dataclass(frozen=True)
class Table:
    """A table as a network sees it."""

    rows: Rows
    given: Rows  # those that are held out as well
    validation: Rows | None
    categories: list
    inner: tuple  # centre and scale of the columns
    is_name: np.ndarray  # True at columns of numbers that are names, shape (n_in,)

    @classmethod
    def of_numbers(cls, rows, *arguments):
        """A table with no numbers that are names."""
        return cls(rows, *arguments, np.zeros(rows.X.shape[1], dtype=bool))

    def part(self, columns):
        """Some of its columns."""
        return Table(
            self.rows.part(columns),
            self.given.part(columns),
            None if self.validation is None else self.validation.part(columns),
            [known for known, stays in zip(self.categories, columns, strict=True) if stays],
            tuple(part[columns] for part in self.inner),
            self.is_name[columns],
        )

    @property
    def categorical(self):
        """True at columns of category numbers, shape (n_in,)."""
        return np.array([known is not None for known in self.categories])

    def tables(self, n_out):
        """Tables for the columns with categories, atoms or missing values, with so many output nodes."""
        n_categories = np.array([0 if known is None else len(known) for known in self.categories])
        atoms = [
            np.zeros(0) if n else atoms_of(column, self.given.weight, is_name)
            for column, n, is_name in zip(self.given.X.T, n_categories, self.is_name, strict=True)
        ]
        return Tables.of(self.given.X, n_categories, n_out, atoms, self.inner[1])

    def network_maker(self, settings, hidden, grid_size, offset, *, mask_constant=True):
        """A function rng -> new network; constant columns stay out of it, and all do if the target is constant.

        Parameters
        ----------
        settings : estimator
            Its constructor parameters.
        hidden : list of int
            Sizes of the hidden layers.
        grid_size : int
        offset : ndarray of shape (n_outputs,)
            Raw prediction of the constant model.
        mask_constant : bool, default=True
            False where other rows will follow; a column that these show constant has no edges yet, if any varies.
        """
        rows = self.rows
        shape = [rows.X.shape[1], *hidden, rows.y.shape[1]]
        tables = self.tables(shape[1])
        low, high = extremes(rows.X)
        active, varied = np.ones(shape[0], dtype=bool), np.ones(shape[-1], dtype=bool)
        if mask_constant:
            varied = np.ptp(rows.y, axis=0) > 0.0
            active = high > low
            active[tables.columns] |= tables.mask[:, 0]  # missing or not
            active &= varied.any()
            varied |= settings.warm_start and varied.any()  # may vary later
            tables.mask &= varied.any() if hidden else varied
        elif len(rows.X) >= _SHOW_RANGES and (high > low).any():
            active = high > low
        active[tables.categorical] = False
        ends = (low, high) if self.given is rows else extremes(self.given.X)
        [breakpoints] = input_breakpoints(rows.X, rows.weight, *self.inner, [grid_size], settings.knots)

        def make_network(rng):
            return initial_network(
                shape,
                rows.X,
                rows.weight,
                rng,
                grid_size=grid_size,
                degree=settings.degree,
                knots=settings.knots,
                base_activation=settings.base_activation,
                extrapolation=settings.extrapolation,
                active=active,
                offset=offset,
                varied=varied,
                scaling=self.inner,
                ends=ends,
                breakpoints=breakpoints,
                tables=tables,
            )

        return make_network


@dataclass(frozen=True)
class Whole:
    """The whole table's network, of which one of some columns is a part."""

    columns: np.ndarray  # bool, of shape (n_features_in_,)
    scaling: tuple  # centre and scale of all columns
    tables: Callable | None = None  # number of nodes -> Tables of all columns

    @classmethod
    def of_all(cls, scaling):
        """Where no column was left out."""
        return cls(np.ones(len(scaling[0]), dtype=bool), scaling)

    def network(self, network):
        """The network that predicts from all columns in their own units."""
        if not self.columns.all():
            network = network.widened(self.columns, self.tables(network.shape[1]))
        return network.scaled(*self.scaling)

    def strengths(self, of_layers):
        """Strengths of all columns: infinite where no function is let in."""
        first = np.full(len(self.columns), np.inf)
        first[self.columns] = of_layers[0]
        return [first, *of_layers[1:]]
