"""Who may sign for a show, who may use it, and what it allows."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from onelight.errors import NotFound, NotReady, OnelightError, RequestError
from onelight.shows import access, keys, policy, rekeying
from onelight.shows.access import Access
from onelight.shows.keys import BadSignature, Keys
from onelight.shows.policy import Policy
from onelight.shows.schema import Entry, Token
from onelight.shows.store import Show
from showcases import onelight, whole
from sqlalchemy import select, text


@pytest.fixture
def show(tmp_path: Path) -> Show:
    return Show.create("apollo", tmp_path)


def test_what_a_show_signed_is_its_own_and_nobody_elses(show: Show, tmp_path: Path) -> None:
    signature = Keys(show).sign(b"manifest")
    assert Keys(show).verify(b"manifest", signature) == Keys(show).fingerprint
    for data, other in ((b"manifesT", signature), (b"manifest", signature[:-1] + b"\0"), (b"manifest", b"")):
        with pytest.raises(BadSignature, match="not of the show 'apollo'"):
            Keys(show).verify(data, other)
    with pytest.raises(BadSignature):
        Keys(Show.create("gemini", tmp_path)).verify(b"manifest", signature)


def test_the_public_key_and_its_fingerprint_are_what_openssl_says(show: Show, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    pem, data, signature = tmp_path / "key.pem", tmp_path / "data", tmp_path / "signature"
    pem.write_bytes(Keys(show).public_pem)
    data.write_bytes(b"manifest")
    signature.write_bytes(Keys(show).sign(b"manifest"))
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", pem, "-outform", "DER"], check=True, capture_output=True
    ).stdout
    assert hashlib.sha256(der).hexdigest() == Keys(show).fingerprint
    subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", pem, "-rawin", "-in", data, "-sigfile", signature],
        check=True,
        capture_output=True,
    )


def test_after_a_rekey_old_signatures_hold_new_ones_are_the_new_keys_and_tokens_are_refused(show: Show) -> None:
    token, before, old = access.grant(show, "farm"), Keys(show).sign(b"old"), Keys(show).fingerprint
    new, revoked = rekeying.rekey(show, "somebody left")
    assert revoked == 1 and new == Keys(show).fingerprint != old and set(Keys(show).known) == {old, new}
    assert Keys(show).verify(b"old", before) == old
    assert Keys(show).verify(b"new", Keys(show).sign(b"new")) == new
    assert not Access(show.folder).check(token) and Access(show.folder).check(access.grant(show, "farm"))
    assert whole(show) == 5
    with show.reading() as session:
        entry = session.scalars(select(Entry).where(Entry.action == "show rekey")).one()
    assert (entry.told, entry.why) == ({"before": old, "now": new, "revoked": 1}, "somebody left")


def test_a_rekey_that_was_not_committed_is_taken_back(show: Show, tmp_path: Path) -> None:
    before = Keys(show).fingerprint
    prepared = keys.prepare(show.places.keys)
    again = Show.open("apollo", tmp_path)
    assert Keys(again).fingerprint == before and prepared not in Keys(again).known
    assert not (show.places.keys / keys.NEXT).exists()


def test_a_rekey_that_was_committed_is_completed_by_who_opens_the_show_next(
    show: Show, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rekeying, "settle", lambda show: None)
    new, _ = rekeying.rekey(show, "")
    assert Keys(show).fingerprint != new
    monkeypatch.undo()
    assert Keys(Show.open("apollo", tmp_path)).fingerprint == new
    assert whole(show) == 2


def test_a_private_key_that_others_can_read_signs_nothing(show: Show) -> None:
    path = show.places.keys / keys.SIGNING
    path.chmod(0o640)
    with pytest.raises(NotReady, match="may be read by others than its owner: run chmod 600"):
        Keys(show).sign(b"")


def test_a_key_that_is_a_link_or_damaged_or_missing_is_named(show: Show, tmp_path: Path) -> None:
    path = show.places.keys / keys.SIGNING
    moved = path.rename(tmp_path / "elsewhere.pem")
    with pytest.raises(NotReady, match="has no signing key"):
        Keys(show).sign(b"")
    path.symlink_to(moved)
    with pytest.raises(NotReady, match="signing.pem cannot be read"):
        Keys(show).sign(b"")
    path.unlink()
    path.write_bytes(b"no key")
    path.chmod(0o600)
    with pytest.raises(NotReady, match="signing.pem cannot be read"):
        Keys(show).sign(b"")


def test_a_public_key_under_anothers_fingerprint_is_noticed(show: Show, tmp_path: Path) -> None:
    other = Keys(Show.create("gemini", tmp_path))
    (show.places.keys / keys.PUBLIC / f"{'0' * 64}.pem").write_bytes(other.public_pem)
    with pytest.raises(OnelightError, match="not the key that its name says"):
        Keys(show).verify(b"", other.sign(b""))


def test_a_new_policy_says_the_defaults_with_a_comment_for_each(show: Show) -> None:
    assert Policy.of(show) == Policy()
    text = show.places.policy.read_text()
    for name in vars(Policy()):
        assert name in text


def test_a_policy_is_read_as_it_is_now(show: Show) -> None:
    show.places.policy.write_text("synthesise = false\nretention_days = 30\n")
    assert Policy.of(show) == Policy(synthesise=False, retention_days=30)
    show.places.policy.write_text("")
    assert Policy.of(show) == Policy()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("synthesize = false", "there is no 'synthesize': did you mean 'synthesise'?"),
        ("colour = 1", "there is no 'colour': it knows frames_on_disk, "),
        ("synthesise = 0", "'synthesise' is 0: true or false was expected"),
        ('frames_on_disk = "false"', "'frames_on_disk' is 'false': true or false was expected"),
        ("retention_days = 0", "'retention_days' is 0: a whole number of days"),
        ("retention_days = true", "'retention_days' is True: a whole number of days"),
        ("retention_days = 1.5", "'retention_days' is 1.5: a whole number of days"),
        ("[synthesise]\nx = 1", "'synthesise' is {'x': 1}: true or false"),
        ("synthesise = maybe", "is not TOML"),
        ("synthesise = false\nsynthesise = true", "is not TOML"),
    ],
)
def test_a_wrong_policy_is_refused_by_name(show: Show, text: str, sentence: str) -> None:
    show.places.policy.write_text(text)
    with pytest.raises(RequestError) as refused:
        Policy.of(show)
    assert sentence in str(refused.value) and str(show.places.policy) in str(refused.value)


def test_a_lost_policy_does_not_allow_what_was_forbidden(show: Show) -> None:
    show.places.policy.unlink()
    with pytest.raises(NotReady, match="policy.toml is missing: put it back"):
        Policy.of(show)
    show.places.policy.symlink_to("/dev/zero")
    with pytest.raises(NotReady, match="cannot be read"):
        Policy.of(show)


def test_the_policys_text_and_its_class_say_the_same(tmp_path: Path) -> None:
    policy.write(tmp_path / "policy.toml")
    assert Policy.read(tmp_path / "policy.toml") == Policy()


def test_a_token_opens_its_show_and_no_other(show: Show, tmp_path: Path) -> None:
    other = Show.create("gemini", tmp_path)
    token = access.grant(show, "farm")
    assert Access(show.folder).check(token)
    assert not Access(other.folder).check(token)
    assert not Access(tmp_path / "mercury").check(token)


def test_a_token_that_is_not_exactly_one_of_ours_is_refused(show: Show) -> None:
    token = access.grant(show, "farm")
    _, public, secret = token.split("_")
    asked = Access(show.folder)
    wrong = [
        "",
        "onelight",
        f"onelight_{public}_",
        f"onelight_{public}_{'0' * 64}",
        f"onelight_{'0' * 16}_{secret}",
        f"onelight_{public.upper()}_{secret}",
        token + "\n",
        " " + token,
        token + "0",
        token * 1000,
        f"onelight_' OR 1=1 --_{secret}",
        "\0" * 90,
        "\udcff" * 90,
        None,
        b"x",
    ]
    for each in wrong:
        assert asked.check(each) is False, each  # pyright: ignore[reportArgumentType]
    assert asked.check(token)


def test_a_revoked_or_expired_token_is_refused_from_then_on(show: Show) -> None:
    token = access.grant(show, "farm")
    public = token.split("_")[1]
    asked = Access(show.folder)
    assert asked.check(token)
    access.revoke(show, public, "stolen")
    assert not asked.check(token)
    with pytest.raises(RequestError, match="was revoked already"):
        access.revoke(show, token)
    with pytest.raises(NotFound, match="has no token 'nothing'"):
        access.revoke(show, "nothing")
    soon = access.grant(show, "a day player", datetime.now(UTC) + timedelta(days=1))
    assert asked.check(soon)
    with show.session() as session:
        session.execute(text("UPDATE tokens SET expires = '2020-01-01 00:00:00' WHERE revoked IS NULL"))
    assert not asked.check(soon)
    with pytest.raises(RequestError, match="cannot expire in the past"):
        access.grant(show, "late", datetime.now(UTC) - timedelta(seconds=1))


def test_a_tokens_secret_is_nowhere_in_the_show(show: Show) -> None:
    secret = access.grant(show, "farm").split("_")[2].encode()
    show.engine.dispose()
    assert not [path for path in show.folder.rglob("*") if path.is_file() and secret in path.read_bytes()]
    with show.reading() as session:
        assert session.scalars(select(Token.hash)).one().startswith("$argon2id$")


def test_a_token_of_an_earlier_show_does_not_open_the_one_that_took_its_place(show: Show, tmp_path: Path) -> None:
    token, asked = access.grant(show, "farm"), Access(show.folder)
    assert asked.check(token)
    show.engine.dispose()
    shutil.rmtree(show.folder)
    assert not asked.check(token)
    Show.create("apollo", tmp_path)
    assert not asked.check(token)


@pytest.mark.parametrize("label", ["", " ", "a\nb", "x" * 201, "\x1b[31m"])
def test_a_token_says_who_has_it(show: Show, label: str) -> None:
    with pytest.raises(RequestError, match="label says who"):
        access.grant(show, label)


def test_the_time_of_an_answer_does_not_tell_what_was_wrong(show: Show, tmp_path: Path) -> None:
    token = access.grant(show, "farm")
    revoked = access.grant(show, "gone")
    access.revoke(show, revoked)
    public = token.split("_")[1]
    questions = {
        "right": (show.folder, token),
        "wrong secret": (show.folder, f"onelight_{public}_{'0' * 64}"),
        "revoked": (show.folder, revoked),
        "unknown token": (show.folder, f"onelight_{'0' * 16}_{'0' * 64}"),
        "no token": (show.folder, ""),
        "no show": (tmp_path / "gemini", token),
    }
    least: dict[str, float] = {}
    for _ in range(5):
        for what, (folder, asked) in questions.items():
            checker, begun = Access(folder), time.perf_counter()
            checker.check(asked)
            least[what] = min(least.get(what, 9.0), time.perf_counter() - begun)
    assert min(least.values()) >= access.ANSWER_SECONDS
    assert max(least.values()) - min(least.values()) < 0.02, least


def test_tokens_are_granted_listed_and_revoked_from_the_command_line(show: Show) -> None:
    root = ("--root", show.folder.parent)
    token = onelight("show", "token", "grant", "apollo", "anna's [red]ws", "--expires", "30d", *root).stdout.strip()
    assert Access(show.folder).check(token)
    listed = onelight("show", "token", "list", "apollo", *root).stdout
    assert token.split("_")[1] in listed and token.split("_")[2] not in listed and "anna's [red]ws" in listed
    assert onelight("show", "token", "revoke", "apollo", token.split("_")[1], "--why", "left", *root).returncode == 0
    assert not Access(show.folder).check(token)
    assert "revoked" in onelight("show", "token", "list", "apollo", *root).stdout
    for wrong in ("soon", "0d", "2027-13-01", "99999999d"):
        done = onelight("show", "token", "grant", "apollo", "x", "--expires", wrong, *root)
        assert done.returncode == 1 and f"'{wrong}' is no time" in done.stderr
    logged = onelight("show", "log", "apollo", *root).stdout
    assert token.split("_")[2] not in logged and "token grant" in logged and "left" in logged
