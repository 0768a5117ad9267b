"""What noisy tables ask for: weights of rare classes, rows held out of large tables, losses of other kinds."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.linear_model import PoissonRegressor, RidgeCV
from sklearn.metrics import log_loss, mean_pinball_loss, mean_poisson_deviance, recall_score, roc_auc_score
from sklearn.utils.class_weight import compute_sample_weight

from sklearn_kan import KANClassifier, KANRegressor, _base, _competition, _training
from sklearn_kan._losses import SquaredError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(**options):
    return KANClassifier(**{"hidden_layer_sizes": (2,), "max_iter": 20, "n_init": 1, "random_state": 0, **options})


def regressor(**options):
    return KANRegressor(**{"hidden_layer_sizes": (2,), "max_iter": 40, "n_init": 1, "random_state": 0, **options})


def rare(n_samples, seed=0):
    """Two columns, and a class of about a tenth of the rows that overlaps with the other."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n_samples, 2))
    return X, np.where(X[:, 0] + X[:, 1] ** 2 + rng.normal(size=n_samples) > 4.0, "rare", "common")


# --- weak signals -----------------------------------------------------------------------------------------------------


def test_noise_is_not_learnt():
    """Columns that say nothing leave a model that is nearly constant."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(600, 40)), rng.normal(size=600)
    model = KANRegressor(max_iter=40, random_state=0).fit(X, y)
    predicted, std = model.predict(rng.normal(size=(500, 40)), return_std=True)
    assert np.std(predicted) < 0.2
    assert 0.9 < std.mean() < 1.1


@pytest.mark.parametrize("seed", range(3))
def test_a_weak_signal_of_class_labels_is_learnt(seed):
    """At least half of what the true probabilities win over the constant model."""
    rng = np.random.default_rng(seed)
    X = rng.lognormal(size=(600, 6))
    true = expit(np.log(X[:, :3]) @ [0.6, -0.6, 0.5])
    y = rng.uniform(size=600) < true
    model = KANClassifier(random_state=0).fit(X[:300], y[:300])
    found = [model.predict_proba(X[300:])[:, 1], true[300:], np.full(300, y[:300].mean())]
    ours, best, constant = (log_loss(y[300:], p) for p in found)
    assert ours - best < 0.5 * (constant - best)


@pytest.mark.parametrize(
    "wary, first, others, refuted, much, advanced",
    [
        ([0.5], [0.4], [], None, False, [1]),  # no more evidence for much ridge at first
        ([0.3, 0.2], [0.4, 0.1], [], None, False, [1, 2]),  # the best start catches up
        ([0.3, 0.2], [0.4, 0.3], [0.1, 0.9], False, False, [1, 2, 2]),  # another one does
        ([0.3, 0.2], [0.4, 0.3], [0.3, 0.9], False, True, [1, 2, 2]),
        ([0.3, 0.2], [0.4, 0.3], [], True, False, [1, 2]),  # by rows held out
    ],
)
def test_much_ridge_has_to_beat_every_start(wary, first, others, refuted, much, advanced, monkeypatch):
    """And rows held out; others go on only where it leads; criteria are those of each after each of its rounds."""
    start = _competition.Start(criterion=first[0])
    rest = [_competition.Start(criterion=0.6) for _ in range(2)]
    course = [(start, iter(first[1:])), *((one, iter([end])) for one, end in zip(rest, others, strict=False))]
    calls = []

    def advance(self, starts, n_iter):
        calls.append(len(starts))
        for one in starts:
            ahead = [steps for other, steps in course if other is one]
            one.criterion = next(*ahead) if ahead else next(rounds)

    rounds, trainer = iter(wary), object.__new__(_training.Trainer)
    trainer.rng, trainer.loss = None, SquaredError()
    asked = []
    monkeypatch.setattr(_training.Trainer, "_advance_all", advance)
    monkeypatch.setattr(_training.Trainer, "_meets_rows_better", lambda *args: asked.append(args[2:]) or refuted)
    assert trainer._needs_much_ridge([start, *rest], lambda rng: None) == much
    assert calls == advanced
    assert asked == ([] if refuted is None else [(_competition.FIRST_RIDGE, 10.0)])


def groups(n_samples, seed):
    """A hundred groups of rows that share eight of ten columns and an effect; the rows, their target and the effect."""
    rng = np.random.default_rng(7)
    shared, effects = rng.normal(size=(100, 8)), rng.normal(size=100)
    rng = np.random.default_rng(seed)
    group = np.arange(n_samples) % 100
    X = np.column_stack([shared[group], rng.normal(size=(n_samples, 2))])
    return X, effects[group] + 0.5 * rng.normal(size=n_samples), effects[group]


def test_groups_of_rows_are_told_apart(monkeypatch):
    """No smooth function tells them, of which evidence knows, but rows held out do."""
    X, y, _ = groups(300, 1)
    new, _, effects = groups(1000, 2)
    model = KANRegressor(random_state=0).fit(X, y)
    error = np.mean((model.predict(new) - effects) ** 2)
    assert error < 0.2
    monkeypatch.setattr(_training.Trainer, "_meets_rows_better", lambda *args: False)
    other = KANRegressor(random_state=0).fit(X, y)
    assert error < 0.3 * np.mean((other.predict(new) - effects) ** 2)


def test_rows_held_out_tell_the_better_ridge(monkeypatch):
    told, ask = [], _training.Trainer._meets_rows_better

    def ask_and_note(self, make_network, *ridges):
        told.append([ask(self, make_network, *pair) for pair in (ridges, ridges[::-1], ridges[:1] * 2)])
        self.n_cases *= 1.2  # copies of what is held out may be among the others
        told.append([ask(self, make_network, *ridges)])
        raise KeyboardInterrupt

    monkeypatch.setattr(_training.Trainer, "_meets_rows_better", ask_and_note)
    with pytest.warns(UserWarning, match="interrupted"):
        KANRegressor(random_state=0).fit(*groups(300, 1)[:2])
    assert told == [[True, False, False], [False]]


# --- weights of classes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_columns", [4, 10])
def test_a_strong_signal_in_few_rows_is_learnt(n_columns):
    """It seems weak in the first iterations, of which evidence expects more."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(650, n_columns))
    y = np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2] + np.abs(X[:, 3]) + 0.3 * rng.normal(size=len(X))
    model = KANRegressor(random_state=0).fit(X[:150], y[:150])
    assert model.score(X[150:], y[150:]) > 0.85


def test_balanced_classes_lift_recall():
    X, y = rare(600)
    X_test, y_test = rare(2000, seed=1)
    assert 0.05 < np.mean(y == "rare") < 0.2
    found = [
        recall_score(y_test, classifier(class_weight=weight).fit(X, y).predict(X_test), pos_label="rare")
        for weight in (None, "balanced")
    ]
    assert found[1] > found[0] + 0.2


@pytest.mark.parametrize("given", ["balanced", {0: 1, 1: 5}, {0: 0.1, 1: 1.5}], ids=str)
def test_weights_of_a_rare_class_are_no_more_rows(given):
    """Its few rows are not learnt by heart."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(5000, 4))
    y = (rng.uniform(size=5000) < 1.0 / (1.0 + np.exp(4.0 - 2.0 * X[:, 0]))).astype(int)
    model = KANClassifier(class_weight=given, random_state=0).fit(X[:1000], y[:1000])
    assert model.edof_ < 40
    assert roc_auc_score(y[1000:], model.predict_proba(X[1000:])[:, 1]) > roc_auc_score(y[1000:], X[1000:, 0]) - 0.03


@pytest.mark.parametrize("counts", [[500, 0, 0, 500], [400, 200, 200, 400], [399, 200, 200, 400]], ids=str)
def test_frequencies_of_a_table_of_counts_are_learnt(counts):
    """Their common factors are no copies."""
    x, y = np.repeat([0.0, 0.0, 1.0, 1.0], counts)[:, None], np.repeat([0, 1, 0, 1], counts)
    found = KANClassifier(random_state=0).fit(x, y).predict_proba([[0.0], [1.0]])[:, 1]
    expected = np.reshape(counts, (2, 2))[:, 1] / np.reshape(counts, (2, 2)).sum(axis=1)
    assert_allclose(found, expected, atol=0.01)


def test_rare_events_are_not_learnt_by_heart():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(7000, 6))
    y = rng.poisson(0.03 * np.exp(0.5 * X[:, 0]))
    model = KANRegressor(loss="poisson", random_state=0).fit(X[:1500], y[:1500])
    constant = mean_poisson_deviance(y[1500:], np.full(5500, y[:1500].mean()))
    assert mean_poisson_deviance(y[1500:], model.predict(X[1500:])) < 1.1 * constant


def test_counts_far_away_are_finite():
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(300, 1))
    model = KANRegressor((), loss="poisson", random_state=0).fit(X, 1e6 * rng.poisson(np.exp(3.0 * X[:, 0])))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(model.predict([[1e6], [-1e6]])).all()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("solver", ["lm", "lbfgs", "adam"])
def test_balanced_is_a_weight_of_rows(n_classes, solver):
    X, _ = rare(120)
    y = np.searchsorted([0.5, 1.5][: n_classes - 1], X[:, 0] + X[:, 1] ** 2)
    balanced = classifier(class_weight="balanced", solver=solver).fit(X, y)
    by_rows = classifier(solver=solver).fit(X, y, sample_weight=compute_sample_weight("balanced", y))
    assert_allclose(balanced.predict_proba(X), by_rows.predict_proba(X), rtol=1e-6, atol=1e-9)


def test_a_dict_multiplies_the_weights_of_rows():
    X, y = rare(120)
    weight = np.random.RandomState(0).randint(1, 4, len(y)).astype(float)
    model = classifier(class_weight={"rare": 5.0}).fit(X, y, sample_weight=weight)
    other = classifier().fit(X, y, sample_weight=weight * np.where(y == "rare", 5.0, 1.0))
    assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    given = {"rare": 5.0}
    assert classifier(class_weight=given).get_params()["class_weight"] is given


def test_balanced_counts_the_weights_of_rows():
    """Repeating a row and weighing it stay the same thing."""
    X, y = rare(120)
    weight = np.random.RandomState(0).randint(0, 3, len(y))
    weighed = classifier(class_weight="balanced").fit(X, y, sample_weight=weight)
    repeated = classifier(class_weight="balanced").fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_array_equal(weighed.predict_proba(X), repeated.predict_proba(X))


@pytest.mark.parametrize(
    "class_weight, message",
    [
        ({"rare": 2.0, "other": 1.0}, "class_weight has labels \\['other'\\]"),
        ({"rare": -1.0}, "class_weight must hold finite numbers"),
        ({"rare": np.inf}, "class_weight must hold finite numbers"),
        ({"rare": 0.0, "common": 0.0}, "leave a row with weight"),
        ({"rare": 0}, "leave weight to at least 2 of the classes"),
        ("uniform", "class_weight"),
    ],
)
def test_weights_of_classes_that_make_no_sense(class_weight, message):
    with pytest.raises(ValueError, match=message):
        classifier(class_weight=class_weight).fit(*rare(60))


def test_partial_fit_with_weights_of_classes():
    X, y = rare(200)
    classes = ["common", "rare"]
    model = classifier(class_weight={"rare": 8.0}, batch_size=50).partial_fit(X, y, classes=classes)
    other = classifier(batch_size=50)
    other.partial_fit(X, y, classes=classes, sample_weight=np.where(y == "rare", 8.0, 1.0))
    assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    with pytest.raises(ValueError, match="class_weight='balanced' needs all rows"):
        classifier(class_weight="balanced").partial_fit(X, y, classes=classes)


def test_partial_fit_of_classes_keeps_knots():
    X, y = rare(200)
    model = classifier().partial_fit(X, y, classes=["common", "rare"])
    before = [layer.knots.copy() for layer in model.network_.layers]
    model.partial_fit(100.0 * X, y)
    for layer, knots in zip(model.network_.layers, before, strict=True):
        assert_array_equal(layer.knots, knots)


# --- rows held out ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "early_stopping, n_rows, stops", [("auto", 101, True), ("auto", 100, False), (False, 101, False)]
)
def test_large_tables_stop_early(early_stopping, n_rows, stops, monkeypatch):
    monkeypatch.setattr(_base, "_STOP_EARLY_ROWS", 100)
    X = np.random.RandomState(0).normal(size=(n_rows, 2))
    model = regressor(early_stopping=early_stopping).fit(X, X[:, 0] ** 2)
    assert (model.validation_scores_ is not None) == stops


# --- losses on data where they matter ---------------------------------------------------------------------------------


def test_quantiles_of_noise_that_grows():
    """Nine tenths of new rows lie between the 5 % and the 95 % quantile, whose distance grows with the noise."""
    rng = np.random.RandomState(0)
    X = rng.uniform(0.0, 1.0, (3000, 1))
    y = np.sin(6.0 * X[:, 0]) + (0.1 + X[:, 0]) * rng.gumbel(size=len(X))
    low, high = (
        regressor(loss="quantile", quantile=level, grid_size=5).fit(X[:1500], y[:1500]).predict(X[1500:])
        for level in (0.05, 0.95)
    )
    inside = (low < y[1500:]) & (y[1500:] < high)
    left = X[1500:, 0] < 0.5
    for part in (left, ~left):
        assert 0.86 < inside[part].mean() < 0.94
    assert np.median((high - low)[~left]) > 1.7 * np.median((high - low)[left])
    true = np.sin(6.0 * X[1500:, 0]) - (0.1 + X[1500:, 0]) * np.log(-np.log(0.95))
    best = mean_pinball_loss(y[1500:], true, alpha=0.95)
    assert mean_pinball_loss(y[1500:], high, alpha=0.95) < 1.03 * best


def test_rates_of_counts_with_exposure():
    """Counts over exposures of 0.05 to 20, weighed by these: close to the true rates, which no log-linear model is."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (1500, 2))
    rate = np.exp(np.sin(3.0 * X[:, 0]) - 2.0 * X[:, 1] ** 2)
    exposure = np.exp(rng.uniform(-3.0, 3.0, len(X)))
    frequency = rng.poisson(rate * exposure) / exposure
    train, test = slice(0, 1000), slice(1000, None)
    model = regressor(loss="poisson").fit(X[train], frequency[train], sample_weight=exposure[train])
    linear = PoissonRegressor(alpha=0.0).fit(X[train], frequency[train], sample_weight=exposure[train])
    ours, theirs, best = (
        mean_poisson_deviance(frequency[test], predicted, sample_weight=exposure[test])
        for predicted in (model.predict(X[test]), linear.predict(X[test]), rate[test])
    )
    assert ours < 1.1 * best
    assert theirs > 1.3 * best


def error_with_outliers(**options):
    """Test error of a fit to targets one in twenty of which is off by 30 standard deviations of the noise."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1.0, 1.0, (600, 2))
    truth = np.sin(3.0 * X[:, 0]) + X[:, 1] ** 2
    y = truth + 0.1 * rng.normal(size=len(X))
    y[:300:20] += 3.0 * rng.choice([-1.0, 1.0], 15)
    return np.sqrt(np.mean((regressor(**options).fit(X[:300], y[:300]).predict(X[300:]) - truth[300:]) ** 2))


@pytest.mark.parametrize("loss", ["huber", "absolute_error"])
def test_outliers_in_y(loss):
    """New rows are predicted as if outliers were not; the squared error smooths them over."""
    assert error_with_outliers(loss=loss) < 0.9 * error_with_outliers()
    assert error_with_outliers(loss=loss) < 0.1


@pytest.mark.parametrize("epsilon", [0.02, 0.1, 0.3])
def test_narrow_huber_loss(epsilon):
    """Where most residuals lie on the lines of Huber's loss the noise is known all the same."""
    assert error_with_outliers(loss="huber", epsilon=epsilon) < 0.05


@pytest.mark.parametrize("factor", [100.0, 1e-6])
def test_weights_that_are_large_throughout_teach_no_more(factor):
    """Only what they are to one another counts, and many copies of a row do not hide its noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 2))
    y = np.sin(X[:, 0]) + 0.5 * rng.normal(size=150)
    model = KANRegressor((3,), max_iter=30, random_state=0).fit(X, y)
    same = KANRegressor((3,), max_iter=30, random_state=0).fit(X, y, np.full(150, factor))
    assert_array_equal(model.predict(X), same.predict(X))
    weight = rng.integers(20, 40, 150)
    weighed = KANRegressor((3,), max_iter=30, random_state=0).fit(X, y, weight)
    assert weighed.edof_ < 1.5 * model.edof_
    again = KANRegressor((3,), max_iter=30, random_state=0).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_array_equal(weighed.predict(X), again.predict(X))
    stds = [one.predict(X, return_std=True)[1] for one in (weighed, again)]
    assert_allclose(*stds, rtol=1e-12)


@pytest.mark.parametrize("n_rows, noise", [(100, 0.1), (400, 1.0)])
def test_many_small_effects_are_not_screened_out(n_rows, noise):
    """None of 40 columns tells by itself, all do together."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_rows + 1000, 40))
    signal = X @ rng.normal(size=40)
    y = signal + noise * signal.std() * rng.normal(size=len(X))
    model = KANRegressor(random_state=0).fit(X[:n_rows], y[:n_rows])
    linear = RidgeCV(np.logspace(-2, 4, 20)).fit(X[:n_rows], y[:n_rows])
    assert model.score(X[n_rows:], y[n_rows:]) > linear.score(X[n_rows:], y[n_rows:]) - 0.1
    assert (model.feature_importances_ > 0.0).sum() > 30


def test_an_interrupt_of_the_model_of_all_columns_keeps_the_others(monkeypatch):
    train = _training.Trainer._train_alone

    def interrupted(self, network, *, record):
        if record:
            raise KeyboardInterrupt
        train(self, network, record=record)

    monkeypatch.setattr(_training.Trainer, "_train_alone", interrupted)
    rng = np.random.RandomState(0)
    X = rng.normal(size=(100, 40))
    with pytest.warns(UserWarning, match="interrupted"):
        model = KANRegressor(random_state=0).fit(X, X @ rng.normal(size=40))
    assert model.layer_sizes_[1] > 1
