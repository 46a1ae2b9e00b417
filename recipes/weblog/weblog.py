"""A web server's log, made and read: parse, sessionize, top-N, and the broken lines apart."""

import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

LINES = 100_000
BLOCK = 4_000
SESSION_GAP = 30 * 60
"""Seconds of silence that end a visitor's session."""

COMBINED = re.compile(
    r'(?P<host>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[\d.]+" '
    r'(?P<status>\d{3}) (?P<size>\d+|-) "(?P<referer>[^"]*)" "(?P<agent>[^"]*)"'
)
TIME = "%d/%b/%Y:%H:%M:%S %z"
PATHS = ["/", "/shop", "/shop/cart", "/shop/pay", "/about", "/img/logo.png", "/api/items", "/login"]
AGENTS = ["Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (iPhone)", "curl/8.5", "Googlebot/2.1"]
BREAKS = [
    lambda line: line[: len(line) // 2],
    lambda line: line.replace('"', "", 1),
    lambda line: line.replace("[", "", 1),
    lambda line: "\x16\x03\x01 " + line[:20],
    lambda _: "-",
]


def write_log(path, lines=LINES, seed=7):
    """Write a log in the combined format, about one line in 300 broken; the same for each seed."""
    chance = random.Random(seed)
    at = datetime(2026, 11, 1, tzinfo=UTC)
    visitors = [
        f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}"
        for _ in range(3000)
    ]
    with Path(path).open("w") as file:
        for _ in range(lines):
            at += timedelta(seconds=chance.expovariate(2.0))
            line = log_line(chance, chance.choice(visitors), at)
            file.write((chance.choice(BREAKS)(line) if chance.random() < 1 / 300 else line) + "\n")


def log_line(chance, visitor, at):
    """Return one request of a visitor, as a server writes it."""
    status = chance.choices([200, 301, 404, 500], [90, 4, 5, 1])[0]
    return (
        f'{visitor} - - [{at:%d/%b/%Y:%H:%M:%S %z}] "GET {chance.choice(PATHS)} HTTP/1.1" {status} '
        f'{chance.randrange(200, 90_000)} "-" "{chance.choice(AGENTS)}"'
    )


def blocks(path):
    """Yield the lines of the log in blocks; write the log first where there is none."""
    path = Path(path or "weblog.log")
    if not path.exists():
        aside = path.with_suffix(".new")  # a call that is cut off must leave no half log
        write_log(aside)
        aside.replace(path)
    with path.open(errors="replace") as file:
        block = []
        for line in file:
            block.append(line.rstrip("\n"))
            if len(block) == BLOCK:
                yield block
                block = []
    if block:
        yield block


def block(lines, plugs={}):  # noqa: B006  # the worker hands in a dict of its own
    """Parse a block: good lines go to the sessions, the others to be looked at one by one."""
    visits, suspects = [], []
    for line in lines:
        found = COMBINED.fullmatch(line)
        if found:
            at = datetime.strptime(found["time"], TIME).astimezone(UTC).timestamp()
            visits.append([found["host"], at, found["path"], int(found["status"])])
        else:
            suspects.append(line)
    plugs["report.sessions"] = visits
    if suspects:
        plugs["parse.each"] = suspects


def each(lines):
    """Yield the suspicious lines one by one."""
    yield from lines


def strict(line):
    """Parse one line, or say exactly what is wrong with it."""
    if line.count('"') != 6:
        raise ValueError(f"{line.count(chr(34))} quotes instead of 6")
    if "[" not in line:
        raise ValueError("no time in brackets")
    if not COMBINED.fullmatch(line):
        raise ValueError("not the combined format")
    return line


def note(failure):
    """Keep the reason and the start of a broken line."""
    return {"reason": failure["message"], "line": str(failure["input"])[:40]}


def sessions(visit_blocks):
    """Group the visits of each host into sessions and count what people ask for."""
    last, count, paths, statuses = {}, Counter(), Counter(), Counter()
    for host, at, path, status in sorted(
        chain.from_iterable(visit_blocks), key=lambda visit: visit[1]
    ):
        if at - last.get(host, float("-inf")) > SESSION_GAP:
            count[host] += 1
        last[host] = at
        paths[path] += 1
        statuses[str(status)] += 1
    return {
        "visitors": len(last), "sessions": sum(count.values()), "hits": sum(paths.values()),
        "paths": dict(paths), "statuses": dict(statuses),
    }  # fmt: skip


def top(summary, n=5):
    """Return the paths that were asked for most."""
    ranked = Counter(summary["paths"]).most_common(n)
    return [
        {"path": path, "hits": hits, "share": round(hits / summary["hits"], 3)}
        for path, hits in ranked
    ]
