"""Forward and backward pass of one layer, from its inputs, beside BLAS products and beside a plain gather kernel.

    python -m benchmarks.bench_layer

BLAS: three products of the same number of multiply-adds, (degree + 2) n_in n_out a row each, in the precision of the
input. Plain: one loop over rows, inputs, terms and outputs, given the expansion; both sides with one thread then.
"""

import numba
import numpy as np

from sklearn_kan._bspline import extend_breakpoints
from sklearn_kan._layer import Layer
from sklearn_kan._network import Network
from sklearn_kan._threads import map_chunks

from ._timing import interleaved, scaled

SHAPES = ((8, 8, 5), (64, 64, 5), (64, 64, 20), (20, 10, 50), (256, 64, 10))
ROWS = (1_000, 64_000)
DEGREE = 3


@numba.njit(nogil=True)
def plain(interval, value, slope, weights, delta, out, grad, delta_in):
    """Output, gradient by the weights and gradient by the inputs, term by term."""
    n_samples, n_in, n_terms = value.shape
    for s in range(n_samples):
        for i in range(n_in):
            for a in range(n_terms):
                g = interval[s, i] + a if a < n_terms - 1 else weights.shape[1] - 1
                for j in range(out.shape[1]):
                    out[s, j] += value[s, i, a] * weights[i, g, j]
                dot = 0.0
                for j in range(out.shape[1]):
                    grad[i, g, j] += value[s, i, a] * delta[s, j]
                    dot += weights[i, g, j] * delta[s, j]
                delta_in[s, i] += slope[s, i, a] * dot


def make_network(rng, n_in, n_out, grid_size):
    breakpoints = np.tile(np.linspace(-1.0, 1.0, grid_size + 1), (n_in, 1))
    weights = rng.normal(size=(n_in, grid_size + DEGREE + 1, n_out))
    knots = extend_breakpoints(breakpoints, DEGREE)
    layer = Layer(weights, knots, np.zeros(n_in), np.ones(n_in), DEGREE, "silu", True, np.ones((n_in, n_out), bool))
    return Network([layer], np.zeros(n_out))


def pass_over(network, X, delta):
    """Outputs, gradient by the weights, summed over chunks of rows, and gradient by the inputs."""
    layer = network.layers[0]
    out, delta_in = np.empty(delta.shape), np.empty(X.shape)

    def chunk(rows):
        terms = layer.expand(np.asarray(X[rows], dtype=np.float64))
        out[rows] = layer.forward(terms)
        gradient = np.zeros_like(layer.weights)
        delta_in[rows] = layer.backward(terms, delta[rows], gradient)
        return gradient

    return out, sum(map_chunks(chunk, len(X), network.chunk_rows())), delta_in


def compare(rng, shape, n_rows, dtype):
    n_in, n_out, _ = shape
    network = make_network(rng, *shape)
    layer = network.layers[0]
    X = rng.uniform(-1.0, 1.0, (n_rows, n_in)).astype(dtype)
    delta = rng.normal(size=(n_rows, n_out))
    n_dense = (DEGREE + 2) * n_in
    A, W, D = (rng.normal(size=size).astype(dtype) for size in ((n_rows, n_dense), (n_dense, n_out), (n_rows, n_out)))

    def blas():
        return A @ W, A.T @ D, D @ W.T

    runs = max(5, min(200, int(1e8 / (n_rows * n_dense * n_out))))
    found = interleaved([lambda: pass_over(network, X, delta), blas], runs=runs)
    ours, theirs = np.median(found, axis=1)
    quickest = found.min(axis=1)
    few = slice(0, 1_000)
    terms = layer.expand(X[few].astype(np.float64))
    out, grad, delta_in = np.zeros((1_000, n_out)), np.zeros_like(layer.weights), np.zeros((1_000, n_in))

    def kernels():
        layer.forward(terms)
        layer.backward(terms, delta[few], grad)

    def gather():
        plain(terms.interval, terms.value, terms.slope, layer.weights, delta[few], out, grad, delta_in)

    mine, slow = np.median(interleaved([kernels, gather], runs=15), axis=1)
    print(
        f"{shape!s:14} {n_rows:6} rows {dtype.__name__}: {scaled(ours)}, BLAS {scaled(theirs)}, "
        f"ratio {ours / theirs:5.2f} (limit 3), of the quickest runs {quickest[0] / quickest[1]:5.2f}; "
        f"kernels alone / plain gather {mine / slow:4.2f} (limit 1)",
        flush=True,
    )


def main():
    rng = np.random.RandomState(0)
    for shape in SHAPES:
        for n_rows in ROWS:
            for dtype in (np.float64, np.float32):
                compare(rng, shape, n_rows, dtype)


if __name__ == "__main__":
    main()
