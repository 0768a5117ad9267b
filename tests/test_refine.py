"""Finer grids after the fit, grids that the rows cannot carry, and schedules that validation ends."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss, mean_pinball_loss, mean_poisson_deviance, mean_squared_error

from sklearn_kan import KANClassifier, KANRegressor, _base, _stage
from sklearn_kan._grid import any_drift, refine

both = pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def table(n_samples=80, n_columns=2, seed=0, noise=0.0):
    rng = np.random.RandomState(seed)
    X = rng.uniform(-1.0, 1.0, (n_samples, n_columns))
    return X, np.sin(4.0 * X[:, 0]) + X[:, -1] ** 2 + noise * rng.normal(size=n_samples)


def test_partial_fit_of_another_grid_begins_with_other_moments():
    """Those of a smaller network were read beyond their end."""
    X, y = table(500)
    model = KANRegressor((4,), random_state=0)
    for part in np.array_split(np.arange(500), 5):
        model.partial_fit(X[part], y[part])
    fine = model.refine(40)
    before = fine.score(X, y)
    assert fine._adam_state is None
    for _ in range(10):
        fine.partial_fit(X, y)
        assert all(len(fine._adam_state[name]) == fine.n_parameters_ for name in ("mean", "square"))
    assert fine.score(X, y) > before


def test_a_model_that_pruning_made_constant_goes_on():
    X, _ = table()
    y = np.random.RandomState(1).normal(size=len(X))
    with pytest.warns(UserWarning, match="prune_threshold"):
        model = KANRegressor((2,), prune_threshold=10.0, random_state=0).fit(X, y)
    assert model.layer_sizes_ == [2, 1]
    with pytest.warns(UserWarning, match="prune_threshold"):
        assert np.isfinite(model.refine(10, X, y).predict(X)).all()
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        model.set_params(warm_start=True, hidden_layer_sizes=(3,)).fit(X, y)


def labelled(n_samples=80, n_classes=2, seed=0):
    X, y = table(n_samples, seed=seed, noise=0.3)
    return X, np.searchsorted(np.quantile(y, np.arange(1, n_classes) / n_classes), y)


def quick(Estimator, **options):
    return Estimator(**{"hidden_layer_sizes": (3,), "max_iter": 10, "n_init": 1, "random_state": 0, **options})


def fitted(Estimator, seed=0, **options):
    """A quick model and its data."""
    X, y = table(seed=seed, noise=0.1) if Estimator is KANRegressor else labelled(seed=seed)
    return quick(Estimator, **options).fit(X, y), X, y


def response(model, X):
    """What a model says, as numbers."""
    return model.decision_function(X) if is_classifier(model) else model.predict(X)


def everywhere(X, n_samples=300):
    """Rows inside and beyond the knots."""
    low, high = X.min(axis=0), X.max(axis=0)
    return low + (high - low) * np.random.RandomState(9).uniform(-0.7, 1.7, (n_samples, X.shape[1]))


def assert_same(found, expected, precision=1e-10):
    """Relative to the largest."""
    assert_allclose(found, expected, rtol=0.0, atol=precision * np.abs(expected).max())


def training_loss(model, X, y, weight=None):
    if is_classifier(model):
        return log_loss(y, model.predict_proba(X), sample_weight=weight, labels=model.classes_)
    if model.loss == "poisson":
        return mean_poisson_deviance(y, model.predict(X), sample_weight=weight)
    if model.loss == "quantile":
        return mean_pinball_loss(y, model.predict(X), sample_weight=weight, alpha=model.quantile)
    return mean_squared_error(y, model.predict(X), sample_weight=weight)


# --- refine without data ----------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("degree", range(5))
@pytest.mark.parametrize("hidden", [(), (3,), (3, 2)])
def test_nested_grid_changes_nothing(Estimator, degree, hidden):
    model, X, _ = fitted(Estimator, degree=degree, hidden_layer_sizes=hidden, grid_size=3, max_iter=4)
    rows = everywhere(X)
    before = pickle.dumps(model)
    expected = response(model, rows)
    for grid_size in (3, 9):
        refined = model.refine(grid_size)
        assert type(refined) is Estimator
        assert refined is not model
        assert_same(response(refined, rows), expected)
        assert refined.grid_size_ == refined.get_params()["grid_size"] == grid_size
        assert {**refined.get_params(), "grid_size": 3} == model.get_params()
        assert refined.layer_sizes_ == model.layer_sizes_
        sizes = refined.layer_sizes_
        n_edges = sum(n_in * n_out for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True))
        assert refined.n_parameters_ == n_edges * (grid_size + degree + 1)
        assert_allclose(refined.feature_importances_.sum(), 1.0)
        assert_allclose(refined.feature_importances_, model.feature_importances_, rtol=1e-8)
        again = pickle.loads(pickle.dumps(refined))
        assert_array_equal(response(again, rows), response(refined, rows))
    assert pickle.dumps(model) == before
    assert model.grid_size_ == model.grid_size == 3
    assert_array_equal(response(model, rows), expected)


@both
@pytest.mark.parametrize("degree", [1, 2, 3, 4])
@pytest.mark.parametrize("order", [1, 2])
def test_nested_grid_keeps_derivatives(Estimator, degree, order):
    model, X, _ = fitted(Estimator, degree=degree, grid_size=4, max_iter=4)
    rows = everywhere(X)
    assert_same(model.refine(12).derivative(rows, order), model.derivative(rows, order), 1e-8)


@pytest.mark.parametrize("knots", ["auto", "uniform", "quantile"])
@pytest.mark.parametrize("extrapolation", ["linear", "constant"])
def test_skewed_columns(knots, extrapolation):
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.exponential(size=100) ** 2, 1e6 * rng.uniform(size=100)])
    y = np.log1p(X[:, 0]) + 1e-6 * X[:, 1]
    model = quick(KANRegressor, knots=knots, extrapolation=extrapolation, max_iter=4).fit(X, y)
    rows = everywhere(X)
    refined = model.refine(10)
    assert_same(refined.predict(rows), model.predict(rows))
    assert_same(refined.refine(20).predict(rows), model.predict(rows))


def test_many_outputs_and_classes():
    X, y = table()
    model = quick(KANRegressor).fit(X, np.column_stack([y, 1e3 * X[:, 0]]))
    assert_same(model.refine(10).predict(X), model.predict(X))
    X, y = labelled(n_classes=3)
    model = quick(KANClassifier).fit(X, np.array(["a", "b", "c"])[y])
    refined = model.refine(10)
    assert_array_equal(refined.predict(X), model.predict(X))
    assert_same(refined.predict_proba(X), model.predict_proba(X))


@both
def test_other_grid_is_close(Estimator):
    model, X, _ = fitted(Estimator, grid_size=5, max_iter=10)
    expected = response(model, X)
    errors = [np.abs(response(model.refine(g), X) - expected).max() / np.ptp(expected) for g in (6, 13, 51)]
    assert errors[0] < 0.1
    assert errors[2] < 0.01
    assert errors[2] < errors[0]


def test_pruned_model():
    X, y = table(100, 3)
    model = quick(KANRegressor, reg_lambda=1e-2, prune_threshold=0.05, max_iter=30).fit(X, y)
    refined = model.refine(10)
    assert model.feature_importances_[1] == 0.0
    assert_array_equal(refined.feature_importances_ == 0.0, model.feature_importances_ == 0.0)
    assert_same(refined.predict(X), model.predict(X))
    assert refined.layer_sizes_ == model.layer_sizes_
    assert refined.n_parameters_ / model.n_parameters_ == (10 + 3 + 1) / (5 + 3 + 1)


def test_schedule_becomes_one_grid():
    X, y = table()
    model = quick(KANRegressor, grid_size=(3, 6)).fit(X, y)
    assert model.refine(12).get_params()["grid_size"] == 12
    assert model.grid_size == (3, 6)


# --- refine with data -------------------------------------------------------------------------------------------------


def assert_not_worse(model, grid_size, X, y, weight=None):
    """Training on does not end above the refined model; the fitted one stays as it is."""
    before = pickle.dumps(model)
    plain = model.refine(grid_size)
    arguments = (X, y) if weight is None else (X, y, weight)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "grid_size=|prune_threshold=", UserWarning)  # parameters and rows; no edges
        trained = model.refine(grid_size, *arguments)
    assert trained is not model
    assert trained.get_params()["grid_size"] == grid_size
    assert np.isfinite(trained.predict_proba(X) if is_classifier(model) else trained.predict(X)).all()
    found, expected = training_loss(trained, X, y, weight), training_loss(plain, X, y, weight)
    assert found <= expected * (1.0 + 1e-6) + 1e-12, (found, expected)
    assert pickle.dumps(model) == before
    return trained, found, expected


@both
@pytest.mark.parametrize("grid_size", [7, 8])
@pytest.mark.parametrize("solver", ["lm", "lbfgs", "adam"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_training_loss_does_not_grow(Estimator, grid_size, solver, early_stopping):
    options = {"early_stopping": early_stopping, "validation_fraction": 0.2, "n_iter_no_change": 3}
    seed = grid_size
    model, X, y = fitted(Estimator, seed, max_iter=5, grid_size=4, solver=solver, random_state=seed, **options)
    trained, _, _ = assert_not_worse(model, grid_size, X, y)
    assert trained.grid_size_ == grid_size
    assert trained.solver_ == solver


@both
@pytest.mark.parametrize(
    "options",
    [
        {"reg_lambda": 0.1},
        {"reg_lambda": 0.03, "prune_threshold": 0.05},
        {"prune_threshold": 0.1},
        {"alpha": 0.0, "smoothing": 0.0},
        {"degree": 0},
        {"extrapolation": "constant", "knots": "quantile"},
    ],
    ids=str,
)
def test_training_loss_does_not_grow_with_other_parameters(Estimator, options):
    grid_size = 10 if Estimator is KANRegressor else 7
    model, X, y = fitted(Estimator, max_iter=5, **options)
    assert_not_worse(model, grid_size, X, y)
    model.set_params(alpha=10.0, smoothing=10.0, reg_lambda=0.3)  # stronger than those it was fitted with
    assert_not_worse(model, grid_size, X, y)


@pytest.mark.parametrize(
    "options", [{"loss": "poisson"}, {"loss": "quantile", "quantile": 0.8}], ids=["poisson", "quantile"]
)
def test_training_loss_of_other_losses(options):
    for seed in range(2):
        X, y = table(seed=seed)
        y = np.random.RandomState(seed).poisson(np.exp(y))
        model = quick(KANRegressor, random_state=seed, **options).fit(X, y)
        for grid_size in (7, 10):
            assert_not_worse(model, grid_size, X, y)


@both
def test_training_loss_with_weights(Estimator):
    for seed in range(2):
        model, X, y = fitted(Estimator, seed, max_iter=5)
        weight = np.random.RandomState(seed).choice([0.0, 1.0, 5.0], len(y))
        assert_not_worse(model, 10, X, y, weight)


@both
def test_training_loss_of_other_rows(Estimator):
    """Rows that the model was not fitted to, some beyond its knots."""
    model, X, _ = fitted(Estimator)
    X, y = (1.5 * X, np.cos(3.0 * X[:, 0])) if Estimator is KANRegressor else (1.5 * X, (X[:, 1] > 0.0).astype(int))
    _, found, expected = assert_not_worse(model, 10, X, y)
    assert found < expected


def test_training_loss_on_few_rows():
    """20 rows carry 10 intervals, yet the refined model has the grid it was asked for."""
    for seed in range(2):
        X, y = table(20, 1, seed=seed, noise=0.3)
        for early_stopping in (False, True):
            model = quick(KANRegressor, hidden_layer_sizes=(), grid_size=4, early_stopping=early_stopping).fit(X, y)
            trained, _, _ = assert_not_worse(model, 40, X, y)
            assert trained.grid_size_ == 40


def test_finer_grid_learns_more():
    for hidden in ((), (3,)):
        X, y = table(300)
        model = quick(KANRegressor, hidden_layer_sizes=hidden, grid_size=3, max_iter=50).fit(X, y)
        _, found, expected = assert_not_worse(model, 12, X, y)
        assert found < 0.2 * expected
    trained = model.refine(12, X, y)
    assert_array_equal(trained.predict(X), model.refine(12, X, y).predict(X))  # the same bits again
    assert trained.n_iter_ == len(trained.loss_curve_)
    assert len(trained.stage_scores_) == 1


# --- errors -----------------------------------------------------------------------------------------------------------


@both
def test_unfitted(Estimator):
    with pytest.raises(NotFittedError):
        quick(Estimator).refine(10)


@both
@pytest.mark.parametrize("grid_size", [4, 0, -10, 10.0, 7.5, "10", None, (5, 10), [10], np.array([10]), np.nan])
def test_bad_grid_size(Estimator, grid_size):
    model, X, y = fitted(Estimator, max_iter=2)
    for arguments in ((), (X, y)):
        with pytest.raises(ValueError, match="grid_size"):
            model.refine(grid_size, *arguments)


def test_integers_of_numpy():
    model, X, _ = fitted(KANRegressor, max_iter=2)
    refined = model.refine(np.int64(10))
    assert type(refined.get_params()["grid_size"]) is int
    assert_same(refined.predict(X), model.predict(X))


@both
def test_half_of_the_data(Estimator):
    model, X, y = fitted(Estimator, max_iter=2)
    with pytest.raises(ValueError, match="y"):
        model.refine(10, X)
    with pytest.raises(ValueError, match="X"):
        model.refine(10, y=y)


@both
def test_data_of_another_kind(Estimator):
    model, X, y = fitted(Estimator, max_iter=2)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="features"):
        model.refine(10, X[:, :1], y)
    with pytest.raises(ValueError, match="infinity"):
        model.refine(10, np.full_like(X, np.inf), y)
    with pytest.raises(ValueError, match="inconsistent"):
        model.refine(10, X, y[:-1])
    assert pickle.dumps(model) == before


# --- warm start -------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("solver", ["lm", "lbfgs", "adam"])
@pytest.mark.filterwarnings("ignore:grid_size=:UserWarning")
def test_warm_start_on_a_finer_grid(Estimator, solver):
    for seed in range(2):
        model, X, y = fitted(Estimator, seed, solver=solver, warm_start=True, grid_size=4, max_iter=5)
        for grid_size in (8, (8, 10)):
            before = training_loss(model, X, y)
            model.set_params(grid_size=grid_size).fit(X, y)
            assert model.grid_size_ == np.max(grid_size)
            close = 1.0 + 1e-6 if np.max(grid_size) == 8 else 1.01  # other grids do not nest
            assert training_loss(model, X, y) <= close * before


def test_warm_start_where_the_grid_is_cut():
    """20 rows carry 10 intervals: no multiple of the fitted ones."""
    for seed in range(3):
        X, y = table(20, 1, seed=seed, noise=0.3)
        model = quick(KANRegressor, hidden_layer_sizes=(), grid_size=4, warm_start=True).fit(X, y)
        before = training_loss(model, X, y)
        with pytest.warns(UserWarning, match="grid_size=40"):
            model.set_params(grid_size=40).fit(X, y)
        assert model.grid_size_ == 10
        assert training_loss(model, X, y) <= 1.01 * before


# --- schedules --------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("options", [{}, {"n_init": 3, "max_iter": 5}, {"prune_threshold": 1e-3}], ids=str)
@pytest.mark.filterwarnings("ignore:grid_size=:UserWarning")
def test_one_score_a_stage(Estimator, options):
    model, X, y = fitted(Estimator, grid_size=(3, 5, 9), **options)
    assert len(model.stage_scores_) == 3
    assert model.grid_size_ == 9
    assert all(isinstance(score, float) and np.isfinite(score) for score in model.stage_scores_)
    stopped, _, _ = fitted(Estimator, grid_size=(3, 5, 9), early_stopping=True, validation_fraction=0.2, **options)
    assert 1 <= len(stopped.stage_scores_) <= 3
    assert stopped.grid_size_ in (3, 5, 9)
    if not options.get("prune_threshold"):
        assert_allclose(max(stopped.stage_scores_), max(stopped.validation_scores_), rtol=1e-12)
        assert stopped.grid_size_ == (3, 5, 9)[int(np.argmax(stopped.stage_scores_))]


def test_stage_scores_are_losses():
    """Half the mean squared error in units of the target's variance, with the other sign."""
    X, y = table(noise=0.1)
    model = quick(KANRegressor, grid_size=(3, 6)).fit(X, y)
    assert_allclose(-model.stage_scores_[-1], 0.5 * mean_squared_error(y, model.predict(X)) / y.var(), rtol=1e-6)
    first = quick(KANRegressor, grid_size=3).fit(X, y)
    assert_allclose(model.stage_scores_[0], first.stage_scores_[0], rtol=1e-12)


def schedule(noise, seed, **options):
    X, y = table(160, seed=seed, noise=noise)
    options = {"grid_size": (3, 6, 12, 24, 48), "validation_fraction": 0.25, "max_iter": 30, **options}
    return quick(KANRegressor, early_stopping=True, random_state=seed, hidden_layer_sizes=(2,), **options), X, y


def test_validation_ends_the_schedule(monkeypatch):
    """On noisy data before the finest grid; the best model on the rows held out is kept."""
    parts = []
    split = _base.hold_out

    def hold_out(*args, **kwargs):
        parts.append(split(*args, **kwargs))
        return parts[-1]

    monkeypatch.setattr(_base, "hold_out", hold_out)
    n_stages = []
    for seed in range(5):
        model, X, y = schedule(1.0, seed)
        model.fit(X, y)
        n_stages.append(len(model.stage_scores_))
        assert model.grid_size_ == (3, 6, 12, 24, 48)[int(np.argmax(model.stage_scores_))]
        assert_allclose(max(model.stage_scores_), max(model.validation_scores_), rtol=1e-12)
        assert (np.diff(model.stage_scores_[:-1]) > 0.0).all()
        inputs, targets, weight = parts[-1][1]  # in units of the knots and of the target's spread
        layer = model.network_.layers[0]
        found = (model.predict(layer.center + layer.scale * inputs) - y.mean()) / y.std()
        score = -0.5 * np.average((found - targets[:, 0]) ** 2, weights=weight)
        assert_allclose(score, max(model.validation_scores_), rtol=1e-6)
    assert np.sum(np.array(n_stages) < 5) >= 3


def test_finer_grid_begins_anew_where_a_coarse_one_learnt_nothing():
    """Eight waves are noise to three intervals, whose network is a constant from which no gradient leads away."""
    X = np.random.RandomState(0).uniform(-1.0, 1.0, (400, 1))
    y = np.cos(25.0 * X[:, 0] + 1.0)
    model = KANRegressor((2,), grid_size=3, max_iter=60, random_state=0).fit(X, y)
    assert model.score(X, y) < 0.05
    model.set_params(grid_size=(3, 20)).fit(X, y)
    assert model.grid_size_ == 20
    assert model.score(X, y) > 0.999


def test_schedule_goes_on_without_noise():
    for seed in range(2):
        X = np.random.RandomState(seed).uniform(-1.0, 1.0, (300, 1))
        y = np.sin(12.0 * X[:, 0])
        model = quick(
            KANRegressor,
            hidden_layer_sizes=(),
            grid_size=(3, 6, 12, 24),
            early_stopping=True,
            max_iter=50,
            random_state=seed,
        ).fit(X, y)
        assert len(model.stage_scores_) == 4
        assert model.grid_size_ == 24
        assert (np.diff(model.stage_scores_) > 0.0).all()


# --- grids that few rows cannot carry ---------------------------------------------------------------------------------


def warnings_of(model, X, y):
    """Messages of the UserWarnings of a fit, beside convergence."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    return [str(one.message) for one in caught if one.category is UserWarning]


@both
@pytest.mark.parametrize("grid_size", [500, (3, 500), (3, 24, 100, 500)])
def test_too_fine_grid_is_cut(Estimator, grid_size):
    X, y = table(48, 1, noise=0.1) if Estimator is KANRegressor else (table(48, 1)[0], np.arange(48) % 2)
    model = quick(Estimator, hidden_layer_sizes=(), grid_size=grid_size)
    messages = warnings_of(model, X, y)
    assert any("grid_size=500" in message for message in messages)
    assert model.grid_size_ == 24
    assert model.grid_size == grid_size  # parameters stay as they were given
    between = np.linspace(-2.0, 2.0, 200)[:, None]
    assert np.isfinite(response(model, between)).all()
    assert np.abs(response(model, X)).max() < 100.0


@both
def test_few_rows_carry_the_default_grid(Estimator):
    X = np.linspace(0.0, 1.0, 6)[:, None]
    y = np.sin(3.0 * X[:, 0]) if Estimator is KANRegressor else np.arange(6) % 2
    for hidden in ((), (3,)):
        model = quick(Estimator, grid_size=5, hidden_layer_sizes=hidden)
        assert warnings_of(model, X, y) == []
        assert model.grid_size_ == 5


def test_more_parameters_than_targets():
    X, y = table(48, noise=0.1)
    options = {"hidden_layer_sizes": (3,), "grid_size": 12, "max_iter": 3}  # 3 * 3 * 16 parameters
    messages = warnings_of(quick(KANRegressor, **options), X, y)
    assert len(messages) == 1
    assert "grid_size=12" in messages[0]
    assert "parameters" in messages[0]
    assert warnings_of(quick(KANRegressor, early_stopping=True, **options), X, y) == []
    assert warnings_of(quick(KANRegressor, **{**options, "hidden_layer_sizes": ()}), X, y) == []


# --- intervals without data -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid_size", [20, 50])
@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize(("hidden", "smoothing"), [((), 0.0), ((2,), 0.0), ((2,), 5e-4)])
def test_wide_gap(grid_size, noise, hidden, smoothing):
    """Half of the range has no rows: no jumps, no far values. Without smoothing hidden nodes may swing in it."""
    rng = np.random.RandomState(0)
    X = np.concatenate([rng.uniform(-1.0, -0.5, (150, 1)), rng.uniform(0.5, 1.0, (150, 1))])
    y = np.sin(3.0 * X[:, 0]) + noise * rng.normal(size=300)
    model = quick(KANRegressor, hidden_layer_sizes=hidden, grid_size=grid_size, smoothing=smoothing).fit(X, y)
    between = np.linspace(-0.55, 0.55, 1101)
    found = model.predict(between[:, None])
    assert np.isfinite(found).all()
    swings = hidden and not smoothing
    assert np.abs(found - y.mean()).max() < (10.0 if swings else 1.5) * np.ptp(y)
    if not swings:
        assert np.abs(np.diff(found)).max() < 0.02 * np.ptp(y)


@pytest.mark.parametrize("grid_size", [20, 50])
@pytest.mark.parametrize("smoothing", [0.0, "auto"])
def test_gap_of_an_interval_and_a_half(grid_size, smoothing):
    """Polynomials of the neighbouring intervals go on into it, wherever it lies."""
    for place in (-0.43, 0.0, 0.31):
        width = 1.5 * 2.0 / grid_size
        X = np.random.RandomState(0).uniform(-1.0, 1.0, (600, 1))
        X = X[np.abs(X[:, 0] - place) > 0.5 * width]
        model = quick(
            KANRegressor, hidden_layer_sizes=(), grid_size=grid_size, smoothing=smoothing, max_iter=50, tol=1e-6
        ).fit(X, np.sin(3.0 * X[:, 0]))
        inside = np.linspace(place - 0.5 * width, place + 0.5 * width, 100)
        assert np.abs(model.predict(inside[:, None]) - np.sin(3.0 * inside)).max() < 0.01


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_functions_of_exact_data_go_on_beyond_hidden_knots(noise):
    X, y = table(150, noise=noise)
    model = quick(KANRegressor, hidden_layer_sizes=(2, 2), grid_size=(3, 6), max_iter=40).fit(X, y)
    assert [layer.overhang > 0.0 for layer in model.network_.layers] == [False, noise == 0.0, noise == 0.0]


def test_finer_grids_begin_where_the_activations_are(monkeypatch):
    """Rows of half the range fill the hidden knots half: a finer grid moves them before it trains."""
    X, y = table(200)
    coarse = quick(KANRegressor, solver="lm").fit(X, y)
    X, y = 0.5 * X[:150], y[:150]
    assert any_drift(refine(coarse.network_, 20), X, np.ones(len(X)))
    begun, trained = [], _stage.levenberg_marquardt

    def remembered(objective, theta, **options):
        begun.append((objective.network.copy(), objective.X))
        return trained(objective, theta, **options)

    monkeypatch.setattr(_stage, "levenberg_marquardt", remembered)
    coarse.refine(20, X, y)
    network, rows = begun[0]
    assert network.layers[0].grid_size == 20
    assert not any_drift(network, rows, np.ones(len(X)))


def test_exact_data_on_a_network_that_is_dear():
    """L-BFGS, which begins, leaves to Levenberg-Marquardt the network that is there: no new starts."""
    X = np.random.RandomState(0).uniform(-1.0, 1.0, (3000, 2))
    y = np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)
    coarse = KANRegressor((2,), grid_size=5, max_iter=40, random_state=0).fit(X[:300], y[:300])
    refined = coarse.refine(40, X, y)
    again = clone(coarse).set_params(warm_start=True).fit(X[:300], y[:300]).set_params(grid_size=40).fit(X, y)
    error = np.sqrt(np.mean((coarse.predict(X) - y) ** 2))
    for model in (refined, again):
        assert model.grid_size_ == 40
        assert np.sqrt(np.mean((model.predict(X) - y) ** 2)) < 0.3 * error


@pytest.mark.parametrize(("grid_size", "seed"), [((3, 5, 10), 0), ((3, 5), 6)])
def test_exact_data_of_many_columns_is_not_taken_for_noise(grid_size, seed):
    """The evidence falls on the way to the exact fit, and few new starts would end where it is high already."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (2000, 100))
    y = np.exp(np.mean(np.sin(np.pi * X / 2) ** 2, axis=1))
    model = KANRegressor((1,), grid_size=grid_size, random_state=seed).fit(X[:1000], y[:1000])
    assert np.sqrt(np.mean((model.predict(X[1000:]) - y[1000:]) ** 2)) < 5e-4


def test_coarse_stages_have_the_solver_that_fits_them():
    """Levenberg-Marquardt finds a quotient on the coarse grids, though the finest one is too large for it."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (2000, 6))
    y = X[:, 0] / ((X[:, 1] - 2) ** 2 + (X[:, 2] - X[:, 3]) ** 2 + (X[:, 4] - X[:, 5]) ** 2)
    model = KANRegressor((4, 2, 1), grid_size=(3, 5, 40), max_iter=50, random_state=0).fit(X[:1000], y[:1000])
    assert model.solver_ == "lbfgs"
    assert model.score(X[1000:], y[1000:]) > 0.9995


@pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
def test_losses_count_beside_the_constant_model_whatever_was_pruned(Estimator, monkeypatch):
    """Means of edges that are gone are in the network's offset, which is no constant model any more."""
    X = np.random.RandomState(0).uniform(-1.0, 1.0, (200, 3))
    y = X[:, 0] + X[:, 1] ** 2 + 0.1 * X[:, 2] ** 2
    y = y if Estimator is KANRegressor else (y > 0.3).astype(int)
    counted, null_loss = [], _stage.StageTrainer._null_loss

    def note(self, offset):
        counted.append(offset)
        return null_loss(self, offset)

    monkeypatch.setattr(_stage.StageTrainer, "_null_loss", note)
    model = Estimator((), max_iter=20, warm_start=True, random_state=0).fit(X, y)
    pruned = model.prune(1.01 * model.edge_scores()[0].min())  # one edge goes
    assert not np.array_equal(pruned.network_.offset, model.network_.offset)
    pruned.fit(X, y)
    assert len(counted) == 2
    assert_array_equal(*counted)


def test_warm_start_goes_on_with_the_same_nodes():
    model, X, y = fitted(KANRegressor, warm_start=True, max_iter=60)
    with pytest.raises(ValueError, match="asks for other ones"):
        model.set_params(hidden_layer_sizes=(4,)).fit(X, y)
    model.set_params(hidden_layer_sizes=(3,)).fit(X, y)
    pruned = model.prune(0.8, relative=True)
    assert pruned.layer_sizes_[1] < 3
    assert pruned.fit(X, y).layer_sizes_[1] < 3


def test_warm_start_takes_a_stronger_penalty():
    """The model with less loss is not kept against it."""
    model, X, y = fitted(KANRegressor, warm_start=True, max_iter=60, alpha=1e-4, smoothing=1e-4)
    assert model.score(X, y) > 0.5
    model.set_params(alpha=100.0).fit(X, y)
    assert model.score(X, y) < 0.1 and model.edof_ < 1.0


def test_partial_fit_tells_of_rows_that_the_first_call_does_not_suit():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(200, 2)), rng.normal(size=200)
    model = quick(KANRegressor).partial_fit(X[:100], y[:100])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(X[100:], y[100:])
    with pytest.warns(UserWarning, match=r"Most values of columns \[1\]"):
        model.partial_fit(X * [1.0, 100.0], y)
    with pytest.warns(UserWarning, match="Most values of y"):
        model.partial_fit(X, 1000.0 * y)
