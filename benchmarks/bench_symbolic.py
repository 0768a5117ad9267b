"""Formula recovery: how often the pipeline finds the formula that made the rows.

    python benchmarks/bench_symbolic.py [--seeds 10] [--jobs 2] [--only "x y"]

One pipeline at one setting for all, hidden_layer_sizes alone is given: fit sparse, prune, `auto_symbolic`. A formula is
recovered if it differs from the truth by less than 1e-6 of its standard deviation on 10,000 fresh points, and on 10,000
points of a range 1.5 times as wide where both are defined, with at most 3 times the truth's operations. Each case is
run as it is and with 4 irrelevant inputs. A failure is recognised if the pipeline's own report says so: splines are
left, or the formula explains less than 1 - 1e-12 of the variance of rows held out. pykan's `auto_symbolic` runs beside
it when pykan is installed.

    python benchmarks/bench_symbolic.py --labels

Labels by where x0 + x1^2 + 0.3 noise lies, 300 normal rows: the log loss of formula and model on fresh rows.
"""

import argparse
import contextlib
import importlib.util
import io
import tempfile
import time
import warnings

import numpy as np
import sympy
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sklearn_kan import KANClassifier, KANRegressor

N_ROWS, N_FRESH, N_IRRELEVANT = 1000, 10_000, 4
EXACT = 1e-12
x0, x1, x2 = SYMBOLS = sympy.symbols("x0 x1 x2")
CASES = {
    "exp(sin(pi x) + y^2)": (sympy.exp(sympy.sin(sympy.pi * x0) + x1**2), (1,), (-1, 1)),
    "x y": (x0 * x1, (2,), (-1, 1)),
    "(x + y) / (1 + x y)": ((x0 + x1) / (1 + x0 * x1), (1,), (-1, 1)),
    "sqrt((x - a)^2 + (y - b)^2)": (sympy.sqrt((x0 - 0.3) ** 2 + (x1 + 0.5) ** 2), (1,), (-1, 1)),
    "exp(-x^2 / 2) / sqrt(2 pi)": (sympy.exp(-(x0**2) / 2) / sympy.sqrt(2 * sympy.pi), (), (-1, 1)),
    "x0 sin(x1) + x2^2": (x0 * sympy.sin(x1) + x2**2, (3,), (-1, 1)),
    "log(1 + x^2) + cos(3 y)": (sympy.log(1 + x0**2) + sympy.cos(3 * x1), (2,), (-1, 1)),
    "x0 / (x1 + x2)": (x0 / (x1 + x2), (2, 1), (0.5, 2)),
}


# Of labels: where one class ends and the next one begins.
CUTS = {"two classes": [0.7], "three classes": [0.2, 1.2]}


def n_inputs(truth):
    return len(truth.free_symbols)


def values(expression, X):
    """Values of an expression in x0, x1, ... at the rows of X; NaN where it is not real."""
    symbols = sympy.symbols([f"x{i}" for i in range(X.shape[1])])
    with np.errstate(all="ignore"):
        found = np.asarray(sympy.lambdify(symbols, expression, "numpy")(*X.T), dtype=complex)
    return np.where(np.abs(found.imag) > 0.0, np.nan, found.real) * np.ones(len(X))


def discover(X, y, hidden, seed):
    """The pipeline: a symbolic model, and its report on rows held out."""
    X_fit, X_held, y_fit, y_held = train_test_split(X, y, test_size=0.1, random_state=seed)
    sparse = KANRegressor(hidden, reg_lambda=1e-3, prune_threshold=1e-2, random_state=seed).fit(X_fit, y_fit)
    symbolic = sparse.auto_symbolic(X_fit, y_fit)
    return symbolic, symbolic.fidelity(X_held, y_held)


def is_exact(report):
    return report["n_splines"] == 0 and report["formula_vs_data"] > 1.0 - EXACT


def is_recovered(formula, truth, n_columns, low, high, seed):
    """Whether a formula is the truth, on the range of the rows and on a wider one, and not much longer."""
    rng = np.random.default_rng(1000 + seed)
    center, half = 0.5 * (low + high), 0.5 * (high - low)
    for width in (half, 1.5 * half):
        X = rng.uniform(center - width, center + width, (N_FRESH, n_columns))
        expected, found = values(truth, X), values(formula, X)
        defined = np.isfinite(expected) & np.isfinite(found)
        inside = width == half
        if (inside and not defined.all()) or np.abs(found - expected)[defined].max() > 1e-6 * np.nanstd(expected):
            return False
    return formula.count_ops() <= 3 * truth.count_ops()


def run(name, n_extra, seed):
    """One fit: recovered, recognised as exact, seconds of CPU, report, formula."""
    truth, hidden, (low, high) = CASES[name]
    n_columns = n_inputs(truth) + n_extra
    X = np.random.default_rng(seed).uniform(low, high, (N_ROWS, n_columns))
    y = values(truth, X)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model, report = discover(X, y, hidden, seed)
    formula = model.symbolic_formula()
    seconds = time.process_time() - start
    recovered = report["n_splines"] == 0 and is_recovered(formula, truth, n_columns, low, high, seed)
    return recovered, is_exact(report), seconds, report, formula


def run_pykan(name, n_extra, seed):
    """The same by pykan: fit sparse, prune, fit, `auto_symbolic`, fit; whether recovered, and seconds."""
    import torch
    from kan import KAN

    truth, hidden, (low, high) = CASES[name]
    n_columns = n_inputs(truth) + n_extra
    X = np.random.default_rng(seed).uniform(low, high, (N_ROWS, n_columns))
    torch.set_default_dtype(torch.float64)
    columns, target = torch.from_numpy(X), torch.from_numpy(values(truth, X)[:, None])
    data = {"train_input": columns, "train_label": target, "test_input": columns, "test_label": target}
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        model = KAN(width=[n_columns, *hidden, 1], grid=5, k=3, seed=seed, ckpt_path=folder, auto_save=False)
        model.fit(data, opt="LBFGS", steps=50, lamb=1e-3)
        model = model.prune()
        model.fit(data, opt="LBFGS", steps=50)
        model.auto_symbolic()
        model.fit(data, opt="LBFGS", steps=50)
        formula = model.symbolic_formula(var=list(sympy.symbols([f"x{i}" for i in range(n_columns)])))[0][0]
    return is_recovered(formula, truth, n_columns, low, high, seed), time.process_time() - start


def labels(n_rows, cuts, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 2))
    return X, np.digitize(X[:, 0] + X[:, 1] ** 2 + 0.3 * rng.normal(size=n_rows), cuts)


def run_labels(cuts, seed):
    """Log loss on fresh rows, of the model and of its formula, and whether the formula has both columns."""
    (X, y), (X_new, y_new) = labels(300, cuts, seed), labels(N_FRESH, cuts, 1000 + seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KANClassifier((), random_state=seed).fit(X, y)
        named = model.auto_symbolic(X, y)
    losses = [log_loss(y_new, one.predict_proba(X_new)) for one in (model, named)]
    return *losses, bool((named.feature_importances_ > 0.0).all())


def show_labels(n_seeds, n_jobs):
    for name, cuts in CUTS.items():
        found = Parallel(n_jobs)(delayed(run_labels)(cuts, seed) for seed in range(n_seeds))
        (model, formula), both = np.transpose([one[:2] for one in found]), sum(one[2] for one in found)
        print(
            f"{name}: log loss of the model {np.median(model):.3f}, of the formula {np.median(formula):.3f}, "
            f"{np.max(formula / model):.2f} times as large at worst; both columns in {both} of {len(found)}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--irrelevant", type=int, nargs="+", default=(0, N_IRRELEVANT))
    parser.add_argument("--labels", action="store_true")
    arguments = parser.parse_args()
    if arguments.labels:
        show_labels(arguments.seeds, arguments.jobs)
        return
    total = []
    for name in arguments.only or CASES:
        for n_extra in arguments.irrelevant:
            jobs = (delayed(run)(name, n_extra, seed) for seed in range(arguments.seeds))
            found = Parallel(arguments.jobs)(jobs)
            recovered = np.array([one[0] for one in found])
            judged = sum(one[1] == one[0] for one in found)
            seconds = np.median([one[2] for one in found])
            total += recovered.tolist()
            print(
                f"{name:28} hidden {CASES[name][1]!s:7} +{n_extra} inputs: recovered {recovered.sum():2} of "
                f"{len(found)}, judged rightly {judged:2}, median {seconds:.0f} s of CPU",
                flush=True,
            )
            for seed, (right, _, _, report, formula) in enumerate(found):
                if not right:
                    print(f"    seed {seed}: {sympy.N(formula, 4)}  {report}", flush=True)
            if importlib.util.find_spec("kan"):
                found = [run_pykan(name, n_extra, seed) for seed in range(arguments.seeds)]
                right, seconds = np.array(found).T
                print(
                    f"    pykan: recovered {right.sum():.0f} of {len(found)}, median {np.median(seconds):.0f} s of CPU"
                )
    print(f"recovered {np.mean(total):.0%} of {len(total)}")


if __name__ == "__main__":
    main()
