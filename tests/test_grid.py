"""Knots: where they are placed, and that moving and refining them keeps the function."""

import numpy as np
import pytest
import samples
from numpy.testing import assert_allclose, assert_array_equal

import naive
from sklearn_kan import _grid
from sklearn_kan._bspline import breakpoints_of, greville
from sklearn_kan._categorical import Tables
from sklearn_kan._grid import (
    any_drift,
    data_range,
    extremes,
    follow_activations,
    has_drifted,
    initial_network,
    input_breakpoints,
    input_scaling,
    refine,
    regauge,
)
from sklearn_kan._layer import BASE_ACTIVATIONS
from sklearn_kan._losses import SquaredError
from sklearn_kan._network import Network
from sklearn_kan._objective import Objective, Strengths

OPTIONS = {
    "grid_size": 5,
    "degree": 3,
    "knots": "uniform",
    "base_activation": "silu",
    "extrapolation": "linear",
}


def start(X, shape=None, weight=None, seed=0, **options):
    """A new network for a table."""
    X = np.asarray(X, dtype=float)
    shape = [X.shape[1], 1] if shape is None else shape
    options = {"active": np.ones(X.shape[1], dtype=bool), "offset": np.zeros(shape[-1]), **OPTIONS, **options}
    weight = np.ones(len(X)) if weight is None else weight
    scaling = input_scaling(X, weight, whole=options["extrapolation"] == "error")
    [breakpoints] = input_breakpoints(X, weight, *scaling, [options["grid_size"]], options["knots"])
    options |= {"varied": np.ones(shape[-1], dtype=bool), "tables": Tables.empty(shape[1]), "ends": extremes(X)}
    options |= {"scaling": scaling, "breakpoints": breakpoints}
    return initial_network(shape, X, weight, np.random.RandomState(seed), **options)


def places(network, column=0):
    """Breakpoints of a column in its own units."""
    layer = network.layers[0]
    return layer.center[column] + layer.scale[column] * breakpoints_of(layer.knots, layer.degree)[column]


# --- layer 0 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("knots", ["auto", "uniform", "quantile"])
@pytest.mark.parametrize("scale", [1e-150, 1e-3, 1.0, 1e9, 1e150])
def test_knots_cover_the_data_and_a_margin(knots, scale):
    """Of about 1 % of the range a side, in any units."""
    rng = np.random.RandomState(0)
    columns = np.column_stack([rng.uniform(-3.0, 5.0, 300), rng.beta(2.0, 5.0, 300), rng.randint(4, size=300)])
    X = scale * columns
    network = start(X, knots=knots)
    for column in range(3):
        found = places(network, column)
        assert (np.diff(found) > 0).all()
        low, high = X[:, column].min(), X[:, column].max()
        for margin in (low - found[0], found[-1] - high):
            assert 0.005 * (high - low) < margin < 0.05 * (high - low)
    layer = network.layers[0]
    assert np.abs((X - layer.center) / layer.scale).max() < 1.0
    assert_allclose(layer.bounds()[0], -1.0)
    assert_allclose(layer.bounds()[1], 1.0)


def test_knots_follow_units_and_origin():
    X = np.random.RandomState(0).normal(size=(200, 1))
    for knots in ("auto", "uniform", "quantile"):
        assert_allclose(places(start(1000.0 * X + 7.0, knots=knots)), 1000.0 * places(start(X, knots=knots)) + 7.0)


@pytest.mark.parametrize("knots", ["auto", "uniform", "quantile"])
def test_outliers_do_not_stretch_the_knots(knots):
    rng = np.random.RandomState(0)
    X = rng.uniform(0.0, 1.0, (500, 1))
    plain = places(start(X, knots=knots))
    for outlier in (1e6, -1e6):
        X[17] = outlier
        found = places(start(X, knots=knots))
        # still over the other rows, and at most a few times wider
        others = np.delete(X, 17)
        assert found[0] < others.min()
        assert found[-1] > others.max()
        assert found[-1] - found[0] < 10.0 * (plain[-1] - plain[0])


def test_whole_range_on_request():
    X = np.random.RandomState(0).uniform(size=(500, 1))
    X[17] = 1e6
    found = places(start(X, extrapolation="error"))
    assert found[0] < X.min()
    assert found[-1] > 1e6


def test_rare_values_are_no_outliers_of_a_constant():
    """A column that is 0 but for a few rows keeps their range."""
    X = np.zeros((300, 1))
    X[:6] = 1.0
    found = places(start(X))
    assert found[0] < 0.0
    assert found[-1] > 1.0


def test_constant_columns():
    X = np.column_stack([np.linspace(0.0, 1.0, 30), np.full(30, 5.0), np.full(30, 1e300), np.zeros(30)])
    network = start(X, [4, 2, 1], active=np.array([True, False, False, False]))
    assert np.isfinite(network.layers[0].scale).all()
    assert (network.layers[0].scale > 0.0).all()
    assert not network.layers[0].weights[1:].any()
    assert network.n_parameters == (2 + 2) * (5 + 3 + 1)
    raw = network.raw_predict(X)
    assert np.isfinite(raw).all()
    X[:, 1:] = np.random.RandomState(0).normal(size=(30, 3))
    assert_array_equal(network.raw_predict(X), raw)


def test_weights_move_quantiles_as_repetition_does():
    rng = np.random.RandomState(0)
    X = rng.exponential(size=(80, 1))
    counts = rng.randint(1, 5, 80)
    weighted = places(start(X, weight=counts.astype(float), knots="quantile"))
    repeated = places(start(np.repeat(X, counts, axis=0), knots="quantile"))
    plain = places(start(X, knots="quantile"))
    assert_allclose(weighted, repeated, atol=0.05)
    assert np.abs(weighted - repeated).max() < 0.3 * np.abs(weighted - plain).max()


def test_quantile_knots_are_dense_where_the_data_is():
    X = np.random.RandomState(0).exponential(size=(1000, 1))
    found = places(start(X, knots="quantile", grid_size=8))
    assert (np.diff(np.diff(found)) > 0).mean() > 0.8
    assert np.diff(found)[0] < 0.7 * np.diff(found)[-1]
    uniform = places(start(X, knots="uniform", grid_size=8))
    assert_allclose(np.diff(uniform), np.diff(uniform)[0])


def test_auto_knots():
    """Uniform for a uniform column; like quantiles for a skewed one."""
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.uniform(size=500), rng.lognormal(sigma=2.0, size=500)])
    auto, uniform, quantile = (start(X, knots=knots).layers[0].knots for knots in ("auto", "uniform", "quantile"))
    assert_array_equal(auto[0], uniform[0])
    assert_array_equal(auto[1], quantile[1])
    assert (auto[1] != uniform[1]).any()


def test_few_distinct_values():
    """Equal quantiles: knots stay strictly increasing, with more intervals than rows."""
    for X in (np.array([[0.0], [1.0]]), np.repeat([[0.0], [0.0], [1.0]], 20, axis=0), np.array([[1.0], [1.0 + 1e-12]])):
        for knots in ("auto", "uniform", "quantile"):
            network = start(X, knots=knots, grid_size=30)
            assert (np.diff(network.layers[0].knots) > 1e-3).all()
            assert np.isfinite(network.raw_predict(X)).all()


def test_data_range():
    x = np.column_stack([np.arange(101.0), np.full(101, 3.0)])
    low, high = data_range(x, np.ones(101))
    assert_array_equal(low, [0.0, 3.0])
    assert_array_equal(high, [100.0, 3.0])
    low, high = data_range(np.array([[1e308], [-1e308], [0.0]]), np.ones(3))
    assert np.isfinite([low, high]).all()


# --- start ------------------------------------------------------------------------------------------------------------


def test_start():
    """Splines are noise beside the base activation, hidden activations fill their knots, seeds differ."""
    X = np.random.RandomState(0).normal(size=(200, 3))
    network = start(X, [3, 6, 4, 2])
    assert network.shape == [3, 6, 4, 2]
    assert not any_drift(network, X, np.ones(200))
    for depth in (1, 2):
        t = network.activations(X, depth)
        assert np.abs(t).max() <= 1.0
        assert np.ptp(t, axis=0).min() > 1.5
    assert_array_equal(start(X, [3, 6, 4, 2]).theta, network.theta)
    assert (start(X, [3, 6, 4, 2], seed=1).theta != network.theta).any()


# --- refine -----------------------------------------------------------------------------------------------------------


def points(network, n_samples=400):
    """Rows inside and beyond the knots."""
    return samples.inputs(np.random.RandomState(9), network, n_samples, reach=1.5)


@pytest.mark.parametrize("degree", range(6))
@pytest.mark.parametrize("base", BASE_ACTIVATIONS)
def test_refine_to_nested_knots_is_exact(degree, base):
    network = samples.network(np.random.RandomState(0), [2, 3, 2], 4, degree, base=base)
    X = points(network)
    before = network.raw_predict(X)
    theta = network.theta
    for grid_size in (8, 12, 20):
        refined = refine(network, grid_size)
        assert [layer.grid_size for layer in refined.layers] == [grid_size] * 2
        assert_allclose(refined.raw_predict(X), before, rtol=1e-10, atol=1e-10 * np.abs(before).max())
    assert_array_equal(network.theta, theta)
    assert network.layers[0].grid_size == 4


def test_refine_to_other_knots_is_close():
    X, y = samples.formula(np.random.RandomState(0), 300)
    network = start(X, [2, 4, 1], grid_size=5)
    before = network.raw_predict(X)
    errors = [np.abs(refine(network, grid_size).raw_predict(X) - before).max() for grid_size in (7, 13, 52)]
    spread = np.ptp(before)
    assert errors[0] < 0.1 * spread
    assert errors[2] < 0.01 * spread
    assert errors[2] < errors[0]


def test_refine_over_intervals_without_data():
    """Two clusters far apart and 60 intervals: least squares over the knots, not the rows."""
    rng = np.random.RandomState(0)
    X = np.concatenate([rng.uniform(0.0, 0.01, (10, 1)), rng.uniform(0.99, 1.0, (10, 1))])
    for knots in ("auto", "uniform", "quantile"):
        network = start(X, [1, 2, 1], grid_size=3, knots=knots)
        refined = refine(network, 60)
        between = np.linspace(-0.5, 1.5, 200)[:, None]
        assert np.isfinite(refined.theta).all()
        assert np.abs(refined.theta).max() < 100.0 * np.abs(network.theta).max()
        assert_allclose(refined.raw_predict(between), network.raw_predict(between), atol=1e-9)


def test_refine_keeps_masks():
    network = samples.network(np.random.RandomState(0), [2, 3, 1], masked=True)
    refined = refine(network, 8)
    for layer, before in zip(refined.layers, network.layers, strict=True):
        assert_array_equal(layer.edge_mask, before.edge_mask)
        assert not layer.weights[0, :, 0].any()
    assert_allclose(refined.raw_predict(points(network)), network.raw_predict(points(network)), rtol=1e-9, atol=1e-9)


def test_refine_in_parts(monkeypatch):
    """Wide layers a few nodes at a time, symbols and tables left as they are."""
    network = samples.mixed_network(np.random.RandomState(0), [4, 3, 2])
    network = samples.with_symbols(network, (1, 1, 0, "sin", [1.3, 0.4, 0.7, 0.1]))
    X = samples.mixed_inputs(np.random.RandomState(1), network, 40)
    expected = network.raw_predict(X)
    for n_elements in (_grid._REFIT_ELEMENTS, 1):
        monkeypatch.setattr(_grid, "_REFIT_ELEMENTS", n_elements)
        assert_allclose(refine(network, 9, nested=True).raw_predict(X), expected, rtol=1e-9, atol=1e-9)


# --- hidden knots -----------------------------------------------------------------------------------------------------


def smooth(rng, shape, base="silu"):
    """A network of slow sines."""
    network = samples.network(rng, shape, 6, base=base, spread=0.3)
    for layer in network.layers:
        places = greville(layer.knots, layer.degree)[:, :, None]
        layer.coef[:] = 0.3 * np.sin(1.5 * places + rng.uniform(0.0, 6.0, (layer.n_in, 1, layer.n_out)))
    return network


def drifted(factor, shift, base="silu", seed=0):
    """A network whose hidden activations left their knots, with rows and their weights."""
    rng = np.random.RandomState(seed)
    network = smooth(rng, [2, 3, 2], base)
    X = samples.inputs(rng, network, 500)
    network.layers[0].weights[:, :, 1] *= factor
    network.layers[0].weights[:, :-1, 1] += shift
    return network, X, np.ones(500)


@pytest.mark.parametrize(("factor", "shift"), [(4.0, 0.0), (0.02, 0.1), (1.0, 0.9), (0.01, 20.0)])
def test_follow_activations(factor, shift):
    network, X, weight = drifted(factor, shift)
    before = network.raw_predict(X)
    assert has_drifted(network.activations(X, 1), weight)[1]
    moved = follow_activations(network, X, weight)
    assert_array_equal(network.raw_predict(X), before)  # another network
    t = moved.activations(X, 1)
    assert np.abs(t).max() <= 1.0
    assert np.ptp(t, axis=0).min() > 1.8
    assert not any_drift(moved, X, weight)
    after = moved.raw_predict(X)
    assert np.abs(after - before).max() < 0.03 * np.ptp(before)


def test_follow_activations_through_many_layers():
    rng = np.random.RandomState(0)
    network = smooth(rng, [2, 3, 3, 3, 1])
    X = samples.inputs(rng, network, 500)
    for layer in network.layers[:-1]:
        layer.weights *= 2.0
    assert any_drift(network, X, np.ones(500))
    before = network.raw_predict(X)
    moved = follow_activations(network, X, np.ones(500))
    for depth in (1, 2, 3):
        t = moved.activations(X, depth)
        assert np.abs(t).max() <= 1.0
        assert np.ptp(t, axis=0).min() > 1.8
    assert np.abs(moved.raw_predict(X) - before).max() < 0.05 * np.ptp(before)


def test_activations_in_place_stay():
    network, X, weight = drifted(4.0, 0.0)
    moved = follow_activations(network, X, weight)
    again = follow_activations(moved, X, weight)
    assert_array_equal(again.theta, moved.theta)
    for one, other in zip(again.layers, moved.layers, strict=True):
        assert_array_equal(one.knots, other.knots)


def test_constant_activations_stay():
    """A node that is constant has no spread to normalise."""
    network, X, weight = drifted(0.0, 0.3)
    moved = follow_activations(network, X, weight)
    assert np.isfinite(moved.theta).all()
    assert_allclose(moved.raw_predict(X), network.raw_predict(X), atol=0.05)


@pytest.mark.parametrize("shift", [0.3, 20.0])
def test_dead_nodes_do_not_fill_the_knots(shift):
    """Their spread is a rounding error of their mean; blown up to the knots it would be all that later layers see."""
    network, X, weight = drifted(1e-14, shift)
    moved = follow_activations(network, X, weight)
    assert np.abs(moved.layers[0].weights).max() < 10.0 + shift
    assert_allclose(moved.raw_predict(X), network.raw_predict(X), atol=0.05 * shift)
    assert not any_drift(moved, X, weight)


def test_far_activation_does_not_stretch_hidden_knots():
    network, X, weight = drifted(4.0, 0.0)
    X[3] *= 1e6
    moved = follow_activations(network, X, weight)
    t = np.delete(moved.activations(X, 1), 3, axis=0)
    assert np.ptp(t, axis=0).min() > 0.2


def test_regauge():
    """Output j becomes (y_j - center) / scale, the others stay; masked edges stay zero."""
    network = samples.network(np.random.RandomState(0), [3, 2], masked=True)
    layer = network.layers[0]
    X = points(network)
    before = layer.forward(layer.expand(X))
    regauge(layer, 0, 3.0, 0.25)
    after = layer.forward(layer.expand(X))
    assert_allclose(after[:, 0], (before[:, 0] - 3.0) / 0.25, rtol=1e-10, atol=1e-10)
    assert_array_equal(after[:, 1], before[:, 1])
    assert not layer.weights[0, :, 0].any()


def in_gauge(base, seed=0):
    """A network that follows its activations, rows, weights."""
    rng = np.random.RandomState(seed)
    network = samples.network(rng, [2, 3, 2, 1], 6, base=base, uniform=True, spread=0.5)
    X = samples.inputs(rng, network, 300)
    return follow_activations(network, X, np.ones(300)), X, np.ones(300)


@pytest.mark.parametrize("base", ["identity", "zero"])
@pytest.mark.parametrize("factor", [1e3, 1e-3])
@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_gauge(base, factor, shift):
    """A hidden node in other units, and its functions to match, comes back to the same network.

    Its incoming weights grow a thousandfold; the functions that it feeds are stretched by as much. No prediction
    changes by that, but the L1 norm and the roughness do, until the node is back in its gauge.
    """
    network, X, weight = in_gauge(base)
    strengths = Strengths(alpha=0.1, smoothing=0.1, reg_lambda=0.3)

    def describe(network):
        objective = Objective(network, SquaredError(), X, np.zeros((len(X), 1)), weight, strengths)
        penalised = objective.value(network.theta)
        norms = np.concatenate([moments[0].ravel() for moments in objective.moments(network.theta)])
        return network.raw_predict(X)[:, 0], penalised - objective.loss_value(network.theta), norms

    expected = describe(network)
    rescaled = Network(network.layers, network.offset)
    before, after = rescaled.layers[0], rescaled.layers[1]
    regauge(before, 1, -shift / factor, 1.0 / factor)  # y -> factor * y + shift
    after.knots[1] = factor * after.knots[1] + shift
    if base == "identity":
        after.weights[1, -1] /= factor
        after.weights[1, :-1] -= after.weights[1, -1] * shift
    prediction, penalty, norms = describe(rescaled)
    assert_allclose(prediction, expected[0], rtol=1e-9, atol=1e-9)
    assert abs(penalty - expected[1]) > 0.01 * expected[1]
    assert np.abs(norms / expected[2] - 1.0).max() > 0.5

    for found, wanted in zip(describe(follow_activations(rescaled, X, weight)), expected, strict=True):
        assert_allclose(found, wanted, rtol=1e-10, atol=1e-10 * np.abs(wanted).max())


def test_gauge_with_silu():
    """The base activation is no spline: predictions, penalties and scores come back nearly."""
    network, X, weight = in_gauge("silu")
    expected = network.raw_predict(X)
    norms = np.concatenate([found.ravel() for found in naive.norms(network, X, weight)])
    factor = 1e3
    rescaled = Network(network.layers, network.offset)
    before, after = rescaled.layers[0], rescaled.layers[1]
    # the splines alone stand for the functions of the node: silu of a stretched input is not to be had
    t = np.linspace(-1.0, 1.0, 200)
    kept = after.edge(1, t)
    after.weights[1, -1] = 0.0
    design = naive.basis(t, after.knots[1], after.degree)[0]
    after.weights[1, :-1] = np.linalg.lstsq(design, kept, rcond=None)[0]
    regauge(before, 1, 0.0, 1.0 / factor)
    after.knots[1] *= factor
    found = follow_activations(rescaled, X, weight)
    assert_allclose(found.raw_predict(X), expected, atol=1e-3 * np.ptp(expected))
    new_norms = np.concatenate([found.ravel() for found in naive.norms(found, X, weight)])
    assert_allclose(new_norms, norms, rtol=1e-2, atol=1e-3)


def test_extremes_leave_missing_values_out():
    x = np.array([[1.0, np.nan, np.nan], [-2.0, 3.0, np.nan], [5.0, 2.0, np.nan]])
    low, high = extremes(x)
    assert_array_equal(low, [-2.0, 2.0, np.nan])
    assert_array_equal(high, [5.0, 3.0, np.nan])
