"""The executor: runs the functions of one processor, in the interpreter of that processor.

The worker starts this file as a program (`python executor.py FD PARENT`) and speaks frames with it
over a socketpair. It imports nothing but the standard library and runs on any Python from 3.8, so
an environment of the user needs nothing of ours; that is why all of it is in one file.

One call runs at a time, in the main thread, and its answer leaves before the next call begins: a
crash of the next one cannot take it along. What the user's code prints goes into frames as well, up
to a limit; what libraries write to the file descriptors 1 and 2 the worker reads from pipes.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # The folder of this file holds modules of ours that the user's imports must not find.
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]

import collections
import faulthandler
import fcntl
import importlib.machinery
import inspect
import io
import json
import linecache
import resource
import select
import signal
import socket
import struct
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterable
from contextlib import suppress
from json.encoder import encode_basestring as _quote
from typing import Any, NamedTuple, NoReturn

SETUP, CALL, STOP = 1, 2, 3
READY, BROKEN, OUTPUT, YIELD, DONE, FAILED, EMIT = 10, 11, 12, 13, 14, 15, 16

FRAME = struct.Struct(">BII")
"""Kind, bytes of the head, bytes of the body."""
CHUNK = 64 << 10
LINE = 8192
"""A line longer than this leaves in pieces; a message longer than this is cut."""
TEXT = 64 << 10
"""The most that is told of a traceback or a source."""
OUTPUT_CAP = 1 << 20
OFFERED = ("plugs", "output", "routes", "context", "emit")
"""Parameters with these names are ours to fill; no input reaches them."""
PLAIN = frozenset({type(None), bool, int, float, str, list, dict, tuple})
JSON, BYTES = "application/json", "application/octet-stream"


class Fault(Exception):
    """A failure that is not an exception of the user's code; `kind` stands where its name would."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Outcome(NamedTuple):
    """What came of a call that did not fail."""

    content_type: str
    body: bytes
    generator: bool = False
    routes: list[str] | None = None


# Values


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'the key "{twice}" is there twice')
    return value


_strict = json.JSONDecoder(object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant)
_scan = _strict.raw_decode
_scan_head = json.JSONDecoder().raw_decode
_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode


def parse(text: str) -> Any:
    """Return the value of a JSON text; raises ValueError for what is not JSON to the letter."""
    try:
        value, end = _scan(text)
    except (StopIteration, json.JSONDecodeError):  # some versions let the first one out
        value, end = None, -1
    return value if end == len(text) else _strict.decode(text)


def read_value(content_type: str, body: bytes) -> Any:
    """Return the value in a body: JSON as it is, text as a string, all else as bytes."""
    try:
        if content_type == JSON or _is_json(content_type):
            return parse(body.decode())
        return body.decode() if content_type.startswith("text/") else body
    except RecursionError as error:
        raise Fault("malformed", "the input is nested too deeply") from error
    except ValueError as error:
        kind = content_type or JSON
        raise Fault("malformed", f"the input cannot be read as {kind}: {error}") from error


def read_input(call: dict[str, Any], body: bytes) -> Any:
    """Return the input of a call: a value, or the values that a join laid one after the other."""
    if "parts" not in call:
        return read_value(call.get("content_type", JSON), body)
    values: dict[str, Any] = {}
    start = 0
    for name, content_type, size in call["parts"]:
        values[name] = read_value(content_type, body[start : start + size])
        start += size
    return values if call.get("named") else list(values.values())


def _is_json(content_type: str) -> bool:
    bare = content_type.partition(";")[0].strip().lower()
    return bare in ("", JSON) or bare.endswith("+json")


def write_value(value: Any, limit: int) -> tuple[str, bytes]:
    """Return content type and body of a result."""
    is_bytes = isinstance(value, (bytes, bytearray, memoryview))
    try:
        body = bytes(value) if is_bytes else _encode(value).encode()
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise Fault("result", f"the result cannot be sent as JSON: {error}") from error
    if 0 < limit < len(body):
        raise Fault("TooLarge", f"the result has {len(body)} bytes, the limit is {limit}")
    return BYTES if is_bytes else JSON, body


# The wire


class Wire:
    """Frames in and out of the socket; writing is safe in any thread and in signal handlers."""

    def __init__(self, connection: socket.socket, permits: int = -1) -> None:
        self._socket, self._permits = connection, permits
        self._buffer, self._sending = bytearray(), False
        self._lock = threading.RLock()
        self._waiting: collections.deque[bytes] = collections.deque()

    def receive(self) -> tuple[int, dict[str, Any], bytes] | None:
        """Return the next frame, or None when the worker is gone."""
        if not self._fill(FRAME.size):
            return None
        kind, head, body = FRAME.unpack_from(self._buffer)
        start = FRAME.size + head
        if not self._fill(start + body):
            return None
        about = _scan_head(self._buffer[FRAME.size : start].decode())[0]
        payload = bytes(self._buffer[start : start + body])
        del self._buffer[: start + body]
        return kind, about, payload

    def send(self, kind: int, head: str, body: bytes = b"") -> None:
        """Send a frame whose head is a JSON text; ends the process when the worker is gone."""
        about = head.encode("utf-8", "backslashreplace")
        with self._lock:
            self._waiting.append(FRAME.pack(kind, len(about), len(body)) + about + body)
            if not self._sending:  # else a signal handler prints while a frame is on its way
                self._drain()

    def may_begin(self) -> bool:
        """Wait for the permit of the call that came; False: the worker has taken it back."""
        return self._permits < 0 or os.read(self._permits, 1) == b"R"

    def close(self) -> None:
        """Let go of the socket: a forked child has no business with it."""
        self._socket.close()

    def _drain(self) -> None:
        self._sending = True
        try:
            while self._waiting:
                self._socket.sendall(self._waiting.popleft())
        except BaseException:  # half a frame may be out: nothing after it could be read
            os._exit(70)
        self._sending = False

    def _fill(self, size: int) -> bool:
        while len(self._buffer) < size:
            chunk = self._socket.recv(max(CHUNK, min(size - len(self._buffer), 1 << 20)))
            if not chunk:
                return False
            self._buffer += chunk
        return True


# What the user's code prints


class Capture:
    """The output of one call: the first half of the limit at once, the end of the rest at the end."""

    def __init__(self, wire: Wire, call_id: str, limit: int) -> None:
        self._wire, self._id = wire, call_id
        self._head = self._room = limit // 2
        self._lock = threading.RLock()
        self._lines: dict[str, str] = {}
        self._tail: collections.deque[tuple[str, str]] = collections.deque()
        self._size = self._dropped = 0

    def write(self, stream: str, text: str) -> None:
        """Take text; whole lines leave at once while there is room."""
        with self._lock:
            if self._head <= 0:
                self._keep(stream, text)
                return
            line = self._lines.pop(stream, "") + text
            cut = len(line) if len(line) >= LINE else line.rfind("\n") + 1
            if cut < len(line):
                self._lines[stream] = line[cut:]
            if cut:
                self._emit(stream, line[:cut])

    def flush(self) -> None:
        """Send what does not end in a newline yet."""
        with self._lock:
            for stream in list(self._lines):
                self._emit(stream, self._lines.pop(stream))

    def finish(self) -> None:
        """Send the rest, after a word on how much is missing before it."""
        if not self._lines and not self._tail:
            return
        with self._lock:
            self.flush()
            if self._dropped:
                self._post("stdout", "", self._dropped)
            while self._tail:
                stream, text = self._tail.popleft()
                texts = [text]
                while self._tail and self._tail[0][0] == stream:
                    texts.append(self._tail.popleft()[1])
                self._post(stream, "".join(texts))
            self._size = self._dropped = 0

    def _emit(self, stream: str, text: str) -> None:
        head, rest = text[: self._head], text[self._head :]
        self._head -= len(head)
        if head:
            self._post(stream, head)
        if rest:
            self._keep(stream, rest)

    def _keep(self, stream: str, text: str) -> None:
        if len(text) > self._room:
            self._dropped += len(text) - self._room
            text = text[len(text) - self._room :]
        self._tail.append((stream, text))
        self._size += len(text)
        while self._size > self._room:
            lost = len(self._tail.popleft()[1])
            self._size -= lost
            self._dropped += lost

    def _post(self, stream: str, text: str, dropped: int = 0) -> None:
        head = {"id": self._id, "stream": stream, "dropped": dropped}
        self._wire.send(OUTPUT, _encode(head), text.encode("utf-8", "backslashreplace"))


class Stream(io.TextIOBase):
    """What stands in for sys.stdout and sys.stderr."""

    encoding = "utf-8"
    errors = "backslashreplace"
    mode = "w"

    def __init__(self, console: Console, name: str) -> None:
        self._console, self._stream = console, name
        self.name = f"<{name}>"
        self.buffer = Raw(self)

    def write(self, text: str) -> int:
        """Take text for the call that runs now."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._console.capture.write(self._stream, text)
        return len(text)

    def flush(self) -> None:
        """Send a line that is not complete."""
        self._console.capture.flush()

    def reconfigure(self, **_: object) -> None:
        """Accept what programs ask of a terminal; lines leave at once anyway."""

    def writable(self) -> bool:
        """Tell that one may write."""
        return True

    def fileno(self) -> int:
        """Return the descriptor that child processes may write to."""
        return 1 if self._stream == "stdout" else 2


class Raw(io.RawIOBase):
    """The bytes behind a stream."""

    def __init__(self, stream: Stream) -> None:
        self._text = stream

    def write(self, data: Any) -> int:
        """Take bytes as UTF-8."""
        self._text.write(bytes(data).decode("utf-8", "backslashreplace"))
        return len(data)

    def writable(self) -> bool:
        """Tell that one may write."""
        return True


class Console:
    """Leads whatever is printed to the call that runs now, else to none."""

    def __init__(self, wire: Wire, limit: int) -> None:
        self._wire, self._limit = wire, limit
        self._idle = self.capture = Capture(wire, "", limit)
        self._stdout, self._stderr = Stream(self, "stdout"), Stream(self, "stderr")

    def install(self) -> None:
        """Take over sys.stdout and sys.stderr."""
        sys.stdout, sys.stderr = self._stdout, self._stderr
        # The child must not lose a SIGTERM to our handler before it has put it away.
        mask = signal.pthread_sigmask
        os.register_at_fork(
            before=lambda: mask(signal.SIG_BLOCK, {signal.SIGTERM}),
            after_in_parent=lambda: mask(signal.SIG_UNBLOCK, {signal.SIGTERM}),
            after_in_child=self._release,
        )

    def begin(self, call_id: str) -> None:
        """From here on, what is printed belongs to this call."""
        self.capture = Capture(self._wire, call_id, self._limit)
        sys.stdout, sys.stderr = self._stdout, self._stderr

    def end(self) -> None:
        """From here on, what is printed belongs to no call."""
        capture, self.capture = self.capture, self._idle
        capture.finish()

    def _release(self) -> None:
        """In a forked child: no socket, prints go to the pipes, and SIGTERM ends it."""
        self._wire.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", write_through=True)
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), "utf-8", write_through=True)


# Tasks


class Task:
    """A function, and how its parameters are filled."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, parameters = function, _parameters(function)
        names = {parameter.name for parameter in parameters}
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            names |= {"plugs", "output"}
        self.offers = tuple(name for name in OFFERED if name in names)
        data = [parameter for parameter in parameters if parameter.name not in OFFERED]
        self.arguments = [_describe(position, each) for position, each in enumerate(data)]
        self._single = [each.name for each in data if each.kind is each.POSITIONAL_ONLY]
        self._optional = all(
            each.default is not each.empty or each.kind is each.VAR_KEYWORD for each in data
        )
        leads = bool(data) and parameters[0].name in OFFERED
        leads = leads and data[0].kind is data[0].POSITIONAL_OR_KEYWORD
        self._first = data[0].name if leads else ""

    def call(self, value: Any, form: dict[str, Any], offered: dict[str, Any]) -> Any:
        """Call the function with an input, in the form that the call says, and what we offer."""
        if form.get("named"):
            return self._spread(value, offered)
        if "args" in form:
            return self.function(*value, **offered)
        if value is None and self._optional:
            return self.function(**offered)
        if self._first:
            return self.function(**{self._first: value}, **offered)
        return self.function(value, **offered)

    def _spread(self, value: Any, offered: dict[str, Any]) -> Any:
        if not isinstance(value, dict):
            raise Fault("malformed", "the input must be an object of arguments")
        given = {**offered, **value}
        single = [given.pop(name) for name in self._single if name in given]
        return self.function(*single, **given)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some functions written in C do not tell
        return [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]


def _describe(position: int, parameter: inspect.Parameter) -> dict[str, Any]:
    many = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return {
        "name": parameter.name,
        "position": position,
        "kind": parameter.kind.name,
        "has_default": many or parameter.default is not parameter.empty,
    }


class Context(types.SimpleNamespace):
    """What a call may know of itself: call_id, run_id, socket, attempt, network, parent."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("the context cannot be changed")


class Output(dict):  # type: ignore[type-arg]
    """The parameter `output`: may be written to like a file, or filled like a dict."""

    def write(self, text: str) -> int:
        """Print text."""
        return sys.stdout.write(text)

    def flush(self) -> None:
        """Send a line that is not complete."""
        sys.stdout.flush()

    def tell(self) -> None:
        """Print what the dict was filled with."""
        for name, value in self.items():
            sys.stdout.write(f"{name}: {value}\n")


_MAKE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "plugs": lambda call: {},
    "output": lambda call: Output(),
    "routes": lambda call: dict.fromkeys(call.get("routes") or call.get("plugs") or (), False),
    "context": lambda call: Context(**(call.get("context") or {})),
    "emit": lambda call: lambda channel, value: emit(call, channel, value),
}


def emit(call: dict[str, Any], channel: str, value: Any) -> None:
    """Tell whoever listens something, on the channel `log` or `data`."""
    if channel not in ("log", "data"):
        raise ValueError(f'there is no channel "{channel}", only log and data')
    head = _encode({"id": call["id"], "channel": channel})
    call["wire"].send(EMIT, head, _encode(value).encode("utf-8", "backslashreplace"))


class Emitter:
    """Sends the outputs of one call."""

    def __init__(self, wire: Wire, call: dict[str, Any], offered: dict[str, Any], cap: int) -> None:
        self._wire, self._id, self._limit = wire, call["id"], cap
        self._known, self._routes = call.get("plugs") or (), call.get("routes") or ()
        self._offered = offered

    def exhaust(self, generator: Any) -> Any:
        """Send everything that a generator yields; return what it returns."""
        while True:
            try:
                value = next(generator)
            except StopIteration as end:
                return end.value
            self._yield(value)

    async def exhaust_async(self, generator: Any) -> None:
        """Send everything that an async generator yields."""
        async for value in generator:
            self._yield(value)

    def finish(self, result: Any, generator: bool) -> Outcome:
        """Send what the function left in `plugs` and `output`; return what it came to."""
        routes = self._empty() if self._offered else None
        if type(result) not in PLAIN and _is_route(result):
            result, routes = result.result, list(result.plugs)
        for name in routes or ():
            self._check(name)
        content_type, body = write_value(result, self._limit)
        return Outcome(content_type, body, generator, routes)

    def _empty(self) -> list[str] | None:
        self._empty_plugs()
        if "output" in self._offered:
            self._offered["output"].tell()
        if "routes" not in self._offered:
            return None
        return [name for name, on in self._offered["routes"].items() if on]

    def _yield(self, value: Any) -> None:
        self._empty_plugs()
        if type(value) not in PLAIN and _is_route(value):
            for name in value.plugs:
                self._send(value.result, name)
        else:
            self._send(value, None)

    def _empty_plugs(self) -> None:
        plugs = self._offered.get("plugs")
        while plugs:
            name = next(iter(plugs))
            self._send(plugs.pop(name), name)

    def _send(self, value: Any, plug: str | None) -> None:
        if plug is not None:
            self._check(plug)
        content_type, body = write_value(value, self._limit)
        head = {"id": self._id, "plug": plug, "content_type": content_type}
        self._wire.send(YIELD, _encode(head), body)

    def _check(self, name: str) -> None:
        """Refuse a name that leads nowhere: a route, a plug, its target, its target's processor."""
        if name in self._routes:
            return
        for plug in self._known:
            if plug == name or f"{plug}.".find(f"-{name}.") >= 0:
                return
        word, names = ("route", self._routes) if self._routes else ("plug", self._known)
        known = ", ".join(names) or "none"
        raise Fault("output", f'there is no {word} "{name}"; the {word}s of this socket: {known}')


def _is_route(value: Any) -> bool:
    return hasattr(value, "plugs") and hasattr(value, "result")


class Python:
    """Tasks that are functions of a module, or methods of a class in it."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self._overrides: dict[str, str] = setup.get("overrides") or {}
        self._limit = int(setup.get("frame_cap") or 0)
        self._name, _, self._class = str(setup.get("module") or "").partition(":")
        self._module = self._load(setup)
        self._owner = self._instantiate() if self._class else self._module
        self._tasks: dict[str, Task] = {}
        self._loop: Any = None

    def describe(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """Return the wanted tasks; raises Fault when one is not there."""
        return [self._show(name) for name in names]

    def run(self, wire: Wire, call: dict[str, Any], body: bytes) -> Outcome:
        """Run one call."""
        call["wire"] = wire
        if "tests" in call:
            return self._test(call, body)
        result, offered = self._call(call["task"], call, body)
        if not offered and type(result) in PLAIN:
            return Outcome(*write_value(result, self._limit))
        emitter = Emitter(wire, call, offered, self._limit)
        return emitter.finish(*self._unfold(result, emitter))

    def _call(self, name: str, call: dict[str, Any], body: bytes) -> tuple[Any, dict[str, Any]]:
        task = self._tasks.get(name) or self._find(name)
        value = read_input(call, body)
        offered = {name: _MAKE[name](call) for name in task.offers}
        return task.call(value, call, offered), offered

    def _test(self, call: dict[str, Any], body: bytes) -> Outcome:
        """Pass on the input as it is, and say which functions it satisfies."""
        routes = []
        for name, test in call["tests"].items():
            answer = self._call(test, call, body)[0]
            if self._wait(_await(answer)) if inspect.isawaitable(answer) else answer:
                routes.append(name)
        if "parts" in call:
            return Outcome(*write_value(read_input(call, body), self._limit), False, routes)
        return Outcome(call.get("content_type", JSON), body, False, routes)

    def stop(self) -> None:
        """Let the process end: nothing else is ours to end."""

    def _load(self, setup: dict[str, Any]) -> types.ModuleType:
        if setup["kind"] != "code":
            return importlib.import_module(self._name)
        self._name = self._name or "processor_code"
        module = types.ModuleType(self._name)
        sys.modules[self._name] = module
        _execute(setup["code"], "<processor code>", module)
        return module

    def _instantiate(self) -> Any:
        maker = getattr(self._module, self._class, None)
        if not callable(maker):
            raise Fault("task", _missing(self._class, self._module, f"module {self._name}"))
        return maker()

    def _find(self, name: str) -> Task:
        own = getattr(self._owner, name, None)
        function = self._override(name) if name in self._overrides else own
        if not callable(function):
            where = f"class {self._class}" if self._class else f"module {self._name}"
            raise Fault("task", _missing(name, self._owner, where))
        return self._tasks.setdefault(name, Task(function))

    def _override(self, name: str) -> Any:
        before = vars(self._module).get(name)
        try:
            _execute(self._overrides[name], f"<override of {name}>", self._module)
        except Exception as error:
            told = f'the override of "{name}": {type(error).__name__}: {explain(error)}'
            raise Fault("override", told) from error
        function = vars(self._module).get(name)
        if function is before or not callable(function):
            raise Fault("override", f'the override of "{name}" does not define it')
        return types.MethodType(function, self._owner) if self._class else function

    def _show(self, name: str) -> dict[str, Any]:
        try:
            task = self._find(name)
        except Fault as fault:
            if fault.kind != "override":
                raise
            # Only the calls of this task fail, each with the reason.
            task = Task(getattr(self._owner, name, None) or (lambda: None))
        text = source_of(task.function)
        return {"name": name, "module": self._name, "arguments": task.arguments, "source": text}

    def _unfold(self, result: Any, emitter: Emitter) -> tuple[Any, bool]:
        if inspect.isgenerator(result):
            return emitter.exhaust(result), True
        if inspect.isasyncgen(result):
            return self._wait(emitter.exhaust_async(result)), True
        return (self._wait(_await(result)) if inspect.isawaitable(result) else result), False

    def _wait(self, coroutine: Any) -> Any:
        if self._loop is None:
            import asyncio

            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(coroutine)


async def _await(awaitable: Any) -> Any:
    return await awaitable


def _missing(name: str, owner: Any, where: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, [each for each in dir(owner) if each[0] != "_"], 1)
    hint = f' (did you mean "{near[0]}"?)' if near else ""
    what = "is not a function of" if hasattr(owner, name) else "is not in"
    place = getattr(owner, "__file__", None)
    return f'"{name}" {what} {where}{hint}' + (f", {place}" if place else "")


def _execute(code: str, filename: str, module: types.ModuleType) -> None:
    """Run text as part of a module; tracebacks can show its lines."""
    linecache.cache[filename] = (len(code), None, code.splitlines(True), filename)
    exec(compile(code, filename, "exec", dont_inherit=True), vars(module))


def source_of(function: Any) -> str:
    """Return the text of a function, where there is one."""
    with suppress(OSError, TypeError):
        return inspect.getsource(function)[:TEXT]
    return ""


# Programs


class Command:
    """A program that answers each line of JSON with a line of JSON; it is kept between calls."""

    def __init__(self, setup: dict[str, Any]) -> None:
        import shutil

        self._command = [str(word) for word in setup.get("command") or ()]
        if not self._command:
            raise Fault("command", "the command is empty")
        if shutil.which(self._command[0]) is None:
            raise Fault("command", f'there is no program "{self._command[0]}" that can be run')
        self._limit = int(setup.get("frame_cap") or 0)
        self._process: Any = None
        self._left = bytearray()

    def describe(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """Return every wanted task: the program takes them all."""
        return [{"name": name, "module": "", "arguments": [], "source": ""} for name in names]

    def run(self, wire: Wire, call: dict[str, Any], body: bytes) -> Outcome:
        """Have the program answer one call."""
        value = read_value(call.get("content_type", JSON), body)
        if isinstance(value, bytes):
            raise Fault("malformed", "a command takes JSON or text, not bytes")
        question = _encode(value).encode("utf-8", "backslashreplace") + b"\n"
        self._make_ready()
        answer = b""
        try:
            answer = self._converse(question)
            parse(answer.decode())
        except (ValueError, RecursionError) as error:
            self.stop()
            shown = answer[:200].decode("utf-8", "backslashreplace")
            told = f"its answer is not a line of JSON ({error}): {shown}"
            raise Fault("command", told) from error
        except BaseException:
            self.stop()
            raise
        return Outcome(JSON, answer)

    def stop(self) -> None:
        """End the program with everything in its group."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):
                pipe.close()

    def _make_ready(self) -> None:
        waiting = self._process and select.select([self._process.stdout], [], [], 0)[0]
        if self._process is not None and (self._left or waiting):
            # Where nothing of it is left to be read, it ended between the calls.
            ended = not self._left and not os.read(self._process.stdout.fileno(), 1)
            if self._process.poll() is None and not ended:
                sys.stderr.write("flowctl: the program said more than one line; it is restarted\n")
            self.stop()
        if self._process is None:
            self._start()

    def _start(self) -> None:
        import subprocess

        self._left.clear()
        # This file again: it makes a group, ties it to our life, and becomes the program.
        words = [sys.executable, "-S", __file__, "exec", str(os.getpid()), *self._command]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            os.set_blocking(stream.fileno(), False)

    def _converse(self, question: bytes) -> bytes:
        """Write a line and read one, while its stderr is passed on."""
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        unsent = memoryview(question)
        reading = [stdout, stderr]
        while b"\n" not in self._left:
            readable, writable, _ = select.select(reading, [stdin] if unsent else [], [])
            if stderr in readable and not self._pass_on(stderr):
                reading.remove(stderr)
            if stdout in readable and not self._hear(stdout):
                raise Fault("command", self._obituary(stderr))
            if writable:
                try:
                    unsent = unsent[stdin.write(unsent) or 0 :]
                except BrokenPipeError:  # the end of its stdout tells what became of it
                    unsent = unsent[:0]
        self._pass_on(stderr)
        answer, _, rest = bytes(self._left).partition(b"\n")
        self._left[:] = rest
        return answer.strip()

    def _hear(self, stdout: Any) -> bool:
        chunk = stdout.read(CHUNK)
        self._left += chunk or b""
        if 0 < self._limit < len(self._left):
            raise Fault("TooLarge", f"the answer is longer than {self._limit} bytes")
        return chunk is None or bool(chunk)

    def _pass_on(self, stderr: Any) -> bool:
        """Print what the program wrote to stderr; tell whether more may come."""
        while True:
            chunk = stderr.read(CHUNK)
            if not chunk:
                return chunk is None
            sys.stderr.write(chunk.decode("utf-8", "backslashreplace"))

    def _obituary(self, stderr: Any) -> str:
        status, _ = self._process.wait(), self._pass_on(stderr)
        how = f"was ended by signal {-status}" if status < 0 else f"exited with {status}"
        return f"the program {how} before it answered"


def become(parent: int, command: list[str]) -> NoReturn:
    """Turn this process into a program that ends with `parent`, in a group of its own."""
    os.setpgid(0, 0)
    die_with(parent)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(127)


# Failures


def explain(error: BaseException) -> str:
    """Return the message of an exception, whatever its class makes of it."""
    try:
        text = str(error)
    except Exception:
        text = "<the exception cannot be shown>"
    return text[:LINE] or type(error).__name__


def trace(error: BaseException) -> str:
    """Return the traceback without our own frames before the user's."""
    place = error.__traceback__
    while place is not None and _is_ours(place.tb_frame.f_code.co_filename):
        place = place.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, place))
    except Exception:  # memory or the stack may be exhausted, or the exception cannot be shown
        return type(error).__name__ + "\n"
    return text if len(text) <= TEXT else text[: TEXT // 2] + "\n...\n" + text[-TEXT // 2 :]


def _is_ours(path: str) -> bool:
    ours = path == __file__ or path.startswith("<frozen importlib")
    return ours or path.endswith(("importlib/__init__.py", "asyncio/base_events.py"))


def failure_of(error: BaseException) -> dict[str, Any]:
    """Return type, message and traceback of whatever ended a call."""
    if isinstance(error, Fault):
        cause = error.__cause__
        shown = trace(cause) if cause is not None and error.kind == "override" else ""
        return {"type": error.kind, "message": explain(error), "traceback": shown}
    return {"type": type(error).__name__, "message": explain(error), "traceback": trace(error)}


# The process


class Route(NamedTuple):
    """A value and the plugs that it goes to: what `flowctl.Route` is where that is installed."""

    result: Any
    plugs: Iterable[str]


class Unmarked(types.ModuleType):
    """Stands for `flowctl.authoring` where flowctl is not installed: decorators change nothing."""

    @classmethod
    def find_spec(cls, name: str, *_: Any) -> Any:
        """Offer it, after everybody else had nothing."""
        spec = importlib.machinery.ModuleSpec(name, cls, is_package=True)  # type: ignore[arg-type]
        return spec if name in {"flowctl", "flowctl.authoring"} else None

    @classmethod
    def create_module(cls, spec: Any) -> types.ModuleType:
        """Return it, filled; all but a plug may stand without parentheses."""
        module: Any = cls(spec.name)
        module.Route = Route
        if spec.name == "flowctl.authoring":
            module.plug = lambda *_, **__: lambda marked: marked
            module.network = module.processor = module.socket = lambda marked="", **__: (
                marked if callable(marked) else lambda later: later
            )
        return module  # type: ignore[no-any-return]

    @staticmethod
    def exec_module(_: types.ModuleType) -> None:
        """Nothing is left to do."""


def die_with(parent: int) -> None:
    """Have the kernel end this process together with its parent."""
    with suppress(ImportError, OSError, AttributeError):  # the end of the socket tells, too
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(0)


def limit_resources(memory: int) -> None:
    """Bound what this process may take; be the first to go when the host is short of memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory > 0:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        memory = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")


def lift(number: int) -> int:
    """Move a file to a high descriptor that no child process inherits."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    high = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, min(900, max(soft - 16, 3)))
    os.close(number)
    return high


def open_source(setup: dict[str, Any]) -> Python | Command:
    """Load what SETUP names."""
    limit_resources(int(setup.get("memory") or 0))
    if setup.get("cwd"):
        os.chdir(setup["cwd"])
    if sys.prefix != sys.base_prefix:  # what its packages brought can be run by name
        os.environ["VIRTUAL_ENV"] = sys.prefix
        os.environ["PATH"] = f"{sys.prefix}/bin{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    sys.path[:0] = setup.get("paths") or []
    sys.meta_path.append(Unmarked)
    sys.argv[:] = [setup.get("module") or "processor"]
    return Command(setup) if setup["kind"] == "command" else Python(setup)


def answer(
    wire: Wire, console: Console, source: Python | Command, call: dict[str, Any], body: bytes
) -> None:
    """Run one call and send what came of it."""
    call_id = call["id"]
    console.begin(call_id)
    outcome: Outcome | dict[str, Any]
    started = time.perf_counter()
    try:
        outcome = source.run(wire, call, body)
    except BaseException as error:
        outcome = failure_of(error)
    duration = time.perf_counter() - started
    console.end()
    if isinstance(outcome, dict):
        wire.send(FAILED, _encode(dict(outcome, id=call_id, duration=duration)))
        return
    generator = "true" if outcome.generator else "false"
    routes = "null" if outcome.routes is None else _encode(outcome.routes)
    # Written by hand: this line is a tenth of the time that a small call takes.
    head = (
        f'{{"id":{_quote(call_id)},"content_type":"{outcome.content_type}",'
        f'"duration":{duration:.6f},"generator":{generator},"routes":{routes}}}'
    )
    wire.send(DONE, head, outcome.body)


def serve(wire: Wire) -> int:
    """Set up, then run calls until told to stop; return the exit status."""
    frame = wire.receive()
    if frame is None or frame[0] != SETUP:
        return 0
    console = Console(wire, int(frame[1].get("output_cap") or OUTPUT_CAP))
    console.install()
    try:
        source = open_source(frame[1])
        tasks = source.describe(frame[1].get("tasks") or ())
    except BaseException as error:
        console.capture.finish()
        wire.send(BROKEN, _encode(failure_of(error)))
        return 3
    console.capture.finish()
    version = ".".join(map(str, sys.version_info[:3]))
    wire.send(READY, _encode({"pid": os.getpid(), "python": version, "tasks": tasks}))
    while (frame := wire.receive()) is not None and frame[0] != STOP:
        if wire.may_begin():
            answer(wire, console, source, frame[1], frame[2])
    source.stop()
    if frame is None:
        os._exit(0)  # the worker is gone: threads of the user must not keep us
    return 0


def main() -> int:
    """Start as the worker asked."""
    if sys.argv[1] == "exec":
        become(int(sys.argv[2]), sys.argv[3:])
    die_with(int(sys.argv[2]))
    # A signal to the whole service must not cut off the call that the worker waits for. It is not
    # ignored but handled, so that the programs which the user's code starts do not inherit it.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    faulthandler.enable(file=2)
    permits = lift(int(sys.argv[3])) if len(sys.argv) > 3 else -1  # older workers give none
    return serve(Wire(socket.socket(fileno=lift(int(sys.argv[1]))), permits))


if __name__ == "__main__":
    sys.exit(main())
