"""What stands before the API where the settings ask for it: calls from web pages, and proxies, by oslo.middleware."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from oslo_config import cfg

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def around(application: WSGIApplication, conf: cfg.ConfigOpts) -> WSGIApplication:
    """An application with all that is asked for before it; itself where nothing is."""
    if conf.oslo_middleware.enable_proxy_headers_parsing:
        from oslo_middleware import http_proxy_to_wsgi

        given = _given(conf, "oslo_middleware", http_proxy_to_wsgi.OPTS)
        application = http_proxy_to_wsgi.HTTPProxyToWSGI(application, given)
    if conf.cors.allowed_origin:
        from oslo_middleware import cors

        application = cors.CORS(application, _given(conf, "cors", cors.OPTS))
    return application


def _given(conf: cfg.ConfigOpts, group: str, options: Sequence[cfg.Opt]) -> cfg.ConfigOpts:
    """Our values of a library's options, in a configuration of its own, since it declares the options itself."""
    made = cfg.ConfigOpts()
    made([], default_config_files=[], default_config_dirs=[])
    made.register_opts(options, group=group)
    for option in options:
        made.set_override(option.dest, conf[group][option.dest], group=group)
    return made
