"""A scenario: a network, its demand and the hour to run; by name from the catalogue, from a folder, or from files.

`scenario("resco/cologne8")`, `scenario("grid_2x2")`, `scenario("my/folder")`, `from_files(net, [routes])`; then `check`
it once before SUMO is given the files: SUMO's own words for a wrong file are many, ours are one sentence.
"""

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from signals.errors import ScenarioError
from sumo_nets.demand_file import read_demand
from sumo_nets.xml_stream import visit

HERE = Path(__file__).resolve().parent
OWN = ("grid_2x2", "arterial_5")
RESCO_MISSING = "the RESCO networks lie in the sumo-rl wheel, which is not installed: pip install 'citybrain[bench]'"
DRAIN_S = 600.0
"""Time after the last departure in which the vehicles of an undated demand may arrive."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a run needs. `decision_s` and `yellow_s` are the scenario's own timing, None where it has none."""

    name: str
    net: Path
    routes: tuple[Path, ...]
    begin_s: float
    end_s: float
    decision_s: float | None = None
    yellow_s: float | None = None
    step_s: float = 1.0
    additional: tuple[Path, ...] = ()
    weekday: int = 2  # 0 is Monday
    title: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the catalogue: the scenario, or why it cannot be had here."""

    name: str
    title: str
    begin_s: float
    end_s: float
    scenario: Scenario | None
    missing: str = ""

    @property
    def available(self) -> bool:
        """Whether its files are on this machine."""
        return self.scenario is not None


def catalogue() -> tuple[Entry, ...]:
    """Every scenario that has a name: our own first, then RESCO's."""
    own = [_entry(name, HERE / name, _toml(HERE / name / "scenario.toml")) for name in OWN]
    return (*own, *(_entry(f"resco/{key}", _resco_folder(), table) for key, table in _resco_tables().items()))


def scenario(name_or_folder: str | Path) -> Scenario:
    """The scenario of a catalogue name, or of a folder that holds a scenario.toml."""
    text = str(name_or_folder)
    resco = {f"resco/{key}": table for key, table in _resco_tables().items()}
    if text in OWN:
        return _of_folder(text, HERE / text)
    if text in resco:
        folder = _resco_folder()
        if folder is None:
            raise ScenarioError(f"{text}: {RESCO_MISSING}")
        return _of_table(text, folder, resco[text], "catalogue.toml")
    folder = Path(name_or_folder)
    if folder.is_dir():
        return _of_folder(folder.resolve().name, folder)
    nearest = _nearest(text, (*OWN, *resco))
    raise ScenarioError(f"{text}: no scenario of that name and no such folder; {nearest}")


def from_files(net: str | Path, routes: Iterable[str | Path], begin_s: float | None = None, end_s: float | None = None) -> Scenario:
    """Anybody's network. The hour defaults to the demand's: from the first departure to 600 s after the last."""
    files = tuple(Path(one) for one in routes)
    if not files:
        raise ScenarioError(f"{net}: no routes were given; a scenario needs at least one demand file")
    if begin_s is None or end_s is None:
        spans = [span for span in (read_demand(one).span_s for one in files) if span is not None]
        if not spans:
            raise ScenarioError(f"{files[0]}: holds no departure, so begin and end must be given")
        begin_s = math.floor(min(first for first, _ in spans)) if begin_s is None else begin_s
        last_s = max(last for _, last in spans)
        if end_s is None and math.isinf(last_s):
            raise ScenarioError(f"{files[0]}: a flow has no end, so the scenario's end must be given")
        end_s = math.ceil(last_s) + DRAIN_S if end_s is None else end_s
    name = Path(net).name.removesuffix(".gz").removesuffix(".xml").removesuffix(".net")
    return Scenario(name, Path(net), files, float(begin_s), float(end_s), title=name, source="files of the user")


def check(one: Scenario) -> Scenario:
    """The scenario itself, or ScenarioError: files well-formed, signals in the net, demand that fits net and hour."""
    if not one.begin_s < one.end_s:
        raise ScenarioError(f"{one.name}: begin {one.begin_s:g} s is not before end {one.end_s:g} s")
    if not one.step_s > 0.0:
        raise ScenarioError(f"{one.name}: step_s {one.step_s:g} is not above zero")
    edges = _edges_of_signalled_net(one.net)
    spans = []
    for file in one.routes:
        demand = read_demand(file)
        for edge, who in demand.edges.items():
            if edge not in edges:
                raise ScenarioError(f"{file}: {who} uses edge {edge!r}, which {one.net.name} does not have")
        spans.append(demand.span_s)
    for file in one.additional:
        visit(file, lambda tag, attributes: None, frozenset({"additional", "a", "add", "routes"}))
    given = [span for span in spans if span is not None]
    if given and not any(first < one.end_s and last >= one.begin_s for first, last in given):
        first_s, last_s = min(first for first, _ in given), max(last for _, last in given)
        raise ScenarioError(
            f"{one.name}: nobody departs between {one.begin_s:g} s and {one.end_s:g} s; the demand runs from {first_s:g} s to {last_s:g} s"
        )
    return one


def _edges_of_signalled_net(net: Path) -> frozenset[str]:
    """Ids of the net's edges; ScenarioError where it has no signal."""
    edges: list[str] = []
    signals = 0

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        nonlocal signals
        if tag == "edge":
            edges.append(attributes.get("id", ""))
        elif tag == "tlLogic":
            signals += 1

    visit(net, start, frozenset({"net"}))
    if not signals:
        raise ScenarioError(f"{net}: has no signal (no <tlLogic>); nothing to control")
    return frozenset(edges)


def _entry(name: str, folder: Path | None, table: Mapping[str, Any]) -> Entry:
    if folder is None:
        return Entry(name, table["title"], float(table["begin_s"]), float(table["end_s"]), None, RESCO_MISSING)
    made = _of_table(name, folder, table, "scenario.toml")
    return Entry(name, made.title, made.begin_s, made.end_s, made)


def _resco_folder() -> Path | None:
    """Where the installed sumo-rl keeps RESCO's nets, found without importing it; None where it is not installed."""
    spec = find_spec("sumo_rl")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / "nets" / "RESCO"
        if folder.is_dir():
            return folder
    return None


def _resco_tables() -> dict[str, dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = _toml(HERE / "catalogue.toml")["resco"]
    return tables


def _of_folder(name: str, folder: Path) -> Scenario:
    return _of_table(name, folder, _toml(folder / "scenario.toml"), str(folder / "scenario.toml"))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ScenarioError(f"{path}: there is no such file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: not valid TOML ({error})") from error
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror})") from error


def _of_table(name: str, folder: Path, table: Mapping[str, Any], where: str) -> Scenario:
    """The scenario that a TOML table describes; its paths are relative to `folder`."""
    keys = [f.name for f in fields(Scenario) if f.name != "name"]
    for key in table:
        if key not in keys:
            raise ScenarioError(f"{where}: unknown key {key!r}; {_nearest(key, keys)}")
    for key in ("net", "routes", "begin_s", "end_s"):
        if key not in table:
            raise ScenarioError(f"{where}: the key {key!r} is missing")
    weekday = table.get("weekday", 2)
    if type(weekday) is not int or not 0 <= weekday <= 6:
        raise ScenarioError(f"{where}: weekday is {weekday!r}, expected 0 (Monday) to 6 (Sunday)")
    return Scenario(
        name=name,
        net=folder / _text(table, "net", where),
        routes=_paths(table, "routes", folder, where),
        begin_s=_number(table, "begin_s", where),
        end_s=_number(table, "end_s", where),
        decision_s=_number(table, "decision_s", where) if "decision_s" in table else None,
        yellow_s=_number(table, "yellow_s", where) if "yellow_s" in table else None,
        step_s=_number(table, "step_s", where) if "step_s" in table else 1.0,
        additional=_paths(table, "additional", folder, where) if "additional" in table else (),
        weekday=weekday,
        title=_text(table, "title", where) if "title" in table else name,
        source=_text(table, "source", where) if "source" in table else "",
    )


def _number(table: Mapping[str, Any], key: str, where: str) -> float:
    value = table[key]
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ScenarioError(f"{where}: {key} is {value!r}, expected a number of seconds")
    return float(value)


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value:
        raise ScenarioError(f"{where}: {key} is {value!r}, expected a text")
    return value


def _paths(table: Mapping[str, Any], key: str, folder: Path, where: str) -> tuple[Path, ...]:
    values = table[key] if isinstance(table[key], list) else [table[key]]
    if not all(isinstance(value, str) and value for value in values) or (key == "routes" and not values):
        raise ScenarioError(f"{where}: {key} is {table[key]!r}, expected file names")
    return tuple(folder / value for value in values)


def _nearest(wrong: str, known: Iterable[str]) -> str:
    known = sorted(known)
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.4)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
