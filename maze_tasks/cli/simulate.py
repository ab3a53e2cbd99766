"""`maze simulate`: serve the configured endpoints locally, without a model."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from maze_tasks.cli.options import State, config_option, pass_state

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(name="simulate")
@click.argument("file", metavar="[CONFIG]", type=click.Path(path_type=Path), required=False)
@config_option
@click.option("--host", help="Address to listen at, such as 0.0.0.0; by default each endpoint_url's own loopback host.")
@click.option("--free-ports", is_flag=True, help="Take any free ports of this machine; --ready-file says which.")
@click.option("--log", "log_file", metavar="FILE", type=_FILE, help="Append a JSON line for each request to FILE.")
@click.option(
    "--ready-file",
    "--port-file",
    "ready_file",
    metavar="FILE",
    type=_FILE,
    help="Write process id and URLs to FILE as JSON, once everything listens.",
)
@click.option("--stats", "stats_file", metavar="FILE", type=_FILE, help="Write the counts to FILE as JSON at the end.")
@click.option("--quiet", is_flag=True, help="Say nothing on stderr.")
@pass_state
def command(
    state: State,
    file: Path | None,
    host: str | None,
    log_file: Path | None,
    ready_file: Path | None,
    stats_file: Path | None,
    *,
    free_ports: bool,
    quiet: bool,
) -> None:
    """Serve the endpoints of CONFIG locally with set latency, faults, limits and answers.

    Each endpoint listens at the host, port and path of its endpoint_url. Tables [simulate.NAME] of the configuration
    say which endpoints and how; without any, all are served with defaults. No model is called, and every reply says
    that it is simulated. Counts: GET /__simulator__/stats on each port. Ctrl-C or SIGTERM ends it.
    """
    from maze_tasks.cli.output import say
    from maze_tasks.simulate.session import Files, opened_log, serve
    from maze_tasks.simulate.simulator import Simulator

    state.config = file or state.config
    settings = state.settings()
    folder = settings.config_path.parent if settings.config_path else Path()
    with ExitStack() as stack:
        log = stack.enter_context(opened_log(log_file)) if log_file else None
        simulator = Simulator(
            settings.endpoints, settings.simulate, folder=folder, host=host, free_ports=free_ports, log=log
        )
        serve(simulator, Files(ready_file, stats_file), tell=_nothing if quiet else say)


def _nothing(_line: str) -> None:
    """Tell nobody."""
