"""The page in a real Chromium, over the real application: what an operator sees, clicks and types; and its files as they stand."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from citybrain.service.desk import Role
from citybrain.web import front

OUT = Path(__file__).resolve().parents[4] / "out" / "page"
FILES = sorted(front.STATIC.iterdir())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
WORDS = re.compile(r"(?:^|[\s,{])(\w+): '", re.MULTILINE)
Page = Callable[..., Any]

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
PAINTED = """
const c = document.getElementById('map-canvas');
return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v);
"""


def size(browser: webdriver.Chrome, width: int, height: int, scheme: str = "light") -> None:
    """A screen of that size, in that colour scheme."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})


def until(browser: webdriver.Chrome, what: Callable[[webdriver.Chrome], Any]) -> Any:
    """What it finds, as soon as it finds something."""
    return WebDriverWait(browser, 10.0, poll_frequency=0.05, ignored_exceptions=[StaleElementReferenceException]).until(what)


def text(browser: webdriver.Chrome, selector: str) -> str:
    """The text of an element; empty where there is none."""
    return str(browser.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", selector))


def shot(browser: webdriver.Chrome, name: str) -> None:
    """Keep a screenshot for people to look at."""
    OUT.mkdir(parents=True, exist_ok=True)
    assert browser.save_screenshot(str(OUT / f"{name}.png"))


def enter(browser: webdriver.Chrome, site: Any, role: str, width: int = 1440, height: int = 900, scheme: str = "light") -> None:
    """Open the page as a stranger, and sign in with the key of a role."""
    size(browser, width, height, scheme)
    browser.get(str(site.client.base_url))
    browser.delete_all_cookies()
    browser.execute_script("localStorage.clear()")
    browser.get(str(site.client.base_url))
    key = until(browser, lambda b: b.find_elements(By.ID, "key"))[0]
    key.send_keys(site.tokens[role], Keys.ENTER)
    until(browser, lambda b: b.execute_script("return document.body.dataset.ready") == "true")
    until(browser, lambda b: text(b, "#link") == "Live")


def click(browser: webdriver.Chrome, selector: str) -> None:
    """Click an element as soon as it is there and stands still."""

    def clicked(_: webdriver.Chrome) -> bool:
        browser.find_element(By.CSS_SELECTOR, selector).click()
        return True

    until(browser, clicked)


def open_signal(browser: webdriver.Chrome, signal: str, tab: str = "now") -> None:
    """Click it in the list, and one of its tabs."""
    click(browser, f".row[data-id={signal}]")
    until(browser, lambda b: b.find_elements(By.ID, "countdown"))
    click(browser, f"#signal-tab-{tab}")


def complaints(browser: webdriver.Chrome) -> list[str]:
    """What the browser's console holds against the page; that a stranger is told 401 is as it should be."""
    return [one["message"] for one in browser.get_log("browser") if one["level"] == "SEVERE" and "401" not in one["message"]]


def test_the_page_shows_a_living_city_and_mode_and_controller_are_switched(fresh: Any, browser: webdriver.Chrome) -> None:
    with fresh.ticking():
        enter(browser, fresh, "operator")
        assert text(browser, "#nature") == "SIMULATED"
        first = text(browser, "#clock")
        until(browser, lambda b: text(b, "#clock") > first)
        assert [row.get_attribute("data-id") for row in browser.find_elements(By.CSS_SELECTOR, ".rows .row")] == ["A0", "A1", "B0", "B1"]
        open_signal(browser, "A0")
        left = text(browser, "#countdown")
        until(browser, lambda b: text(b, "#countdown") not in ("", left))
        assert text(browser, "#why p")
        assert len(browser.find_elements(By.CSS_SELECTOR, ".movements tbody tr")) == len(fresh.service.network.signals[0].movements)
        assert browser.current_url.endswith("#signal/A0")
        shot(browser, "light")
        assert text(browser, ".row[data-id=A0] .mode") == "SHD"
        click(browser, "#signal-tab-control")
        click(browser, "input[value=automatic]")
        browser.find_element(By.CSS_SELECTOR, "#mode-form input[name=reason]").send_keys("the trial is over", Keys.ENTER)
        until(browser, lambda b: text(b, ".row[data-id=A0] .mode") == "AUTO")
        assert text(browser, ".row[data-id=A1] .mode") == "SHD"
        Select(browser.find_element(By.ID, "controller")).select_by_value("webster")
        until(browser, lambda b: b.find_elements(By.CSS_SELECTOR, "dialog[open] input[name=reason]"))[0].send_keys("a trial", Keys.ENTER)
        until(browser, lambda _: fresh.service.orders.controller == "webster")
        until(browser, lambda b: b.execute_script("return document.getElementById('controller').value") == "webster")
    assert complaints(browser) == []


def test_the_map_draws_signals_and_opens_the_one_that_is_clicked(site: Any, browser: webdriver.Chrome) -> None:
    with site.ticking():
        enter(browser, site, "viewer")
        until(browser, lambda b: b.execute_script(PAINTED))
        canvas = browser.find_element(By.ID, "map-canvas")
        canvas.send_keys("+", "+", "0")
        click(browser, "[data-layer=congestion_15]")
        assert "15" in text(browser, ".legend")
        # The grid's four signals stand around the middle; a walk over the upper left quarter meets one of them.
        box = canvas.size
        for k in range(2, 30):
            webdriver.ActionChains(browser).move_to_element_with_offset(
                canvas, -k * box["height"] // 60, -k * box["height"] // 60 - 42
            ).click().perform()
            if "#signal/" in browser.current_url:
                break
        until(browser, lambda b: b.find_elements(By.ID, "countdown"))
        assert text(browser, ".panel-head h2") in ("A0", "A1", "B0", "B1")
    assert complaints(browser) == []


def test_an_operator_holds_a_phase_by_keyboard_alone(fresh: Any, browser: webdriver.Chrome) -> None:
    def focused() -> Any:
        return browser.switch_to.active_element

    def tab_to(wanted: str, most: int = 60) -> None:
        for _ in range(most):
            if browser.execute_script("return document.activeElement.matches(arguments[0])", wanted):
                return
            focused().send_keys(Keys.TAB)
        pytest.fail(f"{wanted} is not reached by the tabulator key")

    with fresh.ticking():
        enter(browser, fresh, "operator")
        tab_to("#signal-rows")
        focused().send_keys(Keys.END, Keys.HOME, Keys.ARROW_DOWN, Keys.ENTER)
        until(browser, lambda b: text(b, ".panel-head h2") == "A1" and b.find_elements(By.ID, "countdown"))
        tab_to("#signal-tab-now")
        focused().send_keys(Keys.END)
        assert focused().get_attribute("id") == "signal-tab-control"
        until(browser, lambda b: b.find_elements(By.ID, "override"))
        tab_to("#override input[name=phase]")
        focused().send_keys(Keys.SPACE)
        tab_to("#override input[name=reason]")
        focused().send_keys("accident on Main Street", Keys.ENTER)
        until(browser, lambda b: "By hand" in text(b, ".panel-head"))
        assert fresh.service.orders.standing["A1"].reason == "accident on Main Street"
        assert "held by hand" in text(browser, "#toasts")
        click(browser, "#events-tab-audit")
        until(browser, lambda b: "Reason: accident on Main Street" in text(b, "#events-audit"))
        click(browser, "#signal-tab-now")
        until(browser, lambda b: "held by hand for at most another" in text(b, ".countdown"))
    assert complaints(browser) == []


def test_who_fills_in_a_form_holds_the_edit_lock_until_done_and_is_told_of_others(fresh: Any, browser: webdriver.Chrome) -> None:
    locks = fresh.access.locks
    locks.take("A1", "Ines")
    with fresh.ticking():
        enter(browser, fresh, "operator")
        open_signal(browser, "B0", "control")
        click(browser, "#override input[name=reason]")
        until(browser, lambda b: "you edit it" in text(b, ".panel-head"))
        assert locks.take("B0", "somebody else")[0] is False
        click(browser, ".row[data-id=A1]")
        until(browser, lambda b: text(b, ".panel-head h2") == "A1" and b.find_elements(By.ID, "override"))
        until(browser, lambda _: locks.take("B0", "somebody else")[0])
        locks.take("A1", "Ines")
        click(browser, "#override input[name=reason]")
        until(browser, lambda b: "Ines works on it" in text(b, ".panel-head"))


def test_a_viewer_sees_alarms_and_can_press_nothing_that_changes_the_street(fresh: Any, browser: webdriver.Chrome) -> None:
    with fresh.ticking():
        enter(browser, fresh, "viewer")
        before = fresh.snapshot()
        open_signal(browser, "B0", "control")
        until(browser, lambda b: b.find_elements(By.ID, "override"))
        controls = browser.find_elements(By.CSS_SELECTOR, "#override button, .modes input, #controller")
        assert len(controls) == 6
        assert not any(one.is_enabled() for one in controls)
        assert fresh.snapshot() == before
        fresh.street.dead = 1.0
        until(browser, lambda b: "A0" in text(b, "#events-alarms"))
        assert text(browser, "#events-tab-alarms .count") == "5"  # of the four signals, and of the sensors altogether
        assert text(browser, ".row[data-id=A0] .c-health").startswith("▲")


def test_the_page_speaks_chinese_and_remembers_it(fresh: Any, browser: webdriver.Chrome) -> None:
    with fresh.ticking():
        enter(browser, fresh, "admin", scheme="dark")
        open_signal(browser, "B1")
        click(browser, "#events-tab-audit")
        until(browser, lambda b: "Outcome" in text(b, "#events-audit"))
        click(browser, "#language")
        until(browser, lambda b: text(b, "#signal-tab-now") == "当前" and "相位" in text(b, ".countdown"))
        until(browser, lambda b: "结果" in text(b, "#events-audit"))
        assert "城市大脑" in browser.title and "东" in text(browser, ".movements")
        assert browser.execute_script("return document.documentElement.lang") == "zh-CN"
        click(browser, "#events-tab-demo")
        assert "检测器" in text(browser, ".faults")
        shot(browser, "dark_chinese")
        browser.refresh()
        until(browser, lambda b: text(b, "#link") == "实时")
        assert text(browser, ".panel-head h2") == "B1"


def test_a_link_that_is_spent_leads_to_the_page(fresh: Any, browser: webdriver.Chrome) -> None:
    token, _ = fresh.access.keys.add("demo", Role.OPERATOR, one_time=True)
    link = f"{fresh.client.base_url}/open?key={token}"
    for _ in range(2):
        browser.get(link)
        until(browser, lambda b: b.execute_script("return document.body.dataset.ready") == "true")
        assert browser.current_url == f"{fresh.client.base_url}/"
    browser.delete_all_cookies()
    browser.get(link)
    until(browser, lambda b: "has been used before" in text(b, "#key-wrong"))


def test_old_data_are_called_old_and_a_lost_service_is_found_again(fresh: Any, browser: webdriver.Chrome) -> None:
    with fresh.ticking():
        enter(browser, fresh, "viewer")
    browser.execute_script("const real = performance.now.bind(performance); performance.now = () => real() + 8000;")
    until(browser, lambda b: "Do not act on it" in text(b, "#stale"))
    assert "No news" in text(browser, "#link")
    fresh.access.stopping.set()  # streams end, as they do when the service goes
    until(browser, lambda b: "cannot be reached" in text(b, "#stale"))
    shot(browser, "lost")
    fresh.access.stopping.clear()
    with fresh.ticking():
        until(browser, lambda b: text(b, "#link") == "Live")
        assert text(browser, "#stale") == ""


def test_texts_have_contrast_in_both_themes_and_controls_have_names(site: Any, browser: webdriver.Chrome) -> None:
    with site.ticking():
        enter(browser, site, "admin")
        open_signal(browser, "A0")
        for tab in ("now", "diagrams", "forecast", "plans", "control"):
            click(browser, f"#signal-tab-{tab}")
            until(browser, lambda b, tab=tab: b.find_elements(By.CSS_SELECTOR, f"#signal-{tab} > *"))
            for scheme in ("light", "dark"):
                size(browser, 1440, 900, scheme)
                assert browser.execute_script(CONTRAST) == []
        for one in browser.find_elements(By.CSS_SELECTOR, "button, select, input, canvas[tabindex], [role=tabpanel]"):
            assert not one.is_displayed() or one.accessible_name, one.get_attribute("outerHTML")


def test_on_a_telephone_one_part_is_seen_at_a_time_and_nothing_is_cut_off(site: Any, browser: webdriver.Chrome) -> None:
    with site.ticking():
        enter(browser, site, "operator", 390, 844)
        for view, part in (("map", "map"), ("list", "list"), ("panel", "panel"), ("drawer", "drawer")):
            click(browser, f"#views [data-view={view}]")
            seen = [one for one in ("map", "list", "panel", "drawer") if browser.find_element(By.ID, one).is_displayed()]
            assert seen == [part]
            assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        click(browser, "#views [data-view=list]")
        open_signal(browser, "A0")
        assert browser.find_element(By.ID, "panel").is_displayed()
        shot(browser, "telephone")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_short_and_loads_nothing_from_elsewhere(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 400
    if path.suffix != ".svg":
        assert [line for line in lines if re.search(r"(https?:)?//[a-z0-9.-]+\.[a-z]", line) and "www.w3.org/2000/svg" not in line] == []


def test_the_page_holds_no_script_style_or_handler_of_its_own() -> None:
    page = (front.STATIC / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|javascript:", page) == []
    assert (
        re.findall(
            r"(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval)\b", "".join(p.read_text(encoding="utf-8") for p in SCRIPTS)
        )
        == []
    )


def test_every_word_is_there_in_both_languages_and_every_word_used_is_there() -> None:
    tables = [set(WORDS.findall((front.STATIC / f"strings_{name}.js").read_text(encoding="utf-8"))) for name in ("en", "zh")]
    assert tables[0] == tables[1]
    scripts = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    used = set(re.findall(r"(?<![\w.])t\('(\w+)'", scripts))
    used |= set(re.findall(r'data-t(?:-label)?="(\w+)"', (front.STATIC / "index.html").read_text(encoding="utf-8")))
    assert len(used) > 100
    assert used <= tables[0]
