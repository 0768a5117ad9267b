"""
The sparsest model within one standard error
============================================

On a real table the question is how small a network can be before it loses accuracy. ``GridSearchCV`` tries strengths
of the sparsity penalty and pruning thresholds; a ``refit`` callable picks the model with the fewest edges among those
whose score is within one standard error of the best (Breiman's rule). The model is drawn, and its functions can be
read.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, train_test_split

from sklearn_kan import KANRegressor

warnings.simplefilter("ignore", ConvergenceWarning)

# %%
# The search
# ----------
# Two numbers are recorded in each fold: R^2, and minus the number of edges.

X, y = load_diabetes(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)


def scores(model, X, y):
    """R^2 and minus the number of edges."""
    n_edges = sum(int((edges > 0).sum()) for edges in model.edge_scores())
    return {"r2": r2_score(y, model.predict(X)), "sparsity": -n_edges}


def sparsest_within_one_standard_error(results):
    """Index of the setting with the fewest edges whose mean score is within one standard error of the best."""
    mean, spread = results["mean_test_r2"], results["std_test_r2"]
    n_folds = sum(key.startswith("split") and key.endswith("_test_r2") for key in results)
    best = mean.argmax()
    enough = mean >= mean[best] - spread[best] / np.sqrt(n_folds)
    return int(np.where(enough, results["mean_test_sparsity"], -np.inf).argmax())


search = GridSearchCV(
    KANRegressor((3,), smoothing=0.1, n_init=1, max_iter=30, random_state=0),
    {"reg_lambda": [0.0, 0.01, 0.03, 0.1], "prune_threshold": [0.01, 0.05]},
    scoring=scores,
    refit=sparsest_within_one_standard_error,
    cv=3,
)
search.fit(X_train, y_train)

# %%
# What is left
# ------------

for mean, sparsity, parameters in zip(
    search.cv_results_["mean_test_r2"],
    search.cv_results_["mean_test_sparsity"],
    search.cv_results_["params"],
    strict=True,
):
    print(f"R^2 {mean:.3f}  {-sparsity:5.1f} edges  {parameters}")
model = search.best_estimator_
print("chosen", search.best_params_, "test R^2", round(model.score(X_test, y_test), 3), "layers", model.layer_sizes_)
kept = model.feature_importances_ > 0
print("columns that are left:", ", ".join(X.columns[kept]))

model.plot(max_edges=30)
plt.show()
