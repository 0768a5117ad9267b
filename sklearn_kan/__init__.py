"""Kolmogorov-Arnold Networks as scikit-learn estimators."""

from ._estimators import KANClassifier, KANRegressor

__version__ = "0.1.0"
__all__ = ["KANClassifier", "KANRegressor"]
