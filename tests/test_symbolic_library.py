"""Named functions are what they say, and what is one of them is found again."""

import pickle

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import erf, expit

from sklearn_kan._affine_fit import fit_affine
from sklearn_kan._symbolic_library import LIBRARY, SymbolicFunction, resolve_library
from sklearn_kan._symbols import number_gradient, slope, value

symbols = pytest.mark.parametrize("symbol", LIBRARY.values(), ids=list(LIBRARY))
N_CASES = 20
KNOWN_MISSES = 1


def erf_slope(u):
    return 2.0 / np.sqrt(np.pi) * np.exp(-(u**2))


def inside(symbol, n, rng):
    """Points well inside of the domain, none near a kink."""
    low, high = np.clip(symbol.domain, -2.5, 2.5)
    u = rng.uniform(low + 0.02, high - 0.02, n)
    return u[np.abs(u) > 0.01]


def member(symbol, rng):
    """Numbers a and b for t in [-1, 1]: of steep and flat, centred and remote pieces of a function."""
    sign = rng.choice([-1.0, 1.0])
    low, high = symbol.domain
    name = symbol.name
    if symbol.fixed == "ab":
        return 1.0, 0.0
    if symbol.fixed == "b":
        return sign * 10.0 ** rng.uniform(-0.7, 1.0), 0.0
    if np.isfinite(high):
        left, right = 10.0 ** rng.uniform(-6.0, -0.3, 2)
        return 0.5 * high * (2.0 - right - left), 0.5 * high * (left - right)
    if low == 0.0:
        return sign, 1.0 + 10.0 ** rng.uniform(-4.0, 1.0)
    if symbol.kinked:
        return 1.0, rng.uniform(-0.9, 0.9)
    if symbol.fixed == "a":
        return 1.0, rng.choice([rng.uniform(-1.0, 1.0), sign * (1.0 + 10.0 ** rng.uniform(-2.0, 1.0))])
    if symbol.half_period:
        return rng.uniform(0.5, 8.0), rng.uniform(-np.pi, np.pi)
    a = 10.0 ** rng.uniform(-0.3, 0.7 if name in ("sinh", "cosh") else 1.0)
    return a, a * rng.uniform(-1.0, 1.0)


def members(symbol, n_cases, n=200, seed=0):
    rng = np.random.RandomState(seed)
    for _ in range(n_cases):
        t = np.concatenate([[-1.0, 1.0], rng.uniform(-1.0, 1.0, n - 2)])
        a, b = member(symbol, rng)
        c, d = rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-1.0, 1.0), rng.normal()
        yield t, (a, b, c, d)


def smooth(t):
    return np.sin(3.0 * t) + t**3


# --- the functions ----------------------------------------------------------------------------------------------------


@symbols
def test_derivatives(symbol):
    u = inside(symbol, 50, np.random.RandomState(0))
    step = 1e-6
    expected = (symbol.function(u + step) - symbol.function(u - step)) / (2.0 * step)
    assert_allclose(symbol.derivative(u), expected, rtol=1e-5, atol=1e-6)


@symbols
def test_sympy_says_the_same(symbol):
    u = inside(symbol, 50, np.random.RandomState(1))
    x = sympy.Symbol("x", real=True)
    assert_allclose(sympy.lambdify(x, symbol.sympy(x))(u), symbol.function(u), rtol=1e-12)


@symbols
@pytest.mark.filterwarnings("error")
def test_any_shape_and_number_without_warnings(symbol):
    u = np.array([[[-1e300, -2.0, -1.0], [0.0, 1.0, 800.0]]])
    for function in (symbol.function, symbol.derivative):
        assert function(u).shape == u.shape
        assert function(np.array([1, 2])).shape == (2,)


@symbols
def test_pickle(symbol):
    again = pickle.loads(pickle.dumps(symbol))
    u = inside(symbol, 5, np.random.RandomState(2))
    assert_allclose(again.function(u), symbol.function(u))


@symbols
def test_value_slope_and_gradient(symbol):
    t, numbers = next(members(symbol, 1))
    numbers, t = np.array(numbers), np.sort(t)[5:-5]
    t = t[np.abs(numbers[0] * t + numbers[1]) > 1e-4]
    step = 1e-7
    expected = (value(symbol, numbers, t + step) - value(symbol, numbers, t - step)) / (2.0 * step)
    size = 1.0 + np.abs(expected).max()
    assert_allclose(slope(symbol, numbers, t), expected, atol=1e-5 * size)
    gradient = number_gradient(symbol, numbers, t)
    for k, move in enumerate(step * np.eye(4)):
        expected = (value(symbol, numbers + move, t) - value(symbol, numbers - move, t)) / (2.0 * step)
        assert_allclose(gradient[:, k], expected, atol=1e-5 * size)


def test_simple_functions_are_least_complex():
    complexity = {name: symbol.complexity for name, symbol in LIBRARY.items()}
    assert min(complexity, key=complexity.get) == "x"
    assert complexity["x^2"] < complexity["x^3"] < complexity["x^4"] < complexity["x^5"]
    assert complexity["sin"] < complexity["tanh"] < complexity["arctanh"]


# --- the fit ----------------------------------------------------------------------------------------------------------


@symbols
def test_members_are_found_again(symbol):
    missed = 0
    for t, numbers in members(symbol, N_CASES):
        y = value(symbol, numbers, t)
        fit = fit_affine(symbol, t, y)
        u = fit.numbers[0] * t + fit.numbers[1]
        assert symbol.domain[0] <= u.min() and u.max() <= symbol.domain[1]
        missed += not 1.0 - fit.r2 < 1e-14
        if 1.0 - fit.r2 < 1e-14:
            assert_allclose(value(symbol, fit.numbers, t), y, atol=1e-6 * np.ptp(y))
            assert_allclose(abs(fit.numbers[0]), abs(numbers[0]), rtol=1e-7)
    assert missed <= KNOWN_MISSES


@symbols
def test_any_values_keep_to_the_domain(symbol):
    rng = np.random.RandomState(0)
    for offset, width in ((0.0, 1.0), (1e3, 1e-1), (-5.0, 1e4)):
        t = offset + width * rng.uniform(-1.0, 1.0, 100)
        fit = fit_affine(symbol, t, rng.normal(size=100))
        a, b = fit.numbers[:2]
        low, high = symbol.domain
        u = a * t + b
        if symbol.closed:
            assert low <= u.min() and u.max() <= high
        else:
            assert low < u.min() and u.max() < high
        assert "a" not in symbol.fixed or abs(a) == 1.0
        assert not symbol.mirrored or low != -high or a > 0.0
        assert symbol.half_period is None or abs(b) <= np.pi
        assert np.isfinite(value(symbol, fit.numbers, t)).all()


@symbols
def test_r2_is_that_of_the_numbers(symbol):
    t = np.random.RandomState(0).uniform(0.5, 3.0, 150)
    y = smooth(t)
    fit = fit_affine(symbol, t, y)
    errors = y - value(symbol, fit.numbers, t)
    assert_allclose(fit.r2, 1.0 - np.sum(errors**2) / np.sum((y - y.mean()) ** 2), atol=1e-8)


@symbols
def test_no_other_function_is_taken_for_a_member(symbol):
    t = np.random.RandomState(0).uniform(-1.0, 1.0, 200)
    assert fit_affine(symbol, t, smooth(t)).r2 < 1.0 - 1e-5


@symbols
def test_noise(symbol):
    rng = np.random.RandomState(0)
    assert fit_affine(symbol, rng.uniform(-1.0, 1.0, 300), rng.normal(size=300)).r2 < 0.15


@pytest.mark.parametrize("name", ["x^2", "exp", "sin", "tanh", "arctan", "log"])
@given(exponent=st.integers(-8, 8), sign=st.sampled_from([-1.0, 1.0]))
@settings(max_examples=10, deadline=None)
def test_r2_knows_no_scale(name, exponent, sign):
    t = np.linspace(-1.0, 1.0, 80)
    fit = fit_affine(LIBRARY[name], t, smooth(t))
    scaled = fit_affine(LIBRARY[name], t, sign * 10.0**exponent * smooth(t))
    assert_allclose(scaled.r2, fit.r2, atol=1e-6)


@symbols
@pytest.mark.parametrize("constant", [0.0, 0.1, -3e8])
def test_constant_values(symbol, constant):
    t = np.linspace(-3.0, 2.0, 50)
    fit = fit_affine(symbol, t, np.full(50, constant))
    assert fit.r2 == 1.0
    assert fit.numbers[2] == 0.0
    assert_allclose(value(symbol, fit.numbers, t), constant, rtol=1e-14)
    assert_allclose(slope(symbol, fit.numbers, t), 0.0)


@symbols
def test_a_single_place(symbol):
    fit = fit_affine(symbol, np.full(4, 2.0), np.arange(4.0))
    assert_allclose(value(symbol, fit.numbers, np.full(4, 2.0)), 1.5)
    assert_allclose(fit.r2, 0.0, atol=1e-15)


@symbols
def test_weights_are_repetitions(symbol):
    rng = np.random.RandomState(0)
    t, weight = rng.uniform(-1.0, 1.0, 60), rng.randint(1, 4, 60)
    y = smooth(t)
    weighted = fit_affine(symbol, t, y, weight)
    repeated = fit_affine(symbol, np.repeat(t, weight), np.repeat(y, weight))
    assert_allclose(weighted.r2, repeated.r2, atol=1e-6)


@pytest.mark.parametrize("name, a, b", [("sin", 1.0, 0.0), ("sin", 2.5, 0.0), ("exp", 1.0, 0.0), ("log", 1.0, 0.0)])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_simple_numbers_come_out_exactly(name, a, b, sign):
    t = np.linspace(0.3, 4.0, 150)
    fit = fit_affine(LIBRARY[name], t, sign * 2.0 * LIBRARY[name].function(a * t + b) + 1.0)
    assert fit.numbers[1] == b
    assert fit.numbers[0] == a if a == 1.0 else fit.numbers[0] == pytest.approx(a, rel=1e-9)
    assert_allclose(fit.numbers[2:], [2.0 * sign, 1.0], rtol=1e-7)


def test_roots_that_begin_with_the_data():
    t = np.linspace(3.0, 5.0, 100)
    fit = fit_affine(LIBRARY["sqrt"], t, np.sqrt(t - 3.0))
    assert_allclose(fit.numbers, [1.0, -3.0, 1.0, 0.0], atol=1e-7)
    assert 1.0 - fit.r2 < 1e-14


def test_an_exponential_far_from_zero():
    t = np.linspace(1000.0, 1001.0, 100)
    assert 1.0 - fit_affine(LIBRARY["exp"], t, np.exp(3.0 * (t - 1000.0))).r2 < 1e-14


# --- a user's library -------------------------------------------------------------------------------------------------


def test_libraries():
    assert resolve_library(None) == LIBRARY
    assert list(resolve_library(["sin", "x"])) == ["sin", "x"]
    library = resolve_library({"erf": (erf, erf_slope, sympy.erf), "x": None, "sine": LIBRARY["sin"]})
    assert [symbol.name for symbol in library.values()] == ["erf", "x", "sine"]
    assert library["erf"].complexity == 3.0
    t = np.linspace(-1.0, 1.0, 100)
    fit = fit_affine(library["erf"], t, 2.0 * erf(1.0 - 3.0 * t))
    assert 1.0 - fit.r2 < 1e-14


def test_functions_on_a_half_line():
    """Of a user's own, with both numbers free."""
    t = np.linspace(-1.0, 1.0, 100)
    upper = SymbolicFunction("entropy", entropy, entropy_slope, entropy_sympy, domain=(0.0, np.inf))
    lower = SymbolicFunction("mirrored", entropy_of_minus, slope_of_minus, entropy_sympy, domain=(-np.inf, 0.0))
    for symbol in (upper, lower):
        fit = fit_affine(symbol, t, 3.0 * entropy(2.0 * t + 2.5))
        assert 1.0 - fit.r2 < 1e-12


def entropy(u):
    return u * np.log(u)


def entropy_slope(u):
    return np.log(u) + 1.0


def entropy_of_minus(u):
    return entropy(-u)


def slope_of_minus(u):
    return -entropy_slope(-u)


def entropy_sympy(u):
    return u * sympy.log(u)


def test_wrong_libraries():
    def local(u):
        return u

    for library, words in (
        ("sin", "list"),
        (3, "library must be"),
        ([], "at least one"),
        ([1], "strings"),
        (["sine"], "'sin'"),
        (["qqqq"], "names are x, "),
        ({"nothing": None}, "not among"),
        ({"f": np.sin}, "tuple"),
        ({"f": (np.sin, np.cos)}, "tuple"),
        ({"f": (np.sin, 1.0, sympy.sin)}, "derivative of 'f' is 1.0"),
        ({"f": (lambda u: u, np.cos, sympy.sin)}, "function that cannot be imported"),
        ({"f": (np.sin, local, sympy.sin)}, "derivative that cannot be imported"),
        ({"f": SymbolicFunction("f", expit, np.cos, local)}, "sympy that cannot be imported"),
    ):
        with pytest.raises(ValueError, match="library") as error:
            resolve_library(library)
        assert words in str(error.value)
