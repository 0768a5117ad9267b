"""Training of one network on one grid: a solver, the strengths of the penalties and the hidden knots take turns."""

from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np

from ._grid import any_drift, follow_activations, range_sample, with_overhang
from ._network import Network
from ._node_curvature import NodeCurvature
from ._objective import Objective
from ._smoothing import Evidence, first_strengths, update
from ._solvers import Solution, adam, adam_epoch, adam_start, lbfgs, levenberg_marquardt
from ._warn import warn

# Part of the constant model's loss below which exactness pays: Levenberg-Marquardt takes over from L-BFGS.
_CLOSE = 1e-2
# A move of the knots may raise the objective by this factor; 'lm' recovers in a step or two.
_WORST_MOVE = {"lm": 10.0, "lbfgs": 2.0, "adam": 2.0}
# Iterations without progress after which knots stay: the penalties may pull the activations back as fast as the knots
# follow.
_VAIN = {"lm": 10, "lbfgs": np.inf, "adam": np.inf}
# Hidden knots, and for 'lm' the strengths where there is noise, follow in the first part of a stage's iterations; the
# rest settles, until the objective falls by less than this part of `tol`.
_FOLLOWING, _SETTLED = 0.8, 0.1
# Iterations between two looks at the activations, which cost a forward pass; for Adam's epochs at most so many, and
# but one where it has seen so many rows.
_LOOK_EVERY = {"lm": 1, "lbfgs": 10, "adam": 5}
_ROWS_A_LOOK = 50_000
FIRST_DAMPING = 1e-2
# Iterations of the first round between two updates of the strengths, the growth of the rounds, and the iterations
# without a rise of the evidence by `tol` that end a stage.
_ROUND = {"lm": 2, "lbfgs": 40, "adam": 10}
_ROUNDS_OF_A_STAGE = 3  # at least
_ROUND_GROWTH = {"lm": 1, "lbfgs": 1, "adam": 2}
_STALLED = {"lm": 15, "lbfgs": 30, "adam": np.inf}
# Round of L-BFGS where noise has no free scale: strengths that seldom follow swing between too little and too much.
_ROUND_OF_KNOWN_NOISE = 10
# Close to the data a rise is a fall of the error in proportion: the rise that counts for 'lm', at least. With one grid
# of several it has to be more in fewer iterations: a refined network gains most in its first steps.
_CLOSE_RISE, _REFINED_RISE, _STALLED_REFINED = 0.05, 0.1, 6
# Rise of the evidence, in `tol`, over the iterations that may make none, above which more of them are worth a warning.
_STILL_RISING = 100.0
# Noise that falls by this factor is progress as well: on the way to an exact fit the evidence falls before it rises.
_LESS_NOISE = 0.5
# Strengths beside a sparsity penalty do not fall below this part of the first ones.
_LEAST_SHARE = 1e-20
# Strengths of a network that has not been trained, for all of the loss. L-BFGS, whose strengths follow less often,
# begins with more ridge, or with much of it, and with a smoothness that counts as much as so many rows: starts differ
# in that. As much as for noise of free scale would hide a weak signal for good where the scale is known.
_FIRST, FIRST_RIDGE, FIRST_SMOOTHNESS = 1e-3, 1e-2, (1.0, 0.1, 10.0, 0.01)
MUCH_RIDGE = {False: (10.0, 3.0), True: (1.0, 0.3)}  # by whether it is known
# Updates of the strengths of a network that is trained already.
_FINDING = 10
# Ties the polynomials of neighbouring intervals: those without data obey, the others do not feel it.
_CONTINUITY = 3e-9
# Rows that tell moments, losses that are not minimised, strengths and noise; for Adam fewer tell the last two.
_ENOUGH_ROWS, _ENOUGH_FOR_ADAM = 50_000, 5_000


@dataclass(frozen=True)
class Rows:
    """Rows as the network sees them."""

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray

    def part(self, columns):
        """The same rows with some of the columns."""
        return self if columns.all() else replace(self, X=np.ascontiguousarray(self.X[:, columns]))


@dataclass
class Best:
    """The model with the best validation score so far."""

    score: float = -np.inf
    network: object = None
    theta: object = None
    since: int = 0


@dataclass
class Plan:
    """Iterations of a stage: rounds, after each of which the strengths follow, and the end, in which they stay."""

    left: int
    settle: int  # the last ones, in which knots stay
    n_round: int
    growth: int = 1
    kept: int = 0  # the last ones, in which strengths stay
    n_since: int = 0  # since the round began

    @property
    def next_iterations(self):
        """How many may follow one another."""
        return min(self.left - self.kept, self.n_round - self.n_since)

    def rate(self, n_done):
        """Factor of Adam's learning rate after some more iterations; it falls over the last ones."""
        return min((self.left - n_done) / (self.settle + 1.0), 1.0)

    @property
    def within_round(self):
        """Whether some of the round's are left."""
        return self.n_since < self.n_round and not self.is_over

    @property
    def is_over(self):
        """Whether all but those kept are done."""
        return self.left <= self.kept

    def note(self, n_iter):
        """Some more were done."""
        self.left -= n_iter
        self.n_since += n_iter

    def end_round(self):
        """Begin the next round; how many the last one took."""
        n_iter, self.n_since = self.n_since, 0
        self.n_round *= self.growth
        return n_iter


@dataclass
class Headway:
    """What rounds of a solver have reached, and for how many iterations they made no headway."""

    margin: float  # by which the criterion has to fall
    patience: float = np.inf  # iterations that may make none
    goal: float = np.inf
    noise: float = np.inf  # the least that counted
    since: int = 0
    n_done: int = 0
    rounds: list = field(default_factory=list)  # iterations done at the end of each, and its criterion

    @property
    def fall(self):
        """By how much the criterion fell over the last `patience` iterations; infinite where there were no more."""
        earlier = [criterion for n_done, criterion in self.rounds if n_done <= self.n_done - self.patience]
        return min(earlier) - min(criterion for _, criterion in self.rounds) if earlier else np.inf

    def note(self, criterion, noise, n_iter):
        """One more round."""
        self.n_done += n_iter
        self.rounds.append((self.n_done, criterion))
        lower, quieter = criterion < self.goal, noise < _LESS_NOISE * self.noise
        self.since = 0 if lower or quieter else self.since + n_iter
        if lower:
            self.goal = criterion - self.margin
        if quieter:
            self.noise = noise


@dataclass(frozen=True)
class Reached:
    """A network at the end of a round, and what it is worth."""

    criterion: float  # the objective, or what the evidence is short of
    noise: float  # infinite where the evidence does not tell it
    network: Network
    solution: Solution
    evidence: Evidence | None


class StageTrainer:
    """Trains one network on one grid.

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
        self.damping, self.criterion, self.finished = FIRST_DAMPING, np.inf, False
        self.loss_curve = []
        self.validation_scores = []
        self.best = Best()
        self.reason = None
        self.reg_lambda = settings.reg_lambda
        self.value = None
        self.refining = False  # whether this is one grid of several
        self.even = settings.reg_lambda > 0.0  # strengths, in proportion to the share of the loss that is left
        self.strengths, self.share = None, 1.0
        self.excess = 1.0  # of the noise that the strengths count on, see `_safe_bayes`
        self.ridge, self.smoothness = FIRST_RIDGE, FIRST_SMOOTHNESS[0]  # of L-BFGS, to begin with
        self.evidence = None  # of the last update of the strengths
        self.adaptive = [name for name in ("alpha", "smoothing") if getattr(settings, name) == "auto"]
        self.n_cases = float(rows.weight.sum())
        self.before = None  # the last objective
        self.reached_last = None  # by a solver: the network, and its theta after the last iteration
        self.look = None, None, False  # the last one at the activations: the network, its theta, whether any drifted
        self.sample = range_sample(rows.X, rows.weight)

    def _stage(self, name):
        """One stage; whether training ends with it."""
        self.progress.begin_stage(name, self.settings.max_iter)
        self.reason = None
        self.best.since, self.stage_start = 0, len(self.validation_scores)
        self.finished = self.network.n_parameters == 0
        if not self.finished:
            self.network, self.value = self._solve(self.network, self.settings.max_iter, record=True)
        if self.reg_lambda > 0.0:  # L1 shrinks the activations: scores count in the gauge
            self.network = follow_activations(self.network, *self.sample, self.settings.knots)
        self.finished = self.finished or self.reason is not None
        return self.progress.end_stage(self.network)

    def _undo_trial(self):
        """Back to the solver's last iteration: an interrupt may come at a step that was only tried."""
        if self.reached_last is not None:
            network, network.theta = self.reached_last

    def _restore_best(self):
        """Go back to the model with the best validation score."""
        if self.best.network is not None:
            self.network, self.network.theta = self.best.network, self.best.theta
            self.value = None

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
        self.may_follow = self.follow = True
        self.adam_state = adam_start(network.n_parameters)
        objective, best = self._objective(network), None
        by_evidence, plan = self._by_evidence(), self._plan(max_iter, record=record)
        headway = self._headway(plan, record=record)
        while True:
            solution = self._some_iterations(objective, plan, record=record)
            drifted, stale = self._drifted(objective), self._stale(objective, solution.theta)
            if by_evidence and drifted and plan.within_round and not self.reason:
                objective = self._follow(objective, solution.value)
                continue
            if stale:
                self.share, self.strengths, headway.goal = self._share(objective, solution.theta), None, np.inf
            found = self._reached(objective, solution, last=record and plan.is_over)
            headway.note(found.criterion, found.noise, plan.end_round())
            if best is None or not by_evidence or found.criterion < best.criterion or self.solver == "adam":
                best = found
            stalled = headway.since >= headway.patience
            converged = stalled or (solution.converged and headway.patience == np.inf)
            if self.reason or plan.is_over or stalled or (converged and not (drifted or stale)):
                break
            if headway.since >= _VAIN[self.solver]:
                self.may_follow = False
            follow = drifted and self.may_follow
            objective = self._follow(objective, solution.value) if follow else self._objective(objective.network)
        self.finished = converged or headway.fall < _STILL_RISING * self.settings.tol
        self.criterion, self.evidence = best.criterion, best.evidence
        best.network.theta, self.reached_last = best.solution.theta, None
        if by_evidence:
            self.strengths = self.evidence.strengths
        if plan.kept and not self.reason:
            return self._settled(best.network, plan.kept)
        return best.network, best.solution.value

    def _plan(self, max_iter, *, record):
        """How many iterations go to what; 'lm' far from the data keeps the last strengths for some."""
        settle = round((1.0 - _FOLLOWING) * max_iter)
        if not self._by_evidence():
            return Plan(max_iter, settle, max_iter)
        n_round = min(self._round(), -(-self.settings.max_iter // _ROUNDS_OF_A_STAGE))
        kept = settle if record and self.solver == "lm" and not self._is_close() else 0
        return Plan(max_iter, settle, n_round, _ROUND_GROWTH[self.solver], kept)

    def _headway(self, plan, *, record):
        """What counts as headway of the evidence, which the objective need not make, and how long it may fail."""
        if not self._by_evidence():
            return Headway(0.0)
        headway = Headway(self.settings.tol, _STALLED[self.solver])
        if record and self.solver == "lm" and not plan.kept:
            headway.margin = max(headway.margin, _REFINED_RISE if self.refining else _CLOSE_RISE)
            if self.refining:
                headway.patience = _STALLED_REFINED
        return headway

    def _reached(self, objective, solution, *, last):
        """What a round ended with; strengths for the next one are found here, if they follow and there may be one.

        Of Adam's networks the last one is the result, and needs no others once they are known.
        """
        criterion, noise = solution.value, np.inf
        if self._by_evidence() and not (last and self.solver == "adam" and self.evidence is not None):
            criterion, noise = self._adapt(objective, solution.theta), self.evidence.dispersion
        return Reached(criterion, noise, objective.network, solution, self.evidence)

    def _some_iterations(self, objective, plan, *, record):
        """Minimise until the round ends, or knots or strengths have to follow."""
        callback = self._callback(objective, plan.left - plan.settle, record=record)
        solution = self._minimise(objective, plan, callback)
        objective.network.theta = solution.theta
        plan.note(solution.n_iter)
        self.follow = self.may_follow and plan.left > plan.settle
        return solution

    def _settled(self, network, max_iter):
        """Some more iterations of a stage, in which strengths and knots stay."""
        objective, plan = self._objective(network), Plan(max_iter, max_iter, max_iter)
        callback = self._callback(objective, 0, record=True)
        solution = self._minimise(objective, plan, callback, _SETTLED * self.settings.tol)
        network.theta, self.reached_last = solution.theta, None
        return network, solution.value

    def _by_evidence(self):
        """Whether strengths maximise the marginal likelihood."""
        return bool(self.adaptive) and not self.even

    def _round(self):
        """Iterations of the first round between two updates of the strengths."""
        known = self.solver == "lbfgs" and self.loss.known_dispersion
        return _ROUND_OF_KNOWN_NOISE if known else _ROUND[self.solver]

    def _share(self, objective, theta):
        """What even strengths count in: the loss in units of the constant model's.

        Where the noise has no free scale raw predictions have one, and the strengths are those of functions of unit
        scale; but beside a sparsity penalty, which has more to hold then, they stay.
        """
        some = objective.thinned(_ENOUGH_ROWS)
        if self.loss.known_dispersion:
            return 1.0 if self.reg_lambda > 0.0 else 1.0 / max(some.raw_variance(theta), 1.0)
        return max(some.loss_value(theta) / self.null_loss, _LEAST_SHARE)

    def _stale(self, objective, theta):
        """Whether even strengths no longer suit the loss that is left."""
        if not (self.adaptive and self.even):
            return False
        share = self._share(objective, theta)
        return share < 0.5 * self.share or share > 2.0 * self.share

    def _adapt(self, objective, theta):
        """Strengths for the next iterations from where the network is; returns what the evidence is short of."""
        some = self._thinned(objective)
        self.evidence = update(some, theta, self.n_cases, self.adaptive, dense=self.solver == "lm", excess=self.excess)
        self.strengths = self.evidence.strengths
        return -self.evidence.evidence

    def _thinned(self, objective):
        """The objective on as many rows as tell strengths and noise, and what a move of the knots costs."""
        return objective.thinned(_ENOUGH_FOR_ADAM if self.solver == "adam" else _ENOUGH_ROWS)

    def _find_strengths(self, network):
        """Strengths that belong to a network as it is."""
        self.strengths, self.share = None, 1.0
        for _ in range(_FINDING if self.adaptive and network.n_parameters else 0):
            self._adapt(self._objective(network), network.theta)

    def _follow(self, objective, value):
        """The objective with moved knots; where that costs too much of what was reached they stay for this stage."""
        moved = follow_activations(objective.network, *self.sample, self.settings.knots, self._first(objective))
        after = self._objective(moved)
        if self._thinned(after).value(moved.theta) <= _WORST_MOVE[self.solver] * value:
            return after
        self.may_follow = False
        return self._objective(objective.network)

    def _first(self, objective):
        """Layer 0's expansion at the rows that tell where activations are, when it is known."""
        return objective.first if len(self.sample[0]) == objective.n_rows else None

    def _drifted(self, objective):
        """Whether hidden nodes left their knots, while these follow; the last answer is remembered."""
        if not self.follow:
            return False
        network, theta = objective.network, objective.network.theta
        if network is not self.look[0] or not np.array_equal(theta, self.look[1]):
            self.look = network, theta, any_drift(network, *self.sample, self._first(objective))
        return self.look[2]

    def _look_every(self):
        """Iterations between two looks at the activations."""
        every = _LOOK_EVERY[self.solver]
        return min(every, -(-_ROWS_A_LOOK // len(self.rows.X))) if self.solver == "adam" else every

    def _callback(self, objective, n_follow, *, record):
        """What happens after each iteration of a solver; true stops it. Knots follow for `n_follow` iterations."""
        n_iter = 0
        every = self._look_every()

        def callback(theta, value):
            nonlocal n_iter
            n_iter += 1
            network = objective.network
            network.theta = theta
            self.reached_last = network, theta
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

    def _minimise(self, objective, plan, callback, tol=None):
        """The next iterations of a plan."""
        settings, theta = self.settings, objective.network.theta
        self.reached_last = objective.network, theta
        tol = settings.tol if tol is None else tol
        common = {"max_iter": plan.next_iterations, "tol": tol, "callback": callback}
        if self.solver == "lm":
            solution = levenberg_marquardt(objective, theta, damping=self.damping, **common)
            self.damping = min(solution.damping, FIRST_DAMPING)
            return solution
        if self.solver == "lbfgs":
            return lbfgs(objective, theta, precondition=self._preconditioner(objective, theta), **common)
        return adam(
            objective,
            theta,
            n_iter_no_change=settings.n_iter_no_change,
            batch_size=batch_size(settings.batch_size, objective.n_rows),
            learning_rate=lambda n_done: settings.learning_rate_init * plan.rate(n_done),
            rng=self.rng,
            state=self.adam_state,
            **common,
        )

    def _preconditioner(self, objective, theta):
        """For L-BFGS: the curvature that the evidence knows, or that of every input node where none will be found.

        None beside a sparsity penalty, whose kinks neither of them knows.
        """
        if self.reg_lambda > 0.0:
            return None
        if not self._by_evidence():
            return NodeCurvature(objective, theta).precondition
        known = self.evidence is not None and self.evidence.fit(objective.network)
        return self.evidence.precondition if known else None

    def on_other_rows(self, network, rows):
        """A trainer on other rows that begins with a network, and else as this one did."""
        other = StageTrainer(self.settings, self.loss, rows, None, self.rng, self.progress)
        for name in ("null_loss", "solver", "ridge", "smoothness", "adaptive"):
            setattr(other, name, getattr(self, name))
        other.network = network.copy()
        return other

    def meet(self, out, excess, max_iter):
        """Train on from where the network is, and tell how it meets rows held out.

        Returns
        -------
        losses : ndarray of shape (n_samples,)
        noise : float
            Dispersion in units of what the training rows say; 1 where the noise has no free scale, or they say none.
        """
        self.excess = excess
        self.network, _ = self._solve(self.network, min(max_iter, self.settings.max_iter), record=False)
        raw, noise = self.network.raw_predict(out.X), 1.0
        if not self.loss.known_dispersion and self.evidence is not None:
            dispersion = self.loss.dispersion(out.y, raw, out.weight / out.weight.sum())
            noise = dispersion / self.evidence.dispersion
        return self.loss.value(out.y, raw).sum(axis=1), noise

    def left_by_lm(self, rows, n_iter):
        """Part of the loss on some rows that so many iterations of Levenberg-Marquardt leave."""
        before = self._mean_loss(self.network, rows)
        self.solver = "lm"
        self.network, _ = self._solve(with_overhang(self.network), n_iter, record=False)
        return self._mean_loss(self.network, rows) / max(before, np.finfo(np.float64).tiny)

    def count_from(self, offset):
        """Losses count in units of that of this constant model; what is trained may have moved its own offset."""
        self.null_loss = self._null_loss(offset)

    def settle(self, network, max_iter):
        """Some iterations from where a network is, with even strengths that suit the loss that is left.

        Returns
        -------
        network : Network
            Another one.
        share : float
            Loss in units of the constant model's.
        """
        self.damping = FIRST_DAMPING
        self.even, self.share = True, self._share(self._last_objective(network), network.theta)
        self.strengths = None
        network, _ = self._solve(network.copy(), max_iter, record=False)
        return network, self.share_of(network)

    def share_of(self, network):
        """Loss in units of the constant model's."""
        return self._loss_value(network) / self.null_loss

    def one_pass(self, network, state):
        """One epoch of Adam on the knots as they are.

        Returns
        -------
        state : dict
            Of Adam, for the next pass.
        """
        self.network, self.solver = network, "adam"
        rate = self.settings.learning_rate_init
        state = adam_start(network.n_parameters) | deepcopy(state or {})  # an older pickle may know less
        if state.get("rate") != rate:
            state.update(rate=rate, cut=1.0)
        network.theta, value = adam_epoch(
            self._objective(network),
            network.theta,
            state,
            batch_size=batch_size(self.settings.batch_size, len(self.rows.X)),
            learning_rate=rate,
            rng=self.rng,
        )
        if value == np.inf:
            warn(
                f"The loss diverged, and the pass was undone: learning_rate_init={rate} is too large. Lower it; until "
                "then the passes that follow take a tenth.",
            )
            value = self._final_value()
        self.loss_curve.append(value)
        self.value = value
        return state

    def measure(self):
        """Store the moments of every edge over the training rows in the network."""
        self.network = self.measured(self.network)

    def measured(self, network):
        """The network with the moments of every edge over the training rows; a sample if there are many."""
        objective = self._last_objective(network).thinned(_ENOUGH_ROWS)
        network = Network(network.layers, network.offset, objective.moments(network.theta))
        network.layers[0].remember_means(network.moments[0])
        return network

    def _final_value(self):
        """The objective at the network."""
        return float(self._objective(self.network).thinned(_ENOUGH_ROWS).value(self.network.theta))

    def training_loss(self):
        """Loss of the network on the training rows."""
        return self._mean_loss(self.network, self.rows)

    def _mean_loss(self, network, rows):
        return float(self._average_loss(network.raw_predict(rows.X), rows))

    def _average_loss(self, raw, rows):
        return np.average(self.loss.value(rows.y, raw).sum(axis=1), weights=rows.weight)

    def _null_loss(self, offset):
        """Loss of the constant model."""
        loss = self._average_loss(np.broadcast_to(offset, self.rows.y.shape), self.rows)
        return loss if loss > 0.0 else 1.0

    def _loss_value(self, network):
        return float(self._last_objective(network).thinned(_ENOUGH_ROWS).loss_value(network.theta))

    def _is_close(self):
        """Whether the network comes close to the data."""
        return self._loss_value(self.network) < _CLOSE * self.null_loss

    def _last_objective(self, network):
        """An objective of the training rows for what no penalty enters; it may know the answer already."""
        known = self.before is not None and self.before.network is network
        return self.before if known else self._objective(network)

    def _objective(self, network):
        """Function to minimise from this network on."""
        self.strengths = self.strengths_of(network)
        rows, strengths = self.rows, replace(self.strengths, reg_lambda=self.reg_lambda)
        self.before = Objective(network, self.loss, rows.X, rows.y, rows.weight, strengths, before=self.before)
        return self.before

    def strengths_of(self, network):
        """The present strengths, or those to begin with if these belong to a network of another shape."""
        if self.adaptive and self.strengths is not None and self.strengths.fit(network):
            return self.strengths
        first = dict.fromkeys(("alpha", "smoothing"), _FIRST * self.share * self.excess)
        if self.adaptive and not self.even and self.solver == "lbfgs":
            first = {"alpha": self.ridge, "smoothing": min(self.ridge, self.smoothness / self.n_cases)}
        return first_strengths(network, self.settings, _CONTINUITY, first)


def batch_size(batch_size, n_rows):
    """Rows of a mini-batch; 'auto' is 200, or all rows when there are fewer."""
    return min(200 if batch_size == "auto" else batch_size, n_rows)
