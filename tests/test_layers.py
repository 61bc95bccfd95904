"""The arrows between the packages, checked on the syntax tree: who may know whom, and who loads what."""

import ast
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import signals

ROOT = Path(signals.__file__).resolve().parents[1]
BELOW = {  # what each package may import of ours
    "signals": set(),
    "sumo_nets": {"signals"},
    "forecasting": {"signals"},
    "rl": {"signals", "sumo_nets"},
    "citybrain": {"signals", "sumo_nets", "forecasting", "rl"},
    "benchmarks": {"signals", "sumo_nets", "forecasting", "rl", "citybrain"},
}
UPWARD = {("citybrain/cli.py", "benchmarks.matrix"), ("citybrain/cli_leaderboard.py", "benchmarks.leaderboard")}
"""The command line is the roof over all packages: two verbs name the benchmarks, when they are called and not before."""
SUMO = {"libsumo", "traci", "sumolib", "sumo"}
TORCH = {"torch", "stable_baselines3", "sb3_contrib", "tensorboard"}
TRAINING = {
    "rl/train.py", "rl/network_torch.py", "rl/export.py", "rl/checkpoint.py", "rl/vector.py", "rl/buffers.py", "rl/value.py",
    "rl/import_sb3.py", "rl/fit.py", "rl/twin/vector.py",
}  # fmt: skip
WITHIN_SIGNALS: dict[str, tuple[str, ...]] = {  # what it may import of signals; others: anything
    "signals/kernels/": ("signals.kernels",),
    "signals/types.py": ("signals.errors",),
    "signals/errors.py": (),
}

FILES = [path for package in BELOW for path in sorted((ROOT / package).rglob("*.py"))]


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file names: by import statement anywhere in it, or as the text of `import_module`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "" if node.level == 0 else "." * node.level), node.lineno
            if node.level == 0:
                yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and called(node) in ("import_module", "__import__"):
            yield from ((str(one.value), node.lineno) for one in node.args if isinstance(one, ast.Constant))


def called(node: ast.Call) -> str:
    """Last part of the name of what is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def name_of(path: Path) -> str:
    """Place below the root."""
    return path.relative_to(ROOT).as_posix()


def offences(path: Path, allowed: set[str], judged: set[str]) -> list[str]:
    """Imports of judged top-level modules that are not allowed."""
    return [
        f"{name_of(path)}:{line} imports {module}"
        for module, line in imports(path)
        if (top := module.split(".")[0]) in judged and top not in allowed and (name_of(path), module) not in UPWARD
    ]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_arrows_between_our_packages_point_downward(path: Path) -> None:
    package = name_of(path).split("/", maxsplit=1)[0]
    assert offences(path, BELOW[package] | {package}, set(BELOW)) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_sumo_nets_imports_sumo(path: Path) -> None:
    assert offences(path, SUMO if name_of(path).startswith("sumo_nets/") else set(), SUMO) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_training_imports_torch(path: Path) -> None:
    assert offences(path, TORCH if name_of(path) in TRAINING else set(), TORCH) == []


@pytest.mark.parametrize("path", [p for p in FILES if name_of(p).startswith("signals/")], ids=name_of)
def test_signals_imports_numpy_numba_and_the_standard_library_alone(path: Path) -> None:
    known = {"signals", "numpy", "numba", *sys.stdlib_module_names}
    known |= {"scipy"} if name_of(path) == "signals/planners/progression.py" else set()  # MAXBAND, behind the extra `plan`
    assert [f"{line}: {module}" for module, line in imports(path) if module.split(".")[0] not in known] == []


@pytest.mark.parametrize("path", [p for p in FILES if name_of(p).startswith("signals/")], ids=name_of)
def test_inside_signals_kernels_know_numbers_and_types_know_errors(path: Path) -> None:
    known = (modules for place, modules in WITHIN_SIGNALS.items() if name_of(path).startswith(place))
    allowed = next(known, ("signals",))
    ours = [module for module, _ in imports(path) if module.split(".")[0] == "signals"]
    assert [module for module in ours if not module.startswith(allowed)] == []


@pytest.mark.parametrize("path", [p for p in FILES if name_of(p).startswith("signals/")], ids=name_of)
def test_inside_signals_only_the_loop_knows_planners_and_links_know_no_planner(path: Path) -> None:
    name = name_of(path)
    knows = {module for module, _ in imports(path)}
    if name.startswith("signals/links/"):
        assert not [m for m in knows if m.startswith("signals.planners")]
    elif name.startswith("signals/planners/"):
        assert not [m for m in knows if m.startswith("signals.links")]
    elif name not in ("signals/loop.py", "signals/emulator.py"):
        assert not [m for m in knows if m.startswith(("signals.planners", "signals.links"))]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_import_is_relative(path: Path) -> None:
    assert [line for module, line in imports(path) if module.startswith(".")] == []


def test_the_check_itself_sees_every_kind_of_import(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(
        "import a.b\nfrom c import d\ndef late():\n    from e.f import g\n    importlib.import_module('h.i')\n"
        "    import_module('j')\n    __import__('k')\n",
        encoding="utf-8",
    )
    assert {module for module, _ in imports(planted)} == {"a.b", "c", "c.d", "e.f", "e.f.g", "h.i", "j", "k"}


HEAVY = ("torch", "stable_baselines3", "pandas", "libsumo", "traci", "matplotlib", "jinja2")
LOADED = """
import importlib, json, sys
for name in {names!r}:
    importlib.import_module(name)
found = [name for name in {heavy!r} if name in sys.modules]
places = [sys.modules[name].__file__ for name in {names!r}]
sys.stdout.write(json.dumps([found, places]))
"""


def loaded_with(names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Heavy modules that a fresh process has loaded after these imports, and where the imported ones lie."""
    code = LOADED.format(names=names, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT.parent,
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found, places = json.loads(done.stdout)
    return found, places


def test_importing_the_six_packages_loads_nothing_heavy_and_all_lie_in_one_tree() -> None:
    found, places = loaded_with(tuple(BELOW))
    assert found == []
    assert {Path(place).resolve().parents[1] for place in places} == {ROOT}


def test_the_command_line_and_the_learned_planner_start_without_anything_heavy() -> None:
    found, _ = loaded_with(("citybrain.cli", "rl.policy", "citybrain.street", "citybrain.episode", "benchmarks.matrix"))
    assert found == []


@pytest.mark.parametrize("package", BELOW)
def test_every_package_is_typed_and_ours(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__file__ is not None and Path(module.__file__).resolve().parents[1] == ROOT
    assert (ROOT / package / "py.typed").is_file()
