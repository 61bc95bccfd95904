"""What results are worth: means over seeds with bootstrap intervals, the worst seed, and differences paired by seed.

The same seed gives every controller the same traffic, so that a difference within a seed is the controller's. Iterates over
`METRICS`: a new metric appears here, in the table and in the report by itself.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from math import nan, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from benchmarks.results import Row, failed
from citybrain.comparison import Cell, Change, Comparison, Difference, Estimate
from signals.errors import ConfigError
from signals.metrics import METRICS
from signals.types import Floats

LEVEL = 0.95
RESAMPLES = 10_000
BOOTSTRAP_SEED = 20180601


def student_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t by its expansion in 1 / freedom. Abramowitz and Stegun 1964, 26.7.5."""
    z, n = NormalDist().inv_cdf(probability), float(freedom)
    terms = (
        (z**3 + z) / 4.0,
        (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0,
        (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0,
        (79.0 * z**9 + 776.0 * z**7 + 1482.0 * z**5 - 1920.0 * z**3 - 945.0 * z) / 92160.0,
    )
    return z + sum(term / n ** (power + 1) for power, term in enumerate(terms))


def tail(runs: int) -> float:
    """Probability to cut off at each end of the bootstrap means, Phi(sqrt(n / (n - 1)) t[(1 - level) / 2, n - 1]).

    Plain percentiles are too narrow for few runs (90 % instead of 95 % of the time right with ten). Hesterberg 2015, section 5.3.
    """
    quantile = student_quantile((1.0 - LEVEL) / 2.0, runs - 1)
    return NormalDist().cdf(sqrt(runs / (runs - 1)) * quantile)


@cache
def resamples(runs: int, stream: int = 0) -> Floats:
    """[resample, run] how much each run weighs in each resample; the same for the same arguments, whoever asks."""
    rng = np.random.default_rng([BOOTSTRAP_SEED, stream])
    return rng.multinomial(runs, np.full(runs, 1.0 / runs), size=RESAMPLES) / runs


def interval(means: Floats, runs: int) -> tuple[float, float]:
    """The interval that holds the level's share of these bootstrap means; NaN with fewer than two runs."""
    if runs < 2 or np.isnan(means).any():
        return nan, nan
    cut = tail(runs)
    low, high = np.quantile(means, [cut, 1.0 - cut])
    return float(low), float(high)


def mean_interval(values: Floats) -> tuple[float, float, float]:
    """Mean of the runs [run], and the 95 % bootstrap interval of it."""
    return float(values.mean()), *interval(resamples(values.size) @ values, values.size)


def paired_difference(ours: Floats, baseline: Floats) -> Difference:
    """Ours minus the baseline, run by run [run]; per cent = 100 (sum of ours / sum of the baseline's - 1)."""
    weights, runs = resamples(ours.size), ours.size
    with np.errstate(divide="ignore", invalid="ignore"):
        percents = 100.0 * ((weights @ ours) / (weights @ baseline) - 1.0)
        percent = 100.0 * float(np.divide(ours.sum(), baseline.sum()) - 1.0)
    percents[~np.isfinite(percents)] = nan
    percent = percent if np.isfinite(percent) else nan
    mean, low, high = mean_interval(ours - baseline)
    return Difference(mean, low, high, percent, *interval(percents, runs), runs)


def geometric_change(pairs: list[tuple[Floats, Floats]]) -> Change:
    """Geometric mean over scenarios of (mean of ours / mean of the baseline's) - 1, in per cent.

    `pairs`: ours and the baseline's runs of each scenario. The interval resamples the runs within each scenario; the scenarios
    are those that were chosen, not a sample.
    """
    fewest = min(ours.size for ours, _ in pairs)
    log_means, log_mean = np.zeros(RESAMPLES), 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        for stream, (ours, baseline) in enumerate(pairs):
            weights = resamples(ours.size, stream)
            log_means += np.log((weights @ ours) / (weights @ baseline)) / len(pairs)
            log_mean += float(np.log(ours.mean() / baseline.mean())) / len(pairs)
    if not np.isfinite(log_mean):
        return Change(nan, nan, nan, len(pairs))
    changes = np.where(np.isfinite(log_means), 100.0 * np.expm1(log_means), nan)
    return Change(100.0 * float(np.expm1(log_mean)), *interval(changes, fewest), len(pairs))


def estimate(key: str, by_seed: dict[int, float]) -> Estimate:
    """A metric's mean with its interval, and its worst seed (the first of several)."""
    pick = max if METRICS[key].better == "lower" else min
    worst_seed = pick(by_seed, key=lambda seed: by_seed[seed])
    return Estimate(*mean_interval(np.array(list(by_seed.values()))), by_seed[worst_seed], worst_seed)


def compare(rows: list[Row], baseline: str) -> Comparison:
    """Scenarios and controllers in the order in which they first come; ConfigError where the baseline is not among them."""
    scenarios = tuple(dict.fromkeys(str(row["scenario"]) for row in rows))
    controllers = tuple(dict.fromkeys(str(row["controller"]) for row in rows))
    if baseline not in controllers:
        raise ConfigError(f"baseline {baseline!r} is not among the controllers ({', '.join(controllers) or 'none'})")
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["scenario"], row["controller"]), []).append(row)
    cells = tuple(_cell(s, c, groups, baseline) for s in scenarios for c in controllers if (s, c) in groups)
    overall = {c: _overall(c, scenarios, groups, baseline) for c in controllers if c != baseline}
    return Comparison(baseline, scenarios, controllers, cells, overall)


def values_by_seed(rows: list[Row], key: str) -> dict[int, float]:
    """A metric of each seed that ran to its end, by rising seed; NaN where it could not be told."""
    found = {int(r["seed"]): nan if r[key] is None else float(r[key]) for r in rows if not failed(r)}
    return dict(sorted(found.items()))


def paired(ours: list[Row], baseline: list[Row], key: str) -> tuple[Floats, Floats]:
    """A metric on the seeds that both ran to the end [pair]."""
    a, b = values_by_seed(ours, key), values_by_seed(baseline, key)
    both = [seed for seed in a if seed in b]
    return np.array([a[seed] for seed in both]), np.array([b[seed] for seed in both])


def _cell(scenario: str, controller: str, groups: dict[tuple[str, str], list[Row]], baseline: str) -> Cell:
    rows = groups[scenario, controller]
    done = [row for row in rows if not failed(row)]
    others = groups.get((scenario, baseline), []) if controller != baseline else []
    figures, differences = {}, {}
    for key in METRICS if done else ():
        figures[key] = estimate(key, values_by_seed(rows, key))
        ours, theirs = paired(rows, others, key)
        if ours.size:
            differences[key] = paired_difference(ours, theirs)
    return Cell(
        scenario=scenario,
        controller=controller,
        seeds=tuple(sorted(int(row["seed"]) for row in done)),
        figures=figures,
        differences=differences,
        safety_violations=sum(int(row["safety_violations"]) for row in done),
        failures=tuple(f"seed {row['seed']}: {row['error']['sentence']}" for row in rows if failed(row)),
    )


def _overall(controller: str, scenarios: tuple[str, ...], groups: dict[tuple[str, str], list[Row]], baseline: str) -> dict[str, Change]:
    changes = {}
    for key in METRICS:
        pairs = [paired(groups.get((s, controller), []), groups.get((s, baseline), []), key) for s in scenarios]
        pairs = [pair for pair in pairs if pair[0].size]
        if pairs:
            changes[key] = geometric_change(pairs)
    return changes


def summary(comparison: Comparison, meta: dict[str, Any]) -> dict[str, Any]:
    """The machine-readable comparison: each metric with its unit, each number beside its interval."""
    units = {k: {"title": m.title, "title_zh": m.title_zh, "unit": m.unit, "better": m.better} for k, m in METRICS.items()}
    return {"meta": meta, "metrics": units, "level": LEVEL, **asdict(comparison)}
