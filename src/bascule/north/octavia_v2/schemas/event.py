"""What happened to a load balancer: answers. The original API has no such list."""

from __future__ import annotations

from typing import Any

from bascule.model.objects import Kind
from bascule.north.octavia_v2.schemas.common import Answer, moment


class EventObject(Answer, kw_only=True):
    """What an event is about."""

    type: str
    id: str


class EventAnswer(Answer, kw_only=True):
    """One thing that happened, in words. `generation` counts the edits of the load balancer."""

    time: str | None
    generation: int
    object: EventObject
    text: str


class EventsBody(Answer, kw_only=True):
    """What happened, newest first."""

    events: list[EventAnswer]


_TYPES = {Kind.LOAD_BALANCER: "loadbalancer", Kind.HEALTH_MONITOR: "healthmonitor"}


def show(row: Any) -> EventAnswer:
    """An event from its row."""
    about = EventObject(type=_TYPES.get(row.object_kind, row.object_kind), id=row.object_id)
    return EventAnswer(time=moment(row.at), generation=row.generation, object=about, text=row.text)
