"""Columns of wide tables that show no effect stay out of the network, and those of which it is seen late come in."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import linregress

from sklearn_kan import KANClassifier, KANRegressor, _iterated_screening, _sure_screening
from sklearn_kan._stage import FIRST_RIDGE, MUCH_RIDGE
from sklearn_kan._sure_screening import late_columns, number_as_name, telling_columns
from sklearn_kan._training import Trainer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_COLUMNS = 20
NUMBERS = np.zeros(N_COLUMNS, dtype=bool)


def table(seed=0, n_samples=300):
    rng = np.random.default_rng(seed)
    return rng, rng.normal(size=(n_samples, N_COLUMNS))


def told(X, y, weight=None, categorical=NUMBERS):
    y = np.reshape(y, (len(y), -1))
    weight = np.ones(len(y)) if weight is None else weight
    return telling_columns(X, np.average(y, axis=0, weights=weight) - y, weight, categorical)


@pytest.mark.parametrize(
    "function, columns",
    [
        (lambda X: X[:, 3], [3]),
        (lambda X: np.abs(X[:, 3]), [3]),
        (lambda X: np.exp(3.0 * X[:, 3]), [3]),  # far outliers of the target
        (lambda X: X[:, 3] * X[:, 7], [3, 7]),
        (lambda X: np.column_stack([X[:, 3], X[:, 8] ** 2]), [3, 8]),
    ],
)
def test_effects_are_seen(function, columns):
    rng, X = table()
    y = function(X)
    found = told(X, y + y.std() * rng.normal(size=y.shape))
    assert found[columns].all()
    assert found.sum() <= len(columns) + 2


def test_an_effect_that_another_column_hides():
    """Alone the column has no effect: given the other one it has."""
    rng, X = table()
    X[:, 1] = X[:, 0] + X[:, 1]
    y = X[:, 1] - X[:, 0] + 0.3 * rng.normal(size=len(X))  # uncorrelated with column 0
    assert abs(linregress(X[:, 0], y).rvalue) < 0.1
    assert_array_equal(np.flatnonzero(told(X, y))[:2], [0, 1])


def test_categories_and_missing_values_tell():
    rng, X = table()
    X[:, 2] = rng.integers(0, 30, len(X))
    X[::3, 5] = np.nan
    y = (X[:, 2] % 2) + np.isnan(X[:, 5]) + 0.3 * rng.normal(size=len(X))
    assert told(X, y, categorical=np.arange(N_COLUMNS) == 2)[[2, 5]].all()


def test_weights_count_as_repetitions():
    rng, X = table(n_samples=120)
    y = X[:, 0] + X[:, 1] * X[:, 2] + 0.5 * rng.normal(size=len(X))
    weight = rng.integers(0, 3, len(X)).astype(float)
    seen = np.repeat(np.arange(len(X)), weight.astype(int))
    assert_array_equal(told(X, y, weight), told(X[seen], y[seen]))


def test_chance_is_kept_apart():
    """Of tables of noise beside one clear effect, few have a column of noise that tells."""
    n_false = []
    for seed in range(60):
        rng, X = table(seed, 150)
        n_false.append(told(X, X[:, 0] + 0.3 * rng.normal(size=len(X)))[1:].sum())
    assert np.mean(n_false) < 0.3


@pytest.mark.parametrize(
    "change",
    [
        lambda X, y: (X[:, :15], y),  # few columns
        lambda X, y: (np.tile(X, (7, 1)), np.tile(y, 7)),  # many rows
        lambda X, y: (X, X @ np.ones(N_COLUMNS)),  # all tell
        lambda X, y: (X, np.random.default_rng(9).normal(size=len(y))),  # none does
        lambda X, y: (X, np.zeros(len(y))),
    ],
)
def test_all_columns_enter(change):
    rng, X = table()
    X, y = change(X, X[:, 0] + rng.normal(size=len(X)))
    assert told(X, y, categorical=np.zeros(X.shape[1], dtype=bool)).all()


@pytest.mark.parametrize("rows", [1, 3, 10])
def test_few_rows(rows):
    _, X = table(n_samples=rows)
    X[:, 4], X[:, 5] = np.nan, 1.0
    assert told(X, X[:, 0]).shape == (N_COLUMNS,)


def test_many_columns(monkeypatch):
    """Degree and products are cut; effects of columns alone are still seen."""
    monkeypatch.setattr(_sure_screening, "_MANY", 10)
    monkeypatch.setattr(_sure_screening, "_ELEMENTS", 10_000)
    rng, X = table()
    y = X[:, 0] + X[:, 1] * X[:, 2] + 0.2 * rng.normal(size=len(X))
    assert told(X, y)[:3].all()
    monkeypatch.setattr(_sure_screening, "_MOST", 10)
    assert_array_equal(np.flatnonzero(told(X, y))[:1], [0])
    assert not late_columns(X, y[:, None], np.ones(len(X)), NUMBERS, NUMBERS | (np.arange(N_COLUMNS) == 0))[1:3].any()


def test_late_columns():
    rng, X = table()
    tell = np.arange(N_COLUMNS) < 5
    residual = X[:, 7] + X[:, 8] * X[:, 2] + X[:, 0] * X[:, 1] + 0.3 * rng.normal(size=len(X))
    late = late_columns(X, residual[:, None], np.ones(len(X)), NUMBERS, tell)
    assert_array_equal(np.flatnonzero(late), [7, 8])
    noise = rng.normal(size=(len(X), 2))
    assert not late_columns(X, noise, np.ones(len(X)), NUMBERS, tell).any()


def labels(x, rng):
    probability = 1.0 / (1.0 + np.exp(-2.0 - 1.5 * x))
    return probability - (rng.random(len(x)) < probability)


def exponential(x, rng):
    return np.exp(x) * (1.0 - rng.exponential(size=len(x)))


@pytest.mark.parametrize("noise", [labels, exponential])
def test_skewed_noise_tells_of_no_column(noise):
    """Its ranks depend on columns that go with the scale, its mean, which is zero, does not."""
    late, names = 0, 0
    for seed in range(30):
        rng, X = table(seed, 600)
        X[:, 1:10] += X[:, :1]
        X[:, 10] = np.argsort(rng.random(40))[np.digitize(X[:, 0], np.linspace(-2.0, 2.0, 39))]
        residual = noise(X[:, 0], rng)[:, None]
        late += late_columns(X, residual, np.ones(600), NUMBERS, np.arange(N_COLUMNS) == 0).any()
        names += number_as_name(X, residual, np.ones(600), NUMBERS).any()
    assert late <= 8
    assert names <= 4


def test_an_effect_that_loud_rows_hide_is_seen_in_quiet_ones():
    late = []
    for seed in range(10):
        rng, X = table(seed)
        residual = np.exp(1.5 * X[:, 0]) * rng.normal(size=len(X)) + 0.5 * X[:, 5]
        late.append(late_columns(X, residual[:, None], np.ones(len(X)), NUMBERS, np.arange(N_COLUMNS) == 0))
    seen = np.sum(late, axis=0)
    assert seen[5] >= 7
    assert seen.sum() - seen[5] <= 2


# --- fits -----------------------------------------------------------------------------------------------------------


def frame(seed=0, n_samples=300):
    """Numbers with missing values and categories, some of each of no effect; the target, and the columns that tell."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n_samples, 16)), columns=[f"n{i}" for i in range(16)])
    X.loc[::5, "n1"] = X.loc[::6, "n5"] = np.nan
    X["town"], X["junk"] = rng.choice(["a", "b", "c"], n_samples), rng.choice(["x", "y"], n_samples)
    y = np.sin(2.0 * X["n0"]) + X["n1"].isna() + X["n2"] * X["n3"] + X["town"].map({"a": 0.0, "b": 1.0, "c": -1.0})
    return X, (y + 0.1 * rng.normal(size=n_samples)).to_numpy(), ["n0", "n1", "n2", "n3", "town"]


OPTIONS = {"hidden_layer_sizes": [3], "grid_size": 5, "max_iter": 20, "n_init": 1, "random_state": 0}


def test_the_rest_of_the_table_does_not_matter():
    """The model is that of the columns that tell."""
    X, y, tell = frame()
    model = KANRegressor(store_covariance=True, **OPTIONS).fit(X, y)
    alone = KANRegressor(store_covariance=True, **OPTIONS).fit(X[tell], y)
    assert_allclose(model.predict(X), alone.predict(X[tell]), rtol=1e-6)
    assert_allclose(model.predict(X, return_std=True)[1], alone.predict(X[tell], return_std=True)[1], rtol=1e-6)
    other = X.assign(n5=1e9, n6=np.nan, junk="new")
    assert_array_equal(model.predict(other), model.predict(X))
    idle = ~X.columns.isin(tell)
    assert_array_equal(model.feature_importances_[idle], 0.0)
    assert_allclose(model.feature_importances_[~idle], alone.feature_importances_, rtol=1e-6)
    assert np.isinf(model.alpha_[0][idle]).all()
    assert_allclose(model.smoothing_[0][~idle], alone.smoothing_[0], rtol=1e-5)
    assert model.n_parameters_ == alone.n_parameters_
    assert model.layer_sizes_ == [18, 3, 1]
    assert len(model.plot().edges) == len(alone.plot().edges)
    assert_array_equal(model.derivative(X)[:, idle], 0.0)


@pytest.mark.parametrize("change", ["refine", "partial_fit", "warm_start"])
def test_training_goes_on(change):
    X, y, _ = frame()
    model = KANRegressor(warm_start=True, **OPTIONS).fit(X, y)
    before = model.score(X, y)
    if change == "refine":
        model = model.refine(10, X, y)
    else:
        getattr(model, {"partial_fit": "partial_fit", "warm_start": "fit"}[change])(X, y)
    assert model.score(X, y) > before - 0.2
    assert model.n_features_in_ == 18


def test_classes():
    X, y, tell = frame()
    model = KANClassifier(**OPTIONS).fit(X, np.digitize(y, [-0.5, 1.0]))
    assert set(X.columns[model.feature_importances_ > 0.0]) == set(tell)


@pytest.mark.parametrize("options", [{"reg_lambda": 1e-3}, {"alpha": 1e-3, "smoothing": 1e-3}])
def test_users_who_choose_penalties_choose_columns(options, monkeypatch):
    monkeypatch.setattr(_iterated_screening, "telling_columns", None)
    X, y, _ = frame()
    KANRegressor(**(OPTIONS | {"max_iter": 2} | options)).fit(X, y)


def test_small_effects_come_late():
    """Residuals of what was learnt show effects that were small beside it."""
    rng, X = table(n_samples=600)
    strong = 10.0 * np.sin(2.0 * X[:, 0])
    y = strong + 0.4 * X[:, 1] * X[:, 2] + 0.05 * rng.normal(size=len(X))
    first = told(X, y)
    assert not first[1:3].any()
    model = KANRegressor(random_state=0, max_iter=60).fit(X, y)
    assert (model.feature_importances_[:3] > 0.0).all()
    assert 1.0 - model.score(X, y) < 0.2 * np.var(0.4 * X[:, 1] * X[:, 2]) / np.var(y)


def test_an_interrupt_of_a_later_round_loses_nothing(monkeypatch):
    X, y, tell = frame()
    expected = KANRegressor(**OPTIONS).fit(X, y)
    late = ~X.columns.isin(tell) & (np.arange(X.shape[1]) < 8)
    stage, rounds = Trainer._members_stage, []

    def interrupted(self, *args):
        rounds.append(self.rows.X.shape[1])
        if len(rounds) > 1:
            raise KeyboardInterrupt
        return stage(self, *args)

    monkeypatch.setattr(_iterated_screening, "late_columns", lambda *args: late)
    monkeypatch.setattr(Trainer, "_members_stage", interrupted)
    with pytest.warns(UserWarning, match="interrupted"):
        model = KANRegressor(**OPTIONS).fit(X, y)
    assert rounds == [5, 9]
    assert_array_equal(model.predict(X), expected.predict(X))


def test_an_interrupt_ends_all_rounds(monkeypatch):
    X, y, _ = frame()
    rounds = []
    monkeypatch.setattr(_iterated_screening, "late_columns", lambda *args: rounds.append(0))

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_members_stage", interrupted)
    with pytest.warns(UserWarning, match="interrupted"):
        model = KANRegressor(**OPTIONS).fit(X, y)
    assert not rounds
    assert np.isfinite(model.predict(X)).all()


def test_others_are_not_trained_where_the_first_one_shows_late_columns(monkeypatch):
    X, y, tell = frame()
    late = ~X.columns.isin(tell) & (np.arange(X.shape[1]) < 8)
    stage, stages = Trainer._stage, []

    def counted(self, name):
        stages.append(self.rows.X.shape[1])
        return stage(self, name)

    monkeypatch.setattr(_iterated_screening, "late_columns", lambda *args: late & ~args[-1])
    monkeypatch.setattr(Trainer, "_stage", counted)
    KANRegressor(n_init=1, max_iter=20, random_state=0).fit(X, y)
    assert stages[0] == 5
    assert stages[1:] == [9] * (len(stages) - 1)
    assert len(stages) > 2


@pytest.mark.parametrize("grid_size, n_asked", [(5, 1), ([3, 5], 2)])
def test_columns_are_asked_for_again_only_after_finer_grids(grid_size, n_asked, monkeypatch):
    X, y, _ = frame()
    asked = []
    monkeypatch.setattr(
        _iterated_screening, "late_columns", lambda *args: asked.append(0) or np.zeros(X.shape[1], dtype=bool)
    )
    KANRegressor(**(OPTIONS | {"grid_size": grid_size})).fit(X, y)
    assert len(asked) == n_asked


def test_late_columns_need_no_second_trial(monkeypatch):
    """Starts with the late columns have the ridge that did better without them."""
    X, y, tell = frame()
    late = ~X.columns.isin(tell) & (np.arange(X.shape[1]) < 8)
    best, trials, ridges = Trainer._best_starts, [], []

    def noted(self, make_network, given):
        ridges.append((self.rows.X.shape[1], given))
        return best(self, make_network, given)

    monkeypatch.setattr(_iterated_screening, "late_columns", lambda *args: late & ~args[-1])
    monkeypatch.setattr(Trainer, "_best_starts", noted)
    monkeypatch.setattr(Trainer, "_needs_much_ridge", lambda self, *_: trials.append(self.rows.X.shape[1]) or True)
    KANRegressor(max_iter=5, random_state=0).fit(X, y)
    assert trials == [5]
    assert ridges == [(5, [FIRST_RIDGE]), (5, MUCH_RIDGE[False]), (9, MUCH_RIDGE[False])]


def test_what_has_learnt_nothing_tells_nothing_of_ridges(monkeypatch):
    X, y, tell = frame()
    trials = []
    monkeypatch.setattr(_iterated_screening, "late_columns", lambda *args: ~X.columns.isin(tell) & ~args[-1])
    monkeypatch.setattr(Trainer, "_needs_much_ridge", lambda self, *_: trials.append(self.rows.X.shape[1]) or False)
    monkeypatch.setattr(Trainer, "_explains_little", lambda self: True)
    KANRegressor(max_iter=5, random_state=0).fit(X, y)
    assert trials == [len(tell), X.shape[1]]


@pytest.mark.parametrize(
    "n_samples, noise, names", [(1000, 0.0, False), (1000, 0.0, True), (1000, 0.1, False), (600, 0.0, False)]
)
def test_all_columns_enter_where_labels_are_met_almost_exactly(n_samples, noise, names, monkeypatch):
    """Few rows are left then, in which no column shows much; not names, nor where labels are noisy or rows few."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (n_samples, 18)).astype(float)
    X[:, 17] = rng.integers(0, 300 if names else 2, n_samples)
    y = ((X[:, 0] + X[:, 1] == 1) ^ (X[:, 2:8].sum(axis=1) == 6) ^ (rng.uniform(size=n_samples) < noise)).astype(int)
    begun = []
    learn_from = Trainer.learn_from
    monkeypatch.setattr(
        Trainer, "learn_from", lambda self, other: begun.append(self.rows.X.shape[1]) or learn_from(self, other)
    )
    monkeypatch.setattr(_iterated_screening, "telling_columns", lambda X, *_: np.arange(X.shape[1]) < 2)
    monkeypatch.setattr(_iterated_screening, "late_columns", lambda *args: np.zeros(18, dtype=bool))
    KANClassifier(max_iter=50, categorical_features=[17], random_state=0).fit(X, y)
    assert begun == ([18 - names] if n_samples >= 50 * 18 and noise == 0.0 else [])


def test_separable_classes_of_wide_tables_are_screened():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1600, 100))
    y = (X[:, 0] + X[:, 1] > 0.0).astype(int)
    model = KANClassifier(random_state=0).fit(X[:600], y[:600])
    assert np.count_nonzero(model.feature_importances_) < 10
    assert model.score(X[600:], y[600:]) > 0.98


# --- names ------------------------------------------------------------------------------------------------------------


def named(n_categories, n_samples=300, seed=0):
    """A few columns, the last one of names, the rows' effects by name, and noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 4))
    X[:, 3] = rng.integers(0, n_categories, n_samples)
    return X, rng.normal(size=n_categories)[X[:, 3].astype(int)], rng.normal(size=n_samples)


NAMED = np.array([False, False, False, True])


@pytest.mark.parametrize("n_categories", [100, 10_000])
def test_names_that_say_nothing_stay_out(n_categories):
    X, _, noise = named(n_categories)
    assert_array_equal(told(X, X[:, 0] + noise, categorical=NAMED), ~NAMED)
    assert told(X, X[:, 0] + noise).all()  # numbers of as many values do not


def test_names_of_groups_tell():
    X, effect, noise = named(100)
    assert told(X, effect + noise, categorical=NAMED).all()
    assert told(np.abs(X), np.column_stack([noise, effect + noise]), categorical=NAMED).all()


def test_names_that_tell_late():
    """An effect that another column hid at first."""
    X, effect, noise = named(100)
    y = 20.0 * X[:, 0] + effect + 0.3 * noise
    tell = told(X, y, categorical=NAMED)
    assert_array_equal(tell, ~NAMED)
    weight = np.ones(len(X))
    assert_array_equal(late_columns(X, (20.0 * X[:, 0] - y)[:, None], weight, NAMED, tell), NAMED)
    assert not late_columns(X, noise[:, None], weight, NAMED, tell).any()


def test_names_of_single_rows_never_tell():
    """Neither by one pair of the same class nor by a few rows that a trained network misses."""
    X, _, noise = named(100)
    X[:, 3] = np.maximum(np.arange(len(X)), 1)
    classes = (X[:, 0] + noise > 0.0).astype(np.float64)
    classes[:2] = 1.0
    tell = told(X, classes, categorical=NAMED)
    assert_array_equal(tell, ~NAMED)
    missed = np.where(np.arange(len(X)) < 10, 1.0, 0.01) * np.sign(noise)
    assert not late_columns(X, missed[:, None], np.ones(len(X)), NAMED, tell).any()


def test_names_that_new_rows_hardly_share_never_tell():
    """Thirty pairs of rows among ever more that are alone in their category."""
    rng = np.random.default_rng(0)
    for n_alone, tells in ((240, True), (1_200, False)):
        names = np.r_[np.repeat(np.arange(30), 2), 30 + np.arange(n_alone)]
        X, effect = rng.normal(size=(len(names), 4)), rng.normal(size=30 + n_alone)[names]
        X[:, 3] = names
        assert told(X, effect, categorical=NAMED)[3] == tells
        assert late_columns(X, effect[:, None], np.ones(len(X)), NAMED, ~NAMED)[3] == tells


def test_a_table_with_names_is_learnt_as_one_without():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(400, 3)), columns=["a", "b", "c"])
    y = np.sin(2.0 * X["a"]) + X["b"] * X["c"] + 0.3 * rng.normal(size=len(X))
    X["name"] = [f"row {i}" for i in rng.integers(0, 1000, len(X))]
    train, test = slice(0, 200), slice(200, 400)
    model = KANRegressor(random_state=0).fit(X[train], y[train])
    assert model.feature_importances_[3] == 0.0
    without = KANRegressor(random_state=0).fit(X[["a", "b", "c"]][train], y[train])
    assert model.score(X[test], y[test]) > without.score(X[["a", "b", "c"]][test], y[test]) - 0.01


# --- numbers that are names -------------------------------------------------------------------------------------------


def people(n_samples, seed, n_people=60):
    """Numbers of people, whose order tells nothing, with effects of their own; three more columns; the target."""
    effects = np.random.default_rng(7).normal(size=n_people)
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 4))
    X[:, 1] = rng.integers(n_people, size=n_samples)
    return X, effects[X[:, 1].astype(int)] + X[:, 0] + 0.3 * rng.normal(size=n_samples)


def taken_for_name(X, r, weight=None, categorical=None):
    categorical = np.zeros(X.shape[1], dtype=bool) if categorical is None else categorical
    found = number_as_name(X, r.reshape(len(X), -1), np.ones(len(X)) if weight is None else weight, categorical)
    assert found.sum() <= 1
    return int(found.argmax()) if found.any() else None


@pytest.mark.parametrize("r", [lambda X, y: y, lambda X, y: np.column_stack([X[:, 0], y]), lambda X, y: y**2 * 1e9])
def test_a_number_whose_values_jump_is_a_name(r):
    X, y = people(400, 0)
    assert taken_for_name(X, r(X, y)) == 1


def test_the_number_that_tells_most_is_the_name():
    X, y = people(400, 0)
    X[:, 3] = X[:, 1] // 2  # two people each
    assert taken_for_name(X, y) == 1
    X[:, 1] = np.random.default_rng(1).permutation(X[:, 1])
    assert taken_for_name(X, y) == 3


@pytest.mark.parametrize("n_values", [25, 60, 120])
@pytest.mark.parametrize("noise", [0.0, 0.1, 1.0])
def test_smooth_effects_make_no_name(n_values, noise):
    """Whatever is left of them."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(n_values, size=480), rng.normal(size=480)])
    t = X[:, 0] / n_values
    for effect in (np.exp(2.0 * t), np.sin(6.0 * t), np.cos(12.0 * t)):
        assert taken_for_name(X, effect + X[:, 1] + noise * rng.normal(size=480)) is None


@pytest.mark.parametrize("seed", range(5))
def test_noise_of_labels_makes_no_name(seed):
    """It is next to none where a class is certain."""
    rng = np.random.default_rng(seed)
    X = rng.integers(100, size=(1000, 1)).astype(float)
    p = np.where(np.abs(X[:, 0] - 50.0) < 5.0, 0.5, 1e-3)
    assert taken_for_name(X, p - (rng.uniform(size=1000) < p)) is None


def test_uneven_noise_makes_no_name():
    """As that of labels, next to none where a class is certain; by an analysis of variance a quarter of these jump."""
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X = rng.integers(100, size=(600, 1)).astype(float)
        deviation = np.where(np.abs(X[:, 0] - 50.0) < 2.0, 1.0, 0.05)
        found.append(taken_for_name(X, deviation * rng.choice([-1.0, 1.0], 600)))
    assert sum(one is not None for one in found) <= 6


def test_chance_makes_no_name():
    rng = np.random.default_rng(0)
    found = [taken_for_name(rng.integers(40, size=(300, 8)), rng.standard_cauchy(300)) for _ in range(200)]
    assert sum(one is not None for one in found) <= 8


@pytest.mark.parametrize(
    "change",
    [
        lambda X: (X[:, :1], {}),  # no value twice
        lambda X: (np.floor(X[:, 1:2] / 3.0), {}),  # a spline has knots enough for twenty
        lambda X: (X[:, :2], {"categorical": np.array([False, True])}),
        lambda X: (np.full((len(X), 2), np.nan), {}),
    ],
)
def test_what_is_no_name(change):
    X, y = people(400, 0)
    X, options = change(X)
    assert taken_for_name(X, y, **options) is None


def test_names_with_few_rows_or_too_many_names_are_none():
    for n_people, n_samples, name in ((60, 150, None), (60, 190, 1), (1100, 6000, None), (900, 6000, 1)):
        X, y = people(n_samples, 0, n_people)
        assert taken_for_name(X, y - X[:, 0]) == name


def test_missing_numbers_and_weights():
    X, y = people(600, 0)
    X[::5, 1] = np.nan
    assert taken_for_name(X, y) == 1
    assert taken_for_name(X, y, np.tile([1.0, 2.0], 300)) == 1
    assert taken_for_name(X, y, np.tile([1.0, 0.0, 0.0, 0.0], 150)) is None  # too few rows that count


def test_people_are_learnt(monkeypatch):
    X, y = people(400, 0)
    new, z = people(400, 1)
    model = KANRegressor(max_iter=40, random_state=0).fit(X, y)
    assert model.score(new, z) > 0.9
    assert len(model.network_.layers[0].tables.atoms_of(0)) == 60
    new[:, 1] += 0.5  # people unknown
    assert np.isfinite(model.predict(new)).all()
    monkeypatch.setattr(_iterated_screening, "number_as_name", lambda *args: np.zeros(4, dtype=bool))
    assert KANRegressor(max_iter=40, random_state=0).fit(X, y).score(*people(400, 1)) < 0.8


def test_classes_of_people_are_learnt():
    X, y = people(600, 0)
    new, z = people(600, 1)
    model = KANClassifier(max_iter=40, random_state=0).fit(X, y > 0.0)
    assert model.score(new, z > 0.0) > 0.85
    assert len(model.network_.layers[0].tables)


@pytest.mark.parametrize(
    "options", [{"hidden_layer_sizes": (4,)}, {"alpha": 1e-3, "smoothing": 1e-3}, {"prune_threshold": 1e-2}]
)
def test_names_are_not_looked_for_where_the_network_shall_be_read(options, monkeypatch):
    monkeypatch.setattr(_iterated_screening, "number_as_name", None)
    KANRegressor(max_iter=5, random_state=0, **options).fit(*people(200, 0))


def test_names_are_looked_for_once(monkeypatch):
    asked, ask = [], number_as_name

    def ask_and_note(*args):
        asked.append(len(args[0]))
        return ask(*args)

    monkeypatch.setattr(_iterated_screening, "number_as_name", ask_and_note)
    X, y = people(400, 0)
    KANRegressor(max_iter=20, random_state=0).fit(X, y)
    assert len(asked) == 1
    KANRegressor(max_iter=20, random_state=0).fit(X, X[:, 0])
    assert len(asked) == 2
    monkeypatch.setattr(_iterated_screening, "telling_columns", lambda *args: np.arange(4) < 3)  # one column waits
    KANRegressor(max_iter=20, random_state=0).fit(X, X[:, 0])
    assert len(asked) == 3
