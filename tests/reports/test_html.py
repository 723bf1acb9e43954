"""The pages: a device's bytes are never markup, nothing is loaded, and it says no more than was tried."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from report_records import finding, hostile_record, known, record

from harness.case import Send
from harness.interfaces import Frame, FrameKind, State
from harness.summary import RequirementRecord
from harness.temporal import RequirementStatistics
from reports.finding_page import render_finding
from reports.html import render_html, verdict_sentence
from reports.pages import content_policy
from reports.reading import Reader

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section", "article", "footer"),
    *(
        "h1",
        "h2",
        "h3",
        "h4",
        "p",
        "a",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "div",
        "span",
        "b",
        "strong",
        "em",
        "small",
    ),
    *("code", "pre", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "figure", "figcaption"),
    *("svg", "line", "text", "path", "rect", "circle"),
}
ATTRIBUTES = {
    *("class", "id", "href", "title", "lang", "charset", "content", "name", "http-equiv", "role", "aria-label", "open"),
    *("viewbox", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "width", "height", "d", "text-anchor"),
}
HOSTILE = [
    "<script>alert(1)</script>",
    "</style></pre></title></svg><img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)' x=\"",
    "{{ 7 * 7 }}{% raw %}",
    "\x1b]0;owned\x07\x1b[31m",
    "\u202egnp.exe\u2066",
    "--><!-- ]]> &lt;",
    "javascript:alert(1)",
    "\ud800\x00\ufffe",
]


class Told:
    """A protocol whose replies say what somebody else wrote, and whose states are reached by it."""

    def __init__(self, text):
        self.text, self.states = text, {text.encode(errors="replace").decode(): State(text, (Send("way", b"MSH|^~"),))}

    def split(self, buffer):
        return (Frame(FrameKind.REPLY, buffer, {self.text: self.text, "raw": buffer}),), b""


def page_of_finding(drawn, reader=None):
    """The page of a record's only finding."""
    return render_finding(drawn, drawn.findings[0], *([reader] if reader else []))


def pages(drawn, text="", data=b""):
    """The run's page and the finding's, parsed by a protocol and with a secret."""
    reader = Reader({"maintenance": Told(text)}, {text: data} if data else {})
    return render_html(drawn), page_of_finding(drawn, reader)


LINK = re.compile(r"#.*|findings/F-[0-9a-f]{8}\.html|\.\./report\.html#.*")


class Page(HTMLParser):
    """The tags with their attributes, the links, and the text of a page."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.attributes, self.links, self.texts, self.open = [], set(), [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag not in ("meta", "line", "path", "rect", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def shape(page):
    """What the words must not change; whether a field is marked as mutated does hang on its name."""
    return " ".join(sorted(page.attributes)), " ".join(tag for tag in page.tags if tag != "em")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_text(text):
    data = text.encode("utf-8", "surrogatepass")
    for source in pages(hostile_record(text, data), text, data):
        page = Page(source)
        assert set(page.tags) <= TAGS
        assert page.attributes <= ATTRIBUTES
        assert all(LINK.fullmatch(link) for link in page.links)
        assert page.open == []
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", source)
        source.encode()


@settings(deadline=None, max_examples=40)
@example("\r", b" " * 8)
@given(
    st.text(st.characters(categories=None, exclude_characters=".,"), min_size=1, max_size=30),  # these part fields
    st.binary(min_size=1, max_size=60),
)
def test_words_change_no_tag(text, data):
    drawn = zip(pages(hostile_record("a" + text, data)), pages(hostile_record("a", data)), strict=True)
    same = [shape(Page(page)) == shape(Page(plain)) for page, plain in drawn]
    assert all(same)


def test_the_policy_runs_and_loads_nothing():
    for source in pages(record()):
        style = source.split("<style>", 1)[1].split("</style>", 1)[0]
        policy = content_policy(style).replace("'", "&#39;")
        assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in source
        assert policy.startswith("default-src &#39;none&#39;; style-src &#39;sha256-")
        assert not re.search(r"https?:|//[a-z]|url\(|@import|<script|\son\w+=|\sstyle=", source)


def test_it_never_says_that_a_device_is_secure():
    for drawn in (record(), dataclasses.replace(record(), findings=(), exit_code=0)):
        words = Page(render_html(drawn)).text.lower()
        assert not re.search(r"secure|compliant|certified|no vulnerabilit|passed", words)


def test_a_finding_says_how_to_replay_it():
    text = Page(page_of_finding(record())).text
    assert "Replay it: .venv/bin/medfuzz replay F-01234567 --run 'runs/a run'" in text
    elsewhere = dataclasses.replace(record(), store="", manifest={})
    assert "Replay it: medfuzz replay F-01234567 " in Page(page_of_finding(elsewhere)).text


def test_a_run_without_a_finding_claims_no_more_than_was_tried():
    text = Page(render_html(dataclasses.replace(record(), findings=(), exit_code=0))).text
    assert "No fault met in 100 cases in 8 s. This speaks of the cases that ran, not of the device." in text
    assert "exit code 0" in text


def test_a_bench_that_failed_is_no_run_without_a_fault():
    failed = dataclasses.replace(record(), findings=(), exit_code=3, bench_faults=("cable pulled",))
    text = Page(render_html(failed)).text
    assert "The bench failed; no fault met before that, in 100 cases in 8 s." in text


def test_a_run_that_tested_too_little_says_first_that_and_why():
    doubt = "'main': answered 0 of 412 valid messages, <b>besides</b> the probe"
    page = render_html(dataclasses.replace(record(), findings=(), exit_code=4, doubts=(doubt,)))
    assert "Not a pass: no fault met in 100 cases in 8 s, and too little was tested." in Page(page).text
    assert f"Why this is not a pass: {doubt}" in " ".join(Page(page).text.split())
    assert "Why this is not a pass" not in render_html(dataclasses.replace(record(), doubts=(doubt,)))


def test_a_finding_that_did_not_come_back_says_so():
    text = Page(render_html(record(finding(reproduced=0)))).text
    assert "1 finding that the replays did not confirm" in text
    assert "not reproduced" in text


def test_a_finding_that_is_not_believed_says_why():
    doubtful = dataclasses.replace(finding(reproduced=3), doubt="and without the case, too")
    text = " ".join(Page(page).text for page in pages(record(doubtful)))
    assert "not believed" in text
    assert "and without the case, too" in text
    assert "not reproduced" not in text


def test_a_finding_and_a_bench_fault_are_both_told():
    text = Page(render_html(dataclasses.replace(record(), bench_faults=("the link was pulled",)))).text
    assert "1 crash confirmed by replay" in text
    assert "The bench had faults of its own: the link was pulled" in text


def test_a_bench_that_never_reached_the_device_tested_nothing():
    text = Page(render_html(dataclasses.replace(record(), cases=0, findings=(), reason="bench", exit_code=3))).text
    assert "Nothing was tested: the bench never reached the device." in text


def test_a_killed_run_still_names_its_requirements():
    entry = dataclasses.replace(record().requirements[0], statistics=None)
    text = Page(render_html(dataclasses.replace(record(), requirements=(entry,), reason="killed"))).text
    assert "because it was killed;" in text
    assert "not recorded" in text
    assert "were not watched" not in text


def test_a_requirement_that_was_not_exercised_is_not_called_held():
    requirement = record().requirements[0].requirement
    entry = RequirementRecord(requirement, RequirementStatistics("PUMP-03", 9.0, margin=1.0))
    source = render_html(dataclasses.replace(record(), requirements=(entry,)))
    assert 'status">not exercised<' in source
    assert 'status">held<' not in source


def test_a_long_message_is_cut_and_says_so():
    text = Page(page_of_finding(record(finding(data=bytes(5000))))).text
    assert "… and 3,976 bytes more" in text


def test_a_run_that_was_cut_short_says_how_far_it_came():
    planned = {"options": {"cases": 20_000, "seconds": 28_800.0}}
    cut = dataclasses.replace(record(), manifest=planned, findings=(), reason="interrupted", exit_code=143)
    source = render_html(cut)
    assert "it was interrupted after 100 of 20,000 cases, 8 s of 8 h 00 min; exit code 143." in Page(source).text
    assert '<header class="doubt">' in source
    nothing = dataclasses.replace(cut, cases=0, verdicts={})
    assert "Nothing was tested: the run ended before its first case." in Page(render_html(nothing)).text


@pytest.mark.parametrize(("word", "tone"), [("known", "doubt"), ("expired", "bad"), ("regressed", "bad")])
def test_a_finding_says_what_was_decided(word, tone):
    page, own = pages(record(statuses={"0123456789abcdef": known(word)}))
    assert f'<span class="chip {word}">{word}</span>' in page
    assert f"<dt>decided</dt><dd>{known(word).words}</dd>" in own
    assert known(word).words in page
    assert f'<header class="{tone}">' in page
    assert ("All of them known: decided before." in page) == (word == "known")
    assert "<dt>decided</dt>" not in page_of_finding(record())


def test_a_regression_is_told_where_the_run_ended_before_its_first_case():
    regressed = {"0123456789abcdef": known("regressed")}
    page = render_html(record(cases=0, verdicts={}, reason="interrupted", statuses=regressed))
    assert "<h1>1 crash confirmed by replay, in 0 cases" in page
    assert "Nothing was tested" in render_html(record(cases=0, verdicts={}, findings=(), reason="interrupted"))


def test_one_fault_is_one_card_with_its_other_sights_in_it():
    first = finding(reproduced=3, tries=3)
    again = dataclasses.replace(finding("f" * 16, reproduced=3, tries=3), same_as=first.id)
    page = render_html(record(findings=(first, again)))
    head, _, inside = page.partition(f'<details class="card" id="{first.id}">')[2].partition(
        "The same fault, seen in other ways"
    )
    assert first.id in head and f'id="{again.id}"' in inside
    assert verdict_sentence(record(findings=(first, again))).startswith("1 crash confirmed")
