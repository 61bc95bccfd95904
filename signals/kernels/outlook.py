"""What the lookahead is given, as named tuples of arrays: the city, what is seen of it, how the future is priced and played."""

from typing import NamedTuple

from signals.kernels.queues import Bools, Codes, Floats, Ints


class Tariff(NamedTuple):
    """What is charged beside a second of delay, and how the play is cut: a first stretch, then `epochs` - 1 of `epoch_s`."""

    startup_s: float
    stop_s: float
    left_s: float
    square_s: float
    first_s: float
    epoch_s: float
    epochs: int
    width: int


class City(NamedTuple):
    """Every signal's arrays, as `signals.layout` pads them, and its lanes on one axis."""

    phases: Ints  # [signal]
    lane_start: Ints  # [signal + 1]
    movement_start: Ints  # [signal + 1]
    serves: Codes  # [signal, phase, movement]
    intergreen_s: Floats  # [signal, phase, phase]
    yields_to: Codes  # [signal, movement, movement]
    min_green_s: Floats  # [signal, phase]
    speed_mps: Floats  # [lane]
    sensed_m: Floats  # [lane]
    headway_s: Floats  # [lane]


class Seen(NamedTuple):
    """What the sensors say: the phases, and the vehicles by lane, nearest first."""

    phase: Ints  # [signal]
    age_s: Floats  # [signal]
    lane: Ints  # [vehicle]
    movement: Ints  # [vehicle]
    distance_m: Floats  # [vehicle]
    speed_mps: Floats  # [vehicle]
    exit_full: Bools  # [movement]
    wait_s: Floats  # [movement]


class Outlook(NamedTuple):
    """How what is seen becomes queues."""

    horizon_s: float
    blocked_s: float
    expected_weight: float
    patience_s: float
    trapped_s: float
