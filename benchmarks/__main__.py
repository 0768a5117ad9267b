"""Run benchmarks one after another.

    python -m benchmarks [name ...]

Without names: those of speed, which take some minutes. The others train for much longer and are named:
``bench_vs_pykan``, ``bench_scaling``, ``bench_paper_cases`` (needs a file of cases), ``bench_symbolic``,
``bench_noise`` and ``bench_tables`` (real tables).
Each is a module of its own, with options: ``python -m benchmarks.bench_symbolic --help``. Set NUMBA_NUM_THREADS for
another number of threads.
"""

import subprocess
import sys

QUICK = ("bench_layer", "bench_solvers", "bench_predict", "bench_scale", "bench_cold_start")


def main():
    failed = []
    for name in sys.argv[1:] or QUICK:
        print(f"--- {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
