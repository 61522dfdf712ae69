"""TLS on both sides, certificates and ciphers."""

from __future__ import annotations

from collections.abc import Mapping

from bigip_emulator.as3.classes.parts import F5_STRING, SECRET, common, flags, refer
from bigip_emulator.as3.shape import ByType, Choice, Class, Fields, Flag, ListOf, Refer, Rule, Text, Whole


class _Chain(Rule):
    """A text in any form, or a bundle by its pointer or its name on the device."""

    def check(self, value: object, where: str, notes: object) -> object:
        named = isinstance(value, dict) and value.keys() & {"use", "bigip"}
        rule = Refer(("CA_Bundle",), ("sys/file/ssl-cert",)) if named else F5_STRING
        return rule.check(value, where, notes)  # type: ignore[arg-type]


_TLS: Mapping[str, Rule] = {
    **flags(
        "-requireSNI -allowExpiredCRL -c3dEnabled -forwardProxyEnabled -forwardProxyBypassEnabled -insertEmptyFragmentsEnabled "
        "-singleUseDhEnabled -tls1_3Enabled +tls1_2Enabled +tls1_1Enabled +tls1_0Enabled +renegotiationEnabled "
        "+retainCertificateEnabled "
        "+sslEnabled +ssl3Enabled -proxySslEnabled -proxySslPassthroughEnabled +uncleanShutdownEnabled +dtlsEnabled +dtls1_2Enabled"
    ),
    "alertTimeout": ByType({int: Whole(1), str: Choice(("immediate", "indefinite"))}, "indefinite"),
    "handshakeTimeout": ByType({int: Whole(1), str: Choice(("indefinite",))}, 10),
    "renegotiatePeriod": ByType({int: Whole(), str: Choice(("indefinite",))}, "indefinite"),
    "renegotiateSize": ByType({int: Whole(), str: Choice(("indefinite",))}, "indefinite"),
    "cacheTimeout": Whole(0, 86400, 3600),
    "ciphers": Text(),
    "cipherGroup": refer("Cipher_Group", "ltm/cipher/group"),
    "authenticationFrequency": Choice(("one-time", "every-time"), "one-time"),
    "authenticationDepth": Whole(1, 15, 9),
    "crlFile": Refer((), ("sys/file/ssl-crl",)),
    "secureRenegotiation": Choice(("request", "require", "require-strict"), "require"),
    "sslSignHash": Choice(("any", "sha1", "sha256", "sha384"), "any"),
    "ldapStartTLS": Choice(("none", "allow", "require")),
}

_TRUST = Refer(("CA_Bundle",), ("sys/file/ssl-cert",), text=True, use=False)

_MODE = Choice(("ignore", "request", "require"), "ignore")

CLASSES: dict[str, Class] = {
    "TLS_Server": Class(
        {
            **common("TLS_Server"),
            **_TLS,
            **flags(
                "-cacheCertificateEnabled -staplerOCSPEnabled -nonSslConnectionsEnabled "
                "-allowDynamicRecordSizing -notifyCertStatusToVirtualServer"
            ),
            "certificates": ListOf(
                Fields(
                    {
                        "certificate": refer("Certificate", "", text=True),
                        "matchToSNI": Text(),
                        "sniDefault": Flag(False),
                        "enabled": Flag(True),
                        "proxyCertificate": refer("Certificate", "", text=True),
                        "authenticationMode": _MODE,
                        "authenticationFrequency": Choice(("one-time", "every-time"), "one-time"),
                    },
                    ("certificate",),
                ),
                least=1,
            ),
            "authenticationMode": _MODE,
            "authenticationTrustCA": _TRUST,
            "authenticationInviteCA": _TRUST,
            "namingScheme": Choice(("numbered", "certificate"), "numbered"),
            "dataZeroRoundTripTime": Text("disabled"),
        },
        ("certificates",),
        excludes=(("ciphers", "cipherGroup"),),
        needs=(("authenticationMode", ("request", "require"), "authenticationTrustCA"),),
    ),
    "TLS_Client": Class(
        {
            **common("TLS_Client"),
            **_TLS,
            "secureRenegotiation": Choice(("request", "require", "require-strict"), "require-strict"),
            **flags("-validateCertificate -ignoreExpired -ignoreUntrusted -sessionTickets -sniDefault -dataZeroRoundTripTime"),
            "sendSNI": Text("none", format="hostname"),
            "serverName": Text("none", format="hostname"),
            "trustCA": Refer(("CA_Bundle",), ("sys/file/ssl-cert",), ("generic", "none")),
            "clientCertificate": refer("Certificate", "", text=True),
        },
        excludes=(("ciphers", "cipherGroup"),),
    ),
    "Certificate": Class(
        common("Certificate", certificate=F5_STRING, privateKey=F5_STRING, chainCA=_Chain(), passphrase=SECRET, pkcs12=F5_STRING),
        any_of=("certificate", "pkcs12"),
        excludes=(("certificate", "pkcs12"),),
    ),
    "CA_Bundle": Class(common("CA_Bundle", bundle=F5_STRING), ("bundle",)),
    "Cipher_Rule": Class(
        common("Cipher_Rule", cipherSuites=ListOf(Text()), namedGroups=ListOf(Text()), signatureAlgorithms=ListOf(Text())),
        any_of=("cipherSuites", "namedGroups", "signatureAlgorithms"),
    ),
    "Cipher_Group": Class(
        common(
            "Cipher_Group",
            order=Choice(("default", "speed", "strength", "fips", "hardware"), "default"),
            allowCipherRules=ListOf(refer("Cipher_Rule", "ltm/cipher/rule"), [{"bigip": "/Common/f5-default"}]),
            excludeCipherRules=ListOf(refer("Cipher_Rule", "ltm/cipher/rule")),
            requireCipherRules=ListOf(refer("Cipher_Rule", "ltm/cipher/rule")),
        )
    ),
}
