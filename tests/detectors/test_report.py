"""The report page: names what drifted, by how much, which way and since when, and runs nothing."""

import copy
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from detector_service import v2_request, v2_response

from drift_detectors.checks import WindowChecker
from drift_detectors.events.outcomes import EventType
from drift_detectors.policy import Policy
from drift_detectors.profiles import canonical_digest, load_profile
from drift_detectors.report.figures import histogram, polyline, share_rows
from drift_detectors.report.page import render
from drift_detectors.report.sentences import number
from drift_detectors.stream import Stream, StreamName

POLICY = Policy(window_size=200, minimum_rows=100, drift_when_flagged_in=2, of_last_windows=3)
HOSTILE = '<script>alert("1")</script>'


class Page(HTMLParser):
    """Collects a page's text by the element with the nearest id, and its tags and attributes."""

    def __init__(self, document):
        super().__init__()
        self.tags, self.attributes, self.sections = set(), [], {}
        self._id = None
        self.feed(document)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        self._id = dict(attrs).get("id", self._id)

    def handle_data(self, data):
        if self.get_starttag_text() != "<style>":
            self.sections[self._id] = f"{self.sections.get(self._id, '')} {data.strip()}".strip()

    @property
    def text(self):
        return " ".join(self.sections.values())


def new_stream(path, name="insurance-risk"):
    return Stream(
        StreamName(name, "default", ("insurance-risk",)),
        load_profile(path),
        POLICY,
        WindowChecker,
        history=50,
        on_window=lambda _window: None,
    )


@pytest.fixture
def stream(make_profile):
    return new_stream(make_profile())


def shown(stream):
    return Page(render(stream.snapshot()))


def send(stream, rows, received=1_800_000_000.0):
    stream.process(EventType.REQUEST, v2_request(rows), received)


def test_before_the_first_window_it_says_how_far_it_is(stream, sample_rows):
    send(stream, sample_rows(30, seed=1))
    page = shown(stream)
    assert "No verdict yet" in page.sections["verdict"]
    assert "30 of 200 rows" in page.sections["verdict"]
    assert "feature-1" not in page.sections


def test_what_drifted_by_how_much_which_way_and_since_when(stream, sample_rows):
    send(stream, sample_rows(200, seed=1), 1_800_000_000.0)
    send(stream, sample_rows(400, seed=2, age_shift=1.5), 1_800_000_060.0)
    page = shown(stream)
    assert "drift" in page.sections["verdict"]
    assert "age drifted, first flagged in window 2" in page.sections["verdict"]
    first = page.sections["feature-1"]
    assert first.startswith("age drifted Higher: mean 6")
    (evidence,) = [part for part in stream.snapshot().newest.features if part.feature.name == "age"]
    for figure in (evidence.current_mean, evidence.reference_mean, evidence.current_mean - evidence.reference_mean):
        assert f"{number(figure)} years" in first
    assert f"{evidence.effect:.3f}" in first
    assert "Since window 2 (2027-01-15 08:01:00 UTC)" in first
    assert "2 of last 3" in first
    assert "drifted" not in page.sections["feature-2"]


def test_a_category_that_moved_is_named_with_its_shares(stream, sample_rows):
    send(stream, sample_rows(400, seed=2, region_shares=(0.1, 0.3, 0.6)))
    first = shown(stream).sections["feature-1"]
    (evidence,) = [part for part in stream.snapshot().newest.features if part.feature.name == "region"]
    assert first.startswith("region drifted More “west”")
    assert f"{evidence.current_shares['west']:.0%} of rows now" in first
    assert f"{evidence.reference_shares['west']:.0%} in the reference" in first


def test_a_category_that_the_reference_never_had_is_marked(stream, sample_rows):
    rows = sample_rows(200, seed=2)
    rows["region"] = ["atlantis"] * 120 + rows["region"][120:]
    send(stream, rows)
    first = shown(stream).sections["feature-1"]
    assert "Never in the reference: atlantis" in first
    assert "atlantis new" in first


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_the_page_runs_and_fetches_nothing(stream, sample_rows, shift):
    send(stream, sample_rows(600, seed=2, age_shift=shift))
    page = shown(stream)
    assert not page.tags & {"script", "link", "iframe", "img", "object", "embed", "form", "base"}
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in {"src", "href"}]
    assert "@import" not in render(stream.snapshot())
    assert "url(" not in render(stream.snapshot())


def test_names_from_outside_are_text_and_never_markup(make_document, make_profile, sample_rows):
    document = make_document()
    features = copy.deepcopy(document["features"])
    rows = sample_rows(60, seed=11)
    features[0] |= {"name": HOSTILE, "unit": "<s>years</s>"}
    features[3]["categories"] = ["north", "south", "west", "<i>east</i>"]
    columns = {HOSTILE if name == "age" else name: column for name, column in rows.items()}
    path = make_profile(features=features, name="<u>model</u>", rows=60)
    path.write_text(_document(document, features=features, rows=columns, name="<u>model</u>"))
    stream = new_stream(path, name="<em>stream</em>")
    current = sample_rows(200, seed=2, age_shift=2.0)
    current["region"] = ['<img src=x onerror="alert(2)">'] * 100 + ["<i>east</i>"] * 100
    stream.take_rows([current["age"], current["miles"], current["training"], current["region"]], None)
    stream.process(EventType.RESPONSE, v2_response(3), None)
    page = shown(stream)
    assert not page.tags & {"script", "s", "u", "em", "img"}  # the page's own <i> and <b> are its own
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    for text in (
        HOSTILE,
        "<s>years</s>",
        "<u>model</u>",
        "<em>stream</em>",
        "<i>east</i>",
        '<img src=x onerror="alert(2)">',
    ):
        assert text in page.text


def _document(document, **changes):
    changed = {**document, **changes}
    return json.dumps({**changed, "digest": canonical_digest(changed)})


def test_undecided_and_suspect_say_why(stream, sample_rows):
    stream.process(EventType.RESPONSE, v2_response(1, digest="sha256:other"), 1.0)
    send(stream, sample_rows(200, seed=1))
    assert "another reference profile" in shown(stream).sections["verdict"]
    send(stream, sample_rows(200, seed=2, age_shift=1.5))
    verdict = shown(stream).sections["verdict"]
    assert "age differs from the training data" in verdict
    assert "2 of 3 windows" in verdict


def test_clear_says_so(stream, sample_rows):
    send(stream, sample_rows(200, seed=1))
    assert shown(stream).sections["verdict"].startswith("clear The inputs look like the training data.")


def test_bars_cover_all_values_of_both_samples():
    random = np.random.default_rng(1)
    reference, current = random.normal(0, 1, 500), random.normal(4, 1, 300)
    bars = histogram(reference, current)
    assert bars[0].low <= min(reference.min(), current.min())
    assert bars[-1].high >= max(reference.max(), current.max())
    assert max(max(bar.reference, bar.current) for bar in bars) == 1
    scale = sum(bar.reference for bar in bars) / sum(bar.current for bar in bars)
    assert scale == pytest.approx(1)


@pytest.mark.parametrize("value", [0.0, 3.0, -7.5])
def test_a_constant_has_a_histogram(value):
    bars = histogram(np.full(10, value), np.full(5, value))
    assert [bar.reference for bar in bars if bar.reference] == [1.0]


def test_only_the_categories_that_moved_most_are_shown():
    reference = {f"c{index}": 0.05 for index in range(20)}
    current = {**reference, "c3": 0.5, "new": 0.2}
    rows = share_rows(reference, current, limit=2)
    assert [(row.label, row.unseen) for row in rows] == [("c3", False), ("new", True)]


def test_a_line_runs_from_left_to_right_and_stays_inside():
    assert polyline([0.0, 0.5, 9.0], top=1.0, width=100, height=10) == "0.0,10.0 50.0,5.0 100.0,0.0"
    assert polyline([1.0], top=1.0, width=100, height=10) == "0.0,0.0"


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12,346"), (-99.94, "-99.9"), (1.234, "1.23"), (0.0004, "0.000"), (0.0, "0.000")]
)
def test_numbers_are_written_for_people(value, text):
    assert number(value) == text
