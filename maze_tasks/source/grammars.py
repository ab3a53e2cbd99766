"""What the nodes of each grammar are called: functions, scopes, blocks, comments, calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Grammar:
    """Node types of one language.

    Args:
        comments: comments.
        functions: what has a body of its own; the body is its field ``body`` or its last block.
        classes: what has members.
        spaces: other things whose name belongs to the scope.
        holders: what gives its name to a function or class without one.
        blocks: lists of statements.
        calls: calls of functions.
        indent: one level of indentation where the text shows none.
        line_comment: how a comment to the end of the line begins.
    """

    comments: frozenset[str]
    functions: frozenset[str]
    classes: frozenset[str]
    spaces: frozenset[str]
    holders: frozenset[str]
    blocks: frozenset[str]
    calls: frozenset[str]
    indent: str = "    "
    line_comment: str = "//"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ECMA: Final = Grammar(
    comments=_names("comment html_comment"),
    functions=_names(
        "function_declaration generator_function_declaration function_expression generator_function"
        " arrow_function method_definition class_static_block"
    ),
    classes=_names("class_declaration class abstract_class_declaration interface_declaration"),
    spaces=_names("internal_module module"),
    holders=_names("variable_declarator public_field_definition field_definition pair assignment_expression"),
    blocks=_names("program statement_block switch_case switch_default"),
    calls=_names("call_expression new_expression"),
    indent="  ",
)

GRAMMARS: Final = {
    "python": Grammar(
        comments=_names("comment"),
        functions=_names("function_definition"),
        classes=_names("class_definition"),
        spaces=frozenset(),
        holders=frozenset(),
        blocks=_names("module block"),
        calls=_names("call"),
        line_comment="#",
    ),
    "rust": Grammar(
        comments=_names("line_comment block_comment"),
        functions=_names("function_item closure_expression"),
        classes=_names("impl_item trait_item"),
        spaces=_names("mod_item"),
        holders=_names("let_declaration"),
        blocks=_names("source_file block"),
        calls=_names("call_expression"),
    ),
    "go": Grammar(
        comments=_names("comment"),
        functions=_names("function_declaration method_declaration func_literal"),
        classes=frozenset(),
        spaces=frozenset(),
        holders=_names("var_spec short_var_declaration"),
        blocks=_names("source_file block statement_list"),
        calls=_names("call_expression"),
        indent="\t",
    ),
    "typescript": _ECMA,
    "tsx": _ECMA,
    "javascript": _ECMA,
    "java": Grammar(
        comments=_names("line_comment block_comment"),
        functions=_names(
            "method_declaration constructor_declaration compact_constructor_declaration lambda_expression"
            " static_initializer"
        ),
        classes=_names(
            "class_declaration interface_declaration enum_declaration record_declaration annotation_type_declaration"
        ),
        spaces=frozenset(),
        holders=_names("variable_declarator"),
        blocks=_names("program block constructor_body switch_block_statement_group"),
        calls=_names("method_invocation"),
    ),
    "c": Grammar(
        comments=_names("comment"),
        functions=_names("function_definition"),
        classes=frozenset(),
        spaces=frozenset(),
        holders=frozenset(),
        blocks=_names("translation_unit compound_statement case_statement"),
        calls=_names("call_expression"),
    ),
    "cpp": Grammar(
        comments=_names("comment"),
        functions=_names("function_definition lambda_expression"),
        classes=_names("class_specifier struct_specifier union_specifier"),
        spaces=_names("namespace_definition"),
        holders=_names("init_declarator"),
        blocks=_names("translation_unit compound_statement case_statement"),
        calls=_names("call_expression"),
    ),
    "zig": Grammar(
        comments=_names("comment"),
        functions=_names("function_declaration test_declaration"),
        classes=_names("struct_declaration union_declaration enum_declaration opaque_declaration"),
        spaces=frozenset(),
        holders=_names("variable_declaration"),
        blocks=_names("source_file block"),
        calls=_names("call_expression"),
    ),
}

FILES: Final = frozenset({"module", "program", "source_file", "translation_unit"})
"""Roots: what stands in them is a declaration of its own."""

STRINGS: Final = _names(
    "string string_literal raw_string_literal interpreted_string_literal template_string char_literal"
    " multiline_string string_content string_fragment escape_sequence regex heredoc_body"
    " raw_string_content interpreted_string_literal_content raw_string_literal_content jsx_text"
)
"""Texts within the code: what stands in them is no code."""
