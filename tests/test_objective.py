"""Gradient and Gauss-Newton matrix of the objective against differences and dense matrices built edge by edge."""

import itertools

import numba
import numpy as np
import pytest
import samples
from numpy.testing import assert_allclose, assert_array_equal

import naive
from sklearn_kan import _objective
from sklearn_kan._losses import BinaryLogLoss, Huber, MultinomialLogLoss, Poisson, Quantile, SquaredError
from sklearn_kan._objective import Objective, Strengths

LOSSES = {
    "squared_error": SquaredError(),
    "huber": Huber(0.5),
    "quantile": Quantile(0.3),
    "poisson": Poisson(),
    "binary": BinaryLogLoss(),
    "multinomial": MultinomialLogLoss(),
}
PENALTIES = {
    "none": Strengths(),
    "ridge": Strengths(alpha=0.3),
    "smoothness": Strengths(smoothing=0.05),
    "continuity": Strengths(smoothing=0.05, continuity=0.01),
    "l1": Strengths(reg_lambda=0.2, entropy_weight=0.0),
    "entropy": Strengths(reg_lambda=0.2, l1_weight=0.0),
    "all": Strengths(alpha=0.3, smoothing=0.05, reg_lambda=0.2, l1_weight=0.7, entropy_weight=1.3),
}
N_HIDDEN = {1: [], 2: [2], 3: [2, 2]}


def targets(rng, name, raw):
    """Targets that fit the loss, more than 1e-3 away from its kinks at these raw predictions."""
    if name == "poisson":
        return rng.poisson(1.0, raw.shape).astype(float)
    if name == "binary":
        return rng.randint(2, size=raw.shape).astype(float)
    if name == "multinomial":
        return np.eye(raw.shape[1])[rng.randint(raw.shape[1], size=len(raw))]
    residual = rng.choice([-0.9, -0.2, 0.1, 0.3, 1.2], size=raw.shape)  # far from 0 and from huber's 0.5
    return raw - residual


def far_from_kinks(network, x):
    """Rows where no edge's function is near 0, the kink of its absolute value, and no node is at an end knot."""
    far = np.ones(len(x), dtype=bool)
    for layer in network.layers:
        for i in range(layer.n_in):
            t = (x[:, i] - layer.center[i]) / layer.scale[i]
            far &= np.abs(np.abs(t) - 1.0) > 1e-3
            for j in range(layer.n_out):
                if layer.edge_mask[i, j]:
                    far &= np.abs(naive.edge(layer, i, j, x[:, i])[0]) > 2e-3
        x = naive.layer_forward(layer, x)
    return far


def make(name, n_layers, strengths, *, degree=3, masked=True, n_samples=30, base="silu", seed=0):
    rng = np.random.RandomState(seed)
    n_out = {"binary": 1, "multinomial": 3}.get(name, 2)
    network = samples.network(rng, [2, *N_HIDDEN[n_layers], n_out], 3, degree, base=base, masked=masked, spread=0.5)
    x = samples.inputs(rng, network, n_samples, reach=1.3)
    x = x[far_from_kinks(network, x)]
    y = targets(rng, name, naive.forward(network, x))
    weight = rng.uniform(0.2, 3.0, len(x))
    return Objective(network, LOSSES[name], x, y, weight, strengths)


def smoothness_orders(strengths, layer):
    """Strengths and orders of the derivatives that are penalised; a knot range is 2 wide."""
    degree = layer.degree
    return [
        (strengths.smoothing, 2),
        (strengths.continuity * (2.0 / layer.grid_size) ** (2 * degree + 1), degree + 1),
    ]


def naive_value(objective):
    """The formula of the objective, one edge after the other."""
    network, strengths, weight = objective.network, objective.strengths, objective.sample_weight
    raw = naive.forward(network, objective.X)
    total = (weight @ objective.loss.value(objective.y, raw)).sum() / weight.sum()
    for layer in network.layers:
        for i, j in np.ndindex(layer.n_in, layer.n_out):
            coef, base_weight = layer.coef[i, :, j], layer.base_weight[i, j]
            total += 0.5 * strengths.alpha * ((coef**2).mean() + base_weight**2)
            for part, order in smoothness_orders(strengths, layer):
                total += 0.5 * part * naive.roughness(coef, layer.knots[i], layer.degree, order)
    norms = naive.norms(network, objective.X, weight)
    return total + strengths.reg_lambda * naive.sparsity(norms, strengths.l1_weight, strengths.entropy_weight)


@pytest.mark.parametrize("n_layers", N_HIDDEN)
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("name", LOSSES)
def test_gradient(name, penalty, n_layers):
    objective = make(name, n_layers, PENALTIES[penalty])
    assert objective.n_rows > 10
    theta = objective.network.theta
    value, gradient = objective.value_and_gradient(theta)
    difference = naive.gradient(objective.value, theta, step=3e-6)
    objective.network.theta = theta
    assert np.linalg.norm(gradient - difference) < 1e-6 * np.linalg.norm(difference)
    assert_allclose(value, objective.value(theta), rtol=1e-13)
    assert_allclose(value, naive_value(objective), rtol=1e-11)


@pytest.mark.parametrize("degree", [2, 4, 5])
@pytest.mark.parametrize("base", ["silu", "identity", "zero"])
def test_gradient_of_other_layers(degree, base):
    objective = make("squared_error", 2, PENALTIES["all"], degree=degree, base=base)
    theta = objective.network.theta
    difference = naive.gradient(objective.value, theta, step=3e-6)
    _, gradient = objective.value_and_gradient(theta)
    assert np.linalg.norm(gradient - difference) < 1e-6 * np.linalg.norm(difference)


@pytest.mark.kernels
def test_value_and_gradient_of_one_small_network():
    """One case that runs without compilation as well."""
    objective = make("squared_error", 2, PENALTIES["all"], n_samples=8)
    theta = objective.network.theta
    assert_allclose(objective.value(theta), naive_value(objective), rtol=1e-11)
    _, gradient = objective.value_and_gradient(theta)
    direction = np.random.RandomState(1).normal(size=len(theta))
    slope = (objective.value(theta + 1e-6 * direction) - objective.value(theta - 1e-6 * direction)) / 2e-6
    assert_allclose(gradient @ direction, slope, rtol=1e-6)


def dense_hessian(objective):
    """J' C J from the analytic Jacobian, and the Hessian of the quadratic penalty by its differences of gradients."""
    network, strengths = objective.network, objective.strengths
    jacobian = naive.jacobian(network, objective.X)
    raw = naive.forward(network, objective.X)
    factor = objective.loss.curvature_factor(objective.y, raw)
    curvature = factor @ factor.transpose(0, 2, 1) * objective.sample_weight[:, None, None]
    hessian = np.einsum("sap,sab,sbq->pq", jacobian, curvature, jacobian)
    start = 0
    for layer in network.layers:
        for i in range(layer.n_in):
            block = np.zeros((layer.n_basis + 1, layer.n_basis + 1))
            for part, order in smoothness_orders(strengths, layer):
                for row, distance in naive.derivative_rows(layer.knots[i], layer.degree, order):
                    block[:-1, :-1] += part * distance * np.outer(row, row)
            block += strengths.alpha * np.diag([*[1.0 / layer.n_basis] * layer.n_basis, 1.0])
            for j in range(layer.n_out):
                places_j = start + (i * (layer.n_basis + 1) + np.arange(layer.n_basis + 1)) * layer.n_out + j
                hessian[np.ix_(places_j, places_j)] += block
        start += layer.weights.size
    return hessian[np.ix_(network.free, network.free)]


@pytest.mark.parametrize("n_layers", N_HIDDEN)
@pytest.mark.parametrize("penalty", ["none", "ridge", "smoothness", "continuity"])
@pytest.mark.parametrize("name", LOSSES)
def test_gauss_newton(name, penalty, n_layers):
    objective = make(name, n_layers, PENALTIES[penalty])
    theta = objective.network.theta
    hessian = objective.normal_equations(theta)[2]
    expected = dense_hessian(objective)
    for direction in np.random.RandomState(0).normal(size=(5, len(theta))):
        product = expected @ direction
        assert np.linalg.norm(hessian @ direction - product) < 1e-10 * np.linalg.norm(product)
    assert_allclose(hessian, hessian.T, atol=1e-12 * np.abs(hessian).max())


@pytest.mark.parametrize("n_layers", N_HIDDEN)
@pytest.mark.parametrize("penalty", ["none", "all"])
@pytest.mark.parametrize("name", LOSSES)
def test_bend(name, penalty, n_layers):
    """J' C times the second difference of the raw predictions; penalties add nothing, nor does the step's sign."""
    objective = make(name, n_layers, PENALTIES[penalty])
    network, theta = objective.network, objective.network.theta
    step = 0.3 * np.random.RandomState(1).normal(size=len(theta))
    second, raw = np.zeros((objective.n_rows, network.shape[-1])), None
    for move, count in ((step, 1.0), (-step, 1.0), (0.0 * step, -2.0)):
        network.theta = theta + move
        raw = naive.forward(network, objective.X)
        second += count * raw
    factor = objective.loss.curvature_factor(objective.y, raw)
    seen = np.einsum("sir,sjr,sj->si", factor, factor, second) * objective.sample_weight[:, None]
    expected = np.einsum("sip,si->p", naive.jacobian(network, objective.X), seen)[network.free]
    found = objective.bend(theta, step)
    assert np.linalg.norm(found - expected) <= 1e-10 * np.linalg.norm(seen) + 1e-13
    assert_allclose(objective.bend(theta, -step), found, rtol=1e-12, atol=1e-13)
    assert_allclose(network.theta, theta, rtol=0.0)


def test_gauss_newton_is_the_hessian_of_a_linear_model():
    """Without hidden layers and with a smooth loss, differences of the gradient give the same matrix."""
    for name in ("squared_error", "poisson", "binary", "multinomial"):
        objective = make(name, 1, Strengths(alpha=0.3, smoothing=0.05))
        theta = objective.network.theta
        columns = []
        for move in 1e-5 * np.eye(len(theta)):
            above, below = (objective.value_and_gradient(theta + sign * move)[1] for sign in (1.0, -1.0))
            columns.append((above - below) / 2e-5)
        difference = np.stack(columns)
        hessian = objective.normal_equations(theta)[2]
        assert np.abs(hessian - difference).max() < 1e-6 * np.abs(difference).max()


@pytest.mark.parametrize("n_layers", N_HIDDEN)
@pytest.mark.parametrize("penalty", ["l1", "entropy", "all"])
def test_curvature_of_sparsity(penalty, n_layers):
    """Each edge's share: d penalty / d norm, if positive, over the norm, times its weighted Gram matrix."""
    objective = make("squared_error", n_layers, PENALTIES[penalty])
    network, strengths = objective.network, objective.strengths
    theta = network.theta
    plain = make("squared_error", n_layers, Strengths(alpha=strengths.alpha, smoothing=strengths.smoothing))
    added = objective.normal_equations(theta)[2] - plain.normal_equations(theta)[2]
    expected = np.zeros((len(network.weights), len(network.weights)))
    x, start = objective.X, 0
    for layer, norms in zip(network.layers, naive.norms(network, objective.X, objective.sample_weight), strict=True):
        p = norms / norms.sum()
        entropy = -(p[norms > 0] * np.log(p[norms > 0])).sum()
        for i, j in np.ndindex(layer.n_in, layer.n_out):
            if not layer.edge_mask[i, j]:
                continue
            slope = strengths.l1_weight - strengths.entropy_weight * (np.log(p[i, j]) + entropy) / norms.sum()
            terms = naive.all_bases(layer, i, x[:, i])
            gram = terms.T @ (objective.sample_weight[:, None] * terms)
            places = start + (i * (layer.n_basis + 1) + np.arange(layer.n_basis + 1)) * layer.n_out + j
            expected[np.ix_(places, places)] += strengths.reg_lambda * max(slope, 0.0) / norms[i, j] * gram
        x, start = naive.layer_forward(layer, x), start + layer.weights.size
    expected = expected[np.ix_(network.free, network.free)]
    assert np.abs(added - expected).max() < 1e-10 * np.abs(expected).max()
    assert np.linalg.eigvalsh(added).min() > -1e-10 * np.abs(added).max()


def test_normal_equations():
    objective = make("poisson", 2, PENALTIES["all"])
    theta = objective.network.theta
    value, gradient, _ = objective.normal_equations(theta)
    same_value, same_gradient = objective.value_and_gradient(theta)
    assert_allclose(value, same_value, rtol=1e-13)
    assert_allclose(gradient, same_gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("penalty", ["none", "all"])
def test_pruned_edges_are_no_parameters(penalty):
    """Masked edges stay zero, have no gradient and no row in the matrix."""
    objective = make("squared_error", 2, PENALTIES[penalty])
    network = objective.network
    n_terms = network.layers[0].n_basis + 1
    assert network.n_parameters == len(network.weights) - 2 * n_terms  # one edge a layer
    theta = np.random.RandomState(0).normal(size=network.n_parameters)
    _, gradient, hessian = objective.normal_equations(theta)
    assert gradient.shape == (network.n_parameters,)
    assert hessian.shape == (network.n_parameters, network.n_parameters)
    for layer in network.layers:
        assert not layer.weights[0, :, 0].any()


@pytest.mark.parametrize("penalty", ["none", "all"])
def test_weights_are_relative_and_count_rows(penalty):
    objective = make("huber", 2, PENALTIES[penalty])
    rng = np.random.RandomState(1)
    counts = rng.randint(1, 4, objective.n_rows).astype(float)
    theta = objective.network.theta
    rows = np.repeat(np.arange(objective.n_rows), counts.astype(int))

    def value_and_matrix(X, y, weight):
        other = Objective(objective.network, objective.loss, X, y, weight, objective.strengths)
        value, gradient, hessian = other.normal_equations(theta)
        return np.concatenate([[value], gradient, hessian.ravel()])

    weighted = value_and_matrix(objective.X, objective.y, counts)
    assert_allclose(value_and_matrix(objective.X, objective.y, 1e3 * counts), weighted, rtol=1e-9, atol=1e-12)
    repeated = value_and_matrix(objective.X[rows], objective.y[rows], np.ones(len(rows)))
    assert_allclose(repeated, weighted, rtol=1e-9, atol=1e-12)
    with_ignored = value_and_matrix(
        np.vstack([objective.X, 50.0 + objective.X]),
        np.vstack([objective.y, 1e5 + objective.y]),
        np.concatenate([counts, np.zeros(len(counts))]),
    )
    assert_allclose(with_ignored, weighted, rtol=1e-9, atol=1e-12)


def test_subset():
    """Equal batches average to the whole; a subset of all rows is the whole."""
    objective = make("poisson", 2, Strengths(alpha=0.3, smoothing=0.05), n_samples=60)
    n_rows = 30
    assert objective.n_rows >= n_rows
    objective = objective.subset(np.arange(n_rows))
    theta = objective.network.theta
    value, gradient = objective.value_and_gradient(theta)
    order = np.random.RandomState(0).permutation(n_rows)
    again, same_gradient = objective.subset(order).value_and_gradient(theta)
    assert_allclose(again, value, rtol=1e-12)
    assert_allclose(same_gradient, gradient, rtol=1e-9, atol=1e-12)
    batches = [objective.subset(rows) for rows in np.split(order, 5)]
    assert [batch.n_rows for batch in batches] == [6] * 5
    found = [batch.value_and_gradient(theta) for batch in batches]
    assert_allclose(np.mean([value for value, _ in found]), value, rtol=1e-12)
    assert_allclose(np.mean([gradient for _, gradient in found], axis=0), gradient, rtol=1e-9, atol=1e-12)
    values, _ = zip(*found, strict=True)
    assert np.ptp(values) > 1e-3  # batches differ


@pytest.mark.parametrize("elements", [1 << 19, 0])
@pytest.mark.parametrize("batch_size", [7, 32, 60])
def test_batches_are_subsets(batch_size, elements, monkeypatch):
    """In any number, expanded together or each of them anew."""
    monkeypatch.setattr(_objective, "_BATCH_ELEMENTS", elements)
    objective = make("squared_error", 2, Strengths(alpha=0.3, smoothing=0.05), n_samples=60)
    theta, order = objective.network.theta, np.random.RandomState(0).permutation(objective.n_rows)
    batches = list(objective.batches(order, batch_size))
    assert sum(batch.n_rows for batch in batches) == objective.n_rows
    for k, batch in enumerate(batches):
        expected = objective.subset(order[k * batch_size : (k + 1) * batch_size])
        assert_array_equal(batch.X, expected.X)
        for one, other in zip(batch.value_and_gradient(theta), expected.value_and_gradient(theta), strict=True):
            assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_first_layer_is_kept_or_computed_anew(monkeypatch):
    kept = make("squared_error", 2, PENALTIES["all"])
    assert kept.first is not None
    theta = kept.network.theta
    expected = kept.normal_equations(theta)
    batch = kept.subset(np.arange(5, 15)).value_and_gradient(theta)
    monkeypatch.setattr(_objective, "_KEPT_ELEMENTS", 0)
    anew = make("squared_error", 2, PENALTIES["all"])
    assert anew.first is None
    for one, other in zip(anew.normal_equations(theta), expected, strict=True):
        assert_array_equal(one, other)
    for one, other in zip(anew.subset(np.arange(5, 15)).value_and_gradient(theta), batch, strict=True):
        assert_array_equal(one, other)


def test_first_layer_is_taken_from_the_objective_before():
    """While its knots stay: hidden ones may move."""
    before = make("squared_error", 2, PENALTIES["all"])

    def again(layer, shift):
        network = before.network.copy()
        network.layers[layer].knots += shift
        rows = before.X, before.y, before.sample_weight
        return [Objective(network, before.loss, *rows, before.strengths, before=other) for other in (before, None)]

    kept, anew = again(1, 0.1)
    assert kept.first is before.first
    assert kept.value(kept.network.theta) == anew.value(anew.network.theta)
    kept, anew = again(0, 0.1)
    assert_array_equal(kept.first.value, anew.first.value)
    assert np.abs(kept.first.value - before.first.value).max() > 1e-3


def test_bits_do_not_depend_on_the_number_of_threads(monkeypatch):
    rng = np.random.RandomState(0)
    network = samples.network(rng, [2, 3, 1])
    x = samples.inputs(rng, network, 13000)
    objective = Objective(network, SquaredError(), x, np.sin(x[:, :1]), np.ones(len(x)), PENALTIES["all"])
    assert len(x) > 3 * network.chunk_rows()
    theta = network.theta
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        found.append([*objective.normal_equations(theta), objective.value(theta), network.raw_predict(x)])
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            assert_array_equal(one, other)


def test_moments():
    objective = make("squared_error", 3, PENALTIES["none"])
    network, weight = objective.network, objective.sample_weight
    x = objective.X
    for layer, moments in zip(network.layers, objective.moments(network.theta), strict=True):
        for i, j in itertools.product(range(layer.n_in), range(layer.n_out)):
            phi = naive.edge(layer, i, j, x[:, i])[0]
            assert_allclose(
                moments[:, i, j], [weight @ np.abs(phi), weight @ phi, weight @ phi**2], rtol=1e-10, atol=1e-12
            )
        x = naive.layer_forward(layer, x)


def test_float32_rows():
    """Narrow rows are widened chunk by chunk."""
    objective = make("squared_error", 2, PENALTIES["all"])
    narrow = objective.X.astype(np.float32)
    theta = objective.network.theta

    def value_and_gradient(X):
        arguments = (objective.network, objective.loss, X, objective.y, objective.sample_weight, objective.strengths)
        return Objective(*arguments).value_and_gradient(theta)

    for one, other in zip(value_and_gradient(narrow), value_and_gradient(narrow.astype(float)), strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("penalty", ["none", "ridge", "all"])
def test_evaluations_do_not_disturb_each_other(penalty):
    """The value at a point is the same whatever was evaluated before: elsewhere, the gradient, a mini-batch."""
    objective = make("squared_error", 2, PENALTIES[penalty])
    here = objective.network.theta
    there = here + np.random.RandomState(0).normal(size=len(here))
    rows = np.arange(10)

    def fresh(theta, rows=None):
        other = make("squared_error", 2, PENALTIES[penalty])
        part = other if rows is None else other.subset(rows)
        return part.value(theta.copy())

    value, elsewhere = fresh(here), fresh(there)
    assert abs(value - elsewhere) > 1e-3
    assert objective.value(here) == value
    assert_allclose(objective.value_and_gradient(there)[0], elsewhere, rtol=1e-13)
    assert objective.value(here) == value
    assert_allclose(objective.normal_equations(there)[0], elsewhere, rtol=1e-13)
    assert objective.value(here) == value
    assert_allclose(objective.subset(rows).value(here), fresh(here, rows), rtol=1e-13)
    objective.moments(there)
    assert objective.value(here) == value
    assert objective.value(there) == elsewhere
    moved = here.copy()
    assert objective.value(moved) == value
    moved += there - here  # in place
    assert_allclose(objective.value(moved), elsewhere, rtol=1e-13)


def test_thinned_rows():
    """Evenly spaced rows tell means nearly as well; of few rows none is left out."""
    rng = np.random.RandomState(0)
    network = samples.network(rng, [2, 3, 1], uniform=True)
    X = samples.inputs(rng, network, 4001)
    loss, strengths = SquaredError(), Strengths()
    objective = Objective(network, loss, X, rng.normal(size=(4001, 1)), rng.uniform(0.5, 1.5, 4001), strengths)
    assert objective.thinned(4001) is objective
    some = objective.thinned(2500)
    assert some.n_rows == 2001
    assert some.sample_weight.sum() == pytest.approx(1.0)
    theta = network.theta
    assert some.loss_value(theta) == pytest.approx(objective.loss_value(theta), rel=0.1)
    for few, many in zip(some.moments(theta), objective.moments(theta), strict=True):
        assert_allclose(few, many, rtol=0.1, atol=0.05)
