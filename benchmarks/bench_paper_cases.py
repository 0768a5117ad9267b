"""Test RMSE on the formulas of the KAN paper (arXiv:2404.19756, tables 1 and 2), beside the paper's KANs and MLPs.

    python benchmarks/bench_paper_cases.py cases.json [--seeds 5] [--hidden search] [--grid-size 3 5 10 20 40]

A case is a name, an expression in x0, x1, ... with NumPy's names and `special`, the ranges of its variables, the shape
of the network in the paper, and the paper's figures or null. Rows, 1000 to train on and 1000 to test on, are uniform
in the ranges. Every estimator has its default parameters but for shape and grid schedule. The schedule is the same in
all cases; the shape is the one that GridSearchCV finds, with all grids but the last and a fifth of the training rows
held out, among the paper's and some that are the same in all cases. ``--hidden 5 2`` takes these nodes everywhere,
``--hidden given`` the paper's. Seconds are those of the whole search, on two processes, and of the fit. Kernels are
compiled before the clock starts.
"""

import argparse
import ast
import json
import operator
import time
import warnings

import numpy as np
from scipy import special
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from sklearn_kan import KANRegressor

SHAPES = [(5,), (8,), (5, 2), (2, 2, 2)]
GRIDS = (3, 5, 10, 20, 40)
N_ROWS = 1000
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_CONSTANTS = {"pi": np.pi, "e": np.e}
_FUNCTIONS = {"real": np.real, "imag": np.imag}


def _function(node):
    """The NumPy or SciPy function that a call names."""
    if isinstance(node, ast.Name):
        function = _FUNCTIONS.get(node.id, getattr(np, node.id, None))
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "special":
        function = getattr(special, node.attr, None)
    else:
        function = None
    if not (isinstance(function, np.ufunc) or function in _FUNCTIONS.values()):
        raise ValueError(f"unknown function {ast.unparse(node)}")
    return function


def _evaluate(node, variables):
    match node:
        case ast.Constant(value=int() | float()):
            return node.value
        case ast.Name(id=name) if name in variables:
            return variables[name]
        case ast.BinOp(op=op) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(node.left, variables), _evaluate(node.right, variables))
        case ast.UnaryOp(op=op) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(node.operand, variables))
        case ast.Call(keywords=[]):
            return _function(node.func)(*(_evaluate(argument, variables) for argument in node.args))
    raise ValueError(f"not allowed in an expression: {ast.unparse(node)}")


def evaluate(expression, X):
    """Values of an expression in x0, x1, ..., the columns of X; nothing but arithmetic and known functions is run."""
    variables = _CONSTANTS | {f"x{i}": X[:, i] for i in range(X.shape[1])}
    return np.asarray(_evaluate(ast.parse(expression, mode="eval").body, variables), dtype=np.float64)


def rows(case, seed):
    """Training and test rows of a case."""
    low, high = np.array(case["ranges"], dtype=np.float64).T
    X = np.random.default_rng(seed).uniform(low, high, (2 * N_ROWS, len(low)))
    y = evaluate(case["expression"], X)
    return X[:N_ROWS], y[:N_ROWS], X[N_ROWS:], y[N_ROWS:]


def run(case, seed, shapes, grids):
    """Shape, test RMSE and seconds of one fit, of the best shape if there are several."""
    X, y, X_test, y_test = rows(case, seed)
    model = KANRegressor(shapes[0], grid_size=grids, random_state=seed)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "grid_size", UserWarning)
        if len(shapes) > 1:
            model.set_params(hidden_layer_sizes=best_shape(X, y, seed, shapes, grids[:-1] or grids))
        model.fit(X, y)
    seconds = time.perf_counter() - start
    return model.hidden_layer_sizes, float(np.sqrt(np.mean((model.predict(X_test) - y_test) ** 2))), seconds


def best_shape(X, y, seed, shapes, grids):
    """The hidden layers with the smallest error on a fifth of the rows."""
    search = GridSearchCV(
        KANRegressor(grid_size=grids, random_state=seed),
        {"hidden_layer_sizes": shapes},
        scoring="neg_root_mean_squared_error",
        cv=ShuffleSplit(1, test_size=0.2, random_state=seed),
        n_jobs=2,
        refit=False,
    )
    return search.fit(X, y).best_params_["hidden_layer_sizes"]


def shapes_of(case, hidden):
    """The hidden layers that are tried."""
    given = tuple(case["shape"][1:-1])
    if hidden == ["search"]:
        return [given, *(shape for shape in SHAPES if shape != given)]
    return [given if hidden == ["given"] else tuple(int(size) for size in hidden)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--hidden", nargs="+", default=["search"])
    parser.add_argument("--grid-size", type=int, nargs="+", default=GRIDS)
    parser.add_argument("--only", nargs="+")
    arguments = parser.parse_args()
    with open(arguments.path) as file:
        cases = json.load(file)["cases"]
    cases = [case for case in cases if not arguments.only or case["name"] in arguments.only]
    grids = tuple(arguments.grid_size)
    run(cases[0], 0, [(1,), (2,)], (3, 5))
    print(f"{'case':24} {'hidden layers':16} paper KAN paper MLP    median     worst      s   KAN/ours")
    ratios = []
    for case in cases:
        shapes = shapes_of(case, arguments.hidden)
        found, errors, seconds = zip(*(run(case, seed, shapes, grids) for seed in range(arguments.seeds)), strict=True)
        median = np.median(errors)
        paper, mlp = (np.nan if case[name] is None else case[name] for name in ("paper_kan_rmse", "paper_mlp_rmse"))
        ratios.append(paper / median)
        hidden = max(found, key=found.count)
        print(
            f"{case['name']:24} {hidden!s:16} {paper:9.1e} {mlp:9.1e} {median:9.1e} {max(errors):9.1e} "
            f"{np.median(seconds):6.1f} {ratios[-1]:10.1f}",
            flush=True,
        )
    ratios = np.array(ratios)[np.isfinite(ratios)]
    if len(ratios):
        print(f"below the paper's KAN: {np.sum(ratios > 1)} of {len(ratios)}; median factor {np.median(ratios):.1f}")


if __name__ == "__main__":
    main()
