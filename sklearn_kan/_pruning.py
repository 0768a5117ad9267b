"""Scores of edges and nodes, and the smaller network (paper 2.5.1).

edge (l, i, j)   standard deviation s_lij of phi_lij over the training rows
node (l, i)      the lesser of I = max_k s_{l-1,k,i} and O = max_j s_{l,i,j} (eq. 2.18, 2.19)

The paper scores by |phi|_1; here the mean of a function counts for nothing, as a removed edge leaves it to others.
Hidden nodes fill [-1, 1] and targets have unit spread, so scores are comparable within a network and between them.
"""

import numpy as np

from ._layer import edge_variances
from ._network import Network
from ._stratified_sample import stratified
from ._threads import map_chunks

# Values of functions into hidden nodes that tell importances, at most, and of how many at a time.
_EFFECTS, _AT_A_TIME = 1_000_000, 250_000


def edge_deviations(moments):
    """Standard deviation of every edge's function, a list of (n_in, n_out) arrays, from those of the moments."""
    return [np.sqrt(edge_variances(layer)) for layer in moments]


def node_scores(edge_scores):
    """Score of every node, a list of arrays, the inputs first: the lesser of its best edge before and behind it.

    Inputs and outputs have edges on one side only.
    """
    before = [np.inf, *(scores.max(axis=0) for scores in edge_scores)]
    behind = [*(scores.max(axis=1) for scores in edge_scores), np.inf]
    return [np.minimum(*sides) for sides in zip(before, behind, strict=True)]


def measured(network, X):
    """A copy of the network whose moments are those over the rows of X."""

    def chunk(rows):
        x = np.asarray(X[rows], dtype=np.float64)
        weight = np.full(len(x), 1.0 / len(X))
        _, terms = network.forward(x, slopes=False)
        return [layer.moments(term, weight) for layer, term in zip(network.layers, terms, strict=True)]

    parts = map_chunks(chunk, len(X), network.chunk_rows())
    return Network(network.layers, network.offset, [sum(moments) for moments in zip(*parts, strict=True)])


def edge_attributions(network):
    """Importance of every edge, flowing back from the outputs (KAN 2.0, arXiv:2408.10205, section 4.1).

    A node hands its importance to its edges in proportion to their standard deviations; every output has 1.

    Returns
    -------
    importances : list of ndarray of shape (n_in, n_out)
    """
    importance = np.ones(network.layers[-1].n_out)
    found = []
    for deviations in reversed(edge_deviations(network.moments)):
        found.append(shares_of_sum(deviations) * importance)
        importance = found[-1].sum(axis=1)
    return found[::-1]


def attribution(network):
    """Importance of every column: that of its edges.

    Returns
    -------
    importances : ndarray of shape (n_in,)
        Sums to 1, or all 0 for a constant model.
    """
    return shares_of_sum(edge_attributions(network)[0].sum(axis=1))


def shares_of_sum(values):
    """Parts of their sums over the first axis; zeros stay."""
    return values / np.maximum(values.sum(axis=0), np.finfo(np.float64).tiny)


def importances(network, X, weight):
    """Share of every column in the variation of the raw predictions.

    The standard deviation of what they change by where the column's functions are held at their means. Ways through
    several nodes count together: what they add to one another may cancel, and `attribution` knows nothing of that.

    Returns
    -------
    importances : ndarray of shape (n_in,)
        Sums to 1, or all 0 for a constant model.
    """
    first, effects = network.layers[0], np.zeros((network.shape[0], network.shape[-1]))
    rows = stratified(len(X), -(-len(X) * first.n_in * first.n_out // _EFFECTS))
    X, weight = np.asarray(X[rows], dtype=np.float64), weight[rows] / weight[rows].sum()
    nodes, end = network.activations(X, 1), len(network.layers)
    predicted = network.activations(nodes, end, start=1)
    alive = np.flatnonzero(first.edges.any(axis=1))
    for some in np.array_split(alive, -(-len(alive) * nodes.size // _AT_A_TIME) or 1):
        own = np.array([first.column(i, X[:, i]) for i in some]).reshape(len(some), *nodes.shape)
        held = nodes - own + (weight @ own)[:, None]
        changed = network.activations(held.reshape(-1, first.n_out), end, start=1)
        change = predicted - changed.reshape(len(some), *predicted.shape)
        effects[some] = np.sqrt(weight @ (change - (weight @ change)[:, None]) ** 2)
    return shares_of_sum(shares_of_sum(effects).sum(axis=1))


def _kept_edges(network, scores, threshold):
    """Edges that stay: above the threshold and on a way from an input to an output."""
    masks = [layer.edges & (score > threshold) for layer, score in zip(network.layers, scores, strict=True)]
    for before, after in zip(masks[:-1], masks[1:], strict=True):
        after &= before.any(axis=0)[:, None]
    for before, after in zip(masks[-2::-1], masks[:0:-1], strict=True):
        before &= after.any(axis=1)
    return masks


def prune(network, threshold, scores=None):
    """Remove edges and hidden nodes whose scores do not exceed the threshold; by default the edges' deviations.

    Pruned nodes leave the arrays. Pruned edges and inputs stay as a mask. A removed edge's mean over the training rows
    goes into the splines that remain, or into the constant, so that only its variation is lost.

    Returns
    -------
    pruned : Network
        An additive network without edges where nothing is left. Its moments are those that the given one has; that of
        abs(phi) is a bound where a constant came in.
    """
    scores = edge_deviations(network.moments) if scores is None else scores
    masks = _kept_edges(network, scores, threshold)
    nodes = [np.ones(network.layers[0].n_in, dtype=bool), *(mask.any(axis=0) for mask in masks)]
    nodes[-1][:] = True
    if not masks[-1].any():
        return _constant(network)
    layers, left, offset = [], [], network.offset.copy()
    for l, (layer, mask, moments) in enumerate(zip(network.layers, masks, network.moments, strict=True)):  # noqa: E741
        lost = np.where(mask, 0.0, moments[1]).sum(axis=0)
        if l == len(network.layers) - 1:
            offset += lost
        inputs, outputs = nodes[l], nodes[l + 1]
        layers.append(layer.part(mask, inputs, outputs))
        left.append(np.where(mask, moments, 0.0)[:, inputs][:, :, outputs])
        if l < len(network.layers) - 1:
            for j, constant in enumerate(lost[outputs]):
                i = layers[-1].add_constant(j, constant)
                left[-1][:, i, j] += abs(constant), constant, constant * (2.0 * left[-1][1, i, j] + constant)
    return Network(layers, offset, left)


def without_edges(network, edges):
    """The network without some edges (l, i, j); their means go elsewhere, as in `prune`."""
    scores = edge_deviations(network.moments)
    for l, i, j in edges:  # noqa: E741
        scores[l][i, j] = 0.0
    return prune(network, 0.0, scores)


def widest_way(scores):
    """The largest over all ways from an input to an output of the smallest score on the way."""
    width = np.full(len(scores[0]), np.inf)
    for score in scores:
        width = np.minimum(width[:, None], score).max(axis=0, initial=0.0)
    return float(width.max(initial=0.0))


def _constant(network):
    """The constant model: no edges."""
    first, n_out = network.layers[0], network.layers[-1].n_out
    empty = first.replace(
        weights=np.zeros((first.n_in, first.n_basis + 1, n_out)),
        edge_mask=np.zeros((first.n_in, n_out), dtype=bool),
        symbols=None,
        tables=None,
        unseen=None,
    )
    return Network([empty], network.offset, [np.zeros((3, first.n_in, n_out))])
