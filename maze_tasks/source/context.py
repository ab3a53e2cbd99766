"""What a good engineer would look at before filling a hole: imports, definitions, callers, neighbours.

Pure: bytes in, pieces out; the files that an index names are read by the function it was given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from maze_tasks.models import ContextPiece, Place
from maze_tasks.source.apart import source_of
from maze_tasks.source.definitions import Definition
from maze_tasks.source.index import Index
from maze_tasks.source.mentions import IN_SIGNATURE, mentions
from maze_tasks.source.neighbours import alike, usages
from maze_tasks.source.outlines import heading, limited, lines_of, outline, shown
from maze_tasks.source.references import Chain, chains
from maze_tasks.source.resolving import Found, members_elsewhere
from maze_tasks.source.site import Site, site_of

MAX_PIECES: Final = 24
MAX_BYTES: Final = 16 * 1024  # of all pieces of a hole: they are stored with it

# How useful a piece is, from 0 to 1; of definitions `mentions` says it.
_OVERRIDDEN: Final = 0.97
_FIELDS: Final = 0.95
_BASE: Final = 0.7
_MODULE: Final = 0.58
_USAGE: Final = 0.5
_NEIGHBOUR: Final = 0.3
_SAME_FILE: Final = 0.35

_LESS: Final = 0.01  # what comes along with something is a little less useful
_ALIAS_LENGTH: Final = 200  # characters of a value that a signature names
_NEIGHBOURS: Final = 2
_HEADINGS_BYTES: Final = 1500
_IMPORTED_NAMES: Final = 200  # that are looked up for how they are declared
_AT_HAND: Final = 30  # functions and types of the same file
_IMPORT_BYTES: Final = 2000
_IMPLEMENTED: Final = re.compile(r"<[^<>]* as ([^<>]+)>")  # how the scanner names the scope of a trait's functions

_Keyed = Iterator[tuple[tuple[str, int], ContextPiece]]  # pieces, each by file and place


def context_of(
    data: bytes, language: str, place: Place, index: Index | None = None, *, names: Iterable[str] = ()
) -> tuple[ContextPiece, ...]:
    """Pieces of the code base that help to fill a hole, the most useful first.

    Args:
        data: bytes of the file that the hole is in.
        language: what it is written in.
        place: where the hole is, as the scanner found it.
        index: definitions of the other files of the tree; None looks at this file alone.
        names: names that the fill is asked to use.

    Returns:
        At most `MAX_PIECES` with `MAX_BYTES` of text together; none where the file cannot be read. What a file says,
        however odd, is never an error.

    Raises:
        Refused: there is no grammar for that language.
    """
    source = source_of(place.path, data, language)
    site = None if source is None else site_of(source, place, index)
    if site is None:
        return ()
    found: dict[tuple[str, int], ContextPiece] = {}
    finders = (
        _imports(site),
        _fields(site),
        _definitions(site, names),
        _modules(site),
        _usages(site),
        _neighbours(site),
        _at_hand(site),
    )
    for pieces in finders:
        for key, piece in pieces:
            known = found.get(key)
            if piece.text.strip() and (known is None or known.weight < piece.weight):
                found[key] = piece
    return _bounded(sorted(found.values(), key=lambda piece: -piece.weight))


def _imports(site: Site) -> _Keyed:
    statements = "\n".join(site.source.imports.statements)
    piece = ContextPiece(kind="imports", title="Imports of the file", text=limited(statements, _IMPORT_BYTES))
    yield ("", 0), piece


def _fields(site: Site) -> _Keyed:
    """The type that the hole is in: its attributes and the signatures of its functions."""
    source = site.source
    owner = site.type_around
    if owner is not None:
        text = limited(outline(source.text.utf8, source.language, owner, source.within(owner), hole=site.start))
        yield (source.path, owner.start), _piece("fields", f"{_name(owner)}, around the hole", text, _FIELDS)
        end = owner.body[0] if owner.body else owner.end
        header = source.text.utf8[owner.head : end].decode(errors="replace").replace(owner.name, "", 1)
        yield from _bases(site, header)
    elif site.scope:
        for found in site.resolver.find_type(site.scope[-1]):
            yield _key(found), _piece("fields", f"{found.name} ({found.path})", found.text, _FIELDS)
            yield (source.path, -1), _piece("fields", f"Functions of {site.scope[-1]}", _heads(site), _FIELDS - _LESS)
        for implemented in _IMPLEMENTED.findall(" ".join(site.place.scope)):
            yield from _bases(site, implemented)


def _heads(site: Site) -> str:
    """Signatures of the functions of a type that stand outside of its definition."""
    source, index = site.source, site.resolver.index
    own = [one for one in source.of_scope(site.scope, site.start) if one.kind == "function"]
    heads = [lines_of(source.text.utf8, one.head, one.body[0] if one.body else one.end) for one in own]
    if index is not None and source.language == "go":
        heads += [found.text for found in members_elsewhere(index, source, site.scope[-1])]
    return limited("\n".join(head.rstrip(" {") for head in heads))


def _bases(site: Site, header: str) -> _Keyed:
    """What a type is made of, and what the function around the hole overrides there."""
    function = site.function
    for chain in chains(header):
        for found in site.resolver.find(chain):
            overridden = site.resolver.find((*chain, function.name)) if function is not None else []
            for one in overridden:
                if one.name != found.name:
                    title = f"{one.name} ({one.path}), which the function around the hole overrides"
                    yield _key(one), _piece("definition", title, one.text, _OVERRIDDEN)
            yield _key(found), _found(found, _BASE)


def _definitions(site: Site, names: Iterable[str]) -> _Keyed:
    """Definitions that the hole is likely to need."""
    for weight, mentioned, most, only_types in mentions(site, names):
        left = most
        for found in _all_of(site, mentioned):
            if only_types and found.kind != "type":
                continue
            if left == 0:
                break
            left -= 1
            yield _key(found), _found(found, weight)
            if weight >= IN_SIGNATURE and found.kind == "value" and len(found.text) <= _ALIAS_LENGTH:
                # A type under another name, or made of others: these are what counts.
                for meant in _all_of(site, chains(found.text)):
                    yield _key(meant), _found(meant, weight - _LESS)


def _all_of(site: Site, mentioned: Iterable[Chain]) -> Iterator[Found]:
    """What names stand for, without what the hole itself is in."""
    for chain in mentioned:
        yield from (found for found in site.resolver.find(chain) if not _holds_hole(site, found))


def _modules(site: Site) -> _Keyed:
    """How what the file imports from the project is declared: the modules it imports as a whole, then single names."""
    for module in site.resolver.modules():
        heads = [heading(module.text.utf8, one) for one in module.definitions if _is_for_others(one, module.language)]
        yield (module.path, -1), _declared(f"in {module.path}", heads, _MODULE)
    names = list(site.source.imports.names)[:_IMPORTED_NAMES]
    imported = _all_of(site, ((name,) for name in names))
    heads = [found.heading for found in imported if found.path != site.source.path]
    yield ("", -1), _declared("elsewhere in the project", heads, _MODULE - _LESS)


def _at_hand(site: Site) -> _Keyed:
    """How the other functions and types of the file are declared, the nearest ones."""
    source = site.source
    outside = site.scope if site.type_around is None else site.type_around.scope  # the type itself is shown as such
    near = [one for one in site.seen if one.kind in ("function", "type") and len(one.scope) <= len(outside)]
    near.sort(key=lambda one: abs(one.start - site.start))
    heads = sorted((one.start, heading(source.text.utf8, one)) for one in near[:_AT_HAND])
    yield (source.path, -2), _declared("in the same file", [head for _, head in heads], _SAME_FILE)


def _declared(where: str, heads: list[str], weight: float) -> ContextPiece:
    text = limited("\n".join(dict.fromkeys(heads)), _HEADINGS_BYTES)
    return _piece("signature", f"Declared {where}", text, weight)


def _is_for_others(definition: Definition, language: str) -> bool:
    private = definition.name.startswith("__") or (language in ("c", "cpp") and definition.kind == "value")
    return not definition.scope and definition.kind in ("function", "type") and not private


def _usages(site: Site) -> _Keyed:
    for user, text in usages(site):
        called = site.function.name if site.function is not None else ""
        yield (site.source.path, user.start), _piece("usage", f"{_name(user)}, which calls {called}", text, _USAGE)


def _neighbours(site: Site) -> _Keyed:
    source = site.source
    for one in alike(site)[:_NEIGHBOURS]:
        text = shown(source.text.utf8, source.language, one)
        yield (source.path, one.start), _piece("neighbour", f"{_name(one)}, beside it", text, _NEIGHBOUR)


def _holds_hole(site: Site, found: Found) -> bool:
    return found.path == site.source.path and any(one.start == found.start for one in site.around)


def _bounded(pieces: list[ContextPiece]) -> tuple[ContextPiece, ...]:
    """The first pieces that fit; one that is too large lets smaller ones behind it through."""
    kept: list[ContextPiece] = []
    left = MAX_BYTES
    for piece in pieces:
        size = len(piece.text.encode()) + len(piece.title.encode())
        if size <= left and len(kept) < MAX_PIECES:
            kept.append(piece)
            left -= size
    return tuple(kept)


def _key(found: Found) -> tuple[str, int]:
    return found.path, found.start


def _found(found: Found, weight: float) -> ContextPiece:
    return _piece("type" if found.kind == "type" else "definition", f"{found.name} ({found.path})", found.text, weight)


def _piece(kind: str, title: str, text: str, weight: float) -> ContextPiece:
    return ContextPiece(kind=kind, title=title, text=text, weight=round(weight, 3))


def _name(definition: Definition) -> str:
    return ".".join((*definition.scope, definition.name))
