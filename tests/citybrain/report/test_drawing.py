"""The frame of every picture: an inline SVG with a label, ids of its own, and nothing from elsewhere."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from citybrain import drawing
from signals.errors import ConfigError


def line(figure: Any) -> None:
    """A line with a title that would be a formula, markup or both."""
    axes = figure.subplots()
    axes.plot([0.0, 1.0], [0.0, 1.0], marker="o")
    axes.set_title("<b>$x$ & y")


def test_a_picture_is_well_formed_labelled_and_self_contained() -> None:
    svg = drawing.picture("p", 'a "label" & more', 2.0, line)
    root = ET.fromstring(svg)
    assert root.tag == "svg"
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'a "label" & more'
    assert "http" not in svg
    assert "<style" not in svg


def test_text_in_a_picture_is_literal() -> None:
    texts = [e.text for e in ET.fromstring(drawing.picture("p", "", 2.0, line)).iter("text")]
    assert "<b>$x$ & y" in texts


def test_the_ids_of_two_pictures_on_a_page_differ_and_every_reference_is_met() -> None:
    one, other = drawing.picture("one", "", 2.0, line), drawing.picture("other", "", 2.0, line)
    ids = [re.findall(r' id="([^"]+)"', svg) for svg in (one, other)]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])
    assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', one)) == set(ids[0])


def test_the_same_picture_twice_is_the_same_text() -> None:
    assert drawing.picture("p", "", 2.0, line) == drawing.picture("p", "", 2.0, line)


def test_a_missing_extra_is_one_sentence_with_the_command() -> None:
    with pytest.raises(ConfigError, match=r"pip install 'citybrain\[report\]'"):
        drawing.module("no_such_module_anywhere")


def test_the_baseline_is_black_and_eight_controllers_differ() -> None:
    names = [f"c{i}" for i in range(8)]
    styles = drawing.styles(names, "c3")
    assert styles["c3"].colour == "#000000"
    assert len({s.colour for s in styles.values()}) == len({s.marker for s in styles.values()}) == 8


@pytest.mark.parametrize(("panels", "shape"), [(1, (1, 1)), (2, (1, 2)), (3, (2, 2)), (4, (2, 2)), (5, (3, 2))])
def test_panels_fill_rows_of_two(panels: int, shape: tuple[int, int]) -> None:
    assert drawing.grid_shape(panels, 2) == shape


def test_a_legend_is_drawn_where_there_are_names_only() -> None:
    def named(figure: Any) -> None:
        axes = figure.subplots()
        axes.plot([0.0, 1.0], [0.0, 1.0], label="the name")
        drawing.legend_above(figure, axes)

    def unnamed(figure: Any) -> None:
        drawing.legend_above(figure, figure.subplots())

    assert "the name" in drawing.picture("p", "", 2.0, named)
    assert "the name" not in drawing.picture("p", "", 2.0, unnamed)
