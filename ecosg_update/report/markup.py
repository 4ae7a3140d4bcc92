"""HTML that cannot be injected into: elements are built as a tree, and whoever writes the tree escapes every text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

Content = Element | str | float | None
"""What stands inside an element: elements, text and numbers; None stands for nothing."""


def element(tag: str, *content: Content, **attributes: str | float | None) -> Element:
    """An element. Attributes have Python's names: `class_` becomes class, `aria_label` aria-label; None is left out.

    >>> html(element("p", "a < b", class_="note"))
    '<p class="note">a &lt; b</p>'
    """
    named = {
        name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items() if value is not None
    }
    found = Element(tag, {"viewBox" if name == "viewbox" else name: value for name, value in named.items()})
    last: Element | None = None
    for piece in content:
        if isinstance(piece, Element):
            found.append(piece)
            last = piece
        elif piece is not None and last is None:
            found.text = (found.text or "") + str(piece)
        elif piece is not None and last is not None:
            last.tail = (last.tail or "") + str(piece)
    return found


def html(*elements: Element) -> str:
    """The elements as HTML, every text and attribute escaped."""
    return "\n".join(ElementTree.tostring(one, encoding="unicode", method="html") for one in elements)


def table(head: Sequence[str], rows: Sequence[Sequence[Content]], caption: str, *, words: int = 1) -> Element:
    """A table that scrolls sideways by itself on a narrow screen. words: so many first columns hold text.

    The first cell of a row is its heading.
    """
    kind = ["text" if at < words else "figure" for at in range(len(head))]
    top = element("tr", *(element("th", name, scope="col", class_=kind[at]) for at, name in enumerate(head)))
    body = [
        element(
            "tr",
            element("th", row[0], scope="row", class_="text"),
            *(element("td", cell, class_=kind[at]) for at, cell in enumerate(row[1:], start=1)),
        )
        for row in rows
    ]
    found = element("table", element("caption", caption), element("thead", top), element("tbody", *body))
    return element("div", found, class_="scroll", tabindex=0, role="region", aria_label=caption)


def section(identity: str, title: str, *content: Content) -> Element:
    """A section of the page, a landmark named by its heading."""
    heading = element("h2", title, id=f"{identity}-title")
    return element("section", heading, *content, id=identity, aria_labelledby=f"{identity}-title")


def number(value: float | None, digits: int = 0, *, sign: bool = False) -> str:
    """1,234.5 with so many digits behind the point; a dash for what is not defined."""
    if value is None or math.isnan(value):
        return "–"
    text = f"{abs(value):,.{digits}f}"
    if not sign:
        return f"−{text}" if value < 0 and text.strip("0.,") else text
    if not text.strip("0.,"):
        return f"±{text}"
    return f"{'−' if value < 0 else '+'}{text}"


def percent(share: float | None, digits: int = 1) -> str:
    """12.3 % of a share of 1; what is not nothing never reads as 0.0 %."""
    if share is None or math.isnan(share):
        return "–"
    least = 10.0 ** -(digits + 2)
    if 0 < share < least / 2:
        return f"< {100 * least:.{digits}f} %"
    return f"{number(100 * share, digits)} %"
