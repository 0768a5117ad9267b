"""Training from coarse to fine: starts compete, grids are refined, members unite, pruned networks go on."""

from dataclasses import replace
from functools import partial

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ._committee import committee_size
from ._competition import FEWEST_STARTS, TRIAL, Start, lm_work
from ._elimination import needless_edges
from ._grid import follow_activations, refine, with_overhang
from ._members import FREEDOM_COST, INTERRUPTED, LITTLE, Members
from ._pruning import prune, without_edges
from ._safe_bayes import (
    ANY_CONTRADICTION,
    CONTRADICTION,
    ENOUGH_LABELS,
    FLEXIBLE,
    MOST_LABELS,
    NEARLY_EXACT,
    cold_excess,
    safe_excess,
)
from ._screening import closed_to, faint_columns, outweighs, without_columns
from ._smoothing import affordable
from ._stage import Best
from ._warn import warn

# Largest work of one Levenberg-Marquardt iteration, in multiply-adds.
_LM_WORK = 3e9
# Up to this work it is cheap, and where there are more parameters a target it is not worth its price.
_CHEAP_WORK = 1e8
_PARAMETERS_A_TARGET = 3
# A few of its iterations, and what they leave of the loss of exact data, on the rows learnt from and on others.
_FEW, _LEFT_OF_EXACT, _LEFT_ELSEWHERE = 12, 0.2, 0.3
# Largest work (rows x weights touched) of one full gradient for L-BFGS.
_LBFGS_WORK = 1e8
# Rounds of pruning by what edges are worth to the loss, at most, and the part of the edges that may go in one.
_ELIMINATIONS, _AT_ONCE = 8, 0.25
# Grids up to this size are trained on any number of rows, finer ones on this many rows an interval.
_ANY_ROWS = 5
_ROWS_AN_INTERVAL = 2
# Least and most intervals of grid_size='auto', and the rows that make one, in all and for every column at least.
_AUTO_GRIDS, _ROWS_OF_AUTO, _ROWS_A_COLUMN = (5, 10), 100, 3.5
# Least degrees of freedom that are left for the noise, in parts of the rows.
_LEAST_FREEDOM = 0.3
# Part of the constant model's loss below which no iterations are missed: six digits of the targets are met.
_EXACT = 1e-12
# Fourth moment of normal noise, in units of its variance, and of noise with heavy tails in units of that.
_NORMAL_TAILS, _HEAVY_TAILS = 3.0, 4.0
_TINY = np.finfo(np.float64).tiny


def choose_solver(n_rows, n_outputs, network, n_parameters):
    """LM for small problems, then L-BFGS, then Adam for large data; the parameters are those on the finest grid."""
    if lm_work(n_rows * n_outputs, n_parameters) <= _LM_WORK:
        return "lm"
    touched = sum(layer.n_in * (layer.degree + 2) * layer.n_out for layer in network.layers)
    return "lbfgs" if n_rows * touched <= _LBFGS_WORK else "adam"


class Trainer(Members):
    """Trains one network, or a committee, on one grid after the other, and prunes it."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.trying = False  # L-BFGS, whether the data is exact enough for Levenberg-Marquardt
        self.stage_scores = []
        self.n_trained = 0
        self.stopped = False  # by an interrupt or a callback
        self.screened = False  # whether columns that may be noise were looked for
        self.seek_late = self.late = None
        self.safe = self.contradicted = False  # whether noise that the residuals hide was looked for, and found

    def learn_from(self, other):
        """What a trainer on fewer columns has found out about the data; of ridges nothing, if it has learnt nothing."""
        self.ridges = None if other._explains_little() else other.ridges
        self.safe, self.excess, self.contradicted = other.safe, other.excess, other.contradicted

    # --- the whole course ---------------------------------------------------------------------------------------

    def run(self, grid_sizes, make_network, n_members=1, seek_late=None, make_additive=None):
        """Train from the coarsest to the finest grid, prune and train on.

        Parameters
        ----------
        grid_sizes : sequence of int
        make_network : callable or Network
            rng -> Network on the coarsest grid, or the network to go on with.
        n_members : int, default=1
            Networks that are trained and end side by side as one; of exact data one alone.
        seek_late : callable, default=None
            network -> what its residuals show of the columns, a bool ndarray. Where that of the first network on the
            coarsest grid is true anywhere, training ends and it is in `late`.
        make_additive : callable, default=None
            rng -> network without hidden layers that may become a member, where there is one grid.
        """
        self.n_members, self.seek_late = n_members, seek_late
        try:
            self._stages(grid_sizes, make_network, make_additive)
        except KeyboardInterrupt:
            if self.network is None:
                raise
            warn(INTERRUPTED)
            self.stopped = True
            self._undo_trial()
            self._keep_finished()
            self.value = None
        self._restore_best()
        if self.value is None:
            self.value = self._final_value()

    def _keep_finished(self):
        """Of several members those that had a stage, else the network as it is, or another one that has less loss."""
        several, self.members = len(self.members) > 1, self.members[: self.n_trained]
        if several and self.members:
            self.unite()
        else:
            found = [self._remember(Start()), *self.reached]
            self.members = [min(found, key=lambda start: self._loss_value(start.network))]
            self._go_on_from(self.members[0])

    def _stages(self, grid_sizes, make_network, make_additive):
        self.network = make_network(self.rng) if callable(make_network) else make_network.copy()
        self._warn_of_parameters(grid_sizes[-1], self.network.n_parameters_on(grid_sizes[-1]))
        if self.settings.solver == "auto":
            self._choose_solver(self.network.n_parameters_on(grid_sizes[0]))
        if self.solver != "lm" and not affordable(self.network, len(self.rows.X)):
            self.adaptive = []
        make_anew = make_network if callable(make_network) else None
        if make_anew is not None:
            self.members = self._compete(make_anew)
        else:
            self._find_strengths(self.network)
            self.members = [self._remember(Start())]
        self.refining = len(grid_sizes) > 1
        for grid_size in grid_sizes:
            if grid_size > grid_sizes[0]:
                make_anew = self._next_grid(grid_size, make_network)
            self.stopped = self._members_stage(grid_size, make_anew)
            if self.stopped or self.late is not None or self._turned_up():
                break
        self.refining = False
        if grid_size == grid_sizes[-1]:
            self.finished = all(member.finished for member in self.members)
            self._warn_of_iterations()
        if make_additive is not None and not self.stopped and self.late is None:
            self.admit_additive(make_additive)
        self.unite()
        if self.settings.prune_threshold > 0.0:
            self._prune()

    def _members_stage(self, grid_size, make_network):
        """One grid stage of every member; whether training ends with it.

        Where one comes close 'lm' takes over, perhaps with new starts while there is `make_network`, and that member
        stays alone, unless that has less evidence. Where the first one tells columns of noise, all go on without these;
        where it has learnt noise they begin anew, and where there is less than it counts on they go on. If training
        ends with the first stage, members that had none are dropped.
        """
        scores, many = [], len(self.members) > 1
        for k, member in enumerate(self.members):
            self._go_on_from(member)
            self._restore_best()
            self.network = self._refined(grid_size)
            name = f"grid {grid_size}" + (f", network {k + 1}" if many else "")
            stop = self._stage(name)
            short = k == 0 and not stop and self._lacks_columns()
            close = self.trying and self._is_close() and not (stop or short)
            if close and self._has_learnt_noise(make_network):
                return self._members_stage(grid_size, make_network)
            if close:
                close = self.trying = self._exactness_pays(make_network)
            if close:
                stop, close = self._exact_stage(f"{name}, lm", make_network)
                scores, self.members = ([], [member]) if close else (scores, self.members)
            self._remember(member)
            scores.append(self._stage_score())
            self.n_trained = max(self.n_trained, k + 1)
            if stop or close or short:
                break
            fewer = None if self.screened or make_network is None else self._screen(make_network)
            if fewer is not None:
                return self._members_stage(grid_size, fewer)
            if self._has_learnt_noise(make_network):
                return self._members_stage(grid_size, make_network)
        self.members = self.members[: self.n_trained]
        self.stage_scores.append(float(np.mean(scores)))
        return stop

    def _has_learnt_noise(self, make_network):
        """Whether more or less noise is to be counted on than it seems; where there is more all begin anew."""
        if self.safe or make_network is None:
            return False
        self._find_excess(make_network)
        if self.excess > 1.0:
            self._begin_anew(make_network, self.ridges)
        return self.excess != 1.0

    def _lacks_columns(self):
        """Whether the residuals show columns that were left out, or names; asked once."""
        if self.seek_late is not None:
            late, self.seek_late = self.seek_late(self.network), None
            self.late = late if late.any() else None
        return self.late is not None

    def _may_hide_noise(self, tails):
        """Whether the first member is flexible enough to have learnt noise, and rows held out would tell."""
        if not self._by_evidence() or self.loss.known_dispersion:
            return False
        flexible = FLEXIBLE * self.n_cases * self.rows.y.shape[1]
        return self.evidence.edof >= flexible / tails

    def _tails(self):
        """Fourth moment of the residuals in units of that of normal noise, where it is much larger; else, of labels, 1.

        So much less do they tell: where tails are heavy a few of them make most of a variance.
        """
        if self.loss.known_dispersion:
            return 1.0
        rows = self.rows
        squares = self.loss.gradient(rows.y, self.network.raw_predict(rows.X)) ** 2
        share = rows.weight[:, None] / rows.weight.sum()
        fourth = (share * squares**2).sum(axis=0) / np.maximum((share * squares).sum(axis=0) ** 2, _TINY)
        tails = float(fourth.max()) / _NORMAL_TAILS
        return tails if tails > _HEAVY_TAILS else 1.0

    def _may_be_exact(self):
        """Whether the first member meets labels almost exactly, and rows held out would tell of less noise."""
        settings = self.settings
        given = self.even or "auto" not in (settings.alpha, settings.smoothing)
        return not given and self.meets_labels(self.network)

    def meets_labels(self, network):
        """Whether a network meets labels almost exactly, and they are enough to say so."""
        if not self.loss.known_dispersion or len(self.rows.X) < ENOUGH_LABELS:
            return False
        return self._loss_value(network) < NEARLY_EXACT * self.null_loss

    def _find_excess(self, make_network):
        """How much more or less noise than it seems is to be counted on; asked once."""
        self.safe = True
        if self.reason or self.solver != "lbfgs" or not self._may_hold_out() or self.network.n_parameters == 0:
            return
        if not isinstance(self.settings.hidden_layer_sizes, str):
            return
        exact, tails = self._may_be_exact(), self._tails()
        if not (exact or self._may_hide_noise(tails)):
            return
        self.progress.begin_stage("rows held out", self.settings.max_iter)
        some, out, start = self._apart(make_network, MOST_LABELS if exact else np.inf)
        max_iter = self.settings.max_iter

        def held_out(excess):
            self.contradicted = excess > 1.0  # nothing is asked once more else
            return self.on_other_rows(start, some).meet(out, excess, max_iter)

        if exact:
            found = cold_excess(partial(self.on_other_rows(start, some).meet, out, max_iter=max_iter), out.weight)
        else:
            found = safe_excess(held_out, out.weight, CONTRADICTION if tails == 1.0 else ANY_CONTRADICTION)
        if not self.progress.end_stage(self.network):
            self.excess = found

    def _exactness_pays(self, make_network):
        """Whether the data is as exact as it seems; asked where 'lm' may well learn noise by heart.

        That is where rows held out contradict the residuals: it has to meet these better; or where rows are few for the
        parameters of all members: a few of its iterations bring down the loss of exact data, on rows held out too.
        """
        few = self.n_members * self.network.n_parameters > _PARAMETERS_A_TARGET * self.rows.y.size
        if not (few or self.contradicted):
            return True
        if make_network is None or not self._may_hold_out():
            return not few
        self.progress.begin_stage("rows held out, lm", self.settings.max_iter)
        n_iter, most = (_FEW, _LEFT_ELSEWHERE) if few else (self.settings.max_iter, 1.0)
        pays = not few or self._left_here(n_iter) < _LEFT_OF_EXACT
        if pays:
            some, out, start = self._apart(make_network)
            other = self.on_other_rows(start, some)
            other.meet(out, 1.0, self.settings.max_iter)
            pays = other.left_by_lm(out, n_iter) < most
        stop = self.progress.end_stage(self.network)
        return pays and not stop

    def _left_here(self, n_iter):
        """What `left_by_lm` says of the rows learnt from; the network stays as it is."""
        before = replace(self._remember(Start()), network=self.network.copy())
        try:
            return self.left_by_lm(self.rows, n_iter)
        finally:
            self._go_on_from(before)
            self.solver, self.value = "lbfgs", None

    def _screen(self, make_network):
        """Members go on without the columns that explain no more than noise, where the first one has such.

        Measured for L-BFGS; a validation score sees none of it.

        Returns
        -------
        make_network : callable or None
            rng -> Network without them; None where all columns stay.
        """
        self.screened = True
        if self.reason or self.solver != "lbfgs" or not self._by_evidence() or self.validation is not None:
            return None
        whole = self.measured(self.network)
        faint = faint_columns(whole)
        if not faint.any():
            return None
        self.progress.begin_stage("fewer columns", min(TRIAL, self.settings.max_iter))
        better = self._better_without(faint, whole)
        if self.progress.end_stage(self.network) or better is None:
            return None

        def fewer(rng):
            return closed_to(make_network(rng), faint)

        others = [self._without(faint, member) for member in self.members[1:]]
        self.members = [better, *others]
        if self.n_members > 1:
            self.n_members = committee_size(len(faint) - faint.sum(), self.rows.y.shape[1])
        for _ in range(len(self.members), self.n_members):
            self.members.append(Start(fewer(self.rng), ridge=better.ridge, smoothness=better.smoothness))
        return fewer

    def _without(self, columns, member):
        """A member without some columns."""
        return replace(member, network=without_columns(self.measured(member.network), columns))

    def _better_without(self, faint, whole):
        """The first member, measured whole, trained on without these columns; None unless it does better so.

        Better than it did with them, and than it would if it went on as long; by the evidence, and as that is not to be
        trusted where there is next to no noise, by generalised cross-validation where the noise has a free scale.
        """
        n_iter, n_targets = min(TRIAL, self.settings.max_iter), self.n_cases * self.rows.y.shape[1]
        member = self.members[0]

        def trained_on(network):
            self.network, _ = self._solve(network, n_iter, record=False)
            other = self._remember(Start())
            self._go_on_from(member)
            return other

        without = trained_on(without_columns(whole, faint))

        def gains(other):
            errors = [one.evidence.cross_validated(n_targets) for one in (without, other)]
            no_worse = self.loss.known_dispersion or errors[0] <= errors[1]
            return no_worse and outweighs(faint, (other.criterion - without.criterion) * n_targets)

        return without if gains(member) and gains(trained_on(member.network.copy())) else None

    def _begin_anew(self, make_network, ridges=None):
        """New starts in place of the members, with ridges if these are known."""
        self.ridges = ridges
        self.reached += self.members[: self.n_trained]
        try:
            self._go_on_from(Start(make_network(self.rng)))
            self.members, self.n_trained = self._compete(make_network), 0
        except KeyboardInterrupt:
            self._go_on_from(self.members[0])
            raise

    def _next_grid(self, grid_size, make_network):
        """Choose the solver for a finer grid, and begin anew on it where the coarser one explained next to nothing.

        With a validation score the members stay: theirs may be the best one.

        Returns
        -------
        make_network : callable or None
            rng -> Network on this grid; None where the members go on.
        """
        anew = callable(make_network) and self.validation is None and self._explains_little()
        if self.settings.solver == "auto":
            self._choose_solver(self.network.n_parameters_on(grid_size))
        if not anew:
            return None

        def finer(rng):
            return refine(make_network(rng), grid_size)

        self._begin_anew(finer)
        return finer

    def _explains_little(self):
        """Whether next to nothing is explained: what a grid is too coarse for counts as noise on it."""
        least = min(self._loss_value(member.network) for member in self.members)
        return least > (1.0 - LITTLE) * self.null_loss > 0.0

    def _refined(self, grid_size):
        """The network on a stage's grid; finer knots begin where the activations are, as later moves cost more."""
        network = refine(self.network, grid_size)
        if self.solver == "lm" and self._is_close():
            network = with_overhang(network)
        if grid_size == self.network.layers[0].grid_size:
            return network
        return follow_activations(network, *self.sample, self.settings.knots)

    def _choose_solver(self, n_parameters):
        """The one that fits the size of a stage; where that is Levenberg-Marquardt, but dear, L-BFGS tries first.

        It is much faster then, and no worse where there is noise; a network that is close already goes on with 'lm'.
        """
        self.solver, self.trying = (
            choose_solver(len(self.rows.X), self.rows.y.shape[1], self.network, n_parameters),
            False,
        )
        dear = self.n_members > 1 or lm_work(self.rows.y.size, n_parameters) > _CHEAP_WORK
        if self.solver == "lm" and self.reg_lambda == 0.0 and dear and not (self.n_members == 1 and self._is_close()):
            exact = n_parameters <= _PARAMETERS_A_TARGET * self.rows.y.size and not self.loss.known_dispersion
            self.solver, self.trying = "lbfgs", exact

    def _exact_stage(self, name, make_network):
        """A stage in which 'lm' takes over; back to what was before if that has more evidence.

        A sharp function of few rows may be met by another one that is not smooth.

        Returns
        -------
        stop : bool
            Whether training ends with it.
        taken : bool
        """
        before, n_members = replace(self._remember(Start()), network=self.network.copy()), self.n_members
        self._take_over(make_network)
        stop = self._stage(name)
        taken = stop or not self._by_evidence() or self.criterion < before.criterion
        if not taken:
            self._go_on_from(before)
            self.solver, self.n_members, self.value = "lbfgs", n_members, None
        return stop, taken

    def _take_over(self, make_network):
        """Let Levenberg-Marquardt begin, with new starts where many are cheap, else from the network as it is.

        Few new starts may end where what they have not learnt yet counts as noise.
        """
        self.solver, self.trying, self.n_members = "lm", False, 1
        if make_network is not None and self._n_starts() > FEWEST_STARTS:
            self.network, self.strengths = make_network(self.rng), None
            best = self.best
            self._go_on_from(self._compete(make_network)[0])
            self.best = best
        self.network = with_overhang(self.network)

    def _warn_of_parameters(self, grid_size, n_parameters):
        """A fine grid that was asked for, with more parameters than numbers to learn from, is no silent matter."""
        n_targets = self.rows.y.size
        given = not isinstance(self.settings.grid_size, str)
        if given and self.validation is None and grid_size > _ANY_ROWS and n_parameters > n_targets:
            warn(
                f"grid_size={grid_size} gives {n_parameters} parameters for {n_targets} training targets: only the "
                "penalties hold them. Lower grid_size, or set early_stopping=True to end at the best grid.",
            )

    def _stage_score(self):
        if self.validation is None:
            return -self._loss_value(self.network)
        return max(self.validation_scores[self.stage_start :], default=self.best.score)

    def _turned_up(self):
        """Whether the validation score of this grid is no better than the one before."""
        *before, score = self.stage_scores
        return self.validation is not None and bool(before) and score <= max(before)

    def keep_loss(self, start, rows):
        """Back to the network that training began with, on the present grid, if its loss on these rows was lower.

        It is taken both with even intervals and with nested ones, which keep it exactly.
        """
        grid_size = self.network.layers[0].grid_size
        begun = [refine(start, grid_size, nested=nested) for nested in (False, True)]
        losses = [self._mean_loss(network, rows) for network in begun]
        best = int(np.argmin(losses))
        if losses[best] < self._mean_loss(self.network, rows):
            self.network = begun[best]
            self._find_strengths(self.network)
            self.value = self._final_value()

    def _warn_of_iterations(self):
        """Tell that the last stage ended too early."""
        if not self.finished and self.share_of(self.network) > _EXACT:
            warn(
                f"{self.solver} did not converge in max_iter={self.settings.max_iter} iterations. "
                "Increase max_iter or tol.",
                ConvergenceWarning,
            )

    # --- pruning ------------------------------------------------------------------------------------------------

    def _prune(self):
        """Remove weak edges, then those that others make up for, and train on; nothing is left of noise."""
        self.reached = []  # all of it is larger
        whole = self._best_measured()
        pruned = prune(whole, self.settings.prune_threshold)
        trained = self.reg_lambda == 0.0 and pruned.n_parameters == whole.n_parameters
        self.reg_lambda, self.even = 0.0, False
        if self.settings.solver == "auto" and self.solver == "lm" and not self._is_noise():
            self._choose_solver(pruned.n_parameters)  # the sparsity penalty had asked for 'lm', which tells noise
        stop = not trained and self._train_pruned(pruned)
        if not stop and self.network.n_parameters > 0 and not self._is_noise():
            self._eliminate()
        reason = "removed every edge"
        if self.network.n_parameters > 0:
            self._warn_of_iterations()
            if not self._is_noise():
                return
            reason = "left a network that explains no more than it would of noise"
        self.network, self.value, self.best = prune(whole, np.inf), None, Best()
        warn(
            f"prune_threshold={self.settings.prune_threshold} {reason}: the model is constant. "
            "Lower prune_threshold or reg_lambda.",
        )

    def _eliminate(self):
        """Remove edges that are worth a small part of the loss each and train on; fewer if many cost too much."""
        most = self._mean_loss(self._best_measured(), self.rows)
        least, part, needed = self.settings.prune_threshold * most / self._freedom(), _AT_ONCE, set()
        for _ in range(_ELIMINATIONS):
            before = self._remember(Start())
            gone, theta = needless_edges(self._objective(self.network), 2.0 * least, part, needed)
            if not gone:
                break
            stop = self._train_pruned(self._lesser(gone, theta))
            allowed = most + len(gone) * least
            if self._mean_loss(self._best_measured(), self.rows) <= allowed:
                most, part, needed = allowed, min(2.0 * part, _AT_ONCE), set()
            else:
                self._go_on_from(before)
                part /= 4.0
                if len(gone) == 1:
                    needed.update(gone)
            if stop:
                break

    def _lesser(self, gone, theta):
        """The network without some edges: with its parameters at theta, which make up for them, if that does better."""
        other = self.network.copy()
        other.theta = theta
        both = [without_edges(one, gone) for one in (self.network, self.measured(other))]
        return min(both, key=self._loss_value)

    def _freedom(self):
        """Part of the targets that the last degrees of freedom known leave to the noise."""
        used = 0.0 if self.evidence is None else self.evidence.edof / (self.n_cases * self.rows.y.shape[1])
        return max(1.0 - used, _LEAST_FREEDOM)

    def _best_measured(self):
        """The best network so far, with its moments."""
        self._restore_best()
        self.measure()
        return self.network

    def _train_pruned(self, network):
        """Go on with a smaller network; whether training ends with it."""
        self.network, self.value, self.best = network, None, Best()
        if network.n_parameters == 0:
            return False
        self._find_strengths(network)
        stop = self._stage("pruned")
        if self.trying and self._is_close() and not stop:
            self._take_over(None)
            stop = self._stage("pruned, lm")
        return stop

    def _is_noise(self):
        """Whether the network explains no more than its degrees of freedom do of noise (generalised cross-validation).

        Known for 'lm' only, on whose problems the degrees of freedom are quickly found.
        """
        if self.solver != "lm" or self.validation is not None or self.loss.known_dispersion:
            return False
        used = FREEDOM_COST * self.degrees_of_freedom() / self.rows.y.size
        freedom = max(1.0 - used, _LEAST_FREEDOM)
        return self._mean_loss(self.network, self.rows) / self.null_loss >= freedom**2


def most_stages(settings, n_grids, *, warm, rounds):
    """Upper limit of the stages of a fit, of starts, members and grids, in so many rounds."""
    starts, takes_over = settings.n_init != 1, 2 * (settings.solver == "auto")
    most, trials = 1, 0
    if not warm:
        of_table = isinstance(settings.hidden_layer_sizes, str)
        most = committee_size(1, 1) if of_table else 1
        trials = (1 + of_table) * (2 + starts) + 3 * of_table  # of columns, of noise, exactness, of additive models
        trials *= settings.solver in ("auto", "lbfgs")
    pruning = (2 + _ELIMINATIONS) * (settings.prune_threshold > 0)
    return rounds * ((most + starts) * n_grids + pruning + takes_over + trials)


def grid_stages(grid_sizes, n_rows, n_columns, fitted):
    """The grid sizes of a fit: None stands for one that suits the table, and too fine ones are cut with a warning.

    The grid that a model has already, `fitted`, passes.
    """
    if grid_sizes is None:
        fitting = int(n_rows / max(_ROWS_OF_AUTO, _ROWS_A_COLUMN * n_columns))
        return [max(min(max(fitting, _AUTO_GRIDS[0]), _AUTO_GRIDS[1]), fitted)]
    most = max(n_rows // _ROWS_AN_INTERVAL, _ANY_ROWS, fitted)
    if grid_sizes[-1] <= most:
        return grid_sizes
    warn(
        f"grid_size={grid_sizes[-1]} is finer than {n_rows} training rows can carry and was cut to {most}. "
        "Lower grid_size or give more rows.",
    )
    return [*(grid_size for grid_size in grid_sizes if grid_size < most), most]
