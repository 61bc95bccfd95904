"""Time-space diagram of an arterial: the lights of every signal over time, and the bands in which a platoon meets only green."""

from __future__ import annotations

from typing import Any

import numpy as np

from citybrain.arterials import Arterial, Way
from citybrain.bands import bands, common_cycle_s, through_width_s, way_greens
from citybrain.drawing import OKABE_ITO, module, picture
from citybrain.wording import shortened
from signals.types import Floats, Network, TimingPlan

FORWARD, BACK, RED = OKABE_ITO[1], OKABE_ITO[5], OKABE_ITO[2]
CYCLES = 3
LONGEST_S = 400.0
BAR = 0.012  # half the height of a row of lights, in lengths of the arterial


def time_space(network: Network, arterial: Arterial, plans: tuple[TimingPlan, ...], name: str) -> str:
    """The diagram as SVG: above each signal's line the lights of the way forward, below it those of the way back; time from 0."""
    used = [plans[network.index(s)] for s in arterial.signals]
    span_s = shown_s(used)
    place_m = places_m(arterial)
    length_m = float(np.ptp(place_m))
    label = f"Time-space diagram of {' - '.join(arterial.signals)}: " + "; ".join(band_words(network, arterial, plans))

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for way, colour, side in ((arterial.forward, FORWARD, 1.0), (arterial.back, BACK, -1.0)):
            if way is not None:
                own_m = place_m if way is arterial.forward else place_m[::-1]
                _draw_bands(axes, network, way, plans, own_m, span_s, colour)
                _draw_lights(axes, network, way, plans, own_m + side * BAR * length_m, span_s, BAR * length_m, colour)
        axes.set_xlim(0.0, span_s)
        axes.set_ylim(place_m.min() - 0.06 * length_m, place_m.max() + 0.06 * length_m)
        axes.set_xlabel("time [s]")
        axes.set_yticks(place_m, [f"{shortened(s, 16)}  {m:.0f}" for s, m in zip(arterial.signals, place_m, strict=True)])
        axes.set_ylabel("signal, distance [m]")
        axes.grid(axis="y", visible=False)
        _legend(figure, arterial)

    return picture(name, label, float(np.clip(1.6 + 0.55 * len(arterial.signals), 3.2, 9.0)), draw)


def shown_s(plans: list[TimingPlan]) -> float:
    """How much time is shown: some cycles of the slowest signal [s]."""
    return min(CYCLES * max(plan.cycle_s for plan in plans), LONGEST_S)


def places_m(arterial: Arterial) -> Floats:
    """[signal] distance along the arterial, in its own order; the way back's where there is none forward [m]."""
    if arterial.forward is not None:
        return arterial.forward.distance_m
    if arterial.back is None:
        return np.zeros(len(arterial.signals))
    from_end_m: Floats = (arterial.back.distance_m[-1] - arterial.back.distance_m)[::-1]
    return from_end_m


def band_words(network: Network, arterial: Arterial, plans: tuple[TimingPlan, ...]) -> list[str]:
    """A sentence a direction: the width of its band in seconds and in per cent of the cycle."""
    found = []
    for way in arterial.ways:
        ends = (
            f"{arterial.signals[0]} to {arterial.signals[-1]}"
            if way is arterial.forward
            else f"{arterial.signals[-1]} to {arterial.signals[0]}"
        )
        cycle_s = common_cycle_s([plans[i] for i in way.signals])
        if not cycle_s > 0.0:
            found.append(f"{ends}: no band, the cycles differ")
            continue
        some = bands(network, way, plans)
        width_s = through_width_s(some, way)
        if width_s > 0.0:
            found.append(f"{ends}: band {width_s:.0f} s, {100.0 * width_s / cycle_s:.0f} % of the cycle")
        else:
            found.append(f"{ends}: no band the whole way, {len(some)} over parts of it")
    return found


def _draw_lights(
    axes: Any, network: Network, way: Way, plans: tuple[TimingPlan, ...], at_m: Floats, span_s: float, half_m: float, colour: str
) -> None:
    """Red all along, and the way's colour while it is green."""
    for i, y_m, spans in zip(way.signals, at_m, way_greens(network, way, plans), strict=True):
        cycle_s = plans[i].cycle_s
        turns = range(-2, int(span_s / cycle_s) + 1)
        bars = [(s.start_s % cycle_s + k * cycle_s, s.length_s) for s in spans for k in turns]
        clipped = [(max(a, 0.0), min(a + b, span_s) - max(a, 0.0)) for a, b in bars if a + b > 0.0 and a < span_s]
        axes.broken_barh([(0.0, span_s)], (y_m - half_m, 2.0 * half_m), color=RED, linewidth=0.0, zorder=3)
        axes.broken_barh(clipped, (y_m - half_m, 2.0 * half_m), color=colour, linewidth=0.0, zorder=4)


def _draw_bands(axes: Any, network: Network, way: Way, plans: tuple[TimingPlan, ...], at_m: Floats, span_s: float, colour: str) -> None:
    """The bands of every cycle shown, as slanted ribbons from their first signal to their last."""
    cycle_s = common_cycle_s([plans[i] for i in way.signals])
    for band in bands(network, way, plans):
        part = slice(band.first, band.last + 1)
        travel_s = way.travel_s[part] - way.travel_s[band.first]
        before = int(np.ceil((band.start_s + float(travel_s[-1]) + band.width_s) / cycle_s))
        for k in range(-before, int(span_s / cycle_s) + 1):
            left_s = band.start_s + k * cycle_s + travel_s
            axes.fill_betweenx(at_m[part], left_s, left_s + band.width_s, color=colour, alpha=0.25, linewidth=0.0, zorder=1)
            axes.plot(left_s, at_m[part], color=colour, linewidth=0.8, zorder=2)
            axes.plot(left_s + band.width_s, at_m[part], color=colour, linewidth=0.8, zorder=2)


def _legend(figure: Any, arterial: Arterial) -> None:
    patch = module("matplotlib.patches").Patch
    first, last = shortened(arterial.signals[0], 16), shortened(arterial.signals[-1], 16)
    handles = []
    if arterial.forward is not None:
        handles.append(patch(color=FORWARD, label=f"green {first} → {last} (upper bar)"))
    if arterial.back is not None:
        handles.append(patch(color=BACK, label=f"green {last} → {first} (lower bar)"))
    handles.append(patch(color=RED, label="red"))
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
