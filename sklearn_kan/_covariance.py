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
        H of each group of parts; of parameters that count alone the diagonal, as in `roots`.
    least : float
        Added to the diagonal of H, at least, in its own units. Directions that stay singular do not count.

    Attributes
    ----------
    roots : list of ndarray of shape (n_group, n_group)
        R of each group, R R' = V.
    blocks : list of ndarray of shape (n_in, n_terms, n_terms)
        V of each layer, summed over the edges of each input node.
    tables : ndarray of shape (n_rows,)
        The same for the rows of layer 0's tables, times their penalty's curvature at strength 1, each row added up.
    edof : float
    log_determinant : float
        Of H.
    """

    def __init__(self, objective, parts, matrices, least):
        self.roots, self.edof, self.log_determinant = [], 0.0, 0.0
        self.blocks = [np.zeros_like(penalty) for penalty in objective.matrices]
        tables, self.tables = objective.network.layers[0].tables, np.zeros(len(objective.totals))
        for edges, matrix in zip(parts.edges, matrices, strict=True):
            if matrix.ndim == 1:
                unit = tables.curvature_diagonal(objective.shares)
                self._add_alone(parts.alone_at[0], unit, np.maximum(matrix, least * matrix.max() or 1.0))
                continue
            root, added, log_determinant = inverse_root(matrix, least)
            self.roots.append(root)
            self.log_determinant += log_determinant
            self.edof += len(root) - float(added @ np.einsum("pq,pq->p", root, root))
            for some in edges:
                own = some.of_gram(root)
                if some.layer is None:
                    self.tables[some.terms] += np.sum(own[0] * tables.curvature(objective.shares, some.terms), axis=1)
                else:
                    some.add(own, self.blocks[some.layer])
        pairs = zip([*self.blocks, self.tables], [*objective.matrices, objective.row_strengths], strict=True)
        self.edof -= float(sum(np.vdot(own, penalty) for own, penalty in pairs))

    def _add_alone(self, rows, unit, diagonal):
        """Parameters of some rows of the tables, each of which counts alone; unit is their penalty's at strength 1."""
        self.roots.append(diagonal**-0.5)
        self.log_determinant += float(np.sum(np.log(diagonal)))
        self.edof += len(rows)
        np.add.at(self.tables, rows, unit[rows] / diagonal)
