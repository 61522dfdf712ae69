"""From ids to a service definition: everything a renderer may know, looked up before it runs. Does I/O, writes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from bascule.core.certificates import CertificateLibrary, Unreadable
from bascule.core.subnets import Subnets
from bascule.model.definition import ServiceDefinition, Subnet, secret_refs
from bascule.model.objects import Object, Tree
from bascule.model.secrets import SecretRef


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A reference of an object that stands for nothing now. The text is for the user."""

    object_id: str
    text: str


class Resolver:
    """Resolves references. Asks only for what a definition needs, so a deleted load balancer needs none of this."""

    def __init__(self, certificates: CertificateLibrary, subnets: Subnets) -> None:
        self._certificates = certificates
        self._subnets = subnets

    def definition(self, tree: Tree, unit_id: str, generation: int, replace: int) -> tuple[ServiceDefinition, list[Unresolved]]:
        """The definition of a load balancer, and the objects whose references could not be resolved."""
        secrets: dict[str, SecretRef] = {}
        missing: list[Unresolved] = []
        for each in tree.objects():
            try:
                secrets.update(self._secrets(tree, each))
            except Unreadable as error:
                missing.append(Unresolved(each.id, f"A reference cannot be used: {error}."))
        definition = ServiceDefinition(
            unit_id=unit_id,
            generation=generation,
            replace=replace,
            tree=tree,
            secrets=secrets,
            subnets=self._subnets_of(tree),
        )
        return definition, missing

    def _secrets(self, tree: Tree, each: Object) -> dict[str, SecretRef]:
        project_id = tree.load_balancer.project_id
        return {ref: self._certificates.ref(project_id, ref) for ref in secret_refs(each)}

    def _subnets_of(self, tree: Tree) -> dict[str, Subnet]:
        vips = (tree.load_balancer.vip, *tree.load_balancer.additional_vips)
        found = (self._subnets.by_id(vip.subnet_id) for vip in vips)
        return {subnet.id: subnet for subnet in found if subnet}
