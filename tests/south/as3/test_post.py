"""What is sent to a device group, and what comes of it: batches, blame, and two who write at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bascule.clients.bigip import Credentials, Device, DeviceGroup, Trust
from bascule.model.backend import Done, Fence, Fenced, Outcome, Rejected, Retry
from bascule.model.secrets import Secret, SecretRef
from bascule.south.as3.post import Poster, Wish
from bascule.south.as3.saving import Saver
from bascule.south.as3.secrets import Part, stand_in
from tests.cases import loader
from tests.clients.bigip.site import Counted
from tests.emulator.site import DECLARE, PASSWORD, Box, box, identity, small, tenant

pytestmark = pytest.mark.slow

BUNDLE = {"bundle": {"class": "CA_Bundle", "bundle": stand_in(SecretRef("p", "members_ca", "00"), Part.ALL)}}
FIRST, SECOND = Fence(1, 1, "here"), Fence(1, 2, "here")
ELSEWHERE = Fence(1, 1, "elsewhere")


class Clock:
    """Every look at it takes `step` seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def device() -> Iterator[Box]:
    with box() as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


Make = Callable[[], Poster]


@pytest.fixture
def make(device: Box, tmp_path: Path, clock: Clock) -> Iterator[Make]:
    """Makes what two workers have: nothing in common but the device."""
    (tmp_path / "ca.pem").write_text(identity()[1])
    trust, credentials = Trust(tmp_path / "ca.pem"), Credentials("admin", Secret(PASSWORD.encode()))
    groups: list[DeviceGroup] = []

    def made() -> Poster:
        groups.append(DeviceGroup("pair", [Device(device.url, credentials, trust)]))
        return Poster(groups[-1], Saver(groups[-1], 3600), clock=clock)

    yield made
    for group in groups:
        group.close()


@pytest.fixture
def poster(make: Make) -> Poster:
    return make()


def wish(name: str, application: dict[str, Any] | None, there: bool = True) -> Wish:
    body = {"class": "Tenant", "app": application} if application else None
    return Wish((name, "pair"), name, "one", 1, json.dumps(body) if body else None, None, there)


def no_secrets(ref: SecretRef) -> Secret:
    raise KeyError(ref)


def send(poster: Poster, *wishes: Wish, fence: Fence = FIRST) -> dict[str, Outcome]:
    return {target[0]: outcome for target, outcome in poster.post(fence, wishes, no_secrets).items()}


def lb(number: int) -> dict[str, Any]:
    return small(f"203.0.113.{number}", 80, f"10.9.0.{number}")


def stored(device: Box) -> dict[str, Any]:
    body = device.get(DECLARE).body or {}
    return {name: each for name, each in body.items() if isinstance(each, dict) and each.get("class") == "Tenant"}


@pytest.mark.parametrize("guilty", [1, 4, 7])
def test_halves_tell_who_is_to_blame_where_as3_does_not(poster: Poster, device: Box, guilty: int) -> None:
    wishes = [wish(f"T{number}", lb(number) | ({"Wrong": {"clas": "Pool"}} if number == guilty else {})) for number in range(1, 9)]
    outcomes = send(poster, *wishes)
    assert {name for name, outcome in outcomes.items() if outcome == Done()} == {f"T{n}" for n in range(1, 9) if n != guilty}
    found = outcomes[f"T{guilty}"]
    assert isinstance(found, Rejected)
    assert found.operator_text == "Invalid data property: Wrong"
    assert len(stored(device)) == 7


def test_who_is_named_is_left_out_and_the_others_go_in_one_request(poster: Poster, device: Box) -> None:
    wrong = lb(3)
    wrong["vs"]["virtualPort"] = 70000
    other = lb(5)
    other["vs"]["pool"] = "nowhere"
    outcomes = send(poster, *(wish(f"T{n}", {3: wrong, 5: other}.get(n) or lb(n)) for n in range(1, 7)))
    assert [name for name, outcome in outcomes.items() if isinstance(outcome, Rejected)] == ["T3", "T5"]
    assert len(device.get("/mgmt/shared/appsvcs/task").body["items"]) == 3
    for outcome in outcomes.values():
        assert not isinstance(outcome, Rejected) or outcome.reason == "The device does not accept this configuration."


@pytest.mark.parametrize("label", ["of somebody else", "bascule one", "bascule here other"])
@pytest.mark.parametrize("there", [True, False], ids=["known", "new"])
def test_what_is_not_ours_is_neither_changed_nor_removed(poster: Poster, device: Box, label: str, there: bool) -> None:
    device.declare(tenant("T1", lb(1), label=label))
    before = stored(device)
    for application in (lb(2), None):
        outcome = send(poster, wish("T1", application, there), wish("T2", lb(3), there))["T1"]
        assert isinstance(outcome, Rejected)
        assert outcome.reason == "On the device, something that is not of this service has the name."
    assert stored(device).pop("T1") == before["T1"]


@pytest.mark.parametrize("there", [True, False], ids=["known", "new"])
def test_what_another_installation_has_is_its_own(poster: Poster, make: Make, device: Box, there: bool) -> None:
    assert send(make(), wish("T1", lb(1)), fence=ELSEWHERE) == {"T1": Done()}
    before = stored(device)
    outcome = send(poster, wish("T1", lb(2), there), fence=Fence(9, 9, "here"))["T1"]
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "On the device, this load balancer belongs to another installation of the service."
    assert outcome.operator_text == "the tenant T1 belongs to the installation elsewhere, and this is here"
    assert send(poster, wish("T1", None)) == {"T1": Done()}, "of ours nothing is there"
    assert stored(device) == before


def test_what_is_new_is_not_asked_for(poster: Poster, device: Box) -> None:
    send(poster, wish("T1", lb(1), there=False))
    asked = Counted(device, "GET", "declare")
    answers = [send(poster, wish("T2", lb(2), there=False), wish("T1", application)) for application in (lb(3), lb(4))]
    assert answers == [{"T1": Done(), "T2": Done()}] * 2
    assert asked.so_far() == 3, "once for what is known, each time; and once for what was there against expectation"
    assert stored(device)["T1"]["app"]["vs"]["virtualAddresses"] == ["203.0.113.4"]


def test_a_certificate_that_cannot_be_read_holds_up_only_its_tenant(poster: Poster) -> None:
    secret = {"certificate": {"class": "Certificate", "certificate": stand_in(SecretRef("p", "r", "00"), Part.CERTIFICATE)}}
    outcomes = send(poster, wish("T1", lb(1) | secret), wish("T2", lb(2)))
    assert isinstance(outcomes["T1"], Retry)
    assert outcomes["T2"] == Done()


def test_removing_what_is_not_there_is_done(poster: Poster) -> None:
    assert send(poster, wish("T1", None)) == {"T1": Done()}


def test_the_stamp_says_who_wrote_and_an_earlier_owner_is_fenced(poster: Poster, make: Make, device: Box) -> None:
    assert send(make(), wish("T1", lb(1)), fence=SECOND) == {"T1": Done()}
    assert stored(device)["T1"]["remark"] == "e1 f2 g1"
    with pytest.raises(Fenced):
        send(poster, wish("T1", lb(2)))
    with pytest.raises(Fenced):
        send(poster, wish("T1", None))
    assert stored(device)["T1"]["app"]["vs"]["virtualAddresses"] == ["203.0.113.1"]


@pytest.mark.parametrize("there", [False, True])
def test_a_worker_that_was_paused_does_not_overwrite_what_the_next_one_wrote(make: Make, device: Box, there: bool) -> None:
    """It is paused after it has looked at the device and before it writes."""
    late, next_one = make(), make()
    if there:
        assert send(late, wish("T1", lb(9))) == {"T1": Done()}

    def while_it_sleeps(ref: SecretRef) -> Secret:
        assert send(next_one, wish("T1", lb(2)), fence=SECOND) == {"T1": Done()}
        return loader.secret(ref)

    with pytest.raises(Fenced):
        late.post(FIRST, [wish("T1", lb(1) | BUNDLE)], while_it_sleeps)
    assert stored(device)["T1"]["remark"] == "e1 f2 g1"
    assert stored(device)["T1"]["app"]["vs"]["virtualAddresses"] == ["203.0.113.2"]


def test_what_an_earlier_owner_wrote_meanwhile_is_overwritten(make: Make, device: Box) -> None:
    late, next_one = make(), make()

    def while_it_looks(ref: SecretRef) -> Secret:
        if not stored(device):
            assert send(late, wish("T1", lb(2))) == {"T1": Done()}
        return loader.secret(ref)

    outcomes = next_one.post(SECOND, [wish("T1", lb(1) | BUNDLE)], while_it_looks)
    assert outcomes == {("T1", "pair"): Done()}
    assert stored(device)["T1"]["remark"] == "e1 f2 g1"


def test_requests_become_smaller_while_the_device_is_slow(poster: Poster, device: Box, clock: Clock) -> None:
    clock.step = 20.0
    wishes = [wish(f"T{number}", lb(number)) for number in range(1, 9)]
    assert set(send(poster, *wishes).values()) == {Done()}
    again = [wish(f"T{number}", lb(number + 100)) for number in range(1, 9)]
    assert set(send(poster, *again).values()) == {Done()}
    sizes = [len(each["results"]) for each in reversed(device.get("/mgmt/shared/appsvcs/task").body["items"])]
    assert sizes == [8, 4, 4]
