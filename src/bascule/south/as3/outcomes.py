"""From what AS3 and the device say to outcomes. Users get sentences of ours: the device's words may name what belongs to others."""

from __future__ import annotations

import re

from bascule.clients.bigip.errors import Busy, DeviceError, LoginRefused, NoActiveDevice, OutcomeUnknown, Unreachable
from bascule.clients.bigip.replies import Rejection, TenantResult, Verdict
from bascule.model.backend import Done, Outcome, Rejected, Retry
from bascule.south.as3.blame import blamed
from bascule.south.as3.names import owners_in

_CODE = re.compile(r"\b([0-9a-f]{8}):\d+: ")
_MEANINGS = {
    "01070333": "The address and port are in use by something else on the device.",
    "0107176c": "The address is in use by something else on the device.",
    "01070309": "This session persistence needs a listener that understands HTTP.",
    "01070317": "The certificate and the key do not belong together.",
    "01070712": "A certificate, a key or another value is not valid for the device.",
    "01070151": "A rule is not valid for the device.",
}

UNKNOWN = "Whether the change was carried out is not known. It is sent again."
TROUBLED = "The device could not carry out the change now. It is sent again."


def of_tenant(result: TenantResult, declared: str | None) -> Outcome:
    """What came of a tenant whose result is final. Stale and occupied ones are for whoever sent them."""
    if result.verdict is Verdict.DONE:
        return Done(result.changed)
    if result.verdict is Verdict.REFUSED:
        return Rejected(_refused(result.text), tuple(blamed(result.text, declared) if declared else ()), result.text)
    return Retry(TROUBLED, result.text)


def of_rejection(rejection: Rejection) -> Outcome:
    """What a tenant gets when a request was refused because of it."""
    if rejection.code != 422:
        return Retry("The device does not accept changes now.", f"{rejection.text} (code {rejection.code})")
    return Rejected("The device does not accept this configuration.", tuple(owners_in(rejection.text)), rejection.text)


def of_problem(problem: DeviceError) -> Retry:
    """What everything gets that could not be sent, or not be answered."""
    match problem:
        case OutcomeUnknown():
            text = UNKNOWN
        case NoActiveDevice():
            text = "No device is active now."
        case LoginRefused():
            text = "The device refuses the service's login."
        case Busy():
            text = "The device is busy or starting."
        case Unreachable():
            text = "The device does not answer."
        case _:
            text = TROUBLED
    return Retry(text, str(problem))


def _refused(words: str) -> str:
    found = _CODE.search(words)
    if found and found[1] in _MEANINGS:
        return _MEANINGS[found[1]]
    return f"The device refuses this configuration{f' (code {found[1]})' if found else ''}."
