"""What commands say of a run that has ended, or stands still."""

from __future__ import annotations

from typing import Any

from maze_tasks.cli.output import ExitCode, tell
from maze_tasks.cli.progress import duration
from maze_tasks.models.runs import RunStatus


def exit_code_for(status: RunStatus) -> int:
    """0 if every hole is filled, else 1."""
    return ExitCode.DONE if status.filled == status.holes and status.state == "done" else ExitCode.NOT_FILLED


def refine_report(status: RunStatus, elapsed_s: float) -> dict[str, Any]:
    """The JSON of ``maze refine`` and ``maze watch``."""
    names = ("run", "holes", "filled", "failed", "skipped", "needs_review", "attempts", "fallbacks")
    shown: dict[str, Any] = {name: getattr(status, name) for name in names}
    shown |= status.costs()
    shown["elapsed_s"] = round(elapsed_s, 3)
    counts = {name: getattr(status, name) for name in ("cached", "repeated", "simulated", "parts")}
    return shown | {"state": status.state} | counts


def cost_of(status: RunStatus) -> str:
    """The cost of a run for people."""
    costs = status.costs()
    parts = [f"${costs['repeated_usd']:.6f} for repeated calls"] if status.repeated_nano else []
    parts += [f"up to ${costs['unsettled_usd']:.6f} for calls without an answer"] if status.unsettled_nano else []
    return f"${costs['cost_usd']:.6f}" + (f" ({', '.join(parts)})" if parts else "")


def show_summary(status: RunStatus, report: dict[str, Any]) -> None:
    """A run's end for people, with what to do next."""
    parts = f" ({status.parts} of them parts of others)" if status.parts else ""
    tell(
        f"run {status.run}: {status.state}; {status.filled} of {status.holes} holes{parts} filled, "
        f"{status.failed} failed, {status.skipped} skipped; {status.attempts} attempts, "
        f"{status.fallbacks} of them fallbacks, {status.cached} from the cache, {status.repeated} repeated; "
        f"{cost_of(status)}; {duration(report['elapsed_s'])}"
    )
    if status.stopped_by is not None:
        reached = "the budget was used up" if status.stopped_by == "budget" else "the deadline has passed"
        tell(f"{reached}; `maze resume {status.run} --failed --{status.stopped_by} N` goes on with another one")
    if status.simulated:
        tell(f"{status.simulated} of the replies came from simulated endpoints")
    if status.set_aside:
        tell(f"{status.set_aside} were set aside: workers died of them; `maze dead {status.run}` shows which and when")
    tell(f"`maze results {status.run}` shows each hole, `maze metrics` each model")
