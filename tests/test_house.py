"""Rules of the house that no run would show: who may import whom, where kernels are compiled, what is documented.

Each rule is a function of source text, so that it can be shown to find what it looks for.
"""

import ast
import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_kan

PACKAGE = Path(sklearn_kan.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))
# A module imports modules of lower levels only.
LEVELS = {
    0: ("_version", "_jit", "_threads", "_vector_code", "_warn", "_stratified_sample"),
    1: ("_vectors",),
    2: (
        "_bspline",
        "_losses",
        "_penalties",
        "_symbolic_library",
        "_simplification",
        "_solvers",
        "_encoding",
        "_sure_screening",
        "_safe_bayes",
        "_shortest_half",
        "_columns",
        "_cholesky",
    ),
    3: ("_affine_fit", "_symbols", "_categorical", "_layer_kernels"),
    4: ("_layer",),
    5: ("_first_layer",),
    6: ("_network",),
    7: ("_gauss_newton", "_grid", "_pruning", "_progress", "_committee", "_blocks"),
    8: ("_objective", "_screening", "_covariance", "_fine_structure"),
    9: ("_posterior", "_node_curvature"),
    10: ("_smoothing", "_elimination"),
    11: ("_stage", "_plotting", "_symbolic", "_formula"),
    12: ("_competition", "_inspection", "_narrowing"),
    13: ("_members",),
    14: ("_training",),
    15: ("_iterated_screening",),
    16: ("_base",),
    17: ("_estimators",),
    18: ("__init__",),
}
LEVEL = {module: level for level, modules in LEVELS.items() for module in modules}
STRANGERS = ("_losses", "_penalties", "_solvers")
OPTIONAL = ("torch", "matplotlib", "sympy", "pandas", "rich", "polars", "skops")


def source(module):
    return (PACKAGE / f"{module}.py").read_text(encoding="utf-8")


def imported_siblings(text):
    """Modules of the package that a source imports, anywhere."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.level > 0 or (node.module or "").startswith("sklearn_kan")):
            path = (node.module or "").removeprefix("sklearn_kan").strip(".")
            found |= {path.split(".")[0]} if path else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("sklearn_kan.")}
    return found


def imported_at_the_top(text):
    """First names of what a source imports when it is imported: not inside functions."""
    found = set()
    waiting = list(ast.parse(text).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
        waiting += ast.iter_child_nodes(node)
    return found


def kernels(text):
    """Functions decorated with njit, by name."""
    return {
        node.name: node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        and any("jit" in ast.unparse(decorator) for decorator in node.decorator_list)
    }


def compiled_elsewhere(text):
    """Uses of Numba's own compilers."""
    compilers = {"jit", "njit", "vectorize", "guvectorize", "stencil", "cfunc", "generated_jit", "jitclass"}
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "numba":
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute) and node.attr in compilers:
            found.append(ast.unparse(node))
    return found


def foreign_calls(text):
    """What kernels call by name that is neither Python's own, an instruction, nor a kernel of the same file."""
    own = kernels(text)
    python = {"range", "len", "min", "max", "abs", "int", "float", "bool", "zip", "enumerate", "round", "sum", "divmod"}
    adding = {"add_combination", "add_multiples", "add_multiples_and_dot", "add_products", "dot_combination"}
    writing = {"write_cubic_values", "write_cubic_slopes", "write_cubic_piece"}
    known = python | adding | writing | set(own)
    return {
        (name, node.func.id)
        for name, kernel in own.items()
        for node in ast.walk(kernel)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in known
    }


def test_every_module_has_a_level():
    assert set(MODULES) <= set(LEVEL)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downwards(module):
    upwards = {name for name in imported_siblings(source(module)) if LEVEL[name] >= LEVEL[module]}
    assert not upwards, f"{module} imports {upwards}"


@pytest.mark.parametrize("module", STRANGERS)
def test_losses_penalties_and_solvers_are_strangers(module):
    assert not imported_siblings(source(module)) & set(STRANGERS)


def test_solvers_know_nothing_of_networks():
    assert imported_siblings(source("_solvers")) <= {"_jit", "_warn"}


@pytest.mark.parametrize("module", MODULES)
def test_optional_dependencies_are_imported_where_they_are_used(module):
    assert not imported_at_the_top(source(module)) & set(OPTIONAL)


@pytest.mark.parametrize("module", MODULES)
def test_run_time_dependencies(module):
    allowed = {"numpy", "scipy", "sklearn", "numba", "llvmlite", "joblib", "threadpoolctl"}
    assert imported_at_the_top(source(module)) <= allowed | set(sys.stdlib_module_names)


def test_nothing_optional_is_loaded():
    """By the import and a fit."""
    code = (
        "import sys, warnings\n"
        "import sklearn_kan\n"
        "warnings.simplefilter('ignore')\n"
        "sklearn_kan.KANRegressor((), max_iter=1).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 0.0]).predict([[0.5]])\n"
        "print(' '.join(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split()) & set(OPTIONAL)
    assert loaded <= {"pandas", "rich"}  # which scikit-learn loads


@pytest.mark.parametrize("module", [module for module in MODULES if module != "_jit"])
def test_kernels_are_compiled_in_one_place(module):
    """One module builds instructions, and compiles nothing."""
    text = source(module)
    builds = ["types", "cgutils", "TypingError", "lower_builtin", "type_callable"]
    assert compiled_elsewhere(text) == (builds if module == "_vector_code" else [])
    for name, kernel in kernels(text).items():
        assert [ast.unparse(decorator) for decorator in kernel.decorator_list] == ["njit"], name
    if kernels(text):
        assert "_jit" in imported_siblings(text)


@pytest.mark.parametrize("module", MODULES)
def test_kernels_call_kernels_of_their_own_file(module):
    """A cached kernel would not notice an edit in another file."""
    assert not foreign_calls(source(module))


def test_kernels_exist():
    found = {name for module in MODULES for name in kernels(source(module))}
    assert {"_even_cubic", "forward_kernel", "backward_kernel", "add_blocks"} <= found


def test_the_checkers_find_what_they_look_for():
    assert imported_siblings(
        "from ._grid import a\nfrom . import _b\nimport sklearn_kan._c\ndef f():\n from ._d import e"
    ) == {
        "_grid",
        "_b",
        "_c",
        "_d",
    }
    assert imported_siblings("from sklearn_kan._grid import a\nfrom sklearn_kan import _b\nimport numpy") == {
        "_grid",
        "_b",
    }
    text = "import torch.nn\nif a:\n from sympy import x\nclass A:\n import rich\ndef f():\n import pandas"
    assert imported_at_the_top(text) == {"torch", "sympy", "rich"}
    text = "import numba\n@numba.njit\ndef f(x):\n return g(x) + h(x) + len(x)\n@njit\ndef g(x):\n return np.sum(x)"
    assert compiled_elsewhere(text) == ["numba.njit"]
    assert compiled_elsewhere("from numba import njit") == ["njit"]
    assert set(kernels(text)) == {"f", "g"}
    assert foreign_calls(text) == {("f", "h")}


# --- documentation ----------------------------------------------------------------------------------------------------


def public_methods(cls):
    """Methods that the package defines."""
    return {
        name: method
        for name, method in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_") and method.__module__.startswith("sklearn_kan")
    }


@pytest.mark.parametrize("module", [module for module in MODULES if module != "__init__"])
def test_modules_are_documented(module):
    assert ast.get_docstring(ast.parse(source(module)))


@pytest.mark.parametrize("name", sklearn_kan.__all__)
def test_public_objects_are_documented(name):
    public = getattr(sklearn_kan, name)
    if not inspect.isclass(public):
        return
    assert inspect.getdoc(public)
    for method_name, method in public_methods(public).items():
        assert method.__doc__, f"{name}.{method_name}"
        text = inspect.getdoc(method)
        for parameter in list(inspect.signature(method).parameters)[1:]:
            assert f"{parameter} :" in text, f"{name}.{method_name} does not explain {parameter}"
        assert "Returns\n-------" in text, f"{name}.{method_name}"
        assert "Examples\n--------" in text, f"{name}.{method_name}"


@pytest.mark.parametrize("name", ["KANRegressor", "KANClassifier"])
def test_every_parameter_and_attribute_is_documented(name):
    estimator = getattr(sklearn_kan, name)
    text = inspect.getdoc(estimator)
    parameters, attributes = text.split("Attributes\n----------")
    defaults = {
        key: parameter.default
        for key, parameter in inspect.signature(estimator.__init__).parameters.items()
        if key != "self"
    }
    for parameter, default in defaults.items():
        line = next((line for line in parameters.splitlines() if line.startswith(f"{parameter} :")), None)
        assert line, f"{name} does not explain {parameter}"
        shown = line.split("default=")[1]
        assert ast.literal_eval(shown) == default, f"{name}: {line}"
    attributes = attributes.split("\n\n")[0] if "\n\n" in attributes else attributes
    for attribute in (
        "n_features_in_",
        "feature_names_in_",
        "n_outputs_",
        "network_",
        "layer_sizes_",
        "n_parameters_",
        "n_iter_",
        "loss_",
        "loss_curve_",
        "validation_scores_",
        "solver_",
        "feature_importances_",
    ):
        assert f"\n{attribute} :" in text, f"{name} does not explain {attribute}"
    if name == "KANClassifier":
        assert "\nclasses_ :" in text


def examples():
    """Docstrings with examples of the package's own classes and their methods, inherited ones too, by name."""
    found = {}
    for name in sklearn_kan.__all__:
        public = getattr(sklearn_kan, name)
        for method in (None, *(one for one, _ in inspect.getmembers(public, callable) if one[0] != "_")):
            text = (public if method is None else getattr(public, method)).__doc__ or ""
            if ">>>" in text and text not in found.values():
                found[name if method is None else f"{name}.{method}"] = text
    return found


def test_all_examples_are_found():
    written = sum((PACKAGE / f"{name}.py").read_text().count("Examples\n") for name in MODULES)
    assert len(examples()) == written > 10


@pytest.mark.parametrize("name", examples())
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_examples_print_what_they_say(name):
    for optional in ("matplotlib", "sympy"):
        pytest.importorskip(optional)
    example = doctest.DocTestParser().get_doctest(examples()[name], {}, name, None, None)
    assert doctest.DocTestRunner().run(example).failed == 0


def test_no_print_and_no_leftovers():
    """Only the progress line prints; nothing is marked as unfinished."""
    for module in MODULES:
        text = source(module)
        for word in ("TODO", "FIXME", "XXX", "breakpoint()", "pdb"):
            assert word not in text, f"{word} in {module}"
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        printing = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
        assert not printing or module == "_progress"
