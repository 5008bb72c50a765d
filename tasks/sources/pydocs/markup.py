"""Inline markup of reStructuredText, numpydoc and Markdown: marked spans, and plain text."""

from __future__ import annotations

import re

# Names of groups are the kinds of markup; the last group of each alternative is the shown text.
_INLINE = re.compile(
    r":(?P<name>[\w:+.-]+):`(?P<role>[^`]+)`"
    r"|``(?P<double>.+?)``(?!`)"
    r"|\[`(?P<linked>[^`\]]+)`\](?:\([^)\s]*\))?"
    r"|`(?P<single>[^`]+)`(?:_{1,2}(?!\w))?"
    r"|\[(?P<text>[^\]\[]+)\]\([^)\s]+\)"
    r"|\*\*(?P<strong>(?=\S)[^*]+?(?<=\S))\*\*(?!\w)"
    r"|(?<![\w*])\*(?P<emphasis>(?=\S)[^*]+?(?<=\S))\*(?![\w*])"
    r"|\$\$?(?P<math>[^$]+)\$\$?"
    r"|(?P<nothing>\[[#\w.-]*\]_+|<?https?://[^\s>]+>?|</?[A-Za-z][\w -]*/?>)"
    r"|(?<![\w|])\|(?P<substitution>[\w. -]+)\|(?![\w|])"
    r"|\\(?P<escaped>[^\w])"
)
_MARKED = re.compile(r"[`*|$\\<\[]|://")
_HREF = re.compile(r"\s*<[^<>]*>$")
_HIDDEN = re.compile(r"^(?:[~.!]|_[a-z]+\.)+")
_PLAIN_MATH = re.compile(r"[\w\s=+<>,.()\-]{1,24}")
_BLANK_BEFORE_STOP = re.compile(r" +(?=[.,;:!?)](?:\s|$))")
_PROSE_ROLES = frozenset({"ref", "doc", "term", "any"})


def plain(paragraph: str) -> str:
    """A paragraph without inline markup, with single blanks."""
    if not _MARKED.search(paragraph):
        return " ".join(paragraph.split())
    text = " ".join(_INLINE.sub(lambda match: _span(match)[1], paragraph).split())
    return _BLANK_BEFORE_STOP.sub("", text).replace("( ", "(").replace(" ()", "")


def spans(paragraph: str) -> list[tuple[str, str]]:
    """A paragraph cut at its inline markup, as (kind, text).

    Returns:
        The kind is a role (`func`, `class`), `literal` for double backticks, `name` for single
        ones, `link` for those in brackets, and "" for plain text, which is empty for an address.
    """
    found, start = [], 0
    for match in _INLINE.finditer(paragraph):
        found += [("", paragraph[start : match.start()]), _span(match)]
        start = match.end()
    return [*found, ("", paragraph[start:])]


def _span(match: re.Match[str]) -> tuple[str, str]:
    kind = match.lastgroup or ""
    body = match[kind]
    if kind == "role":
        return _role(match["name"].rpartition(":")[2], body)
    if kind == "single":
        return _single(body, match[0])
    if kind in {"double", "linked"}:
        return ("literal", body.strip(" `")) if kind == "double" else ("link", _target(body))
    if kind == "math":
        return "", _math(body)
    return "", "" if kind == "nothing" else body.strip(" `*")


def _role(role: str, body: str) -> tuple[str, str]:
    if role == "math":
        return "", _math(body)
    if _HREF.search(body):
        return ("" if role in _PROSE_ROLES else role), _HREF.sub("", body)
    return role, _target(body)


def _single(body: str, whole: str) -> tuple[str, str]:
    """Single backticks: a link followed by an address or `_`, TeX, or else a name."""
    if "\\" in body:
        return "", _math(body)
    if whole.endswith("_") or _HREF.search(body):
        return "", _HREF.sub("", body)
    return "name", _target(body)


def _math(body: str) -> str:
    """A formula if it is readable as text, else ""."""
    return body if _PLAIN_MATH.fullmatch(body) else ""


def _target(body: str) -> str:
    """The shown text: the last part of `~scipy.optimize.minimize`, the name in `_orm.Mapper`."""
    body = body.strip()
    shown = body.rpartition(".")[2] if body.startswith("~") else body
    return _HIDDEN.sub("", shown)
