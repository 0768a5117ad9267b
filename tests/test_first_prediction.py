"""A small prediction in a fresh process: plain Python computes it, without Numba."""

import json
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_kan import KANClassifier, KANRegressor, _jit

SCRIPT = """
import json, pickle, sys, warnings
warnings.simplefilter("error")
with open(sys.argv[1], "rb") as file:
    cases = pickle.load(file)
few = [getattr(model, method)(X[:3]).tolist() for model, method, X in cases]
without_numba = "numba" not in sys.modules
many = [getattr(model, method)(X).tolist() for model, method, X in cases]
json.dump({"few": few, "without_numba": without_numba, "many": many}, sys.stdout)
"""


def cases():
    """Models that need every kernel of a prediction, each with a method and rows."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (200, 3))
    y = np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2]
    far = X * np.where(np.arange(200)[:, None] % 2, 1.0, 1e300)
    holes = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0.8, np.nan, X[:, 1])})
    holes["c"] = pd.Series(np.digitize(X[:, 2], [-0.5, 0.0, 0.5])).map(dict(enumerate("uvwx"))).astype("category")
    options = {"max_iter": 5, "n_init": 1, "random_state": 0}
    regressor = KANRegressor((3,), **options).fit(X, y)
    uneven = KANRegressor((2, 2), grid_size=6, knots="quantile", degree=2, **options).fit(np.exp(3.0 * X), y)
    constant = KANRegressor((2,), extrapolation="constant", base_activation="zero", **options).fit(X, y)
    frame = KANRegressor((2,), **options).fit(holes, y)
    classifier = KANClassifier((2,), **options).fit(X, np.digitize(y, [-0.5, 0.5]))
    return [
        (regressor, "predict", far),
        (uneven, "predict", np.exp(3.0 * X)),
        (constant, "predict", 2.0 * X),
        (frame, "predict", holes),
        (classifier, "predict_proba", X),
    ]


def test_a_few_rows_need_no_numba(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = cases()
    path = tmp_path / "cases.pkl"
    path.write_bytes(pickle.dumps(expected))
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["without_numba"]
    for few, many, (model, method, X) in zip(found["few"], found["many"], expected, strict=True):
        assert_allclose(few, getattr(model, method)(X[:3]), rtol=1e-12, atol=1e-14)
        assert_array_equal(many, getattr(model, method)(X))


@pytest.fixture
def kernel(monkeypatch):
    """A kernel that tells who runs it, as in a process that has compiled nothing."""
    monkeypatch.setitem(_jit._state, "plain", 100)
    kernel = _jit.njit(lambda: "Python")
    kernel.compiled = lambda: "Numba"
    return kernel


def run(kernel, n_functions):
    with _jit.plain(n_functions):
        return kernel()


def test_python_computes_little(kernel):
    assert run(kernel, 101) == "Numba"
    assert [run(kernel, 40) for _ in range(4)] == ["Python", "Python", "Numba", "Numba"]
    assert kernel() == "Numba"


def test_an_error_leaves_nothing_behind(kernel):
    with pytest.raises(ZeroDivisionError), _jit.plain(1):
        raise ZeroDivisionError
    assert kernel() == "Numba"


def test_nothing_is_left_to_python_once_a_kernel_is_compiled(monkeypatch):
    monkeypatch.setitem(_jit._state, "plain", 100)
    assert _jit.njit(lambda x: x)(1.0) == 1.0
    assert _jit._state["plain"] == 0
