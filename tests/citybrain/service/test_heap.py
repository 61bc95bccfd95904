"""Large blocks that were let go leave the process."""

import json
import platform
import subprocess
import sys

import pytest

from citybrain.service import heap
from citybrain.service.heap import give_back_large_blocks

PROGRAM = """
import json
from citybrain.service.heap import give_back_large_blocks
def resident_mb():
    return int([line for line in open("/proc/self/status") if line.startswith("VmRSS")][0].split()[1]) / 1e3
told = give_back_large_blocks()
before = resident_mb()
large = [b"x" * (8 << 20) for _ in range(10)]
last = [bytes(1000) for _ in range(100)]
held = resident_mb()
del large
print(json.dumps({"told": told, "held": held - before, "left": resident_mb() - before}))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_large_blocks_go_back_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["told"] and found["held"] > 70.0 and found["left"] < 5.0


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda name: object())
    assert give_back_large_blocks() is False
