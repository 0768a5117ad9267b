"""
A first fit: pipeline, grid search, pickle
==========================================

A Kolmogorov-Arnold network is tuned on a real table like any other scikit-learn estimator: inside a ``Pipeline``, by
``GridSearchCV`` over its grid size, its sparsity and its pruning threshold. The best model is scored on rows it has
not seen, pickled, and loaded in a fresh process, where it predicts the same numbers.

Needs nothing but the run-time dependencies of sklearn_kan.
"""

import pickle
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_kan import KANRegressor

# %%
# The table: 442 patients, 10 measurements, progression of the disease one year later.
X, y = load_diabetes(return_X_y=True, as_frame=False)
names = load_diabetes().feature_names
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)

# %%
# The search. A KAN needs no scaled inputs; the scaler shows that it lives in a pipeline. The table is noisy, so the
# functions are asked to be smoother than by default.
search = GridSearchCV(
    make_pipeline(StandardScaler(), KANRegressor((2,), solver="lbfgs", n_init=1, smoothing=0.1, random_state=0)),
    {
        "kanregressor__grid_size": [3, 5],
        "kanregressor__reg_lambda": [1e-3, 1e-2],
        "kanregressor__prune_threshold": [0.0, 0.03],
    },
    cv=5,
    verbose=3,
)
start = time.perf_counter()
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # a search may compare models that are cut short
    search.fit(X_train, y_train)
best = search.best_estimator_
kan = best[-1]

print(f"\nsearched {len(search.cv_results_['params'])} settings in {time.perf_counter() - start:.1f} s")
print(f"best: {search.best_params_}")
print(f"network {kan.layer_sizes_}, {kan.n_parameters_} parameters")
print(f"R^2 in cross-validation {search.best_score_:.3f}, on held-out rows {best.score(X_test, y_test):.3f}")
for name, importance in sorted(zip(names, kan.feature_importances_, strict=True), key=lambda pair: -pair[1]):
    print(f"  {name:4s} {importance:.2f}" + ("  (pruned)" if importance == 0 else ""))

# %%
# A pickle, read by a fresh process.
with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    (folder / "model.pkl").write_bytes(pickle.dumps(best))
    np.save(folder / "X.npy", X_test)
    code = (
        "import pickle, sys, numpy as np\n"
        "folder = sys.argv[1]\n"
        "model = pickle.load(open(folder + '/model.pkl', 'rb'))\n"
        "np.save(folder + '/y.npy', model.predict(np.load(folder + '/X.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)
    same = np.array_equal(np.load(folder / "y.npy"), best.predict(X_test))
    print(
        f"\npickle of {(folder / 'model.pkl').stat().st_size / 1e3:.1f} kB; same predictions in a fresh process: {same}"
    )
if not same:
    sys.exit("The predictions changed.")
