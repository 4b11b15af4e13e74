# ruff: noqa: RUF001
import html.parser
import re

import pytest

from figures import page
from figures.draw import draw_paper

VOID = {"meta", "img", "link", "br", "hr", "input"}


class Reader(html.parser.HTMLParser):
    """Tags in order, with a check that every one of them is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def draw(fake):
    draw_paper(fake.results, fake.build, fake.slug, "quick")
    return Reader(page.write(fake.build).read_text(encoding="utf-8"))


def test_page_shows_what_was_drawn(fake):
    reader = draw(fake)
    for words in (
        "A paper",
        "Title of rates",
        "A caption.",
        "2 of 3",
        "paper, Figure 1",
        "cpu",
        "float32",
        "run in 3 s",
        "[0.7, ∞]",
    ):
        assert words in reader.text
    images = reader.all("img")
    assert [image["alt"] for image in images] == ["Success falls along the axis.", "Title of grid"]
    for image in images:
        assert (fake.build / image["src"]).is_file()
    plates = [link for link in reader.all("a") if "plate" in link.get("class", "")]
    assert all((fake.build / link["href"]).is_file() and link["href"].endswith(".pdf") for link in plates)
    assert {"href": "https://arxiv.org/abs/1234.56789"} in reader.all("a")
    # Identifiers keep their digits.
    assert "1234567" in reader.text
    assert "axes.x" in reader.text


def test_links_within_the_page_lead_somewhere(fake):
    reader = draw(fake)
    names = {attributes["id"] for _, attributes in reader.tags if "id" in attributes}
    assert {link["href"][1:] for link in reader.all("a") if link["href"].startswith("#")} <= names


def test_page_needs_no_network(fake):
    draw(fake)
    text = (fake.build / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|iframe)\b", text)
    assert not re.search(r"@import|url\(|src=[\"']?(https?:)?//", text)


def test_everything_from_results_is_escaped(fake):
    attack = "<script>alert(1)</script>\"'&$x ${y}"
    fake.describe_paper(title=attack, authors=[attack], reference=f"arXiv:1234.56789 {attack}", summary=attack)
    fake.describe(
        "rates",
        title=attack,
        caption=attack,
        inferred=attack,
        configuration={attack: attack, "list": [attack], "nested": {attack: {"k": attack}}},
        provenance={"device": attack, "dtype": attack, "commit": attack},
        started=attack,
        config_hash=attack,
    )
    fake.describe("grid", title=attack)
    reader = draw(fake)
    assert not reader.all("script")
    assert reader.text.count(attack) >= 14
    # The grid has no description of its own, so its hostile title is the alternative text.
    assert reader.all("img")[1]["alt"] == attack
    # Claims hold markup too.
    assert "Ends <b>low</b>." in reader.text


def test_an_empty_build_has_a_page(tmp_path):
    reader = Reader(page.write(tmp_path / "build").read_text(encoding="utf-8"))
    assert "Nothing has been drawn yet" in reader.text
    assert "0 of 0 claims are met" in reader.text


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        ("arXiv:2003.10392v2", "https://arxiv.org/abs/2003.10392v2"),
        ("(arXiv 1610.09028)", "https://arxiv.org/abs/1610.09028"),
        ("arXiv:math/0612345", "https://arxiv.org/abs/math/0612345"),
        ("see 10.1073/pnas.0909892106.", "https://doi.org/10.1073/pnas.0909892106"),
    ],
)
def test_references_are_linked(reference, address):
    assert f'href="{address}"' in page._linked(reference)


def test_interval_ends_may_be_unbounded(fake):
    claim = {"holds": True, "verdict": "open", "claim": "c", "criterion": "e", "source": "ours"}
    claim |= {"measured": None, "interval": [None, 2.0]}
    assert "[−∞, 2]" in page._claim(claim)
