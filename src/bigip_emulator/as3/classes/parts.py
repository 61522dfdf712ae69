"""What the tables of classes are written with."""

from __future__ import annotations

from bigip_emulator.as3.shape import ByType, Choice, Flag, Open, Refer, Rule, Text, Whole

LABEL = Text(pattern=r"^[^\x00-\x1f\x22#&*<>?\x5b-\x5d`\x7f]*$", longest=64)

REMARK = Text(pattern=r"^[^\x00-\x1f\x22\x5c\x7f]*$", longest=64)

ADDRESS = Text(format="f5ip")

F5_STRING = ByType({str: Text(), dict: Open()})

WORD = Text(pattern=r"^[^\x00-\x20\x22:\x5c\x7f-\xff]+$", shortest=1, longest=128)

SECRET = Open()


def common(name: str, **properties: Rule) -> dict[str, Rule]:
    """What every class has, and properties of its own."""
    return {"class": Choice((name,)), "label": LABEL, "remark": REMARK, **properties}


def flags(text: str) -> dict[str, Rule]:
    """Properties that are true or false, by default as the sign before each says."""
    return {word[1:]: Flag(word[0] == "+") for word in text.split()}


def wholes(text: str) -> dict[str, Rule]:
    """Whole numbers, each as `name=default` or `name=default:lowest:highest`."""
    made: dict[str, Rule] = {}
    for word in text.split():
        name, _, numbers = word.partition("=")
        default, *limits = (int(number) for number in numbers.split(":"))
        low, high = limits or (0, 4294967295)
        made[name] = Whole(low, high, default)
    return made


def refer(cls: str, kind: str, *words: str, text: bool = False, default: str | None = None) -> Refer:
    """A pointer to one class, to one kind on the device, or to either."""
    made = Refer((cls,) if cls else (), (kind,) if kind else (), words, text=text)
    return made if default is None else Refer(made.classes, made.kinds, words, text=text, default=default)
