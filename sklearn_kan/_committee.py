"""A committee: networks with one hidden layer, trained from different starts, side by side as one network.

    f(x) = 1/M sum_m f_m(x)

Their errors that come from the start and from the noise partly cancel: the mean predicts better than its members do on
average (Hansen & Salamon 1990), and the sum of KANs is a KAN. The members share the grid and the knots of the columns.
"""

import numpy as np

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


def side_by_side(networks):
    """One network whose output is the mean of those of several."""
    firsts, lasts = zip(*(network.layers for network in networks), strict=True)

    def joined(layers, name, axis=0):
        return np.concatenate([getattr(layer, name) for layer in layers], axis=axis)

    first = firsts[0].replace(
        weights=joined(firsts, "weights", axis=2),
        edge_mask=joined(firsts, "edge_mask", axis=1),
        unseen=joined(firsts, "unseen", axis=1),
        tables=firsts[0].tables.beside([layer.tables for layer in firsts[1:]]),
    )
    last = lasts[0].replace(
        weights=joined(lasts, "weights") / len(networks),
        **{name: joined(lasts, name) for name in ("knots", "center", "scale", "edge_mask")},
    )
    return Network([first, last], networks[0].offset)


def apart(network, n_members):
    """The networks that are side by side in this one."""
    first, last = network.layers
    member = np.repeat(np.arange(n_members), last.n_in // n_members)
    inputs, outputs = np.ones(first.n_in, dtype=bool), np.ones(last.n_out, dtype=bool)
    found = []
    for k in range(n_members):
        own = last.part(last.edge_mask, member == k, outputs)
        layers = [first.part(first.edges, inputs, member == k), own.replace(weights=n_members * own.weights)]
        found.append(Network(layers, network.offset))
    return found
