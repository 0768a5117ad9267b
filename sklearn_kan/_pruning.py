"""Scores of edges and nodes, and the smaller network (paper 2.5.1).

edge (l, i, j)   |phi_lij|_1, averaged over the training rows
node (l, i)      I = max_k |phi_{l-1,k,i}|_1 and O = max_j |phi_{l,i,j}|_1 (eq. 2.18, 2.19)
"""

import numpy as np

from ._layer import add_constant, edge_variances
from ._network import Network
from ._threads import map_chunks


def edge_norms(network):
    """abs(phi) of every edge averaged over the training rows, a list of (n_in, n_out) arrays."""
    return [moments[0] for moments in network.moments]


def edge_deviations(network):
    """Standard deviation of every edge's function over the training rows."""
    return [np.sqrt(edge_variances(moments)) for moments in network.moments]


def measured(network, X):
    """A copy of the network whose moments are those over the rows of X."""

    def chunk(rows):
        x = np.asarray(X[rows], dtype=np.float64)
        weight = np.full(len(x), 1.0 / len(X))
        terms = network.forward(x)[1]
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
    for deviations in reversed(edge_deviations(network)):
        total = deviations.sum(axis=0)
        share = np.divide(deviations, total, out=np.zeros_like(deviations), where=total > 0)
        found.append(share * importance)
        importance = found[-1].sum(axis=1)
    return found[::-1]


def attribution(network):
    """Importance of every column: that of its edges.

    Returns
    -------
    importances : ndarray of shape (n_in,)
        Sums to 1, or all 0 for a constant model.
    """
    importance = edge_attributions(network)[0].sum(axis=1)
    total = importance.sum()
    return importance / total if total > 0 else importance


def _kept_edges(network, threshold):
    """Edges that stay: above the threshold and on a way from an input to an output."""
    masks = [
        layer.edge_mask & (norms > threshold) for layer, norms in zip(network.layers, edge_norms(network), strict=True)
    ]
    for before, after in zip(masks[:-1], masks[1:], strict=True):
        after &= before.any(axis=0)[:, None]
    for before, after in zip(masks[-2::-1], masks[:0:-1], strict=True):
        before &= after.any(axis=1)
    return masks


def prune(network, threshold):
    """Remove edges and hidden nodes whose scores do not exceed the threshold.

    Pruned nodes leave the arrays. Pruned edges and inputs stay as a mask. A removed edge's mean over the training rows
    goes into the splines that remain, or into the constant, so that only its variation is lost.

    Returns
    -------
    pruned : Network
        An additive network without edges where nothing is left.
    """
    masks = _kept_edges(network, threshold)
    nodes = [np.ones(network.layers[0].n_in, dtype=bool), *(mask.any(axis=0) for mask in masks)]
    nodes[-1][:] = True
    if not masks[-1].any():
        return _constant(network)
    layers, offset = [], network.offset.copy()
    for l, (layer, mask, moments) in enumerate(zip(network.layers, masks, network.moments, strict=True)):  # noqa: E741
        weights = np.where(mask[:, None], layer.weights, 0.0)
        lost = np.where(mask, 0.0, moments[1]).sum(axis=0)
        if l == len(network.layers) - 1:
            offset += lost
        inputs, outputs = nodes[l], nodes[l + 1]
        layers.append(_with(layer, weights[inputs][:, :, outputs], mask[inputs][:, outputs], inputs))
        if l < len(network.layers) - 1:
            for j, constant in enumerate(lost[outputs]):
                add_constant(layers[-1], j, constant)
    return Network(layers, offset)


def _constant(network):
    """The constant model: no edges."""
    first, n_out = network.layers[0], network.layers[-1].n_out
    mask = np.zeros((first.n_in, n_out), dtype=bool)
    empty = _with(first, np.zeros((first.n_in, first.n_basis + 1, n_out)), mask, slice(None))
    return Network([empty], network.offset)


def _with(layer, weights, mask, inputs):
    """The layer with other weights and only some of its input nodes."""
    return layer.replace(
        weights=weights,
        knots=layer.knots[inputs],
        center=layer.center[inputs],
        scale=layer.scale[inputs],
        edge_mask=mask,
    )
