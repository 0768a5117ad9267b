"""What both estimators share: parameters, training on a table, refinement, derivatives, pickles."""

import inspect
from abc import ABCMeta, abstractmethod
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from numbers import Integral, Real
from types import SimpleNamespace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from ._columns import as_numbers, learnt
from ._committee import ALONE
from ._encoding import CANONICAL_ROWS, as_cases, canonical_rows, hold_out, in_cases, labels_in_cases, rounded
from ._grid import cut_at_outliers, extremes, input_scaling, let_in, range_sample, refine
from ._inspection import InspectionMixin
from ._iterated_screening import IteratedScreening
from ._layer import BASE_ACTIVATIONS, to_knots
from ._narrowing import Table, Whole
from ._network import Network
from ._posterior import posterior_of
from ._progress import CallbackSupportMixin, Progress
from ._pruning import importances
from ._stage import Rows
from ._threads import single_blas_thread
from ._training import Trainer, grid_stages, most_stages
from ._version import __version__
from ._warn import warn

# Of the pickled state; a newer version reads all older ones.
_FORMAT = 3
# Median size of targets, in units of the first fit, that these do not suit, and of columns, in those of the knots.
_OTHER_UNITS, _OTHER_RANGE = 10.0, 3.0
# With more rows early_stopping='auto' holds some out.
_STOP_EARLY_ROWS = 10_000


def _in_other_units(y):
    """Whether targets that were scaled before are nowhere near a size of one."""
    return np.median(np.abs(y), axis=0).max() > _OTHER_UNITS


def _sizes(value):
    """A number or a sequence as array of integers; None where one is none, or below 1."""
    try:
        sizes = np.atleast_1d(np.asarray(value))
    except ValueError:  # of sequences, not all of one length
        return None
    if sizes.ndim != 1 or (sizes.size and (sizes.dtype.kind not in "iu" or sizes.min() < 1)):
        return None
    return sizes.astype(int)  # differences of unsigned ones are never negative


@contextmanager
def kept_on_failure(estimator):
    """Whatever ends training without a new model leaves the estimator as it was."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        for name in set(vars(estimator)) - set(before):
            if "callback" not in name:  # scikit-learn itself ends these
                delattr(estimator, name)
        vars(estimator).update(before)
        raise


class BaseKAN(InspectionMixin, CallbackSupportMixin, BaseEstimator, metaclass=ABCMeta):
    """What both estimators share."""

    _doc_link_module = "sklearn_kan"
    _doc_link_template = "https://sklearn-kan.readthedocs.io/en/stable/generated/sklearn_kan.{estimator_name}.html"

    _parameter_constraints: dict = {
        "hidden_layer_sizes": [StrOptions({"auto"}), "array-like", Interval(Integral, 1, None, closed="left")],
        "grid_size": [StrOptions({"auto"}), "array-like", Interval(Integral, 1, None, closed="left")],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "degree": [Interval(Integral, 0, 10, closed="both")],
        "knots": [StrOptions({"auto", "uniform", "quantile"})],
        "extrapolation": [StrOptions({"linear", "constant", "error"})],
        "base_activation": [StrOptions(set(BASE_ACTIVATIONS))],
        "solver": [StrOptions({"auto", "lm", "lbfgs", "adam"})],
        "alpha": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "smoothing": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "reg_lambda": [Interval(Real, 0, None, closed="left")],
        "l1_weight": [Interval(Real, 0, None, closed="left")],
        "entropy_weight": [Interval(Real, 0, None, closed="left")],
        "prune_threshold": [Interval(Real, 0, None, closed="left")],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "early_stopping": [StrOptions({"auto"}), "boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        hidden_layer_sizes,
        *,
        categorical_features,
        grid_size,
        degree,
        knots,
        extrapolation,
        base_activation,
        solver,
        alpha,
        smoothing,
        reg_lambda,
        l1_weight,
        entropy_weight,
        prune_threshold,
        n_init,
        max_iter,
        tol,
        batch_size,
        learning_rate_init,
        early_stopping,
        validation_fraction,
        n_iter_no_change,
        warm_start,
        random_state,
        verbose,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.categorical_features = categorical_features
        self.grid_size = grid_size
        self.degree = degree
        self.knots = knots
        self.extrapolation = extrapolation
        self.base_activation = base_activation
        self.solver = solver
        self.alpha = alpha
        self.smoothing = smoothing
        self.reg_lambda = reg_lambda
        self.l1_weight = l1_weight
        self.entropy_weight = entropy_weight
        self.prune_threshold = prune_threshold
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @property
    def _settings(self):
        """The constructor's parameters; numbers of NumPy as those of Python: few bits overflow."""
        given = self.get_params(deep=False)
        return SimpleNamespace(**{k: v.item() if isinstance(v, np.generic) else v for k, v in given.items()})

    # --- fit --------------------------------------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight, *, refining=False):
        hidden, grid_sizes = self._check_sizes()
        warm = refining or (self.warm_start and hasattr(self, "network_"))
        data = {"X": X, "metadata": None if sample_weight is None else {"sample_weight": sample_weight}}
        X, y, categories = self._validate_data(X, y, sample_weight, reset=not warm)
        weight = self._check_weight(sample_weight, X)
        rng = check_random_state(self.random_state)
        numbers, weight = self._number_targets(y, weight, warm=warm)
        rows, scaling, inner = self._rows(X, numbers, weight, categories, warm=warm)
        given, validation = rows, None
        if self.early_stopping is True or (self.early_stopping == "auto" and len(rows.X) > _STOP_EARLY_ROWS):
            if np.ceil(self.validation_fraction * len(rows.X)) >= len(rows.X):
                raise ValueError(
                    f"early_stopping holds out validation_fraction={self.validation_fraction} of {len(rows.X)} "
                    "distinct rows, which leaves none to learn from. Lower it, or set early_stopping=False."
                )
            stratify = not isinstance(self, RegressorMixin)
            parts = hold_out(rows.X, rows.y, rows.weight, self.validation_fraction, rng, stratify=stratify)
            rows, validation = Rows(*parts[0]), Rows(*parts[1])
        table = Table.of_numbers(rows, given, validation, categories, inner)
        offset = self._raw_offset(rows.y, rows.weight)
        if warm:
            rounds, train = 1, partial(self._go_on, table, offset, hidden, grid_sizes, refining)
        else:
            screening = IteratedScreening(self._settings, self._loss(), table, offset, hidden, grid_sizes)
            rounds, train = screening.most_rounds, screening.train
        n_stages = most_stages(self, len(grid_sizes or [None]), warm=warm, rounds=rounds)
        progress = Progress(self, n_stages, {**data, "y": y}, categories)
        with single_blas_thread():
            trainer, whole = train(scaling, rng, progress)
            trainer.measure()
            if isinstance(self, RegressorMixin):
                posterior = trainer.posterior()
                edof = np.nan if posterior is None else posterior.edf
            else:
                posterior, edof = None, trainer.degrees_of_freedom()
        self._store(trainer, whole)
        self.categories_, self.edof_, self._posterior, self._hidden = categories, edof, posterior, hidden
        self._constant = {}  # columns that are left out stay so
        progress.end(trainer.network)
        return self

    def _go_on(self, table, offset, hidden, grid_sizes, refining, scaling, rng, progress):
        """Train the fitted network on; the trainer, and its `Whole`."""
        whole = Whole.of_all(scaling)
        progress.whole = whole.network
        sizes = grid_sizes if refining else grid_stages(grid_sizes, *table.rows.X.shape, self.grid_size_)
        network, sizes = self._warm_start(table, hidden, sizes, refining)
        trainer = Trainer(self._settings, self._loss(), table.rows, table.validation, rng, progress)
        trainer.count_from(offset)
        if trainer.share_of(network) > 1.0 or _in_other_units(table.rows.y):
            warn(
                f"{'refine' if refining else 'warm_start=True'} goes on from a model of another y, or of y in other "
                "units, and may not learn this one. Fit a new estimator to it.",
            )
        trainer.run(sizes, network)
        penalties_follow = "auto" in (self.alpha, self.smoothing) and self.reg_lambda == self.prune_threshold == 0.0
        if refining or penalties_follow:  # given ones may ask for more loss
            trainer.keep_loss(network, table.given)
        return trainer, whole

    def _resumed(self, X, y, sample_weight):
        """A trainer that goes on with the fitted network on some rows, the network, and the scaling of its inputs."""
        X, y, categories = self._validate_data(X, y, sample_weight, reset=False)
        weight = self._check_weight(sample_weight, X)
        y, weight = self._number_targets(y, weight, warm=True)
        rows, scaling, inner = self._rows(X, y, weight, categories, warm=True)
        trainer = Trainer(self._settings, self._loss(), rows, None, check_random_state(self.random_state), None)
        trainer.count_from(self._raw_offset(rows.y, rows.weight))
        return trainer, self._going_on(rows, inner), scaling

    def _going_on(self, rows, inner):
        """The fitted network for rows in other units, whose outliers it is trained without."""
        return cut_at_outliers(self.network_.scaled(*inner), rows.X)

    def _rows(self, X, y, weight, categories, *, warm):
        """Training rows, centre and scale of the columns, and those that are left to the network to apply.

        A small table is made canonical and put into units of the knots here; of a large one nothing is copied.
        """
        X, y, weight = canonical_rows(X, y, weight)
        weight = in_cases(y, weight) if isinstance(self, RegressorMixin) else labels_in_cases(y, weight)
        if warm:
            scaling = self.network_.layers[0].center, self.network_.layers[0].scale
        else:
            center, scale = input_scaling(X, weight, whole=self.extrapolation == "error")
            codes = [known is not None for known in categories]
            scaling = np.where(codes, 0.0, center), np.where(codes, 1.0, scale)
        y = self._scale_targets(y, weight, warm=warm)
        if len(X) > CANONICAL_ROWS:
            return Rows(X, y, weight), scaling, scaling
        center, scale = scaling
        rows = Rows(rounded(to_knots(X, center, scale)), rounded(y), weight)
        return rows, scaling, (np.zeros_like(center), np.ones_like(scale))

    def _check_sizes(self):
        """Hidden layer sizes and grid sizes as lists; None for what the table decides."""
        return self._check_hidden(), self._check_grids()

    def _check_hidden(self):
        if isinstance(self.hidden_layer_sizes, str):
            return None
        hidden = _sizes(self.hidden_layer_sizes)
        if hidden is None:
            raise ValueError(
                f"hidden_layer_sizes must hold integers of at least 1, one a hidden layer, "
                f"got {self.hidden_layer_sizes!r}."
            )
        return hidden.tolist()

    def _check_grids(self):
        if isinstance(self.grid_size, str):
            return None
        grids = _sizes(self.grid_size)
        if grids is None or not grids.size:
            raise ValueError(
                f"grid_size must be an integer of at least 1 or a sequence of them, got {self.grid_size!r}."
            )
        if (np.diff(grids) <= 0).any():
            raise ValueError(f"grid_size must go from coarse to fine, got {self.grid_size!r}.")
        return grids.tolist()

    def _validate_data(self, X, y, sample_weight, *, reset):
        """X as numbers, y, and the categories of every column."""
        if reset:
            used = None if sample_weight is None else self._check_weight(sample_weight, X) > 0.0
            categories = learnt(X, self.categorical_features, used)
        else:
            categories = self.categories_
        regression = isinstance(self, RegressorMixin)
        X, y = as_numbers(self, X, y, categories=categories, reset=reset, multi_output=regression, y_numeric=regression)
        self._check_targets(y)
        categories = [None] * X.shape[1] if categories is None else categories
        if not reset:
            self._warn_of_categories(X, categories, sample_weight)
        return X, y, categories

    def _warn_of_categories(self, X, categories, sample_weight):
        """Tell of categories that the first rows did not have, but rows that count do."""
        new = [i for i, known in enumerate(categories) if known is not None and (X[:, i] == -1.0).any()]
        used = self._check_weight(sample_weight, X) > 0.0 if new else None
        new = [i for i in new if (X[used, i] == -1.0).any()]
        if new:
            warn(
                f"Rows hold categories in columns {new} that were not there at first: they count as the mean, and are "
                "not learnt. Fit a new estimator to all rows."
            )

    def _check_weight(self, sample_weight, X):
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not (np.isfinite(weight).all() and weight.any()):  # a scalar is not checked
            raise ValueError("sample_weight must be finite, with at least one positive value.")
        return as_cases(weight)

    def _warm_start(self, table, hidden, grid_sizes, refining):
        """The fitted network to go on with, and the grid stages that are left."""
        name, remedy = ("refine", "Set it back") if refining else ("warm_start=True", "Set warm_start=False")
        network = self._going_on(table.given, table.inner)
        n_hidden, asked_for = len(network.layers) - 1, self._hidden  # all or some nodes of these may be pruned
        if hidden not in (None, asked_for) and (asked_for is not None or len(hidden) != n_hidden):
            raise ValueError(
                f"{name} goes on with layers {network.shape}, but "
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} asks for other ones. {remedy}."
            )
        for kept in ("degree", "base_activation"):
            fitted = getattr(network.layers[0], kept)
            if getattr(self, kept) != fitted:
                raise ValueError(
                    f"{name} goes on with {kept}={fitted!r}, but {kept}={getattr(self, kept)!r} was set. {remedy}."
                )
        if network.layers[0].linear == (self.extrapolation == "constant"):
            ends = "lines" if network.layers[0].linear else "constants"
            raise ValueError(
                f"{name} goes on with functions that end as {ends}, but extrapolation={self.extrapolation!r} was set. "
                f"{remedy}."
            )
        left = [grid_size for grid_size in grid_sizes if grid_size >= network.layers[0].grid_size]
        if not left:
            raise ValueError(
                f"warm_start=True cannot coarsen the grid: grid_size={self.grid_size!r} is below the fitted "
                f"{network.layers[0].grid_size}."
            )
        return network, left

    def _store(self, trainer, whole):
        """Fitted attributes of a trained network, which is a part of the whole one."""
        self._store_network(whole.network(trainer.network))
        self.solver_ = trainer.solver
        self.loss_curve_ = trainer.loss_curve
        self.n_iter_ = len(trainer.loss_curve)
        self.loss_ = trainer.value
        self.validation_scores_ = None if trainer.validation is None else trainer.validation_scores
        self.stage_scores_ = trainer.stage_scores
        strengths = trainer.strengths_of(trainer.network)
        self.alpha_, self.smoothing_ = whole.strengths(strengths.alpha), whole.strengths(strengths.smoothing)
        self.feature_importances_ = np.zeros(len(whole.columns))
        self.feature_importances_[whole.columns] = importances(trainer.network, trainer.rows.X, trainer.rows.weight)

    def _store_network(self, network):
        self.network_ = network
        self._posterior = self._adam_state = None  # those of another one
        self.layer_sizes_ = network.shape
        self.grid_size_ = network.layers[0].grid_size
        self.n_parameters_ = network.n_parameters

    # --- refine -----------------------------------------------------------------------------------------------------

    def refine(
        self,
        grid_size: int,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """The same model on a finer grid (paper 2.4), trained on if data is given.

        Every spline is replaced by its least-squares fit on the finer grid, over the whole knot range. Where the new
        size is a multiple of the old one the grids nest and no prediction changes.

        Parameters
        ----------
        grid_size : int
            Intervals of every spline, at least `grid_size_`. The new estimator has it as its parameter.
        X : array-like of shape (n_samples, n_features), default=None
            Rows to train on with. The loss on them does not end above that of this model.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        refined : estimator
            A new fitted estimator; this one is left as it is.

        Raises
        ------
        ValueError
            If the grid is coarser than the present one, or only one of X and y is given.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.linspace(-1, 1, 200)[:, None]
        >>> y = np.sin(3 * X[:, 0])
        >>> model = KANRegressor((), grid_size=5, random_state=0).fit(X, y)
        >>> finer = model.refine(10)
        >>> finer.grid_size_, bool(np.allclose(finer.predict(X), model.predict(X), rtol=1e-10))
        (10, True)
        >>> bool(model.refine(10, X, y).score(X, y) > model.score(X, y))
        True
        """
        check_is_fitted(self)
        if not isinstance(grid_size, Integral) or grid_size < self.grid_size_:
            raise ValueError(
                f"grid_size must be an integer of at least the fitted {self.grid_size_}, got {grid_size!r}: "
                "a spline cannot be kept on a coarser grid. Fit a new estimator instead."
            )
        if (X is None) != (y is None):
            raise ValueError("refine needs both X and y to train on, or neither. Give both or leave out both.")
        refined = deepcopy(self)
        refined.grid_size = int(grid_size)
        if X is not None:
            return refined._fit(X, y, sample_weight, refining=True)
        refined._store_network(refine(self.network_, int(grid_size)))
        return refined

    # --- partial_fit ------------------------------------------------------------------------------------------------

    def _partial_fit(self, X, y, sample_weight):
        first = not hasattr(self, "network_")
        hidden, grid_sizes = self._check_sizes()
        X, y, categories = self._validate_data(X, y, sample_weight, reset=first)
        weight = self._check_weight(sample_weight, X)
        y, weight = self._number_targets(y, weight, warm=not first)
        if first:
            self.loss_curve_, self._adam_state = [], None
        elif self._constant:
            self._let_in(X, weight)
        rng = self._pass_random_state()
        rows, scaling, inner = self._rows(X, y, weight, categories, warm=not first)
        if not first:
            self._warn_of_range(rows, inner)
        trainer = Trainer(self._settings, self._loss(), rows, None, rng, None)
        trainer.loss_curve = list(self.loss_curve_)
        with single_blas_thread():
            if first:
                hidden = [ALONE] if hidden is None else hidden
                grid_sizes = grid_sizes or grid_stages(None, *rows.X.shape, 1)
                offset = self._raw_offset(rows.y, rows.weight)
                table = Table.of_numbers(rows, rows, None, categories, inner)
                network = table.network_maker(self, hidden, grid_sizes[-1], offset, mask_constant=False)(rng)
            else:
                network = self._going_on(rows, inner)
            state = trainer.one_pass(network, self._adam_state)
            trainer.measure()
        if first:
            entered = network.layers[0].edge_mask.any(axis=1)
            waiting = [i for i, known in enumerate(categories) if known is None and not entered[i]]
            shown = extremes(X[:, waiting][weight > 0.0])[0]
            self._constant = dict(zip(waiting, shown.tolist(), strict=True))
        self._store(trainer, Whole.of_all(scaling))
        self.categories_, self._adam_state, self._hidden, self.edof_ = categories, state, hidden, np.nan
        return self

    def _let_in(self, X, weight):
        """Let in the columns that no call of partial_fit showed to vary before, but these rows do."""
        columns, used = np.array(list(self._constant)), weight > 0.0
        shown = np.vstack([X[:, columns][used], list(self._constant.values())]).astype(np.float64)
        low, high = extremes(shown)
        varied, weight = high > low, np.append(weight[used], weight.max())
        self._constant = dict(zip(columns[~varied].tolist(), low[~varied].tolist(), strict=True))
        if varied.any():
            options = {"knots": self.knots, "whole": self.extrapolation == "error"}
            self.network_ = let_in(self.network_, columns[varied], shown[:, varied], weight, **options)
            self._adam_state = None

    def _warn_of_range(self, rows, scaling):
        """Tell of rows that the knots and the units of the first call do not suit."""
        some, _ = range_sample(rows.X, rows.weight)
        t = np.nan_to_num(to_knots(some, *scaling))
        far = (np.median(np.abs(t), axis=0) > _OTHER_RANGE) & self.network_.layers[0].splines().edges.any(axis=1)
        if far.any() or _in_other_units(rows.y):
            what = f"columns {np.flatnonzero(far).tolist()}" if far.any() else "y"
            warn(
                f"Most values of {what} are far outside of the range of the first call of partial_fit, which placed "
                "the knots and the units of y. Begin with rows that show the ranges.",
            )

    def _pass_random_state(self):
        """Random state of one pass over the rows: another one in each call."""
        if isinstance(self.random_state, Integral):
            return np.random.RandomState([self.random_state, len(self.loss_curve_)])
        return check_random_state(self.random_state)

    # --- predict ----------------------------------------------------------------------------------------------------

    def derivative(self, X: ArrayLike, order: int = 1) -> np.ndarray:
        """Exact derivatives of the prediction by the columns of X, in the units of X and y.

        Of what `predict` returns for a regressor, of `decision_function` for a classifier. Beyond the knots they are
        those of the continuation; at a knot where a derivative jumps, the one on its right. Pruned and constant
        columns have exactly 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        order : {1, 2}, default=1
            1 for gradients, 2 for Hessians.

        Returns
        -------
        derivative : ndarray of shape (n_samples, n_features) or (n_samples, n_features, n_features)
            For order 1 or 2; float64. If predictions have an axis of outputs it is the second one here:
            (n_samples, n_outputs, n_features) or (n_samples, n_outputs, n_features, n_features).

        Raises
        ------
        ValueError
            If `order` is neither 1 nor 2, or, with extrapolation='error', if X has values beyond the knots.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.linspace(-1, 1, 200)[:, None]
        >>> model = KANRegressor((), grid_size=20, random_state=0).fit(X, np.sin(X[:, 0]))
        >>> print(model.derivative([[0.0]]).round(2))
        [[1.]]
        >>> model.derivative([[0.0], [0.5]], order=2).shape
        (2, 1, 1)
        """
        if not isinstance(order, Integral) or order not in (1, 2):
            raise ValueError(f"order must be 1 for gradients or 2 for Hessians, got {order!r}.")
        X = self._check_rows(X)
        return self._shaped(self.network_.derivative(X, order, self._response_slopes))

    def _raw_predict(self, X):
        X = self._check_rows(X)
        return self.network_.raw_predict(X)

    def _check_rows(self, X):
        """Rows to predict, once they are known to be fit for it."""
        if not self.__sklearn_is_fitted__():  # the check itself asks for the tags, which takes longer
            check_is_fitted(self)
        X = as_numbers(self, X, categories=self.categories_, reset=False)
        if self.extrapolation == "error":
            self._check_inside(X)
        return X

    def _check_inside(self, X):
        layer = self.network_.layers[0]
        low, high = layer.bounds()
        t = to_knots(X, layer.center, layer.scale)
        outside = ((t < low) | (t > high)).any(axis=0) & layer.splines().edges.any(axis=1)
        if outside.any():
            names = getattr(self, "feature_names_in_", np.arange(self.n_features_in_))
            raise ValueError(
                f"X has values outside the knots in columns {names[outside].tolist()}, and "
                "extrapolation='error'. Set extrapolation='linear' or 'constant' to predict there."
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def __sklearn_is_fitted__(self):
        return hasattr(self, "network_")

    # --- state ------------------------------------------------------------------------------------------------------

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "network_" in state:
            state["network_"] = state["network_"].to_dict()
            state.pop("_posterior")  # large
        return {**state, "_sklearn_kan_version": __version__, "_sklearn_kan_format": _FORMAT}

    def __setstate__(self, state):
        state = dict(state)
        version = state.pop("_sklearn_kan_version", "an unknown version")
        if state.pop("_sklearn_kan_format", _FORMAT) > _FORMAT:
            raise ValueError(
                f"This {type(self).__name__} was pickled by sklearn_kan {version}, whose format {__version__} cannot "
                "read. Upgrade sklearn_kan or fit again."
            )
        if version != __version__:
            warn(
                f"This {type(self).__name__} was pickled by sklearn_kan {version} and is read by {__version__}. "
                "Check its predictions or fit again.",
            )
        if "network_" in state:
            state["network_"] = Network.from_dict(state["network_"])
            posterior = state.get("_posterior")
            state["_posterior"] = None if posterior is None else posterior_of(posterior)
            older = {"categories_": [None] * state["n_features_in_"], "_hidden": None, "_constant": {}}
            state = {**older, **state}
        parameters = inspect.signature(type(self)).parameters.values()  # newer ones than the pickle: their defaults
        super().__setstate__({**{parameter.name: parameter.default for parameter in parameters}, **state})

    @abstractmethod
    def _check_targets(self, y):
        """Raise a ValueError for targets that cannot be learnt."""

    @abstractmethod
    def _number_targets(self, y, weight, *, warm):
        """Targets as numbers, shape (n_samples, n_outputs), and weights; unless `warm`, what they are is learnt."""

    @abstractmethod
    def _scale_targets(self, y, weight, *, warm):
        """Targets in units of the network; unless `warm`, these units are learnt."""

    @abstractmethod
    def _raw_offset(self, y, weight):
        """Raw prediction of the constant model, shape (n_outputs,)."""

    @abstractmethod
    def _loss(self):
        """The loss on raw predictions."""

    @abstractmethod
    def _shaped(self, response):
        """Without the axis of outputs, the second one, where predictions have none."""

    @abstractmethod
    def _response(self, raw):
        """The response, what `derivative` and formulas are of, to raw predictions, of their shape."""

    @abstractmethod
    def _response_slopes(self, raw):
        """First and second derivative of the response by raw predictions, each of their shape."""

    @abstractmethod
    def _response_units(self):
        """Units and constants, each of shape (n_outputs,), that bring raw predictions into the formula's units."""

    @abstractmethod
    def _of_raw(self, expression):
        """The response as SymPy expression, from that of the raw prediction in the formula's units."""

    @abstractmethod
    def _response_score(self, response, y):
        """What `score` would say of these responses, of shape (n_samples, n_outputs)."""
