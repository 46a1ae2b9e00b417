"""The tables of canvases that are under way."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CompositeKey, TextField

from flowctl.model.canvas import Canvas
from flowctl.model.traffic import Failure
from flowctl.state.fields import Body, Document
from flowctl.state.tables import Table


class CanvasRow(Table):
    """Canvases: the tree, and whether a branch has failed for good."""

    id = TextField(primary_key=True)
    failed = BooleanField()
    canvas = Document(Canvas)

    class Meta:
        table_name = "canvas"


class CanvasNodeRow(Table):
    """Patterns that have begun, and how much of their lists has arrived."""

    canvas = TextField()
    path = TextField()
    total = BigIntegerField()
    arrived = BigIntegerField()

    class Meta:
        table_name = "canvas_node"
        primary_key = CompositeKey("canvas", "path")


class CanvasSlotRow(Table):
    """The places of lists that are filled."""

    id = TextField(primary_key=True)
    canvas = TextField()
    path = TextField()
    position = BigIntegerField()
    body = Body()

    class Meta:
        table_name = "canvas_slot"


class CanvasFailureRow(Table):
    """Branches that failed for good."""

    canvas = TextField()
    path = TextField()
    call_id = TextField()
    failure = Document(Failure)

    class Meta:
        table_name = "canvas_failure"
        primary_key = CompositeKey("canvas", "path")
