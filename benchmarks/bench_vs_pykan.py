"""Time and accuracy beside pykan on exp(sin(pi x) + y^2), shape [2, 5, 1], 1000 training and 1000 test rows.

    python benchmarks/bench_vs_pykan.py [n_seeds]

Prints the test RMSE of each seed (data and start), and, when pykan is installed, its time and error on the data of seed
0 with the ratio of the times to its final error. Kernels are compiled before the clock starts; that time stands apart.
"""

import sys
import tempfile
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_kan import KANRegressor

GRIDS = (3, 5, 10, 20)
PYKAN_STEPS = 200


def data(seed, n_rows=1000):
    """Training and test rows, one after the other, as many of either."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (2 * n_rows, 2))
    return X, np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)


def ours(seed, grids=GRIDS):
    """Seconds and test RMSE of one fit with default parameters."""
    X, y = data(seed)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KANRegressor((5,), grid_size=grids, random_state=seed).fit(X[:1000], y[:1000])
    seconds = time.perf_counter() - start
    return seconds, float(np.sqrt(np.mean((model.predict(X[1000:]) - y[1000:]) ** 2)))


def pykan(seed):
    """Seconds and test RMSE of pykan after each grid, L-BFGS."""
    import torch
    from kan import KAN

    torch.set_default_dtype(torch.float64)
    X, y = (torch.from_numpy(part) for part in data(seed))
    dataset = {
        "train_input": X[:1000],
        "train_label": y[:1000, None],
        "test_input": X[1000:],
        "test_label": y[1000:, None],
    }
    start, found = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:
        for grid in GRIDS:
            if not found:
                model = KAN(width=[2, 5, 1], grid=grid, k=3, seed=seed, ckpt_path=folder, auto_save=False)
            else:
                model = model.refine(grid)
            results = model.fit(dataset, opt="LBFGS", steps=PYKAN_STEPS)
            found.append((grid, time.perf_counter() - start, float(results["test_loss"][-1])))
    return found


def main():
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    start = time.perf_counter()
    ours(0, grids=(3, 5))
    print(f"first fit, kernels loaded or compiled: {time.perf_counter() - start:.1f} s")
    seconds, errors = np.array([ours(seed) for seed in range(n_seeds)]).T
    for seed in range(n_seeds):
        print(f"seed {seed}: {seconds[seed]:5.1f} s  test RMSE {errors[seed]:.1e}")
    print(
        f"sklearn_kan: median {np.median(seconds):.1f} s, test RMSE {np.median(errors):.1e}, worst {errors.max():.1e}"
    )
    try:
        found = pykan(0)
    except ImportError:
        print("pykan is not installed: pip install pykan==0.2.8 torch")
        return
    for grid, total, error in found:
        print(f"pykan, grid {grid}: {total:6.1f} s  test RMSE {error:.1e}")
    _, total, error = found[-1]
    for n_grids in range(1, len(GRIDS) + 1):
        runs = np.array([ours(0, GRIDS[:n_grids]) for _ in range(3)])
        if runs[0, 1] <= error:
            median = np.median(runs[:, 0])
            print(f"to pykan's final error, grids {GRIDS[:n_grids]}: {median:.2f} s, ratio {total / median:.0f}")
            return


if __name__ == "__main__":
    main()
