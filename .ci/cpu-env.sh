# Sourced by vllm-env and lmms-eval-env to build an environment with PyTorch's CPU build.
# shellcheck shell=bash

[[ $# == 1 ]] || { echo "usage: $0 DIR" >&2; exit 2; }
env=$1
python=$env/bin/python
root=$(cd "$(dirname "$0")/.." && pwd)
stamp=$env/instit-bench-$(basename "$0")
torch=torch==2.13.0+cpu

state=$(cat "$0" "$root/.ci/cpu-env.sh" "$root/pyproject.toml" | sha256sum)$root
[[ -f $stamp && $(cat "$stamp") == "$state" ]] && exit 0
rm -f "$stamp"

unavailable() {
  echo "$0: not available on this machine: $1" >&2
  exit 3
}

[[ $(uname -sm) == "Linux x86_64" ]] || unavailable "PyTorch's CPU build is for Linux on x86-64"
base=$(command -v python3.11 || command -v python3)
if uv=$(command -v uv); then
  [[ -x $python ]] || "$uv" venv --quiet --seed --python "$base" "$env"
else
  uv=$env/bin/uv
  [[ -x $python ]] || "$base" -m venv "$env"
  [[ -x $uv ]] || "$python" -m pip install --quiet uv
fi

# Only pip reads the settings that locate PyTorch's CPU builds (PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL).
# The folder never changes, because uv caches unpacked wheels by path. The lock serialises two lanes.
wheels=$("$uv" cache dir)/instit-bench-wheels
mkdir -p "$wheels"
flock "$wheels" "$python" -m pip download --quiet --disable-pip-version-check --no-deps \
  --dest "$wheels" "$torch" ||
  unavailable "pip cannot find $torch; name a package index that has it in PIP_EXTRA_INDEX_URL"

install() {
  "$uv" pip install --quiet --python "$python" --find-links "$wheels" "$@"
}

repair_torchvision() {
  "$python" - <<'PYTHON'
"""Declare the operators that torchvision's CUDA build cannot load on a CPU."""
import sysconfig
from pathlib import Path

start = Path(sysconfig.get_path("purelib")) / "torchvision" / "__init__.py"
repair = '''import torch
_schemas = torch.library.Library("torchvision", "FRAGMENT")
_schemas.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
_schemas.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
'''
text = start.read_text()
if not text.startswith(repair):
    start.unlink()  # it may be a hard link into uv's cache
    start.write_text(repair + text)
PYTHON
}

finish() {
  "$python" -c "import torchvision, $1" || unavailable "the installed packages cannot be imported"
  echo "$state" >"$stamp"
}
