"""Small random knots, layers, networks and tables that the tests share."""

import numpy as np

from sklearn_kan._bspline import extend_breakpoints
from sklearn_kan._categorical import Tables
from sklearn_kan._layer import Layer
from sklearn_kan._losses import SquaredError
from sklearn_kan._network import Network
from sklearn_kan._objective import Objective
from sklearn_kan._symbolic_library import LIBRARY


def breakpoints(rng, n_in, grid_size, *, uniform=False, low=-1.0, high=1.0):
    """Breakpoints on [low, high], one row an input node; the widest interval is at most nine times the narrowest."""
    if uniform:
        return np.tile(np.linspace(low, high, grid_size + 1), (n_in, 1))
    widths = rng.uniform(0.2, 1.8, (n_in, grid_size))
    places = np.hstack([np.zeros((n_in, 1)), np.cumsum(widths, axis=1)])
    return low + (high - low) * places / places[:, -1:]


def knots(degree, *, uniform, n_in=2, grid_size=5, seed=0):
    """Knots of a layer on [-1, 1]."""
    return extend_breakpoints(breakpoints(np.random.RandomState(seed), n_in, grid_size, uniform=uniform), degree)


def layer(
    rng, n_in, n_out, grid_size=4, degree=3, *, base="silu", linear=True, masked=False, scaled=False, uniform=False
):
    """A layer with random weights and knots; `masked`: without its edge (0, 0); `scaled`: in units of its own."""
    mask = np.ones((n_in, n_out), dtype=bool)
    mask[0, 0] = not masked
    weights = rng.normal(size=(n_in, grid_size + degree + 1, n_out)) * mask[:, None]
    return Layer(
        weights,
        extend_breakpoints(breakpoints(rng, n_in, grid_size, uniform=uniform), degree),
        rng.uniform(-2.0, 2.0, n_in) if scaled else np.zeros(n_in),
        rng.uniform(0.5, 3.0, n_in) if scaled else np.ones(n_in),
        degree,
        base,
        linear,
        mask,
        overhang=0.15,
    )


def network(rng, shape, grid_size=4, degree=3, *, base="silu", masked=False, uniform=False, spread=0.5):
    """A network with random weights of size `spread`; its inputs have units of their own."""
    layers = [
        layer(rng, n_in, n_out, grid_size, degree, base=base, masked=masked, scaled=l == 0, uniform=uniform)
        for l, (n_in, n_out) in enumerate(zip(shape[:-1], shape[1:], strict=True))  # noqa: E741
    ]
    for one in layers:
        one.weights *= spread
    return Network(layers, rng.normal(size=shape[-1]))


def inputs(rng, network, n_samples, *, reach=0.95):
    """Rows in the units of a network's inputs, within `reach` of the half width of its knots."""
    first = network.layers[0]
    return first.center + first.scale * rng.uniform(-reach, reach, (n_samples, first.n_in))


def mixed_network(rng, shape, **options):
    """A network whose column 0 holds 3 categories and missing, 1 numbers, 2 atoms and missing, 2 two categories, 3
    numbers.

    One edge of column 0 and one of column 1 are pruned; column 4, if there is one, holds numbers.
    """
    plain = network(rng, shape, **options)
    n_out = shape[1]
    mask = np.ones((3, n_out), dtype=bool)
    mask[:2, -1] = n_out == 1
    n_categories, has_missing = np.array([3, 0, 2]), np.array([True, True, False])
    n_atoms = np.array([0, 2, 0])
    values = rng.normal(size=(9, n_out)) * np.repeat(mask, n_categories + n_atoms + has_missing, axis=0)
    atoms = plain.layers[0].center[1] + plain.layers[0].scale[1] * np.array([[-0.5, -0.4], [0.3, 0.31]])
    tables = Tables(values, np.array([0, 1, 2]), n_categories, has_missing, mask, atoms, n_atoms)
    edge_mask = np.ones((shape[0], n_out), dtype=bool)
    edge_mask[[0, 2]] = False
    edge_mask[1] = mask[1]
    first = plain.layers[0].replace(tables=tables, edge_mask=edge_mask, unseen=rng.normal(size=edge_mask.shape))
    first.center[[0, 2]], first.scale[[0, 2]] = 0.0, 1.0
    return Network([first, *plain.layers[1:]], plain.offset)


def mixed_inputs(rng, network, n_samples, *, unseen=False, reach=0.95):
    """Rows for it; `unseen`: with categories and missing values that have no row in the tables."""
    x = inputs(rng, network, n_samples, reach=reach)
    x[:, 0] = rng.choice([0.0, 1.0, 2.0, np.nan], n_samples)
    x[:, 2] = rng.choice([0.0, 1.0], n_samples)
    at_atoms = rng.uniform(size=n_samples) < 0.3
    x[at_atoms, 1] = rng.choice(network.layers[0].tables.atoms.mean(axis=1), at_atoms.sum())
    x[rng.uniform(size=n_samples) < 0.3, 1] = np.nan
    if unseen:
        for i, value in ((0, -1.0), (2, -1.0), (2, np.nan), (3, np.nan)):
            x[rng.uniform(size=n_samples) < 0.2, i] = value
    return x


def mixed_objective(strengths, n_samples=200):
    """Squared errors of a small one on some rows."""
    rng = np.random.RandomState(0)
    network = mixed_network(rng, [4, 3, 2])
    x = mixed_inputs(rng, network, n_samples)
    return Objective(network, SquaredError(), x, rng.normal(size=(n_samples, 2)), np.ones(n_samples), strengths)


def formula(rng, n_samples):
    """Rows of f = exp(sin(pi x) + y^2) on [-1, 1]^2."""
    X = rng.uniform(-1.0, 1.0, (n_samples, 2))
    return X, np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)


def with_symbols(network, *placed):
    """The network with some edges made symbolic: (l, i, j, name, numbers) each."""
    layers = list(network.layers)
    for l, i, j, name, numbers in placed:  # noqa: E741
        layers[l] = layers[l].with_symbol(i, j, LIBRARY[name], numbers)
    return Network(layers, network.offset)
