"""Progress of a fit: the live line of `verbose` and scikit-learn's callbacks.

scikit-learn 1.9 brought callbacks (`sklearn.callback`). Older versions get stand-ins that do nothing.
"""

import sys
import time

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class _NoContext:
        """A context without callbacks."""

        def subcontext(self, **kwargs):
            return self

        def call_on_fit_task_begin(self, **kwargs):
            return self

        def call_on_fit_task_end(self, **kwargs):
            return False

    class CallbackSupportMixin:
        """Stand-in for scikit-learn before 1.9."""

        def _init_callback_context(self, **kwargs):
            return _NoContext()


class Progress:
    """Reports stages and iterations to the user.

    Parameters
    ----------
    estimator : estimator
    n_stages : int
        The most stages there can be.
    data : dict
        X, y and metadata for the callbacks.
    categories : list
        Of the columns of X, what becomes `categories_`.

    Attributes
    ----------
    whole : callable
        From the network in training the one that predicts from X.
    """

    def __init__(self, estimator, n_stages, data, categories):
        self.estimator = estimator
        self.verbose = estimator.verbose
        self.data = data
        self.whole = None
        self.categories = categories
        self.context = estimator._init_callback_context(max_subtasks=n_stages)
        self.context.call_on_fit_task_begin(estimator=estimator, **data)
        self.started = time.perf_counter()
        self.stage_context = None
        self.stage = ""

    def begin_stage(self, stage, max_iter):
        self.stage = stage
        self.n_iter = 0
        self.line = ""
        self.stage_context = self.context.subcontext(task_name=stage, max_subtasks=max_iter)
        self.stage_context.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def _end(self, context, network):
        """End a task; whether a callback asks to stop the loop it belongs to."""
        return context.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=lambda: {
                "network_": self.whole(network),
                "categories_": self.categories,
            },
            **self.data,
        )

    def iteration(self, network, loss, score):
        """Report one iteration; whether a callback asks to end the stage."""
        self.n_iter += 1
        seconds = time.perf_counter() - self.started
        shown = "" if score is None else f"  validation score {score:.6g}"
        self.line = f"{self.stage}  iteration {self.n_iter}  loss {loss:.6g}{shown}  {seconds:.1f} s"
        if self.verbose > 1:
            print(self.line)
        elif self.verbose and sys.stdout.isatty():
            print("\r\x1b[K" + self.line, end="", flush=True)
        context = self.stage_context.subcontext(task_name="iteration")
        context.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        return self._end(context, network)

    def end_stage(self, network):
        """End a stage; whether a callback asks to end the fit."""
        if self.verbose == 1:
            print("\r\x1b[K" + self.line if sys.stdout.isatty() else self.line, flush=True)
        return self._end(self.stage_context, network)

    def end(self, network):
        """End the fit."""
        self._end(self.context, network)
