"""Refining one text of code: its holes are found, filled in rounds, and put into it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from maze_tasks import control
from maze_tasks.decide.dependencies import fate
from maze_tasks.ensemble import EnsembleClient
from maze_tasks.errors import ConfigError, InputError, MazeError
from maze_tasks.given import GivenConstraints, GivenHole, read_given_constraints, read_given_holes
from maze_tasks.intake import refuse_disorder
from maze_tasks.local_run import LocalRun
from maze_tasks.models import (
    ConstraintIR,
    EnsembleConfig,
    FailureStrategy,
    Hole,
    HoleStateStatus,
    ModelEndpoint,
    RefinementConfig,
    RefinementResult,
)
from maze_tasks.models.runs import HoleResult, HoleStatus
from maze_tasks.names import HoleId
from maze_tasks.pieces import piece_of
from maze_tasks.placing import GIVEN, Text, found_in, language_for, placed_in, settled_fill
from maze_tasks.producer import Producer, digest_of
from maze_tasks.project import run_digest, run_options
from maze_tasks.refined import refined
from maze_tasks.store import reading

# Holes that come with one of these are left as they are.
_SETTLED: dict[HoleStateStatus, HoleStatus] = {
    HoleStateStatus.FILLED: "filled",
    HoleStateStatus.SKIPPED: "skipped",
    HoleStateStatus.NEEDS_HUMAN: "needs_review",
}


class ProgressiveRefiner:
    """Fills the holes of a text of code, in rounds, and gives back the text with the fills.

    Calls are made in this process; attempts, accounts and spend are kept in the client's store like those of any run.

    Args:
        client: the ensemble that is asked.
        config: rounds, temperatures and what follows a failure; by default those of the client's configuration.

    Raises:
        ConfigError: the configuration asks for something that is not supported.
    """

    def __init__(self, client: EnsembleClient, config: RefinementConfig | Mapping[str, Any] | None = None) -> None:
        if config is not None and not isinstance(config, RefinementConfig):
            config = RefinementConfig.model_validate(config)
        self.config = config or client.settings.refinement
        _refuse_unsupported(self.config)
        self._client, self._is_own = client, False
        self._settings = client.settings.model_copy(update={"refinement": self.config})

    @classmethod
    def with_ensemble(cls, client: EnsembleClient, config: RefinementConfig | Mapping[str, Any] | None = None) -> Self:
        """A refiner that asks the endpoints of a client, which stays the caller's to close."""
        return cls(client, config)

    @classmethod
    def with_endpoint(
        cls,
        endpoint: ModelEndpoint | Mapping[str, Any],
        config: RefinementConfig | Mapping[str, Any] | None = None,
        *,
        redis_url: str | None = None,
        state_dir: str | Path | None = None,
    ) -> Self:
        """A refiner that asks one endpoint, and has a client of its own: close it.

        Args:
            endpoint: who is asked.
            config: as for the class; by default one round.
            redis_url: as for `EnsembleClient.from_config`.
            state_dir: as for `EnsembleClient.from_config`.

        Raises:
            pydantic.ValidationError: the endpoint is none.
        """
        one = endpoint if isinstance(endpoint, ModelEndpoint) else ModelEndpoint.model_validate(endpoint)
        ensemble = EnsembleConfig(endpoints=(one,))
        client = EnsembleClient.from_config(ensemble, redis_url=redis_url, state_dir=state_dir)
        made = cls(client, config)
        made._is_own = True
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the client of `with_endpoint`."""
        if self._is_own:
            self._client.close()

    def refine(
        self,
        code: str,
        holes: Iterable[GivenHole] | None = None,
        constraints: GivenConstraints | Mapping[HoleId, GivenConstraints] = None,
        *,
        language: str | None = None,
        path: str | None = None,
        run: str | None = None,
    ) -> RefinementResult:
        """Fill the holes of a text.

        Args:
            code: the text, with the markers of its holes.
            holes: its holes as values, or as the JSON of hole lines; None means all that are found in it. Those that
                are filled, skipped or set aside for a human stay as they are.
            constraints: for all holes; or by hole, as a mapping whose keys are their ids.
            language: what the text is written in, by default guessed from `path`, or from the origin of a hole.
            path: what its file is called.
            run: name of the run, by default a new one. A run of that name and these holes goes on where it was.

        Returns:
            The text with the fills, and what became of each hole, in the order handed in, parts of divided ones
            behind them. Origins of holes without a fill are their places in the text that is returned, so that result
            and holes can be refined again.

        Raises:
            ConfigError: the language is not known.
            InputError: a hole is not in the text, or holes depend on one another in a circle; nothing was asked.
            RunExists: a run of that name holds something else.
            ServiceUnavailable: Redis cannot be reached or started.
        """
        started = time.monotonic()
        if not isinstance(code, str):
            raise InputError("the code should be text, not " + type(code).__name__, field="code")
        work = self._work(code, holes, constraints, language=language, path=path)
        settled = _settled(work, self.config.failure_strategy)
        asked = [_lone(hole, settled, work) for hole in work if hole.id not in settled]
        found = self._fill(asked, run) if asked else []
        work += [hole for hole, _ in found if hole.part is not None]
        results = {result.hole_id: result for _, result in found}
        total_ms = round((time.monotonic() - started) * 1000)
        return refined(code, work, results, settled, self.config.temperature_schedule, total_ms=total_ms)

    def _work(
        self,
        code: str,
        holes: Iterable[GivenHole] | None,
        constraints: object,
        *,
        language: str | None,
        path: str | None,
    ) -> list[Hole]:
        """The holes of a text, checked, each with its place."""
        given = None if holes is None else _wholes(read_given_holes(holes))
        known, file = language_for(given or (), language, path)
        text = Text(code, known, file)
        work = found_in(text) if given is None else placed_in(text, given)
        work = [
            hole.model_copy(update={"constraints": (*hole.constraints, *more)})
            for hole, more in _each(work, constraints)
        ]
        lines = {hole.id: number for number, hole in enumerate(work, 1)}
        refuse_disorder({hole.id: hole.depends_on for hole in work if hole.depends_on}, lines, GIVEN)
        return work

    def _fill(self, holes: list[Hole], run: str | None) -> list[tuple[Hole, HoleResult]]:
        """What became of some holes, and of the parts that they were divided into."""
        project, filler = self._client.project(), self._client.direct_run().filler
        store, name = project.store, run or f"refine-{uuid.uuid4().hex[:12]}"
        digest = digest_of(holes)
        local = LocalRun(filler, name, self._settings.endpoints, parallel=self.config.parallel_fill)
        try:
            known = reading.read_status(store.client, store.namespace, name)
            if known is None or not known.ended or known.input_digest != digest:
                producer = Producer(store, local.send, self._settings.endpoints, run_options(self._settings))
                producer.submit(
                    name,
                    holes,
                    input_digest=digest,
                    config_digest=run_digest(self._settings),
                    ordered=any(hole.depends_on for hole in holes),
                )
                if known is not None and known.state == "paused":
                    control.resume(store, local.send, name, holders_gone=project.fresh)
                local.work()
        except BaseException:
            if run is None:  # nobody could go on with it
                with suppress(MazeError):
                    control.cancel(store, name)
            raise
        finally:
            local.close()
        return list(control.fills(store, name))


def _refuse_unsupported(config: RefinementConfig) -> None:
    if config.enable_diffusion:
        raise ConfigError("is not supported yet", field="enable_diffusion")


def _wholes(given: list[Hole]) -> list[Hole]:
    """Holes without those that are parts of others among them: a whole is filled, or divided anew."""
    ids = {hole.id for hole in given}
    return [hole for hole in given if hole.state is None or hole.state.parent_id not in ids]


def _each(holes: Sequence[Hole], given: object) -> Iterator[tuple[Hole, tuple[ConstraintIR, ...]]]:
    """Each hole with the constraints that were given for it.

    Raises:
        InputError: there are some for a hole that is not there.
    """
    ids = {hole.id for hole in holes}
    if not isinstance(given, Mapping) or not given or not any(key in ids or isinstance(key, int) for key in given):
        common = read_given_constraints(given)
        yield from ((hole, common) for hole in holes)
        return
    if (unknown := next((key for key in given if key not in ids), None)) is not None:
        raise InputError(f"there is no hole {unknown!r}", file="constraints")
    yield from ((hole, read_given_constraints(given.get(hole.id))) for hole in holes)


def _settled(holes: Sequence[Hole], strategy: FailureStrategy) -> dict[HoleId, HoleStatus]:
    """How those holes stand that are not to be tried.

    Raises:
        InputError: a hole is said to be filled and has no fill.
    """
    settled: dict[HoleId, HoleStatus] = {}
    for number, hole in enumerate(holes, 1):
        status = hole.state.status if hole.state is not None else HoleStateStatus.PENDING
        if status is HoleStateStatus.FILLED and settled_fill(hole) is None:
            raise InputError(
                "the hole is filled, and its fill is missing", file=GIVEN, line=number, field="current_fill"
            )
        if status in _SETTLED:
            settled[hole.id] = _SETTLED[status]
    changed = True
    while changed:
        changed = False
        for hole in holes:
            known = [settled[one] for one in hole.depends_on if one in settled]
            becomes = fate(known, strategy)
            if hole.id not in settled and becomes is not None and becomes != "pending":
                settled[hole.id] = becomes
                changed = True
    return settled


def _lone(hole: Hole, settled: Mapping[HoleId, HoleStatus], holes: Sequence[Hole]) -> Hole:
    """A hole that is to be tried, which waits for none that is not; it is shown their fills."""
    if not any(one in settled for one in hole.depends_on):
        return hole
    fills = [(one, settled_fill(one)) for one in holes if one.id in hole.depends_on]
    pieces = [piece_of(one, fill) for one, fill in fills if fill is not None]
    waits = tuple(one for one in hole.depends_on if one not in settled)
    return hole.model_copy(update={"depends_on": waits, "pieces": (*pieces, *hole.pieces)})
