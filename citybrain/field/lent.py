"""What is lent to whom: leases under way, acknowledged, read back, to be renewed. One row a signal, in arrays.

A lease that is not acknowledged is sent again as it is: controllers know it by its sequence. What a controller does not hold though it
said so is lent anew while it is still of use, and the signal's health says what is wrong.
"""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum

import numpy as np

from signals.lease import Ack, Lease, Status, content_id, lease_of
from signals.refusal import LATEST_S
from signals.types import Bools, Intersection, Ints, Network, TimingPlan

REPEATING_LEASE_S = 120.0  # a plan that repeats is lent for so long at a time
RENEW_SHARE = 0.5  # of that: then it is renewed
AGAIN_S = 2.0  # of field time without an answer: it is sent again
MOST_TRIES = 5
ASK_S = 10.0  # who would not even take its base plan is asked again so often: it may have been mended
MOST_ANEW = 3  # times that a plan is lent anew to a controller that does not hold it
GIVEN_BACK_S = 120.0  # a controller that was told to end its lease has done so, however long its green


class Health(IntEnum):
    """How a controller is, seen from the centre; the worst thing that is known."""

    OK = 0
    REFUSED = 1  # it said no, see `reason`
    UNANSWERED = 2  # it does not acknowledge
    DIFFERS = 3  # it shows or says something else than it acknowledged
    FENCED = 4  # it listens to a newer centre
    FLASH = 5
    SILENT = 6


class Lent:
    """Lives as long as the link. Times are the field's; `offset_s` of a controller's clock comes with each call that needs it."""

    def __init__(self, network: Network, epoch: int) -> None:
        n = len(network.signals)
        self.epoch = epoch
        self._signals: tuple[Intersection, ...] = network.signals
        self._seq = 0
        self.lease: list[Lease | None] = [None] * n
        self.plan: list[TimingPlan | None] = [None] * n
        """[signal] what it should run, in field time; None: its base plan"""
        self._until_s, self._sent_s = np.full(n, -np.inf), np.full(n, -np.inf)
        self._renew_s = np.full(n, np.inf)
        self._acked_s = np.full(n, -np.inf)
        self._tries, self._anew = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        self._waiting, self.acked = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        self.verdict = np.zeros(n, dtype=np.int64)
        """[signal] OK, REFUSED, UNANSWERED, DIFFERS or FENCED"""
        self.reason: dict[int, str] = {}

    def lend(self, i: int, plan: TimingPlan | None, now_s: float, offset_s: float) -> Lease:
        """A new lease, told in the controller's own time."""
        self.plan[i] = plan
        told, self._renew_s[i], self._until_s[i] = None, np.inf, np.inf
        if plan is not None:
            until_s = plan.valid_until_s
            if plan.repeats:
                until_s = min(until_s, now_s + REPEATING_LEASE_S)
                self._renew_s[i] = now_s + RENEW_SHARE * REPEATING_LEASE_S if until_s < plan.valid_until_s else np.inf
            self._until_s[i] = until_s
            told = _in_its_time(replace(plan, valid_until_s=until_s), offset_s)
        self._seq += 1
        lease = lease_of(self._signals[i].id, told, self.epoch, self._seq, now_s)
        self.lease[i], self._sent_s[i], self._tries[i] = lease, now_s, 1
        self._waiting[i], self.acked[i] = True, False
        return lease

    def due(self, now_s: float) -> tuple[list[int], list[int]]:
        """Signals whose lease is to be renewed, and those to which it is to be sent again as it is."""
        renew = np.flatnonzero((self._renew_s <= now_s) | self._estranged(now_s)).tolist()
        again = np.flatnonzero(self._waiting & (now_s - self._sent_s >= AGAIN_S)).tolist()
        found = []
        for i in again:
            if not self._in_time(i, now_s) or self._tries[i] >= MOST_TRIES:
                self._waiting[i] = False
                self._judge(i, Health.UNANSWERED, "no answer to its lease")
            elif i not in renew:
                self._tries[i] += 1
                self._sent_s[i] = now_s
                found.append(i)
        return renew, found

    def _estranged(self, now_s: float) -> Bools:
        """[signal] told to go back to its base plan, and said no or nothing: nothing else would ever be lent to it again."""
        apart = (self.verdict == Health.REFUSED) | (self.verdict == Health.UNANSWERED)
        found: Bools = apart & (self._until_s == np.inf) & ~self._waiting & (now_s - self._sent_s >= ASK_S)
        return found

    def answered(self, i: int, ack: Ack, answered_s: float) -> None:
        """An acknowledgement; those of other leases mean nothing, except that a newer centre has spoken."""
        lease = self.lease[i]
        if lease is None or (ack.epoch, ack.seq, ack.content_id) != (lease.epoch, lease.seq, lease.content_id):
            return
        self._waiting[i], self.acked[i], self._acked_s[i] = False, ack.accepted, answered_s
        if ack.accepted:
            if self.verdict[i] != Health.DIFFERS:  # that only a status can mend
                self._well(i)
        elif self.verdict[i] != Health.FENCED:
            self._renew_s[i] = np.inf
            self._judge(i, Health.REFUSED, ack.reason)

    def read_back(self, i: int, status: Status, heard_s: float) -> bool:
        """Compare a status with what was acknowledged; True where it has to be lent anew."""
        if status.epoch > self.epoch:
            self._waiting[i], self._renew_s[i] = False, np.inf
            self._judge(i, Health.FENCED, f"listens to a centre of epoch {status.epoch}; this is epoch {self.epoch}")
            return False
        lease, plan = self.lease[i], self.plan[i]
        if lease is None or not self.acked[i] or heard_s <= self._acked_s[i]:
            return False
        said = self._difference(i, status, lease, heard_s)
        if not said:
            self._anew[i] = 0
            if self.verdict[i] == Health.DIFFERS:
                self._well(i)
            return False
        self._judge(i, Health.DIFFERS, said)
        self.acked[i] = False
        self._anew[i] += 1
        return bool(self._anew[i] <= MOST_ANEW) and (plan is None or self._in_time(i, heard_s))

    def _difference(self, i: int, status: Status, lease: Lease, heard_s: float) -> str:
        """What a status has against the acknowledged lease; empty where it bears it out."""
        if status.seq != lease.seq:
            return f"holds sequence {status.seq}; acknowledged was {lease.seq}"
        if lease.plan is None:
            held_on = status.mode == "adaptive" and heard_s - self._acked_s[i] > GIVEN_BACK_S
            return "holds on to a lease that it has given back" if held_on else ""
        if status.mode == "adaptive":
            if status.content_id != lease.content_id:
                return f"holds plan {status.content_id}; acknowledged was {lease.content_id}"
            if not lease.plan.repeats and status.phase not in {stage.phase for stage in lease.plan.stages}:
                return f"shows phase {status.phase}, which the plan that it acknowledged has not"
        elif lease.plan.repeats and heard_s < self._until_s[i]:
            return f"runs its {status.mode} plan before its lease is over"
        return ""

    def _in_time(self, i: int, now_s: float) -> bool:
        """Whether the lease, as it is, could still be accepted."""
        plan = self.plan[i]
        return plan is None or (now_s < self._until_s[i] and (plan.repeats or now_s - plan.starts_s <= LATEST_S))

    def _well(self, i: int) -> None:
        self.verdict[i] = Health.OK
        self.reason.pop(i, None)

    def _judge(self, i: int, verdict: Health, reason: str) -> None:
        self.verdict[i], self.reason[i] = verdict, reason

    def holds(self, now_s: float) -> Bools:
        """[signal] whether a lease of ours may still be in force."""
        lent = np.array([one is not None and one.plan is not None for one in self.lease], dtype=np.bool_)
        return lent & (self._until_s > now_s)


def same_as_base(signal: Intersection, plan: TimingPlan) -> bool:
    """Whether a plan is the signal's base plan: nothing has to be lent for it."""
    return plan is signal.base or (plan.repeats and content_id(signal.id, plan) == content_id(signal.id, signal.base))


def _in_its_time(plan: TimingPlan, offset_s: float) -> TimingPlan:
    """The plan as a controller understands it whose clock is so far ahead."""
    if offset_s == 0.0:
        return plan
    turned_s = (plan.offset_s + offset_s) % plan.cycle_s if plan.cycle_s > 0.0 else plan.offset_s
    return replace(plan, starts_s=plan.starts_s + offset_s, valid_until_s=plan.valid_until_s + offset_s, offset_s=turned_s)


def worst(verdict: Ints, flashing: Bools, silent: Bools) -> Ints:
    """[signal] the health of each: what is worse hides what is less so."""
    return np.where(silent, int(Health.SILENT), np.where(flashing, int(Health.FLASH), verdict)).astype(np.int64)
