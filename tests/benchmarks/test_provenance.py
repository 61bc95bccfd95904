"""Where results come from: what changes a digest, and what the machine tells of itself."""

from pathlib import Path

import pytest

from benchmarks import provenance
from citybrain.episode import EpisodeSpec


def test_a_digest_changes_with_contents_and_names_and_with_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    first = provenance.digest(folder)
    (folder / "a.pyc").write_text("compiled")
    assert provenance.digest(folder) == first
    (folder / "a.py").rename(folder / "b.py")
    renamed = provenance.digest(folder)
    (folder / "b.py").write_text("x = 2\n")
    assert len({first, renamed, provenance.digest(folder)}) == 3


def test_everything_that_decides_an_episode_is_there() -> None:
    assert all((provenance.ROOT / place).exists() for place in provenance.DECIDES)


def test_another_policy_in_the_same_folder_is_another_version(tmp_path: Path) -> None:
    spec = EpisodeSpec(scenario="grid_2x2", controller=f"policy:{tmp_path}")
    (tmp_path / "card.json").write_text("{}")
    first = provenance.episode_version(spec)
    (tmp_path / "card.json").write_text("[]")
    assert provenance.episode_version(spec) != first
    assert first.startswith(provenance.code_version())


def test_a_spec_that_names_no_files_has_the_version_of_the_code() -> None:
    assert provenance.episode_version(EpisodeSpec(scenario="resco/cologne1", controller="fixed")) == provenance.code_version()


def test_there_is_no_commit_outside_a_checkout(tmp_path: Path) -> None:
    assert provenance.git_commit(tmp_path) is None


def test_the_processor_is_read_where_linux_names_it(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Abacus 3000\n")
    assert provenance.cpu_model(tmp_path / "cpuinfo") == "Abacus 3000"
    assert isinstance(provenance.cpu_model(tmp_path / "none"), str)


@pytest.mark.parametrize("key", ["git_commit", "sumo_version", "python_version", "machine", "code_version", "package_versions"])
def test_the_provenance_holds_what_a_result_must_name(key: str) -> None:
    found = provenance.provenance("2024-05-01", "citybrain bench")
    assert key in found
    assert found["date"] == "2024-05-01"


def test_a_package_that_is_not_installed_has_a_dash() -> None:
    assert provenance.package_version("surely-not-installed-anywhere") == "-"
    assert provenance.package_version("numpy")[0].isdigit()
