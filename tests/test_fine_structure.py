"""Effects that are finer than a grid make it finer, where they stand out."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from sklearn_kan import KANClassifier, KANRegressor, _fine_structure
from sklearn_kan._fine_structure import has_fine_structure
from sklearn_kan._grid import input_scaling

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EFFECTS = {
    "wave": lambda x: np.sin(6.0 * np.pi * x),
    "step": lambda x: np.tanh(60.0 * (x - 0.3)),
    "smooth": np.exp,
    "none": lambda x: 0.0 * x,
}


def table(effect, n_samples=600, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, (n_samples, 3))
    return X, EFFECTS[effect](X[:, 1]) + X[:, 2] + noise * rng.normal(size=n_samples)


def loss(model, X, y):
    return log_loss(y, model.predict_proba(X)) if y.dtype == bool else np.mean((model.predict(X) - y) ** 2)


def is_fine(X, y, weight=None, numeric=(True, True, True), **options):
    weight = np.ones(len(X)) if weight is None else weight
    options = {"grid_size": 6, "degree": 3, "knots": "auto", **options}
    scaling = input_scaling(X, weight, whole=False)
    return has_fine_structure(X, y.reshape(len(y), -1), weight, scaling, np.array(numeric), **options)


@pytest.mark.parametrize("degree", [1, 3])
@pytest.mark.parametrize(("effect", "fine"), [("wave", True), ("step", True), ("smooth", False), ("none", False)])
def test_only_effects_finer_than_the_grid_count(effect, fine, degree):
    X, y = table(effect)
    assert is_fine(X, y, degree=degree) == fine
    assert not is_fine(X, y, numeric=(True, False, True))
    assert not is_fine(X, y, grid_size=60, degree=degree)


def test_noise_is_seldom_taken_for_structure():
    assert not any(is_fine(*table("smooth", 150, noise=2.0, seed=seed)) for seed in range(100))


def test_several_outputs_missing_values_and_rows_that_hardly_count():
    X, y = table("wave")
    X[::7] = np.nan
    assert is_fine(X, np.column_stack([np.arange(600) % 2, y]))
    smooth = table("smooth")[1]
    mixed, weight = np.where(np.arange(600) % 2, y, smooth), np.where(np.arange(600) % 2, 1e-9, 1.0)
    assert not is_fine(X, mixed, weight)


def test_few_rows_have_to_tell_it_all_the_more():
    X, y = table("wave", 250, noise=0.7)
    assert not is_fine(X, y - X[:, 2], grid_size=5)
    X, y = table("wave", 250, noise=0.1)
    assert is_fine(X, y - X[:, 2], grid_size=5)


def test_few_rows_tell_nothing():
    X, y = table("wave", 24)
    assert not is_fine(X, y)


@pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
def test_the_automatic_grid_is_finer(Estimator, monkeypatch):
    X, y = table("wave")
    new, y_new = table("wave", 2000, seed=1)
    if Estimator is KANClassifier:
        y, y_new = y - X[:, 2] > 0.0, y_new - new[:, 2] > 0.0
    fine = Estimator(random_state=0).fit(X, y)
    assert Estimator(grid_size=6, random_state=0).fit(X, y).grid_size_ == 6
    assert Estimator(random_state=0, reg_lambda=1e-3).fit(X, y).grid_size_ == 12  # one to be read as well
    monkeypatch.setattr(_fine_structure, "_CLEARLY", np.inf)
    coarse = Estimator(random_state=0).fit(X, y)
    assert (coarse.grid_size_, fine.grid_size_) == (6, 12)
    assert loss(fine, new, y_new) < loss(coarse, new, y_new)


def growing(rng, X):
    return np.abs(X[:, 1]) ** 3 * rng.normal(size=len(X))


def cauchy(rng, X):
    return rng.standard_cauchy(len(X))


def copies(rng, X):
    return np.column_stack([rng.normal(size=len(X))] * 10) + 0.01 * rng.normal(size=(len(X), 10))


@pytest.mark.parametrize("noise", [growing, cauchy, copies])
def test_other_noise_is_seldom_taken_for_structure(noise):
    found = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(600, 3))
        found += is_fine(X, noise(rng, X))
    assert found <= 4


def test_a_constant_has_no_structure():
    X, _ = table("none")
    assert not is_fine(X, np.full(600, 1e6 / 3.0))
