"""When a process that died is started again: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """Patience with a process that dies.

    Args:
        quick_death_s: a process that lived less than this many seconds did not really start.
        give_up_after: so many quick deaths in a row are too many.
        first_delay_s: pause before the first restart, in seconds; it doubles with each quick death in a row.
        longest_delay_s: the pause grows no further.
    """

    quick_death_s: float = 20.0
    give_up_after: int = 5
    first_delay_s: float = 0.5
    longest_delay_s: float = 30.0

    def quick_deaths(self, before: int, lived_s: float) -> int:
        """Quick deaths in a row, counting one of a process that lived `lived_s` seconds after `before` others."""
        return before + 1 if lived_s < self.quick_death_s else 0

    def delay_s(self, quick_deaths: int) -> float | None:
        """Pause in seconds before the next start, or None where it is time to give up."""
        return None if quick_deaths >= self.give_up_after else self.pause_s(quick_deaths)

    def pause_s(self, quick_deaths: int) -> float:
        """Pause in seconds before the next start of what is never given up."""
        return min(self.first_delay_s * 2.0 ** max(quick_deaths - 1, 0), self.longest_delay_s)
