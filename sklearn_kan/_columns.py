"""Columns of a table as numbers: which hold categories, their codes, and what is missing.

A category is a text or a number; any other object counts as its text, but a column of decimals is one of numbers, and
dates and times have to be made numbers. Codes are the places in the sorted list of categories, -1 stands for one that
is not in it, NaN for missing: None, NaN, pandas.NA and what is like them.
"""

import datetime
from decimal import Decimal

import numpy as np
from sklearn.utils.validation import check_array, check_X_y, validate_data

from ._warn import warn

_MISSING = ("NoneType", "NAType", "NaTType")
# Numbers in a column of objects that are more than one would take for categories.
_MANY_NUMBERS = 20
# How dtypes of dates and times begin: their numbers depend on a unit, and what is missing is one.
_TIMES = ("date", "time", "duration", "period")


def as_numbers(estimator, X, y="no_validation", *, categories, reset, **checks):
    """scikit-learn's `validate_data`, also of tables with categories.

    Parameters
    ----------
    categories : list or None
        Of each column, as `learn_categories` returns it; None if no column is categorical.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Codes in categorical columns, NaN where something is missing; with the checked y if there is one.
    """
    checks = {"dtype": [np.float64, np.float32], "order": "C", "ensure_all_finite": "allow-nan", **checks}
    check_times(X, categories)
    if all(known is None for known in categories or ()):
        try:
            return validate_data(estimator, X, y, reset=reset, **checks)
        except (TypeError, ValueError) as error:  # a column may be to blame, or have numbers and pandas.NA
            if not (_is_frame(X) or (isinstance(error, ValueError) and np.asarray(X).dtype.kind in "OUS")):
                raise
    X = as_table(X)
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    X = encode(X, categories or [None] * X.shape[1])
    if isinstance(y, str) and y == "no_validation":
        return check_array(X, estimator=estimator, **checks)
    return check_X_y(X, y, estimator=estimator, **checks)


def as_table(X):
    """X itself if it is a frame of pandas or polars, else as array of any kind."""
    if _is_frame(X):
        return X
    return check_array(X, dtype=None, ensure_all_finite=False, ensure_min_samples=0)


def _is_frame(X):
    return all(hasattr(X, name) for name in ("columns", "dtypes", "shape", "__getitem__"))


def _part(X, columns):
    """Some columns of a table, as such; a single one as it is."""
    return X.iloc[:, columns] if hasattr(X, "iloc") else X[:, columns]


def column_name(X, i):
    """What a message calls a column."""
    return repr(X.columns[i]) if _is_frame(X) else str(i)


def _holds_categories(X, i, dtype):
    """Whether a column of a frame counts as categories by its dtype; decimals do not, and times are an error."""
    name = str(dtype).lower()
    kinds = _object_kinds(X, i) if name == "object" else set()
    for kind in kinds:
        if issubclass(kind, (datetime.date, datetime.time, datetime.timedelta)):
            raise _times_error(X, i, kind.__name__)
    if kinds == {Decimal}:
        return False
    return name.startswith(("object", "categor", "enum", "dictionary")) or "str" in name or "utf8" in name


def learnt(X, categorical_features, used=None):
    """The categories of every column of X, see `learn_categories`; None if no column is categorical.

    Parameters
    ----------
    X : frame or array-like of shape (n_samples, n_features)
    categorical_features : 'from_dtype', None or array-like
        See `categorical_columns`.
    used : bool ndarray of shape (n_samples,), default=None
        Rows whose categories count; None for all.
    """
    if categorical_features is None or (isinstance(categorical_features, str) and not _is_frame(X)):
        return None
    X = as_table(X)
    is_categorical = categorical_columns(X, categorical_features)
    categories = learn_categories(X, is_categorical, used) if is_categorical.any() else None
    if categories is not None and isinstance(categorical_features, str):
        _warn_of_numbers(X, categories)
    return categories


def _warn_of_numbers(X, categories):
    """Tell of columns of objects that hold many numbers: they may have become objects by accident."""
    of_objects = [str(dtype).lower() == "object" for dtype in X.dtypes]
    for i, known in enumerate(categories):
        many = of_objects[i] and known is not None and len(known) > _MANY_NUMBERS
        if many and not any(isinstance(value, (str, bool)) for value in known):
            warn(
                f"X has numbers in column {column_name(X, i)}, of dtype object: its {len(known)} values count as "
                "categories. Make them numbers by astype(float), or name the columns of categories in "
                "categorical_features.",
            )


def categorical_columns(X, categorical_features):
    """Which columns hold categories.

    Parameters
    ----------
    X : frame or ndarray of shape (n_samples, n_features)
    categorical_features : 'from_dtype' or array-like
        Of bool, one a column, of numbers of columns, or of their names; the first for frames only.

    Returns
    -------
    is_categorical : bool ndarray of shape (n_features,)
    """
    n_features = X.shape[1]
    if isinstance(categorical_features, str):  # 'from_dtype'
        return np.array([_holds_categories(X, i, dtype) for i, dtype in enumerate(X.dtypes)], dtype=bool)
    chosen = np.asarray(categorical_features)
    if chosen.ndim != 1 or (chosen.size and chosen.dtype.kind not in "biuUO"):
        raise ValueError(
            "categorical_features must be 'from_dtype', None, or a list of bool, numbers or names of columns, "
            f"got {categorical_features!r}."
        )
    if chosen.dtype.kind == "b":
        if len(chosen) != n_features:
            raise ValueError(
                f"categorical_features must hold one bool for each of the {n_features} columns, got {len(chosen)}."
            )
        return chosen
    is_categorical = np.zeros(n_features, dtype=bool)
    is_categorical[[_index(X, column) for column in chosen.tolist()]] = True
    return is_categorical


def _index(X, column):
    """Number of a column that is given by its number or name."""
    if isinstance(column, str):
        names = list(X.columns) if _is_frame(X) else []
        if column in names:
            return names.index(column)
        known = f"is not among the columns {names}" if names else "is a name, but X has no names of columns"
        raise ValueError(f"categorical_features: {column!r} {known}. Give numbers of columns, or a frame.")
    if isinstance(column, bool) or not isinstance(column, int) or not -X.shape[1] <= column < X.shape[1]:
        raise ValueError(
            f"categorical_features must hold numbers of columns from 0 to {X.shape[1] - 1} or names, got {column!r}."
        )
    return column


# --- codes ------------------------------------------------------------------------------------------------------------


def _is_missing(value):
    return type(value).__name__ in _MISSING or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))


def _category(value):
    """The text or number that stands for a value."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if type(value) in (str, int, float, bool) else str(value)


def _values(X, i):
    """Values of one column as list."""
    column = _part(X, i)
    return column.to_list() if hasattr(column, "to_list") else column.tolist()


def _object_kinds(X, i):
    """Types of the values in a column, but for what may be missing."""
    return {
        kind for kind in set(map(type, _values(X, i))) if kind.__name__ not in _MISSING and not issubclass(kind, float)
    }


def _distinct(X, i, used=None):
    """Distinct values of a column and the category that each stands for; None for missing."""
    values = _values(X, i)
    if used is not None:
        values = [value for value, counts in zip(values, used, strict=True) if counts]
    try:
        return values, {value: None if _is_missing(value) else _category(value) for value in set(values)}
    except TypeError as error:
        raise ValueError(
            f"X has values in column {column_name(X, i)} that cannot be categories: {error}. Make them text."
        ) from error


def learn_categories(X, is_categorical, used=None):
    """The categories of every column.

    Parameters
    ----------
    X : frame or ndarray
    is_categorical : bool ndarray of shape (n_features,)
    used : bool ndarray of shape (n_samples,), default=None
        Rows whose categories count; None for all.

    Returns
    -------
    categories : list
        Of each column the sorted list of its categories, numbers before texts, or None for a column of numbers.
    """
    categories = []
    for i, chosen in enumerate(is_categorical):
        found = set(_distinct(X, i, used)[1].values()) - {None} if chosen else None
        categories.append(sorted(found, key=lambda value: (isinstance(value, str), value)) if chosen else None)
    return categories


def _codes(X, i, categories):
    """Codes of one column."""
    values, meant = _distinct(X, i)
    place = {category: float(code) for code, category in enumerate(categories)}
    kinds = {isinstance(category, str) for category in categories}
    seen = {isinstance(category, str) for category in meant.values() if category is not None}
    if kinds and seen and not kinds & seen:
        learnt, given = ("text", "numbers") if True in kinds else ("numbers", "text")
        raise ValueError(
            f"X has {given} in column {column_name(X, i)}, whose categories are {learnt}, such as {categories[0]!r}. "
            "Give the column as it was in fit."
        )
    code = {value: np.nan if category is None else place.get(category, -1.0) for value, category in meant.items()}
    return [code[value] for value in values]


def encode(X, categories):
    """A table as float64 array: codes in categorical columns, NaN where something is missing.

    Parameters
    ----------
    X : frame or ndarray
    categories : list
        As `learn_categories` returns it.

    Raises
    ------
    ValueError
        If a column of numbers holds something else, or infinity.
    """
    encoded = np.empty(X.shape)
    numbers = [i for i, known in enumerate(categories) if known is None]
    if numbers:
        encoded[:, numbers] = _numbers(X, numbers)
    for i, known in enumerate(categories):
        if known is not None:
            encoded[:, i] = _codes(X, i, known)
    return encoded


def _numbers(X, columns):
    """Some columns as numbers."""
    checks = {"dtype": np.float64, "ensure_all_finite": "allow-nan", "input_name": "X"}
    try:
        return check_array(_part(X, columns), **checks)
    except (TypeError, ValueError):
        _check_numbers(X, columns)
    values = [[np.nan if _is_missing(value) else float(value) for value in _values(X, i)] for i in columns]
    return check_array(np.transpose(values), **checks)


def _check_numbers(X, columns):
    """Raise a ValueError that names the first of some columns of a table that holds no numbers."""
    for i in columns:
        for value in _values(X, i):
            if not _is_missing(value):
                try:
                    float(value)
                except (TypeError, ValueError) as error:
                    raise ValueError(
                        f"X has {value!r} in column {column_name(X, i)}, which is not numeric. Make it a number, "
                        "or the column one of categories: see categorical_features."
                    ) from error


def check_times(X, categories=None):
    """Raise a ValueError that names the first column of dates or times that does not hold categories."""
    if isinstance(X, np.ndarray) and X.dtype.kind not in "mM":
        return
    dtypes = list(X.dtypes) if _is_frame(X) else [getattr(X, "dtype", None)]
    times = {dtype for dtype in set(dtypes) if str(dtype).lower().startswith(_TIMES)}
    for i, dtype in enumerate(dtypes) if times else ():
        chosen = categories is not None and categories[i] is not None
        if not chosen and dtype in times:
            raise _times_error(X, i, dtype)


def _times_error(X, i, kind):
    return ValueError(
        f"X has dates or times in column {column_name(X, i)}, of type {kind}. Give them as numbers, such as days since "
        "one of them, or year, month and day of the week."
    )
