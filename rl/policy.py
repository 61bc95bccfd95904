"""A stored policy: a folder with arrays.npz (no pickle) and card.json, and the planner that runs it without torch.

Every defect of the folder is one `PolicyError` sentence; nothing in it can run code.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rl import features
from rl.choice import Choice
from rl.digest import arrays_digest
from rl.observation import FEATURES, Eyes, layout_hash
from rl.scorer import Scorer, Weights
from signals.errors import PolicyError
from signals.planners.sequence import sequences
from signals.types import ApprovedPlan, Floats, FlowForecast, Network, Observation, SafetyEnvelope, TimingPlan

FORMAT = "citybrain-policy/1"
ARRAYS, CARD = "arrays.npz", "card.json"
SHIPPED = Path(__file__).resolve().parent / "policies" / "shared"
LARGEST_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """The weights and the card that says where they come from."""

    scorer: Scorer
    card: dict[str, Any]


class LearnedPlanner:
    """Asks the policy which phase comes next at every signal; how the change is made is the planners' common `sequences`."""

    def __init__(self, network: Network, limits: tuple[SafetyEnvelope, ...], policy: Policy | Path | None = None) -> None:
        """`policy`: one that is loaded, a folder to load, or None for the one that ships."""
        self._limits = limits
        self._eyes = Eyes(network, limits)
        self._choice = Choice(network, (policy if isinstance(policy, Policy) else load(policy or SHIPPED)).scorer)

    def costs_s(self, observed: Observation, forecast: FlowForecast | None) -> Floats:
        """The lookahead's price of each next phase, as the policy sees it [signal, phase]; NaN where it may not come now [s]."""
        return self._eyes.lookahead.costs_s(observed, forecast)

    def propose(
        self, network: Network, observed: Observation, forecast: FlowForecast | None, running: tuple[ApprovedPlan, ...]
    ) -> tuple[TimingPlan, ...]:
        """The phase with the highest score at every signal; an empty junction rests, a movement that waits too long goes first."""
        wanted = self._choice.wanted(self._eyes.rows(observed, forecast), observed)
        return sequences(network, self._eyes.layout, observed, self._limits, wanted, running)


def load(folder: Path = SHIPPED) -> Policy:
    """The policy in a folder; PolicyError where it is missing, broken, of another layout, or could run code."""
    if folder.is_file():
        raise PolicyError(
            f"{folder}: is a file; expected a folder with {ARRAYS} and {CARD} (a training checkpoint is not a policy: export it)"
        )
    card = _card(folder / CARD)
    return Policy(_scorer(folder / ARRAYS, _prior(folder / CARD, card), card.get("arrays_sha256")), card)


def _card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PolicyError(f"{path}: there is no such file; expected a folder with {ARRAYS} and {CARD}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise PolicyError(f"{path}: not a readable card ({error})") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise PolicyError(f"{path}: not the card of a policy; expected format {FORMAT!r}")
    stored = card.get("layout_hash")
    if stored != layout_hash():
        raise PolicyError(
            f"{path}: of observation layout {stored}, this version has {layout_hash()} ({len(FEATURES)} features); train it anew"
        )
    return card


def _prior(path: Path, card: dict[str, Any]) -> float:
    prior = card.get("prior")
    if not isinstance(prior, int | float) or isinstance(prior, bool) or not 0.0 <= prior < np.inf:
        raise PolicyError(f"{path}: prior is {prior!r}; expected a finite number of at least 0")
    return float(prior)


def _scorer(path: Path, prior: float, digest: object) -> Scorer:
    arrays = _arrays(path)
    units = arrays["bias_1"].size
    shapes = {
        "hidden_1": (units, 3 * features.WIDTH), "bias_1": (units,), "hidden_2": (units, units), "bias_2": (units,),
        "out": (units,), "bias": (1,),
    }  # fmt: skip
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise PolicyError(f"{path}: {name} has shape {arrays[name].shape}; expected {shape}")
        if not np.isfinite(arrays[name]).all():
            raise PolicyError(f"{path}: {name} holds values that are not finite")
    if arrays_digest(arrays) != digest:
        raise PolicyError(f"{path}: the arrays are not those of the card (arrays_sha256 differs)")
    bias = float(arrays.pop("bias")[0])
    return Scorer(
        hidden_1=arrays["hidden_1"],
        bias_1=arrays["bias_1"],
        hidden_2=arrays["hidden_2"],
        bias_2=arrays["bias_2"],
        out=arrays["out"],
        bias=bias,
        prior=prior,
    )


def _arrays(path: Path) -> dict[str, Weights]:
    names = ("hidden_1", "bias_1", "hidden_2", "bias_2", "out", "bias")
    try:
        with zipfile.ZipFile(path) as packed:
            members = {info.filename: info.file_size for info in packed.infolist()}
            if set(members) != {f"{name}.npy" for name in names}:
                what = "a Stable-Baselines3 archive, which is a pickle" if "data" in members else f"holds {sorted(members)}"
                raise PolicyError(f"{path}: {what}; expected the arrays {', '.join(names)}")
            if sum(members.values()) > LARGEST_BYTES:
                raise PolicyError(f"{path}: unpacks to {sum(members.values())} bytes; expected at most {LARGEST_BYTES}")
        with np.load(path, allow_pickle=False) as opened:
            arrays = {name: opened[name] for name in names}
    except FileNotFoundError as error:
        raise PolicyError(f"{path}: there is no such file; expected a folder with {ARRAYS} and {CARD}") from error
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError) as error:
        raise PolicyError(f"{path}: no arrays can be read (truncated, or a pickle, which could run code): {error}") from error
    for name, array in arrays.items():
        if array.dtype != np.float32:
            raise PolicyError(f"{path}: {name} is {array.dtype}; expected float32")
    return arrays
