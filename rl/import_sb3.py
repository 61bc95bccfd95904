"""A Stable-Baselines3 zip as a policy folder: its weights alone are read, with torch's `weights_only`; nothing of it is unpickled.

The other members of such a zip (`data` above all) are pickles that run code when loaded; they are not opened. So the zip cannot say what
prior its network was trained with: the caller does.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from rl import features
from rl.checkpoint import first_line, tensors
from rl.export import export
from rl.network_torch import scorer_of
from rl.policy import LARGEST_BYTES
from rl.scorer import PRIOR, Scorer
from signals.errors import PolicyError

WEIGHTS = "policy.pth"


def scorer_in(path: Path, prior: float = PRIOR) -> Scorer:
    """The scorer in a zip that SB3 saved; PolicyError where there is none of this layout."""
    weights = tensors(io.BytesIO(_weights(path)), path)
    try:
        scorer = scorer_of(weights, prior)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, RuntimeError) as error:
        raise PolicyError(f"{path}: not the weights of a phase scorer ({first_line(error)})") from error
    units = scorer.bias_1.size
    shapes = (scorer.hidden_1.shape, scorer.hidden_2.shape, scorer.bias_2.shape, scorer.out.shape)
    expected = ((units, 3 * features.WIDTH), (units, units), (units,), (units,))
    if shapes != expected:
        raise PolicyError(f"{path}: of another layout: its arrays have shapes {shapes}; expected {expected}")
    return scorer


def _weights(path: Path) -> bytes:
    try:
        with zipfile.ZipFile(path) as packed:
            size = packed.getinfo(WEIGHTS).file_size
            if size > LARGEST_BYTES:
                raise PolicyError(f"{path}: {WEIGHTS} unpacks to {size} bytes; expected at most {LARGEST_BYTES}")
            with packed.open(WEIGHTS) as member:
                return member.read(LARGEST_BYTES + 1)[:LARGEST_BYTES]
    except KeyError as error:
        raise PolicyError(f"{path}: holds no {WEIGHTS}; expected a zip that Stable-Baselines3 saved") from error
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise PolicyError(f"{path}: not a readable zip ({first_line(error)})") from error


def import_zip(path: Path, folder: Path, prior: float = PRIOR) -> Path:
    """Export the zip's scorer to a folder; its card says where it comes from, and that nothing is known of its training."""
    export(scorer_in(path, prior), folder, {"imported_from": path.name, "trained_on": [], "training_seeds": "unknown: imported weights"})
    return folder
