"""Kolmogorov-Arnold Networks as scikit-learn estimators."""

from ._estimators import KANClassifier, KANRegressor
from ._plotting import EdgeDisplay, KANDisplay
from ._version import __version__

# The public path of the classes is the one that pickles name.
EdgeDisplay.__module__ = KANClassifier.__module__ = KANDisplay.__module__ = KANRegressor.__module__ = __name__

__all__ = ["EdgeDisplay", "KANClassifier", "KANDisplay", "KANRegressor", "__version__"]
