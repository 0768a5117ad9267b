"""The version, where the packaging and the pickles find it."""

__version__ = "0.1.0"
