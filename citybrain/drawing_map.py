"""The network with a circle on each signal for its mean queue: a controller beside another, in one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from citybrain.drawing import WIDTH_IN, module, picture
from signals.types import Floats

LARGEST_CIRCLE_PT2 = 900.0
SMALLEST_CIRCLE_PT2 = 30.0
LABELLED = 6  # circles that carry their number
COLOUR_MAP = "cividis_r"
COLOURS = 16  # more than fifty, and matplotlib paints the scale as pixels
MARGIN = 0.04


@dataclass(frozen=True, slots=True)
class QueueMap:
    """One panel: what it shows, where the signals are, how long the queues."""

    title: str
    x_m: Floats
    """[signal]"""
    y_m: Floats
    """[signal]"""
    queue_veh: Floats
    """[signal] mean over the run"""


def queue_map(title: str, trace: dict[str, Any]) -> QueueMap:
    """The panel of a recorded episode."""
    return QueueMap(
        title,
        np.array([s["x_m"] for s in trace["signals"]], dtype=np.float64),
        np.array([s["y_m"] for s in trace["signals"]], dtype=np.float64),
        np.array(trace["queue_veh"], dtype=np.float64).mean(axis=0),
    )


def queue_maps(maps: Sequence[QueueMap], roads: Sequence[Floats], name: str = "map") -> str:
    """The maps side by side over the roads, each a polyline [point, xy] in metres."""
    box = _box(maps, roads)
    aspect = (box[3] - box[2]) / (box[1] - box[0])
    height_in = float(np.clip(0.5 + 0.42 * WIDTH_IN * aspect * 2.0 / len(maps), 2.6, 7.0))
    largest_veh = max(1e-9, *(float(m.queue_veh.max()) for m in maps))
    lines = np.vstack([np.vstack([road, [[np.nan, np.nan]]]) for road in roads]) if roads else np.zeros((0, 2))
    label = "Map of the network, a circle on each signal for its mean queue in vehicles: " + "; ".join(
        f"{m.title}, {m.queue_veh.sum():.1f} vehicles in all queues" for m in maps
    )

    def draw(figure: Any) -> None:
        normal = module("matplotlib.colors").Normalize(0.0, largest_veh)
        panels = figure.subplots(1, len(maps), squeeze=False, sharex=True, sharey=True)[0]
        dots = None
        for axes, panel in zip(panels, maps, strict=True):
            axes.plot(lines[:, 0], lines[:, 1], color="#b8b8b8", linewidth=0.8, zorder=1)
            dots = _draw_circles(axes, panel, largest_veh, normal)
            axes.set_title(panel.title)
            axes.set_xlim(box[0], box[1])
            axes.set_ylim(box[2], box[3])
            axes.set_aspect("equal")
            axes.axis("off")
        _draw_scale(panels[0], box)
        figure.colorbar(dots, ax=list(panels), label="mean queue [veh]", shrink=0.8)

    return picture(name, label, height_in, draw)


def _draw_circles(axes: Any, panel: QueueMap, largest_veh: float, normal: Any) -> Any:
    share = panel.queue_veh / largest_veh
    order = np.argsort(-panel.queue_veh, kind="stable")
    dots = axes.scatter(
        panel.x_m[order],
        panel.y_m[order],
        s=(SMALLEST_CIRCLE_PT2 + (LARGEST_CIRCLE_PT2 - SMALLEST_CIRCLE_PT2) * share)[order],
        c=panel.queue_veh[order],
        cmap=module("matplotlib").colormaps[COLOUR_MAP].resampled(COLOURS),
        norm=normal,
        edgecolors="#333333",
        linewidths=0.6,
        zorder=2,
    )
    for i in order[:LABELLED]:
        axes.annotate(
            f"{panel.queue_veh[i]:.1f}",
            (panel.x_m[i], panel.y_m[i]),
            xytext=(3.0 + float(np.sqrt(SMALLEST_CIRCLE_PT2 + LARGEST_CIRCLE_PT2 * share[i])) / 2.0, 3.0),
            textcoords="offset points",
            fontsize=8.5,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
            zorder=3,
        )
    return dots


def _box(maps: Sequence[QueueMap], roads: Sequence[Floats]) -> tuple[float, float, float, float]:
    """Left, right, bottom, top: the signals with a margin around them, cut to where there are roads."""
    x_m, y_m = np.concatenate([m.x_m for m in maps]), np.concatenate([m.y_m for m in maps])
    reach_m = max(150.0, 0.15 * float(max(np.ptp(x_m), np.ptp(y_m))))
    left, right = float(x_m.min()) - reach_m, float(x_m.max()) + reach_m
    bottom, top = float(y_m.min()) - reach_m, float(y_m.max()) + reach_m
    if roads:
        points = np.vstack(list(roads))
        margin_m = MARGIN * max(right - left, top - bottom)
        left, right = max(left, points[:, 0].min() - margin_m), min(right, points[:, 0].max() + margin_m)
        bottom, top = max(bottom, points[:, 1].min() - margin_m), min(top, points[:, 1].max() + margin_m)
    # A street without width would be a line nobody sees.
    short_m = 0.35 * (right - left) - (top - bottom)
    return (left, right, bottom - max(short_m, 0.0) / 2.0, top + max(short_m, 0.0) / 2.0)


def _draw_scale(axes: Any, box: tuple[float, float, float, float]) -> None:
    """A bar of a round length in the lower left corner."""
    rough_m = (box[1] - box[0]) / 4.0
    power = 10.0 ** np.floor(np.log10(rough_m))
    length_m = float(max(f * power for f in (1.0, 2.0, 5.0) if f * power <= rough_m))
    x_m, y_m = box[0] + MARGIN * (box[1] - box[0]), box[2] + MARGIN * (box[3] - box[2])
    axes.plot([x_m, x_m + length_m], [y_m, y_m], color="black", linewidth=2.0, zorder=3)
    axes.annotate(f"{length_m:g} m", (x_m, y_m), xytext=(0.0, 4.0), textcoords="offset points", fontsize=9.0, zorder=3)
