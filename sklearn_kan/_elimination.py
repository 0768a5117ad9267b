"""Edges that a network can do without as others make up for them (Optimal Brain Surgeon, Hassibi & Stork 1993).

With H the curvature of the objective at its optimum, V = H^-1 and w_q the weights of edge q, predictions without the
edge differ from those with it, once all other weights have been adjusted, by the mean square

    s_q = w_q' (V_qq)^-1 w_q        and then        w <- w - V_.q (V_qq)^-1 w_q        V <- V - V_.q (V_qq)^-1 V_q.

The standard deviation of an edge tells nothing of that: of two columns that say the same, one is enough.
"""

import numpy as np

from ._blocks import affordable_parts, curvatures
from ._cholesky import inverse_root, upper_product
from ._posterior import LEAST_CURVATURE


def _edges_of(places, first):
    """(l, i, j) of the edges without symbols of a group, each with the positions of its parameters.

    A column's spline and its table are one edge. Overwrites the places, which are those of `Parts`.
    """
    is_table = (places[:, 0] == 0) & (places[:, 1] == first.n_in)
    places[is_table, 1] = np.repeat(first.tables.columns, first.tables.sizes)[places[is_table, 2]]
    edges, edge = np.unique(places[:, [0, 1, 3]], axis=0, return_inverse=True)
    for e, (l, i, j) in enumerate(edges.tolist()):  # noqa: E741
        at = np.flatnonzero(edge.ravel() == e)
        if not np.any((places[at, 2] < 0) & ~is_table[at]):
            yield (l, i, j), at


def _share(inverse, weights, at):
    """s_q of the edge at some positions, and (V_qq)^-1 w_q."""
    block = inverse[np.ix_(at, at)]
    solved = np.linalg.lstsq(block, weights[at], rcond=None)[0]
    return float(weights[at] @ solved), solved


def _without(inverse, weights, at):
    """The weights when those at some positions are zero and the others make up for them."""
    weights = weights - inverse[:, at] @ _share(inverse, weights, at)[1]
    weights[at] = 0.0
    return weights


def _eliminate(inverse, weights, edges, least, most):
    """(s_q, q) of edges that go one after the other, the least first, while s_q <= least; at most so many.

    Overwrites the inverse.
    """
    gone = []
    edges = edges.copy()
    while edges and len(gone) < most:
        share, edge = min((_share(inverse, weights, at)[0], edge) for edge, at in edges.items())
        if share > least:
            break
        at = edges.pop(edge)
        weights = _without(inverse, weights, at)
        column = inverse[:, at]  # a copy
        inverse -= column @ np.linalg.lstsq(column[at], column.T, rcond=None)[0]
        gone.append((share, edge))
    return gone


def needless_edges(objective, least, part, needed=()):
    """Edges whose removal changes predictions by no more than a mean square of `least`, a part of all, or one, at most.

    H changes with the weights: what is left should be trained before more goes.

    Parameters
    ----------
    objective : Objective
        At its optimum.
    least : float
        In units of twice the loss.
    part : float
    needed : set of tuple (l, i, j), default=()
        Edges that stay.

    Returns
    -------
    edges : list of tuple (l, i, j)
        Empty if the curvature is not affordable.
    theta : ndarray of shape (n_parameters,)
        All parameters as they make up for these edges, whose own are zero.
    """
    parts, theta = affordable_parts(objective, ("whole", "large", "nodes")), objective.network.theta.copy()
    if parts is None:
        return [], theta
    most = max(1, int(part * sum(int(layer.edges.sum()) for layer in objective.network.layers)))
    groups, found, first = [], [], objective.network.layers[0]
    long = set(first.tables.columns[parts.long].tolist())  # what their rows are worth is not known together
    for group, matrix in zip(parts.groups, curvatures(objective, parts), strict=True):
        if matrix.ndim == 1:
            continue
        (root, _, _), parameters = inverse_root(matrix, LEAST_CURVATURE), parts.parameters(group)
        inverse = upper_product(root)
        every = _edges_of(parts.places[group], first)
        edges = {edge: at for edge, at in every if edge not in needed and (edge[0] > 0 or edge[1] not in long)}
        groups.append((parameters, inverse, edges))
        found += _eliminate(inverse.copy(), theta[parameters], edges, least, most)
    gone = [edge for _, edge in sorted(found)[:most]]
    for parameters, inverse, edges in groups:
        at = [edges[edge] for edge in gone if edge in edges]
        if at:
            theta[parameters] = _without(inverse, theta[parameters], np.concatenate(at))
    return gone, theta
