"""KANRegressor and KANClassifier: their targets, losses and predictions."""

from numbers import Real
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets

from ._base import BaseKAN
from ._encoding import class_offset, class_targets, target_scaling
from ._losses import classification_loss, regression_loss


class KANRegressor(RegressorMixin, BaseKAN):
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
        Above 0, `fit` trains, removes edges whose standard deviation over the training rows does not exceed the
        threshold and nodes that lost all edges on one side (eq. 2.18), and trains the smaller network on without the
        sparsity penalty. Values are those of a network whose hidden nodes fill [-1, 1] and whose targets have unit
        scale. If nothing is left, or what is left explains no more than it would of noise, the model is constant, with
        a warning.
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
        **BaseKAN._parameter_constraints,
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
        return self._shaped(self._response(self._raw_predict(X)))

    def _shaped(self, response):
        return response[:, 0] if self._target_ndim == 1 else response

    def _response(self, raw):
        return self._loss().inverse_link(raw) * self._target_scale + self._target_center

    def _response_units(self):
        if self._target_loss == "poisson":
            return np.ones(self.n_outputs_), np.log(self._target_scale)
        return self._target_scale, self._target_center

    def _of_raw(self, expression):
        import sympy

        return sympy.exp(expression) if self._target_loss == "poisson" else expression

    def _response_score(self, response, y):
        return r2_score(y, self._shaped(response))

    def _response_slopes(self, raw):
        first, second = self._loss().inverse_link_slopes(raw)
        return first * self._target_scale, second * self._target_scale

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class KANClassifier(ClassifierMixin, BaseKAN):
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
        Above 0, `fit` trains, removes edges whose standard deviation over the training rows does not exceed the
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

    def _response(self, raw):
        return raw

    def _response_units(self):
        return np.ones(self.n_outputs_), np.zeros(self.n_outputs_)

    def _of_raw(self, expression):
        return expression

    def _response_score(self, response, y):
        return accuracy_score(y, self._classes_of(self._shaped(response)))

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
        return self._classes_of(self.decision_function(X))

    def _classes_of(self, raw):
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
