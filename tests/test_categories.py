"""Categories and missing values in both estimators, from frames and arrays."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score

from sklearn_kan import KANClassifier, KANRegressor

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
both = pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
EFFECT = {"red": -1.0, "green": 0.5, "blue": 2.0}


def table(n_samples=200, seed=0, noise=0.0):
    """Colour (with missing values), a number with missing values, one without, and a flag; their sum as target."""
    rng = np.random.RandomState(seed)
    colour = rng.choice(list(EFFECT), n_samples).astype(object)
    size, length = rng.uniform(-1.0, 1.0, (2, n_samples))
    flag = rng.uniform(size=n_samples) < 0.5
    no_colour, no_size = rng.uniform(size=(2, n_samples)) < 0.2
    y = np.where(no_colour, 3.0, [EFFECT[c] for c in colour])
    y = y + np.where(no_size, 1.5, np.sin(3.0 * size)) + length**2 + 0.3 * flag + noise * rng.normal(size=n_samples)
    colour[no_colour], size[no_size] = None, np.nan
    return pd.DataFrame({"colour": colour, "size": size, "length": length, "flag": flag}), y


def target(Estimator, y):
    return y if Estimator is KANRegressor else np.where(y > np.median(y), "high", "low")


def response(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


def fitted(Estimator=KANRegressor, n_samples=200, **options):
    X, y = table(n_samples)
    options = {"hidden_layer_sizes": (2,), "max_iter": 10, "n_init": 1, "random_state": 0, **options}
    y = target(Estimator, y)
    return Estimator(**options).fit(X, y), X, y


@pytest.mark.parametrize("solver", ["lm", "lbfgs", "adam"])
@pytest.mark.parametrize("hidden", [(), (3,)])
def test_effects_are_learnt(hidden, solver):
    X, y = table(400)
    model = KANRegressor(hidden, solver=solver, max_iter=300, random_state=0).fit(X, y)
    assert model.score(*table(400, seed=1)) > 0.999
    assert model.categories_ == [["blue", "green", "red"], None, None, None]
    assert model.feature_importances_.min() > 0.01


def test_classes():
    X, y = table(500)
    model = KANClassifier((), random_state=0).fit(X, target(KANClassifier, y))
    X, y = table(500, seed=1)
    assert model.score(X, target(KANClassifier, y)) > 0.95


def test_a_table_is_a_mean_by_category():
    """With one column of categories and no penalty."""
    X, y = table(noise=0.3)
    model = KANRegressor((), alpha=0.0, tol=1e-12, random_state=0).fit(X[["colour"]], y)
    expected = pd.Series(y).groupby(X["colour"].fillna("none")).transform("mean")
    assert_allclose(model.predict(X[["colour"]]), expected, rtol=1e-6)


def test_rare_categories_are_drawn_to_the_mean():
    """The less the more rows they have."""
    rng = np.random.RandomState(0)
    names = np.repeat(["common", "other", "some", "rare"], [100, 100, 10, 1])
    y = np.where(names == "other", -1.0, 1.0) + np.isin(names, ["common", "other"]) * rng.normal(size=len(names))
    X = pd.DataFrame({"name": names})
    order = rng.permutation(len(X))
    model = KANRegressor((), alpha=3e-2, random_state=0).fit(X.iloc[order], y[order])
    common, some, rare = model.predict(pd.DataFrame({"name": ["common", "some", "rare"]}))
    common_mean = y[names == "common"].mean()
    shrunk = [(1.0 - value) / (1.0 - y.mean()) for value in (rare, some)]
    assert 0.6 < shrunk[0] < 0.95
    assert 0.05 < shrunk[1] < 0.4
    assert abs(common - common_mean) < 0.1


@both
def test_the_unknown_contributes_the_mean(Estimator):
    """A new category, or a missing value in a column that had none: the mean over the training rows, exactly."""
    X, y = table()
    model = Estimator((), max_iter=5, random_state=0).fit(X, target(Estimator, y))
    raw = model.decision_function if Estimator is KANClassifier else model.predict
    for column, new in (("colour", "violet"), ("length", np.nan), ("flag", np.nan)):
        row = X.iloc[[7] * len(X)].reset_index(drop=True)
        row[column] = X[column]
        expected = raw(row).mean()
        row = row.iloc[:1].astype({column: object if column == "colour" else float})
        row[column] = new
        assert_allclose(raw(row), expected, rtol=1e-9, atol=1e-12)


def test_unknown_in_deep_networks():
    model, X, _ = fitted()
    row = X.iloc[:3].assign(colour="violet", length=np.nan)
    assert np.isfinite(model.predict(row)).all()
    assert_array_equal(model.predict(row.assign(colour="orange")), model.predict(row))


@both
def test_all_ways_to_give_a_table(Estimator):
    """The same bits from pandas, whatever its dtypes are, from polars and from arrays."""
    model, X, y = fitted(Estimator)
    expected = response(model, X)
    categories = pd.CategoricalDtype(["red", "none", "blue", "green"])
    others = [
        X.astype({"colour": categories}),
        X.astype({"colour": "string", "size": "Float64", "flag": "boolean"}),
        pl.DataFrame({name: X[name].astype(object).where(X[name].notna(), None).tolist() for name in X}),
    ]
    for other in others:
        assert_array_equal(response(model, other), expected)
        assert_array_equal(response(clone(model).fit(other, y), other), expected)
    array = X.to_numpy(dtype=object)
    for given in ([0], [True, False, False, False]):
        again = clone(model).set_params(categorical_features=given).fit(array, y)
        assert_array_equal(response(again, array), expected)
    named = clone(model).set_params(categorical_features=["colour"]).fit(X, y)
    assert_array_equal(response(named, X), expected)


def test_numbers_as_categories():
    X, y = table()
    codes = X["colour"].map({"red": 30.0, "green": 10.0, "blue": 20.0})
    numbers = np.column_stack([codes, X[["size", "length", "flag"]].to_numpy(dtype=float)])
    model = KANRegressor((), categorical_features=[0], random_state=0).fit(numbers, y)
    assert model.categories_ == [[10.0, 20.0, 30.0], None, None, None]
    assert model.score(numbers, y) > 0.999
    narrow = numbers.astype(np.float32)
    assert_allclose(model.predict(narrow), model.predict(numbers), atol=1e-4)


@both
def test_rows_in_any_order_repeated_or_weighted(Estimator):
    """Same bits; rows of weight 0 count for nothing, nor do their categories."""
    X, y = table(60)
    y = target(Estimator, y)
    options = {"hidden_layer_sizes": (2,), "max_iter": 5, "n_init": 2, "random_state": 0}
    weight = np.random.RandomState(0).randint(1, 4, len(X)).astype(float)
    expected = response(Estimator(**options).fit(X, y, sample_weight=weight), X)
    order = np.random.RandomState(1).permutation(len(X))
    again = Estimator(**options).fit(X.iloc[order], y[order], sample_weight=weight[order])
    assert_array_equal(response(again, X), expected)
    rows = np.repeat(np.arange(len(X)), weight.astype(int))
    assert_array_equal(response(Estimator(**options).fit(X.iloc[rows], y[rows]), X), expected)
    more = pd.concat([X, X.assign(colour="violet", length=np.nan)])
    weights = np.concatenate([weight, np.zeros(len(X))])
    again = Estimator(**options).fit(more, np.concatenate([y, y]), sample_weight=weights)
    assert_array_equal(response(again, X), expected)
    assert again.categories_[0] == ["blue", "green", "red"]


def test_order_and_names_of_categories_do_not_matter():
    X, y = table(noise=0.1)
    one = KANRegressor((), random_state=0).fit(X, y)
    renamed = X.assign(colour=X["colour"].map({"red": "1", "green": "3", "blue": "2"}))
    other = KANRegressor((), random_state=0).fit(renamed, y)
    assert_allclose(other.predict(renamed), one.predict(X), rtol=1e-3)


@both
def test_early_stopping(Estimator):
    model, X, y = fitted(Estimator, early_stopping=True, max_iter=20)
    assert len(model.validation_scores_) == model.n_iter_
    # A category that only the rows held out have contributes the mean.
    X = X.assign(rare=["yes"] + ["no"] * (len(X) - 1))
    assert np.isfinite(response(clone(model).fit(X, y), X)).all()


def test_prune():
    rng = np.random.RandomState(0)
    X, y = table(200, noise=0.05)
    X["noise"] = rng.choice(list("abcd"), len(X))
    model = KANRegressor((), random_state=0).fit(X, y)
    scores = model.edge_scores()[0][:, 0]
    assert scores[-1] < 0.05 < scores[0]
    pruned = model.prune(0.05)
    assert pruned.feature_importances_[-1] == 0.0
    assert pruned.n_parameters_ == model.n_parameters_ - 4
    assert_array_equal(pruned.predict(X.assign(noise="e")), pruned.predict(X))
    assert_allclose(pruned.predict(X).mean(), model.predict(X).mean(), rtol=1e-9)
    trained = KANRegressor((2,), reg_lambda=3e-3, prune_threshold=1e-2, random_state=0).fit(X, y)
    assert trained.feature_importances_[-1] == 0.0
    assert trained.feature_importances_[0] > 0.2


@both
def test_refine_warm_start_partial_fit(Estimator):
    model, X, y = fitted(Estimator)
    before = response(model, X)
    assert_allclose(response(model.refine(10), X), before, rtol=1e-8, atol=1e-10)
    changed = X.assign(colour=X["colour"].where(X["length"] < 0.5, "violet"), flag=np.nan)
    for trained in (
        model.refine(10, changed, y),
        clone(model).set_params(warm_start=True).fit(X, y).fit(changed, y),
        clone(model).partial_fit(X, y, **({} if Estimator is KANRegressor else {"classes": ["high", "low"]})),
    ):
        assert trained.categories_ == model.categories_
        assert np.isfinite(response(trained, changed)).all()
    trained.partial_fit(changed, y)
    assert trained.categories_ == model.categories_
    assert_array_equal(response(model, X), before)


def test_warm_start_goes_on():
    X, y = table(300)
    model = KANRegressor((2,), warm_start=True, max_iter=1, random_state=0).fit(X, y)
    losses = [model.fit(X, y).loss_ for _ in range(4)]
    assert losses[-1] < 0.1 * losses[0]


@both
def test_derivative(Estimator):
    """0 by columns of categories and at missing values; else as differences say."""
    model, X, _ = fitted(Estimator)
    raw = model.decision_function if Estimator is KANClassifier else model.predict
    found, bends = model.derivative(X), model.derivative(X, order=2)
    assert not found[:, 0].any()
    assert not bends[:, 0].any()
    missing = X["size"].isna().to_numpy()
    assert missing.any()
    assert not found[missing, 1].any()
    assert not bends[missing][:, 1].any()
    for i, name in ((1, "size"), (2, "length")):
        above, below = X.assign(**{name: X[name] + 1e-5}), X.assign(**{name: X[name] - 1e-5})
        assert_allclose(found[:, i], (raw(above) - raw(below)) / 2e-5, rtol=1e-5, atol=1e-6)


@both
def test_pickles_and_clones(Estimator):
    model, X, y = fitted(Estimator)
    again = pickle.loads(pickle.dumps(model))
    rows = X.assign(colour=X["colour"].where(X["length"] < 0.5, "violet"))
    assert_array_equal(response(again, rows), response(model, rows))
    assert again.categories_ == model.categories_
    assert_array_equal(response(again.partial_fit(X, y), rows), response(model.partial_fit(X, y), rows))
    assert not hasattr(clone(model), "categories_")
    skops = pytest.importorskip("skops.io")
    name = f"sklearn_kan.{Estimator.__name__}"
    again = skops.loads(skops.dumps(model), trusted=[name])
    assert_array_equal(response(again, rows), response(model, rows))


def test_predict_changes_nothing():
    model, X, _ = fitted()
    before = pickle.dumps(model)
    model.predict(X.assign(colour="violet", length=np.nan))
    assert pickle.dumps(model) == before


def test_callbacks_predict_from_the_table_as_it_was_given():
    callback = pytest.importorskip("sklearn.callback")
    monitor = callback.ScoringMonitor(scoring="r2")
    X, y = table(100)
    model = KANRegressor((2,), max_iter=5, n_init=1, random_state=0).set_callbacks(monitor).fit(X, y)
    whole = next(row["r2"] for row in monitor.get_logs().data if row["task_name"] == "fit")
    assert_allclose(whole, model.score(X, y), rtol=1e-12)


# --- shapes of tables -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [(), (2,)])
def test_columns_of_little_use(hidden):
    """Nothing but missing, one category, one number and missing: finite, with what there is to learn learnt."""
    X, y = table(100)
    gap = X["size"].isna()
    X = pd.DataFrame(
        {
            "nothing": np.nan,
            "none": np.full(len(X), None, dtype=object),
            "one": "a",
            "gap": np.where(gap, np.nan, 7.0),
            "colour_or_gap": np.where(gap, None, "a"),
        }
    )
    y = np.where(gap, 1.0, 0.0)
    for columns in (list(X), ["gap"], ["colour_or_gap"]):
        model = KANRegressor(hidden, random_state=0).fit(X[columns], y)
        assert_allclose(model.predict(X[columns]), y, atol=0.02)
        assert np.isfinite(model.predict(X[columns].assign(**{columns[-1]: None}))).all()
    assert_array_equal(KANRegressor(hidden, random_state=0).fit(X, y).feature_importances_[:3], 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        constant = KANRegressor(hidden, random_state=0).fit(X[["nothing", "none", "one"]], y)
    assert_allclose(constant.predict(X[["nothing", "none", "one"]]), y.mean())


def test_categories_alone():
    """No column of numbers at all, and a constant target."""
    X, y = table(300)
    X = X[["colour"]].assign(flag=X["flag"].map({True: "yes", False: "no"}))
    y = X["colour"].isna() * 2.0 + (X["flag"] == "yes") * (X["colour"] == "red")
    model = KANRegressor((3,), random_state=0).fit(X, y)
    assert model.score(X, y) > 0.999
    assert_allclose(KANRegressor((3,), random_state=0).fit(X, np.ones(300)).predict(X), 1.0)


def test_no_limit_on_categories():
    rng = np.random.RandomState(0)
    n = 3000
    code = rng.randint(1000, size=n)
    X = pd.DataFrame({"id": [f"item {k}" for k in code], "x": rng.uniform(-1.0, 1.0, n)})
    y = (code % 2) + X["x"].to_numpy() ** 2
    model = KANRegressor((), solver="lbfgs", random_state=0).fit(X, y)
    assert len(model.categories_[0]) == len(np.unique(code))
    assert model.score(X, y) > 0.95


def test_large_tables_are_not_copied_row_by_row():
    """Beyond the size up to which rows are merged: float32 with missing values, any order of columns."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (25_000, 2)).astype(np.float32)
    X[rng.uniform(size=len(X)) < 0.3, 0] = np.nan
    y = np.where(np.isnan(X[:, 0]), 1.0, X[:, 0] ** 2) + X[:, 1]
    model = KANRegressor((), solver="lbfgs", max_iter=50, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.999


def test_missing_values_beat_imputation():
    """Where missing is informative."""
    X, y = table(600, noise=0.1)
    X = X.drop(columns="colour")
    kan = cross_val_score(KANRegressor((), random_state=0), X, y, cv=3).mean()
    drawn = X["size"].dropna().sample(len(X), replace=True, random_state=0).to_numpy()
    filled = cross_val_score(
        KANRegressor((), random_state=0), X.assign(size=X["size"].fillna(pd.Series(drawn))), y, cv=3
    )
    assert kan > filled.mean() + 0.02


# --- errors -----------------------------------------------------------------------------------------------------------


@both
def test_errors_name_the_column(Estimator):
    model, X, y = fitted(Estimator, max_iter=2)
    numbers = Estimator(categorical_features=None)
    with pytest.raises(ValueError, match="column 'colour'.*categorical_features"):
        numbers.fit(X, y)
    with pytest.raises(ValueError, match="column 'size'"):
        model.predict(X.assign(size="large"))
    with pytest.raises(ValueError, match="numbers in column 'colour'"):
        model.predict(X.assign(colour=1.0))
    with pytest.raises(ValueError, match="infinity"):
        model.predict(X.assign(size=np.inf))
    with pytest.raises(ValueError, match="3 features|feature names"):
        model.predict(X[["colour", "size", "length"]])
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X[["size", "colour", "length", "flag"]])
    with pytest.raises(ValueError, match="shades"):
        Estimator(categorical_features=["shades"]).fit(X, y)
    for bad in ("dtype", 1.5, {"colour"}):
        with pytest.raises(ValueError, match="categorical_features"):
            Estimator(categorical_features=bad).fit(X, y)
    edges = X.assign(length=100.0)
    strict = Estimator((), extrapolation="error", max_iter=2, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"\['length'\]"):
        strict.predict(edges)
    assert np.isfinite(response(strict, X.assign(colour="violet"))).all()


def test_a_refused_fit_leaves_the_categories():
    model, X, y = fitted()
    before = model.predict(X)
    with pytest.raises(ValueError, match="y contains"):
        model.fit(X.assign(colour="violet"), np.full(len(y), np.nan))
    assert_array_equal(model.predict(X), before)


# --- pictures and formulas --------------------------------------------------------------------------------------------


def test_pictures():
    plt = pytest.importorskip("matplotlib.pyplot")
    model, X, _ = fitted(hidden_layer_sizes=(), max_iter=50)
    display = model.plot_edge(0, 0, 0, X=X)
    assert display.categories == ["blue", "green", "red", "missing"]
    assert len(display.bars_) == 4
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == display.categories
    heights = [bar.get_height() for bar in display.bars_]
    assert_array_equal(heights, display.y)
    assert_allclose(np.diff(heights), [-1.5, -1.5, 4.0], atol=0.1)
    display = model.plot_edge(0, 1, 0, X=X)
    at_zero = np.interp(0.0, display.x, display.y)
    assert_allclose(display.missing - at_zero, 1.5, atol=0.1)
    assert_allclose(display.missing_.get_ydata(), display.missing)
    assert model.plot_edge(0, 2, 0).missing is None
    display = model.plot(X=X)
    assert [edge.categories is not None for edge in display.edges] == [True, False, False, False]
    curves = display.curves_.get_segments()
    assert len(curves) == 4
    assert np.isfinite(display.figure_.get_tightbbox().bounds).all()
    display.figure_.canvas.draw()
    plt.close("all")


def test_many_categories_in_a_picture():
    plt = pytest.importorskip("matplotlib.pyplot")
    X = pd.DataFrame({"id": [f"${k:03d}_" for k in range(200)] * 2})
    model = KANRegressor((), max_iter=5, random_state=0).fit(X, np.arange(400.0) % 7)
    display = model.plot_edge(0, 0, 0)
    assert len(display.bars_) == 200
    assert 30 < len(display.ax_.get_xticklabels()) <= 60
    display.figure_.canvas.draw()
    plt.close("all")


@pytest.mark.parametrize("hidden", [(), (1,)])
def test_formulas(hidden):
    sympy = pytest.importorskip("sympy")
    X, y = table(150)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KANRegressor(hidden, random_state=0).fit(X, y)
    symbolic = model.auto_symbolic(X, y, library=["x", "x^2", "sin"])
    formula = symbolic.symbolic_formula(decimals=2)
    cases = sorted(formula.atoms(sympy.Piecewise), key=lambda part: len(part.args))
    assert [len(part.args) for part in cases] == [2, 5]
    assert {str(name) for name in formula.free_symbols} >= {"colour", "'red'", "size", "missing", "length"}
    values = {str(condition.rhs): float(value) for value, condition in cases[1].args[:-1]}
    for name, other in (("red", "green"), ("blue", "green")):
        assert_allclose(values[f"'{name}'"] - values[f"'{other}'"], EFFECT[name] - EFFECT[other], atol=0.02)
    for given in (model, symbolic):
        report = given.fidelity(X, y)
        assert report["formula_vs_model"] > 1.0 - 1e-9
    assert symbolic.fidelity(X, y, decimals=0)["formula_vs_model"] < 1.0 - 1e-3
    unknown = X.assign(colour=X["colour"].where(X["length"] < 0.5, "violet"))
    assert symbolic.fidelity(unknown, y)["formula_vs_model"] > 1.0 - 1e-9
    assert model.fidelity(X.assign(length=np.nan), y)["formula_vs_data"] <= 1.0
    assert "red" in symbolic.to_latex()
    with pytest.raises(ValueError, match="'colour', a column of categories"):
        model.suggest_symbolic(0, 0, 0)
    with pytest.raises(ValueError, match="'colour', a column of categories"):
        model.fix_symbolic(0, 0, 0, "x")


def test_one_named_function_with_a_value_for_missing():
    """It is trained on like others, and unfixed again."""
    X, y = table(300)
    model = KANRegressor((), warm_start=True, random_state=0).fit(X, y)
    fixed = model.fix_symbolic(0, 1, 0, "sin", X=X)
    assert fixed.score(X, y) > 0.999
    assert np.isfinite(fixed.derivative(X, order=2)).all()
    assert fixed.fit(X, y).score(X, y) > 0.9999
    assert fixed.unfix_symbolic(0, 1, 0).score(X, y) > 0.999
    assert fixed.fidelity(X, y)["formula_vs_model"] > 1.0 - 1e-9


def test_formula_of_many_categories():
    """They are not listed but a function of their column."""
    sympy = pytest.importorskip("sympy")
    X = pd.DataFrame({"id": [f"k{k}" for k in range(40)] * 3})
    y = np.arange(120.0) % 40
    model = KANRegressor((), random_state=0).fit(X, y)
    formula = model.symbolic_formula(decimals=2)
    assert not formula.atoms(sympy.Piecewise)
    assert "phi_0_0_0(id)" in str(formula)
    assert model.fidelity(X, y)["formula_vs_model"] > 1.0 - 1e-12


def rents(n_samples=600, seed=0):
    """A column in which a third is 0 and some are at a cap, both apart from the smooth rest; and one without."""
    rng = np.random.RandomState(seed)
    X = rng.uniform(1.0, 5.0, (n_samples, 2))
    kind = rng.uniform(size=n_samples)
    X[kind < 0.35, 0], X[kind > 0.9, 0] = 0.0, 5.0
    y = np.where(X[:, 0] == 0.0, 3.0, np.where(X[:, 0] == 5.0, -2.0, np.sin(X[:, 0]))) + 0.2 * X[:, 1]
    return X, y


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e10])
def test_atoms_of_far_columns(offset):
    """Also where numbers are so large that they have few digits left."""
    X, y = rents()
    X = X + offset
    model = KANRegressor((), random_state=0).fit(X, y)
    assert_allclose(model.network_.layers[0].tables.atoms_of(0), [offset, offset + 5.0], atol=1e-5)
    ends = (X[:, 0] == offset) | (X[:, 0] == offset + 5.0)
    assert_allclose(model.predict(X)[ends], y[ends], atol=0.01)


@pytest.mark.parametrize("units", [1.0, 1e6])
def test_atoms(units):
    """Values that many rows share have their own; nothing else does."""
    X, y = rents()
    X_test, y_test = rents(seed=1)
    model = KANRegressor((), random_state=0).fit(units * X, y)
    tables = model.network_.layers[0].tables
    assert tables.columns.tolist() == [0]
    assert_allclose(tables.atoms_of(0), [0.0, 5.0 * units])
    assert_allclose(model.predict(units * X_test), y_test, atol=0.01)
    slopes = model.derivative(units * X_test)
    between = (X_test[:, 0] > 1.1) & (X_test[:, 0] < 4.9)
    assert_allclose(units * slopes[between, 0], np.cos(X_test[between, 0]), atol=0.05)
    assert not slopes[X_test[:, 0] == 0.0, 0].any()
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(units * X_test), model.predict(units * X_test))
    assert_allclose(model.refine(2 * model.grid_size_).predict(units * X), model.predict(units * X), rtol=1e-9)
    weight = np.repeat([1.0, 2.0], 300)
    rows = np.repeat(np.arange(600), weight.astype(int))
    weighted = KANRegressor((), random_state=0).fit(X, y, sample_weight=weight)
    assert_array_equal(weighted.predict(X_test), KANRegressor((), random_state=0).fit(X[rows], y[rows]).predict(X_test))


def test_atoms_in_formulas_and_pictures():
    sympy = pytest.importorskip("sympy")
    plt = pytest.importorskip("matplotlib.pyplot")
    X, y = rents()
    model = KANRegressor((), random_state=0).fit(X, y)
    display = model.plot_edge(0, 0, 0, X=X)
    assert_allclose(display.atoms[0], [0.0, 5.0])
    assert_allclose(np.diff(display.atoms[1]), -5.0, atol=1e-2)
    assert_array_equal(display.atoms_.get_xydata().T, display.atoms)
    curves = model.plot().curves_.get_segments()
    assert len(curves[0]) == len(curves[1]) + 2 * 2  # the ends of two dashes
    plt.close("all")
    symbolic = model.auto_symbolic(X, y, library=["x", "x^2", "sin"])
    formula = symbolic.symbolic_formula(decimals=3)
    (cases,) = formula.atoms(sympy.Piecewise)
    assert [float(condition.rhs) for _, condition in cases.args[:-1]] == [0.0, 5.0]
    assert formula.has(sympy.sin)
    for given in (model, symbolic):
        assert given.fidelity(X, y)["formula_vs_model"] > 1.0 - 1e-9
    assert symbolic.score(X, y) > 0.9999


def test_categories_of_rows_that_do_not_count_are_not_told():
    X, y = table(120)
    known = X["colour"] != "blue"
    model = KANRegressor((2,), random_state=0).partial_fit(X[known], y[known])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.partial_fit(X, y, known.astype(float))


def test_training_on_tells_of_new_categories():
    X, y = table(120)
    known = X[X["colour"] != "blue"].index
    message = r"categories in columns \[0\] that were not there at first"
    with pytest.warns(UserWarning, match=message):
        KANRegressor().partial_fit(X.loc[known], y[known]).partial_fit(X, y)
    model = KANRegressor((2,), max_iter=3, random_state=0).fit(X.loc[known], y[known])
    with pytest.warns(UserWarning, match=message):
        model.refine(model.grid_size_, X, y)
    with pytest.warns(UserWarning, match=message):
        model.set_params(warm_start=True).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.predict(X)
