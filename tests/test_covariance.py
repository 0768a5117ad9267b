"""Covariance of the parameters: against the dense inverse, with strengths far apart."""

import numpy as np
import pytest
import samples
from numpy.testing import assert_allclose

from sklearn_kan import _blocks
from sklearn_kan._covariance import Covariance
from sklearn_kan._objective import Objective, Strengths


@pytest.mark.parametrize("detail", ["whole", "nodes"])
@pytest.mark.parametrize(
    "alpha", [0.1, [np.array([1e-4, 1e-2, 1.0, 1e2]), np.array([1e-3, 1e-1, 10.0])]], ids=["even", "far apart"]
)
def test_of_dense_matrices(alpha, detail):
    objective = samples.mixed_objective(Strengths(alpha=alpha, smoothing=0.01))
    network, parts = objective.network, objective.parts(detail)
    layer, _, _, output, _ = places = _blocks._places(network.layers)[network.free].T
    same = (layer[:, None] == layer) & (output[:, None] == output) | (detail == "whole")
    penalty = objective.quadratic_curvature()
    matrix = np.where(same, objective.normal_equations(network.theta)[2], 0.0)
    covariance = np.linalg.inv(matrix)
    found = Covariance(objective, parts, _blocks.curvatures(objective, parts), 1e-14)
    assert_allclose(found.edof, np.trace(covariance @ (matrix - penalty)), rtol=1e-8)
    assert_allclose(found.log_determinant, np.linalg.slogdet(matrix)[1], rtol=1e-10)
    for l, blocks in enumerate(found.blocks):  # noqa: E741
        for i in range(network.layers[l].n_in):
            for j in range(network.layers[l].n_out):
                at = np.flatnonzero((places[0] == l) & (places[1] == i) & (places[3] == j) & (places[2] >= 0))
                terms = places[2][at]
                blocks[i][np.ix_(terms, terms)] -= covariance[np.ix_(at, at)]
        assert_allclose(blocks, 0.0, atol=1e-8 * np.abs(covariance).max())
    tables = np.zeros_like(objective.table_matrix)
    for j in range(3):
        at = np.flatnonzero((places[0] == 0) & (places[1] == 4) & (places[3] == j))
        tables[np.ix_(places[2][at], places[2][at])] += covariance[np.ix_(at, at)]
    expected = np.sum(tables * objective.table_matrix, axis=1)
    assert_allclose(found.tables * objective.row_strengths, expected, rtol=1e-6)


def test_parts_are_found_once():
    """Those of a network with the same parameters serve, whatever their values."""
    objective = samples.mixed_objective(Strengths(alpha=0.1))
    network = objective.network.copy()
    network.theta = 2.0 * network.theta
    others = objective.X, objective.y, objective.sample_weight, objective.strengths
    after = Objective(network, objective.loss, *others, before=objective)
    assert after.parts("nodes") is objective.parts("nodes") is after.parts("nodes")
    network.layers[1].edge_mask[1] = False
    pruned = Objective(network.copy(), objective.loss, *others, before=after)
    assert pruned.parts("nodes") is not after.parts("nodes")
    assert sum(map(len, pruned.parts("nodes").groups)) < sum(map(len, after.parts("nodes").groups))
