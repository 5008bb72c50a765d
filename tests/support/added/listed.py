"""A .list file: a document a line, as somebody would add it: in one file of `tasks/sources`."""

from __future__ import annotations

from tasks.data.rows import Document
from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.naming.paths import place

WRITTEN = "a .list file"
HOLDS = "text"
LIBRARIES = ()


def claims(location):
    return location.endswith(".list")


def identify(location, field, holds):
    return {place(location).name: digest_file(place(location))}


def name_of(identity):
    return next(iter(identity))


def documents(source, corpus, progress):
    for number, line in enumerate(place(source.location).read_text().splitlines(), 1):
        progress(number, 0, "documents")
        yield Document(f"{source.name}:{number}", line)
