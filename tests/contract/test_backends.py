"""What every backend promises, with every case."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from bascule.model.backend import Backend, Done, Fence, Fenced, Plan, Reads
from bascule.model.definition import ServiceDefinition
from bascule.model.documents import Documents, Holding, diff, holding
from tests.addresses import own_address
from tests.cases import loader
from tests.contract.conftest import Subject

FENCE = Fence(1, 1)


def _here(name: str) -> ServiceDefinition:
    """A case, on addresses of its own."""
    definition = loader.definition(name)
    load_balancer = definition.tree.load_balancer
    moved = dataclasses.replace(
        load_balancer,
        vip=dataclasses.replace(load_balancer.vip, address=own_address()),
        additional_vips=tuple(dataclasses.replace(vip, address=own_address()) for vip in load_balancer.additional_vips),
    )
    return dataclasses.replace(definition, tree=definition.tree.put(moved))


class Pass:
    """A pass of the worker, cut down to what a backend sees of it."""

    def __init__(self, subject: Subject, definition: ServiceDefinition) -> None:
        self.subject = subject
        self.definition = definition
        self.kept: dict[str, Documents] = {}

    @property
    def backend(self) -> Backend:
        return self.subject.again()

    @property
    def lane(self) -> str:
        return self.backend.lanes()[0].id

    def actual(self, carrier: str) -> Holding:
        if self.backend.reads is Reads.RECORD:
            return holding(self.kept.get(carrier, {}))
        documents = self.backend.read(self.lane, [(self.definition.unit_id, carrier)])[self.definition.unit_id, carrier]
        assert isinstance(documents, dict)
        return holding(documents)

    def plans(self, definition: ServiceDefinition | None) -> Iterator[Plan]:
        for carrier in self.backend.carriers(self.lane, definition):
            target = self.backend.render(definition, carrier) if definition else {}
            steps = diff(self.actual(carrier), target)
            if steps:
                yield Plan(self.definition.unit_id, carrier, self.definition.generation, steps, target)

    def run(self, definition: ServiceDefinition | None, fence: Fence = FENCE) -> None:
        plans = list(self.plans(definition))
        outcomes = self.backend.apply(self.lane, fence, plans, loader.secret)
        assert outcomes == {(plan.unit_id, plan.carrier): Done() for plan in plans}
        self.kept |= {plan.carrier: plan.target for plan in plans}


@pytest.fixture(params=loader.NAMES)
def run(request: pytest.FixtureRequest, subject: Subject) -> Iterator[Pass]:
    found = Pass(subject, _here(request.param))
    refused = [each.text for each in found.backend.refuse(found.definition.tree, None) if not each.in_the_way]
    if refused:
        pytest.skip(f"the backend refuses this case: {refused[0]}")
    yield found
    found.run(None, Fence(9, 9))


def test_it_keeps_the_contract(run: Pass) -> None:
    definition = run.definition
    for carrier in run.backend.carriers(run.lane, definition):
        assert list(run.backend.render(definition, carrier).items()) == list(run.backend.render(definition, carrier).items())

    run.run(definition)
    for carrier in run.backend.carriers(run.lane, definition):
        assert run.actual(carrier) == holding(run.backend.render(definition, carrier))
    assert list(run.plans(definition)) == []
    reports = run.backend.report(run.lane, [definition.unit_id])
    assert {report.carrier for report in reports} == set(run.backend.carriers(run.lane, definition))
    assert all(report.alive for report in reports)

    with pytest.raises(Fenced):
        run.run(None, Fence(0, 7))
    assert list(run.plans(definition)) == []

    changed = dataclasses.replace(definition, replace=definition.replace + 1, generation=definition.generation + 1)
    assert list(run.plans(changed))
    run.run(changed)
    assert list(run.plans(changed)) == []

    run.run(None)
    assert list(run.plans(None)) == []
    assert not run.subject.left()
    run.run(None)  # deleting what is absent is not an error
