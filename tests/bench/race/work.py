"""The functions that every system runs; standard library only.

What counts notes its moment in one file, 8 bytes a call, so that all are measured by one clock.
"""

import os
import struct
import time

_MARKS = os.open(os.environ["RACE_MARKS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)


def mark(value=None):
    """Note that this call ran, and return the value."""
    os.write(_MARKS, struct.pack("<Q", time.time_ns()))
    return value


def through(value=None):
    """Return the value: the first of two stages."""
    return value


def nap(seconds):
    """Be busy without a cpu, and note when, and who was."""
    began = time.time_ns()
    time.sleep(seconds)
    os.write(_MARKS, struct.pack("<QQQ", began, time.time_ns(), os.getpid()))
    return seconds


def burn(seconds):
    """Use a cpu for so many seconds of its time."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(200))
    return mark(seconds)


def pair(left, right):
    """Note that two values met."""
    return mark([left, right])


def total(values):
    """Return how many values there are: the end of a fan-in."""
    return mark(len(values))


def more(value):
    """Return the next number."""
    return value + 1
