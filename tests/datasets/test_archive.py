"""Zip archives: unpacked completely, once, and never outside their folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import stat
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instit_bench.datasets.archive import extract_once
from instit_bench.errors import InputError

FILES = {"videos_vpt/1/1.jpg": os.urandom(3000), "videos_vpt/1/2.jpg": b"two", "empty": b""}


def pack(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return path


def unpacked(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def left_behind(parent: Path) -> list[str]:
    if not parent.is_dir():
        return []
    return [path.name for path in parent.iterdir() if path.suffix not in (".lock", ".sha256")]


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_files_are_unpacked_unchanged(tmp_path, compression):
    archive = pack(tmp_path / "videos_vpt.zip", FILES, compression)
    folder = extract_once(archive, tmp_path / "out")
    assert unpacked(folder) == FILES
    assert folder.parent == tmp_path / "out"
    assert folder.name.startswith("videos_vpt-")


def test_folder_entries_and_unusual_path_spellings_are_understood(tmp_path):
    odd = {"f/": b"", "f/x": b"1", "./f//y": b"2", "g\\h\\z": b"3", "w\\": b""}
    folder = extract_once(pack(tmp_path / "a.zip", odd), tmp_path / "out")
    assert unpacked(folder) == {"f/x": b"1", "f/y": b"2", "g/h/z": b"3"}


def test_the_folder_s_permissions_follow_the_umask(tmp_path):
    folder = extract_once(pack(tmp_path / "a.zip", FILES), tmp_path / "out")
    made_like_any_other = tmp_path / "other"
    made_like_any_other.mkdir()
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(made_like_any_other.stat().st_mode)


def test_an_archive_with_the_same_names_sizes_and_checksums_is_another_one(tmp_path):
    seen: dict[int, bytes] = {}
    for number in range(10**6):  # by the birthday paradox about 80,000 of 2**32 suffice
        content = hashlib.md5(str(number).encode()).digest()
        other = seen.setdefault(zlib.crc32(content), content)
        if other != content:
            break
    else:
        pytest.fail("no two contents with one CRC-32")
    one, two = ({"1.jpg": image} for image in (other, content))
    folders = [
        extract_once(pack(tmp_path / name / "a.zip", files, zipfile.ZIP_STORED), tmp_path / "out")
        for name, files in (("one", one), ("two", two))
        if (tmp_path / name).mkdir() is None
    ]
    assert [unpacked(folder) for folder in folders] == [one, two]


def test_the_same_content_is_unpacked_once(tmp_path):
    archive = pack(tmp_path / "a.zip", FILES)
    folder = extract_once(archive, tmp_path / "out")
    (folder / "mark").touch()
    (tmp_path / "elsewhere").mkdir()
    copy = pack(tmp_path / "elsewhere" / "a.zip", FILES)
    assert extract_once(copy, tmp_path / "out") == folder
    assert (folder / "mark").exists()


@pytest.mark.parametrize(
    "other",
    [
        {**FILES, "empty": b"no more"},
        {**FILES, "videos_vpt/1/2.jpg": b"TWO"},
        {**FILES, "videos_vpt/1/3.jpg": b""},
    ],
)
def test_different_content_under_the_same_name_gets_its_own_folder(tmp_path, other):
    before = extract_once(pack(tmp_path / "a.zip", FILES), tmp_path / "out")
    after = extract_once(pack(tmp_path / "a.zip", other), tmp_path / "out")
    assert before != after
    assert unpacked(before) == FILES
    assert unpacked(after) == other


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


UNSAFE = ["../x", "a/../../x", "..\\x", "/x", "\\x", "//h/x", "C:/x", "C:\\x", "c:x", ".", ""]


@pytest.mark.parametrize("name", UNSAFE)
def test_an_entry_that_could_escape_the_folder_is_refused(tmp_path, name):
    archive = tmp_path / "in" / "a.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(entry("good"), b"x" * 100)
        zipped.writestr(entry(name), b"x")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=r"a\.zip") as caught:
        extract_once(archive, tmp_path / "out")
    assert repr(name) in str(caught.value)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_special_files_are_refused(tmp_path, kind):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr(entry("link", kind | 0o777), b"/etc/passwd")
    with pytest.raises(InputError, match=r"'link' is a link or special file"):
        extract_once(tmp_path / "a.zip", tmp_path / "out")
    assert left_behind(tmp_path / "out") == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a", "a"), ("a/b", "a\\b"), ("a/b", "./a//b")])
def test_two_entries_with_one_name_are_refused(tmp_path, names):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        for name in names:
            zipped.writestr(entry(name), b"x")
    with pytest.raises(InputError, match="is a duplicate"):
        extract_once(tmp_path / "a.zip", tmp_path / "out")


def test_an_entry_that_is_both_file_and_folder_is_one_clear_error(tmp_path):
    archive = pack(tmp_path / "a.zip", {"a": b"x", "a/b": b"y"})
    with pytest.raises(InputError, match=r"a\.zip: cannot be unpacked"):
        extract_once(archive, tmp_path / "out")
    assert left_behind(tmp_path / "out") == []


def test_a_bomb_is_refused_before_anything_is_written(tmp_path):
    archive = pack(tmp_path / "a.zip", {"zeros": bytes(20_000_000)})
    with pytest.raises(InputError, match=r"would unpack [\d,]+ bytes to 20,000,000"):
        extract_once(archive, tmp_path / "out")
    assert left_behind(tmp_path / "out") == []


def test_a_bomb_of_overlapping_entries_is_refused(tmp_path):
    """A thousand directory entries that all point to the same compressed bytes."""
    archive = tmp_path / "a.zip"
    kernel = bytes(range(256)) * 400
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("kernel", kernel)
        (kernel_info,) = zipped.infolist()
        for number in range(1000):
            info = zipfile.ZipInfo(f"x{number}")
            for field in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(info, field, getattr(kernel_info, field))
            zipped.filelist.append(info)
    with pytest.raises(InputError, match="the limits are"):
        extract_once(archive, tmp_path / "out")


@pytest.mark.parametrize("keep", [0, 10, 500, -1, -30])
def test_a_truncated_archive_is_refused(tmp_path, keep):
    archive = pack(tmp_path / "a.zip", FILES)
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"a\.zip: damaged archive.*download it again"):
        extract_once(archive, tmp_path / "out")
    assert left_behind(tmp_path / "out") == []


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_with_damaged_content_leaves_nothing_behind(tmp_path, compression):
    archive = pack(tmp_path / "a.zip", {"first": b"fine", **FILES}, compression)
    content = bytearray(archive.read_bytes())
    content[1500:1600] = bytes(100)
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.zip"):
        extract_once(archive, tmp_path / "out")
    assert left_behind(tmp_path / "out") == []


def test_an_encrypted_archive_is_reported_as_such(tmp_path):
    archive = pack(tmp_path / "a.zip", {"secret": b"x" * 50}, zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    archive.write_bytes(content)
    with pytest.raises(InputError, match="'secret' is encrypted; unpack the archive by hand"):
        extract_once(archive, tmp_path / "out")


def test_a_missing_archive_and_an_unwritable_folder_are_one_clear_error(tmp_path):
    with pytest.raises(InputError, match=r"no\.zip"):
        extract_once(tmp_path / "no.zip", tmp_path / "out")
    (tmp_path / "blocked").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="cannot be unpacked under"):
        extract_once(pack(tmp_path / "a.zip", FILES), tmp_path / "blocked" / "out")


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), compression=st.sampled_from([0, 8, 12, 14]))
def test_a_damaged_archive_is_unpacked_completely_or_refused(tmp_path, data, compression):
    archive = pack(tmp_path / "a.zip", {"d/one": b"1" * 60, "two": b"2"}, compression)
    content = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(content)
    outside = set(tmp_path.iterdir()) | {tmp_path / "out"}
    contents: set[bytes] = set()
    with contextlib.suppress(InputError):
        contents = set(unpacked(extract_once(archive, tmp_path / "out")).values())
    assert contents <= {b"1" * 60, b"2"}
    assert not [name for name in left_behind(tmp_path / "out") if name.endswith(".part")]
    assert set(tmp_path.iterdir()) <= outside


PROGRAM = """
import sys
from pathlib import Path
from instit_bench.datasets.archive import extract_once
print("started", flush=True)
print(extract_once(Path(sys.argv[1]), Path(sys.argv[2])))
"""


def start(archive: Path, parent: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(archive), str(parent)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def big_archive(tmp_path_factory):
    files = {f"videos_vpt/{n // 10}/{n % 10}.jpg": os.urandom(400) for n in range(8000)}
    archive = tmp_path_factory.mktemp("big") / "videos_vpt.zip"
    return pack(archive, files, zipfile.ZIP_STORED), files


def test_after_a_kill_the_next_process_starts_over_and_leaves_nothing_behind(tmp_path, big_archive):
    archive, files = big_archive
    process = start(archive, tmp_path)
    limit = time.monotonic() + 20
    while time.monotonic() < limit and not list(tmp_path.glob(".*.part/videos_vpt/3*")):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [name for name in left_behind(tmp_path) if name.endswith(".part")], "killed too late"
    assert not list(tmp_path.glob("videos_vpt-*"))
    folder = extract_once(archive, tmp_path)
    assert unpacked(folder) == files
    assert left_behind(tmp_path) == [folder.name]


def test_two_concurrent_processes_make_one_folder(tmp_path, big_archive):
    archive, files = big_archive
    processes = [start(archive, tmp_path) for _ in range(2)]
    answers = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    (folder,) = {Path(answer[1]) for answer in answers}
    assert unpacked(folder) == files
    assert left_behind(tmp_path) == [folder.name]
