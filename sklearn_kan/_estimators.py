"""KANRegressor and KANClassifier: their targets, losses and predictions."""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from numbers import Real
from typing import Literal, Self, overload

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets

from ._base import BaseKAN, kept_on_failure
from ._encoding import class_offset, class_targets, count_dispersion, target_scaling, weighed_by_class
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
    hidden_layer_sizes : 'auto', int or sequence of int, default='auto'
        Nodes of each hidden layer. ``()`` is an additive model. 'auto' trains four networks of 8 nodes (three above 15
        columns, two above 20) from different starts and lays them side by side as one of 32 whose output is their mean,
        which errs less than they do. It is one of 8 where `reg_lambda` or `prune_threshold` asks for a network to read
        and where the data turns out to be exact, and one of 16 above 100,000 rows, in `partial_fit`, and above 30
        columns with several outputs (more than two classes). In noisy tables an additive model, with a node more for
        each output, has half of the whole where cross-validation finds it about as good as the networks, and is all
        where these find next to nothing.
    loss : {'squared_error', 'absolute_error', 'huber', 'poisson', 'quantile'}, default='squared_error'
        What is minimised; 'poisson' predicts the exponential of the network's output and needs non-negative targets.
    quantile : float or None, default=None
        The quantile that loss='quantile' predicts, between 0 and 1; required then.
    epsilon : float, default=1.35
        Residual at which loss='huber' turns from quadratic to linear, in units of the target's robust standard
        deviation (interquartile range over 1.349).
    categorical_features : 'from_dtype', None or array-like of bool, int or str, default='from_dtype'
        Columns that hold categories: 'from_dtype' stands for the columns of a pandas or polars frame whose dtype is
        one of categories, texts or objects; else a mask, numbers or names of columns. Any number of categories is
        fine. Each edge of such a column has a value a category, drawn to their mean the more the rarer it is.
        A category that was not in the training rows contributes the mean. Columns of decimals count as numbers.
    grid_size : int, sequence of int or 'auto', default='auto'
        Intervals of the splines' grids; 'auto' takes one for every 100 training rows, or 3.5 rows a column where that
        is more, from 5 to 10, and twice as many where the targets clearly vary faster than that along some column (in
        tables of up to 20,000 rows). A sequence such as ``(3, 5, 10, 20)`` trains from coarse to fine: each grid starts
        with the functions of the one before (paper section 2.4).
    degree : int, default=3
        Degree of the splines, 0 to 10; 3 is cubic. Degree 0 gives steps, whose slope of zero lets only the base
        activation train the layers before.
    knots : {'auto', 'uniform', 'quantile'}, default='auto'
        'uniform' spaces the knots equally, 'quantile' halfway between that and the quantiles of the data, 'auto' does
        the latter for skewed columns only.
    extrapolation : {'linear', 'constant', 'error'}, default='linear'
        What happens to inputs beyond the knots, which cover the training range, from 20,000 rows on that of a sample,
        and 2 % more a side: each function goes on as a straight line, stays constant, or `predict` raises a ValueError.
        Far outliers in X lie beyond the knots unless 'error' is chosen, which counts all rows; the lines of their
        columns end half a knot range beyond the knots.
    base_activation : {'silu', 'identity', 'zero'}, default='silu'
        The function b next to the splines.
    solver : {'auto', 'lm', 'lbfgs', 'adam'}, default='auto'
        - 'lm': Levenberg-Marquardt, the most exact, for some hundreds of parameters;
        - 'lbfgs': L-BFGS on all rows;
        - 'adam': mini-batches;
        - 'auto': on each grid the first of these whose work fits the size of the problem. Without a sparsity penalty,
          and where 'lm' is not cheap, 'lbfgs' tries first, and 'lm' takes over in regression where less than 1 % of
          the constant model's loss is left.
    alpha : float or 'auto', default='auto'
        Strength of the ridge on coefs and base weights, for all nodes and in units of the loss of scaled targets.
        'auto' as for `smoothing`; 0 leaves a trace.
    smoothing : float or 'auto', default='auto'
        Strength of the penalty on the integral of the squared second derivative of each spline (P-splines), counted
        likewise. 'auto' finds a strength for every input node from the data while it trains, by the marginal
        likelihood (generalised Fellner-Schall, Wood & Fasiolo 2017): noise-free data is fitted to many digits, noisy
        data smoothly, and columns that explain nothing fade. `fit` then returns the network with the most evidence.
        For 'lbfgs' and 'adam' functions into different nodes count as independent, in wide networks also those of
        distant columns, and the values of many categories, of large tables a part of the rows counts, and networks that
        are too large even for that (many columns, many classes and few rows) keep strengths that are even.
        Of more than 15 columns with fewer than 100 rows each a new network begins with those that show an effect,
        alone, given the others or in products of two (sure independence screening, Fan & Lv 2008), and is trained anew
        where its residuals show one of the rest. So it is with columns of names, categories with fewer than 5 rows
        each on average, in any table: they have to show an effect in an analysis of variance. 'auto' for `alpha` or
        `smoothing` means that too.
        Noise with heavy tails, or that grows with the mean, may be learnt and not show in the residuals. Where
        hidden_layer_sizes='auto', 'lbfgs' trains, no rows are held out for early stopping, there are 50 or more and
        few are repeated, and the first network uses a degree of freedom for seven targets or fewer, another one is
        trained on four fifths of the rows. If the noise of the rest is more than 1.5 times what it expects, and
        networks that count on noise of 4 or 16 times the variance meet these rows better by a standard error, all
        begins anew with that (SafeBayes, Grünwald & van Ommen 2017).
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
        scale. Then edges go that others can make up for: whose removal, by the curvature of the objective (Hassibi &
        Stork 1993), raises the training loss by no more than this part of it. If nothing is left, or what is left
        explains no more than it would of noise, the model is constant, with a warning.
    n_init : int or 'auto', default='auto'
        Random starts that compete on the coarsest grid: the best quarter after 5 iterations, the best half of these
        after 10, and the best one after 20 goes on. 'auto' takes up to 16 for 'lm' where they are cheap, down to 2 in
        larger networks, which stick in local minima less, 4 for 'lbfgs', and for 'adam' 2 or, with more than 100,000
        targets, one. Where several networks are trained, see `hidden_layer_sizes`, as many starts go on, of `n_init`
        for each, 'auto' standing for 2. Those of 'lbfgs' differ in their first smoothness and run 20 iterations before
        the best by their evidence go on.
    max_iter : int, default=100
        Most iterations (for 'adam' epochs) of each grid stage. A ConvergenceWarning tells that they ended the last
        one; where strengths follow, see `smoothing`, if the log evidence a target still rose by 100 `tol` or more over
        the iterations that `tol` names, as less hardly shows in predictions.
    tol : float, default=1e-3
        A solver stops when the objective fell by less than this part of itself: over 4 iterations of 'lm', 10 of
        'lbfgs', `n_iter_no_change` epochs of 'adam', which then lowers its learning rate twice before it stops. A
        stage ends when the log evidence a target, see `smoothing`, did not rise by this over 15 iterations of 'lm' or
        30 of 'lbfgs'. Where 'lm' begins close to the data a rise means that the error falls in proportion: it has to
        be 0.05 at least, and while finer grids follow 0.1 in 6 iterations.
        Early stopping counts a validation score as better when it is by this part.
    batch_size : int or 'auto', default='auto'
        Rows of a mini-batch of 'adam'; 'auto' is 200, or all rows when there are fewer.
    learning_rate_init : float, default=0.01
        Step size of 'adam'; it falls to zero over the last fifth of `max_iter`, and before where the loss stalls. An
        epoch in which the loss diverges is undone, and the next one takes a tenth of it.
    early_stopping : 'auto' or bool, default='auto'
        Hold out `validation_fraction` of the rows, stop a stage when their score has not improved for
        `n_iter_no_change` iterations, and keep the model with the best score. 'auto' does so above 10,000 rows.
    validation_fraction : float, default=0.1
        Part of the rows held out, between 0 and 1.
    n_iter_no_change : int, default=10
        Iterations without improvement that stop a stage.
    warm_start : bool, default=False
        Go on from the fitted network in the next `fit`, on its grid or a finer one, with its knots and target scale.
    store_covariance : bool, default=False
        Pickle the covariance of the weights, up to 32 MB, too: without it a loaded model knows no `return_std`.
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
    categories_ : list
        Of each column the sorted list of its categories in the training rows, or None for a column of numbers.
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
        One a grid stage: the best validation score with early stopping, else minus the training loss at its end; of
        a sample of the rows if there are more than 50,000.
    n_iter_ : int
        Iterations (for 'adam' epochs) over all stages; those of the competing starts are not counted.
    loss_ : float
        The objective at the end: loss and penalties, in units of scaled targets.
    loss_curve_ : list of float
        The objective after each iteration. It falls within a stage but for the moves of hidden knots.
    validation_scores_ : list of float or None
        Minus the loss on the rows held out, after each iteration; None without early stopping.
    alpha_, smoothing_ : list of ndarray of shape (n_in,)
        Strengths at the end of the training, an array for each layer; where several networks were trained those of the
        columns are their means. Infinite for columns that showed no effect. `prune` leaves them as they are.
    edof_ : float
        Effective degrees of freedom: tr(H^-1 J' C J) with the Gauss-Newton matrix J' C J of the loss and H, which adds
        the curvature of ridge and smoothness. In large networks of the parameters that count, see `predict` of the
        regressor; NaN where there are none. The mean over the networks where several were trained. As of the last fit:
        `prune` and symbolic edges leave it as it is.
    solver_ : str
        The solver used.
    feature_importances_ : ndarray of shape (n_features_in_,)
        Share of each column in the variation of the predictions, for counts of their logarithms: the standard deviation
        of what they change by where its functions are held at their means over training rows. Sums to 1; exactly 0 for
        pruned and constant columns and those left out as noise, and all 0 for a constant model. `prune` without rows
        keeps the proportions.

    See Also
    --------
    KANClassifier : The same network for classes.

    Notes
    -----
    Missing values (None, NaN, pandas.NA) are input like any other: each edge of a column that had some in training has
    a value for them. In other columns a missing value contributes the mean of the edge's function. Infinity is an
    error.

    Where a fifth of the rows or more share one of over 20 values of a column of numbers, as in amounts that are mostly
    0, it and all values that at least 20 rows share, and more than even ones around them, are the column's atoms: each
    edge has a value for them, apart from its spline, and derivatives by the column are 0 there. So are codes in any
    case, as -999 for "unknown": values that a fiftieth of the rows and five at least share, farther from the middle
    90 % of all others than five times its width, and than ten times the shortest interval that holds half of the rows.
    They place no knots, except with extrapolation='error', which lets them in.

    A number may be a name, that of a person or place with some rows each: with hidden_layer_sizes='auto' and strengths
    from the data, a column with more than 20 values, 1,000 at most, that has three rows of each on average. If the
    residuals of the first network jump from one value to the next, by an analysis of variance at level 0.01, by four
    standard deviations more than after exchanges with neighbouring values, and for a hundredth of their variance, all
    begins anew with the values that rows share as atoms of the column where they jump most.

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
        "store_covariance": ["boolean"],
    }
    _fixed_dispersion = 0.0  # of counts, in units of the network

    def __init__(
        self,
        hidden_layer_sizes: str | int | Sequence[int] = "auto",
        *,
        loss: str = "squared_error",
        quantile: float | None = None,
        epsilon: float = 1.35,
        categorical_features: str | ArrayLike | None = "from_dtype",
        grid_size: str | int | Sequence[int] = "auto",
        degree: int = 3,
        knots: str = "auto",
        extrapolation: str = "linear",
        base_activation: str = "silu",
        solver: str = "auto",
        alpha: str | float = "auto",
        smoothing: str | float = "auto",
        reg_lambda: float = 0.0,
        l1_weight: float = 1.0,
        entropy_weight: float = 1.0,
        prune_threshold: float = 0.0,
        n_init: str | int = "auto",
        max_iter: int = 100,
        tol: float = 1e-3,
        batch_size: str | int = "auto",
        learning_rate_init: float = 1e-2,
        early_stopping: str | bool = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        store_covariance: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int | bool = 0,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            categorical_features=categorical_features,
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
        self.store_covariance = store_covariance

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the network to training data.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Training rows, in any units; with categories and missing values.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, in any units.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative; rows of weight 0 influence nothing. None means equal weights. Whole
            numbers count as so many equal rows, others in units of their mean; a common factor changes nothing.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the data or a parameter is unfit; the message names it.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.random.default_rng(0).uniform(-1, 1, (300, 2))
        >>> KANRegressor(random_state=0).fit(X, np.exp(X[:, 0]) * X[:, 1]).solver_
        'lm'
        """
        with kept_on_failure(self):
            return self._fit(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train on these rows by one pass of Adam, whatever `solver` is.

        The first call places the knots and the scale of the targets for all later ones; a warning tells of rows that
        they do not suit, of categories that are new, and of a pass that diverged, which is undone. Columns that ten
        rows or more of it show constant, or missing, come in with the first rows in which they vary.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the data or a parameter is unfit, or not that of the first call; the message names it.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> X = np.random.default_rng(0).uniform(-1, 1, (2000, 2))
        >>> model = KANRegressor((4,), random_state=0)
        >>> for rows in np.array_split(X, 10) * 20:
        ...     model = model.partial_fit(rows, np.sin(3 * rows[:, 0]))
        >>> bool(model.score(X, np.sin(3 * X[:, 0])) > 0.99)
        True
        """
        with kept_on_failure(self):
            return self._partial_fit(X, y, sample_weight)

    def _check_targets(self, y):
        if issparse(y):  # scikit-learn lets it pass
            raise ValueError("y must be dense, got a sparse array. Call y.toarray().")
        if self.loss == "quantile" and self.quantile is None:
            raise ValueError("quantile must be a number between 0 and 1 when loss='quantile', got None.")

    def _number_targets(self, y, weight, *, warm):
        numbers = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        if not warm:
            self._target_ndim = y.ndim
            self.n_outputs_ = numbers.shape[1]
        if numbers.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {numbers.shape[1]} outputs, but the model was fitted with {self.n_outputs_}.")
        if self.loss == "poisson" and (low := numbers[weight > 0.0].min()) < 0.0:
            raise ValueError(
                f"loss='poisson' requires non-negative values of y, got {low:g}. Mend y or choose another loss."
            )
        return numbers, weight

    def _scale_targets(self, y, weight, *, warm):
        if not warm:
            if self.loss == "poisson" and (y.max(axis=0) <= 0.0).any():
                raise ValueError("loss='poisson' requires a y with at least one positive value.")
            self._target_center, self._target_scale = target_scaling(y, weight, self.loss, self.quantile)
            if not np.isfinite([self._target_center, self._target_scale]).all():
                raise ValueError("y has values too large for their mean and spread: give it in larger units.")
            self._target_loss = self.loss
            self._fixed_dispersion = count_dispersion(y, weight) if self.loss == "poisson" else 0.0
        elif self._target_loss != self.loss:
            raise ValueError(
                f"loss={self.loss!r} cannot go on from a model fitted with loss={self._target_loss!r}: their targets "
                "are scaled otherwise. Fit anew with warm_start=False."
            )
        return (y - self._target_center) / self._target_scale

    def _raw_offset(self, y, weight):
        return np.zeros(self.n_outputs_)

    def _loss(self):
        return regression_loss(self._target_loss, self.quantile, self.epsilon, self._fixed_dispersion)

    @overload
    def predict(self, X: ArrayLike, return_std: Literal[False] = False) -> np.ndarray: ...

    @overload
    def predict(self, X: ArrayLike, return_std: Literal[True]) -> tuple[np.ndarray, np.ndarray]: ...

    def predict(self, X: ArrayLike, return_std: bool = False) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        r"""Predict targets, and how far new observations will lie from them.

        The variance of a new observation is that of the noise and that of the prediction, from the posterior of the
        weights around the optimum (Laplace approximation with the Gauss-Newton matrix):

        .. math::

            \mathrm{Var}(y \mid x) = \varphi + \frac{\varphi}{n} J(x) (J' J / n + P)^{-1} J(x)', \qquad
            \varphi = \frac{\mathrm{RSS}}{n - 1.4\, \mathrm{edf}}

        J are derivatives by the weights, P is the curvature of ridge and smoothness, edf is `edof_`, and 1.4 allows for
        a network's choice of its functions (Kim & Gu 2004). Where 100 rows or more were held out, phi is what they
        show. The variance grows far from the training rows; the noise counts the same everywhere.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        return_std : bool, default=False
            Also return standard deviations; loss='squared_error' only. In a network too large for one matrix of all
            parameters (1,400 of them, or about 1,000 with many rows) functions into different nodes count as
            independent, in wide ones also those of distant columns, in yet larger ones those before the last layer as
            known; if that has more than 2,000 parameters there are no deviations. Time for a row grows with the square
            of those that count together.
            Where several networks were trained the variance is the mean of theirs plus that of the mean by their
            scatter, and phi is the noise around their mean.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units and the shape of the y of `fit`; float64.
        y_std : ndarray of the shape of y
            Standard deviation of a new observation of average weight, noise included; only if `return_std`.

        Raises
        ------
        ValueError
            With extrapolation='error', if X has values beyond the knots. With `return_std`, if the loss is another one,
            or the model has too many parameters or came from a pickle without its covariance, from `partial_fit` or
            from a change of its network.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.uniform(-1, 1, (400, 1))
        >>> y = np.sin(3 * X[:, 0]) + rng.normal(0, 0.2, 400)
        >>> model = KANRegressor((), random_state=0).fit(X, y)
        >>> mean, std = model.predict([[0.0], [4.0]], return_std=True)
        >>> print(std.round(1)[0], bool(std[1] > 2 * std[0]))
        0.2 True
        """
        X = self._check_rows(X)
        mean = self._shaped(self._response(self.network_.raw_predict(X)))
        if not return_std:
            return mean
        return mean, self._shaped(np.sqrt(self._raw_variance(X)) * self._target_scale)

    def _raw_variance(self, X):
        """Variance of new observations in units of scaled targets."""
        if self._target_loss != "squared_error":
            raise ValueError(
                f"return_std=True needs loss='squared_error', but loss={self._target_loss!r} was fitted. "
                "Fit loss='quantile' for intervals."
            )
        if self._posterior is None:
            raise ValueError(
                "return_std=True needs the covariance of the weights, which this model does not hold: it came from a "
                "pickle, as from a worker of n_jobs, or from partial_fit, its network was changed, or it has too many "
                "parameters. Call fit with store_covariance=True, or with fewer nodes."
            )
        return self._posterior.noise + self._posterior.variance(self.network_, X)

    def __copy__(self):
        return self._copy(type(self).__new__(type(self)), lambda part: part)

    def __deepcopy__(self, memo):
        copied = memo[id(self)] = type(self).__new__(type(self))
        return self._copy(copied, partial(deepcopy, memo=memo))

    def _copy(self, copied, copy_of):
        """The copy with a state of copied parts, and with the covariance, which a pickle may leave out."""
        copied.__setstate__(copy_of(super().__getstate__()))
        if hasattr(self, "_posterior"):
            copied._posterior = copy_of(self._posterior)
        return copied

    def __getstate__(self):
        state = super().__getstate__()
        if self.store_covariance and getattr(self, "_posterior", None) is not None:
            state["_posterior"] = self._posterior.to_dict()
        return state

    def _shaped(self, response):
        return response[:, 0] if self._target_ndim == 1 else response

    def _response(self, raw):
        response = self._loss().inverse_link(raw)
        if self._target_loss == "poisson":  # large far beyond the training rows
            response = np.minimum(response, np.finfo(np.float64).max / np.maximum(self._target_scale, 1.0))
        return response * self._target_scale + self._target_center

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
    hidden_layer_sizes : 'auto', int or sequence of int, default='auto'
        Nodes of each hidden layer. ``()`` is an additive model. 'auto' trains four networks of 8 nodes (three above 15
        columns, two above 20) from different starts and lays them side by side as one of 32 whose output is their mean,
        which errs less than they do. It is one of 8 where `reg_lambda` or `prune_threshold` asks for a network to read
        and where the data turns out to be exact, and one of 16 above 100,000 rows, in `partial_fit`, and above 30
        columns with several outputs (more than two classes). In noisy tables an additive model, with a node more for
        each output, has half of the whole where cross-validation finds it about as good as the networks, and is all
        where these find next to nothing.
    categorical_features : 'from_dtype', None or array-like of bool, int or str, default='from_dtype'
        Columns that hold categories: 'from_dtype' stands for the columns of a pandas or polars frame whose dtype is
        one of categories, texts or objects; else a mask, numbers or names of columns. Any number of categories is
        fine. Each edge of such a column has a value a category, drawn to their mean the more the rarer it is.
        A category that was not in the training rows contributes the mean. Columns of decimals count as numbers.
    class_weight : {'balanced'}, dict or None, default=None
        Weights of the classes, which multiply `sample_weight`: a number for each label in a dict, 1 for those it leaves
        out. 'balanced' gives all classes the same total weight. None means weights of 1. With weights the predicted
        probabilities are those of a world where the classes are as frequent as their total weights say.
    grid_size : int, sequence of int or 'auto', default='auto'
        Intervals of the splines' grids; 'auto' takes one for every 100 training rows, or 3.5 rows a column where that
        is more, from 5 to 10, and twice as many where the targets clearly vary faster than that along some column (in
        tables of up to 20,000 rows). A sequence such as ``(3, 5, 10, 20)`` trains from coarse to fine: each grid starts
        with the functions of the one before (paper section 2.4).
    degree : int, default=3
        Degree of the splines, 0 to 10; 3 is cubic. Degree 0 gives steps, whose slope of zero lets only the base
        activation train the layers before.
    knots : {'auto', 'uniform', 'quantile'}, default='auto'
        'uniform' spaces the knots equally, 'quantile' halfway between that and the quantiles of the data, 'auto' does
        the latter for skewed columns only.
    extrapolation : {'linear', 'constant', 'error'}, default='linear'
        What happens to inputs beyond the knots, which cover the training range, from 20,000 rows on that of a sample,
        and 2 % more a side: each function goes on as a straight line, stays constant, or `predict` raises a ValueError.
        Far outliers in X lie beyond the knots unless 'error' is chosen, which counts all rows; the lines of their
        columns end half a knot range beyond the knots.
    base_activation : {'silu', 'identity', 'zero'}, default='silu'
        The function b next to the splines.
    solver : {'auto', 'lm', 'lbfgs', 'adam'}, default='auto'
        - 'lm': Levenberg-Marquardt, the most exact, for some hundreds of parameters;
        - 'lbfgs': L-BFGS on all rows;
        - 'adam': mini-batches;
        - 'auto': on each grid the first of these whose work fits the size of the problem. Without a sparsity penalty,
          and where 'lm' is not cheap, 'lbfgs' tries first, and 'lm' takes over in regression where less than 1 % of
          the constant model's loss is left.
    alpha : float or 'auto', default='auto'
        Strength of the ridge on coefs and base weights, for all nodes and in units of the loss of scaled targets.
        'auto' as for `smoothing`; 0 leaves a trace.
    smoothing : float or 'auto', default='auto'
        Strength of the penalty on the integral of the squared second derivative of each spline (P-splines), counted
        likewise. 'auto' finds a strength for every input node from the data while it trains, by the marginal
        likelihood (generalised Fellner-Schall, Wood & Fasiolo 2017): noise-free data is fitted to many digits, noisy
        data smoothly, and columns that explain nothing fade. `fit` then returns the network with the most evidence.
        For 'lbfgs' and 'adam' functions into different nodes count as independent, in wide networks also those of
        distant columns, and the values of many categories, of large tables a part of the rows counts, and networks that
        are too large even for that (many columns, many classes and few rows) keep strengths that are even.
        Of more than 15 columns with fewer than 100 rows each a new network begins with those that show an effect,
        alone, given the others or in products of two (sure independence screening, Fan & Lv 2008), and is trained anew
        where its residuals show one of the rest. So it is with columns of names, categories with fewer than 5 rows
        each on average, in any table: they have to show an effect in an analysis of variance. 'auto' for `alpha` or
        `smoothing` means that too.
        The likelihood of labels has noise of its own, and there may be less. Where hidden_layer_sizes='auto', 'lbfgs'
        trains, no rows are held out for early stopping, there are 500 or more and few are repeated, and the first
        network's loss is less than a tenth of the constant model's, another one is trained on four fifths of the rows,
        or of 2,500. It goes on with strengths that count on 1/4, 1/16 and 1/64 of the noise while the rest of these
        rows is met better by two standard errors, and `fit` goes on with what it ends with.
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
        scale. Then edges go that others can make up for: whose removal, by the curvature of the objective (Hassibi &
        Stork 1993), raises the training loss by no more than this part of it. If nothing is left the model is constant,
        with a warning.
    n_init : int or 'auto', default='auto'
        Random starts that compete on the coarsest grid: the best quarter after 5 iterations, the best half of these
        after 10, and the best one after 20 goes on. 'auto' takes up to 16 for 'lm' where they are cheap, down to 2 in
        larger networks, which stick in local minima less, 4 for 'lbfgs', and for 'adam' 2 or, with more than 100,000
        targets, one. Where several networks are trained, see `hidden_layer_sizes`, as many starts go on, of `n_init`
        for each, 'auto' standing for 2. Those of 'lbfgs' differ in their first smoothness and run 20 iterations before
        the best by their evidence go on.
    max_iter : int, default=100
        Most iterations (for 'adam' epochs) of each grid stage. A ConvergenceWarning tells that they ended the last
        one; where strengths follow, see `smoothing`, if the log evidence a target still rose by 100 `tol` or more over
        the iterations that `tol` names, as less hardly shows in predictions.
    tol : float, default=1e-3
        A solver stops when the objective fell by less than this part of itself: over 4 iterations of 'lm', 10 of
        'lbfgs', `n_iter_no_change` epochs of 'adam', which then lowers its learning rate twice before it stops. A
        stage ends when the log evidence a target, see `smoothing`, did not rise by this over 15 iterations of 'lm' or
        30 of 'lbfgs'. Where 'lm' begins close to the data a rise means that the error falls in proportion: it has to
        be 0.05 at least, and while finer grids follow 0.1 in 6 iterations.
        Early stopping counts a validation score as better when it is by this part.
    batch_size : int or 'auto', default='auto'
        Rows of a mini-batch of 'adam'; 'auto' is 200, or all rows when there are fewer.
    learning_rate_init : float, default=0.01
        Step size of 'adam'; it falls to zero over the last fifth of `max_iter`, and before where the loss stalls. An
        epoch in which the loss diverges is undone, and the next one takes a tenth of it.
    early_stopping : 'auto' or bool, default='auto'
        Hold out `validation_fraction` of the rows, stop a stage when their score has not improved for
        `n_iter_no_change` iterations, and keep the model with the best score. 'auto' does so above 10,000 rows.
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
    categories_ : list
        Of each column the sorted list of its categories in the training rows, or None for a column of numbers.
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
        One a grid stage: the best validation score with early stopping, else minus the training loss at its end; of
        a sample of the rows if there are more than 50,000.
    n_iter_ : int
        Iterations (for 'adam' epochs) over all stages; those of the competing starts are not counted.
    loss_ : float
        The objective at the end: loss and penalties, in units of scaled targets.
    loss_curve_ : list of float
        The objective after each iteration. It falls within a stage but for the moves of hidden knots.
    validation_scores_ : list of float or None
        Minus the loss on the rows held out, after each iteration; None without early stopping.
    alpha_, smoothing_ : list of ndarray of shape (n_in,)
        Strengths at the end of the training, an array for each layer; where several networks were trained those of the
        columns are their means. Infinite for columns that showed no effect. `prune` leaves them as they are.
    edof_ : float
        Effective degrees of freedom: tr(H^-1 J' C J) with the Gauss-Newton matrix J' C J of the loss and H, which adds
        the curvature of ridge and smoothness. In large networks of the parameters that count, see `predict` of the
        regressor; NaN where there are none. The mean over the networks where several were trained. As of the last fit:
        `prune` and symbolic edges leave it as it is.
    solver_ : str
        The solver used.
    feature_importances_ : ndarray of shape (n_features_in_,)
        Share of each column in the variation of the log odds: the standard deviation of what they change by where its
        functions are held at their means over training rows. Sums to 1; exactly 0 for pruned and constant columns and
        those left out as noise, and all 0 for a constant model. `prune` without rows keeps the proportions.
    classes_ : ndarray of shape (n_classes,)
        Class labels.

    See Also
    --------
    KANRegressor : The same network for numbers.

    Notes
    -----
    Missing values (None, NaN, pandas.NA) are input like any other: each edge of a column that had some in training has
    a value for them. In other columns a missing value contributes the mean of the edge's function. Infinity is an
    error.

    Where a fifth of the rows or more share one of over 20 values of a column of numbers, as in amounts that are mostly
    0, it and all values that at least 20 rows share, and more than even ones around them, are the column's atoms: each
    edge has a value for them, apart from its spline, and derivatives by the column are 0 there. So are codes in any
    case, as -999 for "unknown": values that a fiftieth of the rows and five at least share, farther from the middle
    90 % of all others than five times its width, and than ten times the shortest interval that holds half of the rows.
    They place no knots, except with extrapolation='error', which lets them in.

    A number may be a name, that of a person or place with some rows each: with hidden_layer_sizes='auto' and strengths
    from the data, a column with more than 20 values, 1,000 at most, that has three rows of each on average. If the
    residuals of the first network jump from one value to the next, by an analysis of variance at level 0.01, by four
    standard deviations more than after exchanges with neighbouring values, and for a hundredth of their variance, all
    begins anew with the values that rows share as atoms of the column where they jump most.

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

    _parameter_constraints: dict = {
        **BaseKAN._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        hidden_layer_sizes: str | int | Sequence[int] = "auto",
        *,
        categorical_features: str | ArrayLike | None = "from_dtype",
        class_weight: str | dict | None = None,
        grid_size: str | int | Sequence[int] = "auto",
        degree: int = 3,
        knots: str = "auto",
        extrapolation: str = "linear",
        base_activation: str = "silu",
        solver: str = "auto",
        alpha: str | float = "auto",
        smoothing: str | float = "auto",
        reg_lambda: float = 0.0,
        l1_weight: float = 1.0,
        entropy_weight: float = 1.0,
        prune_threshold: float = 0.0,
        n_init: str | int = "auto",
        max_iter: int = 100,
        tol: float = 1e-3,
        batch_size: str | int = "auto",
        learning_rate_init: float = 1e-2,
        early_stopping: str | bool = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int | bool = 0,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            categorical_features=categorical_features,
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
        self.class_weight = class_weight

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the network to training data.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Training rows, in any units; with categories and missing values.
        y : array-like of shape (n_samples,)
            Class labels, of any kind.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative; rows of weight 0 influence nothing. None means equal weights. Whole
            numbers count as so many equal rows, and a common factor changes nothing. `class_weight` multiplies them.
            What weights all rows of a class have in common, and weights that are no multiples of one, are importance:
            rows tell no more of the class for it.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If the data or a parameter is unfit; the message names it.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_kan import KANClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> KANClassifier(random_state=0).fit(X, y).classes_
        array([0, 1, 2])
        """
        with kept_on_failure(self):
            return self._fit(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train on these rows by one pass of Adam, whatever `solver` is.

        The first call places the knots for all later ones; a warning tells of rows that they do not suit, of categories
        that are new, and of a pass that diverged, which is undone. Columns that ten rows or more of it show constant,
        or missing, come in with the first rows in which they vary.

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

        Raises
        ------
        ValueError
            If the data or a parameter is unfit, or not that of the first call; the message names it. With
            class_weight='balanced': a part of the rows does not tell how frequent the classes are.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_kan import KANClassifier
        >>> X = np.random.default_rng(0).uniform(-1, 1, (2000, 2))
        >>> model = KANClassifier((4,), random_state=0)
        >>> for rows in np.array_split(X, 10) * 20:
        ...     model = model.partial_fit(rows, rows[:, 0] > rows[:, 1] ** 2, classes=[False, True])
        >>> bool(model.score(X, X[:, 0] > X[:, 1] ** 2) > 0.95)
        True
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all rows at once, which partial_fit does not have. Give class_weight as "
                "a dict."
            )
        with kept_on_failure(self):
            _check_partial_fit_first_call(self, classes)
            return self._partial_fit(X, y, sample_weight)

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
        if self.class_weight is not None:
            weight = weighed_by_class(self.class_weight, self.classes_, codes, weight)
        return class_targets(codes, len(self.classes_)), weight

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

        Raises
        ------
        ValueError
            With extrapolation='error', if X has values beyond the knots.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_kan import KANClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = KANClassifier(random_state=0).fit(X, y)
        >>> model.decision_function(X[:2]).shape
        (2, 3)
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

        Raises
        ------
        ValueError
            With extrapolation='error', if X has values beyond the knots.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_kan import KANClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = KANClassifier(random_state=0).fit(X, y)
        >>> model.predict(X[[0, -1]])
        array([0, 2])
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

        Raises
        ------
        ValueError
            With extrapolation='error', if X has values beyond the knots.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_kan import KANClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = KANClassifier(random_state=0).fit(X, y)
        >>> print(model.predict_proba(X[:1]).round(2))
        [[1. 0. 0.]]
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

        Raises
        ------
        ValueError
            With extrapolation='error', if X has values beyond the knots.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_kan import KANClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = KANClassifier(random_state=0).fit(X, y)
        >>> bool(model.predict_log_proba(X[:1]).min() < -3.0)
        True
        """
        raw = self._raw_predict(X)
        return self._loss().log_inverse_link(raw)
