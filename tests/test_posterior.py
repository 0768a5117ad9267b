"""Posterior of the weights: against dense matrices; intervals on noisy tables; what is pickled and what is refused."""

import copy
import pickle

import numba
import numpy as np
import pytest
import samples
import test_pickle
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

import naive
from sklearn_kan import KANClassifier, KANRegressor, _blocks, _posterior
from sklearn_kan._losses import BinaryLogLoss, MultinomialLogLoss, SquaredError
from sklearn_kan._objective import Objective, Strengths
from sklearn_kan._posterior import degrees_of_freedom, laplace
from sklearn_kan._stage import Rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
STRENGTHS = Strengths(alpha=0.01, smoothing=0.002)


def objective(shape, strengths=STRENGTHS, *, loss=None, masked=True, symbols=False, n_samples=60, seed=0):
    rng = np.random.RandomState(seed)
    network = samples.network(rng, shape, masked=masked)
    if symbols:
        network = samples.with_symbols(network, (0, 1, 0, "sin", (2.0, 0.3, 0.7, 0.1)))
    x = samples.inputs(rng, network, n_samples)
    y = network.raw_predict(x) + 0.3 * rng.normal(size=(n_samples, shape[-1]))
    if isinstance(loss, (BinaryLogLoss, MultinomialLogLoss)):
        y = np.eye(max(2, shape[-1]))[rng.randint(max(2, shape[-1]), size=n_samples)][:, -shape[-1] :]
    return Objective(network, loss or SquaredError(), x, y, rng.uniform(0.5, 2.0, n_samples), strengths)


def with_strengths(one, strengths):
    return Objective(one.network, one.loss, one.X, one.y, one.sample_weight, strengths)


def regressor(**options):
    return KANRegressor(**{"hidden_layer_sizes": (2,), "max_iter": 30, "n_init": 1, "random_state": 0, **options})


def table(n_samples, sigma=0.2, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.uniform(-1.0, 1.0, (n_samples, 2))
    return X, np.sin(3.0 * X[:, 0]) + X[:, 1] ** 2 + sigma * rng.normal(size=n_samples)


# --- against dense matrices -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbols", [False, True])
@pytest.mark.parametrize("shape", [[3, 1], [2, 3, 1], [2, 2, 3, 2]], ids=str)
def test_formulas(shape, symbols):
    """edf = tr(H^-1 A), phi = RSS / (n - 1.4 edf), Var f = phi / n J H^-1 J', from the matrices of the objective."""
    one = objective(shape, masked=not symbols, symbols=symbols)
    theta, n_rows, n_out = one.network.theta, 90, shape[-1]
    whole = one.normal_equations(theta)[2]
    data = with_strengths(one, Strengths()).normal_equations(theta)[2]
    inverse = np.linalg.inv(whole)
    found = laplace(one, n_rows)
    edf = np.trace(inverse @ data)
    assert 5.0 < edf < 0.9 * len(theta)
    assert_allclose(found.edf, edf, rtol=1e-6)
    residual = one.y - one.network.forward(one.X)[0]
    phi = n_rows * np.average(residual**2, axis=0, weights=one.sample_weight) / (n_rows - 1.4 * edf / n_out)
    assert_allclose(found.noise, phi, rtol=1e-6)
    x = samples.inputs(np.random.RandomState(5), one.network, 7, reach=1.5)
    jacobian = derivatives(one.network, x)
    expected = np.einsum("skp,pq,skq->sk", jacobian, inverse, jacobian) * phi / n_rows
    assert_allclose(found.variance(one.network, x), expected, rtol=1e-5)


@pytest.mark.parametrize("detail", ["whole", "nodes", "last"])
def test_categories_and_missing_values_count(detail, monkeypatch):
    rng = np.random.RandomState(0)
    network = samples.mixed_network(rng, [4, 2, 1])
    x = samples.mixed_inputs(rng, network, 80)
    y = network.raw_predict(x) + 0.3 * rng.normal(size=(80, 1))
    one = Objective(network, SquaredError(), x, y, np.ones(80), STRENGTHS)
    monkeypatch.setattr(_blocks, "_DENSE", np.sqrt(_blocks.Parts(network, detail).size) + 1e-6)
    found = laplace(one, 80)
    assert found.detail == detail
    places = _blocks._places(network.layers)[network.free]
    kept = places[:, 0] >= (1 if detail == "last" else 0)
    same = (places[:, None, [0, 3]] == places[None, :, [0, 3]]).all(axis=2) | (detail == "whole")
    hessian = one.normal_equations(network.theta)[2]
    whole = np.where(same, hessian, 0.0)[np.ix_(kept, kept)]
    new = samples.mixed_inputs(rng, network, 7)
    jacobian = derivatives(network, new)[:, :, kept]
    expected = np.einsum("skp,pq,skq->sk", jacobian, np.linalg.inv(whole), jacobian) * found.noise / 80
    assert_allclose(found.variance(network, new), expected, rtol=1e-5)


def derivatives(network, x):
    """Of the raw predictions by the parameters, by differences: shape (n_samples, n_out, n_parameters)."""
    network = network.copy()
    theta = network.theta

    def raw(shift):
        network.theta = theta + shift
        return network.forward(x)[0]

    steps = 1e-5 * np.eye(len(theta))
    return np.stack([(raw(step) - raw(-step)) / 2e-5 for step in steps], axis=2)


def test_jacobian_is_the_naive_one():
    one = objective([2, 3, 2], masked=False)
    x = samples.inputs(np.random.RandomState(5), one.network, 7)
    parts = _blocks.Parts(one.network, "whole")
    _, terms = one.network.forward(x)
    jacobian = parts.jacobian(one.network, terms, np.tile(np.eye(2), (7, 1, 1)))
    assert_allclose(jacobian, naive.jacobian(one.network, x), rtol=1e-9)


@pytest.mark.parametrize("loss, n_out", [(SquaredError(), 2), (MultinomialLogLoss(), 3)])
@pytest.mark.parametrize("least", [1, 15, 1000])
def test_matrices_of_groups_are_blocks_of_the_whole(loss, n_out, least, monkeypatch):
    """One row a sample stands for all outputs; where work is dear groups are a few neighbouring edges each."""
    one = objective([4, 3, n_out], loss=loss, masked=False)
    monkeypatch.setattr(_blocks, "_WORK", 0.0)
    monkeypatch.setattr(_blocks, "_LEAST", least)
    parts = _blocks.Parts(one.network, "nodes")
    monkeypatch.setattr(_blocks, "_WORK", np.inf)
    whole = with_strengths(one, Strengths()).normal_equations(one.network.theta)[2]
    assert_array_equal(np.sort(np.concatenate(parts.groups)), np.arange(len(whole)))
    n_terms = one.network.layers[0].n_basis + 1
    assert max(map(len, parts.groups)) <= {1: n_terms, 15: 15 + n_terms, 1000: 4 * n_terms}[least]
    assert len(parts.groups) >= {1: 4 * 3, 15: 2 * 3, 1000: 3}[least]
    for group, matrix in zip(parts.groups, _blocks.normal_matrices(one, parts), strict=True):
        place = parts.places[group]
        assert len(np.unique(place[:, 3])) == 1
        assert len(group) == n_terms * len(np.unique(place[:, 1]))
        assert_allclose(matrix, whole[np.ix_(group, group)], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("loss, n_out", [(BinaryLogLoss(), 1), (MultinomialLogLoss(), 3)])
def test_class_labels_have_no_noise_to_estimate(loss, n_out):
    one = objective([2, 2, n_out], loss=loss)
    found = laplace(one, 60)
    assert_array_equal(found.noise, np.ones(n_out))
    whole = one.normal_equations(one.network.theta)[2]
    x = samples.inputs(np.random.RandomState(5), one.network, 7)
    jacobian = derivatives(one.network, x)
    expected = np.einsum("skp,pq,skq->sk", jacobian, np.linalg.inv(whole), jacobian) / 60
    assert_allclose(found.variance(one.network, x), expected, rtol=1e-5)


@pytest.mark.parametrize("n_samples", [1, 10, 200])
@pytest.mark.parametrize(
    "make",
    [
        lambda n: objective([3, 4, 1], loss=BinaryLogLoss(), n_samples=n),
        lambda n: objective([3, 4, 3], loss=MultinomialLogLoss(), n_samples=n),
        lambda n: objective([3, 4, 1], symbols=True, masked=False, n_samples=n),
        lambda n: samples.mixed_objective(
            Strengths(alpha=[np.geomspace(1e-4, 1e2, 4), np.full(3, 1e-3)], smoothing=0.01), n
        ),
    ],
    ids=["two classes", "three classes", "symbols", "tables"],
)
def test_degrees_of_freedom_of_few_and_many_rows(make, n_samples):
    one = make(n_samples)
    assert_allclose(degrees_of_freedom(one), laplace(one, n_samples).edf, rtol=1e-6)


@pytest.mark.parametrize("alpha, from_rows", [(0.0, False), (1e-12, False), (1e-3, True)])
def test_weak_penalties_leave_no_inverse(alpha, from_rows):
    one = objective([3, 4, 3], Strengths(alpha=alpha), loss=MultinomialLogLoss(), n_samples=10)
    found = _posterior._freedom_of_rows(one, one.parts("whole"))
    assert (found is not None) == from_rows
    if alpha > 0.0:
        assert_allclose(degrees_of_freedom(one), laplace(one, 10).edf, rtol=1e-6)


def test_gauge_directions_do_not_count():
    """Without penalties the constants of two functions may be exchanged: a pseudo-inverse ignores that."""
    one = objective([3, 1], Strengths(), n_samples=200, masked=False)
    data = one.normal_equations(one.network.theta)[2]
    rank = np.linalg.matrix_rank(data, tol=1e-10 * np.abs(data).max())
    assert rank < len(data)
    found = laplace(one, 200)
    assert_allclose(found.edf, rank, rtol=1e-3)
    x = samples.inputs(np.random.RandomState(5), one.network, 7, reach=0.8)
    jacobian = derivatives(one.network, x)
    inverse = np.linalg.pinv(data, rcond=1e-10, hermitian=True)
    expected = np.einsum("skp,pq,skq->sk", jacobian, inverse, jacobian) * found.noise / 200
    assert_allclose(found.variance(one.network, x), expected, rtol=1e-2)


@pytest.mark.parametrize("detail", ["nodes", "last"])
def test_groups_of_many_parameters(detail, monkeypatch):
    """Functions into different nodes as independent, or so and of the last layer only: the matrix has blocks."""
    one = objective([2, 3, 2], masked=False, symbols=True)
    network, n_rows = one.network, 60
    parts = _blocks.Parts(network, detail)
    monkeypatch.setattr(_blocks, "_DENSE", np.sqrt(parts.size) + 1e-6)
    found = laplace(one, n_rows)
    assert found.detail == detail
    nodes = []
    for depth, layer in enumerate(network.layers):
        nodes += [10 * depth + j for _ in range(layer.n_in * (layer.n_basis + 1)) for j in range(layer.n_out)]
    nodes += [0] * 4  # the symbol leads into node 0 of the first layer
    node = np.array(nodes)[network.free]
    kept = node >= (10 if detail == "last" else 0)
    blocks = (node[:, None] == node) & kept
    whole = np.where(blocks, one.normal_equations(network.theta)[2], 0.0)[np.ix_(kept, kept)]
    data = np.where(blocks, with_strengths(one, Strengths()).normal_equations(network.theta)[2], 0.0)[
        np.ix_(kept, kept)
    ]
    inverse = np.linalg.inv(whole)
    assert_allclose(found.edf, np.trace(inverse @ data), rtol=1e-6)
    x = samples.inputs(np.random.RandomState(5), network, 7)
    jacobian = derivatives(network, x)[:, :, kept]
    expected = np.einsum("skp,pq,skq->sk", jacobian, inverse, jacobian) * found.noise / n_rows
    assert_allclose(found.variance(network, x), expected, rtol=1e-5)


def test_too_many_parameters(monkeypatch):
    monkeypatch.setattr(_blocks, "_DENSE", 5)
    X, y = table(60)
    model = regressor().fit(X, y)
    assert np.isnan(model.edof_)
    with pytest.raises(ValueError, match="too many parameters"):
        model.predict(X, return_std=True)


def test_some_rows_stand_for_all(monkeypatch):
    one = objective([2, 2, 1], n_samples=4000)
    all_rows = laplace(one, 4000)
    monkeypatch.setattr(_blocks, "_MOST_WORK", 1000 * one.network.n_parameters**2)
    some = laplace(one, 4000)
    assert some.edf != all_rows.edf
    assert_allclose(some.edf, all_rows.edf, rtol=0.05)
    assert_allclose(some.noise, all_rows.noise, rtol=1e-2)
    x = samples.inputs(np.random.RandomState(5), one.network, 50)
    ratio = some.variance(one.network, x) / all_rows.variance(one.network, x)
    assert_allclose(ratio, 1.0, rtol=0.5)


def test_threads_and_chunks_do_not_show(monkeypatch):
    one = objective([2, 3, 1], n_samples=3000)
    monkeypatch.setattr(_blocks, "_ELEMENTS", 500 * one.network.n_parameters)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        posterior = laplace(one, 3000)
        found.append([posterior.edf, posterior.noise, *posterior.roots, posterior.variance(one.network, one.X)])
    for a, b in zip(*found, strict=True):
        assert_array_equal(a, b)


# --- intervals --------------------------------------------------------------------------------------------------------


def test_noise_is_no_more_than_around_a_constant():
    """Parameters that leave no freedom tell nothing of the noise."""
    one = objective([2, 3, 1], Strengths(alpha=1e-9), n_samples=20)
    y, weight = one.y[:, 0], one.sample_weight
    assert_allclose(laplace(one, 20).noise, np.cov(y, aweights=weight, bias=True), rtol=1e-9)


def test_rows_held_out_tell_the_noise():
    """Squared residuals of new rows are phi (1 + v) in the mean; a hundred rows are enough."""
    one = objective([2, 3, 2], n_samples=200)
    new = objective([2, 3, 2], n_samples=100, seed=3)
    rows = Rows(new.X, new.y, np.linspace(1.0, 2.0, 100))
    found = laplace(one, 200, rows)
    raw = one.network.raw_predict(rows.X)
    v = found.variance(one.network, rows.X) / found.noise
    assert_allclose(found.noise, np.average((rows.y - raw) ** 2 / (1.0 + v), axis=0, weights=rows.weight), rtol=1e-9)
    few = Rows(rows.X[:99], rows.y[:99], rows.weight[:99])
    assert_array_equal(laplace(one, 200, few).noise, laplace(one, 200).noise)
    X, y = table(1500)
    model = regressor(early_stopping=True).fit(X, y)
    assert_allclose(np.median(model.predict(X, return_std=True)[1]), 0.2, rtol=0.15)


def test_noise_is_found_and_intervals_cover():
    X, y = table(1000)
    model = regressor().fit(X[:400], y[:400])
    mean, deviation = model.predict(X[400:], return_std=True)
    assert_array_equal(mean, model.predict(X[400:]))
    assert mean.shape == deviation.shape == (600,)
    assert_allclose(np.median(deviation), 0.2, rtol=0.1)
    inside = np.abs(y[400:] - mean) < norm.ppf(0.95) * deviation
    assert 0.86 < inside.mean() < 0.94
    assert 3.0 < model.edof_ < 0.6 * model.n_parameters_


def test_predictions_deviate_as_much_as_said():
    """Over tables with other noise the spread of predictions is that of the posterior, in the mean over rows."""
    X, truth = table(300, sigma=0.0)
    grid = np.random.RandomState(1).uniform(-0.9, 0.9, (100, 2))
    predicted, variances = [], []
    for seed in range(12):
        y = truth + 0.3 * np.random.RandomState(seed).normal(size=len(X))
        model = regressor(hidden_layer_sizes=()).fit(X, y)
        mean, deviation = model.predict(grid, return_std=True)
        predicted.append(mean)
        variances.append(deviation**2 - (model._posterior.noise * model._target_scale**2))
    said = np.sqrt(np.mean(variances))
    errors = np.array(predicted) - (np.sin(3.0 * grid[:, 0]) + grid[:, 1] ** 2)
    assert 0.7 < np.sqrt(np.mean(errors**2)) / said < 1.3


def test_deviations_grow_beyond_the_rows():
    X, y = table(300)
    model = regressor(hidden_layer_sizes=()).fit(X, y)
    _, deviation = model.predict([[0.0, 0.0], [1.5, 0.0], [3.0, 0.0], [9.0, 0.0]], return_std=True)
    assert (np.diff(deviation) > 0.0).all()
    assert deviation[-1] > 3.0 * deviation[0]
    assert np.isfinite(regressor().fit(X, y).predict([[1e9, -1e9]], return_std=True)[1]).all()


def test_units_of_y_and_outputs():
    X, y = table(150)
    one = regressor().fit(X, y)
    other = regressor().fit(X, 1e3 * y + 5e5)
    assert_allclose(other.predict(X, return_std=True)[1], 1e3 * one.predict(X, return_std=True)[1], rtol=1e-4)
    noisy = np.column_stack([y, 100.0 * (y + np.random.RandomState(1).normal(size=len(y)))])
    mean, deviation = regressor().fit(X, noisy).predict(X, return_std=True)
    assert mean.shape == deviation.shape == noisy.shape
    assert_allclose(np.median(deviation, axis=0), [0.2, 102.0], rtol=0.25)


def test_noise_of_an_output_is_its_own():
    """Beside outputs of much noise, or of none."""
    X, y = table(1000)
    others = np.random.RandomState(1).normal(size=(1000, 2)), X[:, :1]
    for other in others:
        both = np.column_stack([y, other])
        model = regressor(hidden_layer_sizes=()).fit(X[:400], both[:400])
        mean, deviation = model.predict(X[400:], return_std=True)
        inside = np.abs(both[400:] - mean) < norm.ppf(0.95) * deviation
        assert 0.86 < inside[:, 0].mean() < 0.94
        assert_allclose(np.median(deviation[:, 0]), 0.2, rtol=0.1)


def test_repeated_rows_count():
    """Rows seen twice are twice as many, though the fit merges them: the noise is the same, weights are surer."""
    X, y = table(150)
    y = np.round(2.0 * y)  # ratings: equal ones are no copies
    given = {"hidden_layer_sizes": (), "alpha": 1e-4, "smoothing": 1e-4}
    once = regressor(**given).fit(X, y)
    twice = regressor(**given).fit(np.repeat(X, 2, axis=0), np.repeat(y, 2))
    assert_allclose(twice.edof_, once.edof_, rtol=1e-9)
    ratio = twice._posterior.variance(twice.network_, X) / once._posterior.variance(once.network_, X)
    assert_allclose(ratio, ratio[0, 0], rtol=1e-9)
    edf = once.edof_
    assert_allclose(ratio[0, 0], 0.5 * (1.0 - 1.4 * edf / 150) / (1.0 - 1.4 * edf / 300), rtol=1e-9)


def test_copies_do_not_count():
    """Where all targets differ, a row seen twice is the same row with the same noise."""
    X, y = table(150)
    once = regressor(hidden_layer_sizes=()).fit(X, y)
    twice = regressor(hidden_layer_sizes=()).fit(np.repeat(X, 2, axis=0), np.repeat(y, 2))
    for one, other in zip(once.predict(X, return_std=True), twice.predict(X, return_std=True), strict=True):
        assert_array_equal(one, other)


def test_few_rows_and_a_constant():
    X, y = table(8)
    deviation = regressor().fit(X, y).predict(X, return_std=True)[1]
    assert np.isfinite(deviation).all()
    constant = regressor().fit(X, np.ones(8))
    assert_array_equal(constant.predict(X, return_std=True), [np.ones(8), np.zeros(8)])
    assert constant.edof_ == 0.0


# --- state ------------------------------------------------------------------------------------------------------------


def test_the_covariance_is_pickled_if_asked_for():
    X, y = table(100)
    with_it = regressor(store_covariance=True).fit(X, y)
    loaded = pickle.loads(pickle.dumps(with_it))
    for one, other in zip(loaded.predict(X, return_std=True), with_it.predict(X, return_std=True), strict=True):
        assert_array_equal(one, other)
    without = regressor().fit(X, y)
    assert_array_equal(without.predict(X, return_std=True)[1], with_it.predict(X, return_std=True)[1])
    test_pickle.assert_plain(with_it.__getstate__())
    assert len(pickle.dumps(without)) < 0.3 * len(pickle.dumps(with_it))
    loaded = pickle.loads(pickle.dumps(without))
    assert loaded.edof_ == without.edof_
    assert_array_equal(loaded.predict(X), without.predict(X))
    with pytest.raises(ValueError, match="store_covariance=True"):
        loaded.predict(X, return_std=True)
    for model in (with_it, without):
        copied = copy.deepcopy(model)
        assert_array_equal(copied.predict(X, return_std=True)[1], model.predict(X, return_std=True)[1])
        assert copied._posterior is not model._posterior
        assert_array_equal(copy.copy(model).predict(X, return_std=True)[1], model.predict(X, return_std=True)[1])


def test_no_deviations_of_a_network_that_was_changed():
    X, y = table(100)
    model = regressor().fit(X, y)
    for changed in (model.refine(10), model.prune(1e-3), regressor().partial_fit(X, y)):
        with pytest.raises(ValueError, match="return_std=True needs the covariance"):
            changed.predict(X, return_std=True)
    model.predict(X, return_std=True)
    model.refine(10, X, y).predict(X, return_std=True)


def test_no_deviations_of_other_losses():
    X, y = table(100)
    model = regressor(loss="huber").fit(X, y)
    with pytest.raises(ValueError, match="return_std=True needs loss='squared_error'"):
        model.predict(X, return_std=True)


def test_edof_of_classes():
    X, y = table(150)
    model = KANClassifier((2,), n_init=1, random_state=0).fit(X, np.searchsorted([0.0, 0.7], y))
    assert 3.0 < model.edof_ < model.n_parameters_
