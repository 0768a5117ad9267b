"""Every kernel of a layer against plain loops over the edges and against differences."""

import itertools

import numpy as np
import pytest
import samples
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import naive
from sklearn_kan._layer import BASE_ACTIVATIONS

CASES = {
    f"{base}-degree{degree}-{'linear' if linear else 'constant'}": {"base": base, "degree": degree, "linear": linear}
    for base, degree, linear in itertools.product(BASE_ACTIVATIONS, (0, 1, 3), (True, False))
}
CASES |= {
    f"{base}-even-{'linear' if linear else 'constant'}": {"base": base, "degree": 3, "linear": linear, "uniform": True}
    for base, linear in itertools.product(BASE_ACTIVATIONS, (True, False))
}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
TOLERANCE = {"rtol": 1e-11, "atol": 1e-11}


def make(case, *, n_samples=12, **options):
    """A layer with a masked edge and units of its own, and rows inside, on the ends of and beyond its knots."""
    rng = np.random.RandomState(0)
    layer = samples.layer(rng, 3, 2, masked=True, scaled=True, **case, **options)
    t = rng.uniform(-1.6, 1.6, (n_samples, 3))
    x = layer.center + layer.scale * t
    return rng, layer, x, layer.expand(x)


def bases(layer, x):
    """Basis functions and base activation of every input node, shape (n_samples, n_in, n_basis + 1)."""
    return np.stack([naive.all_bases(layer, i, x[:, i]) for i in range(layer.n_in)], axis=1)


def edges(layer, x):
    """phi_ij and its derivative by t, each of shape (n_samples, n_in, n_out)."""
    phi, slope = np.empty((2, len(x), layer.n_in, layer.n_out))
    for i in range(layer.n_in):
        for j in range(layer.n_out):
            phi[:, i, j], by_x = naive.edge(layer, i, j, x[:, i])
            slope[:, i, j] = by_x * layer.scale[i]
    return phi, slope


@pytest.mark.kernels
@cases
def test_expand(case):
    _, layer, x, terms = make(case)
    expected = bases(layer, x)
    full = np.zeros_like(expected)
    columns = terms.interval[..., None] + np.arange(layer.degree + 1)
    np.put_along_axis(full, columns, terms.value[..., :-1], axis=2)
    full[..., -1] = terms.value[..., -1]
    assert_allclose(full, expected, **TOLERANCE)


@pytest.mark.kernels
@cases
def test_forward(case):
    _, layer, x, terms = make(case)
    assert_allclose(layer.forward(terms), naive.layer_forward(layer, x), **TOLERANCE)


@pytest.mark.kernels
@cases
def test_backward(case):
    rng, layer, x, terms = make(case)
    delta = rng.normal(size=(len(x), 2))
    grad = rng.normal(size=layer.weights.shape)
    before = grad.copy()
    into = layer.backward(terms, delta, grad)
    assert_allclose(grad - before, np.einsum("sig,sj->igj", bases(layer, x), delta), **TOLERANCE)
    assert_allclose(into, np.einsum("sij,sj->si", edges(layer, x)[1], delta), **TOLERANCE)


@pytest.mark.kernels
@cases
def test_without_slopes(case):
    """The same terms and outputs; what takes derivatives by t has none."""
    rng, layer, x, terms = make(case)
    flat = layer.expand(x, slopes=False)
    assert len(flat.slope) == len(flat[3:5].slope) == 0
    assert_array_equal(flat.value, terms.value)
    assert_array_equal(flat.interval, terms.interval)
    delta = rng.normal(size=(len(x), 2))
    grad, expected = np.zeros((2, *layer.weights.shape))
    layer.backward(terms, delta, expected)
    assert not layer.backward(flat, delta, grad).any()
    assert_allclose(grad, expected, **TOLERANCE)
    factor, weight = rng.normal(size=(3, 2)), rng.uniform(0.0, 2.0, len(x))
    grad, expected = np.zeros((2, *layer.weights.shape))
    layer.l1_backward(terms, factor, weight, expected)
    assert not layer.l1_backward(flat, factor, weight, grad).any()
    assert_array_equal(grad, expected)


@pytest.mark.parametrize("degree", [1, 3])
def test_kept_terms_give_the_same(degree):
    """Some rows of terms that are kept with all zeros."""
    rng = np.random.RandomState(0)
    layer = samples.layer(rng, 3, 5, degree=degree)
    terms = layer.expand(rng.uniform(-1.2, 1.2, (50, 3)), slopes=False)
    delta = rng.normal(size=(20, 5))
    found = []
    for some in (terms[10:30], layer.kept(terms)[10:30]):
        grad = np.zeros(layer.weights.shape)
        layer.backward(some, delta, grad)
        found.append((layer.forward(some), grad, layer.features(some)))
    assert some.dense is not None
    for one, other in zip(*found, strict=True):
        assert_allclose(one, other, rtol=1e-13, atol=1e-14)


@pytest.mark.kernels
def test_arrays_in_any_order():
    """Weights and gradients by the outputs that are selections of larger arrays."""
    rng = np.random.RandomState(0)
    layer = samples.layer(rng, 3, 5)
    other = layer.replace(weights=np.asfortranarray(layer.weights))
    x, delta = rng.uniform(-1.2, 1.2, (20, 3)), rng.normal(size=(20, 10))[:, ::2]
    found = []
    for one, by_output in ((layer, delta.copy()), (other, delta)):
        terms, grad = one.expand(x), np.zeros(layer.weights.shape)
        found.append((one.forward(terms), one.backward(terms, by_output, grad), grad, one.edge_slopes(terms)))
    for one, same in zip(*found, strict=True):
        assert_allclose(one, same, rtol=1e-14, atol=1e-14)


def test_zeros_are_not_kept_where_they_are_many():
    rng = np.random.RandomState(0)
    x = np.zeros((10, 2))
    for n_out, grid_size in ((1, 5), (5, 50)):
        layer = samples.layer(rng, 2, n_out, grid_size=grid_size)
        assert layer.kept(layer.expand(x, slopes=False)).dense is None


@pytest.mark.kernels
def test_inputs_are_cut():
    layer = samples.layer(np.random.RandomState(0), 2, 3, scaled=True)
    far, near = (layer.center + layer.scale * np.full((1, 2), t) for t in (9.0, 2.0))
    assert_allclose(layer.forward(layer.expand(far, reach=2.0)), layer.forward(layer.expand(near)), **TOLERANCE)


@pytest.mark.parametrize("t", [0.999, 1.001])
def test_silu_within_and_beyond_the_usual_knots(t):
    """Knots that reach farther than 1 take the exponential."""
    wide = samples.layer(np.random.RandomState(0), 1, 1, uniform=True)
    wide.knots *= 2.0
    wide.weights[:] = 0.0
    wide.weights[0, -1, 0] = 1.0
    assert_allclose(wide.edge(0, [t, -t])[:, 0], naive.base("silu", np.array([t, -t]))[0], rtol=1e-14)


@pytest.mark.kernels
@cases
def test_input_gradient(case):
    rng, layer, x, terms = make(case)
    delta = rng.normal(size=(len(x), 4, 2))
    expected = np.einsum("sij,srj->sri", edges(layer, x)[1], delta)
    assert_allclose(layer.input_gradient(terms, delta), expected, **TOLERANCE)


@pytest.mark.kernels
@cases
def test_jacobian(case):
    """Columns of other layers stay as they are."""
    rng, layer, x, terms = make(case)
    delta = rng.normal(size=(len(x), 4, 2))
    size, offset = layer.weights.size, 5
    jacobian = np.zeros((len(x), 4, size + offset + 3))
    layer.jacobian(terms, delta, jacobian, offset)
    expected = np.einsum("sig,srj->srigj", bases(layer, x), delta).reshape(len(x), 4, size)
    assert_allclose(jacobian[:, :, offset : offset + size], expected, **TOLERANCE)
    assert not jacobian[:, :, :offset].any()
    assert not jacobian[:, :, offset + size :].any()


@pytest.mark.kernels
@cases
def test_moments(case):
    rng, layer, x, terms = make(case)
    weight = rng.uniform(0.0, 2.0, len(x))
    phi, _ = edges(layer, x)
    expected = [np.einsum("s,sij->ij", weight, part) for part in (np.abs(phi), phi, phi**2)]
    assert_allclose(layer.moments(terms, weight), expected, **TOLERANCE)


@pytest.mark.kernels
@cases
def test_gram(case):
    rng, layer, x, terms = make(case)
    weight = rng.uniform(0.0, 2.0, len(x))
    b = bases(layer, x)
    assert_allclose(layer.gram(terms, weight), np.einsum("s,sig,sih->igh", weight, b, b), **TOLERANCE)


@pytest.mark.kernels
@cases
def test_l1_backward(case):
    rng, layer, x, terms = make(case)
    weight = rng.uniform(0.0, 2.0, len(x))
    factor = rng.normal(size=(3, 2))
    grad = rng.normal(size=layer.weights.shape)
    before = grad.copy()
    into = layer.l1_backward(terms, factor, weight, grad)
    phi, slope = edges(layer, x)
    signs = np.sign(phi) * factor * weight[:, None, None]
    assert_allclose(grad - before, np.einsum("sig,sij->igj", bases(layer, x), signs), **TOLERANCE)
    assert_allclose(into, np.einsum("sij,sij->si", slope, signs), **TOLERANCE)


@cases
def test_gradients_are_differences(case):
    """sum(delta * y) by every weight and every input, and the same for the weighted sum of abs(phi)."""
    rng, layer, x, _ = make(case, n_samples=6)
    t = (x - layer.center) / layer.scale
    t = t[(np.abs(t[:, :, None] - layer.knots).min(axis=2) > 1e-3).all(axis=1)]  # away from the kinks of degree 1
    x = layer.center + layer.scale * t
    terms = layer.expand(x)
    delta = rng.normal(size=(len(x), 2))
    factor = rng.normal(size=(3, 2))
    weight = rng.uniform(0.5, 2.0, len(x))

    def outputs(x):
        return float(np.sum(delta * layer.forward(layer.expand(x))))

    def sizes(x):
        return float(np.sum(factor * layer.moments(layer.expand(x), weight)[0]))

    grad, l1_grad = np.zeros((2, *layer.weights.shape))
    into = layer.backward(terms, delta, grad) / layer.scale
    l1_into = layer.l1_backward(terms, factor, weight, l1_grad) / layer.scale

    def by_weights(function):
        found = np.empty_like(layer.weights)
        for index in np.ndindex(*layer.weights.shape):
            kept = layer.weights[index]
            layer.weights[index] = kept + 1e-6
            above = function(x)
            layer.weights[index] = kept - 1e-6
            found[index] = (above - function(x)) / 2e-6
            layer.weights[index] = kept
        return found

    def by_inputs(function):
        return naive.gradient(lambda flat: function(flat.reshape(x.shape)), x.ravel()).reshape(x.shape)

    # a masked edge is zero, where abs has a kink
    free = np.broadcast_to(layer.edge_mask[:, None], layer.weights.shape)
    assert_allclose(by_weights(outputs), grad, atol=1e-6)
    assert_allclose(by_weights(sizes)[free], l1_grad[free], atol=1e-6)
    assert_allclose(by_inputs(outputs), into, atol=1e-6)
    assert_allclose(by_inputs(sizes), l1_into, atol=1e-6)


@cases
def test_edge(case):
    """Functions of one node, in units of t."""
    _, layer, _, _ = make(case)
    t = np.linspace(-1.5, 1.5, 31)
    for i in range(3):
        x = layer.center[i] + layer.scale[i] * t
        expected = np.stack([naive.edge(layer, i, j, x)[0] for j in range(2)], axis=1)
        assert_allclose(layer.edge(i, t), expected, **TOLERANCE)
    assert not layer.edge(0, t)[:, 0].any()  # the masked one


@pytest.mark.parametrize("base", BASE_ACTIVATIONS)
@pytest.mark.parametrize("degree", [1, 3])
def test_continuation(base, degree):
    """Beyond the overhang every edge is a line with the value and the slope of its end, or a constant."""
    layer = samples.layer(np.random.RandomState(0), 2, 3, degree=degree, base=base)
    for outward in (-1.0, 1.0):
        end = outward * (1.0 + layer.overhang)
        near, far, farther = (layer.edge(0, [end + outward * distance])[0] for distance in (0.0, 1.0, 10.0))
        just_inside = layer.edge(0, [end - outward * 1e-7])[0]
        assert_allclose(far - near, (near - just_inside) / 1e-7, rtol=1e-5, atol=1e-5)
        assert_allclose(farther - near, 10.0 * (far - near), rtol=1e-12, atol=1e-12)
        layer.linear = False
        assert_array_equal(layer.edge(0, [end + outward * 10.0])[0], near)
        layer.linear = True


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6),
    st.sampled_from(BASE_ACTIVATIONS),
    st.booleans(),
)
@settings(deadline=None, derandomize=True, max_examples=100, database=None)
def test_any_finite_input_gives_finite_output(x, base, linear):
    layer = samples.layer(np.random.RandomState(0), 1, 2, base=base, linear=linear)
    with np.errstate(over="ignore"):
        terms = layer.expand(np.array(x)[:, None])
    out = layer.forward(terms)
    assert np.isfinite(out).all()
    assert np.isfinite(layer.backward(terms, np.ones_like(out), np.zeros_like(layer.weights))).all()


def test_views():
    """coef and base_weight are views of the weights; n_in and the like tell their shape."""
    layer = samples.layer(np.random.RandomState(0), 3, 2, grid_size=4, degree=3)
    assert (layer.n_in, layer.n_out, layer.n_basis, layer.grid_size) == (3, 2, 7, 4)
    layer.coef[1, 2, 0] = 5.0
    layer.base_weight[2, 1] = 6.0
    assert layer.weights[1, 2, 0] == 5.0
    assert layer.weights[2, -1, 1] == 6.0
    low, high = layer.bounds()
    assert_allclose(low, -1.0)
    assert_allclose(high, 1.0)


def test_rows_of_an_expansion():
    _, layer, x, terms = make(CASES["silu-degree3-linear"])
    rows = np.array([5, 0, 3])
    for name in ("interval", "value", "slope"):
        assert_array_equal(getattr(terms[rows], name), getattr(layer.expand(x[rows]), name))
