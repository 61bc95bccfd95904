"""What a link is: the wire to the controllers of a network. It observes, pushes approved plans, and lets go safely."""

from typing import Protocol

from signals.types import ApprovedPlan, Observation


class ControllerLink(Protocol):
    """One kind of controller. Everything it is given has passed `signals.safety`."""

    def observe(self, now_s: float) -> Observation:
        """What the sensors say now; LinkError if nobody answers."""
        ...

    def push(self, plans: tuple[ApprovedPlan, ...]) -> None:
        """Put the plans in force, read them back; LinkError if a controller does not hold what was pushed."""
        ...

    def release(self) -> None:
        """Give every signal back to its base plan, through proper intergreens."""
        ...
