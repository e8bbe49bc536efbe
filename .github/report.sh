#!/usr/bin/env bash
# One open issue for a weekly check that fails: opened once, then a comment for each week it still fails.
# usage: report.sh CHECK LINK     (gh needs GH_TOKEN and GH_REPO)
set -euo pipefail
title="Weekly check fails: $1"
body="It failed in $2. Close this issue when the check passes again."
number=$(gh issue list --state open --limit 1000 --json number,title --jq '.[] | [.number, .title] | @tsv' |
  awk -F '\t' -v title="$title" '$2 == title { number = $1 } END { print number }')
if [ -n "$number" ]; then
  gh issue comment "$number" --body "$body"
else
  gh issue create --title "$title" --body "$body"
fi
