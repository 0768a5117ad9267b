"""Columns that explain no more than noise are left out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss

from sklearn_kan import KANClassifier, KANRegressor, _iterated_screening, _screening, _training
from sklearn_kan._committee import committee_size
from sklearn_kan._screening import closed_to, faint_columns, outweighs, without_columns

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def signal(X):
    return np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2]


def table(n_samples, n_noise=8, seed=0):
    """Three columns that tell the target, and others that do not."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, (n_samples, 3 + n_noise))
    return X, signal(X) + rng.normal(0.0, 0.3, n_samples)


@pytest.mark.parametrize(
    "importance, faint",
    [
        ([0.5, 0.4, 0.02, 0.03, 0.05], [2, 3, 4]),
        ([0.5, 0.4, 0.02, 0.02, 0.06], [2, 3]),  # the last one stands out
        ([0.6, 0.2, 0.2], []),  # about as important
        ([0.25, 0.25, 0.25, 0.25], []),
        ([0.5, 0.5, 0.0, 0.0], []),  # those that are out already are none
        ([1.0], []),
        ([0.0, 0.0], []),
    ],
)
def test_faint_columns(importance, faint, monkeypatch):
    monkeypatch.setattr(_screening, "attribution", lambda network: np.array(importance))
    assert_array_equal(np.flatnonzero(faint_columns(None)), faint)


def test_evidence_counts_for_each_column():
    faint = np.array([True, True, False])
    assert outweighs(faint, 14.1)
    assert not outweighs(faint, 13.9)


@pytest.fixture(scope="module")
def trained():
    X, y = table(150, n_noise=2)
    X[:, 3] = np.random.default_rng(1).integers(0, 3, len(X))
    X[::7, 4] = np.nan
    model = KANRegressor((3,), categorical_features=[3], max_iter=5, n_init=1, random_state=0).fit(X, y)
    return X, model.network_


@pytest.mark.parametrize("change", [without_columns, closed_to])
def test_networks_without_columns(change, trained):
    """A category and a column with missing values stay out as any other, the remaining functions are the same."""
    X, network = trained
    columns = np.array([False, False, True, True, True])
    other = X.copy()
    other[:, columns] = other[::-1, columns]
    found = change(network, columns)
    assert (found.raw_predict(other) == found.raw_predict(X)).all()
    assert (found.raw_predict(X) != network.raw_predict(X)).any()
    assert_array_equal(found.layers[0].edges.any(axis=1), ~columns)
    assert_array_equal(found.layers[0].weights[:2, -1], network.layers[0].weights[:2, -1])
    assert_array_equal(found.layers[1].weights, network.layers[1].weights)


def test_means_of_columns_stay(trained):
    """Left out of the first layer, each hidden node keeps its mean over the training rows."""
    X, network = trained
    found = without_columns(network, np.array([False, False, True, True, True]))
    means = [part.activations(X, 1).mean(axis=0) for part in (network, found)]
    np.testing.assert_allclose(*means, rtol=1e-9, atol=1e-12)


def test_noise_is_left_out_of_a_regression():
    X, y = table(300)
    new, _ = table(1000, seed=1)
    model = KANRegressor(random_state=0).fit(X, y)
    assert (model.feature_importances_[:3] > 0.0).all()
    assert (model.feature_importances_[3:] == 0.0).sum() >= 6
    alone = KANRegressor(random_state=0).fit(X[:, :3], y)
    errors = [np.sqrt(np.mean((part.predict(x) - signal(new)) ** 2)) for part, x in ((model, new), (alone, new[:, :3]))]
    assert errors[0] < 1.35 * errors[1]
    with_noise = new.copy()
    with_noise[:, model.feature_importances_ == 0.0] = 5.0
    assert_array_equal(model.predict(with_noise), model.predict(new))


def test_noise_is_left_out_of_a_classification():
    def labelled(seed):
        X, _ = table(600, n_noise=12, seed=seed)
        return X, np.random.default_rng(seed + 100).uniform(size=600) < 1.0 / (1.0 + np.exp(-5.0 * signal(X)))

    X, y = labelled(0)
    model = KANClassifier(random_state=0).fit(X, y)
    assert (model.feature_importances_[:3] > 0.0).all()
    assert (model.feature_importances_[3:] == 0.0).sum() >= 9
    new, truth = labelled(1)
    alone = KANClassifier(random_state=0).fit(X[:, :3], y)
    assert log_loss(truth, model.predict_proba(new)) < 1.1 * log_loss(truth, alone.predict_proba(new[:, :3]))


def test_more_networks_see_fewer_columns(monkeypatch):
    """Others join those that go on: a committee is as large as one that began with these columns."""
    X, y = table(300, n_noise=17)
    monkeypatch.setattr(_iterated_screening, "CANONICAL_ROWS", 0)  # all columns enter
    model = KANRegressor(max_iter=60, random_state=0).fit(X, y)
    left = np.count_nonzero(model.feature_importances_)
    assert committee_size(20, 1) < committee_size(left, 1)
    assert model.layer_sizes_ == [20, 8 * committee_size(left, 1), 1]
    assert model.score(X, y) > 0.8


def test_a_small_effect_is_no_noise():
    X, _ = table(600, n_noise=1)
    y = signal(X) + 0.1 * X[:, 3] + np.random.default_rng(0).normal(0.0, 0.05, 600)
    assert (KANRegressor(random_state=0).fit(X, y).feature_importances_ > 0.0).all()


@pytest.mark.parametrize("options", [{"early_stopping": True}, {"alpha": 1e-3, "smoothing": 1e-3}, {"solver": "adam"}])
def test_only_the_evidence_tells(options, monkeypatch):
    monkeypatch.setattr(_training, "faint_columns", None)
    X, y = table(100)
    model = KANRegressor((3,), max_iter=3, random_state=0, **options).fit(X, y)
    assert (model.feature_importances_ > 0.0).all()


@pytest.mark.parametrize("moment", [1, 2, 4])
def test_interrupt_keeps_the_first_network(moment, monkeypatch):
    """While the columns are judged, and while the other networks lose theirs."""
    calls = []

    def interrupted(*args):
        calls.append(0)
        if len(calls) == moment:
            raise KeyboardInterrupt
        return without_columns(*args)

    X, y = table(300)
    monkeypatch.setattr(_training, "without_columns", interrupted)
    with pytest.warns(UserWarning, match="interrupted"):
        model = KANRegressor(random_state=0).fit(X, y)
    assert model.layer_sizes_ == [11, 8, 1]
    assert model.score(X, y) > 0.5
    assert (model.feature_importances_ > 0.0).all()


@pytest.mark.parametrize("n_samples", [300, 1000])
def test_small_effects_of_exact_data_are_no_noise(n_samples):
    """The evidence of L-BFGS is not to be trusted where there is next to no noise; cross-validation is."""
    coefficients = 2.0 ** -np.arange(8)
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (n_samples + 500, 8))
    y = X @ coefficients
    model = KANRegressor(random_state=0).fit(X[:n_samples], y[:n_samples])
    assert_allclose(model.feature_importances_, coefficients / coefficients.sum(), atol=0.02)
    assert model.score(X[n_samples:], y[n_samples:]) > 1.0 - 1e-6
