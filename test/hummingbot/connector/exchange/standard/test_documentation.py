"""What the code says about its sources is true."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[5]
DOCUMENTS = ("protocol.md", "stream_protocol.md")
SECTIONS = {name: set(re.findall(r"^#{2,3} (.+)$", (ROOT / "docs" / name).read_text(encoding="utf-8"), re.MULTILINE))
            for name in DOCUMENTS}
CITATION = re.compile(r'\b((?:stream_)?protocol\.md)((?:(?:,| and|,? and)?[\s#]*"[^"\n]{1,40}(?:\n[\s#]*[^"\n]{1,40})?")+)')
SOURCES = sorted((ROOT / "hummingbot").rglob("*.py"))


def cited(text, document="protocol.md"):
    for source, citation in CITATION.findall(text):
        for name in re.findall(r'"([^"]+)"', citation) if source == document else ():
            yield re.sub(r"[\s#]+", " ", name)


def test_a_citation_is_found_in_any_form():
    text = ('(docs/protocol.md, "Units and prices"). (docs/protocol.md, "Fees", "Spread limits",\n    "Matching limits").\n'
            'docs/protocol.md, "Placing an order step\n    by step". # docs/protocol.md, "Priority" and "Order ids"')
    assert list(cited(text)) == ["Units and prices", "Fees", "Spread limits", "Matching limits", "Placing an order step by step",
                                 "Priority", "Order ids"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_cited_section_of_our_descriptions_exists(document):
    citations = {(path.name, name) for path in SOURCES for name in cited(path.read_text(encoding="utf-8"), document)}
    assert citations
    assert {citation for citation in citations if citation[1] not in SECTIONS[document]} == set()


GUIDES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("test/**/*.md")])


def anchors(path):
    """The anchors that a repository host gives to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path):
    for target, _, anchor in re.findall(r"\]\((?!https?://)([^)#]*)(#?)([^)]*)\)", path.read_text(encoding="utf-8")):
        meant = path.parent / target if target else path
        assert meant.exists(), target
        assert not anchor or anchor in anchors(meant), f"{target}#{anchor}"
