"""Under what the city stood in a minute, in words: the controller, and how many signals followed it, in English and Chinese.

The store keeps the English words; a setting of an older service, or of a controller without a Chinese name, is said as it stands.
"""

from __future__ import annotations

import re

BASE = "base plans"
NAMES_ZH = {
    "fixed": "固定配时",
    "actuated": "感应控制",
    "gap_out": "间隔感应控制",
    "webster": "韦伯斯特配时",
    "coordinated": "干线协调配时",
    "cyclic_pressure": "周期式压力控制",
    "max_pressure": "最大压力控制",
    "rolling_horizon": "滚动优化控制",
    "learned": "学习型控制",
}
POLICY, POLICY_ZH = "policy:", "学习型策略"
FOLLOWED = re.compile(r"(.+), (\d+) of (\d+) automatic")


def setting_of(controller: str, automatic: int, signals: int) -> str:
    """What is kept of a minute."""
    return f"{controller}, {automatic} of {signals} automatic" if automatic else BASE


def setting_words(setting: str) -> dict[str, str]:
    """A setting for people."""
    found = FOLLOWED.fullmatch(setting)
    if setting == BASE:
        zh = "基础方案"
    elif found is None:
        zh = setting
    else:
        controller, automatic, signals = found.groups()
        zh = f"{controller_zh(controller)},{signals} 个信号中 {automatic} 个自动"
    return {"en": setting, "zh": zh}


def controller_zh(controller: str) -> str:
    """A controller's Chinese name; of a policy the folder it lies in stays."""
    if controller.startswith(POLICY):
        return f"{POLICY_ZH} {controller.removeprefix(POLICY)}"
    return NAMES_ZH.get(controller, controller)
