"""What iControl REST tells and does beside the configuration: version, saving, the device group, failover, readiness."""

from __future__ import annotations

import itertools
import re
from typing import Any

from bigip_emulator.bodies import error
from bigip_emulator.cluster import Cluster
from bigip_emulator.device import Device
from bigip_emulator.seen import COUNTERS
from bigip_emulator.show import VERSION
from bigip_emulator.web import Request, Response, Router

BUILD = "0.0.4"
_TM = "/mgmt/tm"


def _nested(link: str, entries: dict[str, Any]) -> dict[str, Any]:
    return {f"https://localhost{_TM}/{link}": {"nestedStats": {"entries": entries}}}


def _texts(**values: str) -> dict[str, Any]:
    return {name: {"description": value} for name, value in values.items()}


class System:
    """The device beside its configuration."""

    def __init__(self, device: Device, cluster: Cluster) -> None:
        self._device = device
        self._cluster = cluster
        self._ids = itertools.count(1)
        self._tasks: dict[str, dict[str, Any]] = {}

    def routes(self, router: Router) -> None:
        router.add(f"{_TM}/util/available", GET=self._available)
        router.add(f"{_TM}/sys/version", GET=self._version)
        router.add(f"{_TM}/sys/ready", GET=self._ready)
        router.add(f"{_TM}/sys/tmm-info", GET=self._tmm_info)
        router.add(f"{_TM}/sys/tmm-traffic", GET=self._tmm_traffic)
        router.add(f"{_TM}/sys/provision", GET=self._provision)
        router.add(f"{_TM}/sys/global-settings", GET=self._global_settings)
        router.add(f"{_TM}/sys/config", POST=self._config)
        router.add(f"{_TM}/sys/failover", GET=self._failover_shown, POST=self._failover)
        router.add(f"{_TM}/cm", POST=self._config_sync)
        router.add(f"{_TM}/cm/config-sync", POST=self._config_sync)
        router.add(f"{_TM}/cm/device", GET=self._devices)
        router.add(f"{_TM}/cm/device/{{name}}", GET=self._one_device)
        router.add(f"{_TM}/cm/device-group", GET=self._groups)
        router.add(f"{_TM}/cm/device-group/{{name}}", GET=self._group)
        router.add(f"{_TM}/cm/device-group/{{name}}/devices", GET=self._group_devices)
        router.add(f"{_TM}/cm/sync-status", GET=self._sync_status)
        router.add(f"{_TM}/cm/failover-status", GET=self._failover_status)
        router.add(f"{_TM}/cm/traffic-group", GET=self._traffic_groups)
        for name in ("sys/config", "cm/config-sync"):
            router.add(f"{_TM}/task/{name}", POST=self._task_new)
            router.add(f"{_TM}/task/{name}/{{number}}", GET=self._task, PUT=self._task_start)
        router.add("/mgmt/shared/identified-devices/config/device-info", GET=self._device_info)

    def _available(self, _request: Request) -> Response:
        return Response(200, {})

    def _version(self, _request: Request) -> Response:
        link = "sys/version/0"
        numbers = _texts(
            Build=BUILD,
            Date="Wed Nov 1 12:00:00 PDT 2023",
            Edition="Point Release 1",
            Product="BIG-IP",
            Title="Main Package",
            Version=VERSION,
        )
        return Response(
            200,
            {
                "kind": "tm:sys:version:versionstats",
                "selfLink": f"https://localhost{_TM}/sys/version?ver={VERSION}",
                "entries": _nested(link, numbers),
            },
        )

    def _ready(self, _request: Request) -> Response:
        numbers = _texts(configReady="yes", licenseReady="yes", provisionReady="yes")
        return Response(200, {"kind": "tm:sys:ready:readystats", "entries": _nested("sys/ready/0", numbers)})

    def _tmm_info(self, _request: Request) -> Response:
        entries: dict[str, Any] = {}
        for number, busy in enumerate(self._device.seen.processors):
            values = {"cpu": number, "memoryTotal": 2155872256, "memoryUsed": 235604408, "npus": 1, "tmid": number, "tmmPid": 9762}
            ratios = {f"{span}AvgUsageRatio": busy for span in ("fiveSec", "oneMin", "fiveMin")}
            numbers = {name: {"value": value} for name, value in {**values, **ratios}.items()}
            entries |= _nested(f"sys/tmm-info/0.{number}", numbers | _texts(tmmId=f"0.{number}"))
        return Response(200, {"kind": "tm:sys:tmm-info:tmm-infostats", "entries": entries})

    def _tmm_traffic(self, _request: Request) -> Response:
        """What the virtual servers count, shared out among the threads that carry it."""
        with self._device.lock:
            virtuals = [found.path for found in self._device.store.every() if found.kind == "ltm/virtual"]
            counted = [self._device.seen.count(path) for path in virtuals]
        threads = len(self._device.seen.processors)
        entries: dict[str, Any] = {}
        for number in range(threads):
            numbers: dict[str, Any] = {}
            for name in COUNTERS:
                whole = sum(each[name] for each in counted)
                share = whole // threads + (whole % threads if number == 0 else 0)
                numbers |= {f"{side}SideTraffic.{name}": {"value": share} for side in ("client", "server")}
            entries |= _nested(f"sys/tmm-traffic/0.{number}", numbers | _texts(tmmId=f"0.{number}"))
        return Response(200, {"kind": "tm:sys:tmm-traffic:tmm-trafficstats", "entries": entries})

    def _provision(self, _request: Request) -> Response:
        modules = ("afm", "apm", "asm", "avr", "gtm", "ltm", "pem")
        items = [
            {
                "kind": "tm:sys:provision:provisionstate",
                "name": name,
                "fullPath": name,
                "level": "nominal" if name == "ltm" else "none",
            }
            for name in modules
        ]
        return Response(200, {"kind": "tm:sys:provision:provisioncollectionstate", "items": items})

    def _global_settings(self, _request: Request) -> Response:
        return Response(200, {"kind": "tm:sys:global-settings:global-settingsstate", "hostname": self._device.settings.hostname})

    def _device_info(self, _request: Request) -> Response:
        info = {
            "hostname": self._device.settings.hostname,
            "version": VERSION,
            "build": BUILD,
            "product": "BIG-IP",
            "platform": "Z100",
        }
        return Response(200, {**info, "kind": "shared:resolver:device-groups:deviceinfostate"})

    # Saving

    def _config(self, request: Request) -> Response:
        body = request.fields()
        if body.get("command") not in ("save", "load"):
            raise error(400, f'invalid property value "command":"{body.get("command")}"')
        if body["command"] == "load":
            raise error(400, "01070734:3: Configuration error: the emulator loads no configuration but its own, at a reboot")
        self._device.save()
        return Response(
            200, {"kind": "tm:sys:config:savestate", "command": "save", **{k: v for k, v in body.items() if k == "options"}}
        )

    def _task_new(self, request: Request) -> Response:
        body = request.fields()
        number = str(next(self._ids))
        self._tasks[number] = body
        return Response(200, {"_taskId": int(number), "command": body.get("command"), "_taskState": "STARTED"})

    def _task_found(self, number: str) -> dict[str, Any]:
        if number not in self._tasks:
            raise error(404, f"Task not found: {number}")
        return self._tasks[number]

    def _task_start(self, request: Request, number: str) -> Response:
        task = self._task_found(number)
        if request.path.split("/")[-2] == "config":
            self._device.save()
            task["_taskState"] = "COMPLETED"
        else:
            task["_taskState"] = "COMPLETED" if self._cluster.sync() else "FAILED"
        return Response(202, {"_taskId": int(number), "_taskState": "VALIDATING", "message": "Task will execute asynchronously."})

    def _task(self, _request: Request, number: str) -> Response:
        return Response(200, {"_taskId": int(number), "_taskState": "STARTED", **self._task_found(number)})

    # The device group

    def _config_sync(self, request: Request) -> Response:
        body = request.fields()
        arguments = str(body.get("utilCmdArgs", ""))
        match = re.search(r"to-group (\S+)", arguments) or re.search(r"(\S+)", str(body.get("to-group", "")))
        if body.get("command") != "run" or match is None:
            raise error(400, "01070734:3: Configuration error: what to synchronize has to be given as config-sync to-group NAME")
        self._named(match[1].rpartition("/")[2])
        if not self._cluster.sync():
            raise error(400, "01071430:3: Cannot sync: the other device of the group does not answer")
        return Response(200, body)

    def _named(self, name: str) -> None:
        if not self._cluster.group.peer or name.replace("~", "/").rpartition("/")[2] != self._cluster.group.name:
            raise error(404, f"01020036:3: The requested device group (/Common/{name}) was not found.")

    def _device_shown(self, name: str, state: str, own: bool) -> dict[str, Any]:
        return {
            "kind": "tm:cm:device:devicestate",
            "name": name,
            "partition": "Common",
            "fullPath": f"/Common/{name}",
            "hostname": name,
            "selfLink": f"https://localhost{_TM}/cm/device/~Common~{name}?ver={VERSION}",
            "failoverState": state,
            "selfDevice": str(own).lower(),
            "version": VERSION,
            "build": BUILD,
            "product": "BIG-IP",
            "edition": "Point Release 1",
        }

    def _all_devices(self) -> list[dict[str, Any]]:
        cluster = self._cluster
        shown = [self._device_shown(self._device.settings.hostname, cluster.state(), True)]
        if cluster.group.peer and cluster.peer_name:
            shown.append(self._device_shown(cluster.peer_name, cluster.peer["state"] if cluster.peer else "unknown", False))
        return shown

    def _devices(self, _request: Request) -> Response:
        return Response(200, {"kind": "tm:cm:device:devicecollectionstate", "items": self._all_devices()})

    def _one_device(self, _request: Request, name: str) -> Response:
        for shown in self._all_devices():
            if shown["name"] == name.rpartition("~")[2]:
                return Response(200, shown)
        raise error(404, f"01020036:3: The requested device ({name.replace('~', '/')}) was not found.")

    def _group_shown(self) -> dict[str, Any]:
        group = self._cluster.group
        return {
            "kind": "tm:cm:device-group:device-groupstate",
            "name": group.name,
            "partition": "Common",
            "fullPath": f"/Common/{group.name}",
            "type": "sync-failover",
            "autoSync": "enabled" if group.automatic else "disabled",
            "fullLoadOnSync": "false",
            "networkFailover": "enabled",
        }

    def _groups(self, _request: Request) -> Response:
        items = [self._group_shown()] if self._cluster.group.peer else []
        body: dict[str, Any] = {"kind": "tm:cm:device-group:device-groupcollectionstate"}
        return Response(200, {**body, "items": items} if items else body)

    def _group(self, _request: Request, name: str) -> Response:
        self._named(name)
        return Response(200, self._group_shown())

    def _group_devices(self, _request: Request, name: str) -> Response:
        self._named(name)
        items = [{"name": shown["name"], "fullPath": shown["fullPath"]} for shown in self._all_devices()]
        return Response(200, {"kind": "tm:cm:device-group:devices:devicescollectionstate", "items": items})

    def _sync_status(self, _request: Request) -> Response:
        status, color = self._cluster.sync_status()
        mode = "high-availability" if self._cluster.group.peer else "standalone"
        return Response(
            200,
            {
                "kind": "tm:cm:sync-status:sync-statusstats",
                "entries": _nested("cm/sync-status/0", _texts(color=color, mode=mode, status=status, summary=status)),
            },
        )

    def _failover_status(self, _request: Request) -> Response:
        state = self._cluster.state()
        color = {"active": "green", "standby": "gray"}.get(state, "red")
        numbers = _texts(color=color, status=state.upper(), summary=f"{state} traffic groups")
        return Response(
            200, {"kind": "tm:cm:failover-status:failover-statusstats", "entries": _nested("cm/failover-status/0", numbers)}
        )

    def _traffic_groups(self, _request: Request) -> Response:
        item = {"kind": "tm:cm:traffic-group:traffic-groupstate", "name": "traffic-group-1", "fullPath": "/Common/traffic-group-1"}
        return Response(200, {"kind": "tm:cm:traffic-group:traffic-groupcollectionstate", "items": [item]})

    def _failover_shown(self, _request: Request) -> Response:
        text = f"Failover {self._cluster.state()} for 0d 00:00:00\n"
        return Response(200, {"kind": "tm:sys:failover:failoverstats", "apiRawValues": {"apiAnonymous": text}})

    def _failover(self, request: Request) -> Response:
        body = request.fields()
        arguments = str(body.get("utilCmdArgs", ""))
        if body.get("command") != "run":
            raise error(400, f'invalid property value "command":"{body.get("command")}"')
        if body.get("standby") or arguments == "standby":
            self._cluster.stand_by()
        elif body.get("offline") or arguments == "offline":
            self._cluster.go_offline(True)
        elif body.get("online") or arguments == "online":
            self._cluster.go_offline(False)
        else:
            raise error(400, "one of standby, offline and online has to be given")
        return Response(200, body)
