"""Extracting prose from a docstring: reStructuredText, numpydoc, Google style and Markdown.

`read` goes over the lines once and keeps running text. Doctests, code blocks, literal blocks,
tables, headings, directives and the heads of parameter lists are dropped; descriptions of the
parameters stay. The paragraphs still have their inline markup, for a source that uses it
(`markup.plain` removes it).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PARAMETERS = frozenset(
    {"args", "arguments", "attributes", "keyword args", "keyword arguments", "kwargs"}
    | {"other parameters", "parameter", "parameters", "params"}
)
_ENTRIES = _PARAMETERS | {"raises", "receives", "return", "returns", "warns", "yields"}
# Sections that contain names and citations instead of prose.
_NO_PROSE = frozenset({"methods", "reference", "references", "routine listings", "see also"})
_HEADINGS = _ENTRIES | {"example", "examples", "note"}
_ADMONITIONS = frozenset(
    """
    admonition attention caution danger deprecated error hint important note seealso tip topic
    versionadded versionchanged warning
    """.split()  # noqa: SIM905 — words read better than a column of quotes
)
_FIELDS_OF_PARAMETERS = frozenset({"param", "parameter", "arg", "argument", "key", "keyword"})
_FIELDS_WITHOUT_PROSE = frozenset({"type", "rtype", "vartype", "raises", "meta"})

_DIRECTIVE = re.compile(r"\.\. +(?:([\w:.+-]+?)::(?: |$)(.*))?")
_FIELD = re.compile(r":(\w+)((?: +[^:`]+)?):(?: +(.*)|$)")
_BULLET = re.compile(r"(?:[-*•]|\(?(?:\d{1,2}|[a-zA-Z])[.)])\s+(?=\S)")
_UNDERLINE = re.compile(r"([=\-~^\"*#+`])\1{2,}")
_TABLE = re.compile(r"[=\-+|][=\-+|: ]{3,}")
_GOOGLE_ENTRY = re.compile(
    r"(\*{0,2}[A-Za-z_][\w.]*(?:, *\*{0,2}\w+)*)\s*"  # names
    r"(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))?\s*:\s*(.*)"  # their type, and the description
)
_NUMPY_ENTRY = re.compile(r"(\*{0,2}[A-Za-z_]\w*(?:, *(?:\*{0,2}\w+|\.{3}))*)(?: *:.*)?")
_WORD = re.compile(r"[A-Za-z]+")
_COMMON_WORD = re.compile(
    r"\b(?:a|an|and|are|as|at|be|by|can|for|from|if|in|into|is|it|no|not|of|on|or|that|the|this|to"
    r"|use|used|when|which|will|with)\b",
    re.IGNORECASE,
)


@dataclass
class Prose:
    """The result: paragraphs of running text, and the names of the listed parameters.

    Attributes:
        paragraphs: with inline markup.
        parameters: all names.
        described: the names that a paragraph begins to describe, as written, by its number.
    """

    paragraphs: list[str] = field(default_factory=list)
    parameters: set[str] = field(default_factory=set)
    described: dict[int, str] = field(default_factory=dict)


def read(text: str) -> Prose:
    """Read the prose of a docstring with cleaned indentation."""
    return _Reader(text.expandtabs().splitlines()).read()


def is_prose(paragraph: str) -> bool:
    """Whether a paragraph is English text rather than a list of names, a formula or code."""
    words = _WORD.findall(paragraph)
    if len(words) < 4 or sum(map(len, words)) < 0.62 * len(paragraph):
        return False
    whole_sentence = paragraph[0].isupper() and paragraph[-1] in ".:!?" and len(words) < 24
    return whole_sentence or len(_COMMON_WORD.findall(paragraph)) * 12 >= len(words)


class _Reader:
    """The state of reading: the position, the current paragraph and its section."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = [*lines, ""]
        self.at = 0
        self.prose = Prose()
        self.paragraph: list[str] = []
        self.names = ""  # of the parameters that the paragraph describes
        self.indent = 0  # of the paragraph
        self.hanging = False  # whether deeper lines continue the paragraph
        self.section = ""
        self.section_indent = 0
        self.google = False  # whether the section is in Google style

    def read(self) -> Prose:
        """Go over the lines."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            bare = line.strip()
            indent = len(line) - len(line.lstrip())
            if not bare:
                self.end_paragraph()
            elif not (
                self.is_block(bare, indent)
                or self.is_heading(bare, indent)
                or self.is_entry(bare, indent)
            ):
                self.add(bare, indent)
        return self.prose

    def add(self, bare: str, indent: int) -> None:
        """Add a line of text to the paragraph, or begin one with it."""
        if self.section in _NO_PROSE:
            return
        bullet = _BULLET.match(bare)
        deeper = indent > self.indent
        if self.paragraph and (bullet or indent < self.indent or (deeper and not self.hanging)):
            self.end_paragraph()
        if not self.paragraph:
            self.indent, self.hanging = indent, bool(bullet)
        elif deeper:
            self.indent, self.hanging = indent, False
        self.paragraph.append(bare[bullet.end() :] if bullet else bare)

    def begin(self, text: str, indent: int, names: str = "") -> None:
        """Begin a paragraph that hangs on an entry's head; deeper lines continue it."""
        self.end_paragraph()
        self.names, self.indent, self.hanging = names, indent, True
        if text:
            self.paragraph.append(text)

    def end_paragraph(self) -> None:
        """Store the paragraph; skip the literal block that `::` at its end announces."""
        text, names = " ".join(self.paragraph), self.names
        self.paragraph, self.names, self.hanging = [], "", False
        if text.endswith("::"):
            self.skip_deeper(self.indent)
            text = text[:-1]
        if text:
            if names:
                self.prose.described[len(self.prose.paragraphs)] = names
            self.prose.paragraphs.append(text)

    def skip_deeper(self, indent: int) -> None:
        """Skip the lines deeper than `indent`, and blank ones between them."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.strip() and len(line) - len(line.lstrip()) <= indent:
                break
            self.at += 1

    def skip_until(self, stop: str) -> None:
        """Skip the lines up to one that begins with `stop`, or to a blank one for ""."""
        while self.at < len(self.lines):
            bare = self.lines[self.at].strip()
            self.at += 1
            if bare.startswith(stop) if stop else not bare:
                break

    def is_block(self, bare: str, indent: int) -> bool:
        """Skip code, tables and directives; the text of a note or a warning stays."""
        if bare[0].isalnum() and bare[0] != "I":
            return False  # most lines
        if bare.startswith((">>>", "In [", "$ ")):
            self.end_paragraph()
            self.skip_until("")
        elif bare.startswith(("```", "~~~")) and not _UNDERLINE.fullmatch(bare[3:] or "x"):
            self.end_paragraph()
            self.skip_until(bare[:3])
        elif _TABLE.fullmatch(bare) and not _UNDERLINE.fullmatch(bare):
            self.paragraph = []  # the head of the table
            self.skip_until("")
        elif bare.startswith("|"):
            self.end_paragraph()
        elif bare.startswith(".. ") and (directive := _DIRECTIVE.match(bare)):
            self.directive(directive, indent)
        else:
            return False
        return True

    def directive(self, match: re.Match[str], indent: int) -> None:
        """Skip a directive with its body, except for notes, whose text is prose."""
        name, text = match[1] or "", (match[2] or "").strip()
        self.end_paragraph()
        if name not in _ADMONITIONS:
            self.skip_deeper(indent)
        elif not name.startswith(("version", "deprecated")):
            self.begin(text, indent)

    def is_heading(self, bare: str, indent: int) -> bool:
        """An underlined, Markdown or Google-style heading opens a section and is not prose."""
        following = self.lines[self.at].strip() if self.at < len(self.lines) else ""
        if following[:1].isalnum() and bare[-1] != ":" and bare[0].isalnum():
            return False  # most lines
        word = bare.rstrip(":").lower()
        underlined = not self.paragraph and len(bare) <= len(following) + 2
        google = bare.endswith(":") and word in _HEADINGS
        if underlined and _UNDERLINE.fullmatch(following):
            self.at += 1
        elif not (google or _UNDERLINE.fullmatch(bare) or bare.startswith(("# ", "## ", "### "))):
            return False
        self.end_paragraph()
        self.section, self.section_indent, self.google = word.lstrip("# "), indent, google
        return True

    def is_entry(self, bare: str, indent: int) -> bool:
        """The head of a parameter, a return value or a field; only its description is prose."""
        if bare[0] == ":" and (match := _FIELD.match(bare)):
            names, name = match[2].split(), ""
            if names and match[1] in _FIELDS_OF_PARAMETERS:
                name = names[-1].strip("\\*")
                self.prose.parameters.add(name)
            self.begin("" if match[1] in _FIELDS_WITHOUT_PROSE else match[3] or "", indent, name)
            return True
        if self.google and indent <= self.section_indent:
            self.section, self.google = "", False
        if self.section not in _ENTRIES:
            return False
        return (
            self.is_google_entry(bare, indent) if self.google else self.is_numpy_entry(bare, indent)
        )

    def is_google_entry(self, bare: str, indent: int) -> bool:
        """`name (type): description`, unless it continues a description."""
        match = _GOOGLE_ENTRY.fullmatch(bare)
        if not match or (self.paragraph and indent >= self.indent and not self.hanging):
            return False
        self.begin(match[2], indent, self.name_parameters(match[1]))
        return True

    def is_numpy_entry(self, bare: str, indent: int) -> bool:
        """`name : type`, or text that a deeper line describes, indented like the heading."""
        following = self.lines[self.at] if self.at < len(self.lines) else ""
        described = following.strip() and len(following) - len(following.lstrip()) > indent
        match = _NUMPY_ENTRY.fullmatch(bare.replace("`", ""))
        if indent > self.section_indent or not (described or (match and " :" in bare)):
            return False
        self.begin("", indent, self.name_parameters(match[1]) if match else "")
        return True

    def name_parameters(self, names: str) -> str:
        """Store names and give them back, if they are names of parameters."""
        if self.section not in _PARAMETERS:
            return ""
        self.prose.parameters.update(re.findall(r"[A-Za-z_]\w*", names))
        return names
