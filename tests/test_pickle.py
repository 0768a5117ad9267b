"""The pickled state: plain arrays, numbers and strings, with a version, readable later."""

import copy
import io
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import samples
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_kan import KANClassifier, KANRegressor, __version__

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
both = pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
GOLDEN = sorted(Path(__file__).parent.glob("golden_*.pkl"))
N_SAMPLES = 83


def fitted(Estimator, n_samples=N_SAMPLES, **options):
    X, y = samples.formula(np.random.RandomState(0), n_samples)
    y = y if Estimator is KANRegressor else np.where(y > 1.5, "high", "low")
    options = {"hidden_layer_sizes": (3,), "max_iter": 8, "n_init": 1, "random_state": 0, **options}
    return Estimator(**options).fit(X, y), X, y


def response(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


def walk(value, path="state"):
    """Everything inside containers, with the way to it."""
    yield path, value
    if isinstance(value, dict):
        for key, part in value.items():
            yield f"{path} key", key
            yield from walk(part, f"{path}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for i, part in enumerate(value):
            yield from walk(part, f"{path}[{i}]")


def assert_plain(state):
    """Nothing but containers, arrays, numbers and strings; no array of objects but of strings."""
    plain = (dict, list, tuple, str, int, float, bool, type(None), np.ndarray, np.generic)
    for path, value in walk(state):
        assert type(value) in plain or isinstance(value, np.generic), f"{path} is a {type(value)}"
        if isinstance(value, np.ndarray) and value.dtype == object:
            assert all(isinstance(part, str) for part in value.ravel()), path


@both
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"early_stopping": True, "verbose": 0},
        {"solver": "adam", "grid_size": (3, 6)},
        {"reg_lambda": 1e-2, "prune_threshold": 1e-2},
        {"hidden_layer_sizes": ()},
    ],
    ids=str,
)
def test_state_is_plain(Estimator, options):
    model, X, y = fitted(Estimator, **options)
    for _ in range(2):
        state = model.__getstate__()
        assert_plain(state)
        assert state["_sklearn_kan_version"] == __version__
        assert isinstance(state["_sklearn_kan_format"], int)
        model.partial_fit(X, y)


def test_the_checker_finds_what_is_not_plain():
    for bad in ({"a": object()}, {"a": [{"b": samples}]}, {"a": np.array([None, "a"])}, {"a": (1, {2})}):
        with pytest.raises(AssertionError):
            assert_plain(bad)


def test_state_with_feature_names():
    pd = pytest.importorskip("pandas")
    X, y = samples.formula(np.random.RandomState(0), 30)
    frame = pd.DataFrame(X, columns=["a", "b"])
    model = KANRegressor(max_iter=2, random_state=0).fit(frame, pd.Series(y))
    assert_plain(model.__getstate__())
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.feature_names_in_, ["a", "b"])
    assert_array_equal(again.predict(frame), model.predict(frame))


@both
def test_no_training_data_inside(Estimator):
    """Neither rows nor targets: the size does not grow with them, and no array is as long."""
    model, _, _ = fitted(Estimator)
    for path, value in walk(model.__getstate__()):
        if isinstance(value, np.ndarray):
            assert N_SAMPLES not in value.shape, path
    few = len(pickle.dumps(fitted(Estimator, 100, max_iter=2, grid_size=5)[0]))
    many = len(pickle.dumps(fitted(Estimator, 3000, max_iter=2, grid_size=5)[0]))
    assert abs(many - few) < 100
    assert many < 10_000


@both
@pytest.mark.parametrize("protocol", [2, 4, pickle.HIGHEST_PROTOCOL])
def test_round_trip(Estimator, protocol):
    model, X, _ = fitted(Estimator)
    rows = np.vstack([X, 100.0 * X])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = pickle.loads(pickle.dumps(model, protocol=protocol))
    assert_array_equal(response(again, rows), response(model, rows))
    assert again.get_params() == model.get_params()
    assert set(vars(again)) == set(vars(model))
    for name in ("n_iter_", "loss_", "loss_curve_", "layer_sizes_", "n_parameters_", "solver_", "n_features_in_"):
        assert getattr(again, name) == getattr(model, name)
    assert_array_equal(again.feature_importances_, model.feature_importances_)
    assert not hasattr(again, "_sklearn_kan_version")


@both
def test_the_names_in_a_pickle_are_public(Estimator):
    """Files and classes inside the package are not the format."""
    model, _, _ = fitted(Estimator)
    names = set()

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            names.add(f"{module}.{name}")
            return super().find_class(module, name)

    Unpickler(io.BytesIO(pickle.dumps(model))).load()
    assert {name for name in names if "kan" in name.lower()} == {f"sklearn_kan.{Estimator.__name__}"}
    assert {name.split(".")[0] for name in names} <= {"sklearn_kan", "numpy", "_codecs"}


@both
def test_it_goes_on_after_loading(Estimator):
    """Weights are views of one vector again: a further fit and a further pass give the same bits."""
    model, X, y = fitted(Estimator, warm_start=True)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(response(again.fit(X, y), X), response(model.fit(X, y), X))
    model.partial_fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(response(again.partial_fit(X, y), X), response(model.partial_fit(X, y), X))


@both
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
def test_copies(Estimator, copied):
    """A copy predicts the same and lives its own life."""
    model, X, y = fitted(Estimator)
    before = response(model, X)
    other = copied(model)
    assert_array_equal(response(other, X), before)
    other.network_.theta = 2.0 * other.network_.theta
    other.partial_fit(X, y)
    assert_array_equal(response(model, X), before)


@both
def test_clone_is_not_fitted(Estimator):
    model, X, _ = fitted(Estimator)
    other = clone(model)
    assert other.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        other.predict(X)
    assert not [name for name in vars(other) if name.endswith("_") and not name.startswith("_")]


@both
def test_before_fit(Estimator):
    model = pickle.loads(pickle.dumps(Estimator(max_iter=3)))
    assert model.get_params() == Estimator(max_iter=3).get_params()
    with pytest.raises(NotFittedError):
        model.predict([[1.0]])


@both
def test_another_version_warns(Estimator):
    model, X, _ = fitted(Estimator)
    for version in ("0.0.1", "99.0"):
        other = Estimator.__new__(Estimator)
        with pytest.warns(UserWarning, match=f"{Estimator.__name__}.*{version}.*{__version__}"):
            other.__setstate__({**model.__getstate__(), "_sklearn_kan_version": version})
        assert_array_equal(response(other, X), response(model, X))
    assert "network_" in vars(model)


@both
def test_a_newer_format_is_refused(Estimator):
    model, _, _ = fitted(Estimator)
    state = model.__getstate__()
    state["_sklearn_kan_format"] += 1
    state["_sklearn_kan_version"] = "99.0"
    with pytest.raises(ValueError, match="99.0.*Upgrade"):
        Estimator.__new__(Estimator).__setstate__(state)


@both
def test_a_pickle_from_before_a_parameter_existed(Estimator):
    """It gets the parameter's default: get_params, repr and clone work."""
    model, X, _ = fitted(Estimator)
    state = model.__getstate__()
    del state["entropy_weight"], state["verbose"]
    other = Estimator.__new__(Estimator)
    other.__setstate__(state)
    assert_array_equal(response(other, X), response(model, X))
    assert other.get_params() == model.get_params()
    assert clone(other).get_params() == model.get_params()
    assert repr(other) == repr(model)


@both
def test_setstate_leaves_the_state_alone(Estimator):
    model, X, _ = fitted(Estimator)
    state = model.__getstate__()
    names = set(state)
    one, other = Estimator.__new__(Estimator), Estimator.__new__(Estimator)
    one.__setstate__(state)
    assert set(state) == names
    other.__setstate__(state)
    one.network_.theta = 0.0 * one.network_.theta
    assert_array_equal(response(other, X), response(model, X))


@both
def test_skops(Estimator):
    """One type to trust."""
    skops = pytest.importorskip("skops.io")
    model, X, _ = fitted(Estimator)
    data = skops.dumps(model)
    name = f"sklearn_kan.{Estimator.__name__}"
    assert skops.get_untrusted_types(data=data) == [name]
    assert_array_equal(response(skops.loads(data, trusted=[name]), X), response(model, X))
    pipeline = make_pipeline(StandardScaler(), model)
    pipeline[0].fit(X)
    data = skops.dumps(pipeline)
    assert skops.get_untrusted_types(data=data) == [name]
    assert_array_equal(response(skops.loads(data, trusted=[name]), X), response(pipeline, X))


def test_there_is_a_golden_pickle():
    assert f"golden_{__version__.replace('.', '_')}.pkl" in [path.name for path in GOLDEN]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_pickles(path):
    """What earlier versions wrote still predicts the same."""
    with warnings.catch_warnings():
        if path.stem != f"golden_{__version__.replace('.', '_')}":
            warnings.simplefilter("ignore", UserWarning)
        models = pickle.loads(path.read_bytes())
    expected = np.load(path.with_suffix(".npz"))
    X = expected["X"]
    assert set(models) == set(expected.files) - {"X"}
    for name, model in models.items():
        assert_allclose(response(model, X), expected[name], rtol=1e-12, atol=1e-12)
        assert model.feature_importances_.shape == (3,)
        assert_plain(model.__getstate__())
        assert clone(model).get_params() == model.get_params()
        model.partial_fit(X, model.predict(X))
        assert np.isfinite(response(model, X)).all()
    assert models["pruned"].feature_importances_[2] == 0.0
    assert_array_equal(models["labels"].classes_, ["high", "low"])
    assert path.stat().st_size < 20_000
