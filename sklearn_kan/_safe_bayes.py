"""Noise that the residuals hide: the likelihood counts for less where rows held out are met worse than it says.

    strengths, evidence from likelihood^(1 / excess), that is from noise of excess times the variance

The marginal likelihood is one of normal noise with the same variance everywhere. Where noise has heavy tails, grows
with the mean or is shared by groups of rows, a flexible network learns the largest part of it, and the residuals, which
are small then, ask for yet less of the penalties. Such a likelihood is safe to a power below 1, which rows held out
tell (SafeBayes, Grünwald & van Ommen 2017, doi:10.1214/17-BA1085).
"""

import numpy as np

# Noise that is tried, in units of what the residuals say.
_EXCESSES = (4.0, 16.0)
# Part of the rows that is held out, and the noise there, in the same units, that contradicts the residuals.
HELD_OUT, _CONTRADICTION = 0.2, 1.5
# Degrees of freedom in parts of the targets below which little noise can have been learnt.
FLEXIBLE = 0.15
# Rows that tell it, at least, and cases a row, at most: where rows are repeated new ones are copies of known ones as
# well, but those held out are not.
ENOUGH, MOST_CASES = 50, 1.1


def safe_excess(held_out, weight):
    """Noise to count on, in units of what the residuals say.

    Parameters
    ----------
    held_out : callable
        excess -> losses of rows held out, shape (n_samples,), and their noise in units of what the residuals say.
    weight : ndarray of shape (n_samples,)

    Returns
    -------
    excess : float
        1 where these rows do not contradict the residuals, or are not met better with more by a standard error.
    """
    losses, noise = held_out(1.0)
    found, most = 1.0, 0.0
    if noise <= _CONTRADICTION:
        return found
    weight = weight / weight.sum()
    for excess in _EXCESSES:
        fall = losses - held_out(excess)[0]
        mean = fall @ weight
        error = np.sqrt((fall - mean) ** 2 @ weight**2)
        if mean > max(most, error):
            found, most = excess, mean
    return found
