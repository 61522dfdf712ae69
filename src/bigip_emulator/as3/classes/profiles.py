"""Profiles."""

from __future__ import annotations

from bigip_emulator.as3.classes.parts import ADDRESS, SECRET, WORD, common, flags, wholes
from bigip_emulator.as3.shape import Anything, ByType, Choice, Class, Fields, Flag, ListOf, Open, Text, Whole

CLASSES: dict[str, Class] = {
    "Multiplex_Profile": Class(
        {
            **common("Multiplex_Profile"),
            **wholes("maxConnections=10000 maxConnectionAge=86400 maxConnectionReuse=1000 idleTimeoutOverride=0"),
            "sourceMask": ADDRESS,
            "connectionLimitEnforcement": Choice(("none", "idle", "strict"), "none"),
            "sharePools": Flag(False),
        }
    ),
    "HTTP_Profile": Class(
        {
            **common("HTTP_Profile"),
            **flags(
                "-allowBlankSpaceAfterHeaderName -enforceRFCCompliance +hstsIncludeSubdomains -hstsInsert -hstsPreload "
                "+multiplexTransformations "
                "-proxyConnectEnabled +xForwardedFor -trustXFF -truncatedRedirects -webSocketsEnabled"
            ),
            **wholes("hstsPeriod=7862400 maxRequests=0:0:2147483647 maxHeaderCount=64:1:1024 maxHeaderSize=32768:9:262144"),
            "proxyType": Choice(("reverse", "transparent", "explicit"), "reverse"),
            "serverHeaderValue": Text("BigIP"),
            "multiplexStatusReuse": Text("200 206"),
            "allowedResponseHeaders": ListOf(WORD),
            "cookiePassphrase": SECRET,
            "encryptCookies": ListOf(WORD),
            "fallbackRedirect": Text(shortest=1),
            "fallbackStatusCodes": ListOf(Whole(100, 999)),
            "requestChunking": Choice(("selective", "preserve", "rechunk", "sustain"), "preserve"),
            "responseChunking": Choice(("selective", "preserve", "unchunk", "rechunk", "sustain"), "selective"),
            "rewriteRedirects": Choice(("none", "all", "matching", "addresses"), "none"),
            "whiteOutHeader": WORD,
            "otherXFF": ListOf(WORD),
            "insertHeader": Fields({"name": WORD, "value": Text()}),
            "knownMethods": ListOf(Text()),
            "pipelineAction": Choice(("allow", "reject", "pass-through"), "allow"),
            "viaHost": Text(shortest=1),
            "unknownMethodAction": Choice(("allow", "reject", "pass-through"), "allow"),
            "viaRequest": Choice(("append", "preserve", "remove"), "remove"),
            "viaResponse": Choice(("append", "preserve", "remove"), "remove"),
            "webSocketMasking": Choice(("preserve", "remask", "selective", "unmask"), "unmask"),
        },
        open=True,
    ),
    "HTTP2_Profile": Class(
        {
            **common("HTTP2_Profile"),
            "activationMode": Choice(("alpn", "always"), "alpn"),
            "insertHeaderName": Text("X-HTTP2"),
            **flags("+enforceTlsRequirements -includeContentLength -insertHeader"),
            **wholes(
                "concurrentStreamsPerConnection=10:1:256 connectionIdleTimeout=300:1:4294967295 frameSize=2048:1024:16384 "
                "headerTableSize=4096:0:65535 receiveWindow=32:16:128 writeSize=16384:2048:32768"
            ),
        }
    ),
    "HTTP_Compress": Class(
        {
            **common("HTTP_Compress"),
            **flags("-allowHTTP10 +cpuSaver -keepAcceptEncoding -selective +varyHeader"),
            **wholes(
                "bufferSize=4096:256:4294967295 cpuSaverHigh=90:15:99 cpuSaverLow=75:10:95 gzipLevel=1:1:9 gzipMemory=8:1:256 "
                "gzipWindowSize=16:1:128 minimumSize=1024:128:131072"
            ),
            "preferMethod": Choice(("gzip", "deflate"), "gzip"),
            "contentTypeExcludes": ListOf(Text()),
            "uriExcludes": ListOf(Text()),
            "contentTypeIncludes": ListOf(Text(), ["text/", "application/(xml|x-javascript)"]),
            "uriIncludes": ListOf(Text()),
        }
    ),
    "TCP_Profile": Class(
        {
            **common("TCP_Profile"),
            **flags(
                "+abc +ackOnPush +autoProxyBufferSize +autoReceiveWindowSize +autoSendBufferSize "
                "+congestionMetricsCache -deferredAccept "
                "+delayedAcks -delayWindowControl -dsack +earlyRetransmit +ecn +enhancedLossRecovery +fastOpen "
                "+limitedTransmit -md5Signature "
                "+proxyMSS -proxyOptions +ratePace +resetOnTimeout +selectiveAcks -selectiveNack +slowStart +synCookieEnable "
                "-synCookieWhitelist +tailLossProbe +timestamps +timeWaitRecycle -verifiedAccept"
            ),
            **wholes(
                "closeWaitTimeout=5:-1:3600 finWaitTimeout=5:-1:3600 finWait2Timeout=300:-1:3600 "
                "initCwnd=16:0:64 "
                "initRwnd=16:0:64 keepAliveInterval=1800:1:86400 maxRetrans=8:0:12 maxSegmentSize=0:0:8960 minimumRto=1000:1:5000 "
                "fastOpenCookieExpiration=21600:1:1000000 congestionMetricsCacheTimeout=0:0:1000 "
                "proxyBufferHigh=262144:64:33554432 "
                "proxyBufferLow=196608:64:33554432 receiveWindowSize=131072:64:33554432 sendBufferSize=262144:64:33554432 "
                "retransmitThreshold=3:0:12 synMaxRetrans=3:0:12 synRtoBase=3000:0:5000 "
                "timeWaitTimeout=2000:-1:600000 ttlIPv4=255:1:255 "
                "ttlIPv6=64:1:255 zeroWindowTimeout=20000:-1:86400000 pktLossIgnoreBurst=0:0:32 "
                "pktLossIgnoreRate=0:0:1000000 ratePaceMaxRate=0"
            ),
            "idleTimeout": Whole(-1, 86400, 300, never=0),
            "nagle": Choice(("disable", "enable", "auto"), "auto"),
            "congestionControl": Text("woodside"),
            "ipDfMode": Text("pmtu"),
            "mptcp": Choice(("disable", "enable", "passthrough"), "disable"),
            "pushFlag": Text("auto"),
            "ttlMode": Text("proxy"),
            "synCookieAllowlist": Flag(),
            "tcpOptions": ListOf(Open()),
            "ipTosToClient": Anything(0),
            "linkQosToClient": Anything(0),
        }
    ),
    "UDP_Profile": Class(
        {
            **common("UDP_Profile"),
            **flags("-allowNoPayload -datagramLoadBalancing -proxyMSS -useChecksum"),
            **wholes(
                "bufferMaxBytes=655350:65535:16777215 bufferMaxPackets=0:0:255 idleTimeout=60:-1:86400 "
                "ttlIPv4=255:1:255 ttlIPv6=64:1:255"
            ),
            "ipDfMode": Text("pmtu"),
            "ttlMode": Text("proxy"),
            "ipTosToClient": Anything(0),
            "linkQosToClient": Anything(0),
        }
    ),
    "L4_Profile": Class(
        {
            **common("L4_Profile"),
            **flags("-synCookieAllowlist +synCookieEnable -looseClose -looseInitialization +resetOnTimeout"),
            **wholes("clientTimeout=30:-1:86400 keepAliveInterval=0 maxSegmentSize=0:0:9162"),
            "idleTimeout": ByType({int: Whole(-1, 86400), str: Choice(("immediate", "indefinite"))}, 300),
            "tcpCloseTimeout": Anything(5),
            "tcpHandshakeTimeout": Anything(5),
            "pvaAcceleration": Text("full"),
        }
    ),
}
