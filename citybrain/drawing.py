"""What all pictures share: colours, line styles, axes, and a Figure turned into a piece of SVG for an HTML page.

Pictures are functions from data to an SVG string; matplotlib is drawn on without pyplot, so nothing global is touched but its
settings while one picture is made.
"""

from __future__ import annotations

import html
import importlib
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from signals.errors import ConfigError

OKABE_ITO = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
"""Eight colours that colour-blind readers tell apart. Okabe and Ito 2008."""
LINES = ("-", "-", "--", "-", "--", "-.", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
EXTRA = "the report needs matplotlib and jinja2: pip install 'citybrain[report]'"
WIDTH_IN = 9.5
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "citybrain",
    "text.parse_math": False,  # a name with dollar signs is a name
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial"],
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
}


def module(name: str) -> Any:
    """A module of the report extra; ConfigError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(f"{error.name} is not installed; {EXTRA}") from error


@dataclass(frozen=True, slots=True)
class Style:
    """How one controller is drawn, the same in every picture of a page."""

    colour: str
    line: str
    marker: str


def styles(names: Sequence[str], baseline: str) -> dict[str, Style]:
    """A style for each controller: the baseline black, the others by their place; the eighth and later repeat."""
    ordered = [name for name in names if name == baseline] + [name for name in names if name != baseline]
    every = [Style(*parts) for parts in zip(OKABE_ITO, LINES, MARKERS, strict=True)]
    return {name: every[i % len(every)] for i, name in enumerate(ordered)}


def picture(name: str, label: str, height_in: float, draw: Callable[[Any], None], width_in: float = WIDTH_IN) -> str:
    """The SVG that `draw` leaves on an empty Figure; `name` keeps its ids apart from other pictures', `label` is read aloud."""
    with module("matplotlib").rc_context(SETTINGS):
        figure = module("matplotlib.figure").Figure(figsize=(width_in, height_in), layout="constrained")
        draw(figure)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return as_inline(stream.getvalue(), name, label)


def as_inline(svg: str, name: str, label: str) -> str:
    """An SVG document as an element of a page: no prolog, no names of the wide web, ids of its own, a label."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(?:xmlns(?::\w+)?|width|height|version)="[^"]*"', "", svg[: svg.index(">")]) + svg[svg.index(">") :]
    svg = svg.replace("xlink:href", "href")
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r' (d|x|y)="[^"]*"', lambda m: re.sub(r"(\.\d\d)\d+", r"\1", m[0]), svg)  # a hundredth of a point is enough
    title = html.escape(label, quote=True)
    return re.sub(r"\n\s*", "\n", svg.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)).strip()


def legend_above(figure: Any, axes: Any, columns: int = 6) -> None:
    """One legend over the whole picture."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper left", ncols=min(columns, len(labels)), handlelength=2.5)


def grid_shape(panels: int, columns: int) -> tuple[int, int]:
    """Rows and columns for so many panels."""
    columns = min(columns, panels)
    return ceil(panels / columns), columns
