"""How each kind of server wants its constraints (the endpoint's `constraint_dialect`). Pure.

Servers take one constraint a request and refuse two: a schema goes before a grammar, a grammar before a pattern. What a
server cannot be told is left out; the fill is validated afterwards in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from maze_tasks.endpoints.grammar import gbnf, is_strict, json_schema
from maze_tasks.endpoints.wire import dump_json
from maze_tasks.models.calls import Call
from maze_tasks.models.constraints import ConstraintIR
from maze_tasks.models.endpoints import ModelEndpoint

Form = Literal["chat", "completions"]
SCHEMA_NAME = "fill"  # OpenAI demands a name for a schema

Fields = dict[str, Any]
SCHEMA_FIELDS: Mapping[str, Callable[[Fields], Fields]] = {
    "vllm": lambda schema: {"structured_outputs": {"json": schema}},
    "sglang": lambda schema: {"json_schema": _compact(schema)},
    "llamacpp": lambda schema: {"json_schema": schema},
}
GRAMMAR_FIELDS: Mapping[str, Callable[[str], Fields]] = {
    "vllm": lambda grammar: {"structured_outputs": {"grammar": grammar}},
    "sglang": lambda grammar: {"ebnf": grammar},
    "llamacpp": lambda grammar: {"grammar": grammar},
}
REGEX_FIELDS: Mapping[str, Callable[[str], Fields]] = {
    "vllm": lambda pattern: {"structured_outputs": {"regex": pattern}},
    "sglang": lambda pattern: {"regex": pattern},
}

# What an ``export-spec`` wrapper says that ananke-sglang's ``constraint_spec`` knows by the same name.
SPEC_CONTEXT = (
    "type_bindings",
    "function_signatures",
    "class_definitions",
    "expected_type",
    "type_aliases",
    "imports",
    "available_modules",
    "forbidden_imports",
    "module_stubs",
    "control_flow",
    "semantic_constraints",
)


def constraint_fields(endpoint: ModelEndpoint, call: Call, form: Form) -> Fields:
    """The fields of a request body that carry the call's constraints.

    Args:
        endpoint: whose dialect to speak.
        call: whose schema, grammar, pattern and constraints to say.
        form: ``chat``, or ``completions`` for fill-in-the-middle.
    """
    dialect = endpoint.constraint_dialect
    if dialect == "ananke-sglang":
        spec = constraint_spec(call)
        return {"constraint_spec": spec} if spec else {}
    if call.schema is not None:
        return _schema_fields(endpoint, json_schema(call.schema), form)
    grammar = gbnf(call.grammar) if call.grammar is not None else None
    if grammar is not None and dialect in GRAMMAR_FIELDS:
        return GRAMMAR_FIELDS[dialect](grammar)
    if call.regex is not None and dialect in REGEX_FIELDS:
        return REGEX_FIELDS[dialect](call.regex)
    return {}


def carries_schema(endpoint: ModelEndpoint, form: Form) -> bool:
    """Whether a request of this form can carry a schema: the plain completions form has no place for one."""
    return form == "chat" or endpoint.constraint_dialect != "none"


def constraint_spec(call: Call) -> Fields:
    """The ``constraint_spec`` of the Ananke SGLang backend; empty where there is nothing to say.

    Source: CONTRACTS section 4, and the backend's guide to constraint specifications: the schema is JSON inside a
    string, one core constraint, and whatever is known of types and imports beside it.
    """
    spec: Fields = {}
    grammar = gbnf(call.grammar) if call.grammar is not None else None
    if call.schema is not None:
        spec["json_schema"] = _compact(json_schema(call.schema))
    elif grammar is not None:
        spec["ebnf"] = grammar
    elif call.regex is not None:
        spec["regex"] = call.regex
    for constraint in call.constraints:
        spec = {**_context_of(constraint), **spec}
    language = call.language or _language_of(call.constraints)
    return {"language": language, **spec} if spec and language else spec


def _schema_fields(endpoint: ModelEndpoint, schema: Fields, form: Form) -> Fields:
    """A schema in the chat form's ``response_format``, or in the server's own field of the completions form."""
    if form == "completions":
        own = SCHEMA_FIELDS.get(endpoint.constraint_dialect)
        return own(schema) if own else {}
    if endpoint.json_schema_form == "json_object":
        return {"response_format": {"type": "json_object", "schema": schema}}
    named: Fields = {"name": SCHEMA_NAME, "schema": schema}
    if is_strict(schema):
        named["strict"] = True
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def _context_of(constraint: ConstraintIR) -> Fields:
    """What one constraint says of types, names and imports."""
    context: Fields = {}
    types = constraint.type_inhabitation
    if types is not None:
        context["expected_type"] = types.goal_type
        if types.bindings:
            context["type_bindings"] = [{"name": item.name, "type_expr": item.type_sig} for item in types.bindings]
    rich = constraint.rich_context
    if isinstance(rich, Mapping):
        context.update({name: rich[name] for name in SPEC_CONTEXT if rich.get(name) is not None})
    return context


def _language_of(constraints: tuple[ConstraintIR, ...]) -> str | None:
    """The language that an ``export-spec`` wrapper or a type constraint names."""
    for constraint in constraints:
        rich = constraint.rich_context
        if isinstance(rich, Mapping) and isinstance(rich.get("language"), str):
            return str(rich["language"])
        if constraint.type_inhabitation is not None:
            return str(constraint.type_inhabitation.language)
    return None


def _compact(schema: Fields) -> str:
    """A schema as JSON inside a string, which is how some fields want it."""
    return dump_json(schema).decode("utf-8")
