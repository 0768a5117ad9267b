"""Looking into a fitted network: scores, pruning, pictures, formulas.

All methods that change the network return a new fitted estimator and leave this one as it is.
"""

from copy import deepcopy
from numbers import Integral, Real
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from ._affine_fit import fit_affine
from ._formula import check_sympy_support, evaluate, expressions, latex, snap, with_cases, with_decimals
from ._grid import follow_activations
from ._plotting import EdgeDisplay, KANDisplay, check_edge, feature_names_of
from ._pruning import edge_deviations, importances, measured, node_scores, prune, shares_of_sum, widest_way
from ._stage import Rows
from ._symbolic import (
    Search,
    complexity,
    cross_validated,
    edge_points,
    search_grid,
    spline_edges,
    suggestions,
    with_symbol,
    without_symbol,
)
from ._symbolic_library import named, resolve_library
from ._threads import single_blas_thread

# A network of more splines that is not so exact is named by way of a sparse one, of these penalties.
_MANY_FUNCTIONS, _NEARLY_EXACT = 20, 1e-4
_SPARSE = {"reg_lambda": 1e-3, "prune_threshold": 1e-2}


def _relative(scores):
    """Scores in parts of the largest of their layer."""
    return [score / max(score.max(initial=0.0), np.finfo(np.float64).tiny) for score in scores]


class InspectionMixin:
    """Scores, pruning, pictures and formulas of a fitted estimator."""

    # --- scores and pruning -----------------------------------------------------------------------------------------

    def edge_scores(self, X: ArrayLike | None = None, *, relative: bool = False) -> list[np.ndarray]:
        """Score of every edge: the standard deviation of its function over rows (after paper eq. 2.18).

        Hidden nodes fill [-1, 1] and targets have unit scale inside, so that absolute scores are comparable between
        layers and models, and in a model of noise all of them are small. That is why they are the default; relative
        ones tell what matters within a layer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            Rows over which functions vary; None stands for the training rows.
        relative : bool, default=False
            In parts of the largest score of the layer.

        Returns
        -------
        scores : list of ndarray of shape (n_in, n_out)
            One array a layer; 0 for pruned edges.

        Raises
        ------
        ValueError
            With extrapolation='error', if X is given and has values beyond the knots.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
        >>> model = KANRegressor((), random_state=0).fit(X, X[:, 0])
        >>> print(model.edge_scores()[0].round(1).ravel())
        [1. 0.]
        """
        check_is_fitted(self)
        scores = edge_deviations(self._measured(X).moments)
        return _relative(scores) if relative else scores

    def node_scores(self, X: ArrayLike | None = None, *, relative: bool = False) -> list[np.ndarray]:
        """Score of every node: the lesser of its best incoming and its best outgoing edge (paper eq. 2.18, 2.19).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            As for `edge_scores`.
        relative : bool, default=False
            From relative scores of the edges.

        Returns
        -------
        scores : list of ndarray of shape (n_nodes,)
            The inputs first and the outputs last; these have edges on one side only.

        Raises
        ------
        ValueError
            With extrapolation='error', if X is given and has values beyond the knots.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
        >>> model = KANRegressor((), random_state=0).fit(X, X[:, 0])
        >>> print(model.node_scores()[0].round(1))
        [1. 0.]
        """
        return node_scores(self.edge_scores(X, relative=relative))

    def prune(self, threshold: float = 1e-2, *, X: ArrayLike | None = None, relative: bool = False) -> Self:
        """Remove edges, nodes and inputs whose scores do not exceed a threshold (paper section 2.5.1).

        The mean of a removed function stays, as a constant of others. Nothing is trained: go on with `fit` after
        ``set_params(warm_start=True)``, or set `prune_threshold` to have `fit` do all of it.

        Parameters
        ----------
        threshold : float, default=0.01
        X : array-like of shape (n_samples, n_features), default=None
            Rows over which scores are measured; None stands for the training rows.
        relative : bool, default=False
            Compare scores in parts of the largest one of the layer.

        Returns
        -------
        pruned : estimator
            A new fitted estimator; this one is left as it is.

        Raises
        ------
        ValueError
            If nothing would be left, or the threshold is negative.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
        >>> model = KANRegressor((), random_state=0).fit(X, X[:, 0])
        >>> print(model.prune(0.05).feature_importances_)
        [1. 0.]
        """
        if not isinstance(threshold, Real) or not threshold >= 0.0:
            raise ValueError(f"threshold must be a number of at least 0, got {threshold!r}.")
        check_is_fitted(self)
        network = self._measured(X)
        scores = edge_deviations(network.moments)
        scores = _relative(scores) if relative else scores
        pruned = prune(network, threshold, scores)
        if network.layers[-1].edges.any() and not pruned.layers[-1].edges.any():
            raise ValueError(
                f"threshold={threshold} would remove every way from an input to an output. "
                f"Choose one below {0.999 * widest_way(scores):.4g}."
            )
        changed = self._with_network(pruned)
        if X is not None:
            X = self._check_rows(X)
            changed.feature_importances_ = importances(pruned, X, np.ones(len(X)))
        return changed

    def _measured(self, X):
        """The network with the moments of its edges over rows, by default the training rows."""
        return self.network_ if X is None else measured(self.network_, self._check_rows(X))

    def _with_network(self, network):
        """A new estimator with another network."""
        changed = deepcopy(self)
        changed._store_network(network)
        changed.feature_importances_ = shares_of_sum(self.feature_importances_ * network.layers[0].edges.any(axis=1))
        return changed

    # --- pictures ---------------------------------------------------------------------------------------------------

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
        ImportError
            Without Matplotlib.

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

        Of a column of categories that is a bar for each. In a column of numbers the value of missing is a dashed line,
        and those of atoms, numbers that many rows share, are dots.

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
        ImportError
            Without Matplotlib.

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

    # --- formulas ---------------------------------------------------------------------------------------------------

    def suggest_symbolic(
        self,
        l: int,  # noqa: E741
        i: int,
        j: int,
        top: int = 5,
        *,
        X: ArrayLike | None = None,
        library=None,
    ) -> list[dict]:
        """Named functions that an edge's function looks like, as c f(a x + b) + d, the best first.

        Parameters
        ----------
        l : int
            Layer of the edge, 0 for the first.
        i : int
            Node that it starts from; a column if l is 0.
        j : int
            Node of the next layer that it leads to; an output if l is the last layer.
        top : int, default=5
            Functions in the answer.
        X : array-like of shape (n_samples, n_features), default=None
            Rows at whose values of node i functions are compared; None stands for even points over the knots.
        library : None, sequence of str or dict, default=None
            Names of functions of the package's library, None for all of them; or a dict from names to tuples
            (function, derivative, sympy function) of callables that can be imported by name, or to None for a function
            of the package.

        Returns
        -------
        table : list of dict
            One a function: its `name`, the share `r2` of the edge's variation that it explains, its `complexity`, the
            `score` (digits explained, -log10(1 - r2) / 2, less a fifth of the complexity) and its `numbers` a, b, c, d
            in units of the knots. `pandas.DataFrame` makes a table of it.

        Raises
        ------
        TypeError, ValueError
            If `top` is no integer of at least 1, or there is no such edge.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.linspace(-1, 1, 200)[:, None]
        >>> model = KANRegressor((), grid_size=20, random_state=0).fit(X, np.sin(5 * X[:, 0]))
        >>> model.suggest_symbolic(0, 0, 0)[0]["name"]
        'sin'
        """
        check_is_fitted(self)
        self._check_numbers_edge(l, i, j)
        check_scalar(top, "top", Integral, min_val=1)
        rows = None if X is None else self._check_rows(X)
        found = suggestions(self.network_, l, i, j, resolve_library(library), rows)
        return [
            {
                "name": function.name,
                "r2": fit.r2,
                "complexity": function.complexity,
                "score": float(score),
                "numbers": fit.numbers,
            }
            for score, function, fit in found[:top]
        ]

    def fix_symbolic(
        self,
        l: int,  # noqa: E741
        i: int,
        j: int,
        name: str,
        *,
        X: ArrayLike | None = None,
        library=None,
    ) -> Self:
        """Replace an edge's function by the nearest c f(a x + b) + d of a named function f.

        The four numbers are trained like weights from then on.

        Parameters
        ----------
        l : int
            Layer of the edge, 0 for the first.
        i : int
            Node that it starts from; a column if l is 0.
        j : int
            Node of the next layer that it leads to; an output if l is the last layer.
        name : str
            Of the function.
        X : array-like of shape (n_samples, n_features), default=None
            As for `suggest_symbolic`.
        library : None, sequence of str or dict, default=None
            As for `suggest_symbolic`; None stands for the package's library.

        Returns
        -------
        fixed : estimator
            A new fitted estimator; this one is left as it is.

        Raises
        ------
        ValueError
            If there is no such edge or function, or the edge starts from a column of categories.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.linspace(-1, 1, 200)[:, None]
        >>> model = KANRegressor((), grid_size=20, random_state=0).fit(X, X[:, 0] ** 2)
        >>> model.fix_symbolic(0, 0, 0, "x^2").symbolic_formula(decimals=3)
        x0**2
        """
        check_is_fitted(self)
        self._check_numbers_edge(l, i, j)
        function = named(name, library)
        t = edge_points(self.network_, l, i, None if X is None else self._check_rows(X))
        fit = fit_affine(function, t, self.network_.layers[l].edge(i, t)[:, j])
        return self._with_network(with_symbol(self.network_, l, i, j, function, fit.numbers))

    def unfix_symbolic(self, l: int, i: int, j: int) -> Self:  # noqa: E741
        """Replace a named function by a spline again.

        Parameters
        ----------
        l : int
            Layer of a symbolic edge, 0 for the first.
        i : int
            Node that it starts from; a column if l is 0.
        j : int
            Node of the next layer that it leads to; an output if l is the last layer.

        Returns
        -------
        unfixed : estimator
            A new fitted estimator whose spline is the least-squares fit of the function over the knots.

        Raises
        ------
        ValueError
            If there is no such edge, or it is a spline.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.linspace(-1, 1, 200)[:, None]
        >>> model = KANRegressor((), grid_size=20, random_state=0).fit(X, X[:, 0] ** 2)
        >>> fixed = model.fix_symbolic(0, 0, 0, "x^2")
        >>> fixed.unfix_symbolic(0, 0, 0).fidelity(X, X[:, 0] ** 2)["n_splines"]
        1
        """
        check_is_fitted(self)
        check_edge(self.network_, l, i, j)
        if self.network_.layers[l].symbols.name(i, j) is None:
            raise ValueError(f"The edge l={l}, i={i}, j={j} is a spline: there is nothing to unfix.")
        return self._with_network(without_symbol(self.network_, l, i, j))

    def auto_symbolic(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        library=None,
        tol: float = 0.1,
    ) -> Self:
        """Replace the functions of edges by named ones wherever the whole model allows it.

        A beam search over networks: one edge after the other becomes symbolic, and after each change all numbers and
        the splines that are left are refitted on the data for some steps. Networks are compared by their loss and
        their complexity. At last numbers near 0, 1, integers, fractions and parts of pi are set to these where that
        costs nothing. Edges that no function suits stay splines: `fidelity` tells what the result is worth.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        library : None, sequence of str or dict, default=None
            As for `suggest_symbolic`.
        tol : float, default=0.1
            The loss of the result, corrected for the number of parameters as in generalised cross-validation, exceeds
            that of the model that it begins with, trained on, by this part at most. It begins with this one; where that
            was left its shape and has more than 20 splines, with a network trained with reg_lambda=1e-3 and
            prune_threshold=1e-2, if that loses no more than this part either; its formula, if this one is nearly exact.

        Returns
        -------
        symbolic : estimator
            A new fitted estimator; this one is left as it is.

        Raises
        ------
        ValueError
            If the data, the library or tol is unfit; the message names it.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.random.default_rng(0).uniform(-1, 1, (300, 1))
        >>> y = 2 * np.exp(3 * X[:, 0]) - 1
        >>> model = KANRegressor((), random_state=0).fit(X, y)
        >>> model.auto_symbolic(X, y).symbolic_formula()
        2*exp(3*x0) - 1
        """
        if not isinstance(tol, Real) or not tol > 0.0:
            raise ValueError(f"tol must be a number above 0, got {tol!r}.")
        check_is_fitted(self)
        functions = resolve_library(library)
        data = X, y, sample_weight
        exact = self._exact_formula(data, functions, tol)
        return self._named(self._to_read(*data, tol), data, functions, tol) if exact is None else exact

    def _named(self, model, data, functions, tol):
        """A model, perhaps another one than this, whose functions are replaced by named ones."""
        changed = deepcopy(model).set_params(**self.get_params(deep=False))
        trainer, network, scaling = changed._resumed(*data)
        trainer.solver, trainer.reg_lambda = "lm", 0.0
        with single_blas_thread():
            center, scale = scaling
            search = Search(trainer, functions, tol, model.edof_, -center / scale)
            network = search.run(search_grid(network, len(trainer.rows.X)))
            if not spline_edges(network):
                inner = network.layers[0]
                rows = Rows(
                    (trainer.rows.X - inner.center) / inner.scale * scale + center, trainer.rows.y, trainer.rows.weight
                )
                network = network.scaled(center, scale)
                network = snap(network, trainer.loss, rows, trainer.null_loss, *self._response_units())
                network = follow_activations(network.scaled(inner.center, inner.scale), *trainer.sample)
            trainer.network = network
            trainer.measure()
        changed._store_network(trainer.network.scaled(*scaling))
        changed.feature_importances_ = importances(trainer.network, trainer.rows.X, trainer.rows.weight)
        return changed

    def _to_read(self, X, y, sample_weight, tol):
        """This model, or a sparse one that predicts as well where it has many functions and is not exact.

        To name the functions of a committee takes minutes, and its formula is as long as it is wide.
        """
        data = X, y, sample_weight
        if not self._has_many_functions() or not (own := self._promised_share(*data)) > _NEARLY_EXACT:
            return self
        sparse = self._sparse(*data)
        return sparse if sparse is not None and sparse._promised_share(*data) <= (1.0 + tol) * own else self

    def _exact_formula(self, data, functions, tol):
        """This model with the formula of a sparse one, where that is as exact; else None.

        A sparse network comes less close to exact data than a wide one, before its functions have names.
        """
        if not self._has_many_functions() or not (own := self._promised_share(*data)) <= _NEARLY_EXACT:
            return None
        sparse = self._sparse(*data)
        if sparse is None:
            return None
        found = self._named(sparse, data, functions, tol)
        exact = not spline_edges(found.network_) and found._promised_share(*data) <= (1.0 + tol) * own
        return found if exact else None

    def _has_many_functions(self):
        """Whether a network whose shape was left to the table has more functions than one would read."""
        given = not isinstance(self.hidden_layer_sizes, str) or self.reg_lambda > 0.0 or self.prune_threshold > 0.0
        return not given and complexity(self.network_) == 0.0 and len(spline_edges(self.network_)) > _MANY_FUNCTIONS

    def _sparse(self, X, y, sample_weight):
        """A sparse model of the same data; None where that has other classes or categories."""
        sparse = clone(self).set_params(**_SPARSE).fit(X, y, sample_weight)
        same_classes = np.array_equal(getattr(sparse, "classes_", ()), getattr(self, "classes_", ()))
        return sparse if same_classes and sparse.categories_ == self.categories_ else None

    def _promised_share(self, X, y, sample_weight):
        """Loss in parts of the constant model's, as generalised cross-validation corrects it."""
        trainer, network, _ = self._resumed(X, y, sample_weight)
        return cross_validated(trainer.share_of(network), self.edof_, trainer.rows.y.size)

    def symbolic_formula(self, feature_names: ArrayLike | None = None, decimals: int | None = None):
        """The network as SymPy expression, in the units of the data.

        Of what `predict` returns for a regressor, of `decision_function` (log odds) for a classifier. Edges that are
        still splines appear as functions phi_l_i_j of their input. So do columns of more than 12 categories, whose
        values `plot_edge` shows, times the factor in front; others are a sum over cases, with quotes around texts, and
        so is a column of numbers with values for atoms or `missing`. Beyond the knots splines go on as lines; where a
        function is not defined, `predict` holds its argument inside of its domain.

        Parameters
        ----------
        feature_names : array-like of shape (n_features,), default=None
            Names of the symbols. None means `feature_names_in_`, or else x0, x1, ...
        decimals : int, default=None
            Round numbers to so many decimals; None keeps them all. Where all factors are below 0.1 decimals count from
            the first one of the largest. Where the values would change by more than 10^-decimals of the largest one,
            those of numbers below 1 count from their own first one, and there are as many as it takes.

        Returns
        -------
        formula : sympy expression or list of them
            A list, one an output, if predictions have an axis of outputs.

        Raises
        ------
        ValueError
            If names are not one a column, or not different, or decimals is no integer.
        ImportError
            Without sympy.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.random.default_rng(0).uniform(0, 20, (300, 1))
        >>> model = KANRegressor((), random_state=0).fit(X, 3 * X[:, 0] + 5)
        >>> model.auto_symbolic(X, 3 * X[:, 0] + 5).symbolic_formula(["price"])
        3*price + 5
        """
        check_is_fitted(self)
        if decimals is not None and not isinstance(decimals, Integral):
            raise ValueError(f"decimals must be an integer or None, got {decimals!r}.")
        names = feature_names_of(self, feature_names)
        if len(set(names)) < len(names):
            raise ValueError(f"feature_names must differ, as they are the formula's symbols, got {names}.")
        found = self._expressions(names, decimals)
        return self._shaped(np.array([found], dtype=object)).tolist()[0]

    def to_latex(self, feature_names: ArrayLike | None = None, decimals: int | None = 4) -> str | list[str]:
        """The formula as LaTeX; parameters and outputs as for `symbolic_formula`.

        Parameters
        ----------
        feature_names : array-like of shape (n_features,), default=None
        decimals : int, default=4

        Returns
        -------
        text : str or list of str

        Raises
        ------
        ValueError, ImportError
            As `symbolic_formula`.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.linspace(-1, 1, 200)[:, None]
        >>> model = KANRegressor((), grid_size=20, random_state=0).fit(X, X[:, 0] ** 2)
        >>> print(model.fix_symbolic(0, 0, 0, "x^2").to_latex(["width"], decimals=3))
        width^{2}
        """
        formula = self.symbolic_formula(feature_names, decimals)
        return [latex(one) for one in formula] if isinstance(formula, list) else latex(formula)

    def fidelity(self, X: ArrayLike, y: ArrayLike, decimals: int | None = None) -> dict:
        """How far formula, model and data are apart on some rows, best rows that were not learnt from.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        decimals : int, default=None
            Of the formula's numbers: what rounding costs shows here.

        Returns
        -------
        report : dict
            `formula_vs_model`: R^2 of the formula's values for the model's (log odds of a classifier);
            `formula_vs_data` and `model_vs_data`: R^2, or the accuracy of a classifier; both of the formula are -inf
            where it is not defined at all rows, such as at missing values in a column that had none in training;
            `n_splines`: edges for which no named function was found, whose splines are used as they are.

        Raises
        ------
        ValueError
            With extrapolation='error', if X has values beyond the knots.
        ImportError
            Without SymPy.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.linspace(-1, 1, 200)[:, None]
        >>> model = KANRegressor((), grid_size=20, random_state=0).fit(X, X[:, 0] ** 2)
        >>> report = model.fix_symbolic(0, 0, 0, "x^2").fidelity(X, X[:, 0] ** 2)
        >>> report["n_splines"], round(report["formula_vs_data"], 6)
        (0, 1.0)
        """
        check_is_fitted(self)
        X = self._check_rows(X)
        names = [f"x{i}" for i in range(self.n_features_in_)]
        columns = dict(zip(names, X.T.astype(np.float64), strict=True))
        formulas = self._expressions(names, decimals)
        values = [evaluate(one, columns, self.network_, self.categories_) for one in formulas]
        formula, model = np.stack(values, axis=1), self._response(self.network_.raw_predict(X))
        defined = np.isfinite(formula).all()
        return {
            "formula_vs_model": float(r2_score(model, formula)) if defined else -np.inf,
            "formula_vs_data": float(self._response_score(formula, y)) if defined else -np.inf,
            "model_vs_data": float(self._response_score(model, y)),
            "n_splines": len(spline_edges(self.network_)),
        }

    def _expressions(self, names, decimals):
        """SymPy expressions of the responses, a list."""
        check_sympy_support(type(self).__name__)
        units, center = self._response_units()
        found = expressions(self.network_, names, units, center)
        cases = [with_cases(one, self.network_, names, self.categories_) for one in found]
        network, categories = self.network_, self.categories_
        return [with_decimals(self._of_raw(one), decimals, network, names, categories) for one in cases]

    def _check_numbers_edge(self, l, i, j):  # noqa: E741
        """Raise a ValueError unless there is such an edge and its function is one of numbers."""
        check_edge(self.network_, l, i, j)
        if l == 0 and self.categories_[i] is not None:
            raise ValueError(
                f"The edge l={l}, i={i}, j={j} starts from {feature_names_of(self)[i]!r}, a column of categories: it "
                "has a value for each, see plot_edge, and no function of numbers."
            )
