"""Promises of the command line: what it prints, its exit codes, and that errors are sentences."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import ROOT, environment, shenava

from shenava import __version__

HEADER = "id,created_at,author,text\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def last_line(text: str) -> dict[str, object]:
    return dict(json.loads(text.splitlines()[-1]))


def test_version(home: Path) -> None:
    assert shenava(home, "--version").stdout == f"shenava {__version__}\n"


def test_light_commands_load_nothing_heavy(home: Path) -> None:
    script = (
        "import sys; sys.argv = ['shenava', 'settings']\n"
        "import atexit\n"
        "heavy = {'transformers', 'onnxruntime', 'flask', 'numpy', 'sqlalchemy'}\n"
        "atexit.register(lambda: print('heavy:', sorted(heavy & set(sys.modules))))\n"
        "from service.cli import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(home),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("heavy: []\n")


def test_an_import_ends_with_one_line_of_json(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text(
        HEADER + "1,2026-01-02,sara,سلام\n1,2026-01-02,sara,سلام\n,2026-01-02,sara,no id\n"
    )
    done = shenava(home, "import", file, "--platform", "x", "--account", "shop", "--json")
    assert done.returncode == 0
    assert last_line(done.stdout) == {
        "read": 3,
        "new": 1,
        "duplicate": 1,
        "rejected": 1,
        "rejects": [
            {
                "line": 4,
                "reason": "no id; --make-ids derives one from platform, author, time and text",
            }
        ],
    }
    assert "line 4: no id" in done.stderr


def test_an_import_reads_standard_input_maps_columns_and_keeps_rejects(
    home: Path, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejects.jsonl"
    rows = [
        {"key": 1, "created_at": "2026-01-02 10:00", "author": "a", "body": "hi", "kind": "dm"},
        {"key": 2, "created_at": "when?", "author": "a", "body": "hi"},
    ]
    done = shenava(
        home,
        "import",
        "-",
        "--account",
        "telegram:bot",
        "--map",
        "text=body",
        "--map",
        "id=key",
        "--time-zone",
        "Europe/Berlin",
        "--rejects",
        rejects,
        given="\n".join(map(json.dumps, rows)),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Read 2 rows: 1 new, 0 known already, 1 rejected.\n"
    assert [json.loads(line)["line"] for line in rejects.read_text().splitlines()] == [2]
    assert rejects.stat().st_mode & 0o777 == 0o600


def test_a_progress_bar_goes_to_standard_error_only_when_asked(home: Path) -> None:
    words = ["import", "-", "--platform", "x", "--account", "s", "--no-judge"]
    file = HEADER + "1,2026-01-02,sara,hi\n"
    assert shenava(home, *words, given=file).stderr == ""
    shown = shenava(home, *words, "--progress", given=file)
    assert "import" in shown.stderr
    assert shown.stdout == "Read 1 rows: 0 new, 1 known already, 0 rejected.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/no/such.csv"], "The file /no/such.csv cannot be read: not there."),
        (["/"], "The file / cannot be read: it is a folder."),
        (["-", "--platform", "orkut"], "'orkut' is not one of 'x', 'instagram'"),
        (["-", "--map", "text"], "is not of the form text=tweet_text"),
        (["-", "--map", "txt=a"], "no field 'txt' to map"),
        (["-", "--time-zone", "Mars"], "The setting time_zone"),
        (["-"], "no column id"),
    ],
)
def test_an_import_that_cannot_begin_says_why(home: Path, words: list[str], said: str) -> None:
    done = shenava(home, "import", *words, given="author,text\n")
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_file_in_another_encoding_is_a_sentence(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_bytes((HEADER + "1,2026-01-02,sara,سلام\n").encode("windows-1256"))
    done = shenava(home, "import", file, "--platform", "x", "--account", "s")
    assert done.returncode == 2
    assert "Line 2 is not UTF-8" in done.stderr


def test_rejects_never_go_over_the_file_itself(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text(HEADER)
    done = shenava(home, "import", file, "--rejects", file)
    assert done.returncode == 2
    assert file.read_text() == HEADER


def test_classify_keeps_order_and_tells_bad_lines(home: Path) -> None:
    lines = ['{"text": "پول کم شد", "n": 1}', "nonsense", '{"text": "thanks", "n": 3}']
    done = shenava(home, "classify", "-", "--json", given="\n".join(lines))
    assert done.returncode == 1
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row.get("n") for row in found] == [1, None, 3]
    assert found[0]["verdict"]["language"] == "fa"
    assert found[1]["line"] == 2
    assert not home.exists()


def test_settings_tells_value_source_and_meaning_but_no_password(home: Path) -> None:
    home.mkdir()
    (home / "shenava.toml").write_text('language = "en"\n')
    url = "postgresql+psycopg://me:hidden@localhost/x"
    done = shenava(home, "settings", port=8123, database_url=url)
    assert f"language = en  ({home / 'shenava.toml'})" in done.stdout
    assert "port = 8123  (environment, SHENAVA_PORT)" in done.stdout
    assert "calendar = jalali  (default)" in done.stdout
    assert "hidden" not in done.stdout
    assert "(not an address)" in shenava(home, "settings", database_url="hidden").stdout
    plain = json.loads(shenava(home, "settings", "--json").stdout)
    assert plain["language"]["value"] == "en"
    assert plain["web_threads"]["source"] == "default"


def test_admin_link_makes_the_first_admin_then_asks_for_an_address(home: Path) -> None:
    first = shenava(home, "admin-link")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("http://127.0.0.1:8000/link/")
    unknown = shenava(home, "admin-link", "nobody@shop.example")
    assert unknown.returncode == 2
    assert "Nobody here has the mail address nobody@shop.example" in unknown.stderr


def test_an_unknown_command_is_a_sentence(home: Path) -> None:
    done = shenava(home, "rnu")
    assert done.returncode == 2
    assert "No such command" in done.stderr


def test_real_messages_are_kept_out_of_a_rehearsal(home: Path, tmp_path: Path) -> None:
    (home / "rehearsal").mkdir(parents=True)
    file = tmp_path / "posts.csv"
    file.write_text(HEADER + "1,2026-01-02,sara,سلام\n")
    refused = shenava(home, "import", file, "--platform", "x", "--account", "shop")
    assert refused.returncode == 2
    assert "holds a rehearsal" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (home / "shenava.db").exists()


def test_the_time_of_a_dump_is_given_with_its_offset(home: Path) -> None:
    refused = shenava(home, "after-restore", "--made", "2026-01-31 10:00")
    assert refused.returncode == 2
    assert "2026-01-31T10:00+03:30" in refused.stderr
    done = shenava(home, "after-restore", "--made", "2026-01-31T10:00+03:30")
    assert done.returncode == 0
    assert "that may have left since: 0." in done.stdout
