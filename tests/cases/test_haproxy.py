"""Every case as HAProxy's documents, and what the HAProxys at hand say to them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bascule.south.haproxy import Binary, certificate
from bascule.south.haproxy.render import CONFIGURATION, INSTANCE, instance, refuse, render
from tests.cases import loader
from tests.cases.conftest import Golden

CARRIED = [name for name in loader.NAMES if not refuse(loader.definition(name).tree)]


@pytest.mark.parametrize("case", loader.NAMES)
def test_documents(case: str, golden: Golden) -> None:
    """Carried, or refused with a reason; never both."""
    definition = loader.definition(case)
    folder = loader.CASES / case
    if golden.refused(folder / "haproxy-refused.json", refuse(definition.tree)):
        golden.absent(folder / "haproxy.cfg")
        golden.absent(folder / "haproxy.json")
        return
    documents = dict(render(definition))
    said = documents.pop(INSTANCE)
    assert said == instance(documents, definition.replace)
    golden.check(folder / "haproxy.cfg", documents.pop(CONFIGURATION))
    golden.check(folder / "haproxy.json", json.dumps(documents, indent=2) + "\n")


def test_an_instance_that_runs_other_documents_says_so() -> None:
    documents = render(loader.definition("tls_termination"))
    others = [instance({**documents, name: "other"}, 0) for name in documents if name != INSTANCE]
    assert len({documents[INSTANCE], instance(documents, 1), *others}) == len(documents) + 1


@pytest.mark.parametrize("case", CARRIED)
def test_haproxy_accepts(case: str, haproxy: Binary, tmp_path: Path) -> None:
    definition = loader.definition(case)
    for name, body in render(definition).items():
        path = tmp_path / (certificate.path(name) if certificate.kind(name) else name)
        path.parent.mkdir(exist_ok=True)
        if certificate.kind(name):
            path.write_bytes(loader.secret(certificate.meant_by(body)).reveal())
        else:
            path.write_text(body, encoding="utf-8")
    done = subprocess.run(
        [haproxy.path, "-c", "-C", tmp_path, "-f", CONFIGURATION], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    # The only thing worth a remark is that no worker before left word of its servers.
    remarks = [line for line in done.stderr.splitlines() if "[WARNING]" in line and "server-state" not in line]
    assert remarks == []
