"""A network's parameters, its copies and its rows in chunks."""

import tracemalloc

import numpy as np
import pytest
import samples
from numpy.testing import assert_allclose, assert_array_equal

import naive
from sklearn_kan import _threads
from sklearn_kan._network import Network
from sklearn_kan._symbols import n_undefined


def make(shape=(2, 3, 2), **options):
    rng = np.random.RandomState(0)
    network = samples.network(rng, list(shape), **options)
    return network, samples.inputs(rng, network, 30, reach=1.5)


@pytest.mark.kernels
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (2, 3, 2), (2, 1, 3, 1)])
@pytest.mark.parametrize("masked", [False, True])
def test_prediction(shape, masked):
    network, X = make(shape, masked=masked)
    assert network.shape == list(shape)
    assert_allclose(network.raw_predict(X), naive.forward(network, X), rtol=1e-10, atol=1e-10)


def test_activations():
    network, X = make((2, 3, 2, 1))
    assert_array_equal(network.activations(X, 0), X)
    inner = naive.layer_forward(network.layers[0], X)
    assert_allclose(network.activations(X, 1), inner, rtol=1e-10, atol=1e-10)
    assert_allclose(network.activations(X, 2), naive.layer_forward(network.layers[1], inner), rtol=1e-10, atol=1e-10)


def test_parameters_are_the_weights_of_edges_that_are_left():
    network, X = make(masked=True)
    n_terms = network.layers[0].n_basis + 1
    assert network.n_parameters == len(network.theta) == (2 * 3 + 3 * 2 - 2) * n_terms
    theta = np.arange(1.0, network.n_parameters + 1.0)
    network.theta = theta
    assert_array_equal(network.theta, theta)
    for layer in network.layers:
        assert not layer.weights[0, :, 0].any()
        assert (layer.weights != 0.0).sum() == layer.edge_mask.sum() * n_terms
    found = np.concatenate([layer.weights.ravel() for layer in network.layers])
    assert_array_equal(found[found != 0.0], theta)
    network.theta = 0.0 * theta
    assert_array_equal(network.raw_predict(X), np.tile(network.offset, (len(X), 1)))


def test_theta_is_a_copy():
    network, X = make()
    before = network.raw_predict(X)
    theta = network.theta
    theta += 1.0
    assert_array_equal(network.raw_predict(X), before)


def test_copies_share_nothing():
    network, X = make()
    before = network.raw_predict(X)
    for other in (network.copy(), Network.from_dict(network.to_dict())):
        assert_array_equal(other.raw_predict(X), before)
        other.theta = other.theta + 1.0
        for layer in other.layers:
            for name in ("knots", "center", "scale"):
                getattr(layer, name)[:] += 0.5
        other.offset += 1.0
        assert_array_equal(network.raw_predict(X), before)


def test_layers_are_copied():
    """Networks of the same layers do not share weights."""
    network, X = make()
    one, other = Network(network.layers, network.offset), Network(network.layers, network.offset)
    before = one.raw_predict(X)
    other.theta = 0.0 * other.theta
    assert_array_equal(one.raw_predict(X), before)


def test_many_rows():
    """Chunks are put together in order; a row's prediction does not depend on the others."""
    network, _ = make()
    X = samples.inputs(np.random.RandomState(1), network, 10_001)
    assert len(X) > 2 * network.chunk_rows()
    found = network.raw_predict(X)
    assert_array_equal(network.raw_predict(X[::-1])[::-1], found)
    assert_array_equal(network.raw_predict(X[4321:4322]), found[4321:4322])
    assert network.raw_predict(X[:0]).shape == (0, 2)
    frozen = X.copy()
    frozen.flags.writeable = False
    assert_array_equal(network.raw_predict(frozen), found)


@pytest.mark.parametrize("work", ["activations", "n_undefined"])
def test_memory_of_many_rows_is_bounded(work, monkeypatch):
    """Beyond what they return; all terms of these rows would be 48 MB."""
    monkeypatch.setattr(_threads, "n_threads", lambda: 1)  # each has a chunk
    network = samples.network(np.random.RandomState(0), [10, 2, 1], 3)
    X = np.random.RandomState(1).uniform(-1.0, 1.0, (100_000, 10))
    run = {
        "activations": lambda rows: network.activations(rows, 1),
        "n_undefined": lambda rows: n_undefined(network, rows),
    }
    run[work](X[:1000])
    tracemalloc.start()
    run[work](X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 15e6


@pytest.mark.parametrize(("shape", "grid_size"), [([3, 2], 3), ([60, 60, 1], 30), ([5000, 3, 1], 3)])
def test_work_memory_of_a_chunk_is_bounded(shape, grid_size):
    """Its expansion has no more elements than fit the cache, than there are weights, or than the fewest rows take."""
    network = samples.network(np.random.RandomState(0), shape, grid_size)
    row = max(layer.n_in * (layer.degree + 2) for layer in network.layers)
    most = max(1 << 16, len(network.weights), 32 * row)
    assert 1 <= network.chunk_rows() <= most // row
