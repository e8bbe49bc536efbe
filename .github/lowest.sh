#!/usr/bin/env bash
# The library with the lowest versions that pyproject.toml allows; what tests it is as pinned.
set -euo pipefail
cd "$(dirname "$0")/.."
python3 -m pip install --quiet uv
python3 -m uv venv --quiet --seed .venv
sed -n '/^jupyterlab==/,$p' requirements.txt |
  python3 -m uv pip install --quiet --no-cache --resolution lowest-direct -e ".[widgets,cluster]" -r -
touch .venv/installed # so that make takes it as it is
