"""Constraints on a fill: schemas, grammars, patterns, types (CONTRACTS section 1)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, TypeAdapter

from maze_tasks.models.reading import U32, U64, Flag, Json, Real, Shape, choice


class JsonSchema(Shape):
    """A JSON schema as far as constraints speak of it; `properties` holds the sub-schemas as they came."""

    schema_type: str = Field(validation_alias=AliasChoices("schema_type", "type"))
    properties: dict[str, Json] = Field(default_factory=dict)
    required: tuple[str, ...] = ()
    additional_properties: Flag = Field(
        default=False, validation_alias=AliasChoices("additional_properties", "additionalProperties")
    )


class GrammarRule(Shape):
    """One production ``lhs -> rhs``; an empty `rhs` produces nothing."""

    lhs: str
    rhs: tuple[str, ...]
    is_optional: Flag = False


class Grammar(Shape):
    """A context-free grammar that a fill must follow."""

    rules: tuple[GrammarRule, ...]
    start_symbol: str


KNOWN_KINDS = frozenset(
    {
        *("must_have_type", "must_use_binding", "must_not_use_binding", "must_satisfy_predicate"),
        *("must_match_pattern", "must_be_pure", "must_terminate", "security", "style", "generic"),
    }
)
"""Kinds of `FillConstraint` that have a meaning (CONTRACTS section 1)."""


class FillConstraint(Shape):
    """One demand on the fill of one hole; `kind` is free, `KNOWN_KINDS` are those with a meaning."""

    kind: str
    value: str
    error_message: str | None = None


class RegexPattern(Shape):
    """A pattern that a fill must match."""

    pattern: str
    flags: str = ""


class TokenMasks(Shape):
    """Marks a hole as security-sensitive for routing.

    The ids are hashes of words, not tokenizer ids: they are never sent to a server as logit masks.
    """

    allowed_tokens: tuple[U64, ...] | None = None
    forbidden_tokens: tuple[U64, ...] | None = None


class Binding(Shape):
    """A name in scope at the hole and its type."""

    name: str
    type_sig: str = Field(validation_alias=AliasChoices("type_sig", "type"))


class TypeLanguage(StrEnum):
    """Languages whose types constraints speak of."""

    TYPESCRIPT = "typescript"
    JAVASCRIPT = "javascript"
    PYTHON = "python"
    RUST = "rust"
    GO = "go"
    JAVA = "java"
    CPP = "cpp"
    CSHARP = "csharp"
    KOTLIN = "kotlin"
    ZIG = "zig"


class TypeInhabitationData(Shape):
    """The type that a fill must have, and what is at hand to build it from."""

    goal_type: str
    current_type: str | None = None
    bindings: tuple[Binding, ...] = ()
    token_mask: Json = None
    language: Annotated[TypeLanguage, choice(TypeLanguage, "language", {"zig_lang": "zig"})] = TypeLanguage.TYPESCRIPT


class ConstraintIR(Shape):
    """One compiled constraint, as Ananke's tools write it."""

    name: str = "unnamed"
    json_schema: JsonSchema | None = None
    grammar: Grammar | None = None
    regex_patterns: tuple[RegexPattern, ...] = ()
    token_masks: TokenMasks | None = None
    type_inhabitation: TypeInhabitationData | None = None
    priority: U32 = 0
    rich_context: Json = None
    feasibility_score: Real = 0.0
    is_feasible: Flag = True


def _spread(value: object) -> object:
    """The constraints of `value` as a list, wrappers taken off; what is none is left for the types to refuse."""
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        return [constraint for item in value for constraint in _unwrapped(item)]
    return _unwrapped(value) if isinstance(value, Mapping | ConstraintIR) else value


def _unwrapped(value: object) -> list[object]:
    """The constraints in one item: itself, or what an ``export-spec`` wrapper holds."""
    if not isinstance(value, Mapping) or "constraint_ir" not in value:
        return [value]
    beside = {key: item for key, item in value.items() if key != "constraint_ir" and item is not None}
    inner = value["constraint_ir"]
    if inner is None:
        return []
    return [_with_context(item, beside) for item in (inner if isinstance(inner, list | tuple) else [inner])]


def _with_context(item: object, beside: Mapping[str, Any]) -> object:
    """`item` with the wrapper's other keys in its rich context; what the constraint itself says comes first."""
    if not beside or not isinstance(item, Mapping):
        return item
    own = item.get("rich_context")
    if own is None:
        own = {}
    elif not isinstance(own, Mapping):
        own = {"rich_context": own}
    return {**item, "rich_context": {**beside, **own}}


Constraints = Annotated[tuple[ConstraintIR, ...], BeforeValidator(_spread)]

_READER: TypeAdapter[tuple[ConstraintIR, ...]] = TypeAdapter(
    Constraints, config=ConfigDict(hide_input_in_errors=True, defer_build=True)
)


def read_constraints(value: object) -> tuple[ConstraintIR, ...]:
    """Read constraints in any form they come in.

    Args:
        value: None, one constraint, a list of them, or ``{"language", "constraint_ir": ...}`` as ``export-spec`` writes
            it, whose other keys become rich context.

    Raises:
        pydantic.ValidationError: it is none of these; `explain` says where.
    """
    return _READER.validate_python(value)
