"""Without a writable place kernels are compiled in memory, with one warning."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numba
import numpy as np
import pytest

import sklearn_kan
from sklearn_kan import _jit

SCRIPT = """
import json, sys, warnings
import joblib, numba, numpy as np, scipy.linalg, sklearn.base, sklearn.metrics, sklearn.model_selection
from sklearn.exceptions import ConvergenceWarning
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import sklearn_kan
    X = np.random.RandomState(0).uniform(-1.0, 1.0, (40, 2))
    model = sklearn_kan.KANRegressor((2,), max_iter=3, n_init=1, random_state=0).fit(X, X[:, 0] ** 2)
    predicted = model.predict(X).tolist()
found = [[w.category.__name__, str(w.message)] for w in caught if not issubclass(w.category, ConvergenceWarning)]
json.dump({"file": sklearn_kan.__file__, "warnings": found, "predicted": predicted}, sys.stdout)
"""


def run(folder, **environment):
    """The script with the package of this folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert Path(found["file"]).is_relative_to(folder)
    return found


def copy_package(folder):
    """The package, with a plain file where Python and Numba would make their directory.

    File permissions would not do: they do not bind the superuser, as whom containers run.
    """
    copy = folder / "sklearn_kan"
    shutil.copytree(Path(sklearn_kan.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "__pycache__").write_text("not a directory")
    return copy


def test_no_writable_place(tmp_path):
    copy = copy_package(tmp_path)
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    nowhere = str(blocked / "folder")
    places = ("NUMBA_CACHE_DIR", "HOME", "XDG_CACHE_HOME", "IPYTHONDIR", "LOCALAPPDATA", "APPDATA")
    before = sorted(tmp_path.rglob("*"))
    found = run(tmp_path, SKLEARN_KAN_CACHE="1", **dict.fromkeys(places, nowhere))
    assert len(found["warnings"]) == 1, found["warnings"]
    category, message = found["warnings"][0]
    assert category == "RuntimeWarning"
    assert "NUMBA_CACHE_DIR" in message
    assert sorted(tmp_path.rglob("*")) == before
    assert copy.exists()
    X = np.random.RandomState(0).uniform(-1.0, 1.0, (40, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        here = sklearn_kan.KANRegressor((2,), max_iter=3, n_init=1, random_state=0).fit(X, X[:, 0] ** 2).predict(X)
    np.testing.assert_array_equal(found["predicted"], here)


def square(x):
    return x * x


def without_a_place(monkeypatch):
    """Numba's complaint when it finds no place for a cache."""
    compile_ = numba.njit

    def njit(**options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return compile_(**options)

    monkeypatch.setattr(numba, "njit", njit)


def test_one_warning_for_all_kernels(monkeypatch):
    monkeypatch.setitem(_jit._state, "cache", True)
    without_a_place(monkeypatch)
    with pytest.warns(RuntimeWarning, match="NUMBA_CACHE_DIR") as caught:
        assert [_jit.njit(square)(3.0) for _ in range(3)] == [9.0] * 3
    assert len(caught) == 1


def test_caching_switched_off(monkeypatch, tmp_path):
    monkeypatch.setitem(_jit._state, "cache", False)
    without_a_place(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _jit.njit(square)(3.0) == 9.0


def test_environment_variable(tmp_path):
    """SKLEARN_KAN_CACHE=0: nothing is written, nothing is said."""
    copy = copy_package(tmp_path)
    (copy / "__pycache__").unlink()
    cache = tmp_path / "cache"
    cache.mkdir()
    code = (
        "import numpy as np, sklearn_kan._bspline as b\n"
        "b.basis(np.array([[0.5]]), np.array([[0.0, 1.0]]), 0)\n"
        "print(type(b._recursion._cache).__name__)\n"
    )
    for value, expected in (("0", "NullCache"), ("1", "FunctionCache")):
        environment = {
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SKLEARN_KAN_CACHE": value,
            "NUMBA_CACHE_DIR": str(cache),
        }
        done = subprocess.run(
            [sys.executable, "-W", "error::RuntimeWarning", "-c", code],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected
    assert not list(copy.glob("__pycache__/*.nbi"))


@pytest.mark.kernels
def test_not_a_number_stays_one(monkeypatch):
    """Fast arithmetic is on, but not the part that takes NaN for a number."""
    monkeypatch.setitem(_jit._state, "cache", False)

    def is_nan(x):
        return np.isnan(x)

    assert _jit.njit(is_nan)(np.nan)
    assert not _jit.njit(is_nan)(1.0)
