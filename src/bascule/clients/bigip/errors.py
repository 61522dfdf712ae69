"""What can go wrong between us and a device, sorted by what may be done about it."""

from __future__ import annotations


class DeviceError(Exception):
    """Something went wrong. The text is for operators: it names the device and holds no secret."""

    def __init__(self, device: str, text: str) -> None:
        super().__init__(f"{device}: {text}")
        self.device = device
        self.text = text


class Unreachable(DeviceError):
    """No answer was had, and nothing was changed: it was never sent, or it only read."""


class Untrusted(Unreachable):
    """The device could not show that it is the one meant: its certificate does not fit. Not even the login was sent."""


class NoActiveDevice(Unreachable):
    """No device of the group is active. While one device takes over from another, this is so for a moment."""


class OutcomeUnknown(DeviceError):
    """A write was sent and no usable answer came. It may have been carried out, or may still be: read again, or send again."""


class LoginRefused(DeviceError):
    """The device does not accept our credentials, or does not let this user do it. Nothing was changed."""


class Busy(DeviceError):
    """The device cannot answer now: it starts, or has too much to do. Nothing was changed."""


class Refused(DeviceError):
    """The device answered that it will not do it. Nothing was changed."""

    def __init__(self, device: str, status: int, text: str) -> None:
        super().__init__(device, f"{text} (HTTP {status})")
        self.status = status
