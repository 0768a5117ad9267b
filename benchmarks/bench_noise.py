"""Noise that is easily learnt by heart, and codes among numbers: default parameters beside HistGradientBoosting.

    python -m benchmarks.bench_noise [n_seeds]

Prints the test RMSE in units of that of the true mean, median and worst of the seeds, how many test rows 90 % intervals
hold, and seconds of CPU a fit.

- rush hours: counts of a day's hours, normal noise of a fifth of the mean
- amounts: 60 % zeros, else exp(f) of six columns
- tails: a smooth function and noise with Student's t distribution of 2.5 degrees of freedom
- codes: a smooth function of six columns, in each of which a tenth of the values is -999
"""

import sys
import time
import warnings

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning

from sklearn_kan import KANRegressor

N_TEST = 4000
SIZES = (600, 2000)


def rush_hours(rng, n_rows):
    """X, y and the mean of y."""
    A = rng.uniform(-2.0, 2.0, (n_rows, 2))
    hour, day = rng.integers(0, 24, n_rows), rng.integers(0, 7, n_rows)
    rush = (day < 5) & (np.abs(hour - 8) < 2)
    mean = 50.0 * np.exp(1.5 * np.sin(2.0 * np.pi * hour / 24.0) + 1.5 * rush + 0.2 * A[:, 0])
    return np.column_stack([A, hour, day]), mean * np.exp(0.2 * rng.normal(size=n_rows)), mean * np.exp(0.02)


def smooth(X):
    return np.sin(2.0 * X[:, 0]) + X[:, 1] ** 2 - X[:, 2] + 0.5 * X[:, 3] * X[:, 4]


def amounts(rng, n_rows):
    X = rng.uniform(-2.0, 2.0, (n_rows, 6))
    amount = np.exp(smooth(X))
    return X, np.where(rng.random(n_rows) < 0.6, 0.0, amount), 0.4 * amount


def tails(rng, n_rows):
    X = rng.uniform(-2.0, 2.0, (n_rows, 6))
    return X, smooth(X) + rng.standard_t(2.5, n_rows), smooth(X)


def codes(rng, n_rows):
    """The mean is that of rows without codes, whose noise is 0.3."""
    X = rng.uniform(-2.0, 2.0, (n_rows, 6))
    mean = smooth(X)
    y = mean + 0.3 * rng.normal(size=n_rows)
    X[rng.random(X.shape) < 0.1] = -999.0
    return X, y, mean


def rmse(difference):
    return float(np.sqrt(np.mean(difference**2)))


def run(make, n_rows, seed):
    """RMSE of ours and of HistGradientBoosting in units of the noise, coverage and seconds."""
    X, y, mean = make(np.random.default_rng(seed), n_rows + N_TEST)
    fit, test = slice(None, n_rows), slice(n_rows, None)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KANRegressor(random_state=seed).fit(X[fit], y[fit])
    seconds = time.process_time() - start
    found, std = model.predict(X[test], return_std=True)
    other = HistGradientBoostingRegressor(random_state=seed).fit(X[fit], y[fit]).predict(X[test])
    noise = rmse(y[test] - mean[test])
    covered = np.mean(np.abs(y[test] - found) < 1.645 * std)
    return rmse(y[test] - found) / noise, rmse(y[test] - other) / noise, covered, seconds


def main():
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    run(codes, 100, 0)  # kernels are compiled
    for make in (rush_hours, amounts, tails, codes):
        for n_rows in SIZES:
            ours, other, covered, seconds = np.array([run(make, n_rows, seed) for seed in range(n_seeds)]).T
            print(
                f"{make.__name__:10s} {n_rows:5d} rows: RMSE {np.median(ours):.2f}, worst {ours.max():.2f}, HistGB "
                f"{np.median(other):.2f}, worst {other.max():.2f}, covered {np.median(covered):.3f}, "
                f"{np.median(seconds):.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
