"""Strengths from the data: against the marginal likelihood of a normal distribution, and what they are good for."""

import numpy as np
import pytest
import samples
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal

from sklearn_kan import KANRegressor, _stage
from sklearn_kan._losses import BinaryLogLoss, Huber, Poisson, Quantile, SquaredError
from sklearn_kan._network import Network
from sklearn_kan._objective import Objective, Strengths
from sklearn_kan._smoothing import affordable, update

N_ROWS = 60
NAMES = ("alpha", "smoothing")


def linear_problem(seed=0, noise=0.3):
    """An additive network, linear in its weights, and its rows."""
    rng = np.random.RandomState(seed)
    network = samples.network(rng, [2, 1], base="identity")
    network = Network(network.layers, np.zeros(1))
    X = samples.inputs(rng, network, N_ROWS)
    t = (X - network.layers[0].center) / network.layers[0].scale
    y = np.sin(3.0 * t[:, :1]) + noise * rng.normal(size=(N_ROWS, 1))
    return network, X, y


def solved(network, X, y, alpha, smoothing):
    """The objective of given strengths at its minimum."""
    strengths = Strengths(alpha=[np.array(alpha)], smoothing=[np.array(smoothing)], continuity=1e-9)
    objective = Objective(network.copy(), SquaredError(), X, y, np.ones(N_ROWS), strengths)
    _, gradient, hessian = objective.normal_equations(np.zeros(network.n_parameters))
    return objective, np.linalg.solve(hessian, -gradient)


def jacobian(network, X):
    """Derivatives of the predictions of a linear network."""
    columns = []
    for one in np.eye(network.n_parameters):
        network.theta = one
        columns.append(network.raw_predict(X)[:, 0])
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("excess", [1.0, 4.0])
@pytest.mark.parametrize("dense", [True, False])
def test_evidence_is_the_marginal_likelihood(dense, excess):
    """y is normal with covariance excess phi (1 + J (n S)^-1 J'), S the curvature of the penalties."""
    network, X, y = linear_problem()
    objective, theta = solved(network, X, y, [0.01, 0.02], [1e-3, 2e-3])
    found = update(objective, theta, N_ROWS, NAMES, dense=dense, excess=excess)
    residual = objective.loss_value(theta) * 2.0 * N_ROWS
    assert_allclose(found.dispersion, residual / (N_ROWS - found.edof), rtol=1e-9)
    prior = np.linalg.inv(N_ROWS * objective.quadratic_curvature())
    J = jacobian(network.copy(), X)
    covariance = excess * found.dispersion * (np.eye(N_ROWS) + J @ prior @ J.T)
    expected = multivariate_normal.logpdf(y[:, 0], cov=covariance) + 0.5 * N_ROWS * np.log(2.0 * np.pi)
    assert_allclose(found.evidence * N_ROWS, expected, rtol=1e-6)
    used = np.trace(J @ np.linalg.solve(J.T @ J + N_ROWS * objective.quadratic_curvature(), J.T))
    assert_allclose(found.edof, used, rtol=1e-7)


def test_updates_end_where_the_evidence_is_largest():
    network, X, y = linear_problem()
    alpha, smoothing = np.array([1e-3, 1e-3]), np.array([1e-3, 1e-3])
    curve = []
    for _ in range(100):
        found = update(*solved(network, X, y, alpha, smoothing), N_ROWS, NAMES, dense=True)
        curve.append(found.evidence)
        (alpha,), (smoothing,) = found.strengths.alpha, found.strengths.smoothing
    assert curve[-1] >= max(curve) - 0.01
    assert curve[-1] > curve[0] + 0.05
    for factor in (0.1, 10.0):  # of the column that matters
        other = smoothing * [factor, 1.0]
        assert update(*solved(network, X, y, alpha, other), N_ROWS, NAMES, dense=True).evidence < curve[-1] + 1e-3


def test_the_column_that_explains_nothing_fades():
    network, X, y = linear_problem()
    alpha, smoothing = np.array([1e-3, 1e-3]), np.array([1e-3, 1e-3])
    for _ in range(100):
        found = update(*solved(network, X, y, alpha, smoothing), N_ROWS, NAMES, dense=True)
        (alpha,), (smoothing,) = found.strengths.alpha, found.strengths.smoothing
    objective, theta = solved(network, X, y, alpha, smoothing)
    objective.network.theta = theta
    first, second = np.ptp(objective.network.layers[0].coef[..., 0], axis=1)
    assert second < 0.2 * first


def test_given_strengths_stay():
    network, X, y = linear_problem()
    found = update(*solved(network, X, y, [0.01, 0.02], [1e-3, 2e-3]), N_ROWS, ("alpha",), dense=True)
    assert_array_equal(found.strengths.smoothing[0], [1e-3, 2e-3])
    assert (found.strengths.alpha[0] != [0.01, 0.02]).all()


def test_tables_count_with_the_ridge_of_their_columns():
    """The update of a table's ridge is that of its own degrees of freedom and size."""
    rng = np.random.RandomState(0)
    network = samples.mixed_network(rng, [4, 2])
    X = samples.mixed_inputs(rng, network, N_ROWS)
    strengths = Strengths(alpha=[np.full(4, 0.01)], smoothing=[np.full(4, 0.01)], continuity=1e-12)
    noise = 0.1 * rng.normal(size=(N_ROWS, 2))

    def ridge():
        y = network.raw_predict(X) + noise
        objective = Objective(network, SquaredError(), X, y, np.ones(N_ROWS), strengths)
        return update(objective, network.theta, N_ROWS, NAMES, dense=True).strengths.alpha[0]

    network.layers[0].tables.values[:4] *= 0.1
    before = ridge()
    network.layers[0].tables.values[:4] *= 3.0
    after = ridge()
    assert after[0] < 0.5 * before[0]


# --- dispersion -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "expected"),
    [(SquaredError(), 0.04), (Huber(1.35), 0.04), (Quantile(0.5), 0.5 * 0.2 * 0.6745)],
)
def test_dispersion_of_normal_noise(loss, expected):
    y = 0.2 * np.random.RandomState(0).normal(size=(20_000, 1))
    weight = np.full(len(y), 1.0 / len(y))
    assert_allclose(loss.dispersion(y, np.zeros_like(y), weight), expected, rtol=0.05)


def test_dispersion_of_counts():
    rng = np.random.RandomState(0)
    mean = rng.uniform(1.0, 9.0, (20_000, 1))
    y = rng.poisson(mean).astype(float)
    assert_allclose(Poisson().dispersion(y, np.log(mean), np.full(len(y), 1.0 / len(y))), 1.0, rtol=0.05)
    assert BinaryLogLoss.known_dispersion


def test_outliers_do_not_count_as_noise():
    rng = np.random.RandomState(0)
    y = rng.normal(size=(1000, 1))
    weight = np.full(1000, 1e-3)
    spoilt = y.copy()
    spoilt[::20] += 1e6
    for loss in (Huber(1.35), Quantile(0.3)):
        plain, with_outliers = (loss.dispersion(rows, np.zeros_like(rows), weight) for rows in (y, spoilt))
        assert with_outliers < 1.3 * plain


# --- in a fit ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
def test_smooth_where_there_is_noise_and_exact_where_there_is_none(solver):
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (300, 1))
    truth = np.sin(4.0 * X[:, 0])
    noise = rng.normal(size=300)
    grid = np.linspace(-1.0, 1.0, 200)[:, None]
    errors, used = [], []
    for sigma in (0.0, 0.5):
        model = KANRegressor((), grid_size=30, solver=solver, max_iter=200, random_state=0)
        model.fit(X, truth + sigma * noise)
        errors.append(np.sqrt(np.mean((model.predict(grid) - np.sin(4.0 * grid[:, 0])) ** 2)))
        used.append(model.edof_)
    assert errors[0] < 2e-4
    assert errors[1] < 0.15  # the noise in 33 coefs alone would make 0.5 sqrt(33 / 300) = 0.17
    assert used[1] < 0.6 * used[0]


def test_fitted_strengths():
    X = np.random.RandomState(0).uniform(-1.0, 1.0, (100, 2))
    model = KANRegressor((3,), n_init=1, max_iter=10, random_state=0).fit(X, X[:, 0] ** 2)
    assert [len(part) for part in model.alpha_] == [2, 3]
    assert [len(part) for part in model.smoothing_] == [2, 3]
    given = KANRegressor((3,), alpha=0.5, smoothing=0.25, n_init=1, max_iter=10, random_state=0).fit(X, X[:, 0] ** 2)
    assert_array_equal(np.concatenate(given.alpha_), np.full(5, 0.5))
    assert_array_equal(np.concatenate(given.smoothing_), np.full(5, 0.25))


def test_no_ridge_beside_smoothness_from_the_data():
    """The prior of base weights is improper then, which is no reason for strengths that are no numbers."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(200, 2))
    y = X[:, 0] ** 2 + 0.3 * rng.normal(size=200)
    model = KANRegressor((2,), alpha=0.0, max_iter=60, random_state=0).fit(X, y)
    assert all(np.isfinite(part).all() for part in model.smoothing_)
    assert 2.0 < model.edof_ < 60.0
    assert model.score(X, y) > 0.9


def test_strengths_of_many_classes_need_many_targets():
    """In small groups of parameters they are worth their price with five targets a parameter."""
    many = samples.network(np.random.RandomState(0), [16, 16, 30])
    least = int(np.ceil(5 * many.n_parameters / 30))
    assert not affordable(many, least - 1)
    assert affordable(many, least)
    few = samples.network(np.random.RandomState(0), [16, 16, 2])
    assert affordable(few, 50)
    huge = samples.network(np.random.RandomState(0), [16, 1000, 2])
    assert not affordable(huge, 10**9)


def test_adam_looks_for_no_strengths_that_it_does_not_use(monkeypatch):
    """One round of all epochs, or of a third of them and the rest: strengths are found after the first."""
    found, adapt = [], _stage.StageTrainer._adapt

    def adapt_and_note(self, *args):
        found.append(len(self.loss_curve))
        return adapt(self, *args)

    monkeypatch.setattr(_stage.StageTrainer, "_adapt", adapt_and_note)
    rng = np.random.default_rng(0)
    X, y = rng.uniform(-1.0, 1.0, (200, 2)), rng.normal(size=200)
    for n_epochs, ends in [(1, [1]), (3, [1]), (6, [2])]:
        found.clear()
        model = KANRegressor((2,), solver="adam", n_init=1, max_iter=n_epochs, random_state=0).fit(X, y)
        assert found == ends and model.n_iter_ == n_epochs
        assert np.isfinite(model.edof_)
