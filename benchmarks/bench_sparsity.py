"""Sparsity and pruning: relevant columns, targets of noise, real tables, and a course of fits and prunings.

    python benchmarks/bench_sparsity.py [--data ../shared/data] [--seeds 10] [--only relevant noise tables course]
                                        [--names concrete energy phoneme] [--hidden 16] [--splits 3]

relevant   1000 rows, 20 columns, y = sin(3 x4) + x11^2 + exp(x17) plus noise of 10 % of the signal: how often the three
           columns and only these survive.
noise      the same rows, a target of noise: test R^2.
tables     files <name>.csv, the target last: the sparsest of some settings within one standard error of the best one,
           by 5-fold cross-validation on 75 % of the rows; its edges and its score on the rest, beside the best
           setting's and the unpruned one's; means over some splits.
course     fit, prune, fit on, refine: the largest rise of the loss by a step after the cut, over 20 seeds.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, train_test_split

from sklearn_kan import KANClassifier, KANRegressor

RELEVANT = [4, 11, 17]
TABLES = ("concrete", "energy", "phoneme")
GRID = [
    {"reg_lambda": [0.0], "prune_threshold": [0.0]},
    {"reg_lambda": [0.0, 1e-3], "prune_threshold": [0.005, 0.01, 0.02, 0.04]},
]
SPARSE = {"reg_lambda": 1e-2, "prune_threshold": 1e-2}


def columns(seed):
    """Rows of 20 columns, the signal of three of them and noise of its own spread."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, (1000, 20))
    signal = np.sin(3.0 * X[:, 4]) + X[:, 11] ** 2 + np.exp(X[:, 17])
    return X, signal, signal.std() * rng.normal(size=len(X))


def relevant(seeds):
    right, seconds = 0, []
    for seed in range(seeds):
        X, signal, noise = columns(seed)
        start = time.perf_counter()
        model = KANRegressor((3,), **SPARSE, random_state=seed).fit(X, signal + 0.1 * noise)
        seconds.append(time.perf_counter() - start)
        kept = np.flatnonzero(model.feature_importances_).tolist()
        right += kept == RELEVANT
        if kept != RELEVANT:
            print(f"    seed {seed}: columns {kept}, layers {model.layer_sizes_}")
    print(f"relevant: {RELEVANT} and only these in {right} of {seeds}, median {np.median(seconds):.1f} s", flush=True)


def noise(seeds):
    scores = []
    for seed in range(seeds):
        X, _, y = columns(seed)
        X_test, _, y_test = columns(10_000 + seed)
        scores.append(KANRegressor((3,), **SPARSE, random_state=seed).fit(X, y).score(X_test, y_test))
    print(f"noise: test R^2 from {min(scores):.3f} to {max(scores):.3f}", flush=True)


def n_edges(model):
    return sum(int((edges > 0).sum()) for edges in model.edge_scores())


def sparsest_within_one_standard_error(results):
    """Index of the setting with the fewest edges whose mean score is within one standard error of the best."""
    mean, spread = results["mean_test_score"], results["std_test_score"]
    n_folds = sum(key.startswith("split") and key.endswith("_test_score") for key in results)
    best = mean.argmax()
    enough = mean >= mean[best] - spread[best] / np.sqrt(n_folds)
    return int(np.where(enough, results["mean_test_sparsity"], -np.inf).argmax())


def chosen_best_unpruned(model, X, y, X_test, y_test, score):
    """Edges and scores on the rest: of the setting chosen, of the best one, and without sparsity."""

    def scores(model, X, y):
        return {"score": score(model, X, y), "sparsity": -n_edges(model)}

    search = GridSearchCV(model, GRID, scoring=scores, refit=sparsest_within_one_standard_error, cv=5, n_jobs=2)
    chosen = search.fit(X, y).best_estimator_
    best = clone(model).set_params(**search.cv_results_["params"][search.cv_results_["mean_test_score"].argmax()])
    models = chosen, best.fit(X, y), clone(model).fit(X, y)
    print(f"    chosen {search.best_params_}, best {best.reg_lambda} and {best.prune_threshold}", flush=True)
    return [(n_edges(model), score(model, X_test, y_test)) for model in models]


def table(path, hidden, splits):
    """One table: edges and scores, means over splits."""
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    X, y = rows[:, :-1], rows[:, -1]
    is_classes = len(np.unique(y)) < 10
    model = (KANClassifier if is_classes else KANRegressor)(hidden, random_state=0)
    score, found = get_scorer("accuracy" if is_classes else "r2"), []
    for seed in range(splits):
        parts = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=y if is_classes else None)
        found.append(chosen_best_unpruned(model, *parts[::2], *parts[1::2], score))
    (edges, of_chosen), (_, of_best), (of, unpruned) = np.mean(found, axis=0)
    print(
        f"{path.stem}: {edges:.0f} of {of:.0f} edges ({1 - edges / of:.0%} removed); test score {of_chosen:.4f}, best "
        f"setting {of_best:.4f} ({1 - of_chosen / of_best:.1%} lost), unpruned {unpruned:.4f}",
        flush=True,
    )


def course(seeds):
    """fit -> prune -> fit on -> refine -> refine with data, on noisy rows."""
    worst, finite = 0.0, True
    for seed in range(seeds):
        X, signal, noise = columns(seed)
        X, y = X[:, RELEVANT + [0, 1]], signal + 0.1 * noise

        def loss(model, X=X, y=y):
            return np.mean((model.predict(X) - y) ** 2)

        model = KANRegressor((3,), reg_lambda=1e-3, n_init=1, random_state=seed).fit(X, y)
        pruned = model.prune(1e-2).set_params(warm_start=True, reg_lambda=0.0)
        losses = [loss(pruned)]
        trained = pruned.fit(X, y)
        losses += [loss(trained), loss(trained.refine(10)), loss(trained.refine(10, X, y))]
        finite &= bool(np.isfinite([loss(model), *losses]).all())
        worst = max(worst, *(np.diff(losses) / losses[:-1]))
    print(f"course: finite in all {seeds} seeds: {finite}, largest rise of the loss by a step {worst:.1e}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", nargs="+", default=["relevant", "noise", "tables", "course"])
    parser.add_argument("--hidden", type=int, nargs="*", default=[16])
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--names", nargs="+", default=TABLES)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.filterwarnings("ignore", message=".*the model is constant")
    if "relevant" in arguments.only:
        relevant(arguments.seeds)
    if "noise" in arguments.only:
        noise(arguments.seeds)
    if "course" in arguments.only:
        course(2 * arguments.seeds)
    for name in arguments.names if "tables" in arguments.only else ():
        table(arguments.data / f"{name}.csv", arguments.hidden, arguments.splits)


if __name__ == "__main__":
    main()
