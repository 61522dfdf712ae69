"""The PROXY protocol: what members are told of the client before anything else, by an iRule."""

from __future__ import annotations

from typing import Any

from bascule.model.objects import Listener, Pool, PoolProtocol, Tree
from bascule.south.as3 import irule

_VERSION_1 = f"""\
when CLIENT_ACCEPTED {{
    set proxy "PROXY TCP[IP::version] {irule.CLIENT} [getfield [IP::local_addr] % 1] [TCP::client_port] [TCP::local_port]\\r\\n"
}}
when SERVER_CONNECTED {{
    TCP::respond $proxy
}}"""

_VERSION_2 = f"""\
when CLIENT_ACCEPTED {{
    set addresses ""
    foreach address [list {irule.CLIENT} [getfield [IP::local_addr] % 1]] {{
        if {{ [IP::version] == 4 }} {{
            append addresses [binary format c4 [split $address .]]
            continue
        }}
        set words [list]
        foreach part [split [string map {{:: :-:}} $address] :] {{
            if {{ $part eq "-" }} {{
                set missing [expr {{ 8 - [llength [string map {{: " "}} $address]] }}]
                for {{ set i 0 }} {{ $i < $missing }} {{ incr i }} {{ lappend words 0 }}
            }} elseif {{ [scan $part %x word] == 1 }} {{
                lappend words $word
            }}
        }}
        append addresses [binary format S8 $words]
    }}
    set family [expr {{ [IP::version] == 4 ? "11" : "21" }}]
    set length [expr {{ [string length $addresses] + 4 }}]
    set proxy [binary format H24H2H2S 0d0a0d0a000d0a515549540a 21 $family $length]
    append proxy $addresses [binary format SS [TCP::client_port] [TCP::local_port]]
}}
when SERVER_CONNECTED {{
    TCP::respond $proxy
}}"""

_RULES = {PoolProtocol.PROXY: _VERSION_1, PoolProtocol.PROXYV2: _VERSION_2}


def speaks(pool: Pool) -> bool:
    """Whether the members of a pool are told of the client."""
    return pool.protocol in _RULES


def render(tree: Tree, listener: Listener) -> dict[str, Any]:
    """The iRule of a listener whose pool is told, by name. `pool` has refused it where the listener has other pools too."""
    pool = tree.pool(listener.default_pool_id)
    return irule.shared("proxy", _RULES[pool.protocol]) if pool and speaks(pool) else {}
