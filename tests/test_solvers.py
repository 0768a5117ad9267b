"""The solvers on functions with known minima; no network anywhere."""

import warnings

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_kan._solvers import _strong_wolfe, adam, adam_epoch, adam_start, lbfgs, levenberg_marquardt


class LeastSquares:
    """|r(theta)|^2 / 2 with Jacobian J: what the three solvers ask of an objective."""

    def __init__(self, residual, jacobian):
        self.residual = residual
        self.jacobian = jacobian
        self.evaluated = []

    def value(self, theta):
        self.evaluated.append(np.array(theta))
        return 0.5 * float(np.sum(self.residual(theta) ** 2))

    def value_and_gradient(self, theta):
        return self.value(theta), self.jacobian(theta).T @ self.residual(theta)

    def normal_equations(self, theta):
        jacobian = self.jacobian(theta)
        return *self.value_and_gradient(theta), jacobian.T @ jacobian

    def bend(self, theta, step):
        sides = self.residual(theta + step) + self.residual(theta - step)
        return self.jacobian(theta).T @ (sides - 2.0 * self.residual(theta))


def rosenbrock(n, steepness=10.0):
    """Sum of steepness^2 (x_{i+1} - x_i^2)^2 / 2 + (1 - x_i)^2 / 2, least at (1, ..., 1)."""

    def residual(x):
        return np.concatenate([steepness * (x[1:] - x[:-1] ** 2), 1.0 - x[:-1]])

    def jacobian(x):
        found = np.zeros((2 * (n - 1), n))
        i = np.arange(n - 1)
        found[i, i + 1] = steepness
        found[i, i] = -2.0 * steepness * x[:-1]
        found[n - 1 + i, i] = -1.0
        return found

    return LeastSquares(residual, jacobian)


def quadratic(rng, n=8, condition=1e3):
    """|A x - b|^2 / 2 and its minimiser."""
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    a = q * np.sqrt(np.geomspace(1.0, condition, n)) @ np.linalg.qr(rng.normal(size=(n, n)))[0]
    b = rng.normal(size=n)
    return LeastSquares(lambda x: a @ x - b, lambda x: a), np.linalg.solve(a, b)


def lm(objective, theta, **options):
    return levenberg_marquardt(objective, theta, **{"max_iter": 500, "tol": 1e-12, **options})


def bfgs(objective, theta, **options):
    return lbfgs(objective, theta, **{"max_iter": 500, "tol": 1e-12, **options})


second_order = pytest.mark.parametrize("solve", [lm, bfgs])


def test_lbfgs_with_the_inverse_hessian_takes_few_steps():
    """Exactly one with the inverse itself, and fewer than without with one that is a tenth off."""
    rng = np.random.RandomState(0)
    objective, minimiser = quadratic(rng)
    start, jacobian = rng.normal(size=8), objective.jacobian(None)
    inverse = np.linalg.inv(jacobian.T @ jacobian)
    steps = []
    for factor in (None, np.ones(8), rng.uniform(0.9, 1.1, 8)):
        root = None if factor is None else np.sqrt(factor)
        options = {} if root is None else {"precondition": lambda v, root=root: root * (inverse @ (root * v))}
        taken = []
        solution = bfgs(objective, start, callback=lambda theta, value, taken=taken: taken.append(theta), **options)
        assert_allclose(solution.theta, minimiser, atol=1e-5)
        steps.append(sum(np.abs(theta - minimiser).max() > 1e-8 for theta in taken))
    plain, exact, near = steps
    assert exact == 0
    assert near < plain / 2


@second_order
def test_quadratic(solve):
    rng = np.random.RandomState(0)
    objective, minimiser = quadratic(rng)
    solution = solve(objective, rng.normal(size=8))
    assert solution.converged
    assert_allclose(solution.theta, minimiser, atol=1e-5)
    assert solution.value < 1e-10


@second_order
@pytest.mark.parametrize("n", [2, 10])
def test_rosenbrock(solve, n):
    objective = rosenbrock(n)
    start = np.tile([-1.2, 1.0], n // 2)
    reference = scipy.optimize.minimize(
        objective.value_and_gradient, start, jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": 1e-15}
    )
    solution = solve(objective, start)
    assert solution.converged
    assert solution.n_iter < 200
    assert solution.value <= reference.fun + 1e-8
    if n == 2:
        assert_allclose(solution.theta, 1.0, atol=1e-4)


def test_acceleration_follows_a_valley_that_turns():
    """Fewer iterations than with the steps alone, which go on straight."""
    bent, straight = rosenbrock(2, steepness=1e3), rosenbrock(2, steepness=1e3)
    straight.bend = lambda theta, step: np.zeros_like(theta)
    few, many = (lm(objective, np.array([-1.2, 1.0])).n_iter for objective in (bent, straight))
    assert few < many / 2


@second_order
def test_minimum_with_residuals_left(solve):
    """A fit of c exp(-d t) to noisy points: the minimum that SciPy finds."""
    rng = np.random.RandomState(0)
    t = np.linspace(0.0, 3.0, 40)
    y = 2.0 * np.exp(-1.3 * t) + 0.1 * rng.normal(size=40)
    objective = LeastSquares(
        lambda p: p[0] * np.exp(-p[1] * t) - y,
        lambda p: np.column_stack([np.exp(-p[1] * t), -p[0] * t * np.exp(-p[1] * t)]),
    )
    start = np.array([1.0, 1.0])
    reference = scipy.optimize.least_squares(objective.residual, start, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    solution = solve(objective, start)
    assert_allclose(solution.value, reference.cost, rtol=1e-9)
    assert_allclose(solution.theta, reference.x, rtol=1e-4)


@second_order
def test_value_never_rises(solve):
    values = []

    def callback(theta, value):
        values.append(value)
        assert_allclose(rosenbrock(4).value(theta), value, rtol=1e-12)
        return False

    solution = solve(rosenbrock(4), np.array([-1.2, 1.0, -1.2, 1.0]), callback=callback)
    assert len(values) in (solution.n_iter, solution.n_iter - 1)  # the last iteration may not find a step
    assert (np.diff(values) < 0).all()
    assert solution.value == values[-1]


@second_order
@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_step_to_a_value_that_is_not_finite_is_rejected(solve, bad):
    """-log(x) + x, undefined for x <= 0: a full first step leaves the domain."""

    class Barrier:
        def value(self, theta):
            return float(np.sum(theta - np.log(theta))) if theta.min() > 0.0 else bad

        def value_and_gradient(self, theta):
            return self.value(theta), 1.0 - 1.0 / theta if theta.min() > 0.0 else np.full_like(theta, bad)

        def normal_equations(self, theta):
            # a curvature far too low: Newton's step overshoots by far
            return *self.value_and_gradient(theta), np.diag(1e-3 / theta**2)

        def bend(self, theta, step):
            return np.zeros_like(theta)

    solution = solve(Barrier(), np.array([4.0, 0.3]))
    assert np.isfinite(solution.value)
    assert_allclose(solution.theta, 1.0, atol=1e-3)


@second_order
def test_step_that_overflows_is_rejected_in_silence(solve):
    """exp(x) - x, least at 0, whose curvature is far too low: the first step is."""

    class Exponential:
        def value(self, theta):
            return float(np.sum(np.exp(theta) - theta))

        def value_and_gradient(self, theta):
            return self.value(theta), np.exp(theta) - 1.0

        def normal_equations(self, theta):
            return *self.value_and_gradient(theta), np.diag(1e-3 * np.exp(theta))

        def bend(self, theta, step):
            return np.zeros_like(theta)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solution = solve(Exponential(), np.array([-2.0, -1.0]))
    assert_allclose(solution.theta, 0.0, atol=1e-3)


@second_order
def test_start_at_the_minimum(solve):
    solution = solve(rosenbrock(4), np.ones(4))
    assert_array_equal(solution.theta, np.ones(4))
    assert solution.value == 0.0
    assert solution.converged


@second_order
def test_flat_function(solve):
    """Nothing to gain and a singular matrix: stop where it began."""
    objective = LeastSquares(lambda x: np.ones(3), lambda x: np.zeros((3, 2)))
    solution = solve(objective, np.array([2.0, -1.0]))
    assert_array_equal(solution.theta, [2.0, -1.0])
    assert solution.converged
    assert solution.value == 1.5


@second_order
def test_matrix_without_full_rank(solve):
    """Two parameters of which only the sum counts."""
    objective = LeastSquares(lambda x: np.array([x.sum() - 3.0]), lambda x: np.ones((1, 2)))
    solution = solve(objective, np.zeros(2))
    assert_allclose(solution.theta.sum(), 3.0, atol=1e-5)
    assert np.abs(solution.theta).max() < 100.0


@second_order
def test_callback_stops(solve):
    seen = []

    def callback(theta, value):
        seen.append(theta)
        return len(seen) == 3

    solution = solve(rosenbrock(4), np.zeros(4), callback=callback)
    assert len(seen) == solution.n_iter == 3
    assert not solution.converged
    assert_array_equal(solution.theta, seen[-1])


@second_order
def test_max_iter(solve):
    solution = solve(rosenbrock(10), np.tile([-1.2, 1.0], 5), max_iter=4)
    assert solution.n_iter == 4
    assert not solution.converged


@second_order
def test_tolerance_is_relative(solve):
    """The same path, and the same end, for a function a million times larger."""
    small = rosenbrock(4)
    large = LeastSquares(lambda x: 1e3 * small.residual(x), lambda x: 1e3 * small.jacobian(x))
    start = np.array([-1.2, 1.0, -1.2, 1.0])
    one, other = (solve(objective, start, tol=1e-4) for objective in (small, large))
    if solve is lm:
        assert one.n_iter == other.n_iter
        assert_allclose(one.theta, other.theta, rtol=1e-6)
    assert one.converged
    assert other.converged
    looser = solve(small, start, tol=0.5)
    assert looser.n_iter < one.n_iter


@second_order
def test_start_is_not_changed(solve):
    start = np.zeros(4)
    solve(rosenbrock(4), start)
    assert_array_equal(start, np.zeros(4))


def test_lm_hands_its_damping_on():
    """A second run that starts with the damping of the first goes on where that one stopped."""
    start = np.tile([-1.2, 1.0], 5)
    first = lm(rosenbrock(10), start, max_iter=6)
    second = lm(rosenbrock(10), first.theta, max_iter=6, damping=first.damping)
    whole = lm(rosenbrock(10), start, max_iter=12)
    assert first.damping > 0.0
    assert_allclose(second.theta, whole.theta, rtol=1e-10)


def test_lm_solves_linear_least_squares_in_few_steps():
    objective, minimiser = quadratic(np.random.RandomState(1), condition=1e6)
    solution = lm(objective, np.zeros(8), max_iter=30)
    assert_allclose(solution.theta, minimiser, atol=1e-6)


def test_lm_does_not_depend_on_the_units():
    """Marquardt's scaling: parameters in units of their own take the same path."""
    units = np.geomspace(1e-2, 1e2, 6)
    plain = rosenbrock(6)
    scaled = LeastSquares(lambda x: plain.residual(x * units), lambda x: plain.jacobian(x * units) * units)
    start = np.tile([-1.2, 1.0], 3)
    one = lm(plain, start, max_iter=5)
    other = lm(scaled, start / units, max_iter=5)
    assert_allclose(other.theta * units, one.theta, rtol=1e-6)


@st.composite
def line_searches(draw):
    """A smooth function of one variable that falls at 0 and is bounded below, and a first step length."""
    a, b, c = (draw(st.floats(-3.0, 3.0)) for _ in range(3))
    scale = draw(st.floats(0.05, 20.0))
    length = draw(st.floats(1e-4, 50.0))

    def value(x):
        z = x / scale
        return 0.05 * z**4 + a * z**2 - (abs(b) + 0.1) * z + c * np.sin(2.0 * z)

    def slope(x):
        z = x / scale
        return (0.2 * z**3 + 2.0 * a * z - (abs(b) + 0.1) + 2.0 * c * np.cos(2.0 * z)) / scale

    sign = -1.0 if slope(0.0) > 0 else 1.0
    return lambda x: value(sign * x), lambda x: sign * slope(sign * x), length


@given(line_searches())
@settings(deadline=None, derandomize=True, max_examples=300, database=None)
def test_strong_wolfe(case):
    value, slope, length = case
    if slope(0.0) > -1e-6:
        return
    found = _strong_wolfe(lambda x: (value(x), slope(x), np.array([x])), value(0.0), slope(0.0), length)
    assert found is not None
    step, reached, gradient = found
    assert step > 0.0
    assert reached == value(step)
    assert_array_equal(gradient, [step])  # the gradient of the step that is taken
    assert reached <= value(0.0) + 1e-4 * step * slope(0.0)
    assert abs(slope(step)) <= 0.9 * abs(slope(0.0))


def test_sufficient_decrease():
    """-x (1 - x)^2, nearly: x = 1 has no slope and hardly any decrease; the line search goes on to a better point."""

    def along(x):
        return -x + (2.0 - 3e-5) * x**2 - (1.0 - 2e-5) * x**3, -1.0 + (4.0 - 6e-5) * x - (3.0 - 6e-5) * x**2, None

    value, slope, _ = along(1.0)
    assert -1e-4 < value < 0.0
    assert abs(slope) < 1e-9
    step, value, _ = _strong_wolfe(along, 0.0, -1.0, 1.0)
    assert 0.0 < step < 1.0
    assert value < -0.05


def test_lbfgs_needs_about_as_many_evaluations_as_scipy():
    objective = rosenbrock(10)
    start = np.tile([-1.2, 1.0], 5)
    reference = scipy.optimize.minimize(
        objective.value_and_gradient, start, jac=True, method="L-BFGS-B", options={"maxcor": 20, "ftol": 1e-12}
    )
    objective.evaluated.clear()
    solution = bfgs(objective, start)
    assert solution.value < 1e-6 or solution.value <= reference.fun * (1 + 1e-6)
    assert len(objective.evaluated) < 2.5 * reference.nfev


class Rows:
    """Mean of |x - centre_s|^2 / 2 over rows: least at the mean of the centres."""

    def __init__(self, centres, log=None):
        self.centres = centres
        self.log = [] if log is None else log

    @property
    def n_rows(self):
        return len(self.centres)

    def batches(self, order, batch_size):
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            self.log.append(np.array(rows))
            yield type(self)(self.centres[rows])

    def value_and_gradient(self, theta):
        difference = theta - self.centres
        return 0.5 * float(np.mean(np.sum(difference**2, axis=1))), difference.mean(axis=0)

    def value(self, theta):
        return self.value_and_gradient(theta)[0]


def run_adam(objective, theta, **options):
    options = {
        "max_iter": 400,
        "tol": 1e-4,
        "n_iter_no_change": 10,
        "batch_size": 10,
        "learning_rate": 0.05,
        "rng": np.random.RandomState(0),
        **options,
    }
    return adam(objective, theta, **options)


def test_adam_on_a_quadratic():
    centres = np.random.RandomState(0).normal(size=(60, 3))
    objective = Rows(centres)
    solution = run_adam(objective, np.full(3, 4.0))
    assert solution.converged
    assert solution.n_iter < 400
    assert_allclose(solution.theta, centres.mean(axis=0), atol=0.05)
    assert objective.value(solution.theta) < objective.value(centres.mean(axis=0)) * 1.002


def test_adam_epoch_is_adam():
    """The published recursion, step by step."""
    objective = Rows(np.random.RandomState(0).normal(size=(25, 2)))
    theta, state = np.array([3.0, -2.0]), adam_start(2)
    rate, rng = 0.1, np.random.RandomState(5)
    found, value = adam_epoch(objective, theta, state, batch_size=10, learning_rate=rate, rng=rng)
    batches = objective.log
    assert [len(rows) for rows in batches] == [10, 10, 5]
    assert_array_equal(np.sort(np.concatenate(batches)), np.arange(25))  # each row once
    mean, square, values = np.zeros(2), np.zeros(2), []
    for step, rows in enumerate(batches, 1):
        batch_value, gradient = Rows(objective.centres[rows]).value_and_gradient(theta)
        values.append(batch_value)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        theta = theta - rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    assert_allclose(found, theta, rtol=1e-10)
    assert_allclose(value, np.average(values, weights=[10, 10, 5]), rtol=1e-12)
    assert state["n_steps"] == 3


def test_adam_goes_on_with_its_state():
    centres = np.random.RandomState(0).normal(size=(30, 2))
    whole = run_adam(Rows(centres), np.zeros(2), max_iter=6, tol=0.0)
    rng, state = np.random.RandomState(0), adam_start(2)
    first = run_adam(Rows(centres), np.zeros(2), max_iter=3, tol=0.0, rng=rng, state=state)
    second = run_adam(Rows(centres), first.theta, max_iter=3, tol=0.0, rng=rng, state=state)
    assert_array_equal(second.theta, whole.theta)


def test_adam_batches_differ_and_follow_the_seed():
    logs = []
    for seed in (0, 0, 1):
        objective = Rows(np.random.RandomState(0).normal(size=(30, 2)))
        run_adam(objective, np.zeros(2), max_iter=2, rng=np.random.RandomState(seed))
        logs.append(np.concatenate(objective.log))
    assert_array_equal(logs[0], logs[1])
    assert (logs[0] != logs[2]).any()
    assert (logs[0][:30] != logs[0][30:]).any()


def test_adam_callback_stops():
    seen = []
    solution = run_adam(Rows(np.zeros((20, 2))), np.ones(2), callback=lambda theta, value: seen.append(value) or True)
    assert solution.n_iter == len(seen) == 1
    assert not solution.converged


def test_adam_max_iter():
    solution = run_adam(Rows(np.zeros((20, 2))), np.full(2, 100.0), max_iter=3)
    assert solution.n_iter == 3
    assert not solution.converged


def test_adam_takes_a_learning_rate_for_every_epoch():
    """One of zero moves nothing; one from two to none ends closer to the mean of batches that differ."""
    centres = np.random.RandomState(0).normal(size=(60, 3))
    still = run_adam(Rows(centres), np.ones(3), max_iter=4, learning_rate=lambda n_done: 0.0)
    assert_array_equal(still.theta, np.ones(3))
    rates = []
    falling = run_adam(
        Rows(centres), np.zeros(3), max_iter=40, tol=0.0, n_iter_no_change=50,
        learning_rate=lambda n_done: rates.append(n_done) or 0.2 * (1.0 - n_done / 40),
    )  # fmt: skip
    assert rates == list(range(40))
    steady = run_adam(Rows(centres), np.zeros(3), max_iter=40, tol=0.0, n_iter_no_change=50, learning_rate=0.2)
    mean = centres.mean(axis=0)
    assert np.linalg.norm(falling.theta - mean) < 0.2 * np.linalg.norm(steady.theta - mean)


@pytest.mark.parametrize("rate", [1e3, 1e100, 1e300])
def test_adam_undoes_a_pass_that_diverged(rate):
    theta, state = np.array([3.0, -2.0]), adam_start(2)
    state["mean"] += 0.1
    before = {name: np.copy(part) for name, part in state.items()}
    options = {"batch_size": 10, "learning_rate": rate, "rng": np.random.RandomState(0)}
    found, value = adam_epoch(Rows(np.zeros((40, 2))), theta, state, **options)
    assert value == np.inf
    assert_array_equal(found, theta)
    assert state.pop("cut") == 0.1 * before.pop("cut")
    for name, part in before.items():
        assert_array_equal(state[name], part)


def test_adam_remembers_the_largest_value_of_an_epoch():
    """A pass is held against all that training began with, not against the one before."""
    theta, state, scales = np.full(2, 4.0), adam_start(2), []
    rows, rng = Rows(np.random.RandomState(0).normal(size=(40, 2))), np.random.RandomState(0)
    for _ in range(5):
        theta, value = adam_epoch(rows, theta, state, batch_size=10, learning_rate=0.1, rng=rng)
        scales.append(state["scale"])
    assert value < 0.6 * scales[0]
    assert_array_equal(scales, scales[0])


def test_adam_remembers_what_it_reached_before_it_diverged():
    rows, reached = Rows(np.random.RandomState(0).normal(size=(40, 2))), []
    solution = run_adam(
        rows, np.full(2, 4.0), max_iter=5, tol=0.0, learning_rate=lambda n_done: 0.1 if n_done < 4 else 1e12,
        callback=lambda theta, value: reached.append(value),
    )  # fmt: skip
    assert len(reached) == 4
    assert solution.value == reached[-1]


def test_adam_goes_on_with_a_lower_rate():
    solution = run_adam(Rows(np.ones((40, 2))), np.full(2, 4.0), learning_rate=1e12)
    assert_allclose(solution.theta, 1.0, atol=0.05)
    with pytest.warns(UserWarning, match="Lower learning_rate_init"):
        solution = run_adam(Rows(np.ones((40, 2))), np.full(2, 4.0), learning_rate=1e300, max_iter=5)
    assert_array_equal(solution.theta, 4.0)
    assert solution.value == 9.0
    assert not solution.converged


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_adam_leaves_out_a_batch_that_is_not_finite(bad):
    class Spoilt(Rows):
        def value_and_gradient(self, theta):
            value, gradient = super().value_and_gradient(theta)
            return (bad, np.full_like(gradient, bad)) if (self.centres > 50.0).any() else (value, gradient)

    centres = np.zeros((40, 2))
    centres[7] = 99.0
    theta, value = adam_epoch(
        Spoilt(centres),
        np.ones(2),
        adam_start(2),
        batch_size=10,
        learning_rate=0.1,
        rng=np.random.RandomState(0),
    )
    assert np.isfinite(theta).all()
    assert (theta < 1.0).all()
    assert np.isfinite(value)
    everywhere = Spoilt(np.full((10, 2), 99.0))
    theta, value = adam_epoch(
        everywhere, np.ones(2), adam_start(2), batch_size=5, learning_rate=0.1, rng=np.random.RandomState(0)
    )
    assert_array_equal(theta, np.ones(2))
    assert value == np.inf
