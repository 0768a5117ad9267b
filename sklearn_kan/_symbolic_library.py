"""Named functions f(u), u = a t + b, that an edge may carry, and a user's own."""

import difflib
import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np


@dataclass(frozen=True)
class SymbolicFunction:
    """A function f(u) of a library, u = a t + b.

    Parameters
    ----------
    name : str
    function, derivative : callable
        From an ndarray of any shape to one of the same shape. NaN outside of the domain is fine.
    sympy : callable
        From a SymPy expression to one.
    complexity : float, default=3.0
        What a simpler function has less of; that of x is 1.
    domain : (float, float), default=(-inf, inf)
        Open interval of u on which f is smooth, kinks and steps apart.
    closed : bool, default=False
        f is continuous up to the finite ends of the domain.
    fixed : str, default=""
        Which of "a" and "b" the others make up for: a is 1 or -1, b is 0. Of no effect where both ends of the domain
        are finite.
    degree : float, optional
        n, where f(s u) = s^n f(u) for s > 0.
    mirrored : bool, default=False
        f(-u) is f(u) or -f(u) up to a constant, so that a > 0 will do.
    half_period : float, optional
        f(u + half_period) = -f(u).
    kinked : bool, default=False
        f has a kink or a step at 0, which is sought between any two points.
    """

    name: str
    function: Callable
    derivative: Callable
    sympy: Callable
    complexity: float = 3.0
    domain: tuple[float, float] = (-np.inf, np.inf)
    closed: bool = False
    fixed: str = ""
    degree: float | None = None
    mirrored: bool = False
    half_period: float | None = None
    kinked: bool = False


# --- the functions ----------------------------------------------------------------------------------------------------


def _quiet(ufunc, u):
    with np.errstate(all="ignore"):
        return ufunc(u)


def _power(exponent, u):
    """Integer powers by products, as pow is slow."""
    power = u = np.asarray(u, dtype=np.float64)
    with np.errstate(all="ignore"):
        for _ in range(abs(exponent) - 1):
            power = power * u
        return power if exponent > 0 else 1.0 / power


def _power_slope(exponent, u):
    return np.ones(np.shape(u)) if exponent == 1 else exponent * _power(exponent - 1, u)


def _sqrt_slope(u):
    return 0.5 * _inverse_sqrt(u)


def _inverse_sqrt(u):
    with np.errstate(all="ignore"):
        return 1.0 / np.sqrt(u)


def _inverse_sqrt_slope(u):
    return -0.5 * _power(3, _inverse_sqrt(u))


def _zero(u):
    return np.zeros(np.shape(u))


def _minus_sin(u):
    return -_quiet(np.sin, u)


def _tan_slope(u):
    return 1.0 + _power(2, _quiet(np.tan, u))


def _tanh_slope(u):
    return _power(-2, _quiet(np.cosh, u))


def _arcsin_slope(u):
    return _inverse_sqrt(1.0 - _power(2, u))


def _arccos_slope(u):
    return -_arcsin_slope(u)


def _one_plus_square(u):
    return 1.0 + _power(2, u)


def _lorentzian(u):
    return _power(-1, _one_plus_square(u))


def _lorentzian_slope(u):
    return -2.0 * u * _power(2, _lorentzian(u))


def _arctanh_slope(u):
    return 0.5 * (_power(-1, 1.0 - u) + _power(-1, 1.0 + u))


def _gaussian(u):
    return _quiet(np.exp, -_power(2, u))


def _gaussian_slope(u):
    return -2.0 * u * _gaussian(u)


def _log_of_cos(u):
    return _quiet(np.log, _quiet(np.cos, u))


def _minus_tan(u):
    return -_quiet(np.tan, u)


def _log_of_one_plus_square(u):
    return np.log(_one_plus_square(u))


def _log_of_one_plus_square_slope(u):
    return 2.0 * u / _one_plus_square(u)


def _sympy(name, u):
    import sympy

    return getattr(sympy, name)(u)


def _sympy_power(exponent, u):
    return u**exponent


def _sympy_inverse_sqrt(u):
    import sympy

    return 1 / sympy.sqrt(u)


def _sympy_gaussian(u):
    import sympy

    return sympy.exp(-(u**2))


def _sympy_log_of_cos(u):
    import sympy

    return sympy.log(sympy.cos(u))


def _sympy_log_of_one_plus_square(u):
    import sympy

    return sympy.log(1 + u**2)


def _sympy_lorentzian(u):
    return 1 / (1 + u**2)


def _of_power(name, exponent, complexity):
    return SymbolicFunction(
        name,
        partial(_power, exponent),
        partial(_power_slope, exponent),
        partial(_sympy_power, exponent),
        complexity,
        domain=(-np.inf if exponent > 0 else 0.0, np.inf),
        fixed="ab" if exponent == 1 else "a",
        degree=float(exponent),
        mirrored=True,
    )


def _of_ufunc(name, derivative, complexity, sympy=None, **properties):
    function = partial(_quiet, getattr(np, name))
    return SymbolicFunction(name, function, derivative, partial(_sympy, sympy or name), complexity, **properties)


_POSITIVE = (0.0, np.inf)

LIBRARY = {
    symbol.name: symbol
    for symbol in (
        _of_power("x", 1, 1.0),
        _of_power("x^2", 2, 2.0),
        _of_power("x^3", 3, 3.0),
        _of_power("x^4", 4, 4.0),
        _of_power("x^5", 5, 5.0),
        _of_power("1/x", -1, 2.0),
        _of_power("1/x^2", -2, 3.0),
        _of_power("1/x^3", -3, 4.0),
        _of_power("1/x^4", -4, 5.0),
        _of_ufunc("sqrt", _sqrt_slope, 2.0, domain=_POSITIVE, closed=True, fixed="a", degree=0.5),
        SymbolicFunction(
            "1/sqrt",
            _inverse_sqrt,
            _inverse_sqrt_slope,
            _sympy_inverse_sqrt,
            3.0,
            domain=_POSITIVE,
            fixed="a",
            degree=-0.5,
        ),
        _of_ufunc("exp", partial(_quiet, np.exp), 2.0, fixed="b"),
        _of_ufunc("log", partial(_power, -1), 2.0, domain=_POSITIVE, fixed="a"),
        _of_ufunc("abs", np.sign, 3.0, "Abs", fixed="a", degree=1.0, mirrored=True, kinked=True),
        _of_ufunc("sin", partial(_quiet, np.cos), 2.5, mirrored=True, half_period=np.pi),
        _of_ufunc("cos", _minus_sin, 2.5, mirrored=True, half_period=np.pi),
        _of_ufunc("tan", _tan_slope, 4.0, domain=(-0.5 * np.pi, 0.5 * np.pi), mirrored=True),
        _of_ufunc("tanh", _tanh_slope, 3.0, mirrored=True),
        _of_ufunc("sinh", partial(_quiet, np.cosh), 3.0, mirrored=True),
        _of_ufunc("cosh", partial(_quiet, np.sinh), 3.0, mirrored=True),
        _of_ufunc("arcsin", _arcsin_slope, 4.0, "asin", domain=(-1.0, 1.0), closed=True, mirrored=True),
        _of_ufunc("arccos", _arccos_slope, 4.0, "acos", domain=(-1.0, 1.0), closed=True, mirrored=True),
        _of_ufunc("arctan", _lorentzian, 3.0, "atan", mirrored=True),
        _of_ufunc("arctanh", _arctanh_slope, 4.0, "atanh", domain=(-1.0, 1.0), mirrored=True),
        _of_ufunc("sign", _zero, 4.0, fixed="a", degree=0.0, mirrored=True, kinked=True),
        SymbolicFunction("gaussian", _gaussian, _gaussian_slope, _sympy_gaussian, 3.0, mirrored=True),
        SymbolicFunction("lorentzian", _lorentzian, _lorentzian_slope, _sympy_lorentzian, 3.0, mirrored=True),
        # Factors of a product, the exponential of a sum, that are neither powers nor exponentials.
        SymbolicFunction(
            "log(cos)",
            _log_of_cos,
            _minus_tan,
            _sympy_log_of_cos,
            4.5,
            domain=(-0.5 * np.pi, 0.5 * np.pi),
            mirrored=True,
        ),
        SymbolicFunction(
            "log(1+x^2)",
            _log_of_one_plus_square,
            _log_of_one_plus_square_slope,
            _sympy_log_of_one_plus_square,
            4.0,
            mirrored=True,
        ),
    )
}


# --- a user's library -------------------------------------------------------------------------------------------------


def resolve_library(library):
    """The functions that an argument names.

    Parameters
    ----------
    library : None, iterable of str or dict
        Names of functions in LIBRARY, all of it if None. A dict has a name for each key, and for each value a tuple
        (function, derivative, sympy function), a SymbolicFunction, or None for the function of that name in LIBRARY.

    Returns
    -------
    functions : dict
        From names to SymbolicFunctions.
    """
    if library is None:
        return dict(LIBRARY)
    if isinstance(library, str) or not isinstance(library, Iterable):
        raise ValueError(
            "library must be None, a sequence of names of functions or a dict of functions, "
            f"got {library!r}. Put a single name into a list."
        )
    entries = library if isinstance(library, Mapping) else dict.fromkeys(library)
    if not entries:
        raise ValueError("library must hold at least one function, got none. Use None for all functions.")
    return {name: _resolve(name, entry) for name, entry in entries.items()}


def _resolve(name, entry):
    if not isinstance(name, str):
        raise ValueError(f"library must name its functions by strings, got {name!r}.")
    if entry is None:
        return _built_in(name, f"library names {name!r}, which")
    if not isinstance(entry, SymbolicFunction):
        if not isinstance(entry, (tuple, list)) or len(entry) != 3:
            raise ValueError(
                f"library must hold for {name!r} a tuple (function, derivative, sympy function), a SymbolicFunction "
                f"or None, got {entry!r}."
            )
        entry = SymbolicFunction(name, *entry)
    for role in ("function", "derivative", "sympy"):
        _check_callable(name, role, getattr(entry, role))
    return entry if entry.name == name else replace(entry, name=name)


def named(name, library):
    """The function of this name, of a library or, where that is None, of this package."""
    if not isinstance(name, str):
        raise ValueError(f"name must be a string, the name of a function, got {name!r}.")
    if library is None:
        return _built_in(name, f"name={name!r}")
    function = resolve_library(library).get(name)
    if function is None:
        raise ValueError(f"name={name!r} is not among the functions of library. Add it there.")
    return function


def _built_in(name, subject):
    if name not in LIBRARY:
        near = difflib.get_close_matches(name, LIBRARY, n=3, cutoff=0.4)
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"The names are {', '.join(LIBRARY)}."
        raise ValueError(
            f"{subject} is not among the functions of this package. {hint} "
            "For a function of your own let library be a dict with a tuple (function, derivative, sympy function)."
        )
    return LIBRARY[name]


def _check_callable(name, role, candidate):
    """A model that holds it must pickle, which goes by the name of the module and in it."""
    if not callable(candidate):
        raise ValueError(f"library must hold callables, but the {role} of {name!r} is {candidate!r}.")
    try:
        pickle.dumps(candidate)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"library holds for {name!r} a {role} that cannot be imported by its name, so that the fitted model would "
            "not pickle: a lambda, or a function inside of another one. Define it by def at the top of a module."
        ) from error
