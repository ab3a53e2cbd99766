"""The prompt of a hole that brings none of its own, built from what is known of it.

Deterministic: the same hole gives the same bytes, so that a cache can recognise the request.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from maze_tasks.decide.shape import grammar_of, inline_flags, schema_of
from maze_tasks.models import ConstraintIR, FillConstraint, Grammar, Hole, JsonSchema, Scale

SYSTEM_TEXT = (
    "You fill a hole in a source file. Answer with nothing but the text that goes into the hole: "
    "no explanation and no Markdown fences."
)

MOST_BEFORE = 16_000  # characters of code shown before the hole; what is nearer tells more
MOST_AFTER = 8_000  # characters of code shown after the hole
LEFT_OUT_BEFORE = "[earlier code left out]\n"
LEFT_OUT_AFTER = "\n[later code left out]"

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


def build_prompt(hole: Hole) -> str:
    """A prompt that says what goes into the hole, what holds for it and what an answer must look like.

    Args:
        hole: the hole; its own prompt, if any, is not looked at.

    Returns:
        Sections separated by blank lines: the task, the facts, the constraints, the shape of the fill, the code with
        the hole marked, and how to answer.
    """
    marker = _marker(hole)
    sections = (
        _task(hole),
        _list("Known about the hole:", _facts(hole)),
        _list("The fill must keep all of these constraints:", _constraints(hole)),
        _shape(hole),
        _code(hole, marker),
        _instruction(hole, marker),
    )
    return "\n\n".join(section for section in sections if section)


def _task(hole: Hole) -> str:
    language = f"{hole.language} " if hole.language else ""
    place = f" of the file {hole.path}" if hole.path else ""
    return f"Fill a hole in the {language}code{place}."


def _facts(hole: Hole) -> Iterator[str]:
    state = hole.state
    if state is not None:
        yield f"scale: {SCALES[state.scale]}"
        if state.origin:
            yield f"origin: {state.origin}"
        if state.expected_type:
            yield f"expected type: {state.expected_type}"
    if hole.spec.grammar_ref:
        yield f"it is derived from the grammar's {hole.spec.grammar_ref}"


def _constraints(hole: Hole) -> Iterator[str]:
    """The hole's own constraints, then those that hold for it, in the order given."""
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


def _shape(hole: Hole) -> str:
    """The schema and the grammar that the fill is asked to follow, if any."""
    schema, grammar = schema_of(hole), grammar_of(hole)
    parts = (
        "" if schema is None else f"The fill is JSON that this schema accepts:\n{_schema(schema)}",
        "" if grammar is None else f"The fill follows this grammar, from {grammar.start_symbol}:\n{_grammar(grammar)}",
    )
    return "\n\n".join(part for part in parts if part)


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


def _code(hole: Hole, marker: str) -> str:
    if hole.prefix is None and hole.suffix is None:
        return ""
    return f"The code, with the hole marked {marker}:\n<code>\n{_before(hole)}{marker}{_after(hole)}\n</code>"


def _before(hole: Hole) -> str:
    """The code before the hole; of a long one the whole lines nearest to it."""
    code = hole.prefix or ""
    if len(code) <= MOST_BEFORE:
        return code
    near = code[-MOST_BEFORE:]
    return LEFT_OUT_BEFORE + (near.partition("\n")[2] or near)


def _after(hole: Hole) -> str:
    """The code after the hole; of a long one the whole lines nearest to it."""
    code = hole.suffix or ""
    if len(code) <= MOST_AFTER:
        return code
    near = code[:MOST_AFTER]
    return (near.rpartition("\n")[0] or near) + LEFT_OUT_AFTER


def _marker(hole: Hole) -> str:
    """A marker that the code does not contain, so that there is exactly one place it can mean."""
    code = f"{hole.prefix or ''}{hole.suffix or ''}"
    number, marker = 1, "<<<FILL>>>"
    while marker in code:
        number += 1
        marker = f"<<<FILL {number}>>>"
    return marker


def _instruction(hole: Hole, marker: str) -> str:
    if hole.prefix is None and hole.suffix is None:
        return "Answer with only the code that fills the hole: no explanation and no Markdown fences."
    return (
        f"Answer with only the code that takes the place of {marker}, as it must stand between the code before and "
        "the code after it, with the right indentation. Do not repeat the code around it. "
        "No explanation and no Markdown fences."
    )


def _list(title: str, items: Iterable[str]) -> str:
    """A titled list, or nothing where there are no items."""
    lines = [f"- {item}" for item in items]
    return "\n".join([title, *lines]) if lines else ""
