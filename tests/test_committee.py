"""Networks side by side as one."""

import pickle

import numpy as np
import pytest

from sklearn_kan import KANClassifier, KANRegressor, _competition, _iterated_screening, _training
from sklearn_kan._committee import apart, committee_size, side_by_side, with_hidden_nodes
from sklearn_kan._objective import Strengths


def noisy_rows(n_rows=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n_rows, 3))
    return X, np.sin(3 * X[:, 0]) * X[:, 1] + rng.normal(0, 0.3, n_rows)


def with_category_and_holes(X, rng):
    X = np.column_stack([X, rng.integers(0, 4, len(X))])
    X[rng.uniform(size=len(X)) < 0.2, 0] = np.nan
    return X


@pytest.fixture(scope="module")
def single_models():
    """Small models on the same rows, with a category and missing values, from different starts."""
    X, y = noisy_rows()
    X = with_category_and_holes(X, np.random.default_rng(1))
    models = [
        KANRegressor((3,), categorical_features=[3], max_iter=5, n_init=1, random_state=seed).fit(X, y)
        for seed in range(3)
    ]
    return X, [model.network_ for model in models]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_side_by_side_is_the_mean_and_comes_apart_again(single_models):
    X, networks = single_models
    X = np.vstack([X, [[np.nan, np.nan, 5.0, -1.0]]])  # missing where nothing was, and an unknown category
    raw = [network.raw_predict(X) for network in networks]
    whole = side_by_side(networks)
    assert whole.shape == [4, 9, 1]
    np.testing.assert_allclose(whole.raw_predict(X), np.mean(raw, axis=0), rtol=1e-12)
    for network, expected in zip(apart(whole, 3), raw, strict=True):
        np.testing.assert_allclose(network.raw_predict(X), expected, rtol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_an_additive_network_goes_behind_hidden_nodes_and_takes_its_share(n_outputs):
    X, y = noisy_rows()
    X, Y = with_category_and_holes(X, np.random.default_rng(1)), np.column_stack([y, y**2])[:, :n_outputs]
    options = {"categorical_features": [3], "max_iter": 5, "n_init": 1, "random_state": 0}
    additive, other = (KANRegressor(hidden, **options).fit(X, Y).network_ for hidden in ((), (3,)))
    X = np.vstack([X, [[np.nan, 9.0, 5.0, -1.0]]])  # missing where nothing was, far away, and an unknown category
    hidden = with_hidden_nodes(additive, np.array([0.5, 3.0])[:n_outputs])
    assert hidden.shape == [4, n_outputs, n_outputs]
    expected = [network.raw_predict(X) for network in (other, additive)]
    np.testing.assert_allclose(hidden.raw_predict(X), expected[1], rtol=1e-10)
    size = np.array([0.5, 3.0])[:n_outputs]
    strengths = Strengths([np.array([1.0, 2.0, 3.0, 4.0])], [np.full(4, 0.1)]).with_hidden_nodes(size)
    assert strengths.fit(hidden)
    squares = [np.sum(network.layers[0].weights ** 2, axis=(1, 2)) for network in (additive, hidden)]
    if n_outputs == 1:  # the same penalty
        np.testing.assert_allclose(strengths.alpha[0] * squares[1], [1.0, 2.0, 3.0, 4.0] * squares[0], rtol=1e-12)
    shares = np.array([0.75, 0.25])
    whole = side_by_side([other, hidden], shares)
    np.testing.assert_allclose(whole.raw_predict(X), np.tensordot(shares, expected, 1), rtol=1e-10)
    for network, raw in zip(apart(whole, [3, n_outputs], shares), expected, strict=True):
        np.testing.assert_allclose(network.raw_predict(X), raw, rtol=1e-10)


def test_an_additive_model_joins_where_it_is_about_as_good():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1300, 6))
    y = np.sin(X[:, 0]) + 0.5 * X[:, 1] + rng.normal(size=1300)
    model = KANRegressor(random_state=0, store_covariance=True).fit(X[:300], y[:300])
    assert model.layer_sizes_ == [6, 33, 1]
    assert model.score(X[300:], y[300:]) > 0.3
    mean, std = model.predict(X[300:], return_std=True)
    assert 0.84 < np.mean(np.abs(y[300:] - mean) < 1.645 * std) < 0.96
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X, return_std=True)[1], model.predict(X, return_std=True)[1])


def test_a_weak_signal_is_left_to_the_additive_model():
    """What networks count as noise; of noise alone nothing is learnt."""
    rng = np.random.default_rng(0)
    X, noise = rng.normal(size=(1200, 8)), rng.normal(size=1200)
    y = 0.4 * X[:, 0] + noise
    weak = KANRegressor(random_state=0).fit(X[:200], y[:200])
    assert weak.layer_sizes_ == [8, 1]
    assert weak.score(X[200:], y[200:]) > 0.08
    assert KANRegressor(random_state=0).fit(X[:200], noise[:200]).score(X[200:], noise[200:]) > -0.03


@pytest.fixture(scope="module")
def noisy_model():
    X, y = noisy_rows()
    return KANRegressor(random_state=0, store_covariance=True).fit(X, y)


def test_the_default_is_a_committee_that_errs_less_than_its_members_on_average(noisy_model):
    X, _ = noisy_rows(1000, seed=1)
    signal = np.sin(3 * X[:, 0]) * X[:, 1]
    assert noisy_model.layer_sizes_ == [3, 32, 1]
    assert len(noisy_model.alpha_[1]) == len(noisy_model.smoothing_[1]) == 32
    scaled = [part.raw_predict(X)[:, 0] for part in apart(noisy_model.network_, 4)]
    members = [noisy_model._target_center + noisy_model._target_scale * raw for raw in scaled]
    np.testing.assert_allclose(noisy_model.predict(X), np.mean(members, axis=0), rtol=1e-9)

    def error(predicted):
        return np.sqrt(np.mean((predicted - signal) ** 2))

    assert error(noisy_model.predict(X)) < 0.95 * np.mean([error(member) for member in members])


def test_its_deviations_cover_new_rows_and_survive_a_pickle(noisy_model):
    X, y = noisy_rows(2000, seed=1)
    mean, std = noisy_model.predict(X, return_std=True)
    assert 0.84 < np.mean(np.abs(y - mean) < 1.645 * std) < 0.96
    posterior = noisy_model._posterior
    assert 0.5 < posterior.noise[0] / np.mean([member.noise[0] for member in posterior.members]) < 1.0
    again = pickle.loads(pickle.dumps(noisy_model))
    np.testing.assert_array_equal(again.predict(X, return_std=True)[1], std)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_exact_data_makes_one_network():
    X, _ = noisy_rows(1000)
    model = KANRegressor(max_iter=50, random_state=0).fit(X, np.sin(2 * X[:, 0]) + X[:, 1] ** 2)
    assert model.layer_sizes_ == [3, 8, 1]
    assert model.solver_ == "lm"


def test_a_network_to_read_is_one():
    X, y = noisy_rows()
    assert KANRegressor(reg_lambda=1e-3, random_state=0).fit(X, y).layer_sizes_ == [3, 8, 1]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_it_goes_on_warm_and_through_a_schedule_of_grids():
    X, y = noisy_rows()
    warm = KANRegressor(max_iter=20, warm_start=True, random_state=0).fit(X, y)
    loss = np.mean((warm.predict(X) - y) ** 2)
    assert warm.fit(X, y).layer_sizes_ == [3, 32, 1]
    assert np.mean((warm.predict(X) - y) ** 2) <= loss * (1 + 1e-12)
    model = KANRegressor(grid_size=(3, 6), max_iter=10, early_stopping=True, random_state=0).fit(X, y)
    assert 1 <= len(model.stage_scores_) <= 2
    assert model.grid_size_ in (3, 6)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_classes():
    X, y = noisy_rows()
    model = KANClassifier(max_iter=20, random_state=0).fit(X, np.digitize(y, [-0.3, 0.3]))
    assert model.layer_sizes_ == [3, 32, 3]
    assert np.allclose(model.predict_proba(X).sum(axis=1), 1.0)


@pytest.mark.parametrize("stage, n_members", [(1, 1), (3, 2), (4, 3)])
def test_an_interrupt_keeps_the_members_that_are_finished(monkeypatch, stage, n_members):
    from sklearn_kan._progress import Progress

    X, y = noisy_rows()
    begun = []

    def begin_stage(self, name, max_iter, original=Progress.begin_stage):
        begun.append(name)
        original(self, name, max_iter)

    def iteration(self, network, loss, score, original=Progress.iteration):
        if begun[-1].endswith(f"network {stage}") and self.n_iter == 3:
            raise KeyboardInterrupt
        return original(self, network, loss, score)

    monkeypatch.setattr(Progress, "begin_stage", begin_stage)
    monkeypatch.setattr(Progress, "iteration", iteration)
    with pytest.warns(UserWarning, match="interrupted"):
        model = KANRegressor(random_state=0).fit(X, y)
    assert model.layer_sizes_ == [3, 8 * n_members, 1]
    assert np.isfinite(model.predict(X, return_std=True)[1]).all()


@pytest.mark.parametrize(
    "n_columns, n_outputs, n_members",
    [(0, 1, 4), (15, 3, 4), (20, 1, 3), (30, 3, 2), (31, 1, 2), (100, 1, 2), (31, 3, 1)],
)
def test_size(n_columns, n_outputs, n_members):
    assert committee_size(n_columns, n_outputs) == n_members


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_columns, hidden", [(15, 32), (20, 24), (30, 16), (31, 16)])
def test_wide_tables_have_fewer_members(n_columns, hidden):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, n_columns))
    model = KANRegressor(max_iter=2, n_init=1, random_state=0).fit(X, X.sum(axis=1))
    assert model.layer_sizes_ == [n_columns, hidden, 1]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_interrupt_of_another_trial_keeps_the_best_start(monkeypatch):
    def begin_and_be_interrupted(self, starts, make_network):
        self.network = make_network(self.rng)
        raise KeyboardInterrupt

    monkeypatch.setattr(_competition.Competition, "_needs_much_ridge", begin_and_be_interrupted)
    X, y = noisy_rows(400)
    with pytest.warns(UserWarning, match="interrupted"):
        model = KANRegressor(random_state=0).fit(X, y)
    assert model.score(X, y) > 0.3


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_members", [1, 4])
def test_an_interrupt_of_the_additive_model_keeps_the_others(n_members, monkeypatch):
    def begin_and_be_interrupted(self, network, *, record):
        self.network = network
        raise KeyboardInterrupt

    monkeypatch.setattr(_training.Trainer, "_train_alone", begin_and_be_interrupted)
    monkeypatch.setattr(_iterated_screening, "committee", lambda *arguments: ([8], n_members))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = np.sin(X[:, 0]) + X[:, 1] + rng.normal(size=200)
    with pytest.warns(UserWarning, match="interrupted"):
        model = KANRegressor(solver="lbfgs", max_iter=20, random_state=0).fit(X, y)
    assert model.layer_sizes_ == [3, 8 * n_members, 1]
    assert model.score(X, y) > 0.3


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("degree, n_hidden", [(0, 32), (1, 33)])
def test_steps_have_no_additive_model_beside_them(degree, n_hidden):
    """A node that goes on as it is needs a line."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = np.sin(X[:, 0]) + X[:, 1] + rng.normal(size=300)
    model = KANRegressor(degree=degree, max_iter=30, random_state=0).fit(X, y)
    assert model.layer_sizes_ == [3, n_hidden, 1]
    assert model.score(X, y) > 0.3
