"""Benchmarks of the package; ``python -m benchmarks`` runs them, each in a process of its own."""
