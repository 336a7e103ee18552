"""Settings: from the environment to one value; what is unknown or bad is named with what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from covalue.errors import SettingError
from covalue.settings import DOCUMENTED, PACKAGE, SECRETS, Settings, default_out


def test_defaults() -> None:
    """An environment that says nothing gives the defaults, which listen on this machine only."""
    assert Settings(None, None, "127.0.0.1", 8000, 64, 10, 512, 1_000_000, 64, 0, (), "") == Settings.from_env({"PATH": "/bin"})


def test_all_settings() -> None:
    """Every documented variable is taken."""
    given = {"COVALUE_PROJECT": "/p", "COVALUE_OUT": "/o", "COVALUE_HOST": "::1", "COVALUE_PORT": "0", "COVALUE_THREADS": "256"}
    given |= {"COVALUE_SECONDS": "60", "COVALUE_MEMORY": "2048", "COVALUE_ROWS": "1000", "COVALUE_CACHE": "0"}
    given |= {"COVALUE_PROXIES": "1", "COVALUE_SERVICE": "https://a.org/sparql  http://b.org/q@10.0.0.1", "COVALUE_STORE": "http://h/sparql"}
    assert set(given) == set(DOCUMENTED)
    assert Settings(Path("/p"), Path("/o"), "::1", 0, 256, 60, 2048, 1000, 0, 1, ("https://a.org/sparql", "http://b.org/q@10.0.0.1"), "http://h/sparql") == Settings.from_env(given)


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_empty_means_unset(name: str) -> None:
    """A variable set to nothing counts as not set."""
    assert Settings() == Settings.from_env({name: ""})


def test_settings_are_few() -> None:
    """There are a dozen settings at most, each described in both languages."""
    assert len(DOCUMENTED) <= 12
    assert all(en.isascii() and not zh.isascii() for en, zh in (*DOCUMENTED.values(), *SECRETS.values()))


def test_secrets_are_no_settings() -> None:
    """What proves who we are is taken from the environment, and kept out of the value that is handed around."""
    given = dict.fromkeys(SECRETS, "hunter2")
    assert "hunter2" not in repr(Settings.from_env(given))


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("COVALUE_PROT", "COVALUE_PORT"),
        ("COVALUE_THREAD", "COVALUE_THREADS"),
        ("COVALUE_OUTPUT", "COVALUE_OUT"),
        ("COVALUE_HOSTS", "COVALUE_HOST"),
        ("COVALUE_PROJEKT", "COVALUE_PROJECT"),
    ],
)
def test_unknown_variable_names_the_nearest(given: str, near: str) -> None:
    """An unknown variable is an error that names it and the nearest known one, in both languages."""
    with pytest.raises(SettingError) as caught:
        Settings.from_env({given: "x"})
    assert (f"there is no setting {given}; known is {near}.", f"没有设置 {given}；可用的是 {near}。") == (caught.value.en, caught.value.zh)


def test_unknown_variable_near_to_none_lists_all() -> None:
    """An unknown variable that resembles none is answered with all of them."""
    with pytest.raises(SettingError) as caught:
        Settings.from_env({"COVALUE_": "x"})
    named = [n for n in DOCUMENTED if n in caught.value.en]
    assert named in ([*DOCUMENTED], ["COVALUE_OUT"])


def test_foreign_variables_are_left_alone() -> None:
    """Variables of others, and those that only the package's build reads, are no error."""
    assert Settings() == Settings.from_env({"covalue_port": "1", "XCOVALUE_PORT": "1", "COVALUE_WEB": "/w"})


@pytest.mark.parametrize(
    ("name", "value", "limits"),
    [
        ("COVALUE_PORT", "65536", ("0", "65535")),
        ("COVALUE_PORT", "-1", ("0", "65535")),
        ("COVALUE_PORT", "http", ("0", "65535")),
        ("COVALUE_PORT", "８０００", ("0", "65535")),
        ("COVALUE_PORT", "80.0", ("0", "65535")),
        ("COVALUE_PORT", " 80", ("0", "65535")),
        ("COVALUE_PORT", "²", ("0", "65535")),
        ("COVALUE_THREADS", "15", ("16", "1024")),
        ("COVALUE_THREADS", "1025", ("16", "1024")),
        ("COVALUE_SECONDS", "0", ("1", "86400")),
        ("COVALUE_MEMORY", "63", ("64", "1000000")),
        ("COVALUE_ROWS", "0", ("1", "1000000000")),
        ("COVALUE_CACHE", "-1", ("0", "1000000")),
        ("COVALUE_CACHE", "64 MB", ("0", "1000000")),
    ],
)
def test_bad_number_is_named_with_its_limits(name: str, value: str, limits: tuple[str, str]) -> None:
    """A bad number is an error with the variable, the value and the limits, in both languages."""
    with pytest.raises(SettingError) as caught:
        Settings.from_env({name: value})
    assert all(part in text for part in (name, value, *limits) for text in (caught.value.en, caught.value.zh))


def test_checkout_is_built_beside_its_sources(tmp_path: Path) -> None:
    """The dataset of a checkout goes to its `build` folder."""
    assert tmp_path / "build" == default_out(tmp_path, {"XDG_CACHE_HOME": "/cache"})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({"XDG_CACHE_HOME": "/c"}, Path("/c/covalue")), ({"LOCALAPPDATA": "/l"}, Path("/l/covalue")), ({}, Path.home() / ".cache" / "covalue")],
)
def test_installed_package_is_built_in_the_cache(environ: dict[str, str], expected: Path) -> None:
    """The dataset of an installed package goes to the user's cache, since the package itself may be read-only."""
    assert expected == default_out((PACKAGE / "data").resolve(), environ)
