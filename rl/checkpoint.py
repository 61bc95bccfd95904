"""Checkpoints of a training run: all that decides how it goes on, written whole or not at all.

Weights, optimiser, counts, random states, and for each lane of simulations its episode and the actions so far: playing them again gives
the very state that was left. A value method's memory lies beside, of the newest checkpoint only. All are read with torch's
`weights_only`, so loading one runs no code.
"""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from rl.observation import layout_hash
from rl.vector import Lane
from signals.errors import PolicyError

FOLDER = "checkpoints"
MEMORY = ".memory"
KEYS = (
    "layout_hash",
    "policy",
    "optimiser",
    "steps",
    "updates",
    "lanes",
    "torch_random",
    "numpy_random",
    "numpy_rest",
)
REMEMBERED = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts", "real")


@dataclass(frozen=True, slots=True)
class State:
    """A checkpoint's content, as read."""

    path: Path
    content: dict[str, Any]

    @property
    def lanes(self) -> list[Lane]:
        """Where each simulation stood."""
        return [Lane(int(one["number"]), list(one["played"].numpy())) for one in self.content["lanes"]]

    @property
    def episode(self) -> int:
        """Episodes that had ended."""
        return sum(lane.number // len(self.content["lanes"]) for lane in self.lanes)


def save(model: Any, lanes: Sequence[Lane], run: Path) -> Path:
    """Write the model's state, and each lane's; the file."""
    path = run / FOLDER / f"{model.num_timesteps:010d}.pt"
    _, keys, position, has_gauss, cached = np.random.get_state()
    content = {
        "layout_hash": layout_hash(),
        "policy": model.policy.state_dict(),
        "optimiser": model.policy.optimizer.state_dict(),
        "steps": model.num_timesteps,
        "updates": model._n_updates,
        "lanes": [{"number": lane.number, "played": torch.from_numpy(np.array(lane.played, dtype=np.int64))} for lane in lanes],
        "torch_random": torch.get_rng_state(),
        "numpy_random": torch.from_numpy(np.asarray(keys, dtype=np.int64)),
        "numpy_rest": [int(position), int(has_gauss), float(cached)],
    }
    memory = getattr(model, "replay_buffer", None)
    if memory is not None:
        content["value"] = {"calls": model._n_calls, "exploration": float(model.exploration_rate)}
        kept = memory.buffer_size if memory.full else memory.pos
        arrays = {name: torch.from_numpy(getattr(memory, name)[:kept]) for name in REMEMBERED}
        _write({"at": memory.pos, "full": memory.full, **arrays}, path.with_suffix(MEMORY))
    _write(content, path)
    for old in (run / FOLDER).glob(f"*{MEMORY}"):
        if old.stem != path.stem:
            old.unlink()
    return path


def _write(content: dict[str, Any], path: Path) -> None:
    part = path.with_suffix(path.suffix + ".part")
    with part.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def files(run: Path) -> list[Path]:
    """All checkpoints of a run, fewest steps first."""
    return sorted((run / FOLDER).glob("*.pt"))


def newest(run: Path) -> Path | None:
    """The checkpoint with the most steps, None where there is none."""
    found = files(run)
    return found[-1] if found else None


def load(path: Path) -> State:
    """A checkpoint's content; PolicyError where it is broken, of another layout, or holds anything but tensors and numbers."""
    content = tensors(path, path)
    if not isinstance(content, dict) or any(key not in content for key in KEYS):
        raise PolicyError(f"{path}: not a checkpoint of this project; expected {', '.join(KEYS)}")
    if content["layout_hash"] != layout_hash():
        raise PolicyError(f"{path}: of observation layout {content['layout_hash']}, this version has {layout_hash()}")
    return State(path, content)


def tensors(file: Path | IO[bytes], name: Path) -> Any:
    """What torch wrote; PolicyError, by the name, where that is broken or holds anything but tensors and numbers."""
    try:
        with warnings.catch_warnings():
            # torch warns of pickles it did not write before it refuses them: the refusal is enough.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise PolicyError(f"{name}: not a readable checkpoint ({first_line(error)})") from error


def restore(model: Any, state: State) -> None:
    """Put a checkpoint into a fresh model, and its random states in force."""
    content = state.content
    try:
        model.policy.load_state_dict(content["policy"])
        model.policy.optimizer.load_state_dict(content["optimiser"])
        if getattr(model, "replay_buffer", None) is not None:
            _remember(model, content["value"], tensors(state.path.with_suffix(MEMORY), state.path))
    except (RuntimeError, ValueError, KeyError) as error:
        raise PolicyError(f"the checkpoint does not fit the network: {first_line(error)}") from error
    model.num_timesteps = int(content["steps"])
    model._n_updates = int(content["updates"])
    torch.set_rng_state(content["torch_random"])
    position, has_gauss, cached = content["numpy_rest"]
    np.random.set_state(("MT19937", content["numpy_random"].numpy().astype(np.uint32), position, has_gauss, cached))


def _remember(model: Any, counts: dict[str, Any], memory: dict[str, Any]) -> None:
    model._n_calls, model.exploration_rate = int(counts["calls"]), float(counts["exploration"])
    for name in REMEMBERED:
        array = memory[name].numpy()
        getattr(model.replay_buffer, name)[: len(array)] = array
    model.replay_buffer.pos, model.replay_buffer.full = int(memory["at"]), bool(memory["full"])


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its name where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]
