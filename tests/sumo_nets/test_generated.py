"""Networks made for training: the same description, the same files; and SUMO runs them."""

from pathlib import Path

import pytest

pytest.importorskip("libsumo", reason="needs the sumo extra")

from signals.errors import ScenarioError
from signals.rules import RULES
from sumo_nets.generated import Generated, generate
from sumo_nets.network import read_network
from sumo_nets.scenario import check, scenario

pytestmark = pytest.mark.sumo


def test_the_same_description_gives_the_same_files(tmp_path: Path) -> None:
    made = Generated(1, 3, entry_veh_h=300.0, side_share=0.4)
    first, second = generate(made, tmp_path / "a"), generate(made, tmp_path / "b")
    for name in ("net.xml", "routes.xml.gz", "scenario.toml"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    one = check(scenario(first))
    assert len(read_network(one.net, RULES["resco"]).signals) == 3


def test_a_network_that_is_whole_is_not_made_again(tmp_path: Path) -> None:
    made = Generated(1, 2)
    place = generate(made, tmp_path)
    (place / "net.xml").write_text("mine", encoding="utf-8")
    assert (generate(made, tmp_path) / "net.xml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("made", [Generated(0, 3), Generated(20, 20), Generated(2, 2, block_m=5.0), Generated(2, 2, entry_veh_h=-1.0)])
def test_what_cannot_be_made_is_one_sentence(tmp_path: Path, made: Generated) -> None:
    with pytest.raises(ScenarioError, match="expected"):
        generate(made, tmp_path)
