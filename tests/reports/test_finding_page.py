"""A finding's own page: the sentence first, bytes and what they say, what leaked, what came before, and the links."""

import re
from dataclasses import replace

from report_records import RATE, finding, record
from test_html import Page, Told, page_of_finding

from harness.case import FieldSpan, LiveField, Origin, Send, TestCase
from harness.finding import Condition, Minimized, Size
from harness.interfaces import State
from harness.summary import MessageTotals
from harness.transcript import Exchange
from reports.hexdump import segments
from reports.html import message_rows, render_html
from reports.reading import Reader, secrets_in

HL7 = b"\x0bMSH|^~\\&|WARD|\rPID|1||PAT-0001||DOE^JANE\r\x1c\r"


def exchanged(sent, *replies, message="admit", spans=(), state="idle"):
    """A finding of one message and what came back."""
    case = TestCase("maintenance", state, (Send(message, sent, spans=spans),), Origin("enumerate"))
    exchange = Exchange(message, sent, replies, (), b"", 0.1, 0.2, bool(replies))
    shown = finding()
    return replace(shown, window=(case,), transcript=replace(shown.transcript, exchanges=(exchange,)))


def test_the_sentence_comes_before_everything_else():
    page = Page(page_of_finding(record()))
    told = record().explain(record().findings[0]).sentence
    assert page.text.index(told) < page.text.index("Replay it:") < page.text.index("What was sent")


def test_replies_are_parsed_as_send_prints_them():
    drawn = record(exchanged(b"ask", b"\xa5\x01"))
    text = Page(page_of_finding(drawn, Reader({"maintenance": Told("model")}))).text
    assert "model model raw a5 01" in text
    assert "replies are not parsed" not in text
    assert (
        "The bench was not at hand when this page was written: replies are not parsed."
        in Page(page_of_finding(drawn)).text
    )


def test_a_parser_that_fails_costs_the_fields_and_not_the_page():
    class Broken(Told):
        def split(self, buffer):
            raise RuntimeError(buffer)

    source = page_of_finding(record(exchanged(b"ask", b"\xa5\x01")), Reader({"maintenance": Broken("x")}))
    assert "a5 01" in source
    assert 'class="read"' not in source


def test_hl7_is_shown_by_segment_and_in_hex_besides():
    spans = (FieldSpan("PID.name", HL7.index(b"DOE"), 8),)
    rows = ["".join(run.text for run in row.runs) for row in segments(HL7, spans, "PID.name").rows]
    assert rows == ["␋MSH|^~\\&|WARD|␍", "PID|1||PAT-0001||DOE^JANE␍␜␍"]
    source = page_of_finding(record(exchanged(HL7, HL7, spans=spans)))
    assert source.count("<summary>in hex</summary>") == 2
    assert '<span class="row">␋MSH|^~\\&amp;|WARD|␍</span>' in source
    assert '<span class="f0" title="PID.name">DOE^JANE</span>' in source


def test_a_secret_is_marked_where_it_stands_and_not_where_it_was_sent():
    reader = Reader(secrets={"patient": b"PAT-0001"})
    told = page_of_finding(record(exchanged(b"\x01\x02", b"\x81\x00PAT-0001\x00")), reader)
    assert '<span class="leaked" title="leaked: patient">50 41 54 2d 30 30 30 31</span>' in told
    assert "patient <em>leaked</em>" in told
    asked = page_of_finding(record(exchanged(b"\x01PAT-0001", b"\x81\x00PAT-0001\x00")), reader)
    assert "leaked" not in asked.split("</style>")[1]


def test_secrets_come_from_the_manifest_as_text_or_hex():
    canaries = {"patient": "PAT-0001", "key": "hex:0102", "wrong": "hex:0"}
    assert secrets_in({"configuration": {"monitors": {"canaries": canaries}}}) == {
        "patient": b"PAT-0001",
        "key": b"\x01\x02",
    }
    assert secrets_in({}) == secrets_in({"configuration": [3]}) == {}


def test_what_came_before_has_its_bytes_and_dots_where_they_are_computed():
    first = TestCase(
        "maintenance", "open", (Send("arm", b"\x01\x02\x03", (LiveField("crc", 2, 1),)),), Origin("sequence")
    )
    shown = exchanged(b"go")
    shown = replace(shown, window=(first, *shown.window))
    protocol = Told("x")
    protocol.states = {"open": State("open", (Send("open_session", b"\xa5\x07"),))}
    text = Page(page_of_finding(record(shown), Reader({"maintenance": protocol}))).text
    assert "on the way to state open send open_session a5 07" in text
    assert f"case {first.id}, in state open send arm 01 02 .." in text


def test_no_inner_word_is_told():
    case = replace(finding().case, origin=Origin("enumerate", ("hello",), "rate", "boofuzz 0480"))
    text = Page(page_of_finding(record(replace(finding(), window=(case,)))).split("</style>")[1]).text
    assert "a value from a library of unusual ones" in text
    assert not re.search(r"boofuzz|sweep|bent|mutated", text)


def test_of_the_smallest_reproducer_only_what_it_takes_is_called_unusual():
    told = Minimized(Size(2, 9), Size(1, 3), 7, 0.1, True, (), (Condition("set", "b", "03, usually 00"),))
    spans = (FieldSpan("a", 0, 1), FieldSpan("b", 1, 1))
    case = TestCase(
        "maintenance", "idle", (Send("set", b"\x01\x03", spans=spans, mutated=True),), Origin("enumerate", (), "a")
    )
    source = page_of_finding(record(replace(exchanged(b""), window=(case,), minimized=replace(told, original=(case,)))))
    assert re.findall(r'title="(\w+)">0\d<', source) == ["a", "b"]
    assert re.findall(r'bent" title="(\w+)">0\d<', source) == ["b"]


def test_a_requirement_leads_to_its_findings_and_a_finding_to_its_requirement():
    shown = finding()
    shown = replace(shown, observation=replace(shown.observation, requirement=RATE.id))
    drawn = record(shown)
    page = render_html(drawn)
    row = page.split('id="r1"', 1)[1].split("</tr>", 1)[0]
    assert 'href="#F-01234567"' in row
    card = page.split('id="F-01234567"', 1)[1].split("</details>", 1)[0]
    assert f'href="#r1">{RATE.id}</a>' in card
    assert 'href="findings/F-01234567.html"' in card
    own = page_of_finding(drawn)
    assert f'href="../report.html#r1">{RATE.id}</a>' in own
    assert 'href="../report.html#F-01234567"' in own


def test_an_id_of_a_store_that_was_tampered_with_leaves_no_folder():
    page = render_html(record(finding(bucket="../../x/y")))
    assert 'href="findings/F-______x_.html"' in page


def test_messages_are_counted_in_all_states_and_in_each():
    totals = (
        MessageTotals("m", "ask", "idle", 5, 3, 1, 1),
        MessageTotals("m", "ask", "open", 2, 2),
        MessageTotals("n", "ask", "idle", 1),
    )
    first, second = message_rows(totals)
    assert first.total == MessageTotals("m", "ask", "", 7, 5, 1, 1)
    assert (first.states, second.total.interface) == (totals[:2], "n")
    text = Page(render_html(record(messages=totals))).text
    assert "ask m 7 5 1 1 by state idle 5 3 1 1 open 2 2 0 0" in text
    assert "Nothing is on record" in Page(render_html(record())).text
