"""Names that a fill must use or must not."""

from __future__ import annotations

import pytest

from maze_tasks.models import FillConstraint, Hole, HoleSpec
from maze_tasks.validation import Fill, Finding, check
from tests.validation.holes import hole

PYTHON = "python"
BODIES = {
    "python": ("def f(x):\n", ""),
    "rust": ("fn f() {\n", "}\n"),
    "cpp": ("void f() {\n", "}\n"),
    "typescript": ("function f() {\n", "}\n"),
    "kotlin": ("fun f() {\n", "}\n"),
}


def found(code: str, language: str, kind: str, value: str, message: str | None = None) -> list[Finding]:
    demand = FillConstraint(kind=kind, value=value, error_message=message)
    of: Hole = hole(*BODIES[language], language)
    of = of.model_copy(update={"spec": HoleSpec(hole_id=1, fill_constraints=(demand,))})
    return [one for one in check(Fill(code), of) if one.check == "binding"]


USES = [
    ("python", "    return helper(x)\n", "helper"),
    ("python", "    return self.helper(x)\n", "helper"),
    ("python", "    return self.helper(x)\n", "self.helper"),
    ("python", "    return f'{helper}'\n", "helper"),
    ("python", "    import helper\n    return 1\n", "helper"),
    ("python", "    return helper(x)\n", "helper: int"),
    ("python", "    return helper(x)\n", "helper()"),
    ("rust", "    std::mem::swap(a, b);\n", "std::mem::swap"),
    ("rust", '    println!("{}", helper);\n', "println!"),
    ("rust", "    self.helper();\n", "self.helper"),
    ("cpp", "    a->helper();\n", "a->helper"),
    ("typescript", "  return this.helper(`${x}`);\n", "this.helper"),
]
UNUSED = [
    ("python", "    return 'helper'  # helper\n", "helper"),
    ("python", "    return helpers(x)\n", "helper"),
    ("python", "    return g(helper=x)\n", "helper"),
    ("python", "    return other.helper(x)\n", "self.helper"),
    ("rust", '    println!("helper"); // helper\n', "helper"),
    ("cpp", "    b->helper();\n", "a->helper"),
]


@pytest.mark.parametrize(("language", "code", "name"), USES)
def test_a_use_of_a_name_is_seen(language: str, code: str, name: str) -> None:
    assert found(code, language, "must_use_binding", name) == []


@pytest.mark.parametrize(("language", "code", "name"), UNUSED)
def test_a_word_that_is_no_use_is_not(language: str, code: str, name: str) -> None:
    (one,) = found(code, language, "must_use_binding", name)
    assert one.severity == "error"
    assert found(code, language, "must_not_use_binding", name) == []


def test_a_forbidden_name_is_found_where_it_stands() -> None:
    (one,) = found("    y = 1\n    return eval(y)\n", PYTHON, "must_not_use_binding", "eval", "it runs anything")
    assert (one.message, one.line, one.column) == ("`eval` is used: it runs anything", 2, 12)


def test_a_member_is_not_the_forbidden_name() -> None:
    assert found("    return model.eval(x)\n", PYTHON, "must_not_use_binding", "eval") == []
    assert len(found("    return self.secret\n", PYTHON, "must_not_use_binding", "self.secret")) == 1


def test_without_a_tree_only_absence_is_certain() -> None:
    assert found("helper()", "kotlin", "must_use_binding", "helper") == []
    assert [one.severity for one in found("other()", "kotlin", "must_use_binding", "helper")] == ["error"]
    assert [one.severity for one in found('"helper"', "kotlin", "must_not_use_binding", "helper")] == ["note"]
    assert found("other()", "kotlin", "must_not_use_binding", "helper") == []


def test_what_is_no_name_is_not_judged() -> None:
    assert [one.severity for one in found("    return 1\n", PYTHON, "must_use_binding", "a + b")] == ["note"]


PARAMETER = [
    ("python", "    return other.x\n"),
    ("python", "    x = 3\n    return 3\n"),
    ("python", "    for x in [1]:\n        print(1)\n"),
    ("python", "    def x(): return 1\n    return 2\n"),
    ("python", "    return f(lambda x: 1)\n"),
    ("typescript", "  return g({x: 1});\n"),
    ("typescript", "  return g(/x/);\n"),
    ("typescript", "  return p.x;\n"),
    ("typescript", "  x = 1;\n"),
    ("rust", "    let x = 3; 1\n"),
    ("rust", "    p.x\n"),
]
OF_X = {
    "python": ("def f(x):\n", ""),
    "typescript": ("function f(x: any) {\n", "}\n"),
    "rust": ("fn f(x: u8) -> u8 {\n", "}\n"),
}


@pytest.mark.parametrize(("language", "code"), PARAMETER)
def test_a_parameter_is_used_where_it_is_read(language: str, code: str) -> None:
    demand = FillConstraint(kind="must_use_binding", value="x")
    of = hole(*OF_X[language], language).model_copy(update={"spec": HoleSpec(hole_id=1, fill_constraints=(demand,))})
    assert [one.message for one in check(Fill(code), of) if one.check == "binding"] == ["`x` is not used"]


HIDDEN = [
    ("python", "    import builtins\n    return builtins.eval(x)\n", "eval"),
    ("python", "    return __builtins__.eval(x)\n", "eval"),
    ("python", "    return getattr(__builtins__, 'eval')(x)\n", "eval"),
    ("python", "    return \uff45\uff56\uff41\uff4c(x)\n", "eval"),
    ("python", "    from os import system\n    return system(x)\n", "os.system"),
    ("python", "    from os import *\n    return system(x)\n", "os.system"),
    ("python", "    import os as o\n    return o.system(x)\n", "os.system"),
    ("python", "    import os\n    o = os\n    return o.system(x)\n", "os.system"),
    ("python", "    return __import__('os').system(x)\n", "os"),
    ("python", "    x.sort()\n    return x\n", "sort"),
    ("rust", "    Some(1).unwrap()\n", "unwrap"),
    ("rust", "    unsafe { g() }\n", "unsafe"),
    ("typescript", "  return globalThis.eval(x);\n", "eval"),
    ("typescript", "  return \\u0065val(x);\n", "eval"),
]


@pytest.mark.parametrize(("language", "code", "name"), HIDDEN)
def test_a_forbidden_name_is_found_however_it_is_written(language: str, code: str, name: str) -> None:
    assert [one.severity for one in found(code, language, "must_not_use_binding", name)] == ["error"]


@pytest.mark.parametrize(
    ("language", "code", "name"),
    [
        ("python", "    import os\n    return os.getcwd()\n", "os.system"),
        ("python", "    x.eval()\n", "eval"),
        ("python", "    from mine import system\n    return system(x)\n", "os.system"),
        ("typescript", "  return model.eval(x);\n", "eval"),
        ("typescript", "  return f({eval: 1});\n", "eval"),
    ],
)
def test_what_only_shares_a_word_with_a_forbidden_name_is_not_it(language: str, code: str, name: str) -> None:
    assert found(code, language, "must_not_use_binding", name) == []
