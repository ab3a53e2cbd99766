"""`maze check`: whether the configuration is right, and all that it names can be reached."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maze_tasks.cli.options import State, config_option, json_option, pass_state
from maze_tasks.cli.output import ExitCode, emit, fail, named, table, tell, warn

if TYPE_CHECKING:
    from maze_tasks.cli.rehearsal import Rehearsal
    from maze_tasks.config import Settings
    from maze_tasks.services import EndpointCheck, ServiceCheck


@click.command(name="check")
@click.argument("holes", required=False)
@click.option("--verify", metavar="PROFILE", help="Try this profile on HOLES; by default the configured one.")
@click.option("--tree", "root", type=click.Path(path_type=Path), help="The folder that hole lines were scanned from.")
@json_option
@config_option
@pass_state
@click.pass_context
def command(
    ctx: click.Context, state: State, *, holes: str | None, verify: str | None, root: Path | None, as_json: bool
) -> None:
    """Validate the configuration; reach Redis, the broker and every endpoint.

    With HOLES, a folder of source code or a file of hole lines, run the command of a verification once, on the tree as
    it is with its holes open, and show what it says: whether it starts, and whether it fails for the right reason.

    Exit code 2 if the configuration is wrong, a key is not set, or nothing can be verified; 3 if something cannot be
    reached.
    """
    settings = state.settings()  # a wrong configuration is told at once, before the clients are imported
    rehearsal = _rehearsed(settings, holes, verify, root)
    from maze_tasks.services import ping_services, probe_endpoints

    services, endpoints = ping_services(settings), probe_endpoints(settings)
    problems = _problems(settings, services, endpoints)
    if rehearsal is not None and not rehearsal.verdict.conclusive:
        problems.append(f"verify.{rehearsal.profile}: {rehearsal.verdict.message}")
    code = _exit_code(problems, services, endpoints)
    if as_json:
        tried = {} if rehearsal is None else {"verification": rehearsal.report()}
        emit(_report(settings, services, endpoints, problems) | {"ok": code == ExitCode.DONE} | tried)
    else:
        _show(settings, services, endpoints)
        if rehearsal is not None:
            _show_rehearsal(rehearsal)
    if rehearsal is not None and rehearsal.verdict.passed:
        warn(f"verify.{rehearsal.profile} passes with the hole open: it cannot tell a wrong fill from a right one")
    for problem in problems:
        fail(problem)
    for service in services:
        if not service.reached:
            fail(_unreached(service))
    for endpoint in endpoints:
        if endpoint.model_listed is False:
            warn(f"endpoint {endpoint.name!r} does not list the model {endpoint.model!r}")
    ctx.exit(code)


def _rehearsed(settings: Settings, holes: str | None, verify: str | None, root: Path | None) -> Rehearsal | None:
    """What came of trying a verification, None where none was asked for.

    Raises:
        Refused: it cannot be tried.
    """
    from maze_tasks.cli.lines import source_tree
    from maze_tasks.cli.rehearsal import rehearse
    from maze_tasks.errors import Refused

    if holes is None:
        if verify is not None or root is not None:
            raise Refused("--verify and --tree: say on which HOLES, a folder of source code or a file of hole lines")
        return None
    tree = source_tree(holes) or root
    if tree is None or not tree.is_dir():
        raise Refused("a verification is tried on a source tree: name a folder, or that of hole lines with --tree")
    return rehearse(settings, holes, tree, verify)


def _show_rehearsal(rehearsal: Rehearsal) -> None:
    place, verdict = rehearsal.hole.place, rehearsal.verdict
    where = f" ({named(place.path)}:{place.line})" if place is not None else ""
    tell(
        f"verify.{rehearsal.profile} for the hole {rehearsal.hole.id!r}{where}, still open: "
        f"{verdict.message} after {verdict.seconds:.1f} s"
    )
    for line in verdict.output.splitlines():
        tell(f"  {line}")


def _problems(
    settings: Settings, services: tuple[ServiceCheck, ...], endpoints: tuple[EndpointCheck, ...]
) -> list[str]:
    """What is wrong apart from what cannot be reached."""
    found = [problem for endpoint in endpoints for problem in endpoint.key_problems]
    found += [f"{service.service}: {service.detail}" for service in services if service.reached and not service.ok]
    if settings.literal_key_names and not settings.embedded:
        found += _literal_key_problems(settings)
    return found


def _unreached(service: ServiceCheck) -> str:
    """What to do about a service that cannot be reached."""
    from maze_tasks.config import URL_VARIABLES

    variable = URL_VARIABLES[service.setting]
    return (
        f"{service.service} at {service.address} cannot be reached: {service.detail}; start it there, or name another "
        f"address in {service.setting} or {variable}"
    )


def _literal_key_problems(settings: Settings) -> list[str]:
    from maze_tasks.errors import ConfigError
    from maze_tasks.project import refuse_literal_keys

    try:
        refuse_literal_keys(settings)
    except ConfigError as error:
        return [str(error)]
    return []


def _exit_code(
    problems: list[str], services: tuple[ServiceCheck, ...], endpoints: tuple[EndpointCheck, ...]
) -> ExitCode:
    if problems:
        return ExitCode.REFUSED
    reached = all(service.reached for service in services) and all(endpoint.ok for endpoint in endpoints)
    return ExitCode.DONE if reached else ExitCode.UNREACHABLE


def _report(
    settings: Settings,
    services: tuple[ServiceCheck, ...],
    endpoints: tuple[EndpointCheck, ...],
    problems: list[str],
) -> dict[str, Any]:
    return {
        "config": str(settings.config_path),
        "mode": "embedded" if settings.embedded else "cluster",
        "problems": problems,
        "warnings": list(settings.warnings),
        "services": [asdict(service) for service in services],
        "endpoints": [asdict(endpoint) for endpoint in endpoints],
    }


def _show(settings: Settings, services: tuple[ServiceCheck, ...], endpoints: tuple[EndpointCheck, ...]) -> None:
    tell(f"{settings.config_path}: valid")
    if settings.embedded:
        tell("embedded: no redis_url is set, so each command starts a private server; none was started now")
    rows: list[tuple[object, ...]] = [
        (service.service, _state(ok=service.ok), f"{service.latency_ms:.0f}", None, service.detail or None)
        for service in services
    ]
    rows += [
        (f"endpoint {found.name}", _state(ok=found.ok), f"{found.latency_ms:.0f}", _model(found), found.detail or None)
        for found in endpoints
    ]
    table(("what", "state", "ms", "model", "detail"), rows, numbers=("ms",))


def _state(*, ok: bool) -> str:
    return "ok" if ok else "not ok"


def _model(endpoint: EndpointCheck) -> str:
    listed = {True: "listed", False: "NOT listed", None: "lists none"}[endpoint.model_listed]
    return f"{endpoint.model} ({listed})" if endpoint.ok else endpoint.model
