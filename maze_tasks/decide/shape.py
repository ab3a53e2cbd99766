"""The one schema, grammar and pattern that a fill is asked to follow.

A hole may name several, an endpoint takes one of each: what the hole itself asks for goes before its constraints, and
those keep their order. The others still count: they stand in the prompt and are checked afterwards. A part of a
divided hole is asked to follow none: they say what the whole is.
"""

from __future__ import annotations

import re

from maze_tasks.models import Grammar, Hole, JsonSchema

# Flags that mean the same in Python, Rust and JavaScript and that a pattern can carry itself. The others (global,
# sticky, unicode) say how to search a text and mean nothing for a whole fill.
INLINE_FLAGS = "imsx"

# Flags as words, for writers of patterns who spell them out.
FLAG_WORDS = {
    "ignorecase": "i",
    "caseinsensitive": "i",
    "multiline": "m",
    "dotall": "s",
    "dotmatchesnewline": "s",
    "singleline": "s",
    "verbose": "x",
    "extended": "x",
    "ignorewhitespace": "x",
}

FLAG_LETTERS = frozenset("imsxguydval")  # what a word made of flags consists of, carried or not

_WORDS = re.compile(r"[a-z]+")
_LEADING_FLAGS = re.compile(r"\(\?([a-zA-Z]+)\)")


def schema_of(hole: Hole) -> JsonSchema | None:
    """The hole's own schema, else that of the first constraint that has one."""
    if hole.part is not None:
        return None
    if hole.spec.fill_schema is not None:
        return hole.spec.fill_schema
    return next((c.json_schema for c in hole.constraints if c.json_schema is not None), None)


def grammar_of(hole: Hole) -> Grammar | None:
    """The hole's own grammar, else that of the first constraint that has one."""
    if hole.part is not None:
        return None
    if hole.spec.fill_grammar is not None:
        return hole.spec.fill_grammar
    return next((c.grammar for c in hole.constraints if c.grammar is not None), None)


def pattern_of(hole: Hole) -> str | None:
    """The hole's first ``must_match_pattern``, else the first of its constraints' patterns; empty ones do not count."""
    if hole.part is not None:
        return None
    own = (c.value for c in hole.spec.fill_constraints if c.kind == "must_match_pattern")
    others = (inline_flags(p.pattern, p.flags) for c in hole.constraints for p in c.regex_patterns if p.pattern)
    return next((pattern for pattern in own if pattern), None) or next(others, None)


def inline_flags(pattern: str, flags: str) -> str:
    """A pattern that carries its flags itself: ``("a.c", "is")`` becomes ``(?is)a.c``.

    Args:
        pattern: a regular expression, perhaps with inline flags of its own at its start; these are kept.
        flags: letters such as ``gi`` or words such as ``IGNORECASE|DOTALL``; what no pattern can carry is dropped.
    """
    letters = _flag_letters(flags)
    if not letters:
        return pattern
    # Python takes global flags only at the very start, so ours join those that stand there.
    leading = _LEADING_FLAGS.match(pattern)
    if leading:
        kept = leading[1] + "".join(letter for letter in letters if letter not in leading[1])
        return f"(?{kept}){pattern[leading.end() :]}"
    return f"(?{letters}){pattern}"


def _flag_letters(flags: str) -> str:
    """The flags that can be carried, each once, in a fixed order."""
    found: set[str] = set()
    for word in _WORDS.findall(flags.lower().translate({ord("_"): None, ord("-"): None})):
        if word in FLAG_WORDS:
            found.add(FLAG_WORDS[word])
        elif FLAG_LETTERS.issuperset(word):
            found.update(word)
    return "".join(letter for letter in INLINE_FLAGS if letter in found)
