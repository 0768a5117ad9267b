"""The formula of a network: its gauge, simple numbers, expressions in the units of the data."""

import numpy as np
import pytest
import samples
import sympy
from numpy.testing import assert_allclose
from scipy.special import erf

from sklearn_kan import KANClassifier, KANRegressor
from sklearn_kan._formula import canonical, evaluate, expressions, from_plain, plain, simple_numbers, snap
from sklearn_kan._losses import SquaredError
from sklearn_kan._simplification import rounded
from sklearn_kan._stage import Rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SYMBOLIC = (
    (0, 0, 0, "sin", [1.3, 0.4, 0.7, 0.1]),
    (0, 1, 0, "x^2", [0.7, 0.3, -0.5, 0.2]),
    (0, 0, 1, "x", [1.2, 0.5, 0.8, -0.3]),
    (0, 1, 1, "exp", [-0.6, 0.2, 0.9, 0.1]),
    (1, 0, 0, "exp", [0.7, 0.3, 0.5, 0.3]),
    (1, 1, 0, "log", [-0.4, 9.0, 1.4, 0.3]),
    (1, 0, 1, "x^3", [-0.7, 0.3, 0.5, 0.3]),
    (1, 1, 1, "arctan", [0.7, 0.3, 0.5, 0.3]),
)


def symbolic_network(seed=0, placed=SYMBOLIC, shape=(2, 2, 2)):
    """All of its edges are symbolic, its inputs in units of their own."""
    rng = np.random.RandomState(seed)
    network = samples.with_symbols(samples.network(rng, list(shape)), *placed)
    for layer in network.layers:
        layer.edge_mask[:] = False
        layer.weights[:] = 0.0
    return type(network)(network.layers, network.offset), samples.inputs(rng, network, 50)


def values(found, X):
    """Of expressions in x0, x1, ... by SymPy's own way to NumPy."""
    symbols = sympy.symbols([f"x{i}" for i in range(X.shape[1])])
    return np.stack([sympy.lambdify(symbols, one, "numpy")(*X.T) * np.ones(len(X)) for one in found], axis=1)


# --- gauge ------------------------------------------------------------------------------------------------------------


def test_plain_and_back():
    network, X = symbolic_network()
    in_units = plain(network)
    assert_allclose(in_units.raw_predict(X), network.raw_predict(X), rtol=1e-12)
    back = from_plain(in_units, network.layers[0])
    assert_allclose(back.weights, network.weights, rtol=1e-12, atol=1e-14)


def test_canonical_is_the_same_function():
    """In the gauge of the formula hidden nodes have no constants, and what is not free is 0 or 1."""
    network, X = symbolic_network()
    found, free = canonical(plain(network))
    assert_allclose(found.raw_predict(X), network.raw_predict(X), rtol=1e-10)
    assert_allclose(found.layers[0].symbols.numbers[:, 3], 0.0)
    for layer, rows in zip(found.layers, free, strict=True):
        fixed = layer.symbols.numbers[~rows]
        assert (np.isclose(fixed, 0.0, atol=1e-12) | np.isclose(np.abs(fixed), 1.0)).all()


def test_a_moved_gauge_gives_the_same_formula():
    network, X = symbolic_network()
    other = network.copy()
    other.layers[1].symbols.rescale_input(0, -0.4, 3.0)
    other.layers[0].symbols.numbers[0, 3] -= -0.4
    other.layers[0].symbols.rescale_output(0, 3.0)
    assert_allclose(other.raw_predict(X), network.raw_predict(X), rtol=1e-10)
    first, second = canonical(plain(network))[0], canonical(plain(other))[0]
    assert_allclose(first.weights, second.weights, rtol=1e-9, atol=1e-12)


# --- simple numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, expected",
    [(0.999, 1.0), (-1.001, -1.0), (2.003, 2.0), (0.3334, 1 / 3), (3.142, np.pi), (1.571, np.pi / 2), (2.718, np.e)],
)
def test_simple_numbers(value, expected):
    found = simple_numbers(value, 0.002)
    assert np.isclose(found, expected, rtol=1e-12).any()
    assert all(abs(number - value) <= 0.002 * max(abs(number), abs(value)) for number in found)


def test_no_simple_number_is_near():
    assert simple_numbers(0.6931, 1e-4) == []


def test_snapping():
    """Numbers that are simple but for an error become so; others stay as the rows have them."""
    placed = ((0, 0, 0, "sin", [3.14, 0.01, 1.02, 0.0]), (0, 1, 0, "x", [1.0, 0.0, 0.7123, 0.31]))
    network, _ = symbolic_network(placed=placed, shape=(2, 1))
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (200, 2))
    network = from_plain(network, network.layers[0])
    y = np.sin(np.pi * X[:, 0]) + 0.7321 * X[:, 1] + 0.25
    rows = Rows(X, y[:, None], np.ones(len(X)))
    found = snap(network, SquaredError(), rows, y.var(), np.ones(1), np.zeros(1))
    assert_allclose(found.raw_predict(X)[:, 0], y, rtol=1e-9)
    x0, x1 = sympy.symbols("x0 x1")
    expected = sympy.sin(sympy.pi * x0) + sympy.Rational(1, 4) + sympy.Float(0.7321) * x1
    formula = expressions(found, ["x0", "x1"], np.ones(1), np.zeros(1))[0]
    assert sympy.N(formula - expected, 8, chop=True).subs({x0: 0.3, x1: 0.4}) == pytest.approx(0.0, abs=1e-9)
    assert formula.has(sympy.sin(sympy.pi * x0))


# --- expressions ------------------------------------------------------------------------------------------------------


def test_expressions_are_the_network():
    """To 1e-10, by SymPy's way to NumPy and by our own; in any units of the outputs."""
    network, X = symbolic_network()
    units, center = np.array([2.0, 0.3]), np.array([-1.0, 5.0])
    found = expressions(network, ["x0", "x1"], units, center)
    expected = network.raw_predict(X) * units + center
    assert_allclose(values(found, X), expected, rtol=1e-10, atol=1e-10)
    columns = {"x0": X[:, 0], "x1": X[:, 1]}
    assert_allclose(
        np.stack([evaluate(one, columns, network, [None, None]) for one in found], axis=1), expected, rtol=1e-10
    )


def test_cosines_of_sums_may_be_a_product():
    """cos(b - arcsin(a)) - cos(b + arcsin(a)) = 2 a sin(b): shorter, and known beyond the domain of arcsin."""
    placed = [
        *((0, 0, j, "arcsin", [np.pi / 4.0, 0.0, sign, 0.0]) for j, sign in enumerate((-1.0, 1.0))),
        *((0, 1, j, "x", [1.0, 0.0, 1.0, 0.0]) for j in (0, 1)),
        *((1, i, 0, "cos", [1.0, 0.0, sign * 2.0 / np.pi, 0.0]) for i, sign in enumerate((1.0, -1.0))),
    ]
    network, X = symbolic_network(placed=placed, shape=(2, 2, 1))
    expected = network.raw_predict(X)[:, 0]
    network.layers[1].symbols.numbers[1, 2] *= 1.0 + 1e-14
    (found,) = expressions(network, ["x0", "x1"], np.ones(1), np.zeros(1))
    assert not found.has(sympy.asin, sympy.cos) and found.has(sympy.sin)
    assert_allclose(values([found], X)[:, 0], expected, atol=1e-10)
    assert_allclose(values([rounded(found, 6)], X)[:, 0], expected, atol=1e-4)


def test_an_expression_can_be_read_again():
    network, X = symbolic_network()
    found = expressions(network, ["x0", "x1"], np.ones(2), np.zeros(2))
    again = [sympy.sympify(str(one)) for one in found]
    assert_allclose(values(again, X), network.raw_predict(X), rtol=1e-10, atol=1e-10)


def test_splines_stay_as_functions():
    """Beside symbols: `evaluate` takes the splines of the network for them."""
    rng = np.random.RandomState(0)
    network = samples.with_symbols(samples.network(rng, [2, 2, 1]), *SYMBOLIC[:2])
    X = samples.inputs(rng, network, 50)
    (found,) = expressions(network, ["x0", "x1"], np.ones(1), np.zeros(1))
    assert {type(one).__name__ for one in found.atoms(sympy.core.function.AppliedUndef)} == {
        "phi_0_0_1",
        "phi_0_1_1",
        "phi_1_0_0",
        "phi_1_1_0",
    }
    columns = {"x0": X[:, 0], "x1": X[:, 1]}
    assert_allclose(evaluate(found, columns, network, [None, None]), network.raw_predict(X)[:, 0], rtol=1e-9)


def test_decimals():
    network, _ = symbolic_network()
    for one in expressions(network, ["x0", "x1"], np.ones(2), np.zeros(2)):
        for number in rounded(one, 2).atoms(sympy.Float):
            assert float(number) == pytest.approx(round(float(number), 2), abs=1e-9)


# --- of estimators ----------------------------------------------------------------------------------------------------


def line(low=0.0, high=20.0, n=60):
    return np.linspace(low, high, n)[:, None]


def test_units_of_the_data():
    """y = 4 x + 4 z, of columns in units of their own, reads like that."""
    X = np.random.default_rng(0).uniform([0.0, 500.0], [1.0, 900.0], (200, 2))
    y = 4.0 * X[:, 0] + 4.0 * X[:, 1]
    formula = KANRegressor((), random_state=0).fit(X, y).auto_symbolic(X, y).symbolic_formula()
    assert formula == 4 * sympy.Symbol("x0") + 4 * sympy.Symbol("x1")


def test_names():
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(line(), columns=["price"])
    model = KANRegressor((), random_state=0).fit(X, 3.0 * X["price"] + 5.0)
    model = model.auto_symbolic(X, 3.0 * X["price"] + 5.0)
    assert str(model.symbolic_formula()) == "3*price + 5"
    assert str(model.symbolic_formula(["p"])) == "3*p + 5"
    assert model.to_latex() == "3 price + 5"
    with pytest.raises(ValueError, match="feature_names"):
        model.symbolic_formula(["p", "q"])
    model = KANRegressor((), max_iter=2, random_state=0).fit(np.eye(2), [0.0, 1.0])
    with pytest.raises(ValueError, match="feature_names must differ"):
        model.symbolic_formula(["p", "p"])


@pytest.mark.parametrize("decimals", [1.5, "2"])
def test_wrong_decimals(decimals):
    model = KANRegressor((), random_state=0).fit(line(), line()[:, 0])
    with pytest.raises(ValueError, match="decimals must be an integer or None"):
        model.symbolic_formula(decimals=decimals)


UNITS = {
    "temperature": (lambda u: 300.0 + 50.0 * u, lambda u: np.tanh(3.0 * u[:, 0])),
    "years": (lambda u: 2000.0 + 20.0 * u, lambda u: np.exp(u[:, 0]) + 3.0 * u[:, 1]),
    "a large column": (lambda u: 1e13 * u, lambda u: u[:, 0] ** 2 - u[:, 1]),
    "a small column": (lambda u: 1e-5 * u, lambda u: np.sin(3.0 * u[:, 0]) + np.cos(2.0 * u[:, 1])),
    "a small target": (lambda u: 2.0 + u, lambda u: 8.85e-12 / (2.0 + u[:, 0]) + 1e-11),
    "many waves": (lambda u: 3e5 + 1e4 * u, lambda u: np.tanh(3.0 * u[:, 0]) + np.arctan(5.0 * u[:, 1])),
}


def test_products_in_any_units_are_products():
    """The logarithms of their columns add up to large constants."""
    rng = np.random.RandomState(0)
    mass, speed = rng.uniform(1.0, 5.0, 400), rng.uniform(1.0, 100.0, 400)
    for unit_of_mass, unit_of_speed in ((1.0, 1.0), (1.0, 1e4), (1e-27, 1e3), (1e24, 1e-3)):
        X = np.column_stack([mass * unit_of_mass, speed * unit_of_speed])
        y = 0.5 * X[:, 0] * X[:, 1] ** 2
        model = KANRegressor((1,), reg_lambda=1e-3, prune_threshold=1e-2, random_state=0).fit(X, y)
        named = model.auto_symbolic(X, y)
        assert named.to_latex() == "0.5 x_{0} x_{1}^{2}"
        assert named.fidelity(X, y)["formula_vs_data"] > 1.0 - 1e-12


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_numbers_keep_the_decimals_that_values_need(noise):
    x = np.random.RandomState(0).uniform(0.0, 360.0, (400, 1))
    y = 5.0 * np.sin(np.deg2rad(x[:, 0])) + noise * np.random.RandomState(1).normal(size=400)
    model = KANRegressor((), reg_lambda=1e-3, prune_threshold=1e-2, random_state=0).fit(x, y).auto_symbolic(x, y)
    assert model.fidelity(x, y, decimals=4)["formula_vs_model"] > 1.0 - 1e-7
    assert len(model.to_latex()) < 40


def test_numbers_of_tables_keep_the_decimals_that_values_need():
    """Values of categories and of what is missing are looked at, too."""
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.randint(0, 3, 300), rng.randint(0, 3, 300), rng.uniform(size=300)]).astype(float)
    X[::9, 2] = np.nan
    y = 1e-5 * (X[:, 0] - 2.0 * (X[:, 1] == 1) + np.nan_to_num(X[:, 2], nan=0.5))
    model = KANRegressor((), categorical_features=[0, 1], random_state=0).fit(X, y).auto_symbolic(X, y)
    assert model.fidelity(X, y, decimals=4)["formula_vs_model"] > 1.0 - 1e-6
    assert max(len(word) for word in model.to_latex().split()) < 25


def test_numbers_of_counts_are_rounded():
    rng = np.random.RandomState(0)
    X = rng.uniform(0.0, 2.0, (400, 2))
    y = rng.poisson(10.0 * np.exp(X[:, 0]))
    model = KANRegressor((), loss="poisson", reg_lambda=1e-3, prune_threshold=1e-2, random_state=0).fit(X, y)
    factor, _ = model.auto_symbolic(X, y).symbolic_formula(decimals=2).as_coeff_Mul()
    assert factor == sympy.Float(round(float(factor), 2))


@pytest.mark.parametrize("name", UNITS)
def test_formulas_bear_any_units(name):
    """No number is a rounding error beside 1, none overflows, and no form is kept that has other values."""
    column, target = UNITS[name]
    u = np.random.RandomState(0).uniform(-1.0, 1.0, (300, 2))
    X, y = column(u), target(u)
    model = KANRegressor((), reg_lambda=1e-3, prune_threshold=1e-2, random_state=0).fit(X, y).auto_symbolic(X, y)
    assert_allclose(values([model.symbolic_formula()], X)[:, 0], y, atol=1e-6 * np.ptp(y))
    assert model.fidelity(X, y, decimals=4)["formula_vs_data"] > 0.99


def test_an_exponential_far_from_zero_has_a_whole_constant():
    year = np.linspace(1980.0, 2020.0, 200)[:, None]
    y = 5.0 * np.exp(0.05 * (year[:, 0] - 2000.0))
    model = KANRegressor((), random_state=0).fit(year, y).auto_symbolic(year, y)
    formula = model.symbolic_formula(["year"], decimals=6)
    assert str(formula) == "5*exp(0.05*year - 100)"
    assert model.to_latex(["t"]) == "5 e^{0.05 t - 100}"
    assert float(formula.diff("year").subs("year", 2000)) == pytest.approx(0.25, rel=1e-6)
    assert float(sympy.solve(formula - 5)[0]) == pytest.approx(2000.0)


def test_naming_functions_keeps_the_model_in_units_that_do_not_bear_it():
    """exp(100 (x - 7)) overflows in the units of the data."""
    u = np.random.RandomState(0).uniform(-1.0, 1.0, (300, 2))
    X, y = 7.0 + 0.01 * u, u[:, 0] / (2.0 + u[:, 1])
    model = KANRegressor((1,), reg_lambda=1e-3, prune_threshold=1e-2, random_state=0).fit(X, y)
    named = model.auto_symbolic(X, y)
    assert 1.0 - named.score(X, y) <= 1.3 * (1.0 - model.score(X, y))
    assert named.fidelity(X, y)["formula_vs_model"] > 1.0 - 1e-6


def test_names_and_categories_in_latex():
    """Those that are no identifiers are texts, in which no character means anything to LaTeX."""
    pd = pytest.importorskip("pandas")
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(
        {"price (%)": rng.uniform(size=200), "kind": rng.choice(["R&D", "50%", "a_{b", "x^2~\\"], 200)}
    )
    frame.loc[::7, "price (%)"] = np.nan
    y = np.nan_to_num(frame["price (%)"]) + 2.0 * (frame["kind"] == "R&D") + (frame["kind"] == "50%")
    found = KANRegressor((), random_state=0).fit(frame, y).auto_symbolic(frame, y).to_latex()
    assert r"\text{price (\%)}" in found
    for text in (r"'R\&D'", r"'50\%'", r"'a\_\{b'", r"'x\^{}2\~{}", "missing"):
        assert rf"\text{{{text}" in found
    model = KANRegressor((), random_state=0).fit(frame[["price (%)"]].fillna(0.5), y)
    assert r"\text" not in model.to_latex(["speed_0"])


def test_outputs():
    """A list where predictions have an axis of outputs."""
    X = line(-1.0, 1.0)
    y = np.hstack([2.0 * X, np.exp(X)])
    model = KANRegressor((), random_state=0).fit(X, y).auto_symbolic(X, y)
    formulas = model.symbolic_formula()
    assert [str(one) for one in formulas] == ["2*x0", "exp(x0)"]
    assert model.to_latex() == ["2 x_{0}", "e^{x_{0}}"]
    assert_allclose(values(formulas, X), model.predict(X), rtol=1e-10, atol=1e-10)
    single = KANRegressor((), random_state=0).fit(X, y[:, :1])
    assert isinstance(single.symbolic_formula(), list)


def test_log_odds():
    """The formula of a classifier is that of its decision function; with two classes there is one."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.0, 1.0, (400, 1))
    y = np.where(rng.uniform(size=400) < 1.0 / (1.0 + np.exp(-3.0 * X[:, 0])), "yes", "no")
    model = KANClassifier((), random_state=0).fit(X, y).fix_symbolic(0, 0, 0, "x")
    formula = model.symbolic_formula()
    assert_allclose(values([formula], X)[:, 0], model.decision_function(X), rtol=1e-10, atol=1e-10)
    assert float(formula.coeff(sympy.Symbol("x0"))) > 0.0
    report = model.fidelity(X, y)
    assert report["formula_vs_data"] == report["model_vs_data"] == model.score(X, y)


def test_several_classes():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.0, 1.0, (200, 1))
    y = np.digitize(X[:, 0], [-0.3, 0.3])
    model = KANClassifier((), random_state=0, alpha=0.1).fit(X, y)
    for j in range(3):
        model = model.fix_symbolic(0, 0, j, "x^2")
    assert_allclose(values(model.symbolic_formula(), X), model.decision_function(X), rtol=1e-10, atol=1e-10)


def test_counts():
    """loss='poisson' predicts the exponential of the network."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0.0, 2.0, (300, 1))
    y = rng.poisson(np.exp(1.0 + X[:, 0]))
    model = KANRegressor((), loss="poisson", random_state=0).fit(X, y).fix_symbolic(0, 0, 0, "x")
    assert_allclose(values([model.symbolic_formula()], X)[:, 0], model.predict(X), rtol=1e-10)


def erf_slope(x):
    return 2.0 / np.sqrt(np.pi) * np.exp(-(x**2))


def sinc(x):
    return np.sinc(x / np.pi)


def sinc_slope(x):
    return (np.cos(x) - sinc(x)) / x


def relu(x):
    return np.maximum(x, 0.0)


def step(x):
    return np.where(x > 0.0, 1.0, 0.0)


def sympy_relu(u):
    return sympy.Max(u, 0)


def sinc_by_cases(u):
    return sympy.Piecewise((1, sympy.Eq(u, 0)), (sympy.sin(u) / u, True))


def relu_by_cases(u):
    return sympy.Piecewise((u, sympy.And(u > 0, u < 100)), (0, True))


OWN = {
    "erf": (erf, erf_slope, sympy.erf),
    "sinc": (sinc, sinc_slope, sympy.sinc),
    "relu": (relu, step, sympy_relu),
    "by cases": (relu, step, relu_by_cases),
    "sinc by cases": (sinc, sinc_slope, sinc_by_cases),
}


@pytest.mark.parametrize("name", OWN)
def test_functions_of_ones_own(name):
    """Whatever SymPy calls them: NumPy's function of that name may be another one."""
    x = np.random.RandomState(0).uniform(-1.0, 1.0, (100, 1))
    y = 2.0 * OWN[name][0](1.5 * x[:, 0] - 0.3) + 1.0
    model = KANRegressor((), random_state=0).fit(x, y).fix_symbolic(0, 0, 0, name, X=x, library={name: OWN[name]})
    assert model.fidelity(x, y)["formula_vs_model"] > 1.0 - 1e-9
    formula = sympy.lambdify(sympy.Symbol("x0"), model.symbolic_formula(), ["scipy", "numpy"])
    assert_allclose(formula(x[:, 0]), model.predict(x), atol=1e-9)
    assert "x_{0}" in model.to_latex()


def test_rounding_shows_in_the_fidelity():
    X = line(-1.0, 1.0)
    y = np.exp(0.444 * X[:, 0])
    model = KANRegressor((), random_state=0).fit(X, y).auto_symbolic(X, y)
    exact, rounded = model.fidelity(X, y), model.fidelity(X, y, decimals=1)
    assert exact["formula_vs_model"] > 1.0 - 1e-12
    assert rounded["formula_vs_model"] < 0.999
    values_rounded = values([model.symbolic_formula(decimals=1)], X)[:, 0]
    expected = 1.0 - np.mean((values_rounded - y) ** 2) / y.var()
    assert rounded["formula_vs_data"] == pytest.approx(expected, abs=1e-9)


def test_a_formula_that_is_not_defined_somewhere():
    """The model holds the argument inside of the domain; the formula does not, and the report says so."""
    X = line(0.5, 2.0)
    model = KANRegressor((), random_state=0).fit(X, np.log(X[:, 0])).auto_symbolic(X, np.log(X[:, 0]))
    assert str(model.symbolic_formula()) == "log(x0)"
    outside = np.array([[-1.0], [1.0]])
    assert np.isfinite(model.predict(outside)).all()
    assert model.fidelity(outside, [0.0, 0.0])["formula_vs_model"] == -np.inf


@pytest.mark.parametrize("rate", [-800.0, 400.0, 800.0])
def test_an_exponential_whose_exponents_are_far_apart_keeps_its_term(rate):
    X = np.linspace(0.0, 2.0, 200)[:, None]
    model = KANRegressor((), random_state=0).fit(X, np.exp(4.0 * (X[:, 0] - 2.0))).fix_symbolic(0, 0, 0, "exp")
    [layer] = model.network_.layers
    layer.symbols.numbers[0] = [rate * layer.scale[0], rate * (layer.center[0] - (rate > 0.0) * 2.0), 1.0, 0.0]
    expected = model.predict(X)
    assert np.ptp(expected) > 0.1
    assert model.fidelity(X, expected)["formula_vs_model"] > 1.0 - 1e-8
