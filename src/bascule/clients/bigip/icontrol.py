"""iControl REST: what is asked of a device itself, of its group, and of what its virtual servers and members are doing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bascule.clients.bigip.device import ATTEMPTS, TIMEOUT, Device
from bascule.clients.bigip.errors import Busy, Refused
from bascule.clients.bigip.wire import Answer

_SAVE = "/mgmt/tm/task/sys/config"


def checked(device: Device, answer: Answer) -> Any:
    """The body of an answer that has to be good. Raises Busy, Refused."""
    if answer.busy:
        raise Busy(device.name, answer.words())
    if not 200 <= answer.status < 300:
        raise Refused(device.name, answer.status, answer.words())
    return answer.body if answer.body is not None else {}


def read(device: Device, path: str, *, timeout: float = TIMEOUT, attempts: int = ATTEMPTS) -> dict[str, Any]:
    """An object or a list. Raises DeviceError."""
    body = checked(device, device.get(path, timeout=timeout, attempts=attempts))
    if not isinstance(body, dict):
        raise Refused(device.name, 200, "the answer is not an object")
    return body


def items(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The elements of a list. An empty list has none."""
    found = body.get("items")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


# The device and its group


@dataclass(frozen=True, slots=True)
class Unit:
    """A device as the group knows it. `state` is active, standby, offline, forced-offline or unknown."""

    name: str
    state: str
    version: str
    own: bool
    """It is the one that was asked."""


def units(device: Device, *, timeout: float = TIMEOUT, attempts: int = ATTEMPTS) -> tuple[Unit, ...]:
    """The devices that this one knows, itself among them. Raises DeviceError."""
    return tuple(
        Unit(
            str(one.get("hostname") or one.get("name", "")),
            str(one.get("failoverState", "unknown")),
            str(one.get("version", "")),
            # iControl REST writes it as text.
            str(one.get("selfDevice", "")).lower() == "true",
        )
        for one in items(read(device, "/mgmt/tm/cm/device", timeout=timeout, attempts=attempts))
    )


def processors(device: Device, *, timeout: float = TIMEOUT) -> float:
    """How busy those are that carry traffic, in percent over the last minute. Raises DeviceError."""
    ratios = [_number(entries, "oneMinAvgUsageRatio") for entries in nested(read(device, "/mgmt/tm/sys/tmm-info", timeout=timeout))]
    return sum(ratios) / len(ratios) if ratios else 0.0


def connections(device: Device, *, timeout: float = TIMEOUT) -> int:
    """How many connections of clients there are now. Raises DeviceError."""
    threads = nested(read(device, "/mgmt/tm/sys/tmm-traffic", timeout=timeout))
    return sum(_number(entries, "clientSideTraffic.curConns") for entries in threads)


def nested(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The entries of each thing that numbers are told of."""
    entries = body.get("entries")
    for one in entries.values() if isinstance(entries, dict) else ():
        found = one.get("nestedStats", {}).get("entries") if isinstance(one, dict) else None
        if isinstance(found, dict):
            yield found


def _word(entries: Mapping[str, Any], name: str) -> str:
    found = entries.get(name)
    return str(found.get("description", "")) if isinstance(found, dict) else ""


def _number(entries: Mapping[str, Any], name: str) -> int:
    found = entries.get(name)
    value = found.get("value", 0) if isinstance(found, dict) else 0
    return int(value) if isinstance(value, int | float) else 0


# Saving


class Saving(StrEnum):
    """How far saving the configuration has come."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


def start_saving(device: Device, *, timeout: float = TIMEOUT, attempts: int = ATTEMPTS) -> str:
    """Have the running configuration written to the device's disk. Gives the id of the task. Raises DeviceError."""
    body = checked(device, device.request("POST", _SAVE, {"command": "save"}, timeout=timeout, attempts=attempts))
    number = body.get("_taskId") if isinstance(body, dict) else None
    if number is None:
        raise Refused(device.name, 200, "the answer names no task")
    checked(device, device.put(f"{_SAVE}/{number}", {"_taskState": "VALIDATING"}, timeout=timeout))
    return str(number)


def saving(device: Device, task: str) -> Saving:
    """How far it has come. A task that the device does not know any more has failed. Raises DeviceError."""
    answer = device.get(f"{_SAVE}/{task}")
    if answer.status == 404 and not answer.busy:
        return Saving.FAILED
    body = checked(device, answer)
    state = body.get("_taskState") if isinstance(body, dict) else None
    return {"COMPLETED": Saving.DONE, "FAILED": Saving.FAILED}.get(str(state), Saving.RUNNING)


# What is seen


@dataclass(frozen=True, slots=True)
class VirtualStats:
    """What a virtual server counts, since the device started or took over."""

    path: str
    """Full path: /partition/folder/name."""
    availability: str
    """available, offline or unknown: what its pool is."""
    enabled: bool
    bits_in: int
    bits_out: int
    current_connections: int
    total_connections: int
    requests: int
    slow_killed: int


@dataclass(frozen=True, slots=True)
class MemberState:
    """A member of a pool as the device sees it."""

    pool: str
    """Full path."""
    member: str
    """Full path with the port: /partition/address:port, or .port for IPv6."""
    address: str
    port: int
    state: str
    """up, down, unchecked, checking, user-down, or a form of these."""
    session: str
    """monitor-enabled, user-enabled or user-disabled."""
    description: str


def virtual_stats(device: Device, *, timeout: float = TIMEOUT) -> tuple[VirtualStats, ...]:
    """The numbers of all virtual servers, in one request. Raises DeviceError."""
    body = read(device, "/mgmt/tm/ltm/virtual/stats", timeout=timeout)
    return tuple(
        VirtualStats(
            path=_word(entries, "tmName"),
            availability=_word(entries, "status.availabilityState"),
            enabled=_word(entries, "status.enabledState") == "enabled",
            bits_in=_number(entries, "clientside.bitsIn"),
            bits_out=_number(entries, "clientside.bitsOut"),
            current_connections=_number(entries, "clientside.curConns"),
            total_connections=_number(entries, "clientside.totConns"),
            requests=_number(entries, "totRequests"),
            slow_killed=_number(entries, "clientside.slowKilled"),
        )
        for entries in nested(body)
    )


def member_states(device: Device, *, timeout: float = TIMEOUT) -> tuple[MemberState, ...]:
    """The states of all members of all pools, in one request. Raises DeviceError.

    The list of pools with their members tells it, since the device shows the state that its monitors see among a member's
    properties. There is a list of the members' statistics as well, but what it looks like differs between versions, and nothing of
    what it counts is wanted.
    """
    body = read(device, "/mgmt/tm/ltm/pool?expandSubcollections=true&$select=fullPath,membersReference", timeout=timeout)
    return tuple(
        _member(str(pool.get("fullPath", "")), member)
        for pool in items(body)
        for member in items(pool.get("membersReference") or {})
    )


def _member(pool: str, shown: Mapping[str, Any]) -> MemberState:
    path = str(shown.get("fullPath", ""))
    name = path.rpartition("/")[2]
    port = name.rpartition("." if name.count(":") > 1 else ":")[2]
    return MemberState(
        pool=pool,
        member=path,
        address=str(shown.get("address", "")),
        port=int(port) if port.isdigit() else 0,
        state=str(shown.get("state", "")),
        session=str(shown.get("session", "")),
        description=str(shown.get("description", "")),
    )
