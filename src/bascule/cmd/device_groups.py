"""Declared device groups: from the options of a section to a checked value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bascule.clients.bigip import Credentials, Device, DeviceGroup, Trust
from bascule.model.secrets import Secret


class DeviceGroupError(Exception):
    """A device group that cannot be declared so, and the option that is to blame."""

    def __init__(self, option: str, text: str) -> None:
        super().__init__(text)
        self.option = option


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceGroupSettings:
    """Devices that act as one. `max_load_balancers` is None where there is no limit."""

    name: str
    urls: tuple[str, ...]
    username: str
    password: Secret
    trust: Trust
    sync_group: str
    availability_zone: str | None
    max_load_balancers: int | None
    network_driver: str
    tags: tuple[str, ...]

    @property
    def device_names(self) -> tuple[str, ...]:
        """What the devices are called, in texts and as carriers of networks."""
        return tuple(urlsplit(url).netloc for url in self.urls)

    def connect(self) -> DeviceGroup:
        """The devices, without talking to them."""
        credentials = Credentials(self.username, self.password)
        return DeviceGroup(self.name, [Device(url, credentials, self.trust) for url in self.urls])


def declared(name: str, values: Mapping[str, Any]) -> DeviceGroupSettings:
    """A device group from the options of its section. Raises DeviceGroupError."""
    urls = tuple(values["urls"] or ())
    if not urls:
        raise DeviceGroupError("urls", "at least one must be given, such as https://192.0.2.10")
    if len(set(urls)) < len(urls):
        raise DeviceGroupError("urls", "a device is there twice")
    found = DeviceGroupSettings(
        name=name,
        urls=urls,
        username=values["username"],
        password=_password(values["password_file"]),
        trust=Trust(_file(values["ca_file"]), values["verify"]),
        sync_group=values["sync_group"] or "",
        availability_zone=values["availability_zone"],
        max_load_balancers=values["max_load_balancers"],
        network_driver=values["network_driver"],
        tags=tuple(dict.fromkeys(values["tags"])),
    )
    _check(found)
    return found


def _check(group: DeviceGroupSettings) -> None:
    try:
        group.trust.context()
    except OSError as error:
        raise DeviceGroupError("ca_file", f"{group.trust.ca_file} cannot be used: {error.strerror or error}") from error
    try:
        group.connect()
    except ValueError as error:
        raise DeviceGroupError("urls", str(error)) from error


def _password(name: str | None) -> Secret:
    file = _file(name)
    if file is None:
        raise DeviceGroupError("password_file", "it must be given: a file that holds nothing but the password")
    try:
        password = file.read_bytes().strip(b"\r\n")
    except OSError as error:
        raise DeviceGroupError("password_file", f"{file} cannot be read: {error.strerror}") from error
    if not password:
        raise DeviceGroupError("password_file", f"{file} is empty")
    return Secret(password)


def _file(name: str | None) -> Path | None:
    return Path(name).expanduser().absolute() if name else None
