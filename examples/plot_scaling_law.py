"""
How fine a grid: the scaling law and the interpolation threshold
================================================================

Without noise the error of cubic splines falls with the fourth power of the grid size G (theory: section 2.3 of
arXiv:2404.19756). With noise and few rows a finer grid at some point only learns the noise. Early stopping ends the
schedule of grids there, and the smoothness penalty makes the grid size matter little.

Needs matplotlib.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import root_mean_squared_error

from sklearn_kan import KANRegressor

# %%
# The function has the form of a [2, 1, 1] network: one function for each of x and y, a sum, one function of the sum.
rng = np.random.default_rng(0)


def exact(X):
    return np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)


def errors(model, X, y):
    """RMSE on the training rows, and on fresh rows without noise."""
    return root_mean_squared_error(y, model.predict(X)), root_mean_squared_error(z_test, model.predict(X_test))


X_test = rng.uniform(-1, 1, (10_000, 2))
z_test = exact(X_test)

# %%
# Many rows, no noise, no smoothing. Each finer grid starts with the functions of the one before. The coarse grids may
# stop at ``max_iter``, since the finer ones train on: their ConvergenceWarning is expected.
X = rng.uniform(-1, 1, (3000, 2))
y = exact(X)
grids = [5, 10, 20, 50, 100]
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    model = KANRegressor((1,), grid_size=(3, 5), smoothing=0, random_state=0).fit(X, y)
    scaling = [errors(model, X, y)]
    for grid_size in grids[1:]:
        model = model.refine(grid_size, X, y)
        scaling.append(errors(model, X, y))
scaling = np.array(scaling)
slope = np.polyfit(np.log(grids), np.log(scaling[:, 1]), 1)[0]

print("3000 rows without noise\n  G   train RMSE   test RMSE")
for grid_size, (train, test) in zip(grids, scaling, strict=True):
    print(f"{grid_size:3d}    {train:.2e}    {test:.2e}")
print(f"fitted slope of the test error: {slope:.2f} (theory: -4)")

# %%
# Few rows, with noise. Without smoothing the training error falls on and on. The test error turns up long before there
# are as many parameters as rows. The finest grid has more, of which a UserWarning tells; here that is the point. With
# the default smoothing the test error stays where it is from G = 8 on.
n_rows, noise = 120, 0.02
X = rng.uniform(-1, 1, (n_rows, 2))
y = exact(X) + noise * rng.standard_normal(n_rows)
schedule = [3, 5, 8, 12, 16, 20, 28, 36, 45]
free = {"smoothing": 0, "alpha": 1e-6}


def course(**parameters):
    """Errors on each grid of the schedule, and the parameters there."""
    model, rows, n_parameters = None, [], []
    for grid_size in schedule:
        if model is None:
            model = KANRegressor((1,), grid_size=grid_size, random_state=0, **parameters).fit(X, y)
        else:
            model = model.refine(grid_size, X, y)
        rows.append(errors(model, X, y))
        n_parameters.append(model.n_parameters_)
    return np.array(rows), np.array(n_parameters)


with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "grid_size=.* parameters for .* training targets", UserWarning)
    overfitted, n_parameters = course(**free)
    smooth, _ = course()

# %%
# Early stopping is given the whole schedule. It holds out rows and keeps the grid before the one where their error
# turned up. With only 30 rows held out this is a rough guide: other values of ``random_state`` hold out other rows and
# end at 3, 5 or 8.
stopped = KANRegressor(
    (1,), grid_size=schedule, early_stopping=True, validation_fraction=0.25, random_state=0, **free
).fit(X, y)
stopped_test = errors(stopped, X, y)[1]

print(f"\n{n_rows} rows with noise of {noise}\n          no smoothing      default smoothing")
print("  G  parameters  train    test    train    test")
for grid_size, n, (train, test), (train_s, test_s) in zip(schedule, n_parameters, overfitted, smooth, strict=True):
    print(f"{grid_size:3d}  {n:6d}     {train:.4f}  {test:.4f}   {train_s:.4f}  {test_s:.4f}")
print("validation scores of the stages:", ", ".join(f"{score:.2e}" for score in stopped.stage_scores_))
print(f"early stopping kept grid_size_ = {stopped.grid_size_}, test RMSE {stopped_test:.4f}")

# %%
# Both in pictures.
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
left.loglog(grids, scaling[:, 1], "o-", color="C3", label="test")
left.loglog(grids, scaling[:, 0], "s--", color="C0", label="train")
left.loglog(grids, scaling[0, 1] * (np.array(grids) / grids[0]) ** -4.0, ":", color="black", label="$G^{-4}$")
left.set_title(f"3000 rows without noise: test error as $G^{{{slope:.2f}}}$")
left.set_xticks(grids, grids)

right.loglog(schedule, overfitted[:, 1], "o-", color="C3", label="test, no smoothing")
right.loglog(schedule, overfitted[:, 0], "s--", color="C0", label="train, no smoothing")
right.loglog(schedule, smooth[:, 1], "^-", color="C2", label="test, default smoothing")
threshold = np.interp(n_rows, n_parameters, schedule)
right.axvline(threshold, color="grey", ls=":", label=f"{n_rows} parameters for {n_rows} rows")
right.plot(stopped.grid_size_, stopped_test, "*", ms=16, color="C1", mec="black", label="test, early stopping")
right.set_title(f"{n_rows} rows with noise of {noise}")
right.set_xticks(schedule, schedule)
ticks = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1]
right.set_yticks(ticks, ticks)

for axes in (left, right):
    axes.minorticks_off()
    axes.set_xlabel("grid size G")
    axes.set_ylabel("RMSE (test: to the exact function)")
    axes.legend()
plt.show()
