"""Write the golden pickle of the present version and its predictions: ``python tests/make_golden.py``.

To be run once a version, before its release, and never again: later versions read what this one wrote. With the lowest
NumPy that is supported (``.ci/lowest.txt``), as NumPy 1.26.0 does not read arrays that NumPy 2 pickled.
"""

import pickle
import warnings
from pathlib import Path

import numpy as np

from sklearn_kan import KANClassifier, KANRegressor, __version__

warnings.simplefilter("ignore")
rng = np.random.RandomState(0)
X = rng.uniform(-2.0, 3.0, (40, 3))
y = np.sin(X[:, 0]) + X[:, 1] ** 2 / 4.0
X_test = rng.uniform(-4.0, 5.0, (20, 3))  # beyond the knots as well
options = {"grid_size": 3, "max_iter": 10, "n_init": 1, "random_state": 0}
models = {
    "pruned": KANRegressor((2,), reg_lambda=1e-2, prune_threshold=2e-2, **options).fit(X, y),
    "outputs": KANRegressor((), loss="poisson", extrapolation="constant", **options).fit(
        X, np.column_stack([y**2, y**4])
    ),
    "labels": KANClassifier((2, 2), degree=2, **options).fit(X, np.where(y > 0.5, "high", "low")),
    "passes": KANClassifier((2,), knots="quantile", base_activation="identity", **options).partial_fit(
        X, np.digitize(y, [0.0, 1.0]), classes=[0, 1, 2]
    ),
}
responses = {
    name: model.predict_proba(X_test) if isinstance(model, KANClassifier) else model.predict(X_test)
    for name, model in models.items()
}
stem = Path(__file__).with_name(f"golden_{__version__.replace('.', '_')}")
stem.with_suffix(".pkl").write_bytes(pickle.dumps(models, protocol=4))
np.savez_compressed(stem.with_suffix(".npz"), X=X_test, **responses)
for suffix in (".pkl", ".npz"):
    print(f"{stem.name}{suffix}: {stem.with_suffix(suffix).stat().st_size / 1e3:.1f} kB")
