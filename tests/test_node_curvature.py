"""The preconditioner where no evidence gives one: exact for one input and one output, quick for any strengths."""

import numpy as np
import pytest
import samples
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris, make_friedman1
from sklearn.metrics import log_loss

from sklearn_kan import KANClassifier, KANRegressor, _node_curvature, _training
from sklearn_kan._losses import SquaredError
from sklearn_kan._node_curvature import NodeCurvature
from sklearn_kan._objective import Objective, Strengths


def test_one_input_and_one_output(monkeypatch):
    """Exact, without what holds parameters that neither rows nor penalties hold."""
    monkeypatch.setattr(_node_curvature, "_HOLD", 0.0)
    rng = np.random.RandomState(0)
    network = samples.network(rng, [1, 1], 6)
    X = samples.inputs(rng, network, 300)
    strengths = Strengths(alpha=1e-2, smoothing=1e-3)
    objective = Objective(network, SquaredError(), X, rng.normal(size=(300, 1)), rng.uniform(size=300), strengths)
    theta = network.theta
    _, gradient, hessian = objective.normal_equations(theta)
    found = NodeCurvature(objective, theta).precondition(gradient)
    assert_allclose(found, np.linalg.solve(hessian, gradient), rtol=1e-4, atol=1e-6)


def test_constants_of_many_columns_move_together():
    """Their effects add up: steps as if each moved alone would be too long by the number of columns."""
    rng = np.random.RandomState(0)
    network = samples.network(rng, [40, 1], 6)
    X = samples.inputs(rng, network, 3000)
    objective = Objective(network, SquaredError(), X, rng.normal(size=(3000, 1)), np.ones(3000), Strengths(alpha=1e-3))
    _, gradient, hessian = objective.normal_equations(network.theta)
    direction = NodeCurvature(objective, network.theta).precondition(gradient)
    assert direction @ hessian @ direction < 2.0 * gradient @ direction  # a whole step lowers the objective


def test_rows_that_hold_little():
    """Without penalties parameters that few rows tell stay where they are."""
    X, y = make_friedman1(400, random_state=0)
    model = KANRegressor((8,), alpha=0.0, smoothing=0.0, solver="lbfgs", n_init=1, random_state=0)
    assert model.fit(X[:100], y[:100]).score(X[100:], y[100:]) > 0.0


def test_diagonal_of_tables():
    objective = samples.mixed_objective(Strengths(alpha=0.3))
    assert_allclose(objective.table_diagonal, np.diag(objective.table_matrix))


@pytest.mark.parametrize("strengths", [Strengths(), Strengths(alpha=1e-3, smoothing=10.0)])
def test_all_kinds_of_parameters(strengths):
    """Positive definite, with tables and pruned edges, and without any penalty."""
    objective = samples.mixed_objective(strengths)
    theta = objective.network.theta
    precondition = NodeCurvature(objective, theta).precondition
    inverse = np.stack([precondition(one) for one in np.eye(len(theta))], axis=1)
    assert_allclose(inverse, inverse.T, rtol=1e-6, atol=1e-9 * np.abs(inverse).max())
    assert np.linalg.eigvalsh(inverse).min() > 0.0


@pytest.mark.parametrize("grid_size", [10, 60])
@pytest.mark.parametrize("smoothing", [1e-3, 0.1])
def test_stiff_penalties_and_fine_grids(grid_size, smoothing):
    """Without it 100 iterations end at 0.31 to 1.05; the constant model has 1.1."""
    X, y = load_iris(return_X_y=True)
    options = {"alpha": 1e-3, "smoothing": smoothing, "solver": "lbfgs", "n_init": 1}
    model = KANClassifier((4,), grid_size=grid_size, random_state=0, **options).fit(X, y)
    assert log_loss(y, model.predict_proba(X)) < 0.25


@pytest.mark.filterwarnings("ignore:grid_size")
def test_networks_too_large_for_evidence(monkeypatch):
    monkeypatch.setattr(_training, "affordable", lambda network, n_rows: False)
    X, y = load_iris(return_X_y=True)
    model = KANClassifier((4,), grid_size=60, solver="lbfgs", n_init=1, random_state=0).fit(X, y)
    assert log_loss(y, model.predict_proba(X)) < 0.25
