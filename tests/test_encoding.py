"""Canonical rows, splits, the scale of targets and the codes of classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_kan._encoding import (
    as_cases,
    canonical_rows,
    class_offset,
    class_targets,
    count_dispersion,
    hold_out,
    in_cases,
    labels_in_cases,
    target_scaling,
)


@st.composite
def tables(draw):
    """Rows with many ties, targets, integer weights."""
    n_samples, n_columns = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    values = st.sampled_from([0.0, -0.0, 1.0, -1.5, 2.0])
    X = np.array(draw(st.lists(values, min_size=n_samples * n_columns, max_size=n_samples * n_columns)))
    y = np.array(draw(st.lists(values, min_size=n_samples, max_size=n_samples)))[:, None]
    weight = np.array(draw(st.lists(st.integers(0, 3), min_size=n_samples, max_size=n_samples)))
    weight[0] = max(weight[0], 1)
    order = np.array(draw(st.permutations(range(n_samples))))
    return X.reshape(n_samples, n_columns), y, weight, order


def assert_same_bits(one, other):
    for a, b in zip(one, other, strict=True):
        assert a.tobytes() == b.tobytes()
        assert a.shape == b.shape


@given(tables())
@settings(deadline=None, derandomize=True, max_examples=150, database=None)
def test_canonical_rows(case):
    """Permuted, repeated and weighted rows give the same bits, and none is lost."""
    X, y, weight, order = case
    found = canonical_rows(X, y, weight.astype(float))
    assert_same_bits(canonical_rows(X[order], y[order], weight[order].astype(float)), found)
    rows = np.repeat(np.arange(len(X)), weight)
    assert_same_bits(canonical_rows(X[rows], y[rows], np.ones(len(rows))), found)
    assert found[2].sum() == weight.sum()
    assert found[2].min() > 0.0
    together = np.hstack([found[0], found[1]])
    assert len(np.unique(together, axis=0)) == len(together)
    expected = {tuple(row) for row in np.hstack([X, y])[weight > 0]}
    assert {tuple(row) for row in together} == expected


def test_canonical_rows_of_a_large_table():
    """Rows stay as they are, but those of weight 0 go."""
    n_samples = 40_000
    X = np.repeat(np.arange(n_samples // 2)[::-1, None], 2, axis=0).astype(float)
    y, weight = X.copy(), np.ones(n_samples)
    weight[::5] = 0.0
    found = canonical_rows(X, y, weight)
    assert_array_equal(found[0], X[weight > 0])
    assert_array_equal(found[2], np.ones(32_000))


def test_canonical_rows_leave_the_input_alone():
    X, y, weight = np.array([[2.0], [1.0], [1.0]]), np.array([[1.0], [0.0], [0.0]]), np.array([1.0, 0.5, 0.25])
    for array in (X, y, weight):
        array.flags.writeable = False
    found = canonical_rows(X, y, weight)
    assert_array_equal(found[0], [[1.0], [2.0]])
    assert_array_equal(found[2], [0.75, 1.0])


def test_hold_out():
    rng = np.random.RandomState(0)
    X, weight = np.arange(100.0)[:, None], np.arange(100.0) + 1.0
    y = (X % 10 == 0).astype(float)
    train, validation = hold_out(X, y, weight, 0.2, rng, stratify=True)
    assert len(train[0]) == 80
    assert len(validation[0]) == 20
    assert_array_equal(np.sort(np.concatenate([train[0], validation[0]]), axis=0), X)
    assert validation[1].sum() == 2  # a tenth of the rows, as everywhere
    for part in (train, validation):
        assert_array_equal(part[2], part[0][:, 0] + 1.0)
        assert_array_equal(part[1], part[0] % 10 == 0)
    rare = np.zeros((100, 3))
    rare[:, 0] = 1.0
    rare[0] = [0.0, 0.0, 1.0]  # a class of one row cannot be in both parts
    assert len(hold_out(X, rare, weight, 0.2, rng, stratify=True)[1][0]) == 20
    many = np.eye(30)[np.arange(100) % 30]  # more classes than a part has rows
    assert len(hold_out(X, many, weight, 0.2, rng, stratify=True)[1][0]) == 20
    few, rest = hold_out(X, many, weight, 40, rng, stratify=True)[::-1]
    assert len(few[0]) == 40 and (few[1].sum(axis=0) > 0).all() and (rest[1].sum(axis=0) > 0).all()


def weighted(y, weight, loss="squared_error", quantile=None):
    return target_scaling(np.asarray(y, dtype=float), np.asarray(weight, dtype=float), loss, quantile)


def test_target_scaling():
    rng = np.random.RandomState(0)
    y, weight = rng.normal(size=(50, 2)), rng.randint(1, 4, 50)
    repeated = np.repeat(y, weight, axis=0)
    center, scale = weighted(y, weight)
    assert_allclose(center, repeated.mean(axis=0))
    assert_allclose(scale, repeated.std(axis=0))
    for loss, quantile, level in (("absolute_error", None, 0.5), ("huber", None, 0.5), ("quantile", 0.9, 0.9)):
        center, scale = weighted(y, weight, loss, quantile)
        assert_allclose(center, np.quantile(repeated, level, axis=0, method="inverted_cdf"))
        spread = np.diff(np.quantile(repeated, [0.25, 0.75], axis=0, method="inverted_cdf"), axis=0)[0]
        assert_allclose(scale, spread / 1.349)
    center, scale = weighted(np.abs(y), weight, "poisson")
    assert_array_equal(center, [0.0, 0.0])
    assert_allclose(scale, np.abs(repeated).mean(axis=0))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
@pytest.mark.parametrize("factor", [1e-150, 1.0, 1e150])
def test_target_scaling_in_any_units(loss, factor):
    y = np.random.RandomState(0).normal(size=(40, 1))
    center, scale = weighted(y, np.ones(40), loss)
    found = weighted(factor * y, np.ones(40), loss)
    assert_allclose(found[0], factor * center, rtol=1e-9)
    assert_allclose(found[1], factor * scale, rtol=1e-9)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_constant_target(loss):
    """Scale 1 and exactly the constant."""
    for constant in (0.1, -3.0, 1e300, 0.0):
        center, scale = weighted(np.full((7, 1), constant), [0.1, 0.2, 0.3, 1.0, 1.0, 2.0, 3.0], loss, 0.3)
        assert_array_equal(center, [constant])
        assert_array_equal(scale, [1.0])


def test_mostly_constant_target():
    """The interquartile range is 0, the scale is not."""
    y = np.zeros((100, 1))
    y[:5] = 3.0
    center, scale = weighted(y, np.ones(100), "absolute_error")
    assert_array_equal(center, [0.0])
    assert scale[0] > 0.1


def test_class_targets():
    codes = np.array([0, 1, 1])
    assert_array_equal(class_targets(codes, 2), [[0.0], [1.0], [1.0]])
    assert_array_equal(class_targets(np.array([0, 2, 1]), 3), [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


def test_class_offset():
    """Its probabilities are the weighted frequencies; a class without rows keeps a little."""
    y = class_targets(np.array([0, 1, 1, 1]), 2)
    assert_allclose(1.0 / (1.0 + np.exp(-class_offset(y, np.ones(4)))), [0.75])
    assert_allclose(1.0 / (1.0 + np.exp(-class_offset(y, np.array([3.0, 1.0, 1.0, 1.0])))), [0.5])
    y = class_targets(np.array([0, 1, 1, 2]), 3)
    offset = class_offset(y, np.ones(4))
    assert_allclose(np.exp(offset) / np.exp(offset).sum(), [0.25, 0.5, 0.25])
    assert_allclose(offset.sum(), 0.0, atol=1e-12)
    for codes, n_classes in ((np.zeros(4, dtype=int), 2), (np.array([0, 0, 1, 1]), 3)):
        assert np.isfinite(class_offset(class_targets(codes, n_classes), np.ones(4))).all()


@pytest.mark.parametrize("factor", [1.0, 3.0, 365.0, 1e-9, 1e300, np.pi])
def test_a_common_factor_of_weights_is_no_more_rows(factor):
    assert_array_equal(as_cases(np.array([0.0, 1.0, 2.0, 5.0])), [0.0, 1.0, 2.0, 5.0])
    assert_array_equal(as_cases(np.full(4, factor)), np.ones(4))
    uneven = np.array([0.0, 0.5, 1.5, 2.5])
    assert_allclose(as_cases(factor * uneven), uneven / 1.5, rtol=1e-15)


def test_copies_of_rows_have_no_noise_of_their_own():
    """Many targets that all differ tell copies; labels and ratings do not."""
    y, weight = np.arange(40.0)[:, None], np.tile([1.0, 2.0, 3.0, 6.0], 10)
    assert_array_equal(in_cases(y, weight), weight / 3.0)
    assert_array_equal(in_cases(np.minimum(y, 25.0), weight), weight / 3.0)
    assert in_cases(np.minimum(y, 19.0), weight) is weight
    assert_array_equal(in_cases(y[:20], weight[:20]), weight[:20])


def test_weights_of_labels_are_importance():
    """Factors of whole classes, copies of all their rows too, and uneven weights; rows that are repeated are rows."""
    y, ones = np.tile([0.0, 1.0], 20)[:, None], np.ones(40)
    assert labels_in_cases(y, ones) is ones
    repeated = np.tile([1.0, 1.0, 3.0, 2.0], 10)
    assert_array_equal(labels_in_cases(y, repeated), repeated)
    factor = np.where(y[:, 0] == 1.0, 5.0, 1.0)
    for scale in (1.0, 0.3):
        found = labels_in_cases(y, scale * factor)
        assert_allclose(found / found[0], factor)
        assert_allclose(found.sum(), 120.0**2 / 520.0)
    both = labels_in_cases(y, factor * repeated)
    assert_allclose(both.sum(), (factor @ repeated) ** 2 / (factor**2 @ repeated))
    uneven = np.random.RandomState(0).uniform(0.1, 2.0, 40)
    assert_allclose(labels_in_cases(y, uneven).sum(), uneven.sum() ** 2 / (uneven @ uneven))
    three = np.eye(3)[np.arange(40) % 3]
    assert_allclose(labels_in_cases(three, 1.0 + three[:, 0]).sum(), 54.0**2 / 82.0)


def test_copies_of_all_of_many_rows_are_copies():
    y = (np.random.RandomState(0).uniform(size=(300, 1)) < 0.4).astype(float)
    assert_array_equal(labels_in_cases(y, np.full(300, 3.0)), np.ones(300))
    uneven = np.where(np.arange(300) % 7 == 0, 6.0, 3.0)
    assert_array_equal(labels_in_cases(y, uneven), uneven / 3.0)


def test_rows_of_a_table_of_counts_are_rows():
    """Few distinct ones that are as frequent as one another, or all by the same factor; not those of one class."""
    for y, counts in (
        ([0, 1], [500, 500]),
        ([0, 1, 0, 1], [400, 200, 200, 400]),
        ([0, 1, 0, 1], [399, 200, 200, 400]),
        (np.arange(60) % 2, np.full(60, 50)),
        (np.arange(100) >= 5, np.full(100, 50)),
    ):
        y, counts = np.array(y, dtype=float)[:, None], np.array(counts, dtype=float)
        assert_array_equal(labels_in_cases(y, counts), counts)
    y = (np.arange(100) % 2)[:, None]
    assert labels_in_cases(y, 50.0 + 200.0 * y[:, 0]).sum() < 50 * 100


def test_dispersion_of_small_counts():
    """That of a Poisson distribution, or of what varies more; none for large counts that do, and for no counts."""
    rng = np.random.RandomState(0)
    small, weight = rng.poisson(0.05, (5000, 1)).astype(float), np.ones(5000)
    assert_allclose(count_dispersion(small, weight), 1.0 / small.mean(), rtol=0.1)
    assert count_dispersion(small / 3.0, weight) == 0.0
    mixed = rng.poisson(0.5 * rng.gamma(0.5, 2.0, (5000, 1))).astype(float)
    assert count_dispersion(mixed, weight) > 1.3 / mixed.mean()
    assert count_dispersion(10.0 * mixed, weight) == 0.0
    assert_allclose(count_dispersion(rng.poisson(50.0, (5000, 1)).astype(float), weight), 0.02, rtol=0.1)
    even = rng.binomial(10, 0.3, (5000, 1)).astype(float)
    assert_allclose(count_dispersion(even, weight), 1.0 / even.mean())
