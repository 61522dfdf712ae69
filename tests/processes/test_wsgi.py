"""The API under every WSGI server that docs/operations.md has an example of."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.running import BIN, Site, wait_for
from tests.servers import as_user, folder_of

pytestmark = pytest.mark.slow

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
WEB = "www-data"
"""Whom root starts servers as that refuse to be root's."""

MODULES = Path("/usr/lib/apache2/modules")
UWSGI_PLUGINS = Path("/usr/lib/uwsgi/plugins")

APACHE = """
ServerName localhost
ServerRoot {folder}
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/apache.log
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {modules}/mod_wsgi.so
WSGISocketPrefix {folder}/wsgi
WSGIDaemonProcess bascule processes=1 threads=4 python-path="{path}"
WSGIScriptAlias / "{script}" process-group=bascule application-group=%{{GLOBAL}}
WSGIPassAuthorization On
<Location "/">
    Require all granted
</Location>
"""

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "src/bascule/cmd/wsgi.py"


@pytest.fixture
def web() -> Iterator[Site]:
    """A place that whoever the server runs as may use."""
    with folder_of(WEB) as folder:
        yield Site(folder)


def python_path() -> str:
    """Where this Python has what it did not bring along."""
    return os.pathsep.join(dict.fromkeys(each for each in sys.path if "-packages" in each or each == str(ROOT / "src")))


def not_tested(why: str) -> None:
    pytest.skip(f"{why} (Debian packages uwsgi-core, uwsgi-plugin-python3, apache2, libapache2-mod-wsgi-py3)")


def command(server: str, site: Site) -> list[str]:
    """What starts a server. Skips where it is not installed, or is for another Python than this one."""
    module, port = "bascule.cmd.wsgi:application", str(site.port)
    if server == "granian":
        return [str(BIN / server), "--interface", "wsgi", "--host", "127.0.0.1", "--port", port, module]
    if server == "gunicorn":
        return [str(BIN / server), "--threads", "4", "--bind", f"127.0.0.1:{port}", module]
    return uwsgi(site, module) if server == "uwsgi" else mod_wsgi(site)


def uwsgi(site: Site, module: str) -> list[str]:
    program = shutil.which("uwsgi")
    name = f"python{VERSION.replace('.', '')}"
    if program is None or not (UWSGI_PLUGINS / f"{name}_plugin.so").exists():
        not_tested(f"NOT TESTED: there is no uWSGI for Python {VERSION}")
    (site.folder / "uwsgi.ini").write_text(
        f"[uwsgi]\nplugins-dir = {UWSGI_PLUGINS}\nplugin = {name}\nmodule = {module}\nhttp-socket = 127.0.0.1:{site.port}\n"
        "master = true\nlazy-apps = true\nsingle-interpreter = true\nthreads = 4\ndie-on-term = true\nneed-app = true\n"
    )
    return [str(program), "--ini", str(site.folder / "uwsgi.ini")]


def mod_wsgi(site: Site) -> list[str]:
    program = shutil.which("apache2", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or not (MODULES / f"mod_wsgi.so-{VERSION}").exists():
        not_tested(f"NOT TESTED: there is no Apache with mod_wsgi for Python {VERSION}")
    (site.folder / "apache.conf").write_text(
        APACHE.format(folder=site.folder, port=site.port, modules=MODULES, path=python_path(), script=SCRIPT)
    )
    if os.geteuid() == 0:
        account = pwd.getpwnam(WEB)
        for each in (site.state, *site.state.rglob("*")):
            os.chown(each, account.pw_uid, account.pw_gid)
        if subprocess.run([*as_user(WEB), "test", "-r", SCRIPT], check=False).returncode:
            not_tested(f"NOT TESTED: {WEB} may not read {SCRIPT}")
    return [*as_user(WEB), str(program), "-DFOREGROUND", "-f", str(site.folder / "apache.conf")]


@pytest.mark.parametrize("server", ["granian", "gunicorn", "uwsgi", "mod_wsgi"])
def test_any_wsgi_server_serves_the_api(web: Site, server: str) -> None:
    web.upgrade()
    environment = os.environ | {"BASCULE_CONFIG_FILE": str(web.file), "PYTHONPATH": python_path()}
    log = web.folder / "log"
    with log.open("w") as output, subprocess.Popen(command(server, web), env=environment, stdout=output, stderr=output) as process:
        try:
            wait_for(lambda: process.poll() is not None or web.answers(), log.read_text)
            assert process.poll() is None, log.read_text()
            talk(web)
        finally:
            process.terminate()
            process.wait(30)
    assert process.returncode in (0, -signal.SIGTERM), log.read_text()
    assert not web.answers()


def talk(site: Site) -> None:
    """What every server has to hand on: methods, bodies, query strings, headers, statuses."""
    listed = {"loadbalancers": [], "loadbalancers_links": []}
    assert site.call("GET", "/v2/lbaas/loadbalancers?name=%C3%A4&tags=a%2Cb") == (200, listed)
    status, answer = site.call("POST", "/v2/lbaas/loadbalancers", {"loadbalancer": {"vip_subnet_id": 5}})
    assert status == 400
    assert "vip_subnet_id" in answer["faultstring"]
    given = {"name": "\u00e4", "vip_subnet_id": "1d9f6c5e-6c1b-4c0e-9d0f-1f4f0c1a0001"}
    status, answer = site.call("POST", "/v2/lbaas/loadbalancers", {"loadbalancer": given})
    assert (status, answer["loadbalancer"]["name"]) == (201, "\u00e4")
    path = f"/v2/lbaas/loadbalancers/{answer['loadbalancer']['id']}"
    assert re.fullmatch(r"Load Balancer .* not found\.", site.call("GET", f"{path}0")[1]["faultstring"])
    assert site.call("GET", "/v2/lbaas/loadbalancers?name=%C3%A4&fields=name")[1]["loadbalancers"] == [{"name": "\u00e4"}]
    assert site.call("DELETE", path) == (204, None)
    assert site.call("GET", "/v2/lbaas/nothing")[0] == 404
