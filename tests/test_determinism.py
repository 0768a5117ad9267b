"""The same seed gives the same bits, whatever the threads, the processes and the number of jobs."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import samples
from joblib import parallel_config
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV

from sklearn_kan import KANClassifier, KANRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# 20,000 rows are chunks enough for two threads to train, four times as many to predict; classes bring a matrix of more
# than one column to BLAS.
SCRIPT = """
import hashlib, json, sys, warnings
import numba, numpy as np
from threadpoolctl import threadpool_info
from sklearn_kan import KANClassifier, KANRegressor

warnings.simplefilter("ignore")
rng = np.random.RandomState(0)
X = rng.uniform(-1.0, 1.0, (20_000, 6))
y = np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2]
labels = np.digitize(y, [-0.5, 0.5])
found = {}
for solver in ("lm", "lbfgs", "adam"):
    options = {"solver": solver, "max_iter": 3, "n_init": 1, "random_state": 0, "reg_lambda": 1e-3, "grid_size": (3, 6)}
    options["early_stopping"] = False  # nothing is held out of the chunks
    for model, target in ((KANRegressor((4,), **options), y), (KANClassifier((3,), **options), labels)):
        model.fit(X, target)
        model.partial_fit(X, target)
        network = model.network_
        bits = np.concatenate([network.theta, network.raw_predict(np.tile(X, (4, 1))).ravel(), [model.loss_]]).tobytes()
        found[f"{type(model).__name__} {solver}"] = hashlib.sha256(bits).hexdigest()
blas = [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
json.dump({"found": found, "threads": numba.config.NUMBA_NUM_THREADS, "blas": max(blas)}, sys.stdout)
"""


def start(numba_threads, blas_threads):
    """A fresh process with these numbers of threads."""
    environment = {
        **os.environ,
        "NUMBA_NUM_THREADS": str(numba_threads),
        "OPENBLAS_NUM_THREADS": str(blas_threads),
        "MKL_NUM_THREADS": str(blas_threads),
    }
    command = [sys.executable, "-c", SCRIPT]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_threads_and_processes():
    """Other numbers of threads, for kernels and for BLAS, give the same six models."""
    two = min(2, os.cpu_count())  # the number of processors bounds what Numba grants
    threads = [(1, 1), (two, 1), (two, two)]
    results = []
    for process in [start(*numbers) for numbers in threads]:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        results.append(json.loads(out))
    assert [(result["threads"], result["blas"]) for result in results] == threads
    assert len(set(results[0]["found"].values())) == 6
    for result in results[1:]:
        assert result["found"] == results[0]["found"]


@pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
def test_the_same_process(Estimator):
    """A fit before, of another shape, leaves no trace."""
    X, y = samples.formula(np.random.RandomState(0), 100)
    y = y if Estimator is KANRegressor else y > 1.5

    def fit():
        return Estimator((3,), max_iter=10, random_state=0).fit(X, y).network_.theta

    first = fit()
    Estimator((2, 2), max_iter=3, random_state=1).fit(X[:50], y[:50])
    assert_array_equal(fit(), first)


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_grid_search_in_parallel(backend, searched):
    """Two jobs give what one gives: scores, choice and model."""
    X, y, expected = searched
    with parallel_config(backend=backend, n_jobs=2):
        found = search(n_jobs=2).fit(X, y)
    for name, values in expected.cv_results_.items():
        if "time" not in name and name != "params":
            assert_array_equal(np.asarray(found.cv_results_[name]), np.asarray(values), err_msg=name)
    assert found.best_params_ == expected.best_params_
    assert_array_equal(found.predict(X), expected.predict(X))
    assert_array_equal(found.best_estimator_.network_.theta, expected.best_estimator_.network_.theta)


def search(n_jobs):
    model = KANRegressor((3,), max_iter=10, n_init=2, random_state=0)
    return GridSearchCV(model, {"grid_size": [3, 5], "solver": ["lm", "lbfgs", "adam"]}, cv=2, n_jobs=n_jobs)


@pytest.fixture(scope="module")
def searched():
    """A table and the search over it in one process."""
    X, y = samples.formula(np.random.RandomState(0), 150)
    return X, y, search(n_jobs=1).fit(X, y)
