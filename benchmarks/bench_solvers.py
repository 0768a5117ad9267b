"""Normal equations beside BLAS, and the time that Levenberg-Marquardt takes on small problems.

    python -m benchmarks.bench_solvers

J' J and J' r of [8, 8, 1], 10 intervals, 100,000 rows, from X, beside SciPy's syrk on a Jacobian that is there already.
Then exp(sin(pi x) + y^2) with [2, 5, 1]: pykan 0.2.8 takes 211 s for the grids 3, 5, 10, 20, 50 on a machine with 2
cores and ends at a test RMSE of 2.7e-5; limits are 1/100 of it for all grids and 1/300 to its error.
"""

import subprocess
import sys
import time
import warnings

import numpy as np
from scipy.linalg.blas import dsyrk
from sklearn.exceptions import ConvergenceWarning

from sklearn_kan import KANRegressor
from sklearn_kan._losses import regression_loss
from sklearn_kan._objective import Objective, Strengths

from ._timing import compare, peak, scaled
from .bench_vs_pykan import data

GRIDS = (3, 5, 10, 20, 50)
PYKAN_SECONDS, PYKAN_RMSE = 211.0, 2.7e-5
N_ROWS = 100_000


def make_objective():
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (N_ROWS, 8))
    y = np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KANRegressor((8,), grid_size=10, n_init=1, max_iter=2, random_state=0, solver="lm").fit(
            X[:500], y[:500]
        )
    y = (y[:, None] - y.mean()) / y.std()
    return Objective(model.network_, regression_loss("squared_error"), X, y, np.ones(N_ROWS), Strengths())


def normal_equations():
    objective = make_objective()
    theta = objective.network.theta
    before = peak()
    objective.normal_equations(theta)
    extra = peak() - before
    J = np.asfortranarray(np.random.RandomState(0).normal(size=(len(theta), N_ROWS)))
    name = "J'J and J'r, [8, 8, 1], 100,000 rows, beside syrk"
    everything = np.arange(N_ROWS)  # the objective itself remembers its last equations
    compare(
        name, lambda: objective.subset(everything).normal_equations(theta), lambda: dsyrk(1.0, J), runs=5, limit=1.0
    )
    print(f"extra memory {extra:.0f} MB (limit 200)", flush=True)


def schedule():
    """Time until the test error is below pykan's, and of all grids."""
    X, y = data(0)
    for seed in range(3):
        took = {}
        for n_grids in range(2, len(GRIDS) + 1):
            runs = []
            for _ in range(3):
                start = time.perf_counter()
                model = KANRegressor((5,), grid_size=GRIDS[:n_grids], random_state=seed).fit(X[:1000], y[:1000])
                runs.append(time.perf_counter() - start)
            error = float(np.sqrt(np.mean((model.predict(X[1000:]) - y[1000:]) ** 2)))
            took[n_grids] = np.median(runs), error
        first = min((n for n, (_, error) in took.items() if error <= PYKAN_RMSE), default=len(GRIDS))
        total, error = took[len(GRIDS)]
        print(
            f"[2, 5, 1], seed {seed}: all grids {scaled(total)}, 1/{PYKAN_SECONDS / total:.0f} (limit 1/100), "
            f"test RMSE {error:.1e}; to pykan's error, grids {GRIDS[:first]}: {scaled(took[first][0])}, "
            f"1/{PYKAN_SECONDS / took[first][0]:.0f} (limit 1/300), test RMSE {took[first][1]:.1e}",
            flush=True,
        )


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)
    if len(sys.argv) > 1:
        normal_equations()
        return
    subprocess.run([sys.executable, "-m", "benchmarks.bench_solvers", "normal_equations"], check=True)
    schedule()


if __name__ == "__main__":
    main()
