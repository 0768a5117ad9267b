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

from ._encoding import canonical_rows, class_offset, class_targets, hold_out, target_scaling
from ._grid import initial_network
from ._layer import BASE_ACTIVATIONS
from ._losses import classification_loss, regression_loss
from ._network import Network
from ._progress import CallbackSupportMixin, Progress
from ._pruning import attribution
from ._threads import single_blas_thread
from ._training import Rows, Trainer
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
        alpha=3e-4,
        smoothing=3e-3,
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

    # --- fit --------------------------------------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight):
        hidden, grid_sizes = self._check_sizes()
        warm = self.warm_start and hasattr(self, "network_")
        X, y = self._validate_data(X, y, reset=not warm)
        weight = self._check_weight(sample_weight, X)
        if not warm:
            self._learn_targets(y, weight)
        rng = check_random_state(self.random_state)
        loss = self._loss()
        rows, validation = self._rows(X, self._encode_targets(y), weight, rng)
        if warm:
            start, grid_sizes = self._warm_network(hidden, grid_sizes)
        else:
            start = self._network_maker(hidden, grid_sizes[0], rows)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        n_stages = len(grid_sizes) + (self.n_init > 1) + (self.prune_threshold > 0)
        progress = Progress(self, n_stages, {"X": X, "y": y, "metadata": metadata})
        trainer = Trainer(self, loss, rows, validation, rng, progress)
        with single_blas_thread():
            trainer.run(grid_sizes, start)
            trainer.measure()
        self._store(trainer)
        progress.end(self.network_)
        return self

    def _rows(self, X, y, weight, rng):
        """Training rows and, with early stopping, validation rows."""
        X, y, weight = canonical_rows(X, y, weight)
        if not self.early_stopping:
            return Rows(X, y, weight), None
        stratify = not isinstance(self, RegressorMixin)
        train, validation = hold_out(X, y, weight, self.validation_fraction, rng, stratify=stratify)
        return Rows(*train), Rows(*validation)

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
        return X, y

    def _check_weight(self, sample_weight, X):
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weight.sum() > 0.0:
            raise ValueError("sample_weight must have at least one positive value: all weights are zero.")
        return weight

    def _network_maker(self, hidden, grid_size, rows, *, mask_constant=True):
        """A function rng -> new network; constant columns stay out of it."""
        active = (rows.X != rows.X[:1]).any(axis=0) if mask_constant else np.ones(rows.X.shape[1], dtype=bool)
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

    # --- partial_fit ------------------------------------------------------------------------------------------------

    def _partial_fit(self, X, y, sample_weight):
        first = not hasattr(self, "network_")
        hidden, grid_sizes = self._check_sizes()
        X, y = self._validate_data(X, y, reset=first)
        weight = self._check_weight(sample_weight, X)
        if first:
            self._learn_targets(y, weight)
            self.loss_curve_, self._adam_state = [], None
        rng = self._pass_random_state()
        rows = Rows(*canonical_rows(X, self._encode_targets(y), weight))
        trainer = Trainer(self, self._loss(), rows, None, rng, None)
        trainer.loss_curve = list(self.loss_curve_)
        with single_blas_thread():
            if first:
                network = self._network_maker(hidden, grid_sizes[-1], rows, mask_constant=False)(rng)
            else:
                network = self.network_.copy()
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
        return {**state, "_sklearn_kan_version": __version__, "_sklearn_kan_format": _FORMAT}

    def __setstate__(self, state):
        state = dict(state)
        version = state.pop("_sklearn_kan_version", "an unknown version")
        if state.pop("_sklearn_kan_format", _FORMAT) > _FORMAT:
            raise ValueError(
                f"This {type(self).__name__} was pickled by sklearn_kan {version}, whose format {__version__} cannot read. "
                "Upgrade sklearn_kan or fit again."
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
        super().__setstate__(state)

    @abstractmethod
    def _learn_targets(self, y, weight):
        """Fitted attributes that tell how targets are encoded."""

    @abstractmethod
    def _encode_targets(self, y):
        """Targets as the network sees them, shape (n_samples, n_outputs)."""

    @abstractmethod
    def _raw_offset(self, y, weight):
        """Raw prediction of the constant model, shape (n_outputs,)."""

    @abstractmethod
    def _loss(self):
        """The loss on raw predictions."""


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
        alpha=3e-4,
        smoothing=3e-3,
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
    def fit(self, X, y, sample_weight=None):
        return self._fit(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        return self._partial_fit(X, y, sample_weight)

    def _learn_targets(self, y, weight):
        kept = weight > 0.0
        targets = np.asarray(y[kept], dtype=np.float64).reshape(kept.sum(), -1)
        self._check_targets(targets)
        if self.loss == "poisson" and (targets.max(axis=0) <= 0.0).any():
            raise ValueError("loss='poisson' requires a y with at least one positive value.")
        self._target_ndim = y.ndim
        self.n_outputs_ = targets.shape[1]
        self._target_center, self._target_scale = target_scaling(targets, weight[kept], self.loss, self.quantile)

    def _check_targets(self, y):
        if self.loss == "quantile" and self.quantile is None:
            raise ValueError("quantile must be a number between 0 and 1 when loss='quantile', got None.")
        if self.loss == "poisson" and y.min() < 0.0:
            raise ValueError("loss='poisson' requires non-negative values of y.")

    def _encode_targets(self, y):
        y = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        self._check_targets(y)
        if y.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {y.shape[1]} outputs, but the model was fitted with {self.n_outputs_}.")
        return (y - self._target_center) / self._target_scale

    def _raw_offset(self, y, weight):
        return np.zeros(self.n_outputs_)

    def _loss(self):
        return regression_loss(self.loss, self.quantile, self.epsilon)

    def predict(self, X):
        y = self._loss().inverse_link(self._raw_predict(X)) * self._target_scale + self._target_center
        return y[:, 0] if self._target_ndim == 1 else y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class KANClassifier(ClassifierMixin, _BaseKAN):
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        return self._fit(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        first = _check_partial_fit_first_call(self, classes)
        try:
            return self._partial_fit(X, y, sample_weight)
        except ValueError:
            if first:
                del self.classes_
            raise

    def _learn_targets(self, y, weight):
        if hasattr(self, "network_") or not hasattr(self, "classes_"):  # else partial_fit has just set them
            check_classification_targets(y)
            self.classes_ = np.unique(y[weight > 0.0])
        if len(self.classes_) < 2:
            raise ValueError(f"y must hold at least 2 classes, got one class: {self.classes_.tolist()}.")
        self.n_outputs_ = 1 if len(self.classes_) == 2 else len(self.classes_)

    def _encode_targets(self, y):
        check_classification_targets(y)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y has classes {unknown.tolist()} that are not in classes_={self.classes_.tolist()}.")
        return class_targets(np.searchsorted(self.classes_, y), len(self.classes_))

    def _raw_offset(self, y, weight):
        return class_offset(y, weight)

    def _loss(self):
        return classification_loss(len(self.classes_))

    def decision_function(self, X):
        raw = self._raw_predict(X)
        return raw[:, 0] if raw.shape[1] == 1 else raw

    def predict(self, X):
        raw = self.decision_function(X)
        return self.classes_[(raw > 0).astype(int) if raw.ndim == 1 else raw.argmax(axis=1)]

    def predict_proba(self, X):
        raw = self._raw_predict(X)
        return self._loss().inverse_link(raw)

    def predict_log_proba(self, X):
        raw = self._raw_predict(X)
        return self._loss().log_inverse_link(raw)
