"""Kolmogorov-Arnold Networks as scikit-learn estimators."""

from ._estimators import KANClassifier, KANRegressor
from ._version import __version__

__all__ = ["KANClassifier", "KANRegressor", "__version__"]
