"""Extract orders, let them through as far as they are whole, and load them into SQLite."""

import contextlib
import csv
import os
import sqlite3
from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS orders (id TEXT, way TEXT, country TEXT, amount INT, euros REAL, PRIMARY KEY (id, way));
CREATE TABLE IF NOT EXISTS broken (call TEXT PRIMARY KEY, place TEXT, reason TEXT, row TEXT);
"""


FILE = Path(__file__).with_name("orders.csv")


def rows():
    """Give every row, numbers as numbers where they are some."""
    with FILE.open(newline="") as lines:
        for row in csv.DictReader(lines):
            yield {key: number(text) for key, text in row.items() if key}


def number(text):
    for kind in (int, float):
        with contextlib.suppress(TypeError, ValueError):
            return kind(text)
    return text


def is_large(order):
    return order["euros"] >= 1000


def is_home(order):
    return order["country"] == "DE"


def large(order):
    return load("large", order)


def home(order):
    return load("home", order)


def abroad(order):
    return load("abroad", order)


def load(way, order):
    """Write an order; a row that comes again changes nothing."""
    values = (order["id"], way, order["country"], order["amount"], order["euros"])
    write("INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?)", values)
    return order["id"]


def broken(failure):
    """Write down what is wrong with a row, and where."""
    place = failure["details"][0]["path"] or "/"
    values = (failure["call_id"], place, failure["message"], str(failure["input"]))
    write("INSERT OR REPLACE INTO broken VALUES (?, ?, ?, ?)", values)
    return {"place": place, "reason": failure["message"]}


def write(statement, values):
    with contextlib.closing(sqlite3.connect(os.environ["ETL_DATABASE"], timeout=30)) as database:
        with database:
            database.executescript(TABLES)
        with database:
            database.execute(statement, values)


def loaded(orders):
    """Tell what was loaded; rows that failed are not among them."""
    return {"orders": len(orders), "euros": round(sum(order["euros"] for order in orders), 2)}
