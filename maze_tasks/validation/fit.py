"""Whether a fill fits its hole: the file parses with it, and everything around it is what it was."""

from __future__ import annotations

from functools import lru_cache

from maze_tasks.syntax import Node, Tree
from maze_tasks.validation.findings import Finding
from maze_tasks.validation.frame import Frame
from maze_tasks.validation.grammar import (
    BODY_IMPORTS,
    CLASSES,
    DEFINITIONS,
    FUNCTION_VALUES,
    FUNCTIONS,
    IMPORTS,
    is_docstring,
    is_idle,
    name_of,
    parameters_of,
)
from maze_tasks.validation.lines import lines_of, unclosed, unmatched
from maze_tasks.validation.outline import Outline, outline, python_outline
from maze_tasks.validation.python_rules import VERSION, module_of, refusal, refusal_of_piece
from maze_tasks.validation.references import Owner, Reference
from maze_tasks.validation.replies import blocks
from maze_tasks.validation.trees import read

_DEFINING = frozenset({"FunctionDef", "AsyncFunctionDef", "ClassDef", "Import", "ImportFrom"})
_MEMBERS_OF_STATEMENTS = frozenset({"lexical_declaration", "variable_declaration", "expression_statement"})
# Where a fill whose surroundings do not parse may parse by itself.
_ALONE = {
    "python": "def _():\n{}",
    "rust": "fn f() {\n{}\n}",
    "go": "package a\nfunc f() {\n{}\n}",
    "javascript": "async function f() {\n{}\n}",
    "typescript": "async function f() {\n{}\n}",
    "tsx": "async function f() {\n{}\n}",
    "java": "class A { void f() {\n{}\n} }",
    "c": "void f() {\n{}\n}",
    "cpp": "void f() {\n{}\n}",
    "zig": "fn f() void {\n{}\n}",
}
_SHOWN = 40  # characters of a line that a message repeats


def misfits(frame: Frame, code: str) -> tuple[Finding, ...]:
    """Why a fill does not fit, with the places in it; nothing where it does, or where nothing is known to tell.

    Args:
        frame: the code around the hole.
        code: the fill.
    """
    if frame.language is None:
        return ()
    tree = frame.read(code)
    if tree is None:
        return (Finding("syntax", f"the file cannot be read as {frame.language} with this fill: it takes too long"),)
    start = len(frame.before.encode("utf-8", "replace"))
    found = outline(tree, start, start + len(code.encode("utf-8", "replace")))
    if not frame.references:
        return _errors(frame, code, found, frozenset())
    first: tuple[Finding, ...] = ()
    for reference in frame.references:
        why = _against(reference, frame, code, tree, found)
        if not why:
            return _python(frame, code, reference) if frame.language == "python" else ()
        first = first or why
    piece_of_line = first[0].check == "surroundings" and bool(frame.left.strip())
    if frame.language == "python" and (first[0].check == "syntax" or piece_of_line) and _fits_python(frame, code):
        return ()
    others = () if found.broken else frame.further()
    fitting = next((one for one in others if not _strictly(one, frame, code, tree, found)), None)
    if fitting is not None:
        return _python(frame, code, fitting) if frame.language == "python" else ()
    return first


def _fits_python(frame: Frame, code: str) -> bool:
    """Whether a fill that the grammar does not read fits for python itself, which reads more."""
    lone = "\r" in code.replace("\r\n", "")  # ends a line for python, but for nothing else here
    if lone or not frame.whole or frame.before.startswith("\ufeff"):
        return False
    found = _python_outline(frame.before, code, frame.after)
    if found is None or not found.guests or all(guest.type in _DEFINING for guest in found.guests):
        return False
    wanted = [
        _python_outline(frame.before, one.text, frame.after) for one in frame.references if not one.only_definitions
    ]
    return any(one is not None and one.rows == found.rows and found.homes <= one.homes for one in wanted)


def _python_outline(before: str, code: str, after: str) -> Outline | None:
    module = module_of(f"{before}{code}{after}")
    if module is None:
        return None
    start, length = len(before.encode()), len(code.encode())
    return python_outline(f"{before}{code}{after}".encode(), module, start, start + length)


def _against(reference: Reference, frame: Frame, code: str, tree: Tree, found: Outline) -> tuple[Finding, ...]:
    """Why a fill does not fit in one of the ways there are."""
    strict = _strictly(reference, frame, code, tree, found)
    if strict and (not reference.sound or (reference.outline.faults and not frame.complete)):
        return _loosely(reference, frame, code, found)
    return strict


def _loosely(reference: Reference, frame: Frame, code: str, found: Outline) -> tuple[Finding, ...]:
    """Why a fill does not fit where its surroundings do not parse, as in a window cut from the middle.

    Only more errors than there are with what fits speak against it, if it does not parse by itself either.
    """
    before = len(reference.outline.faults) + len(reference.outline.broken)
    if len(found.faults) + len(found.broken) <= before or parses(frame.language, alone(frame.language, code)):
        return _loose(reference, frame, code)
    return _errors(frame, code, found, reference.outline.faults)


def _strictly(reference: Reference, frame: Frame, code: str, tree: Tree, found: Outline) -> tuple[Finding, ...]:
    """Why a fill does not fit where its surroundings parse."""
    if not reference.sound:
        return (Finding("syntax", f"the code around the hole is not valid {frame.language}"),)
    errors = _errors(frame, code, found, reference.outline.faults)
    if errors:
        return errors
    if not found.guests:
        return (Finding("empty", "there is no code in the fill, only comments or white space"),)
    stray = next((guest for guest in found.guests if guest.home not in reference.outline.homes), None)
    if stray is not None:
        line, column = position(frame, code, stray.start)
        return (Finding("surroundings", _outside(reference, stray.type, code, line), line, column),)
    if found.rows != reference.outline.rows:
        return (Finding("surroundings", "the code around the hole would no longer be what it is with this fill"),)
    return _useless(reference, tree, found)


def _loose(reference: Reference, frame: Frame, code: str) -> tuple[Finding, ...]:
    """What speaks against a fill where no tree can tell: fences, odd brackets, and lines of python too far out."""
    if blocks(code):
        return (Finding("syntax", f"a fence is not valid {frame.language}"),)
    if frame.language != "python":
        odd = unmatched(code, frame.language) is not None or unclosed(code, frame.language)
        return (Finding("surroundings", "the brackets in the fill do not match"),) if odd else ()
    if frame.left:
        return ()
    begun = [line for line in lines_of(code, "python") if line.begins]
    least = len(reference.indent.expandtabs(8))
    if not begun or (begun[0].indent == reference.indent and all(line.width >= least for line in begun)):
        return ()
    return (Finding("surroundings", "the lines of the fill do not begin with the white space of the hole"),)


def _outside(reference: Reference, kind: str, code: str, line: int | None) -> str:
    texts = code.split("\n")
    shown = texts[line - 1].strip()[:_SHOWN] if line and line <= len(texts) else kind
    where = f"`{reference.owner.name}`" if reference.owner else "the hole"
    return f"`{shown}` would stand outside {where}: a fill may not end the code around it"


def _errors(frame: Frame, code: str, found: Outline, faults: frozenset[object]) -> tuple[Finding, ...]:
    """What does not parse in the fill, or no longer does around it."""
    if found.broken:
        line, column = position(frame, code, found.broken[0].start)
        return (Finding("syntax", f"this is not valid {frame.language}{_near(code, line)}", line, column),)
    if len(found.faults) > len(faults):
        return (Finding("syntax", f"with this fill the code around it is no longer valid {frame.language}"),)
    return ()


def _near(code: str, line: int | None) -> str:
    texts = code.split("\n")
    shown = texts[line - 1].strip()[:_SHOWN] if line and line <= len(texts) else ""
    return f": `{shown}`" if shown else ""


def _useless(reference: Reference, tree: Tree, found: Outline) -> tuple[Finding, ...]:
    """A body that only defines things, or a place for definitions that gets something else."""
    guests = [guest.node for guest in found.guests if guest.node is not None]
    if reference.only_definitions:
        if any(node.type not in DEFINITIONS for node in guests):
            return (Finding("surroundings", "only functions and classes may stand here"),)
        return _defined_again(tree, guests)
    inner = [below for node in guests for below in (node, *node.named_children) if below.type in CLASSES]
    if any(name_of(tree, node) in reference.classes[-1:] for node in inner):
        return (Finding("body", f"`{reference.classes[-1]}` would be defined again within itself"),)
    owner = reference.owner
    if owner is None:
        return ()
    if len(guests) == 1 and guests[0].type in ("block", "statement_block", "compound_statement", "statement_list"):
        guests = [node for node in guests[0].children if node.is_named and not node.is_extra]
    return _idle_or_again(tree, owner, [node for node in guests if node.is_named])


def _defined_again(tree: Tree, guests: list[Node]) -> tuple[Finding, ...]:
    """A definition of what is defined beside the hole already; a decorated one may add to it."""
    above = guests[0].parent
    own = {node.start_byte for node in guests}
    beside = [node for node in (above.children if above is not None else []) if node.start_byte not in own]
    there = {name_of(tree, node) for node in beside if node.type in DEFINITIONS} - {""}
    again = next((name for node in guests if (name := name_of(tree, node)) in there), None)
    return () if again is None else (Finding("surroundings", f"`{again}` would be defined again"),)


def _idle_or_again(tree: Tree, owner: Owner, guests: list[Node]) -> tuple[Finding, ...]:
    """Statements of a body that do nothing, or that define their own function again."""
    outer = IMPORTS | {"export_statement"}
    if owner.whole and tree.language not in BODY_IMPORTS and any(node.type in outer for node in guests):
        return (Finding("surroundings", f"{tree.language} lets no import and no export stand in a body"),)
    rest = [node for node in guests if node.type not in IMPORTS and not is_docstring(node)]
    if owner.whole and guests and not rest:
        instead = "only import something" if all(node.type in IMPORTS for node in guests) else "hold but a text"
        return (Finding("body", f"the body of `{owner.name}` would {instead} and do nothing"),)
    if rest and all(is_idle(tree, node) for node in rest):
        return (
            Finding("body", f"the body of `{owner.name}` would do nothing: it holds a value, and nothing takes it"),
        )
    if any(node.type in FUNCTIONS and _is_owner(tree, node, owner) for node in rest):
        return (Finding("body", f"`{owner.name}` would be defined again within itself"),)
    defined = [name_of(tree, node) for node in rest if node.type in DEFINITIONS and node.type not in FUNCTION_VALUES]
    if rest and len(defined) == len(rest) and (owner.whole or owner.name in defined):
        return (Finding("body", f"the body of `{owner.name}` would only define something and do nothing"),)
    held = _functions(tree, rest[0]) if owner.whole and len(rest) == 1 else set()
    if owner.name in held and rest[0].type in _MEMBERS_OF_STATEMENTS:
        return (Finding("body", f"`{owner.name}` would be defined again within itself"),)
    return ()


def _is_owner(tree: Tree, node: Node, owner: Owner) -> bool:
    """Whether a function has the name and the parameters of the one around the hole."""
    return bool(owner.name) and name_of(tree, node) == owner.name and parameters_of(tree, node) == owner.parameters


def _functions(tree: Tree, node: Node) -> set[str]:
    """Names of the functions that a statement gives to a variable."""
    inner = [below for child in node.named_children for below in (child, *child.named_children)]
    return {name_of(tree, one) for one in inner if one.type in FUNCTIONS or one.type == "lambda"}


def position(frame: Frame, code: str, offset: int) -> tuple[int | None, int | None]:
    """Line and column in the fill, from 1, of a byte offset in the text around it; None where it lies outside."""
    start = len(frame.before.encode("utf-8", "replace"))
    within = offset - start
    piece = code.encode("utf-8", "replace")
    if not 0 <= within <= len(piece):
        return None, None
    ahead = piece[:within].decode("utf-8", "replace")
    return ahead.count("\n") + 1, len(ahead) - (ahead.rfind("\n") + 1) + 1


def _python(frame: Frame, code: str, reference: Reference) -> tuple[Finding, ...]:
    """What python says of the whole module; of a piece where the module is not known, or not one to begin with."""
    if not frame.whole or not _compiles(frame.before, reference.text, frame.after):
        refused = None if reference.text == "hole" else refusal_of_piece(frame.left + code)
        return (Finding("syntax", f"python {VERSION}: {refused.message}"),) if refused else ()
    refused = refusal(f"{frame.before}{code}{frame.after}")
    if refused is None:
        return ()
    ahead = frame.before.count("\n")
    line = refused.line - ahead if refused.line is not None else 0
    texts = code.removesuffix("\n").split("\n")  # behind its last newline stands what follows the hole
    if not 1 <= line <= len(texts):
        return (Finding("syntax", f"python {VERSION}: {refused.message}"),)
    column = max(1, (refused.column or 1) - (len(frame.left) if line == 1 else 0))
    column = min(column, len(texts[line - 1]) + 1)
    return (Finding("syntax", f"python {VERSION}: {refused.message}{_near(code, line)}", line, column),)


@lru_cache(maxsize=16)
def _compiles(before: str, text: str, after: str) -> bool:
    return refusal(f"{before}{text}{after}") is None


def alone(language: str | None, code: str) -> str:
    """The smallest file of a language that a fill of statements may stand in by itself."""
    return _ALONE.get(language or "", "{}").replace("{}", code, 1)


def parses(language: str | None, text: str) -> bool:
    """Whether a text is free of errors by itself."""
    tree = read(language, text)
    return tree is not None and not tree.root.has_error
