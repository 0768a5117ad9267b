"""Warnings that point at the user's line, whatever it called."""

import os
import sys
import warnings

from sklearn import base

# Files that are passed by: this package, and scikit-learn's wrapper around `fit`.
_PASSED = (os.path.dirname(__file__) + os.sep, base.__file__)


def warn(message, category=UserWarning):
    """Warn at the line that called the package."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PASSED):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
