"""A committee: networks with one hidden layer, trained from different starts, side by side as one network.

    f(x) = sum_m w_m f_m(x),     sum_m w_m = 1

Their errors that come from the start and from the noise partly cancel: the mean predicts better than its members do on
average (Hansen & Salamon 1990), and the sum of KANs is a KAN. The members share the grid and the knots of the columns.
An additive model, a network without a hidden layer, may be one of them: it has little variance where noise is large.
"""

import numpy as np

from ._bspline import even_knots, greville
from ._layer import Layer
from ._network import Network

# hidden_layer_sizes='auto': nodes of one of several networks, and of a single one that is not to be read.
_MEMBER, ALONE = 8, 16
# Most rows from which several learn.
_MOST_ROWS = 100_000
# Most members, and columns of all of them: many columns differ in enough to make up for members. So do many outputs,
# but networks of one are two at least.
_MEMBERS, _COLUMNS, _OF_ONE_OUTPUT = 4, 60, 2


def committee_size(n_columns, n_outputs):
    """How many networks see so many columns."""
    least = _OF_ONE_OUTPUT if n_outputs == 1 else 1
    return max(least, min(_MEMBERS, _COLUMNS // max(n_columns, 1)))


def committee(settings, hidden, n_rows, n_columns, n_outputs):
    """Hidden layer sizes, and the number of networks: one where it shall be read or the table is large."""
    if hidden is not None:
        return hidden, 1
    if settings.reg_lambda > 0.0 or settings.prune_threshold > 0.0:
        return [_MEMBER], 1
    n_members = committee_size(n_columns, n_outputs) if n_rows <= _MOST_ROWS else 1
    return ([_MEMBER], n_members) if n_members > 1 else ([ALONE], 1)


def shares_of(n_members, given=None):
    """Shares of the members in the whole: equal ones unless others are given."""
    return np.full(n_members, 1.0 / n_members) if given is None else given


def with_hidden_nodes(network, size):
    """An additive network with a hidden node before each output, which goes on as a line; `size` are their units."""
    first, n_nodes = network.copy().layers[0], network.shape[-1]
    for j in range(n_nodes):
        first.rescale_output(j, size[j])
    knots = even_knots(n_nodes, first.grid_size, first.degree)
    mask = np.eye(n_nodes, dtype=bool)
    weights = np.zeros((n_nodes, first.n_basis + 1, n_nodes))
    weights[:, :-1] = greville(knots, first.degree)[:, :, None] * np.diag(size)[:, None]
    center, scale = np.zeros(n_nodes), np.ones(n_nodes)
    last = Layer(weights, knots, center, scale, first.degree, first.base_activation, True, mask)
    return Network([first, last], network.offset)


def side_by_side(networks, shares=None):
    """One network whose output is the mean of those of several, weighed by their shares."""
    firsts, lasts = zip(*(network.layers for network in networks), strict=True)
    shares = shares_of(len(networks), shares)

    def joined(layers, name, axis=0):
        return np.concatenate([getattr(layer, name) for layer in layers], axis=axis)

    first = firsts[0].replace(
        weights=joined(firsts, "weights", axis=2),
        edge_mask=joined(firsts, "edge_mask", axis=1),
        unseen=joined(firsts, "unseen", axis=1),
        tables=firsts[0].tables.beside([layer.tables for layer in firsts[1:]]),
    )
    last = lasts[0].replace(
        weights=np.concatenate([share * layer.weights for share, layer in zip(shares, lasts, strict=True)]),
        **{name: joined(lasts, name) for name in ("knots", "center", "scale", "edge_mask")},
    )
    return Network([first, last], networks[0].offset)


def apart(network, members, shares=None):
    """The networks that are side by side in this one: so many of one size, or of these sizes."""
    first, last = network.layers
    sizes = [last.n_in // members] * members if np.ndim(members) == 0 else members
    shares = shares_of(len(sizes), shares)
    member = np.repeat(np.arange(len(sizes)), sizes)
    inputs, outputs = np.ones(first.n_in, dtype=bool), np.ones(last.n_out, dtype=bool)
    found = []
    for k, share in enumerate(shares):
        own = last.part(last.edge_mask, member == k, outputs)
        layers = [first.part(first.edges, inputs, member == k), own.replace(weights=own.weights / share)]
        found.append(Network(layers, network.offset))
    return found
