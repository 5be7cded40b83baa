"""That the compiled validators and jsonschema accept and refuse the same bodies."""

import re
from collections.abc import Iterator, Sequence
from math import inf, nextafter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from chalicelib import schemas
from chalicelib.errors import InvalidBody
from chalicelib.schemas.compiled import VALIDATORS
from chalicelib.validation import check

type Schema = dict[str, Any]

SCHEMAS: dict[str, Schema] = {name: schemas.load(name) for name in schemas.REQUESTS}

deterministic = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def compiled_accepts(name: str, instance: object) -> bool:
    try:
        VALIDATORS[name](instance)
    except schemas.Refused:
        return False
    return True


def conforms(name: str, instance: object) -> bool:
    return Draft202012Validator(SCHEMAS[name]).is_valid(instance)


def agree_on(name: str, instance: object) -> None:
    accepted = compiled_accepts(name, instance)
    assert accepted == conforms(name, instance)
    if accepted:
        check(name, instance)
        return
    with pytest.raises(InvalidBody) as refusal:
        check(name, instance)
    assert 1 <= len(refusal.value.errors) <= 20


# --- every edge of every field -------------------------------------------------------------------

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 1.0, -1, 0.5, 1.5, -0.0, 1e308, 10**300),
    *("", "a", "a\n", "\na", "a ", "-a", "é", "a\N{ARABIC-INDIC DIGIT THREE}", "\0", "{0}"),
    *([], [None], ["a"], ["a", 1], {}, {"": ""}, {"a": 1}, {"a": "b"}),
)


def sizes(schema: Schema, of: str) -> Iterator[int]:
    limits = [schema[key] for key in (f"min{of}", f"max{of}") if key in schema]
    return (size for limit in limits for size in (limit - 1, limit, limit + 1) if size >= 0)


def sample(schema: Schema) -> Any:
    """Return a plain valid instance of a request's inner schema."""
    if schema["type"] != "object":
        return schema["examples"][0] if "examples" in schema else "a"
    return {name: sample(schema["properties"][name]) for name in schema.get("required", ())}


def edges(schema: Schema) -> Iterator[Any]:
    """Yield what lies on both sides of each limit that *schema* sets, at any depth."""
    yield from ODD
    yield from schema.get("enum", ())
    yield from ("a" * size for size in sizes(schema, "Length"))
    for key in {"minimum", "maximum", "exclusiveMinimum"} & schema.keys():
        limit = schema[key]
        yield from (limit - 1, limit, float(limit), limit + 1)
        yield from (nextafter(limit, -inf), nextafter(limit, inf))
    if "items" in schema:
        yield from ([sample(schema["items"])] * size for size in sizes(schema, "Items"))
        yield from ([each] for each in edges(schema["items"]))
    if "propertyNames" in schema and "properties" not in schema:
        yield from (dict.fromkeys(map(str, range(n)), "") for n in sizes(schema, "Properties"))
        yield from ({name: "a"} for name in edges(schema["propertyNames"]) if type(name) is str)
        yield from ({"a": each} for each in edges(schema["additionalProperties"]))
    if "properties" in schema:
        yield from altered(schema, sample(schema))


def altered(schema: Schema, body: Schema) -> Iterator[Schema]:
    yield {**body, "more": None}
    yield from ({key: body[key] for key in body if key != left} for left in body)
    for name, inner in schema["properties"].items():
        yield from ({**body, name: each} for each in edges(inner))


RICH = ("cloudevent", "event", "infer")
MORE = [name for name in schemas.REQUESTS if name not in {"event", "infer"}]
# Edges of edges: 10 s each.
LARGE = {"worker_finish"}
# Those of one plain shape are looked at closely where there is time.
EACH = [
    pytest.param(name, marks=[] if name in RICH else pytest.mark.slow) for name in schemas.REQUESTS
]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("infer", {}),
        ("infer", {"prompt": "a"}),
        ("infer", {"messages": [{"role": "user", "content": "a"}]}),
        ("event", {"event_type": "a", "payload": None, "source": "a"}),
        *(
            pytest.param(name, body, marks=[pytest.mark.slow] if name in LARGE else [])
            for name in MORE
            for body in SCHEMAS[name]["examples"]
        ),
    ],
)
def test_both_libraries_agree_on_every_edge_of_every_field(name: str, body: Schema) -> None:
    bodies = [*ODD, body, *altered(SCHEMAS[name], body)]

    for each in bodies:
        agree_on(name, each)


# --- bodies that nobody thought of ---------------------------------------------------------------

# An alphabet of its own: all of Unicode takes a second to load.
TEXT = st.text("aZ0._:/@-~ \n\0\x7fé\u2028\U0001f999{}$\\", max_size=6)
JUNK = st.one_of(
    st.sampled_from([None, True, False, 0, 1, -1, 1.0, 0.5, -0.0, 1e308, 10**300, 2**53]),
    st.sampled_from(["", "a", "a\n", "\n", "{0}", [], {}, [[]], ["a"], [1], {"": ""}, {"a": 1}]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=5,
    ),
)
SPOILS = ("{}\n", "\n{}", "{} ", "-{}", "{}é", "{}\N{ARABIC-INDIC DIGIT THREE}", "{}\0", "{}$")


class Maker:
    """Makes instances of a schema; a flawed one is off by a little in one place or two."""

    def __init__(self, draw: st.DrawFn, *, flawed: bool) -> None:
        self.draw = draw
        self.chances = 0
        self.taken = draw(st.sets(st.integers(1, 32), min_size=1, max_size=2)) if flawed else ()

    def one_in(self, times: int) -> bool:
        return self.draw(st.integers(1, times)) == 1

    def slips(self) -> bool:
        """Say whether to go wrong here: at chances chosen beforehand, so that all are as likely."""
        self.chances += 1
        return self.chances in self.taken

    def pick[T](self, choices: Sequence[T]) -> T:
        return self.draw(st.sampled_from(choices))

    def make(self, schema: Schema) -> Any:
        if "type" not in schema or self.slips():
            return self.draw(JUNK)
        kinds = schema["type"]
        kind = kinds if isinstance(kinds, str) else self.pick(kinds)
        return getattr(self, kind)(schema)

    def null(self, schema: Schema) -> None:
        del schema

    def boolean(self, schema: Schema) -> bool:
        del schema
        return self.draw(st.booleans())

    def size(self, least: int, most: int) -> int:
        long = most > 1000 and not self.one_in(9)
        sizes = [least, least + 1, 20] if long else [least, least + 1, most - 1, most]
        if self.slips():
            sizes = [max(least - 1, 0), most + 1]
        return self.pick(sizes)

    def string(self, schema: Schema) -> str:
        if "enum" in schema:
            return str(self.pick(schema["enum"]))
        size = self.size(schema.get("minLength", 0), schema.get("maxLength", 4))
        if "{" in schema.get("pattern", ""):
            text = str(schema["examples"][0])
        else:
            inner = "z9" if "not" in schema else "zZ9_- \n\0é\U0001f999{}"
            text = ("a" + self.draw(st.text(inner, max_size=6))).ljust(size, "x")[:size]
        if "not" in schema and re.search(schema["not"]["pattern"], text):
            text = str(schema["examples"][0])
        return self.pick(SPOILS).replace("{}", text) if self.slips() else text

    def number(self, schema: Schema) -> float:
        most = float(schema["maximum"])
        least: float = schema.get("minimum", nextafter(schema.get("exclusiveMinimum", 0), inf))
        if self.slips():
            return self.pick([least - 1.0, nextafter(least, -inf), nextafter(most, inf), True])
        inside = st.floats(least, most) | st.sampled_from([least, most, int(most)])
        return self.draw(inside)

    def integer(self, schema: Schema) -> float:
        least, most = int(schema["minimum"]), int(schema["maximum"])
        if self.slips():
            return self.pick([least - 1, most + 1, most - 0.5, 1.5, True])
        return self.draw(st.integers(least, most) | st.sampled_from([least, most, 1, 1.0]))

    def array(self, schema: Schema) -> list[Any]:
        size = self.size(schema.get("minItems", 0), min(schema.get("maxItems", 3), 300))
        made = [self.make(schema.get("items", {})) for _ in range(min(size, 3))]
        return (made * size)[:size]

    def object(self, schema: Schema) -> dict[str, Any]:
        known = schema.get("properties", {})
        left_out = self.alternatives(schema)
        members = {
            name: self.make(each)
            for name, each in known.items()
            if name not in left_out and self.wants(name, schema)
        }
        if isinstance(schema.get("additionalProperties"), dict):
            size = self.size(0, schema["maxProperties"] - len(members))
            names = [self.string(schema["propertyNames"]) for _ in range(min(size, 2))]
            names += [str(number) for number in range(size)]
            members |= {name: self.make(schema["additionalProperties"]) for name in names[:size]}
        if self.slips():
            members[self.pick(["surprise", "", "Prompt", "a/b~", "{0}"])] = None
        return members

    def alternatives(self, schema: Schema) -> set[str]:
        """Choose all alternatives of a oneOf but one; with a slip, all or none."""
        names = [choice["required"][0] for choice in schema.get("oneOf", ())]
        if not names or self.slips():
            return set(names) if self.one_in(2) else set()
        return set(names) - {self.pick(names)}

    def wants(self, name: str, schema: Schema) -> bool:
        needed = [*schema.get("required", ())]
        needed += [choice["required"][0] for choice in schema.get("oneOf", ())]
        return not self.slips() if name in needed else self.one_in(2)


@st.composite
def instances(draw: st.DrawFn, name: str, *, flawed: bool) -> Any:
    return Maker(draw, flawed=flawed).make(SCHEMAS[name])


@pytest.mark.parametrize("name", EACH)
@settings(deterministic, max_examples=60)
@given(data=st.data())
def test_valid_bodies_are_accepted_by_both_libraries(name: str, data: st.DataObject) -> None:
    instance = data.draw(instances(name, flawed=False))

    assert compiled_accepts(name, instance)
    assert conforms(name, instance)


@pytest.mark.parametrize("name", EACH)
@settings(deterministic, max_examples=100)
@given(data=st.data())
def test_both_libraries_agree_on_bodies_near_the_schema(name: str, data: st.DataObject) -> None:
    agree_on(name, data.draw(instances(name, flawed=True)))


@pytest.mark.slow
@pytest.mark.parametrize("name", RICH)
@settings(deterministic, max_examples=3000)
@given(data=st.data())
def test_both_libraries_agree_on_many_bodies(name: str, data: st.DataObject) -> None:
    agree_on(name, data.draw(instances(name, flawed=True)))
