"""Every row of the table of faults has a test, and this is where to find it.

Rows 1 to 16 and 31 are cases of tests/test_faults.py, rows 17 to 31 of tests/test_faults_content.py: their names say
the row. The others, and what is tried below Python as well, are listed here.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAMED = ("tests/test_faults.py", "tests/test_faults_content.py")

ELSEWHERE: dict[int, dict[str, str]] = {
    3: {"TestFault3RetryBudget": "fetch/faults_test.go", "TestStorm": "fetch/storm_test.go"},
    5: {"TestFault5Resumes": "fetch/faults_test.go", "TestFault5RestartsWithoutTag": "fetch/faults_test.go"},
    12: {"TestFault12Times": "fetch/faults_test.go"},
    15: {"TestFault15Secrets": "fetch/faults_test.go", "TestPolicy": "fetch/httpstore/httpstore_test.go"},
    16: {"TestNoConnection": "fetch/httpstore/httpstore_test.go", "test_tls_and_http2": "tests/test_stores.py"},
    18: {"TestLoops": "core/cog/malformed_test.go"},
    19: {"TestLimits": "core/cog/malformed_test.go"},
    26: {"TestBadGeoref": "core/cog/malformed_test.go"},
    32: {"test_an_absurd_grid_is_refused_before_any_request": "tests/test_bad_input.py"},
    33: {
        "test_a_full_disk_costs_one_warning": "tests/test_header_cache.py",
        "test_damaged_entries_are_read_again": "tests/test_header_cache.py",
        "test_a_folder_that_cannot_be_used_costs_one_warning": "tests/test_header_cache.py",
        "TestWhatCannotBeUsedWarnsOnce": "fetch/headercache/headercache_test.go",
    },
    34: {
        "test_refused_signatures_are_made_anew_once": "tests/test_sign.py",
        "test_a_credential_provider_is_asked_once_until_it_expires": "tests/test_stores.py",
        "TestCredentialsAreKeptUntilTheyExpire": "fetch/cloud/cloud_test.go",
        "TestRetryAfter": "fetch/httpstore/httpstore_test.go",
    },
}  # fmt: skip


def named_rows() -> set[int]:
    """The rows in the names of tests, such as test_rows_8_10_and_11_an_answer_about_something_else."""
    rows: set[int] = set()
    for file in NAMED:
        for numbers in re.findall(r"^def test_rows?_((?:\d+_(?:and_)?)+)", (ROOT / file).read_text(), re.MULTILINE):
            rows.update(int(number) for number in re.findall(r"\d+", numbers))
    return rows


def test_every_row_has_a_test() -> None:
    missing = set(range(1, 35)) - named_rows() - set(ELSEWHERE)
    assert not missing


def test_every_row_asserts_its_requests() -> None:
    """By the server's list of them, or by a helper that compares it."""
    for file in NAMED:
        text = (ROOT / file).read_text()
        for found in re.finditer(
            r"^def (test_rows?_\d\w+)\(.*?(?=^(?:def|@|[A-Z])|\Z)", text, re.MULTILINE | re.DOTALL
        ):
            checked = re.search(r"assert .*(?:ranges\(\)|requests|rest ==|paths ==)|\b(?:refused|fails)\(", found[0])
            assert checked, f"{found[1]} in {file}"


def test_the_tests_named_exist() -> None:
    for tests in ELSEWHERE.values():
        for name, file in tests.items():
            assert re.search(rf"^(def|func) {name}\(", (ROOT / file).read_text(), re.MULTILINE), f"{name} in {file}"
