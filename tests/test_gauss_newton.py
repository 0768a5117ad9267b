"""The Gauss-Newton matrix from segments against the product of the whole Jacobian."""

import numpy as np
import pytest
import samples
from numpy.testing import assert_allclose

import naive
from sklearn_kan import _gauss_newton
from sklearn_kan._gauss_newton import Segments
from sklearn_kan._losses import regression_loss
from sklearn_kan._network import Network
from sklearn_kan._objective import Objective, Strengths
from sklearn_kan._symbolic_library import LIBRARY


def deltas_of(network, terms, delta):
    """Cotangents of every layer's output nodes."""
    deltas = [delta]
    for layer, term in zip(network.layers[:0:-1], terms[:0:-1], strict=True):
        deltas.append(layer.input_gradient(term, deltas[-1]))
    return deltas[::-1]


def gram(network, X, delta):
    _, terms = network.forward(X)
    segments = Segments(network)
    return segments.unpacked(segments.gram(terms, deltas_of(network, terms, delta)))


@pytest.mark.kernels
@pytest.mark.parametrize("shape", [[2, 3, 2], [3, 1], [2, 3, 1, 2]])
@pytest.mark.parametrize("degree", [0, 1, 3])
@pytest.mark.parametrize("uniform", [True, False])
def test_gram(shape, degree, uniform):
    """More rows than add up in one go, one row a raw prediction, some edges masked."""
    rng = np.random.RandomState(0)
    network = samples.network(rng, shape, degree=degree, masked=True, uniform=uniform)
    X = samples.inputs(rng, network, _gauss_newton._RUN + 5, reach=1.3)
    delta = np.tile(np.eye(shape[-1]), (len(X), 1, 1))
    J = naive.jacobian(network, X).reshape(len(X) * shape[-1], -1)
    assert_allclose(gram(network, X, delta), J.T @ J, rtol=1e-10, atol=1e-10)


@pytest.mark.kernels
def test_sorting():
    """Equal keys stay in their order."""
    rng = np.random.RandomState(0)
    keys, order = rng.randint(-3, 5, 50), rng.permutation(50)
    found = np.empty_like(order)
    _gauss_newton._sort_kernel(keys, order, found)
    assert (found == order[np.argsort(keys[order], kind="stable")]).all()


@pytest.mark.kernels
def test_rows_of_cotangents():
    """Any rows, not as many as there are outputs."""
    rng = np.random.RandomState(1)
    network = samples.network(rng, [2, 3, 2], uniform=True)
    X = samples.inputs(rng, network, 20)
    delta = rng.normal(size=(20, 3, 2))
    J = np.einsum("sro,sop->srp", delta, naive.jacobian(network, X)).reshape(60, -1)
    assert_allclose(gram(network, X, delta), J.T @ J, rtol=1e-10, atol=1e-10)


def both_ways(monkeypatch, objective):
    """Normal equations with segments and with dense products."""
    found = []
    for speed in (0, np.inf):
        monkeypatch.setattr(_gauss_newton, "_BLAS_SPEED", speed)
        assert Segments(objective.network).pays == (speed == 0)
        found.append(objective.normal_equations(objective.network.theta))
    return found


@pytest.mark.parametrize("symbolic", [False, True])
def test_normal_equations_are_the_same(monkeypatch, symbolic):
    """With segments and with dense products, symbolic edges included."""
    rng = np.random.RandomState(2)
    network = samples.network(rng, [2, 3, 1], masked=True)
    if symbolic:
        layers = list(network.layers)
        layers[0] = layers[0].with_symbol(1, 2, LIBRARY["sin"], np.array([1.3, 0.2, 0.7, 0.1]))
        layers[1] = layers[1].with_symbol(0, 0, LIBRARY["x^2"], np.array([1.0, 0.3, 0.5, 0.0]))
        network = Network(layers, network.offset)
    X = samples.inputs(rng, network, 300)
    y = rng.normal(size=(300, 1))
    strengths = Strengths(alpha=1e-3, smoothing=1e-3)
    objective = Objective(network, regression_loss("squared_error"), X, y, np.ones(300), strengths)
    (value, gradient, hessian), (value_dense, gradient_dense, hessian_dense) = both_ways(monkeypatch, objective)
    assert value == pytest.approx(value_dense, rel=1e-13)
    assert_allclose(gradient, gradient_dense, rtol=1e-12, atol=1e-14)
    assert_allclose(hessian, hessian_dense, rtol=1e-11, atol=1e-13)


def test_segments_pay_on_fine_grids():
    rng = np.random.RandomState(3)
    assert Segments(samples.network(rng, [2, 5, 1], grid_size=50)).pays
    assert not Segments(samples.network(rng, [2, 5, 1], grid_size=3)).pays
