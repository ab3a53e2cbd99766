"""The command line: one entry point, one file a command, imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from maze_tasks.cli.options import State, config_option
from maze_tasks.cli.output import exit_code_of

# Every command with its line of help, so that `maze --help` need not import them. Each lives in a module of its name
# and is called `command` there.
COMMANDS = {
    "init": "Write a commented maze.toml.",
    "check": "Validate the configuration; reach Redis, the broker and every endpoint.",
    "scan": "List the holes of a source tree.",
    "route": "Show where each hole would go and why; nothing is sent.",
    "refine": "Submit a batch of holes and follow it to the end.",
    "status": "Show the counts of one run, or list all runs.",
    "watch": "Follow a run until it ends.",
    "cancel": "End a run; what is filled stays.",
    "pause": "Hold a run; `maze resume` lets it go on.",
    "resume": "Let a paused or interrupted run go on.",
    "dead": "Show the holes that were set aside since workers died of them.",
    "results": "Show what became of each hole of a run.",
    "diff": "Show the fills of a run as a patch that git apply takes.",
    "apply": "Write the fills of a run into the source tree, or take them out again.",
    "metrics": "Show requests, successes, latency and cost of each model over all runs.",
    "worker": "Run workers for the queues of some or all models.",
    "simulate": "Serve the configured endpoints locally, for trying things out.",
}


class LazyGroup(click.Group):
    """A group that knows its commands by name, and turns errors of the project into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the base class asks so
        """Names of all commands, in the order in which they are needed."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, imported now; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name, with a suggestion where they misspell one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and leave with the exit code of what became of it."""
        ctx.exit(exit_code_of(lambda: super(LazyGroup, self).invoke(ctx)))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 some holes are not filled; 2 wrong usage, configuration or input; "
    "3 a needed service cannot be reached; 130 interrupted.",
)
@config_option
@click.version_option(package_name="maze-tasks", prog_name="maze", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Fill holes in code with an ensemble of language models."""
    ctx.ensure_object(State)
