"""What schemathesis sends passes through here: files that it names lie below a folder of the test's own."""

import os

import schemathesis

FOLDER = os.environ["RINGBOX_CHECK_FOLDER"]


def below(value):
    if isinstance(value, str) and value.startswith("/"):
        return FOLDER + "/files" + value.replace("..", "__")[:100]
    if isinstance(value, list):
        return [below(item) for item in value]
    if isinstance(value, dict):
        return {key: below(item) for key, item in value.items()}
    return value


@schemathesis.hook
def map_body(context, body):
    return below(body)


@schemathesis.hook
def map_query(context, query):
    return below(query)
