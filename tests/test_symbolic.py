"""Named functions for edges, by hand and by search: what is found, what is kept, what stays as it was."""

import pickle
import warnings

import numpy as np
import pytest
import samples
import sympy
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import log_loss

from sklearn_kan import KANClassifier, KANRegressor
from sklearn_kan._affine_fit import fit_affine
from sklearn_kan._symbolic import Search, suggestions, with_symbol, without_symbol
from sklearn_kan._symbolic_library import LIBRARY

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

both = pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])


def table(seed=0, n_samples=300, n_columns=2):
    """exp(sin(pi x0) + x1^2), and columns that have nothing to do with it."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, (n_samples, n_columns))
    return X, np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)


def fitted(Estimator=KANRegressor, hidden=(1,), **options):
    X, y = table()
    y = y if Estimator is KANRegressor else (y > 1.5).astype(int)
    return Estimator(hidden, n_init=2, max_iter=40, random_state=0, **options).fit(X, y), X, y


def response(model, X):
    return model.predict(X) if isinstance(model, KANRegressor) else model.decision_function(X)


def values(formula, X):
    symbols = sympy.symbols([f"x{i}" for i in range(X.shape[1])])
    return sympy.lambdify(symbols, formula, "numpy")(*X.T) * np.ones(len(X))


# functions of a user's library must be importable by name
def bump(u):
    return 1.0 / (1.0 + u**2)


def bump_slope(u):
    return -2.0 * u / (1.0 + u**2) ** 2


# --- one edge ---------------------------------------------------------------------------------------------------------


def test_suggestions():
    """The share that is explained, the complexity and the numbers; the best score first."""
    model, X, _ = fitted(grid_size=10)
    found = model.suggest_symbolic(0, 0, 0, top=4, X=X)
    assert len(found) == 4 and found[0]["name"] in ("sin", "cos")
    scores = [row["score"] for row in found]
    assert scores == sorted(scores, reverse=True)
    layer = model.network_.layers[0]
    t = np.sort((X[:, 0] - layer.center[0]) / layer.scale[0])
    phi = layer.edge(0, t)[:, 0]
    for row in found:
        a, b, c, d = row["numbers"]
        left = phi - (c * LIBRARY[row["name"]].function(a * t + b) + d)
        assert row["r2"] == pytest.approx(1.0 - left.var() / phi.var(), abs=2e-2)
        assert row["complexity"] == LIBRARY[row["name"]].complexity
        assert row["score"] == pytest.approx(-0.5 * np.log10(max(1.0 - row["r2"], 1e-16)) - 0.2 * row["complexity"])
    assert len(model.suggest_symbolic(0, 0, 0, top=100, library=["sin", "x"])) <= 2


def test_suggestions_know_no_scale():
    """An edge of another size has the same best functions (the data's units do not matter)."""
    X, y = table()
    model = KANRegressor((1,), n_init=2, max_iter=40, random_state=0)
    names = [row["name"] for row in clone(model).fit(X, y).suggest_symbolic(0, 1, 0, top=3)]
    other = clone(model).fit(1e4 * X - 3.0, 1e-4 * y)
    assert [row["name"] for row in other.suggest_symbolic(0, 1, 0, top=3)] == names


def test_functions_that_cancel_are_none():
    """No function with a c out of all proportion passes for another one."""
    network = samples.network(np.random.RandomState(0), [1, 1])
    network.layers[0].weights[:] = 0.0
    network.layers[0].weights[0, -1, 0] = 1.0
    for _, function, fit in suggestions(network, 0, 0, 0, LIBRARY):
        t = np.linspace(-1.0, 1.0, 100)
        phi = network.layers[0].edge(0, t)[:, 0]
        assert np.ptp(fit.numbers[2] * function.function(fit.numbers[0] * t + fit.numbers[1])) < 300.0 * np.ptp(phi)


@both
def test_fix_and_unfix(Estimator):
    """New estimators of the same parameters, whose numbers are the fit to the edge; the spline comes back like it."""
    model, X, _ = fitted(Estimator)
    before = pickle.dumps(model)
    fixed = model.fix_symbolic(0, 1, 0, "x^2", X=X)
    assert pickle.dumps(model) == before
    assert fixed.get_params() == model.get_params()
    layer, symbols = model.network_.layers[0], fixed.network_.layers[0].symbols
    assert symbols.name(1, 0) == "x^2" and not fixed.network_.layers[0].edge_mask[1, 0]
    assert fixed.n_parameters_ < model.n_parameters_
    t = np.sort((X[:, 1] - layer.center[1]) / layer.scale[1])
    t = t[np.unique(np.linspace(0, len(t) - 1, 256).astype(int))]
    assert_allclose(symbols.numbers[0], fit_affine(LIBRARY["x^2"], t, layer.edge(1, t)[:, 0]).numbers)

    before = pickle.dumps(fixed)
    again = fixed.unfix_symbolic(0, 1, 0)
    assert pickle.dumps(fixed) == before
    assert again.n_parameters_ == model.n_parameters_
    assert_allclose(response(again, X), response(fixed, X), rtol=1e-6, atol=1e-6)  # x^2 is a spline


def test_importances_follow():
    """A column whose function becomes constant has none."""
    model, X, _ = fitted()
    steps = model.fix_symbolic(0, 1, 0, "sign")
    assert steps.feature_importances_.sum() == pytest.approx(1.0)
    network = with_symbol(model.network_, 0, 1, 0, LIBRARY["x"], np.array([1.0, 0.0, 0.0, 0.3]))
    assert without_symbol(network, 0, 1, 0).layers[0].symbols.name(1, 0) is None


def test_a_library_of_ones_own():
    """By name from a module; it is fitted, pickles, and stands in the formula."""
    X = np.linspace(-3.0, 3.0, 200)[:, None]
    y = 2.0 * bump(1.5 * X[:, 0] - 0.5) + 1.0
    model = KANRegressor((), grid_size=20, random_state=0).fit(X, y)
    library = {"bump": (bump, bump_slope, bump), "x": None, "sin": None}
    assert model.suggest_symbolic(0, 0, 0, library=library)[0]["name"] == "bump"
    symbolic = model.auto_symbolic(X, y, library=library)
    assert symbolic.network_.layers[0].symbols.name(0, 0) == "bump"
    assert_allclose(symbolic.predict(X), y, rtol=1e-9)
    assert_allclose(values(symbolic.symbolic_formula(), X), y, rtol=1e-9)
    fixed = model.fix_symbolic(0, 0, 0, "bump", library=library)
    again = pickle.loads(pickle.dumps(fixed))
    assert_array_equal(again.predict(X), fixed.predict(X))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda model: model.suggest_symbolic(2, 0, 0), "l must be a layer"),
        (lambda model: model.suggest_symbolic(0, 9, 0), "i must be a node"),
        (lambda model: model.fix_symbolic(0, 0, 7, "sin"), "j must be a node"),
        (lambda model: model.fix_symbolic(0, 0, 0, "sine"), "Did you mean 'sin'"),
        (lambda model: model.fix_symbolic(0, 0, 0, "sine"), "^name='sine' is not among"),
        (lambda model: model.fix_symbolic(0, 0, 0, None), "^name must be a string"),
        (lambda model: model.fix_symbolic(0, 0, 0, "cos", library=["sin"]), "not among the functions of library"),
        (lambda model: model.fix_symbolic(0, 0, 0, "f", library={"f": (lambda u: u, bump, bump)}), "lambda"),
        (lambda model: model.suggest_symbolic(0, 0, 0, library="sin"), "into a list"),
        (lambda model: model.suggest_symbolic(0, 0, 0, library=[]), "at least one function"),
        (lambda model: model.unfix_symbolic(0, 0, 0), "nothing to unfix"),
        (lambda model: model.auto_symbolic(*table(), tol=0.0), "tol must be a number above 0"),
        (lambda model: model.auto_symbolic(*table(), library=["sine"]), "Did you mean"),
        (lambda model: model.auto_symbolic(np.ones((5, 7)), np.ones(5)), "features"),
    ],
)
def test_wrong_inputs(call, message):
    with pytest.raises(ValueError, match=message):
        call(fitted()[0])


# --- the search -------------------------------------------------------------------------------------------------------


def test_the_formula_of_the_paper():
    """exp(sin(pi x) + y^2) among columns of noise, to rounding; all of self as it was."""
    X, y = table(n_columns=4)
    model = KANRegressor((1,), reg_lambda=1e-3, prune_threshold=1e-2, random_state=0).fit(X, y)
    before = pickle.dumps(model)
    symbolic = model.auto_symbolic(X, y)
    assert pickle.dumps(model) == before
    assert symbolic.get_params() == model.get_params()
    x0, x1 = sympy.symbols("x0 x1")
    assert symbolic.symbolic_formula() == sympy.exp(sympy.sin(sympy.pi * x0) + x1**2)
    assert_array_equal(symbolic.feature_importances_ > 0, [True, True, False, False])
    fresh, truth = table(seed=1, n_columns=4)
    assert_allclose(symbolic.predict(fresh), truth, rtol=1e-10)
    report = symbolic.fidelity(fresh, truth)
    assert report["n_splines"] == 0
    assert min(report["formula_vs_model"], report["formula_vs_data"], report["model_vs_data"]) > 1.0 - 1e-12
    again = pickle.loads(pickle.dumps(symbolic))
    assert again.symbolic_formula() == symbolic.symbolic_formula()
    assert_array_equal(again.predict(fresh), symbolic.predict(fresh))
    for layer, scores in zip(symbolic.network_.layers, symbolic.edge_scores(), strict=True):
        assert_array_equal(scores > 0, layer.edges)


@pytest.mark.parametrize(
    "function, hidden",
    [
        (lambda x: 2.0 * x[:, 0] - 3.0 * x[:, 1] + 0.5, ()),  # exact already as splines
        (lambda x: np.sqrt((x[:, 0] - 0.3) ** 2 + (x[:, 1] + 0.5) ** 2), (1,)),
        (lambda x: 1.0 / (2.0 + x[:, 0] + x[:, 1]), (1,)),
        (lambda x: np.log(2.0 + x[:, 0]) + np.cos(3.0 * x[:, 1]), ()),
        (lambda x: np.cos(x[:, 0]) / (1.0 + x[:, 1] ** 2), (1,)),  # exp of logarithms of what are no powers
    ],
)
def test_formulas(function, hidden):
    X = np.random.default_rng(0).uniform(-0.9, 0.9, (300, 2))
    y = function(X)
    symbolic = KANRegressor(hidden, random_state=0).fit(X, y).auto_symbolic(X, y)
    wide = np.random.default_rng(1).uniform(-0.99, 0.99, (300, 2))
    assert symbolic.fidelity(wide, function(wide))["n_splines"] == 0
    assert_allclose(values(symbolic.symbolic_formula(), wide), function(wide), rtol=1e-8, atol=1e-9)
    assert_allclose(values(symbolic.symbolic_formula(), wide), symbolic.predict(wide), rtol=1e-10, atol=1e-10)


def test_equally_simple_functions_compete():
    """A grid too coarse for a peak, whose spline is nearer to the wrong one of two functions of equal complexity."""
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (300, 1))
    y = 1.0 / (1.0 + 25.0 * X[:, 0] ** 2)
    model = KANRegressor((), grid_size=9, random_state=0).fit(X, y)
    assert model.suggest_symbolic(0, 0, 0)[0]["name"] == "gaussian"
    assert model.auto_symbolic(X, y).symbolic_formula() == 1 / (1 + 25 * sympy.Symbol("x0") ** 2)


def test_a_product():
    """Of two nodes' squares that are so only together."""
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (300, 2))
    y = X[:, 0] * X[:, 1]
    model = KANRegressor((2,), n_init=4, random_state=0).fit(X, y)
    x0, x1 = sympy.symbols("x0 x1")
    assert model.auto_symbolic(X, y, library=["x", "x^2", "sin", "arcsin"]).symbolic_formula() == x0 * x1


def test_edges_that_others_make_up_for():
    """Node 0 needs columns 1 and 2 neither alone nor together: node 1 has both."""
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (300, 3))
    y = np.exp(X[:, 0]) + (X[:, 1] + X[:, 2] + 0.3) ** 2
    model = KANRegressor((2,), n_init=4, random_state=1).fit(X, y)
    trainer, network, _ = model._resumed(X, y, None)
    trainer.solver = "lm"
    search = Search(trainer, LIBRARY, 0.1)
    search.most = 1e-4
    state = search._without(search._state(*trainer.settle(network, 50), frozenset()), 0, [0], 1)
    state.network.layers[0].weights[1:, :, 0] = 0.0
    state = search._state(*trainer.settle(state.network, 50), frozenset())
    assert state.network.layers[0].edges.tolist() == [[True, False], [True, True], [True, True]]
    small = search._unshared(state)
    assert small.network.layers[0].edges.tolist() == [[True, False], [False, True], [False, True]]
    assert search._without(small, 0, [0], 0) is None  # that column nothing makes up for


def test_weights_and_repetitions():
    """A row of weight 2 counts like two rows."""
    X, y = table(n_samples=100)
    X, y = X[:, :1], np.sin(2.0 * X[:, 0]) + 0.1 * np.random.default_rng(0).normal(size=100)
    weight = np.ones(100)
    weight[:30] = 2.0
    model = KANRegressor((), random_state=0).fit(X, y)
    weighted = model.auto_symbolic(X, y, weight, library=["sin"])
    repeated = model.auto_symbolic(np.vstack([X, X[:30]]), np.concatenate([y, y[:30]]), library=["sin"])
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-5, atol=1e-6)


def test_random_targets_have_no_good_formula():
    """Splines stay, or the report says that the formula explains nothing."""
    rng = np.random.default_rng(0)
    X, y = rng.uniform(-1.0, 1.0, (300, 2)), rng.normal(size=300)
    model = KANRegressor((1,), n_init=1, random_state=0).fit(X[:150], y[:150])
    symbolic = model.auto_symbolic(X[:150], y[:150], library=["x", "x^2", "sin", "exp"])
    report = symbolic.fidelity(X[150:], y[150:])
    assert report["n_splines"] > 0 or report["formula_vs_data"] < 0.2


def test_a_function_outside_of_the_library_stays_a_spline():
    """A wave is no line and no exponential; its edge is kept, and named in the formula."""
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (300, 2))
    y = 2.0 * X[:, 0] + np.sin(6.0 * X[:, 1])
    model = KANRegressor((), grid_size=10, random_state=0).fit(X, y)
    symbolic = model.auto_symbolic(X, y, library=["x", "exp"])
    assert symbolic.network_.layers[0].symbols.name(0, 0) == "x"
    assert symbolic.fidelity(X, y)["n_splines"] == 1
    assert "phi_0_1_0(x1)" in str(symbolic.symbolic_formula())


def test_classes():
    """Log odds of a classifier that are a formula."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2.0, 2.0, (500, 2))
    y = rng.uniform(size=500) < 1.0 / (1.0 + np.exp(-3.0 * X[:, 0] - 2.0 * X[:, 1]))
    model = KANClassifier((), random_state=0).fit(X, y)
    before = pickle.dumps(model)
    symbolic = model.auto_symbolic(X, y)
    assert pickle.dumps(model) == before
    assert_allclose(values(symbolic.symbolic_formula(), X), symbolic.decision_function(X), rtol=1e-10, atol=1e-10)
    assert symbolic.score(X, y) > model.score(X, y) - 0.02
    assert {symbolic.network_.layers[0].symbols.name(i, 0) for i in range(2)} == {"x"}


# --- what goes on with symbols ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_labels_keep_the_columns_that_tell_them(n_classes, seed):
    """Penalties suit the size of log odds, and losses are those of one constant model, whatever edges are left."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 2))
    y = np.digitize(X[:, 0] + X[:, 1] ** 2 + 0.3 * rng.normal(size=300), [0.7] if n_classes == 2 else [0.2, 1.2])
    model = KANClassifier((), max_iter=40, random_state=0).fit(X, y)
    named = model.auto_symbolic(X, y)
    assert log_loss(y, named.predict_proba(X)) < 1.1 * log_loss(y, model.predict_proba(X))
    formula = named.symbolic_formula()
    found = set().union(*(one.free_symbols for one in (formula if n_classes == 3 else [formula])))
    assert {symbol.name for symbol in found} == {"x0", "x1"}


def test_fit_begins_anew():
    model, X, y = fitted()
    fixed = model.fix_symbolic(0, 0, 0, "sin").fix_symbolic(0, 1, 0, "x^2")
    assert_array_equal(fixed.fit(X, y).predict(X), model.predict(X))


@both
def test_symbols_are_trained_on(Estimator):
    """warm_start and partial_fit keep them, and move their numbers."""
    model, X, y = fitted(Estimator)
    fixed = model.fix_symbolic(0, 0, 0, "sin").fix_symbolic(0, 1, 0, "x^2")
    numbers = fixed.network_.layers[0].symbols.numbers.copy()
    warm = pickle.loads(pickle.dumps(fixed)).set_params(warm_start=True).fit(X, y)
    passed = pickle.loads(pickle.dumps(fixed)).partial_fit(X, y)
    for trained in (warm, passed):
        symbols = trained.network_.layers[0].symbols
        assert [symbols.name(0, 0), symbols.name(1, 0)] == ["sin", "x^2"]
        assert not np.array_equal(symbols.numbers, numbers)
        assert np.isfinite(response(trained, 10.0 * X)).all()
    assert warm.score(X, y) >= fixed.score(X, y)


def test_finer_grids_keep_symbols():
    model, X, y = fitted()
    fixed = model.fix_symbolic(0, 0, 0, "sin")
    finer = fixed.refine(10)
    assert finer.network_.layers[0].symbols.name(0, 0) == "sin"
    assert_allclose(finer.predict(X), fixed.predict(X), rtol=1e-8)
    trained = fixed.refine(10, X, y)
    assert trained.network_.layers[0].symbols.name(0, 0) == "sin"
    assert trained.score(X, y) >= fixed.score(X, y)


def test_predicting_changes_no_formula():
    model, X, _ = fitted()
    fixed = model.fix_symbolic(0, 0, 0, "sin")
    before, formula = pickle.dumps(fixed), fixed.symbolic_formula()
    fixed.predict(5.0 * X)
    fixed.suggest_symbolic(0, 1, 0)
    fixed.fidelity(X, fixed.predict(X))
    assert fixed.symbolic_formula() == formula
    assert pickle.dumps(fixed) == before


def test_prune_after_symbols():
    """Symbolic edges have scores and are pruned like others."""
    X, y = table(n_columns=3)
    model = KANRegressor((1,), n_init=2, max_iter=40, random_state=0).fit(X, y).fix_symbolic(0, 2, 0, "x")
    scores = model.edge_scores()[0][:, 0]
    assert scores[2] == scores.min()
    pruned = model.prune(0.5 * (scores[2] + scores[:2].min()))
    assert pruned.network_.layers[0].symbols.name(2, 0) is None
    assert_array_equal(pruned.feature_importances_ > 0, [True, True, False])


def test_a_committee_is_named_by_way_of_a_sparse_network():
    """Where it is not exact; the model and its parameters stay as they are."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-3.0, 3.0, (400, 3))
    y = np.sin(X[:, 0]) + X[:, 1] ** 2 + 0.3 * rng.normal(size=400)
    model = KANRegressor(random_state=0).fit(X, y)
    before = model.predict(X)
    named = model.auto_symbolic(X, y)
    assert sympy.simplify(named.symbolic_formula(decimals=0) - sympy.sympify("sin(x0) + x1**2")) == 0
    assert named.get_params() == model.get_params()
    assert_array_equal(model.predict(X), before)
    fixed = model.fix_symbolic(0, 0, 0, "tanh")
    assert fixed._to_read(X, y, None, 0.1) is fixed


@pytest.mark.parametrize("power", [1.5, 0.7, -0.3])
@pytest.mark.parametrize("unit", [1.0, -1e5])
def test_a_power_of_a_column_is_found(power, unit):
    """Behind log x an exponential; behind log(x + b), which fits as well while a spline is behind it, nothing is."""
    x = unit * np.random.RandomState(0).uniform(0.5, 4.0, (300, 1))
    y = (x[:, 0] / unit) ** power
    model = KANRegressor((1,), reg_lambda=1e-3, prune_threshold=1e-2, random_state=0).fit(x, y)
    named = model.auto_symbolic(x, y)
    assert named.fidelity(x, y)["n_splines"] == 0
    assert named.score(x, y) > 1.0 - 1e-12
    if unit == 1.0:
        assert named.symbolic_formula() == sympy.Symbol("x0") ** sympy.Rational(round(10 * power), 10)


def test_knots_follow_the_nodes_of_a_symbolic_network():
    """Pictures of its edges show all rows."""
    X = np.random.RandomState(0).uniform(-1.0, 1.0, (400, 2))
    y = np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)
    model = KANRegressor((5,), reg_lambda=1e-3, prune_threshold=1e-2, random_state=0).fit(X, y).auto_symbolic(X, y)
    assert model.score(X, y) > 1.0 - 1e-12
    nodes = model.network_.activations(X, 1)
    assert np.abs(nodes).max() <= 1.0
    assert_allclose(np.ptp(model.plot_edge(1, 0, 0, X=X).ax_.lines[0].get_ydata()), np.ptp(y), rtol=0.3)


@pytest.mark.parametrize("top", ["x", 0, 1.5])
def test_suggestions_of_no_number(top):
    model, *_ = fitted(grid_size=10)
    with pytest.raises((TypeError, ValueError), match="^top "):
        model.suggest_symbolic(0, 0, 0, top=top)


def test_formula_of_noisy_rows_keeps_what_counts():
    """The given model's loss is corrected for the parameters that it used, not for those of the search's grid."""
    rng = np.random.default_rng(1)
    X = np.column_stack([rng.normal(size=(500, 4)), rng.integers(0, 3, 500) == 0])
    y = np.sin(2.0 * X[:, 1]) + X[:, 4] + rng.normal(size=500)
    model = KANRegressor((), random_state=0).fit(X, y)
    named = model.auto_symbolic(X, y)
    assert {str(symbol) for symbol in named.symbolic_formula().free_symbols} >= {"x1", "x4"}
    assert named.score(X, y) > 0.9 * model.score(X, y)


@pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
def test_formula_of_a_constant_model(Estimator):
    X, y = np.ones((40, 2)), np.arange(40) % 2
    model = Estimator((1,), random_state=0).fit(X, y)
    named = model.auto_symbolic(X, y)
    assert named.symbolic_formula().is_number
    assert_allclose(named.predict(X), model.predict(X))


# --- fine grids -------------------------------------------------------------------------------------------------------


def test_a_steep_function_on_a_fine_grid():
    """Even strengths would take the loss from 2e-4 to 0.2 of the variance before a function is tried."""
    X = np.random.default_rng(0).uniform(0.1, 6.0, (500, 1))
    model = KANRegressor((), grid_size=(5, 10, 20), random_state=0).fit(X, 1.0 / X[:, 0])
    assert model.auto_symbolic(X, 1.0 / X[:, 0]).symbolic_formula() == 1 / sympy.Symbol("x0")


def test_three_periods_of_a_noisy_sine():
    rng = np.random.default_rng(0)
    X = rng.uniform(0.0, 3.0, (800, 1))
    y = np.sin(2.0 * np.pi * X[:, 0]) + 0.1 * rng.normal(size=800)
    symbolic = KANRegressor((), grid_size=(5, 10, 20), random_state=0).fit(X, y).auto_symbolic(X, y)
    assert symbolic.fidelity(X, y)["n_splines"] == 0
    new = rng.uniform(0.0, 3.0, (500, 1))
    assert_allclose(symbolic.predict(new), np.sin(2.0 * np.pi * new[:, 0]), atol=0.05)


@both
def test_a_function_without_a_name_stays_as_good_as_it_was(Estimator):
    rng = np.random.default_rng(1)
    X = rng.uniform(-1.0, 1.0, (600, 1))
    y = np.sin(10.0 * X[:, 0] ** 2) + 0.1 * rng.normal(size=600)
    y = y if Estimator is KANRegressor else (y > 0.0).astype(int)
    model = Estimator((), grid_size=(5, 10, 20), random_state=0).fit(X, y)
    symbolic = model.auto_symbolic(X, y)
    assert symbolic.score(X, y) > model.score(X, y) - 0.02


def test_a_formula_is_defined_on_its_rows():
    rng = np.random.default_rng(0)
    X = rng.uniform(0.0, 0.95, (800, 2))
    mean = (X[:, 0] + X[:, 1]) / (1.0 + X[:, 0] * X[:, 1])
    y = mean + 0.05 * mean.std() * rng.normal(size=800)
    model = KANRegressor((2,), reg_lambda=1e-3, prune_threshold=1e-2, random_state=0).fit(X, y)
    symbolic = model.auto_symbolic(X, y)
    assert np.isfinite(values(symbolic.symbolic_formula(), X)).all()
    assert_allclose(symbolic.predict(X), mean, atol=0.02)


def test_the_formula_of_an_exact_model_with_many_functions():
    """A sparse network is not as exact before its functions have names, but with them."""
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (900, 2))
    y = np.tanh(3.0 * X[:, 0]) + X[:, 1] ** 2
    model = KANRegressor(random_state=0).fit(X[:400], y[:400])
    named = model.auto_symbolic(X[:400], y[:400])
    assert named.fidelity(X[400:], y[400:])["n_splines"] == 0
    assert named.score(X[400:], y[400:]) > 1.0 - 1e-12
    assert named.get_params() == model.get_params()


def test_no_warning_of_numbers_leaks():
    X, y = np.random.default_rng(0).standard_cauchy((100, 1)), np.arange(100) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = KANClassifier((2,), max_iter=10, random_state=0).fit(X, y)
        warnings.simplefilter("error", RuntimeWarning)
        model.auto_symbolic(X, y, library=["x", "x^2", "sin", "exp"])
