"""What the city stood under is said in both languages; every controller has a Chinese name."""

import re

import pytest

from citybrain.assemble import CONTROLLERS
from citybrain.service.setting_words import BASE, controller_zh, setting_of, setting_words

WORDS = re.compile("[A-Za-z]+")


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_the_chinese_words_of_a_setting_hold_no_english_ones(controller: str) -> None:
    said = setting_words(setting_of(controller, 7, 8))
    assert said["en"] == f"{controller}, 7 of 8 automatic"
    assert "7" in said["zh"] and "8" in said["zh"] and not WORDS.search(said["zh"])


def test_no_two_controllers_share_a_name() -> None:
    assert len({controller_zh(one) for one in CONTROLLERS}) == len(CONTROLLERS)


def test_a_city_under_its_base_plans_says_so() -> None:
    assert setting_of("learned", 0, 8) == BASE
    assert setting_words(BASE) == {"en": BASE, "zh": "基础方案"}


@pytest.mark.parametrize("setting", ["", "something of an older service"])
def test_what_is_not_known_is_said_as_it_stands(setting: str) -> None:
    assert setting_words(setting) == {"en": setting, "zh": setting}


def test_a_policy_keeps_its_folder() -> None:
    assert setting_words("policy:out/mine, 3 of 4 automatic")["zh"].startswith("学习型策略 out/mine")
