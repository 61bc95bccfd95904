"""The benchmark of the service, on a city of a few signals: every part gives its figures, a killed service comes back."""

import json
from pathlib import Path

from benchmarks.city_service import main, restarts
from benchmarks.service_load import city_net


def test_the_figures_of_ticks_are_printed_and_written(tmp_path: Path, capsys: object) -> None:
    file = tmp_path / "figures.json"
    asked = ["--city", str(tmp_path / "city"), "--signals", "4", "--seconds", "1", "--only", "ticks", "--json", str(file)]
    assert main(asked) == 0
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["signals"] == 4 and found["shards"] == [4]
    assert found["tick"]["ticks"] == 1 and found["tick"]["p99_late_ms"] >= found["tick"]["p50_took_ms"] > 0.0
    assert found["event"]["events"] > 0 and found["memory"]["resident_mb"] > 50
    assert found["provenance"]["command"].startswith("python -m benchmarks.city_service")


def test_a_killed_service_finds_its_journal_sound(tmp_path: Path) -> None:
    net = city_net(tmp_path, 4)
    found = restarts(net, tmp_path, 1)
    assert found["journal_sound"] is True and len(found["again_s"]) == 1
