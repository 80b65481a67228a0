"""The table of aims has the latest row of every number, in order, whatever was run."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.aims import Row, write_rows


def row(number: str, found: str, *, reached: bool = True) -> Row:
    return Row(number, "how fast it is", "10 ms", found, reached, "python -m benchmarks.none")


def told(path: Path) -> list[list[str]]:
    """The cells of the table's rows, but for the date."""
    lines = [line for line in path.read_text().splitlines() if line.startswith("| P")]
    return [[cell.strip() for cell in line.split("|")[1:6]] for line in lines]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "RESULTS.md"
    path.write_text("# Results\n\nbefore\n<!-- aims -->\n<!-- /aims -->\nafter\n")
    return path


def test_rows_take_the_place_of_those_of_their_numbers_and_leave_the_others(page: Path) -> None:
    write_rows([row("P10", "a"), row("P2, many", "b"), row("P2, few", "c")], page)
    write_rows([row("P2, many", "d", reached=False), row("P1", "e")], page)
    assert told(page) == [
        ["P1", "how fast it is", "10 ms", "e", "yes"],
        ["P2, few", "how fast it is", "10 ms", "c", "yes"],
        ["P2, many", "how fast it is", "10 ms", "d", "**no**"],
        ["P10", "how fast it is", "10 ms", "a", "yes"],
    ]


def test_what_stands_around_the_table_stays(page: Path) -> None:
    for found in ("a", "b"):
        write_rows([row("P1", found)], page)
    text = page.read_text()
    assert text.startswith("# Results\n\nbefore\n")
    assert text.endswith("after\n")
    assert text.count("Last run: ") == 1
    assert text.count("| | figure |") == 1


def test_a_page_without_a_place_for_the_table_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    path.write_text("# Results\n")
    with pytest.raises(ValueError, match="no <!-- aims -->"):
        write_rows([row("P1", "a")], path)
    assert path.read_text() == "# Results\n"
