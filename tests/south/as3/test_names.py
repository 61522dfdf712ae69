"""Names on the device are short, stable and tell whose they are."""

from __future__ import annotations

import uuid

import pytest

from bascule.south.as3 import limits
from bascule.south.as3.names import address, address_item, item, owner_of, owners_in, tenant_name


def test_a_tenant_has_13_characters_of_its_own() -> None:
    """Also where ids differ in nothing but their end, so that 100,000 load balancers do not meet."""
    ids = [f"1b000000-0000-4000-8000-{number:012x}" for number in range(100_000)]
    found = {tenant_name(each) for each in ids}
    assert len(found) == len(ids)
    assert {len(each) for each in found} == {13}
    assert tenant_name("1b000000-0000-4000-8000-000000000001") == "b4hgkrocfb3w3"


def test_an_item_tells_whose_it_is() -> None:
    object_id = str(uuid.uuid4())
    assert owner_of(item("ls", object_id)) == object_id
    assert owner_of(item("hm", object_id, address_item("10.0.0.1%5"), "p_80")) == object_id
    assert owner_of(item("ls", object_id) + "-1-") == object_id
    assert owner_of("va_10_0_0_1") is None
    assert owner_of("tcp_50_1_1667") is None


def test_a_text_of_a_device_tells_about_whom_it_is() -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    one, other = item("ls", first), item("pl", second, "x")
    said = f"01070333:3: Virtual Server /b/app/{one} shares with /b/app/{other} and {one}."
    assert owners_in(said) == [first, second]
    assert owners_in("01070333:3: Virtual Server /Common/mine") == []


def test_two_addresses_never_have_one_name() -> None:
    found = ["10.0.0.1", "10.0.0.1%5", "10.0.0.15", "1::", "::1", "1::1", "1:2:3:4:5:6:7:8"]
    assert len({address_item(each) for each in found}) == len(found)


def test_an_address_has_one_spelling() -> None:
    assert address("2001:DB8:0::1") == "2001:db8::1"
    assert address("10.0.0.1", 5) == "10.0.0.1%5"


@pytest.mark.parametrize("text", ["", "fe80::1%eth0", "10.0.0.1%5", "010.0.0.1", "any", "10.0.0.0/8"])
def test_nothing_else_is_an_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        address(text)


@pytest.mark.parametrize("text", ["", "a b", "a-", "-a", "a_b", "a/b", "\u00e9", 'a"'])
def test_nothing_else_is_an_id(text: str) -> None:
    with pytest.raises(ValueError, match="an id holds only"):
        item("ls", text)


@pytest.mark.parametrize("count", [0, 1, 1000, limits.MOST - 1, limits.MOST])
def test_so_many_tenants_fit_into_the_record_of_as3(count: int) -> None:
    names = [tenant_name(str(number)) for number in range(count)]
    assert count + limits.left(names) in (limits.MOST, limits.MOST - 1)
    full = ["x" * 13] * (count + limits.left(names))
    record = f"date^2026-11-20T20:29:10.551Z|id^bascule-e1795203058-f1000000|tenants^{','.join(full)}|blocks^9999"
    assert 65_000 < len(record) <= 65_520
    assert limits.left(["x" * 190] * 400) == 0
