"""How busy the GPUs of a process are."""

from __future__ import annotations

import asyncio
import os
import shutil

_QUERY = ("--query-gpu=utilization.gpu", "--format=csv,noheader,nounits")
_WITHIN_S = 5.0


async def gpu_busy() -> float | None:
    """Return the mean utilisation of the GPUs that this process may use, from 0 to 1.

    ``None`` if there are none, or it is not known.
    """
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    program = shutil.which("nvidia-smi")
    if not gpus or program is None:
        return None
    try:
        process = await asyncio.create_subprocess_exec(
            *(program, f"--id={gpus}", *_QUERY),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(_WITHIN_S):
            told, _ = await process.communicate()
        shares = [float(line) / 100 for line in told.split()]
    except (OSError, TimeoutError, ValueError):
        return None
    return sum(shares) / len(shares) if shares else None
