"""``instit-bench view``: what it shows, that it is live, and what it refuses."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import chromium, complaints
from tests.command_line import cli_in
from tests.view.conftest import viewer

RUN = ("run", "--backend", "baseline", "--data", "demo", "--tasks", "inst_it_image_mc")
HOSTILE = "<img src=x onerror='document.title=1'>"
OUTSIDE = "secret-model"
WEB = httpx.Client(timeout=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """``results/`` with two runs, a hostile name, and runs that lie outside by links."""
    path = tmp_path_factory.mktemp("view")
    cli = cli_in(path)
    for name, model in (("one", "first"), ("two", "random"), ("other", "first")):
        assert cli(*RUN, "--model", model, "--name", name).returncode == 0
    (path / "results/other").rename(path / "results" / HOSTILE)
    assert cli(*RUN, "--model", f"text:{OUTSIDE}", "--name", "r", "--output", "outside").stderr
    (path / "results/linked").symlink_to(path / "outside/r")
    (path / "results/files").mkdir()
    (path / "results/files/manifest.json").symlink_to(path / "outside/r/manifest.json")
    (path / "results/samples-elsewhere").mkdir()
    manifest = (path / "results/one/manifest.json").read_text()
    (path / "results/samples-elsewhere/manifest.json").write_text(manifest)
    (path / "results/samples-elsewhere/samples").symlink_to(path / "outside/r/samples")
    return path


@pytest.fixture(scope="module")
def address(folder):
    with viewer(folder) as served:
        yield served


def contents(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in sorted(folder.rglob("*"))}


def test_only_runs_that_lie_in_the_folder_are_shown(address):
    found = WEB.get(f"{address}/runs.json").json()
    assert [run["name"] for run in found] == [HOSTILE, "one", "two"]
    assert found[1] | {"version": ""} == {
        **{"name": "one", "status": "finished", "done": 16, "total": 16, "version": ""}
    }
    for path in ("/", "/leaderboard", "/leaderboard?published"):
        assert OUTSIDE not in WEB.get(address + path).text


@pytest.mark.parametrize(
    "path",
    [
        *("/reports/", "/reports/one", "/reports/linked/", "/reports/files/", "/reports/none/"),
        *("/reports/../outside/r/", "/reports/..%2Foutside%2Fr/", "/reports/%2e%2e/"),
        *("/reports/one/report_media/../report.html", "/reports/one/report_media/%2e%2e%2freport"),
        *("/reports/one/manifest.json", "/one/manifest.json", "/etc/passwd", "/reports//"),
    ],
)
def test_no_path_leads_out_of_the_folder(address, path):
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())  # as written: a client would tidy the path up
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode()
    assert answer.startswith("HTTP/1.1 404 "), answer[:200]
    assert OUTSIDE not in answer


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", ""])
def test_another_host_name_is_refused(address, host):
    answer = WEB.get(f"{address}/runs.json", headers={"Host": host})
    assert answer.status_code == 400
    assert "one" not in answer.text


def test_nothing_is_written_to_the_runs_and_only_reading_is_allowed(address, folder):
    before = contents(folder / "results")
    for path in ("/", "/leaderboard", "/reports/one/", "/reports/one/two/"):
        answer = WEB.get(address + path)
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "default-src &#39;none&#39;" in answer.text
        assert WEB.post(address + path).status_code == 405
    assert contents(folder / "results") == before


def test_a_reader_compares_runs_and_looks_at_images(address, folder, tmp_path):
    with chromium(tmp_path) as page:
        page.get(address)
        assert HOSTILE in page.find_element(By.ID, "runs").text
        for name in ("one", "two"):
            page.find_element(By.CSS_SELECTOR, f"input[value={name}]").click()
        button = page.find_element(By.ID, "compare")
        assert button.text == "Compare 2 runs"
        button.click()
        WebDriverWait(page, 60).until(lambda p: p.current_url.endswith("/reports/one/two/"))
        assert [c.text for c in page.find_elements(By.CSS_SELECTOR, ".matrix bdi")] == [
            *("one", "first", "two", "random")
        ]
        page.find_element(By.TAG_NAME, "body").send_keys("j")
        loaded = "return document.querySelector('#details img')?.naturalWidth > 0"
        WebDriverWait(page, 20).until(lambda p: p.execute_script(loaded))
        page.get(f"{address}/leaderboard")
        page.find_element(By.LINK_TEXT, "one").click()
        WebDriverWait(page, 60).until(lambda p: p.current_url.endswith("/reports/one/"))
        page.get(f"{address}/reports/{quote(HOSTILE, safe='')}/")
        assert HOSTILE in page.find_element(By.TAG_NAME, "h1").text
        assert page.title != "1"
        assert complaints(page) == []


def test_pages_follow_a_run_that_goes_on(folder, tmp_path):
    cli = cli_in(tmp_path)
    grow = (*RUN, "--model", "first", "--name", "grows", "--limit")
    assert cli(*grow, "3").returncode == 0
    with viewer(tmp_path) as served, chromium(tmp_path / "browser") as page:
        page.get(f"{served}/reports/grows/#task=inst_it_image_mc")
        assert "3 of 3 (100.0 %)" in page.find_element(By.CSS_SELECTOR, ".matrix").text
        assert cli(*grow, "8").returncode == 0
        WebDriverWait(page, 60, ignored_exceptions=[Exception]).until(
            lambda p: "8 of 8 (100.0 %)" in p.find_element(By.CSS_SELECTOR, ".matrix").text
        )
        assert page.current_url.endswith("#task=inst_it_image_mc")
        page.get(served)
        assert page.find_element(By.CSS_SELECTOR, "#runs .count").text == "8 of 8"
        assert cli(*grow, "9").returncode == 0
        WebDriverWait(page, 60).until(
            lambda p: p.find_element(By.CSS_SELECTOR, "#runs .count").text == "9 of 9"
        )
        assert complaints(page) == []


def test_a_broken_run_is_reported_and_the_others_are_shown(tmp_path):
    cli = cli_in(tmp_path)
    for name in ("good", "bad"):
        cli(*RUN, "--model", "first", "--name", name, "--limit", "2")
    journal = tmp_path / "results/bad/samples/inst_it_image_mc.jsonl"
    journal.write_text("{}\n" + journal.read_text())
    with viewer(tmp_path) as served:
        answer = WEB.get(f"{served}/reports/bad/")
        assert answer.status_code == 500
        assert "inst_it_image_mc.jsonl: line 1" in answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        assert WEB.get(f"{served}/reports/good/").status_code == 200


def test_a_missing_folder_and_a_taken_port_are_usage_errors(cli, tmp_path):
    done = cli("view", "nowhere")
    assert (done.returncode, done.stderr) == (
        *(2, "instit-bench: error: nowhere: folder not found\n"),
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = cli("view", tmp_path, "--port", port)
    assert done.returncode == 2
    assert f"--port {port}: Address already in use; choose another one" in done.stderr
