"""Every path of the API on one page: the method, what answers it, what it takes and gives.

The application, its OpenAPI document and the tests are made from this table. The collections are served below each of
`ROOTS`; a path here stands below all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bascule.north.octavia_v2.handlers import (
    amphora,
    availability_zone,
    availability_zone_profile,
    flavor,
    flavor_profile,
    health_monitor,
    l7policy,
    l7rule,
    listener,
    load_balancer,
    member,
    pool,
    provider,
    quota,
    version,
)
from bascule.north.octavia_v2.schemas.amphora import AMPHORA, AmphoraAnswerBody, AmphoraStatsBody
from bascule.north.octavia_v2.schemas.availability_zone import (
    AVAILABILITY_ZONE,
    AvailabilityZoneAnswerBody,
    AvailabilityZonePostBody,
    AvailabilityZonePutBody,
)
from bascule.north.octavia_v2.schemas.availability_zone_profile import (
    AVAILABILITY_ZONE_PROFILE,
    AvailabilityZoneProfileAnswerBody,
    AvailabilityZoneProfilePostBody,
    AvailabilityZoneProfilePutBody,
)
from bascule.north.octavia_v2.schemas.common import Listing
from bascule.north.octavia_v2.schemas.event import EventsBody
from bascule.north.octavia_v2.schemas.flavor import FLAVOR, FlavorAnswerBody, FlavorPostBody, FlavorPutBody
from bascule.north.octavia_v2.schemas.flavor_profile import (
    FLAVOR_PROFILE,
    FlavorProfileAnswerBody,
    FlavorProfilePostBody,
    FlavorProfilePutBody,
)
from bascule.north.octavia_v2.schemas.full import LoadBalancerFullBody
from bascule.north.octavia_v2.schemas.health_monitor import (
    HEALTH_MONITOR,
    HealthMonitorAnswerBody,
    HealthMonitorPostBody,
    HealthMonitorPutBody,
)
from bascule.north.octavia_v2.schemas.l7policy import L7POLICY, L7PolicyAnswerBody, L7PolicyPostBody, L7PolicyPutBody
from bascule.north.octavia_v2.schemas.l7rule import L7RULE, L7RuleAnswerBody, L7RulePostBody, L7RulePutBody
from bascule.north.octavia_v2.schemas.listener import LISTENER, ListenerAnswerBody, ListenerPostBody, ListenerPutBody
from bascule.north.octavia_v2.schemas.load_balancer import (
    LOAD_BALANCER,
    LoadBalancerAnswerBody,
    LoadBalancerPostBody,
    LoadBalancerPutBody,
)
from bascule.north.octavia_v2.schemas.member import (
    MEMBER,
    MemberAnswerBody,
    MemberPostBody,
    MemberPutBody,
    MembersPutBody,
)
from bascule.north.octavia_v2.schemas.pool import POOL, PoolAnswerBody, PoolPostBody, PoolPutBody
from bascule.north.octavia_v2.schemas.provider import AvailabilityZoneCapabilitiesBody, FlavorCapabilitiesBody, ProvidersBody
from bascule.north.octavia_v2.schemas.quota import QUOTA, QuotaAnswerBody, QuotaPutBody
from bascule.north.octavia_v2.schemas.statistics import StatsBody
from bascule.north.octavia_v2.schemas.status import StatusesBody
from bascule.north.octavia_v2.schemas.version import VersionsBody

CANONICAL = "/v2.0/lbaas"
ROOTS = (CANONICAL, "/v2/lbaas", "/v2.0", "/v2")
OCTAVIA = ("/v2.0/octavia", "/v2/octavia")
"""What stands above the path of what administrators look at."""

READ_QUOTA, WRITE_QUOTA = "rule:load-balancer:read-quota", "rule:load-balancer:write-quota"
ADMIN = "rule:load-balancer:admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path.

    `takes` is the type of the body, `gives` that of the answer. A route that `lists` a noun understands all its filters.
    Where it `selects`, a caller may ask for some attributes of what it gives, and by the `filters` for some of many. `flags` are
    the other parameters of the query string.

    `policy` names what a caller must be allowed; None lets everybody through who is somebody, and where the route is `public`,
    everybody. `policies_of` are attributes of the body that ask for a policy of their own as well. `check` is what the policy
    asks for by default, where that is not to read for GET and to write for the rest, and
    `check_global` what it asks for to list every project.
    `below` are the roots that the path stands below; the first one is the one to be named.
    """

    method: str
    path: str
    handler: Callable[..., Any]
    policy: str | None
    policies_of: tuple[str, ...] = ()
    check: str | None = None
    check_global: str | None = None
    below: tuple[str, ...] = ROOTS
    public: bool = False
    takes: type[Any] | None = None
    gives: Any = None
    lists: Listing | None = None
    selects: bool = False
    filters: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    status: int = 200

    @property
    def canonical(self) -> str:
        """The whole path, as it is named."""
        return self.below[0] + self.path


def _get(path: str, policy: str | None, handler: Callable[..., Any], gives: Any) -> Route:
    return Route(method="GET", path=path, policy=policy, handler=handler, gives=gives)


def _show(path: str, policy: str, handler: Callable[..., Any], gives: Any, filters: tuple[str, ...] = ()) -> Route:
    return replace(_get(path, policy, handler, gives), selects=True, filters=filters)


def _list(path: str, policy: str, handler: Callable[..., Any], noun: Listing) -> Route:
    return Route(method="GET", path=path, policy=policy, handler=handler, lists=noun)


def _post(path: str, policy: str, handler: Callable[..., Any], takes: type[Any], gives: Any) -> Route:
    return Route(method="POST", path=path, policy=policy, handler=handler, takes=takes, gives=gives, status=201)


def _put(path: str, policy: str, handler: Callable[..., Any], takes: type[Any], gives: Any) -> Route:
    return Route(method="PUT", path=path, policy=policy, handler=handler, takes=takes, gives=gives)


def _delete(path: str, policy: str, handler: Callable[..., Any], *flags: str) -> Route:
    return Route(method="DELETE", path=path, policy=policy, handler=handler, flags=flags, status=204)


def _guarded(check: str, *routes: Route, **more: Any) -> tuple[Route, ...]:
    """The same routes with a check of their own."""
    return tuple(replace(route, check=check, **more) for route in routes)


_LB = "/loadbalancers/{load_balancer_id}"
_LISTENER = "/listeners/{listener_id}"
_POOL = "/pools/{pool_id}"
_MEMBERS = f"{_POOL}/members"
_MEMBER = f"{_MEMBERS}/{{member_id}}"
_MONITOR = "/healthmonitors/{health_monitor_id}"
_POLICY = "/l7policies/{l7policy_id}"
_RULES = f"{_POLICY}/rules"
_RULE = f"{_RULES}/{{l7rule_id}}"
_QUOTA = "/quotas/{project_id}"
_FLAVOR = "/flavors/{flavor_id}"
_FLAVOR_PROFILE = "/flavorprofiles/{flavor_profile_id}"
_ZONE = "/availabilityzones/{availability_zone_name}"
_ZONE_PROFILE = "/availabilityzoneprofiles/{availability_zone_profile_id}"
_AMPHORA = "/amphorae/{amphora_id}"

ROUTES = (
    _list("/loadbalancers", "loadbalancer:get_all", load_balancer.index, LOAD_BALANCER),
    Route(
        method="POST",
        path="/loadbalancers",
        policy="loadbalancer:post",
        policies_of=("vip_sg_ids",),
        handler=load_balancer.create,
        takes=LoadBalancerPostBody,
        gives=LoadBalancerFullBody,
        status=201,
    ),
    _show(_LB, "loadbalancer:get_one", load_balancer.show, LoadBalancerAnswerBody),
    Route(
        method="PUT",
        path=_LB,
        policy="loadbalancer:put",
        policies_of=("vip_sg_ids",),
        handler=load_balancer.update,
        takes=LoadBalancerPutBody,
        gives=LoadBalancerAnswerBody,
    ),
    _delete(_LB, "loadbalancer:delete", load_balancer.delete, "cascade"),
    _get(f"{_LB}/status", "loadbalancer:get_status", load_balancer.statuses, StatusesBody),
    _get(f"{_LB}/statuses", "loadbalancer:get_status", load_balancer.statuses, StatusesBody),
    _get(f"{_LB}/stats", "loadbalancer:get_stats", load_balancer.stats, StatsBody),
    _get(f"{_LB}/events", "loadbalancer:get_status", load_balancer.events, EventsBody),
    Route(
        method="PUT",
        path=f"{_LB}/failover",
        policy="loadbalancer:put_failover",
        check=ADMIN,
        handler=load_balancer.failover,
        status=202,
    ),
    _list("/listeners", "listener:get_all", listener.index, LISTENER),
    _post("/listeners", "listener:post", listener.create, ListenerPostBody, ListenerAnswerBody),
    _show(_LISTENER, "listener:get_one", listener.show, ListenerAnswerBody),
    _put(_LISTENER, "listener:put", listener.update, ListenerPutBody, ListenerAnswerBody),
    _delete(_LISTENER, "listener:delete", listener.delete),
    _get(f"{_LISTENER}/stats", "listener:get_stats", listener.stats, StatsBody),
    _list("/pools", "pool:get_all", pool.index, POOL),
    _post("/pools", "pool:post", pool.create, PoolPostBody, PoolAnswerBody),
    _show(_POOL, "pool:get_one", pool.show, PoolAnswerBody),
    _put(_POOL, "pool:put", pool.update, PoolPutBody, PoolAnswerBody),
    _delete(_POOL, "pool:delete", pool.delete),
    Route(
        method="GET",
        path=_MEMBERS,
        policy="member:get_all",
        # The alarm service looks after groups of members.
        check="rule:load-balancer:read or role:service",
        handler=member.index,
        lists=MEMBER,
    ),
    _post(_MEMBERS, "member:post", member.create, MemberPostBody, MemberAnswerBody),
    Route(
        method="PUT",
        path=_MEMBERS,
        policy="member:put",
        handler=member.replace_all,
        takes=MembersPutBody,
        flags=("additive_only",),
        status=202,
    ),
    _show(_MEMBER, "member:get_one", member.show, MemberAnswerBody),
    _put(_MEMBER, "member:put", member.update, MemberPutBody, MemberAnswerBody),
    _delete(_MEMBER, "member:delete", member.delete),
    _list("/healthmonitors", "healthmonitor:get_all", health_monitor.index, HEALTH_MONITOR),
    _post("/healthmonitors", "healthmonitor:post", health_monitor.create, HealthMonitorPostBody, HealthMonitorAnswerBody),
    _show(_MONITOR, "healthmonitor:get_one", health_monitor.show, HealthMonitorAnswerBody),
    _put(_MONITOR, "healthmonitor:put", health_monitor.update, HealthMonitorPutBody, HealthMonitorAnswerBody),
    _delete(_MONITOR, "healthmonitor:delete", health_monitor.delete),
    _list("/l7policies", "l7policy:get_all", l7policy.index, L7POLICY),
    _post("/l7policies", "l7policy:post", l7policy.create, L7PolicyPostBody, L7PolicyAnswerBody),
    _show(_POLICY, "l7policy:get_one", l7policy.show, L7PolicyAnswerBody),
    _put(_POLICY, "l7policy:put", l7policy.update, L7PolicyPutBody, L7PolicyAnswerBody),
    _delete(_POLICY, "l7policy:delete", l7policy.delete),
    _list(_RULES, "l7rule:get_all", l7rule.index, L7RULE),
    _post(_RULES, "l7rule:post", l7rule.create, L7RulePostBody, L7RuleAnswerBody),
    _show(_RULE, "l7rule:get_one", l7rule.show, L7RuleAnswerBody),
    _put(_RULE, "l7rule:put", l7rule.update, L7RulePutBody, L7RuleAnswerBody),
    _delete(_RULE, "l7rule:delete", l7rule.delete),
    _show("/providers", "provider:get_all", provider.index, ProvidersBody, provider.FILTERS),
    *_guarded(
        ADMIN,
        _show(
            "/providers/{provider}/flavor_capabilities",
            "provider-flavor:get_all",
            provider.flavor_capabilities,
            FlavorCapabilitiesBody,
            provider.FILTERS,
        ),
        _show(
            "/providers/{provider}/availability_zone_capabilities",
            "provider-availability-zone:get_all",
            provider.availability_zone_capabilities,
            AvailabilityZoneCapabilitiesBody,
            provider.FILTERS,
        ),
    ),
    *_guarded(
        READ_QUOTA,
        replace(_list("/quotas", "quota:get_all", quota.index, QUOTA), check_global="rule:load-balancer:read-quota-global"),
        _get("/quotas/defaults", "quota:get_defaults", quota.defaults, QuotaAnswerBody),
        _get(_QUOTA, "quota:get_one", quota.show, QuotaAnswerBody),
        _get(f"{_QUOTA}/default", "quota:get_defaults", quota.default, QuotaAnswerBody),
    ),
    *_guarded(
        WRITE_QUOTA,
        _put(_QUOTA, "quota:put", quota.update, QuotaPutBody, QuotaAnswerBody),
        _delete(_QUOTA, "quota:delete", quota.delete),
        status=202,
    ),
    _list("/flavors", "flavor:get_all", flavor.index, FLAVOR),
    _show(_FLAVOR, "flavor:get_one", flavor.show, FlavorAnswerBody),
    _list("/availabilityzones", "availability-zone:get_all", availability_zone.index, AVAILABILITY_ZONE),
    _show(_ZONE, "availability-zone:get_one", availability_zone.show, AvailabilityZoneAnswerBody),
    *_guarded(
        ADMIN,
        _post("/flavors", "flavor:post", flavor.create, FlavorPostBody, FlavorAnswerBody),
        _put(_FLAVOR, "flavor:put", flavor.update, FlavorPutBody, FlavorAnswerBody),
        _delete(_FLAVOR, "flavor:delete", flavor.delete),
        _list("/flavorprofiles", "flavor-profile:get_all", flavor_profile.index, FLAVOR_PROFILE),
        _post("/flavorprofiles", "flavor-profile:post", flavor_profile.create, FlavorProfilePostBody, FlavorProfileAnswerBody),
        _show(_FLAVOR_PROFILE, "flavor-profile:get_one", flavor_profile.show, FlavorProfileAnswerBody),
        _put(_FLAVOR_PROFILE, "flavor-profile:put", flavor_profile.update, FlavorProfilePutBody, FlavorProfileAnswerBody),
        _delete(_FLAVOR_PROFILE, "flavor-profile:delete", flavor_profile.delete),
        _post(
            "/availabilityzones",
            "availability-zone:post",
            availability_zone.create,
            AvailabilityZonePostBody,
            AvailabilityZoneAnswerBody,
        ),
        _put(_ZONE, "availability-zone:put", availability_zone.update, AvailabilityZonePutBody, AvailabilityZoneAnswerBody),
        _delete(_ZONE, "availability-zone:delete", availability_zone.delete),
        _list(
            "/availabilityzoneprofiles",
            "availability-zone-profile:get_all",
            availability_zone_profile.index,
            AVAILABILITY_ZONE_PROFILE,
        ),
        _post(
            "/availabilityzoneprofiles",
            "availability-zone-profile:post",
            availability_zone_profile.create,
            AvailabilityZoneProfilePostBody,
            AvailabilityZoneProfileAnswerBody,
        ),
        _show(
            _ZONE_PROFILE,
            "availability-zone-profile:get_one",
            availability_zone_profile.show,
            AvailabilityZoneProfileAnswerBody,
        ),
        _put(
            _ZONE_PROFILE,
            "availability-zone-profile:put",
            availability_zone_profile.update,
            AvailabilityZoneProfilePutBody,
            AvailabilityZoneProfileAnswerBody,
        ),
        _delete(_ZONE_PROFILE, "availability-zone-profile:delete", availability_zone_profile.delete),
    ),
    *_guarded(
        ADMIN,
        _list("/amphorae", "amphora:get_all", amphora.index, AMPHORA),
        _show(_AMPHORA, "amphora:get_one", amphora.show, AmphoraAnswerBody),
        _get(f"{_AMPHORA}/stats", "amphora:get_stats", amphora.stats, AmphoraStatsBody),
        _delete(_AMPHORA, "amphora:delete", amphora.delete),
        Route(method="PUT", path=f"{_AMPHORA}/failover", policy="amphora:put_failover", handler=amphora.failover, status=202),
        Route(method="PUT", path=f"{_AMPHORA}/config", policy="amphora:put_config", handler=amphora.configure, status=202),
        below=OCTAVIA,
    ),
)

TOP = (
    Route(method="GET", path="/", policy=None, public=True, handler=version.index, gives=VersionsBody),
    *(_get(root, None, version.root, str) for root in (*ROOTS, *OCTAVIA)),
)
"""The paths that do not stand below `ROOTS`."""
