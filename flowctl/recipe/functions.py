"""The functions of a module, found by reading its text: user code is never imported here.

What a module gets by other ways than `def` and `class` (imports, assignments, `import *`) cannot be
judged from its text; `Module` says so, and nobody complains about such names.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flowctl.model.flow import Argument

OFFERED = frozenset({"plugs", "output", "routes", "context", "emit"})
"""Parameters that a worker fills by itself where a function names them."""
WAITED = frozenset({"POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD"})
"""Kinds of parameters that a join waits for, unless they have a default."""

_Def = ast.FunctionDef | ast.AsyncFunctionDef
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


class SyntaxProblem(ValueError):
    """A text is not Python."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        """1-based; 0 where it is not known."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a socket may run."""

    name: str
    arguments: tuple[Argument, ...]
    source: str
    """Its text, decorators included."""
    line: int
    doc: str = ""
    """The first line of its docstring."""
    is_async: bool = False
    is_generator: bool = False
    is_decorated: bool = False
    """A decorator may have given it other parameters."""

    def takes(self, argument: str) -> bool:
        """Tell whether a value can be passed under this name."""
        if self.is_decorated or any(each.kind == "VAR_KEYWORD" for each in self.arguments):
            return True
        return argument in self.names()

    def names(self) -> tuple[str, ...]:
        """Return the parameters that plugs may feed."""
        named = (a.name for a in self.arguments if not a.kind.startswith("VAR_"))
        return tuple(name for name in named if name not in OFFERED)

    def needs(self) -> tuple[str, ...]:
        """Return the parameters that a join waits for."""
        return tuple(
            each.name
            for each in self.arguments
            if each.kind in WAITED and not each.has_default and each.name not in OFFERED
        )


@dataclass(frozen=True, slots=True)
class Module:
    """What the text of a module shows."""

    functions: tuple[Function, ...]
    others: frozenset[str] = frozenset()
    """Names that are bound by other ways than `def`."""
    is_open: bool = False
    """Whether it may hold names that its text does not show."""

    def find(self, name: str) -> Function | None:
        """Return the function of that name; the last one, if it is defined more than once."""
        return next((each for each in reversed(self.functions) if each.name == name), None)

    def may_have(self, name: str) -> bool:
        """Tell whether the module may hold something of that name."""
        return self.is_open or name in self.others or self.find(name) is not None


def functions(text: str, cls: str = "") -> Module:
    """Return the functions of a module, or the public methods of one of its classes.

    Raises:
        SyntaxProblem: the text is not Python.
    """
    tree = _tree(text)
    lines = text.splitlines(keepends=True)
    body = tuple(_flat(tree.body))
    if not cls:
        return _module(body, lines, bound=0)
    found = next((n for n in body if isinstance(n, ast.ClassDef) and n.name == cls), None)
    if found is None:
        return Module((), is_open=_may_bind(body, cls))
    inner = _module(tuple(_flat(found.body)), lines, bound=1)
    inherits = any(not (isinstance(b, ast.Name) and b.id == "object") for b in found.bases)
    return Module(inner.functions, inner.others, inner.is_open or inherits)


def has_class(text: str, cls: str) -> bool:
    """Tell whether a module may hold a class of that name.

    Raises:
        SyntaxProblem: the text is not Python.
    """
    body = tuple(_flat(_tree(text).body))
    is_there = any(isinstance(node, ast.ClassDef) and node.name == cls for node in body)
    return is_there or _may_bind(body, cls)


def classes(text: str) -> tuple[str, ...]:
    """Return the names of the classes of a module.

    Raises:
        SyntaxProblem: the text is not Python.
    """
    return tuple(n.name for n in _flat(_tree(text).body) if isinstance(n, ast.ClassDef))


def assigned(text: str) -> tuple[str, ...]:
    """Return the public names that a module assigns at its top, in order.

    >>> assigned("import os\nA = 1\nb: int = 2\n_c = 3\ndef f(): pass\n")
    ('A', 'b')

    Raises:
        SyntaxProblem: the text is not Python.
    """
    nodes = [n for n in _flat(_tree(text).body) if isinstance(n, ast.Assign | ast.AnnAssign)]
    names = [name for node in nodes for name in _bindings(node) if not name.startswith("_")]
    return tuple(dict.fromkeys(names))


def _tree(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise SyntaxProblem(error.msg, error.lineno or 0) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxProblem(str(error) or "nested too deeply", 0) from error


def _flat(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Walk statements, into the branches of `if`, `try`, `with` and loops, not into definitions."""
    for node in body:
        yield node
        if not isinstance(node, _Def | ast.ClassDef):
            for block in _BLOCKS:
                yield from _flat(getattr(node, block, ()))


def _module(body: Sequence[ast.AST], lines: Sequence[str], bound: int) -> Module:
    found = tuple(_function(node, lines, bound) for node in body if isinstance(node, _Def))
    others = frozenset(name for node in body for name in _bindings(node))
    is_open = "*" in others or any(each.name == "__getattr__" for each in found)
    public = tuple(each for each in found if not (bound and each.name.startswith("__")))
    return Module(public, others - {"*"}, is_open)


def _may_bind(body: Sequence[ast.AST], name: str) -> bool:
    names = {each for node in body for each in _bindings(node)}
    return bool(names & {name, "*"})


def _bindings(node: ast.AST) -> Iterator[str]:
    """Return the names that a statement binds by other ways than `def` and `class`."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For | ast.With):
        stored = (n for n in ast.walk(_head(node)) if isinstance(n, ast.Name))
        yield from (n.id for n in stored if isinstance(n.ctx, ast.Store))


def _head(node: ast.AST) -> ast.AST:
    """Return a statement without the blocks below it."""
    if isinstance(node, ast.For):
        return node.target
    if isinstance(node, ast.With):
        return ast.Tuple([i.optional_vars for i in node.items if i.optional_vars], ast.Load())
    return node


def _function(node: _Def, lines: Sequence[str], bound: int) -> Function:
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    marks = [each.id for each in node.decorator_list if isinstance(each, ast.Name)]
    skipped = 0 if "staticmethod" in marks else bound
    return Function(
        name=node.name,
        arguments=_arguments(node.args, skipped),
        source="".join(lines[first - 1 : node.end_lineno]),
        line=node.lineno,
        doc=(ast.get_docstring(node) or "").partition("\n")[0],
        is_async=isinstance(node, ast.AsyncFunctionDef),
        is_generator=any(isinstance(n, ast.Yield | ast.YieldFrom) for n in _own(node)),
        is_decorated=len(node.decorator_list) > len({"staticmethod", "classmethod"} & set(marks)),
    )


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Walk the inside of a function, not of functions inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _Def | ast.ClassDef | ast.Lambda):
            yield child
            yield from _own(child)


def _arguments(spec: ast.arguments, skipped: int) -> tuple[Argument, ...]:
    placed = [(a.arg, "POSITIONAL_ONLY") for a in spec.posonlyargs]
    placed += [(a.arg, "POSITIONAL_OR_KEYWORD") for a in spec.args]
    plain = len(placed) - len(spec.defaults)
    rows = [(name, kind, index >= plain) for index, (name, kind) in enumerate(placed)]
    rows = rows[skipped:]
    if spec.vararg:
        rows.append((spec.vararg.arg, "VAR_POSITIONAL", False))
    for each, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
        rows.append((each.arg, "KEYWORD_ONLY", default is not None))
    if spec.kwarg:
        rows.append((spec.kwarg.arg, "VAR_KEYWORD", False))
    return tuple(
        Argument(name=name, position=position, kind=kind, has_default=has_default)
        for position, (name, kind, has_default) in enumerate(rows)
    )
