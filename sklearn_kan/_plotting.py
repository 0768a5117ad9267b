"""Pictures: the network with the function of every edge (Liu et al. 2024, figure 2.4), and one function with its data.

A picture of a network is laid out in inches first and then drawn as a few collections of lines.
"""

from dataclasses import dataclass
from numbers import Integral
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import check_scalar
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from ._pruning import edge_attributions

_POINTS = 200  # of every curve
_FAINTEST = 0.15  # opacity of an edge of no importance
_SYMBOLIC = "tab:red"
# Sizes in inches, and of letters in points.
_BOX = 0.55  # side, where there is room
_NODE = 0.17  # diameter
_MARGIN = 0.15  # around all
_LONGEST_NAME = 24  # letters
_NAME_SIZE = 9
_NODE_SIZE = 6.5
_TICK_SIZE, _LINE = 10, 1.05  # of names along an axis, and from one upright name to the next, in their size
_LETTER = 0.6 / 72  # width of a letter of 1 point, about


# --- what is drawn ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edge:
    """One function of the network.

    Attributes
    ----------
    l, i, j : int
        Layer of the edge, the node that it starts from, and the one that it leads to.
    x, y : ndarray
        Points of the curve over the range of the knots. x is in units of X in the first layer, y in units of the target
        in the last. Of a column of categories: their codes and values, those of missing, if it has some, last.
    importance : float
        Share in the variation of the outputs.
    symbol : str or None
        Name of the function if it is symbolic.
    categories : list of str or None
        What the codes stand for.
    missing : float or None
        Value of missing in a column of numbers that had some in training.
    atoms : ndarray of shape (2, n_atoms) or None
        Numbers that many rows share, in units of x, and their values, if they are apart from the curve.
    """

    l: int  # noqa: E741
    i: int
    j: int
    x: np.ndarray
    y: np.ndarray
    importance: float
    symbol: str | None
    categories: list | None = None
    missing: float | None = None
    atoms: np.ndarray | None = None


def _curve(estimator, l, i, j):  # noqa: E741
    """What is drawn of an edge, in units of the data where it meets them; see `Edge`.

    Returns
    -------
    x, y : ndarray
        Points over the knots, or the codes and values of the categories.
    categories : list of str or None
    missing : float or None
    atoms : ndarray or None
    """
    layer, unit = estimator.network_.layers[l], _unit(estimator, l, j)
    k = layer.tables.table_of(i) if l == 0 else None
    missing = atoms = None
    if k is not None:
        tables = layer.tables
        values = unit * tables.values[tables.rows_of(k), j]
        if estimator.categories_[i] is not None:
            names = [str(name) for name in estimator.categories_[i]] + ["missing"] * int(tables.has_missing[k])
            return np.arange(len(names)), values, names, None, None
        missing = values[-1] if tables.has_missing[k] else None
        atoms = np.stack([tables.atoms_of(k), values[: tables.n_atoms[k]]]) if tables.n_atoms[k] else None
    low, high = (bound[i] for bound in layer.bounds())
    t = np.linspace(low, high, _POINTS)
    return _to_data(layer, i, t), unit * layer.edge(i, t)[:, j], None, missing, atoms


def _to_data(layer, i, t):
    return layer.center[i] + layer.scale[i] * t


def _unit(estimator, l, j):  # noqa: E741
    """Unit of the functions that lead to node j of layer l + 1."""
    if l < len(estimator.network_.layers) - 1 or is_classifier(estimator) or _is_log(estimator):
        return 1.0
    return estimator._target_scale[j]


def _is_log(estimator):
    return estimator._target_loss == "poisson"


def _output_names(estimator):
    """What the network's outputs are, in words."""
    n_outputs = estimator.n_outputs_
    if is_classifier(estimator):
        labels = [str(label) for label in estimator.classes_]
        return labels if n_outputs > 1 else [f"log odds of {labels[1]}"]
    names = ["y"] if n_outputs == 1 else [f"y{j}" for j in range(n_outputs)]
    return [f"log {name}" for name in names] if _is_log(estimator) else names


def feature_names_of(estimator, given=None):
    """Names of the columns: those given, or `feature_names_in_`, or x0, x1, ..."""
    n_features = estimator.n_features_in_
    if given is None:
        given = getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(n_features)])
    names = [str(name) for name in given]
    if len(names) != n_features:
        raise ValueError(
            f"feature_names must hold one name for each of the {n_features} columns, got {len(names)} names."
        )
    return names


def _important_edges(network, n_edges):
    """The places (l, i, j) of the most important edges, in order, and the importances of all."""
    importances = edge_attributions(network)
    places = [
        (l, int(i), int(j))
        for l, layer in enumerate(network.layers)  # noqa: E741
        for i, j in np.argwhere(layer.edges)
    ]
    places.sort(key=lambda place: -importances[place[0]][place[1:]])
    return sorted(places[:n_edges]), importances


# --- layout -----------------------------------------------------------------------------------------------------------


class _Layout:
    """Where nodes, boxes and lines lie, in inches.

    Parameters
    ----------
    edges : list of Edge
    layer_sizes : list of int
    names : tuple of list of str
        Of all inputs and of all outputs.
    note : str
        What is written below the inputs.

    Attributes
    ----------
    width, height : float
    box : float
        Side of the boxes.
    nodes : list of dict
        For each layer of nodes the places (x, y) of those that are drawn.
    centers : ndarray of shape (n_edges, 2)
        Of the boxes.
    lines : ndarray of shape (2 * n_edges, 3, 2)
        From the lower nodes to the boxes and from the boxes to the upper nodes.
    upright : list of bool
        Whether the names of inputs and of outputs are written upwards.
    """

    def __init__(self, edges, layer_sizes, names, note):
        groups = [[edge for edge in edges if edge.l == depth] for depth in range(len(layer_sizes) - 1)]
        shown = _shown_nodes(edges, layer_sizes)
        self.width, self.box = _width_and_box(max(map(len, groups)), max(map(len, shown)))
        self.nodes, self.upright = [], []
        centers, lines = [], []
        y = _MARGIN + (0.25 if note else 0.0) + self._names_height(names[0], shown[0])
        self._add_nodes(shown[0], y)
        for group, upper in zip(groups, shown[1:], strict=True):
            bottom, y = y, y + self._height(len(group))
            self._add_nodes(upper, y)
            for center, edge in zip(self._box_centers(len(group), bottom), group, strict=True):
                centers.append(center)
                lines += self._lines(center, bottom, self.nodes[-2][edge.i], y, self.nodes[-1][edge.j])
        self.height = y + self._names_height(names[1], shown[-1]) + _MARGIN
        self.centers = np.array(centers).reshape(-1, 2)
        self.lines = np.array(lines).reshape(-1, 3, 2)

    def _places(self, n):
        """Middles of n equal parts of the width."""
        return _MARGIN + (np.arange(n) + 0.5) * (self.width - 2 * _MARGIN) / max(n, 1)

    def _names_height(self, names, nodes):
        """Room for the names of some nodes, upwards where they would run into each other."""
        length = max((_name_length(names[node]) for node in nodes), default=0.0)
        self.upright.append(length * len(nodes) > self.width - 2 * _MARGIN)
        return _NODE + (length if self.upright[-1] else 0.15)

    def _add_nodes(self, nodes, y):
        self.nodes.append({node: (x, y) for node, x in zip(nodes, self._places(len(nodes)), strict=True)})

    def _rise(self):
        """Height in which the lines of a node fan out."""
        return float(np.clip(0.08 * self.width, 0.35, 1.1))

    def _rows(self, n_boxes):
        """Two rows of boxes where one has no room: lines to the one pass between the boxes of the other."""
        return 2 if n_boxes * 1.1 * self.box > self.width - 2 * _MARGIN else 1

    def _height(self, n_boxes):
        """From a layer of nodes to the next."""
        return 2 * self._rise() + (1.25 * self._rows(n_boxes) - 0.25) * self.box if n_boxes else 0.0

    def _box_centers(self, n_boxes, bottom):
        row = np.arange(n_boxes) % self._rows(n_boxes)
        return np.column_stack([self._places(n_boxes), bottom + self._rise() + (0.5 + 1.25 * row) * self.box])

    def _lines(self, center, bottom, lower, top, upper):
        """Slanting from the lower node and straight to the box, then straight from it and slanting to the upper."""
        x, y = center
        half, rise = 0.5 * self.box, self._rise()
        return [lower, (x, bottom + rise), (x, y - half)], [(x, y + half), (x, top - rise), upper]


def _shown_nodes(edges, layer_sizes):
    """Nodes of each layer that have an edge, and all outputs."""
    shown = [set() for _ in layer_sizes]
    for edge in edges:
        shown[edge.l].add(edge.i)
        shown[edge.l + 1].add(edge.j)
    return [*map(sorted, shown[:-1]), list(range(layer_sizes[-1]))]


def _width_and_box(n_boxes, n_nodes):
    """Width of the picture and side of the boxes: no wider than a page while they are easy to see."""
    inner = max(2.0, 0.62 * min(n_boxes, 15), min(0.35 * n_boxes, 10.0), 0.16 * n_boxes, 1.3 * _NODE * n_nodes)
    return inner + 2 * _MARGIN, min(_BOX, 1.6 * inner / max(n_boxes, 1))


def _name_length(name):
    """Length of a name with the space around it."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    length, _, _ = text_to_path.get_text_width_height_descent(name, FontProperties(size=_NAME_SIZE), ismath=False)
    return length / 72 + 0.05


def _short(name):
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


# --- displays ---------------------------------------------------------------------------------------------------------


class KANDisplay:
    """A network with the function of every edge in a box between the two nodes that it joins.

    Use `KANDisplay.from_estimator` or the estimator's method `plot` to make one. Inputs are at the bottom; the more
    important an edge is, the darker. All parameters are stored as attributes.

    Parameters
    ----------
    edges : list of Edge
        Those that are drawn, in the order of (l, i, j); each has the points of its curve, `x` and `y`, and its
        `importance`.
    layer_sizes : list of int
        Nodes of every layer of nodes, inputs and outputs included.
    feature_names : list of str
        Names of all inputs.
    output_names : list of str
        Names of the outputs.
    n_edges : int
        Edges of the network, those that are not drawn included.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure that holds them.
    curves_ : matplotlib LineCollection
        The functions, one line an edge.

    See Also
    --------
    EdgeDisplay : The function of one edge.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_kan import KANDisplay, KANRegressor
    >>> X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    >>> model = KANRegressor((1,), random_state=0).fit(X, np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2))
    >>> display = KANDisplay.from_estimator(model)
    >>> [(edge.l, edge.i, edge.j) for edge in display.edges]
    [(0, 0, 0), (0, 1, 0), (1, 0, 0)]
    """

    def __init__(self, edges, *, layer_sizes, feature_names, output_names, n_edges):
        self.edges = edges
        self.layer_sizes = layer_sizes
        self.feature_names = feature_names
        self.output_names = output_names
        self.n_edges = n_edges

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike | None = None,
        *,
        feature_names: ArrayLike | None = None,
        max_edges: int = 100,
        ax=None,
    ) -> Self:
        """Draw the network of a fitted estimator.

        Parameters
        ----------
        estimator : KANRegressor or KANClassifier
        X : array-like of shape (n_samples, n_features), default=None
            Rows over which importance is measured; None stands for the training rows.
        feature_names : array-like of shape (n_features,), default=None
            Names of the columns. None means `feature_names_in_`, or else x0, x1, ...
        max_edges : int, default=100
            Only so many edges, the most important ones, are drawn.
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a figure whose size suits the network.

        Returns
        -------
        display : KANDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        check_scalar(max_edges, "max_edges", Integral, min_val=1)
        names = feature_names_of(estimator, feature_names)
        network = estimator._measured(X)
        places, importances = _important_edges(network, max_edges)
        edges = []
        for l, i, j in places:  # noqa: E741
            x, y, *table = _curve(estimator, l, i, j)
            symbol = network.layers[l].symbols.name(i, j)
            edges.append(Edge(l, i, j, x, y, float(importances[l][i, j]), symbol, *table))
        display = cls(
            edges,
            layer_sizes=network.shape,
            feature_names=names,
            output_names=_output_names(estimator),
            n_edges=sum(int(layer.edges.sum()) for layer in network.layers),
        )
        return display.plot(ax=ax)

    def plot(self, ax=None) -> Self:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a figure whose size suits the network.

        Returns
        -------
        display : KANDisplay

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
        >>> display = KANRegressor((2,), random_state=0).fit(X, X[:, 0] * X[:, 1]).plot()
        >>> display.plot().ax_ is display.ax_  # once more, in a new figure
        True
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        names = [[_short(name) for name in group] for group in (self.feature_names, self.output_names)]
        note = self._note()
        layout = _Layout(self.edges, self.layer_sizes, names, note)
        self.ax_ = _page(layout, ax)
        self.figure_ = self.ax_.figure
        # What is drawn in points follows the size of the axes.
        pixels = self.ax_.get_window_extent()
        scale = min(pixels.width / layout.width, pixels.height / layout.height) / self.figure_.dpi
        self._draw_edges(layout, scale)
        self._draw_nodes(layout, scale)
        self._write(layout, *names, note, scale)
        return self

    def _draw_edges(self, layout, scale):
        from matplotlib.collections import LineCollection

        colors = _edge_colors(self.edges, len(self.layer_sizes) - 1)
        frame = layout.box / 2 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)])
        frames = layout.centers[:, None] + frame
        curves = [
            center + 0.5 * layout.box * _unit_curve(edge)
            for center, edge in zip(layout.centers, self.edges, strict=True)
        ]
        doubled = np.repeat(colors, 2, axis=0)
        width = scale * np.sqrt(layout.box / _BOX)
        self.ax_.add_collection(LineCollection(layout.lines, colors=doubled, linewidths=0.8 * width, zorder=1))
        self.ax_.add_collection(LineCollection(frames, colors=colors, linewidths=0.6 * width, zorder=1))
        self.curves_ = LineCollection(curves, colors=colors, linewidths=1.5 * width, zorder=2)
        self.ax_.add_collection(self.curves_)
        for (x, y), edge in zip(layout.centers, self.edges, strict=True):
            if edge.symbol is not None:
                size = min(0.16 * layout.box * 72, 0.9 * layout.box / (len(edge.symbol) * _LETTER)) * scale
                top = y + 0.46 * layout.box
                self.ax_.text(x, top, edge.symbol, color=_SYMBOLIC, size=size, ha="center", va="top")

    def _draw_nodes(self, layout, scale):
        from matplotlib import rcParams

        ink, paper = rcParams["text.color"], rcParams["figure.facecolor"]
        places = np.array([place for row in layout.nodes for place in row.values()])
        area = (72 * _NODE * scale) ** 2
        self.ax_.scatter(*places.T, s=area, facecolor=paper, edgecolor=ink, linewidth=0.8 * scale, zorder=3)
        for row in layout.nodes:
            for node, (x, y) in row.items():
                self.ax_.text(x, y, str(node), size=_NODE_SIZE * scale, ha="center", va="center_baseline", zorder=4)

    def _write(self, layout, input_names, output_names, note, scale):
        style = {"size": _NAME_SIZE * scale, "ha": "center", "parse_math": False}
        ends = ((layout.nodes[0], input_names, -1, "top"), (layout.nodes[-1], output_names, 1, "bottom"))
        for (row, names, side, va), upright in zip(ends, layout.upright, strict=True):
            for node, (x, y) in row.items():
                self.ax_.text(x, y + side * 0.75 * _NODE, names[node], va=va, rotation=90 * upright, **style)
        self.ax_.text(layout.width / 2, _MARGIN, note, va="bottom", style="italic", **style)

    def _note(self):
        """What is not drawn, in words."""
        parts = [] if self.edges else ["constant"]
        if len(self.edges) < self.n_edges:
            parts.append(f"{len(self.edges)} of {self.n_edges} edges")
        hidden = self.layer_sizes[0] - len({edge.i for edge in self.edges if edge.l == 0})
        if hidden:
            parts.append(f"{hidden} more input{'s' if hidden > 1 else ''}")
        return ", ".join(parts)


def _page(layout, ax):
    """Axes whose units are the layout's inches."""
    if ax is None:
        import matplotlib.pyplot as plt

        whole = {"left": 0.0, "right": 1.0, "bottom": 0.0, "top": 1.0}
        _, ax = plt.subplots(figsize=(layout.width, layout.height), gridspec_kw=whole)
    ax.set(xlim=(0.0, layout.width), ylim=(0.0, layout.height), aspect="equal")
    ax.set_axis_off()
    return ax


def _edge_colors(edges, n_layers):
    """Colours whose opacity grows with the importance within the layer, shape (n_edges, 4)."""
    from matplotlib import rcParams
    from matplotlib.colors import to_rgba

    most = np.zeros(n_layers)
    for edge in edges:
        most[edge.l] = max(most[edge.l], edge.importance)
    colors = [to_rgba(rcParams["text.color"] if edge.symbol is None else _SYMBOLIC) for edge in edges]
    colors = np.array(colors).reshape(-1, 4)
    parts = np.array([edge.importance / (most[edge.l] or 1.0) for edge in edges])
    colors[:, 3] = _FAINTEST + (1.0 - _FAINTEST) * parts**0.7
    return colors


def _unit_curve(edge):
    """The curve in a box [-1, 1]^2 with a margin; one below the name of a symbolic function.

    Values of categories are bars, those of atoms short dashes, and that of missing is a dash behind the curve.
    """
    x_atoms, y_atoms = np.zeros((2, 0)) if edge.atoms is None else edge.atoms
    y = np.concatenate([edge.y, y_atoms, [] if edge.missing is None else [edge.missing]])
    if edge.categories is not None:
        y = np.append(y, 0.0)
    low, high = y.min(), y.max()
    height = 1.6 if edge.symbol is None else 1.25
    flat = high - low <= 1e-9 * max(abs(low), abs(high))
    s = np.zeros_like(y) if flat else -0.8 + height * (y - low) / (high - low)
    t = np.linspace(-0.8, 0.8, len(edge.y))
    if edge.categories is not None:
        return np.stack([np.repeat(t, 3), _with_gaps(np.full_like(t, s[-1]), s[:-1])], axis=1)
    dashes = [(at - 0.05, at + 0.05) for at in np.interp(x_atoms, edge.x, t)]
    if edge.missing is not None:
        dashes.append((0.84, 0.98))
    lines = [[[np.nan, np.nan], [a, v], [b, v]] for (a, b), v in zip(dashes, s[len(t) :], strict=True)]
    return np.vstack([np.column_stack([t, s[: len(t)]]), *lines])


def _with_gaps(start, end):
    """Heights of lines from start to end with a gap behind each."""
    return np.stack([start, end, np.full_like(start, np.nan)], axis=1).ravel()


class EdgeDisplay:
    """The function of one edge with its data.

    Use `EdgeDisplay.from_estimator` or the estimator's method `plot_edge` to make one. All parameters are stored as
    attributes.

    Parameters
    ----------
    x, y : ndarray
        Points of the curve, over the range of the knots; or codes and values of the categories.
    knots : ndarray
        Where the pieces of the spline meet, in units of x; none in a named function.
    activations : ndarray or None
        Values of x in the data.
    x_name, y_name : str
        Names of the axes.
    title : str
        Title of the picture: the edge and its named function, or the one that its spline looks like most.
    categories : list of str, default=None
        What the codes stand for, if the edge starts from a column of categories.
    missing : float, default=None
        Value of missing in a column of numbers that had some in training.
    atoms : ndarray of shape (2, n_atoms), default=None
        Numbers that many rows share and their values, which are apart from the curve.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure that holds them.
    line_ : matplotlib Line2D
        The curve; None for categories.
    knots_ : matplotlib Line2D
        The knots on it; None for categories.
    rug_ : matplotlib Line2D or None
        The data along the axis; None for categories.
    bars_ : matplotlib BarContainer or None
        A bar a category.
    missing_ : matplotlib Line2D or None
        The value of missing beside the curve.
    atoms_ : matplotlib Line2D or None
        The values of atoms beside the curve.

    See Also
    --------
    KANDisplay : The whole network.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_kan import EdgeDisplay, KANRegressor
    >>> X = np.linspace(0, 10, 200)[:, None]
    >>> model = KANRegressor((), random_state=0).fit(X, np.sin(X[:, 0]))
    >>> display = EdgeDisplay.from_estimator(model, 0, 0, 0, X)
    >>> print(display.title.split(", R^2")[0])
    Edge l=0, i=0, j=0: like sin
    """

    def __init__(self, x, y, *, knots, activations, x_name, y_name, title, categories=None, missing=None, atoms=None):
        self.x = x
        self.y = y
        self.knots = knots
        self.activations = activations
        self.x_name = x_name
        self.y_name = y_name
        self.title = title
        self.categories = categories
        self.missing = missing
        self.atoms = atoms

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        l: int,  # noqa: E741
        i: int,
        j: int,
        X: ArrayLike | None = None,
        *,
        ax=None,
    ) -> Self:
        """Draw the function of one edge of a fitted estimator.

        Parameters
        ----------
        estimator : KANRegressor or KANClassifier
        l : int
            Layer of the edge, 0 for the first.
        i : int
            Node that it starts from; a column if l is 0.
        j : int
            Node of the next layer that it leads to; an output if l is the last layer.
        X : array-like of shape (n_samples, n_features), default=None
            Rows whose values at node i are marked along the axis.
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        display : EdgeDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        network = estimator.network_
        check_edge(network, l, i, j)
        layer = network.layers[l]
        x, y, categories, missing, atoms = _curve(estimator, l, i, j)
        title = _title(estimator, l, i, j, X, categories)
        if X is not None:
            X = estimator._check_rows(X).astype(np.float64)
        symbol = layer.symbols.name(i, j)
        knots = layer.knots[i, layer.degree : layer.n_basis + 1] if symbol is None else np.zeros(0)
        last = l == len(network.layers) - 1
        display = cls(
            x,
            y,
            knots=_to_data(layer, i, knots),
            activations=None if X is None else network.activations(X, l)[:, i],
            x_name=feature_names_of(estimator)[i] if l == 0 else f"node {i} of layer {l}",
            y_name=f"contribution to {_output_names(estimator)[j] if last else f'node {j} of layer {l + 1}'}",
            title=title,
            categories=categories,
            missing=missing,
            atoms=atoms,
        )
        return display.plot(ax=ax)

    def plot(self, ax=None) -> Self:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        display : EdgeDisplay

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.random.default_rng(0).uniform(-1, 1, (200, 1))
        >>> display = KANRegressor((), random_state=0).fit(X, X[:, 0] ** 2).plot_edge(0, 0, 0)
        >>> display.plot().ax_ is display.ax_  # once more, in a new figure
        True
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.line_ = self.knots_ = self.rug_ = self.bars_ = self.missing_ = self.atoms_ = None
        self._draw_function() if self.categories is None else self._draw_categories()
        ax.set_xlabel(self.x_name, parse_math=False)
        ax.set_ylabel(self.y_name, parse_math=False)
        ax.set_title(self.title)
        return self

    def _draw_categories(self):
        """A bar a category, with names along the axis as long as they can be read; missing is grey."""
        names = [_short(name) for name in self.categories]
        colors = ["tab:gray" if name == "missing" else "tab:blue" for name in names]
        self.bars_ = self.ax_.bar(self.x, self.y, color=colors)
        room = self.ax_.get_position().width * self.figure_.get_figwidth() / len(names)
        upright = max(map(len, names)) * _TICK_SIZE * _LETTER > 0.9 * room
        step = max(1, int(np.ceil(_LINE * _TICK_SIZE / 72 / room)))
        self.ax_.set_xticks(self.x[::step], names[::step], rotation=90 * upright, fontsize=_TICK_SIZE)
        for label in self.ax_.get_xticklabels():
            label.set_parse_math(False)
        self.ax_.axhline(0.0, color="tab:gray", linewidth=0.8)

    def _draw_function(self):
        """The curve with its knots, the data along the axis and the values of atoms and of missing."""
        ax = self.ax_
        (self.line_,) = ax.plot(self.x, self.y)
        at_knots = np.interp(self.knots, self.x, self.y)
        (self.knots_,) = ax.plot(self.knots, at_knots, "o", color=self.line_.get_color(), markersize=4)
        if self.atoms is not None:
            (self.atoms_,) = ax.plot(
                *self.atoms, "D", color="tab:orange", markersize=5, label="values shared by many rows"
            )
        if self.missing is not None:
            self.missing_ = ax.axhline(self.missing, color="tab:gray", linestyle="--", label="missing")
        if self.atoms is not None or self.missing is not None:
            ax.legend()
        if self.activations is not None:
            ax.set_xlim(ax.get_xlim())  # rows far beyond the knots do not squeeze the curve
            along = np.full_like(self.activations, 0.02)
            (self.rug_,) = ax.plot(self.activations, along, "|k", alpha=0.3, transform=ax.get_xaxis_transform())


def _title(estimator, l, i, j, X, categories):  # noqa: E741
    """The edge and its named function, or the one that its spline looks like most."""
    edge = f"Edge l={l}, i={i}, j={j}"
    if categories is not None:
        return edge
    return f"{edge}: {estimator.network_.layers[l].symbols.name(i, j) or _likeness(estimator, l, i, j, X)}"


def _likeness(estimator, l, i, j, X):  # noqa: E741
    """The named function that a spline looks like most."""
    found = estimator.suggest_symbolic(l, i, j, top=1, X=X)
    return f"like {found[0]['name']}, R^2 = {found[0]['r2']:.4f}" if found else "like no named function"


def check_edge(network, l, i, j):  # noqa: E741
    """Raise a ValueError unless there is such an edge."""
    sizes = network.shape
    _check_index("l", l, len(sizes) - 1, "a layer of edges")
    _check_index("i", i, sizes[l], f"a node that the edges of layer l={l} start from")
    _check_index("j", j, sizes[l + 1], f"a node that the edges of layer l={l} lead to")
    if not network.layers[l].edges[i, j]:
        raise ValueError(
            f"The edge l={l}, i={i}, j={j} has no function: it was pruned, or its column or the target was constant."
        )


def _check_index(name, value, size, what):
    if not isinstance(value, Integral) or not 0 <= value < size:
        raise ValueError(f"{name} must be {what}, an integer from 0 to {size - 1}, got {value!r}.")
