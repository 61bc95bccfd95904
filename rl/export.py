"""A scorer and its card as a policy folder: arrays.npz and card.json, no pickle. `rl.policy.load` reads it back."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from rl.digest import arrays_digest
from rl.observation import FEATURES, layout_hash
from rl.policy import ARRAYS, CARD, FORMAT
from rl.scorer import Scorer, Weights
from signals.errors import PolicyError

LICENCE = "Apache-2.0"
HOW_THE_PRIOR_ENTERS = (
    "score = network(features) - prior * excess, where excess is the lookahead's price of the phase above the cheapest one's, "
    "in units of 50 s. The network started at zero, level with the rolling_horizon planner, and was trained from there."
)


def export(scorer: Scorer, folder: Path, about: Mapping[str, Any]) -> None:
    """Write the folder; `about` tells how it was trained and how it did. PolicyError where it cannot be written."""
    arrays = arrays_of(scorer)
    card = {
        "format": FORMAT,
        "layout_hash": layout_hash(),
        "arrays_sha256": arrays_digest(arrays),
        "prior": scorer.prior,
        "prior_enters": HOW_THE_PRIOR_ENTERS,
        "licence": LICENCE,
        "code_version": version("citybrain"),
        "commit": commit(),
        "sumo_version": version("eclipse-sumo"),
        **{name: value for name, value in about.items() if name not in ("layout", "layout_hash", "arrays_sha256", "prior")},
        "layout": [asdict(feature) for feature in FEATURES],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / ARRAYS, **arrays)  # type: ignore[arg-type]
        (folder / CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise PolicyError(f"{folder}: the policy cannot be written: {error}") from error


def copy(policy: Path, folder: Path) -> None:
    """The same policy in another folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (ARRAYS, CARD):
            (folder / name).write_bytes((policy / name).read_bytes())
    except OSError as error:
        raise PolicyError(f"{folder}: the policy cannot be written: {error}") from error


def arrays_of(scorer: Scorer) -> dict[str, Weights]:
    """The arrays that a policy folder holds, by name."""
    return {
        "hidden_1": scorer.hidden_1, "bias_1": scorer.bias_1, "hidden_2": scorer.hidden_2, "bias_2": scorer.bias_2,
        "out": scorer.out, "bias": np.array([scorer.bias], dtype=np.float32),
    }  # fmt: skip


def version(distribution: str) -> str:
    """Version of an installed distribution; 'source' when run from a bare tree."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "source"


def commit() -> str | None:
    """The commit of the checkout that runs, with "+" where files differ from it; None outside a checkout."""
    root, git = Path(__file__).resolve().parent.parent, shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None
    ask = ("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no")
    head, changed = (subprocess.run([git, "-C", str(root), *words], capture_output=True, text=True, check=False) for words in ask)
    return None if head.returncode else head.stdout.strip() + ("+" if changed.stdout.strip() else "")
