"""Tables of layer 0 against loops over samples, finite differences and dense matrices."""

import numpy as np
import pandas as pd
import pytest
import samples
from numpy.testing import assert_allclose, assert_array_equal

import naive
from sklearn_kan import KANRegressor, _blocks
from sklearn_kan._categorical import Tables, atoms_of
from sklearn_kan._covariance import Covariance
from sklearn_kan._elimination import needless_edges
from sklearn_kan._first_layer import FirstLayer
from sklearn_kan._gauss_newton import Segments
from sklearn_kan._grid import follow_activations, refine, regauge
from sklearn_kan._losses import BinaryLogLoss, MultinomialLogLoss, SquaredError
from sklearn_kan._network import Network
from sklearn_kan._objective import Objective, Strengths
from sklearn_kan._pruning import edge_deviations, prune
from sklearn_kan._smoothing import update

LOSSES = {"squared_error": SquaredError(), "binary": BinaryLogLoss(), "multinomial": MultinomialLogLoss()}
PENALTIES = {
    "none": Strengths(),
    "ridge": Strengths(alpha=0.3, continuity=0.01),
    "l1": Strengths(reg_lambda=0.2, entropy_weight=0.0),
    "entropy": Strengths(reg_lambda=0.2, l1_weight=0.0),
    "all": Strengths(alpha=0.3, smoothing=0.05, reg_lambda=0.2, l1_weight=0.7, entropy_weight=1.3, continuity=0.01),
}
SHAPES = (pytest.param([4, 2], marks=pytest.mark.kernels), [4, 3, 2], [5, 1, 2, 1])


def make(shape=(4, 3, 2), seed=0, n_samples=40, **options):
    rng = np.random.RandomState(seed)
    network = samples.mixed_network(rng, list(shape))
    return network, samples.mixed_inputs(rng, network, n_samples, **options)


@pytest.mark.parametrize("unseen", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_forward(shape, unseen):
    network, x = make(shape, unseen=unseen)
    assert_allclose(network.raw_predict(x), naive.forward(network, x), rtol=1e-10, atol=1e-10)
    first = network.layers[0]
    for i in range(first.n_in):
        expected = np.stack([naive.any_edge(first, i, j, x[:, i]) for j in range(first.n_out)], axis=1)
        assert_allclose(first.column(i, x[:, i]), expected, rtol=1e-10, atol=1e-12)


def test_missing_values_without_tables():
    """A missing value contributes what is remembered, whatever the layer is made of."""
    network = samples.network(np.random.RandomState(0), [3, 2, 1])
    network.layers[0].unseen[:] = np.random.RandomState(1).normal(size=(3, 2))
    x = samples.inputs(np.random.RandomState(2), network, 20)
    x[::3, 1], x[1, :] = np.nan, np.nan
    assert_allclose(network.raw_predict(x), naive.forward(network, x), rtol=1e-10, atol=1e-10)


def numeric_jacobian(network, x):
    """Derivatives of the naive raw predictions by theta, shape (n_samples, n_out, n_parameters)."""
    theta = network.theta
    columns = []
    for move in 1e-6 * np.eye(len(theta)):
        parts = []
        for sign in (1.0, -1.0):
            network.theta = theta + sign * move
            parts.append(naive.forward(network, x))
        columns.append((parts[0] - parts[1]) / 2e-6)
    network.theta = theta
    return np.stack(columns, axis=-1)


def objective_of(name, shape, strengths, **options):
    n_out = {"binary": 1, "multinomial": 3}.get(name, 2)
    network, x = make([*shape[:-1], n_out], **options)
    rng = np.random.RandomState(3)
    if name == "squared_error":
        y = rng.normal(size=(len(x), n_out))
    elif name == "binary":
        y = rng.randint(2, size=(len(x), 1)).astype(float)
    else:
        y = np.eye(3)[rng.randint(3, size=len(x))]
    return Objective(network, LOSSES[name], x, y, rng.uniform(0.2, 3.0, len(x)), strengths)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_gradient(shape, penalty):
    objective = objective_of("squared_error", shape, PENALTIES[penalty])
    theta = objective.network.theta
    value, gradient = objective.value_and_gradient(theta)
    difference = naive.gradient(objective.value, theta, step=3e-6)
    assert np.linalg.norm(gradient - difference) < 2e-6 * np.linalg.norm(difference)
    assert_allclose(value, objective.value(theta), rtol=1e-13)
    again, same, _ = objective.normal_equations(theta)
    assert_allclose(again, value, rtol=1e-13)
    assert_allclose(same, gradient, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("shape", SHAPES)
def test_gauss_newton(name, shape):
    objective = objective_of(name, shape, Strengths(), n_samples=25)
    network, weight = objective.network, objective.sample_weight
    jacobian = numeric_jacobian(network, objective.X)
    factor = objective.loss.curvature_factor(objective.y, naive.forward(network, objective.X))
    curvature = factor @ factor.transpose(0, 2, 1) * weight[:, None, None]
    expected = np.einsum("sap,sab,sbq->pq", jacobian, curvature, jacobian)
    found = objective.normal_equations(network.theta)[2]
    assert np.abs(found - expected).max() < 1e-7 * np.abs(expected).max()


def naive_penalty(tables, x, weight, strengths):
    """The formula of the penalty, one table and one output after the other."""
    total = 0.0
    for k, i in enumerate(tables.columns):
        for j in range(tables.values.shape[1]):
            v = tables.values[tables.rows_of(k), j]
            rows = np.array([naive.table_row(tables, k, value) for value in x[:, i]])
            share = np.array([weight[rows == r].sum() for r in range(tables.sizes[k])])
            share = share / share.sum() if share.sum() > 0.0 else np.full(len(v), 1.0 / len(v))
            mean = share @ v
            total += 0.5 * strengths[k] * (((v - mean) ** 2).sum() + mean**2)
    return total


@pytest.mark.parametrize("absent", [False, True])
def test_penalty(absent):
    """Also of categories, or of whole columns, that no training row has."""
    network, x = make()
    if absent:
        x[x[:, 0] == 1.0, 0] = 2.0
        x[:, 2] = -1.0
    weight = np.random.RandomState(0).uniform(0.5, 2.0, len(x))
    tables, strengths = network.layers[0].tables, np.array([0.3, 2.0, 0.7])
    totals = tables.totals(network.layers[0].expand(x).rows, weight)
    value, gradient = tables.penalty(tables.shares(totals), strengths)
    assert_allclose(value, naive_penalty(tables, x, weight, strengths), rtol=1e-12)
    shape, flat = tables.values.shape, tables.values.ravel().copy()

    def at(v):
        return naive_penalty(tables.with_values(v.reshape(shape)), x, weight, strengths)

    assert_allclose(gradient.ravel(), naive.gradient(at, flat), atol=1e-8)
    hessian = np.zeros((flat.size + 2, flat.size + 2))
    tables.add_penalty(
        hessian, 2, np.repeat(strengths, tables.sizes)[:, None] * tables.curvature(tables.shares(totals))
    )
    assert not hessian[:2].any()
    assert_allclose(hessian[2:, 2:] @ flat, gradient.ravel(), rtol=1e-12, atol=1e-14)
    assert_allclose(hessian, hessian.T, atol=1e-15)
    assert np.linalg.eigvalsh(hessian[2:, 2:]).min() > 0.0


def test_tables_have_the_ridge_of_their_columns():
    alpha = [np.array([0.1, 0.2, 0.3, 0.4]), np.full(3, 0.5)]
    objective = objective_of("squared_error", [4, 3, 2], Strengths(alpha=alpha, continuity=0.01))
    columns = objective.network.layers[0].tables.columns
    assert_allclose(objective.table_strengths, alpha[0][columns] + 0.01, rtol=1e-15)


def test_curvature_of_sparsity():
    """Each edge's share: d penalty / d norm, if positive, over the norm, times its weighted Gram matrix."""
    objective = objective_of("squared_error", [4, 3, 2], PENALTIES["l1"])
    network, weight = objective.network, objective.sample_weight
    plain = objective_of("squared_error", [4, 3, 2], PENALTIES["none"])
    theta = network.theta
    added = objective.normal_equations(theta)[2] - plain.normal_equations(theta)[2]
    first = network.layers[0]
    n_values = int(first.tables.trained.sum())
    diagonal = []
    for k, i in enumerate(first.tables.columns):
        x = objective.X[:, i]
        rows = np.array([naive.table_row(first.tables, k, value) for value in x])
        for r in range(first.tables.sizes[k]):
            share = weight[rows == r].sum()
            for j in np.flatnonzero(first.tables.mask[k]):
                norm = weight @ np.abs(naive.any_edge(first, i, j, x))
                diagonal.append(share * objective.strengths.reg_lambda / norm)
    assert_allclose(added[-n_values:, -n_values:], np.diag(diagonal), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("unseen", [False, True])
def test_moments(unseen):
    network, x = make(unseen=unseen)
    weight = np.random.RandomState(0).uniform(0.2, 3.0, len(x))
    first = network.layers[0]
    moments = first.moments(first.expand(x), weight)
    for i, j in np.ndindex(4, 3):
        phi = naive.any_edge(first, i, j, x[:, i])
        assert_allclose(moments[:, i, j], [weight @ np.abs(phi), weight @ phi, weight @ phi**2], atol=1e-10)


def test_rows_of_the_expansion():
    """A part of the rows has the terms of these rows."""
    network, x = make(unseen=True)
    first, rows = network.layers[0], np.array([3, 30, 7])
    part, anew = first.expand(x)[rows], first.expand(x[rows])
    for name in ("interval", "value", "slope", "t", "rows"):
        assert_array_equal(getattr(part, name), getattr(anew, name))
    assert_array_equal(first.forward(part), first.forward(anew))
    kept = first.expand(x[:, :])
    assert not kept.value[np.isnan(x)].any()
    assert not kept.slope[np.isnan(x)].any()


def test_no_table_no_cost():
    """Without categories and missing values the terms are those of the splines."""
    layer = samples.layer(np.random.RandomState(0), 3, 2)
    x = np.random.RandomState(1).uniform(-1.0, 1.0, (20, 3))
    first = FirstLayer.of(layer)
    for name in ("interval", "value", "slope", "t"):
        assert_array_equal(getattr(first.expand(x), name), getattr(layer.expand(x), name))
    assert first.expand(x).unseen is None
    assert first.expand(x).rows.shape == (20, 0)
    assert FirstLayer.of(first) is first


# --- changes of the network -------------------------------------------------------------------------------------------


def test_regauge():
    """y -> (y - center) / scale everywhere, at values that were not seen as well."""
    network, x = make(unseen=True)
    first = network.layers[0]
    before = first.forward(first.expand(x))
    regauge(first, 1, 3.0, 0.25)
    after = first.forward(first.expand(x))
    assert_allclose(after[:, 1], (before[:, 1] - 3.0) / 0.25, rtol=1e-10, atol=1e-10)
    assert_array_equal(after[:, [0, 2]], before[:, [0, 2]])


def test_regauge_without_splines():
    """One of the tables takes the constant."""
    network, x = make([3, 2, 1], unseen=False)
    x = x[:, :3]
    first = network.layers[0]
    first.edge_mask[:], first.weights[:] = False, 0.0
    before = first.forward(first.expand(x))
    regauge(first, 0, -2.0, 0.5)
    assert_allclose(first.forward(first.expand(x))[:, 0], (before[:, 0] + 2.0) / 0.5, rtol=1e-12, atol=1e-12)


def test_follow_activations_and_refine_keep_the_function():
    network, x = make([4, 3, 2], n_samples=300)
    network.layers[0].tables.values[:] *= 5.0
    expected = network.raw_predict(x)
    moved = follow_activations(refine(network, 40), x, np.ones(len(x)))
    assert np.abs(moved.layers[0].tables.values - network.layers[0].tables.values).max() > 0.1
    assert_allclose(moved.raw_predict(x), expected, atol=2e-2 * np.abs(expected).max())


def test_prune():
    """Edges of tables are edges like others: the mean of a removed one stays, its variation goes."""
    network, x = make([4, 3, 2], n_samples=200, unseen=False)
    objective = Objective(network, SquaredError(), x, np.zeros((200, 2)), np.ones(200), Strengths())
    moments = objective.moments(network.theta)
    network = Network(network.layers, network.offset, moments)
    network.layers[0].unseen[:] = moments[0][1]
    scores = [np.ones_like(layer[0]) for layer in moments]
    scores[0][0, 0] = scores[0][2, :] = 0.0
    pruned = prune(network, 0.5, scores)
    assert pruned.n_parameters == network.n_parameters - 4 - 2 * 3
    assert not pruned.layers[0].edges[2].any()
    assert_allclose(pruned.raw_predict(x), naive.forward(pruned, x), rtol=1e-10, atol=1e-10)
    first = pruned.layers[0]
    # A category that does not matter any more; one that was never seen contributes the mean, which stays.
    changed = x.copy()
    changed[:, 2] = np.where(x[:, 2] == 0.0, 1.0, -1.0)
    assert_array_equal(pruned.raw_predict(changed), pruned.raw_predict(x))
    deviation = edge_deviations(network.moments)[0]
    lost = np.stack([naive.any_edge(network.layers[0], 2, j, x[:, 2]) for j in range(3)], axis=1)
    assert_allclose(lost.std(axis=0), deviation[2], rtol=1e-9)
    assert_allclose(first.unseen.sum(axis=0), network.layers[0].unseen.sum(axis=0), atol=1e-12)
    empty = prune(network, np.inf)
    assert empty.n_parameters == 0
    assert_array_equal(empty.raw_predict(x), np.tile(empty.offset, (200, 1)))


def test_copies_and_dicts():
    network, x = make(unseen=True)
    before = network.raw_predict(x)
    for other in (network.copy(), Network.from_dict(network.to_dict())):
        assert_array_equal(other.raw_predict(x), before)
        other.theta = other.theta + 1.0
        other.layers[0].unseen[:] += 1.0
        assert_array_equal(network.raw_predict(x), before)
    tables = network.layers[0].tables
    assert_array_equal(network.theta[-int(tables.trained.sum()) :], tables.values[tables.trained])


def test_tables_of_a_table():
    """Categories and missing values of the rows tell which tables there are; constant ones are no parameters."""
    nan = np.nan
    X = np.array([[0.0, 1.0, 0.0, 5.0, nan, nan], [1.0, nan, 0.0, 5.0, nan, 1.0], [nan, 2.0, 0.0, 6.0, nan, 1.0]])
    none = np.zeros(0)
    atoms = [none, np.array([1.0, 2.0]), none, np.array([5.0]), none, none]
    tables = Tables.of(X, np.array([2, 0, 1, 0, 0, 0]), 2, atoms, np.array([1.0, 10.0, 1.0, 1.0, 1.0, 1.0]))
    assert_array_equal(tables.columns, [0, 1, 2, 3, 4, 5])
    assert_array_equal(tables.sizes, [3, 3, 1, 1, 1, 1])
    assert_array_equal(tables.mask[:, 0], [True, True, False, True, False, True])
    assert_array_equal(tables.categorical, [0, 2])
    assert tables.values.shape == (10, 2)
    assert_array_equal(tables.atoms_of(1), [1.0, 2.0])
    rows, unseen = tables.locate(np.array([[0.0, 2.0 + 9e-6, 0.0, 5.0 + 2e-6, 0.0, 0.0]]), np.zeros((1, 6), dtype=bool))
    assert_array_equal(rows, [[0, 4, 6, -1, -1, -1]])
    assert unseen is None


def test_atoms_are_known_in_any_units():
    """A value is found in its table after the way to the units of the knots and back, however that rounds."""
    rng = np.random.default_rng(0)
    for value in rng.normal(size=50):
        X = np.append(np.full(20, value), rng.uniform(-2.0, 2.0, 20))[:, None]
        center, scale = 1e12 * rng.normal(size=1), rng.uniform(0.1, 10.0, 1)
        X += center
        tables = Tables.of(X, np.array([0]), 1, [X[0]], scale)
        tables.rescale(center, scale, np.zeros(1), np.ones(1))
        assert (tables.locate((X - center) / scale, np.isnan(X))[0][:20] == 0).all()
        tables.rescale(np.zeros(1), np.ones(1), center, scale)
        assert (tables.locate(X, np.isnan(X))[0][:20] == 0).all()


def test_atoms_of_a_column():
    """Values of many rows, in a column in which very many rows share one; whole rows count by their share."""
    rng = np.random.RandomState(0)
    x = np.concatenate([np.zeros(100), np.full(30, 7.5), np.full(19, 2.0), rng.uniform(size=151)])
    rng.shuffle(x)
    ones = np.ones(len(x))
    assert_array_equal(atoms_of(x, ones), [0.0, 7.5])
    assert_array_equal(atoms_of(x.astype(np.float32), 5.0 * ones), [0.0, 7.5])
    assert len(atoms_of(x, np.where(x == 0.0, 0.1, 1.0))) == 0
    assert len(atoms_of(np.where(x == 0.0, np.nan, x), ones)) == 0
    assert len(atoms_of(np.round(x), ones)) == 0  # few distinct values
    assert len(atoms_of(rng.uniform(size=300), ones)) == 0


def test_atoms_stand_out():
    """Values as frequent as those around them are numbers like others, be the one at an end as frequent as it may."""
    rng = np.random.default_rng(0)
    grid = np.r_[np.zeros(1_000), rng.integers(0, 61, 3_000)].astype(np.float64)
    assert_array_equal(atoms_of(grid, np.ones(4_000)), [0.0])
    usual_sums = np.r_[grid, np.full(150, 20.0), np.full(150, 21.0)]
    assert_array_equal(atoms_of(usual_sums, np.ones(4_300)), [0.0, 20.0, 21.0])
    assert_array_equal(atoms_of(np.where(usual_sums == 60.0, np.nan, usual_sums), np.ones(4_300)), [0.0, 20.0, 21.0])
    amounts = np.cumsum(np.tile([1.0, 10.0], 31))[grid.astype(int)]
    assert_array_equal(atoms_of(amounts, np.ones(4_000)), np.unique(amounts))  # no even ones
    fading = np.r_[np.zeros(2_000), rng.geometric(0.1, 4_000)].astype(np.float64)
    assert_array_equal(atoms_of(fading, np.ones(6_000)), [0.0])


@pytest.mark.parametrize("shape", [[4, 3, 2], [4, 2]])
def test_segments_of_tables(shape):
    """The matrix from the parts that are not zero is the dense product, with and without rows of the tables."""
    rng = np.random.RandomState(0)
    network = samples.mixed_network(rng, shape, grid_size=12)
    x = samples.mixed_inputs(rng, network, 30, unseen=True)
    objective = Objective(network, SquaredError(), x, np.zeros((30, shape[-1])), np.ones(30), Strengths())
    raw, terms = objective.forward(slice(None))
    deltas = objective._chunk_deltas(raw, terms, slice(None))
    segments = Segments(network)
    found = segments.unpacked(segments.gram(terms, deltas))
    segments.pays = False
    expected = objective._chunk_gram(terms, deltas, segments)
    assert_allclose(found[np.ix_(network.free, network.free)], expected, rtol=1e-10, atol=1e-14)
    assert np.diag(found)[network.value_offset :].min() >= 0.0
    assert np.diag(found)[network.value_offset :].max() > 0.0


@pytest.mark.parametrize("least", [1, 8])
def test_tables_are_divided(least, monkeypatch):
    """Where work is dear a group may hold some rows of a table; matrices and penalties are parts of the whole ones."""
    rng = np.random.RandomState(0)
    network = samples.mixed_network(rng, [4, 3, 2])
    x = samples.mixed_inputs(rng, network, 60)
    strengths = PENALTIES["ridge"]
    objective = Objective(network, SquaredError(), x, rng.normal(size=(60, 2)), np.ones(60), strengths)
    whole = objective.unsmoothed_equations(network.theta)[2]
    monkeypatch.setattr(_blocks, "_WORK", 0.0)
    monkeypatch.setattr(_blocks, "_LEAST", least)
    parts = _blocks.Parts(network, "nodes")
    monkeypatch.setattr(_blocks, "_WORK", np.inf)
    assert_array_equal(np.sort(np.concatenate(parts.groups)), network.free)
    in_table = [parts.places[group, :2].tolist().count([0, 4]) for group in parts.groups]
    rows = int(network.layers[0].tables.trained[:, 0].sum())
    assert 0 < max(in_table) < rows
    places = [parts.parameters(group) for group in parts.groups]
    for place, matrix in zip(places, _blocks.normal_matrices(objective, parts), strict=True):
        assert_allclose(matrix, whole[np.ix_(place, place)], rtol=1e-8, atol=1e-12)
    penalties = [np.zeros((len(place), len(place))) for place in places]
    parts.add_penalties(objective, penalties)
    for place, penalty in zip(places, penalties, strict=True):
        expected = objective.quadratic_curvature()[np.ix_(place, place)]
        assert_allclose(penalty, expected, rtol=1e-10, atol=1e-12)
    found = update(objective, network.theta, 60.0, ["alpha"], dense=False)
    assert np.isfinite(found.evidence) and 0.0 < found.edof < len(network.free)


def test_rows_of_long_tables_count_alone(monkeypatch):
    """Their curvature is their share of the rows times the mean over all rows; the rest counts together as before."""
    objective = samples.mixed_objective(PENALTIES["ridge"])
    network, whole = objective.network, objective.unsmoothed_equations(objective.network.theta)[2]
    monkeypatch.setattr(_blocks, "_WORK", 0.0)
    monkeypatch.setattr(_blocks, "_LEAST", 3)
    monkeypatch.setattr(_blocks, "_DENSE", 19)
    parts = _blocks.Parts(network, "nodes")
    monkeypatch.setattr(_blocks, "_WORK", np.inf)
    assert_array_equal(parts.long, [True, False, False])
    assert_array_equal(np.sort(np.concatenate(parts.groups)), network.free)
    _, _, row, node, _ = parts.places[parts.alone].T
    assert set(row) == set(range(4)) and parts.groups[-1] is parts.alone
    matrices = _blocks.curvatures(objective, parts)
    places = [parts.parameters(group) for group in parts.groups]
    by_node = [np.diag(whole)[places[-1]][node == j].sum() for j in range(3)]  # every sample is in one of the rows
    penalty = objective.quadratic_curvature()
    expected = objective.totals[row] * np.array(by_node)[node] + np.diag(penalty)[places[-1]]
    assert_allclose(matrices[-1], expected, rtol=1e-10)
    for place, matrix in zip(places[:-1], matrices, strict=False):
        assert_allclose(matrix, (whole + penalty)[np.ix_(place, place)], rtol=1e-8, atol=1e-12)

    dense, curbed = np.zeros_like(whole), np.zeros_like(whole)
    for place, matrix in zip(places, matrices, strict=True):
        at = np.ix_(place, place)
        dense[at] = np.diag(matrix) if matrix.ndim == 1 else matrix
        curbed[at] = np.diag(np.diag(penalty)[place]) if matrix.ndim == 1 else penalty[at]
    covariance, found = np.linalg.inv(dense), Covariance(objective, parts, matrices, 1e-14)
    assert_allclose(found.edof, np.trace(covariance @ (dense - curbed)), rtol=1e-8)
    assert_allclose(found.log_determinant, np.linalg.slogdet(dense)[1], rtol=1e-10)

    eye = np.tile(np.eye(2), (objective.n_rows, 1, 1))
    _, terms = network.forward(objective.X)
    jacobian = _blocks.Parts(network, "whole").jacobian(network, terms, eye)[:, :, network.free]
    expected = np.einsum("srp,pq,srq->sr", jacobian, covariance, jacobian)
    assert_allclose(parts.squares(network, terms, eye, found.roots), expected, rtol=1e-8)


def test_edges_of_long_tables_are_not_eliminated(monkeypatch):
    objective = samples.mixed_objective(PENALTIES["ridge"])
    monkeypatch.setattr(_blocks, "_WHOLE", 10)
    monkeypatch.setattr(_blocks, "_LARGE", 10)
    every, _ = needless_edges(objective, np.inf, 1.0)
    assert {edge[1] for edge in every if edge[0] == 0} == {0, 1, 2, 3}
    monkeypatch.setattr(_blocks, "_LEAST", 3)
    monkeypatch.setattr(_blocks, "_DENSE", 19)
    monkeypatch.setattr(_blocks, "_WORK", 0.0)
    objective = samples.mixed_objective(PENALTIES["ridge"])
    assert len(objective.parts("nodes").alone)  # and remembered
    monkeypatch.setattr(_blocks, "_WORK", np.inf)
    monkeypatch.setattr(_blocks.Parts, "affordable", lambda parts, n_rows: parts.detail == "nodes")
    some, theta = needless_edges(objective, np.inf, 1.0)
    assert {edge[1] for edge in some if edge[0] == 0} == {1, 2, 3}
    assert np.isfinite(theta).all()


def test_thousands_of_names_are_no_noise_to_learn():
    """2,200 names with two rows or so each, which tell nothing: predictions are hardly worse than without them."""
    rng = np.random.default_rng(0)
    n_rows = 4_500
    frame = pd.DataFrame({"name": [f"n{k}" for k in rng.integers(2_200, size=n_rows)], "x": rng.uniform(-1, 1, n_rows)})
    y = frame.x.to_numpy() ** 2 + 0.5 * rng.normal(size=n_rows)
    model = KANRegressor((4,), n_init=1, random_state=0).fit(frame[:3_500], y[:3_500])
    mean, deviation = model.predict(frame[3_500:], return_std=True)
    error = np.sqrt(np.mean((mean - y[3_500:]) ** 2))
    assert error < 0.54
    assert model.edof_ < 700
    assert 0.8 * error < deviation.mean() < 1.2 * error


def test_many_columns_of_many_names_leave_the_one_that_tells():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"c{j}": [f"k{v}" for v in rng.integers(120, size=2_000)] for j in range(20)})
    y = frame.c0.str[1:].astype(int).to_numpy() % 7 / 3.0 + 0.5 * rng.normal(size=2_000)
    model = KANRegressor((4,), n_init=1, random_state=0).fit(frame[:1_500], y[:1_500])
    assert model.score(frame[1_500:], y[1_500:]) > 0.5
    assert model.edof_ < 400


def test_matrices_of_very_many_categories_are_not_affordable(monkeypatch):
    rng = np.random.RandomState(0)
    network = samples.mixed_network(rng, [4, 3, 2])
    parts = _blocks.Parts(network, "nodes")
    assert parts.affordable(60)
    monkeypatch.setattr(_blocks, "_DENSE", len(network.layers[0].tables.values) - 1)
    assert not parts.affordable(60)
