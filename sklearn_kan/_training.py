"""Training from coarse to fine: starts compete, grids are refined, hidden knots follow, pruned networks go on."""

import warnings
from dataclasses import dataclass, field, fields, replace
from itertools import cycle

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ._committee import committee_size, side_by_side
from ._elimination import needless_edges
from ._grid import any_drift, follow_activations, range_sample, refine, with_overhang
from ._network import Network
from ._objective import Objective, Strengths
from ._posterior import Mixture, laplace
from ._pruning import prune, without_edges
from ._screening import closed_to, faint_columns, outweighs, without_columns
from ._smoothing import Evidence, affordable, first_strengths, update
from ._solvers import adam, adam_epoch, adam_start, lbfgs, levenberg_marquardt

# Largest work of one Levenberg-Marquardt iteration, in multiply-adds.
_LM_WORK = 3e9
# Up to this work it is cheap, and where there are more parameters a target it is not worth its price.
_CHEAP_WORK = 1e8
_PARAMETERS_A_TARGET = 3
# Largest work (rows x weights touched) of one full gradient for L-BFGS.
_LBFGS_WORK = 1e8
# Starts compete in rounds: iterations of each start so far, and the part of the starts that goes on. Strengths that
# L-BFGS finds need some iterations to tell starts apart.
_ROUNDS = ((5, 4), (10, 2), (20, 2))
_LBFGS_ROUNDS = ((10, 1), (20, 2))
# Work of one iteration of all of them, and how many there are at least and at most.
_STARTS_WORK = 2.5e9
_FEWEST_STARTS, _MOST_STARTS = 2, 16
_LBFGS_STARTS = 4
# Part of the constant model's loss below which exactness pays: Levenberg-Marquardt takes over from L-BFGS.
_CLOSE = 1e-2
# Where less than this part of it is explained the next grid begins anew.
_LITTLE = 0.05
# A move of the knots may raise the objective by this factor; 'lm' recovers in a step or two.
_WORST_MOVE = {"lm": 10.0, "lbfgs": 2.0, "adam": 2.0}
# Iterations without progress after which knots stay: the penalties may pull the activations back as fast as the knots
# follow.
_VAIN = {"lm": 10, "lbfgs": np.inf, "adam": np.inf}
# Hidden knots, and for 'lm' the strengths where there is noise, follow in the first part of a stage's iterations; the
# rest settles, until the objective falls by less than this part of `tol`.
_FOLLOWING, _SETTLED = 0.8, 0.1
# Iterations between two looks at the activations; a look costs a forward pass.
_LOOK_EVERY = {"lm": 1, "lbfgs": 10, "adam": 1}
_FIRST_DAMPING = 1e-2
# Iterations of the first round between two updates of the strengths, the growth of the rounds, and the iterations
# without a rise of the evidence by `tol` that end a stage.
_ROUND = {"lm": 2, "lbfgs": 40, "adam": 10}
_ROUNDS_OF_A_STAGE = 3  # at least
_ROUND_GROWTH = {"lm": 1, "lbfgs": 1, "adam": 2}
_STALLED = {"lm": 15, "lbfgs": 30, "adam": np.inf}
# Noise that falls by this factor is progress as well: on the way to an exact fit the evidence falls before it rises.
_LESS_NOISE = 0.5
# Strengths beside a sparsity penalty do not fall below this part of the first ones.
_LEAST_SHARE = 1e-20
# Strengths of a network that has not been trained, for all of the loss. L-BFGS, whose strengths follow less often,
# begins with more ridge, and with a smoothness that counts as much as so many rows: starts differ in that.
_FIRST, _FIRST_RIDGE, _FIRST_SMOOTHNESS = 1e-3, 1e-2, (1.0, 0.1, 10.0, 0.01)
# Iterations of the first network without the columns that may be noise.
_TRIAL = 50
# Updates of the strengths of a network that is trained already.
_FINDING = 10
# Rounds of pruning by what edges are worth to the loss, at most, and the part of the edges that may go in one.
_ELIMINATIONS, _AT_ONCE = 8, 0.25
# Ties the polynomials of neighbouring intervals: those without data obey, the others do not feel it.
_CONTINUITY = 3e-9
# Grids up to this size are trained on any number of rows, finer ones on this many rows an interval.
_ANY_ROWS = 5
_ROWS_AN_INTERVAL = 2
# Least and most intervals of grid_size='auto', and the rows that make one.
_AUTO_GRIDS, _ROWS_OF_AUTO = (5, 10), 100
# Rows that tell moments, losses that are not minimised, strengths and noise.
_ENOUGH_ROWS = 50_000
# What a degree of freedom counts in generalised cross-validation, which is else fooled by noise (Kim & Gu 2004).
_FREEDOM_COST = 1.4
# Least degrees of freedom that are left for the noise, in parts of the rows.
_LEAST_FREEDOM = 0.3


@dataclass(frozen=True)
class Rows:
    """Rows as the network sees them."""

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray


@dataclass
class Best:
    """The model with the best validation score so far."""

    score: float = -np.inf
    network: object = None
    theta: object = None
    since: int = 0


@dataclass
class Start:
    """One of the competing starts, and the state of the training that goes on from it."""

    network: object = None
    criterion: float = np.inf
    damping: float = _FIRST_DAMPING
    strengths: Strengths | None = None
    evidence: Evidence | None = None
    share: float = 1.0
    smoothness: float = _FIRST_SMOOTHNESS[0]
    best: Best = field(default_factory=Best)
    finished: bool = False


_STATE = [part.name for part in fields(Start)]


def _lm_work(n_targets, n_parameters):
    """Multiply-adds of one Levenberg-Marquardt iteration: Gauss-Newton matrix and its factorisation."""
    return n_targets * n_parameters**2 + n_parameters**3


def n_starts(n_init, solver, n_targets, n_parameters, n_members=1):
    """Competing starts; 'auto' takes more where they are cheap: small, narrow networks stick in local minima."""
    if n_init != "auto":
        return n_init * n_members
    least = _FEWEST_STARTS * n_members
    if solver != "lm":
        return max(_LBFGS_STARTS, least) if solver == "lbfgs" else least
    cheap = int(_STARTS_WORK / max(1, _lm_work(n_targets, n_parameters)))
    return min(max(cheap, least), _MOST_STARTS)


def choose_solver(n_rows, n_outputs, network, n_parameters):
    """LM for small problems, then L-BFGS, then Adam for large data; the parameters are those on the finest grid."""
    if _lm_work(n_rows * n_outputs, n_parameters) <= _LM_WORK:
        return "lm"
    touched = sum(layer.n_in * (layer.degree + 2) * layer.n_out for layer in network.layers)
    return "lbfgs" if n_rows * touched <= _LBFGS_WORK else "adam"


class Trainer:
    """Trains one network.

    Parameters
    ----------
    settings : estimator
        Its constructor parameters.
    loss : object of `_losses`
    rows : Rows
    validation : Rows or None
    rng : RandomState
    progress : Progress

    Attributes
    ----------
    network : Network
        The last good model at any time: what an interrupted fit keeps.
    loss_curve : list of float
        Objective after each iteration.
    validation_scores : list of float
        Minus the loss on the validation rows after each iteration.
    """

    def __init__(self, settings, loss, rows, validation, rng, progress):
        self.settings = settings
        self.loss = loss
        self.rows = rows
        self.validation = validation
        self.rng = rng
        self.progress = progress
        self.network = None
        self.solver = settings.solver
        self.trying = False  # L-BFGS, whether the data is exact enough for Levenberg-Marquardt
        self.damping, self.criterion, self.finished = _FIRST_DAMPING, np.inf, False
        self.loss_curve = []
        self.validation_scores = []
        self.best = Best()
        self.reason = None
        self.reg_lambda = settings.reg_lambda
        self.value = None
        self.even = settings.reg_lambda > 0.0  # strengths, in proportion to the share of the loss that is left
        self.strengths, self.share, self.smoothness = None, 1.0, _FIRST_SMOOTHNESS[0]
        self.evidence = None  # of the last update of the strengths
        self.adaptive = [name for name in ("alpha", "smoothing") if getattr(settings, name) == "auto"]
        self.n_cases = max(float(rows.weight.sum()), len(rows.X))
        self.stage_scores = []
        self.before = None  # the last objective
        self.sample = range_sample(rows.X, rows.weight)
        self.n_members, self.members, self.n_trained = 1, [], 0
        self.screened = False  # whether columns that may be noise were looked for

    # --- the whole course ---------------------------------------------------------------------------------------

    def run(self, grid_sizes, make_network, n_members=1):
        """Train from the coarsest to the finest grid, prune and train on.

        Parameters
        ----------
        grid_sizes : sequence of int
        make_network : callable or Network
            rng -> Network on the coarsest grid, or the network to go on with.
        n_members : int, default=1
            Networks that are trained and end side by side as one; of exact data one alone.
        """
        self.n_members = n_members
        try:
            self._stages(grid_sizes, make_network)
        except KeyboardInterrupt:
            if self.network is None:
                raise
            warnings.warn("Training was interrupted; the last good model is kept.", stacklevel=4)
            self._keep_finished()
            self.value = None
        self._restore_best()
        if self.value is None:
            self.value = self._final_value()

    def _final_value(self):
        """The objective at the network."""
        return float(self._objective(self.network).thinned(_ENOUGH_ROWS).value(self.network.theta))

    def _keep_finished(self):
        """Of several members those that had a stage, else the network as it is."""
        several, self.members = len(self.members) > 1, self.members[: self.n_trained]
        if several and self.members:
            self._unite()
        else:
            self.members = [self._remember(Start())]

    def _restore_best(self):
        """Go back to the model with the best validation score."""
        if self.best.network is not None:
            self.network, self.network.theta = self.best.network, self.best.theta
            self.value = None

    def _stages(self, grid_sizes, make_network):
        self.network = make_network(self.rng) if callable(make_network) else make_network.copy()
        self.null_loss = self._null_loss(self.network.offset)
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
        for grid_size in grid_sizes:
            if grid_size > grid_sizes[0]:
                make_anew = self._next_grid(grid_size, make_network)
            stop = self._members_stage(grid_size, make_anew)
            if stop or self._turned_up():
                break
        if grid_size == grid_sizes[-1]:
            self.finished = all(member.finished for member in self.members)
            self._warn_of_iterations()
        self._unite()
        if self.settings.prune_threshold > 0.0:
            self._prune()

    def _members_stage(self, grid_size, make_network):
        """One grid stage of every member; whether training ends with it.

        Where one comes close 'lm' takes over, perhaps with new starts while there is `make_network`, and that member
        stays alone. Where the first one tells columns of noise, all begin anew without these. If training ends with the
        first stage, members that had none are dropped.
        """
        scores, many = [], len(self.members) > 1
        for k, member in enumerate(self.members):
            self._go_on_from(member)
            self._restore_best()
            self.network = self._refined(grid_size)
            name = f"grid {grid_size}" + (f", network {k + 1}" if many else "")
            stop = self._stage(name)
            close = self.trying and self._is_close() and not stop
            if close:
                self._take_over(make_network)
                stop = self._stage(f"{name}, lm")
                scores, self.members = [], [member]
            self._remember(member)
            scores.append(self._stage_score())
            self.n_trained = max(self.n_trained, k + 1)
            if stop or close:
                break
            fewer = None if self.screened or make_network is None else self._screen(make_network)
            if fewer is not None:
                return self._members_stage(grid_size, fewer)
        self.members = self.members[: self.n_trained]
        self.stage_scores.append(float(np.mean(scores)))
        return stop

    def _screen(self, make_network):
        """New starts without the columns that explain no more than noise, where the first member has such.

        Measured for L-BFGS; a validation score sees none of it.

        Returns
        -------
        make_network : callable or None
            rng -> Network without them; None where all columns stay.
        """
        self.screened, member = True, self.members[0]
        if self.reason or self.solver != "lbfgs" or not self._by_evidence() or self.validation is not None:
            return None
        whole = self.measured(self.network)
        faint = faint_columns(whole)
        if not faint.any():
            return None
        self.progress.begin_stage("fewer columns", min(_TRIAL, self.settings.max_iter))
        better = self._does_better_without(faint, whole, member)
        if self.progress.end_stage(self.network) or not better:
            return None

        def fewer(rng):
            return closed_to(make_network(rng), faint)

        if self.n_members > 1:
            self.n_members = committee_size(len(faint) - faint.sum())
        self._begin_anew(fewer)
        return fewer

    def _does_better_without(self, faint, whole, member):
        """Whether a member, measured whole, does better without these columns, and would if it went on as long."""
        n_iter, n_targets = min(_TRIAL, self.settings.max_iter), self.n_cases * self.rows.y.shape[1]

        def evidence_of(network):
            self._solve(network, n_iter, record=False)
            evidence = -self.criterion * n_targets
            self._go_on_from(member)
            return evidence

        without = evidence_of(without_columns(whole, faint))
        if not outweighs(faint, without + member.criterion * n_targets):
            return False
        return outweighs(faint, without - evidence_of(member.network.copy()))

    def _begin_anew(self, make_network):
        """New starts in place of the members."""
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
        return least > (1.0 - _LITTLE) * self.null_loss > 0.0

    def _refined(self, grid_size):
        """The network on a stage's grid; finer knots begin where the activations are, as later moves cost more."""
        network = refine(self.network, grid_size)
        if self.solver == "lm" and self._is_close():
            network = with_overhang(network)
        if grid_size == self.network.layers[0].grid_size:
            return network
        return follow_activations(network, *self.sample, self.settings.knots)

    def _unite(self):
        """The members at their best, side by side as one network."""
        for member in self.members:
            self._go_on_from(member)
            self._restore_best()
            self._remember(member)
        if len(self.members) == 1:
            return
        grid_size = max(member.network.layers[0].grid_size for member in self.members)
        for member in self.members:
            member.network = refine(member.network, grid_size)
        first, *others = (member.strengths for member in self.members)
        self.network, self.strengths = side_by_side([member.network for member in self.members]), first.joined(others)
        self.best, self.evidence, self.value = Best(), None, None

    def _choose_solver(self, n_parameters):
        """The one that fits the size of a stage; where that is Levenberg-Marquardt, but dear, L-BFGS tries first.

        It is much faster then, and no worse where there is noise; a network that is close already goes on with 'lm'.
        """
        self.solver, self.trying = (
            choose_solver(len(self.rows.X), self.rows.y.shape[1], self.network, n_parameters),
            False,
        )
        dear = self.n_members > 1 or _lm_work(self.rows.y.size, n_parameters) > _CHEAP_WORK
        if self.solver == "lm" and self.reg_lambda == 0.0 and dear and not (self.n_members == 1 and self._is_close()):
            exact = (
                self.n_members * n_parameters <= _PARAMETERS_A_TARGET * self.rows.y.size
                and not self.loss.known_dispersion
            )
            self.solver, self.trying = "lbfgs", exact

    def _is_close(self):
        """Whether the network comes close to the data."""
        return self._loss_value(self.network) < _CLOSE * self.null_loss

    def _take_over(self, make_network):
        """Let Levenberg-Marquardt begin, with new starts where many are cheap, else from the network as it is.

        Few new starts may end where what they have not learnt yet counts as noise.
        """
        self.solver, self.trying, self.n_members = "lm", False, 1
        if make_network is not None and self._n_starts() > _FEWEST_STARTS:
            self.network, self.strengths = make_network(self.rng), None
            best = self.best
            self._go_on_from(self._compete(make_network)[0])
            self.best = best
        self.network = with_overhang(self.network)

    def _warn_of_parameters(self, grid_size, n_parameters):
        """A fine grid with more parameters than numbers to learn from is no silent matter."""
        n_targets = self.rows.y.size
        if self.validation is None and grid_size > _ANY_ROWS and n_parameters > n_targets:
            warnings.warn(
                f"grid_size={grid_size} gives {n_parameters} parameters for {n_targets} training targets: only the "
                "penalties hold them. Lower grid_size, or set early_stopping=True to end at the best grid.",
                UserWarning,
                stacklevel=6,
            )

    def _stage_score(self):
        if self.validation is None:
            return -self._loss_value(self.network)
        return max(self.validation_scores[self.stage_start :], default=self.best.score)

    def _turned_up(self):
        """Whether the validation score of this grid is no better than the one before."""
        *before, score = self.stage_scores
        return self.validation is not None and bool(before) and score <= max(before)

    def settle(self, network, max_iter):
        """Some iterations from where a network is, with even strengths that suit the loss that is left.

        Returns
        -------
        network : Network
            Another one.
        share : float
            Loss in units of the constant model's.
        """
        self.null_loss, self.damping = self._null_loss(network.offset), _FIRST_DAMPING
        self.even, self.share = True, self._share(self._last_objective(network), network.theta)
        self.strengths = None
        network, _ = self._solve(network.copy(), max_iter, record=False)
        return network, self._loss_value(network) / self.null_loss

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
            self.value = self._final_value()

    def _mean_loss(self, network, rows):
        return float(self._average_loss(network.raw_predict(rows.X), rows))

    def _average_loss(self, raw, rows):
        return np.average(self.loss.value(rows.y, raw).sum(axis=1), weights=rows.weight)

    def _prune(self):
        """Remove weak edges, then those that others make up for, and train on; nothing is left of noise."""
        whole = self._best_measured()
        self.reg_lambda, self.even = 0.0, False
        pruned = prune(whole, self.settings.prune_threshold)
        if self.settings.solver == "auto" and self.solver == "lm" and not self._is_noise():
            self._choose_solver(pruned.n_parameters)  # the sparsity penalty had asked for 'lm', which tells noise
        stop = self._train_pruned(pruned)
        if not stop and self.network.n_parameters > 0 and not self._is_noise():
            self._eliminate()
        reason = "removed every edge"
        if self.network.n_parameters > 0:
            self._warn_of_iterations()
            if not self._is_noise():
                return
            reason = "left a network that explains no more than it would of noise"
        self.network, self.value, self.best = prune(whole, np.inf), None, Best()
        warnings.warn(
            f"prune_threshold={self.settings.prune_threshold} {reason}: the model is constant. "
            "Lower prune_threshold or reg_lambda.",
            UserWarning,
            stacklevel=6,
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

        Known for 'lm' only, on whose problems the degrees of freedom, tr (J'J + P)^-1 J'J, are quickly found.
        """
        if self.solver != "lm" or self.validation is not None or self.loss.known_dispersion:
            return False
        objective = self._objective(self.network)
        free = objective.unsmoothed_equations(self.network.theta)[2]
        penalised = free + objective.quadratic_curvature()
        ridge = np.finfo(np.float64).eps * np.trace(penalised) * np.eye(len(free))
        used = np.trace(np.linalg.solve(penalised + ridge, free))
        freedom = max(1.0 - _FREEDOM_COST * used / self.rows.y.size, _LEAST_FREEDOM)
        return self._mean_loss(self.network, self.rows) / self.null_loss >= freedom**2

    def _n_starts(self):
        n_parameters = self.network.n_parameters
        return n_starts(self.settings.n_init, self.solver, self.rows.y.size, n_parameters, self.n_members)

    def _compete(self, make_network):
        """Rounds of a few iterations of each start; the best ones go on to the next round.

        Returns
        -------
        starts : list of Start
            As many as there are members.
        """
        settings, most = self.settings, self.n_members
        if self.network.n_parameters == 0:
            return [Start(self.network)]
        n_init = self._n_starts()
        starts = [Start(self.network), *(Start(make_network(self.rng)) for _ in range(n_init - 1))]
        if n_init == most:
            return starts
        for start, smoothness in zip(starts, cycle(_FIRST_SMOOTHNESS), strict=False):
            start.smoothness = smoothness
        rounds = _LBFGS_ROUNDS if self.solver == "lbfgs" and self.adaptive else _ROUNDS
        self.progress.begin_stage("starts", min(rounds[-1][0], settings.max_iter))
        done = 0
        for until, part in rounds:
            n_iter = min(until, settings.max_iter) - done
            if n_iter > 0:
                for start in starts:
                    self._advance(start, n_iter)
            done += n_iter
            starts = sorted(starts, key=lambda start: start.criterion)[: max(most, -(-len(starts) // part))]
        for start in starts:
            start.damping = _FIRST_DAMPING
        self.progress.end_stage(starts[0].network)
        return starts[:most]

    def _go_on_from(self, start):
        for name in _STATE:
            setattr(self, name, getattr(start, name))

    def _remember(self, start):
        for name in _STATE:
            setattr(start, name, getattr(self, name))
        return start

    def _advance(self, start, n_iter):
        """Some more iterations of one start."""
        self._go_on_from(start)
        self.network, _ = self._solve(start.network, n_iter, record=False)
        self._remember(start)

    def _stage(self, name):
        """One stage; whether training ends with it."""
        self.progress.begin_stage(name, self.settings.max_iter)
        self.reason = None
        self.best.since, self.stage_start = 0, len(self.validation_scores)
        self.converged = self.network.n_parameters == 0
        if not self.converged:
            self.network, self.value = self._solve(self.network, self.settings.max_iter, record=True)
        if self.reg_lambda > 0.0:  # L1 shrinks the activations: scores count in the gauge
            self.network = follow_activations(self.network, *self.sample, self.settings.knots)
        self.finished = self.converged or self.reason is not None
        return self.progress.end_stage(self.network)

    def _warn_of_iterations(self):
        """Tell that the last stage ended too early."""
        if not self.finished:
            warnings.warn(
                f"{self.solver} did not converge in max_iter={self.settings.max_iter} iterations. "
                "Increase max_iter or tol.",
                ConvergenceWarning,
                stacklevel=6,
            )

    # --- one stage ----------------------------------------------------------------------------------------------

    def _solve(self, network, max_iter, *, record):
        """Minimise on one grid; strengths and hidden knots follow between rounds of the solver.

        Where strengths follow, the network with the most evidence is the result, and evidence that rises no more, while
        the noise falls little, ends it; but for Adam, whose rounds are too few. As 'lm' passes it on the way, a stage
        ends at the minimum that belongs to its strengths, unless it began so close to the data that better strengths
        are worth more.

        Returns
        -------
        network : Network
        value : float
            The objective.
        """
        left, settle = max_iter, round((1.0 - _FOLLOWING) * max_iter)
        self.may_follow = self.follow = True
        self.adam_state = adam_start(network.n_parameters)
        objective, best, goal, since = self._objective(network), None, np.inf, 0
        by_evidence = self._by_evidence()
        n_round, patience = max_iter, np.inf
        if by_evidence:
            n_round = min(_ROUND[self.solver], -(-self.settings.max_iter // _ROUNDS_OF_A_STAGE))
            patience = _STALLED[self.solver]
        n_since, noise = 0, np.inf  # iterations since the strengths were found, least noise that counted
        settles = by_evidence and record and self.solver == "lm" and not self._is_close()
        kept = settle if settles else 0  # iterations with the last strengths
        while True:
            network = objective.network
            callback = self._callback(objective, left - settle, record=record)
            solution = self._minimise(objective, network.theta, min(left - kept, n_round - n_since), callback)
            network.theta = solution.theta
            left -= solution.n_iter
            n_since += solution.n_iter
            self.follow = self.may_follow and left > settle
            drifted, stale = self._drifted(objective), self._stale(objective, solution.theta)
            criterion = solution.value
            if by_evidence and drifted and n_since < n_round and left > kept and not self.reason:
                objective = self._follow(objective, solution.value)
                continue
            if by_evidence:
                criterion = self._adapt(objective, solution.theta)
                n_round *= _ROUND_GROWTH[self.solver]
            elif stale:
                self.share, self.strengths, goal = self._share(objective, solution.theta), None, np.inf
            lower = criterion < goal
            quieter = by_evidence and self.evidence.dispersion < _LESS_NOISE * noise
            since, n_since = 0 if lower or quieter else since + n_since, 0
            if lower:
                goal = criterion - (self.settings.tol if by_evidence else 0.0)
            if quieter:
                noise = self.evidence.dispersion
            if best is None or not by_evidence or criterion < best[0] or self.solver == "adam":
                best = criterion, network, solution, self.evidence
            stalled = since >= patience
            self.converged = stalled or (solution.converged and patience == np.inf)
            if self.reason or left <= kept or stalled or (self.converged and not (drifted or stale)):
                break
            if since >= _VAIN[self.solver]:
                self.may_follow = False
            follow = drifted and self.may_follow
            objective = self._follow(objective, solution.value) if follow else self._objective(network)
        self.criterion, network, solution, self.evidence = best
        network.theta = solution.theta
        if by_evidence:
            self.strengths = self.evidence.strengths
        if kept and not self.reason:
            return self._settled(network, kept)
        return network, solution.value

    def _settled(self, network, max_iter):
        """Some more iterations of a stage, in which strengths and knots stay."""
        objective = self._objective(network)
        callback = self._callback(objective, 0, record=True)
        solution = self._minimise(objective, network.theta, max_iter, callback, _SETTLED * self.settings.tol)
        network.theta = solution.theta
        return network, solution.value

    def _by_evidence(self):
        """Whether strengths maximise the marginal likelihood."""
        return bool(self.adaptive) and not self.even

    def _share(self, objective, theta):
        """Loss in units of the constant model's; 1 where the noise has no free scale."""
        if self.loss.known_dispersion:
            return 1.0
        return max(objective.thinned(_ENOUGH_ROWS).loss_value(theta) / self.null_loss, _LEAST_SHARE)

    def _stale(self, objective, theta):
        """Whether even strengths no longer suit the loss that is left."""
        if not (self.adaptive and self.even):
            return False
        share = self._share(objective, theta)
        return share < 0.5 * self.share or share > 2.0 * self.share

    def _adapt(self, objective, theta):
        """Strengths for the next iterations from where the network is; returns what the evidence is short of."""
        some = objective.thinned(_ENOUGH_ROWS)
        self.evidence = update(some, theta, self.n_cases, self.adaptive, dense=self.solver == "lm")
        self.strengths = self.evidence.strengths
        return -self.evidence.evidence

    def _find_strengths(self, network):
        """Strengths that belong to a network as it is."""
        self.strengths, self.share = None, 1.0
        for _ in range(_FINDING if self.adaptive and network.n_parameters else 0):
            self._adapt(self._objective(network), network.theta)

    def _follow(self, objective, value):
        """The objective with moved knots; where that costs too much of what was reached they stay for this stage."""
        moved = follow_activations(objective.network, *self.sample, self.settings.knots, self._first(objective))
        after = self._objective(moved)
        if after.value(moved.theta) <= _WORST_MOVE[self.solver] * value:
            return after
        self.may_follow = False
        return self._objective(objective.network)

    def _first(self, objective):
        """Layer 0's expansion at the rows that tell where activations are, when it is known."""
        return objective.first if len(self.sample[0]) == objective.n_rows else None

    def _drifted(self, objective):
        return self.follow and any_drift(objective.network, *self.sample, self._first(objective))

    def _callback(self, objective, n_follow, *, record):
        """What happens after each iteration of a solver; true stops it. Knots follow for `n_follow` iterations."""
        n_iter = 0
        every = _LOOK_EVERY[self.solver]

        def callback(theta, value):
            nonlocal n_iter
            n_iter += 1
            network = objective.network
            network.theta = theta
            if record:
                self._record(network, value)
            look = n_iter % every == 0
            self.follow = self.may_follow and n_iter < n_follow
            return bool(self.reason) or (look and (self._stale(objective, theta) or self._drifted(objective)))

        return callback

    def _record(self, network, value):
        self.network = network
        self.loss_curve.append(float(value))
        score = None if self.validation is None else self._validate(network)
        if self.progress.iteration(network, value, score):
            self.reason = "callback"

    def _validate(self, network):
        """Score on the validation rows; the best model is remembered."""
        score = -self._mean_loss(network, self.validation)
        self.validation_scores.append(score)
        if score > self.best.score + self.settings.tol * abs(self.best.score) or self.best.network is None:
            self.best.since = 0
        else:
            self.best.since += 1
        if score > self.best.score:
            self.best.score, self.best.network, self.best.theta = score, network, network.theta
        if self.best.since >= self.settings.n_iter_no_change:
            self.reason = "validation"
        return score

    def _minimise(self, objective, theta, max_iter, callback, tol=None):
        settings = self.settings
        common = {"max_iter": max_iter, "tol": settings.tol if tol is None else tol, "callback": callback}
        if self.solver == "lm":
            solution = levenberg_marquardt(objective, theta, damping=self.damping, **common)
            self.damping = min(solution.damping, _FIRST_DAMPING)
            return solution
        if self.solver == "lbfgs":
            known = self.evidence is not None and self.evidence.fit(objective.network)
            return lbfgs(objective, theta, precondition=self.evidence.precondition if known else None, **common)
        return adam(
            objective,
            theta,
            n_iter_no_change=settings.n_iter_no_change,
            batch_size=batch_size(settings.batch_size, objective.n_rows),
            learning_rate=settings.learning_rate_init,
            rng=self.rng,
            state=self.adam_state,
            **common,
        )

    def one_pass(self, network, state):
        """One epoch of Adam on the knots as they are.

        Returns
        -------
        state : dict
            Of Adam, for the next pass.
        """
        self.network, self.solver = network, "adam"
        self.null_loss = self._null_loss(network.offset)
        state = adam_start(network.n_parameters) if state is None else state
        network.theta, value = adam_epoch(
            self._objective(network),
            network.theta,
            state,
            batch_size=batch_size(self.settings.batch_size, len(self.rows.X)),
            learning_rate=self.settings.learning_rate_init,
            rng=self.rng,
        )
        self.loss_curve.append(value)
        self.value = value
        return state

    def measure(self):
        """Store the moments of every edge over the training rows in the network."""
        self.network = self.measured(self.network)

    def posterior(self, n_rows):
        """Laplace approximation at the network, trained on a table of so many rows."""

        def found_at(network):
            return laplace(self._objective(network).thinned(_ENOUGH_ROWS), n_rows, self.validation)

        if len(self.members) == 1:
            return found_at(self.network)
        united, found = self.strengths, []
        for member in self.members:
            self.strengths = member.strengths
            found.append(found_at(member.network))
        self.strengths = united
        if any(one is None for one in found):
            return None
        networks = [member.network for member in self.members]
        return Mixture.of(found, networks, self.rows if self.validation is None else self.validation)

    def measured(self, network):
        """The network with the moments of every edge over the training rows; evenly spaced ones if there are many."""
        objective = self._last_objective(network).thinned(_ENOUGH_ROWS)
        network = Network(network.layers, network.offset, objective.moments(network.theta))
        network.layers[0].remember_means(network.moments[0])
        return network

    def _last_objective(self, network):
        """An objective of the training rows for what no penalty enters; it may know the answer already."""
        known = self.before is not None and self.before.network is network
        return self.before if known else self._objective(network)

    def _loss_value(self, network):
        return float(self._last_objective(network).thinned(_ENOUGH_ROWS).loss_value(network.theta))

    def _objective(self, network):
        """Function to minimise from this network on."""
        self.strengths = self.strengths_of(network)
        rows, strengths = self.rows, replace(self.strengths, reg_lambda=self.reg_lambda)
        self.before = Objective(network, self.loss, rows.X, rows.y, rows.weight, strengths, before=self.before)
        return self.before

    def strengths_of(self, network):
        """The present strengths, or those to begin with if these belong to a network of another shape."""
        if self.strengths is not None and self.strengths.fit(network):
            return self.strengths
        first = dict.fromkeys(("alpha", "smoothing"), _FIRST * self.share)
        if self.adaptive and not self.even and self.solver == "lbfgs":
            first = {"alpha": _FIRST_RIDGE, "smoothing": min(_FIRST_RIDGE, self.smoothness / self.n_cases)}
        return first_strengths(network, self.settings, _CONTINUITY, first)

    def _null_loss(self, offset):
        """Loss of the constant model."""
        loss = self._average_loss(np.broadcast_to(offset, self.rows.y.shape), self.rows)
        return loss if loss > 0.0 else 1.0


def most_stages(settings, n_grids, n_members, *, warm):
    """Upper limit of the stages of a fit, of starts, members and grids."""
    starts, takes_over = settings.n_init != 1, 2 * (settings.solver == "auto")
    most, screening = n_members, 0
    if not warm and settings.solver in ("auto", "lbfgs"):  # fewer columns may have more members
        most, screening = committee_size(1) if n_members > 1 else 1, 2 + starts
    pruning = (2 + _ELIMINATIONS) * (settings.prune_threshold > 0)
    return (most + starts) * n_grids + pruning + takes_over + screening


def grid_stages(grid_sizes, n_rows, fitted):
    """The grid sizes of a fit: None stands for one that suits the rows, and too fine ones are cut with a warning.

    The grid that a model has already, `fitted`, passes.
    """
    if grid_sizes is None:
        return [max(min(max(n_rows // _ROWS_OF_AUTO, _AUTO_GRIDS[0]), _AUTO_GRIDS[1]), fitted)]
    most = max(n_rows // _ROWS_AN_INTERVAL, _ANY_ROWS, fitted)
    if grid_sizes[-1] <= most:
        return grid_sizes
    warnings.warn(
        f"grid_size={grid_sizes[-1]} is finer than {n_rows} training rows can carry and was cut to {most}. "
        "Lower grid_size or give more rows.",
        UserWarning,
        stacklevel=4,
    )
    return [*(grid_size for grid_size in grid_sizes if grid_size < most), most]


def batch_size(batch_size, n_rows):
    """Rows of a mini-batch; 'auto' is 200, or all rows when there are fewer."""
    return min(200 if batch_size == "auto" else batch_size, n_rows)
