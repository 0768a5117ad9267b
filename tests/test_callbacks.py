"""scikit-learn's callbacks, where the installed version has them, and the stand-ins where it has not."""

import json
import subprocess
import sys

import numpy as np
import pytest
import samples
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV

from sklearn_kan import KANClassifier, KANRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
solvers = pytest.mark.parametrize("solver", ["lm", "lbfgs", "adam"])


def test_without_callbacks_in_scikit_learn():
    """Versions before 1.9: the same model, no callbacks."""
    code = """
import json, sys, warnings
import numpy as np
import sklearn.base, sklearn.model_selection
sys.modules["sklearn.callback"] = None
import sklearn_kan
from sklearn_kan import _progress
warnings.simplefilter("ignore")
assert _progress.CallbackSupportMixin.__module__ == "sklearn_kan._progress"
X = np.random.RandomState(0).uniform(-1.0, 1.0, (60, 2))
y = np.sin(2.0 * X[:, 0])
options = {"grid_size": (3, 5), "prune_threshold": 1e-3, "max_iter": 4, "random_state": 0, "verbose": 1}
model = sklearn_kan.KANRegressor((2,), **options).fit(X, y)
assert not hasattr(model, "set_callbacks")
assert not any("callback" in name for name in vars(model))
model.partial_fit(X, y)
sklearn_kan.KANClassifier((2,), **options).fit(X, y > 0)
print(json.dumps(model.predict(X).tolist()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = np.array(json.loads(done.stdout.splitlines()[-1]))
    X = np.random.RandomState(0).uniform(-1.0, 1.0, (60, 2))
    options = {"grid_size": (3, 5), "prune_threshold": 1e-3, "max_iter": 4, "random_state": 0}
    y = np.sin(2.0 * X[:, 0])
    assert_array_equal(found, KANRegressor((2,), **options).fit(X, y).partial_fit(X, y).predict(X))
    assert "grid 5" in done.stdout


def make(Estimator=KANRegressor, **options):
    X, y = samples.formula(np.random.RandomState(0), 60)
    y = y if Estimator is KANRegressor else np.where(y > 1.5, "high", "low")
    options = {"hidden_layer_sizes": (2,), "max_iter": 5, "n_init": 1, "tol": 0.0, "random_state": 0, **options}
    return Estimator(**options), X, y


class Recorder:
    """Writes down what it is told; `stop` says when to ask for the end of the loop that a task belongs to."""

    def __init__(self, stop=lambda name, count: False):
        self.stop = stop
        self.begun, self.ended, self.calls = [], [], []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context):
        self.ended.append(context.task_name)
        return self.stop(context.task_name, self.ended.count(context.task_name))


@pytest.fixture(autouse=True)
def callback(request):
    """The module, but for the test that needs none."""
    if "without" in request.node.name:
        return None
    return pytest.importorskip("sklearn.callback")


@solvers
def test_stages_and_iterations(solver):
    model, X, y = make(solver=solver, grid_size=(3, 6), n_init=2, reg_lambda=1e-6, prune_threshold=1e-6)
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X, y)
    assert recorder.calls == ["setup", "teardown"]
    assert sorted(recorder.begun) == sorted(recorder.ended)
    stages = [name for name in recorder.ended if name != "iteration"]
    assert stages == ["starts", "grid 3", "grid 6", "pruned", "fit"]
    assert recorder.begun[0] == "fit"
    assert recorder.ended.count("iteration") == model.n_iter_
    plain, _, _ = make(solver=solver, grid_size=(3, 6), n_init=2, reg_lambda=1e-6, prune_threshold=1e-6)
    assert_array_equal(plain.fit(X, y).predict(X), model.predict(X))
    assert not any("ctx" in name or "teardown" in name for name in vars(model))


@solvers
def test_stop_a_stage(solver):
    """From an iteration: the stage ends there, the next one runs."""
    recorder = Recorder(lambda name, count: name == "iteration" and count == 2)
    model, X, y = make(solver=solver, grid_size=(3, 6), max_iter=4)
    model.set_callbacks(recorder).fit(X, y)
    stages = "".join("|" if name != "iteration" else "." for name in recorder.ended)
    assert stages == "..|....||"
    assert model.n_iter_ == 6
    assert model.network_.layers[0].grid_size == 6


def test_stop_is_no_lack_of_convergence(recwarn):
    model, X, y = make(max_iter=500)
    model.set_callbacks(Recorder(lambda name, count: name == "iteration" and count == 3)).fit(X, y)
    assert model.n_iter_ == 3
    assert not [warning for warning in recwarn if "converge" in str(warning.message)]


def test_stop_the_fit():
    """From a stage: no further grid, and a model all the same."""
    recorder = Recorder(lambda name, count: name == "grid 3")
    model, X, y = make(grid_size=(3, 6, 12))
    model.set_callbacks(recorder).fit(X, y)
    assert "grid 6" not in recorder.begun
    assert model.network_.layers[0].grid_size == 3
    plain, _, _ = make(grid_size=3)
    assert_array_equal(model.predict(X), plain.fit(X, y).predict(X))


def test_interrupt_from_a_callback():
    def interrupt(name, count):
        if name == "iteration" and count == 3:
            raise KeyboardInterrupt
        return False

    recorder = Recorder(interrupt)
    model, X, y = make()
    with pytest.warns(UserWarning, match="interrupted"):
        model.set_callbacks(recorder).fit(X, y)
    assert recorder.calls == ["setup", "teardown"]
    assert model.n_iter_ == 3
    assert np.isfinite(model.predict(X)).all()


def test_teardown_after_an_error():
    def fail(name, count):
        raise RuntimeError("broken callback")

    recorder = Recorder(fail)
    model, X, y = make()
    with pytest.raises(RuntimeError, match="broken callback"):
        model.set_callbacks(recorder).fit(X, y)
    assert recorder.calls == ["setup", "teardown"]
    assert np.isfinite(model.set_callbacks().fit(X, y).predict(X)).all()


@pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
def test_scoring_monitor(Estimator, callback):
    """Each iteration's score is that of a fit that ends there; the last one that of the model."""
    scoring = "r2" if Estimator is KANRegressor else "neg_log_loss"
    monitor = callback.ScoringMonitor(scoring=scoring)
    model, X, y = make(Estimator)
    model.set_callbacks(monitor).fit(X, y)
    rows = monitor.get_logs().data
    scores = [row[scoring] for row in rows if row["task_name"] == "iteration"]
    assert len(scores) == model.n_iter_
    for stop in (1, 3):
        cut, _, _ = make(Estimator)
        scorer = callback.ScoringMonitor(scoring=scoring)
        cut.set_callbacks(scorer, Recorder(lambda name, count, stop=stop: name == "iteration" and count == stop)).fit(
            X, y
        )
        expected = [row[scoring] for row in scorer.get_logs().data if row["task_name"] == "iteration"]
        assert scores[:stop] == expected
    whole = next(row[scoring] for row in rows if row["task_name"] == "fit")
    if Estimator is KANRegressor:
        assert_allclose(whole, model.score(X, y), rtol=1e-12)
        assert scores[-1] > scores[0]
    else:
        proba = model.predict_proba(X)[np.arange(60), np.searchsorted(model.classes_, y)]
        assert_allclose(whole, np.log(proba).mean(), rtol=1e-9)


def test_scoring_monitor_takes_weights(callback):
    monitor = callback.ScoringMonitor(scoring="r2")
    model, X, y = make()
    weight = (X[:, 0] > 0.0).astype(float) + 1e-3
    model.set_callbacks(monitor).fit(X, y, sample_weight=weight)
    whole = next(row["r2"] for row in monitor.get_logs().data if row["task_name"] == "fit")
    assert_allclose(whole, model.score(X, y, sample_weight=weight), rtol=1e-12)


def test_progress_bar(callback, capsys):
    pytest.importorskip("rich")
    model, X, y = make(grid_size=(3, 6))
    model.set_callbacks(callback.ProgressBar()).fit(X, y)
    found = capsys.readouterr().out
    for word in ("KANRegressor", "grid 3", "grid 6", "100%"):
        assert word in found


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_in_a_grid_search(n_jobs, callback, capsys):
    pytest.importorskip("rich")
    monitor = callback.ScoringMonitor(scoring="r2")
    model, X, y = make(grid_size=(3, 6))
    model.set_callbacks(monitor)
    search = GridSearchCV(model, {"alpha": [1e-3, 1e-2]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(X, y)
    rows = monitor.get_logs().data
    fits = [row for row in rows if row["task_name"] == "fit" and row["estimator_name"] == "KANRegressor"]
    assert len(fits) == 5  # four splits and the last one on all rows
    assert sum(row["task_name"] == "iteration" for row in rows) == 5 * 10
    assert_allclose(max(row["r2"] for row in fits if len(row["task_id_path"]) == 2), search.score(X, y), rtol=1e-12)
    found = capsys.readouterr().out
    assert "GridSearchCV" in found
    assert "grid 6" in found
    plain, _, _ = make(grid_size=(3, 6))
    expected = GridSearchCV(plain, {"alpha": [1e-3, 1e-2]}, cv=2).fit(X, y)
    assert_array_equal(search.predict(X), expected.predict(X))


def test_stop_inside_a_grid_search():
    model, X, y = make(max_iter=50)
    model.set_callbacks(Recorder(lambda name, count: name == "iteration"))
    search = GridSearchCV(model, {"alpha": [1e-3, 1e-2]}, cv=2).fit(X, y)
    assert search.best_estimator_.n_iter_ == 1


def test_what_loses_no_edge_is_not_trained_again():
    model, X, y = make(n_init=1, prune_threshold=1e-6)
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X, y)
    assert [name for name in recorder.ended if name != "iteration"] == ["grid 5", "fit"]
