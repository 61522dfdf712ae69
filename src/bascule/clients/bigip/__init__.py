"""BIG-IP: a session with one device, a group of devices of which one is active, iControl REST and AS3.

`wire` sends one request and gives one answer; `login` says who asks; `device` puts both together and repeats what may be repeated;
`group` finds the active device. On top of a device, `icontrol` asks for what the status needs, and `as3` hands in declarations.
Nothing here is printed or logged that was sent as a body or a header, and what devices say is cleared of keys first.
"""

from bascule.clients.bigip.as3 import AS3
from bascule.clients.bigip.device import Device
from bascule.clients.bigip.errors import (
    Busy,
    DeviceError,
    LoginRefused,
    NoActiveDevice,
    OutcomeUnknown,
    Refused,
    Unreachable,
    Untrusted,
)
from bascule.clients.bigip.group import DeviceGroup, Member
from bascule.clients.bigip.login import Credentials
from bascule.clients.bigip.wire import Answer, Trust

__all__ = [
    "AS3",
    "Answer",
    "Busy",
    "Credentials",
    "Device",
    "DeviceError",
    "DeviceGroup",
    "LoginRefused",
    "Member",
    "NoActiveDevice",
    "OutcomeUnknown",
    "Refused",
    "Trust",
    "Unreachable",
    "Untrusted",
]
