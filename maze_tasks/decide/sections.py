"""The parts of a prompt that are always said in full: the task, what is known, what must hold, how to answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from maze_tasks.decide.decomposition import asked_of
from maze_tasks.decide.shape import grammar_of, inline_flags, schema_of
from maze_tasks.decide.windows import first_lines
from maze_tasks.models import ConstraintIR, FillConstraint, Grammar, Hole, JsonSchema, Scale

SCALES = {
    Scale.NANO: "nano: a single expression",
    Scale.MICRO: "micro: one statement, or a few",
    Scale.MESO: "meso: a block or a function body",
    Scale.MACRO: "macro: a whole function, type or module",
}

# What a fill constraint of a kind asks for; a value, where there is one, follows after a colon.
KINDS = {
    "must_have_type": "the fill has this type",
    "must_use_binding": "the fill uses this name",
    "must_not_use_binding": "the fill does not use this name",
    "must_satisfy_predicate": "the fill satisfies this predicate",
    "must_match_pattern": "the text of the fill matches this regular expression",
    "must_be_pure": "the fill is pure: no side effects, no hidden state",
    "must_terminate": "the fill terminates on every input",
    "security": "the fill keeps this security requirement",
    "style": "the fill keeps this style",
    "generic": "the fill keeps this requirement",
}

UNNAMED = "unnamed"  # what a constraint without a name is called (CONTRACTS section 1)
MOST_SIGNATURE = 1000  # bytes of a signature that are shown; the rest stands in the code
MOST_DOCSTRING = 2000  # bytes of a description that the code shown does not hold


def task(hole: Hole) -> str:
    """What is asked for, in one sentence."""
    language = f"{hole.language} " if hole.language else ""
    place = f" of the file {hole.path}" if hole.path else ""
    asked = f"Fill a hole in the {language}code{place}."
    return f"{asked} {asked_of(hole.part)}" if hole.part is not None else asked


def facts(hole: Hole) -> str:
    """What is known of the hole, one fact a line."""
    return _list("Known about the hole:", (*_facts_of_state(hole), *_facts_of_place(hole)))


def constraints(hole: Hole) -> str:
    """The hole's own constraints, then those that hold for it, in the order given."""
    who = "The fill" if hole.part is None else "All parts together"
    return _list(f"{who} must keep all of these constraints:", _constraints(hole))


def shape(hole: Hole) -> str:
    """The schema and the grammar that the fill is asked to follow, if any."""
    whole = hole.model_copy(update={"part": None})
    schema, grammar = schema_of(whole), grammar_of(whole)
    who = "The fill" if hole.part is None else "The whole"
    parts = (
        "" if schema is None else f"{who} is JSON that this schema accepts:\n{_schema(schema)}",
        "" if grammar is None else f"{who} follows this grammar, from {grammar.start_symbol}:\n{_grammar(grammar)}",
    )
    return "\n\n".join(part for part in parts if part)


def instruction(hole: Hole, marker: str) -> str:
    """What an answer must look like."""
    if hole.prefix is None and hole.suffix is None:
        return "Answer with only the code that fills the hole: no explanation and no Markdown fences."
    return (
        f"Answer with only the code that takes the place of {marker}, as it must stand between the code before and "
        "the code after it, with the right indentation. Do not repeat the code around it. "
        "No explanation and no Markdown fences."
    )


def single_facts(hole: Hole, marker: str) -> dict[str, str]:
    """The facts that a template may put where it likes, by placeholder; empty where they are not known."""
    state, place = hole.state, hole.place
    return {
        "language": hole.language or "",
        "path": hole.path or "",
        "marker": marker,
        "signature": first_lines(place.signature or "", MOST_SIGNATURE) if place else "",
        "docstring": first_lines(place.docstring or "", MOST_DOCSTRING) if place else "",
        "scale": state.scale.value if state else "",
        "expected_type": (state.expected_type or "") if state else "",
        "scope": ".".join(place.scope) if place else "",
    }


def _facts_of_state(hole: Hole) -> Iterator[str]:
    state = hole.state
    if state is not None:
        yield f"scale: {SCALES[state.scale]}"
        if state.origin:
            yield f"origin: {state.origin}"
        if state.expected_type:
            of = " of the whole" if hole.part is not None else ""
            yield f"expected type{of}: {state.expected_type}"
    if hole.spec.grammar_ref:
        yield f"it is derived from the grammar's {hole.spec.grammar_ref}"
    place = hole.place
    if place is not None and place.docstring and not _says(hole.prefix or "", place.docstring):
        yield f"described as: {_indented(first_lines(place.docstring, MOST_DOCSTRING))}"


def _facts_of_place(hole: Hole) -> Iterator[str]:
    place = hole.place
    if place is None:
        return
    if place.scope:
        yield f"inside of: {'.'.join(place.scope)}"
    if place.signature:
        part = "part of " if hole.part is not None else ""
        kind = f"{part}the body of" if place.kind == "body" else "in"
        yield f"it is {kind}: {_indented(first_lines(place.signature, MOST_SIGNATURE))}"
    if place.indent:
        yield f"its lines are indented by {_indentation(place.indent)}"


def _says(code: str, docstring: str) -> bool:
    """Whether every line of a description stands in the code."""
    return all(line.strip() in code for line in docstring.splitlines())


def _indented(text: str) -> str:
    """A text of several lines, all but the first set in so that they belong to the item of a list."""
    return text.replace("\n", "\n  ")


def _indentation(indent: str) -> str:
    blanks, tabs = indent.count(" "), indent.count("\t")
    if blanks and tabs:
        return repr(indent)
    name, count = ("tab", tabs) if tabs else ("space", blanks)
    return f"{count} {name}{'s' if count != 1 else ''}"


def _constraints(hole: Hole) -> Iterator[str]:
    for own in hole.spec.fill_constraints:
        yield _fill_constraint(own)
    for constraint in hole.constraints:
        yield from _constraint(constraint)


def _fill_constraint(constraint: FillConstraint) -> str:
    meaning = KINDS.get(constraint.kind, constraint.kind)
    stated = f"{meaning}: {constraint.value}" if constraint.value else meaning
    return f"{stated} (otherwise: {constraint.error_message})" if constraint.error_message else stated


def _constraint(constraint: ConstraintIR) -> Iterator[str]:
    """A constraint's name, its type goal with the names in scope, and its patterns."""
    if constraint.name != UNNAMED:
        yield f"the constraint named {constraint.name}"
    goal = constraint.type_inhabitation
    if goal is not None:
        reached = f", starting from {goal.current_type}" if goal.current_type else ""
        yield f"the fill is an expression of the {goal.language} type {goal.goal_type}{reached}"
        if goal.bindings:
            yield "names in scope: " + ", ".join(f"{binding.name}: {binding.type_sig}" for binding in goal.bindings)
    for pattern in constraint.regex_patterns:
        yield f"{KINDS['must_match_pattern']}: {inline_flags(pattern.pattern, pattern.flags)}"


def _schema(schema: JsonSchema) -> str:
    written = {
        "type": schema.schema_type,
        "properties": schema.properties,
        "required": list(schema.required),
        "additionalProperties": schema.additional_properties,
    }
    return json.dumps(written, ensure_ascii=False)


def _grammar(grammar: Grammar) -> str:
    """One rule a line; a right-hand side without symbols is the empty text."""
    return "\n".join(f"{rule.lhs} ::= {' '.join(rule.rhs) or 'empty'}" for rule in grammar.rules)


def _list(title: str, items: Iterable[str]) -> str:
    """A titled list, or nothing where there are no items."""
    lines = [f"- {item}" for item in items]
    return "\n".join([title, *lines]) if lines else ""
