"""SUMO's own actuated control for a network: the same phases as gap-actuated programs, written as an additional file."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

from signals.links.program import Cabinet
from signals.types import Network

MIN_GREEN_S = 5.0
MAX_GREEN_S = 50.0
PROGRAM_ID = "actuated"


def write_actuated(network: Network, out: Path) -> Path:
    """The network's base stages with the rules' intergreens, as `type="actuated"` programs that become the active ones."""
    lines = ["<additional>"]
    for signal in network.signals:
        lines.append(f'  <tlLogic id={quoteattr(signal.id)} type="actuated" programID="{PROGRAM_ID}" offset="0">')
        cabinet = Cabinet(signal)
        for segment in cabinet.cycle(signal.base.stages[0].phase, signal.base.stages, 0):
            limits = f' minDur="{MIN_GREEN_S:g}" maxDur="{MAX_GREEN_S:g}"' if segment.green else ""
            lines.append(f'    <phase duration="{segment.duration_s:g}" state="{segment.lights}"{limits}/>')
        lines.append("  </tlLogic>")
    lines.append("</additional>")
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return out
