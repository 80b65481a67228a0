"""Files in all their forms give the same events; what is wrong with one is said with its line."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from models.errors import ConfigError
from streams.cli import main
from streams.offline.files import read_events
from streams.offline.layout import PLAIN, FileLayout, layout_of
from streams.offline.ordered import records_of
from streams.offline.survey import survey

EVENT = {
    "event_id": "e1",
    "profile_id": "p1",
    "timestamp": "2026-01-01T00:00:00Z",
    "type": "basket",
    "properties": {"amount": 12.5, "lines": 3},
}
GOALS = """
goals:
  churn:
    propensity: churn
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 1d}
"""


def loaded(path: Path, layout: FileLayout = PLAIN) -> list[dict[str, Any]]:
    return [orjson.loads(line.value) for line in read_events(str(path), layout)]


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.fixture
def lines() -> bytes:
    return b"".join(
        orjson.dumps(EVENT | {"event_id": f"e{n}", "timestamp": 1_700_000_000_000 + n * 60_000})
        + b"\n"
        for n in range(5_000)
    )


def test_json_lines_csv_and_parquet_give_the_same_events(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(orjson.dumps(EVENT) + b"\n")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(orjson.dumps(EVENT)))
    heading = "event_id,profile_id,timestamp,type,amount,lines"
    text = f"{heading}\ne1,p1,2026-01-01T00:00:00Z,basket,12.5,3\n"
    written(tmp_path / "a.csv", text)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    row: dict[str, Any] = {**EVENT, **EVENT["properties"]}  # type: ignore[dict-item]
    del row["properties"]
    row["timestamp"] = datetime(2026, 1, 1, tzinfo=UTC)
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.jsonl.gz", "a.csv", "a.csv.gz"):
        assert loaded(tmp_path / name) == [EVENT], name
    parquet = loaded(tmp_path / "a.parquet")
    assert parquet == [EVENT | {"timestamp": "2026-01-01T00:00:00+00:00"}]


def test_exact_decimals_of_a_parquet_file_are_numbers(tmp_path: Path) -> None:
    row = EVENT | {"amount": Decimal("12.50"), "took": timedelta(hours=2)}
    del row["properties"]
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    assert loaded(tmp_path / "a.parquet")[0]["properties"] == {"amount": 12.5, "took": "2:00:00"}


def test_columns_are_mapped_and_constants_set(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "user,ts,amount,zip,made\n007,1767225600,3,01234,1_0\n")
    layout = layout_of(
        ("profile_id=user", "timestamp=ts", "event_id=#"), ("type=buy",), seconds=True, zone=None
    )
    assert loaded(path, layout) == [
        {
            "event_id": "line-2",
            "profile_id": "007",
            "timestamp": 1_767_225_600_000,
            "type": "buy",
            "properties": {"amount": 3, "zip": "01234", "made": "1_0"},
        }
    ]


def test_times_without_a_zone_are_in_the_zone_that_was_said(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.csv", "event_id,profile_id,timestamp,type\n1,p,2026-07-01 12:00:00,x\n"
    )
    layout = layout_of((), (), seconds=False, zone="Europe/Paris")
    assert loaded(path, layout)[0]["timestamp"] == "2026-07-01T12:00:00+02:00"


def test_a_truncated_gzip_says_after_which_line(tmp_path: Path, lines: bytes) -> None:
    path = tmp_path / "a.jsonl.gz"
    packed = gzip.compress(lines)
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(ConfigError, match=r"line \d+.*breaks off or is damaged"):
        loaded(path)


def test_a_csv_that_lacks_a_column_says_which_and_what_to_do(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "event_id,user,timestamp,type\n1,p,2026-01-01T00:00:00Z,x\n")
    with pytest.raises(ConfigError, match=r"line 1.*no column profile_id.*--column"):
        loaded(path)


def test_ids_that_look_like_numbers_and_short_rows_are_no_crash(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "event_id,profile_id,timestamp,type\n1,2,3,x,,\n5,6\n")
    found = loaded(path)
    assert found[0]["profile_id"] == "2"
    assert found[1]["type"] is None


HEAD = ",event_id,profile_id,timestamp,type,note\n"
ROW = "0,e{},p,2026-01-01T00:00:00Z,x,{}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + ROW.format(1, "a") + ROW.format(2, "b, and c"), "line 3.*more cells than"),
        (HEAD + ROW.format(1, "a") + ROW.format(2, '"b') + ROW.format(3, "c"), "line 2.*no CSV"),
        (HEAD.replace("note", "type") + ROW.format(1, "a"), "line 1.*two columns called type"),
        (HEAD + "".join(ROW.format(n, "\xe9"[n != 7 :]) for n in range(9)), "line 9.*not UTF-8"),
    ],
)
def test_a_csv_that_would_be_read_wrongly_is_refused_with_the_line(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match=said):
        loaded(path)


def test_a_cell_of_any_size_is_left_to_the_limits_of_events(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", HEAD + ROW.format(1, "x" * 300_000))
    assert len(loaded(path)[0]["properties"]["note"]) == 300_000


def test_a_folder_is_called_one(tmp_path: Path) -> None:
    folder = tmp_path / "a.jsonl"
    folder.mkdir()
    with pytest.raises(ConfigError, match="is a directory"):
        loaded(folder)


def test_zones_disorder_and_repeats_are_counted(tmp_path: Path) -> None:
    events = [
        EVENT | {"event_id": "a", "timestamp": "2026-01-01T12:00:00Z"},
        EVENT | {"event_id": "b", "timestamp": "2026-01-01T14:30:00+02:00"},
        EVENT | {"event_id": "b", "timestamp": "2026-01-01T11:00:00Z"},
        EVENT | {"event_id": "c", "timestamp": 1_767_272_400_000},
    ]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in events) + b"not json\n")
    found = survey(str(path))
    assert (found.lines, found.readable, found.repeated) == (5, 4, 1)
    assert (found.disordered, found.first_disordered) == (1, 3)
    assert found.most_late == 90 * 60_000
    assert found.zones == {"Z": 2, "+02:00": 1, "epoch": 1}
    in_order = [record.line for record in records_of(str(path), PLAIN, found, 0)]
    assert in_order == [5, 3, 1, 2, 4]
    as_it_is = [record.line for record in records_of(str(path), PLAIN, found, found.most_late)]
    assert as_it_is == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.jsonl", b"", "no events in it"),
        ("text.jsonl", b"hello\nworld\n", "none of them an event; the first: not_json:"),
        ("list.jsonl", b"[{}]\n", "not_an_object: a JSON array, expected an event a line"),
        ("null.jsonl", b"\n\nnull\n", "(line 3): found 1 lines, none of them an event; the first: "
         "not_an_object: a JSON null"),
        ("packed.jsonl.gz", b"not packed", "damaged from its beginning on: Not a gzipped file"),
        ("semi.csv", b"event_id;profile_id;timestamp;type\n1;p;1;x\n", "found semicolons between"),
        ("tabs.csv", b"event_id\tprofile_id\n1\tp\n", "found tabs between"),
        ("naive.csv", b"event_id,profile_id,timestamp,type\n1,p,2026-01-01 10:00:00,x\n", "a zone"),
        ("short.csv", b"profile_id,type\np,x\n", "no column event_id, timestamp"),
        ("bad.csv", b"event_id,profile_id,timestamp,type\n\xff\xfe,p,1,x\n", "not UTF-8"),
        ("bad.parquet", b"PAR1nonsense", "no Parquet file"),
        ("events.xml", b"<a/>", "a name that ends in"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_without_a_traceback(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(content)
    goals = written(tmp_path / "goals.yaml", GOALS)
    arguments = ["backtest", str(goals), str(tmp_path / name), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2, result.output
    assert expected in result.output.replace("\n", " ")
    assert name in result.output.replace("\n", "")


def test_bad_lines_among_good_ones_are_counted_with_their_line(
    tmp_path: Path, lines: bytes
) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines + b'{"event_id": 1}\n')
    goals = written(tmp_path / "goals.yaml", GOALS)
    out = tmp_path / "out"
    arguments = ["backtest", str(goals), str(tmp_path / "a.jsonl"), "--out", str(out)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "1 of 5,001 lines were refused; the first in line 5001" in result.output.replace(
        "\n", " "
    )
    assert {path.name for path in out.iterdir()} == {"report.html", "report.json", "tickets"}


def test_days_of_a_parquet_file_begin_in_the_zone_that_was_said(tmp_path: Path) -> None:
    row = EVENT | {"timestamp": date(2026, 7, 1)}
    del row["properties"]
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    layout = layout_of((), (), seconds=False, zone="Europe/Paris")
    assert loaded(tmp_path / "a.parquet", layout)[0]["timestamp"] == "2026-07-01T00:00:00+02:00"


@pytest.mark.parametrize(
    "column",
    [
        pa.array([0, 2**62, 0], pa.timestamp("ms")),
        pa.array([0, 0, 0], pa.timestamp("ms", "Nowhere/Town")),
    ],
)
def test_times_of_a_parquet_file_that_are_none_are_said_with_their_row(
    tmp_path: Path, column: pa.Array
) -> None:
    names = {name: ["a", "b", "c"] for name in ("event_id", "profile_id", "type")}
    pq.write_table(pa.table({**names, "timestamp": column}), tmp_path / "a.parquet")
    with pytest.raises(ConfigError) as failed:
        loaded(tmp_path / "a.parquet")
    row = 2 if column.type.tz is None else 1
    assert f"(line {row}): found a value that cannot be read" in str(failed.value)


@pytest.mark.parametrize("number", [1_704_073_000_000_000_000, 1e300, -1e300])
def test_numbers_that_are_no_seconds_are_left_to_be_refused(number: float) -> None:
    layout = FileLayout(seconds=True)
    assert layout.time(number) == number
    assert layout.time(1_704_073_000.5) == 1_704_073_000_500
