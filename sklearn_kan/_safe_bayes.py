"""Noise to count on: rows held out tell whether residuals hide some of it, and whether labels have less.

    strengths, evidence from likelihood^(1 / excess), that is from noise of excess times the variance

The marginal likelihood is one of normal noise with the same variance everywhere. Where noise has heavy tails, grows
with the mean or is shared by groups of rows, a flexible network learns the largest part of it, and the residuals, which
are small then, ask for yet less of the penalties. Such a likelihood is safe to a power below 1, which rows held out
tell (SafeBayes, Grünwald & van Ommen 2017, doi:10.1214/17-BA1085).

The likelihood of class labels has noise of its own. Where the columns leave next to none, it pays to count on less: a
power above 1 ("cold" posterior, Wenzel et al. 2020, arXiv:2002.02405).
"""

import numpy as np

# Noise that is tried, in units of what the residuals say, or of what the likelihood of labels has.
_EXCESSES = (4.0, 16.0)
_COLDER = (1 / 4, 1 / 16, 1 / 64)
# Part of the rows that is held out, and the noise there, in the same units, that contradicts the residuals; where tails
# are heavy these say little, and less does.
HELD_OUT, CONTRADICTION, ANY_CONTRADICTION = 0.2, 1.5, 1.1
# Noise there that leaves no doubt that some was learnt.
_FLAGRANT = 4.0
# Degrees of freedom in parts of the targets below which little noise can have been learnt.
FLEXIBLE = 0.15
# Rows that tell it, at least, and cases a row, at most: where rows are repeated new ones are copies of known ones as
# well. Those held out are not, but where cases are held out, as weights count them.
ENOUGH, MOST_CASES = 50, 1.1
# Loss of labels that are met almost exactly, in parts of the constant model's. Few rows held out tell next to nothing
# of them, and so many are enough.
NEARLY_EXACT, ENOUGH_LABELS, MOST_LABELS = 0.1, 500, 2_500
# Standard errors of what is beyond doubt.
_CLEARLY = 2.0


def safe_excess(held_out, weight, contradiction=CONTRADICTION):
    """Noise to count on, in units of what the residuals say.

    Parameters
    ----------
    held_out : callable
        excess -> losses of rows held out, shape (n_samples,), and their noise in units of what the residuals say.
    weight : ndarray of shape (n_samples,)
    contradiction : float
        Their noise, in the same units, that contradicts the residuals.

    Returns
    -------
    excess : float
        1 where these rows do not contradict the residuals, or are not met better with more by a standard error, or at
        all where they leave no doubt.
    """
    losses, noise = held_out(1.0)
    found, most, needed = 1.0, 0.0, 1.0 if noise <= _FLAGRANT else 0.0
    if noise <= contradiction:
        return found
    for excess in _EXCESSES:
        mean, error = _mean_and_error(losses - held_out(excess)[0], weight)
        if mean > max(most, needed * error):
            found, most = excess, mean
    return found


def cold_excess(held_out, weight):
    """Noise of labels to count on, in units of what their likelihood has.

    Parameters
    ----------
    held_out, weight : as of `safe_excess`
        The network goes on from where the call before left it.

    Returns
    -------
    excess : float
        The least for which each step towards it clearly pays.
    """
    losses, found = held_out(1.0)[0], 1.0
    for excess in _COLDER:
        before, losses = losses, held_out(excess)[0]
        if not clearly_positive(before - losses, weight):
            break
        found = excess
    return found


def clearly_positive(values, weight):
    """Whether the mean of some values is positive beyond doubt."""
    mean, error = _mean_and_error(values, weight)
    return bool(mean > _CLEARLY * error)


def _mean_and_error(values, weight):
    """Mean and its standard error."""
    weight = weight / weight.sum()
    mean = values @ weight
    return mean, np.sqrt((values - mean) ** 2 @ weight**2)
