"""Names that a text mentions: chains such as ``module.Class.method``, found by their spelling."""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Final

Chain = tuple[str, ...]

_MAX_TEXT: Final = 20_000  # characters that are looked at; a longer text mentions everything
_CHAIN: Final = re.compile(r"[^\W\d]\w*(?:(?:\.|::|->)[^\W\d]\w*)*")
_USED: Final = re.compile(
    r"(?<![\w.])(?:[^\W\d]\w*(?:(?:\.|::|->)[^\W\d]\w*)+|[^\W\d]\w*(?=\s*\()|[A-Z]\w*)"  # dotted, called, capitalised
)
_LINK: Final = re.compile(r"\.|::|->")
_PARTS: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_CAPITALISED: Final = re.compile(r"\b[A-Z]\w{2,}")
_WORD: Final = re.compile(rb"[A-Za-z_]\w*")

# In prose a name is told by how it is set off or spelled; any other word may only happen to be one.
_SET_OFF: Final = re.compile(r"`{1,2}([^`\n]+)`{1,2}")
_SPELLED: Final = re.compile(
    r"(?<![\w.])[^\W\d]\w*(?:(?:\.|::)[^\W\d]\w*)*(?=\()"  # called
    r"|\b\w+_\w+\b|\b[A-Z][a-z0-9]+[A-Z]\w*\b"  # in snake case, in camel case
)


def chains(code: str) -> Iterator[Chain]:
    """All names that a piece of code mentions, each chain once, in its order."""
    seen = dict.fromkeys(_CHAIN.findall(code[:_MAX_TEXT]))
    yield from (tuple(_LINK.split(chain)) for chain in seen)


def chains_used(code: str) -> Iterator[Chain]:
    """Names that a piece of code calls, takes a part of, or that are spelled as types or constants.

    Any other word may be a parameter or a variable that is called like something else in the file.
    """
    text = code[:_MAX_TEXT]
    seen = dict.fromkeys(chain for chain in _USED.findall(text))
    yield from (tuple(_LINK.split(chain)) for chain in seen)


def chains_in_signature(signature: str, language: str) -> Iterator[Chain]:
    """Names that a signature mentions without declaring them: types and defaults, where they can be told apart."""
    if language == "python":
        mentioned = _mentioned_in_python(signature)
        if mentioned is not None:
            yield from chains(" ".join(mentioned))
            return
    yield from chains(signature)


def _mentioned_in_python(signature: str) -> list[str] | None:
    """Annotations, defaults and decorators of a function, as code; None where it cannot be read."""
    code = signature.strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (function,) = ast.parse(f"{code} pass" if code.endswith(":") else f"{code}:\n    pass").body
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            return None
        given = function.args
        arguments = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
        parts = [one.annotation for one in arguments if one is not None]
        parts += [*given.defaults, *given.kw_defaults, function.returns, *function.decorator_list]
        return [ast.unparse(part) for part in parts if part is not None]
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def chains_in_prose(text: str) -> Iterator[Chain]:
    """What looks like a name in a description."""
    text = text[:_MAX_TEXT]
    set_off = [chain for inner in _SET_OFF.findall(text) for chain in _CHAIN.findall(inner)]
    seen = dict.fromkeys([*set_off, *_SPELLED.findall(text)])
    yield from (tuple(_LINK.split(chain)) for chain in seen)


def types_in_prose(text: str) -> Iterator[Chain]:
    """Words of a description that may be names of types: they begin with a capital, as sentences do."""
    yield from ((word,) for word in dict.fromkeys(_CAPITALISED.findall(text[:_MAX_TEXT])))


def words_of(name: str) -> list[str]:
    """The words of a name such as ``read_line`` or ``readLine``, in lower case."""
    return [word.lower() for word in _PARTS.findall(name)]


def word_counts(data: bytes) -> Counter[bytes]:
    """How often each word stands in a text, whatever it is there."""
    return Counter(_WORD.findall(data))
