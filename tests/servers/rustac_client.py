"""Runs in rustac's own environment: answers searches of a file, given as JSON lines, with ids as JSON lines."""

import json
import sys

import rustac

client = rustac.DuckdbClient()
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps([item["id"] for item in client.search(asked.pop("href"), **asked)]), flush=True)
