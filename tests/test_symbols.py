"""Symbolic edges beside splines: values, gradients and second derivatives; gauge and grids keep them."""

import pickle

import numpy as np
import pytest
import samples
from numpy.testing import assert_allclose, assert_array_equal

import naive
from sklearn_kan._grid import _centred, refine, regauge
from sklearn_kan._losses import SquaredError
from sklearn_kan._network import Network
from sklearn_kan._objective import Objective, Strengths
from sklearn_kan._pruning import prune
from sklearn_kan._symbolic_library import LIBRARY
from sklearn_kan._symbols import n_undefined, value

PLACED = (
    (0, 0, 0, "sin", [1.3, 0.4, 0.7, 0.1]),
    (0, 1, 0, "x^2", [1.0, 0.3, -0.5, 0.2]),
    (0, 1, 1, "x", [1.0, 0.0, 0.8, -0.3]),
    (1, 0, 0, "exp", [0.7, 0.0, 0.5, 0.3]),
    (1, 2, 0, "sqrt", [1.0, 9.0, 0.4, 0.3]),
)


def make(shape=(2, 3, 1), seed=0, placed=PLACED):
    rng = np.random.RandomState(seed)
    network = samples.with_symbols(samples.network(rng, list(shape)), *placed)
    return network, samples.inputs(rng, network, 40)


def objective(network, X, strengths=None):
    rng = np.random.RandomState(1)
    y = rng.normal(size=(len(X), network.shape[-1]))
    weight = rng.uniform(0.5, 2.0, len(X))
    return Objective(network, SquaredError(), X, y, weight, strengths or Strengths(alpha=0.1, smoothing=0.01))


def phi(numbers, name, t):
    a, b, c, d = numbers
    return c * LIBRARY[name].function(a * t + b) + d


def test_forward():
    """The sum of splines and functions, written out."""
    network, X = make()
    first, last = network.layers
    t = (X - first.center) / first.scale
    hidden = naive.layer_forward(first, X)  # edges without spline are zero there
    hidden[:, 0] += phi([1.3, 0.4, 0.7, 0.1], "sin", t[:, 0]) + phi([1.0, 0.3, -0.5, 0.2], "x^2", t[:, 1])
    hidden[:, 1] += 0.8 * t[:, 1] - 0.3
    out = naive.layer_forward(last, hidden)
    out[:, 0] += phi([0.7, 0.0, 0.5, 0.3], "exp", hidden[:, 0]) + phi([1.0, 9.0, 0.4, 0.3], "sqrt", hidden[:, 2])
    assert_allclose(network.raw_predict(X), out + network.offset, rtol=1e-12)


@pytest.mark.parametrize("reg_lambda", [0.0, 0.1])
def test_gradient(reg_lambda):
    network, X = make()
    function = objective(network, X, Strengths(alpha=0.1, smoothing=0.01, reg_lambda=reg_lambda))
    theta = network.theta
    value, gradient = function.value_and_gradient(theta)
    assert value == pytest.approx(function.value(theta), rel=1e-13)
    assert_allclose(gradient, naive.gradient(function.value, theta), rtol=1e-5, atol=1e-7)
    assert_allclose(function.normal_equations(theta)[1], gradient, rtol=1e-12, atol=1e-14)


def test_gauss_newton():
    """J'WJ by central differences of the predictions, and the penalties' matrices."""
    network, X = make()
    function = objective(network, X, Strengths())
    theta = network.theta
    hessian = function.normal_equations(theta)[2]
    jacobian = np.empty((len(X), len(theta)))
    for k in range(len(theta)):
        sides = []
        for step in (1e-6, -1e-6):
            moved = theta.copy()
            moved[k] += step
            network.theta = moved
            sides.append(network.raw_predict(X)[:, 0])
        jacobian[:, k] = (sides[0] - sides[1]) / 2e-6
    network.theta = theta
    expected = jacobian.T @ (function.sample_weight[:, None] * jacobian)
    expected *= hessian[0, 0] / expected[0, 0]  # the loss's own factor
    assert_allclose(hessian, expected, rtol=1e-5, atol=1e-7)


def test_redundant_numbers_are_no_parameters():
    """x has only its factor, x^2 no a, exp no b; one constant a node, and none beside a spline."""
    network, _ = make()
    trained = [layer.symbols.trained(layer.edge_mask).astype(int).tolist() for layer in network.layers]
    assert trained[0] == [[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 1, 0]]  # into node 1 leads a spline as well
    assert trained[1] == [[1, 0, 1, 0], [0, 1, 1, 0]]
    splines = sum(int(layer.edge_mask.sum()) * (layer.n_basis + 1) for layer in network.layers)
    assert network.n_parameters == splines + 7 + 4


def test_derivatives():
    network, X = make()

    def identity(raw):
        return np.ones_like(raw), np.zeros_like(raw)

    gradient = network.derivative(X, 1, identity)
    hessian = network.derivative(X, 2, identity)
    step = 1e-5
    for i in range(2):
        shift = step * np.eye(2)[i]
        difference = network.raw_predict(X + shift) - network.raw_predict(X - shift)
        assert_allclose(gradient[:, :, i], difference / (2 * step), rtol=1e-6, atol=1e-6)
        change = network.derivative(X + shift, 1, identity) - network.derivative(X - shift, 1, identity)
        assert_allclose(hessian[..., i], change / (2 * step), rtol=1e-4, atol=1e-4)


def test_moments_count_symbolic_edges():
    network, X = make()
    moments = objective(network, X).moments(network.theta)
    weight = np.random.RandomState(1)
    weight.normal(size=(len(X), 1))
    weight = weight.uniform(0.5, 2.0, len(X))
    t = (X - network.layers[0].center) / network.layers[0].scale
    values = phi([1.3, 0.4, 0.7, 0.1], "sin", t[:, 0])
    expected = [np.average(part, weights=weight) for part in (np.abs(values), values, values**2)]
    assert_allclose(moments[0][:, 0, 0], expected, rtol=1e-12)


def test_regauge_keeps_predictions():
    """A hidden node in other units: its symbolic edges go along on both sides."""
    network, X = make()
    before = network.raw_predict(X)
    first, last = network.layers
    center, scale = _centred(np.array([-0.7]), np.array([1.9]))
    last.symbols.rescale_input(0, center[0], scale[0])
    regauge(first, 0, center[0], scale[0])
    assert_allclose(network.raw_predict(X), before, rtol=1e-12)  # node 0 has symbolic edges only


def test_refine_keeps_symbols():
    network, X = make()
    finer = refine(network, 8)
    assert_allclose(finer.raw_predict(X), network.raw_predict(X), rtol=1e-10)
    assert [len(layer.symbols) for layer in finer.layers] == [3, 2]


def test_prune_numbers_the_nodes_anew():
    """Node 1 goes; the edge of node 2 becomes that of node 1."""
    network, X = make()
    network.layers[1].weights[1] = 0.0
    network.moments = objective(network, X).moments(network.theta)
    pruned = prune(network, 1e-9)
    assert pruned.shape == [2, 2, 1]
    assert [layer.symbols.edges.tolist() for layer in pruned.layers] == [[[0, 0], [1, 0]], [[0, 0], [1, 0]]]
    expected = network.raw_predict(X)
    assert_allclose(pruned.raw_predict(X) - pruned.raw_predict(X).mean(), expected - expected.mean(), rtol=1e-9)


def test_state():
    network, X = make()
    state = pickle.loads(pickle.dumps(network.to_dict()))
    again = Network.from_dict(state)
    assert_array_equal(again.raw_predict(X), network.raw_predict(X))
    assert again.layers[0].symbols.functions[0] is LIBRARY["sin"]


@pytest.mark.parametrize("name, edge", [("log", np.log(1e-12)), ("1/sqrt", 1e6), ("arctanh", np.arctanh(1e-12 - 1.0))])
def test_arguments_are_held_inside_of_the_domain(name, edge):
    assert_allclose(value(LIBRARY[name], (1.0, 0.0, 1.0, 0.0), np.array([-5.0, -2.0])), edge, rtol=1e-3)


def test_what_is_not_defined():
    network, x = make()
    assert n_undefined(network, x) == 0
    layer = network.layers[0]
    layer.symbols.numbers[0] = [1.0, 0.0, 1.0, 0.0]
    layer.symbols.functions[0] = LIBRARY["log"]
    t = layer.expand(x).t[:, 0]
    assert n_undefined(network, x) == np.count_nonzero(t <= 0.0) > 0
    layer.symbols.numbers[0, 2] = 0.0  # a constant is one there, too
    assert n_undefined(network, x) == 0


def test_values_stay_finite_outside_the_domain():
    """The argument of log, sqrt and 1/x is held inside of the domain when the result would not be a number."""
    placed = ((0, 0, 0, "log", [1.0, 1.1, 1.0, 0.0]), (0, 1, 0, "1/x", [1.0, 0.0, 1.0, 0.0]))
    network, _ = make((2, 1), placed=placed)
    first = network.layers[0]
    t = np.array([[-5.0, 0.5], [0.0, 0.0], [1e20, -2.0], [-1.1, 1e-320]])
    raw = network.raw_predict(first.center + first.scale * t)
    assert np.isfinite(raw).all()
    inside = first.center + first.scale * np.array([[0.0, -2.0]])
    assert_allclose(network.raw_predict(inside)[0] - network.offset, np.log(1.1) - 0.5, rtol=1e-12)
