"""A shared fixture that fails is reported once."""

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pytest

@pytest.fixture(scope="session")
def server():
    raise OSError("address already in use")

@pytest.fixture(scope="session")
def url(request):
    return request.getfixturevalue("server")

@pytest.fixture(scope="module")
def client(server):
    return server

@pytest.fixture
def account(client):
    return client

def test_first(url):
    pass

def test_second(url):
    pass

def test_third(account):
    pass

def test_fourth():
    pass

@pytest.fixture
def broken():
    raise ValueError("not shared")

def test_fifth(broken):
    pass

def test_sixth(broken):
    pass

@pytest.fixture(scope="session")
def absent():
    pytest.skip("not installed")

def test_seventh(absent):
    pass

def test_eighth(absent):
    pass
"""


@pytest.fixture
def report(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.RunResult:
    monkeypatch.setenv("COLUMNS", "200")
    file = pytester.makepyfile(test_shared=TESTS)
    return pytester.runpytest_inprocess("-p", "no:asyncio", "-p", "tests.support.failed_fixtures", "-rE", file)


def test_only_the_first_test_shows_why_a_shared_fixture_failed(report: pytest.RunResult) -> None:
    shown = report.stdout.str()
    assert shown.count('raise OSError("address already in use")') == 1
    assert shown.count("def server()") == 1


def test_the_other_tests_that_need_it_fail_with_a_line_that_names_the_first(report: pytest.RunResult) -> None:
    report.stdout.fnmatch_lines(
        [
            "ERROR test_shared.py::test_first - OSError: address already in use",
            "ERROR test_shared.py::test_second - Failed: fixture 'url' failed in test_shared.py::test_first: OSError",
            "ERROR test_shared.py::test_third - Failed: fixture 'server' failed in test_shared.py::test_first: OSError",
        ]
    )


def test_fixtures_of_one_test_and_skipped_tests_stay_as_they_are(report: pytest.RunResult) -> None:
    report.assert_outcomes(passed=1, errors=5, skipped=2)
    assert report.stdout.str().count('raise ValueError("not shared")') == 2
