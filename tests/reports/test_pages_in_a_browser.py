"""The pages as a browser shows them: on a telephone, on paper, with nothing in the console; and a big run's size."""

from dataclasses import replace

import pytest
from browser import MISSING, PROGRAM, Browser
from report_records import RATE, finding, hostile_record, record
from test_finding_page import HL7, exchanged
from test_html import HOSTILE, Told
from test_state_graph import crowd

from harness.campaigns.reporting import write_reports
from harness.case import Origin, Send, TestCase
from harness.functions import FunctionsRun, Unreached
from harness.summary import MessageTotals, RequirementRecord, TimelinePoint
from harness.temporal import RequirementStatistics
from harness.transcript import Exchange, Sample
from harness.verdict import Observation

LARGEST_PAGE = 300_000
LONG_WORD = "x" * 400
needs_a_browser = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


def many(count):
    """A campaign of that many findings, no two alike, with long summaries, requirements and a long timeline."""
    requirements = tuple(replace(RATE, id=f"PUMP-{n:02}") for n in range(30))
    found = []
    for n in range(count):
        one = finding(bucket=f"{n * 2654435761 % 2**64:016x}")
        words = f"something {n} in function_with_a_name (file_of_it.c:{n}) " + "and more of it " * (n % 20)
        seen = replace(one.observation, summary=words, requirement=requirements[n % 30].id)
        found.append(replace(one, observation=seen, fault="a_known_fault"))
    return record(
        findings=tuple(found),
        requirements=tuple(
            RequirementRecord(r, RequirementStatistics(r.id, 9.0, 0.0, 2, 1.5, 3, -0.5)) for r in requirements
        ),
        timeline=tuple(TimelinePoint(n / 10, n, n // 3, n) for n in range(800)),
        messages=tuple(
            MessageTotals("maintenance", f"a_message_{n % 38}", f"state_{n // 38}", 99, 40, 30, 20) for n in range(304)
        ),
        seconds=80.0,
        states={"maintenance": crowd(48), "network": crowd(30)},
        functions=FunctionsRun(900, tuple(Unreached(f"{LONG_WORD}{n}", LONG_WORD, LONG_WORD) for n in range(500))),
    )


def crowded():
    """A finding with far more of everything than a sheet of paper holds."""
    sends = tuple(Send(f"message_{n}", bytes(range(200)), mutated=n == 70) for n in range(83))
    case = TestCase("maintenance", "idle", sends, Origin("sequence", (), "", LONG_WORD))
    exchanges = tuple(
        Exchange(s.message, s.data, (HL7 * 20, b"PAT-0001" * 9), (b"\x01\x02",) * 9, HL7, n, n + 0.5, answered=True)
        for n, s in enumerate(sends)
    )
    one = finding()
    samples = tuple(Sample(n / 10, (float(n % 7), float(n % 3))) for n in range(300))
    console = tuple((float(n), b"a line of the console\r\n") for n in range(90))
    transcript = replace(one.transcript, exchanges=exchanges, samples=samples, console=console)
    detail = {f"detail_{n}": LONG_WORD for n in range(60)}
    seen = replace(one.observation, summary=f"{LONG_WORD} " * 12, detail=detail)
    beside = tuple(Observation(seen.kind, "m", LONG_WORD, 1.0, requirement=f"R-{n}") for n in range(30))
    earlier = tuple(TestCase("maintenance", "idle", sends[n:], Origin("sequence")) for n in range(16))
    return replace(
        one, window=(*earlier, case), transcript=transcript, observation=seen, symptoms=beside, doubt=LONG_WORD
    )


RECORDS = {
    "one": lambda: record(exchanged(HL7, HL7)),
    "hostile": lambda: hostile_record(HOSTILE[0] * 8, b"<script>alert(1)</script>" * 40),
    "long words": lambda: hostile_record(LONG_WORD, LONG_WORD.encode()),
    "crowded": lambda: record(crowded()),
    "many": lambda: many(8),
}


def written(folder, drawn):
    """The pages of a record in a folder: the run's and the first finding's."""
    assert write_reports(folder, drawn, {"maintenance": Told(LONG_WORD)}) == []
    return folder / "report.html", sorted((folder / "findings").iterdir())[0]


def test_a_run_of_300_findings_is_a_small_page_that_leads_to_all_of_them(tmp_path):
    drawn = many(300)
    page, _ = written(tmp_path, drawn)
    assert page.stat().st_size <= LARGEST_PAGE
    source = page.read_text()
    for one in drawn.findings:
        assert f'href="findings/{one.id}.html"' in source
        assert (tmp_path / "findings" / f"{one.id}.html").is_file()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@needs_a_browser
@pytest.mark.parametrize("which", RECORDS)
def test_nothing_overflows_a_telephone_and_the_console_stays_empty(tmp_path, browser, which):
    for page in written(tmp_path, RECORDS[which]()):
        for width in (360, 1280):
            browser.open(page, width)
            assert browser.value("document.documentElement.scrollWidth") <= width
            browser.open_details()
            assert browser.value("document.documentElement.scrollWidth") <= width
            assert browser.logged() == []


@needs_a_browser
@pytest.mark.parametrize("which", RECORDS)
def test_a_finding_prints_on_two_sheets(tmp_path, browser, which):
    _, page = written(tmp_path, RECORDS[which]())
    browser.open(page, 1280)
    assert 1 <= browser.sheets() <= 2


@needs_a_browser
def test_what_is_folded_on_the_screen_is_open_on_paper(tmp_path, browser):
    page, _ = written(tmp_path, many(40))
    browser.open(page, 1280)
    folded = browser.value("document.querySelector('.card p').checkVisibility({contentVisibilityAuto: true})")
    assert folded is False
    height = browser.value("document.documentElement.scrollHeight")
    browser.medium("print")
    assert browser.value("document.querySelector('.card p').checkVisibility()") is True
    browser.medium("screen")
    assert browser.value("document.documentElement.scrollHeight") == height


@needs_a_browser
def test_only_code_and_the_timeline_scroll_sideways(tmp_path, browser):
    for page in written(tmp_path, RECORDS["crowded"]()):
        browser.open(page, 360)
        browser.open_details()
        wide = browser.value(
            "[...document.querySelectorAll('main *')].filter(one => one.scrollWidth > one.clientWidth + 1"
            " && ['auto', 'scroll'].includes(getComputedStyle(one).overflowX)).map(one => one.className)"
        )
        assert set(wide) <= {"dump", "dump screen", "wide", "console"}


def test_a_folder_that_takes_no_page_is_told_once(tmp_path):
    (tmp_path / "findings").write_text("not a folder")
    (failure,) = write_reports(tmp_path, many(5))
    assert str(tmp_path / "findings") in failure
    assert (tmp_path / "report.html").is_file()
