"""Noise that the residuals hide, and labels that have next to none."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import log_loss

from sklearn_kan import KANClassifier, KANRegressor, _stage, _training
from sklearn_kan._encoding import hold_out_cases
from sklearn_kan._safe_bayes import cold_excess, safe_excess

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LOSSES = np.array([1.0, 2.0, 3.0, 4.0])


@pytest.mark.parametrize(
    "falls, expected",
    [
        ({4.0: [0.1, 0.2, 0.1, 0.2], 16.0: [0.2, 0.3, 0.2, 0.3]}, 16.0),
        ({4.0: [0.2, 0.3, 0.2, 0.3], 16.0: [0.1, 0.2, 0.1, 0.2]}, 4.0),
        ({4.0: [0.9, -0.2, -0.2, -0.2], 16.0: [0.9, -0.1, -0.2, -0.2]}, 1.0),  # by one row
        ({4.0: [-0.1, -0.2, -0.1, -0.2], 16.0: [0.1, 0.2, 0.1, 0.2]}, 16.0),
        ({4.0: [0.0] * 4, 16.0: [0.0] * 4}, 1.0),
    ],
)
def test_more_noise_has_to_be_better_by_a_standard_error(falls, expected):
    assert safe_excess(lambda excess: (LOSSES - falls.get(excess, 0.0), 2.0), np.full(4, 3.0)) == expected


def test_nothing_is_tried_where_rows_held_out_are_as_expected():
    asked = []

    def held_out(excess):
        asked.append(excess)
        return LOSSES / excess, 1.4

    assert safe_excess(held_out, np.ones(4)) == 1.0
    assert asked == [1.0]


@pytest.mark.parametrize("noise, expected", [(3.9, 1.0), (4.1, 4.0)])
def test_where_much_was_learnt_any_gain_counts(noise, expected):
    falls = {4.0: [0.9, -0.2, -0.2, -0.2], 16.0: [0.9, -0.3, -0.2, -0.2]}
    assert safe_excess(lambda excess: (LOSSES - falls.get(excess, 0.0), noise), np.ones(4)) == expected


def test_what_contradicts_the_residuals_may_be_less():
    falls = {4.0: 0.5, 16.0: 0.2}
    assert safe_excess(lambda excess: (LOSSES - falls.get(excess, 0.0), 1.2), np.ones(4), 1.0) == 4.0


def test_cases_are_held_out_not_rows():
    rng = np.random.RandomState(0)
    X, weight = np.arange(400.0)[:, None], rng.choice([1.0, 3.0, 40.0], 400)
    (X_in, y_in, w_in), (X_out, y_out, w_out) = hold_out_cases(X, 2.0 * X, weight, 0.2, rng)
    assert_array_equal(y_in, 2.0 * X_in)
    assert_array_equal(y_out, 2.0 * X_out)
    both = np.zeros(400)
    both[X_in[:, 0].astype(int)] += w_in
    both[X_out[:, 0].astype(int)] += w_out
    assert_array_equal(both, weight)
    assert w_out.sum() / weight.sum() == pytest.approx(0.2, abs=0.02)
    assert len(np.intersect1d(X_in, X_out)) > 100  # copies are in both parts


def test_rows_count_by_their_weight():
    falls = {4.0: np.array([0.1, 0.2, -5.0, 0.1]), 16.0: np.array([0.0, 0.1, 9.0, 0.0])}
    weight = np.array([1.0, 1.0, 0.0, 2.0])
    assert safe_excess(lambda excess: (LOSSES - falls.get(excess, 0.0), 2.0), weight) == 4.0


@pytest.mark.parametrize(
    "falls, expected, n_asked",
    [
        ([[0.5, 0.4, 0.5, 0.4], [0.2, 0.1, 0.2, 0.1], [0.1, 0.1, 0.1, 0.2]], 1 / 64, 4),
        ([[0.5, 0.4, 0.5, 0.4], [0.0, 0.0, 0.0, 0.0]], 1 / 4, 3),
        ([[0.5, 0.4, 0.5, 0.4], [-0.2, -0.1, -0.2, -0.1]], 1 / 4, 3),
        ([[0.9, 0.1, 0.1, 0.0]], 1.0, 2),  # by one row
        ([[-0.5, -0.4, -0.5, -0.4]], 1.0, 2),
    ],
)
def test_less_noise_has_to_be_better_by_two_standard_errors_a_step(falls, expected, n_asked):
    asked = []

    def held_out(excess):
        asked.append(excess)
        return LOSSES - np.sum(falls[: len(asked) - 1], axis=0), 1.0

    assert cold_excess(held_out, np.full(4, 3.0)) == expected
    assert asked == [1.0, 1 / 4, 1 / 16, 1 / 64][:n_asked]


def noted(monkeypatch, name):
    """What the fits of a test find out with this function."""
    results, find = [], getattr(_training, name)

    def find_and_note(*args):
        results.append(find(*args))
        return results[-1]

    monkeypatch.setattr(_training, name, find_and_note)
    return results


@pytest.fixture
def found(monkeypatch):
    return noted(monkeypatch, "safe_excess")


@pytest.fixture
def found_cold(monkeypatch):
    return noted(monkeypatch, "cold_excess")


def amounts(n_samples, seed):
    """Amounts, whose noise grows with their mean, eight columns and the mean."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 8))
    mean = np.exp(0.7 * X[:, 0] + 0.5 * X[:, 1])
    return X, mean * rng.gamma(2.0, 0.5, n_samples), mean


def smooth(n_samples, seed, noise=0.05):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, (n_samples, 4))
    return X, np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2] + noise * rng.normal(size=n_samples)


def test_noise_that_grows_with_the_mean_is_not_learnt(found, monkeypatch):
    X, y, _ = amounts(200, 1)
    new, _, mean = amounts(2000, 9)
    safe = KANRegressor(random_state=0).fit(X, y)
    assert len(found) == 1 and found[0] > 1.0
    monkeypatch.setattr(_training, "FLEXIBLE", np.inf)
    other = KANRegressor(random_state=0).fit(X, y)
    assert len(found) == 1
    errors = [np.mean((model.predict(new) - mean) ** 2) for model in (safe, other)]
    assert errors[0] < 0.7 * errors[1]
    assert safe.edof_ < other.edof_


def rush_hours(n_samples, seed, n_others=1):
    """Counts of a day's hours with noise of a fifth; other columns come first."""
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [rng.uniform(-2.0, 2.0, (n_samples, n_others)), rng.integers(0, 24, n_samples), rng.integers(0, 7, n_samples)]
    )
    hour, day = X[:, -2:].T
    rush = (day < 5) & (np.abs(hour - 8.0) < 2.0)
    mean = 50.0 * np.exp(1.5 * np.sin(hour / 24.0 * 2.0 * np.pi) + 1.5 * rush)
    return X, mean * np.exp(0.2 * rng.normal(size=n_samples))


def test_exact_training_does_not_begin_where_noise_was_learnt(found):
    X, y = rush_hours(600, 0)
    new, y_new = rush_hours(2000, 9)
    model = KANRegressor(random_state=0).fit(X, y)
    assert found[0] > 1.0
    assert model.solver_ == "lbfgs"
    mean, std = model.predict(new, return_std=True)
    assert 0.85 < np.mean(np.abs(y_new - mean) < 1.645 * std) < 0.97
    assert np.std(y_new - mean) < 2.0 * np.std(y - model.predict(X))


def test_exact_training_has_to_meet_rows_held_out_better(found, monkeypatch):
    X, y = rush_hours(3000, 5, n_others=2)
    safe = KANRegressor(grid_size=6, random_state=0).fit(X[:600], y[:600])
    assert found == [1.0]
    assert safe.solver_ == "lbfgs"
    monkeypatch.setattr(_stage.StageTrainer, "left_by_lm", lambda *_: 0.0)
    other = KANRegressor(grid_size=6, random_state=0).fit(X[:600], y[:600])
    assert other.solver_ == "lm"
    errors = [np.mean((model.predict(X[600:]) - y[600:]) ** 2) for model in (safe, other)]
    assert errors[0] < 0.7 * errors[1]


@pytest.mark.parametrize("n_samples", [60, 300])
def test_few_exact_rows_are_met_exactly(n_samples):
    """Fewer rows than parameters of all members: a few iterations tell that the data is exact."""
    X = np.random.default_rng(1).uniform(-1.0, 1.0, (n_samples + 500, 1))
    y = X[:, 0] ** 3
    model = KANRegressor(random_state=0).fit(X[:n_samples], y[:n_samples])
    assert model.solver_ == "lm"
    assert model.score(X[n_samples:], y[n_samples:]) > 1.0 - 1e-10


@pytest.mark.parametrize("options", [{"alpha": 1e-6, "smoothing": 1e-6}, {"grid_size": (2, 8)}, {"grid_size": (3, 12)}])
def test_few_rows_with_given_penalties_or_grids(options):
    """No evidence tells the noise, or there are no new starts any more."""
    X = np.random.default_rng(1).uniform(-1.0, 1.0, (60, 1))
    assert KANRegressor(random_state=0, **options).fit(X, X[:, 0] ** 3).score(X, X[:, 0] ** 3) > 0.999
    X = np.random.default_rng(150).uniform(size=(150, 2))
    y = np.sin(8.0 * X[:, 0]) + X[:, 1] ** 2
    assert KANRegressor(random_state=0, **options).fit(X, y).score(X, y) > 0.99


def test_interrupt_of_the_question_keeps_the_network(monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    X = np.random.default_rng(1).uniform(-1.0, 1.0, (60, 1))
    monkeypatch.setattr(_stage, "levenberg_marquardt", interrupt)
    with pytest.warns(UserWarning, match="interrupted"):
        model = KANRegressor(random_state=0).fit(X, X[:, 0] ** 3)
    assert model.solver_ == "lbfgs"
    assert model.score(X, X[:, 0] ** 3) > 0.99


@pytest.mark.parametrize("noise", [0.02, 0.05])
def test_few_rows_with_little_noise_are_not_learnt_by_heart(noise):
    X, y = smooth(200, 0, noise)
    assert KANRegressor(random_state=0).fit(X, y).solver_ == "lbfgs"


@pytest.mark.parametrize("seed", [0, 1])
def test_exact_training_stays_only_where_it_has_more_evidence(seed):
    """Two fits of a sharp step: the small network of exact training finds it, or a function that is not smooth."""
    X = np.random.default_rng(5).uniform(0.0, 1.0, (2400, 3))
    y = np.tanh(20.0 * (X[:, 0] - X[:, 1])) + X[:, 2]
    model = KANRegressor(random_state=seed).fit(X[:400], y[:400])
    assert model.score(X[400:], y[400:]) > 1.0 - 1e-4


def test_amounts_that_are_mostly_zero_are_met_better_than_by_their_mean(found):
    rng = np.random.default_rng(1)
    X = rng.uniform(-2.0, 2.0, (3000, 6))
    mean = np.exp(np.sin(2.0 * X[:, 0]) + X[:, 1] ** 2 - X[:, 2])
    y = np.where(rng.random(3000) < 0.6, 0.0, mean)
    model = KANRegressor(random_state=0).fit(X[:800], y[:800])
    assert len(found) == 1
    assert model.score(X[800:], y[800:]) > 0.05


def test_even_noise_leaves_the_fit_as_it_was(found, monkeypatch):
    X, y = smooth(200, 0)
    model = KANRegressor(max_iter=40, random_state=0).fit(X, y)
    assert found == [1.0]
    monkeypatch.setattr(_training, "FLEXIBLE", np.inf)
    assert_array_equal(KANRegressor(max_iter=40, random_state=0).fit(X, y).predict(X), model.predict(X))


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_layer_sizes": (4,)},
        {"early_stopping": True},
        {"alpha": 1e-3, "smoothing": 1e-3},
        {"solver": "adam"},
        {"solver": "lm", "n_init": 1},
    ],
)
def test_only_the_evidence_of_flexible_networks_is_looked_at(options, monkeypatch):
    monkeypatch.setattr(_training, "safe_excess", None)
    X, y = smooth(100, 0, noise=0.3)
    KANRegressor(**{"max_iter": 5, "random_state": 0, **options}).fit(X, y)


@pytest.mark.parametrize("n_samples, factor", [(100, 0.0), (49, 1.0), (1, 1.0)])
def test_nothing_is_looked_at_without_rows_or_functions(n_samples, factor, monkeypatch):
    monkeypatch.setattr(_training, "safe_excess", None)
    X, y = smooth(n_samples, 0)
    assert np.isfinite(KANRegressor(max_iter=5, random_state=0).fit(X, factor * y).predict(X)).all()


def test_copies_of_rows_are_in_one_part_and_equal_cases_in_both(found):
    X, y, _ = amounts(200, 1)
    X, y = np.vstack([X, X[::4]]), np.append(y, y[::4])
    ratings = np.round(y, -int(np.log10(np.std(y))))
    KANRegressor(max_iter=40, random_state=0).fit(X, ratings)
    assert len(found) == 1  # cases are: see below
    KANRegressor(max_iter=40, random_state=0).fit(X, ratings + 1e-3 * np.arange(250))
    assert len(found) == 2
    KANRegressor(max_iter=40, random_state=0).fit(X, y)  # copies for certain: merged, they are in one part
    assert len(found) == 3


def steps(n_samples, seed):
    """Four classes that three columns determine."""
    X = np.random.default_rng(seed).uniform(-1.0, 1.0, (n_samples, 3))
    return X, np.digitize(np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2], [-0.5, 0.0, 0.5])


def clusters(n_samples, seed, spread):
    """Eight classes around points in six columns."""
    centers = 2.0 * np.random.default_rng(0).normal(size=(8, 6))
    y = np.arange(n_samples) % 8
    return centers[y] + spread * np.random.default_rng(seed).normal(size=(n_samples, 6)), y


def log_losses(monkeypatch, rows, new):
    """Of new rows: by a fit, and by one that never counts on less noise."""
    found = []
    for exact in (_training.NEARLY_EXACT, 0.0):
        monkeypatch.setattr(_training, "NEARLY_EXACT", exact)
        model = KANClassifier(max_iter=60, random_state=0).fit(*rows)
        found.append(log_loss(new[1], model.predict_proba(new[0])))
    return found


def test_exact_labels_count_on_less_noise(found_cold, monkeypatch):
    cold, other = log_losses(monkeypatch, steps(600, 1), steps(2000, 2))
    assert len(found_cold) == 1 and found_cold[0] < 1.0
    assert cold < 0.95 * other


@pytest.mark.parametrize("adaptive", [True, False])
def test_clusters_far_apart_are_told_with_confidence(adaptive, found_cold, monkeypatch):
    """Also where strengths follow no evidence: these stay even, and fall."""
    if not adaptive:
        monkeypatch.setattr(_training, "affordable", lambda *args: False)
    cold, other = log_losses(monkeypatch, clusters(600, 1, 0.3), clusters(600, 2, 0.3))
    assert found_cold == [1 / 64]
    assert cold < 0.2 * other


def test_clusters_that_touch_leave_the_fit_as_it_was(found_cold, monkeypatch):
    cold, other = log_losses(monkeypatch, clusters(600, 1, 0.5), clusters(600, 2, 0.5))
    assert found_cold == [1.0]
    assert cold == other


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_layer_sizes": (4,)},
        {"early_stopping": True},
        {"alpha": 1e-3, "smoothing": 1e-3},
        {"reg_lambda": 1e-3},
        {"solver": "adam"},
    ],
)
def test_labels_are_looked_at_with_automatic_strengths_only(options, monkeypatch):
    monkeypatch.setattr(_training, "cold_excess", None)
    KANClassifier(**{"max_iter": 20, "random_state": 0, **options}).fit(*clusters(600, 1, 0.3))


def test_labels_tell_their_noise(monkeypatch):
    monkeypatch.setattr(_training, "safe_excess", None)
    X, y = smooth(150, 0)
    KANClassifier(max_iter=10, random_state=0).fit(X, y > 0.0)


def test_few_or_noisy_labels_tell_their_noise(monkeypatch):
    monkeypatch.setattr(_training, "safe_excess", None)
    monkeypatch.setattr(_training, "cold_excess", None)
    KANClassifier(max_iter=20, random_state=0).fit(*clusters(499, 1, 0.3))
    KANClassifier(max_iter=20, random_state=0).fit(*clusters(600, 1, 2.0))


def test_a_part_of_many_rows_tells_the_noise(monkeypatch):
    sizes = []

    def parts(held_out, weight):
        sizes.append((len(held_out.func.__self__.rows.X), len(weight)))
        return 1.0

    monkeypatch.setattr(_training, "cold_excess", parts)
    KANClassifier(max_iter=30, random_state=0).fit(*clusters(4000, 1, 0.3))
    assert sizes == [(2000, 500)]


def test_interrupt_keeps_the_first_network(monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(_training, "safe_excess", interrupted)
    X, y = smooth(200, 0)
    with pytest.warns(UserWarning, match="interrupted"):
        model = KANRegressor(max_iter=40, random_state=0).fit(X, y)
    assert model.layer_sizes_ == [4, 8, 1]
    assert model.score(X, y) > 0.9


def test_noise_is_looked_at_once_in_all_rounds(found, monkeypatch):
    """A round on more columns counts on the noise that the one before found."""
    X, y, _ = amounts(200, 1)
    noises = []
    run = _training.Trainer.run

    def noted(self, *args):
        noises.append(self.excess)
        run(self, *args)
        self.late = None  # as if columns had been found after the last grid

    monkeypatch.setattr(_training.Trainer, "run", noted)
    monkeypatch.setattr("sklearn_kan._iterated_screening.late_columns", lambda *args: np.arange(8) == 7)
    monkeypatch.setattr("sklearn_kan._iterated_screening.telling_columns", lambda *args: np.arange(8) < 7)
    monkeypatch.setattr(_training.Trainer, "_lacks_columns", lambda self: False)
    KANRegressor(grid_size=[3, 5], max_iter=40, random_state=0).fit(X, y)
    assert len(found) == 1 and found[0] > 1.0
    assert noises == [1.0, found[0]]
