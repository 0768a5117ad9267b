"""Scores against plain loops; pruned networks are smaller and lose nothing but what was named."""

import numpy as np
import pytest
import samples
from numpy.testing import assert_allclose, assert_array_equal

import naive
from sklearn_kan import KANClassifier, KANRegressor
from sklearn_kan._losses import SquaredError
from sklearn_kan._objective import Objective, Strengths
from sklearn_kan._pruning import attribution, edge_deviations, importances, node_scores, prune


def measured(network, X, weight=None):
    """The network with the moments of its edges over these rows."""
    weight = np.ones(len(X)) if weight is None else weight
    y = np.zeros((len(X), network.shape[-1]))
    network.moments = Objective(network, SquaredError(), X, y, weight, Strengths()).moments(network.theta)
    return network


def make(shape=(3, 4, 2), seed=0, **options):
    rng = np.random.RandomState(seed)
    network = samples.network(rng, list(shape), **options)
    X = samples.inputs(rng, network, 200)
    return measured(network, X), X


def shrink(layer, i, j, factor=1e-6):
    layer.weights[i, :, j] *= factor


def phi(network, X):
    """Functions of every layer's edges at some rows, a list of (n_samples, n_in, n_out) arrays."""
    found = []
    for layer in network.layers:
        edges = [[naive.edge(layer, i, j, X[:, i])[0] for j in range(layer.n_out)] for i in range(layer.n_in)]
        found.append(np.moveaxis(np.array(edges), 2, 0))
        X = naive.layer_forward(layer, X)
    return found


def test_scores():
    rng = np.random.RandomState(1)
    network, X = make()
    weight = rng.uniform(0.0, 3.0, len(X))
    measured(network, X, weight)
    share = weight / weight.sum()
    for deviations, values in zip(edge_deviations(network.moments), phi(network, X), strict=True):
        mean = np.einsum("s,sij->ij", share, values)
        assert_allclose(deviations**2, np.einsum("s,sij->ij", share, (values - mean) ** 2), rtol=1e-7)


def test_attribution():
    """Sums to one; without hidden layers it is each edge's share of its output's deviations."""
    network, X = make()
    importance = attribution(network)
    assert importance.shape == (3,)
    assert_allclose(importance.sum(), 1.0)
    assert importance.min() > 0.0
    additive, X = make((3, 2))
    deviation = phi(additive, X)[0].std(axis=0)
    assert_allclose(attribution(additive), (deviation / deviation.sum(axis=0)).mean(axis=1), rtol=1e-9)


def test_attribution_flows_through_the_nodes():
    """An input that feeds a node which goes nowhere is of no importance."""
    network, X = make((2, 2, 1))
    first, last = network.layers
    for edge in ((0, 1), (1, 0)):  # input 0 feeds node 0, input 1 feeds node 1
        shrink(first, *edge, factor=0.0)
    shrink(last, 1, 0, factor=0.0)
    measured(network, X)
    assert_allclose(attribution(network), [1.0, 0.0], atol=1e-12)


def test_importances():
    """What holding a column's functions at their means changes, by naive means; an additive network's deviations."""
    network, X = make()
    share = np.linspace(1.0, 2.0, len(X))
    share /= share.sum()
    effects = []
    for i in range(3):
        functions = phi(network, X)[0]
        held = functions.sum(axis=1) - functions[:, i] + share @ functions[:, i]
        behind = naive.layer_forward(network.layers[1], held)
        changes = network.raw_predict(X) - network.offset - behind
        effects.append(np.sqrt(np.cov(changes.T, aweights=share, bias=True).diagonal()))
    expected = (effects / np.sum(effects, axis=0)).mean(axis=1)
    assert_allclose(importances(network, X, 5.0 * share), expected, rtol=1e-9)
    additive, X = make((3, 2))
    deviation = phi(additive, X)[0].std(axis=0)
    found = importances(additive, X, np.ones(len(X)))
    assert_allclose(found, (deviation / deviation.sum(axis=0)).mean(axis=1), rtol=1e-9)


def test_ways_that_cancel_are_of_no_importance():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 3))
    y = 3.0 * X[:, 0] + X[:, 1] + 0.1 * rng.normal(size=400)
    model = KANRegressor(random_state=0).fit(X, y)
    assert_allclose(model.feature_importances_, [0.75, 0.25, 0.0], atol=0.03)
    assert_allclose(model.prune(1e-3, X=X).feature_importances_, [0.75, 0.25, 0.0], atol=0.05)
    assert_allclose(model.feature_importances_.sum(), 1.0)


def test_a_rare_value_is_important():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(3000, 2))
    X[:, 0] = np.arange(3000) % 333 == 0
    model = KANRegressor((), random_state=0).fit(X, X[:, 1] + 20.0 * X[:, 0])
    assert model.feature_importances_[0] > 0.4


def test_attribution_of_a_constant_network():
    network, X = make()
    network.weights[:] = 0.0
    assert_array_equal(attribution(measured(network, X)), np.zeros(3))
    assert_array_equal(importances(network, X, np.ones(len(X))), np.zeros(3))


def test_prune_nodes_by_their_scores():
    """Node i stays if its largest incoming and its largest outgoing norm both exceed the threshold (eq. 2.18)."""
    network, X = make((2, 4, 2))
    first, last = network.layers
    for i in range(2):
        shrink(first, i, 1)  # node 1: nothing comes in
    for j in range(2):
        shrink(last, 2, j)  # node 2: nothing goes out
    shrink(first, 0, 3)  # node 3 is fed by one input alone, and stays
    measured(network, X)
    scores = node_scores(edge_deviations(network.moments))
    assert [len(layer) for layer in scores] == network.shape
    threshold = 1e-3
    assert_array_equal(scores[1] > threshold, [True, False, False, True])
    raw = network.raw_predict(X)
    theta = network.theta

    pruned = prune(network, threshold)
    assert pruned.shape == [2, 2, 2]
    assert [layer.weights.shape for layer in pruned.layers] == [(2, 8, 2), (2, 8, 2)]
    assert_array_equal(pruned.layers[0].edge_mask, [[True, False], [True, True]])
    assert pruned.layers[1].edge_mask.all()
    assert pruned.n_parameters == 7 * 8 == len(pruned.theta)
    # node 1 was the constant 0 to about 1e-6, node 2 went nowhere: the function stays
    assert_allclose(pruned.raw_predict(X), raw, atol=1e-4)
    # another network
    assert network.shape == [2, 4, 2]
    assert_array_equal(network.theta, theta)
    assert_array_equal(network.raw_predict(X), raw)


def test_prune_keeps_the_mean_over_the_rows():
    """An edge of the last layer that goes leaves its mean behind: only its variation is lost."""
    network, X = make((3, 2))
    network.layers[0].weights[1, :, 0] *= 0.05
    network.layers[0].weights[1, :-1, 0] += 0.2
    measured(network, X)
    threshold = edge_deviations(network.moments)[0][1, 0] * 1.01
    assert (edge_deviations(network.moments)[0] > threshold).sum() == 5
    pruned = prune(network, threshold)
    raw, found = network.raw_predict(X), pruned.raw_predict(X)
    assert_allclose(found.mean(axis=0), raw.mean(axis=0), rtol=1e-10)
    assert_array_equal(found[:, 1], raw[:, 1])
    lost = phi(network, X)[0][:, 1, 0]
    assert_allclose(raw[:, 0] - found[:, 0], lost - lost.mean(), atol=1e-10)


def test_prune_keeps_the_mean_of_hidden_nodes():
    network, X = make((3, 2, 1))
    network.layers[0].weights[1, :, 0] *= 0.05
    network.layers[0].weights[1, :-1, 0] += 0.1
    network.layers[1].weights *= 10.0
    measured(network, X)
    pruned = prune(network, edge_deviations(network.moments)[0][1, 0] * 1.01)
    assert_array_equal(pruned.layers[0].edge_mask, [[True, True], [False, True], [True, True]])
    before, after = network.activations(X, 1), pruned.activations(X, 1)
    assert_allclose(after.mean(axis=0), before.mean(axis=0), rtol=1e-9)


def test_prune_follows_dead_ends():
    """Without the last edge of a node, what fed it goes as well, back to the inputs."""
    network, X = make((2, 2, 2, 1))
    shrink(network.layers[2], 0, 0)
    shrink(network.layers[1], 1, 1)  # node 1 of layer 1 feeds node 0 of layer 2 alone, which goes nowhere
    measured(network, X)
    pruned = prune(network, 1e-3)
    assert pruned.shape == [2, 1, 1, 1]
    assert_allclose(pruned.raw_predict(X), network.raw_predict(X), atol=1e-4)


def test_pruned_input_keeps_its_column():
    network, X = make((3, 3, 1))
    for j in range(3):
        shrink(network.layers[0], 1, j)
    pruned = measured(prune(measured(network, X), 1e-3), X)
    assert pruned.shape[0] == 3
    assert not pruned.layers[0].edge_mask[1].any()
    importance = attribution(pruned)
    assert importance[1] == 0.0
    assert_allclose(importance.sum(), 1.0)
    before = pruned.raw_predict(X)
    X[:, 1] = 1e6
    assert_array_equal(pruned.raw_predict(X), before)


def test_threshold_zero_prunes_nothing():
    network, X = make()
    pruned = prune(network, 0.0)
    assert pruned.shape == network.shape
    assert_array_equal(pruned.raw_predict(X), network.raw_predict(X))


def test_prune_everything():
    network, X = make()
    pruned = prune(network, 1e9)
    assert pruned.n_parameters == 0
    assert_allclose(pruned.raw_predict(X), np.tile(network.offset, (len(X), 1)), rtol=1e-12)


# --- estimators -------------------------------------------------------------------------------------------------------


def table(n_columns=5, n_samples=150, seed=0):
    """y depends on columns 0 and 2 alone."""
    X = np.random.RandomState(seed).uniform(-1.0, 1.0, (n_samples, n_columns))
    return X, np.sin(3.0 * X[:, 0]) + X[:, 2] ** 2


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_regressor_gets_smaller():
    X, y = table()
    options = {"reg_lambda": 1e-2, "max_iter": 100, "random_state": 0}
    whole = KANRegressor((4,), **options).fit(X, y)
    small = KANRegressor((4,), prune_threshold=1e-2, **options).fit(X, y)
    assert small.n_parameters_ < whole.n_parameters_
    assert small.layer_sizes_[0] == small.n_features_in_ == 5
    assert small.layer_sizes_[1] < 4
    assert small.layer_sizes_ == small.network_.shape
    assert small.network_.layers[0].weights.shape[2] == small.layer_sizes_[1]
    assert small.score(X, y) > 0.97
    importance = small.feature_importances_
    assert importance.shape == (5,)
    assert_array_equal(importance[[1, 3, 4]], np.zeros(3))
    assert (importance[[0, 2]] > 0.1).all()
    assert_allclose(importance.sum(), 1.0)
    before = small.predict(X)
    X[:, [1, 3, 4]] = np.random.RandomState(1).normal(scale=1e3, size=(len(X), 3))
    assert_array_equal(small.predict(X), before)


@pytest.mark.parametrize("solver", ["lm", "lbfgs", "adam"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scores_are_in_the_gauge(solver):
    """However the penalty shrank them while training: hidden nodes that count fill their knots in the end."""
    X, y = table()
    model = KANRegressor((4,), reg_lambda=1e-2, solver=solver, max_iter=100, random_state=0).fit(X, y)
    t = model.network_.activations(X, 1)
    outgoing = edge_deviations(model.network_.moments)[1].max(axis=1)
    counts = outgoing > 0.01 * outgoing.max()
    assert counts.any()
    assert np.ptp(t[:, counts], axis=0).min() > 1.5
    # so a column that explains a fifth of the target has edges that show it
    assert edge_deviations(model.network_.moments)[0].max(axis=1)[2] > 0.05


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("squared_error", np.mean),
        ("poisson", np.mean),
        ("absolute_error", np.median),
        ("quantile", lambda y: np.quantile(y, 0.9)),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:prune_threshold:UserWarning")
def test_constant_regressor_is_the_best_constant(loss, expected):
    X, y = table()
    y = np.exp(2.0 * y)
    model = KANRegressor(loss=loss, quantile=0.9, prune_threshold=1e9, max_iter=20, random_state=0).fit(X, y)
    assert_allclose(model.predict(X), expected(y), rtol=0.05)


@pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_constant_model(Estimator):
    """A threshold above all scores leaves the mean, or the class frequencies, and says so."""
    X, y = table()
    target = y if Estimator is KANRegressor else np.where(y > 0.8, "high", "low")
    model = Estimator(prune_threshold=1e9, max_iter=20, random_state=0)
    with pytest.warns(UserWarning, match="prune_threshold.* constant"):
        model.fit(X, target)
    assert model.n_parameters_ == 0
    assert_array_equal(model.feature_importances_, np.zeros(5))
    far = np.vstack([X, 1e6 * X])
    if Estimator is KANRegressor:
        assert_allclose(model.predict(far), np.full(300, y.mean()), atol=0.02 * y.std())
    else:
        frequency = np.mean(target == model.classes_[1])
        assert_allclose(model.predict_proba(far), np.tile([1.0 - frequency, frequency], (300, 1)), atol=0.05)
    assert np.isfinite(model.loss_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_pruning_with_early_stopping_and_grids():
    X, y = table(n_samples=200)
    model = KANRegressor(
        (4,),
        grid_size=(3, 6),
        reg_lambda=3e-2,
        prune_threshold=5e-2,
        early_stopping=True,
        max_iter=60,
        random_state=0,
    ).fit(X, y)
    assert model.layer_sizes_[1] < 4
    assert model.score(X, y) > 0.95
    assert np.isfinite(model.validation_scores_).all()
