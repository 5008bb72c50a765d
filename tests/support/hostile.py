"""Texts that become something else where a page does not escape them."""

from __future__ import annotations

from html.parser import HTMLParser

from markdown_it import MarkdownIt

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "\\<img src=x onerror=alert(1)>",
    "[free](javascript:alert(1))",
    "[1.0, 2.0](javascript:alert(1))",
    "![x](http://127.0.0.1:9/x.png)",
    "[free]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "a | b || c\\| d",
    "*a* __b__ `c` ~~d~~ # e",
    "`<b>`",
    "&lt;img&gt; &copy; &#60;",
    "first\n\n# second\n<b>third</b>",
)
OURS = {"h1", "h2", "p", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
OURS |= {"em", "img", "code", "blockquote"}


class Shown(HTMLParser):
    """A page of Markdown as a browser gets it where HTML in it is let through."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.sources: set[str] = set()
        self.cells: list[str] = []
        self.text = ""
        self.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))

    def handle_starttag(self, tag, attributes):
        self.elements.add(tag)
        self.sources |= {value for name, value in attributes if name in ("src", "href")}
        if tag in ("th", "td"):
            self.cells.append("")

    def handle_data(self, data):
        self.text += data
        if self.cells:
            self.cells[-1] += data


def one_line(text: str) -> str:
    return " ".join(text.split())
