#!/usr/bin/env bash
# The library with the lowest versions that pyproject.toml allows; what tests it is as pinned.
# matplotlib of that time calls what newer pyparsing warns of.
set -euo pipefail
cd "$(dirname "$0")/.."
python3 -m venv .venv
.venv/bin/pip install --quiet uv
sed -n '/^jupyterlab==/,$p' requirements.txt |
  .venv/bin/uv pip install --quiet --no-cache --python .venv/bin/python --resolution lowest-direct \
    -e ".[widgets,cluster]" pyparsing==3.2.5 -r -
touch .venv/installed # so that make takes it as it is
