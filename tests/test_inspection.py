"""Scores, pruning and what goes on after it: methods of the estimators that look into them or return smaller ones."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sklearn_kan import KANClassifier, KANRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Each step of fit -> prune -> fit on -> refine may raise the loss by this factor at most.
TOLERANCE = 1e-9


def table(seed=0, n_samples=200, n_columns=4):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, (n_samples, n_columns))
    return X, np.sin(3.0 * X[:, 0]) + X[:, 1] ** 2 + 0.05 * rng.normal(size=n_samples)


def fitted(Estimator=KANRegressor, hidden=(2,), seed=0, **options):
    X, y = table(seed)
    y = y if Estimator is KANRegressor else (y > np.median(y)).astype(int)
    return Estimator(hidden, n_init=1, max_iter=30, random_state=0, **options).fit(X, y), X, y


both = pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])


def phi(model, X, l, i, j):  # noqa: E741
    """The function of an edge at rows, in units of the network."""
    layer = model.network_.layers[l]
    x = model.network_.activations(X, l)[:, i]
    return layer.edge(i, (x - layer.center[i]) / layer.scale[i])[:, j]


# --- scores -----------------------------------------------------------------------------------------------------------


@both
def test_edge_scores(Estimator):
    """The standard deviation of each function: over the training rows as kept at fit, or over others."""
    model, X, _ = fitted(Estimator)
    others = 0.5 * X[:50]
    for rows, scores in ((X, model.edge_scores()), (others, model.edge_scores(others))):
        for l, layer in enumerate(scores):  # noqa: E741
            for (i, j), score in np.ndenumerate(layer):
                assert score == pytest.approx(phi(model, rows, l, i, j).std(), rel=1e-6, abs=1e-9)


def test_relative_scores():
    model, _, _ = fitted()
    for layer, relative in zip(model.edge_scores(), model.edge_scores(relative=True), strict=True):
        assert_allclose(relative, layer / layer.max())


def test_node_scores():
    """The lesser of the best edge before and the best edge behind."""
    model, _, _ = fitted()
    first, last = model.edge_scores()
    inputs, hidden, outputs = model.node_scores()
    assert_array_equal(inputs, first.max(axis=1))
    assert_array_equal(hidden, np.minimum(first.max(axis=0), last.max(axis=1)))
    assert_array_equal(outputs, last.max(axis=0))


def test_scores_know_no_units():
    X, y = table()
    model = KANRegressor((2,), n_init=1, max_iter=30, random_state=0)
    scores = clone(model).fit(X, y).edge_scores()
    for layer, other in zip(scores, clone(model).fit(1e3 * X + 7.0, 1e-4 * y + 3.0).edge_scores(), strict=True):
        assert_allclose(layer, other, rtol=1e-4)


@both
def test_predicting_changes_no_score(Estimator):
    model, X, _ = fitted(Estimator)
    before = pickle.dumps(model)
    model.predict(3.0 * X)
    model.edge_scores(X[:20])
    model.node_scores(X[:20])
    assert pickle.dumps(model) == before


# --- prune ------------------------------------------------------------------------------------------------------------


@both
def test_prune_returns_another_one(Estimator):
    model, X, _ = fitted(Estimator)
    before = pickle.dumps(model)
    scores = np.sort(np.concatenate([layer.ravel() for layer in model.edge_scores()]))
    pruned = model.prune(scores[3])
    assert pickle.dumps(model) == before
    assert pruned.get_params() == model.get_params()
    assert pruned.n_parameters_ < model.n_parameters_
    assert pruned.n_features_in_ == 4 and len(pruned.feature_importances_) == 4
    assert_array_equal(pruned.feature_importances_ > 0, pruned.network_.layers[0].edges.any(axis=1))
    assert_array_equal(pickle.loads(pickle.dumps(pruned)).predict(X), pruned.predict(X))


def test_pruning_by_relative_scores_and_other_rows():
    model, X, _ = fitted()
    first, last = model.edge_scores(relative=True)
    assert first.max() == last.max() == 1.0
    narrower, wider = np.sort(np.minimum(first.max(axis=0), last[:, 0]))  # the widest ways through the two nodes
    assert model.prune(0.5 * (narrower + wider), relative=True).layer_sizes_[1] == 1
    narrow = X.copy()
    narrow[:, 0] = 0.3  # the first column varies not at all over these rows
    assert_array_equal(model.prune(1e-6, X=narrow).feature_importances_ > 0, [False, True, True, True])


def test_pruning_everything_is_an_error():
    model, _, _ = fitted()
    first, last = model.edge_scores()
    best = max(min(first[i, j], last[j, 0]) for i, j in np.ndindex(first.shape))
    with pytest.raises(ValueError, match=r"threshold=5\.0 would remove every way .* Choose one below"):
        model.prune(5.0)
    with pytest.raises(ValueError, match="Choose one below"):
        model.prune(best)
    assert model.prune(0.99 * best).n_parameters_ > 0
    for threshold in (1.0, best):
        with pytest.raises(ValueError, match="Choose one below") as error:
            model.prune(threshold)
        told = float(str(error.value).split("below ")[1][:-1])
        assert 0.998 * best < told < best
        assert model.prune(told).n_parameters_ > 0


@pytest.mark.parametrize("threshold", [-0.1, np.nan, "small", None])
def test_wrong_thresholds(threshold):
    with pytest.raises(ValueError, match="threshold must be a number of at least 0"):
        fitted()[0].prune(threshold)


def test_three_columns_of_twelve():
    """Sparse training and pruning keep the columns that matter, and only these."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.0, 1.0, (500, 12))
    y = np.sin(3.0 * X[:, 2]) + X[:, 7] ** 2 + np.exp(X[:, 10])
    y += 0.1 * y.std() * rng.normal(size=len(y))
    model = KANRegressor((2,), reg_lambda=1e-2, prune_threshold=1e-2, n_init=2, random_state=0).fit(X, y)
    assert_array_equal(np.flatnonzero(model.feature_importances_), [2, 7, 10])
    assert model.feature_importances_.sum() == pytest.approx(1.0)


def test_columns_of_noise():
    """Nothing is left of them but the mean."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 5)), rng.normal(size=600)
    with pytest.warns(UserWarning, match="no more than it would of noise: the model is constant"):
        model = KANRegressor((3,), reg_lambda=1e-2, prune_threshold=1e-2, n_init=1, random_state=0).fit(
            X[:300], y[:300]
        )
    assert_array_equal(model.feature_importances_, 0.0)
    assert model.score(X[300:], y[300:]) > -0.05


def test_a_weak_signal_is_no_noise():
    """A tenth of the variance, in one column of five, is found."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 5))
    y = 0.33 * X[:, 2] + rng.normal(size=900)
    model = KANRegressor((3,), reg_lambda=1e-2, prune_threshold=1e-2, n_init=1, random_state=0).fit(X[:300], y[:300])
    assert model.feature_importances_[2] > 0.3
    assert model.score(X[300:], y[300:]) > 0.03


# --- what goes on after it --------------------------------------------------------------------------------------------


def test_fit_begins_anew():
    model, X, y = fitted()
    pruned = model.prune(np.sort(model.edge_scores()[0].ravel())[2])
    assert pruned.n_parameters_ < model.n_parameters_
    again = pruned.fit(X, y)
    assert again.n_parameters_ == model.n_parameters_
    assert_array_equal(again.predict(X), model.predict(X))


@both
def test_warm_start_and_partial_fit_keep_the_shape(Estimator):
    model, X, y = fitted(Estimator)
    pruned = model.prune(np.sort(model.edge_scores()[0].ravel())[2])
    masks = [layer.edges.copy() for layer in pruned.network_.layers]
    assert not masks[0].all()
    warm = pickle.loads(pickle.dumps(pruned)).set_params(warm_start=True).fit(X, y)
    passed = pickle.loads(pickle.dumps(pruned)).partial_fit(X, y)
    for model in (warm, passed):
        for mask, layer in zip(masks, model.network_.layers, strict=True):
            assert_array_equal(layer.edges, mask)


def loss(model, X, y):
    return np.mean((model.predict(X) - y) ** 2)


@pytest.mark.parametrize("seed", range(3))
def test_fit_prune_fit_refine(seed):
    """Finite, and no step after the cut raises the loss."""
    model, X, y = fitted(seed=seed, hidden=(3,), reg_lambda=1e-3)
    pruned = model.prune(1e-2)
    assert np.isfinite(loss(pruned, X, y))
    trained = pruned.set_params(warm_start=True, reg_lambda=0.0)
    steps = [loss(pruned, X, y)]
    trained = trained.fit(X, y)
    steps.append(loss(trained, X, y))
    finer = trained.refine(10)
    steps.append(loss(finer, X, y))
    steps.append(loss(trained.refine(10, X, y), X, y))
    assert np.isfinite(steps).all()
    assert (np.diff(steps) <= TOLERANCE * np.array(steps[:-1])).all()
    assert np.isfinite(finer.predict(100.0 * X)).all()
