"""Viewers of a loaded service: real streams, and every one of them gets every picture."""

from pathlib import Path

from benchmarks.service_load import city_net, loaded, ready
from benchmarks.service_viewers import watched


def test_every_viewer_gets_every_picture(tmp_path: Path) -> None:
    load = loaded(city_net(tmp_path, 4), tmp_path, tmp_path / "state")
    try:
        ready(load, 3)
        ticks, sent = watched(load, tmp_path / "state", 2, 3)
    finally:
        load.close()
    assert ticks.late_ms.size == 2
    assert sent["viewers"] == 3 and sent["pictures_least"] >= 1 and 0.0 < sent["kb_s_mean"] <= sent["kb_s_most"] < 40.0
