"""Slow and plain versions of every kernel, from the formulas."""

import numpy as np
from scipy.interpolate import BSpline


def basis(x, knots, degree, overhang=0.0):
    """All basis functions of one knot vector at points x by SciPy, continued as straight lines: values and slopes."""
    n_basis = len(knots) - degree - 1
    low, high = knots[degree], knots[n_basis]
    inside = np.clip(x, low - overhang, high + overhang)
    spline = BSpline(knots, np.eye(n_basis), degree)
    value = spline(inside)
    slope = spline.derivative()(inside) if degree > 0 else np.zeros_like(value)
    if degree == 0:  # the last interval is closed
        value[inside >= high] = np.eye(n_basis)[-1]
    return value + slope * (x - inside)[:, None], slope


def basis_curvature(x, knots, degree, overhang=0.0):
    """Second derivatives of all basis functions by SciPy; zero where they are lines."""
    n_basis = len(knots) - degree - 1
    if degree < 2:
        return np.zeros((len(x), n_basis))
    low, high = knots[degree] - overhang, knots[n_basis] + overhang
    inside = (low <= x) & (x <= high)
    bend = BSpline(knots, np.eye(n_basis), degree).derivative(2)
    return np.where(inside[:, None], bend(np.clip(x, low, high)), 0.0)


def base_curvature(name, x):
    """Second derivative of the base activation."""
    if name != "silu":
        return np.zeros_like(x)
    sigmoid = 1.0 / (1.0 + np.exp(-x))
    by_x = sigmoid * (1.0 - sigmoid)
    return 2.0 * by_x + x * by_x * (1.0 - 2.0 * sigmoid)


def edge_curvature(layer, i, j, x):
    """Second derivative of phi_ij by x."""
    t = (x - layer.center[i]) / layer.scale[i]
    low, high = layer.knots[i][layer.degree] - layer.overhang, layer.knots[i][layer.n_basis] + layer.overhang
    bend = np.where((low <= t) & (t <= high), base_curvature(layer.base_activation, np.clip(t, low, high)), 0.0)
    bend = (
        layer.base_weight[i, j] * bend
        + basis_curvature(t, layer.knots[i], layer.degree, layer.overhang) @ layer.coef[i, :, j]
    )
    return bend / layer.scale[i] ** 2


def base(name, x):
    """Base activation and its derivative."""
    if name == "silu":
        sigmoid = 1.0 / (1.0 + np.exp(-x))
        return x * sigmoid, sigmoid + x * sigmoid * (1.0 - sigmoid)
    return (x, np.ones_like(x)) if name == "identity" else (np.zeros_like(x), np.zeros_like(x))


def edge(layer, i, j, x):
    """phi_ij(x) and its derivative by x."""
    t = (x - layer.center[i]) / layer.scale[i]
    low, high = layer.knots[i][layer.degree] - layer.overhang, layer.knots[i][layer.n_basis] + layer.overhang
    inside = np.clip(t, low, high)
    value, slope = basis(inside, layer.knots[i], layer.degree, layer.overhang)
    b, d = base(layer.base_activation, inside)
    coef = layer.coef[i, :, j]
    slope_phi = slope @ coef + layer.base_weight[i, j] * d
    phi = value @ coef + layer.base_weight[i, j] * b
    if layer.linear:
        phi = phi + slope_phi * (t - inside)
    else:
        slope_phi = np.where(t == inside, slope_phi, 0.0)
    return phi, slope_phi / layer.scale[i]


def table_row(tables, k, x):
    """Row of table k, from its first one on, that one value of its column is at; None if it is at none."""
    if np.isnan(x):
        return tables.n_categories[k] + tables.n_atoms[k] if tables.has_missing[k] else None
    if tables.n_categories[k] > 0:
        return int(x) if x >= 0 else None
    for a in range(tables.n_atoms[k]):
        low, high = tables.atoms[sum(tables.n_atoms[:k]) + a]
        if low <= x <= high:
            return a
    return None


def table_value(layer, i, j, x):
    """What the edge (i, j) of a layer with tables has for one value of column i; None if that is its spline's."""
    tables = getattr(layer, "tables", None)
    found = [] if tables is None else [k for k, column in enumerate(tables.columns) if column == i]
    for k in found:
        row = table_row(tables, k, x)
        if row is not None:
            return tables.values[sum(tables.sizes[:k]) + row, j]
    if not np.isnan(x) and not any(tables.n_categories[k] > 0 for k in found):
        return None
    return layer.unseen[i, j]


def any_edge(layer, i, j, x):
    """phi_ij(x) of any layer, one value after the other."""
    phi = np.empty(len(x))
    for s in range(len(x)):
        value = table_value(layer, i, j, x[s])
        if value is None:
            value = edge(layer, i, j, x[s : s + 1])[0][0] if layer.edge_mask[i, j] else 0.0
        phi[s] = value
    return phi


def layer_forward(layer, x):
    """Sum of the edges of every output node."""
    out = np.zeros((len(x), layer.n_out))
    has_tables = len(getattr(layer, "tables", ())) > 0 or np.isnan(x).any()
    for i in range(layer.n_in):
        for j in range(layer.n_out):
            if has_tables:
                out[:, j] += any_edge(layer, i, j, x[:, i])
            elif layer.edge_mask[i, j]:
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


def derivative_rows(knots, degree, order):
    """Derivative of a spline, coef by coef: pairs of a row D_a, D_a c being a coef, and its distance to the next place.

    de Boor's formula as long as the derivative is a spline; then differences of the steps, placed half way.
    """
    knots = list(knots)
    rows = list(np.eye(len(knots) - degree - 1))
    places = None
    for m in range(order):
        left = degree - m
        if left > 0:  # t_{g+left+1} - t_{g+1}, on the knots without m a side
            inner = knots[m : len(knots) - m]
            distances = [(inner[g + left + 1] - inner[g + 1]) / left for g in range(len(rows) - 1)]
        else:
            if left == 0:
                places = [0.5 * (knots[m + g] + knots[m + g + 1]) for g in range(len(rows))]
            else:
                places = [0.5 * (places[g] + places[g + 1]) for g in range(len(rows))]
            distances = [places[g + 1] - places[g] for g in range(len(rows) - 1)]
        rows = [(rows[g + 1] - rows[g]) / distances[g] for g in range(len(rows) - 1)]
    return list(zip(rows, distances, strict=True))


def roughness(coef, knots, degree, order=2):
    """Sum of the squared coefs of a derivative times their distances."""
    if len(coef) <= order:
        return 0.0
    return sum((row @ coef) ** 2 * distance for row, distance in derivative_rows(knots, degree, order))


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


def all_bases(layer, i, x):
    """Basis functions of input node i, then its base activation, at x: shape (n_samples, n_basis + 1)."""
    t = (x - layer.center[i]) / layer.scale[i]
    low, high = layer.knots[i][layer.degree] - layer.overhang, layer.knots[i][layer.n_basis] + layer.overhang
    inside = np.clip(t, low, high)
    value, slope = basis(inside, layer.knots[i], layer.degree, layer.overhang)
    b, d = base(layer.base_activation, inside)
    value, slope = np.column_stack([value, b]), np.column_stack([slope, d])
    return value + slope * (t - inside)[:, None] if layer.linear else value


def jacobian(network, x):
    """Derivatives of the raw predictions by all weights, edge by edge: shape (n_samples, n_out, n_weights)."""
    values = [x]
    for layer in network.layers:
        values.append(layer_forward(layer, values[-1]))
    # d raw / d x_l, from the last layer of nodes to the first
    n_out = network.layers[-1].n_out
    cotangent = np.tile(np.eye(n_out), (len(x), 1, 1))
    parts = []
    for layer, value in zip(network.layers[::-1], values[-2::-1], strict=True):
        part = np.zeros((len(x), n_out, *layer.weights.shape))
        into = np.zeros((len(x), n_out, layer.n_in))
        for i in range(layer.n_in):
            terms = all_bases(layer, i, value[:, i])
            for j in range(layer.n_out):
                part[:, :, i, :, j] = cotangent[:, :, j, None] * terms[:, None, :]
                into[:, :, i] += cotangent[:, :, j] * edge(layer, i, j, value[:, i])[1][:, None]
        parts.append(part.reshape(len(x), n_out, -1))
        cotangent = into
    return np.concatenate(parts[::-1], axis=2)


def gradient(function, theta, step=1e-6):
    """Central differences of a function of theta."""
    found = np.empty_like(theta)
    for p in range(len(theta)):
        move = np.zeros_like(theta)
        move[p] = step
        found[p] = (function(theta + move) - function(theta - move)) / (2 * step)
    return found
