"""The members of a committee: what is told of all, an additive model beside the others, and all as one network."""

from functools import partial

import numpy as np

from ._committee import shares_of, side_by_side, with_hidden_nodes
from ._competition import Competition, Start
from ._grid import refine
from ._posterior import Mixture, degrees_of_freedom, laplace
from ._stage import Best
from ._warn import warn

# Little is explained where less than this part of the constant model's loss is.
LITTLE = 0.05
# What a degree of freedom counts in generalised cross-validation, which is else fooled by noise (Kim & Gu 2004).
FREEDOM_COST = 1.4
# An additive model joins a committee that leaves this part of the constant model's loss and uses up at most this part
# of the rows, if the loss on new rows that it promises is higher by this part at most, and by so many times one over
# the root of the rows, which errors of that have; half of the whole is its share.
_LEFT, _USED, _WORSE, _ERRORS, _SHARE = 0.1, 0.3, 0.1, 2.5, 0.5
# An additive model of all columns takes the place of networks on some where it promises this part of their loss; and
# what either may use up of the rows, each degree of freedom at its cost.
_CLEARLY, _MOST_USED = 0.9, 0.95

INTERRUPTED = "Training was interrupted; the last good model is kept."


class Members(Competition):
    """Networks that end side by side as one, weighed by their shares."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.members = []
        self.shares = None  # of the members; None for equal ones
        self.edofs = {}  # known by the parameters of a network: strengths, and degrees of freedom

    def unite(self):
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
        self.network = side_by_side([member.network for member in self.members], self.shares)
        self.strengths = first.joined(others)
        self.best, self.evidence, self.value = Best(), None, None

    def _of_members(self, find):
        """What is found of the objective of each member."""
        if len(self.members) == 1:
            return [find(self._thinned(self._objective(self.network)))]
        united, found = self.strengths, []
        for member in self.members:
            self.strengths = member.strengths
            found.append(find(self._thinned(self._objective(member.network))))
        self.strengths = united
        return found

    def degrees_of_freedom(self):
        """Of the network, or the mean of its members'; NaN where they are not known."""
        found = self._of_members(self._edof)
        return np.nan if None in found else float(np.average(found, weights=self.shares))

    def _edof(self, objective):
        """Of one network, remembered: they take long, and the same member is asked several times."""
        theta, strengths = objective.network.theta.tobytes(), objective.strengths
        known = self.edofs.get(theta)
        if known is None or known[0] is not strengths.alpha or known[1] is not strengths.smoothing:
            known = self.edofs[theta] = strengths.alpha, strengths.smoothing, degrees_of_freedom(objective)
        return known[2]

    def posterior(self):
        """Laplace approximation at the network; None where it is not known."""
        found = self._of_members(partial(laplace, n_cases=self.n_cases, validation=self.validation))
        if any(one is None for one in found):
            return None
        if len(found) == 1:
            return found[0]
        networks = [member.network for member in self.members]
        rows = self.rows if self.validation is None else self.validation
        return Mixture.of(found, networks, rows, shares_of(len(networks), self.shares))

    # --- an additive model --------------------------------------------------------------------------------------------

    def admit_additive(self, make_additive):
        """Let an additive model be a member where it promises to be about as good as the others, whose mean is better.

        Measured for L-BFGS on noisy rows. Where the others explain next to nothing it stays alone, if it promises more.
        """
        if not (self._suits_additive and self._by_evidence()) or self.network.n_parameters == 0:
            return
        others = self.members
        raw = np.mean([member.network.raw_predict(self.rows.X) for member in others], axis=0)
        loss = self._average_loss(raw, self.rows)
        promised = np.inf if loss < _LEFT * self.null_loss else self._promised(loss)
        if promised == np.inf:
            return
        self.reached = others
        self.progress.begin_stage("additive", self.settings.max_iter)
        self._train_alone(make_additive(self.rng), record=False)
        additive, own = self.members[0], self._promised(self._mean_loss(self.network, self.rows))
        alone = own < promised and loss > (1.0 - LITTLE) * self.null_loss
        self.members = self.members if alone else others
        worse = min(_WORSE, _ERRORS / np.sqrt(self.n_cases))
        if self.progress.end_stage(self.network) or alone or own > (1.0 + worse) * promised:
            return
        size = np.abs(additive.network.raw_predict(self.rows.X) - additive.network.offset).max(axis=0)
        size = np.where(size > 0.0, size, 1.0)
        additive.network = with_hidden_nodes(additive.network, size)
        additive.strengths = additive.strengths.with_hidden_nodes(size)
        self.members = [*others, additive]
        self.shares = np.append((1.0 - _SHARE) * shares_of(len(others)), _SHARE)

    @property
    def _suits_additive(self):
        """Whether the networks are trained in a way that an additive model was measured beside."""
        return self.solver == "lbfgs" and self.validation is None

    def run_instead(self, other, make_additive):
        """Train an additive network on more columns than another trainer had; whether it promises clearly more."""
        loss = other.training_loss()
        if not other._suits_additive or loss < _LEFT * other.null_loss:
            return False
        self.solver = other.solver
        self.progress.begin_stage("additive, all columns", self.settings.max_iter)
        try:
            self._train_alone(make_additive(self.rng), record=True)
        except KeyboardInterrupt:
            warn(INTERRUPTED)
            return False
        self.progress.end_stage(self.network)
        own = self._promised(self.training_loss(), cost=1.0, most=_MOST_USED)  # no choice of columns or functions
        return own < _CLEARLY * other._promised(loss, most=_MOST_USED / FREEDOM_COST)

    def _train_alone(self, network, *, record):
        """One network that is the only member, from where it is."""
        self._go_on_from(Start(network))
        self.network, self.value = self._solve(network, self.settings.max_iter, record=record)
        self.members = [self._remember(Start())]

    def _promised(self, loss, *, cost=FREEDOM_COST, most=_USED):
        """Loss of the members on new rows, as generalised cross-validation or Akaike's criterion corrects this one.

        Infinite where they have used up the rows.
        """
        used = cost * self.degrees_of_freedom() / (self.n_cases * self.rows.y.shape[1])
        if not used <= cost * most:
            return np.inf
        return loss + used * self.rows.y.shape[1] if self.loss.known_dispersion else loss / (1.0 - used) ** 2
