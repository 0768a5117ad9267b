"""Edges that others make up for: what their removal costs, and fits that do without them."""

import numpy as np
import pytest
import samples
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_kan import KANRegressor, _blocks
from sklearn_kan._elimination import _eliminate, _without, needless_edges
from sklearn_kan._losses import SquaredError
from sklearn_kan._objective import Objective, Strengths
from sklearn_kan._pruning import prune


def quadratic(rng, sizes):
    """Curvature, optimum and edges of some weights each."""
    n = sum(sizes)
    root = rng.normal(size=(n, n))
    places = np.split(np.arange(n), np.cumsum(sizes)[:-1])
    return root @ root.T + 0.1 * np.eye(n), rng.normal(size=n), dict(enumerate(places))


def rise(curvature, optimum, gone):
    """Twice the rise of the quadratic where some weights are zero and the others are free, by solving for them."""
    left = np.setdiff1d(np.arange(len(optimum)), gone)
    w = np.zeros(len(optimum))
    w[left] = np.linalg.solve(curvature[np.ix_(left, left)], (curvature @ optimum)[left])
    return (w - optimum) @ curvature @ (w - optimum), w


def test_order_and_cost_are_those_of_exhaustive_search():
    rng = np.random.default_rng(0)
    curvature, optimum, edges = quadratic(rng, (3, 1, 4, 2, 3))
    gone = _eliminate(np.linalg.inv(curvature), optimum, edges, np.inf, 3)
    removed, before = np.array([], dtype=int), 0.0
    for share, edge in gone:
        costs = {e: rise(curvature, optimum, np.r_[removed, at])[0] for e, at in edges.items()}
        assert edge == min(costs, key=costs.get)
        assert share == pytest.approx(costs[edge] - before)
        removed, before = np.r_[removed, edges.pop(edge)], costs[edge]
    weights = _without(np.linalg.inv(curvature), optimum, removed)
    assert_allclose(weights, rise(curvature, optimum, removed)[1], atol=1e-9)


def test_nothing_dearer_goes():
    curvature, optimum, edges = quadratic(np.random.default_rng(1), (2, 2, 2, 2))
    costs = sorted(rise(curvature, optimum, at)[0] for at in edges.values())
    one = _eliminate(np.linalg.inv(curvature), optimum.copy(), edges, 1.001 * costs[0], 1)
    assert len(one) == 1 and rise(curvature, optimum, edges[one[0][1]])[0] == pytest.approx(costs[0])
    assert not _eliminate(np.linalg.inv(curvature), optimum.copy(), edges, 0.999 * costs[0], 4)


@pytest.fixture
def twins():
    """Two columns that say the same, a third one, and a target of some noise."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1.0, 1.0, (2, 400))
    X = np.column_stack([a, b, a])
    return X, np.sin(3.0 * a) + b**2 + 0.05 * rng.normal(size=400)


def test_one_of_two_equal_columns_is_enough(twins):
    """Both have large functions: standard deviations alone keep both."""
    X, y = twins
    model = KANRegressor((), prune_threshold=5e-2, random_state=0).fit(X, y)
    kept = model.feature_importances_ > 0.0
    assert kept[1] and kept[[0, 2]].sum() == 1
    whole = KANRegressor((), random_state=0).fit(X, y)
    assert min(scores.min() for scores in whole.edge_scores()) > 0.1
    assert model.score(X, y) > whole.score(X, y) - 1e-3


def test_a_column_with_holes_is_one_edge(twins):
    """Its spline and what it learns for missing values go together."""
    X, y = twins
    X = X.copy()
    X[::7, [0, 2]] = np.nan
    model = KANRegressor((), prune_threshold=5e-2, random_state=0).fit(X, y)
    assert (model.feature_importances_ > 0.0).sum() == 2
    first = model.network_.layers[0]
    assert first.tables.mask.sum() == 1
    assert np.isfinite(model.predict(X)).all()


def test_a_constant_model_has_no_tables(twins):
    """What was known of the rows of the larger network's tables does not do for it."""
    X, y = twins
    X = X.copy()
    X[::7, 0] = np.nan
    network = KANRegressor((), random_state=0).fit(X, y).network_
    (first,), (constant,) = network.layers, prune(network, np.inf).layers
    assert len(first.tables) == 1 and not len(constant.tables)
    assert first.expands_like(first) and not constant.expands_like(first)
    with pytest.warns(UserWarning, match="the model is constant"):
        model = KANRegressor((2,), prune_threshold=10.0, random_state=0).fit(X, y)
    assert model.loss_ == pytest.approx(0.5)
    assert_allclose(model.predict(X), y.mean())


def test_without_noise_nothing_that_counts_goes():
    """The share is one of the loss that is left, which is none."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.0, 1.0, (300, 2))
    y = np.sin(3.0 * X[:, 0]) + 0.05 * X[:, 1] ** 2
    model = KANRegressor((), prune_threshold=1e-2, random_state=0).fit(X, y)
    assert (model.feature_importances_ > 0.0).all()
    assert model.score(X, y) > 1.0 - 1e-4


def test_a_part_of_all_goes_at_once(twins):
    X, y = twins
    network = KANRegressor((4,), random_state=0).fit(X, y).network_
    network = type(network)(network.layers, network.offset, network.moments)
    strengths = Strengths(*([np.full(layer.n_in, 1e-6) for layer in network.layers] for _ in range(2)))
    objective = Objective(network, SquaredError(), X, y[:, None], np.full(len(X), 1.0 / len(X)), strengths)
    every = sum(int(layer.edges.sum()) for layer in network.layers)
    before = network.theta.copy()
    gone, theta = needless_edges(objective, np.inf, 0.25)
    assert len(gone) == every // 4
    assert_array_equal(network.theta, before)
    network.theta = theta
    assert all((network.layers[l].weights[i, :, j] == 0.0).all() for l, i, j in gone)  # noqa: E741
    network.theta = before
    ((first,), theta) = needless_edges(objective, np.inf, 0.0)
    assert objective.value(theta) < objective.value(before) + 0.01
    assert needless_edges(objective, np.inf, 0.0, {first})[0] != [first]
    gone, theta = needless_edges(objective, 0.0, 1.0)
    assert not gone
    assert_array_equal(theta, before)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("noise", "solver"), [(0.2, "lbfgs"), (0.0, "lm")])
def test_pruned_networks_are_trained_as_others_are(noise, solver):
    """The sparsity penalty takes 'lm'; without it noisy rows are for L-BFGS, exact ones still for 'lm'."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.0, 1.0, (400, 6))
    y = np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2] + noise * rng.normal(size=400)
    model = KANRegressor((8,), reg_lambda=1e-4, prune_threshold=1e-5, max_iter=30, random_state=0).fit(X, y)
    assert model.solver_ == solver


def test_nodes_of_larger_networks_make_up_for_one_another(monkeypatch):
    """Of two hidden nodes that do the same one is enough, which blocks of one node each cannot tell."""
    rng = np.random.RandomState(0)
    network = samples.network(rng, [2, 2, 1], 300)
    first, last = network.layers
    first.weights[:, :, 1], last.weights[1], last.knots[1] = first.weights[:, :, 0], last.weights[0], last.knots[0]
    X = samples.inputs(rng, network, 500)
    objective = Objective(network, SquaredError(), X, rng.normal(size=(500, 1)), np.ones(500), Strengths(1e-9))
    assert 1400 < network.n_parameters < _blocks._LARGE
    gone, _ = needless_edges(objective, 1e-3, 0.2)
    assert len(gone) == 1
    monkeypatch.setattr(_blocks, "_LARGE", 0)
    assert needless_edges(objective, 1e-3, 0.2)[0] == []
