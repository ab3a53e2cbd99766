"""All static checks of a fill: in the file as it would be, against the hole's constraints."""

from __future__ import annotations

from collections.abc import Iterator

from maze_tasks.models import FillConstraint, Hole
from maze_tasks.validation.bindings import binding_findings
from maze_tasks.validation.findings import Fill, Finding
from maze_tasks.validation.fit import misfits
from maze_tasks.validation.frame import frame_of
from maze_tasks.validation.markers import marker_findings
from maze_tasks.validation.misplaced import misplaced
from maze_tasks.validation.patterns import matches
from maze_tasks.validation.resolving import import_findings, name_findings
from maze_tasks.validation.schema import json_value, literal_value, problems, schemas_of
from maze_tasks.validation.security import security_findings
from maze_tasks.validation.static import MAX_FILL_CHARS
from maze_tasks.validation.subject import Subject, subject_of
from maze_tasks.validation.types import type_findings

# Why a server stopped, where that means that the reply is not all there is.
CUT_OFF = {
    "length": "the reply was cut off at the token limit",
    "max_tokens": "the reply was cut off at the token limit",
    "content_filter": "the reply was cut off by a filter",
}


def check(
    fill: Fill, hole: Hole, *, finish_reason: str | None = None, file_text: str | None = None
) -> tuple[Finding, ...]:
    """Everything that is found in a fill without running it; `verdict` says what follows.

    Errors are: ``empty``, ``too_large``, ``truncated``, ``syntax``, ``surroundings``, ``body``, ``marker``, ``schema``,
    ``pattern``, ``binding``, ``type``, ``imports`` and ``names``. What cannot be decided here is a note. The masks of
    tokens in constraints only mark a hole as sensitive: they are never applied.

    Args:
        fill: the fill.
        hole: the hole.
        finish_reason: why the server stopped, if it said so.
        file_text: the file as it was scanned, line ends and all, if at hand.
    """
    if not fill.code.strip():
        return (Finding("empty", "the reply holds no code"),)
    if len(fill.code) > MAX_FILL_CHARS:
        return (Finding("too_large", f"the fill has {len(fill.code)} characters, more than {MAX_FILL_CHARS}"),)
    subject = subject_of(fill, hole, frame_of(hole, file_text))
    found = [*_finish(subject, finish_reason), *_fit(subject)]
    found += misplaced(subject)
    found += marker_findings(subject)
    found += _schemas(subject)
    found += _patterns(subject)
    found += _demands(subject)
    found += import_findings(subject)
    found += name_findings(subject)
    return tuple(dict.fromkeys(found))


def _finish(subject: Subject, finish_reason: str | None) -> Iterator[Finding]:
    message = CUT_OFF.get(finish_reason or "")
    if message is None:
        return
    kind = "truncated" if finish_reason != "content_filter" else "filtered"
    # Servers say "length" also of a value that was complete when the limit was met.
    complete, value = json_value(subject.code)
    if complete and isinstance(value, dict | list) and schemas_of(subject.hole):
        yield subject.note(kind, message)
    else:
        yield subject.finding(kind, message)


def _fit(subject: Subject) -> Iterator[Finding]:
    """Whether the file parses and is else unchanged; of a fill without known surroundings that is but a note."""
    for one in misfits(subject.frame, subject.code):
        severity = one.severity if subject.frame.known else "note"
        yield subject.placed(Finding(one.check, one.message, one.line, one.column, severity))


def _schemas(subject: Subject) -> Iterator[Finding]:
    schemas = schemas_of(subject.hole)
    if not schemas:
        return
    read, value = json_value(subject.code)
    if not read and subject.language == "python":
        read, value = literal_value(subject.code)
    if not read:
        bare = not subject.frame.known and subject.hole.language in (None, "", "json")
        if bare:
            yield subject.finding("schema", "the fill is not JSON, and a schema asks for it")
        else:
            yield subject.note("schema", "not judged: the fill is code, and the schema speaks of a value")
        return
    for schema in schemas:
        for problem in problems(value, schema):
            yield subject.finding("schema", problem)


def _patterns(subject: Subject) -> Iterator[Finding]:
    """The patterns of the hole and of its constraints; an empty one asks for nothing."""
    own = [(one.value, "", one.error_message) for one in _of_kind(subject.hole, "must_match_pattern")]
    others = [(one.pattern, one.flags, None) for held in subject.hole.constraints for one in held.regex_patterns]
    for pattern, flags, said in own + others:
        if not pattern:
            continue
        answer, why = matches(pattern, subject.code, flags)
        if answer == "no match":
            message = f"the fill does not match {pattern[:120]}"
            yield subject.finding("pattern", f"{message}: {said}" if said else message)
        elif answer == "not judged":
            yield subject.note("pattern", f"not judged, {why}: {pattern[:120]}")


def _of_kind(hole: Hole, kind: str) -> list[FillConstraint]:
    return [one for one in hole.spec.fill_constraints if one.kind == kind]


def _demands(subject: Subject) -> Iterator[Finding]:
    """The other constraints: those that can be looked at, and a note for each that cannot."""
    hole = subject.hole
    for one in hole.spec.fill_constraints:
        if one.kind in ("must_use_binding", "must_not_use_binding"):
            yield from binding_findings(subject, one)
        elif one.kind == "must_have_type":
            yield from type_findings(subject, one.value)
        elif one.kind not in ("must_match_pattern", "security"):
            yield subject.note("constraint", f"not judged: {one.kind}: {one.value}"[:200])
    body = hole.place is not None and hole.place.kind == "body"
    if hole.state is not None and hole.state.expected_type and (body or not subject.frame.statements):
        # What a hole is expected to be is a guess of the scanner, not a demand: only what is wrong is worth a word.
        yield from (one for one in type_findings(subject, hole.state.expected_type) if one.severity == "error")
    for held in hole.constraints:
        goal = held.type_inhabitation
        if goal is not None and goal.language == subject.language:
            yield from type_findings(subject, goal.goal_type)
    if hole.spec.fill_grammar is not None or any(held.grammar is not None for held in hole.constraints):
        yield subject.note("grammar", "not judged: whether the fill follows its grammar")
    if _of_kind(hole, "security") or any(held.token_masks is not None for held in hole.constraints):
        yield from security_findings(subject)
