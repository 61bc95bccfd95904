"""Where a result comes from: the code that decides an episode, the commit, SUMO, Python and the machine."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from citybrain.assemble import POLICY_PREFIX
from citybrain.episode import EpisodeSpec

ROOT = Path(__file__).resolve().parent.parent
DECIDES = (
    "signals",
    "sumo_nets",
    "forecasting",
    "rl",
    "citybrain/assemble.py",
    "citybrain/detected.py",
    "citybrain/episode.py",
    "citybrain/forecasts.py",
)
"""What an episode's result depends on; a changed report does not run the matrix again."""
SUFFIXES = frozenset({".py", ".toml", ".json", ".npz", ".csv", ".xml", ".gz"})
PACKAGES = ("eclipse-sumo", "libsumo", "sumo-rl", "numpy", "numba")


def digest(*places: Path) -> str:
    """Twelve hexadecimal digits of the names and contents of the files at or under these places."""
    total = hashlib.sha256()
    for place in places:
        files = [place] if place.is_file() else sorted(f for f in place.rglob("*") if f.suffix in SUFFIXES and f.is_file())
        for file in files:
            total.update(f"{file.relative_to(place.parent)}\0{file.stat().st_size}\0".encode())
            total.update(file.read_bytes())
    return total.hexdigest()[:12]


@cache
def code_version() -> str:
    """The packages that decide an episode, and the versions of SUMO and RESCO's files."""
    return f"{digest(*(ROOT / place for place in DECIDES))} {package_version('libsumo')} {package_version('sumo-rl')}"


def episode_version(spec: EpisodeSpec) -> str:
    """The code's version, and the digest of what else a spec names: a policy's folder, a forecaster's, a scenario's files."""
    policy = spec.controller.removeprefix(POLICY_PREFIX) if spec.controller.startswith(POLICY_PREFIX) else ""
    named = (policy, spec.forecast, spec.scenario, spec.net, *spec.routes, *spec.additional)
    places = [Path(word) for word in named if word and Path(word).exists()]
    return f"{code_version()} {digest(*places)}" if places else code_version()


def package_version(name: str) -> str:
    """The installed version of a distribution, "-" where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "-"


def git_commit(root: Path = ROOT) -> str | None:
    """The commit of the checkout, with "+" where files differ from it; None outside a checkout."""
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None
    ask = (
        [git, "-C", str(root), "rev-parse", "HEAD"],
        [git, "-C", str(root), "status", "--porcelain", "--untracked-files=no"],
    )
    commit, changed = (subprocess.run(words, capture_output=True, text=True, check=False) for words in ask)
    if commit.returncode != 0:
        return None
    return commit.stdout.strip() + ("+" if changed.stdout.strip() else "")


def cpu_model(info: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name, as far as the system tells."""
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def provenance(date: str, command: str) -> dict[str, Any]:
    """What to store and print beside results; the caller, who has a clock, gives the date."""
    return {
        "date": date,
        "command": command,
        "git_commit": git_commit(),
        "code_version": code_version(),
        "sumo_version": package_version("libsumo"),
        "python_version": platform.python_version(),
        "package_versions": {name: package_version(name) for name in PACKAGES},
        "machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"},
    }
