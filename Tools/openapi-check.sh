#!/usr/bin/env bash
# Judges the API with tools that others wrote: openapi-check.sh FILE [URL TOKEN FOLDER]
#
# FILE is the OpenAPI document, which a validator reads. With URL (of the API's root over TCP) and TOKEN, schemathesis asks
# every operation for what the document allows and for what it does not: nothing may be answered with a server's error,
# in another shape than is promised, or against what the document says about requests. Files that requests name are put
# below FOLDER.
#
# The tools come from PyPI into .build/python, once. Where they cannot be had the check fails, for it has judged nothing;
# RINGBOX_WITHOUT_PYPI=1 says that this is all right here.
set -euo pipefail
cd "$(dirname "$0")/.."
place=.build/python
if ! "$place/bin/python" -c 'import openapi_spec_validator, schemathesis' 2>/dev/null; then
  python3 -m venv "$place" >/dev/null
  if ! timeout 300 "$place/bin/python" -m pip install --quiet --disable-pip-version-check \
    'openapi-spec-validator>=0.7,<0.9' 'schemathesis==4.32.5' >"$place/pip.log" 2>&1; then
    echo "NOT CHECKED: the validator and schemathesis cannot be had from PyPI: $(tail -n 1 "$place/pip.log")"
    if [[ -n ${RINGBOX_WITHOUT_PYPI:-} ]]; then exit 0; fi
    echo "RINGBOX_WITHOUT_PYPI=1 lets this pass where there is no network"
    exit 1
  fi
fi
timeout 60 "$place/bin/python" - "$1" <<'PYTHON'
import json
import sys

from openapi_spec_validator import validate

with open(sys.argv[1], encoding="utf-8") as file:
    document = json.load(file)
validate(document)
print(len(document["paths"]), "paths are valid")
PYTHON
if [[ $# -lt 4 ]]; then exit 0; fi

# Left out: what ends the test's own connection, streams without an end, WebSockets, and what follows a link of the
# document into the service itself.
exclude=()
for operation in openWeb closeWeb streamEvents openEvents openDisplay openSerial; do
  exclude+=(--exclude-operation-id "$operation")
done
root=$PWD
document=$(realpath "$1")
export RINGBOX_CHECK_FOLDER=$4 SCHEMATHESIS_HOOKS=openapi_check_hooks PYTHONPATH=$root/Tools
log=$4/openapi-check.log
status=0
# It leaves what it has seen in the folder it runs in.
cd "$4"
# An interrupt ends it in order, with what it has found so far.
timeout -s INT -k 10 "${RINGBOX_CHECK_SECONDS:-75}" "$root/$place/bin/schemathesis" \
  --config-file "$root/Tools/openapi-check.toml" run "$document" --url "$2" --header "Authorization: Bearer $3" \
  "${exclude[@]}" --phases coverage,fuzzing --max-examples "${RINGBOX_CHECK_EXAMPLES:-3}" --suppress-health-check all \
  --request-timeout 20 --no-shrink --continue-on-failure --warnings off --seed 1 --no-color >"$log" 2>&1 || status=$?
cat "$log"
if [[ $status = 124 || $status = 130 ]]; then
  echo "cut short; what was asked until then counts"
  if grep -q "^Failures:" "$log"; then exit 1; fi
  exit 0
fi
exit "$status"
