"""The plate's colour space: every config a studio may set, and spaces by the menu or by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PyOpenColorIO as ocio
import pytest
from onelight import colour
from onelight.colour import SPACES, Colour
from onelight.errors import ColourError

RAMP = np.linspace(0.02, 4.0, 90, dtype=np.float32).reshape(5, 6, 3)


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`$OCIO` set to a config in which ACEScg has another name, spaces carry no encoding, and few exist."""
    config = ocio.Config.CreateFromBuiltinConfig(colour.PINNED_CONFIG)
    names = {"ACES2065-1": "Studio AP0", "ACEScg": "Studio Linear", "ARRI LogC4": "Studio Log"}
    mine = ocio.Config()
    mine.setMajorVersion(2)
    for old, new in names.items():
        space = config.getColorSpace(old)
        space.setName(new)
        space.setEncoding("")
        for alias in list(space.getAliases()):
            space.removeAlias(alias)
        mine.addColorSpace(space)
    mine.setRole("aces_interchange", "Studio AP0")
    mine.setRole("default", "Studio Linear")
    file = tmp_path / "config.ocio"
    file.write_text(mine.serialize())
    monkeypatch.setenv("OCIO", str(file))
    caches = (colour.config, Colour.of, colour._to_working, colour._from_working, colour._matrix, colour._is_linear)
    for cached in caches:
        cached.cache_clear()
    yield file
    monkeypatch.undo()
    for cached in caches:
        cached.cache_clear()


@pytest.mark.parametrize("space", sorted(SPACES))
def test_every_space_of_the_menu_goes_there_and_back(space: str) -> None:
    found = Colour.of(space)
    ramp = np.clip(RAMP, 0.02, 0.9)
    assert np.allclose(found.encode(found.decode(ramp)), ramp, rtol=2e-3, atol=2e-4)
    assert found.linear == (space in ("acescg", "aces2065_1", "lin_rec709"))


def test_white_light_is_no_gain_in_any_space() -> None:
    for space in SPACES:
        assert np.array_equal(Colour.of(space).light(np.ones(3)), np.ones(3, np.float32))


def test_a_studio_config_without_the_name_acescg_works_by_aces_interchange(studio: Path) -> None:
    own, usual = Colour.of("Studio Log"), np.float32(0.18)
    assert not own.linear
    assert not own.pinned
    grey = np.full((1, 1, 3), usual, np.float32)
    assert np.allclose(own.decode(own.encode(grey)), grey, rtol=1e-3)
    linear = Colour.of("Studio Linear")
    assert linear.linear, "a space without an encoding is tried on colours"
    assert np.allclose(linear.to_working(RAMP), RAMP, atol=1e-4)
    menu = Colour.of("vlog")
    assert menu.pinned, "the menu's spaces are there with any config"


def test_unknown_spaces_data_and_broken_configs_are_named(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ColourError, match="no space named 'Kodachrome'"):
        Colour.of("Kodachrome")
    for content in (None, "not a config"):
        broken = studio.with_name("broken.ocio")
        if content:
            broken.write_text(content)
        monkeypatch.setenv("OCIO", str(broken))
        colour.config.cache_clear()
        with pytest.raises(ColourError, match=r"broken\.ocio cannot be used"):
            colour.config()
