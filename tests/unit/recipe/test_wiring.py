"""Plugs that make no sense together."""

from __future__ import annotations

from flowctl.model.flow import NetworkSpec, PlugSpec, ProcessorSpec, SocketSpec, Source, SourceKind
from flowctl.recipe.check import check
from flowctl.recipe.notes import Notes
from flowctl.recipe.wiring import cycles


def network(*plugs: PlugSpec, names: str = "abcd", sockets: str = "x") -> NetworkSpec:
    source = Source(kind=SourceKind.COMMAND, command=("cat",))
    entries = tuple(SocketSpec(name=each, task="") for each in sockets.split())
    made = tuple(ProcessorSpec(name=each, source=source, sockets=entries) for each in names)
    return NetworkSpec(name="n", processors=made, plugs=plugs)


def complaints(spec: NetworkSpec) -> list[str]:
    notes = Notes()
    check(spec, notes)
    return [str(problem) for problem in notes.sorted()]


def edge(pair: str, **more: object) -> PlugSpec:
    return PlugSpec(source=f"{pair[0]}.x", target=f"{pair[1]}.x", **more)  # type: ignore[arg-type]


def test_a_chain_is_fine() -> None:
    assert complaints(network(edge("ab"), edge("bc"), edge("ac"))) == []


def test_a_cycle_is_shown_as_a_path() -> None:
    (found,) = complaints(network(edge("ab"), edge("bc"), edge("ca")))
    assert "a cycle: a.x -> b.x -> c.x -> a.x" in found


def test_a_cycle_with_one_plug_that_allows_it_is_fine() -> None:
    assert complaints(network(edge("ab"), edge("bc"), edge("ca", allow_cycle=True))) == []


def test_every_cycle_is_told() -> None:
    assert len(complaints(network(edge("ab"), edge("ba"), edge("cd"), edge("dc")))) == 2


def test_an_edge_to_itself_is_refused_even_if_cycles_are_allowed() -> None:
    (found,) = complaints(network(edge("aa", allow_cycle=True)))
    assert "cannot feed itself" in found


def test_the_same_edge_twice_is_refused_but_other_arguments_are_other_edges() -> None:
    twice = complaints(network(edge("ab"), edge("ab", name="other")))
    assert twice == [
        "plugs[1]: the plug a.x -> b.x is there already, as plugs[0] (remove one of them)"
    ]
    assert complaints(network(edge("ab", argument="l"), edge("ab", argument="r"))) == []


def test_gather_names_a_socket_upstream() -> None:
    chain = (edge("ab"), edge("bc"))
    assert complaints(network(*chain, edge("cd", gather="a.x"))) == []
    assert complaints(network(*chain, edge("cd", gather="c.x"))) == []
    (found,) = complaints(network(*chain, edge("cd", gather="d.x")))
    assert "nothing flows from d.x to c.x" in found


def test_two_plugs_whose_derived_names_are_the_same_must_be_named() -> None:
    spec = network(names="a", sockets="b b-x y.z".replace(".", "-"))
    other = network(names="x", sockets="y")
    clash = (
        PlugSpec(source="a.b", target="x-y.z"),
        PlugSpec(source="a.b-x", target="y.z"),
    )
    source = spec.processors[0].source
    ends = tuple(
        ProcessorSpec(name=name, source=source, sockets=(SocketSpec(name="z", task=""),))
        for name in ("x-y", "y")
    )
    whole = NetworkSpec(
        name="n", processors=(*spec.processors, *other.processors, *ends), plugs=clash
    )
    (found,) = complaints(whole)
    assert 'the name "a.b-x-y.z" is taken by another plug' in found


def test_a_plug_does_not_take_the_queue_of_dead_letters() -> None:
    spec = network(PlugSpec(source="a.b", target="c.dead"), names="ac", sockets="b b-c dead")
    (found,) = complaints(spec)
    assert 'the name "a.b-c.dead" is taken by socket a.b-c' in found


def test_a_queue_name_that_no_broker_takes_is_refused() -> None:
    name = "s" * 63
    source = Source(kind=SourceKind.COMMAND, command=("cat",))
    sockets = (SocketSpec(name=name, task=""), SocketSpec(name="t" * 63, task=""))
    spec = NetworkSpec(
        name="n" * 63,
        processors=(ProcessorSpec(name="p" * 63, source=source, sockets=sockets),),
        plugs=(PlugSpec(source="p" * 63 + "." + name, target="p" * 63 + "." + "t" * 63),),
    )
    (found,) = complaints(spec)
    assert "its queue name would have 319 characters" in found


def test_cycles_are_found_without_recursion() -> None:
    ring = {str(i): {str((i + 1) % 5000): i} for i in range(5000)}
    (found,) = cycles(ring)
    assert len(found) == 5001
