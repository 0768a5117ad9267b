"""
From a table to a formula
=========================

A network that is larger than it needs to be is trained with a penalty that makes it sparse, pruned to its smallest
shape, looked at, and turned into a formula (Liu et al. 2024, arXiv:2404.19756, figure 2.4).
"""

# %%
# The data
# --------
# exp(sin(pi a) + b^2), and two columns u and v that have nothing to do with it.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_kan import KANRegressor

rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, (2000, 4))
y = np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)
X_train, X_test, y_train, y_test = X[:1000], X[1000:], y[:1000], y[1000:]
names = ["a", "b", "u", "v"]

# %%
# Train
# -----
# Five hidden nodes are more than the formula needs. Without a penalty all edges take part.

full = KANRegressor((5,), random_state=0).fit(X_train, y_train)
full.plot(feature_names=names)

# %%
# Train sparse, prune, train on
# -----------------------------
# `reg_lambda` weighs the L1 norm and the entropy of the edges; with `prune_threshold` above zero `fit` removes what the
# penalty made small and trains the rest on, without the penalty. One hidden node and two columns are left.

sparse = KANRegressor((5,), reg_lambda=1e-2, prune_threshold=1e-2, random_state=0).fit(X_train, y_train)
print("layers", sparse.layer_sizes_, "importances", sparse.feature_importances_.round(3))
sparse.plot(feature_names=names)

# %%
# Look at one function
# --------------------
# The edge from a looks like a sine, and the table of the library's best functions says so.

sparse.plot_edge(0, 0, 0, X=X_train)
for row in sparse.suggest_symbolic(0, 0, 0, top=3, X=X_train):
    print(f"{row['name']:8} R^2 {row['r2']:.6f}  complexity {row['complexity']}")

# %%
# Read the formula
# ----------------
# `auto_symbolic` replaces one edge after the other by a named function, refits everything after each, and keeps a
# function only if the whole model stays as good.

symbolic = sparse.auto_symbolic(X_train, y_train)
print(symbolic.symbolic_formula(names))
print(symbolic.fidelity(X_test, y_test))
symbolic.plot(feature_names=names)

plt.show()
