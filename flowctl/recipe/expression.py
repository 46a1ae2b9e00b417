"""Canvases in one line: `parse.rows | [price.total, price.least(limit=3)] | store.save` (pure).

The grammar is that of Python expressions, read by its parser and never evaluated:

- `a.x | b.y` is a pipeline, `[a.x, b.y]` a parallel
- `pipeline(...)`, `parallel(...)`, `funnel([...], c.z)` and `segment(a.x, 100)` are what they are in
  Python, with `errors="keep"` as well
- `a.x(limit=3)` binds an argument, `a.x(5)` takes 5 in place of what comes in
- a name that Python cannot read is quoted: `"odd-name.rows"`, `"other/parse.rows"`
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from flowctl.errors import InvalidInput
from flowctl.model.canvas import Funnel, Node, Parallel, Pipeline, Segment, Step

_ADDRESS = re.compile(r"([\w-]+/)?[A-Za-z][\w-]*\.[A-Za-z][\w-]*", re.ASCII)
_LOOKS_SO = re.compile(r"[|(\[,]")
_CONSTANTS = {"true": True, "false": False, "null": None}
_KEEP = {"keep": True, "stop": False}
_LONGEST = 100_000


def is_expression(text: str) -> bool:
    """Tell whether a text can only be a canvas, not the name of a socket.

    >>> is_expression("a.x | b.y"), is_expression("[a.x]"), is_expression("shop/a.x")
    (True, True, False)
    """
    return bool(_LOOKS_SO.search(text))


def read(text: str) -> Node:
    """Return the tree that an expression writes.

    >>> read("a.x | b.y(2)")
    Pipeline(steps=(Step(socket='a.x', args='', named=''), Step(socket='b.y', args='[2]', named='')))

    Raises:
        InvalidInput: it is none; the message says where.
    """
    if len(text) > _LONGEST:
        raise InvalidInput("this canvas is too long for one line", remedy="build it in Python")
    try:
        return _node(ast.parse(text.replace("\n", " ").strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = getattr(error, "offset", None)
        where = f", at character {place}" if place else ""
        said = getattr(error, "msg", None) or str(error)
        raise InvalidInput(f"this is no canvas: {said}{where}", remedy=_REMEDY) from error


_REMEDY = 'write for example "a.x | [b.y, c.z]"; see the page Flows'


def _node(found: ast.expr) -> Node:
    if isinstance(found, ast.BinOp) and isinstance(found.op, ast.BitOr):
        return Pipeline(steps=tuple(_chain(found)))
    if isinstance(found, ast.List | ast.Tuple):
        return Parallel(branches=_nodes(found.elts))
    if isinstance(found, ast.Call):
        return _call(found)
    return Step(socket=_socket(found))


def _chain(found: ast.expr) -> list[Node]:
    """Return the steps of `a | b | c`, which Python reads as `(a | b) | c`."""
    steps: list[Node] = []
    while isinstance(found, ast.BinOp) and isinstance(found.op, ast.BitOr):
        steps.append(_node(found.right))
        found = found.left
    return [_node(found), *reversed(steps)]


def _nodes(found: Sequence[ast.expr]) -> tuple[Node, ...]:
    return tuple(_node(each) for each in found)


def _socket(found: ast.expr) -> str:
    name = found.value if isinstance(found, ast.Constant) else ast.unparse(found)
    if isinstance(name, str) and _ADDRESS.fullmatch(name):
        return name
    raise _wrong(found, f"{ast.unparse(found)} is no socket: write processor.socket")


def _wrong(found: ast.AST, said: str) -> SyntaxError:
    error = SyntaxError(said)
    error.offset = getattr(found, "col_offset", 0) + 1
    return error


def _call(found: ast.Call) -> Node:
    name = found.func.id if isinstance(found.func, ast.Name) else ""
    if name in _PATTERNS:
        return _PATTERNS[name](found)
    named = {_name(each): _value(each.value) for each in found.keywords}
    args = [_value(each) for each in found.args]
    return Step(
        socket=_socket(found.func),
        args=_json(args) if args else "",
        named=_json(named) if named else "",
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _name(keyword: ast.keyword) -> str:
    if keyword.arg is None:
        raise _wrong(keyword.value, "arguments are given one by one")
    return keyword.arg


def _value(found: ast.expr) -> Any:
    """Return a JSON value, in the words of Python or of JSON."""
    if isinstance(found, ast.Name) and found.id in _CONSTANTS:
        return _CONSTANTS[found.id]
    if isinstance(found, ast.List | ast.Tuple):
        return [_value(each) for each in found.elts]
    if isinstance(found, ast.Dict):
        return {_key(k, found): _value(v) for k, v in zip(found.keys, found.values, strict=True)}
    try:
        value = ast.literal_eval(found)
    except ValueError:
        value = ...
    if isinstance(value, str | int | float) or value is None:
        return value
    raise _wrong(found, f"{ast.unparse(found)} is no JSON value")


def _key(found: ast.expr | None, whole: ast.expr) -> str:
    if isinstance(found, ast.Constant) and isinstance(found.value, str):
        return found.value
    raise _wrong(found or whole, "JSON takes only text as keys")


def _options(found: ast.Call, *known: str) -> dict[str, ast.expr]:
    given = {_name(each): each.value for each in found.keywords}
    for name, value in given.items():
        if name not in known:
            said = f'there is no "{name}" here' + (f", only {', '.join(known)}" if known else "")
            raise _wrong(value, said)
    return given


def _keep(given: dict[str, ast.expr]) -> bool:
    if "errors" not in given:
        return False
    value = _value(given["errors"])
    if value not in _KEEP:
        raise _wrong(given["errors"], 'errors is "stop" or "keep"')
    return _KEEP[value]


def _pipeline(found: ast.Call) -> Node:
    _options(found)
    return Pipeline(steps=_flat(found.args))


def _parallel(found: ast.Call) -> Node:
    given = _options(found, "errors")
    return Parallel(branches=_flat(found.args), keep=_keep(given))


def _flat(found: Sequence[ast.expr]) -> tuple[Node, ...]:
    """Return nodes that were given one by one, or as one list."""
    if len(found) == 1 and isinstance(found[0], ast.List | ast.Tuple):
        return _nodes(found[0].elts)
    return _nodes(found)


def _funnel(found: ast.Call) -> Node:
    given = _options(found, "final", "errors")
    branches = list(found.args)
    if (final := given.get("final")) is None:
        if len(branches) < 2:
            raise _wrong(found, "a funnel needs an end: funnel([a.x, b.y], c.z)")
        final = branches.pop()
    return Funnel(branches=_flat(branches), final=_node(final), keep=_keep(given))


def _segment(found: ast.Call) -> Node:
    given = _options(found, "size", "errors")
    values = [*found.args, *([given["size"]] if "size" in given else [])]
    size = _value(values[1]) if len(values) == 2 else None
    if type(size) is not int or size < 1:
        raise _wrong(found, "a segment takes a step and the size of a chunk: segment(a.x, 100)")
    return Segment(step=_node(values[0]), size=size, keep=_keep(given))


_PATTERNS: dict[str, Callable[[ast.Call], Node]] = {
    "pipeline": _pipeline,
    "parallel": _parallel,
    "funnel": _funnel,
    "chord": _funnel,
    "segment": _segment,
}


def write(node: Node) -> str:
    """Return the expression that `read` reads as this tree.

    >>> write(read("a.x|[b.y,segment(c.z,3,errors='keep')]"))
    'a.x | [b.y, segment(c.z, 3, errors="keep")]'
    """
    if isinstance(node, Step):
        return _written_step(node)
    if isinstance(node, Pipeline):
        chain = len(node.steps) > 1
        inner = (" | " if chain else ", ").join(map(_inner, node.steps))
        # A list alone would be read as the list of steps.
        return inner if chain else f"pipeline({f'[{inner}]' if inner[:1] == '[' else inner})"
    keep = ', errors="keep"' if node.keep else ""
    if isinstance(node, Segment):
        return f"segment({write(node.step)}, {node.size}{keep})"
    branches = f"[{', '.join(map(write, node.branches))}]"
    if isinstance(node, Funnel):
        return f"funnel({branches}, {write(node.final)}{keep})"
    return f"parallel({branches}{keep})" if keep else branches


def _inner(node: Node) -> str:
    text = write(node)
    return f"({text})" if isinstance(node, Pipeline) and len(node.steps) > 1 else text


def _written_step(step: Step) -> str:
    name = step.socket
    plain = all(map(str.isidentifier, name.split("."))) and not _is_reserved(name)
    args = [_literal(each) for each in (json.loads(step.args) if step.args else [])]
    named = json.loads(step.named) if step.named else {}
    given = [*args, *(f"{key}={_literal(value)}" for key, value in named.items())]
    return (name if plain else json.dumps(name)) + (f"({', '.join(given)})" if given else "")


def _is_reserved(name: str) -> bool:
    from keyword import iskeyword

    return any(map(iskeyword, name.split(".")))


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
