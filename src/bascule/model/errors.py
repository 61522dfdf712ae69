"""Why a request is refused, or cannot be carried out now. Doors translate these into the answers of their own API."""

from __future__ import annotations

from collections.abc import Sequence

from bascule.model.objects import Kind


class Refused(Exception):
    """A request that is not carried out. The text is for the user: it names the field and says what is allowed."""


class Invalid(Refused):
    """The request contradicts the rules for such objects. `about` names the object where the request holds several of its kind."""

    about = ""

    def __str__(self) -> str:
        return f"{self.about}: {super().__str__()}" if self.about else super().__str__()


class Several(Invalid):
    """The request contradicts several rules."""

    def __init__(self, problems: Sequence[Invalid]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class NotFound(Refused):
    """An object does not exist, or not any more."""

    def __init__(self, kind: Kind, object_id: str) -> None:
        super().__init__(f"{kind} {object_id} not found.")
        self.kind = kind
        self.id = object_id


class Conflict(Refused):
    """The request contradicts what is there: a duplicate, an object in use."""


class Immutable(Conflict):
    """The object is being deleted and takes no more changes."""

    def __init__(self, kind: Kind, object_id: str, status: str) -> None:
        super().__init__(f"{kind} {object_id} is {status} and cannot be changed.")
        self.kind = kind
        self.id = object_id
        self.status = status


class QuotaMet(Refused):
    """The project has as many objects of these kinds as it may have."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        super().__init__(f"The project may not have so many of: {', '.join(kinds)}.")
        self.kinds = kinds


class Away(Exception):
    """The database cannot be reached, or lets nobody write in time. The text is one line, for the operator.

    Nothing was written; `unsure`: unless it was, for the link was lost in a commit or after it. Only reading tells.
    """

    def __init__(self, text: str, *, unsure: bool = False) -> None:
        super().__init__(text)
        self.unsure = unsure


class Unsupported(Refused):
    """The chosen provider can never do what is asked for."""

    def __init__(self, provider: str, text: str) -> None:
        super().__init__(text)
        self.provider = provider
