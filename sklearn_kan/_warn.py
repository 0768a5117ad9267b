"""Warnings that point at the user's line, whatever it called."""

import os
import sys
import warnings

import joblib
import sklearn

# Folders that are passed by: this package, and what may stand between it and the user.
_PASSED = tuple(os.path.dirname(module) + os.sep for module in (__file__, sklearn.__file__, joblib.__file__))


def warn(message, category=UserWarning):
    """Warn at the line that called the package."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PASSED):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
