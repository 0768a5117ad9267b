"""Input nobody should have to think of: finite predictions, or a ValueError that names what is wrong."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sklearn_kan import KANClassifier, KANRegressor

SOLVERS = ("lm", "lbfgs", "adam")
solvers = pytest.mark.parametrize("solver", SOLVERS)
both = pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def quick(Estimator, **options):
    return Estimator(**{"hidden_layer_sizes": (3,), "max_iter": 15, "n_init": 1, "random_state": 0, **options})


def table(n_samples=40):
    X = np.random.RandomState(0).uniform(-1.0, 1.0, (n_samples, 2))
    return X, np.sin(2.0 * X[:, 0]) + X[:, 1]


def data(Estimator, n_samples=40):
    X, y = table(n_samples)
    return X, y if Estimator is KANRegressor else (y > np.median(y)).astype(int)


def response(model, X):
    return model.predict_proba(X) if isinstance(model, KANClassifier) else model.predict(X)


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        {"solver": "sgd"},
        {"solver": None},
        {"grid_size": 0},
        {"grid_size": -3},
        {"grid_size": 2.5},
        {"grid_size": "5"},
        {"grid_size": ()},
        {"grid_size": (3, 0)},
        {"grid_size": (3.5, 5)},
        {"grid_size": (10, 5)},
        {"grid_size": (5, 5)},
        {"grid_size": [[3, 5]]},
        {"grid_size": None},
        {"grid_size": True},
        {"hidden_layer_sizes": 0},
        {"hidden_layer_sizes": -1},
        {"hidden_layer_sizes": (3, 0)},
        {"hidden_layer_sizes": (3, -1)},
        {"hidden_layer_sizes": 2.5},
        {"hidden_layer_sizes": (2.5,)},
        {"hidden_layer_sizes": "ab"},
        {"hidden_layer_sizes": None},
        {"hidden_layer_sizes": [[3], [2]]},
        {"hidden_layer_sizes": [True, True]},
        {"degree": -1},
        {"degree": 2.0},
        {"degree": 99},
        {"knots": "data"},
        {"extrapolation": "zero"},
        {"base_activation": "relu"},
        {"alpha": -1.0},
        {"alpha": np.nan},
        {"alpha": "none"},
        {"smoothing": -1.0},
        {"smoothing": np.inf},
        {"reg_lambda": -1e-9},
        {"l1_weight": -1.0},
        {"entropy_weight": None},
        {"prune_threshold": -0.1},
        {"n_init": 0},
        {"max_iter": 0},
        {"max_iter": 1.5},
        {"tol": -1e-3},
        {"batch_size": 0},
        {"batch_size": "all"},
        {"learning_rate_init": 0.0},
        {"early_stopping": "yes"},
        {"validation_fraction": 0.0},
        {"validation_fraction": 1.0},
        {"n_iter_no_change": 0},
        {"warm_start": None},
        {"random_state": "seed"},
        {"verbose": -1},
    ],
    ids=lambda option: "{}={!r}".format(*next(iter(option.items()))),
)
@both
def test_parameters_out_of_range(Estimator, option):
    X, y = data(Estimator)
    with pytest.raises(ValueError, match=next(iter(option))):
        Estimator(**option).fit(X, y)
    first = {"classes": [0, 1]} if Estimator is KANClassifier else {}
    with pytest.raises(ValueError, match=next(iter(option))):
        Estimator(**option).partial_fit(X, y, **first)


@both
def test_no_rows_to_learn_from_beside_those_held_out(Estimator):
    X, y = data(Estimator)
    with pytest.raises(ValueError, match="validation_fraction=0.999 of .* rows, which leaves none"):
        Estimator(early_stopping=True, validation_fraction=0.999).fit(X[:20], y[:20])


@pytest.mark.parametrize(
    "option",
    [
        {"loss": "mse"},
        {"loss": None},
        {"epsilon": 0.0},
        {"quantile": 0.0, "loss": "quantile"},
        {"quantile": 1.0, "loss": "quantile"},
        {"quantile": None, "loss": "quantile"},
        {"quantile": "half"},
    ],
    ids=repr,
)
def test_regression_parameters_out_of_range(option):
    X, y = table()
    with pytest.raises(ValueError, match=next(iter(option))):
        KANRegressor(**option).fit(X, y)
    with pytest.raises(ValueError, match=next(iter(option))):
        KANRegressor(**option).partial_fit(X, y)


@both
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(Estimator, bad):
    """Only missing values in X are no error."""
    X, y = data(Estimator)
    model = quick(Estimator).fit(X, y)
    spoilt = X.copy()
    spoilt[3, 1] = bad
    for method in (quick(Estimator).fit, model.partial_fit):
        if np.isinf(bad):
            with pytest.raises(ValueError, match="(?i)input X contains infinity"):
                method(spoilt, y)
        with pytest.raises(ValueError, match="(?i)y contains (nan|infinity)"):
            method(X, np.where(np.arange(40) == 3, bad, y))
        with pytest.raises(ValueError, match="(?i)sample_weight contains (nan|infinity)"):
            method(X, y, sample_weight=np.where(np.arange(40) == 3, bad, 1.0))
    if np.isinf(bad):
        with pytest.raises(ValueError, match="(?i)input X contains infinity"):
            model.predict(spoilt)


@both
def test_shapes_that_do_not_fit(Estimator):
    X, y = data(Estimator)
    model = quick(Estimator, max_iter=2)
    first = {"classes": [0, 1]} if Estimator is KANClassifier else {}
    for method in (model.fit, partial(model.partial_fit, **first)):
        with pytest.raises(ValueError, match="(?i)0 sample"):
            method(np.empty((0, 2)), np.empty(0))
        with pytest.raises(ValueError, match="0 feature"):
            method(np.empty((40, 0)), y)
        with pytest.raises(ValueError, match="(?i)expected 2D array.*1D"):
            method(X[:, 0], y)
        with pytest.raises(ValueError, match="(?i)dim"):
            method(X[None], y)
        with pytest.raises(ValueError, match="inconsistent"):
            method(X, y[:-1])
        with pytest.raises(ValueError, match="(?i)sample.weight"):
            method(X, y, sample_weight=np.ones(39))
        with pytest.raises(ValueError, match="(?i)sample.weight"):
            method(X, y, sample_weight=np.ones((40, 2)))
        with pytest.raises(ValueError, match="(?i)sample.weight"):
            method(X, y, sample_weight=-np.ones(40))
        with pytest.raises(ValueError, match="(?i)sample.weight"):
            method(X, y, sample_weight=np.zeros(40))
        with pytest.raises(ValueError, match="y cannot be None|requires y"):
            method(X, None)


@both
def test_types_that_do_not_fit(Estimator):
    X, y = data(Estimator)
    with pytest.raises(ValueError, match="(?i)could not convert|numeric"):
        quick(Estimator).fit(np.full((40, 2), "a"), y)
    with pytest.raises(ValueError, match="(?i)complex"):
        quick(Estimator).fit(X + 1j, y)
    with pytest.raises((TypeError, ValueError), match="(?i)sparse"):
        quick(Estimator).fit(scipy.sparse.csr_matrix(X), y)
    with pytest.raises((TypeError, ValueError), match="(?i)sparse"):
        quick(Estimator).fit(X, y).predict(scipy.sparse.csr_matrix(X))
    with pytest.raises((TypeError, ValueError)):
        quick(Estimator).fit(X, {"a": 1})


@both
def test_predict_with_other_columns(Estimator):
    X, y = data(Estimator)
    model = quick(Estimator)
    with pytest.raises(NotFittedError, match=Estimator.__name__):
        model.predict(X)
    model.fit(X, y)
    for other in (X[:, :1], np.hstack([X, X])):
        with pytest.raises(ValueError, match=f"{other.shape[1]} features, but {Estimator.__name__} is expecting 2"):
            model.predict(other)
        with pytest.raises(ValueError, match="features"):
            model.partial_fit(other, y)
    with pytest.raises(ValueError, match="(?i)2D array"):
        model.predict(X[0])
    with pytest.raises(ValueError, match="(?i)0 sample"):
        model.predict(np.empty((0, 2)))


def test_targets_of_regression():
    X, y = table()
    with pytest.raises(ValueError, match="poisson.*non-negative"):
        quick(KANRegressor, loss="poisson").fit(X, y)
    weight = np.where(y < 0.0, 0.0, 1.0)
    quick(KANRegressor, loss="poisson").fit(X, y, weight)  # rows that do not count
    with pytest.raises(ValueError, match="poisson.*positive"):
        quick(KANRegressor, loss="poisson").fit(X, np.zeros(40))
    with pytest.raises(ValueError, match="poisson.*non-negative"):
        quick(KANRegressor, loss="poisson").fit(X, np.abs(y)).partial_fit(X, y)
    with pytest.raises(ValueError, match="(?i)could not convert|numeric|dtype"):
        quick(KANRegressor).fit(X, np.full(40, "a"))
    with pytest.raises(ValueError, match="y has 2 outputs"):
        quick(KANRegressor).fit(X, y).partial_fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="dim|shape"):
        quick(KANRegressor).fit(X, np.zeros((40, 2, 2)))


def test_targets_that_no_unit_suits():
    X, y = table()
    with pytest.raises(ValueError, match="y must be dense.*toarray"):
        quick(KANRegressor).fit(X, scipy.sparse.csr_matrix(y[:, None]))
    large = 1.7e308 / np.abs(y).max() * y
    for loss, wrong in (("squared_error", large), ("poisson", np.abs(large))):
        with pytest.raises(ValueError, match="y has values too large.*larger units"):
            quick(KANRegressor, loss=loss).fit(X, wrong)


@both
@pytest.mark.parametrize("weight", [np.nan, np.inf, 0.0])
def test_weights_that_are_one_number(Estimator, weight):
    X, y = data(Estimator)
    with pytest.raises(ValueError, match="(?i)sample.weight"):
        quick(Estimator).fit(X, y, sample_weight=weight)
    assert np.isfinite(response(quick(Estimator).fit(X, y, sample_weight=1e308), X)).all()


@pytest.mark.parametrize("factor", ["heavy", [1.0], None])
def test_class_weights_that_are_no_numbers(factor):
    X, y = data(KANClassifier)
    with pytest.raises(ValueError, match="class_weight must hold finite numbers"):
        quick(KANClassifier, class_weight={0: factor, 1: 1.0}).fit(X, y)


@both
@pytest.mark.parametrize(
    "option", [{"hidden_layer_sizes": [[1], [2, 3]]}, {"grid_size": [5, [6, 7]]}, {"grid_size": np.uint8([10, 5])}]
)
def test_sizes_that_are_no_sequence(Estimator, option):
    """Ragged ones, and unsigned ones, whose differences are never negative."""
    X, y = data(Estimator)
    with pytest.raises(ValueError, match=next(iter(option))):
        quick(Estimator, **option).fit(X, y)


def test_targets_of_classification():
    X, y = data(KANClassifier)
    with pytest.raises(ValueError, match="(?i)continuous"):
        quick(KANClassifier).fit(X, table()[1])
    with pytest.raises(ValueError, match="(?i)y should be a 1d array|multilabel"):
        quick(KANClassifier).fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="(?i)2 classes.*one class"):
        quick(KANClassifier).fit(X, np.ones(40))
    with pytest.raises(ValueError, match="(?i)2 classes.*one class"):
        quick(KANClassifier).fit(X, y, sample_weight=y)  # rows of weight 0 bring no class
    with pytest.raises(ValueError, match="classes"):
        quick(KANClassifier).partial_fit(X, y)
    with pytest.raises(ValueError, match="classes"):
        quick(KANClassifier).partial_fit(X, y, classes=[1])
    with pytest.raises(ValueError, match=r"classes \[1\].*classes_"):
        quick(KANClassifier).partial_fit(X, y, classes=[0, 2])
    model = quick(KANClassifier).partial_fit(X, y, classes=[0, 1])
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match=r"classes \[2\].*classes_"):
        model.partial_fit(X, 2 * y)
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(X, y, classes=[0, 1, 2])
    assert_array_equal(model.predict_proba(X), before)  # a call that is refused changes nothing
    model = quick(KANClassifier)
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(X, 2 * y, classes=[0, 1])
    assert np.isfinite(model.partial_fit(X, y, classes=[0, 1]).predict_proba(X)).all()


@both
def test_refused_fit_leaves_the_model(Estimator):
    X, y = data(Estimator)
    model = quick(Estimator).fit(X, y)
    before = response(model, X)
    with pytest.raises(ValueError, match="(?i)infinity"):
        model.fit(np.full_like(X, np.inf), y)
    assert_array_equal(response(model, X), before)


@pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
def test_failed_fit_leaves_the_model(Estimator, monkeypatch):
    """Whatever ends it, and however late: targets are in other units by then, columns other ones."""
    X, y = data(Estimator)
    model = quick(Estimator).fit(X, y)
    before, wide = response(model, X), np.hstack([X, X])
    other = 1e6 * y if Estimator is KANRegressor else np.where(y == y[0], "a", "b")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("sklearn_kan._iterated_screening.IteratedScreening.train", _interrupted)
        model.fit(wide, other)
    assert_array_equal(response(model, X), before)
    with pytest.raises(ValueError):
        model.partial_fit(wide, other)
    assert_array_equal(response(model, X), before)


def _interrupted(*args):
    raise KeyboardInterrupt


def test_validation_rows():
    """Too few rows to hold any out."""
    X, y = table(1)
    with pytest.raises(ValueError, match="(?i)n_samples=1|early_stopping|train set"):
        quick(KANRegressor, early_stopping=True).fit(X, y)


# --- accepted ---------------------------------------------------------------------------------------------------------


@solvers
@pytest.mark.parametrize("n_samples", [1, 2, 3, 5])
def test_few_rows(n_samples, solver):
    """Fewer rows than knots."""
    X, y = table(n_samples)
    model = quick(KANRegressor, grid_size=20, solver=solver).fit(X, y)
    far = np.vstack([X, 3.0 * X, [[1e6, -1e6]]])
    assert np.isfinite(model.predict(far)).all()
    if n_samples == 1:
        assert_allclose(model.predict(far), y[0], atol=0.05)
    if n_samples > 1:
        labels = np.arange(n_samples) % 2
        proba = quick(KANClassifier, grid_size=20, solver=solver).fit(X, labels).predict_proba(far)
        assert_allclose(proba.sum(axis=1), 1.0)


@solvers
def test_constant_columns(solver):
    X, y = table()
    wide = np.column_stack([X, np.full(40, 7.0), np.zeros(40), np.full(40, 1e300)])
    model = quick(KANRegressor, solver=solver).fit(wide, y)
    assert_array_equal(model.feature_importances_[2:], np.zeros(3))
    before = model.predict(wide)
    wide[:, 2:] = -1e5
    assert_array_equal(model.predict(wide), before)  # what never varied tells nothing


@solvers
@both
def test_all_columns_constant(Estimator, solver):
    _, y = data(Estimator)
    X = np.ones((40, 2))
    model = quick(Estimator, solver=solver).fit(X, y)
    found = response(model, np.vstack([X, [[5.0, -5.0]]]))
    if Estimator is KANRegressor:
        assert_allclose(found, y.mean(), atol=1e-6 if solver == "lm" else 0.1)
    else:
        assert_allclose(found, 0.5, atol=1e-6 if solver == "lm" else 0.1)


@both
def test_all_columns_constant_by_default(Estimator):
    X, (_, y) = np.ones((80, 2)), data(Estimator, 80)
    model = Estimator(random_state=0).fit(X, y)
    assert_allclose(response(model, X), 0.5 if Estimator is KANClassifier else y.mean(), atol=1e-6)
    assert model.n_parameters_ == 0 or not np.any(model.edge_scores()[0])


def test_parameters_without_curvature():
    """Beside missing values there is one value, at which the base activation is zero, and no ridge."""
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.normal(size=100), np.where(rng.uniform(size=100) < 0.3, np.nan, 1.0)])
    y = X[:, 0] + np.isnan(X[:, 1]) + 0.1 * rng.normal(size=100)
    model = quick(KANRegressor, alpha=0.0, max_iter=100).fit(X, y)
    assert 2.0 < model.edof_ < 50.0
    assert all(np.isfinite(strengths).all() for strengths in model.smoothing_)
    assert_allclose(model.predict(X, return_std=True)[1].mean(), 0.1, rtol=0.3)


@solvers
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile", "poisson"])
@pytest.mark.parametrize("constant", [0.0, 3.0, 1e300])
def test_constant_target(loss, constant, solver):
    """Needs no training to be right."""
    if loss == "poisson" and constant == 0.0:
        return
    X, _ = table()
    model = quick(KANRegressor, loss=loss, quantile=0.3, solver=solver).fit(X, np.full(40, constant))
    assert_allclose(model.predict(2.0 * X), constant, rtol=0.01, atol=0.01)


@solvers
def test_binary_columns(solver):
    X = np.random.RandomState(0).randint(2, size=(40, 3)).astype(float)
    y = X[:, 0] + 2.0 * X[:, 1] - X[:, 2]
    model = quick(KANRegressor, solver=solver, max_iter=100).fit(X, y)
    assert model.score(X, y) > 0.95
    assert np.isfinite(model.predict(X + 0.5)).all()
    boolean = quick(KANRegressor, solver=solver, max_iter=100).fit(X.astype(bool), y)
    assert_array_equal(boolean.predict(X.astype(bool)), model.predict(X))


@solvers
@both
def test_duplicated_rows(Estimator, solver):
    X, y = data(Estimator)
    model = quick(Estimator, solver=solver).fit(X[[0, 1] * 20], y[[0, 1] * 20] if y[0] != y[1] else [0, 1] * 20)
    assert np.isfinite(response(model, X)).all()
    contradicting = quick(Estimator, solver=solver).fit(np.repeat(X[:1], 40, axis=0), y)
    assert np.isfinite(response(contradicting, X)).all()


@solvers
@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
def test_columns_in_extreme_units(scale, solver):
    X, y = table()
    model = quick(KANRegressor, solver=solver).fit(X * [scale, 1.0], y)
    expected = quick(KANRegressor, solver=solver).fit(X, y).predict(X)
    assert_allclose(model.predict(X * [scale, 1.0]), expected, atol=1e-5)
    assert np.isfinite(model.predict(X)).all()
    labels = (y > 0).astype(int)
    model = quick(KANClassifier, solver=solver).fit(X * [scale, 1.0], labels)
    assert model.score(X * [scale, 1.0], labels) > 0.85


@solvers
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
def test_targets_in_extreme_units(scale, loss, solver):
    X, y = table()
    found = quick(KANRegressor, loss=loss, solver=solver).fit(X, scale * y).predict(X) / scale
    assert_allclose(found, quick(KANRegressor, loss=loss, solver=solver).fit(X, y).predict(X), atol=1e-5)


def test_range_wider_than_a_float():
    X = 1.7e308 * np.linspace(-1.0, 1.0, 30)[:, None]
    model = quick(KANRegressor).fit(X, np.arange(30.0))
    assert model.score(X, np.arange(30.0)) > 0.9
    assert np.isfinite(model.predict([[1.79e308]])).all()


@solvers
def test_an_outlier_in_a_column(solver):
    """One row a million times beyond the others costs them nothing."""
    X, y = table(100)
    X[7, 0] = 1e6
    model = quick(KANRegressor, solver=solver, max_iter=100).fit(X, y)
    others = np.arange(100) != 7
    assert np.isfinite(model.predict(X)).all()
    assert model.score(X[others], y[others]) > 0.9


@pytest.mark.parametrize("way", ["warm_start", "refine", "partial_fit", "let in"])
def test_an_outlier_among_rows_to_go_on_with(way):
    X, y = table(200)
    spoilt = X.copy()
    spoilt[7, 0] = 1e6
    model = quick(KANRegressor, max_iter=30, learning_rate_init=0.01)
    if way == "warm_start":
        model.set_params(warm_start=True).fit(X, y).fit(spoilt, y)
    elif way == "refine":
        model = model.fit(X, y).refine(8, spoilt, y)
    else:
        model.partial_fit(X if way == "partial_fit" else np.column_stack([np.ones(200), X[:, 1]]), y)
        for _ in range(60):
            model.partial_fit(spoilt, y)
    assert np.abs(model.predict(spoilt)).max() < 2.0 * np.abs(y).max()
    assert model.score(spoilt, y) > 0.5


@pytest.mark.parametrize("way", ["warm_start", "refine"])
def test_wider_rows_to_go_on_with_are_no_outliers(way):
    X, y = table(200)
    wide = 4.0 * X
    model = quick(KANRegressor, max_iter=50, warm_start=True).fit(X, X[:, 0] - X[:, 1])
    target = wide[:, 0] - wide[:, 1]
    model = model.fit(wide, target) if way == "warm_start" else model.refine(model.grid_size_, wide, target)
    assert model.score(wide, target) > 0.999


def test_an_outlier_among_rows_held_out():
    X, y = table(200)
    options = {"early_stopping": True, "max_iter": 30}
    for row in range(0, 40, 2):
        spoilt = X.copy()
        spoilt[row, 0] = 1e6
        model = quick(KANRegressor, **options).fit(spoilt, y)
        assert min(model.validation_scores_) > -100.0
        assert np.abs(model.predict(spoilt)).max() < 2.0 * np.abs(y).max()


@solvers
def test_far_points(solver):
    X, y = table()
    for Estimator, target in ((KANRegressor, y), (KANClassifier, y > 0)):
        model = quick(Estimator, hidden_layer_sizes=(3, 3), solver=solver).fit(X, target)
        largest = np.finfo(float).max
        assert np.isfinite(response(model, [[largest, -largest], [1e30, 1e30], [5e-324, 0.0]])).all()
    counts = quick(KANRegressor, loss="poisson", solver=solver).fit(X, np.abs(y))
    assert np.isfinite(counts.predict([[1e300, -1e300], [-1e5, 1e5]])).all()


NUMBERS = st.one_of(
    st.floats(-2.0, 2.0),
    st.sampled_from([0.0, -0.0, 1.0, 1e-300, 5e-324, -1e150, 1e150, 1e300, -1e300, 1e6]),
    st.floats(-1e300, 1e300),
)
TARGETS = st.one_of(st.floats(-2.0, 2.0), st.sampled_from([0.0, -0.0, 1.0, 1e-12, 1e6, -1e9]))


@solvers
@given(st.data())
@settings(
    deadline=None,
    derandomize=True,
    max_examples=20,
    database=None,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.generate],
)
def test_any_finite_table(solver, data):
    """Whatever the numbers: finite predictions on these rows and on others, and no warning but of convergence."""
    n_samples = data.draw(st.integers(1, 9))
    X = data.draw(arrays(float, (n_samples, data.draw(st.integers(1, 3))), elements=NUMBERS))
    y = data.draw(st.sampled_from([1.0, 1e-150, 1e150])) * data.draw(arrays(float, n_samples, elements=TARGETS))
    weight = data.draw(st.none() | arrays(float, n_samples, elements=st.sampled_from([0.5, 1.0, 1e-12, 1e6])))
    loss = data.draw(st.sampled_from(["squared_error", "absolute_error", "huber", "quantile", "poisson"]))
    if loss == "poisson":
        y = np.abs(y)
        y[0] = max(y[0], y.max(), 1e-300)
    model = quick(KANRegressor, solver=solver, loss=loss, quantile=0.4, max_iter=4, grid_size=3)
    model.fit(X, y, sample_weight=weight)
    assert np.isfinite(model.predict(X)).all()
    assert np.isfinite(model.predict(X[::-1] / 3.0)).all()
    if n_samples > 1:
        classifier = quick(KANClassifier, solver=solver, max_iter=4, grid_size=3)
        classifier.fit(X, np.arange(n_samples) % 3, sample_weight=weight)
        assert_allclose(classifier.predict_proba(X).sum(axis=1), 1.0)
