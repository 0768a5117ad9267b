"""KANRegressor and KANClassifier: validation, encoding, orchestration."""

import warnings
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ._encoding import canonical_rows, class_targets, hold_out, target_scaling
from ._grid import initial_network
from ._layer import BASE_ACTIVATIONS
from ._losses import classification_loss, regression_loss
from ._network import Network
from ._progress import CallbackSupportMixin, Progress
from ._pruning import attribution
from ._threads import single_blas_thread
from ._training import Rows, Trainer

_FORMAT = 1
_VERSION = "0.1.0"


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
        "n_init": [Interval(Integral, 1, None, closed="left")],
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

    # --- fit --------------------------------------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight):
        hidden, grid_sizes = self._check_sizes()
        warm = self.warm_start and hasattr(self, "network_")
        X, y = self._validate_data(X, y, reset=not warm)
        weight = self._check_weight(sample_weight, X)
        y, offset, loss = self._encode_targets(y, weight, warm=warm)
        rng = check_random_state(self.random_state)
        rows = Rows(*canonical_rows(X, y, weight))
        validation = None
        if self.early_stopping:
            stratify = not isinstance(self, RegressorMixin)
            parts = hold_out(rows.X, rows.y, rows.weight, self.validation_fraction, rng, stratify=stratify)
            rows, validation = Rows(*parts[0]), Rows(*parts[1])
        if warm:
            start, grid_sizes = self._warm_network(hidden, grid_sizes)
        else:
            active = (rows.X != rows.X[:1]).any(axis=0)
            start = self._network_maker([X.shape[1], *hidden, y.shape[1]], grid_sizes[0], rows, active, offset)
        n_stages = len(grid_sizes) + (self.n_init > 1) + (self.prune_threshold > 0)
        data = {"X": X, "y": self._decode_targets(y), "metadata": {} if sample_weight is None else {"sample_weight": sample_weight}}
        progress = Progress(self, n_stages, data, self._reconstruction)
        trainer = Trainer(self, loss, rows, validation, rng, progress)
        with single_blas_thread():
            trainer.run(grid_sizes, start)
            trainer.measure()
        self._store(trainer)
        progress.end(self.network_)
        return self

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
            raise ValueError(f"grid_size must be an integer of at least 1 or a sequence of them, got {self.grid_size!r}.")
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
        return X, y

    def _check_weight(self, sample_weight, X):
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weight.sum() > 0.0:
            raise ValueError("sample_weight must have at least one positive value: all weights are zero.")
        return weight

    def _network_maker(self, shape, grid_size, rows, active, offset):
        def make_network(rng):
            return initial_network(
                shape,
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
            )

        return make_network

    def _warm_network(self, hidden, grid_sizes):
        """The fitted network to go on with, and the grid stages that are left."""
        network = self.network_.copy()
        if len(hidden) != len(network.layers) - 1:
            raise ValueError(
                f"warm_start=True goes on with layers {network.shape}, but hidden_layer_sizes={self.hidden_layer_sizes!r} "
                "has another number of them. Set warm_start=False."
            )
        left = [grid_size for grid_size in grid_sizes if grid_size >= network.layers[0].grid_size]
        if not left:
            raise ValueError(
                f"warm_start=True cannot coarsen the grid: grid_size={self.grid_size!r} is below the fitted "
                f"{network.layers[0].grid_size}."
            )
        return network, left

    def _store(self, trainer):
        """Fitted attributes of a trained network."""
        self.network_ = trainer.network
        self.layer_sizes_ = trainer.network.shape
        self.n_parameters_ = trainer.network.n_parameters
        self.solver_ = trainer.solver
        self.loss_curve_ = trainer.loss_curve
        self.n_iter_ = len(trainer.loss_curve)
        self.loss_ = trainer.objective_value()
        self.validation_scores_ = None if trainer.validation is None else trainer.validation_scores
        self.feature_importances_ = attribution(trainer.network)
        self._adam_state = None

    def _reconstruction(self, network):
        """Attributes that make a copy of self predict with the network as it is now."""
        return {"network_": network.copy()}

    # --- partial_fit ------------------------------------------------------------------------------------------------

    def _partial_fit(self, X, y, sample_weight):
        first = not hasattr(self, "network_")
        hidden, grid_sizes = self._check_sizes()
        X, y = self._validate_data(X, y, reset=first)
        weight = self._check_weight(sample_weight, X)
        y, offset, loss = self._encode_targets(y, weight, warm=not first)
        rows = Rows(*canonical_rows(X, y, weight))
        if first:
            self._adam_state = None
            self.loss_curve_ = []
            active = np.ones(X.shape[1], dtype=bool)
            shape = [X.shape[1], *hidden, y.shape[1]]
            network = self._network_maker(shape, grid_sizes[-1], rows, active, offset)(
                check_random_state(self.random_state)
            )
        else:
            network = self.network_.copy()
        trainer = Trainer(self, loss, rows, None, self._pass_random_state(), None)
        trainer.loss_curve = list(self.loss_curve_)
        with single_blas_thread():
            state = trainer.one_pass(network, self._adam_state)
            trainer.measure()
        self._store(trainer)
        self._adam_state = state
        return self

    def _pass_random_state(self):
        """Random state of one pass over the rows: another one in each call."""
        if isinstance(self.random_state, Integral):
            return np.random.RandomState([self.random_state, len(self.loss_curve_)])
        return check_random_state(self.random_state)

    # --- predict ----------------------------------------------------------------------------------------------------

    def _raw_predict(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32], order="C")
        if self.extrapolation == "error":
            self._check_inside(X)
        return self.network_.raw_predict(X)

    def _check_inside(self, X):
        layer = self.network_.layers[0]
        low, high = layer.bounds()
        t = layer.to_knots(X)
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
        return {**state, "_sklearn_kan_version": _VERSION, "_sklearn_kan_format": _FORMAT}

    def __setstate__(self, state):
        state = dict(state)
        version = state.pop("_sklearn_kan_version", "an unknown version")
        if state.pop("_sklearn_kan_format", _FORMAT) > _FORMAT:
            raise ValueError(
                f"This {type(self).__name__} was pickled by sklearn_kan {version}, whose format {_VERSION} cannot read. "
                "Upgrade sklearn_kan or fit again."
            )
        if version != _VERSION:
            warnings.warn(
                f"This {type(self).__name__} was pickled by sklearn_kan {version} and is read by {_VERSION}. "
                "Check its predictions or fit again.",
                UserWarning,
                stacklevel=2,
            )
        if "network_" in state:
            state["network_"] = Network.from_dict(state["network_"])
        super().__setstate__(state)

    @abstractmethod
    def _encode_targets(self, y, weight, *, warm):
        """Targets as the network sees them, raw prediction of the constant model, loss."""

    @abstractmethod
    def _decode_targets(self, y):
        """Targets of the network in the units of the user."""


class KANRegressor(RegressorMixin, _BaseKAN):
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
        alpha=1e-10,
        smoothing=1e-12,
        reg_lambda=0.0,
        l1_weight=1.0,
        entropy_weight=1.0,
        prune_threshold=0.0,
        n_init=4,
        max_iter=200,
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
        self.loss = loss
        self.quantile = quantile
        self.epsilon = epsilon
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

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        return self._fit(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        return self._partial_fit(X, y, sample_weight)

    def _encode_targets(self, y, weight, *, warm):
        y = np.asarray(y, dtype=np.float64)
        if self.loss == "quantile" and self.quantile is None:
            raise ValueError("quantile must be a number between 0 and 1 when loss='quantile', got None.")
        if self.loss == "poisson" and (y.min() < 0.0 or not (y.T * weight).sum(axis=-1).min() > 0.0):
            raise ValueError("loss='poisson' requires y to be non-negative with a positive sum.")
        ndim, y = y.ndim, y.reshape(len(y), -1)
        if not warm:
            kept = weight > 0.0
            self._target_ndim = ndim
            self.n_outputs_ = y.shape[1]
            self._target_center, self._target_scale = target_scaling(y[kept], weight[kept], self.loss, self.quantile)
        elif y.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {y.shape[1]} outputs, but the model was fitted with {self.n_outputs_}.")
        loss = regression_loss(self.loss, self.quantile, self.epsilon)
        return (y - self._target_center) / self._target_scale, np.zeros(self.n_outputs_), loss

    def _decode_targets(self, y):
        y = y * self._target_scale + self._target_center
        return y[:, 0] if self._target_ndim == 1 else y

    def predict(self, X):
        raw = self._raw_predict(X)
        return self._decode_targets(regression_loss(self.loss, self.quantile, self.epsilon).inverse_link(raw))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class KANClassifier(ClassifierMixin, _BaseKAN):
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
        alpha=1e-10,
        smoothing=1e-12,
        reg_lambda=0.0,
        l1_weight=1.0,
        entropy_weight=1.0,
        prune_threshold=0.0,
        n_init=4,
        max_iter=200,
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

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        return self._fit(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        if _check_partial_fit_first_call(self, classes) and hasattr(self, "network_"):
            del self.network_
        return self._partial_fit(X, y, sample_weight)

    def _encode_targets(self, y, weight, *, warm):
        check_classification_targets(y)
        known = warm or not hasattr(self, "network_") and hasattr(self, "classes_")
        if not warm:
            self.classes_ = np.unique(y[weight > 0.0])
            self.n_outputs_ = 1
            if len(self.classes_) < 2:
                raise ValueError(
                    f"y must hold at least 2 classes to fit a classifier, got one class: {self.classes_[0]!r}."
                )
        unknown = np.setdiff1d(y[weight > 0.0], self.classes_)
        if len(unknown):
            raise ValueError(f"y has classes {unknown.tolist()} that are not in classes_={self.classes_.tolist()}.")
        codes = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        y, offset = class_targets(codes, weight, len(self.classes_))
        return y, offset, classification_loss(len(self.classes_))

    def _decode_targets(self, y):
        return self.classes_[y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0].astype(int)]

    def decision_function(self, X):
        raw = self._raw_predict(X)
        return raw[:, 0] if raw.shape[1] == 1 else raw

    def predict(self, X):
        raw = self.decision_function(X)
        return self.classes_[(raw > 0).astype(int) if raw.ndim == 1 else raw.argmax(axis=1)]

    def predict_proba(self, X):
        return classification_loss(len(self.classes_)).inverse_link(self._raw_predict(X))

    def predict_log_proba(self, X):
        return np.log(self.predict_proba(X))
