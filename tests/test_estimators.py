"""Regressor and classifier as their users meet them: fit, predict, score, tune, weigh, stop, go on."""

import pickle
import subprocess
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import get_type_hints

import joblib
import numpy as np
import pytest
import samples
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_iris, make_friedman3
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info

from sklearn_kan import KANClassifier, KANRegressor, _base, _competition, _progress, _stage, _training
from sklearn_kan._network import Network
from sklearn_kan._objective import Objective

SOLVERS = ("lm", "lbfgs", "adam")
solvers = pytest.mark.parametrize("solver", SOLVERS)
both = pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def table(n_samples=80, n_columns=2, seed=0, noise=0.0):
    rng = np.random.RandomState(seed)
    X = rng.uniform(-1.0, 1.0, (n_samples, n_columns))
    return X, np.sin(2.0 * X[:, 0]) + X[:, 1] ** 2 + noise * rng.normal(size=n_samples)


def labelled(n_samples=80, n_classes=2, seed=0):
    X, y = table(n_samples, seed=seed)
    return X, np.searchsorted(np.quantile(y, np.arange(1, n_classes) / n_classes), y)


def data(Estimator, n_samples=80, seed=0):
    return table(n_samples, seed=seed) if Estimator is KANRegressor else labelled(n_samples, seed=seed)


def regressor(**options):
    return KANRegressor(**{"hidden_layer_sizes": (3,), "max_iter": 20, "n_init": 1, "random_state": 0, **options})


def classifier(**options):
    return KANClassifier(**{"hidden_layer_sizes": (3,), "max_iter": 20, "n_init": 1, "random_state": 0, **options})


def quick(Estimator, **options):
    return regressor(**options) if Estimator is KANRegressor else classifier(**options)


def response(model, X):
    """What a model says, as numbers."""
    return model.predict_proba(X) if is_classifier(model) else model.predict(X)


# --- the main job -----------------------------------------------------------------------------------------------------


def test_main_job(tmp_path):
    """Pipeline, grid search, held-out rows, pickle, a fresh process: the same bits."""
    X, y = load_diabetes(return_X_y=True)
    X, y, X_test, y_test = X[:200], y[:200], X[200:300], y[200:300]
    search = GridSearchCV(
        make_pipeline(StandardScaler(), regressor(hidden_layer_sizes=(2,), solver="lbfgs")),
        {
            "kanregressor__grid_size": [3, 5],
            "kanregressor__reg_lambda": [1e-3, 1e-1],
            "kanregressor__prune_threshold": [0.0, 0.02],
        },
        cv=3,
        error_score="raise",
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 8
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.score(X_test, y_test) > 0.25
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(search))
    np.save(tmp_path / "X.npy", X_test)
    code = (
        "import pickle, sys, pathlib, numpy as np\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "model = pickle.loads((folder / 'model.pkl').read_bytes())\n"
        "np.save(folder / 'y.npy', model.predict(np.load(folder / 'X.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert_array_equal(np.load(tmp_path / "y.npy"), search.predict(X_test))


def test_accuracy_on_a_formula():
    """exp(sin(pi x) + y^2), from coarse to fine."""
    X, y = samples.formula(np.random.RandomState(0), 600)
    X_test, y_test = samples.formula(np.random.RandomState(1), 600)
    model = KANRegressor((5,), grid_size=(3, 5, 10), random_state=0).fit(X, y)
    assert np.sqrt(np.mean((model.predict(X_test) - y_test) ** 2)) < 1e-3
    assert model.layer_sizes_ == [2, 5, 1]
    assert [layer.grid_size for layer in model.network_.layers] == [10, 10]


@solvers
def test_every_solver_learns(solver):
    X, y = table(200)
    X_test, y_test = table(200, seed=1)
    model = KANRegressor((3,), solver=solver, random_state=0).fit(X, y)
    assert model.score(X_test, y_test) > 0.99
    assert model.solver_ == solver
    X, y = labelled(200)
    X_test, y_test = labelled(200, seed=1)
    assert KANClassifier((3,), solver=solver, random_state=0).fit(X, y).score(X_test, y_test) > 0.9


@both
@solvers
def test_the_fitted_model_is_about_the_best_one_seen(Estimator, solver):
    """Knots that move keep the function and the penalties: the objective does not end above where it has been."""
    X, y = data(Estimator)
    model = quick(Estimator, solver=solver, max_iter=60, alpha=1e-5, smoothing=1e-5).fit(X, y)
    assert model.loss_ <= 1.1 * min(model.loss_curve_)
    assert max(model.loss_curve_[5:]) <= 1.5 * max(model.loss_curve_[:5])


@solvers
def test_long_training_of_separable_classes(solver):
    """Where the log loss falls for ever, penalties hold: the objective does not end above where it began."""
    X, y = labelled()
    model = quick(KANClassifier, solver=solver, max_iter=200).fit(X, y)
    assert max(model.loss_curve_) <= 2.0 * max(model.loss_curve_[:5])
    assert model.loss_ <= max(model.loss_curve_[:5])


def test_beats_a_straight_line_on_a_noisy_table():
    """The defaults do not fit the noise."""
    X, y = table(150, n_columns=4, noise=0.5)
    X_test, y_test = table(500, n_columns=4, seed=1)
    line = LinearRegression().fit(X, y).score(X_test, y_test)
    assert KANRegressor(random_state=0).fit(X, y).score(X_test, y_test) > line - 0.02


@both
def test_fitted_attributes(Estimator):
    X, y = data(Estimator)
    model = quick(Estimator)
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert model.fit(X, y) is model
    assert model.n_features_in_ == 2
    assert not hasattr(model, "feature_names_in_")
    assert model.n_outputs_ == 1
    assert isinstance(model.network_, Network)
    assert model.layer_sizes_ == [2, 3, 1]
    assert model.n_parameters_ == (2 * 3 + 3 * 1) * (5 + 3 + 1) == len(model.network_.theta)
    assert model.solver_ == "lm"
    assert 0 < model.n_iter_ == len(model.loss_curve_) <= 20
    assert all(isinstance(loss, float) for loss in model.loss_curve_)
    assert np.isfinite(model.loss_)
    assert model.loss_ < model.loss_curve_[0]
    assert model.validation_scores_ is None
    assert model.feature_importances_.shape == (2,)
    assert_allclose(model.feature_importances_.sum(), 1.0)
    if Estimator is KANClassifier:
        assert_array_equal(model.classes_, [0, 1])


def test_parameters():
    for Estimator in (KANRegressor, KANClassifier):
        model = Estimator()
        assert set(model.get_params()) == set(Estimator._parameter_constraints)
        assert clone(model).get_params() == model.get_params()
        with pytest.raises(TypeError):
            Estimator((5,), 3)
    assert is_regressor(KANRegressor())
    assert is_classifier(KANClassifier())
    assert set(KANRegressor().get_params()) - set(KANClassifier().get_params()) == {
        "loss",
        "quantile",
        "epsilon",
        "store_covariance",
    }
    assert "max_iter" in str(KANRegressor(max_iter=7))


def test_auto_solver():
    """LM for small problems, then L-BFGS, then Adam."""
    network = samples.network(np.random.RandomState(0), [10, 5, 1])
    chosen = [_training.choose_solver(n_rows, 1, network, network.n_parameters) for n_rows in (100, 30_000, 10_000_000)]
    assert chosen == ["lm", "lbfgs", "adam"]


@pytest.mark.parametrize(("noise", "solver"), [(0.0, "lm"), (0.5, "lbfgs")])
def test_lm_takes_over_where_little_is_left(noise, solver):
    """Where Levenberg-Marquardt is dear L-BFGS tries first, and goes on alone with noise."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (900, 4))
    y = np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2] + noise * rng.normal(size=len(X))
    model = regressor(hidden_layer_sizes=(5,), n_init=1, max_iter=100).fit(X, y)
    assert model.solver_ == solver
    assert model.score(X, y) > (0.6 if noise else 0.9999)
    assert len(model.stage_scores_) == 1


@pytest.mark.parametrize(("n_rows", "grid_size"), [(60, 5), (700, 7), (3000, 10)])
def test_auto_grid(n_rows, grid_size):
    X, y = samples.formula(np.random.RandomState(0), n_rows)
    model = regressor(hidden_layer_sizes=(), max_iter=2).fit(X, y)
    assert model.grid_size_ == grid_size
    model.set_params(warm_start=True).fit(X[:50], y[:50])  # keeps the grid
    assert model.grid_size_ == grid_size


# --- shapes and options -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hidden", "sizes"),
    [
        (4, [2, 4, 1]),
        ((), [2, 1]),
        ((2, 3), [2, 2, 3, 1]),
        ([3], [2, 3, 1]),
        (np.array([2]), [2, 2, 1]),
        (np.int64(2), [2, 2, 1]),
    ],
)
def test_hidden_layer_sizes(hidden, sizes):
    X, y = table()
    model = regressor(hidden_layer_sizes=hidden).fit(X, y)
    assert model.layer_sizes_ == sizes
    assert model.score(X, y) > 0.9


def test_no_hidden_layer_is_additive():
    X, y = table()
    model = regressor(hidden_layer_sizes=()).fit(X, y + X[:, 0] * X[:, 1])
    a, b, c, d = -0.8, 0.1, 0.5, 2.0
    corners = model.predict([[a, b], [c, d], [a, d], [c, b]])
    assert_allclose(corners[0] + corners[1], corners[2] + corners[3], rtol=1e-10)


@pytest.mark.parametrize("degree", range(6))
def test_degrees(degree):
    X, y = table()
    model = regressor(degree=degree, grid_size=4, hidden_layer_sizes=()).fit(X, y)
    assert model.network_.layers[0].weights.shape == (2, 4 + degree + 1, 1)
    assert model.score(X, y) > (0.8 if degree == 0 else 0.95)


@pytest.mark.parametrize(
    "option",
    [{"knots": "uniform"}, {"knots": "quantile"}, {"base_activation": "identity"}, {"base_activation": "zero"}],
)
def test_options(option):
    X, y = table()
    assert regressor(**option).fit(X, y).score(X, y) > 0.95


def test_grid_stages():
    X, y = table()
    model = regressor(grid_size=(2, 4, 9)).fit(X, y)
    assert [layer.grid_size for layer in model.network_.layers] == [9, 9]
    assert model.n_iter_ == len(model.loss_curve_)
    assert 20 < model.n_iter_ <= 60
    for same in ([9], (9,), np.array([9]), np.int32(9)):
        assert regressor(grid_size=same, max_iter=2).fit(X, y).network_.layers[0].grid_size == 9


def test_starts_compete():
    """Several starts: the same model for the same seed, and another one than a single start gives."""
    X, y = table()
    one, four, again = (regressor(n_init=n_init).fit(X, y).predict(X) for n_init in (1, 4, 4))
    assert_array_equal(four, again)
    assert (one != four).any()


@pytest.mark.parametrize(
    ("solver", "n_targets", "n_members", "expected"),
    [("adam", 1000, 1, 2), ("adam", 1000, 4, 8), ("adam", 10**6, 1, 1), ("adam", 10**6, 4, 4), ("lbfgs", 10**6, 1, 4)],
)
def test_fewer_starts_where_a_pass_is_long(solver, n_targets, n_members, expected):
    assert _competition.n_starts("auto", solver, n_targets, 100, n_members) == expected
    assert _competition.n_starts(3, solver, n_targets, 100, n_members) == 3 * n_members


def test_penalties_take_effect():
    X, y = table(noise=0.3)
    plain = regressor(alpha=1e-4, smoothing=1e-4).fit(X, y)
    smooth = regressor(alpha=1e-4, smoothing=10.0).fit(X, y)
    small = regressor(alpha=10.0, smoothing=1e-4).fit(X, y)
    sparse = regressor(alpha=1e-4, smoothing=1e-4, reg_lambda=1.0).fit(X, y)
    x = np.column_stack([np.linspace(-1.0, 1.0, 200), np.zeros(200)])

    def bend(model):
        return np.abs(np.diff(model.predict(x), 2)).sum()

    assert bend(smooth) < 0.5 * bend(plain)
    assert np.abs(small.network_.theta).max() < 0.5 * np.abs(plain.network_.theta).max()
    assert np.std(sparse.predict(X)) < 0.5 * np.std(plain.predict(X))


# --- extrapolation ----------------------------------------------------------------------------------------------------


def test_linear_extrapolation():
    X, y = table()
    model = regressor(hidden_layer_sizes=()).fit(X, y)
    for side in (-1.0, 1.0):
        x = side * np.array([2.0, 3.0, 4.0, 50.0])
        found = model.predict(np.column_stack([x, np.zeros(4)]))
        slope = (found[1] - found[0]) / (x[1] - x[0])
        assert abs(slope) > 0.1
        assert_allclose(found, found[0] + slope * (x - x[0]), rtol=1e-9, atol=1e-9)
    assert np.isfinite(regressor().fit(X, y).predict([[1e300, -1e300], [1e6, 1e-300]])).all()


def test_predictions_are_those_of_the_loss_that_was_fitted():
    X = np.random.RandomState(0).uniform(-1.0, 1.0, (100, 2))
    for fitted, other in (("poisson", "squared_error"), ("squared_error", "poisson")):
        model = KANRegressor((), loss=fitted, random_state=0).fit(X, np.exp(X[:, 0]))
        before = model.predict(X)
        assert_array_equal(model.set_params(loss=other).predict(X), before)


def test_an_output_that_was_constant_is_learnt_by_a_warm_start():
    X = np.random.RandomState(0).uniform(-1.0, 1.0, (200, 2))
    y = np.column_stack([X[:, 0], np.ones(200)])
    model = KANRegressor((3,), warm_start=True, random_state=0).fit(X, y)
    y[:, 1] += X[:, 1]
    assert r2_score(y, model.fit(X, y).predict(X), multioutput="raw_values").min() > 0.95


@pytest.mark.parametrize("hidden", [(), (3,), "auto"], ids=str)
def test_a_constant_output_beside_others_is_constant(hidden):
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (200, 2))
    y = np.column_stack([X[:, 0] ** 2 + 0.1 * rng.normal(size=200), np.full(200, 3e-6), X[:, 1]])
    mean, deviation = KANRegressor(hidden, random_state=0).fit(X, y).predict(2.0 * X, return_std=True)
    assert_array_equal(mean[:, 1], y[:, 1])
    assert_array_equal(deviation[:, 1], 0.0)
    assert r2_score(y[:, [0, 2]], KANRegressor(hidden, random_state=0).fit(X, y).predict(X)[:, [0, 2]]) > 0.8


def test_constant_extrapolation():
    X, y = table()
    model = regressor(extrapolation="constant").fit(X, y)
    layer = model.network_.layers[0]
    end = layer.center + layer.scale  # the last knots
    assert_array_equal(np.ptp(model.predict([[9.0, 0.0], [1e3, 0.0], [1e300, 0.0]])), 0.0)
    assert_allclose(
        model.predict([[9.0, -7.0]]), model.predict([[end[0], layer.center[1] - layer.scale[1]]]), rtol=1e-9
    )


@both
def test_error_for_extrapolation(Estimator):
    X, y = data(Estimator)
    model = quick(Estimator, extrapolation="error").fit(X, y)
    assert np.isfinite(response(model, X)).all()
    with pytest.raises(ValueError, match=r"outside the knots in columns \[1\].*extrapolation"):
        model.predict([[0.0, 0.0], [0.0, 5.0]])


# --- targets ----------------------------------------------------------------------------------------------------------


def test_shapes_of_y():
    X, y = table()
    flat, column = regressor().fit(X, y), regressor().fit(X, y[:, None])
    assert flat.predict(X).shape == (80,)
    assert column.predict(X).shape == (80, 1)
    assert_array_equal(column.predict(X)[:, 0], flat.predict(X))
    assert regressor().fit(X.tolist(), y.tolist()).predict(X.tolist()).tolist() == flat.predict(X).tolist()


@solvers
def test_many_outputs(solver):
    X, y = table()
    Y = np.column_stack([y, 1e3 * X[:, 0] + 5.0, np.cos(X[:, 1])])
    model = regressor(solver=solver, max_iter=150).fit(X, Y)
    assert model.n_outputs_ == 3
    assert model.layer_sizes_ == [2, 3, 3]
    assert model.predict(X).shape == (80, 3)
    for j in range(3):
        assert 1.0 - np.mean((model.predict(X)[:, j] - Y[:, j]) ** 2) / Y[:, j].var() > 0.85
    assert regressor(loss="absolute_error").fit(X, Y).predict(X).shape == (80, 3)


def test_integer_targets():
    X, y = table()
    counts = np.round(10.0 * y).astype(int)
    model = regressor().fit(X, counts)
    assert model.predict(X).dtype == np.float64
    assert_array_equal(model.predict(X), regressor().fit(X, counts.astype(float)).predict(X))


@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
def test_quantiles(solver):
    """A tenth, half and nine tenths of the rows lie below, and the curves are in order."""
    X, y = table(300, noise=0.5)
    found = []
    for quantile in (0.1, 0.5, 0.9):
        model = regressor(loss="quantile", quantile=quantile, solver=solver, max_iter=60).fit(X, y)
        found.append(model.predict(X))
        assert abs(np.mean(y <= found[-1]) - quantile) < 0.08
    assert np.mean(found[0] < found[1]) > 0.95
    assert np.mean(found[1] < found[2]) > 0.95
    median = regressor(loss="absolute_error", solver=solver, max_iter=60).fit(X, y)
    assert_array_equal(median.predict(X), found[1])


@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
@solvers
def test_losses_that_resist_outliers(loss, solver):
    X, truth = table(200, noise=0.05)
    y = truth.copy()
    y[::10] += 1e3
    robust = regressor(loss=loss, solver=solver, max_iter=80).fit(X, y).predict(X)
    squared = regressor(solver=solver, max_iter=80).fit(X, y).predict(X)
    assert np.median(np.abs(robust - truth)) < 0.35
    assert np.median(np.abs(squared - truth)) > 10.0


def test_huber_between_squared_and_absolute_error():
    X, y = table(noise=0.3)
    wide = regressor(loss="huber", epsilon=1e6).fit(X, y)
    narrow = regressor(loss="huber", epsilon=0.5).fit(X, y)
    assert wide.score(X, y) > 0.5
    assert (wide.predict(X) != narrow.predict(X)).any()


@solvers
def test_poisson(solver):
    rng = np.random.RandomState(0)
    X, y = table(300)
    rate = np.exp(1.5 * y)
    counts = rng.poisson(rate)
    assert (counts == 0).any()
    model = regressor(loss="poisson", solver=solver, max_iter=60).fit(X, counts)
    assert (model.predict(1e3 * X) > 0.0).all()
    assert np.isfinite(model.predict(1e3 * X)).all()
    assert np.corrcoef(model.predict(X), rate)[0, 1] > 0.9
    # a log-linear model with a free level predicts the right total
    assert_allclose(model.predict(X).mean(), counts.mean(), rtol=0.02)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"]),
        np.array([False, True]),
        np.array([-1, 1]),
        np.array([10, 3, 7]),
        np.array(["b", "a", "long label"]),
        np.array(["x", "y"], dtype=object),
        np.array([1.0, 2.0, 3.0]),
    ],
    ids=lambda labels: f"{labels.dtype}-{len(labels)}",
)
def test_labels(labels):
    X, codes = labelled(n_classes=len(labels))
    y = labels[codes]
    model = classifier().fit(X, y)
    assert_array_equal(model.classes_, np.unique(labels))
    predicted = model.predict(X)
    assert predicted.dtype == model.classes_.dtype
    assert model.score(X, y) > 0.85
    proba = model.predict_proba(X)
    assert proba.shape == (80, len(labels))
    assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-12)
    assert proba.min() >= 0.0
    assert_allclose(np.exp(model.predict_log_proba(X)), proba, rtol=1e-10)
    assert_array_equal(model.classes_[proba.argmax(axis=1)], predicted)
    decision = model.decision_function(X)
    if len(labels) == 2:
        assert decision.shape == (80,)
        assert_array_equal(model.classes_[(decision > 0).astype(int)], predicted)
        assert model.n_outputs_ == 1
    else:
        assert decision.shape == (80, len(labels))
        assert_array_equal(model.classes_[decision.argmax(axis=1)], predicted)
        assert model.n_outputs_ == len(labels)


def test_names_of_classes_do_not_matter():
    X, y = labelled(n_classes=3)
    names = np.array(["a", "b", "c"])
    assert_array_equal(classifier().fit(X, y).predict_proba(X), classifier().fit(X, names[y]).predict_proba(X))


def test_probabilities_are_calibrated():
    """Labels drawn with known probabilities."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (1000, 2))
    truth = 1.0 / (1.0 + np.exp(-2.0 * X[:, 0] - X[:, 1] ** 2))
    y = rng.uniform(size=1000) < truth
    model = classifier(hidden_layer_sizes=(), max_iter=50).fit(X, y)
    proba = model.predict_proba(X)[:, 1]
    assert np.abs(proba - truth).mean() < 0.06
    assert_allclose(proba.mean(), y.mean(), atol=0.01)


def test_separable_classes():
    """Log odds would grow without end: they are finite, and the probabilities near 0 and 1."""
    X = np.linspace(-1.0, 1.0, 40)[:, None]
    for solver in SOLVERS:
        model = classifier(solver=solver, max_iter=100).fit(X, X[:, 0] > 0)
        assert np.isfinite(model.predict_log_proba(1e6 * X)).all()
        assert model.score(X, X[:, 0] > 0) > 0.97


def test_iris():
    X, y = load_iris(return_X_y=True)
    assert cross_val_score(classifier(max_iter=40), X, y, cv=3).mean() > 0.9


# --- invariances ------------------------------------------------------------------------------------------------------


@solvers
def test_units_of_x_and_y(solver):
    X, y = table(150)
    model = KANRegressor((3,), solver=solver, random_state=0).fit(X, y)
    other = KANRegressor((3,), solver=solver, random_state=0).fit(1000.0 * X + 7.0, 1e6 * y + 1e7)
    X_test, _ = table(200, seed=1)
    X_test *= 1.2
    expected = model.predict(X_test)
    assert_allclose((other.predict(1000.0 * X_test + 7.0) - 1e7) / 1e6, expected, atol=1e-6 * np.std(y))


@solvers
@both
def test_integer_weights_repeat_rows(Estimator, solver):
    X, y = data(Estimator, 60)
    weight = np.random.RandomState(0).randint(0, 4, 60)
    rows = np.repeat(np.arange(60), weight)
    options = {"solver": solver, "max_iter": 50, "batch_size": 1000, "n_init": 2}
    weighted = quick(Estimator, **options).fit(X, y, sample_weight=weight)
    repeated = quick(Estimator, **options).fit(X[rows], y[rows])
    plain = quick(Estimator, **options).fit(X, y)
    expected = response(repeated, X)
    assert_allclose(response(weighted, X), expected, rtol=1e-7, atol=1e-7)
    assert np.abs(response(plain, X) - expected).max() > 1e-4


@pytest.mark.parametrize(
    "options", [{}, {"knots": "quantile"}, {"loss": "absolute_error"}, {"loss": "huber"}, {"reg_lambda": 0.01}]
)
def test_rows_of_weight_zero_influence_nothing(options):
    """Not the knots, not the scales, not the penalties."""
    X, y = table()
    strange = np.array([[1e6, 5.0], [-1e9, 1e3], [0.5, -700.0]])
    weight = np.concatenate([np.ones(80), np.zeros(3)])
    order = np.random.RandomState(0).permutation(83)
    X_all, y_all = np.vstack([X, strange])[order], np.concatenate([y, [1e8, -1e8, 3.0]])[order]
    without = regressor(**options).fit(X, y)
    with_them = regressor(**options).fit(X_all, y_all, sample_weight=weight[order])
    assert_array_equal(with_them.predict(X), without.predict(X))
    assert_array_equal(with_them.feature_importances_, without.feature_importances_)
    assert with_them.loss_ == without.loss_


def test_classes_of_weight_zero_do_not_exist():
    X, y = labelled(n_classes=3)
    weight = (y < 2).astype(float)
    model = classifier().fit(X, y == 1, sample_weight=weight)
    assert_array_equal(model.predict_proba(X), classifier().fit(X[y < 2], y[y < 2] == 1).predict_proba(X))


@solvers
@both
def test_order_of_rows(Estimator, solver):
    X, y = data(Estimator)
    order = np.random.RandomState(0).permutation(80)
    model = quick(Estimator, solver=solver).fit(X, y)
    permuted = quick(Estimator, solver=solver).fit(X[order], y[order])
    assert_array_equal(response(permuted, X), response(model, X))


def test_weights_are_relative():
    """To given strengths; for those from the data they count as repetitions."""
    X, y = table()
    weight = np.random.RandomState(0).uniform(0.5, 2.0, 80)
    given = {"max_iter": 10, "alpha": 1e-4, "smoothing": 1e-4}
    one = regressor(**given).fit(X, y, sample_weight=weight).predict(X)
    other = regressor(**given).fit(X, y, sample_weight=4.0 * weight).predict(X)
    assert_allclose(other, one, rtol=1e-9)


def test_random_state():
    X, y = table()
    one, same, other = (regressor(random_state=seed).fit(X, y).predict(X) for seed in (0, 0, 1))
    assert_array_equal(one, same)
    assert (one != other).any()
    generator = np.random.RandomState(0)
    assert_array_equal(regressor(random_state=generator).fit(X, y).predict(X), one)


@solvers
def test_global_random_state_is_untouched(solver):
    X, y = table()
    np.random.seed(5)
    before = np.random.get_state()
    model = regressor(solver=solver, n_init=2, early_stopping=True).fit(X, y)
    model.partial_fit(X, y).predict(X)
    after = np.random.get_state()
    assert_array_equal(before[1], after[1])
    assert before[2:] == after[2:]


# --- input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frozen", ["flags", "memory map"])
def test_input_is_read_only(frozen, tmp_path):
    X, y = table()
    weight = np.ones(80)
    expected = regressor().fit(X, y, sample_weight=weight).predict(X)
    if frozen == "flags":
        for array in (X, y, weight):
            array.flags.writeable = False
    else:
        joblib.dump((X, y, weight), tmp_path / "table")
        X, y, weight = joblib.load(tmp_path / "table", mmap_mode="r")
        assert isinstance(X, np.memmap)
    for solver in SOLVERS:
        regressor(solver=solver, max_iter=3).fit(X, y, sample_weight=weight)
    model = regressor().fit(X, y, sample_weight=weight)
    assert_array_equal(model.predict(X), expected)
    model.partial_fit(X, y, sample_weight=weight)


@both
def test_input_is_not_changed(Estimator):
    X, y = data(Estimator)
    weight = np.ones(80)
    copies = X.copy(), y.copy(), weight.copy()
    model = quick(Estimator).fit(X, y, sample_weight=weight)
    model.partial_fit(X, y, sample_weight=weight)
    response(model, X)
    for array, copy in zip((X, y, weight), copies, strict=True):
        assert_array_equal(array, copy)


def test_float32():
    """Widened without loss: the same bits as the same numbers in float64; predictions are float64."""
    X, y = table()
    narrow = X.astype(np.float32)
    model = regressor().fit(narrow, y.astype(np.float32))
    wide = regressor().fit(narrow.astype(np.float64), y.astype(np.float32).astype(np.float64))
    assert model.predict(narrow).dtype == np.float64
    assert_array_equal(model.predict(narrow), wide.predict(narrow.astype(np.float64)))
    assert np.isfinite(model.predict(np.array([[3e38, -3e38]], dtype=np.float32))).all()


def test_memory_layout():
    X, y = table()
    model = regressor().fit(X, y)
    expected = model.predict(X)
    for other in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X.astype(object)):
        assert_array_equal(regressor().fit(other, y).predict(X), expected)
        assert_array_equal(model.predict(other), expected)


def test_pandas():
    pd = pytest.importorskip("pandas")
    X, y = table()
    frame = pd.DataFrame(X, columns=["width", "height"], index=np.arange(80)[::-1])
    model = regressor().fit(frame, pd.Series(y, index=frame.index))
    assert_array_equal(model.feature_names_in_, ["width", "height"])
    assert_array_equal(model.predict(frame), regressor().fit(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["height", "width"]])
    with pytest.warns(UserWarning, match="feature names"):
        model.predict(X)
    pipeline = make_pipeline(StandardScaler(), regressor()).set_output(transform="pandas").fit(frame, y)
    assert_array_equal(pipeline[-1].feature_names_in_, ["width", "height"])
    labels = classifier().fit(frame, pd.Series(np.where(y > 0.5, "high", "low")))
    assert set(labels.predict(frame)) == {"high", "low"}


def test_polars():
    pl = pytest.importorskip("polars")
    X, y = table()
    frame = pl.DataFrame({"width": X[:, 0], "height": X[:, 1]})
    model = regressor().fit(frame, y)
    assert_array_equal(model.feature_names_in_, ["width", "height"])
    assert_array_equal(model.predict(frame), regressor().fit(X, y).predict(X))


# --- stopping ---------------------------------------------------------------------------------------------------------


@both
@solvers
def test_early_stopping_returns_the_best_model(Estimator, solver, monkeypatch):
    """The model is that of the iteration with the best score, though training went on from there."""
    X, y = data(Estimator, 60)
    if Estimator is KANRegressor:
        y = y + np.random.RandomState(0).normal(size=60)
    parts = []

    def hold_out(*args, **kwargs):
        parts.append(_hold_out(*args, **kwargs))
        return parts[-1]

    _hold_out = _base.hold_out
    monkeypatch.setattr(_base, "hold_out", hold_out)
    model = quick(
        Estimator,
        solver=solver,
        early_stopping=True,
        validation_fraction=0.25,
        n_iter_no_change=5,
        max_iter=300,
        alpha=1e-9,
        smoothing=0.0,
        grid_size=10,
        learning_rate_init=0.05,
    ).fit(X, y)
    scores = model.validation_scores_
    assert len(scores) == model.n_iter_ < 300
    assert all(isinstance(score, float) and np.isfinite(score) for score in scores)
    assert int(np.argmax(scores)) + 1 < len(scores)
    X_held, y_held, weight = parts[0][1]  # inputs in units of the knots
    raw = model.network_.scaled(np.zeros(X.shape[1]), np.ones(X.shape[1])).raw_predict(X_held)
    score = -np.average(model._loss().value(y_held, raw).sum(axis=1), weights=weight)
    assert_allclose(score, max(scores), rtol=1e-12)


@both
def test_rows_held_out(Estimator, monkeypatch):
    """Validation rows are no training rows, of the size that was asked for, in the classes' proportions."""
    sizes = []

    def hold_out(*args, **kwargs):
        parts = _hold_out(*args, **kwargs)
        sizes.extend(len(part[0]) for part in parts)
        sizes.append(np.mean(parts[1][1]))
        return parts

    _hold_out = _base.hold_out
    monkeypatch.setattr(_base, "hold_out", hold_out)
    X, y = data(Estimator, 60)
    quick(Estimator, early_stopping=True, validation_fraction=0.2, max_iter=2).fit(X, y)
    assert sizes[:2] == [48, 12]
    if Estimator is KANClassifier:
        assert sizes[2] == 0.5


def test_early_stopping_is_quiet():
    """Stopping early is no lack of convergence."""
    X, y = table(100, noise=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        regressor(early_stopping=True, max_iter=500, n_iter_no_change=3).fit(X, y)


def test_convergence_warning():
    X, y = table()
    with pytest.warns(ConvergenceWarning, match="max_iter=2 .*Increase max_iter"):
        regressor(max_iter=2).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model = regressor(max_iter=500, tol=1e-2).fit(*table(noise=0.3))
    assert model.n_iter_ < 500


def test_what_the_evidence_rose_by_of_late():
    headway = _stage.Headway(1e-3, patience=30)
    for criterion in (1.0, 0.5, 0.2):
        assert headway.fall == np.inf
        headway.note(criterion, np.inf, 20)
    assert headway.fall == 0.8  # since iteration 20, the last one at least 30 before


def test_a_warning_where_the_evidence_still_rises(monkeypatch):
    X, y = make_friedman3(300, noise=0.1, random_state=0)
    monkeypatch.setattr(_stage, "_STILL_RISING", 0.0)
    with pytest.warns(ConvergenceWarning, match="max_iter=100"):
        KANRegressor((4,), solver="lbfgs", n_init=1, random_state=0).fit(X, y)


def test_no_convergence_warning_where_more_iterations_change_little():
    X, y = make_friedman3(1300, noise=0.1, random_state=0)
    model = KANRegressor((4,), solver="lbfgs", n_init=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model.fit(X[:300], y[:300])
    assert model.n_iter_ == model.max_iter
    longer = clone(model).set_params(max_iter=300).fit(X[:300], y[:300])
    errors = [root_mean_squared_error(y[300:], m.predict(X[300:])) for m in (model, longer)]
    assert errors[1] > 0.97 * errors[0]


@solvers
def test_interrupted_fit_keeps_the_last_good_model(solver, monkeypatch):
    X, y = table()
    seen = []

    def iteration(self, network, loss, score):
        seen.append((network.theta, loss))
        if len(seen) == 5:
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(_progress.Progress, "iteration", iteration)
    model = regressor(solver=solver, grid_size=(3, 6))
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    assert model.n_iter_ == 5
    assert model.loss_curve_ == [loss for _, loss in seen]
    assert_array_equal(model.network_.theta, seen[-1][0])
    assert np.isfinite(model.predict(X)).all()
    assert model.feature_importances_.shape == (2,)
    monkeypatch.undo()
    assert np.isfinite(model.fit(X, y).predict(X)).all()


def test_interrupted_early_stopping_returns_the_best_model(monkeypatch):
    X, y = table(noise=0.5)
    seen = []

    def iteration(self, network, loss, score):
        seen.append(score)
        if len(seen) == 12:
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(_progress.Progress, "iteration", iteration)
    options = {"early_stopping": True, "n_iter_no_change": 100, "alpha": 1e-9, "smoothing": 0.0, "grid_size": 15}
    with pytest.warns(UserWarning, match="interrupted"):
        model = regressor(**options).fit(X, y)
    best = int(np.argmax(seen)) + 1
    assert best < 12
    monkeypatch.undo()
    assert_array_equal(model.predict(X), regressor(**{**options, "max_iter": best}).fit(X, y).predict(X))


def test_interrupt_while_starts_compete(monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    X, y = table()
    monkeypatch.setattr(_stage, "levenberg_marquardt", interrupted)
    with pytest.warns(UserWarning, match="interrupted"):
        model = regressor(n_init=3).fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    assert model.n_iter_ == 0


@pytest.mark.parametrize(("solver", "method"), [("lm", "value"), ("lbfgs", "value_and_gradient")])
def test_interrupt_at_a_step_that_is_tried(solver, method, monkeypatch):
    """It leaves what the last iteration reached, not the step."""
    X, y = samples.formula(np.random.RandomState(0), 200)
    values, evaluate = [], getattr(Objective, method)

    def fit(stop=None):
        def counted(self, theta):
            result = evaluate(self, theta)
            values.append(result if solver == "lm" else result[0])
            if len(values) == stop:
                raise KeyboardInterrupt
            return result

        values.clear()
        monkeypatch.setattr(Objective, method, counted)
        return KANRegressor((4,), solver=solver, n_init=1, alpha=1e-4, smoothing=1e-6, random_state=0).fit(X, y)

    fit()
    found = np.array(values)
    worse = 1 + np.flatnonzero(found[1:] > 1.01 * np.minimum.accumulate(found)[:-1])
    with pytest.warns(UserWarning, match="interrupted"):
        model = fit(int(worse[-1]) + 1)
    assert_allclose(model.loss_, model.loss_curve_[-1], rtol=1e-6)


def test_interrupted_partial_fit_leaves_the_model(monkeypatch):
    """And the moments that its next pass begins with."""
    X, y = table(400)
    model, other = (regressor().partial_fit(X, y) for _ in range(2))
    evaluate, calls = Objective.value_and_gradient, []

    def counted(self, theta):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(self, theta)

    monkeypatch.setattr(Objective, "value_and_gradient", counted)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, y)
    monkeypatch.undo()
    assert_array_equal(model.predict(X), other.predict(X))
    assert_array_equal(model.partial_fit(X, y).predict(X), other.partial_fit(X, y).predict(X))


def test_errors_leave_blas_threads_alone(monkeypatch):
    """The limit of one BLAS thread ends with the fit, however that ends."""

    def broken(*args, **kwargs):
        raise RuntimeError("broken")

    X, y = table()
    before = [library["num_threads"] for library in threadpool_info()]
    regressor(max_iter=2).fit(X, y).partial_fit(X, y)
    assert [library["num_threads"] for library in threadpool_info()] == before
    monkeypatch.setattr(_stage, "levenberg_marquardt", broken)
    with pytest.raises(RuntimeError, match="broken"):
        regressor().fit(X, y)
    assert [library["num_threads"] for library in threadpool_info()] == before


# --- going on ---------------------------------------------------------------------------------------------------------


@both
@solvers
def test_warm_start(Estimator, solver):
    X, y = data(Estimator)
    given = {"alpha": 1e-3, "smoothing": 1e-3, "max_iter": 5}
    model = quick(Estimator, solver=solver, warm_start=True, **given).fit(X, y)
    first = model.loss_
    raw = model.network_.raw_predict(X)
    model.fit(X, y)
    assert model.loss_ < 1.25 * first  # hidden knots may move
    assert model.n_iter_ == len(model.loss_curve_) <= 5
    cold = quick(Estimator, solver=solver, **given).fit(X, y)
    cold.fit(X, y)
    assert_array_equal(cold.network_.raw_predict(X), raw)


def test_warm_start_refines_the_grid():
    X, y = table(200)
    model = regressor(warm_start=True, grid_size=3, max_iter=60).fit(X, y)
    coarse = model.score(X, y)
    theta = model.network_.theta.copy()
    kept = model.network_
    model.set_params(grid_size=12, max_iter=1).fit(X, y)
    assert model.network_.layers[0].grid_size == 12
    assert model.score(X, y) > coarse - 1e-3  # one step after the refinement: it began where it was
    assert_array_equal(kept.theta, theta)
    model.set_params(grid_size=(3, 12, 24), max_iter=30).fit(X, y)
    assert model.network_.layers[0].grid_size == 24
    assert 1.0 - model.score(X, y) < 0.5 * (1.0 - coarse)


def test_warm_start_keeps_knots_and_target_scale():
    X, y = table()
    model = regressor(warm_start=True, max_iter=5).fit(X, y)
    center, scale = model.network_.layers[0].center.copy(), model.network_.layers[0].scale.copy()
    model.fit(X[:20], 2.0 * y[:20])
    assert_array_equal(model.network_.layers[0].center, center)
    assert_array_equal(model.network_.layers[0].scale, scale)


def test_warm_start_with_other_settings():
    X, y = table()
    model = regressor(warm_start=True, max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match="grid_size"):
        clone(model).fit(X, y).set_params(grid_size=3).fit(X, y)
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        clone(model).fit(X, y).set_params(hidden_layer_sizes=(3, 3)).fit(X, y)
    with pytest.raises(ValueError, match="features"):
        clone(model).fit(X, y).fit(X[:, :1], y)
    with pytest.raises(ValueError, match="outputs"):
        clone(model).fit(X, y).fit(X, np.column_stack([y, y]))
    X, y = labelled()
    with pytest.raises(ValueError, match="classes"):
        classifier(warm_start=True, max_iter=2).fit(X, y).fit(X, y + 1)


@pytest.mark.parametrize("other", [{"loss": "poisson"}, {"degree": 2}, {"base_activation": "zero"}], ids=str)
def test_warm_start_does_not_ignore_what_cannot_change(other):
    """The fitted network has another degree, base activation or scale of targets than is asked for now."""
    X, y = table()
    model = regressor(warm_start=True, max_iter=2).fit(X, np.abs(y))
    with pytest.raises(ValueError, match=next(iter(other))):
        model.set_params(**other).fit(X, np.abs(y))


@both
def test_partial_fit(Estimator):
    X, y = data(Estimator, 300)
    model = quick(Estimator, solver="lm", batch_size=20)
    first = {"classes": [0, 1]} if Estimator is KANClassifier else {}
    scores = []
    for epoch in range(40):
        assert model.partial_fit(X, y, **(first if epoch == 0 else {})) is model
        assert model.n_iter_ == len(model.loss_curve_) == epoch + 1
        scores.append(model.score(X, y))
    assert model.solver_ == "adam"
    assert scores[-1] > 0.9
    assert scores[-1] > scores[0]
    again = quick(Estimator, solver="lm", batch_size=20)
    for epoch in range(40):
        again.partial_fit(X, y, **(first if epoch == 0 else {}))
    assert_array_equal(response(again, X), response(model, X))


def test_partial_fit_keeps_knots_and_target_scale():
    X, y = table()
    model = regressor().partial_fit(X, y)
    layer = model.network_.layers[0]
    knots, center, scale = layer.knots.copy(), layer.center.copy(), layer.scale.copy()
    hidden = model.network_.layers[1].knots.copy()
    target = model._target_center.copy(), model._target_scale.copy()
    model.partial_fit(100.0 * X, 1e3 * y)
    layer = model.network_.layers[0]
    assert_array_equal(layer.knots, knots)
    assert_array_equal(layer.center, center)
    assert_array_equal(layer.scale, scale)
    assert_array_equal(model.network_.layers[1].knots, hidden)
    assert_array_equal(model._target_center, target[0])
    assert_array_equal(model._target_scale, target[1])
    assert np.isfinite(model.predict(X)).all()


def test_partial_fit_after_fit():
    X, y = table()
    model = regressor(max_iter=50).fit(X, y)
    before = model.score(X, y)
    n_iter = model.n_iter_
    model.set_params(learning_rate_init=1e-4).partial_fit(X, y)
    assert model.n_iter_ == n_iter + 1
    assert model.score(X, y) > before - 0.01


def test_partial_fit_on_a_constant_first_batch():
    """A column that is constant in the first batch may still count later."""
    X, y = table(100)
    X[:50, 0] = 0.3
    model = regressor(learning_rate_init=0.02).partial_fit(X[:50], y[:50])
    for _ in range(60):
        model.partial_fit(X, y)
    assert model.feature_importances_[0] > 0.1


@pytest.mark.parametrize("value", [0.0, np.nan], ids=["constant", "missing"])
def test_partial_fit_lets_a_column_in_where_it_first_varies(value):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=300), rng.uniform(0.0, 100.0, 300)])
    y = np.sin(2.0 * X[:, 0]) + X[:, 1] / 50.0
    first = np.column_stack([X[:100, 0], np.full(100, value)])
    model = regressor(learning_rate_init=0.01).partial_fit(first, y[:100])
    assert model.feature_importances_[1] == 0.0
    model.partial_fit(first[:50], y[:50])
    before = pickle.dumps(model)
    model.partial_fit(X[:100], 0.0 * y[:100], sample_weight=np.full(100, 1e-300))
    for _ in range(60):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.8
    assert model.feature_importances_[1] > 0.2
    other = pickle.loads(before).partial_fit(X, y)
    assert other.network_.layers[0].edge_mask[1].all()


def test_partial_fit_lets_a_column_in_that_varies_from_call_to_call():
    X, y = table(200)
    X[:100, 1], X[100:, 1] = 3.0, 7.0
    model = regressor().partial_fit(X[:100], y[:100])
    assert not model.network_.layers[0].edge_mask[1].any()
    model.partial_fit(X[100:], y[100:])
    layer = model.network_.layers[0]
    assert layer.edge_mask[1].all()
    assert layer.center[1] - layer.scale[1] < 3.0
    assert layer.center[1] + layer.scale[1] > 7.0


def test_partial_fit_lets_a_column_in_that_was_missing_at_first():
    X, y = table(60)
    first = np.column_stack([X[:, 0], np.full(60, np.nan)])
    model = regressor().partial_fit(first, y)
    for value in (5.0, 7.0):
        assert not model.network_.layers[0].edge_mask[1].any()
        model.partial_fit(np.column_stack([X[:, 0], np.full(60, value)]), y)
    assert model.network_.layers[0].edge_mask[1].all()


def test_partial_fit_rows_without_weight_let_no_column_in():
    X, y = table(60)
    X[:, 1], weight = 3.0, np.append(0.0, np.ones(59))
    X[0, 1] = 0.0
    model = regressor().partial_fit(X, y, sample_weight=weight)
    assert model._constant == {1: 3.0}
    model.partial_fit(X, y, sample_weight=weight)
    assert not model.network_.layers[0].edge_mask[1].any()


def test_partial_fit_row_by_row():
    X, y = table(300)
    model = regressor(learning_rate_init=0.01)
    for s in range(300):
        model.partial_fit(X[s : s + 1], y[s : s + 1])
    assert np.isfinite(model.predict(X)).all()


def test_partial_fit_undoes_a_pass_that_diverged():
    X, y = table()
    model = regressor(learning_rate_init=0.01).partial_fit(X, y)
    before = model.predict(X)
    model.set_params(learning_rate_init=1e200)
    with pytest.warns(UserWarning, match="learning_rate_init=1e"):
        model.partial_fit(X, y)
    assert_array_equal(model.predict(X), before)
    assert np.isfinite(model.loss_)
    model.set_params(learning_rate_init=0.01)
    for _ in range(40):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.5  # at the rate that was asked for


@both
@pytest.mark.filterwarnings("ignore:The loss diverged")
@pytest.mark.parametrize("rate", [100.0, 1e100, 1e300])
def test_adam_with_a_rate_that_is_far_too_large(Estimator, rate):
    X, y = data(Estimator, 150)
    model = quick(Estimator, solver="adam", learning_rate_init=rate, max_iter=30).fit(X, y)
    assert np.isfinite(response(model, X)).all()
    assert np.isfinite(model.loss_)
    assert model.score(X, y) > -1.0


@pytest.mark.parametrize("solver", ["lm", "lbfgs", "adam"])
def test_the_stiffest_functions_are_straight(solver):
    X, y = table()
    stiff, stiffer = (regressor(solver=solver, smoothing=smoothing).fit(X, y).predict(X) for smoothing in (1e10, 1e300))
    assert_array_equal(stiffer, stiff)


def test_partial_fit_learns_all_classes_from_the_first_call():
    X, y = labelled(n_classes=3)
    model = classifier().partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    assert model.predict_proba(X).shape == (80, 3)
    for _ in range(40):
        model.partial_fit(X, y)
    assert set(model.predict(X)) == {0, 1, 2}


def test_partial_fit_takes_weights():
    X, y = table()
    weight = (X[:, 0] > 0).astype(float)
    model = regressor(batch_size=1000).partial_fit(X, y, sample_weight=weight)
    other = regressor(batch_size=1000).partial_fit(X[weight > 0], y[weight > 0])
    assert_allclose(model.predict(X), other.predict(X), rtol=1e-9)


# --- scikit-learn's company -------------------------------------------------------------------------------------------


def test_metadata_routing():
    X, y = table(noise=0.5)
    weight = np.random.RandomState(0).uniform(size=80) ** 4
    with sklearn.config_context(enable_metadata_routing=True):
        model = regressor().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": [1e-3, 1e-2]}, cv=2).fit(X, y, sample_weight=weight)
        assert model.set_partial_fit_request(sample_weight=True) is model
    alpha = search.best_params_["alpha"]
    assert_array_equal(search.predict(X), regressor(alpha=alpha).fit(X, y, sample_weight=weight).predict(X))
    assert (search.predict(X) != regressor(alpha=alpha).fit(X, y).predict(X)).any()


def test_score_takes_weights():
    X, y = table(noise=0.5)
    model = regressor().fit(X, y)
    weight = (X[:, 0] > 0).astype(float)
    assert_allclose(model.score(X, y, sample_weight=weight), model.score(X[weight > 0], y[weight > 0]))


@both
def test_html(Estimator):
    X, y = data(Estimator)
    for model in (Estimator(), quick(Estimator, max_iter=2).fit(X, y)):
        html = model._repr_html_()
        assert Estimator.__name__ in html
        assert f"https://sklearn-kan.readthedocs.io/en/stable/generated/sklearn_kan.{Estimator.__name__}.html" in html


@both
def test_tags(Estimator):
    tags = sklearn.utils.get_tags(Estimator())
    assert tags.target_tags.multi_output == (Estimator is KANRegressor)
    assert not tags.input_tags.sparse
    assert tags.input_tags.allow_nan
    assert not tags.no_validation
    assert not tags.non_deterministic


@both
def test_predict_changes_nothing(Estimator):
    X, y = data(Estimator)
    model = quick(Estimator, max_iter=3).fit(X, y)
    before = pickle.dumps(model)
    names = set(vars(model))
    response(model, X)
    model.predict(X)
    model.score(X, y)
    assert pickle.dumps(model) == before
    assert set(vars(model)) == names


@both
def test_predict_from_eight_threads(Estimator):
    X, y = data(Estimator)
    model = quick(Estimator, max_iter=5).fit(X, y)
    rows = np.random.RandomState(0).uniform(-2.0, 2.0, (20_000, 2))
    expected = response(model, rows)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: response(model, rows), range(16)):
            assert_array_equal(found, expected)


def test_fits_in_two_threads():
    """Two at a time give the bits of one after the other."""
    X, y = table(500)
    seeds = range(6)

    def fit(seed):
        return regressor(random_state=seed, max_iter=10).fit(X, y).predict(X)

    expected = [fit(seed) for seed in seeds]
    with ThreadPoolExecutor(2) as pool:
        for one, other in zip(pool.map(fit, seeds), expected, strict=True):
            assert_array_equal(one, other)


# --- progress ---------------------------------------------------------------------------------------------------------


def test_quiet(capsys):
    X, y = table()
    regressor(n_init=2, prune_threshold=1e-3).fit(X, y)
    found = capsys.readouterr()
    assert found.out == found.err == ""


def test_a_line_a_stage(capsys):
    X, y = table()
    model = regressor(verbose=1, grid_size=(3, 6), early_stopping=True, n_iter_no_change=50).fit(X, y)
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 2
    for line, grid_size in zip(lines, (3, 6), strict=True):
        assert f"grid {grid_size}" in line
        for word in ("iteration", "loss", "validation score", " s"):
            assert word in line
    assert f"{model.loss_curve_[-1]:.6g}" in lines[1]


def test_a_live_line(capsys, monkeypatch):
    X, y = table()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    model = regressor(verbose=1).fit(X, y)
    found = capsys.readouterr().out
    assert found.count("\r") >= model.n_iter_
    assert found.count("\n") == 1


def test_a_line_an_iteration(capsys):
    X, y = table()
    model = regressor(verbose=2, solver="adam").fit(X, y)
    lines = [line for line in capsys.readouterr().out.splitlines() if "iteration" in line]
    assert len(lines) == model.n_iter_
    for line, loss in zip(lines, model.loss_curve_, strict=True):
        assert f"{loss:.6g}" in line
        assert "validation" not in line


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("seed", [0, 1])
def test_knots_that_follow_in_vain_stay(seed, monkeypatch):
    """Where penalties shrink the activations of wide inputs the knots would chase them, and the loss run away."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, (200, 20))
    y = np.exp(np.mean(np.sin(np.pi * X / 2.0) ** 2, axis=1))

    def fitted():
        given = {"alpha": 1e-3, "smoothing": 1e-3}
        return KANRegressor((1,), grid_size=3, n_init=1, random_state=0, **given).fit(X, y)

    settled = fitted()
    assert max(settled.loss_curve_[5:]) < 0.05
    monkeypatch.setitem(_stage._VAIN, "lm", np.inf)
    chasing = fitted()
    assert max(chasing.loss_curve_[5:]) > 2.0 * max(settled.loss_curve_[5:])
    assert settled.n_iter_ < 0.7 * chasing.n_iter_


def test_warm_start_tells_what_it_cannot_do():
    """A fitted model has units of y, and ends of its functions, which later fits keep."""
    X = np.random.RandomState(0).uniform(-1.0, 1.0, (60, 1))
    y = np.sin(3.0 * X[:, 0])
    model = KANRegressor((), max_iter=10, warm_start=True, random_state=0).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    for other in (1000.0 * y, 1e-3 * y, y + 100.0):
        with pytest.warns(UserWarning, match="in other units"):
            clone(model).fit(X, y).fit(X, other)
    model.set_params(extrapolation="constant")
    with pytest.raises(ValueError, match="lines.*extrapolation='constant'"):
        model.fit(X, y)
    model.set_params(extrapolation="error").fit(X, y)


def test_adam_settles_on_exact_data():
    """Where the learning rate falls at the end no last step spoils the fit."""
    rng = np.random.default_rng(0)
    X, X_test = rng.uniform(-1.0, 1.0, (4000, 3)), rng.uniform(-1.0, 1.0, (1000, 3))

    def truth(X):
        return np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)

    errors = []
    for seed in range(3, 6):
        model = KANRegressor((10,), solver="adam", max_iter=30, random_state=seed).fit(X, truth(X))
        errors.append(np.sqrt(np.mean((model.predict(X_test) - truth(X_test)) ** 2)))
    assert max(errors) < 4e-3


@pytest.mark.parametrize("hidden", [(1,), (3,), "auto"])
def test_a_perfect_fit_does_not_ask_for_more_iterations(hidden):
    X = np.random.default_rng(0).uniform(size=(200, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = KANRegressor(hidden, random_state=0).fit(X, X[:, 0])
    assert model.score(X, X[:, 0]) > 1.0 - 1e-12
    with pytest.warns(ConvergenceWarning):
        KANRegressor((3,), max_iter=1, random_state=0).fit(X, np.sin(6.0 * X[:, 0]))


@pytest.mark.parametrize("solver", ["lbfgs", "adam", "lm"])
@pytest.mark.parametrize(
    "name, value",
    [
        ("degree", np.uint8(3)),
        ("max_iter", np.uint8(50)),
        ("batch_size", np.uint8(20)),
        ("n_init", np.int8(2)),
        ("grid_size", np.uint8(6)),
        ("tol", np.float32(0.25)),
    ],
)
def test_numbers_of_few_bits_do_not_overflow(name, value, solver):
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (60, 2))
    y, options = X[:, 0] ** 2 + X[:, 1], {"solver": solver, "max_iter": 20, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        model, other = (KANRegressor((2,), **{**options, name: v}).fit(X, y) for v in (value, value.item()))
    assert_array_equal(model.predict(X), other.predict(X))
    assert model.get_params()[name] is value


def test_the_order_of_rows_with_any_weights_changes_no_bit():
    rng = np.random.default_rng(7)
    X, y, weight = rng.uniform(-1.0, 1.0, (60, 3)), rng.normal(size=60), 10.0 ** rng.uniform(-8.0, 8.0, 60)
    X, y, weight = (np.concatenate([values, values[:5]]) for values in (X, y, weight))
    weight[-5:] *= 3.0
    order = rng.permutation(len(X))
    one = KANRegressor((2,), solver="lbfgs", random_state=0).fit(X, y, weight)
    other = KANRegressor((2,), solver="lbfgs", random_state=0).fit(X[order], y[order], weight[order])
    assert_array_equal(one.predict(X), other.predict(X))


@pytest.mark.parametrize("other", [{"degree": 2}, {"extrapolation": "constant"}])
def test_refine_names_itself(other):
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (60, 2))
    model = KANRegressor((), random_state=0).fit(X, X[:, 0]).set_params(**other)
    with pytest.raises(ValueError, match=r"^refine goes on with .* Set it back\.$"):
        model.refine(20, X, X[:, 0])


@pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
def test_every_parameter_has_a_type(Estimator):
    hints = get_type_hints(Estimator.__init__)
    assert set(hints) - {"return"} == set(Estimator().get_params())
    assert hints["grid_size"] == str | int | Sequence[int]
