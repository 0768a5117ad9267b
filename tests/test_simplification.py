"""Short forms of expressions with decimal numbers: the same values, fewer operations."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_kan._simplification import number, rounded, shortest

x, y, z = sympy.symbols("x y z", positive=True)


def values(expression, *symbols):
    """At points between 0.5 and 2."""
    points = np.random.default_rng(0).uniform(0.5, 2.0, (len(symbols), 20))
    return sympy.lambdify(symbols, expression, "numpy")(*points) * np.ones(20)


def test_a_function_of_a_number():
    phi = sympy.Function("phi_1_0_0")
    assert rounded(2.34567 * phi(sympy.Float(0.512)) + x, 2) == sympy.Float("2.35") * phi(sympy.Float("0.51")) + x


def test_number():
    assert number(1.0 / 3.0) == sympy.Rational(1, 3)
    assert number(-0.75 * np.pi) == -3 * sympy.pi / 4
    assert number(0.5 + 1e-9) != sympy.Rational(1, 2)
    assert number(0.5 + 1e-9, rounding=1e-8) == sympy.Rational(1, 2)


@pytest.mark.parametrize("error", [0.0, 1e-11])
def test_a_quotient_by_tanh(error):
    """c - c tanh(log(w / x) / 2 + k) = 2 c x / (x + e^2k w), here of a w in which x cancels."""
    c = 0.5 * np.exp(2.0)
    w = -np.exp(-2.0) * (1.0 + error) * x + y + z
    expression = c * (1.0 + error) - c * sympy.tanh(-sympy.log(x) / 2 + sympy.log(w) / 2 + 1)
    assert shortest(expression) == x / (y + z)


def test_a_quotient_by_atanh():
    """exp(2 atanh(u)) = (1 + u) / (1 - u)."""
    u = 1 - 5 * sympy.pi / (4 * (x + 5 * sympy.pi / 8))
    assert shortest(5 * sympy.pi / 8 * sympy.exp(2 * sympy.atanh(u)) / y) == x / y


def test_an_absolute_value_whose_sign_makes_no_difference():
    u = sympy.Symbol("u", real=True)
    even = u * sympy.sin(u) - 0.5 * sympy.sin(u) ** 2 + 0.5 * sympy.sin(sympy.Abs(u)) ** 2
    assert shortest(even) == u * sympy.sin(u)
    assert shortest(sympy.cos(2.5 * sympy.Abs(u + 1.5))) == sympy.cos(2.5 * u + 3.75)
    for needed in (sympy.Abs(u) + 1, sympy.cos(sympy.Abs(u) + 1), sympy.sin(sympy.Abs(u)) ** 3):
        assert shortest(needed) == needed


def test_squares_of_sines_cancel_with_cosines_of_twice_the_angle():
    """Of x y as a difference of squares, a square that its own node has as a cosine."""
    root = np.sqrt(0.5)
    square = root * (root * x + sympy.sin(2 * y)) ** 2
    expression = square - 0.5 * root * x**2 + 0.5 * root * sympy.cos(4 * y) - 0.5 * root + z
    assert shortest(expression) == x * sympy.sin(2 * y) + z
    assert shortest(1.5 * sympy.sin(x) ** 2 + y) == 1.5 * sympy.sin(x) ** 2 + y


def test_nothing_cancels_by_chance():
    """Numbers that are near each other but for more than rounding are two."""
    expression = 1 - 1.0000001 * sympy.tanh(sympy.log(x) / 2 - sympy.log(y) / 2)
    assert_allclose(values(shortest(expression), x, y), values(expression, x, y), rtol=1e-12)


@pytest.mark.parametrize(
    "expression",
    [
        sympy.tanh(x),
        sympy.tanh(sympy.log(x)),
        2 * sympy.tanh(0.3 * x + sympy.sin(y)) + sympy.atanh(z / 4),
        sympy.exp(sympy.atanh(x / 3) + y),
    ],
)
def test_what_is_short_stays(expression):
    assert shortest(expression) == expression


_LEAVES = st.sampled_from([x, y, z, sympy.Integer(2), sympy.Float(0.7123), sympy.Rational(1, 3), sympy.pi])
_EXPRESSIONS = st.recursive(
    _LEAVES,
    lambda parts: st.one_of(
        st.builds(sympy.Add, parts, parts),
        st.builds(sympy.Mul, parts, parts),
        st.builds(lambda part: sympy.tanh(part / 4), parts),
        st.builds(lambda part: sympy.exp(-part / 4), parts),
        st.builds(lambda part: sympy.log(1 + part**2), parts),
        st.builds(lambda part: 1 / (1 + part**2), parts),
        st.builds(sympy.sin, parts),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(_EXPRESSIONS)
def test_a_shorter_form_is_the_same_function(expression):
    found = shortest(expression)
    assert found.count_ops() <= expression.count_ops()
    assert_allclose(values(found, x, y, z), values(expression, x, y, z), rtol=1e-7, atol=1e-9)


def test_rounded():
    expression = sympy.Float(1.2345) * x ** sympy.Rational(1, 3) + 2 * sympy.pi * y / 3 + sympy.exp(0.4444 * z) - 2
    expected = 1.23 * x ** sympy.Rational(1, 3) + 2.09 * y + sympy.exp(0.44 * z) - 2
    assert rounded(expression, 2) == expected
    assert rounded(expression, None) is expression
    assert rounded(0.9999 * x + 0.0001 * y, 2) == x
    assert rounded(sympy.pi * 10, 1) == sympy.Float(31.4)
    assert isinstance(rounded(sympy.Float(1.999), 1), sympy.Integer)


def test_small_formulas_keep_their_digits():
    """The law of gravity in units of the SI has a factor that four decimals would not show."""
    assert rounded(sympy.Float(6.67428e-11) * x * y / z**2, 4) == sympy.Float(6.674e-11) * x * y / z**2
    assert rounded(sympy.Float(0.0123456) * x + sympy.Float(3e-7), 3) == sympy.Float(0.0123) * x
    assert rounded(sympy.Float(1.23456) + sympy.Float(3e-7) * x, 3) == sympy.Float(1.235)
    assert rounded(sympy.Float(3e-9), 2) == sympy.Float(3e-9)


@pytest.mark.parametrize("constant", [sympy.zoo, sympy.nan, sympy.oo, sympy.log(-2)])
def test_what_is_no_number_stays(constant):
    assert rounded(constant, 2) is constant


def test_cases_are_not_rounded():
    """The values of a case are; what tells which case holds is not."""
    case = sympy.Eq(x, 0.123, evaluate=False)
    expression = sympy.Piecewise((0.456 * y, case), (sympy.Float(0.789), True), evaluate=False)
    expected = sympy.Piecewise((0.46 * y, case), (sympy.Float(0.79), True), evaluate=False)
    assert rounded(expression, 2) == expected
