"""Competition of starts: networks from several random weights are trained for a while, and the best ones go on."""

from dataclasses import dataclass, field, fields
from itertools import cycle

import numpy as np

from ._encoding import hold_out, hold_out_cases, may_be_counts
from ._objective import Strengths
from ._safe_bayes import ENOUGH, HELD_OUT, MOST_CASES, clearly_positive
from ._smoothing import Evidence
from ._stage import FIRST_DAMPING, FIRST_RIDGE, FIRST_SMOOTHNESS, MUCH_RIDGE, Best, Rows, StageTrainer

# Starts compete in rounds: iterations of each start so far, and the part of the starts that goes on. Strengths that
# L-BFGS finds need some iterations to tell starts apart.
_ROUNDS = ((5, 4), (10, 2), (20, 2))
_LBFGS_ROUNDS = ((10, 1), (20, 2))
# Work of one iteration of all of them, and how many there are at least and at most.
_STARTS_WORK = 2.5e9
FEWEST_STARTS, _MOST_STARTS = 2, 16
_LBFGS_STARTS = 4
# Targets on which Adam's starts do not compete.
_MANY_TARGETS = 100_000
# What a start with much ridge has to be better by, in evidence a target, until all had a trial.
_MORE_EVIDENCE = 0.01
# Iterations of a trial: of much ridge, or of the first network without the columns that may be noise.
TRIAL = 50


@dataclass
class Start:
    """One of the competing starts, and the state of the training that goes on from it."""

    network: object = None
    criterion: float = np.inf
    damping: float = FIRST_DAMPING
    strengths: Strengths | None = None
    evidence: Evidence | None = None
    share: float = 1.0
    ridge: float = FIRST_RIDGE
    smoothness: float = FIRST_SMOOTHNESS[0]
    best: Best = field(default_factory=Best)
    finished: bool = False


_STATE = [part.name for part in fields(Start)]


def lm_work(n_targets, n_parameters):
    """Multiply-adds of one Levenberg-Marquardt iteration: Gauss-Newton matrix and its factorisation."""
    return n_targets * n_parameters**2 + n_parameters**3


def n_starts(n_init, solver, n_targets, n_parameters, n_members=1):
    """Competing starts; 'auto' takes more where they are cheap: small, narrow networks stick in local minima.

    None compete for Adam on so many rows that a few epochs are a whole fit.
    """
    if n_init != "auto":
        return n_init * n_members
    least = FEWEST_STARTS * n_members
    if solver == "lbfgs":
        return max(_LBFGS_STARTS, least)
    if solver == "adam":
        return n_members if n_targets > _MANY_TARGETS else least
    cheap = int(_STARTS_WORK / max(1, lm_work(n_targets, n_parameters)))
    return min(max(cheap, least), _MOST_STARTS)


class Competition(StageTrainer):
    """Finds the networks that a training begins with."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.n_members = 1
        self.reached = []  # what an interrupt may go back to, besides the members
        self.ridges = None  # of the starts of L-BFGS, once a competition has told them

    def _n_starts(self):
        n_parameters = self.network.n_parameters
        return n_starts(self.settings.n_init, self.solver, self.rows.y.size, n_parameters, self.n_members)

    def _compete(self, make_network):
        """The best starts, or others with much ridge where one of these has clearly more evidence than the best.

        Where a signal is weak beside the noise, L-BFGS fits noise first, and hardly unlearns it; of few rows a strong
        one may seem weak at first, and rows held out have the last word. Where columns come late the trial is
        repeated only if nothing was learnt before.

        Returns
        -------
        starts : list of Start
            As many as there are members.
        """
        if self.solver != "lbfgs" or not self._by_evidence():
            return self._best_starts(make_network, [FIRST_RIDGE])
        if self.ridges is not None:
            return self._best_starts(make_network, self.ridges)
        starts = self._best_starts(make_network, [FIRST_RIDGE])
        if starts[0].criterion == np.inf or not self._needs_much_ridge(starts, make_network):
            self.ridges = [FIRST_RIDGE]
            return starts
        self.ridges = MUCH_RIDGE[self.loss.known_dispersion]
        self._go_on_from(Start(make_network(self.rng)))
        return self._best_starts(make_network, self.ridges)

    def _needs_much_ridge(self, starts, make_network):
        """Whether a start with much ridge does clearly better than these, which go on where it seems so.

        The best one does first, and the others only if rows held out do not speak for it.
        """
        wary = Start(make_network(self.rng), ridge=MUCH_RIDGE[self.loss.known_dispersion][0])
        self._advance_all([wary], _LBFGS_ROUNDS[-1][0])
        if wary.criterion >= starts[0].criterion - _MORE_EVIDENCE:
            return False
        self._advance_all([starts[0], wary], TRIAL)
        starts.sort(key=lambda start: start.criterion)
        if wary.criterion > starts[0].criterion or self._meets_rows_better(make_network, FIRST_RIDGE, wary.ridge):
            return False
        self._advance_all(starts[1:], TRIAL)
        starts.sort(key=lambda start: start.criterion)
        return wary.criterion <= starts[0].criterion

    def _meets_rows_better(self, make_network, ridge, other_ridge):
        """Whether a start with one ridge meets rows held out clearly better than one with another.

        The evidence is that of smooth functions: what groups of rows that share values have in common is none.
        """
        if not self._may_hold_out():
            return False
        some, out, start = self._apart(make_network)

        def losses(ridge):
            other = self.on_other_rows(start, some)
            other.ridge, other.smoothness = ridge, FIRST_SMOOTHNESS[0]
            return other.meet(out, self.excess, TRIAL)[0]

        return clearly_positive(losses(other_ridge) - losses(ridge), out.weight)

    def _best_starts(self, make_network, ridges):
        """Rounds of a few iterations of each start; the best ones go on to the next round."""
        settings, most = self.settings, self.n_members
        if self.network.n_parameters == 0:
            return [Start(self.network)]
        n_init = self._n_starts()
        starts = [Start(self.network), *(Start(make_network(self.rng)) for _ in range(n_init - 1))]
        if n_init == most:
            return starts
        for start, ridge, smoothness in zip(starts, cycle(ridges), cycle(FIRST_SMOOTHNESS), strict=False):
            start.ridge, start.smoothness = ridge, smoothness
        self.reached += starts
        rounds = _LBFGS_ROUNDS if self.solver == "lbfgs" and self.adaptive else _ROUNDS
        self.progress.begin_stage("starts", min(rounds[-1][0], settings.max_iter))
        done = 0
        for until, part in rounds:
            n_iter = min(until, settings.max_iter) - done
            if n_iter > 0:
                self._advance_all(starts, n_iter)
            done += n_iter
            starts = sorted(starts, key=lambda start: start.criterion)[: max(most, -(-len(starts) // part))]
        for start in starts:
            start.damping = FIRST_DAMPING
        self.progress.end_stage(starts[0].network)
        return starts[:most]

    def _go_on_from(self, start):
        for name in _STATE:
            setattr(self, name, getattr(start, name))

    def _remember(self, start):
        for name in _STATE:
            setattr(start, name, getattr(self, name))
        return start

    def _advance_all(self, starts, n_iter):
        """Some more iterations of some starts."""
        for start in starts:
            self._go_on_from(start)
            self.network, _ = self._solve(start.network, min(n_iter, self.settings.max_iter), record=False)
            self._remember(start)

    def _may_hold_out(self):
        """Whether there are rows enough, and few labels repeated, for some to tell something of the others."""
        told_apart = not self._has_repeated_rows() or self._counts_targets()
        return self.validation is None and len(self.rows.X) >= ENOUGH and told_apart

    def _has_repeated_rows(self):
        """Whether cases are clearly more than rows."""
        return self.n_cases > MOST_CASES * len(self.rows.X)

    def _counts_targets(self):
        """Whether weights are numbers of equal rows, whose noise is their own."""
        weight = self.rows.weight
        return not self.loss.known_dispersion and may_be_counts(weight) and weight.sum() == self.n_cases

    def _apart(self, make_network, most=np.inf):
        """Rows to learn from, rows held out and a new network; the other ones go on as if nothing had been tried."""
        rng = np.random.RandomState(0)
        return *self._two_parts(rng, most), make_network(rng)

    def _two_parts(self, rng, most):
        """The training rows, or so many of them, in two parts; labels are in both."""
        parts, stratify = (self.rows.X, self.rows.y, self.rows.weight), self.loss.known_dispersion
        if self._has_repeated_rows():
            return [Rows(*part) for part in hold_out_cases(*parts, HELD_OUT, rng)]
        if len(self.rows.X) > most:
            _, parts = hold_out(*parts, most, rng, stratify=stratify)
        return [Rows(*part) for part in hold_out(*parts, HELD_OUT, rng, stratify=stratify)]
