"""Compare the lower bounds declared in pyproject.toml with those pinned in .ci/lowest.txt."""

import sys
import tomllib
from pathlib import Path

here = Path(__file__).resolve().parent
project = tomllib.loads((here.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
declared = set(project["dependencies"]).union(extras["plot"], extras["symbolic"], extras["test"])
pinned = set((here / "lowest.txt").read_text(encoding="utf-8").splitlines())

missing = sorted(bound for bound in declared if bound.replace(">=", "==") not in pinned)
if missing:
    sys.exit(f"not pinned in .ci/lowest.txt: {', '.join(missing)}")
