#!/usr/bin/env bash
# Judges an OpenAPI document with a validator that others wrote: openapi-check.sh FILE
#
# The validator comes from PyPI into .build/python, once. Where that cannot be had (no network) it says so and judges
# nothing: the document's own consistency is the business of ServiceAPITests.
set -euo pipefail
cd "$(dirname "$0")/.."
place=.build/python
if ! "$place/bin/python" -c 'import openapi_spec_validator' 2>/dev/null; then
  python3 -m venv "$place" >/dev/null
  if ! timeout 120 "$place/bin/python" -m pip install --quiet --disable-pip-version-check \
    'openapi-spec-validator>=0.7,<0.9' >"$place/pip.log" 2>&1; then
    echo "no validator: $(tail -n 1 "$place/pip.log")"
    exit 0
  fi
fi
exec timeout 60 "$place/bin/python" - "$1" <<'PYTHON'
import json
import sys

from openapi_spec_validator import validate

with open(sys.argv[1], encoding="utf-8") as file:
    document = json.load(file)
validate(document)
print(len(document["paths"]), "paths are valid")
PYTHON
