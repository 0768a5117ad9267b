"""A network trained on some columns of a table, and the network of the whole table that it is a part of."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._categorical import Tables, atoms_of
from ._stage import Rows


@dataclass(frozen=True)
class Table:
    """A table as a network sees it."""

    rows: Rows
    given: Rows  # those that are held out as well
    validation: Rows | None
    categories: list
    inner: tuple  # centre and scale of the columns
    is_name: np.ndarray  # True at columns of numbers that are names, shape (n_in,)

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


@dataclass(frozen=True)
class Whole:
    """The whole table's network, of which one of some columns is a part."""

    columns: np.ndarray  # bool, of shape (n_features_in_,)
    scaling: tuple  # centre and scale of all columns
    tables: Callable  # number of nodes -> Tables of all columns

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
