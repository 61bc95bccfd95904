"""A scorer and its card as a policy folder: arrays.npz and card.json, no pickle. `rl.policy.load` reads it back."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from rl.observation import FEATURES, layout_hash
from rl.policy import ARRAYS, CARD, FORMAT
from rl.scorer import Scorer
from signals.errors import PolicyError

HOW_THE_PRIOR_ENTERS = (
    "score = network(features) - prior * excess, where excess is the lookahead's price of the phase above the cheapest one's, "
    "in units of 50 s. The network starts at zero, level with the rolling_horizon planner, and was trained by PPO from there."
)


def export(scorer: Scorer, folder: Path, about: dict[str, Any]) -> None:
    """Write the folder; `about` tells how it was trained and how it did. PolicyError where it cannot be written."""
    arrays = {
        "hidden_1": scorer.hidden_1, "bias_1": scorer.bias_1, "hidden_2": scorer.hidden_2, "bias_2": scorer.bias_2,
        "out": scorer.out, "bias": np.array([scorer.bias], dtype=np.float32),
    }  # fmt: skip
    card = {
        "format": FORMAT,
        "layout_hash": layout_hash(),
        "prior": scorer.prior,
        "prior_enters": HOW_THE_PRIOR_ENTERS,
        "licence": "Apache-2.0",
        "code_version": version("citybrain"),
        "sumo_version": version("eclipse-sumo"),
        **about,
        "layout": [asdict(feature) for feature in FEATURES],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / ARRAYS, **arrays)  # type: ignore[arg-type]
        (folder / CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise PolicyError(f"{folder}: the policy cannot be written: {error}") from error


def version(distribution: str) -> str:
    """Version of an installed distribution; 'source' when run from a bare tree."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "source"
