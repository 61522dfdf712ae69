"""The options of the HTTP API, its own and those of the libraries that stand before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from oslo_config import cfg, types

from bascule.model.rules.deployment import TLS_VERSIONS

AUTH_STRATEGIES = ("none", "http_basic", "keystone")

_WORD = types.String(regex=r"^\S+$")

API = [
    cfg.IPOpt(
        "bind_host",
        default="127.0.0.1",
        help="Address that bascule-api listens on. Without authentication only a loopback address is accepted.",
    ),
    cfg.StrOpt(
        "auth_strategy",
        default="none",
        choices=AUTH_STRATEGIES,
        help="How callers say who they are. 'none': not at all, so everybody who can connect may do everything. 'http_basic': with "
        "the names and passwords of http_basic_auth_user_file. 'keystone': with tokens of the Keystone that [keystone_authtoken] "
        "describes, as in every OpenStack service.",
    ),
    cfg.StrOpt(
        "http_basic_auth_user_file",
        default="/etc/bascule/htpasswd",
        help="With http_basic: file of users, with a line NAME:HASH:PROJECT=ROLE,ROLE for each, and more projects after "
        "semicolons. 'bascule hash-password' makes the hash. It is read again whenever it has changed.",
    ),
    cfg.PortOpt("bind_port", default=9876, min=1, help="Port that bascule-api listens on."),
    cfg.IntOpt("threads", default=4, min=1, max=256, help="Requests that one bascule-api works on at a time."),
    cfg.ListOpt(
        "allowed_hosts",
        default=[],
        item_type=_WORD,
        help="Names in the Host header that the API answers to, without port, besides localhost and loopback addresses.",
    ),
    cfg.StrOpt(
        "default_project_id",
        default="00000000000000000000000000000000",
        regex=r"^[A-Za-z0-9_-]{1,36}$",
        help="Without authentication: the project of requests that name none.",
    ),
    cfg.StrOpt(
        "tls_certificate_file",
        help="PEM file with the certificate of the API and its chain. With it, bascule-api speaks TLS 1.2 and 1.3 and nothing "
        "else. SIGHUP makes it read the file again.",
    ),
    cfg.StrOpt("tls_key_file", help="PEM file with the private key of the certificate, not encrypted."),
    cfg.StrOpt(
        "tls_client_ca_file",
        help="PEM file with the authorities that clients' certificates must be signed by. Without it, clients need none.",
    ),
    cfg.IntOpt("max_limit", default=1000, min=1, max=10000, help="Most objects that one page of a list has."),
    cfg.BoolOpt("allow_tls_terminated_listeners", default=True, help="Whether listeners of TERMINATED_HTTPS can be made."),
    cfg.BoolOpt("allow_prometheus_listeners", default=True, help="Whether listeners of PROMETHEUS can be made."),
    cfg.BoolOpt("allow_ping_health_monitors", default=True, help="Whether health monitors of type PING can be made."),
    cfg.StrOpt(
        "minimum_tls_version",
        default=TLS_VERSIONS[0],
        choices=TLS_VERSIONS[:-1],
        help="Oldest version of TLS that listeners and pools can be set to. Those that name none speak TLSv1.2 and TLSv1.3.",
    ),
    cfg.ListOpt(
        "tls_cipher_prohibit_list",
        default=[],
        item_type=_WORD,
        help="Ciphers, by OpenSSL's names, that no tls_ciphers may name. None of those can be among them that listeners and pools "
        "have by default.",
    ),
]

# The next two groups are those of oslo.middleware by name. It brings a web framework along that only the API needs, and only
# where these options ask for it; so they are declared here.

CORS = [
    cfg.ListOpt(
        "allowed_origin",
        default=[],
        item_type=types.String(regex=r"^https?://[^\s/]+$"),
        help="Web pages that may call the API from a browser, by where they come from: PROTOCOL://HOST[:PORT], such as "
        "https://www.example.com. Without any, none may.",
    ),
    cfg.BoolOpt("allow_credentials", default=True, help="Whether their requests may hold credentials that the browser keeps."),
    cfg.ListOpt("expose_headers", default=["X-OpenStack-Request-Id"], help="Headers of answers that they may look at."),
    cfg.IntOpt("max_age", default=3600, min=0, help="Seconds for which a browser may remember what it is allowed."),
    cfg.ListOpt("allow_methods", default=["GET", "PUT", "POST", "DELETE"], help="Methods that they may use."),
    cfg.ListOpt(
        "allow_headers",
        default=["X-Auth-Token", "X-OpenStack-Request-Id", "X-Project-Id", "Authorization"],
        help="Headers that their requests may have, besides those that every request may have.",
    ),
]

MIDDLEWARE = [
    cfg.BoolOpt(
        "enable_proxy_headers_parsing",
        default=False,
        help="Whether the API is behind a proxy that tells, in the headers Forwarded or X-Forwarded-*, under what address its "
        "client came. The links in answers need that. Without such a proxy, clients could make them up.",
    ),
    cfg.IntOpt("max_request_body_size", default=1024 * 1024, min=1, help="Bytes that the body of a request may have."),
]

GROUPS: Mapping[str, Sequence[cfg.Opt]] = {"api": API, "cors": CORS, "oslo_middleware": MIDDLEWARE}
