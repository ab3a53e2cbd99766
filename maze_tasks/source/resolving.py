"""From a name that code mentions to its definition: in the same file first, then where its imports point to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from maze_tasks.source.apart import Source, module_of, part_of
from maze_tasks.source.definitions import Definition, Kind
from maze_tasks.source.imports import Imported
from maze_tasks.source.index import Entry, Index, module_parts, shared
from maze_tasks.source.outlines import heading, limited, shown
from maze_tasks.source.references import Chain
from maze_tasks.source.texts import NotText, text_of

ALL_KINDS: Final[tuple[Kind, ...]] = ("function", "type", "value")
_NAMING: Final = frozenset({"typescript", "tsx", "javascript"})  # languages that import even from the same folder
_SELF: Final = frozenset({"self", "cls", "this", "Self"})
_MAX_MODULES: Final = 8
_MAX_MODULE_BYTES: Final = 100_000  # of a file that is looked at as a whole
_MAX_ENTRIES: Final = 20  # places of one name that are weighed against each other
_MAX_MEANINGS: Final = 3  # definitions of one name in one file: overloads, or one for each system
_NEAR: Final = 1  # least evidence that a name defined elsewhere is the one that is meant


@dataclass(frozen=True, slots=True)
class Found:
    """A definition that a name stands for.

    Args:
        path: file that it is in.
        name: its name, with those of its scope ahead.
        kind: what it is.
        start: where it begins there, which tells it from others.
        text: what to show of it.
        heading: how it is declared, on one line.
    """

    path: str
    name: str
    kind: Kind
    start: int
    text: str
    heading: str


def definition_shown(source: Source, definition: Definition) -> Found:
    """A definition of a file as what is found by its name."""
    text = shown(source.text.utf8, source.language, definition, source.within(definition))
    name = ".".join((*definition.scope, definition.name))
    return Found(source.path, name, definition.kind, definition.start, text, heading(source.text.utf8, definition))


@dataclass(frozen=True, slots=True)
class Resolver:
    """Finds what names stand for in one file.

    Args:
        source: the file.
        scope: names of what is around the place whose names are resolved.
        index: definitions of the other files, if known.
    """

    source: Source
    scope: tuple[str, ...]
    index: Index | None

    def find(self, chain: Chain) -> list[Found]:
        """What a chain of names stands for; nothing where it is local, built in, or of another project."""
        if chain[0] in _SELF:
            return self._member(chain[1:]) if len(chain) > 1 and len(self.scope) > 1 else []
        here = self._here(chain)
        imported = self.source.imports.names.get(chain[0])
        if self.index is None:
            return here
        if self.source.language == "python":
            return here or ([] if imported is None else list(self._imported(self.index, imported, chain)))
        if here and not (imported is not None and len(chain) > 1):
            return here
        return list(self._elsewhere(self.index, chain, imported)) or here

    def find_type(self, name: str) -> list[Found]:
        """The type of that name."""
        here = [definition_shown(self.source, one) for one in self._named(name) if one.kind == "type"]
        if here or self.index is None:
            return here[:1]
        imported = self.source.imports.names.get(name)
        return [one for one in self._elsewhere(self.index, (name,), imported, kinds=("type",)) if one.kind == "type"]

    def modules(self) -> Iterator[Source]:
        """Files of the tree that this one imports as a whole."""
        index = self.index
        if index is None:
            return
        files = [found for name in self.source.imports.files for found in index.included(name, self.source.path)[:1]]
        for imported in self.source.imports.names.values() if self.source.language == "python" else ():
            name = (*self._module(imported.module), *((imported.name,) if imported.name else ()))
            files += [(path, "python") for path in self._files(index, name, imported)[:1]]
        for path, language in dict.fromkeys(files[:_MAX_MODULES]):
            data = index.read(path)
            if data is not None and len(data) <= _MAX_MODULE_BYTES and path != self.source.path:
                source = module_of(path, data, language)
                if source is not None:
                    yield source

    def _member(self, chain: Chain) -> list[Found]:
        """A function of the type around the place; its fields are told with the type."""
        within = self.scope[:-1]
        found = [one for one in self._named(chain[0]) if one.scope == within and one.kind == "function"]
        return [definition_shown(self.source, one) for one in found[:_MAX_MEANINGS]]

    def _here(self, chain: Chain) -> list[Found]:
        """In the file itself: a name of an enclosing scope, and of a longer chain the member."""
        found = [one for one in self._named(chain[0]) if one.scope == self.scope[: len(one.scope)]]
        if len(chain) > 1 and found:
            inner = (*found[0].scope, found[0].name)
            found = [one for one in self._named(chain[1]) if one.scope == inner] or found
        return [definition_shown(self.source, one) for one in found[:_MAX_MEANINGS]]

    def _named(self, name: str) -> Sequence[Definition]:
        return self.source.by_name.get(name, ())

    def _imported(self, index: Index, imported: Imported, chain: Chain) -> Iterator[Found]:
        """What an imported name of Python stands for: as far into modules as the chain leads, then a definition."""
        module, rest = self._module(imported.module), chain[1:]
        if imported.name is not None:
            rest = (imported.name, *rest)
        files = self._files(index, module, imported)
        while rest and (inner := self._files(index, (*module, rest[0]), imported)):
            files, module, rest = inner, (*module, rest[0]), rest[1:]
        if rest and files:
            yield from self._in_module(index, files[0], rest)

    def _files(self, index: Index, module: tuple[str, ...], imported: Imported) -> list[str]:
        return index.modules(module, self.source.path, absolute=not imported.module.startswith("."))

    def _module(self, dotted: str) -> tuple[str, ...]:
        """The parts of a module's path; a relative one counts from the file that imports it."""
        name = dotted.lstrip(".")
        up = len(dotted) - len(name)
        parts = tuple(part for part in name.split(".") if part)
        if up == 0:
            return parts
        own = module_parts(self.source.path)
        is_package = self.source.path.endswith("/__init__.py")
        above = up - 1 if is_package else up
        return (*own[: max(len(own) - above, 0)], *parts)

    def _in_module(self, index: Index, path: str, rest: Chain) -> Iterator[Found]:
        """A name in the module at `path`, or where a package has it from."""
        entries = index.find(rest[0], self.source.language)
        own = [entry for entry in entries if entry.path == path]
        if not own:
            folder = path.rpartition("/")[0] + "/"
            below = [entry for entry in entries if entry.path.startswith(folder)]
            own = sorted(below, key=lambda entry: (entry.path.count("/"), entry.path))[:1]
        for entry in own[:2]:
            yield from _read(index, entry, rest[1:])

    def _elsewhere(
        self, index: Index, chain: Chain, imported: Imported | None, kinds: tuple[Kind, ...] = ALL_KINDS
    ) -> Iterator[Found]:
        """A name in the files that this one is likely to see: named in its imports, or in the same folder."""
        names = [imported.name if imported is not None and imported.name else chain[0], *chain[1:]]
        for position, name in enumerate(names[:3]):
            found = index.find(name, self.source.language)
            entries = [entry for entry in found if entry.path != self.source.path and entry.kind in kinds]
            weighed = [(self._evidence(entry), entry) for entry in entries[:_MAX_ENTRIES]]
            if imported is not None and position == 0 and len(entries) == 1:
                weighed = [(_NEAR, entries[0])]
            likely = [pair for pair in weighed if pair[0] >= _NEAR]
            if likely:
                _, best = max(likely, key=lambda pair: (pair[0], shared(pair[1].path, self.source.path)))
                yield from _read(index, best, tuple(names[position + 1 :]))
                return

    def _evidence(self, entry: Entry) -> int:
        """How much speaks for this file to see that definition: folders and names that its imports mention."""
        folder, _, _ = self.source.path.rpartition("/")
        parts = module_parts(entry.path)
        named = sum(part in self.source.imports.words for part in parts[-3:])
        at_hand = entry.path.rpartition("/")[0] == folder and self.source.language not in _NAMING
        return 2 * named + at_hand


def members_elsewhere(index: Index, source: Source, name: str) -> Iterator[Found]:
    """Functions of a type that stand in other files of its folder, as in Go."""
    folder = source.path.rpartition("/")[0]
    for entry in index.members(name, source.language):
        if entry.path != source.path and entry.path.rpartition("/")[0] == folder:
            yield from _read(index, entry, ())


def _read(index: Index, entry: Entry, rest: Chain) -> Iterator[Found]:
    """What a file says at the place of an entry, if it still says it; of a type the member that is meant."""
    data = index.read(entry.path)
    source = _slice(entry, data) if data is not None else None
    if source is None:
        return
    named = [one for one in source.definitions if one.name == entry.name] or [
        one for one in source.definitions if one.kind != "import"
    ]
    members = [one for one in source.definitions if rest and one.name == rest[0] and one.scope[-1:] == (entry.name,)]
    for definition in (members or named)[:1]:
        found = definition_shown(source, definition)
        yield replace(found, start=entry.start + found.start)
    if not named and entry.name.encode() in source.text.utf8:
        text = limited(source.text.utf8.decode(errors="replace"))
        yield Found(entry.path, entry.name, entry.kind, entry.start, text, text.partition("\n")[0])


def _slice(entry: Entry, data: bytes) -> Source | None:
    """The part of a file that an entry spans, as a file of its own."""
    if b"coding" in data[:_HEAD_BYTES]:  # it may name another encoding than UTF-8, in which entries count
        try:
            data = text_of(data, entry.language).utf8
        except NotText:
            return None
    return part_of(entry.path, data[entry.start : entry.end], entry.language)


_HEAD_BYTES: Final = 2000  # of a file, in which its encoding is named if it is
