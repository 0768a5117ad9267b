"""KANRegressor and KANClassifier: validation, encoding, orchestration."""

import inspect
import warnings
from abc import abstractmethod
from copy import deepcopy
from numbers import Integral, Real
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ._encoding import CANONICAL_ROWS, canonical_rows, class_offset, class_targets, hold_out, rounded, target_scaling
from ._grid import initial_network, input_scaling, refine
from ._layer import BASE_ACTIVATIONS, to_knots
from ._losses import classification_loss, regression_loss
from ._network import Network
from ._progress import CallbackSupportMixin, Progress
from ._pruning import attribution
from ._threads import single_blas_thread
from ._training import Rows, Trainer, carried_grids
from ._version import __version__

# Of the pickled state; a newer version reads all older ones.
_FORMAT = 1


class _BaseKAN(CallbackSupportMixin, BaseEstimator):
    """What both estimators share."""

    _doc_link_module = "sklearn_kan"
    _doc_link_template = "https://sklearn-kan.readthedocs.io/en/stable/generated/sklearn_kan.{estimator_name}.html"

    _parameter_constraints: dict = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "grid_size": ["array-like", Interval(Integral, 1, None, closed="left")],
        "degree": [Interval(Integral, 0, 10, closed="both")],
        "knots": [StrOptions({"auto", "uniform", "quantile"})],
        "extrapolation": [StrOptions({"linear", "constant", "error"})],
        "base_activation": [StrOptions(set(BASE_ACTIVATIONS))],
        "solver": [StrOptions({"auto", "lm", "lbfgs", "adam"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "smoothing": [Interval(Real, 0, None, closed="left")],
        "reg_lambda": [Interval(Real, 0, None, closed="left")],
        "l1_weight": [Interval(Real, 0, None, closed="left")],
        "entropy_weight": [Interval(Real, 0, None, closed="left")],
        "prune_threshold": [Interval(Real, 0, None, closed="left")],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(5,),
        *,
        grid_size=5,
        degree=3,
        knots="auto",
        extrapolation="linear",
        base_activation="silu",
        solver="auto",
        alpha=1e-3,
        smoothing=5e-4,
        reg_lambda=0.0,
        l1_weight=1.0,
        entropy_weight=1.0,
        prune_threshold=0.0,
        n_init="auto",
        max_iter=100,
        tol=1e-3,
        batch_size="auto",
        learning_rate_init=1e-2,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
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

    # --- fit --------------------------------------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight, *, refining=False):
        hidden, grid_sizes = self._check_sizes()
        warm = refining or (self.warm_start and hasattr(self, "network_"))
        X, y = self._validate_data(X, y, reset=not warm)
        weight = self._check_weight(sample_weight, X)
        rng = check_random_state(self.random_state)
        rows, scaling, inner = self._rows(X, self._number_targets(y, weight, warm=warm), weight, warm=warm)
        given, validation = rows, None
        if self.early_stopping:
            stratify = not isinstance(self, RegressorMixin)
            parts = hold_out(rows.X, rows.y, rows.weight, self.validation_fraction, rng, stratify=stratify)
            rows, validation = Rows(*parts[0]), Rows(*parts[1])
        if warm:
            start, grid_sizes = self._warm_network(hidden, grid_sizes, inner)
        if not refining:
            grid_sizes = carried_grids(grid_sizes, len(rows.X), self.network_.layers[0].grid_size if warm else 1)
        if not warm:
            start = self._network_maker(hidden, grid_sizes[0], rows, inner)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        n_stages = len(grid_sizes) + (self.n_init != 1) + (self.prune_threshold > 0)
        progress = Progress(self, n_stages, {"X": X, "y": y, "metadata": metadata}, scaling)
        trainer = Trainer(self, self._loss(), rows, validation, rng, progress)
        with single_blas_thread():
            trainer.run(grid_sizes, start)
            if refining or (warm and self.reg_lambda == 0.0 and self.prune_threshold == 0.0):
                trainer.keep_loss(start, given)
            trainer.measure()
        self._store(trainer, scaling)
        progress.end(trainer.network)
        return self

    def _rows(self, X, y, weight, *, warm):
        """Training rows, centre and scale of the columns, and those that are left to the network to apply.

        A small table is made canonical and put into units of the knots here; of a large one nothing is copied.
        """
        X, y, weight = canonical_rows(X, y, weight)
        if warm:
            scaling = self.network_.layers[0].center, self.network_.layers[0].scale
        else:
            scaling = input_scaling(X, weight, whole=self.extrapolation == "error")
        y = self._scale_targets(y, weight, warm=warm)
        if len(X) > CANONICAL_ROWS:
            return Rows(X, y, weight), scaling, scaling
        center, scale = scaling
        rows = Rows(rounded(to_knots(X, center, scale)), rounded(y), weight)
        return rows, scaling, (np.zeros_like(center), np.ones_like(scale))

    def _check_sizes(self):
        """Hidden layer sizes and grid sizes as lists."""
        hidden = np.atleast_1d(np.asarray(self.hidden_layer_sizes))
        if hidden.ndim != 1 or (hidden.size and (hidden.dtype.kind not in "iu" or hidden.min() < 1)):
            raise ValueError(
                f"hidden_layer_sizes must hold integers of at least 1, one a hidden layer, "
                f"got {self.hidden_layer_sizes!r}."
            )
        grids = np.atleast_1d(np.asarray(self.grid_size))
        if grids.ndim != 1 or not grids.size or grids.dtype.kind not in "iu" or grids.min() < 1:
            raise ValueError(
                f"grid_size must be an integer of at least 1 or a sequence of them, got {self.grid_size!r}."
            )
        if (np.diff(grids) <= 0).any():
            raise ValueError(f"grid_size must go from coarse to fine, got {self.grid_size!r}.")
        return hidden.astype(int).tolist(), grids.tolist()

    def _validate_data(self, X, y, *, reset):
        X, y = validate_data(
            self,
            X,
            y,
            reset=reset,
            dtype=[np.float64, np.float32],
            order="C",
            multi_output=isinstance(self, RegressorMixin),
            y_numeric=isinstance(self, RegressorMixin),
        )
        self._check_targets(y)
        return X, y

    def _check_weight(self, sample_weight, X):
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weight.sum() > 0.0:
            raise ValueError("sample_weight must have at least one positive value: all weights are zero.")
        return weight

    def _network_maker(self, hidden, grid_size, rows, scaling, *, mask_constant=True):
        """A function rng -> new network; constant columns stay out of it, and all do if the target is constant."""
        active = np.ones(rows.X.shape[1], dtype=bool)
        if mask_constant:
            active = (np.ptp(rows.X, axis=0) > 0.0) & (np.ptp(rows.y, axis=0) > 0.0).any()
        offset = self._raw_offset(rows.y, rows.weight)

        def make_network(rng):
            return initial_network(
                [rows.X.shape[1], *hidden, rows.y.shape[1]],
                rows.X,
                rows.weight,
                rng,
                grid_size=grid_size,
                degree=self.degree,
                knots=self.knots,
                base_activation=self.base_activation,
                extrapolation=self.extrapolation,
                active=active,
                offset=offset,
                scaling=scaling,
            )

        return make_network

    def _warm_network(self, hidden, grid_sizes, scaling):
        """The fitted network to go on with, and the grid stages that are left."""
        network = self.network_.scaled(*scaling)
        if len(hidden) != len(network.layers) - 1:
            raise ValueError(
                f"warm_start=True goes on with layers {network.shape}, but "
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} has another number of them. Set warm_start=False."
            )
        for name in ("degree", "base_activation"):
            fitted = getattr(network.layers[0], name)
            if getattr(self, name) != fitted:
                raise ValueError(
                    f"warm_start=True goes on with {name}={fitted!r}, but {name}={getattr(self, name)!r} was set. "
                    "Set warm_start=False."
                )
        left = [grid_size for grid_size in grid_sizes if grid_size >= network.layers[0].grid_size]
        if not left:
            raise ValueError(
                f"warm_start=True cannot coarsen the grid: grid_size={self.grid_size!r} is below the fitted "
                f"{network.layers[0].grid_size}."
            )
        return network, left

    def _store(self, trainer, scaling):
        """Fitted attributes of a trained network."""
        self._store_network(trainer.network.scaled(*scaling))
        self.solver_ = trainer.solver
        self.loss_curve_ = trainer.loss_curve
        self.n_iter_ = len(trainer.loss_curve)
        self.loss_ = trainer.value
        self.validation_scores_ = None if trainer.validation is None else trainer.validation_scores
        self.stage_scores_ = trainer.stage_scores
        self.feature_importances_ = attribution(trainer.network)
        self._adam_state = None

    def _store_network(self, network):
        self.network_ = network
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
        X, y = self._validate_data(X, y, reset=first)
        weight = self._check_weight(sample_weight, X)
        y = self._number_targets(y, weight, warm=not first)
        if first:
            self.loss_curve_, self._adam_state = [], None
        rng = self._pass_random_state()
        rows, scaling, inner = self._rows(X, y, weight, warm=not first)
        trainer = Trainer(self, self._loss(), rows, None, rng, None)
        trainer.loss_curve = list(self.loss_curve_)
        with single_blas_thread():
            if first:
                network = self._network_maker(hidden, grid_sizes[-1], rows, inner, mask_constant=False)(rng)
            else:
                network = self.network_.scaled(*inner)
            state = trainer.one_pass(network, self._adam_state)
            trainer.measure()
        self._store(trainer, scaling)
        self._adam_state = state
        return self

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
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32], order="C")
        if self.extrapolation == "error":
            self._check_inside(X)
        return X

    def _check_inside(self, X):
        layer = self.network_.layers[0]
        low, high = layer.bounds()
        t = to_knots(X, layer.center, layer.scale)
        outside = ((t < low) | (t > high)).any(axis=0) & layer.edge_mask.any(axis=1)
        if outside.any():
            raise ValueError(
                f"X has values outside the knots in columns {np.flatnonzero(outside).tolist()}, and "
                "extrapolation='error'. Set extrapolation='linear' or 'constant' to predict there."
            )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "network_")

    # --- state ------------------------------------------------------------------------------------------------------

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "network_" in state:
            state["network_"] = state["network_"].to_dict()
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
            warnings.warn(
                f"This {type(self).__name__} was pickled by sklearn_kan {version} and is read by {__version__}. "
                "Check its predictions or fit again.",
                UserWarning,
                stacklevel=2,
            )
        if "network_" in state:
            state["network_"] = Network.from_dict(state["network_"])
        parameters = inspect.signature(type(self)).parameters.values()  # newer ones than the pickle: their defaults
        super().__setstate__({**{parameter.name: parameter.default for parameter in parameters}, **state})

    @abstractmethod
    def _check_targets(self, y):
        """Raise a ValueError for targets that cannot be learnt."""

    @abstractmethod
    def _number_targets(self, y, weight, *, warm):
        """Targets as numbers, shape (n_samples, n_outputs); unless `warm`, what they are is learnt."""

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
    def _response_slopes(self, raw):
        """First and second derivative of the response by raw predictions, each of their shape."""


class KANRegressor(RegressorMixin, _BaseKAN):
    r"""Kolmogorov-Arnold network for regression.

    Every edge of the network carries a function of one variable, a spline plus a base activation b (Liu et al. 2024,
    arXiv:2404.19756, eq. 2.5 and 2.10):

    .. math::

        \phi(x) = w\, b(x) + \sum_g c_g B_g(x), \qquad x_{l+1,j} = \sum_i \phi_{l,i,j}(x_{l,i})

    All w and c are trained together; knots lie where the data is, so inputs and targets may be in any units.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(5,)
        Nodes of each hidden layer. ``()`` is an additive model.
    loss : {'squared_error', 'absolute_error', 'huber', 'poisson', 'quantile'}, default='squared_error'
        What is minimised; 'poisson' predicts the exponential of the network's output and needs non-negative targets.
    quantile : float or None, default=None
        The quantile that loss='quantile' predicts, between 0 and 1; required then.
    epsilon : float, default=1.35
        Residual at which loss='huber' turns from quadratic to linear, in units of the target's robust standard
        deviation (interquartile range over 1.349).
    grid_size : int or sequence of int, default=5
        Intervals of the splines' grids. A sequence such as ``(3, 5, 10, 20)`` trains from coarse to fine: each grid
        starts with the functions of the one before (paper section 2.4).
    degree : int, default=3
        Degree of the splines, 0 to 10; 3 is cubic. Degree 0 gives steps, whose slope of zero lets only the base
        activation train the layers before.
    knots : {'auto', 'uniform', 'quantile'}, default='auto'
        'uniform' spaces the knots equally, 'quantile' halfway between that and the quantiles of the data, 'auto' does
        the latter for skewed columns only.
    extrapolation : {'linear', 'constant', 'error'}, default='linear'
        What happens to inputs beyond the knots, which cover the training range and 3 % more a side: each function goes
        on as a straight line, stays constant, or `predict` raises a ValueError. Far outliers in X lie beyond the knots
        unless 'error' is chosen.
    base_activation : {'silu', 'identity', 'zero'}, default='silu'
        The function b next to the splines.
    solver : {'auto', 'lm', 'lbfgs', 'adam'}, default='auto'
        - 'lm': Levenberg-Marquardt, the most exact, for some hundreds of parameters;
        - 'lbfgs': L-BFGS on all rows;
        - 'adam': mini-batches;
        - 'auto': the first of these whose work fits the size of the problem.
    alpha : float, default=1e-3
        Strength of the ridge on coefs and base weights. Like `smoothing` it counts in units of the loss that is left.
    smoothing : float, default=5e-4
        Strength of the penalty on the integral of the squared second derivative of each spline (P-splines). Both
        penalties weigh an input or hidden node the more the less its functions vary, by up to 1000.
        Multiplied by the share of the loss that is left, F / F(constant model), so that noise-free data is fitted to
        many digits and noisy data smoothly with one value.
        At 0 a trace of a penalty stays, by which intervals without data go on with their neighbours' polynomial.
    reg_lambda : float, default=0.0
        Strength lambda of the sparsity penalty (paper eq. 2.14): lambda times the sum over layers of
        ``l1_weight * L1 + entropy_weight * entropy``.
    l1_weight : float, default=1.0
        Weight mu_1 of the L1 norm of the edges' functions (eq. 2.15).
    entropy_weight : float, default=1.0
        Weight mu_2 of the entropy of the edges' norms (eq. 2.16).
    prune_threshold : float, default=0.0
        Above 0, `fit` trains, removes edges whose mean absolute value over the training rows does not exceed the
        threshold and nodes that lost all edges on one side (eq. 2.18), and trains the smaller network on without the
        sparsity penalty. Values are those of a network whose hidden nodes fill [-1, 1] and whose targets have unit
        scale. If nothing is left the model is constant, with a warning.
    n_init : int or 'auto', default='auto'
        Random starts that compete on the coarsest grid: the best quarter after 5 iterations, the best half of these
        after 10, and the best one after 20 goes on. 'auto' takes 16 where they are cheap, down to 4 in larger
        networks, which stick in local minima less.
    max_iter : int, default=100
        Most iterations (for 'adam' epochs) of each grid stage.
    tol : float, default=1e-3
        A solver stops when the objective fell by less than this part of itself: over 4 iterations of 'lm', 10 of
        'lbfgs', `n_iter_no_change` epochs of 'adam', which then lowers its learning rate twice before it stops.
        Early stopping counts a validation score as better when it is by this part.
    batch_size : int or 'auto', default='auto'
        Rows of a mini-batch of 'adam'; 'auto' is 200, or all rows when there are fewer.
    learning_rate_init : float, default=0.01
        First step size of 'adam'.
    early_stopping : bool, default=False
        Hold out `validation_fraction` of the rows, stop a stage when their score has not improved for
        `n_iter_no_change` iterations, and keep the model with the best score.
    validation_fraction : float, default=0.1
        Part of the rows held out, between 0 and 1.
    n_iter_no_change : int, default=10
        Iterations without improvement that stop a stage.
    warm_start : bool, default=False
        Go on from the fitted network in the next `fit`, on its grid or a finer one, with its knots and target scale.
    random_state : int, RandomState instance or None, default=None
        Determines the first weights, the rows held out and the mini-batches. The same int gives the same bits.
    verbose : int, default=0
        1 shows a live line in a terminal (stage, iteration, loss, validation score, time) and a line a stage
        elsewhere, 2 a line an iteration.

    Attributes
    ----------
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X had names that are strings.
    n_outputs_ : int
        Outputs of the network.
    network_ : Network
        Layers with their knots and weights.
    layer_sizes_ : list of int
        Nodes of each layer of nodes, inputs and outputs included, after pruning.
    n_parameters_ : int
        Trainable parameters; pruned edges and constant columns have none.
    grid_size_ : int
        Intervals of the splines: the last of `grid_size`, or less where early stopping or few rows ended the schedule.
    stage_scores_ : list of float
        One a grid stage: the best validation score with early stopping, else minus the training loss at its end.
    n_iter_ : int
        Iterations (for 'adam' epochs) over all stages; those of the competing starts are not counted.
    loss_ : float
        The objective at the end: loss and penalties, in units of scaled targets.
    loss_curve_ : list of float
        The objective after each iteration. It falls within a stage but for the moves of hidden knots.
    validation_scores_ : list of float or None
        Minus the loss on the rows held out, after each iteration; None without early stopping.
    solver_ : str
        The solver used.
    feature_importances_ : ndarray of shape (n_features_in_,)
        Share of each column in the variation of the output, flowing back from the outputs along the edges in
        proportion to the standard deviation of their functions (arXiv:2408.10205). Sums to 1; exactly 0 for pruned and
        constant columns, and all 0 for a constant model.

    See Also
    --------
    KANClassifier : The same network for classes.

    Notes
    -----
    Fitted on small tables, the order of the rows and whether they are repeated or weighted changes no bit of the model:
    rows are sorted and equal ones merged. Inputs are converted to float64 chunk by chunk; predictions are float64.

    References
    ----------
    Liu, Z. et al. (2024). KAN: Kolmogorov-Arnold Networks. arXiv:2404.19756.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_kan import KANRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (300, 2))
    >>> y = np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)
    >>> model = KANRegressor((1,), grid_size=(5, 10), random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9999)
    True
    """

    _parameter_constraints: dict = {
        **_BaseKAN._parameter_constraints,
        "loss": [StrOptions({"squared_error", "absolute_error", "huber", "poisson", "quantile"})],
        "quantile": [Interval(Real, 0, 1, closed="neither"), None],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        hidden_layer_sizes=(5,),
        *,
        loss="squared_error",
        quantile=None,
        epsilon=1.35,
        grid_size=5,
        degree=3,
        knots="auto",
        extrapolation="linear",
        base_activation="silu",
        solver="auto",
        alpha=1e-3,
        smoothing=5e-4,
        reg_lambda=0.0,
        l1_weight=1.0,
        entropy_weight=1.0,
        prune_threshold=0.0,
        n_init="auto",
        max_iter=100,
        tol=1e-3,
        batch_size="auto",
        learning_rate_init=1e-2,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            hidden_layer_sizes,
            grid_size=grid_size,
            degree=degree,
            knots=knots,
            extrapolation=extrapolation,
            base_activation=base_activation,
            solver=solver,
            alpha=alpha,
            smoothing=smoothing,
            reg_lambda=reg_lambda,
            l1_weight=l1_weight,
            entropy_weight=entropy_weight,
            prune_threshold=prune_threshold,
            n_init=n_init,
            max_iter=max_iter,
            tol=tol,
            batch_size=batch_size,
            learning_rate_init=learning_rate_init,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.loss = loss
        self.quantile = quantile
        self.epsilon = epsilon

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the network to training data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, in any units.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, in any units.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative; rows of weight 0 influence nothing. None means equal weights.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the data or a parameter is unfit; the message names it.
        """
        return self._fit(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train on these rows by one pass of Adam, whatever `solver` is.

        The first call places the knots and the scale of the targets for all later ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        return self._partial_fit(X, y, sample_weight)

    def _check_targets(self, y):
        if self.loss == "quantile" and self.quantile is None:
            raise ValueError("quantile must be a number between 0 and 1 when loss='quantile', got None.")
        if self.loss == "poisson" and y.min() < 0.0:
            raise ValueError("loss='poisson' requires non-negative values of y.")

    def _number_targets(self, y, weight, *, warm):
        numbers = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        if not warm:
            self._target_ndim = y.ndim
            self.n_outputs_ = numbers.shape[1]
        if numbers.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {numbers.shape[1]} outputs, but the model was fitted with {self.n_outputs_}.")
        return numbers

    def _scale_targets(self, y, weight, *, warm):
        if not warm:
            if self.loss == "poisson" and (y.max(axis=0) <= 0.0).any():
                raise ValueError("loss='poisson' requires a y with at least one positive value.")
            self._target_center, self._target_scale = target_scaling(y, weight, self.loss, self.quantile)
            self._target_loss = self.loss
        elif self._target_loss != self.loss:
            raise ValueError(
                f"loss={self.loss!r} cannot go on from a model fitted with loss={self._target_loss!r}: their targets "
                "are scaled otherwise. Fit anew with warm_start=False."
            )
        return (y - self._target_center) / self._target_scale

    def _raw_offset(self, y, weight):
        return np.zeros(self.n_outputs_)

    def _loss(self):
        return regression_loss(self.loss, self.quantile, self.epsilon)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units and the shape of the y of `fit`; float64.

        Raises
        ------
        ValueError
            With extrapolation='error', if X has values beyond the knots.
        """
        y = self._loss().inverse_link(self._raw_predict(X)) * self._target_scale + self._target_center
        return self._shaped(y)

    def _shaped(self, response):
        return response[:, 0] if self._target_ndim == 1 else response

    def _response_slopes(self, raw):
        first, second = self._loss().inverse_link_slopes(raw)
        return first * self._target_scale, second * self._target_scale

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class KANClassifier(ClassifierMixin, _BaseKAN):
    r"""Kolmogorov-Arnold network for classification.

    Every edge of the network carries a function of one variable, a spline plus a base activation b (Liu et al. 2024,
    arXiv:2404.19756, eq. 2.5 and 2.10):

    .. math::

        \phi(x) = w\, b(x) + \sum_g c_g B_g(x), \qquad x_{l+1,j} = \sum_i \phi_{l,i,j}(x_{l,i})

    All w and c are trained together; knots lie where the data is, so inputs may be in any units. The loss is the
    log loss: one output, the log odds, for two classes, else one output a class and a softmax.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(5,)
        Nodes of each hidden layer. ``()`` is an additive model.
    grid_size : int or sequence of int, default=5
        Intervals of the splines' grids. A sequence such as ``(3, 5, 10, 20)`` trains from coarse to fine: each grid
        starts with the functions of the one before (paper section 2.4).
    degree : int, default=3
        Degree of the splines, 0 to 10; 3 is cubic. Degree 0 gives steps, whose slope of zero lets only the base
        activation train the layers before.
    knots : {'auto', 'uniform', 'quantile'}, default='auto'
        'uniform' spaces the knots equally, 'quantile' halfway between that and the quantiles of the data, 'auto' does
        the latter for skewed columns only.
    extrapolation : {'linear', 'constant', 'error'}, default='linear'
        What happens to inputs beyond the knots, which cover the training range and 3 % more a side: each function goes
        on as a straight line, stays constant, or `predict` raises a ValueError. Far outliers in X lie beyond the knots
        unless 'error' is chosen.
    base_activation : {'silu', 'identity', 'zero'}, default='silu'
        The function b next to the splines.
    solver : {'auto', 'lm', 'lbfgs', 'adam'}, default='auto'
        - 'lm': Levenberg-Marquardt, the most exact, for some hundreds of parameters;
        - 'lbfgs': L-BFGS on all rows;
        - 'adam': mini-batches;
        - 'auto': the first of these whose work fits the size of the problem.
    alpha : float, default=1e-3
        Strength of the ridge on coefs and base weights.
    smoothing : float, default=5e-4
        Strength of the penalty on the integral of the squared second derivative of each spline (P-splines). Both
        penalties weigh an input or hidden node the more the less its functions vary, by up to 1000.
        The noise of class labels has no free scale, so the strength stays as it is given.
    reg_lambda : float, default=0.0
        Strength lambda of the sparsity penalty (paper eq. 2.14): lambda times the sum over layers of
        ``l1_weight * L1 + entropy_weight * entropy``.
    l1_weight : float, default=1.0
        Weight mu_1 of the L1 norm of the edges' functions (eq. 2.15).
    entropy_weight : float, default=1.0
        Weight mu_2 of the entropy of the edges' norms (eq. 2.16).
    prune_threshold : float, default=0.0
        Above 0, `fit` trains, removes edges whose mean absolute value over the training rows does not exceed the
        threshold and nodes that lost all edges on one side (eq. 2.18), and trains the smaller network on without the
        sparsity penalty. Values are those of a network whose hidden nodes fill [-1, 1] and whose targets have unit
        scale. If nothing is left the model is constant, with a warning.
    n_init : int or 'auto', default='auto'
        Random starts that compete on the coarsest grid: the best quarter after 5 iterations, the best half of these
        after 10, and the best one after 20 goes on. 'auto' takes 16 where they are cheap, down to 4 in larger
        networks, which stick in local minima less.
    max_iter : int, default=100
        Most iterations (for 'adam' epochs) of each grid stage.
    tol : float, default=1e-3
        A solver stops when the objective fell by less than this part of itself: over 4 iterations of 'lm', 10 of
        'lbfgs', `n_iter_no_change` epochs of 'adam', which then lowers its learning rate twice before it stops.
        Early stopping counts a validation score as better when it is by this part.
    batch_size : int or 'auto', default='auto'
        Rows of a mini-batch of 'adam'; 'auto' is 200, or all rows when there are fewer.
    learning_rate_init : float, default=0.01
        First step size of 'adam'.
    early_stopping : bool, default=False
        Hold out `validation_fraction` of the rows, stop a stage when their score has not improved for
        `n_iter_no_change` iterations, and keep the model with the best score.
    validation_fraction : float, default=0.1
        Part of the rows held out, between 0 and 1.
    n_iter_no_change : int, default=10
        Iterations without improvement that stop a stage.
    warm_start : bool, default=False
        Go on from the fitted network in the next `fit`, on its grid or a finer one, with its knots and target scale.
    random_state : int, RandomState instance or None, default=None
        Determines the first weights, the rows held out and the mini-batches. The same int gives the same bits.
    verbose : int, default=0
        1 shows a live line in a terminal (stage, iteration, loss, validation score, time) and a line a stage
        elsewhere, 2 a line an iteration.

    Attributes
    ----------
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X had names that are strings.
    n_outputs_ : int
        Outputs of the network.
    network_ : Network
        Layers with their knots and weights.
    layer_sizes_ : list of int
        Nodes of each layer of nodes, inputs and outputs included, after pruning.
    n_parameters_ : int
        Trainable parameters; pruned edges and constant columns have none.
    grid_size_ : int
        Intervals of the splines: the last of `grid_size`, or less where early stopping or few rows ended the schedule.
    stage_scores_ : list of float
        One a grid stage: the best validation score with early stopping, else minus the training loss at its end.
    n_iter_ : int
        Iterations (for 'adam' epochs) over all stages; those of the competing starts are not counted.
    loss_ : float
        The objective at the end: loss and penalties, in units of scaled targets.
    loss_curve_ : list of float
        The objective after each iteration. It falls within a stage but for the moves of hidden knots.
    validation_scores_ : list of float or None
        Minus the loss on the rows held out, after each iteration; None without early stopping.
    solver_ : str
        The solver used.
    feature_importances_ : ndarray of shape (n_features_in_,)
        Share of each column in the variation of the output, flowing back from the outputs along the edges in
        proportion to the standard deviation of their functions (arXiv:2408.10205). Sums to 1; exactly 0 for pruned and
        constant columns, and all 0 for a constant model.
    classes_ : ndarray of shape (n_classes,)
        Class labels.

    See Also
    --------
    KANRegressor : The same network for numbers.

    References
    ----------
    Liu, Z. et al. (2024). KAN: Kolmogorov-Arnold Networks. arXiv:2404.19756.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_kan import KANClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = KANClassifier(random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the network to training data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, in any units.
        y : array-like of shape (n_samples,)
            Class labels, of any kind.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative; rows of weight 0 influence nothing. None means equal weights.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the data or a parameter is unfit; the message names it.
        """
        return self._fit(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train on these rows by one pass of Adam, whatever `solver` is.

        The first call places the knots for all later ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,), default=None
            All classes there will be; required in the first call.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        first = _check_partial_fit_first_call(self, classes)
        try:
            return self._partial_fit(X, y, sample_weight)
        except ValueError:
            if first:
                del self.classes_
            raise

    def _check_targets(self, y):
        check_classification_targets(y)

    def _number_targets(self, y, weight, *, warm):
        if not warm and (hasattr(self, "network_") or not hasattr(self, "classes_")):  # else partial_fit was told them
            self.classes_ = np.unique(y[weight > 0.0])
        if len(self.classes_) < 2:
            raise ValueError(f"y must hold at least 2 classes, got one class: {self.classes_.tolist()}.")
        unknown = np.setdiff1d(y[weight > 0.0], self.classes_)
        if len(unknown):
            raise ValueError(f"y has classes {unknown.tolist()} that are not in classes_={self.classes_.tolist()}.")
        self.n_outputs_ = 1 if len(self.classes_) == 2 else len(self.classes_)
        codes = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        return class_targets(codes, len(self.classes_))

    def _scale_targets(self, y, weight, *, warm):
        return y

    def _raw_offset(self, y, weight):
        return class_offset(y, weight)

    def _loss(self):
        return classification_loss(len(self.classes_))

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Outputs of the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        raw : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Log odds of ``classes_[1]`` for two classes, else log probabilities up to a constant a row.
        """
        return self._shaped(self._raw_predict(X))

    def _shaped(self, response):
        return response[:, 0] if self.n_outputs_ == 1 else response

    def _response_slopes(self, raw):
        return np.ones_like(raw), np.zeros_like(raw)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict class labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The most probable class.
        """
        raw = self.decision_function(X)
        return self.classes_[(raw > 0).astype(int) if raw.ndim == 1 else raw.argmax(axis=1)]

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        raw = self._raw_predict(X)
        return self._loss().inverse_link(raw)

    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        raw = self._raw_predict(X)
        return self._loss().log_inverse_link(raw)
