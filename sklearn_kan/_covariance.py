"""Covariance of the parameters, in units of the noise, and the degrees of freedom that their penalties leave.

V = H^-1     H = J' C J + P     edof = tr(V J' C J) = n_parameters - tr(V P)
"""

import numpy as np

from ._cholesky import inverse_root


class Covariance:
    """V of the parameters that count, in blocks of those that count together.

    Parameters
    ----------
    objective : Objective
        At the parameters in question.
    parts : Parts
    matrices : list of ndarray of shape (n_group, n_group)
        H of each group of parts.
    least : float
        Added to the diagonal of H, at least, in its own units. Directions that stay singular do not count.

    Attributes
    ----------
    roots : list of ndarray of shape (n_group, n_group)
        R of each group, R R' = V.
    blocks : list of ndarray of shape (n_in, n_terms, n_terms)
        V of each layer, summed over the edges of each input node.
    tables : ndarray of shape (n_rows, n_rows)
        The same for the rows of layer 0's tables.
    edof : float
    log_determinant : float
        Of H.
    """

    def __init__(self, objective, parts, matrices, least):
        self.roots, self.edof, self.log_determinant = [], 0.0, 0.0
        self.blocks = [np.zeros_like(penalty) for penalty in objective.matrices]
        self.tables = np.zeros_like(objective.table_matrix)
        for edges, matrix in zip(parts.edges, matrices, strict=True):
            root, added, log_determinant = inverse_root(matrix, least)
            self.roots.append(root)
            self.log_determinant += log_determinant
            self.edof += len(root) - float(added @ np.einsum("pq,pq->p", root, root))
            for some in edges:
                some.add(some.of_gram(root), self.tables[None] if some.layer is None else self.blocks[some.layer])
        pairs = zip([*self.blocks, self.tables], [*objective.matrices, objective.table_matrix], strict=True)
        self.edof -= float(sum(np.vdot(own, penalty) for own, penalty in pairs))
