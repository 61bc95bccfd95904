"""SUMO's XML files, read as a stream of start tags: fast, in constant memory, and never expanding an entity.

Use it to look into a net, a demand or an additional file (plain or .gz) before SUMO is given it: each fault is one
`ScenarioError`.
"""

import gzip
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.parsers import expat

from signals.errors import ScenarioError

Visit = Callable[[str, Mapping[str, str]], None]


def visit(path: Path, on_start: Visit, root: frozenset[str]) -> None:
    """Call `on_start(tag, attributes)` at every element of the file, in order; its first tag must be one of `root`."""
    seen: list[str] = []
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        if not seen:
            seen.append(tag)
            if tag not in root:
                raise ScenarioError(f"{path}: begins with <{tag}>, expected <{'> or <'.join(sorted(root))}>")
        on_start(tag, attributes)

    def refuse(what: str) -> None:
        raise ScenarioError(f"{path}, line {parser.CurrentLineNumber}: {what} is not read; SUMO's files need none")

    parser.StartElementHandler = start
    parser.EntityDeclHandler = lambda name, *_: refuse(f"a file with <!ENTITY {name}")
    parser.StartDoctypeDeclHandler = lambda _, system, *__: refuse(f"the foreign DTD {system}") if system else None
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise ScenarioError(f"{path}, line {error.lineno}: not well-formed XML ({reason})") from error
    except FileNotFoundError as error:
        raise ScenarioError(f"{path}: there is no such file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ScenarioError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
