"""Green waves along an arterial: MAXBAND and MULTIBAND as mixed-integer programmes, and the exact search at given cycles beside them.

Use `green_wave` where a grid of cycles is good enough: it needs no solver and takes microseconds. `maxband` chooses the cycle and the
order of left-turn stages as well, `multiband` gives every section the width that its traffic asks for. Those two need scipy.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from signals.errors import SignalsError
from signals.kernels import progression
from signals.types import Floats

MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class Arterial:
    """Signals in outbound order. Greens and their places are shares of the cycle, the same at every cycle that is tried."""

    green: Floats
    """[signal] outbound"""
    back_green: Floats
    """[signal] inbound"""
    back_after: tuple[tuple[float, ...], ...]
    """[signal] from the start of the outbound green to that of the inbound one; several where the order of stages is free"""
    travel_s: Floats
    """[signal] outbound, from the first signal"""
    back_s: Floats
    """[signal] inbound, to the first signal"""
    volume: Floats | None = None
    """[section] weight of the outbound band between two signals; None: 1 each"""
    back_volume: Floats | None = None
    """[section] of the inbound band"""


@dataclass(frozen=True, slots=True)
class GreenWave:
    """Offsets and what they give. `start_s`: outbound greens on the common clock."""

    cycle_s: float
    start_s: Floats
    """[signal]"""
    choice: tuple[int, ...]  # [signal] which order of stages
    out_s: Floats
    """[section] width of the outbound band"""
    back_s: Floats
    """[section]"""

    @property
    def efficiency(self) -> float:
        """Mean of both bands as a share of the cycle."""
        return float(self.out_s.mean() + self.back_s.mean()) / (2.0 * self.cycle_s)


def green_wave(arterial: Arterial, cycles_s: Floats, ratio: float = 0.0) -> GreenWave:
    """The widest bands over these cycles with the first order of stages at each signal; inbound at least `ratio` of outbound."""
    after = np.array([some[0] for some in arterial.back_after])
    cycle_s, bands = progression.widest_of_cycles(
        arterial.green, arterial.back_green, after, arterial.travel_s, arterial.back_s, cycles_s, ratio
    )
    sections = arterial.green.size - 1
    return GreenWave(cycle_s, bands.start_s, (0,) * (sections + 1), np.full(sections, bands.out_s), np.full(sections, bands.back_s))


def maxband(arterial: Arterial, cycles_s: tuple[float, float], ratio: float = 0.0, limit_s: float = 60.0) -> GreenWave:
    """Widest uniform bands b + b_back, cycle and stage orders free. Little, Kelson and Gartner 1981, TRR 795, MILP 2.

    `ratio` k: k b <= b_back; with k = 1 both bands count alike and inbound is not the narrower one.
    """
    return solved(Programme(arterial, cycles_s, uniform=True), ratio, limit_s)


def multiband(arterial: Arterial, cycles_s: tuple[float, float], ratio: float = 0.0, limit_s: float = 60.0) -> GreenWave:
    """Bands of each section's own width about one centre line, weighted by volume. Gartner, Assmann, Lasaga and Hou 1991, TR-B 25."""
    return solved(Programme(arterial, cycles_s, uniform=False), ratio, limit_s)


class Programme:
    """The variables of one programme and its rows, collected until it is solved; lengths are shares of the cycle.

    At signal i the outbound centre line passes w_i after the start of green, the inbound one w_back_i after its own. With z = 1 / C,
    travel times T_i, T_back_i [s], the inbound place p_i and whole cycles m_i the two lines meet the same clock at every signal:
    w_back_i - w_i + (T_i + T_back_i) z + p_i + m_i = shift. This is the loop equation of Little et al. (1981, eq. 8), summed from the
    first signal. Bands fit: b / 2 <= w_i <= g_i - b / 2 for the sections on both sides of a signal.
    """

    def __init__(self, arterial: Arterial, cycles_s: tuple[float, float], uniform: bool) -> None:
        n = arterial.green.size
        if n < 2 or not 0.0 < cycles_s[0] <= cycles_s[1]:
            raise SignalsError(f"arterial of {n} signals, cycles {cycles_s[0]} to {cycles_s[1]} s; expected 2 signals and a range above 0")
        self.arterial, self.cycles_s, self.uniform = arterial, cycles_s, uniform
        self.orders = [len(some) for some in arterial.back_after]
        bands = 1 if uniform else n - 1
        sizes = {"b": bands, "back": bands, "w": n, "w_back": n, "m": n, "order": sum(self.orders), "shift": 1, "z": 1}
        ends = np.cumsum([0, *sizes.values()]).tolist()
        self.at: dict[str, int] = {name: ends[k] for k, name in enumerate(sizes)}
        self.count = ends[-1]
        self.rows: list[tuple[dict[int, float], float, float]] = []

    def section(self, name: str, k: int) -> int:
        """The variable of a section's band."""
        return self.at[name] + (0 if self.uniform else k)

    def fits(self) -> None:
        """Every band lies within the greens at both ends of its section."""
        for name, front, green in (("b", "w", self.arterial.green), ("back", "w_back", self.arterial.back_green)):
            for k in range(green.size - 1):
                for i in (k, k + 1):
                    at, wide = self.at[front] + i, self.section(name, k)
                    self.rows.append(({at: 1.0, wide: -MIDDLE}, 0.0, np.inf))
                    self.rows.append(({at: 1.0, wide: MIDDLE}, -np.inf, float(green[i])))

    def meets(self) -> None:
        """Both centre lines keep the clock at every signal, under one order of stages each."""
        first = self.at["order"]
        there_and_back_s = self.arterial.travel_s + self.arterial.back_s
        for i, places in enumerate(self.arterial.back_after):
            row = {
                self.at["w_back"] + i: 1.0, self.at["w"] + i: -1.0, self.at["z"]: float(there_and_back_s[i]),
                self.at["m"] + i: 1.0, self.at["shift"]: -1.0,
            }  # fmt: skip
            row.update({first + o: place for o, place in enumerate(places)})
            self.rows.append((row, 0.0, 0.0))
            self.rows.append(({first + o: 1.0 for o in range(len(places))}, 1.0, 1.0))
            first += len(places)

    def in_ratio(self, ratio: float) -> None:
        """Inbound bands are at least that part of the outbound ones, section by section."""
        for k in range(self.arterial.green.size - 1):
            self.rows.append(({self.section("back", k): 1.0, self.section("b", k): -ratio}, 0.0, np.inf))

    def gains(self) -> Floats:
        """What a unit of each variable is worth [variable]: the mean width, weighted by volume."""
        worth, n = np.zeros(self.count), self.arterial.green.size
        for name, volume in (("b", self.arterial.volume), ("back", self.arterial.back_volume)):
            weight = np.ones(n - 1) if volume is None or self.uniform else volume
            for k in range(n - 1):
                worth[self.section(name, k)] += float(weight[k]) / (n - 1)
        return worth

    def bounds(self) -> tuple[Floats, Floats]:
        """Least and largest value of every variable: the first signal's whole cycles are none, the shift is of one cycle."""
        low, high = np.zeros(self.count), np.ones(self.count)
        n = self.arterial.green.size
        reach = float((self.arterial.travel_s + self.arterial.back_s).max()) / self.cycles_s[0]
        low[self.at["m"] : self.at["m"] + n], high[self.at["m"] : self.at["m"] + n] = -np.ceil(reach) - 3.0, 3.0
        low[self.at["m"]] = high[self.at["m"]] = 0.0
        low[self.at["shift"]], high[self.at["shift"]] = -1.0, 2.0
        low[self.at["z"]], high[self.at["z"]] = 1.0 / self.cycles_s[1], 1.0 / self.cycles_s[0]
        return low, high

    def whole(self) -> Floats:
        """1 for the whole-numbered variables [variable]."""
        found = np.zeros(self.count)
        found[self.at["m"] : self.at["shift"]] = 1.0
        return found


def solved(programme: Programme, ratio: float, limit_s: float) -> GreenWave:
    """Solve by HiGHS branch and bound; SignalsError where scipy is missing or nothing is found in time."""
    try:
        from scipy import optimize, sparse  # noqa: PLC0415 - an optional part: only these two functions need it
    except ModuleNotFoundError as error:
        raise SignalsError("MAXBAND and MULTIBAND need scipy: pip install 'citybrain[plan]'; green_wave does without") from error
    programme.fits()
    programme.meets()
    if ratio > 0.0:
        programme.in_ratio(ratio)
    at = [(r, c, v) for r, (row, _, _) in enumerate(programme.rows) for c, v in row.items()]
    r, c, v = (np.array(column) for column in zip(*at, strict=True))
    matrix = sparse.csr_array((v, (r, c)), shape=(len(programme.rows), programme.count))
    within = optimize.LinearConstraint(matrix, [row[1] for row in programme.rows], [row[2] for row in programme.rows])
    found: Any = optimize.milp(
        -programme.gains(),
        integrality=programme.whole(),
        bounds=optimize.Bounds(*programme.bounds()),
        constraints=within,
        options={"time_limit": limit_s, "mip_rel_gap": 1e-6},
    )
    if found.x is None:
        raise SignalsError(f"no green wave found in {limit_s} s: {found.message}")
    return read(programme, np.asarray(found.x))


def read(programme: Programme, x: Floats) -> GreenWave:
    """The solution in seconds: the outbound centre line leaves the first signal in the middle of its band."""
    arterial, at = programme.arterial, programme.at
    n = arterial.green.size
    cycle_s = 1.0 / float(x[at["z"]])
    starts_s = (arterial.travel_s - x[at["w"] : at["w"] + n] * cycle_s) % cycle_s
    firsts = np.cumsum([0, *programme.orders])[:-1] + at["order"]
    choice = tuple(int(np.argmax(x[f : f + k])) for f, k in zip(firsts.tolist(), programme.orders, strict=True))
    out_s, back_s = (np.array([x[programme.section(name, k)] for k in range(n - 1)]) * cycle_s for name in ("b", "back"))
    return GreenWave(cycle_s, starts_s, choice, out_s, back_s)
