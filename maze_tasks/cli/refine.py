"""`maze refine`: submit a batch of holes and follow it to the end."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maze_tasks.cli.lines import lines_of, source_tree, surveyed
from maze_tasks.cli.options import BUDGET, DEADLINE, State, config_option, json_option, pass_state

if TYPE_CHECKING:
    from maze_tasks.cli.judged import Judged
    from maze_tasks.config import Settings
    from maze_tasks.intake import Survey
    from maze_tasks.models import Hole
    from maze_tasks.models.runs import RunStatus
    from maze_tasks.project import Project

MAX_NAME = 100  # characters of a run's name


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for.

    Args:
        title: what the command line named, after which a run is called.
        source: file of hole lines, or ``-``.
        run: name of the run, None to find or make one.
        best_of_n: answers to ask for at once, None for the configuration's.
        limit: holes at most.
        skip_invalid: whether wrong lines are left out.
        concurrency: calls in flight of embedded workers.
        detach: whether to leave once submitted.
        quiet: whether to show no progress.
        as_json: whether to print JSON.
        tree: the folder that the holes were scanned from, None where nobody knows.
        profile: the profile that judges fills, None for none.
        verified: what is known of the holes that are verified, None where none is to be.
    """

    title: str
    source: str
    run: str | None
    best_of_n: int | None
    limit: int | None
    skip_invalid: bool
    concurrency: int | None
    detach: bool
    quiet: bool
    as_json: bool
    tree: Path | None = None
    profile: str | None = None
    verified: Judged | None = None

    def holes(self, survey: Survey) -> Iterator[Hole]:
        """The holes that were surveyed, read anew."""
        from maze_tasks.intake import read_holes

        read = read_holes(self.source, skip_invalid=self.skip_invalid, limit=self.limit, surveyed=survey)
        return (one.hole for one in read)


@click.command(name="refine")
@click.argument("holes")
@click.option("--run", metavar="NAME", help="Name of the run; by default one made from the file and its content.")
@click.option("--best-of", "best_of_n", type=click.IntRange(0, 64), help="Answers to ask for at once.")
@click.option("--spread", is_flag=True, help="Ask several candidates for those answers, one each, not one for all.")
@click.option("--limit", type=click.IntRange(min=1), help="Take the first N holes only.")
@click.option("--skip-invalid", is_flag=True, help="Leave out lines that are wrong, and say how many.")
@click.option("--concurrency", type=click.IntRange(min=1), help="Calls in flight over all models (embedded workers).")
@click.option("--verify", metavar="PROFILE", help="Judge fills with this profile; by default the configured one.")
@click.option("--no-verify", is_flag=True, help="Judge no fills by running a command.")
@click.option("--tree", "root", type=click.Path(path_type=Path), help="The folder that hole lines were scanned from.")
@click.option("--no-cache", is_flag=True, help="Ask for every fill, also where its reply has been paid for already.")
@click.option("--budget", type=BUDGET, metavar="USD", help="The most that the run may spend.")
@click.option(
    "--deadline",
    type=DEADLINE,
    metavar="SECONDS",
    help="The longest that the run may take.",
)
@click.option("--dry-run", is_flag=True, help="Show holes per model, tokens and cost range; make no call.")
@click.option("--detach", is_flag=True, help="Leave once submitted; needs a redis_url and workers of its own.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@json_option
@config_option
@pass_state
def command(
    state: State,
    /,
    *,
    dry_run: bool,
    holes: str,
    verify: str | None,
    no_verify: bool,
    no_cache: bool,
    root: Path | None,
    spread: bool,
    **given: Any,
) -> None:
    """Fill the holes of HOLES and follow the run to its end.

    HOLES is a file of hole lines (JSONL, - for standard input), or a folder of source code or a source file, which
    is scanned as `maze scan` does.

    Without a redis_url the run has a private server and workers of its own, which end with the command; run again after
    an interruption it goes on where it was. Interrupting a run on a shared server leaves it going.
    """
    settings = _spread(state.settings(), given["best_of_n"]) if spread else state.settings()
    overridden = {
        "cache": False if no_cache else None,
        "budget_usd": given.pop("budget"),
        "deadline_s": given.pop("deadline"),
    }
    settings = settings.model_copy(update={name: value for name, value in overridden.items() if value is not None})
    tree = source_tree(holes) or _folder(root)
    profile = _profile(settings, verify, tree, wanted=not no_verify)
    wanted = Wanted(title=holes, source=holes, tree=tree.resolve() if tree else None, profile=profile, **given)
    if not dry_run:
        _refuse_what_cannot_be(settings, wanted)
    with lines_of(holes, quiet=wanted.quiet) as source:
        wanted = replace(wanted, source=source)
        if not no_verify:
            wanted = _judged(settings, wanted)
        survey = surveyed(wanted.source, skip_invalid=wanted.skip_invalid, limit=wanted.limit, verified=wanted.verified)
        if dry_run:
            _dry_run(settings, wanted, survey)
            return
        click.get_current_context().exit(_refine(settings, wanted, survey))


def _spread(settings: Settings, best_of_n: int | None) -> Settings:
    """The configuration with answers spread over candidates.

    Raises:
        Refused: only one answer is asked for.
    """
    from maze_tasks.errors import Refused

    if ((settings.best_of_n if best_of_n is None else best_of_n) or 1) < 2:  # noqa: PLR2004 - several
        raise Refused("--spread: asks several candidates at once; say for how many answers with --best-of")
    return settings.model_copy(update={"spread": True})


def _folder(root: Path | None) -> Path | None:
    """The folder of ``--tree``; refused where there is none."""
    if root is not None and not root.is_dir():
        from maze_tasks.errors import Refused

        raise Refused(f"--tree: {root}: there is no such folder")
    return root


def _profile(settings: Settings, named: str | None, tree: Path | None, *, wanted: bool) -> str | None:
    """The profile that judges the fills of this run, None for none.

    Raises:
        Refused: there is no profile of that name, or no tree to judge on.
    """
    from maze_tasks.errors import Refused
    from maze_tasks.models import did_you_mean

    if not wanted or (named or settings.verify_with) is None:
        return None
    profile = named or settings.verify_with
    if profile not in settings.verify:
        known = did_you_mean(str(profile), list(settings.verify))
        raise Refused(f"--verify: no profile is named {profile!r}{known}; [verify.NAME] tables configure them")
    if tree is None or not tree.is_dir():
        raise Refused(
            "fills are verified on a source tree: refine a folder, or name the one that was scanned with --tree"
        )
    return profile


def _judged(settings: Settings, wanted: Wanted) -> Wanted:
    """What is wanted, with a look at the holes that are to be verified, by the run's profile or by one of their own."""
    from maze_tasks.cli.judged import Judged

    return replace(wanted, verified=Judged(settings, wanted.source, wanted.tree, wanted.profile))


def _dry_run(settings: Settings, wanted: Wanted, survey: Survey) -> None:
    from maze_tasks.cli.output import emit, table, tell
    from maze_tasks.forecast import forecast
    from maze_tasks.producer import Planner
    from maze_tasks.project import run_options

    report = forecast(
        Planner(settings.endpoints, run_options(settings, wanted.best_of_n)), wanted.holes(survey)
    ).report()
    report["skipped_lines"] = survey.skipped
    if wanted.as_json:
        emit(report)
        return
    rows = [(name, one["holes"], one["prompt_tokens"], one["max_tokens"]) for name, one in report["models"].items()]
    columns = ("model", "holes", "prompt tokens (at most)", "tokens asked for")
    table(columns, rows, numbers=columns[1:])
    tell(
        f"{report['holes']} holes; from ${report['cost_usd_low']:.6f} (first answers accepted, and short) "
        f"to ${report['cost_usd_high']:.6f} (every candidate and retry, all tokens used); no call was made"
    )


def _refuse_what_cannot_be(settings: Settings, wanted: Wanted) -> None:
    from maze_tasks.errors import Refused
    from maze_tasks.project import refuse_literal_keys, require_keys

    if wanted.run is not None and not (0 < len(wanted.run) <= MAX_NAME and wanted.run.isprintable()):
        raise Refused(f"--run: a name has 1 to {MAX_NAME} printable characters")
    if settings.embedded and wanted.detach:
        raise Refused(
            "--detach needs a redis_url: an embedded server and its workers end with the command; "
            "set redis_url and start `maze worker`"
        )
    refuse_literal_keys(settings)
    if settings.embedded:
        require_keys(settings)


def _refine(settings: Settings, wanted: Wanted, survey: Survey) -> int:
    from maze_tasks.cli.output import say
    from maze_tasks.project import open_project, run_digest

    began = time.monotonic()
    with open_project(settings) as project:
        digest = run_digest(settings, wanted.best_of_n, wanted.profile)
        run, known = _named(project, wanted, survey, digest)
        if known is not None and known.ended:
            say(f"run {run} of these holes has ended already ({known.state}); nothing is asked again")
            return _report(known, wanted, began)
        if known is None and wanted.verified is not None:
            wanted.verified.rehearse()
        say(f"run {run}: {survey.holes} holes" + (", going on where it was" if known else ""))
        status = _carry_out(project, wanted, run, survey, digest)
    return _report(status, wanted, began)


def _named(project: Project, wanted: Wanted, survey: Survey, digest: str) -> tuple[str, RunStatus | None]:
    """Name of the run, and how it stands if it exists."""
    from maze_tasks.cli.output import say
    from maze_tasks.errors import RunExists
    from maze_tasks.producer import find_run
    from maze_tasks.store import reading

    if wanted.run is None:
        run, latest = find_run(project.store, survey.digest, digest, _stem(wanted.title))
        if latest is not None and latest.ended:
            say(f"run {latest.run} of the same holes has ended; this is another one")
        return run, latest if latest is not None and latest.run == run else None
    known = reading.read_status(project.store.client, project.store.namespace, wanted.run)
    if known is not None and (known.input_digest, known.config_digest) != (survey.digest, digest):
        raise RunExists(wanted.run)
    return wanted.run, known


def _carry_out(project: Project, wanted: Wanted, run: str, survey: Survey, digest: str) -> RunStatus:
    """Submit what is missing, and follow the run, with workers of our own where the server is our own."""
    from maze_tasks import control
    from maze_tasks.project import local_workers, resume_run

    with ExitStack() as stack:
        check = None
        if project.embedded:
            verifies = wanted.verified is not None and bool(wanted.verified.profiles)
            workers = local_workers(project, total=wanted.concurrency, verifies=verifies)
            check = stack.enter_context(workers).check
        try:
            resume_or_submit(project, wanted, run, survey, digest, resume_run)
            if wanted.detach:
                return control.status(project.store, run)
            return follow_run(project, run, quiet=wanted.quiet, check=check)
        except KeyboardInterrupt:
            _leave(project, run)
            raise


def resume_or_submit(project: Project, wanted: Wanted, run: str, survey: Survey, digest: str, resume_run: Any) -> None:
    """Submit a run, or what is missing of it; a run that was held goes on."""
    from maze_tasks.cli.counting import Count, Tally, counting
    from maze_tasks.store import reading

    known = reading.read_status(project.store.client, project.store.namespace, run)
    if known is not None and (known.state == "paused" or project.fresh):
        resume_run(project, run)
    if known is None or not known.sealed:
        snapshot = wanted.verified.pack(project.store) if wanted.verified is not None else None
        producer = project.producer(
            best_of_n=wanted.best_of_n, tree=wanted.tree, verify=wanted.profile, snapshot=snapshot
        )
        tally = Tally()
        with counting(lambda: Count("submitting", tally.done, "holes", survey.holes), quiet=wanted.quiet):
            holes = tally.over(wanted.holes(survey))
            producer.submit(
                run,
                holes,
                input_digest=survey.digest,
                config_digest=digest,
                ordered=survey.ordered,
                expected=survey.holes,
            )


def refuse_unsealed(status: RunStatus) -> None:
    """Refuse to resume a run whose submission did not come to its end: only the same `maze refine` can finish that.

    Raises:
        Refused: holes of the run are still to be submitted.
    """
    from maze_tasks.errors import Refused

    if not status.sealed:
        raise Refused(f"run {status.run} was interrupted while it was submitted; run the same `maze refine` again")


def follow_run(project: Project, run: str, *, quiet: bool, check: Any = None) -> RunStatus:
    """Follow a run to its end with progress on stderr."""
    from maze_tasks.cli.output import say
    from maze_tasks.cli.progress import show_progress
    from maze_tasks.follow import follow

    hint = "" if project.embedded else "nothing happens: is a worker running? `maze worker` starts one"
    status = show_progress(follow(project.store, run, tell=say), quiet=quiet, idle_hint=hint, check=check)
    assert status is not None, "a run that exists has a status"
    return status


def _leave(project: Project, run: str) -> None:
    """Say what becomes of an interrupted run; one of our own is held, so that nobody goes on paying for it unseen."""
    from maze_tasks import control
    from maze_tasks.cli.output import say

    if project.embedded:
        control.pause(project.store, run)
        say(f"run {run} is held; the same command, or `maze resume {run}`, lets it go on")
    else:
        say(f"run {run} goes on; `maze watch {run}` follows it, `maze cancel {run}` ends it")


def _report(status: RunStatus, wanted: Wanted, began: float) -> int:
    from maze_tasks.cli.outcome import exit_code_for, refine_report, show_summary
    from maze_tasks.cli.output import emit

    report = refine_report(status, time.monotonic() - began)
    if wanted.as_json:
        emit(report)
    else:
        show_summary(status, report)
    return 0 if wanted.detach else exit_code_for(status)


def _stem(source: str) -> str:
    stem = "stdin" if source == "-" else Path(source).resolve().stem
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem)[:60] or "run"
