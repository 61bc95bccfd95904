"""The page for everybody: names for screen readers, every control by keyboard with its focus seen, contrast, stillness, large targets."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

HERE = Path(__file__).parent
REACH, CONTRAST = ((HERE / name).read_text(encoding="utf-8") for name in ("reach.js", "contrast.js"))
OPERABLE = {
    "button",
    "link",
    "textbox",
    "searchbox",
    "combobox",
    "radio",
    "checkbox",
    "tab",
    "spinbutton",
    "grid",
    "img",
    "tabpanel",
    "dialog",
}
SIGNAL_TABS = ("now", "diagrams", "forecast", "plans", "control")
EVENT_TABS = ("alarms", "comparison", "proposals", "audit", "demo")
TELEPHONE, DESK = (390, 844), (1440, 900)


class Visit:
    """Somebody in front of the page."""

    def __init__(self, browser: webdriver.Chrome, site: Any) -> None:
        self.browser, self.site = browser, site

    def until(self, what: Callable[[], Any]) -> Any:
        """What it finds, as soon as it finds something."""
        waiting = WebDriverWait(self.browser, 15.0, poll_frequency=0.05, ignored_exceptions=[StaleElementReferenceException])
        return waiting.until(lambda _: what())

    def js(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def screen(self, width: int, height: int, **features: str) -> None:
        """A screen of that size, for somebody with these preferences."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})

    def arrive(self) -> None:
        """As a stranger, who is asked for a key."""
        self.browser.get(str(self.site.client.base_url))
        self.browser.delete_all_cookies()
        self.js("localStorage.clear()")
        self.browser.get(str(self.site.client.base_url))
        self.until(lambda: self.browser.find_elements(By.ID, "key"))

    def order(self, name: str, **body: Any) -> None:
        """By somebody else, elsewhere."""
        answer = self.site.client.post(f"/v1/commands/{name}", json=body, headers=self.site.auth("admin"))
        assert answer.status_code == 200, answer.text

    def opened(self) -> None:
        """Signed in, with signal A0 open."""
        self.arrive()
        self.browser.find_element(By.ID, "key").send_keys(self.site.tokens["admin"], Keys.ENTER)
        self.until(
            lambda: self.js("return document.body.dataset.ready === 'true' && document.querySelector('#link').dataset.state === 'live'")
        )
        self.js("location.hash = '#signal/A0'")
        self.until(lambda: self.browser.find_elements(By.ID, "countdown"))

    def press(self, selector: str) -> None:
        """Whatever stands there now."""
        self.until(lambda: self.js("const one = document.querySelector(arguments[0]); one?.click(); return one !== null", selector))

    def show(self, area: str, tab: str) -> None:
        """A tab of the signal or of the events, with what belongs in it."""
        self.press(f"#{area}-tab-{tab}")
        filled = "return document.querySelector(arguments[0]).innerText.trim().length > 0"
        self.until(lambda: self.js(filled, f"#{area}-{tab}"))

    def dialogs(self) -> Iterator[str]:
        """Each question that the page asks, open."""
        asks = {
            "controller": "const c = document.getElementById('controller'); c.value = 'webster'; c.dispatchEvent(new Event('change'))",
            "mode of all": "const m = document.getElementById('mode-of-all'); m.value = 'advise'; m.dispatchEvent(new Event('change'))",
            "sign out": "document.getElementById('who').click()",
            "fault": "document.getElementById('fault-service').click()",
        }
        for name, script in asks.items():
            self.js(script)
            self.until(lambda: self.browser.find_elements(By.CSS_SELECTOR, "dialog[open] button"))
            yield name
            self.js("document.querySelector('dialog[open]').close()")


@pytest.fixture
def visit(fresh: Any, browser: webdriver.Chrome, bodies: dict[str, dict[str, Any]]) -> Iterator[Visit]:
    """In front of a desk screen; a proposal waits."""
    one = Visit(browser, fresh)
    with fresh.ticking(0.2):
        one.order("propose", **bodies["propose"])
        one.screen(*DESK)
        yield one
    one.screen(*DESK)


def unnamed(browser: webdriver.Chrome) -> list[str]:
    """Nodes of Chromium's accessibility tree that do something and have no name."""
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    found = [n for n in nodes if not n.get("ignored") and n.get("role", {}).get("value") in OPERABLE]
    assert len(found) >= 3
    return [str(n["role"]["value"]) for n in found if not str(n.get("name", {}).get("value", "")).strip()]


def test_every_control_has_a_name_for_screen_readers(visit: Visit) -> None:
    visit.browser.execute_cdp_cmd("Accessibility.enable", {})
    visit.arrive()
    assert unnamed(visit.browser) == []
    visit.opened()
    for language in ("en", "zh"):
        for area, tabs in (("signal", SIGNAL_TABS), ("events", EVENT_TABS)):
            for tab in tabs:
                visit.show(area, tab)
                assert (language, tab, unnamed(visit.browser)) == (language, tab, [])
        visit.press("#language")
    for name in visit.dialogs():
        assert (name, unnamed(visit.browser)) == (name, [])


@pytest.mark.parametrize(("signal_tab", "event_tab"), [("plans", "proposals"), ("control", "demo")])
def test_the_tabulator_reaches_everything_and_the_focus_is_seen(visit: Visit, signal_tab: str, event_tab: str) -> None:
    visit.opened()
    visit.show("signal", signal_tab)
    visit.show("events", event_tab)
    assert visit.js(REACH, "jumps") == []
    stops = set(visit.js(REACH, "stops"))
    assert len(stops) > 20
    visit.js("document.querySelector('.skip').focus()")
    reached: dict[str, Any] = {}
    for _ in range(len(stops) + 8):
        here = visit.js(REACH, "here")
        if here is not None:
            reached[here["name"]] = here
        webdriver.ActionChains(visit.browser).send_keys(Keys.TAB).perform()
    assert stops - set(reached) == set()
    assert [name for name, one in reached.items() if not (one["outline"] and one["seen"])] == []


def test_what_has_the_focus_keeps_it_when_it_is_drawn_anew(visit: Visit, bodies: dict[str, dict[str, Any]]) -> None:
    visit.opened()
    visit.show("events", "proposals")
    visit.until(lambda: visit.js("const one = document.getElementById('approve-1'); one?.focus(); return one !== null"))
    visit.order("propose", **{**bodies["propose"], "signal": "B1"})
    visit.js("document.dispatchEvent(new CustomEvent('ordered'))")  # as after an order of one's own
    visit.until(lambda: visit.browser.find_elements(By.ID, "approve-2"))
    assert visit.js("return document.activeElement.id") == "approve-1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(visit: Visit, scheme: str) -> None:
    visit.screen(*DESK, prefers_color_scheme=scheme)
    visit.arrive()
    assert visit.js(CONTRAST) == []
    visit.opened()
    visit.order("override", signal="A0", phase=2, for_s=60.0, reason="works")
    for area, tabs in (("signal", SIGNAL_TABS), ("events", EVENT_TABS)):
        for tab in tabs:
            visit.show(area, tab)
            assert (tab, visit.js(CONTRAST)) == (tab, [])
    for name in visit.dialogs():
        assert (name, visit.js(CONTRAST)) == (name, [])


@pytest.mark.parametrize(("wish", "moves"), [("no-preference", True), ("reduce", False)])
def test_nothing_moves_for_who_wants_no_motion(visit: Visit, wish: str, moves: bool) -> None:
    visit.screen(*DESK, prefers_reduced_motion=wish)
    visit.opened()
    visit.show("events", "demo")
    assert bool(visit.js(REACH, "moving")) == moves


@pytest.mark.parametrize("size", [TELEPHONE, DESK], ids=["telephone", "desk"])
def test_targets_are_large_enough_for_a_finger(visit: Visit, size: tuple[int, int]) -> None:
    visit.screen(*size)
    visit.opened()
    for view in ("map", "list", "panel", "drawer"):
        visit.press(f"#views [data-view={view}]")
        for tab in {"panel": SIGNAL_TABS, "drawer": EVENT_TABS}.get(view, ()):
            visit.show("signal" if view == "panel" else "events", tab)
            assert (tab, visit.js(REACH, "small")) == (tab, [])
        for _ in ("zh", "en"):
            visit.press("#language")
            assert (view, visit.js(REACH, "small"), visit.js(REACH, "outside")) == (view, [], [])
    for name in visit.dialogs():
        assert (name, visit.js(REACH, "small")) == (name, [])
