"""Which columns hold categories, their codes, and what is missing, in frames and arrays."""

import datetime
import decimal
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_kan import KANRegressor
from sklearn_kan._columns import _check_numbers, as_table, categorical_columns, encode, learn_categories, learnt

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NAN = np.nan


def columns():
    """One column of each kind: values, whether they are categories, and their codes or numbers."""
    return {
        "float": ([1.5, NAN, 3.0], False, [1.5, NAN, 3.0]),
        "int": ([1, 2, 3], False, [1.0, 2.0, 3.0]),
        "bool": ([True, False, True], False, [1.0, 0.0, 1.0]),
        "text": (["b", None, "a"], True, [1.0, NAN, 0.0]),
    }


def pandas_frame():
    frame = pd.DataFrame({name: values for name, (values, _, _) in columns().items()})
    frame["object"] = np.array([2, NAN, "x"], dtype=object)
    frame["category"] = pd.Categorical(["v", "u", None], categories=["w", "v", "u"], ordered=True)
    frame["Int64"] = pd.array([1, None, 3], dtype="Int64")
    frame["Float64"] = pd.array([1.0, None, 3.0], dtype="Float64")
    frame["boolean"] = pd.array([True, None, False], dtype="boolean")
    frame["string"] = pd.array(["q", None, "p"], dtype="string")
    return frame


def polars_frame():
    frame = pl.DataFrame({name: values for name, (values, _, _) in columns().items()}, strict=False)
    return frame.with_columns(
        pl.Series("nulls", [1.0, None, 3.0]),
        pl.Series("integers", [1, None, 3]),
        pl.Series("category", ["v", "u", None], dtype=pl.Categorical),
        pl.Series("enum", ["v", None, "u"], dtype=pl.Enum(["w", "v", "u"])),
        pl.Series("flags", [True, None, False]),
    )


EXPECTED = {
    **{name: (chosen, codes) for name, (_, chosen, codes) in columns().items()},
    "object": (True, [0.0, NAN, 1.0]),
    "category": (True, [1.0, 0.0, NAN]),
    "Int64": (False, [1.0, NAN, 3.0]),
    "Float64": (False, [1.0, NAN, 3.0]),
    "boolean": (False, [1.0, NAN, 0.0]),
    "string": (True, [1.0, NAN, 0.0]),
    "nulls": (False, [1.0, NAN, 3.0]),
    "integers": (False, [1.0, NAN, 3.0]),
    "enum": (True, [1.0, NAN, 0.0]),
    "flags": (False, [1.0, NAN, 0.0]),
}


@pytest.mark.parametrize("frame", [pandas_frame(), polars_frame()], ids=["pandas", "polars"])
def test_frames(frame):
    categories = learnt(frame, "from_dtype")
    encoded = encode(frame, categories)
    assert encoded.dtype == np.float64
    for name, known, codes in zip(frame.columns, categories, encoded.T, strict=True):
        assert (known is not None) == EXPECTED[name][0], name
        assert_array_equal(codes, EXPECTED[name][1], err_msg=name)


@pytest.mark.parametrize("frame", [pandas_frame(), polars_frame()], ids=["pandas", "polars"])
def test_one_column_at_a_time(frame):
    """What a column becomes does not depend on the others."""
    for name in frame.columns:
        assert_array_equal(
            encode(frame[[name]], learnt(frame[[name]], "from_dtype") or [None])[:, 0], EXPECTED[name][1]
        )


def test_numbers_alone():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [True, False]})
    assert learnt(frame, "from_dtype") is None
    assert learnt(frame, None) is None
    assert learnt([[1.0, 2.0]], "from_dtype") is None
    assert learnt(frame, []) is None
    assert learnt(frame, [False, False]) is None


@pytest.mark.parametrize("given", [[1, 3], [False, True, False, True], ["b", "d"], np.array([1, 3]), [-3, 3]])
def test_chosen_columns(given):
    """Also where the dtype says something else."""
    frame = pd.DataFrame(np.arange(8.0).reshape(2, 4), columns=list("abcd"))
    assert_array_equal(categorical_columns(frame, given), [False, True, False, True])
    if isinstance(given, np.ndarray) or not isinstance(given[0], str):
        assert_array_equal(categorical_columns(frame.to_numpy(), given), [False, True, False, True])


@pytest.mark.parametrize("given", [[4], [-5], ["e"], [True], [1.5], [[1]], [None], [b"a"]], ids=repr)
def test_columns_that_are_not_there(given):
    for X in (pd.DataFrame(np.zeros((2, 4)), columns=list("abcd")), np.zeros((2, 4))):
        with pytest.raises(ValueError, match="categorical_features"):
            categorical_columns(X, given)


def test_values_of_arrays():
    """Numbers or anything; equal values are one category, whatever their type."""
    X = np.array([[3.0, 1.0], [1.0, 2.0], [NAN, 3.0], [3.0, 4.0]])
    categories = learnt(X, [0])
    assert categories == [[1.0, 3.0], None]
    assert_array_equal(encode(X, categories), [[1.0, 1.0], [0.0, 2.0], [NAN, 3.0], [1.0, 4.0]])
    assert_array_equal(encode(X.astype(np.float32), categories)[:, 0], [1.0, 0.0, NAN, 1.0])
    assert_array_equal(encode(as_table([[1, 1], [3, 1], [2, 1]]), categories)[:, 0], [0.0, 1.0, -1.0])
    X = np.array([["b", 1.0], ["a", None], [None, 3.0], [7, 4.0]], dtype=object)
    assert learnt(X, [0]) == [[7, "a", "b"], None]
    assert_array_equal(encode(X, learnt(X, [0])), [[2.0, 1.0], [1.0, NAN], [NAN, 3.0], [0.0, 4.0]])


def test_objects_become_text():
    X = np.array(
        [[datetime.date(2020, 1, 2)], [decimal.Decimal("1.5")], [pd.NaT], [pd.NA], [np.int64(3)]], dtype=object
    )
    assert learnt(X, [0]) == [[3, "1.5", "2020-01-02"]]
    assert_array_equal(encode(X, learnt(X, [0]))[:, 0], [2.0, 1.0, NAN, NAN, 0.0])
    assert all(type(value) in (int, str) for value in learnt(X, [0])[0])


def test_unknown_categories():
    frame = pd.DataFrame({"a": ["x", "y"]})
    categories = learnt(frame, "from_dtype")
    assert_array_equal(encode(pd.DataFrame({"a": ["y", "z", None]}), categories)[:, 0], [1.0, -1.0, NAN])
    assert_array_equal(encode(pd.DataFrame({"a": [None, None]}), categories)[:, 0], [NAN, NAN])
    with pytest.raises(ValueError, match="numbers in column 'a'.*text.*'x'"):
        encode(pd.DataFrame({"a": [1.0, 2.0]}), categories)
    with pytest.raises(ValueError, match="text in column 0.*numbers"):
        encode(np.array([["x"]], dtype=object), [[1.0, 2.0]])


def test_only_some_rows_count():
    frame = pd.DataFrame({"a": ["x", "y", "z"], "b": [1.0, 2.0, 3.0]})
    assert learn_categories(frame, [True, False], np.array([True, False, True])) == [["x", "z"], None]


def test_a_column_of_nothing():
    frame = pd.DataFrame({"a": np.array([None, None], dtype=object)})
    assert learnt(frame, "from_dtype") == [[]]
    assert_array_equal(encode(frame, [[]])[:, 0], [NAN, NAN])


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_what_is_no_number(frame):
    X = frame({"size": [1.0, 2.0], "colour": ["red", "blue"], "kind": ["a", "b"]})
    with pytest.raises(ValueError, match="'red' in column 'colour'.*categorical_features"):
        encode(X, [None, None, ["a", "b"]])
    with pytest.raises(ValueError, match="'colour'"):
        _check_numbers(X, range(X.shape[1]))
    _check_numbers(X[["size"]], [0])
    X = frame({"size": [1.0, np.inf], "kind": ["a", "b"]})
    with pytest.raises(ValueError, match="infinity"):
        encode(X, [None, ["a", "b"]])


def test_what_cannot_be_a_category():
    X = np.empty((2, 1), dtype=object)
    X[:, 0] = [[1, 2], [3]]
    with pytest.raises(ValueError, match="column 0.*Make them text"):
        learnt(X, [0])


def test_missing_values_among_objects():
    """pandas.NA is no number, and numbers beside it are objects; scikit-learn's checks know neither."""
    whole = pd.DataFrame({"a": [1.0, 2.0, 4.0, 3.0] * 5, "b": np.arange(20.0)})
    holes = whole.assign(a=whole["a"].astype(object).where(whole["a"] < 4.0, pd.NA))
    y = np.arange(20.0) ** 2
    options = {"hidden_layer_sizes": (), "max_iter": 5, "categorical_features": None, "random_state": 0}
    model = KANRegressor(**options).fit(holes, y)
    same = KANRegressor(**options).fit(whole.assign(a=whole["a"].where(whole["a"] < 4.0)), y)
    assert_array_equal(model.predict(holes), same.predict(holes))
    assert_array_equal(model.predict(holes), model.predict(holes.astype({"a": object}).replace({pd.NA: None})))
    with pytest.raises(ValueError, match="'red' in column 'a'.*categorical_features"):
        model.predict(holes.assign(a="red"))
    with pytest.raises(ValueError, match="'red' in column 0.*categorical_features"):
        model.predict(np.array([["red", 1.0]], dtype=object))


DAYS = pd.Series(pd.date_range("2020-01-01", periods=4))


@pytest.mark.parametrize("when", [DAYS, DAYS.dt.tz_localize("UTC"), DAYS - DAYS[0], DAYS.dt.to_period("D")])
def test_times_are_neither_numbers_nor_categories(when):
    frame = pd.DataFrame({"size": np.arange(4.0), "when": when})
    for X in (frame, frame[["when"]], frame.assign(kind="a")):
        with pytest.raises(ValueError, match="dates or times in column 'when'.*Give them as numbers"):
            KANRegressor(()).fit(X, np.arange(4.0))
    KANRegressor((), max_iter=2, categorical_features=["when"]).fit(frame, np.arange(4.0))


def test_times_of_polars_and_arrays():
    days = [datetime.date(2020, 1, day) for day in (1, 2, 3)]
    for X, name in [
        (pl.DataFrame({"size": [1.0, 2.0, 3.0], "when": days}), "'when'"),
        (np.array([days], "M8[D]").T, "0"),
    ]:
        with pytest.raises(ValueError, match=f"dates or times in column {name}"):
            KANRegressor(()).fit(X, np.arange(3.0))


@pytest.mark.parametrize(
    "kind", [lambda day: day.date(), lambda day: day, lambda day: day - DAYS[0], lambda day: day.time()]
)
def test_times_that_are_objects(kind):
    frame = pd.DataFrame({"when": pd.Series([None, *map(kind, DAYS[1:])], dtype=object)})
    with pytest.raises(ValueError, match="dates or times in column 'when'.*Give them as numbers"):
        KANRegressor(()).fit(frame, np.arange(4.0))
    KANRegressor((), max_iter=2, categorical_features=["when"]).fit(frame, np.arange(4.0))


def test_decimals_are_numbers():
    """As a database gives them."""
    numbers = np.linspace(0.0, 1.0, 60).round(2)
    frame = pd.DataFrame({"a": numbers, "b": "x"})
    of_decimals = frame.assign(
        a=pd.Series([None, *(decimal.Decimal(str(number)) for number in numbers[1:])], dtype=object)
    )
    frame.loc[0, "a"] = np.nan
    model = KANRegressor((2,), max_iter=3, random_state=0).fit(of_decimals, numbers)
    other = KANRegressor((2,), max_iter=3, random_state=0).fit(frame, numbers)
    assert model.categories_ == [None, ["x"]]
    assert_array_equal(model.predict(of_decimals), other.predict(frame))


def test_decimals_beside_texts_are_categories():
    for values in ([decimal.Decimal("1.5"), "x", None], ["x", decimal.Decimal("1.5"), None]):
        assert learnt(pd.DataFrame({"a": pd.Series(values, dtype=object)}), "from_dtype") == [["1.5", "x"]]
    assert learnt(pd.DataFrame({"a": pd.Categorical(DAYS)}), "from_dtype")[0] is not None  # as they were declared


def test_many_numbers_in_a_column_of_objects_are_told():
    """They are categories, as asked; a few, texts and other dtypes are no reason to ask back."""
    numbers = np.linspace(0.0, 1.0, 60)
    frame = pd.DataFrame({"a": numbers.astype(object), "few": np.arange(60).astype(object) % 5})
    frame.loc[0, "a"] = None
    with pytest.warns(UserWarning, match="column 'a', of dtype object: its 59 values"):
        model = KANRegressor((2,), max_iter=3, random_state=0).fit(frame, numbers)
    assert len(model.categories_[0]) == 59
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        learnt(frame[["few"]], "from_dtype")
        learnt(frame.astype({"a": "category"}), "from_dtype")
        learnt(frame, ["a"])
