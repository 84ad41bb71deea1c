"""Checks files that Onelight rendered: whether a byte of them was changed, which, and what is behind them."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onelight.errors import ImageError, NotFound
from onelight.provenance import credentials, digests, sheets, sidecar, stamp, trust, walk
from onelight.provenance.trust import Trust
from onelight.shows import journal

PROVEN, UNSIGNED, CHANGED = "proven", "unsigned", "changed"
NOBODY = "nothing here vouches for the key {key}: name the show (--show, --root) or its public key (--key)"


@dataclass
class Finding:
    """What came out for one file."""

    file: Path
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    record: Mapping[str, Any] = field(default_factory=dict)
    origin: walk.Origin | None = None
    signed: bool = False

    @property
    def state(self) -> str:
        """proven: every byte is as the show signed it; unsigned: as was written, by whomever; changed: it is not."""
        return CHANGED if self.problems else PROVEN if self.signed else UNSIGNED


class Verification:
    """Verifies files, each sidecar and each version once; with `originals` the clips' files are read again too."""

    def __init__(self, trust: Trust, originals: bool = False) -> None:
        self._trust, self._read_originals = trust, originals
        self._accounts: dict[Path, sidecar.Account] = {}
        self._hashed: dict[tuple[Path, int, int], str] = {}
        self._origins: dict[tuple[str, ...], walk.Origin] = {}

    def files(self, paths: Iterable[Path]) -> Iterator[Finding]:
        """A finding for each file; a sidecar or a pattern (out.####.exr) stands for the whole sequence."""
        for path in paths:
            if path.name.endswith(sidecar.SUFFIX):
                yield from self._sequence(path)
            elif not path.exists() and sidecar.path_for(path).is_file() and re.search(r"[#@%]", path.name):
                yield from self._sequence(sidecar.path_for(path))
            else:
                yield self.file(path)

    def file(self, path: Path) -> Finding:
        """One file, by its sidecar and by what it carries; a data sheet by its own signature.

        Raises NotFound, or ImageError for a broken sidecar.
        """
        if not path.is_file():
            raise NotFound(f"{path} does not exist" if not path.exists() else f"{path} is not a file")
        finding = Finding(path)
        if path.suffix.lower() == sheets.SUFFIX:
            return sheets.judge(finding, self._trust, NOBODY)
        account = self._find(path)
        if account is not None and path.name in account.frames:
            self._by_sidecar(finding, account)
        elif account is not None:
            finding.problems += [f"{account.path.name}: {problem}" for problem in account.problems]
        self._by_itself(finding, bool(finding.record))
        if not finding.record and not finding.problems:
            beside = (
                f"{account.path.name} has no record of it" if account else "no sidecar beside it has a record of it"
            )
            finding.problems.append(f"{beside}, and it carries none")
        self._walk(finding)
        return finding

    def _sequence(self, path: Path) -> Iterator[Finding]:
        account = self._account(path)
        own = Finding(path, list(account.problems), signed=account.signed)
        if not account.header:  # nobody says what should be there
            yield own
            return
        self._vouched(own, account)
        made = account.made()
        missing = sorted({frame for frame, _ in account.expected()} - made)
        own.problems += [f"frame {frame} was to be rendered, and there is no record of it" for frame in missing]
        pattern = str(account.header.get("sequence", ""))
        own.problems += [f"{name} has no record" for name in _matching(path.parent, pattern) - set(account.frames)]
        self._logged(own, account)
        yield own
        for name in sorted(account.frames):
            file = path.parent / name
            yield (
                self.file(file)
                if file.is_file()
                else Finding(file, ["the file is missing"], record=account.frames[name])
            )

    def _find(self, path: Path) -> sidecar.Account | None:
        for account in self._accounts.values():  # a long sequence is not read again for each of its frames
            if account.path.parent == path.parent and path.name in account.frames:
                return account
        found = sidecar.find(path)
        return self._account(found.path) if found else None

    def _account(self, path: Path) -> sidecar.Account:
        if path not in self._accounts:
            header = sidecar.read(path, None).header
            verify = self._trust.verifier(str(header.get("show", ""))) if header.get("signed", True) else None
            if verify is None and header.get("public_key"):
                verify = trust.claimed(str(header["public_key"]))
            self._accounts[path] = sidecar.read(path, verify)
        return self._accounts[path]

    def _vouched(self, finding: Finding, account: sidecar.Account) -> None:
        header = account.header
        if not header.get("signed", True):
            right = all(_show_of(record) == sidecar.BASE for record in account.frames.values())
            self._unsigned(finding, right, str(header.get("unsigned_because", sidecar.UNSIGNED)))
        elif self._trust.verifier(str(header.get("show", ""))) is None:
            finding.problems.append(NOBODY.format(key=str(header.get("key", ""))[:16]))
        finding.signed = account.signed

    def _logged(self, finding: Finding, account: sidecar.Account) -> None:
        """Each job names the last entry of the show's log as it stood: a log that was cut since has lost it."""
        show = self._trust.show(str(account.header.get("show", ""))) if account.header.get("signed") else None
        heads = {str(job["log"]) for job in account.jobs if job.get("log")}
        if show is None or not heads:
            return
        with show.reading() as session:
            if not all(journal.holds(session, head) for head in heads):
                finding.problems.append(
                    f"the log of the show '{show.name}' has lost entries that it had when this was rendered"
                )

    def _unsigned(self, finding: Finding, by_base: bool, why: str) -> None:
        """Only what the built-in show made may lack a signature, and only where nobody asked for one."""
        if by_base and not self._trust.name and not self._trust.key:
            finding.notes.append(why)
        else:
            finding.problems.append("it is not signed: its signatures were taken off, or another show made it")

    def _by_sidecar(self, finding: Finding, account: sidecar.Account) -> None:
        self._vouched(finding, account)
        finding.record = record = account.frames[finding.file.name]
        if account.problems:
            finding.problems += [f"{account.path.name}: {problem}" for problem in account.problems]
        finding.problems += digests.compared(finding.file, record["result"])
        if record.get("credentials") and credentials.can_carry(finding.file):
            try:
                if credentials.read(finding.file, "") is None:
                    finding.problems.append("its content credentials were taken out")
            except ImageError:
                pass  # said already: the file cannot be read

    def _by_itself(self, finding: Finding, has_record: bool) -> None:
        """What the file carries: content credentials, or attributes of an EXR."""
        file = finding.file
        try:
            if credentials.can_carry(file):
                self._by_credentials(finding)
            elif file.suffix.lower() == ".exr" and not has_record:
                self._by_stamp(finding)
        except ImageError as error:
            if not finding.problems:
                finding.problems.append(str(error))

    def _by_credentials(self, finding: Finding) -> None:
        first = credentials.read(finding.file, "")
        if first is None:
            return
        show = str(first.record.get("show", ""))
        roots = self._trust.roots(show)
        found = credentials.read(finding.file, roots) if roots else first
        assert found is not None
        if not roots:
            finding.problems.append(NOBODY.format(key=found.signer))
        else:
            finding.problems += found.problems
        if not finding.record:
            finding.record, finding.signed = found.record, not found.problems

    def _by_stamp(self, finding: Finding) -> None:
        said = digests.own_attributes(finding.file)
        if not said:
            return
        now = digests.of_image(finding.file)
        verify = self._trust.verifier(said.get("show", "")) if said.get("show") != sidecar.BASE else None
        finding.problems += stamp.check(said, now.pixels, verify)
        if said.get("show") == sidecar.BASE:
            self._unsigned(finding, said.get("model", "").partition("/")[0] in ("", sidecar.BASE), sidecar.UNSIGNED)
        elif verify is None:
            finding.problems.append(NOBODY.format(key="that signed its attributes"))
        finding.signed = verify is not None and not finding.problems
        finding.record = stamp.record(said)
        finding.notes.append("there is no sidecar: its pixels and onelight: attributes were checked, no other bytes")

    def _walk(self, finding: Finding) -> None:
        record = finding.record
        if "result" in record:
            finding.notes += [note for one in record["inputs"] if (note := self._input(finding.file.parent, one))]
        for model in record.get("models") or [record.get("model")]:
            if not model:
                continue
            tool, show = record["tool"]["id"], self._trust.show(model["show"]) if model["show"] != "base" else None
            key = (tool, *(str(model[name]) for name in ("show", "version", "digest")))
            if key not in self._origins:
                self._origins[key] = walk.origin(tool, model, show, self._read_originals)
            finding.origin = self._origins[key]
            finding.problems += finding.origin.problems
            finding.notes += [note for note in finding.origin.notes if note not in finding.notes]

    def _input(self, folder: Path, told: Mapping[str, Any]) -> str:
        """What became of a file that went in; empty where it is the same still, or not here to be looked at."""
        file = folder / told["file"]
        try:
            if not file.is_file():
                return ""
            state = file.stat()
            key = (file.resolve(), state.st_size, state.st_mtime_ns)
            if key not in self._hashed:
                self._hashed[key] = digests.of_file(file)[0]
        except (OSError, ImageError):
            return f"{told['clip']}: {told['file']} cannot be read"
        return "" if self._hashed[key] == told["sha256"] else f"{told['clip']}: {told['file']} is another file now"


def _show_of(record: Mapping[str, Any]) -> str:
    return str((record.get("model") or {}).get("show", sidecar.BASE))


def _matching(folder: Path, pattern: str) -> set[str]:
    """Names of the files of a sequence named by its pattern (out.####.exr), frame numbers of any length."""
    token = re.search(r"#+|@+|%0?\d*d", pattern)
    if token is None:
        return set()
    before, after = pattern[: token.start()], pattern[token.end() :]
    found = folder.glob(f"{glob.escape(before)}*{glob.escape(after)}")
    return {each.name for each in found if re.fullmatch(r"-?\d+", each.name[len(before) : len(each.name) - len(after)])}
