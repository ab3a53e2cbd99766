"""What a run came to, as JSON and as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.faults.audit import Audit
from benchmarks.faults.setting import Setting
from benchmarks.faults.watching import Fault

COMPLAINTS_SHOWN = 20


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Args:
        setting: what the run was made with.
        audit: of store and logs, both runs together.
        tight: of the run that had a budget.
        faults: that were played, in their order.
        came_to_its_end: whether the run and the client that followed it did.
        requests: at each endpoint, by what became of them.
        elapsed_s: from the first submission to the end of the run.
    """

    setting: Setting
    audit: Audit
    tight: Audit
    faults: Sequence[Fault]
    came_to_its_end: bool
    requests: Mapping[str, Mapping[str, int]]
    elapsed_s: float

    @property
    def holds(self) -> bool:
        """Whether every guarantee was kept."""
        return self.came_to_its_end and self.audit.holds

    def longest_recovery_s(self, *, away: bool) -> float | None:
        """The longest time in seconds from a kill until all that was held had gone on.

        Args:
            away: of the kills during which Redis was away from everybody, else of the others.
        """
        kills = [one for one in self.faults if one.on_s is not None and one.what.startswith("kill")]
        return max((one.on_s or 0.0 for one in kills if met_outage(one, self.faults) is away), default=None)

    def report(self) -> dict[str, Any]:
        """All of it as JSON values."""
        said = asdict(self) | {
            "holds": self.holds,
            "longest_recovery_s": self.longest_recovery_s(away=False),
            "simulated": True,
        }
        said["audit"]["unaccounted"] = self.audit.unaccounted
        return {"benchmark": "faults"} | said


def met_outage(fault: Fault, others: Sequence[Fault]) -> bool:
    """Whether Redis was away from everybody before all that a fault's victims held had gone on.

    It then takes longer: nothing is taken for lost within a lease of Redis's return.
    """
    end = fault.at + (fault.on_s or 0.0)
    outages = [one for one in others if one.away and one is not fault]
    return any(one.at < end and one.at + (one.lasted_s or 0.0) > fault.at for one in outages)


def show(outcome: Outcome) -> None:
    """Print the table."""
    found, tight, made = outcome.audit, outcome.tight, outcome.setting
    recovery, longer = (outcome.longest_recovery_s(away=away) for away in (False, True))
    print(f"{found.holes} holes, SIMULATED endpoints, appendfsync {made.appendfsync}, seed {made.seed}")
    print(f"a kill every {made.kill_every_s:g} s, leases of {made.lease_s:g} s; {outcome.elapsed_s:.0f} s in all")
    rows = [
        ("holes", found.holes, f"{tight.holes} of them in a run with a budget"),
        ("filled", found.filled, f"{tight.filled} of that run, before its budget was used up"),
        ("lost", found.lost, "must be 0"),
        ("doubled", found.doubled, "must be 0"),
        ("attempts unaccounted", found.unaccounted, "must be 0"),
        ("  requests without a record", found.unrecorded, ""),
        ("  records without a request", found.unrequested, ""),
        ("  repeats that are not marked", found.unmarked, ""),
        ("  counts that do not add up", found.miscounted, ""),
        ("calls repeated", found.repeated, f"at most {found.in_flight}: in flight in what was struck"),
        ("calls on record as lost", found.lost_calls, ""),
        ("commits that came too late", found.late, "they changed nothing"),
        ("calls that Redis has forgotten", found.forgotten, "not on record, or paid again" if found.forgotten else ""),
        ("sent again, connection closed", found.resent, "by endpoints"),
        ("limit overshoot", "no limit" if found.overshoot is None else found.overshoot, "must be 0"),
        ("on record as spent, USD", f"{found.recorded_usd:.6f}", f"endpoints charge {found.charged_usd:.6f}"),
        ("charged and not on record, USD", found.unseen_usd, "must be 0"),
        (
            "overspend, USD",
            found.overspend_usd,
            f"must be 0: {tight.recorded_usd:.6f} of {made.budget_usd:.6f}",
        ),
        ("longest recovery from a kill, s", _seconds(recovery), ""),
        ("  with Redis away meanwhile, s", _seconds(longer), ""),
        ("faults played", len(outcome.faults), ""),
    ]
    for name, figure, remark in rows:
        print(f"{name:32} {figure!s:>9}  {remark}".rstrip())
    print("\nfault                played  calls in flight  longest recovery, s")
    for what, some in _by_kind(outcome.faults).items():
        held = sum(one.in_flight or 0 for one in some)
        times = [one.on_s for one in some if one.on_s is not None]
        print(f"{what:20} {len(some):6}  {held:15}  {_seconds(max(times, default=None)):>19}")
    print("\nendpoint    requests  what became of them")
    for name, kinds in outcome.requests.items():
        told = ", ".join(f"{kind} {count}" for kind, count in Counter(kinds).most_common())
        print(f"{name:11} {sum(kinds.values()):8}  {told}")
    print()
    for complaint in found.complaints[:COMPLAINTS_SHOWN]:
        print(f"BROKEN: {complaint}")
    if len(found.complaints) > COMPLAINTS_SHOWN:
        print(f"BROKEN: {len(found.complaints) - COMPLAINTS_SHOWN} more")
    if found.repeated > found.in_flight:
        print(f"BROKEN: {found.repeated} calls repeated, and {found.in_flight} were in flight in what was struck")
    if not outcome.came_to_its_end:
        print("BROKEN: a run, or the client that followed it, did not come to its end")
    if outcome.holds:
        print("every guarantee was kept")


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _by_kind(faults: Sequence[Fault]) -> dict[str, list[Fault]]:
    kinds: dict[str, list[Fault]] = {}
    for one in faults:
        kinds.setdefault(one.what, []).append(one)
    return dict(sorted(kinds.items()))
