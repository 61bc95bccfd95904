"""The street as a process of its own, and the wires between it and the centre."""
