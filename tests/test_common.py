"""scikit-learn's own checks, for both estimators and all solvers, with nothing exempt."""

import os

os.environ.setdefault("SCIPY_ARRAY_API", "1")

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_kan import KANClassifier, KANRegressor


@parametrize_with_checks(
    [Estimator() for Estimator in (KANRegressor, KANClassifier)]
    + [
        Estimator((4,), solver=solver)
        for Estimator in (KANRegressor, KANClassifier)
        for solver in ("lm", "lbfgs", "adam")
    ]
)
def test_scikit_learn_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(estimator)
