"""The failure browser as a user sees it: opened from disk in a headless Chromium."""

import json

import pytest
from chromium import PROGRAM, REQUIRED, chromium
from failing import HOSTILE, make_test, same, write_page

pytestmark = pytest.mark.skipif(
    PROGRAM is None and not REQUIRED, reason="no chromium, chromium-browser or google-chrome here"
)

STATUS = "document.getElementById('status').textContent"
SHOWN = "[...document.querySelectorAll('#rows a')].map(row => row.getAttribute('href'))"
OPEN = "document.getElementById('query').open"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    test = make_test(tmp_path_factory.mktemp("noise"), queries=240)
    return write_page(tmp_path_factory.mktemp("page") / "failures", test, probability=same)


@pytest.fixture(scope="module")
def browser():
    with chromium() as page:
        yield page


@pytest.fixture
def page(browser, written):
    """The page, opened anew in a large window; nothing may have gone wrong in it at the end."""
    browser.events.clear()
    browser.set_size(1200, 900)
    browser.send("Page.navigate", url="about:blank")
    browser.open(written.page)
    yield browser
    assert browser.complaints() == []
    assert all(url.startswith(("file:", "about:")) for url in browser.requests())


def choose(page, field, value):
    """Choose a value as a user's change of a field does."""
    page.run(
        f"{{ const field = document.getElementById('{field}'); field.value = {json.dumps(value)};"
        "field.dispatchEvent(new Event(field.type === 'search' ? 'input' : 'change')); }"
    )


def count(page):
    return int(page.run(STATUS).split(" ")[0])


def test_nothing_is_called_certain(page):
    said = page.run("[1, 0.9996, 0.9994, 0.25, 0.0006, 0.0004, 0].map(chanceOf)")
    assert said == [
        *("over 99.9 %", "over 99.9 %", "99.9 %", "25.0 %", "0.1 %"),
        *("below 0.1 %", "below 0.1 %"),
    ]


def test_the_worst_come_first_and_only_what_is_in_view_is_made(page, written):
    assert page.run(STATUS) == "240 of 240 queries"
    rows = page.run(SHOWN)
    assert rows[:3] == ["#query-0", "#query-1", "#query-2"]
    assert len(rows) < 20
    label = page.run("document.querySelector('#rows a').getAttribute('aria-label')")
    first = written.failures.scores.first_match_ranks[written.failures.worst_first[0]]
    assert f"first true match at rank {first}," in label
    page.run("window.scrollTo(0, document.body.scrollHeight)")
    page.wait(f"{SHOWN}.at(-1) === '#query-239'")
    assert len(page.run(SHOWN)) < 20
    positions = page.run(
        "[...document.querySelectorAll('#rows li')].map(row => [+row.ariaPosInSet, row.offsetTop])"
    )
    assert positions == sorted(positions)
    page.wait("[...document.images].filter(one => one.complete && one.naturalWidth).length > 20")


def test_filters_leave_what_their_counts_say(page, written):
    for kind, expected in written.failures.counts().items():
        chip = f"document.querySelector('input[name=kind][value={kind}]')"
        said = page.run(f"+{chip}.parentElement.querySelector('.count').textContent")
        page.run(f"{chip}.click()")
        assert count(page) == said == expected
    page.run("document.querySelector('input[name=kind][value=\"\"]').click()")
    for field in ("queryCamera", "firstCamera", "matchCamera"):
        options = page.run(
            f"[...document.getElementById('{field}').options].map(o => [o.value, o.text])"
        )
        assert [value for value, _ in options] == ["", "1", "2", "3"]
        counts = []
        for value, text in options[1:]:
            choose(page, field, value)
            counts.append(count(page))
            assert text == f"{value} ({counts[-1]})"
        choose(page, field, "")
        assert sum(counts) == (239 if field == "matchCamera" else 240)
    choose(page, "queryCamera", "2")
    choose(page, "matchCamera", "2")
    assert count(page) == 0  # a match of the query's own camera does not count
    assert page.run("document.querySelector('#matchCamera option:checked').textContent") == "2 (0)"


def test_search_finds_people_and_files(page):
    choose(page, "search", "7")
    assert count(page) == 20
    labels = page.run("[...document.querySelectorAll('#rows a')].map(row => row.ariaLabel)")
    assert all(label.startswith("person 7, ") for label in labels)
    choose(page, "search", "0007 3")
    assert count(page) == 40
    choose(page, "search", "3/<IMG")
    assert count(page) == 20
    choose(page, "search", "nobody")
    assert count(page) == 0
    page.press("j")  # with nothing to go to
    assert page.run(SHOWN) == []


def test_orders(page):
    choose(page, "order", "best")
    assert page.run(SHOWN)[0] == "#query-239"
    choose(page, "order", "person")
    labels = page.run("[...document.querySelectorAll('#rows a')].map(row => row.ariaLabel)")
    people = [int(label.split(",")[0].split(" ")[1]) for label in labels]
    assert people == sorted(people)


def test_all_by_keys(page):
    focused = "document.activeElement.getAttribute('href')"
    page.press("j", "j", "ArrowDown", "k", "ArrowUp", "j")
    assert page.run(focused) == "#query-1"
    assert page.run("document.activeElement.matches(':focus-visible')")
    page.press("Enter")
    page.wait(OPEN)
    page.press("j", "ArrowRight", "k")
    page.wait("location.hash === '#query-2'")
    page.press("Escape")
    page.wait(f"!{OPEN}")
    page.wait("location.hash === '#queries'")
    assert page.run(focused) == "#query-2"
    for _ in range(12):
        page.press("j")
    assert page.run(focused) == "#query-14"
    box = page.run("(b => [b.top, b.bottom])(document.activeElement.getBoundingClientRect())")
    assert 0 <= box[0] < box[1] <= 900
    page.press("/")
    assert page.run("document.activeElement.id") == "search"
    page.press("7")
    page.wait(f"{STATUS}.startsWith('20 ')")
    page.press("j")
    assert page.run("document.activeElement.value") == "7j"
    page.press("Escape")
    page.wait(f"{STATUS}.startsWith('240 ')")
    page.press("?")
    page.wait("document.getElementById('keys').open")
    page.press("j", "Escape")
    page.wait("!document.getElementById('keys').open")


def test_a_query_shows_its_ranking_its_matches_and_pairs(page, written):
    page.run("location.hash = 'query-0'")
    page.wait(OPEN)
    place = written.failures.worst_first[0]
    texts = page.run("[...document.querySelectorAll('#detail .pair')].map(pair => pair.innerText)")
    assert texts[0].startswith("Rank 1: somebody else")
    assert texts[1].startswith("The nearest true match")
    first = written.failures.scores.first_match_ranks[place]
    start = written.failures.matches.offsets[place]
    distance = written.failures.matches.distances[start]
    assert f"rank {first}, distance {distance:.4g}, same person: " in texts[1]
    assert (
        f"{100 * same(written.failures.matches.distances[start : start + 1])[0]:.1f} %" in texts[1]
    )
    labels = page.run("[...document.querySelectorAll('dialog .found')].map(one => one.ariaLabel)")
    ranks = written.failures.match_ranks[
        slice(*written.failures.matches.offsets[place : place + 2])
    ]
    assert [int(label.split(":")[0].split(" ")[1]) for label in labels] == [
        *range(1, 21),
        *ranks.tolist(),
    ]
    page.run("document.querySelectorAll('dialog .found')[4].click()")
    chosen = page.run("document.getElementById('chosen').innerText")
    assert chosen.startswith("Chosen: somebody else")
    assert "rank 5, distance" in chosen
    page.run("document.querySelector('#query form button').click()")
    page.wait(f"!{OPEN}")


def test_names_cannot_become_markup(page):
    page.run("location.hash = 'query-0'")
    page.wait(OPEN)
    assert HOSTILE in page.run("document.getElementById('detail').textContent")
    assert page.run("document.querySelectorAll('img[src=x]').length") == 0
    assert page.run("document.querySelector('h1').textContent").endswith("on noise <b>")


def test_a_query_without_a_match_says_so(page):
    page.run("location.hash = 'query-239'")
    page.wait(OPEN)
    text = page.run("document.getElementById('detail').innerText")
    assert "No match in the gallery" in text
    assert "True matches: 0" in text


def test_hubs_and_suspects_lead_to_queries(page, written):
    page.run("document.querySelector('nav a[href=\"#hubs\"]').click()")
    page.wait("!document.getElementById('view-hubs').hidden")
    assert page.run("document.querySelectorAll('.hub').length") == len(written.hubs)
    hub = written.hubs[0]
    words = page.run("document.querySelector('.hub p').textContent")
    assert words.startswith(f"Wrongly at rank 1 of {hub.at_first}, among the first ten of")
    page.run("document.querySelector('.hub a').click()")
    page.wait(OPEN)
    page.press("Escape")
    page.wait("location.hash === '#hubs'")
    page.run("document.querySelector('nav a[href=\"#labels\"]').click()")
    page.wait("document.getElementById('view-hubs').hidden")
    for name, suspects in (
        ("alike", written.suspicions.alike),
        ("apart", written.suspicions.apart),
        ("apart-in-camera", written.suspicions.apart_in_camera),
    ):
        found = page.run(f"document.querySelectorAll('#{name} > li').length")
        assert found == len(suspects)
        assert page.run(f"document.getElementById('no-{name}').hidden") == bool(suspects)


@pytest.mark.parametrize("view", ["queries", "hubs", "labels", "query-0"])
def test_a_phone_has_no_sideways_scrolling(page, view):
    page.set_size(360, 740)
    page.run(f"location.hash = '{view}'")
    page.wait(f"location.hash === '#{view}'")
    assert page.run("document.documentElement.scrollWidth") == 360
    assert page.run("document.getElementById('query').scrollWidth") <= 360
    if view == "queries":
        choose(page, "order", "best")
        sizes = page.run("[...document.querySelectorAll('#rows .words')].map(w => w.clientHeight)")
        assert 20 < min(sizes) <= max(sizes) < 60


def test_what_has_an_action_has_a_name(page):
    page.run("location.hash = 'query-0'")
    page.wait(OPEN)
    nameless = """[...document.querySelectorAll('a, button, input, select, img, dialog')]
      .filter(one => !(one.innerText?.trim() || one.ariaLabel || one.hasAttribute('alt')
        || one.labels?.length || one.getAttribute('aria-labelledby'))).map(one => one.outerHTML)"""
    assert page.run(nameless) == []


def test_dark_is_dark(page):
    light = page.run("getComputedStyle(document.body).backgroundColor")
    page.send(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    dark = page.run("getComputedStyle(document.body).backgroundColor")
    page.send("Emulation.setEmulatedMedia", features=[])
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(20, 24, 31)")
