"""What a file defines: functions, types and values, with their places, by rules on the names of syntax nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from maze_tasks.syntax import Node, Tree

Kind = Literal["function", "type", "value", "import"]

MAX_DEFINITIONS: Final = 5000  # of one file; what has more was not written by people
_MAX_NAME: Final = 200  # bytes
_MAX_DECLARATORS: Final = 20  # of C, one within the other
_DOC_COMMENTS: Final = 20  # comments and attributes above a definition that belong to it

_NAME: Final = re.compile(rb"[^\W\d]\w*")
_ARGUMENTS: Final = re.compile(rb"<[^<>]*>")  # of a generic type or a template, innermost first


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition of a file; offsets are bytes of its text in UTF-8.

    Args:
        name: its name; imports have none.
        scope: names of what encloses it, the outermost first.
        kind: what it is.
        start: where it begins, with its decorators, its attributes and the comment right above it.
        head: where the definition itself begins.
        end: where it ends.
        body: where its body begins and ends; None where it has none.
    """

    name: str
    scope: tuple[str, ...]
    kind: Kind
    start: int
    head: int
    end: int
    body: tuple[int, int] | None = None

    def holds(self, offset: int) -> bool:
        """Whether it is around a place of the text."""
        return self.start <= offset < self.end or (self.body is not None and offset == self.end == self.body[1])


@dataclass(frozen=True, slots=True)
class _Rules:
    """Node types of one language.

    Args:
        functions: functions and methods.
        types: types; definitions in their bodies are members.
        values: constants, variables, fields.
        spaces: what has members without being a definition of its own, such as a namespace.
        wrappers: what a definition may stand in that belongs to it, such as decorators.
        through: what is looked into for definitions.
        imports: imports.
        lead: what may stand right above a definition and belongs to it.
    """

    functions: frozenset[str]
    types: frozenset[str]
    values: frozenset[str]
    through: frozenset[str]
    imports: frozenset[str]
    spaces: frozenset[str] = frozenset()
    wrappers: frozenset[str] = frozenset()
    lead: frozenset[str] = frozenset({"comment"})


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ECMA: Final = _Rules(
    functions=_names(
        "function_declaration generator_function_declaration method_definition function_signature method_signature"
        " abstract_method_signature"
    ),
    types=_names(
        "class_declaration abstract_class_declaration interface_declaration type_alias_declaration enum_declaration"
    ),
    values=_names("variable_declarator public_field_definition field_definition property_signature"),
    through=_names("program class_body interface_body object_type statement_block expression_statement"),
    imports=_names("import_statement import_alias"),
    spaces=_names("internal_module module"),
    wrappers=_names("export_statement ambient_declaration lexical_declaration variable_declaration"),
    lead=_names("comment decorator"),
)
_C: Final = _Rules(
    functions=_names("function_definition preproc_function_def"),
    types=_names(
        "struct_specifier union_specifier enum_specifier class_specifier type_definition alias_declaration"
        " concept_definition"
    ),
    values=_names("declaration field_declaration preproc_def"),
    through=_names(
        "translation_unit declaration_list field_declaration_list linkage_specification preproc_if preproc_ifdef"
        " preproc_else preproc_elif preproc_elifdef"
    ),
    imports=_names("preproc_include using_declaration import_declaration"),
    spaces=_names("namespace_definition"),
    wrappers=_names("template_declaration"),
)

_RULES: Final[dict[str, _Rules]] = {
    "python": _Rules(
        functions=_names("function_definition"),
        types=_names("class_definition type_alias_statement"),
        values=_names("assignment"),
        through=_names(
            "module block if_statement else_clause elif_clause try_statement except_clause finally_clause"
            " with_statement expression_statement"
        ),
        imports=_names("import_statement import_from_statement future_import_statement"),
        wrappers=_names("decorated_definition"),
    ),
    "rust": _Rules(
        functions=_names("function_item function_signature_item macro_definition"),
        types=_names("struct_item enum_item union_item trait_item type_item associated_type"),
        values=_names("const_item static_item"),
        through=_names("source_file declaration_list foreign_mod_item"),
        imports=_names("use_declaration extern_crate_declaration"),
        spaces=_names("impl_item mod_item"),
        lead=_names("line_comment block_comment attribute_item"),
    ),
    "go": _Rules(
        functions=_names("function_declaration method_declaration"),
        types=_names("type_spec type_alias"),
        values=_names("const_spec var_spec"),
        through=_names("source_file var_spec_list"),
        imports=_names("import_declaration"),
        wrappers=_names("type_declaration const_declaration var_declaration"),
    ),
    "typescript": _ECMA,
    "tsx": _ECMA,
    "javascript": _ECMA,
    "java": _Rules(
        functions=_names("method_declaration constructor_declaration compact_constructor_declaration"),
        types=_names(
            "class_declaration interface_declaration enum_declaration record_declaration annotation_type_declaration"
        ),
        values=_names("field_declaration constant_declaration enum_constant"),
        through=_names("program class_body interface_body enum_body enum_body_declarations annotation_type_body"),
        imports=_names("import_declaration"),
        lead=_names("line_comment block_comment"),
    ),
    "c": _C,
    "cpp": _C,
    "zig": _Rules(
        functions=_names("function_declaration"),
        types=frozenset(),  # a type of Zig is the value of a variable
        values=_names("variable_declaration container_field"),
        through=_names("source_file struct_declaration union_declaration enum_declaration opaque_declaration"),
        imports=frozenset(),
    ),
}

_ZIG_TYPES: Final = _names(
    "struct_declaration union_declaration enum_declaration opaque_declaration error_set_declaration"
)
_FUNCTION_VALUES: Final = _names("arrow_function function_expression generator_function")
_WITH_TAG: Final = _names("type_definition declaration field_declaration")
_NAMED_BY: Final = ("name", "declarator", "left", "property")


def definitions_of(tree: Tree) -> list[Definition]:
    """What a text defines outside of function bodies, imports included, in the order of the text.

    At most `MAX_DEFINITIONS`; the members of a type follow it. Any text has a list, if perhaps an empty one.
    """
    found: list[Definition] = []
    for definition in _Walk(tree, _RULES[tree.language]).all():
        found.append(definition)
        if len(found) >= MAX_DEFINITIONS:
            break
    return found


@dataclass(frozen=True, slots=True)
class _Walk:
    tree: Tree
    rules: _Rules

    def all(self) -> Iterator[Definition]:
        """All definitions; without recursion, for texts may be nested deeper than Python's stack."""
        stack: list[tuple[Node, tuple[str, ...], int | None]] = [(self.tree.root, (), None)]
        while stack:
            node, scope, lead = stack.pop()
            own = list(self._own(node, scope, lead))
            yield from own
            stack += reversed(list(self._inner(node, scope, lead, own)))

    def _own(self, node: Node, scope: tuple[str, ...], lead: int | None) -> Iterator[Definition]:
        """What a node itself defines: nothing, one name, or several."""
        rules, kind = self.rules, node.type
        start = node.start_byte if lead is None else lead
        if kind in rules.imports:
            yield Definition("", scope, "import", start, node.start_byte, node.end_byte)
        elif kind in rules.functions:
            scope = (*scope, *_receiver(self.tree, node))
            *spaces, name = _dotted(self.tree, node) or [""]
            yield Definition(name, (*scope, *spaces), "function", start, node.start_byte, node.end_byte, _body(node))
        elif kind in rules.types:
            yield from self._type(node, scope, start)
        elif kind in rules.values:
            yield from self._values(node, scope, start)

    def _type(self, node: Node, scope: tuple[str, ...], start: int) -> Iterator[Definition]:
        body = node.child_by_field_name("body")
        if node.type.endswith("_specifier") and body is None:
            return  # a mention of the type, or a promise of it
        span = None if body is None else (body.start_byte, body.end_byte)
        for name in (*_dotted(self.tree, node)[-1:], *_tag(self.tree, node)):
            yield Definition(name, scope, "type", start, node.start_byte, node.end_byte, span)

    def _values(self, node: Node, scope: tuple[str, ...], start: int) -> Iterator[Definition]:
        for name in _tag(self.tree, node):
            yield Definition(name, scope, "type", start, node.start_byte, node.end_byte)
        kind, body = _kind_of_value(node)
        for name in _value_names(self.tree, node):
            yield Definition(name, scope, kind, start, node.start_byte, node.end_byte, body)

    def _inner(
        self, node: Node, scope: tuple[str, ...], lead: int | None, own: list[Definition]
    ) -> Iterator[tuple[Node, tuple[str, ...], int | None]]:
        """Nodes in which there may be more, each with its scope and where what leads to it begins."""
        rules, kind = self.rules, node.type
        if kind in rules.wrappers:
            inner = [child for child in node.named_children if not child.is_extra]
            if sum(child.type in rules.types or child.type in rules.values for child in inner) > 1:
                yield from self._children(node, scope)
            else:
                yield from ((child, scope, node.start_byte if lead is None else lead) for child in inner)
        elif kind in rules.through:
            yield from self._children(node, scope)
        elif kind in rules.spaces:
            name = _space_name(self.tree, node)
            if (body := node.child_by_field_name("body")) is not None:
                yield body, (*scope, *name), None
        elif own and own[0].kind == "type":
            for child in _members(node):
                yield child, (*scope, own[0].name), None

    def _children(self, node: Node, scope: tuple[str, ...]) -> Iterator[tuple[Node, tuple[str, ...], int | None]]:
        """The children of a block, each with where the comment and the attributes right above it begin."""
        above: list[Node] = []
        row = -1  # where the last one ended: a comment that begins there is about that one
        for child in node.named_children:
            if child.type in self.rules.lead:
                if child.start_point.row > row:
                    above = [*above, child][-_DOC_COMMENTS:] if _joins(above, child) else [child]
                continue
            yield child, scope, above[0].start_byte if above and _joins(above, child) else None
            above, row = [], _last_row(child)


def _joins(above: list[Node], node: Node) -> bool:
    """Whether `node` begins in the line below the last of `above`; in the line that a comment trails it does not."""
    if not above:
        return True
    return above[-1].type == "decorator" or node.start_point.row == _last_row(above[-1]) + 1


def _last_row(node: Node) -> int:
    """The row of a node's last character; some grammars count the line end to what ends with it."""
    return node.end_point.row - (node.end_point.column == 0)


def _members(node: Node) -> list[Node]:
    """Where the members of a type are: its body, or the bodies that stand in its value."""
    body = node.child_by_field_name("body")
    if body is not None:
        return [body]
    if node.type == "variable_declaration":
        return [child for child in node.named_children if child.type in _ZIG_TYPES]
    inner = node.child_by_field_name("type")
    body = inner.child_by_field_name("body") if inner is not None else None
    return [] if body is None else [body]


def _tag(tree: Tree, node: Node) -> list[str]:
    """The name of the type that a declaration of C defines along with others: ``struct s { int a; } x;``."""
    inner = node.child_by_field_name("type") if node.type in _WITH_TAG else None
    if inner is None or inner.child_by_field_name("body") is None:
        return []
    name = inner.child_by_field_name("name")
    return [] if name is None else [_text(tree, name)]


def _body(node: Node) -> tuple[int, int] | None:
    body = node.child_by_field_name("body")
    return None if body is None else (body.start_byte, body.end_byte)


def _kind_of_value(node: Node) -> tuple[Kind, tuple[int, int] | None]:
    """What a value is: a function, if that is what is assigned, or a type, which in Zig is a value."""
    value = node.child_by_field_name("value")
    if value is not None and value.type in _FUNCTION_VALUES:
        return "function", _body(value)
    if node.type == "variable_declaration":
        held = next((child for child in node.named_children if child.type in _ZIG_TYPES), None)
        if held is not None:
            return "type", (held.start_byte, held.end_byte)
    if any(child.type == "function_declarator" for child in _declarators(node)):
        return "function", None
    return "value", None


def _declarators(node: Node) -> Iterator[Node]:
    """The declarators of a C declaration and those within them."""
    stack = [child for child in node.children_by_field_name("declarator") if child.is_named]
    while stack:
        found = stack.pop(0)
        yield found
        inner = found.child_by_field_name("declarator")
        stack += [inner] if inner is not None else []


def _value_names(tree: Tree, node: Node) -> list[str]:
    """All names that a declaration of values gives; of fields and parameters with defaults there is one."""
    if node.type == "assignment":
        left = node.child_by_field_name("left")
        parts = [left] if left is not None and left.type == "identifier" else []
        if left is not None and left.type in ("pattern_list", "tuple_pattern"):
            parts = [child for child in left.named_children if child.type == "identifier"]
        return [_text(tree, part) for part in parts]
    declared = node.children_by_field_name("declarator") or node.children_by_field_name("name")
    if node.type == "variable_declaration" and not declared:
        declared = [child for child in node.named_children if child.type == "identifier"][:1]
    names = (_dotted_in(tree, one) for one in declared)
    return [found[-1] for found in names if found]


def _dotted(tree: Tree, node: Node) -> list[str]:
    """The name that a node has, with the spaces it says it is in."""
    for field in _NAMED_BY:
        if (found := node.child_by_field_name(field)) is not None:
            return _dotted_in(tree, found)
    return []


def _dotted_in(tree: Tree, node: Node) -> list[str]:
    """The names in a declarator such as ``*a::b::f(int x)``: what is declared, behind the spaces it is in."""
    for _ in range(_MAX_DECLARATORS):
        inner = node.child_by_field_name("declarator")
        if inner is None:
            break
        node = inner
    text = tree.text(node)[:_MAX_NAME]
    while (bare := _ARGUMENTS.sub(b"", text)) != text:
        text = bare
    return [name.decode(errors="replace") for name in _NAME.findall(text)]


def _space_name(tree: Tree, node: Node) -> list[str]:
    """Names of a namespace, a module, or the type that an implementation is of."""
    found = node.child_by_field_name("type") or node.child_by_field_name("name")
    if found is None:
        return []
    names = _dotted_in(tree, found)
    return names[-1:] if node.type == "impl_item" else names


def _receiver(tree: Tree, node: Node) -> tuple[str, ...]:
    """The type that a method of Go belongs to."""
    receiver = node.child_by_field_name("receiver") if node.type == "method_declaration" else None
    if receiver is None:
        return ()
    names = _NAME.findall(tree.text(receiver)[:_MAX_NAME].partition(b"[")[0])
    return (names[-1].decode(errors="replace"),) if names else ()


def _text(tree: Tree, node: Node) -> str:
    return tree.text(node)[:_MAX_NAME].decode(errors="replace")
