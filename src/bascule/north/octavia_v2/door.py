"""What a request is handled with: the parts of core behind the door, and what every handler does with them."""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import falcon

from bascule.core.amphorae import Amphorae
from bascule.core.certificates import CertificateLibrary, Unreadable, Unusable
from bascule.core.offers import Offers
from bascule.core.quotas import Quotas
from bascule.core.reader import Reader, Shown, Stored
from bascule.core.subnets import Subnets
from bascule.core.writer import Writer
from bascule.model.definition import SecretUses
from bascule.model.errors import Away, Immutable, Invalid, NotFound
from bascule.model.objects import Kind, Tree
from bascule.model.status import Provisioning
from bascule.north.octavia_v2 import query
from bascule.north.octavia_v2.access import GET_ONE, Access, denied
from bascule.north.octavia_v2.errors import PROBLEMS_TOLD, Malformed, refuse_all
from bascule.north.octavia_v2.schemas.common import Noun, View

ORIGIN = "octavia_v2"
"""The door that load balancers made here belong to."""

_ID = re.compile(r"[!-~]{1,36}")
_PROJECT_ID = re.compile(r"[ -~]{1,36}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What stands behind the door. `providers` gives a description for each name. A body may have `max_body` bytes.

    Without `access` nobody is asked who they are, and everybody may do everything.
    """

    reader: Reader
    writer: Writer
    quotas: Quotas
    flavors: Offers
    availability_zones: Offers
    amphorae: Amphorae
    subnets: Subnets
    certificates: CertificateLibrary
    providers: Mapping[str, str]
    default_provider: str
    default_project_id: str
    page_limit: int
    max_body: int
    access: Access | None = None


class _NotInTree(NotFound):
    """An object that is not wanted any more. It may still be there, on its way out."""


def new_id() -> str:
    """The id of a new object."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `policy` is that of its route: every object that is asked for here is one that it lets the caller through to."""

    door: Door
    request: falcon.Request
    policy: str | None

    @property
    def params(self) -> query.Params:
        """The query string."""
        params: query.Params = self.request.params
        return params

    @property
    def project_id(self) -> str:
        """The project of the caller. Raises Malformed where there is none."""
        if self.door.access is not None:
            project_id = self.door.access.project_id(self.request.env)
            if project_id is None:
                raise Malformed("Validation failure: Missing project ID in request where one is required.")
            return project_id
        named = self.request.get_header("X-Project-Id")
        if named is None:
            return self.door.default_project_id
        if not _PROJECT_ID.fullmatch(named):
            raise Malformed("X-Project-Id: 1 to 36 printable characters are allowed")
        return named

    def authorise(self, project_id: str | None, policy: str | None = None) -> None:
        """Refuse with 403 what the caller may not do in a project, by the policy of the route or another one.

        None is a project that nobody named.
        """
        access = self.door.access
        if access is not None and not access.allows(self.request.env, policy or self.policy or "", project_id):
            raise denied()

    def authorise_here(self) -> None:
        """Refuse with 403 what the caller may not do in the own project: what belongs to no project at all."""
        access = self.door.access
        self.authorise(None if access is None else access.project_id(self.request.env))

    def require(self, kind: Kind, object_id: str, *policies: str) -> None:
        """Refuse a request on an object that asks for more than its route says. Raises NotFound."""
        if self.door.access is not None:
            for policy in policies:
                dataclasses.replace(self, policy=policy).located(kind, object_id)

    def refuse_all(self, found: Iterable[Malformed], kind: Kind, object_id: str) -> None:
        """Raise Malformed with all that is wrong with a request on an object, to whoever may make such a request at all.

        Others learn no more than from a request with which nothing is wrong. Raises NotFound.
        """
        if problems := list(found):
            self.located(kind, object_id)
            refuse_all(problems)

    def _admit(self, kind: Kind, object_id: str, project_id: str) -> None:
        """Refuse what the caller may not do to an object.

        Who may not even look at it learns no more than of an object that is not there; only one of the caller's own project
        is no secret.
        """
        access, environ = self.door.access, self.request.env
        if access is None or access.allows(environ, self.policy or "", project_id):
            return
        if project_id != access.project_id(environ) and not access.allows(environ, GET_ONE[kind], project_id):
            raise NotFound(kind, object_id)
        raise denied()

    def shown(self, kind: Kind, object_id: str) -> Shown:
        """An object. Raises NotFound."""
        found = self.door.reader.one(kind, object_id) if _ID.fullmatch(object_id) else None
        if found is None:
            raise NotFound(kind, object_id)
        if self.door.access is not None:
            self._admit(kind, object_id, found.row.project_id)
        return found

    def stored(self, load_balancer_id: str) -> Stored:
        """A load balancer with everything below it. Raises NotFound."""
        found = self.door.reader.stored(load_balancer_id) if _ID.fullmatch(load_balancer_id) else None
        if found is None:
            raise NotFound(Kind.LOAD_BALANCER, load_balancer_id)
        self._admit(Kind.LOAD_BALANCER, load_balancer_id, found.tree.load_balancer.project_id)
        return found

    def located(self, kind: Kind, object_id: str) -> str:
        """The id of the load balancer that an object belongs to. Raises NotFound."""
        found = self.door.reader.locate(kind, object_id) if _ID.fullmatch(object_id) else None
        if found is None:
            raise NotFound(kind, object_id)
        self._admit(kind, object_id, found.project_id)
        return found.load_balancer_id

    def one(self, noun: Noun, object_id: str, *, owner: tuple[str, str] | None = None) -> dict[str, Any]:
        """The answer that shows one object. `owner` is a column that must have a value, else there is no such object."""
        found = self.shown(noun.kind, object_id)
        if owner is not None and getattr(found.row, owner[0]) != owner[1]:
            raise NotFound(noun.kind, object_id)
        (answer,) = noun.answers([found])
        return {noun.one: query.select(answer, query.wanted_fields(self.params))}

    def one_again(self, noun: Noun, object_id: str) -> dict[str, Any]:
        """The answer that shows an object that was just written down. For kinds that others belong to."""
        try:
            return self.one(noun, object_id)
        except Away as error:
            raise Away(str(error), unsure=True) from error  # that nothing was changed would not be true

    def written(self, noun: Noun, stored: Stored, object_id: str) -> dict[str, Any]:
        """The answer that shows an object as it was just written down. For kinds that nothing belongs to."""
        root, each = stored.tree.load_balancer, stored.tree.children[object_id]
        row = View(each, stored.standings[object_id], project_id=root.project_id, load_balancer_id=root.id)
        return {noun.one: query.select(noun.show(row, {}), query.wanted_fields(self.params))}

    def page(self, noun: Noun, **scope: str) -> dict[str, Any]:
        """The answer that shows one page of a list. `scope` are columns that must have a value.

        What has no `scope` is listed for the caller's project alone, or for all of them where that is allowed.
        """
        scope = scope or self.listed_projects()
        asked = query.parse(noun, self.params, self.door.page_limit, scope)
        try:
            found = self.door.reader.many(noun.kind, asked.query)
        except Invalid as error:
            raise Malformed(str(error)) from error
        shown = [query.select(answer, asked.fields) for answer in noun.answers(found)]
        url = f"{self.request.prefix}{self.request.path}"
        links = query.links(url, self.params, asked.query, [each.row.id for each in found])
        return {noun.many: shown, f"{noun.many}_links": links}

    def listed_projects(self) -> dict[str, str]:
        """What limits a list to the projects that the caller may see. Raises Malformed."""
        access = self.door.access
        if access is None:
            return {}
        named = query.single(self.params, "project_id")
        if access.allows(self.request.env, f"{self.policy}-global", named):
            return {}
        project_id = named or access.project_id(self.request.env)
        if project_id is None:
            raise denied()
        self.authorise(project_id)
        return {"project_id": project_id}

    def change(self, kind: Kind, object_id: str, work: Callable[[Tree, Any], Tree]) -> Stored:
        """Edit a load balancer through one of its objects. `work` gets the tree and that object, and gives the new tree.

        Gives the load balancer as it was written down. Raises NotFound, Immutable while the object or its load balancer is being
        deleted, and whatever else is refused.
        """
        at_root = kind is Kind.LOAD_BALANCER and self.door.access is None and _ID.fullmatch(object_id)
        load_balancer_id = object_id if at_root else self.located(kind, object_id)

        def attempt(tree: Tree) -> Tree:
            each = tree.get(object_id)
            if each is None:
                raise _NotInTree(kind, object_id)
            return work(tree, each)

        try:
            return self.door.writer.edit(load_balancer_id, attempt, origin=ORIGIN)
        except _NotInTree as error:
            if self.door.reader.locate(kind, object_id) is not None:
                raise Immutable(kind, object_id, Provisioning.PENDING_DELETE) from error
            raise

    def check_certificates(self, objects: Sequence[SecretUses], project_id: Callable[[], str]) -> None:
        """Refuse references that the project cannot read, or whose content cannot work as what its object uses it as."""
        if not any(objects):
            return
        project, library = project_id(), self.door.certificates
        unreadable: dict[str, None] = {}
        unusable: dict[str, None] = {}
        for uses in objects:
            for kind, ref in uses:
                try:
                    library.find(project, ref, kind)
                except Unreadable:
                    unreadable[ref] = None
                except Unusable as error:
                    unusable[str(error)] = None
            if not unreadable and not unusable:
                unusable |= dict.fromkeys(library.mismatches(project, uses))
        told = [f"Could not retrieve certificate: {list(unreadable)}"] if unreadable else []
        told += [f"A reference cannot be used: {text}" for text in unusable]
        if told:
            raise Malformed("; ".join(told[:PROBLEMS_TOLD]))
