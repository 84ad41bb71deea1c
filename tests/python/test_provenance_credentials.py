"""Content credentials of review files: valid C2PA, signed by the show, and wrong as soon as a byte is changed."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import av
import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from onelight import images
from onelight.provenance import certificates, credentials
from onelight.shows import rekeying
from onelight.shows.keys import Keys, fingerprint_of
from onelight.shows.store import Show
from provenancecases import CLIP, FRAMES, WHY, Studio, onelight

KINDS = [".png", ".jpg", ".tif"]

pytest_plugins = ["provenancefixtures"]


def manifest(file: Path, roots: str) -> tuple[str, dict[str, Any]]:
    """State and active manifest as the C2PA library reads them, with nothing of ours in between."""
    context = c2pa.Context.from_dict({"version": 1, "trust": {"user_anchors": roots}})
    with file.open("rb") as stream:
        told = json.loads(c2pa.Reader(credentials.TYPES[file.suffix], stream, None, context).json())
    return told["validation_state"], told["manifests"][told["active_manifest"]]


def alone(file: Path, folder: Path) -> Path:
    """A copy without the sidecar beside it."""
    folder.mkdir(exist_ok=True)
    copy = folder / file.name
    copy.write_bytes(file.read_bytes())
    return copy


@pytest.mark.parametrize("suffix", KINDS)
def test_a_review_frame_carries_credentials_that_others_can_read(studio: Studio, suffix: str) -> None:
    assert studio.render(*WHY, suffix=suffix)["error"] == ""
    file = studio.out / f"out.1001{suffix}"
    state, told = manifest(file, certificates.roots(studio.show))
    assert state == "Trusted"
    actions = told["assertions"][0]["data"]["actions"]
    assert [action["action"] for action in actions] == ["c2pa.opened", "c2pa.edited"]
    assert actions[1]["digitalSourceType"].endswith("/algorithmicallyEnhanced")
    assert actions[1]["softwareAgent"] == {"name": "Onelight Probe", "version": "apollo/probe@v001"}
    assert actions[1]["parameters"]["org.onelight.purpose"] == "continuity"
    assert told["ingredients"][0]["relationship"] == "parentOf"
    assert told["ingredients"][0]["title"] == "plate.1001.exr"
    entries = {each["label"]: each["data"] for each in told["assertions"]}
    uses = entries["cawg.training-mining"]["entries"]
    assert {each["use"] for each in uses.values()} == {"notAllowed"}
    assert images.read_frame(file).pixels.shape == (140, 96, 4)
    code, found = studio.verify(studio.out / f"out{suffix}.onelight.jsonl")
    assert code == 0, found


@pytest.mark.parametrize("suffix", KINDS)
def test_a_review_frame_proves_itself_without_a_sidecar(studio: Studio, suffix: str) -> None:
    studio.render(*WHY, "--frames", "1001", suffix=suffix)
    file = alone(studio.out / f"out.1001{suffix}", studio.folder / "sent")
    code, found = studio.verify(file)
    assert (code, found[file.name]["state"]) == (0, "proven"), found
    assert [clip["name"] for clip in found[file.name]["clips"]] == [CLIP]

    whole = file.read_bytes()
    for position in range(16, len(whole), len(whole) // 9):
        changed = bytearray(whole)
        changed[position] ^= 0x40
        file.write_bytes(changed)
        code, found = studio.verify(file)
        assert code == 1, position
    file.write_bytes(whole[:-200])
    assert studio.verify(file)[0] == 1


def test_credentials_that_were_taken_out_are_missed(studio: Studio) -> None:
    studio.render(*WHY, "--frames", "1001", suffix=".png")
    file = studio.out / "out.1001.png"
    images.write_frame(file, images.read_frame(file))
    _, found = studio.verify(file)
    assert "its content credentials were taken out" in found["out.1001.png"]["problems"]
    code, found = studio.verify(alone(file, studio.folder / "sent"))
    assert code == 1
    assert found["out.1001.png"]["problems"] == ["no sidecar beside it has a record of it, and it carries none"]


def test_credentials_of_another_show_are_refused(studio: Studio, tmp_path: Path) -> None:
    studio.render(*WHY, "--frames", "1001", suffix=".png")
    file = alone(studio.out / "out.1001.png", studio.folder / "sent")
    other = Show.create("apollo", tmp_path / "elsewhere")
    certificates.chain(other)
    code, said = onelight("verify", file, "--root", tmp_path / "elsewhere")
    assert code == 1
    assert "signed by a key that is none of this show's" in said
    code, said = onelight("verify", file, "--root", tmp_path / "none")
    assert code == 1
    assert "nothing here vouches for the key" in said


def test_the_certificates_alone_prove_where_the_show_is_not(studio: Studio, tmp_path: Path) -> None:
    studio.render(*WHY, "--frames", "1001", suffix=".jpg")
    handed = tmp_path / "apollo.pem"
    handed.write_text(certificates.chain(studio.show))
    code, said = onelight("verify", studio.out / "out.1001.jpg", "--root", tmp_path / "none", "--key", handed)
    assert code == 0, said
    file = alone(studio.out / "out.1001.jpg", studio.folder / "sent")
    code, said = onelight("verify", file, "--root", tmp_path / "none", "--key", handed)
    assert code == 0, said


def test_a_rekeyed_show_has_a_chain_for_each_key(tmp_path: Path) -> None:
    show = Show.create("gemini", tmp_path)
    assert certificates.roots(show) == ""
    first = certificates.chain(show)
    assert certificates.chain(show) == first
    rekeying.rekey(show, "a test's")
    second = certificates.chain(show)
    assert second != first
    assert len(x509.load_pem_x509_certificates(certificates.roots(show).encode())) == 2
    leaf, root = x509.load_pem_x509_certificates(second.encode())
    leaf.verify_directly_issued_by(root)
    key = leaf.public_key()
    assert isinstance(key, Ed25519PublicKey)
    assert fingerprint_of(key) == Keys(show).fingerprint


def test_a_chain_that_others_put_there_is_not_trusted(tmp_path: Path) -> None:
    ours, theirs = Show.create("ours", tmp_path), Show.create("theirs", tmp_path)
    certificates.chain(ours)
    folder = ours.places.keys / "certificates"
    (folder / f"{Keys(theirs).fingerprint}.pem").write_text(certificates.chain(theirs))
    (folder / f"{Keys(ours).fingerprint[::-1]}.pem").write_text(certificates.chain(theirs))
    assert len(x509.load_pem_x509_certificates(certificates.roots(ours).encode())) == 1


def movie(file: Path, sequence: list[Path]) -> None:
    """A review file as a studio's own tools make it."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 96, 140, "yuv420p"
        for path in sequence:
            pixels = np.clip(images.read_frame(path).pixels[..., :3].astype(np.float32), 0, 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray((pixels * 255).astype(np.uint8), "rgb24")))
        container.mux(stream.encode())


def test_a_movie_of_a_sequence_is_attested_and_proven(studio: Studio) -> None:
    studio.render(*WHY)
    file = studio.folder / "review.mp4"
    movie(file, [studio.out / f"out.{frame}.exr" for frame in FRAMES])
    said = onelight("attest", file, "--from", f"{studio.out}/out.####.exr", "--show", "apollo", "--root", studio.root)
    assert said == (0, f"{file}: content credentials for 4 frames\n")
    state, told = manifest(file, certificates.roots(studio.show))
    assert state == "Trusted"
    assert told["ingredients"][0]["title"] == "out.####.exr"
    code, found = studio.verify(file)
    assert (code, found["review.mp4"]["state"]) == (0, "proven"), found
    assert found["review.mp4"]["record"]["frames"] == "1001-1004"
    assert [clip["name"] for clip in found["review.mp4"]["clips"]] == [CLIP]
    whole = bytearray(file.read_bytes())
    at = whole.index(b"mdat") + 200
    whole[at] ^= 1
    file.write_bytes(whole)
    code, found = studio.verify(file)
    assert code == 1
    assert found["review.mp4"]["problems"] == ["its frames, or other bytes, were changed"]


def test_what_was_changed_is_not_attested(studio: Studio) -> None:
    studio.render(*WHY)
    file = studio.folder / "review.mp4"
    movie(file, [studio.out / "out.1001.exr"])
    whole = file.read_bytes()
    (studio.out / "out.1002.exr").unlink()
    ask = ["attest", file, "--from", f"{studio.out}/out.####.exr", "--show", "apollo", "--root", studio.root]
    with pytest.raises(Exception, match=r"out.1002.exr is not as it was rendered: the file is missing"):
        onelight(*ask)
    assert file.read_bytes() == whole


def test_the_first_certificates_stay_also_on_a_disk_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    show = Show.create("apollo", tmp_path / "shows")
    monkeypatch.setattr("os.link", no_links)  # as exFAT answers
    first = certificates.chain(show)
    assert first.count("BEGIN CERTIFICATE") == 2
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", lambda path: False)  # another process was as quick, and made its own
        assert certificates.chain(show) == first
    assert [path.name for path in (show.places.keys / "certificates").iterdir()] == [f"{Keys(show).fingerprint}.pem"]
