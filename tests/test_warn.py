"""Warnings point at the line that called the package."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_kan import KANClassifier, KANRegressor

X = np.random.default_rng(0).uniform(-1.0, 1.0, (60, 2))
Y = np.sin(3.0 * X[:, 0]) + X[:, 1]
TEXT = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0.0, "p", "q")})
OPTIONS = {"hidden_layer_sizes": (2,), "max_iter": 4, "random_state": 0}
FITTED = KANRegressor(**OPTIONS).partial_fit(X, Y)


def too_short():
    KANRegressor(**OPTIONS).fit(X, Y)


def labels_too_short():
    KANClassifier(**OPTIONS, tol=1e-12).fit(X, Y > 0.0)


def too_fine():
    KANRegressor(**OPTIONS, grid_size=40, degree=1).fit(X, Y)


def other_units():
    FITTED.refine(20, X, 1e9 * Y)


def far_outside():
    KANRegressor(**OPTIONS).partial_fit(X, Y).partial_fit(1e3 * X, Y)


def new_category():
    KANRegressor(**OPTIONS).partial_fit(TEXT, Y).partial_fit(TEXT.replace("p", "new"), Y)


def in_a_search():
    pipeline = make_pipeline(StandardScaler(), KANRegressor(**OPTIONS))
    GridSearchCV(pipeline, {"kanregressor__degree": [3]}, cv=2).fit(X, Y)


def numbers_as_objects():
    KANRegressor(**OPTIONS).fit(pd.DataFrame({"a": X[:, 0], "b": X[:, 1].astype(object)}), Y)


def diverged():
    KANRegressor(**OPTIONS, solver="adam", learning_rate_init=1e100).fit(X, Y)


def pruned():
    KANRegressor(**OPTIONS, prune_threshold=1e9).fit(X, Y)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (too_short, "did not converge"),
        (labels_too_short, "did not converge"),
        (in_a_search, "did not converge"),
        (too_fine, "was cut to"),
        (other_units, "other units"),
        (far_outside, "far outside of the range"),
        (new_category, "categories in columns"),
        (numbers_as_objects, "has numbers in column"),
        (diverged, "diverged in"),
        (pruned, "prune_threshold"),
    ],
)
def test_warnings_point_at_the_callers_line(call, match):
    with pytest.warns(Warning, match=match) as found:
        call()
    assert {warning.filename for warning in found} == {__file__}


def test_a_grid_that_is_cut_is_told_once():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(100, 40))
    y = np.sin(2.0 * wide[:, 0]) + wide[:, 1] * wide[:, 2]
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        KANRegressor(grid_size=80, max_iter=5, random_state=0).fit(wide, y)
    assert sum("was cut to" in str(warning.message) for warning in found) == 1
