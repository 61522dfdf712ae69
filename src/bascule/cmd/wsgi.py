"""The API as a WSGI application, for any WSGI server: `gunicorn bascule.cmd.wsgi:application`.

Settings come from the files that BASCULE_CONFIG_FILE names, or from /etc/bascule/bascule.conf. Where they say that nobody is
authenticated, it answers only to clients on this machine, whatever address the server listens on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bascule.cmd import logs, process, settings, wiring

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

NAME = "bascule-api"

_conf = settings.read()
logs.set_up(_conf, NAME)
plain = settings.plain(_conf)
database = wiring.checked_database(plain)
application: WSGIApplication = wiring.application(_conf, plain, database)
process.collect_garbage_less_often()
