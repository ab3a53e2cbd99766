"""From the bytes of one file to its holes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from maze_tasks.models import Hole, HoleState, HoleStateStatus, Place
from maze_tasks.source.dependencies import Callees
from maze_tasks.source.expected import expression_type, returned_type
from maze_tasks.source.finding import Finding, find
from maze_tasks.source.layout import Span, span_of
from maze_tasks.source.surroundings import docstring_of, owner_of, scope_of, signature_of
from maze_tasks.source.texts import Text, text_of

_ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class _Named:
    """A hole with what tells it from others: its names, its signature and its id."""

    found: Finding
    scope: tuple[str, ...]
    signature: str | None
    id: int


def scan(path: str, data: bytes, language: str, *, todo: bool = False) -> Iterator[Hole]:
    """The holes of a file, in its order, one at a time.

    Args:
        path: the file's path, relative to the root of the tree, with ``/`` between its parts.
        data: its bytes.
        language: what it is written in, one of `maze_tasks.syntax.LANGUAGES`.
        todo: whether comments that begin with TODO or FIXME are holes.

    Raises:
        NotText: the bytes are no text.
        Refused: there is no grammar for that language.
        ParseBudgetSpent: it takes too long to parse.
    """
    text = text_of(data, language)
    holes = _named(path, text, find(text, language, stub=path.endswith(".pyi"), todo=todo))
    if not holes:
        return
    callees = Callees((hole.scope, hole.id) for hole in holes if hole.found.kind == "body")
    digest = hashlib.sha256(data).hexdigest()
    for hole in holes:
        needed = () if hole.found.kind == "body" else callees.needed_by(hole.found.spot, hole.scope)
        yield _hole(path, text, digest, hole, needed)


def line_of(hole: Hole) -> dict[str, Any]:
    """A scanned hole as a hole line in full form; `maze_tasks.models.read_hole` gives back the same hole."""
    fields = hole.model_dump(mode="json", exclude={"id", "spec", "state"}, exclude_none=True)
    return {"hole": hole.state.model_dump(mode="json") if hole.state is not None else None, **fields}


def _named(path: str, text: Text, found: Iterator[Finding]) -> list[_Named]:
    seen: Counter[bytes] = Counter()
    named: list[_Named] = []
    for finding in found:
        scope = scope_of(finding.spot)
        function = owner_of(finding.spot)
        signature = signature_of(function, text) if function is not None else None
        identity = _identity(path, scope, signature, text.utf8[finding.start : finding.end])
        named.append(_Named(finding, scope, signature, _id(identity, seen[identity])))
        seen[identity] += 1
    return named


def _identity(path: str, scope: tuple[str, ...], signature: str | None, marker: bytes) -> bytes:
    """What a hole is told by, apart from others of the same identity: no position, so that edits elsewhere keep it.

    The signature tells apart what has the same name: overloads, or the getter and the setter of a property.
    """
    words = " ".join((signature or "").split())
    parts = (path, *scope, words, " ".join(marker.decode(errors="replace").split()))
    return b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in parts)


def _id(identity: bytes, ordinal: int) -> int:
    """64 bits that stand for a hole: CONTRACTS section 5, "Ids"."""
    digest = hashlib.blake2b(identity + ordinal.to_bytes(8), digest_size=_ID_BYTES)
    return int.from_bytes(digest.digest())


def _hole(path: str, text: Text, digest: str, hole: _Named, needed: tuple[int, ...]) -> Hole:
    found = hole.found
    span = span_of(found, text)
    line, column = text.position(found.start)
    wished = [wish.expected_type for wish in found.wishes if wish.expected_type]
    state = HoleState(
        id=hole.id,
        scale=found.scale,
        origin=f"{path}:{line}:{column}",
        expected_type=wished[0] if wished else _expected_type(found),
        constraints=tuple(demand for wish in found.wishes for demand in wish.constraints),
        status=HoleStateStatus.PENDING,
        depends_on=needed,
    )
    return Hole(
        id=hole.id,
        spec=state.spec(),
        state=state,
        prefix=text.before(span.start),
        suffix=text.after(span.end),
        language=found.spot.tree.language,
        path=path,
        depends_on=needed,
        max_tokens=max((wish.max_tokens for wish in found.wishes if wish.max_tokens), default=None),
        place=_place(path, text, digest, hole, span),
    )


def _place(path: str, text: Text, digest: str, hole: _Named, span: Span) -> Place:
    found = hole.found
    line, column = text.position(found.start)
    function = owner_of(found.spot)
    return Place(
        path=path,
        start=text.file_offset(span.start),
        end=text.file_offset(span.end),
        sha256=digest,
        line=line,
        column=column,
        kind=found.kind,
        indent=span.indent,
        newline=text.newline,
        encoding=text.encoding,
        signature=hole.signature,
        docstring=docstring_of(function, text) if function is not None else None,
        scope=hole.scope,
        marker=found.marker,
        size=len(text.data),
    )


def _expected_type(found: Finding) -> str | None:
    if found.kind == "expression":
        return expression_type(found.spot)
    function = owner_of(found.spot)
    return returned_type(function) if found.kind == "body" and function is not None else None
