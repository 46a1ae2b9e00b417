"""What is dumped is read back as the same values, and a diff carried out gives what was wanted."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from flowctl.errors import RecipeError
from flowctl.model.flow import (
    AgentSpec,
    Catchup,
    DeploymentSpec,
    Join,
    JoinMode,
    NetworkSpec,
    PlugKind,
    PlugSpec,
    ProcessorSpec,
    QueueLimits,
    Rate,
    RateScope,
    Retry,
    Scale,
    Schedule,
    SocketSpec,
    Source,
    SourceKind,
    Track,
)
from flowctl.model.naming import plug_name
from flowctl.model.nodes import SOURCELESS, Inline, InlineKind, ProcessorType
from flowctl.recipe.build import in_order
from flowctl.recipe.diff import apply_changes, diff
from flowctl.recipe.dump import dump
from flowctl.recipe.nodes import no_source
from flowctl.recipe.parse import parse
from flowctl.recipe.read import json_text
from flowctl.recipe.units import (
    LONGEST,
    duration_text,
    parse_duration,
    parse_rate,
    parse_size,
    rate_text,
    size_text,
)

NODES = (
    ProcessorType.TASK,
    ProcessorType.ROUTER,
    ProcessorType.GATE,
    ProcessorType.DATA,
    ProcessorType.SCHEMA,
)
unhurried = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])

names = st.from_regex(r"[a-z][a-z0-9_-]{0,5}", fullmatch=True) | st.sampled_from(
    ["on", "no", "yes", "null", "true", "n", "y", "off", "e1", "inf"]
)
identifiers = st.sampled_from(["run", "main", "_x", "parse_rows", "größe", "no", "on", "null"])
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30
).filter(str.strip) | st.sampled_from(
    [
        "1.10",
        "010",
        "1e3",
        "0x1F",
        "1:30",
        "~",
        "no",
        "<<",
        "=",
        "- a",
        "a: b",
        "#x",
        "a\n b\n",
        "\ta",
    ]
)
durations = st.one_of(
    st.integers(0, 10**6).map(float),
    st.integers(0, 10**7).map(lambda n: n / 1000),
    st.floats(0, LONGEST, allow_subnormal=False),
).filter(lambda x: x == 0 or x > 1e-90)
spans = durations.filter(lambda x: x > 0)
payloads = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.just(""),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts | st.just(""), inner, max_size=3)
    ),
    max_leaves=8,
)
queues = st.builds(QueueLimits, ttl=durations, max_length=st.integers(0, 10**6)) | st.just(
    QueueLimits()
)
schedules = st.fixed_dictionaries(
    {
        "payload": payloads.map(json_text),
        "timezone": st.sampled_from(["UTC", "Europe/Berlin"]),
        "catchup": st.sampled_from(Catchup),
    }
).flatmap(
    lambda common: st.one_of(
        st.sampled_from(["* * * * *", "*/5 0 1 JAN 1#2", "0 30 6 * * 1-5"]).map(
            lambda cron: Schedule(cron=cron, **common)
        ),
        spans.map(lambda every: Schedule(every=every, **common)),
        st.sampled_from(["2027-01-31T06:00:00Z", "2027-01-31 06:00+02:00"]).map(
            lambda at: Schedule(at=at, **common)
        ),
    )
)
sources = st.one_of(
    st.builds(
        Source,
        kind=st.just(SourceKind.GIT),
        module=st.sampled_from(["a", "a.b", "a.b:C"]),
        url=st.sampled_from(
            ["https://example.org/x.git", "git@example.org:x/y", "file:///x y".replace(" ", "")]
        ),
        ref=st.sampled_from(["", "v2", "1.10", "feature/x", "0123"]),
        path=st.sampled_from(["", "src", "a/b"]),
    ),
    st.builds(
        Source,
        kind=st.just(SourceKind.PATH),
        module=st.sampled_from(["a", "a.b:C"]),
        path=st.sampled_from(["/x", "/a b/c", "/1", "/x: y"]),
    ),
    st.builds(
        Source,
        kind=st.just(SourceKind.COMMAND),
        command=st.lists(texts | st.just(""), max_size=3).flatmap(
            lambda rest: texts.map(lambda first: (first, *rest))
        ),
        path=st.sampled_from(["", "/x"]),
    ),
    st.builds(
        Source,
        kind=st.just(SourceKind.CODE),
        module=st.sampled_from(["mod", "other"]),
        code=texts.map(lambda text: f"from x import *\nvalue = {text!r}\n\n\ndef run():\n\tpass\n"),
    ),
)
scales = st.tuples(st.integers(0, 5), st.integers(1, 5)).map(
    lambda bounds: Scale(min=min(bounds), max=max(bounds), queue=7)
)
words = st.sampled_from(["A", "_B1", "PORT"])


schemas = st.sampled_from([{"type": "integer"}, {"$ref": "#/$defs/x", "$defs": {"x": {}}}, True])
inlines = st.builds(
    Inline, kind=st.just(InlineKind.JSON), text=payloads.map(json_text)
) | st.builds(Inline, kind=st.just(InlineKind.CSV), text=texts)


@st.composite
def typed_sockets(draw: st.DrawFn, type_: ProcessorType, has_code: bool) -> SocketSpec:
    """Return a socket of a processor of this type."""
    spec = SocketSpec(
        name=draw(names),
        task=draw(identifiers) if has_code else "",
        schedule=draw(st.none() | schedules),
        join=draw(st.builds(Join, mode=st.sampled_from(JoinMode), by_run=st.booleans())),
        queue=draw(queues),
    )
    changes: dict[str, object] = {}
    if type_ is ProcessorType.ROUTER and draw(st.booleans()):
        changes = {"task": "", "routes": {"big": "is_big", "on": draw(identifiers)}}
    if type_ is ProcessorType.DATA and (not has_code or draw(st.booleans())):
        changes = {"task": "", "inline": draw(inlines)}
    if type_ is ProcessorType.SCHEMA:
        changes = {"task": "", "schemas": {"": draw(schemas.map(json_text))}}
    if type_ is ProcessorType.TASK and draw(st.booleans()):
        changes = {"wait_all": True, "schemas": {"a": draw(schemas.map(json_text))}}
    return structs.replace(spec, **changes)


@st.composite
def processors(draw: st.DrawFn, name: str) -> ProcessorSpec:
    source = draw(sources)
    scale = draw(st.none() | scales)
    type_ = ProcessorType.TASK
    if source.kind is not SourceKind.COMMAND:
        type_ = draw(st.sampled_from(NODES))
    if type_ in SOURCELESS and draw(st.booleans()):
        source = no_source(name)
    has_code = source.kind is not SourceKind.COMMAND and source != no_source(name)
    socket = typed_sockets(type_, has_code)
    sockets = draw(st.lists(socket, max_size=3, unique_by=lambda s: s.name))
    backoff = draw(durations)
    return ProcessorSpec(
        name=name,
        source=source,
        type=type_,
        sockets=tuple(sorted(sockets, key=lambda s: s.name)),
        requirements=draw(st.just(()) | st.just(("httpx>=0.27", "x @ git+https://y/z"))),
        cpus=draw(st.integers(scale.min, scale.max) if scale else st.integers(0, 64)),
        scale=scale,
        timeout=draw(durations),
        retry=Retry(
            max=draw(st.integers(0, 9)),
            backoff=backoff,
            cap=draw(st.floats(backoff, LONGEST)),
            on=draw(st.sampled_from([(), ("ValueError", "json.JSONDecodeError")])),
        ),
        rate=draw(
            st.none()
            | st.builds(
                Rate,
                calls=st.floats(1e-9, 1e9) | st.integers(1, 1000).map(float),
                per=st.sampled_from([1.0, 60.0, 3600.0]) | spans,
                scope=st.sampled_from(RateScope),
            )
        ),
        env=draw(st.dictionaries(words, texts | st.just(""), max_size=2)),
        labels=draw(st.dictionaries(texts, texts, max_size=2)),
        host=draw(st.sampled_from(["", "node-1.example.org"])),
        memory=draw(st.integers(0, 2**40) | st.integers(0, 1000).map(lambda n: n * 2**20)),
        track=draw(st.sampled_from(Track)),
        enabled=draw(st.booleans()),
        description=draw(st.just("") | texts),
    )


@st.composite
def networks(draw: st.DrawFn, name: str = "net") -> NetworkSpec:
    made = tuple(draw(processors(each)) for each in draw(st.sets(names, max_size=3)))
    ends = {f"{p.name}.{s.name}": (p, s) for p in made for s in p.sockets}
    plugs = [draw(_plugs(ends)) for _ in range(draw(st.integers(0, 4)))] if ends else []
    agents = st.builds(
        AgentSpec,
        name=names,
        hostname=st.sampled_from(["", "h.example.org"]),
        cpus=st.integers(0, 9),
        labels=st.dictionaries(texts, texts, max_size=1),
        ssh_user=st.sampled_from(["", "ops"]),
        ssh_key=st.sampled_from(["", "/k"]),
        path=st.sampled_from(["", "/opt/flow"]),
        enabled=st.booleans(),
    )
    placed = [p for p in made if p.cpus]
    deployments = [
        DeploymentSpec(
            name=f"{p.name}.deploy1", processor=p.name, agent=p.host or "a1", cpus=p.cpus
        )
        for p in (
            draw(st.lists(st.sampled_from(placed), unique_by=lambda p: p.name)) if placed else ()
        )
    ]
    return in_order(
        NetworkSpec(
            name=name,
            processors=made,
            plugs=tuple({plug_name(plug): plug for plug in plugs if plug}.values()),
            agents=tuple(draw(st.lists(agents, max_size=2, unique_by=lambda a: a.name))),
            deployments=tuple(deployments),
            strategy=draw(st.sampled_from(["BALANCED", "EFFICIENT"])),
        )
    )


@st.composite
def _plugs(draw: st.DrawFn, ends: dict[str, tuple[ProcessorSpec, SocketSpec]]) -> PlugSpec | None:
    source, target = draw(st.sampled_from(list(ends))), draw(st.sampled_from(list(ends)))
    (owner, socket), (fed, entry) = ends[source], ends[target]
    if source == target or fed.type is ProcessorType.DATA:
        return None
    is_gate, is_router = owner.type is ProcessorType.GATE, owner.type is ProcessorType.ROUTER
    kind = draw(st.sampled_from([kind for kind in PlugKind if is_gate or kind != "reject"]))
    routes = sorted({*socket.routes, "unmatched"}) if is_router and kind == "result" else [""]
    return PlugSpec(
        source=source,
        target=target,
        kind=kind,
        route=draw(st.sampled_from(routes)),
        gather=draw(st.sampled_from(["" if entry.wait_all else source, ""])),
        allow_cycle=True,
        queue=draw(queues),
    )


@unhurried
@given(networks())
def test_a_dumped_recipe_is_read_back_as_the_same_values(spec: NetworkSpec) -> None:
    text = dump(spec)
    try:
        found = parse(text)
    except RecipeError as error:
        raise AssertionError(text + "\n" + "\n".join(map(str, error.problems))) from error
    assert found == spec, text
    assert dump(found) == text


@unhurried
@given(networks(), networks())
def test_a_diff_that_is_carried_out_gives_what_was_wanted(a: NetworkSpec, b: NetworkSpec) -> None:
    assert apply_changes(diff(a, b), a) == b
    assert apply_changes(diff(None, b), None) == b


@unhurried
@given(networks())
def test_nothing_differs_from_itself(spec: NetworkSpec) -> None:
    assert diff(spec, spec).is_empty
    assert diff(spec, parse(dump(spec))).is_empty


@unhurried
@given(networks(), st.data())
def test_only_what_executors_learn_at_their_start_restarts_them(
    spec: NetworkSpec, data: st.DataObject
) -> None:
    assume(spec.processors)
    old = data.draw(st.sampled_from(spec.processors))
    new = structs.replace(old, cpus=old.cpus + 1, timeout=old.timeout + 1.0, rate=None)
    rest = tuple(p for p in spec.processors if p.name != old.name)
    changes = diff(spec, in_order(structs.replace(spec, processors=(*rest, new))))
    assert changes.summary()["restart"] == 0


@given(durations)
def test_durations_are_read_as_they_were_written(seconds: float) -> None:
    assert parse_duration(duration_text(seconds)) == seconds


@given(st.integers(0, 2**50))
def test_sizes_are_read_as_they_were_written(size: int) -> None:
    assert parse_size(str(size_text(size))) == size


@given(st.floats(1e-9, 1e9), st.sampled_from([1.0, 60.0, 3600.0, 7.0]))
def test_rates_are_read_as_they_were_written(calls: float, per: float) -> None:
    if text := rate_text(calls, per):
        assert parse_rate(text) == (calls, per)


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(text)
    assert caught.value.problems


@given(payloads)
def test_a_payload_is_kept_as_one_json_text(value: object) -> None:
    assert json.loads(json_text(value)) == value
