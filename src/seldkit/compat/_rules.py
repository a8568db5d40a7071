"""Names of published weights and ours, each from the other by one table."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

Field = int | str | Mapping[str, str]

WORD = "[A-Za-z0-9_]+"
REST = "[A-Za-z0-9_.]+"
_NUMBER = "(?:0|[1-9][0-9]{0,3})"  # a longer one is none of a network
_PLACE = re.compile(r"\{(\w+)\}")


class Rule:
    """What a group of tensors is called in a published network and in ours.

    Args:
        published: A name with fields in braces.
        ours: A name with the same fields.
        fields: For each field, from what it is there to what it is here: a table, a pattern for
            what stays, or an integer that is added to a number.

    Examples:
        >>> rule = Rule("fc_{task}{track}.bias", "{task}.{track}.b", task={"sed": "a"}, track=-1)
        >>> rule.to_ours("fc_sed3.bias"), rule.to_published("a.2.b")
        ('a.2.b', 'fc_sed3.bias')
    """

    def __init__(self, published: str, ours: str, **fields: Field) -> None:
        self.published, self.ours, self.fields = published, ours, fields

    def to_ours(self, name: str) -> str | None:
        """Return our name of a published tensor, None if the rule does not know it."""
        return _rewritten(name, self._published_pattern, self.ours, self.fields)

    def to_published(self, name: str) -> str | None:
        """Return the published name of a tensor of ours, None if the rule does not know it."""
        back = {field: _reversed(rule) for field, rule in self.fields.items()}
        return _rewritten(name, self._our_pattern, self.published, back)

    @cached_property
    def _published_pattern(self) -> re.Pattern[str]:
        return _pattern(self.published, self.fields)

    @cached_property
    def _our_pattern(self) -> re.Pattern[str]:
        return _pattern(self.ours, {field: _reversed(rule) for field, rule in self.fields.items()})


def to_ours(rules: Iterable[Rule], name: str) -> str | None:
    """Return our name of a published tensor by the first rule that knows it."""
    return next(filter(None, (rule.to_ours(name) for rule in rules)), None)


def to_published(rules: Iterable[Rule], name: str) -> str:
    """Return the published name of a tensor of ours by the first rule that knows it."""
    return next(rule for rule in map(lambda r: r.to_published(name), rules) if rule is not None)


def count(pattern: str, names: Iterable[str], *, default: int, first: int = 0) -> int:
    """Return how many parts of a kind there are, by the numbers in their names.

    A number counts if at least half of those below it are there: `track3000` beside tracks 1 and 2
    is a wrong name, and no network of 3000 tracks.

    Args:
        pattern: Finds the name of a part from its beginning, with its number as the group.
        names: Names of tensors.
        default: The number of parts where there are none.
        first: The number of the first part.
    """
    find = re.compile(pattern.replace("NUMBER", f"({_NUMBER})")).match
    found = {int(match[1]) for match in map(find, names) if match}
    known = sorted(number for number in found if number >= first)
    likely = [n for i, n in enumerate(known) if 2 * (i + 1) >= n - first + 1]
    return likely[-1] - first + 1 if likely else default


def _pattern(template: str, fields: Mapping[str, Field]) -> re.Pattern[str]:
    def group(match: re.Match[str]) -> str:
        field = fields[match[1]]
        if isinstance(field, int):
            inner = _NUMBER
        elif isinstance(field, str):
            inner = field
        else:
            inner = "|".join(map(re.escape, sorted(field, key=len, reverse=True)))
        return f"(?P<{match[1]}>{inner})"

    parts: Sequence[str] = _PLACE.split(template)
    text = "".join(
        group(m) if (m := _PLACE.fullmatch(f"{{{part}}}")) and i % 2 else re.escape(part)
        for i, part in enumerate(parts)
    )
    return re.compile(text)


def _reversed(field: Field) -> Field:
    if isinstance(field, int):
        return -field
    return field if isinstance(field, str) else {ours: theirs for theirs, ours in field.items()}


def _rewritten(
    name: str, pattern: re.Pattern[str], template: str, fields: Mapping[str, Field]
) -> str | None:
    match = pattern.fullmatch(name)
    if match is None:
        return None
    values: dict[str, str] = {}
    for field, found in match.groupdict().items():
        rule = fields[field]
        if isinstance(rule, int):
            number = int(found) + rule
            if number < 0:
                return None
            values[field] = str(number)
        else:
            values[field] = found if isinstance(rule, str) else rule[found]
    return template.format(**values)
