"""Errors as grids grow, and what finer grids cost.

    python -m benchmarks.bench_scaling [law best many cost] [--seeds 20]

law    exp(sin(pi x) + y^2), [2, 1, 1], 3000 rows, smoothing 0: test RMSE at 10, 20, 50 and 100 intervals and the slope
       of its logarithm against that of the intervals; limits -4 +- 0.2 and 5e-8.
best   the same function, [2, 5, 1], 1000 rows, default parameters, grids 3, 5, 10, 20 and these and 50: test RMSE of
       each and of the better one; limit of that 1e-5.
many   exp(mean_i sin^2(pi x_i / 2)) of 100 variables, [100, 1, 1], 1000 rows: test RMSE, limit 5e-4, and seconds, 10.
cost   a gradient of the squared error of [8, 8, 1] without penalties, 8600 rows: milliseconds at G intervals and how
       much more at 2 G; limit 1.2.

Data and starts differ from seed to seed. Kernels are compiled before the clock starts.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_kan import KANRegressor
from sklearn_kan._losses import regression_loss
from sklearn_kan._objective import Objective, Strengths

from . import bench_vs_pykan
from ._timing import interleaved

FINE = (10, 20, 50, 100)
SCHEDULES = (5, (3, 5), (3, 5, 10))


def average(seed, n_rows=1000):
    X = np.random.default_rng(seed).uniform(-1.0, 1.0, (2 * n_rows, 100))
    return X, np.exp(np.mean(np.sin(np.pi * X / 2) ** 2, axis=1))


def halves(X, y):
    """Training and test rows."""
    n_rows = len(X) // 2
    return X[:n_rows], y[:n_rows], X[n_rows:], y[n_rows:]


def rmse(model, X, y):
    return float(np.sqrt(np.mean((model.predict(X) - y) ** 2)))


def law(seeds):
    for seed in range(seeds):
        X, y, *test = halves(*bench_vs_pykan.data(seed, 3000))
        model, errors = KANRegressor((1,), grid_size=(3, 5), smoothing=0.0, random_state=seed).fit(X, y), []
        for grid_size in FINE:
            model = model.refine(grid_size, X, y)
            errors.append(rmse(model, *test))
        slope = np.polyfit(np.log(FINE), np.log(errors), 1)[0]
        print(f"law, seed {seed}: {' '.join(f'{error:.1e}' for error in errors)}, slope {slope:.2f}", flush=True)


def best(seeds):
    schedules = (3, 5, 10, 20), (3, 5, 10, 20, 50)
    errors = np.array([[bench_vs_pykan.ours(seed, grids)[1] for grids in schedules] for seed in range(seeds)])
    for name, each in (("to 20", errors[:, 0]), ("to 50", errors[:, 1]), ("the better", errors.min(axis=1))):
        print(f"best, {name}: median {np.median(each):.1e}, worst {max(each):.1e} of {seeds}", flush=True)


def many(seeds):
    for schedule in SCHEDULES:
        errors, seconds = [], []
        for seed in range(seeds):
            X, y, *test = halves(*average(seed))
            start = time.perf_counter()
            model = KANRegressor((1,), grid_size=schedule, random_state=seed).fit(X, y)
            seconds.append(time.perf_counter() - start)
            errors.append(rmse(model, *test))
        print(
            f"many, grids {schedule}: median {np.median(errors):.1e}, worst {max(errors):.1e} of {seeds}; "
            f"{min(seconds):.1f} to {max(seconds):.1f} s",
            flush=True,
        )


def cost():
    sizes, n_rows = (5, 10, 20, 40, 80), 8600
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (n_rows, 8))
    y = np.sin(3.0 * X[:, :1]) + X[:, 1:2] * X[:, 2:3]
    model = KANRegressor((8,), grid_size=5, n_init=1, max_iter=2, solver="lm", random_state=0).fit(X[:500], y[:500, 0])

    def gradient(grid_size):
        network = model.refine(grid_size).network_
        weight = np.ones(n_rows)
        objective = Objective(network, regression_loss("squared_error"), X, y, weight, Strengths())
        return lambda: objective.value_and_gradient(network.theta)

    milliseconds = 1e3 * np.median(interleaved([gradient(size) for size in sizes], runs=60), axis=1)
    more = milliseconds[1:] / milliseconds[:-1]
    print(
        f"cost, G in {sizes}: {' '.join(f'{each:.2f}' for each in milliseconds)} ms, "
        f"{' '.join(f'{each:.2f}' for each in more)} times the one before",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["law", "best", "many", "cost"])
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.filterwarnings("ignore", "grid_size", UserWarning)
    bench_vs_pykan.ours(0, (3, 5))
    for part in arguments.parts:
        if part == "cost":
            cost()
        else:
            {"law": law, "best": best, "many": many}[part](arguments.seeds)


if __name__ == "__main__":
    main()
