"""Writing an archive: the same bytes whenever the same files are packed."""

import hashlib
import io
import stat
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

from ecslm.common.files import write_bytes

SUMS = "SHA256SUMS"
# Zip files know no earlier time; a real one would differ each time.
NO_TIME = (1980, 1, 1, 0, 0, 0)
UNIX = 3


def write_bundle(
    path: Path, folder: str, files: Mapping[str, bytes], executable: Collection[str]
) -> None:
    """Write a zip file whose members lie in one folder, with the sums of all others in SHA256SUMS.

    Args:
        files: contents by name.
        executable: names of programs.
    """
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bundle:
        for name, content in sorted({**files, SUMS: sums.encode()}.items()):
            member = zipfile.ZipInfo(f"{folder}/{name}", NO_TIME)
            member.create_system = UNIX
            mode = 0o755 if name in executable else 0o644
            member.external_attr = (stat.S_IFREG | mode) << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(member, content)
    write_bytes(path, buffer.getvalue())
