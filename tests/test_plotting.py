"""Pictures show what the network is: its edges, its names and its functions; drawing changes nothing."""

import builtins
import pickle

import numpy as np
import pytest
import samples
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sklearn_kan import EdgeDisplay, KANClassifier, KANDisplay, KANRegressor, _plotting
from sklearn_kan._pruning import attribution, edge_attributions, measured
from sklearn_kan._symbols import Symbols

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:.*constant:UserWarning",
)


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def table(n_features=2, n_samples=80, seed=0):
    X = np.random.RandomState(seed).uniform(-1.0, 3.0, (n_samples, n_features))
    return X, 10.0 + 5.0 * np.sin(X[:, 0]) + X[:, -1] ** 2


def fitted(hidden=(3,), n_features=2, Estimator=KANRegressor, **options):
    X, y = table(n_features)
    if Estimator is KANClassifier:
        y = np.digitize(y, np.quantile(y, [0.3, 0.6]))
    options = {"max_iter": 4, "n_init": 1, "random_state": 0, **options}
    return Estimator(hidden, **options).fit(X, y)


def without(model, *edges):
    """The model without some edges."""
    for l, i, j in edges:  # noqa: E741
        layer = model.network_.layers[l]
        layer.edge_mask[i, j] = False
        layer.weights[i, :, j] = 0.0
        model.network_.moments[l][:, i, j] = 0.0
    return model


def places(display):
    return [(edge.l, edge.i, edge.j) for edge in display.edges]


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


# --- the network ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [(), (3,), (2, 3)])
@pytest.mark.parametrize("Estimator", [KANRegressor, KANClassifier])
def test_every_edge_has_a_curve(hidden, Estimator):
    model = fitted(hidden, Estimator=Estimator)
    display = model.plot()
    shape = model.layer_sizes_
    assert len(display.curves_.get_segments()) == len(display.edges) == np.dot(shape[:-1], shape[1:])
    assert len(set(places(display))) == len(display.edges)
    assert isinstance(display, KANDisplay)
    assert display.figure_ is display.ax_.figure
    assert len(display.figure_.axes) == 1
    display.figure_.canvas.draw()


def test_curves_are_those_of_the_network():
    """Of one additive model they add up to its predictions, in units of the data."""
    model = fitted(())
    X, _ = table()
    sums = sum(np.interp(X[:, edge.i], edge.x, edge.y) for edge in model.plot().edges)
    assert_allclose(np.ptp(model.predict(X) - sums), 0.0, atol=1e-2)
    for edge in model.plot().edges:
        low, high = X[:, edge.i].min(), X[:, edge.i].max()
        assert edge.x[0] < low < high < edge.x[-1]


def test_the_drawn_curve_lies_in_its_box():
    for segment in fitted().plot().curves_.get_segments():
        width, height = np.ptp(segment, axis=0)
        assert 0.0 < width < _plotting._BOX
        assert 0.0 < height < _plotting._BOX


def test_a_flat_function_is_a_line_through_the_middle():
    model = fitted((1,))
    model.network_.layers[0].weights[1] = 0.0
    display = model.plot()
    assert_array_equal(display.edges[1].y, 0.0)
    assert np.ptp(display.curves_.get_segments()[1][:, 1]) == 0.0


def test_from_estimator_is_the_same():
    model = fitted()
    one, other = model.plot(max_edges=4), KANDisplay.from_estimator(model, max_edges=4)
    assert places(one) == places(other)
    assert texts(one) == texts(other)


def test_pruned_edges_are_gone():
    model = without(fitted(), (0, 1, 2), (1, 0, 0))
    display = model.plot()
    assert len(display.edges) == 7
    assert not {(0, 1, 2), (1, 0, 0)} & set(places(display))
    assert not [text for text in texts(display) if "edges" in text]


def test_inputs_without_edges_are_counted():
    display = without(fitted((1,), n_features=4), (0, 1, 0), (0, 3, 0)).plot()
    assert {"x0", "x2", "2 more inputs"} < set(texts(display))
    assert not {"x1", "x3"} & set(texts(display))
    assert "1 more input" in texts(without(fitted((1,)), (0, 1, 0)).plot())


def test_constant_columns():
    X, y = table(3)
    X[:, 1] = 7.0
    model = KANRegressor((2,), max_iter=3, n_init=1, random_state=0).fit(X, y)
    assert {edge.i for edge in model.plot().edges if edge.l == 0} == {0, 2}


def test_a_constant_model():
    X, y = table(3)
    model = KANRegressor((2,), max_iter=2, n_init=1, random_state=0, reg_lambda=1.0, prune_threshold=1e3).fit(X, y)
    display = model.plot()
    assert display.edges == []
    assert {"y", "constant, 3 more inputs"} < set(texts(display))
    display.figure_.canvas.draw()
    assert KANRegressor((2,), max_iter=2, random_state=0).fit(X, np.ones(len(X))).plot().edges == []


@pytest.mark.parametrize("shape", [(50, 10, 1), (3, 2, 1)])
def test_the_most_important_edges(shape):
    network = measured(
        samples.network(np.random.RandomState(0), list(shape)), np.random.RandomState(1).rand(50, shape[0])
    )
    model = fitted((2,), n_features=shape[0], max_iter=1)
    model._store_network(network)
    total = int(np.dot(shape[:-1], shape[1:]))
    for max_edges in (1, 4, 60):
        display = model.plot(max_edges=max_edges)
        assert len(display.edges) == min(max_edges, total)
        drawn = [edge.importance for edge in display.edges]
        all_importances = np.sort(np.concatenate([part.ravel() for part in edge_attributions(network)]))
        assert_array_equal(np.sort(drawn), all_importances[-len(drawn) :])
        noted = [text for text in texts(display) if f"{len(drawn)} of {total} edges" in text]
        assert bool(noted) == (len(drawn) < total)


def test_opacity_grows_with_importance():
    display = fitted().plot()
    for l in range(2):  # noqa: E741
        edges = [
            (edge.importance, color[3])
            for edge, color in zip(display.edges, display.curves_.get_colors())
            if edge.l == l
        ]
        opacities = [opacity for _, opacity in sorted(edges)]
        assert opacities == sorted(opacities)
        assert opacities[-1] == 1.0
        assert opacities[0] > 0.0


def test_importance_over_other_rows():
    """A column that does not vary in X is of no importance there."""
    model = fitted()
    X, _ = table()
    X[:, 1] = 0.5
    assert all(edge.importance > 0.0 for edge in model.plot().edges)
    assert [edge.importance for edge in model.plot(X=X).edges if (edge.l, edge.i) == (0, 1)] == pytest.approx(
        [0.0] * 3, abs=1e-6
    )


def test_after_refining():
    model = fitted()
    before, after = model.plot(), model.refine(10).plot()
    assert [edge.importance for edge in before.edges] == [edge.importance for edge in after.edges]


def test_names():
    pd = pytest.importorskip("pandas")
    X, y = table()
    frame = pd.DataFrame(X, columns=["speed", "cost in $_$"])
    model = KANRegressor((1,), max_iter=2, n_init=1, random_state=0).fit(frame, y)
    display = model.plot()
    assert {"speed", "cost in $_$", "y"} < set(texts(display))
    display.figure_.canvas.draw()
    assert {"a", "b"} < set(texts(model.plot(feature_names=np.array(["a", "b"]))))
    assert {"x0", "x1"} < set(texts(fitted((1,)).plot()))
    assert "n" * 23 + "…" in texts(model.plot(feature_names=["n" * 40, "b"]))


def test_names_of_outputs():
    X, y = table()
    options = {"hidden_layer_sizes": (1,), "max_iter": 2, "n_init": 1, "random_state": 0}
    assert {"y0", "y1"} < set(texts(KANRegressor(**options).fit(X, np.column_stack([y, -y])).plot()))
    assert "log y" in texts(KANRegressor(loss="poisson", **options).fit(X, y).plot())
    labels = np.where(y > np.median(y), "yes", "no").astype(object)
    assert "log odds of yes" in texts(KANClassifier(**options).fit(X, labels).plot())
    labels[:20] = "maybe"
    assert {"maybe", "no", "yes"} < set(texts(KANClassifier(**options).fit(X, labels).plot()))


def test_symbolic_edges_are_marked(monkeypatch):
    monkeypatch.setattr(Symbols, "name", lambda symbols, i, j: "sin" if i == 1 else None)
    model = fitted((1,))
    display = model.plot()
    assert [edge.symbol for edge in display.edges] == [None, "sin", None]
    assert texts(display).count("sin") == 1
    colors = display.curves_.get_colors()[:, :3]
    assert_array_equal(colors[0], colors[2])
    assert_array_equal(colors[1], matplotlib.colors.to_rgb("tab:red"))
    assert model.plot_edge(0, 1, 0).ax_.get_title().endswith(": sin")


def test_a_given_ax_is_used():
    figure, (left, right) = plt.subplots(1, 2)
    display = fitted().plot(ax=right)
    assert display.ax_ is right
    assert display.figure_ is figure
    assert left.axison
    assert not left.texts
    assert fitted().plot_edge(0, 0, 0, ax=left).ax_ is left
    assert plt.get_fignums() == [figure.number]


# --- layout -----------------------------------------------------------------------------------------------------------


def layout(shape, names=None, note=""):
    x = np.zeros(2)
    edges = [
        _plotting.Edge(l, i, j, x, x, 1.0, None)
        for l, (n_in, n_out) in enumerate(zip(shape[:-1], shape[1:], strict=True))  # noqa: E741
        for i in range(n_in)
        for j in range(n_out)
    ]
    names = names or [[f"x{i}" for i in range(shape[0])], [f"y{j}" for j in range(shape[-1])]]
    return _plotting._Layout(edges, shape, names, note)


@pytest.mark.parametrize("shape", [(2, 5, 1), (8, 5, 3), (2, 1, 1), (4, 2, 1, 1), (10, 9, 1), (3, 1), (1, 1), (70, 1)])
def test_boxes_lie_apart_and_on_the_page(shape):
    found = layout(shape)
    apart = np.abs(found.centers[:, None] - found.centers).max(axis=2) + 9.0 * np.eye(len(found.centers))
    assert apart.min() > 1.05 * found.box
    assert found.box > 0.2
    page = [found.width, found.height]
    assert (found.centers - found.box / 2 > 0.0).all()
    assert (found.centers + found.box / 2 < page).all()
    for row in found.nodes:
        middles = np.sort([x for x, _ in row.values()])
        assert (np.diff(middles) > _plotting._NODE).all()


@pytest.mark.parametrize("shape", [(2, 5, 1), (8, 5, 3), (10, 9, 1)])
def test_lines_do_not_cross_boxes(shape):
    found = layout(shape)
    for line in found.lines:
        for start, end in zip(line[:-1], line[1:], strict=True):
            points = start + np.linspace(0.0, 1.0, 50)[:, None] * (end - start)
            inside = np.abs(points[:, None] - found.centers).max(axis=2) < 0.499 * found.box
            assert not inside.any()


def test_long_names_are_upright():
    assert layout((8, 1)).upright == [False, False]
    assert layout((8, 1), [["a_long_name_of_a_column"] * 8, ["y"]]).upright == [True, False]
    flat, note = layout((8, 1)).height, layout((8, 1), note="2 more inputs").height
    assert note > flat
    assert layout((8, 1), [["a_long_name_of_a_column"] * 8, ["y"]]).height > flat


@pytest.mark.parametrize("names", ["x", "a_long_name_of_a_column", "WWWWWWWW"])
def test_texts_do_not_overlap(names):
    model = fitted((2,), n_features=12, max_iter=1)
    display = model.plot(feature_names=[f"{names}{i}" for i in range(12)])
    display.figure_.canvas.draw()
    boxes = [text.get_window_extent() for text in display.ax_.texts if text.get_text()]
    page = display.figure_.bbox
    for number, box in enumerate(boxes):
        assert page.x0 <= box.x0 < box.x1 <= page.x1
        assert page.y0 <= box.y0 < box.y1 <= page.y1
        assert not [other for other in boxes[:number] if box.overlaps(other)]


# --- one edge ---------------------------------------------------------------------------------------------------------


def test_plot_edge():
    X, _ = table()
    model = fitted()
    display = model.plot_edge(0, 1, 2, X=X)
    assert isinstance(display, EdgeDisplay)
    layer = model.network_.layers[0]
    t = (display.x - layer.center[1]) / layer.scale[1]
    assert_allclose(display.y, layer.edge(1, t)[:, 2], atol=1e-12)
    assert len(display.knots) == model.grid_size_ + 1
    assert_allclose(display.knots[[0, -1]], display.x[[0, -1]])
    assert_array_equal(display.rug_.get_xdata(), X[:, 1])
    assert display.ax_.get_xlabel() == "x1"
    assert display.ax_.get_ylabel() == "contribution to node 2 of layer 1"
    assert display.figure_ is display.ax_.figure
    assert_array_equal(display.line_.get_ydata(), display.y)
    display.figure_.canvas.draw()


def test_plot_edge_names_the_function():
    """A spline's likeness with its R^2, a symbolic edge's name; the latter has no knots."""
    X, _ = table()
    model = fitted()
    best = model.suggest_symbolic(0, 1, 2, X=X)[0]
    assert model.plot_edge(0, 1, 2, X=X).title == f"Edge l=0, i=1, j=2: like {best['name']}, R^2 = {best['r2']:.4f}"
    display = model.fix_symbolic(0, 1, 2, "sin").plot_edge(0, 1, 2, X=X)
    assert display.ax_.get_title() == "Edge l=0, i=1, j=2: sin"
    assert len(display.knots) == 0
    display.figure_.canvas.draw()


def test_plot_edge_of_a_hidden_node():
    X, _ = table()
    model = fitted()
    display = model.plot_edge(1, 2, 0, X=X)
    assert display.ax_.get_xlabel() == "node 2 of layer 1"
    assert display.ax_.get_ylabel() == "contribution to y"
    assert_array_equal(display.activations, model.network_.activations(X, 1)[:, 2])
    assert_allclose(model.plot_edge(1, 2, 0, X=X.astype(np.float32)).activations, display.activations, atol=1e-5)


def test_plot_edge_without_rows():
    display = fitted().plot_edge(0, 0, 0)
    assert display.activations is None
    assert display.rug_ is None


def test_rows_far_away_do_not_squeeze_the_curve():
    X, _ = table()
    model = fitted()
    expected = model.plot_edge(0, 0, 0).ax_.get_xlim()
    assert model.plot_edge(0, 0, 0, X=1e3 * X).ax_.get_xlim() == expected


def test_the_last_layer_is_in_units_of_the_target():
    X, y = table()
    one = KANRegressor((), max_iter=5, random_state=0).fit(X, y).plot_edge(0, 0, 0)
    other = KANRegressor((), max_iter=5, random_state=0).fit(X, 1024.0 * y).plot_edge(0, 0, 0)
    assert_allclose(other.y, 1024.0 * one.y, rtol=1e-6)
    model = fitted((), Estimator=KANClassifier)
    display = model.plot_edge(0, 0, 2)
    assert display.ax_.get_ylabel() == "contribution to 2"
    layer = model.network_.layers[0]
    assert_array_equal(display.y, layer.edge(0, np.linspace(*np.ravel(layer.bounds(), order="F")[:2], 200))[:, 2])


# --- errors and side effects ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ((2, 0, 0), "l must be a layer of edges, an integer from 0 to 1, got 2"),
        ((-1, 0, 0), "l must be .* got -1"),
        ((0.0, 0, 0), "l must be .* got 0.0"),
        ((0, 2, 0), "i must be a node that the edges of layer l=0 start from, an integer from 0 to 1, got 2"),
        ((1, 0, 1), "j must be a node that the edges of layer l=1 lead to, an integer from 0 to 0, got 1"),
        ((0, 1, 2), "edge l=0, i=1, j=2 has no function: it was pruned"),
    ],
)
def test_plot_edge_names_what_is_wrong(place, message):
    with pytest.raises(ValueError, match=message):
        without(fitted(), (0, 1, 2)).plot_edge(*place)


def test_errors():
    model = fitted()
    with pytest.raises(ValueError, match="feature_names must hold one name for each of the 2 columns, got 3 names"):
        model.plot(feature_names=["a", "b", "c"])
    with pytest.raises(ValueError, match="max_edges"):
        model.plot(max_edges=0)
    with pytest.raises(ValueError, match="features"):
        model.plot(X=np.ones((3, 5)))
    for draw in (KANRegressor().plot, lambda: KANRegressor().plot_edge(0, 0, 0)):
        with pytest.raises(NotFittedError):
            draw()
    assert not plt.get_fignums()


def test_without_matplotlib(monkeypatch):
    model = fitted()
    real = builtins.__import__

    def no_matplotlib(name, *arguments, **options):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", no_matplotlib)
    with pytest.raises(ImportError, match="KANDisplay.from_estimator requires matplotlib"):
        model.plot()
    with pytest.raises(ImportError, match="EdgeDisplay.from_estimator requires matplotlib"):
        model.plot_edge(0, 0, 0)


def test_nothing_changes(tmp_path, monkeypatch):
    """Neither the estimator, nor the working directory, nor matplotlib's settings."""
    monkeypatch.chdir(tmp_path)
    X, _ = table()
    model = fitted()
    before, settings = pickle.dumps(model), dict(matplotlib.rcParams)
    model.plot(X=X)
    model.plot_edge(0, 0, 0, X=X)
    model.plot_edge(1, 0, 0).figure_.canvas.draw()
    assert pickle.dumps(model) == before
    assert dict(matplotlib.rcParams) == settings
    assert not list(tmp_path.iterdir())


# --- importance of edges ----------------------------------------------------------------------------------------------


def test_edge_attributions():
    """What flows into a node flows out of it; every output has 1."""
    rng = np.random.RandomState(0)
    network = samples.network(rng, [3, 4, 2])
    network = measured(network, samples.inputs(rng, network, 100))
    first, last = edge_attributions(network)
    assert first.shape == (3, 4)
    assert_allclose(last.sum(axis=0), 1.0)
    assert_allclose(first.sum(axis=0), last.sum(axis=1))
    assert_allclose(attribution(network), first.sum(axis=1) / 2.0)


def test_measured_is_what_fit_measures():
    X, y = table()
    model = KANRegressor((3,), max_iter=3, n_init=1, random_state=0).fit(X, y)
    again = measured(model.network_, X)
    for moments, expected in zip(again.moments, model.network_.moments, strict=True):
        assert_allclose(moments, expected, atol=1e-7)
    assert_array_equal(again.theta, model.network_.theta)


@pytest.mark.parametrize(
    "n_names, name", [(4, "{}"), (5, "a long name of category {}"), (40, "town {}"), (119, "town {}")]
)
def test_names_of_categories_do_not_overlap(n_names, name):
    pd = pytest.importorskip("pandas")
    names = [name.format(k) for k in range(n_names)]
    frame = pd.DataFrame({"place": np.resize(names, 5 * n_names)})
    model = KANRegressor((), max_iter=3, random_state=0).fit(frame, np.arange(5.0 * n_names))
    display = model.plot_edge(0, 0, 0)
    display.figure_.canvas.draw()
    boxes = [label.get_window_extent() for label in display.ax_.get_xticklabels() if label.get_text()]
    assert len(boxes) >= min(n_names, 20)
    assert all(one.x1 <= other.x0 + 0.5 for one, other in zip(boxes[:-1], boxes[1:], strict=True))
