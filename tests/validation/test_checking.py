"""What is found in a fill: in the file as it would be, and against what is asked of it."""

from __future__ import annotations

import pytest

from maze_tasks.errors import Failure, Refused
from maze_tasks.models import ConstraintIR, FillConstraint, Grammar, Hole, HoleSpec, HoleState, RegexPattern, TokenMasks
from maze_tasks.models.constraints import TypeInhabitationData
from maze_tasks.validation import MAX_FILL_CHARS, Fill, Finding, check, take_apart, trees, verdict
from tests.validation.holes import hole

BODY = hole('import os\n\n\ndef f(x):\n    """Doc."""\n', "\n\ndef g():\n    return f(1)\n")
VALUE = hole("def f(a, b):\n    return ", "\n")
KOTLIN = hole("fun f() {\n", "}\n", "kotlin")


def errors(code: str, of: Hole, **known: str) -> list[Finding]:
    return [one for one in check(Fill(code), of, **known) if one.severity == "error"]


def notes(code: str, of: Hole) -> list[tuple[str, str]]:
    return [(one.check, one.message) for one in check(Fill(code), of) if one.severity == "note"]


def with_demands(of: Hole, *demands: tuple[str, str]) -> Hole:
    constraints = tuple(FillConstraint(kind=kind, value=value) for kind, value in demands)
    return of.model_copy(update={"spec": HoleSpec(hole_id=1, fill_constraints=constraints)})


@pytest.mark.parametrize(
    ("code", "kind", "line", "column"),
    [
        ("    return (x\n", "syntax", 1, None),
        ("    y = 1\n    return x x\n", "syntax", 2, None),
        ("    print 'x'\n", "syntax", 1, None),
        ("    return 1 = x\n", "syntax", 1, None),
        ("    nonlocal y\n", "syntax", 1, 5),
        ("    y = 1\n  return y\n", "surroundings", 2, 3),
        ("    return x\n\n\ndef helper():\n    return 1\n", "surroundings", 4, 1),
        ("    return x\n\nK = 1\n", "surroundings", 3, 1),
        ("return x\n", "surroundings", 1, 1),
        ("def f(x):\n    return x\n", "surroundings", 1, 1),
        ("    def f(x):\n        return x\n", "body", None, None),
        ("    class A:\n        pass\n", "body", None, None),
        ("    # nothing\n", "empty", None, None),
        ("    return '''\n", "syntax", 1, None),
    ],
)
def test_a_fill_that_breaks_the_file_is_rejected_where_it_does(
    code: str, kind: str, line: int | None, column: int | None
) -> None:
    first = errors(code, BODY)[0]
    assert (first.check, first.path) == (kind, None)
    if line is not None:
        assert first.line == line
    if column is not None:
        assert first.column == column


def test_a_place_in_the_fill_is_a_place_in_the_file() -> None:
    of = BODY.model_copy(update={"path": "src/a.py"})
    (found,) = errors("    y = 'ä'; return y y\n", of)
    assert (found.line, found.file_line) == (1, 6)
    assert str(found).startswith(f"line 1, column {found.column} (src/a.py:6): ")


def test_else_belongs_to_what_is_around_the_hole() -> None:
    of = hole("def f(a):\n    if a:\n", "    return 1\n")
    assert errors("        b = 1\n", of) == []
    assert errors("        b = 1\n    else:\n        b = 2\n", of)[0].check == "surroundings"


def test_what_binds_tighter_around_is_found() -> None:
    of = hole("x = 2 * ", "\n")
    assert errors("(a + b)", of) == []
    assert errors("a + b", of)[0].check == "surroundings"


def test_what_python_reads_and_its_grammar_does_not_is_no_error() -> None:
    code = "    if (x and\n  (x or 1)):\n        return 1\n"
    assert errors(code, BODY) == []


def test_faults_that_the_file_has_already_are_not_the_fill_s() -> None:
    of = hole("def a(:\n    return 1\n\n\ndef f(x):\n    'Doc.'\n", "\n\ndef g(:\n    return 2\n")
    assert errors("    return x\n", of) == []
    assert errors("    return (x\n", of) != []


def test_a_fault_that_shows_behind_the_fill_has_no_place_in_it() -> None:
    of = hole("K = 1\n\n\ndef f(x):\n    'Doc.'\n", "    global K\n    K = x\n")
    (found,) = errors("    print(K)\n", of)
    assert (found.check, found.line) == ("syntax", None)
    assert "global" in found.message


def test_what_takes_too_long_to_read_is_rejected_and_a_file_that_does_is_not_judged() -> None:
    joined = "    x = 1" + "\\\n" * 600
    assert [one.check for one in errors(joined, BODY)] == ["syntax"]
    assert check(Fill("    return (x\n"), hole(f"{joined}\n\ndef f(x):\n", "")) == ()


def test_without_the_grammars_nothing_is_judged_by_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> object:
        raise Refused("reading python needs its grammar")

    monkeypatch.setattr(trees, "parse", missing)
    of = hole("def g(y):\n", "    return 2\n")
    assert check(Fill("    return (x\n"), of) == ()
    assert take_apart("```\n    return x\n```", of) == Fill("    return x\n", altered=True)


def test_at_the_place_of_a_new_member_only_definitions_fit() -> None:
    of = hole("class A:\n    def f(self):\n        return 1\n\n", "\n    def h(self):\n        return 3\n")
    assert errors("    def g(self):\n        return 2\n", of) == []
    assert [one.check for one in errors("    x = 1\n", of)] == ["surroundings"]


def test_without_code_around_a_fault_is_but_a_note() -> None:
    assert errors("return (", hole(None, None, "python")) == []
    assert notes("return (", hole(None, None, "python"))[0][0] == "syntax"
    assert check(Fill("anything at all"), hole(None, None, None)) == ()
    assert check(Fill("anything at all"), KOTLIN) == ()


@pytest.mark.parametrize(
    ("reason", "kind"), [("length", "truncated"), ("max_tokens", "truncated"), ("content_filter", "filtered")]
)
def test_a_reply_that_was_cut_off_is_rejected(reason: str, kind: str) -> None:
    assert [one.check for one in errors("    return x\n", BODY, finish_reason=reason)] == [kind]


@pytest.mark.parametrize("reason", [None, "stop", "eos", "tool_calls"])
def test_other_ends_say_nothing(reason: str | None) -> None:
    assert check(Fill("    return x\n"), BODY, finish_reason=reason) == ()


def test_nothing_and_too_much_are_rejected_by_name() -> None:
    assert [one.check for one in check(Fill(" \n"), BODY)] == ["empty"]
    assert [one.check for one in check(Fill("x" * (MAX_FILL_CHARS + 1)), BODY)] == ["too_large"]


def test_the_verdict_names_the_first_error_and_tells_a_few() -> None:
    note = Finding("style", "a note", severity="note")
    many = [Finding("syntax", f"number {n}", n, 1) for n in range(1, 9)]
    assert verdict([note]) is None
    failure = verdict([note, *many])
    assert failure == Failure(
        "syntax", "line 1, column 1: number 1; line 2, column 1: number 2; line 3, column 1: number 3"
    )
    long = verdict([Finding("syntax", "x" * 2000)])
    assert long is not None
    assert len(long.message) == 500


@pytest.mark.parametrize(
    ("pattern", "flags", "fits"),
    [
        ("return", "", True),
        ("^return x$", "", True),  # white space at the ends belongs to the place
        ("RETURN", "", False),
        ("RETURN", "i", True),
        ("RETURN", "IGNORECASE", True),
        ("", "", True),
        ("(", "", True),  # cannot be read: not judged
        ("yield", "g", False),
    ],
)
def test_a_pattern_is_searched_in_the_fill(pattern: str, flags: str, fits: bool) -> None:
    held = ConstraintIR(regex_patterns=(RegexPattern(pattern=pattern, flags=flags),))
    of = BODY.model_copy(update={"constraints": (held,)})
    assert [one.check for one in errors("    return x\n", of)] == ([] if fits else ["pattern"])


def test_a_demanded_pattern_says_what_the_hole_says_of_it() -> None:
    demand = FillConstraint(kind="must_match_pattern", value="yield", error_message="it is a generator")
    of = BODY.model_copy(update={"spec": HoleSpec(hole_id=1, fill_constraints=(demand,))})
    (found,) = errors("    return x\n", of)
    assert found == Finding("pattern", "the fill does not match yield: it is a generator")
    assert errors("    yield x\n", of) == []


@pytest.mark.parametrize(
    "kind", ["must_terminate", "must_be_pure", "must_satisfy_predicate", "style", "generic", "own"]
)
def test_what_cannot_be_judged_here_is_a_note(kind: str) -> None:
    of = with_demands(BODY, (kind, "so"))
    assert notes("    return x\n", of) == [("constraint", f"not judged: {kind}: so")]


def test_a_grammar_is_not_judged() -> None:
    of = BODY.model_copy(update={"spec": HoleSpec(hole_id=1, fill_grammar=Grammar(rules=(), start_symbol="s"))})
    assert [kind for kind, _ in notes("    return x\n", of)] == ["grammar"]


def test_masks_of_tokens_are_never_applied_but_mark_a_hole_as_sensitive() -> None:
    held = ConstraintIR(token_masks=TokenMasks(allowed_tokens=(), forbidden_tokens=(1, 2)))
    of = BODY.model_copy(update={"constraints": (held,)})
    assert check(Fill("    return x\n"), of) == ()
    assert notes("    return os.system(x)\n", of) == [("security", "worth a look: os.system(x)")]
    assert notes("    return os.system(x)\n", BODY) == []


def test_a_hole_with_a_demand_of_security_is_looked_at_in_other_languages() -> None:
    of = with_demands(hole("fn f() {\n", "}\n", "rust"), ("security", "no unsafe"))
    assert notes("    unsafe { g() }\n", of) == [("security", "worth a look: an unsafe block")]
    assert notes("    g()\n", with_demands(KOTLIN, ("security", ""))) == []


@pytest.mark.parametrize(
    ("code", "wanted", "found"),
    [
        ("1", "str", "error"),
        ("'a'", "str", None),
        ("1", "float", None),
        ("True", "int", None),
        ("1.5", "int", "error"),
        ("None", "Optional[int]", None),
        ("None", "int | None", None),
        ("None", "int", "error"),
        ("[1]", "list[int]", None),
        ("[x for x in y]", "List[int]", None),
        ("{1: 2}", "dict[int, int]", None),
        ("{1}", "dict[int, int]", "error"),
        ("-1", "Union[str, int]", None),
        ("not a", "bool", None),
        ("f'{a}'", "str", None),
        ("(1, 2)", "tuple[int, int]", None),
        ("g(a)", "int", "note"),
        ("...", "int", "note"),
        ("1", "Decimal", "note"),
        ("a +", "int", "note"),
    ],
)
def test_a_literal_has_a_type_and_anything_else_is_not_judged(code: str, wanted: str, found: str | None) -> None:
    kinds = [
        one.severity
        for one in check(Fill(code), with_demands(VALUE, ("must_have_type", wanted)))
        if one.check == "type"
    ]
    if found is None:
        assert kinds == []
    else:
        assert kinds == [found]


def test_types_come_from_the_state_and_from_constraints_too() -> None:
    goal = ConstraintIR(type_inhabitation=TypeInhabitationData(goal_type="str", language="python"))
    of = VALUE.model_copy(update={"constraints": (goal,)})
    assert [one.check for one in errors("1", of)] == ["type"]
    state = HoleState(id=1, scale="nano", origin="a.py:2:1", expected_type="str", status="Pending")
    assert [one.check for one in errors("1", VALUE.model_copy(update={"state": state}))] == ["type"]
    assert check(Fill("g()"), hole("import g\nx = ", "\n").model_copy(update={"state": state})) == ()
    other = ConstraintIR(type_inhabitation=TypeInhabitationData(goal_type="string", language="typescript"))
    assert errors("1", VALUE.model_copy(update={"constraints": (other,)})) == []


def test_a_body_s_type_is_not_judged() -> None:
    assert notes("    return x\n", with_demands(BODY, ("must_have_type", "str")))[0][0] == "type"


def test_an_import_that_found_no_place_is_an_error_where_nothing_else_has_its_name() -> None:
    fill = Fill("re.compile('a')", ("import re",))
    assert [one.check for one in check(fill, hole("x = ", "\n")) if one.severity == "error"] == ["imports"]
    known = check(fill, hole("import re\nx = ", "\n"))
    assert [one.severity for one in known] == ["note"]
    star = check(Fill("cast(x)", ("from typing import *",)), hole("y = ", "\n"))
    assert {one.severity for one in star} == {"note"}


def test_every_way_to_bind_a_name_is_one() -> None:
    code = """    global q
    match x:
        case {"a": a, **rest}:
            pass
        case [b, *more] as whole:
            pass
    with x as c, x as (d, e):
        pass
    try:
        pass
    except ValueError as error:
        print(error)
    for i, j in x:
        pass
    def inner(k, *args, m=1, **options):
        return k, args, m, options
    if (n := x):
        pass
    return a, b, c, d, e, i, j, n, q, rest, more, whole, inner, [o for o in x], lambda p: p
"""
    assert check(Fill(code), BODY) == ()


def test_modules_that_are_not_known_to_be_there_are_a_note() -> None:
    code = "    import numpy as np\n    import json\n    from . import part\n    return np.zeros(json, part)\n"
    assert [message for kind, message in notes(code, BODY) if kind == "imports"] == [
        "the module `numpy` is neither python's own nor imported here"
    ]
    known = hole("import numpy\n\n\ndef f(x):\n", "")
    assert notes("    import numpy.linalg\n    return numpy.linalg\n", known) == []


def test_names_that_nothing_defines_are_a_note() -> None:
    code = "    y = x\n    return [math.pi, y, os, g, len(y), z for z in y]\n".replace(
        "z for z in y", "*(z for z in y)"
    )
    assert notes(code, BODY) == [("names", "nothing defines `math`")]
    assert notes("    return math\n", hole("from m import *\n\ndef f(x):\n", "")) == []
