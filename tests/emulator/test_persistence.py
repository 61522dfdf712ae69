from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.emulator.site import DECLARE, box, lb, small, tenant

pytestmark = pytest.mark.slow


def test_what_was_saved_survives_the_end(tmp_path: Path) -> None:
    state = tmp_path / "bigip.json"
    with box(state=state) as bigip:
        bigip.declare(tenant("T1", lb()), persist=True)
        bigip.ask("POST", "/mgmt/tm/net/vlan", {"name": "vlan-7", "tag": 7})
        bigip.ask("POST", "/mgmt/tm/sys/config", {"command": "save"})
        bigip.declare(tenant("T2", small()))
        tasks = [task["id"] for task in bigip.get("/mgmt/shared/appsvcs/task").body["items"]]
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    with box(state=state) as bigip:
        assert "T1" in bigip.get(DECLARE).body
        assert "T2" not in bigip.get(DECLARE).body
        assert bigip.get("/mgmt/tm/net/vlan/vlan-7").body["tag"] == 7
        assert bigip.declare(tenant("T1", lb())).results == [("T1", 200, "no change")]
        assert bigip.get(f"/mgmt/shared/appsvcs/task/{tasks[1]}").status == 200


def test_persist_saves_even_without_a_change(tmp_path: Path) -> None:
    state = tmp_path / "bigip.json"
    with box(state=state) as bigip:
        bigip.declare(tenant("T1", lb()))
        assert not state.exists()
        bigip.declare(tenant("T1", lb()), persist=True)
    with box(state=state) as bigip:
        assert bigip.get("/mgmt/tm/ltm/pool").body["items"]


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "bigip.json"
    state.write_text(json.dumps({"format": 99}))
    with pytest.raises(ValueError, match="not a state file"), box(state=state):
        pass
