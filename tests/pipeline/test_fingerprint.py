"""The hash of a job's code: which definitions a function reaches, and which changes alter the hash."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pipeline import definitions
from pipeline.code_hash import definitions_hash, key_of, reached
from pipeline.definitions import Key, Read
from schemas.errors import RejectedError
from tests.built_city import one_line

Toy = Callable[..., str]
_number = count()


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toy]:
    """Writes a new package with the given modules, in which ``toy`` stands for its name; returns the name."""
    names: list[str] = []
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(**modules: str) -> str:
        name = f"toy_{next(_number)}"
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        for module, text in modules.items():
            (tmp_path / name / f"{module}.py").write_text(text.replace("toy", name), encoding="utf-8")
        names.append(name)
        monkeypatch.setattr(definitions, "OURS", ("jobs", "schemas", *names))
        importlib.invalidate_caches()
        return name

    yield write


def names(package: str, start: str = "job.transform") -> set[str]:
    """What the function reaches, by module and name, without the function itself."""
    module, _, name = start.rpartition(".")
    begin = Key(f"{package}.{module}", name)
    found = reached(begin)
    assert found.faults == ()
    return {
        ".".join((key.module.removeprefix(f"{package}."), key.name)) for key in found.definitions - {begin}
    }


def hashed(package: str) -> str:
    return definitions_hash(Key(f"{package}.job", "transform"))


# --- what is reached -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "job",
    [
        "from toy.parts import used\ndef transform(): return used()",
        "from toy.parts import used as other\ndef transform(): return other()",
        "import toy.parts\ndef transform(): return toy.parts.used()",
        "import toy.parts as p\ndef transform(): return p.used()",
        "from toy import parts\ndef transform(): return parts.used()",
        "from . import parts\ndef transform(): return parts.used()",
        "from .parts import used\ndef transform(): return [used() for _ in range(2)]",
        "def transform():\n    from toy.parts import used\n    return used()",
        "def transform():\n    import toy.parts as p\n    return (lambda: p.used())()",
        "from toy.front import used\ndef transform(): return map(used, [])",
        "from toy.parts import used\ndef transform(to=used): return to()",
        "from toy.parts import used\n@used\ndef transform(): return 1",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from toy.parts import used\n"
        "def transform() -> used: return 1",
    ],
)
def test_names_are_followed_however_they_are_imported(toy: Toy, job: str) -> None:
    package = toy(
        job=job,
        front="from toy.parts import used\n",
        parts="def used(): return deeper()\ndef deeper(): return 1\ndef unused(): return 2\n",
    )
    assert names(package) == {"parts.used", "parts.deeper"}


@pytest.mark.parametrize(
    "body",
    [
        "def transform(used): return used",
        "def transform(*used, **more): return used",
        "def transform():\n    used = 1\n    return used",
        "def transform(): return [used for used in range(3)]",
        "def transform(): return (lambda used: used)(1)",
        "def transform():\n    def used(): return 1\n    return used()",
        "def transform(x): return x.used, dict(used=1), 'used'",
        "def transform(x):\n    match x:\n        case [used, *_]: return used",
        "def transform():\n    for used, _ in []: pass\n    return used",
        "def transform():\n    try: pass\n    except ValueError as used: return used",
        "def transform():\n    return [(used := 1), used]",
    ],
)
def test_local_names_are_not_followed(toy: Toy, body: str) -> None:
    package = toy(job=f"from toy.parts import used\n{body}\n", parts="def used(): return 1\n")
    assert names(package) == set()


def test_a_name_that_is_local_to_a_part_of_the_function_is_followed_elsewhere(toy: Toy) -> None:
    package = toy(
        job="from toy.parts import used\ndef transform(): return [used for used in ()], used()\n",
        parts="def used(): return 1\n",
    )
    assert names(package) == {"parts.used"}


def test_recursion_ends(toy: Toy) -> None:
    package = toy(
        job="from toy.parts import one\ndef transform(n): return one(n) + transform(n)\n",
        parts="def one(n): return other(n)\ndef other(n): return one(n)\n",
    )
    assert names(package) == {"parts.one", "parts.other"}
    assert hashed(package)


def test_only_methods_that_are_read_count_of_a_class_that_an_annotation_names(toy: Toy) -> None:
    package = toy(
        job="from toy.rules import Rules\ndef transform(rules: Rules): return rules.lists[0].weight\n",
        rules="""
class Base:
    @property
    def lists(self): return [Part()]
    def told(self): return words()
class Rules(Base):
    def __init__(self): self.parts = start()
    def other(self): return words()
class Part:
    weight: int = 1
    def word(self): return words()
def start(): return 1
def words(): return 2
""",
    )
    assert names(package) == {
        "rules.Rules", "rules.Rules.__init__", "rules.start", "rules.Base", "rules.Base.lists", "rules.Part",
    }  # fmt: skip


def test_an_attribute_that_is_read_by_its_name_counts_as_read(toy: Toy) -> None:
    rules = "class Rules:\n    def one(self): return 1\n    def other(self): return 2\n"
    job = "from toy.rules import Rules\nNAME = 'one'\ndef transform(rules: Rules): return getattr(rules, NAME)()\n"
    assert names(toy(job=job, rules=rules)) == {"job.NAME", "rules.Rules", "rules.Rules.one"}


def test_validators_do_not_count(toy: Toy) -> None:
    package = toy(
        job="from toy.rules import Rules\ndef transform(rules: Rules): return rules.checked\n",
        rules="""
from pydantic import BaseModel, model_validator
class Rules(BaseModel):
    weight: int
    @model_validator(mode="after")
    def checked(self): return known(self)
def known(rules): return rules
""",
    )
    assert names(package) == {"rules.Rules"}


def test_a_module_that_is_passed_on_counts_completely(toy: Toy) -> None:
    package = toy(
        job="from toy import parts\ndef transform(): return vars(parts)\n", parts="A = 1\ndef b(): return 2\n"
    )
    assert names(package) == {"parts.A", "parts.b"}


# --- which changes alter the hash ----------------------------------------------------------------------------------

JOB = """
from toy.parts import LIMIT, total
def transform(rows):
    return total(rows) > LIMIT
"""
PARTS = """
from decimal import Decimal
from math import floor
LIMIT = Decimal("1.5")
OPERATORS = {"add": lambda a, b: a + b}
def total(rows: list[int]) -> int:
    return OPERATORS["add"](floor(rows[0]), 1)
def unused(): return 2
"""


@pytest.mark.parametrize(
    ("job", "parts"),
    [
        (JOB, PARTS.replace("def unused(): return 2\n", "def unused(): return 3\nMORE = 4\n")),
        (JOB, PARTS.replace("return OP", "# why\n    return OP").replace("int:\n", "int:\n    '''What it is.'''\n")),
        (JOB, PARTS.replace("rows: list[int]) -> int", "rows)")),
        (JOB, PARTS.replace('Decimal("1.5")', 'Decimal("0.5") + 1')),
        (JOB, PARTS.replace("floor(rows[0]), 1)", "floor(\n        rows[0]\n    ), 1)")),
        (JOB.replace("import LIMIT, total", "import LIMIT, total as summed").replace("total(", "summed("), PARTS),
        (JOB.replace("from toy.parts import LIMIT, total", "from toy import parts").replace("total(", "parts.total(")
         .replace("LIMIT", "parts.LIMIT"), PARTS),
    ],
)  # fmt: skip
def test_edits_that_compute_no_row_keep_the_hash(toy: Toy, job: str, parts: str) -> None:
    assert (job, parts) != (JOB, PARTS)
    assert hashed(toy(job=job, parts=parts)) == hashed(toy(job=JOB, parts=PARTS))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"1.5"', '"1.6"'),
        ("a + b", "a - b"),
        ("floor(rows[0]), 1", "floor(rows[0]), 2"),
        ("from math import floor", "from math import ceil as floor"),
        ("def total(rows: list[int])", "@staticmethod\ndef total(rows: list[int])"),
        ("def total(rows: list[int])", "def total(rows: list[int], more=())"),
        ("LIMIT = ", "LIMIT = -"),
        ("def unused", "OPERATORS['add'] = OPERATORS['mul'] = 1\ndef unused"),
    ],
)
def test_edits_of_what_computes_rows_alter_the_hash(toy: Toy, old: str, new: str) -> None:
    assert old in PARTS
    assert hashed(toy(job=JOB, parts=PARTS.replace(old, new, 1))) != hashed(toy(job=JOB, parts=PARTS))


def test_a_definition_may_move(toy: Toy) -> None:
    other = toy(
        job=JOB.replace(
            "toy.parts import LIMIT, total", "toy.sums import total\nfrom toy.limits import LIMIT"
        ),
        limits="unused = 1\nLIMIT = sum([1.5])\n".replace(
            "sum([1.5])", "__import__('decimal').Decimal('1.5')"
        ),
        sums="from math import floor\n"
        'def total(rows):\n    return OPERATORS["add"](floor(rows[0]), 1)\n'
        'OPERATORS = {"add": lambda a, b: a + b}\n',
    )
    assert hashed(other) == hashed(toy(job=JOB, parts=PARTS))


def test_a_name_that_stands_for_another_function_alters_the_hash(toy: Toy) -> None:
    """Both functions are reached either way; who calls which differs."""

    def package(one: str, other: str) -> str:
        job = f"from toy.{one} import total\nfrom toy.{other} import more\ndef transform(): return total() + more()\n"
        texts = {"first": "return 1", "second": "return 2"}
        more = "from toy.{0} import total\ndef more(): return total()\n"
        return toy(
            job=job.replace(f"toy.{other} import more", f"toy.more_{other} import more"),
            more_first=more.format("first"),
            more_second=more.format("second"),
            **{name: f"def total(): {text}\n" for name, text in texts.items()},
        )

    assert hashed(package("first", "second")) != hashed(package("second", "first"))


def test_a_constant_counts_by_value_however_it_is_computed(toy: Toy) -> None:
    by_hand = 'TITLES = {"A": "one", "B": {"two": (1, None)}}\n'
    made = """
import json
def read(): return json.loads('{"A": "one"}')
TITLES = {**read(), "B": {"two": (1, None)}}
"""
    other = made.replace("(1, None)", "(1, 0)")
    one, two, three = (
        toy(job="from toy.parts import TITLES\ndef transform(): return TITLES\n", parts=parts)
        for parts in (by_hand, made, other)
    )
    assert names(one) == names(two) == {"parts.TITLES"}
    assert hashed(one) == hashed(two) != hashed(three)


def test_sets_have_no_order_and_mappings_have(toy: Toy) -> None:
    def of(value: str) -> str:
        return hashed(toy(job=f"KNOWN = {value}\ndef transform(): return KNOWN\n"))

    assert of("{'b', 'a'}") == of("frozenset({'a', 'b'})")
    assert of("{'b': 1, 'a': 2}") != of("{'a': 2, 'b': 1}")
    assert len({of("1"), of("'1'"), of("True"), of("1.0")}) == 4


# --- data ------------------------------------------------------------------------------------------------


def test_accessors_are_data_by_name(toy: Toy) -> None:
    package = toy(
        job="""
from schemas import contract as definitions
from schemas.contract import code_list, contract, units
FEED = "gov_tax"
def transform(rules: definitions.Contract):
    return contract(f"raw.{FEED}").columns, code_list("dis" + "trict"), units(), definitions.code_list(name=LIST)
LIST = "level"
"""
    )
    found = reached(Key(f"{package}.job", "transform"))
    assert found.faults == ()
    assert found.reads == {
        Read("contract", "raw.gov_tax"), Read("code_list", "district"), Read("code_list", "level"), Read("units", ""),
    }  # fmt: skip
    assert {key.name for key in found.definitions} == {"transform"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            "def transform(name): return code_list(name)",
            "job.py:2: code_list(name): the name is known only at run time",
        ),
        ("def transform(): return map(code_list, ['a'])", "job.py:2: code_list is passed on uncalled"),
        (
            "def transform(x, n): return getattr(x, n)",
            "job.py:2: getattr(x, n): the name is known only at run time",
        ),
        ("def transform(): return feeds()", "job.transform reads definitions without naming them"),
        ("def transform(): return read()\ndef read(): return contracts()", "job.read reads definitions"),
        ("def transform(): return lost()", "job.py:2: lost is not defined"),
        (
            "def transform():\n    from schemas.contract import gone\n    return gone",
            "schemas.contract has no gone",
        ),
    ],
)
def test_what_cannot_be_resolved_is_refused_in_one_line(toy: Toy, body: str, says: str) -> None:
    package = toy(job=f"from schemas.contract import code_list, contracts, feeds\n{body}\n")
    with pytest.raises(RejectedError) as refused:
        hashed(package)
    assert says in one_line(refused.value)


def test_a_function_outside_the_top_level_is_refused() -> None:
    def transform() -> Any: ...

    for function in (transform, lambda: 1, partial(transform)):
        with pytest.raises(RejectedError, match="is not defined at module level"):
            definitions_hash(key_of(function))
