"""Looking into a fitted network: what both estimators offer beside predictions."""

from numpy.typing import ArrayLike

from ._plotting import EdgeDisplay, KANDisplay


class InspectionMixin:
    """Pictures of a fitted estimator."""

    def plot(
        self,
        *,
        X: ArrayLike | None = None,
        feature_names: ArrayLike | None = None,
        max_edges: int = 100,
        ax=None,
    ) -> KANDisplay:
        """Draw the network: every edge's function in a box between the two nodes that it joins.

        Inputs are at the bottom. The more important an edge is, the darker: the share in the variation of the outputs
        that flows back along it (arXiv:2408.10205). The numbers in the nodes are those that `plot_edge` takes.

        Parameters
        ----------
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

        Raises
        ------
        ValueError
            If `feature_names` has not one name a column, or `max_edges` is below 1.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
        >>> model = KANRegressor((1,), random_state=0).fit(X, np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2))
        >>> display = model.plot(feature_names=["angle", "length"])
        >>> len(display.edges)
        3
        """
        return KANDisplay.from_estimator(self, X, feature_names=feature_names, max_edges=max_edges, ax=ax)

    def plot_edge(self, l: int, i: int, j: int, *, X: ArrayLike | None = None, ax=None) -> EdgeDisplay:  # noqa: E741
        """Draw the function of one edge, in the units of the data where it meets them.

        Parameters
        ----------
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
            Its `x` and `y` are the points of the curve.

        Raises
        ------
        ValueError
            If there is no such edge, or it is pruned.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.linspace(0, 10, 200)[:, None]
        >>> model = KANRegressor((), random_state=0).fit(X, np.sin(X[:, 0]))
        >>> display = model.plot_edge(0, 0, 0, X=X)
        >>> bool(display.x[0] < 0.0), bool(display.x[-1] > 10.0)
        (True, True)
        """
        return EdgeDisplay.from_estimator(self, l, i, j, X, ax=ax)
