"""Fresh processes: import, unpickle and predict one row beside MLPRegressor; first fit beside a second one.

    python -m benchmarks.bench_cold_start

With a warm cache of kernels, and with none at all. Processes take turns.
"""

import os
import pickle
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from sklearn_kan import KANRegressor

from ._timing import compare, scaled, seconds

PREDICT = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).predict([[0.5] * 20]))"
FIT = """
import time, warnings
import numpy as np
from sklearn_kan import KANRegressor
warnings.simplefilter("ignore")
X = np.random.RandomState(0).uniform(-1.0, 1.0, (500, 2))
times = []
for _ in range(2):
    start = time.perf_counter()
    KANRegressor((5,), random_state=0).fit(X, np.sin(3.0 * X[:, 0]) + X[:, 1])
    times.append(time.perf_counter() - start)
print(*times)
"""


def run(code, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def main():
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (1000, 20))
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for model in (KANRegressor((10,), max_iter=3), MLPRegressor(hidden_layer_sizes=(100,), max_iter=3)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(X, X[:, 0])
            paths.append(str(Path(folder) / type(model).__name__))
            Path(paths[-1]).write_bytes(pickle.dumps(model))
        name = "import, unpickle, predict a row, beside MLP"
        compare(name, lambda: run(PREDICT, paths[0]), lambda: run(PREDICT, paths[1]), runs=9, limit=1.5)
        name = "import, beside sklearn.neural_network"
        compare(
            name, lambda: run("import sklearn_kan"), lambda: run("import sklearn.neural_network"), runs=9, limit=1.5
        )
        first, second = np.median([np.array(run(FIT).split(), dtype=float) for _ in range(3)], axis=0)
        print(f"first fit in a process {scaled(first)}, second {scaled(second)} (limit: 2 s more)", flush=True)
        cache = str(Path(folder) / "cache")
        start = time.perf_counter()
        second = float(run(FIT, NUMBA_CACHE_DIR=cache).split()[1])
        total = time.perf_counter() - start - second
        print(f"import and a first fit without any cache {scaled(total)} (limit 20 s)", flush=True)
        total = seconds(lambda: run(PREDICT, paths[0], NUMBA_CACHE_DIR=str(Path(folder) / "other")))
        print(f"import, unpickle, predict a row without any cache {scaled(total)}", flush=True)


if __name__ == "__main__":
    main()
