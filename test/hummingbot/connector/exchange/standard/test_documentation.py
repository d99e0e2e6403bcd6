"""What the code says about its sources is true."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[5]
SECTIONS = set(re.findall(r"^#{2,3} (.+)$", (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8"), re.MULTILINE))
CITATION = re.compile(r'protocol\.md((?:(?:,| and|,? and)?[\s#]*"[^"\n]{1,40}(?:\n[\s#]*[^"\n]{1,40})?")+)')
SOURCES = sorted((ROOT / "hummingbot").rglob("*.py"))


def cited(text):
    for citation in CITATION.findall(text):
        for name in re.findall(r'"([^"]+)"', citation):
            yield re.sub(r"[\s#]+", " ", name)


def test_a_citation_is_found_in_any_form():
    text = ('(docs/protocol.md, "Units and prices"). (docs/protocol.md, "Fees", "Spread limits",\n    "Matching limits").\n'
            'docs/protocol.md, "Placing an order step\n    by step". # docs/protocol.md, "Priority" and "Order ids"')
    assert list(cited(text)) == ["Units and prices", "Fees", "Spread limits", "Matching limits", "Placing an order step by step",
                                 "Priority", "Order ids"]


def test_every_cited_section_of_our_description_exists():
    citations = {(path.name, name) for path in SOURCES for name in cited(path.read_text(encoding="utf-8"))}
    assert len(citations) > 20
    assert {citation for citation in citations if citation[1] not in SECTIONS} == set()


@pytest.mark.parametrize("document", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/protocol.md",
                                      "test/vectors/README.md"])
def test_links_between_documents_lead_somewhere(document):
    path = ROOT / document
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target
