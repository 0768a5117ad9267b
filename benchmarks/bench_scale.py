"""Large tables: time of one epoch of Adam, time a row, memory.

    python -m benchmarks.bench_scale

A pass over 1,000,000 rows of 20 columns, network [20, 10, 1], beside MLPRegressor((100,)) with the same batch size. The
extra memory is how much the largest resident size of a fresh process grows in fit, for every solver that streams.
"""

import resource
import subprocess
import sys
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from sklearn_kan import KANRegressor

from ._timing import compare, scaled, seconds

N_ROWS, N_COLUMNS, BATCH = 1_000_000, 20, 200


def table(n_rows):
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (n_rows, N_COLUMNS))
    return X, np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2]


def kan(solver="adam"):
    return KANRegressor((10,), solver=solver, max_iter=1, n_init=1, batch_size=BATCH, random_state=0)


def peak():
    """Largest resident size of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory(solver):
    X, y = table(N_ROWS)
    kan(solver).fit(X[:1000], y[:1000])
    before = peak()
    kan(solver).fit(X, y)
    print(f"fit, {solver}, {N_ROWS} rows: extra memory {peak() - before:.0f} MB (limit 300)", flush=True)


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)
    if len(sys.argv) > 1:
        memory(sys.argv[1])
        return
    X, y = table(N_ROWS)
    mlp = MLPRegressor(hidden_layer_sizes=(100,), max_iter=1, batch_size=BATCH, random_state=0)
    name = "fit, one epoch of Adam, 1M x 20, beside MLP"
    compare(name, lambda: kan().fit(X, y), lambda: mlp.fit(X, y), runs=3, limit=1.0)
    for n_rows in (10_000, 100_000, N_ROWS):
        some = np.median([seconds(lambda n=n_rows: kan().fit(X[:n], y[:n])) for _ in range(3)])
        print(f"one epoch of Adam, {n_rows:7} rows: {scaled(some)}, {scaled(some / n_rows)} a row", flush=True)
    for solver in ("adam", "lbfgs", "lm"):
        subprocess.run([sys.executable, "-m", "benchmarks.bench_scale", solver], check=True)


if __name__ == "__main__":
    main()
