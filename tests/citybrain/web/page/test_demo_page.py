"""`citybrain serve --demo` as a visitor has it: a simulated street, the service, the page in a real Chromium; and the service killed."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

PROJECT = Path(__file__).resolve().parents[4]
OUT = PROJECT / "out" / "page"
SPEED = 4
STARTS_S, ENDS_S, SEEN_S = 90.0, 30.0, 30.0
LINK = re.compile(r"open it once with (\S+)")
PROCESS = re.compile(r"process (\d+)")


@dataclass(slots=True)
class Demo:
    """The command as it runs, and what it has printed."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    opened: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> None:
        """Keep what it prints, until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if LINK.search(line):
                self.opened.set()
        self.opened.set()

    def link(self) -> str:
        """The newest one-time link."""
        assert self.opened.wait(STARTS_S)
        found = LINK.findall("".join(self.lines))
        assert found, "".join(self.lines)[-2000:]
        return str(found[-1])

    def end(self) -> None:
        """Ask it to end, and see that nothing of it is left."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(ENDS_S)
        finally:
            for number in PROCESS.findall("".join(self.lines)):
                with suppress(ProcessLookupError):
                    os.kill(int(number), signal.SIGKILL)


@pytest.fixture
def demo(chromium: webdriver.Chrome, tmp_path: Path) -> Iterator[Demo]:
    """Two by two signals, at a port of its own."""
    words = [
        sys.executable, "-m", "citybrain", "serve", "--demo", "--scenario", "grid_2x2", "--controller", "max_pressure",
        "--speed", str(SPEED), "--port", "0", "--out", str(tmp_path),
    ]  # fmt: skip
    with subprocess.Popen(words, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        running = Demo(process)
        threading.Thread(target=running.listen, daemon=True).start()
        try:
            yield running
        finally:
            running.end()


def until(browser: webdriver.Chrome, what: Callable[[webdriver.Chrome], Any], within_s: float = SEEN_S) -> Any:
    """What it finds, as soon as it finds something."""
    return WebDriverWait(browser, within_s, poll_frequency=0.05, ignored_exceptions=[StaleElementReferenceException]).until(what)


def text(browser: webdriver.Chrome, selector: str) -> str:
    """The text of an element; empty where there is none."""
    return str(browser.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", selector))


def press(browser: webdriver.Chrome, selector: str) -> None:
    """Press what may be drawn anew at any second."""
    pressed = "const one = document.querySelector(arguments[0]); one?.click(); return one !== null;"
    until(browser, lambda b: b.execute_script(pressed, selector))


def choose(browser: webdriver.Chrome, selector: str, value: str) -> None:
    """Choose from a list that may be drawn anew at any second."""

    def chosen(b: webdriver.Chrome) -> bool:
        Select(b.find_element(By.CSS_SELECTOR, selector)).select_by_value(value)
        return True

    until(browser, chosen)


def typed(browser: webdriver.Chrome, selector: str, words: str) -> None:
    """Fill in a field as soon as it is there, and press Enter."""

    def entered(b: webdriver.Chrome) -> bool:
        field = b.find_element(By.CSS_SELECTOR, selector)
        field.clear()
        field.send_keys(words, Keys.ENTER)
        return True

    until(browser, entered)


def broken(browser: webdriver.Chrome, kind: str) -> None:
    """Break something, and say that it is meant."""
    press(browser, "#events-tab-demo")
    press(browser, f"#fault-{kind}")
    press(browser, "dialog[open] button.danger")


@pytest.mark.sumo
def test_a_visitor_steers_the_demo_breaks_it_kills_it_and_finds_everything_again(demo: Demo, browser: webdriver.Chrome) -> None:
    browser.get(demo.link())
    until(browser, lambda b: text(b, "#link") == "Live")
    first = text(browser, "#clock")
    until(browser, lambda b: [one.click() or one for one in b.find_elements(By.CSS_SELECTOR, ".row[data-id=A0]")])
    lit = until(browser, lambda b: text(b, ".phases .running b"))
    until(browser, lambda b: text(b, ".phases .running b") not in ("", lit))
    assert text(browser, "#clock") > first

    press(browser, "#signal-tab-control")
    wanted = "1" if text(browser, ".phases .running b") != "1" else "3"
    press(browser, f"#override input[value='{wanted}']")
    choose(browser, "#override select", "600")
    typed(browser, "#override input[name=reason]", "a burst water main")
    until(browser, lambda b: "By hand" in text(b, ".panel-head"))
    press(browser, "#signal-tab-now")
    until(browser, lambda b: text(b, ".phases .running b") == wanted)
    assert "a burst water main" in text(browser, "#why")

    choose(browser, "#controller", "webster")
    typed(browser, "dialog[open] input[name=reason]", "a trial")
    until(browser, lambda b: "webster" in text(b, "#toasts"))

    broken(browser, "dead_all")
    press(browser, "#events-tab-alarms")
    until(browser, lambda b: "0% of its movements are sensed" in text(b, "#events-alarms"))
    until(browser, lambda b: "–" in text(b, ".row[data-id=B1] .c-queue"))
    broken(browser, "mute")
    press(browser, "#events-tab-alarms")
    until(browser, lambda b: "A0" in text(b, "#events-alarms") and text(b, ".row[data-id=A0] .health .sr") == "Silent")
    press(browser, "#events-tab-demo")
    press(browser, "#fault-heal")
    until(browser, lambda b: text(b, ".row[data-id=A0] .health .sr") != "Silent")

    broken(browser, "service")
    until(browser, lambda b: "cannot be reached" in text(b, "#stale"))
    until(browser, lambda b: text(b, "#link") == "Live" and not text(b, "#stale"))
    until(
        browser,
        lambda b: (
            "By hand" in text(b, ".panel-head") and b.execute_script("return document.getElementById('controller').value") == "webster"
        ),
    )
    press(browser, "#events-tab-audit")
    until(browser, lambda b: "this service is killed" in text(b, "#events-audit"))
    OUT.mkdir(parents=True, exist_ok=True)
    assert browser.save_screenshot(str(OUT / "demo.png"))
    assert any("the service died (signal SIGKILL)" in line for line in demo.lines)
