"""What a plan is made of."""

from __future__ import annotations

from msgspec import structs

from flowctl.model.flow import (
    DeploymentSpec,
    NetworkSpec,
    PlugSpec,
    ProcessorSpec,
    QueueLimits,
    SocketSpec,
    Source,
    SourceKind,
)
from flowctl.recipe.diff import Changes, apply_changes, diff

SOURCE = Source(kind=SourceKind.PATH, path="/x", module="m")
ROWS = SocketSpec(name="rows", task="rows")
PARSE = ProcessorSpec(name="parse", source=SOURCE, sockets=(ROWS,))
STORE = ProcessorSpec(name="store", source=SOURCE, sockets=(SocketSpec(name="save", task="save"),))
PLUG = PlugSpec(source="parse.rows", target="store.save")
SHOP = NetworkSpec(name="shop", processors=(PARSE, STORE), plugs=(PLUG,))


def lines(changes: Changes) -> list[str]:
    return [
        " ".join(
            filter(None, [c.action, c.kind, c.name, ",".join(c.fields), c.restarts * "restarts"])
        )
        for c in changes.changes
    ]


def with_parse(**fields: object) -> NetworkSpec:
    return structs.replace(SHOP, processors=(structs.replace(PARSE, **fields), STORE))


def test_nothing_differs_from_itself() -> None:
    assert diff(SHOP, SHOP) == Changes(network="shop", new=False)
    assert diff(SHOP, SHOP).is_empty


def test_a_new_network_is_made_from_the_ground_up() -> None:
    changes = diff(None, SHOP)
    assert changes.new
    assert lines(changes) == [
        "add network shop",
        "add processor parse",
        "add processor store",
        "add socket parse.rows",
        "add socket store.save",
        "add plug parse.rows-store.save",
    ]
    assert changes.summary() == {"add": 6, "update": 0, "remove": 0, "restart": 0}


def test_what_hangs_on_others_goes_first() -> None:
    deployment = DeploymentSpec(name="d", processor="store", agent="a", cpus=1)
    old = structs.replace(SHOP, deployments=(deployment,))
    assert lines(diff(old, NetworkSpec(name="shop", processors=(PARSE,)))) == [
        "remove deployment d",
        "remove plug parse.rows-store.save",
        "remove socket store.save",
        "remove processor store",
    ]


def test_more_cpus_restart_nothing() -> None:
    changes = diff(SHOP, with_parse(cpus=4, timeout=3.0, env={}))
    assert lines(changes) == ["update processor parse cpus,timeout"]


def test_other_code_restarts_the_executors() -> None:
    changes = diff(SHOP, with_parse(source=structs.replace(SOURCE, module="n")))
    assert lines(changes) == ["update processor parse source restarts"]
    assert changes.summary()["restart"] == 1


def test_a_new_function_restarts_the_executors_and_a_new_time_does_not() -> None:
    more = (ROWS, SocketSpec(name="tick", task="tick"))
    assert lines(diff(SHOP, with_parse(sockets=more))) == [
        "update processor parse sockets restarts",
        "add socket parse.tick restarts",
    ]
    limits = structs.replace(ROWS, queue=QueueLimits(ttl=1.0))
    assert lines(diff(SHOP, with_parse(sockets=(limits,)))) == [
        "update processor parse sockets",
        "update socket parse.rows queue",
    ]


def test_another_socket_for_a_known_function_restarts_nothing() -> None:
    more = (ROWS, SocketSpec(name="also", task="rows"))
    assert not any(change.restarts for change in diff(SHOP, with_parse(sockets=more)).changes)


def test_sockets_of_a_command_restart_nothing() -> None:
    source = Source(kind=SourceKind.COMMAND, command=("cat",))
    old, new = (with_parse(source=source, sockets=sockets) for sockets in ((ROWS,), ()))
    assert not any(change.restarts for change in diff(old, new).changes)


def test_a_plug_is_known_by_its_name() -> None:
    limited = structs.replace(PLUG, queue=QueueLimits(max_length=5))
    changes = diff(SHOP, structs.replace(SHOP, plugs=(limited,)))
    assert lines(changes) == ["update plug parse.rows-store.save queue"]
    (change,) = changes.of("plug", "update")
    assert (change.before, change.after) == (PLUG, limited)


def test_another_strategy_is_a_change_of_the_network_alone() -> None:
    packed = structs.replace(SHOP, strategy="EFFICIENT")
    assert lines(diff(SHOP, packed)) == ["update network shop strategy"]
    assert apply_changes(diff(SHOP, packed), SHOP) == packed
