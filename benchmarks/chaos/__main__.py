"""`python -m benchmarks.chaos`. Asked to end, it takes down what it has put up."""

import signal
import sys
from types import FrameType

from benchmarks.chaos.campaign import main


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


signal.signal(signal.SIGTERM, _end)
raise SystemExit(main())
