"""What the nodes of each language's grammar are called, as far as taking replies apart needs to know."""

from __future__ import annotations

from typing import Final

from maze_tasks.syntax import Node, Tree, walk

FUNCTIONS: Final = frozenset(
    {
        "function_definition",
        "function_item",
        "function_declaration",
        "generator_function_declaration",
        "method_declaration",
        "method_definition",
        "constructor_declaration",
        "compact_constructor_declaration",
        "function_expression",
        "arrow_function",
    }
)
"""Types of nodes that are a function with a name and a body, in any of the languages."""

FUNCTION_VALUES: Final = frozenset({"function_expression", "arrow_function"})
"""Those of them that are values, not statements."""

CLASSES: Final = frozenset(
    {
        "class_definition",
        "class_declaration",
        "class_specifier",
        "struct_specifier",
        "interface_declaration",
        "enum_declaration",
        "record_declaration",
        "impl_item",
        "trait_item",
        "mod_item",
        "namespace_definition",
    }
)
"""Types of nodes that hold functions as members."""

IMPORTS: Final = frozenset(
    {
        "import_statement",
        "import_from_statement",
        "future_import_statement",
        "use_declaration",
        "import_declaration",
        "preproc_include",
        "using_declaration",
    }
)
"""Types of nodes that bring in names of other modules."""

DEFINITIONS: Final = FUNCTIONS | CLASSES | {"decorated_definition"}

STRINGS: Final = frozenset(
    {
        "string",
        "template_string",
        "raw_string_literal",
        "string_literal",
        "interpreted_string_literal",
        "multiline_string",
        "text_block",
        "heredoc_body",
    }
)
"""Types of nodes whose text may span lines and may not be indented anew."""

COMMENTS: Final = frozenset({"comment", "line_comment", "block_comment", "doc_comment", "html_comment"})

BODY_IMPORTS: Final = frozenset({"python", "rust", "zig"})
"""Languages that let an import stand in a function's body."""

BLOCKS: Final = frozenset(
    {
        "block",
        "statement_block",
        "compound_statement",
        "constructor_body",
        "statement_list",
        "module",
        "source_file",
        "program",
        "translation_unit",
    }
)
"""Types of nodes that hold statements."""

BLOCK_FIELDS: Final = frozenset({"body", "consequence", "alternative"})
"""Fields of nodes that hold a block."""

# What a hole may be filled with for a look at its surroundings; the first that parses tells what is wanted there.
PLACEHOLDERS: Final = {
    "rust": ("hole", "hole;", "fn hole() {}", "hole: u8,", "_ => hole,"),
    "go": ("hole", "var hole int", "func hole() {}", "hole int", "case 1:"),
    "typescript": ("hole", "hole;", "hole() {}", "hole: 1,", "case 1:"),
    "tsx": ("hole", "hole;", "hole() {}", "hole: 1,", "case 1:"),
    "javascript": ("hole", "hole;", "hole() {}", "hole: 1,", "case 1:"),
    "java": ("hole", "hole();", "int hole;", "int hole() { return 1; }", "case 1:"),
    "c": ("hole", "hole;", "int hole;", "case 1:"),
    "cpp": ("hole", "hole;", "int hole;", "case 1:"),
    "zig": ("hole", "hole;", "const hole = 1;", "hole: u8,"),
    "python": ("hole", "pass"),
}

# Of an expression that only gives a value: what it may be made of, whatever its operators mean to its operands.
_VALUES = frozenset(
    {
        *("string", "concatenated_string", "string_start", "string_content", "string_end", "string_fragment"),
        *("string_literal", "raw_string_literal", "interpreted_string_literal", "interpreted_string_literal_content"),
        *("escape_sequence", "integer", "float", "true", "false", "none", "null", "number", "number_literal"),
        *("int_literal", "float_literal", "integer_literal", "boolean_literal", "char_literal", "identifier"),
        *(
            "list",
            "dictionary",
            "tuple",
            "set",
            "pair",
            "object",
            "array",
            "parenthesized_expression",
            "unary_operator",
        ),
    }
)
_OPERATIONS = frozenset(
    {"binary_operator", "comparison_operator", "boolean_operator", "not_operator", "conditional_expression"}
) | {"binary_expression", "unary_expression", "ternary_expression"}
# Operators that do something, or may be there to fail.
_DEEDS = frozenset({"/", "//", "%", "<-", "++", "--", "delete", "void", "await", "throw", "?"})
_OVERLOADED = frozenset({"cpp"})  # languages in whose code an operator alone is often a deed: `out << x;`
FURTHER_PLACEHOLDERS: Final = ("(hole)", "{}", "hole()", "case hole:")
"""What else may stand there, in any language with braces: looked at for a fill that fits none of the others."""

_NAMED = frozenset(
    {"identifier", "field_identifier", "type_identifier", "property_identifier", "destructor_name", "operator_name"}
)


def name_of(tree: Tree, node: Node) -> str:
    """The name of a definition, or an empty text where it has none."""
    named = node.child_by_field_name("name")
    if named is None and node.type == "impl_item":
        named = node.child_by_field_name("type")
    if named is None:
        named = _declared(node)
    if named is None and node.type in ("arrow_function", "function_expression", "lambda"):
        return _assigned(tree, node)
    return tree.text(named).decode(errors="replace") if named is not None else ""


def _declared(node: Node) -> Node | None:
    """The name within a declarator of C: ``*A::f(int)`` declares ``f``."""
    inner = node.child_by_field_name("declarator")
    while inner is not None:
        if inner.type in _NAMED:
            return inner
        inner = inner.child_by_field_name("declarator") or inner.child_by_field_name("name")
    return None


def _assigned(tree: Tree, node: Node) -> str:
    """The name of the variable, member or key that a function without a name is given to."""
    above = node.parent
    fields = [above.child_by_field_name(field) for field in ("name", "key", "left")] if above is not None else []
    return next((tree.text(named).decode(errors="replace") for named in fields if named is not None), "")


def parameters_of(tree: Tree, node: Node) -> str:
    """The parameters of a function without white space, to tell functions of one name apart."""
    given = parameters_node(node)
    return "".join(tree.text(given).decode(errors="replace").split()) if given is not None else ""


def parameters_node(node: Node) -> Node | None:
    """The node of a function's parameters, if it has one."""
    given = node.child_by_field_name("parameters")
    if given is None:
        given = next((child for child in node.children if child.type.endswith("parameters")), None)
    inner = node.child_by_field_name("declarator")
    while given is None and inner is not None:
        given, inner = inner.child_by_field_name("parameters"), inner.child_by_field_name("declarator")
    return given


def is_docstring(node: Node) -> bool:
    """Whether a statement is nothing but a string."""
    children = [child for child in node.children if not child.is_extra]
    return (
        node.type == "expression_statement"
        and len(children) == 1
        and children[0].type
        in (
            "string",
            "concatenated_string",
        )
    )


def is_idle(tree: Tree, node: Node) -> bool:
    """Whether a statement is an expression that does nothing but give a value that nobody takes."""
    if node.type != "expression_statement":
        return False
    allowed = _VALUES if tree.language in _OVERLOADED else _VALUES | _OPERATIONS
    inner = [one for child in node.named_children for one in walk(child)]
    return all(one.type in allowed if one.is_named else one.type not in _DEEDS for one in inner)
