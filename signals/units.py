"""The only unit conversions of the project."""

SECONDS_PER_HOUR = 3600.0


def veh_h_from_count(count_veh: float, bin_s: float) -> float:
    """Flow [veh/h] of `count_veh` vehicles in a bin of `bin_s` seconds."""
    return count_veh * SECONDS_PER_HOUR / bin_s


def count_from_veh_h(flow_veh_h: float, bin_s: float) -> float:
    """Vehicles in a bin of `bin_s` seconds at `flow_veh_h`."""
    return flow_veh_h * bin_s / SECONDS_PER_HOUR


def km_h_from_mps(speed_mps: float) -> float:
    """Speed [km/h]."""
    return speed_mps * 3.6


def mps_from_km_h(speed_km_h: float) -> float:
    """Speed [m/s]."""
    return speed_km_h / 3.6
