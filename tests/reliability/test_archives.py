"""Hostile archives: nothing is written outside the folder, and none fills the disk."""

from __future__ import annotations

import random
import shutil
import stat
import warnings
import zipfile
from pathlib import Path

from instit_bench.datasets.archive import MAX_RATIO, extract_once
from instit_bench.errors import InputError
from tests.reliability.sizes import sizes

NAMES = (
    *("a", "b/c", "b", "./a", "b//c", "b\\c", "é", "e\u0301", "A", "x" * 300, "a\x00b", "a\nb"),
    *(
        "../x",
        "b/../../x",
        "..\\x",
        "/etc/x",
        "\\x",
        "//host/x",
        "C:/x",
        "c:x",
        ".",
        "..",
        "",
        "~/x",
    ),
    *("\x1b[31m", "CON", "a:b", "-rf", "b/", ".lock", "...", " ", "b/./../../x", "\udcff"),
)
KINDS = (
    *(stat.S_IFREG, stat.S_IFREG, stat.S_IFREG, 0, stat.S_IFDIR),
    *(stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK),
)


def archive_of(path: Path, random_: random.Random) -> None:
    """Write an archive of odd names, links, bombs and damage."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        warnings.simplefilter("ignore")
        for _ in range(random_.randint(1, 4)):
            info = zipfile.ZipInfo(random_.choice(NAMES).encode(errors="replace").decode())
            info.external_attr = (random_.choice(KINDS) | random_.choice((0o644, 0o4777, 0))) << 16
            content = random_.choice(
                (b"x", b"/etc/passwd", bytes(3_000_000), random_.randbytes(99))
            )
            zipped.writestr(
                info, content, random_.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            )
    if random_.random() < 0.3:
        data = bytearray(path.read_bytes())
        for _ in range(random_.randint(1, 8)):
            data[random_.randrange(len(data))] = random_.randrange(256)
        path.write_bytes(data[: random_.choice((len(data), random_.randrange(len(data))))])


@sizes(short=40, long=2_000)
def test_no_archive_writes_outside_its_folder_or_fills_the_disk(tmp_path, size, figure):
    refused = escaped = 0
    for number in range(size):
        place = tmp_path / "in"
        place.mkdir()
        archive = place / "a.zip"
        archive_of(archive, random.Random(number))
        before = archive.stat().st_size
        try:
            extract_once(archive, tmp_path / "out")
        except InputError:
            refused += 1
        files = [path for path in tmp_path.rglob("*") if path != archive and not path.is_dir()]
        inside = tmp_path / "out"
        escaped += sum(not path.is_relative_to(inside) or path.is_symlink() for path in files)
        assert sum(path.stat().st_size for path in files) <= MAX_RATIO * before + 1000
        shutil.rmtree(place)
        shutil.rmtree(inside, ignore_errors=True)
    figure("hostile archives", f"{size:,} tried, {refused:,} refused, {escaped} files outside")
    assert escaped == 0
    assert 0 < refused < size
