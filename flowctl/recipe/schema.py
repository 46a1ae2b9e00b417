"""The grammar of recipes as tables: which keys there are, what each holds and what it means.

The parser reads by these tables and `describe` prints them as a JSON Schema, for editors and for
`flowctl explain`. What spans several keys (plugs that lead nowhere, cycles) is in `check`.
"""

from __future__ import annotations

from flowctl.model.flow import PlugKind
from flowctl.model.nodes import ProcessorType
from flowctl.recipe import kinds, words
from flowctl.recipe.kinds import Anything, Forms, Json, Key, ListOf, MapOf, Record, Variants

_MODULE = Key(
    "module",
    words.MODULE,
    "The module with the functions; a class in it as module:Class.",
    required=True,
)

GIT = Record(
    "code in a git repository",
    (
        Key("git", words.URL, "Where to fetch from: https, ssh, file or user@host:path.", True),
        Key("ref", words.REF, "Branch, tag or commit.", default="the default branch"),
        Key("path", words.INNER_PATH, "The folder inside the checkout that holds the code."),
        _MODULE,
    ),
)
CODE = Record(
    "code in the recipe itself",
    (
        Key("code", words.SOME_TEXT, "The text of the module.", True),
        Key("module", words.MODULE, "What to call it.", default="the processor's name"),
    ),
)
COMMAND = Record(
    "any program: one JSON line in, one JSON line out",
    (
        Key(
            "command",
            Forms(words.COMMAND, ListOf(words.TEXT)),
            "Program and arguments.",
            True,
        ),
        Key("path", words.FOLDER, "The folder it runs in, relative to the recipe."),
    ),
)
PATH = Record(
    "code in a folder of the host",
    (
        Key("path", words.FOLDER, "The folder for the import path, relative to the recipe.", True),
        _MODULE,
    ),
)
SOURCE = Variants(
    "where the code is",
    (("git", GIT), ("code", CODE), ("command", COMMAND), ("path", PATH)),
)

SCALE = Record(
    "autoscaling",
    (
        Key("min", words.whole(0), "Fewest cpus.", default="0"),
        Key("max", words.whole(1), "Most cpus.", default="1"),
        Key("queue", words.whole(1), "Waiting messages per cpu worth another.", default="100"),
        Key("cooldown", words.DURATION, "Quiet time before a cpu is taken away.", default="1m"),
    ),
)
RETRY = Forms(
    words.RETRY,
    Record(
        "retries",
        (
            Key("max", words.RETRIES, "Further attempts after the first.", default="0"),
            Key("backoff", words.DURATION, "Wait before the first; doubles.", default="1s"),
            Key("cap", words.DURATION, "The longest wait.", default="5m"),
            Key("on", ListOf(words.EXCEPTION), "Exceptions to retry.", default="all"),
        ),
    ),
)
RATE = Forms(
    words.RATE,
    Record(
        "a rate limit",
        (
            Key("calls", words.CALLS, "Calls that may start.", True),
            Key("per", words.SPAN, "In this time.", default="1s"),
            Key(
                "scope",
                words.choice("processor", "worker"),
                "All workers together, or each by itself.",
                default="processor",
            ),
        ),
    ),
)
JOIN = Forms(
    words.JOIN,
    Record(
        "how values for several arguments meet",
        (
            Key("mode", words.JOIN_MODE, "Each used once, or the newest of each.", default="zip"),
            Key("by", words.choice("run"), "Only values of the same run meet."),
        ),
    ),
)
ARGUMENT = Record(
    "an argument",
    (Key("schema", Anything(), "The JSON Schema that its values must fit."),),
)
QUEUE = Record(
    "limits of a queue",
    (
        Key("ttl", words.DURATION, "Time after which a message is dead.", default="no limit"),
        Key("max_length", words.whole(0), "Messages; more are refused.", default="no limit"),
    ),
)
SOCKET = Forms(
    words.SOCKET,
    Record(
        "a socket",
        (
            Key("task", words.TASK, "The function that runs.", default="the socket's name"),
            Key("cron", words.SOME_TEXT, "Call it at these times: five fields, or six."),
            Key("every", words.SPAN, "Call it again and again in this interval."),
            Key("at", words.MOMENT, "Call it once, at this moment."),
            Key("payload", Anything(), "The value that a timed call is given.", default="null"),
            Key("timezone", words.SOME_TEXT, "The zone that cron means.", default="UTC"),
            Key(
                "catchup",
                words.choice("skip", "once", "all"),
                "What happens to times that nobody could serve.",
                default="once",
            ),
            Key("paused", words.BOOLEAN, "Do not call it by itself for now.", default="false"),
            Key("join", JOIN, "How values for its arguments meet.", default="zip"),
            Key("wait", words.choice("all"), "Run when every plug that leads here has delivered."),
            Key("routes", MapOf(words.NAMED, words.TASK), "router: each route's function."),
            Key("arguments", MapOf(words.ARGUMENT, ARGUMENT), "What its arguments must be."),
            Key("schema", Anything(), "The JSON Schema that its input must fit."),
            Key("json", Anything(), "data: the object itself."),
            Key("csv", words.SOME_TEXT, "data: rows as text; the first line names the columns."),
            Key("url", words.WEB, "data: the address that gives the object."),
            Key("queue", QUEUE, "Limits of its queue."),
        ),
    ),
)
PROCESSOR = Record(
    "a processor",
    (
        Key(
            "type",
            words.choice(*ProcessorType),
            "What its functions decide, or what it is in their place.",
            default="task",
        ),
        Key("source", SOURCE, "Where the code is; nodes that decide nothing may do without."),
        Key(
            "steps",
            ListOf(Forms(words.STEP, ListOf(words.STEP))),
            "pipeline, parallel, funnel, segment: the sockets it calls; a list within is parallel.",
        ),
        Key("final", words.STEP, "funnel: the socket that gets the list of results."),
        Key("size", words.whole(1), "segment: how much of the list each call gets."),
        Key("errors", words.choice("stop", "keep"), "What a failed branch does.", default="stop"),
        Key("requirements", ListOf(words.REQUIREMENT), "Packages that the code needs."),
        Key(
            "cpus",
            words.cpus(),
            "Calls at once over all hosts; auto: as many as this machine has.",
            default="1",
        ),
        Key("scale", SCALE, "Let the number of cpus follow the load."),
        Key("timeout", words.DURATION, "Time that a call may take.", default="no limit"),
        Key("retry", RETRY, "What happens to calls that raised.", default="0"),
        Key("rate", RATE, "How many calls may start in a time.", default="no limit"),
        Key("env", MapOf(words.VARIABLE, words.TEXT), "Variables that the code sees."),
        Key("labels", MapOf(words.SOME_TEXT, words.TEXT), "Labels that an agent must carry."),
        Key("host", words.HOST, "The only agent that may run it."),
        Key("memory", words.SIZE, "Memory of one executor.", default="no limit"),
        Key(
            "track",
            words.choice("all", "errors", "none"),
            "Which calls are recorded.",
            default="all",
        ),
        Key("enabled", words.BOOLEAN, "Whether it is deployed.", default="true"),
        Key("description", words.TEXT, "What it does, for people."),
        Key("sockets", MapOf(words.NAMED, SOCKET), "Its entries by name."),
    ),
    either=("source", "type"),
)
PLUG = Forms(
    words.PLUG,
    Record(
        "a plug",
        (
            Key("from", words.ADDRESS, "The socket whose outcome is sent on.", True),
            Key("to", words.ADDRESS, "The socket that gets it.", True),
            Key("on", words.choice(*PlugKind), "Which outcome.", default="result"),
            Key("route", words.NAMED, "The route of a router that it serves."),
            Key("argument", words.ARGUMENT, "The argument of the target that is fed."),
            Key("gather", words.ADDRESS, "Collect all that came of one call of this socket."),
            Key("allow_cycle", words.BOOLEAN, "This plug closes a loop.", default="false"),
            Key("name", words.NAMED, "What to call it.", default="derived from its ends"),
            Key("queue", QUEUE, "Limits of its queue."),
        ),
    ),
)
SSH = Record(
    "how to reach a host",
    (
        Key("user", words.HOST, "The user to log in as."),
        Key("key", words.SOME_TEXT, "The file with the private key."),
    ),
)
AGENT = Record(
    "an agent",
    (
        Key("hostname", words.HOST, "Its host.", default="its name"),
        Key("cpus", words.whole(0), "What it offers.", default="all of its host"),
        Key("labels", MapOf(words.SOME_TEXT, words.TEXT), "What it carries."),
        Key("ssh", SSH, "How to reach its host."),
        Key("path", words.SOME_TEXT, "The folder on the host to install into."),
        Key("enabled", words.BOOLEAN, "Whether it is used.", default="true"),
    ),
)
DEPLOYMENT = Record(
    "a placement that a person fixed",
    (
        Key("processor", words.NAMED, "What runs.", True),
        Key("agent", words.HOST, "On which agent."),
        Key("hostname", words.HOST, "On the agent of this host."),
        Key("cpus", words.whole(1), "With how many cpus.", default="1"),
    ),
)
RECIPE = Record(
    "a flowctl recipe",
    (
        Key("version", words.VERSION, "The version of this grammar.", default="1"),
        Key("network", words.NAMED, "The name of the network.", True),
        Key(
            "strategy",
            words.choice("balanced", "efficient"),
            "Spread over the agents, or fill one after the other.",
            default="balanced",
        ),
        Key("processors", MapOf(words.NAMED, PROCESSOR), "Code, by name."),
        Key("plugs", ListOf(PLUG), "What flows from where to where."),
        Key("agents", MapOf(words.HOST, AGENT), "Agents, by name."),
        Key("nodes", MapOf(words.HOST, AGENT), "The same as agents."),
        Key("deployments", MapOf(words.HOST, DEPLOYMENT), "Fixed placements, by name."),
    ),
)


def describe() -> Json:
    """Return the JSON Schema of a recipe."""
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, **kinds.describe(RECIPE)}
