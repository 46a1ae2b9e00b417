"""Lines, functions and complexity of Python packages, counted by a flow.

packages (1 call) -> chunks (1 call a package) -> measure (the CPU-bound work, 1 call a chunk)
-> package (joins the chunks of a package) -> table (joins the packages).
"""

import ast
import sysconfig
from pathlib import Path

CHUNK = 24
BRANCHES = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.Assert,
    ast.comprehension, ast.match_case,
)  # fmt: skip


def packages(root):
    """Yield every package (or single module) below a folder, with its files."""
    top = Path(root or sysconfig.get_path("stdlib"))
    found = {}
    for path in sorted(top.rglob("*.py")):
        parts = path.relative_to(top).parts
        if not {"site-packages", "dist-packages", "__pycache__"} & set(parts):
            found.setdefault(parts[0].removesuffix(".py"), []).append(str(path))
    for name, files in found.items():
        yield {"package": name, "files": files}


def chunks(package):
    """Yield the files of a package in portions that are worth a call."""
    files = package["files"]
    for start in range(0, len(files), CHUNK):
        yield {"package": package["package"], "files": files[start : start + CHUNK]}


def measure(chunk):
    """Parse each file and count what is in it."""
    total = {"package": chunk["package"], "files": 0, "broken": 0, "lines": 0, "functions": 0,
             "complexity": 0}  # fmt: skip
    for name in chunk["files"]:
        text = Path(name).read_bytes()
        total["files"] += 1
        total["lines"] += text.count(b"\n")
        try:
            nodes = list(ast.walk(ast.parse(text)))
        except (SyntaxError, ValueError):
            total["broken"] += 1  # test data of the library that is broken on purpose
            continue
        functions = [n for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
        total["functions"] += len(functions)
        total["complexity"] += len(functions) + sum(map(branches, nodes))
    return total


def branches(node):
    """Return how many ways a node adds through its function (McCabe)."""
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    return int(isinstance(node, BRANCHES))


def package(parts):
    """Add up the chunks of one package."""
    total = dict(parts[0])
    for part in parts[1:]:
        for key in ("files", "broken", "lines", "functions", "complexity"):
            total[key] += part[key]
    return total


def table(rows):
    """Return the table: the largest packages first, and the sum."""
    rows = sorted(rows, key=lambda row: -row["lines"])
    every = package([{**row} for row in rows])
    top, rest = rows[:15], rows[15:]
    if rest:
        top.append({**package([{**row} for row in rest]), "package": f"({len(rest)} more)"})
    return [with_mean(row) for row in [*top, {**every, "package": "TOTAL"}]]


def with_mean(row):
    """Add the mean complexity of a function."""
    mean = row["complexity"] / row["functions"] if row["functions"] else 0.0
    return {**row, "per_function": round(mean, 2)}
