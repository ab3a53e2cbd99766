"""The store held against the endpoints' own logs. Pure: what it looks at is handed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from maze_tasks.models.runs import Attempt, HoleResult, ModelAccount, RunStatus
from maze_tasks.names import parse_idempotency_key

MINUTE_S = 60.0
Place = tuple[str, str, int, int, int]  # endpoint, hole, round, candidate, sample

# Failures before which a call may or may not have reached its endpoint: nobody knows, and the record says so.
_UNKNOWN = ("lost", "cancelled")


@dataclass(frozen=True)
class Facts:
    """What there is at the end of a run.

    Args:
        run: its name.
        holes: ids that were submitted.
        status: of the run.
        accounts: of the run by model.
        results: of all its holes.
        requests: what the endpoints logged.
        limits: requests a minute that are configured, by endpoint.
        prices: USD of a thousand tokens asked, and of a thousand generated, by endpoint.
        budget_usd: of the run, None for none.
        in_flight: calls that were in flight in whatever was killed, stopped or cut off.
        forgotten: from when to when (seconds since 1970) Redis wrote what it has lost. With `always` there is
            nothing of that; else calls of that time may be missing in the records, and be made and paid again.
    """

    run: str
    holes: Sequence[int]
    status: RunStatus
    accounts: Mapping[str, ModelAccount]
    results: Sequence[HoleResult]
    requests: Sequence[Mapping[str, Any]]
    limits: Mapping[str, int] = field(default_factory=dict)
    prices: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    budget_usd: float | None = None
    in_flight: int = 0
    forgotten: Sequence[tuple[float, float]] = ()

    def was_forgotten(self, entry: Mapping[str, Any]) -> bool:
        """Whether Redis may have lost what it knew of a request."""
        began, ended = entry["time"], entry["time"] + entry["latency_ms"] / 1000
        return any(began <= until and ended >= since for since, until in self.forgotten)


@dataclass
class Audit:
    """What the table says of one run, or of several together. Each broken guarantee has a line in `complaints`.

    Args:
        holes, filled: how many.
        lost_calls: calls on record whose worker never came back.
        late: commits that came after somebody else had taken over; they changed nothing.
        lost: holes that did not end, or have nothing to show.
        doubled: holes with two accepted fills, or with the fill of another.
        unrecorded: requests at endpoints that no record accounts for.
        unrequested: records of answered calls that no endpoint saw.
        miscounted: counts of the run that are not what its records add up to.
        repeated: requests that came again under their key, and were lost before.
        resent: the same, sent again at once over a new connection: the one before had been closed.
        unmarked: requests that came again, and no record says so.
        forgotten: requests that are missing in the records, or came again, since Redis has lost what it knew of them.
        in_flight: calls in flight in what was killed, stopped or cut off: no more may be repeated.
        overshoot: requests above the limit within any 60 s, the worst endpoint; None without a limit.
        overspend_usd: above the budget; None without one.
        charged_usd: what the endpoints charge for what they answered.
        recorded_usd: what the run says that it cost, estimates of calls without an answer included.
        complaints: a line for each violation.
    """

    holes: int
    filled: int
    lost_calls: int = 0
    late: int = 0
    lost: int = 0
    doubled: int = 0
    unrecorded: int = 0
    unrequested: int = 0
    miscounted: int = 0
    repeated: int = 0
    resent: int = 0
    unmarked: int = 0
    forgotten: int = 0
    in_flight: int = 0
    overshoot: int | None = None
    overspend_usd: float | None = None
    charged_usd: float = 0.0
    recorded_usd: float = 0.0
    complaints: list[str] = field(default_factory=list)

    @property
    def unaccounted(self) -> int:
        """Attempts for which store and endpoints disagree."""
        return self.unrecorded + self.unrequested + self.miscounted + self.unmarked

    @property
    def unseen_usd(self) -> float:
        """What endpoints charge and the run does not know of."""
        return max(self.charged_usd - self.recorded_usd, 0.0)

    @property
    def holds(self) -> bool:
        """Whether every guarantee was kept."""
        broken = (self.lost, self.doubled, self.unaccounted, self.unseen_usd, self.overshoot, self.overspend_usd)
        return not any(broken) and self.repeated <= self.in_flight

    def __add__(self, other: Audit) -> Audit:
        """Of two runs against the same endpoints."""
        added = [one.name for one in fields(self) if one.name not in _MOST]
        sums = {name: getattr(self, name) + getattr(other, name) for name in added}
        most = {name: _most(getattr(self, name), getattr(other, name)) for name in _MOST}
        return Audit(**sums, **most)


_MOST = ("overshoot", "overspend_usd")


def _most(one: Any, other: Any) -> Any:
    return max((value for value in (one, other) if value is not None), default=None)


def audit(facts: Facts) -> Audit:
    """Hold the store against the logs."""
    found = Audit(len(facts.holes), sum(one.status == "filled" for one in facts.results), in_flight=facts.in_flight)
    found.late, found.lost_calls = facts.status.late, sum(one.lost for one in facts.accounts.values())
    _holes(found, facts)
    _calls(found, facts)
    _counts(found, facts)
    if facts.limits:
        found.overshoot = max(_overshoot(found, facts, name, limit) for name, limit in facts.limits.items())
    _money(found, facts)
    return found


def _holes(found: Audit, facts: Facts) -> None:
    """Lost and doubled holes."""
    by_id = {str(one.hole_id): one for one in facts.results}
    if len(by_id) != len(facts.results):
        found.doubled += len(facts.results) - len(by_id)
        found.complaints.append("holes stand in the run twice")
    for hole in map(str, facts.holes):
        one = by_id.get(hole)
        if one is None:
            why = "is not in the run"
        elif one.status in ("pending", "in_progress"):
            why = f"is {one.status} still"
        elif one.status == "filled" and one.code is None:
            why = "is filled without a fill"
        elif one.status != "filled" and one.error is None:
            why = f"is {one.status} without a reason"
        else:
            continue
        found.lost += 1
        found.complaints.append(f"hole {hole} {why}")
    for hole, one in by_id.items():
        accepted = [attempt for attempt in one.attempts if attempt.outcome == "accepted"]
        strange = one.code is not None and f"# {hole} " not in one.code
        if len(accepted) > 1 or strange or (one.status != "filled" and accepted):
            found.doubled += 1
            found.complaints.append(f"hole {hole}: {len(accepted)} accepted fills, {one.status}, {one.code!r}")


def _calls(found: Audit, facts: Facts) -> None:
    """Requests without a record, records without a request, and what came twice."""
    requests: dict[Place, Counter[str]] = {}
    excused: Counter[Place] = Counter()
    for entry in facts.requests:
        parts = parse_idempotency_key(entry["key"] or "")
        if parts is None:
            found.unrecorded += 1
            found.complaints.append(f"a request without a key of ours: {entry}")
        elif parts[0] == facts.run:
            place = (entry["endpoint"], *parts[1:])
            requests.setdefault(place, Counter())[entry["key"]] += 1
            excused[place] += facts.was_forgotten(entry)
    records: dict[Place, list[Attempt]] = {}
    for result in facts.results:
        for one in result.attempts:
            place = (one.model, str(result.hole_id), one.round, one.candidate, one.sample)
            records.setdefault(place, []).append(one)
    for place in requests.keys() | records.keys():
        _hold(found, place, requests.get(place, Counter()), records.get(place, []), excused[place])


def _hold(found: Audit, place: Place, keys: Counter[str], attempts: Sequence[Attempt], excused: int) -> None:
    """One place: how often it was asked, and what stands on record of that.

    Args:
        found: where it is noted.
        place: which.
        keys: how often each key came.
        attempts: on record.
        excused: requests of which Redis may have lost what it knew.
    """
    asked, lost = keys.total(), sum(one.outcome == "lost" for one in attempts)
    resent = sum(one.resent for one in attempts)
    calls = [one for one in attempts if not one.cached]
    certain = [one for one in calls if one.outcome not in _UNKNOWN and _arrived(one)]
    # A lost call may have gone out twice as well, and who knew of it is dead.
    resent += min(max(asked - len(calls) - resent, 0), lost)
    missing = asked - len(calls) - resent
    found.forgotten += min(max(missing, 0), excused)
    missing -= excused
    surplus = len(certain) - asked
    if missing > 0:
        found.unrecorded += missing
        found.complaints.append(f"{_told(place)}: {asked} requests, {_outcomes(attempts)} on record")
    if surplus > 0:
        found.unrequested += surplus
        found.complaints.append(f"{_told(place)}: {asked} requests, {_outcomes(attempts)} on record, surely sent")
    again = sum(count - 1 for count in keys.values())
    by_client = min(again, resent)
    found.resent += by_client
    repeated = max(again - by_client - excused, 0)
    found.repeated += repeated
    marked = sum(one.repeated for one in attempts)
    unmarked = repeated - max(marked, lost)
    if unmarked > 0:
        found.unmarked += unmarked
        found.complaints.append(
            f"{_told(place)}: came {again} times again, {_outcomes(attempts)} on record, {marked} marked"
        )


def _arrived(one: Attempt) -> bool:
    """Whether a decided call surely reached its endpoint: it was answered, if only by an error."""
    if one.outcome in ("accepted", "rejected"):
        return True
    return one.error is not None and one.error.kind not in _SILENT and not _unasked(one)


def _unasked(one: Attempt) -> bool:
    return one.error is not None and one.error.message.startswith(_UNASKED)


_SILENT = ("connection", "timeout", "lost", "cancelled")
_UNASKED = "not asked:"  # what an attempt says that a budget or a gate kept from its endpoint


def _outcomes(attempts: Iterable[Attempt]) -> str:
    told = [f"{one.outcome} ({one.error.kind})" if one.error else one.outcome for one in attempts]
    return ", ".join(told) or "nothing"


def _told(place: Place) -> str:
    endpoint, hole, *numbers = place
    return f"hole {hole} at {endpoint} {'/'.join(map(str, numbers))}"


def _counts(found: Audit, facts: Facts) -> None:
    """The run's own counts against its records."""
    attempts = [one for result in facts.results for one in result.attempts]
    calls = [one for one in attempts if not one.cached and one.outcome not in _UNKNOWN and not _unasked(one)]
    status, accounts = facts.status, facts.accounts.values()
    sums = {
        "holes": (status.holes, len(facts.results)),
        "holes by status": (status.holes, status.closed + status.pending + status.in_progress),
        "filled": (status.filled, found.filled),
        "attempts": (status.attempts, len(attempts)),
        "fallbacks": (status.fallbacks, sum(one.candidate > 0 for one in attempts)),
        "cost": (status.cost_nano, sum(one.cost_nano for one in attempts)),
        "cost by model": (status.cost_nano, sum(one.cost_nano for one in accounts)),
        "repeated": (status.repeated, sum(one.repeated for one in attempts)),
        "requests by model": (sum(one.requests for one in accounts), len(calls)),
        "accepted by model": (sum(one.accepted for one in accounts), found.filled),
        "lost by model": (sum(one.lost for one in accounts), sum(one.outcome == "lost" for one in attempts)),
    }
    for name, (said, counted) in sums.items():
        if said != counted:
            found.miscounted += abs(said - counted) if "cost" not in name else 1
            found.complaints.append(f"{name}: the run says {said}, its records {counted}")


def _money(found: Audit, facts: Facts) -> None:
    """What was spent, by the run and by the endpoints."""
    found.recorded_usd = facts.status.cost_nano / 1e9
    if facts.prices:
        own = (entry for entry in facts.requests if (entry["key"] or "").startswith(f"{facts.run}/"))
        charged = (cost_usd(entry, facts.prices[entry["endpoint"]]) for entry in own)
        found.charged_usd = round(sum(charged), 9)
    if found.unseen_usd:
        found.complaints.append(f"charged {found.charged_usd:.6f} USD, on record {found.recorded_usd:.6f}")
    if facts.budget_usd is not None:
        found.overspend_usd = max(found.recorded_usd - facts.budget_usd, 0.0)
        if found.overspend_usd:
            found.complaints.append(f"spent {found.recorded_usd:.6f} USD of {facts.budget_usd:.6f}")


def cost_usd(entry: Mapping[str, Any], price: tuple[float, float]) -> float:
    """What an endpoint charges for a request that it logged, at its price of a thousand tokens each way."""
    return float(entry["prompt_tokens"] * price[0] + entry["generated_tokens"] * price[1]) / 1000


def _overshoot(found: Audit, facts: Facts, name: str, limit: int) -> int:
    """Requests above the limit within the fullest 60 s."""
    known = (entry for entry in facts.requests if entry["endpoint"] == name and not facts.was_forgotten(entry))
    times = sorted(float(entry["time"]) for entry in known)
    most, first = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - MINUTE_S:
            first += 1
        most = max(most, last - first + 1)
    over = max(most - limit, 0)
    if over:
        found.complaints.append(f"{name}: {most} requests within 60 s, {limit} are allowed")
    return over
