"""Short forms of a SymPy expression whose numbers are decimal and carry rounding errors.

SymPy's own ways to simplify take such numbers as they are: what cancels but for an error stays. Here numbers that are
equal but for an error are made so before, or terms that cancel are dropped after.
"""

import math
from collections import defaultdict

import numpy as np

# Longer sums are not simplified, nor are powers written out as such: that can take minutes.
_SIMPLIFIED = 40
# Nor are sines of larger multiples: SymPy makes them polynomials of that degree.
_MULTIPLES = 12
# Denominators of fractions and of parts of pi.
DENOMINATORS = (1, 2, 3, 4, 5, 6, 8, 10)
# Distance at which a number is a simple one but for rounding.
_ROUNDING = 1e-11
# The same where products and quotients of several numbers have gathered their errors.
_GATHERED = 1e-9


def number(value, size=0.0, rounding=_ROUNDING):
    """A SymPy number: a fraction or a part of pi where it is one but for rounding.

    Rounding errors are as large as those of the number itself, or of one of this size that it was added to.
    """
    import sympy

    if abs(value) <= rounding * size:
        return sympy.Integer(0)
    for n in DENOMINATORS:
        for unit, symbol in ((1.0, sympy.Integer(1)), (np.pi, sympy.pi)):
            whole = value / unit * n
            if abs(whole) < 1e6 and abs(value - round(whole) * unit / n) <= rounding * max(abs(value), size):
                return sympy.Rational(round(whole), n) * symbol
    return sympy.Float(float(value), 17)


def rounded(expression, decimals, *, keep=False):
    """An expression with its numbers, exponents that are fractions apart, to so many decimals; None keeps them.

    Where all factors are small, as in other units, decimals count from the first one of the largest. With `keep` those
    of a number below 1 count from its own first one.
    """
    import sympy

    if decimals is None:
        return expression
    largest = max(_factors(expression), default=0.0)
    if 0.0 < largest < 0.1 and not keep:
        decimals -= math.floor(math.log10(largest)) + 1

    def visit(node):
        if node.is_number:
            return _rounded_number(node, decimals, keep) if node.is_finite and node.is_real else node
        if node.is_Piecewise:
            cases = [(visit(value), condition) for value, condition in node.args]
            return sympy.Piecewise(*cases, evaluate=False)
        if node.is_Pow and node.exp.is_Rational:
            return visit(node.base) ** node.exp
        parts = node.args
        if (node.is_Add or node.is_Mul) and node.free_symbols:  # factors such as 2 and pi are one number
            constant, rest = node.as_independent(*node.free_symbols, as_Add=node.is_Add)
            parts = [constant, *node.make_args(rest)]
        return node.func(*map(visit, parts)) if parts else node

    return visit(visit(expression))  # exp(x + 2.3) has become a product


def _factors(expression):
    """Sizes of the factors of all terms."""
    import sympy

    pieces = [value for value, _ in expression.args] if expression.is_Piecewise else [expression]
    factors = (term.as_coeff_Mul()[0] for piece in pieces for term in sympy.Add.make_args(piece))
    return [abs(float(factor)) for factor in factors if factor.is_finite]


def _rounded_number(node, decimals, keep):
    import sympy

    value = float(node)
    if keep and 0.0 < abs(value) < 1.0:
        decimals -= math.floor(math.log10(abs(value))) + 1
    value = round(value, decimals)
    return sympy.Float(value) if value % 1.0 else sympy.Integer(int(value))


def shortest(expression, agrees=lambda form: True):
    """The form with the fewest operations among some that are equal and quickly found.

    Numbers that carry rounding errors may cancel, overflow or vanish in one form and not in another: `agrees` tells
    whether a form still has the values.
    """
    import sympy
    from sympy.simplify.fu import TR9  # sums of sines and cosines as products

    expression = _without_absolute(expression)
    forms = [expression, sympy.expand_mul(expression)]
    forms.append(sympy.powsimp(forms[-1]))
    if max((_n_terms(power) for power in expression.atoms(sympy.Pow)), default=1) <= _SIMPLIFIED:
        forms.append(sympy.expand(expression))
        if forms[-1].count_ops() <= _SIMPLIFIED and _largest_whole(forms[-1]) <= _MULTIPLES:
            forms += [_without_squares(forms[-1]), sympy.trigsimp(forms[-1])]
    if expression.has(sympy.sin, sympy.cos):
        forms.append(_with_whole_numbers(TR9(_with_equal_numbers(expression))))
    if expression.has(sympy.tanh, sympy.atanh) and expression.count_ops() <= _SIMPLIFIED:
        forms.append(_as_quotient(expression))
    forms.sort(key=lambda form: form.count_ops())
    return next((form for form in forms if agrees(form)), expression)


def _largest_whole(expression):
    """The largest part of a fraction or whole number, powers apart."""
    import sympy

    bases = expression.replace(lambda node: node.is_Pow, lambda node: node.base)
    return max((max(abs(one.p), one.q) for one in bases.atoms(sympy.Rational)), default=0)


def _n_terms(power):
    """Terms of a whole power of a sum when it is written out."""
    base, exponent = power.args
    whole = base.is_Add and exponent.is_Integer and exponent > 0
    return math.comb(len(base.args) + int(exponent) - 1, int(exponent)) if whole else 1


def _without_absolute(expression):
    """The expression without the absolute values whose sign makes no difference, as in cos(abs(u))."""
    import sympy

    for absolute in expression.atoms(sympy.Abs):
        u = sympy.Dummy()
        one = expression.xreplace({absolute: u})
        if one.xreplace({u: -u}) == one:
            expression = one.xreplace({u: absolute.args[0]})
    return expression


# --- sines and cosines ------------------------------------------------------------------------------------------------


def _with_equal_numbers(expression):
    """Decimal numbers that differ by rounding or in sign as the same one: what is equal cancels."""
    import sympy

    same, size = {}, 0.0
    for one in sorted(expression.atoms(sympy.Float), key=abs):
        if abs(abs(one) - size) <= _ROUNDING * size:
            same[one] = size if one > 0 else -size
        else:
            size = abs(one)
    return expression.xreplace(same)


def _without_squares(expression):
    """A sum in which squares of sines and cosines are cosines of twice the angle, which may cancel."""
    import sympy

    half, circular = sympy.Rational(1, 2), {sympy.sin: -1, sympy.cos: 1}

    def is_square(part):
        return part.is_Pow and part.exp == 2 and part.base.func in circular

    def doubled(square):
        return half + half * circular[square.base.func] * sympy.cos(2 * square.base.args[0])

    squares = any(map(is_square, expression.atoms(sympy.Pow)))
    return _sum(_terms(expression.replace(is_square, doubled)), 1.0) if squares else expression


def _with_whole_numbers(expression):
    """Products of decimal numbers and constants such as pi as one number each."""

    def is_product(part):
        return part.is_Mul and any(factor.is_Float for factor in part.args)

    def whole(product):
        factor, rest = product.as_independent(*product.free_symbols, as_Add=False)
        return number(float(factor)) * rest if factor.is_real else product

    return expression.replace(is_product, whole) if expression.free_symbols else expression


# --- quotients --------------------------------------------------------------------------------------------------------


def _as_quotient(expression):
    """One quotient of sums: tanh of logarithms and the exponential of an atanh are rational functions.

    tanh(u) = (e^2u - 1) / (e^2u + 1) and atanh(u) = log((1 + u) / (1 - u)) / 2.
    """
    import sympy

    plain = expression.replace(sympy.atanh, lambda u: (sympy.log(1 + u) - sympy.log(1 - u)) / 2)
    plain = plain.replace(sympy.tanh, lambda u: 1 - 2 / (sympy.exp(2 * u) + 1))
    above, below = map(_terms, sympy.fraction(sympy.together(plain)))
    quotients = [_sum(above, unit) / _sum(below, unit) for unit in below.values()]
    return min(quotients, key=lambda form: form.count_ops(), default=expression)


def _terms(expression):
    """Factors of the terms of a sum without those that cancel but for rounding: a dict by what they are factors of."""
    import sympy

    numbers = {sympy.Dummy(positive=bool(one > 0)): one for one in expression.atoms(sympy.Float)}
    names = {one: name for name, one in numbers.items()}
    total, size = defaultdict(float), defaultdict(float)
    for term in sympy.Add.make_args(sympy.expand(expression.xreplace(names))):
        factor, rest = term.as_independent(*expression.free_symbols, as_Add=False)
        factor = float(factor.xreplace(numbers))
        total[rest] += factor
        size[rest] += abs(factor)
    left = {rest: factor for rest, factor in total.items() if abs(factor) > _GATHERED * size[rest]}
    return {rest.xreplace(numbers): factor for rest, factor in left.items()}


def _sum(terms, unit):
    """The sum of terms with their factors in a unit."""
    import sympy

    return sympy.Add(*(number(factor / unit, 1.0, _GATHERED) * rest for rest, factor in terms.items()))
