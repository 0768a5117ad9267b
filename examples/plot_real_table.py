"""
A real table with the defaults
==============================

Progression of diabetes in 442 patients from ten measurements, in their own units. ``KANRegressor`` takes the table as
it is: no scaling, no encoding of categories, no filling of holes, no tuning. It is compared with boosted trees on the
same folds, says how far off its predictions may be, and shows what it has learnt.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold, cross_validate, train_test_split

from sklearn_kan import KANRegressor

# %%
# The table
# ---------
# Sex is a category here, and every twentieth measurement of ``s5`` is missing.

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X["sex"] = X["sex"].map({1.0: "one", 2.0: "other"}).astype("category")
X.loc[::20, "s5"] = np.nan
print(X.head())

# %%
# Beside boosted trees
# --------------------

folds = KFold(5, shuffle=True, random_state=0)
for model in (KANRegressor(random_state=0), HistGradientBoostingRegressor(random_state=0)):
    scores = cross_validate(model, X, y, cv=folds, scoring="neg_root_mean_squared_error")
    errors = -scores["test_score"]
    print(f"{type(model).__name__:30} RMSE {errors.mean():.1f} +- {errors.std():.1f}")

# %%
# How sure is it?
# ---------------
# ``return_std=True`` adds the standard deviation of a new observation, noise included. About nine tenths of the test
# rows should lie within 1.645 of them.

X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
model = KANRegressor(random_state=0).fit(X_train, y_train)
mean, deviation = model.predict(X_test, return_std=True)
half = 1.645 * deviation
inside = np.abs(y_test - mean) < half
print(f"{model.edof_:.1f} effective degrees of freedom of {model.n_parameters_} parameters")
print(f"{100 * inside.mean():.0f} % of {len(y_test)} test rows within their 90 % intervals")

order = np.argsort(mean)
place = np.arange(len(mean))
fig, ax = plt.subplots(figsize=(8, 4))
ax.fill_between(place, (mean - half)[order], (mean + half)[order], alpha=0.3, label="90 % interval")
ax.plot(place, mean[order], label="prediction")
ax.plot(place, y_test.to_numpy()[order], "k.", label="observed")
ax.set_xlabel("test rows, by their prediction")
ax.set_ylabel("progression of the disease")
ax.legend()

# %%
# What it has learnt
# ------------------
# Shares of the columns in what is predicted, and the network: a curve on every edge, bars for the categories.

for name, share in sorted(zip(X.columns, model.feature_importances_, strict=True), key=lambda pair: -pair[1]):
    print(f"{name:4} {share:.2f}")

model.plot(max_edges=40)
plt.show()
