"""Slow and plain versions of every kernel, from the formulas."""

import numpy as np
from scipy.interpolate import BSpline


def basis(x, knots, degree):
    """All basis functions of one knot vector at points x by SciPy, continued as straight lines: values and slopes."""
    n_basis = len(knots) - degree - 1
    low, high = knots[degree], knots[n_basis]
    inside = np.clip(x, low, high)
    value, slope = np.empty((2, len(x), n_basis))
    for g in range(n_basis):
        spline = BSpline(knots, np.eye(n_basis)[g], degree)
        value[:, g] = spline(inside)
        slope[:, g] = spline.derivative()(inside) if degree > 0 else 0.0
    if degree == 0:  # the last interval is closed
        value[inside == high] = np.eye(n_basis)[-1]
    return value + slope * (x - inside)[:, None], slope


def base(name, x):
    """Base activation and its derivative."""
    if name == "silu":
        sigmoid = 1.0 / (1.0 + np.exp(-x))
        return x * sigmoid, sigmoid + x * sigmoid * (1.0 - sigmoid)
    return (x, np.ones_like(x)) if name == "identity" else (np.zeros_like(x), np.zeros_like(x))


def edge(layer, i, j, x):
    """phi_ij(x) and its derivative by x."""
    t = (x - layer.center[i]) / layer.scale[i]
    low, high = layer.knots[i][layer.degree], layer.knots[i][layer.n_basis]
    inside = np.clip(t, low, high)
    value, slope = basis(inside, layer.knots[i], layer.degree)
    b, d = base(layer.base_activation, inside)
    coef = layer.coef[i, :, j]
    slope_phi = slope @ coef + layer.base_weight[i, j] * d
    phi = value @ coef + layer.base_weight[i, j] * b
    if layer.linear:
        phi = phi + slope_phi * (t - inside)
    else:
        slope_phi = np.where(t == inside, slope_phi, 0.0)
    return phi, slope_phi / layer.scale[i]


def layer_forward(layer, x):
    """Sum of the edges of every output node."""
    out = np.zeros((len(x), layer.n_out))
    for i in range(layer.n_in):
        for j in range(layer.n_out):
            if layer.edge_mask[i, j]:
                out[:, j] += edge(layer, i, j, x[:, i])[0]
    return out


def forward(network, x):
    """Raw predictions."""
    for layer in network.layers:
        x = layer_forward(layer, x)
    return x + network.offset


def norms(network, x, weight):
    """Weighted mean of abs(phi) of every edge."""
    found = []
    for layer in network.layers:
        phi = np.array([[edge(layer, i, j, x[:, i])[0] for j in range(layer.n_out)] for i in range(layer.n_in)])
        found.append(np.abs(phi) @ weight / weight.sum())
        x = layer_forward(layer, x)
    return found


def sparsity(norms_of_layers, l1_weight, entropy_weight):
    """Paper eq. 2.15 to 2.17, edge by edge."""
    total = 0.0
    for found in norms_of_layers:
        layer_norm = found.sum()
        entropy = 0.0
        for norm in found.ravel():
            if norm > 0:
                entropy -= norm / layer_norm * np.log(norm / layer_norm)
        total += l1_weight * layer_norm + entropy_weight * entropy
    return total


def jacobian(network, x, step=1e-6):
    """Derivatives of the raw predictions by theta, central differences, shape (n_samples, n_out, n_parameters)."""
    theta = network.theta
    columns = []
    for p in range(len(theta)):
        moved = theta.copy()
        moved[p] += step
        network.theta = moved
        above = network.raw_predict(x)
        moved[p] -= 2 * step
        network.theta = moved
        columns.append((above - network.raw_predict(x)) / (2 * step))
    network.theta = theta
    return np.stack(columns, axis=-1)


def gradient(function, theta, step=1e-6):
    """Central differences of a function of theta."""
    found = np.empty_like(theta)
    for p in range(len(theta)):
        move = np.zeros_like(theta)
        move[p] = step
        found[p] = (function(theta + move) - function(theta - move)) / (2 * step)
    return found
