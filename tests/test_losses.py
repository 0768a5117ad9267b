"""Losses against scikit-learn's metrics, differences and the inequalities that they promise."""

import warnings

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import log_loss, mean_pinball_loss, mean_poisson_deviance, mean_squared_error

from sklearn_kan._losses import (
    BinaryLogLoss,
    Huber,
    MultinomialLogLoss,
    Poisson,
    Quantile,
    SquaredError,
    classification_loss,
    regression_loss,
)

SMOOTH = [SquaredError(), Poisson(), BinaryLogLoss(), MultinomialLogLoss()]
KINKED = [Quantile(0.5), Quantile(0.1), Quantile(0.95), Huber(1.35), Huber(0.1)]


def identify(loss):
    return repr(loss)


def make(loss, n_samples=40, seed=0):
    """Targets that fit the loss and raw predictions at least 1e-3 away from its kinks."""
    rng = np.random.RandomState(seed)
    n_outputs = {BinaryLogLoss: 1, MultinomialLogLoss: 4}.get(type(loss), 2)
    raw = rng.normal(scale=2.0, size=(n_samples, n_outputs))
    if isinstance(loss, BinaryLogLoss):
        return rng.randint(2, size=raw.shape).astype(float), raw
    if isinstance(loss, MultinomialLogLoss):
        return np.eye(n_outputs)[rng.randint(n_outputs, size=n_samples)], raw
    if isinstance(loss, Poisson):
        return rng.poisson(1.5, size=raw.shape).astype(float), raw
    y = rng.normal(scale=2.0, size=raw.shape)
    for kink in (0.0, getattr(loss, "epsilon", 0.0)):
        near = np.abs(np.abs(raw - y) - kink) < 2e-3
        raw[near] += 0.01
    return y, raw


@pytest.mark.parametrize("loss", SMOOTH + KINKED, ids=identify)
def test_gradient(loss):
    """By every column of raw, and no column of another row counts."""
    y, raw = make(loss)
    step = 1e-5
    difference = np.empty_like(raw)
    for c in range(raw.shape[1]):
        move = np.zeros_like(raw)
        move[:, c] = step
        difference[:, c] = (loss.value(y, raw + move) - loss.value(y, raw - move)).sum(axis=1) / (2 * step)
    assert_allclose(loss.gradient(y, raw), difference, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("loss", SMOOTH + KINKED, ids=identify)
def test_shapes(loss):
    y, raw = make(loss)
    assert loss.value(y, raw).shape == raw.shape
    assert loss.gradient(y, raw).shape == raw.shape
    assert loss.curvature_factor(y, raw).shape[:2] == raw.shape
    assert loss.inverse_link(raw).shape == (len(raw), 2 if isinstance(loss, BinaryLogLoss) else raw.shape[1])


@pytest.mark.parametrize("loss", SMOOTH, ids=identify)
def test_curvature_is_the_hessian(loss):
    y, raw = make(loss)
    factor = loss.curvature_factor(y, raw)
    step = 1e-5
    hessian = np.empty((*raw.shape, raw.shape[1]))
    for c in range(raw.shape[1]):
        move = np.zeros_like(raw)
        move[:, c] = step
        hessian[:, :, c] = (loss.gradient(y, raw + move) - loss.gradient(y, raw - move)) / (2 * step)
    assert_allclose(factor @ factor.transpose(0, 2, 1), hessian, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("loss", KINKED, ids=identify)
def test_curvature_majorises(loss):
    """l(r0) + l'(r0) (r - r0) + C (r - r0)^2 / 2 lies above l(r) everywhere and touches it at r0."""
    residuals = np.concatenate([np.linspace(-8.0, 8.0, 401), np.geomspace(1e-3, 1.0, 20), -np.geomspace(1e-3, 1.0, 20)])
    y = np.zeros((len(residuals), 1))
    for start in (-5.0, -1.35, -0.02, 2e-3, 0.1, 1.0, 7.0):
        raw = np.full_like(y, start)
        factor = loss.curvature_factor(y, raw)
        curvature = (factor @ factor.transpose(0, 2, 1))[:, :, 0]
        step = residuals[:, None] - start
        above = loss.value(y, raw) + loss.gradient(y, raw) * step + 0.5 * curvature * step**2
        assert (above >= loss.value(y, residuals[:, None]) - 1e-12).all()
        # a curvature far above what is needed would stall a solver: somewhere else they nearly touch again
        away = np.abs(step) > 1e-3 * abs(start)
        touching = (above - loss.value(y, residuals[:, None]))[away & (np.abs(residuals[:, None]) > 0)]
        assert touching.min() < 0.02 * abs(start)


@pytest.mark.parametrize("loss", [Quantile(0.5), Quantile(0.2)], ids=identify)
def test_curvature_at_the_kink_is_finite(loss):
    factor = loss.curvature_factor(np.zeros((3, 1)), np.array([[0.0], [1e-300], [-1e-12]]))
    assert np.isfinite(factor).all()
    assert factor.max() < 100.0


def test_known_values():
    rng = np.random.RandomState(0)
    y, raw = make(SquaredError())
    assert_allclose(SquaredError().value(y, raw).mean(), mean_squared_error(y, raw) / 2)
    for quantile in (0.1, 0.5, 0.9):
        assert_allclose(Quantile(quantile).value(y, raw).mean(), mean_pinball_loss(y, raw, alpha=quantile))
    assert_allclose(Huber(1.2).value(y, raw), scipy.special.huber(1.2, raw - y))

    y, raw = make(Poisson())
    assert (y == 0).any()
    assert_allclose(Poisson().value(y, raw).mean(), mean_poisson_deviance(y.ravel(), np.exp(raw).ravel()) / 2)

    y, raw = make(BinaryLogLoss())
    proba = BinaryLogLoss().inverse_link(raw)
    assert_allclose(BinaryLogLoss().value(y, raw).mean(), log_loss(y[:, 0], proba))
    assert_allclose(proba[:, 1], 1.0 / (1.0 + np.exp(-raw[:, 0])))

    y, raw = make(MultinomialLogLoss())
    proba = MultinomialLogLoss().inverse_link(raw)
    assert_allclose(MultinomialLogLoss().value(y, raw).sum(axis=1).mean(), log_loss(y.argmax(axis=1), proba))
    assert_allclose(proba, np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True))
    shift = rng.normal(size=(len(raw), 1))
    assert_allclose(MultinomialLogLoss().inverse_link(raw + shift), proba)


@pytest.mark.parametrize("loss", SMOOTH + KINKED, ids=identify)
def test_minimum(loss):
    """The loss is least, and its gradient zero, where the prediction is the target."""
    if isinstance(loss, Quantile):
        y = np.array([[-1.0], [0.5]])
        assert_allclose(loss.value(y, y), 0.0)
        assert (loss.gradient(y, y - 1e-9) < 0).all()
        assert (loss.gradient(y, y + 1e-9) > 0).all()
    elif isinstance(loss, Poisson):
        y = np.array([[0.5], [3.0]])
        assert_allclose(loss.value(y, np.log(y)), 0.0, atol=1e-15)
        assert_allclose(loss.gradient(y, np.log(y)), 0.0, atol=1e-15)
    elif isinstance(loss, BinaryLogLoss):
        assert_allclose(loss.value(np.ones((1, 1)), np.full((1, 1), 50.0)), 0.0, atol=1e-20)
    elif isinstance(loss, MultinomialLogLoss):
        y = np.eye(3)
        assert_allclose(loss.value(y, 80.0 * y), 0.0, atol=1e-20)
    else:
        y = np.array([[-1.0], [0.5]])
        assert_allclose(loss.value(y, y), 0.0)
        assert_allclose(loss.gradient(y, y), 0.0)


def test_inverse_links_at_the_far_ends():
    """Probabilities are in [0, 1], sum to one and have finite logarithms; counts stay finite."""
    for loss, raw in (
        (BinaryLogLoss(), np.array([[-1000.0], [1000.0], [0.0]])),
        (MultinomialLogLoss(), np.array([[-1000.0, 1000.0, 0.0], [1000.0, 1000.0, -1000.0], [0.0, 0.0, 0.0]])),
    ):
        proba, log_proba = loss.inverse_link(raw), loss.log_inverse_link(raw)
        assert np.isfinite(log_proba).all()
        assert log_proba.max() <= 0.0
        assert log_proba.min() <= -1000.0
        assert_allclose(proba.sum(axis=1), 1.0)
        assert proba.min() >= 0.0
        assert_allclose(np.exp(log_proba), proba)
    raw = np.array([[-1e4], [-1000.0], [1000.0], [1e300]])
    assert np.isfinite(Poisson().inverse_link(raw)).all()
    assert_allclose(Poisson().inverse_link(np.array([[-3.0], [5.0]])), np.exp([[-3.0], [5.0]]))
    assert_allclose(Huber(1.0).inverse_link(raw), raw)


@pytest.mark.parametrize("loss", SMOOTH + KINKED, ids=identify)
@given(size=st.floats(0.0, 1e4))
@settings(deadline=None, derandomize=True, max_examples=25, database=None)
def test_never_nan(loss, size):
    """Far predictions have a large or infinite loss, never an undefined one, and raise no warning."""
    y, raw = make(loss, n_samples=6)
    raw = size * np.sign(raw)
    for part in (loss.value(y, raw), loss.gradient(y, raw), loss.curvature_factor(y, raw)):
        assert not np.isnan(part).any()
    assert loss.value(y, raw).min() >= -1e-9


def test_names():
    assert regression_loss("squared_error") == SquaredError()
    assert regression_loss("absolute_error") == Quantile(0.5)
    assert regression_loss("quantile", quantile=0.3) == Quantile(0.3)
    assert regression_loss("huber", epsilon=2.0) == Huber(2.0)
    assert regression_loss("poisson") == Poisson()
    assert classification_loss(2) == BinaryLogLoss()
    assert classification_loss(3) == MultinomialLogLoss()
    assert BinaryLogLoss().known_dispersion
    assert MultinomialLogLoss().known_dispersion
    assert not SquaredError().known_dispersion


@pytest.mark.parametrize("loss", [SquaredError(), Poisson(), Huber(1.35), Quantile(0.5)], ids=identify)
def test_too_large_values_are_infinite_without_a_warning(loss):
    """The solvers refuse a step to them; the user hears nothing of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loss.value(np.array([[1.0]]), np.array([[1e200]]))[0, 0] > 1e150


@pytest.mark.parametrize("epsilon", [0.02, 0.5, 50.0])
def test_dispersion_of_huber(epsilon):
    """A mean of many samples, estimated by this loss, has the variance dispersion / (rows times mean curvature)."""
    rng = np.random.RandomState(0)
    n_rows, loss = 400, Huber(epsilon)
    r = rng.normal(scale=0.3, size=(n_rows, 300))
    places = np.linspace(-0.15, 0.15, 601)
    values = np.array([loss.value(r, place).mean(axis=0) for place in places])
    estimates = places[values.argmin(axis=0)]
    one = r[:, :1]
    curvature = np.mean(np.abs(r) <= epsilon)
    phi = np.mean([loss.dispersion(np.zeros_like(one), r[:, [k]], np.full(n_rows, 1.0 / n_rows)) for k in range(300)])
    assert_allclose(estimates.var() * n_rows * curvature, phi, rtol=0.25)
