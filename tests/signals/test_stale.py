"""Claims about compiled kernels that are out of date."""

from pathlib import Path

from signals.kernels.stale import forget_stale


def test_a_change_of_any_source_lets_go_of_all_that_is_compiled_and_no_change_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    compiled = tmp_path / "__pycache__" / "caller.kernel-1.py311.nbi"
    (tmp_path / "caller.py").write_text("calls")
    (tmp_path / "callee.py").write_text("is called")
    compiled.touch()
    assert forget_stale(tmp_path)  # nobody knows what it was compiled from
    assert not compiled.exists()
    compiled.touch()
    assert not forget_stale(tmp_path)
    assert compiled.exists()
    (tmp_path / "callee.py").write_text("is another")
    assert forget_stale(tmp_path)
    assert not compiled.exists()


def test_a_folder_without_a_cache_gets_a_stamp(tmp_path: Path) -> None:
    assert forget_stale(tmp_path)
    assert not forget_stale(tmp_path)


def test_a_cache_that_cannot_be_written_is_let_be(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").write_text("a file stands where the folder should be")
    assert forget_stale(tmp_path)
