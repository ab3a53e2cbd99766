"""The verifier that a configuration asks for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from maze_tasks.config import Settings
from maze_tasks.verification import Verifier, open_verifier


def verifier_of(settings: Settings, names: Iterable[str] | None = None, *, snapshots: Path | None = None) -> Verifier:
    """Open the verifier of this machine, once its sandbox has shown that it holds.

    Args:
        settings: profiles, sandbox and folders.
        names: the profiles that are wanted; None wants all.
        snapshots: folder of the archives, where it is not the configured one.

    Raises:
        ConfigError: none of the profiles can run here; where some can, the others are `Verifier.broken`.
        Refused: the sandbox cannot be made or does not hold, or a folder cannot be used.
    """
    wanted = settings.verify if names is None else {name: settings.verify[name] for name in sorted(names)}
    return open_verifier(
        wanted, snapshots or settings.snapshot_dir, folder=settings.verify_dir, sandbox=settings.verify_sandbox
    )
