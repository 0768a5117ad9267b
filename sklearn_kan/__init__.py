"""Kolmogorov-Arnold Networks as scikit-learn estimators."""

from ._estimators import KANClassifier, KANRegressor
from ._version import __version__

# The public path of the classes is the one that pickles name.
KANClassifier.__module__ = KANRegressor.__module__ = __name__

__all__ = ["KANClassifier", "KANRegressor", "__version__"]
