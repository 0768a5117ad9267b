"""Training on the columns that tell, in rounds (iterated sure independence screening, Fan & Lv 2008).

Where the residuals of a round's first network show columns that it was trained without, or a number that is a name, the
next round begins anew with these; with all where many labels are met almost exactly, and few rows are left to show any.
At last an additive model of all columns may take the place: many small effects show in none of them alone.
"""

from dataclasses import replace

import numpy as np

from ._committee import committee
from ._encoding import CANONICAL_ROWS
from ._fine_structure import has_fine_structure
from ._narrowing import Whole
from ._sure_screening import late_columns, no_names, number_as_name, telling_columns
from ._training import Trainer, grid_stages

_ROUNDS = 3
# Rows a column from which columns that show nothing may enter; of fewer each one is learnt by heart.
_ROWS_A_COLUMN = 50


class IteratedScreening:
    """Rounds of training on a table.

    Parameters
    ----------
    settings : estimator
        Its constructor parameters.
    loss : object of `_losses`
    table : Table
    offset : ndarray of shape (n_outputs,)
        Raw prediction of the constant model.
    hidden, grid_sizes : list of int or None
        Sizes of the hidden layers and grids; None for what the table decides.
    """

    def __init__(self, settings, loss, table, offset, hidden, grid_sizes):
        self.settings, self.loss, self.table, self.offset = settings, loss, table, offset
        self.hidden = hidden
        self.grid_sizes = grid_sizes and grid_stages(grid_sizes, *table.rows.X.shape, 1)
        penalties_given = "auto" not in (settings.alpha, settings.smoothing)
        for_reading = settings.reg_lambda > 0.0 or settings.prune_threshold > 0.0
        self.is_small = len(table.rows.X) <= CANONICAL_ROWS
        self.screens = self.is_small and not (penalties_given or for_reading)

    @property
    def most_rounds(self):
        return _ROUNDS if self.screens else 1

    def train(self, scaling, rng, progress):
        """Train until the residuals show nothing more.

        Parameters
        ----------
        scaling : tuple of ndarrays of shape (n_in,)
            Centre and scale of the columns.
        rng : RandomState
        progress : Progress

        Returns
        -------
        trainer : Trainer
            Of the last round, or of the best one if training was stopped.
        whole : Whole
        """
        columns, rounds = self._first_columns(), []
        while True:
            part = self.table.part(columns)
            sizes = self.grid_sizes or self._grid_sizes(part)
            whole = Whole(columns, scaling, self.table.tables)
            progress.whole = whole.network
            trainer = Trainer(self.settings, self.loss, part.rows, part.validation, rng, progress)
            trainer.count_from(self.offset)
            if rounds:
                trainer.learn_from(rounds[-1][0])
            rounds.append((trainer, whole))
            late = self._question(trainer, columns) if len(rounds) < self.most_rounds else None
            networks, n_members, additive = self._networks(part, sizes)
            trainer.run(sizes, networks, n_members, late, additive)
            if trainer.stopped or late is None:
                break
            found = trainer.late
            if found is None and len(sizes) > 1:  # finer grids show more
                found = late(trainer.network, names=False)
            if found is None or not found.any():
                break
            columns = columns | found.any(axis=0)
            self.table = replace(self.table, is_name=self.table.is_name | found[1])
        if trainer.stopped:  # perhaps in a round that has learnt less than the one before
            trainer, whole = min(rounds, key=lambda one: one[0].training_loss())
            progress.whole = whole.network
        elif not columns.all():
            trainer, whole = self._or_additive(trainer, whole, rng, progress)
        return trainer, whole

    def _grid_sizes(self, part):
        """The grid that suits some columns of the table: one of twice the intervals where effects are finer."""
        rows, settings = part.rows, self.settings
        [size] = grid_stages(None, *rows.X.shape, 1)
        options = {"grid_size": size, "degree": settings.degree, "knots": settings.knots}
        seek = self.is_small and settings.degree > 0  # steps follow nothing as it is
        fine = seek and has_fine_structure(
            rows.X, rows.y, rows.weight, part.inner, ~part.categorical & ~part.is_name, **options
        )
        return [2 * size if fine else size]

    def _first_columns(self):
        """The columns that a new network begins with."""
        y = self.table.rows.y
        if not self.screens:
            return np.ones(self.table.rows.X.shape[1], dtype=bool)
        return telling_columns(*self._residuals(np.broadcast_to(self.offset, y.shape)))

    def _networks(self, part, grid_sizes):
        """Functions rng -> new network for some columns of the table, and the number of networks.

        Returns
        -------
        make_network : callable
        n_members : int
        make_additive : callable or None
            Where it may be a member.
        """
        n_rows, n_columns = part.rows.X.shape
        hidden, n_members = committee(self.settings, self.hidden, n_rows, n_columns, len(self.offset))
        make_network = part.network_maker(self.settings, hidden, grid_sizes[0], self.offset)
        return make_network, n_members, self._additive(part, grid_sizes)

    def _additive(self, part, grid_sizes):
        """A function rng -> additive network; None where sizes are given, or the network is for reading.

        Nor beside steps, which no hidden node can hand on as they are.
        """
        if self.hidden is not None or not self.screens or len(grid_sizes) > 1 or self.settings.degree == 0:
            return None
        return part.network_maker(self.settings, [], grid_sizes[0], self.offset)

    def _or_additive(self, trainer, whole, rng, progress):
        """An additive model of all columns instead, where effects are so many that each shows too little by itself."""
        rows = self.table.rows
        make_additive = self._additive(self.table, self.grid_sizes or self._grid_sizes(self.table))
        if make_additive is None:
            return trainer, whole
        progress.whole = Whole.of_all(whole.scaling).network
        other = Trainer(self.settings, self.loss, rows, None, rng, progress)
        other.count_from(self.offset)
        if other.run_instead(trainer, make_additive):
            return other, Whole.of_all(whole.scaling)
        progress.whole = whole.network
        return trainer, whole

    def _question(self, trainer, columns):
        """What residuals are asked: network -> columns that come late, and names, bool ndarray of shape (2, n_in).

        None where there is nothing to ask. A network that shall be read has no values of names; one number that is a
        name is enough.
        """
        seek_names = isinstance(self.settings.hidden_layer_sizes, str) and not self.table.is_name.any()
        if columns.all() and not seek_names:
            return None

        def late(network, *, names=seek_names):
            residuals = self._residuals(network.raw_predict(trainer.rows.X))
            found = np.zeros((2, len(columns)), dtype=bool)
            if not columns.all():
                rows = self.table.rows.X
                few_left = len(rows) >= _ROWS_A_COLUMN * rows.shape[1] and trainer.meets_labels(network)
                others = no_names(rows, self.table.categorical) & ~columns
                found[0] = others if few_left else late_columns(*residuals, columns)
            if names:
                found[1] = number_as_name(*residuals)
            return found

        return late

    def _residuals(self, raw):
        """What the screening of columns takes."""
        rows = self.table.rows
        return rows.X, self.loss.gradient(rows.y, raw), rows.weight, self.table.categorical
