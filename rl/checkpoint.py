"""Checkpoints of a training run: model, optimiser, step count, episode number and random states, written whole or not at all.

They are read with torch's `weights_only`, so loading one runs no code.
"""

from __future__ import annotations

import os
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rl.observation import layout_hash
from signals.errors import PolicyError

FOLDER = "checkpoints"
KEYS = (
    "layout_hash",
    "policy",
    "optimiser",
    "steps",
    "updates",
    "episode",
    "torch_random",
    "numpy_random",
    "numpy_rest",
)


@dataclass(frozen=True, slots=True)
class State:
    """A checkpoint's content, as read."""

    episode: int
    content: dict[str, Any]


def save(model: Any, episode: int, run: Path) -> Path:
    """Write the model as it is now; a file half written is never seen under the checkpoint's name."""
    path = run / FOLDER / f"{model.num_timesteps:010d}.pt"
    _, keys, position, has_gauss, cached = np.random.get_state()
    content = {
        "layout_hash": layout_hash(),
        "policy": model.policy.state_dict(),
        "optimiser": model.policy.optimizer.state_dict(),
        "steps": model.num_timesteps,
        "updates": model._n_updates,
        "episode": episode,
        "torch_random": torch.get_rng_state(),
        "numpy_random": torch.from_numpy(np.asarray(keys, dtype=np.int64)),
        "numpy_rest": [int(position), int(has_gauss), float(cached)],
    }
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return path


def files(run: Path) -> list[Path]:
    """All checkpoints of a run, fewest steps first."""
    return sorted((run / FOLDER).glob("*.pt"))


def newest(run: Path) -> Path | None:
    """The checkpoint with the most steps, None where there is none."""
    found = files(run)
    return found[-1] if found else None


def load(path: Path) -> State:
    """A checkpoint's content; PolicyError where it is broken, of another layout, or holds anything but tensors and numbers."""
    try:
        with warnings.catch_warnings():
            # torch warns of pickles it did not write before it refuses them: the refusal is enough.
            warnings.simplefilter("ignore", UserWarning)
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise PolicyError(f"{path}: not a readable checkpoint ({first_line(error)})") from error
    if not isinstance(content, dict) or any(key not in content for key in KEYS):
        raise PolicyError(f"{path}: not a checkpoint of this project; expected {', '.join(KEYS)}")
    if content["layout_hash"] != layout_hash():
        raise PolicyError(f"{path}: of observation layout {content['layout_hash']}, this version has {layout_hash()}")
    return State(int(content["episode"]), content)


def restore(model: Any, state: State) -> None:
    """Put a checkpoint into a fresh model, and its random states in force."""
    content = state.content
    try:
        model.policy.load_state_dict(content["policy"])
        model.policy.optimizer.load_state_dict(content["optimiser"])
    except (RuntimeError, ValueError, KeyError) as error:
        raise PolicyError(f"the checkpoint does not fit the network: {first_line(error)}") from error
    model.num_timesteps = int(content["steps"])
    model._n_updates = int(content["updates"])
    torch.set_rng_state(content["torch_random"])
    position, has_gauss, cached = content["numpy_rest"]
    np.random.set_state(("MT19937", content["numpy_random"].numpy().astype(np.uint32), position, has_gauss, cached))


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its name where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]
