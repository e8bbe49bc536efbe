#!/usr/bin/env bash
# Runs inside Colab's public image: every notebook, as a reader runs it there.
# What executes them goes into a folder of its own, so that no package of the image is touched.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$(mktemp -d)
python3 -m pip install --quiet --target "$tools" -r <(grep -E '^(jupytext|nbclient|nbconvert)==' requirements.txt)
PYTHONPATH=$tools python3 tools/host.py "$(command -v python3)" --first "import google.colab"
