"""How a training run is doing: candidates judged on seeds not trained on, beside what planner and fixed program do on the very same.

Every figure is kept in the run folder as soon as it is known, so a run that was killed measures nothing twice; what training does next
does not depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from rl import checkpoint
from rl.run_folder import BEST, read_json, write_json
from rl.selection import Delays, Verdict, candidate, candidate_folder, judged, ship
from signals.errors import ConfigError

BASELINES, EVALUATIONS = "baselines.json", "evaluations.json"
REFERENCE = "rolling_horizon"
BESIDE = (REFERENCE, "fixed")


class Judge(Protocol):
    """Runs whole episodes, each in a fresh process, on the validation's scenarios and seeds."""

    def controller(self, name: str) -> Delays:
        """Delays under a controller of that name."""
        ...

    def policy(self, folder: Path) -> Delays:
        """Delays under the policy in a folder."""
        ...


class Verdicts:
    """All verdicts of a run, those of earlier sessions included; the best candidate so far is kept as best/."""

    def __init__(self, run: Path, scenarios: Sequence[str], seeds: Sequence[int], judge: Judge) -> None:
        self._run, self._judge = run, judge
        self._asked = {"scenarios": list(scenarios), "seeds": list(seeds)}
        self._seeds = ", ".join(str(seed) for seed in seeds)
        self.baselines_s: dict[str, Delays] = {}
        """Controller -> its delays; filled by `measure`"""
        self.all: list[Verdict] = []

    def measure(self) -> None:
        """Know the baselines, which are run once a run folder, and the verdicts of earlier sessions; a second time does nothing."""
        if self.baselines_s:
            return
        baselines_s = self._kept(BASELINES)
        for name in BESIDE:
            if name not in baselines_s:
                baselines_s[name] = self._judge.controller(name)
                self._keep(BASELINES, baselines_s)
        self.baselines_s = baselines_s
        self.all = [judged(self._run / name, delays_s, self.reference_s) for name, delays_s in self._kept(EVALUATIONS).items()]

    @property
    def reference_s(self) -> Delays:
        """Delays of the controller that candidates are compared with."""
        return self.baselines_s[REFERENCE]

    def of(self, folder: Path) -> Verdict | None:
        """The verdict on a candidate; None before it was judged."""
        return next((verdict for verdict in self.all if verdict.folder == folder), None)

    def judge(self, folder: Path) -> Verdict:
        """The verdict on a candidate under the run folder, judged once; the best one is shipped to best/."""
        self.measure()
        known = self.of(folder)
        if known is not None:
            return known
        verdict = judged(folder, self._judge.policy(folder), self.reference_s)
        self.all.append(verdict)
        if self.best is verdict:
            ship(verdict, self._run / BEST, REFERENCE, self.reference_s, self._seeds)
        self._keep(EVALUATIONS, {str(v.folder.relative_to(self._run)): v.delays_s for v in self.all})
        return verdict

    @property
    def best(self) -> Verdict | None:
        """The verdict of least rank, the earlier of two equals; None before the first."""
        return min(self.all, key=lambda verdict: verdict.rank, default=None)

    def _kept(self, name: str) -> dict[str, Delays]:
        if not (self._run / name).is_file():
            return {}
        table = read_json(self._run / name)
        if table.get("asked") != self._asked:
            raise ConfigError(f"{self._run / name}: measured on {table.get('asked')}; expected {self._asked}")
        kept: dict[str, Delays] = table["delay_s_per_veh"]
        return kept

    def _keep(self, name: str, delays_s: dict[str, Delays]) -> None:
        write_json(self._run / name, {"asked": self._asked, "delay_s_per_veh": delays_s})


def catch_up(verdicts: Verdicts, run: Path, every: int, average: int, ended: bool = False) -> list[Verdict]:
    """Judge every `every`-th checkpoint's mean that was not; the last one's as well where training has ended. The new verdicts."""
    verdicts.measure()
    files = checkpoint.files(run)
    before = len(verdicts.all)
    for k in range(1, len(files) + 1):
        if k % every == 0 or (ended and k == len(files)):
            of = files[max(k - average, 0) : k]
            folder = candidate_folder(run, of, len(of))
            if verdicts.of(folder) is None:
                verdicts.judge(candidate(run, of, len(of)))
    return verdicts.all[before:]
