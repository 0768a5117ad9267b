"""Losses on raw predictions: value, gradient and curvature of l(y, raw), and the inverse link.

Every loss is a stateless description of one formula. `raw` and `y` have shape (n_samples, n_outputs). The curvature
comes as a factor A of shape (n_samples, n_outputs, n_rows) with C = A A', where C is the Hessian by raw where the loss
is smooth (the generalised Gauss-Newton matrix is J' C J) and that of a quadratic majoriser where it has kinks.

`dispersion` is the mean square of the gradient over the mean curvature, the variance of the noise in units of a squared
error; weights sum to 1.
`known_dispersion` says that the loss is a log-likelihood whose noise has no free scale, as with class labels.
`fixed_dispersion` is the scale of a log-likelihood, 1 in its own units; 0 where the residuals tell it.
`inverse_link_slopes`, of the losses of a regressor, are the first and second derivative of the inverse link.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax

# Residuals, in units of the target's scale, below which the majoriser of a kinked loss is no longer sharpened.
_KINK = 1e-3
# Part of the rows that the quadratic middle of Huber's loss holds at least.
_LEAST_INSIDE = 1e-2


def _mean(x, weight):
    """Weighted mean over samples and outputs."""
    return float(weight @ x.mean(axis=1))


def _median_residual(y, raw, weight):
    """Weighted median of a sample's mean absolute residual."""
    residual = np.abs(raw - y).mean(axis=1)
    order = np.argsort(residual, kind="stable")
    below = np.cumsum(weight[order])
    return float(residual[order[np.searchsorted(below, 0.5 * below[-1])]])


def _diagonal(curvature):
    """Factor of a diagonal curvature."""
    j = np.arange(curvature.shape[1])
    factor = np.zeros((*curvature.shape, len(j)))
    factor[:, j, j] = np.sqrt(curvature)
    return factor


class _Loss:
    """A loss has its value and its gradient, each of shape (n_samples, n_outputs), or both at once."""

    def value_and_gradient(self, y, raw):
        return self.value(y, raw), self.gradient(y, raw)


class _IdentityLink(_Loss):
    """Predictions are raw predictions."""

    known_dispersion, fixed_dispersion = False, 0.0

    def inverse_link(self, raw):
        return raw

    def inverse_link_slopes(self, raw):
        return np.ones_like(raw), np.zeros_like(raw)


@dataclass(frozen=True)
class SquaredError(_IdentityLink):
    """l = (raw - y)^2 / 2."""

    def value(self, y, raw):
        with np.errstate(over="ignore"):  # a step too far is refused
            return 0.5 * (raw - y) ** 2

    def gradient(self, y, raw):
        return raw - y

    def curvature_factor(self, y, raw):
        return _diagonal(np.ones_like(raw))

    def dispersion(self, y, raw, weight):
        return _mean((raw - y) ** 2, weight)


@dataclass(frozen=True)
class Quantile(_IdentityLink):
    """Pinball loss l = q max(y - raw, 0) + (1 - q) max(raw - y, 0); q = 1/2 is half the absolute error.

    Majoriser at r0: (r^2 / |r0| + |r0|) / 4 + (1/2 - q) r with r = raw - y (Hunter & Lange 2000).
    """

    quantile: float

    def value(self, y, raw):
        return np.maximum(self.quantile * (y - raw), (1.0 - self.quantile) * (raw - y))

    def gradient(self, y, raw):
        return 0.5 * np.sign(raw - y) + (0.5 - self.quantile)

    def curvature_factor(self, y, raw):
        return _diagonal(0.5 / np.maximum(np.abs(raw - y), _KINK))

    def dispersion(self, y, raw, weight):
        """By the median curvature: its mean is that of the rows that are met exactly."""
        return 2.0 * self.quantile * (1.0 - self.quantile) * _median_residual(y, raw, weight)


@dataclass(frozen=True)
class Huber(_IdentityLink):
    """l = r^2 / 2 up to abs(r) = epsilon, then epsilon (abs(r) - epsilon / 2); r = raw - y."""

    epsilon: float

    def value(self, y, raw):
        r = np.abs(raw - y)
        inside = np.minimum(r, self.epsilon)
        return inside * (r - 0.5 * inside)

    def gradient(self, y, raw):
        return np.clip(raw - y, -self.epsilon, self.epsilon)

    def curvature_factor(self, y, raw):
        r = np.abs(raw - y)
        return _diagonal(np.where(r <= self.epsilon, 1.0, self.epsilon / np.maximum(r, self.epsilon)))

    def dispersion(self, y, raw, weight):
        r = np.abs(raw - y)
        curvature = max(_mean((r <= self.epsilon).astype(np.float64), weight), _LEAST_INSIDE)
        return _mean(np.minimum(r, self.epsilon) ** 2, weight) / curvature


@dataclass(frozen=True)
class Poisson(_Loss):
    """Half the Poisson deviance with log link: l = exp(raw) - y raw - (y - y log y).

    That of small counts is fixed, in the units of y.
    """

    fixed_dispersion: float = 0.0
    known_dispersion = False

    def value(self, y, raw):
        with np.errstate(over="ignore"):
            return np.exp(raw) - y * raw - y + np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0)), 0.0)

    def gradient(self, y, raw):
        with np.errstate(over="ignore"):
            return np.exp(raw) - y

    def curvature_factor(self, y, raw):
        with np.errstate(over="ignore"):
            return _diagonal(np.exp(raw))

    def dispersion(self, y, raw, weight):
        mean = self.inverse_link(raw)
        return _mean((y - mean) ** 2, weight) / max(_mean(mean, weight), np.finfo(np.float64).tiny)

    def inverse_link(self, raw):
        return np.exp(np.clip(raw, -700.0, 700.0))

    def inverse_link_slopes(self, raw):
        slope = np.where(np.abs(raw) <= 700.0, self.inverse_link(raw), 0.0)
        return slope, slope


class _LogLoss:
    """Value and gradient of probabilities have their exponentials in common."""

    known_dispersion, fixed_dispersion = True, 1.0

    def value(self, y, raw):
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y, raw):
        return self.value_and_gradient(y, raw)[1]


@dataclass(frozen=True)
class BinaryLogLoss(_LogLoss):
    """l = log(1 + exp(raw)) - y raw, y in {0, 1}."""

    def value_and_gradient(self, y, raw):
        small = np.exp(-np.abs(raw))
        with np.errstate(invalid="ignore"):  # a step too far is refused
            value = np.maximum(raw, 0.0) + np.log1p(small) - y * raw
        return value, np.where(raw > 0.0, 1.0, small) / (1.0 + small) - y

    def curvature_factor(self, y, raw):
        return _diagonal(expit(raw) * expit(-raw))

    def inverse_link(self, raw):
        return np.hstack([expit(-raw), expit(raw)])

    def log_inverse_link(self, raw):
        return np.hstack([log_expit(-raw), log_expit(raw)])


def _of_classes(function, raw):
    """softmax or its logarithm; a class is a row meanwhile, as sums over a few columns are slow."""
    return function(np.ascontiguousarray(raw.T), axis=0).T


@dataclass(frozen=True)
class MultinomialLogLoss(_LogLoss):
    """l = -sum_c y_c log softmax(raw)_c, y one-hot; C = diag(p) - p p', A_kc = sqrt(p_c) (delta_kc - p_k)."""

    def value_and_gradient(self, y, raw):
        with np.errstate(over="ignore", invalid="ignore"):  # a step too far is refused
            below = np.ascontiguousarray(raw.T) - raw.max(axis=1)
            shares = np.exp(below)
            total = shares.sum(axis=0)
            return np.where(y > 0, y * (np.log(total) - below).T, 0.0), (shares / total).T - y

    def curvature_factor(self, y, raw):
        p = _of_classes(softmax, raw)
        return np.sqrt(p)[:, None, :] * (np.eye(p.shape[1]) - p[:, :, None])

    def inverse_link(self, raw):
        return _of_classes(softmax, raw)

    def log_inverse_link(self, raw):
        return _of_classes(log_softmax, raw)


def regression_loss(name, quantile=None, epsilon=1.35, fixed_dispersion=0.0):
    """Loss of a regressor by its public name."""
    if name == "quantile":
        return Quantile(0.5 if quantile is None else quantile)
    if name == "huber":
        return Huber(epsilon)
    if name == "absolute_error":
        return Quantile(0.5)
    return SquaredError() if name == "squared_error" else Poisson(fixed_dispersion)


def classification_loss(n_classes):
    """Log loss: one raw column for two classes, else one a class."""
    return BinaryLogLoss() if n_classes == 2 else MultinomialLogLoss()
