"""Gradients and Hessians of predictions against SciPy, plain loops and differences."""

import pickle

import numpy as np
import pandas as pd
import pytest
import samples
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

import naive
from sklearn_kan import KANClassifier, KANRegressor, _network
from sklearn_kan._bspline import basis, breakpoints_of, curvature_kernel, extend_breakpoints
from sklearn_kan._layer import BASE_ACTIVATIONS
from sklearn_kan._losses import Poisson

bases = pytest.mark.parametrize("base", BASE_ACTIVATIONS)
degrees = pytest.mark.parametrize("degree", range(5))
orders = pytest.mark.parametrize("order", [1, 2])
both = pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
extrapolations = pytest.mark.parametrize("extrapolation", ["linear", "constant"])
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SCALE = np.array([1.0, 100.0, 0.01])  # the columns have units of their own


def differences(function, X, step):
    """Central differences of a function of rows by the columns of X, which come last."""
    moves = np.diag(step)
    return np.stack([(function(X + move) - function(X - move)) / (2.0 * move.sum()) for move in moves], axis=-1)


def table(n_samples=60, seed=0):
    X = np.random.RandomState(seed).uniform(-1.0, 1.0, (n_samples, 3)) * SCALE
    u = X / SCALE
    return X, np.exp(u[:, 0]) + u[:, 1] * u[:, 2]


def targets(kind, y):
    if kind == "two outputs":
        return np.column_stack([y, 50.0 * y**2])
    if kind == "poisson":
        return 30.0 * np.exp(y)
    n_classes = {"two classes": 2, "three classes": 3}.get(kind)
    return y if n_classes is None else np.searchsorted(np.quantile(y, np.arange(1, n_classes) / n_classes), y)


def fitted(kind, hidden_layer_sizes=(3,), **options):
    """A model of few iterations."""
    X, y = table()
    options = {"max_iter": 5, "n_init": 1, "solver": "lbfgs", "random_state": 0, **options}
    if kind == "poisson":
        options["loss"] = kind
    Estimator = KANClassifier if "classes" in kind else KANRegressor
    return Estimator(hidden_layer_sizes, **options).fit(X, targets(kind, y))


def quick(Estimator, **options):
    return fitted("regression" if Estimator is KANRegressor else "two classes", **options)


def response(model, X):
    return model.predict(X) if isinstance(model, KANRegressor) else model.decision_function(X)


def identity_link(raw):
    return np.ones_like(raw), np.zeros_like(raw)


# --- kernels ----------------------------------------------------------------------------------------------------------


@pytest.mark.kernels
@pytest.mark.parametrize("degree", range(7))
@pytest.mark.parametrize("uniform", [True, False], ids=["uniform", "uneven"])
@pytest.mark.parametrize("overhang", [0.0, 0.6])
def test_curvature_of_the_basis(degree, uniform, overhang):
    """Inside, on and beyond the breakpoints."""
    rng = np.random.RandomState(0)
    knots = extend_breakpoints(samples.breakpoints(rng, 2, 5, uniform=uniform), degree)
    x = np.vstack([rng.uniform(-1.0, 1.0, (40, 2)), breakpoints_of(knots, degree).T, [[-1.5, 1.5], [1.0 + 1e-9, -9.0]]])
    interval, value, _ = basis(x, knots, degree, overhang=overhang)
    found = np.zeros_like(value)
    curvature_kernel(x, knots, degree, overhang, interval, found)
    for i in range(2):
        full = np.zeros((len(x), knots.shape[1] - degree - 1))
        np.put_along_axis(full, interval[:, i, None] + np.arange(degree + 1), found[:, i], axis=1)
        assert_allclose(full, naive.basis_curvature(x[:, i], knots[i], degree, overhang), rtol=1e-11, atol=1e-10)


@pytest.mark.kernels
@bases
@degrees
@pytest.mark.parametrize("linear", [True, False], ids=["linear", "constant"])
def test_derivatives_of_edges(base, degree, linear):
    rng = np.random.RandomState(0)
    layer = samples.layer(rng, 3, 2, degree=degree, base=base, linear=linear, masked=True, scaled=True)
    x = layer.center + layer.scale * rng.uniform(-1.6, 1.6, (12, 3))
    terms = layer.expand(x)
    slope, bend = np.empty((2, 12, 3, 2))
    for i in range(3):
        for j in range(2):
            slope[:, i, j] = naive.edge(layer, i, j, x[:, i])[1] * layer.scale[i]
            bend[:, i, j] = naive.edge_curvature(layer, i, j, x[:, i]) * layer.scale[i] ** 2
    assert_allclose(layer.edge_slopes(terms), slope, rtol=1e-10, atol=1e-10)
    delta = rng.normal(size=(12, 4, 2))
    expected = np.einsum("sij,srj->sri", bend, delta)
    assert_allclose(layer.input_curvature(terms, delta), expected, rtol=1e-10, atol=1e-9)


# --- networks ---------------------------------------------------------------------------------------------------------


@bases
@degrees
@pytest.mark.parametrize("shape", [(3, 2), (2, 3, 1), (2, 3, 2, 2)])
def test_network(base, degree, shape):
    """Against differences of predictions, and of gradients."""
    rng = np.random.RandomState(degree)
    network = samples.network(rng, shape, degree=degree, base=base, spread=0.3)
    X = samples.inputs(rng, network, 12, reach=1.3)
    step = 1e-6 * network.layers[0].scale
    gradient = network.derivative(X, 1, identity_link)
    hessian = network.derivative(X, 2, identity_link)
    assert gradient.shape == (12, shape[-1], shape[0])
    assert_allclose(gradient, differences(network.raw_predict, X, step), rtol=1e-5, atol=1e-6)
    expected = differences(lambda X: network.derivative(X, 1, identity_link), X, step)
    assert_allclose(hessian, expected, rtol=1e-5, atol=1e-5)
    assert_array_equal(hessian, hessian.swapaxes(2, 3))


@orders
def test_chunks(order, monkeypatch):
    """The result does not depend on the size of the chunks, which is bounded."""
    rng = np.random.RandomState(0)
    network = samples.network(rng, (3, 4, 2))
    X = samples.inputs(rng, network, 200)
    expected = network.derivative(X, order, identity_link)
    monkeypatch.setattr(_network, "_DERIVATIVE_ELEMENTS", 1000)
    assert 1 <= network._derivative_chunk_rows(order) < 20
    assert_allclose(network.derivative(X, order, identity_link), expected, rtol=1e-12, atol=1e-12)
    assert network.derivative(X[:0], order, identity_link).shape == (0, 2, *[3] * order)
    wide = samples.network(rng, (300, 2, 1))
    assert wide._derivative_chunk_rows(order) == 1
    assert wide.derivative(samples.inputs(rng, wide, 2), order, identity_link).shape == (2, 1, *[300] * order)


# --- estimators -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["regression", "two outputs", "poisson", "two classes", "three classes"])
@pytest.mark.parametrize("hidden_layer_sizes", [(), (3,), (3, 2)])
def test_estimators(kind, hidden_layer_sizes):
    """In the units of X and y, inside the knots and beyond them."""
    model = fitted(kind, hidden_layer_sizes)
    X = np.random.RandomState(1).uniform(-1.3, 1.3, (10, 3)) * SCALE
    outputs = response(model, X).shape[1:]
    gradient, hessian = model.derivative(X), model.derivative(X, order=2)
    assert gradient.shape == (10, *outputs, 3)
    assert hessian.shape == (10, *outputs, 3, 3)
    assert gradient.dtype == hessian.dtype == np.float64
    by_gradient = differences(lambda X: response(model, X), X, 1e-5 * SCALE) * SCALE
    by_hessian = differences(model.derivative, X, 1e-5 * SCALE) * SCALE[:, None] * SCALE
    for found, expected in ((gradient * SCALE, by_gradient), (hessian * SCALE[:, None] * SCALE, by_hessian)):
        assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    assert_array_equal(hessian, hessian.swapaxes(-1, -2))


def test_one_output_in_a_column():
    """Shaped like the predictions."""
    X, y = table()
    model = KANRegressor((), max_iter=2, random_state=0).fit(X, y[:, None])
    assert model.derivative(X).shape == (60, 1, 3)
    assert model.derivative(X, order=2).shape == (60, 1, 3, 3)


def test_a_known_function():
    x = np.linspace(-1.0, 1.0, 300)
    model = KANRegressor((), grid_size=20, random_state=0).fit(x[:, None], 5.0 + np.sin(2.0 * x))
    x = x[20:-20]
    assert_allclose(model.derivative(x[:, None])[:, 0], 2.0 * np.cos(2.0 * x), atol=1e-3)
    assert_allclose(model.derivative(x[:, None], order=2)[:, 0, 0], -4.0 * np.sin(2.0 * x), atol=0.1)


@both
@extrapolations
def test_beyond_the_knots(Estimator, extrapolation):
    """An additive model: a constant slope or none, and no curvature."""
    model = quick(Estimator, hidden_layer_sizes=(), extrapolation=extrapolation)
    corner = np.array([[2.0, -2.0, 3.0]]) * SCALE
    X = np.vstack([corner, 5.0 * corner])
    near, far = model.derivative(X) * SCALE
    assert_allclose(near, far, rtol=1e-12)
    assert near.any() == (extrapolation == "linear")
    assert not model.derivative(X, order=2).any()
    change = np.diff(response(model, X))[0]
    assert_allclose(near @ (4.0 * corner / SCALE)[0], change, rtol=1e-10, atol=1e-12)


@both
@orders
def test_extrapolation_error(Estimator, order):
    model = quick(Estimator, extrapolation="error")
    X, _ = table(seed=0)
    assert np.isfinite(model.derivative(X, order=order)).all()
    X[3, 1] = 1e6
    with pytest.raises(ValueError, match=r"outside the knots in columns \[1\]"):
        model.derivative(X, order=order)


@orders
@extrapolations
@pytest.mark.parametrize("kind", ["regression", "poisson", "three classes"])
def test_far_inputs_give_finite_derivatives(kind, extrapolation, order):
    model = fitted(kind, extrapolation=extrapolation)
    X = np.array([[1e3, 0.0, 0.0], [0.0, -1e9, 1e9]])
    assert np.isfinite(model.derivative(X, order=order)).all()


@both
@orders
@pytest.mark.parametrize("hidden_layer_sizes", [(), (2,)])
def test_constant_and_pruned_columns(Estimator, order, hidden_layer_sizes):
    """Exactly zero, in the rows and columns of Hessians."""
    X, y = table(200)
    X = np.column_stack([np.full(200, 7.0), X, np.random.RandomState(5).normal(size=200)])
    y = np.sin(2.0 * X[:, 1])
    threshold = 0.05 if Estimator is KANRegressor else 0.5
    y = y if Estimator is KANRegressor else (y > 0).astype(int)
    options = {"prune_threshold": threshold, "reg_lambda": 1e-3, "random_state": 0, "n_init": 1, "max_iter": 20}
    model = Estimator(hidden_layer_sizes, **options).fit(X, y)
    gone = model.feature_importances_ == 0.0
    assert gone[0]
    assert gone.sum() > 1
    assert not gone[1]
    found = model.derivative(X, order=order)
    for axis in range(1, order + 1):
        assert not np.compress(gone, found, axis=axis).any()
    assert found[:, 1].any()


@orders
def test_constant_model(order):
    X, _ = table()
    model = KANRegressor(max_iter=2, random_state=0).fit(X, np.full(60, 3.0))
    assert not model.derivative(X, order=order).any()


@both
@orders
def test_kinds_of_input(Estimator, order):
    """Lists, float32, tables and read-only arrays; nothing is changed."""
    X, _ = table()
    X = X.astype(np.float32).astype(np.float64)
    model = quick(Estimator)
    attributes, state = dict(vars(model)), pickle.dumps(model)
    expected = model.derivative(X, order=order)
    frozen = X.copy()
    frozen.flags.writeable = False
    for variant in (frozen, X.astype(np.float32), X.tolist(), np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2]):
        assert_allclose(model.derivative(variant, order=order), expected, rtol=1e-12, atol=1e-12)
    assert_array_equal(frozen, X)
    assert vars(model).keys() == attributes.keys()
    assert all(vars(model)[name] is value for name, value in attributes.items())
    assert pickle.dumps(model) == state


@both
@orders
def test_table_with_names(Estimator, order):
    X, y = table()
    X = pd.DataFrame(X, columns=["a", "b", "c"])
    model = Estimator((), max_iter=2, random_state=0).fit(X, y if Estimator is KANRegressor else y > 1.0)
    found = model.derivative(X, order=order)
    with pytest.warns(UserWarning, match="feature names"):
        assert_array_equal(model.derivative(X.to_numpy(), order=order), found)
    with pytest.raises(ValueError, match="feature names"):
        model.derivative(X[["b", "a", "c"]], order=order)


@both
@orders
def test_bad_input(Estimator, order):
    X, _ = table()
    with pytest.raises(NotFittedError):
        Estimator().derivative(X, order=order)
    model = quick(Estimator)
    with pytest.raises(ValueError, match="3 features"):
        model.derivative(X[:, :2], order=order)
    with pytest.raises(ValueError, match="infinity"):
        model.derivative(np.where(X > 0, np.inf, X), order=order)


@both
@pytest.mark.parametrize("order", [0, 3, -1, 1.5, "1", None, [1, 2], np.array([1, 2])], ids=repr)
def test_wrong_order(Estimator, order):
    X, _ = table()
    with pytest.raises(ValueError, match="order must be 1 for gradients or 2 for Hessians, got "):
        quick(Estimator, hidden_layer_sizes=()).derivative(X, order=order)


def test_slopes_of_the_poisson_link():
    """Those of the link as it predicts, which is cut far out."""
    raw = np.array([[-800.0, -2.0, 0.0, 3.0, 800.0]])
    for found in Poisson().inverse_link_slopes(raw):
        assert_allclose(found, [[0.0, np.exp(-2.0), 1.0, np.exp(3.0), 0.0]])


def test_columns_with_outliers_end_as_constants():
    """Beyond where outliers count predictions stay as they are there, and have no slope; other columns go on."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (200, 2))
    y = X[:, 0] + np.sin(2.0 * X[:, 1])
    X[0, 0] = 1e3
    model = KANRegressor((), grid_size=5, n_init=1, max_iter=20, random_state=0).fit(X, y)
    first = model.network_.layers[0]
    end = first.center[0] + 2.0 * first.scale[0]
    far = np.array([[end, 0.3], [2.0 * end, 0.3], [1e3, 0.3]])
    assert_allclose(np.ptp(model.predict(far)), 0.0, atol=1e-12)
    assert_allclose(model.derivative(far[1:])[:, 0], 0.0)
    assert abs(model.derivative(np.array([[0.0, 9.0]]))[0, 1]) > 1e-3
    inside = np.array([[0.9 * end, 0.3]])
    step = np.array([[1e-6, 0.0]])
    slope = (model.predict(inside + step) - model.predict(inside - step)) / 2e-6
    assert_allclose(model.derivative(inside)[0, 0], slope[0], rtol=1e-5)
