"""A large city's page in a real Chromium: straight streets until its drawing is there, then tiles as somebody looks at them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from citybrain.web.filed_drawing import FiledDrawing, Source
from signals.rules import RULES
from signals.types import Network

TILES = "return performance.getEntriesByType('resource').filter((one) => one.name.includes('/v1/tiles/')).map((one) => one.responseStatus);"
ROADS = """
const c = document.querySelector('#map canvas');
return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, k) => k % 4 === 3 && v > 0).length;
"""


@pytest.fixture
def drawing(grid: Network, grid_net: Path, tmp_path: Path) -> Iterator[FiledDrawing]:
    """Of the 2 x 2 grid, as if it were large; not looked for yet."""
    found = FiledDrawing(grid, Source(grid_net, RULES["resco"], tmp_path / "drawn"), site="grid")
    yield found
    found.stop()


def test_the_roads_come_in_tiles_once_they_are_drawn_and_the_page_goes_on(
    make_site: Any, drawing: FiledDrawing, browser: webdriver.Chrome
) -> None:
    site = make_site(None, drawing)
    wait = WebDriverWait(browser, 20.0, poll_frequency=0.05)
    browser.get(str(site.client.base_url))
    wait.until(lambda b: b.find_elements(By.ID, "key"))[0].send_keys(site.tokens["viewer"], Keys.ENTER)
    wait.until(lambda b: b.execute_script("return document.body.dataset.ready") == "true")
    straight = wait.until(lambda b: b.execute_script(ROADS))
    assert browser.execute_script(TILES) == []
    drawing.start()
    assert drawing.wait_drawn(60.0)
    wait.until(lambda b: b.execute_script(TILES) == [200])
    wait.until(lambda b: b.execute_script(ROADS) > 1.1 * straight)  # more lanes than straight lines have, and the junctions
    browser.execute_script("location.hash = '#signal/A0'")
    arms = "return document.querySelector(arguments[0])?.innerText.match(/\\b[NESW]\\b/g) ?? []"
    wait.until(lambda b: set("NESW") <= set(b.execute_script(arms, ".movements")))
    wait.until(lambda b: len(b.execute_script(arms, "#why")) >= 2)
    assert [one["message"] for one in browser.get_log("browser") if one["level"] == "SEVERE" and "401" not in one["message"]] == []
