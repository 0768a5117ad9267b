"""predict beside MLPRegressor.predict: one row, a few, a million.

python -m benchmarks.bench_predict
"""

import warnings
from functools import partial

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from sklearn_kan import KANRegressor

from ._timing import compare

N_ROWS, N_COLUMNS = 1_000_000, 20


def main():
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (N_ROWS, N_COLUMNS))
    y = np.sin(3.0 * X[:2000, 0]) + X[:2000, 1] * X[:2000, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        kan = KANRegressor((10,), solver="adam", n_init=1, max_iter=2, random_state=0).fit(X[:2000], y)
        mlp = MLPRegressor(hidden_layer_sizes=(100,), max_iter=2, random_state=0).fit(X[:2000], y)
    for n_rows, runs, limit in ((1, 2000, 1.2), (1_000, 200, 1.0), (N_ROWS, 7, 1.0)):
        for dtype in (np.float64, np.float32):
            if n_rows == N_ROWS or dtype is np.float64:
                rows = X[:n_rows].astype(dtype)
                name = f"predict, {n_rows} rows, {dtype.__name__}, beside MLP"
                ours, theirs = (partial(model.predict, rows) for model in (kan, mlp))
                compare(name, ours, theirs, runs=runs, limit=limit)


if __name__ == "__main__":
    main()
