"""Where the present key hardly reaches, the paint of the surroundings counts where it is surer than the plate's."""

from __future__ import annotations

from typing import Any

import numpy as np
from onelight.tools.relight.paint import lent

SIZE = (96, 128)
DOUBT = 0.2  # of a key that is three quarters of the light
SHADE = np.s_[36:60, 48:80]  # a patch that the present key does not reach


def flat(value: float) -> np.ndarray:
    return np.full(SIZE, value, np.float32)


def picture(paint: np.ndarray, light: np.ndarray, **more: Any) -> dict[str, Any]:
    """A picture of paint (stops) under light, as `lent` is told it."""
    return {"stops": paint + np.log2(light), "sky": flat(0), "matte": None, **more}


def shaded(level: float) -> np.ndarray:
    light = flat(1)
    light[SHADE] = level
    return light


def test_nothing_is_lent_where_the_light_stays_as_it_is() -> None:
    random = np.random.default_rng(1)
    light = random.uniform(0.05, 1, SIZE).astype(np.float32)
    g = picture(random.normal(0, 1, SIZE).astype(np.float32), light)
    assert not lent(g, light, light.copy(), DOUBT).any()
    half = light.copy()
    half[:, :64] *= 3
    found = lent(g, light, half, DOUBT)
    assert found[:, :64].any()
    assert not found[:, 64:].any()


def test_light_put_where_the_shading_was_misjudged_shows_the_paint_that_is_around() -> None:
    true, guessed = shaded(0.04), shaded(0.16)  # the patch is darker than the shading explains: two stops of error
    found = lent(picture(flat(0.5), true), guessed, flat(1), DOUBT)
    assert found[SHADE].mean() > 1.6
    assert np.abs(found[:20]).max() < 0.1, "where the key arrives the plate knows better"


def test_half_lit_places_keep_their_own_paint() -> None:
    paint = flat(0)
    paint[SHADE] = -1.5
    light = flat(0.9)
    found = lent(picture(paint, light), light, flat(0.3), DOUBT)
    assert np.abs(found).max() < 0.1


def test_a_motley_set_lends_less_than_an_even_one() -> None:
    random = np.random.default_rng(2)
    true, guessed = shaded(0.1), shaded(0.3)
    even = lent(picture(flat(0), true), guessed, flat(1), DOUBT)[SHADE].mean()
    motley = lent(picture(random.normal(0, 1.5, SIZE).astype(np.float32), true), guessed, flat(1), DOUBT)[SHADE].mean()
    assert even > 2 * abs(motley)


def test_what_a_matte_separates_lends_each_other_nothing() -> None:
    matte, paint = flat(0), flat(-3)
    matte[:, 40:88] = 1
    paint[:, 40:88] = 1
    true, guessed = shaded(0.05), shaded(0.1)
    apart = lent(picture(paint, true, matte=matte), guessed, flat(1), DOUBT)
    together = lent(picture(paint, true), guessed, flat(1), DOUBT)
    assert apart[SHADE].mean() > 0.8
    assert together[SHADE].mean() < apart[SHADE].mean() - 0.3


def test_sky_and_a_black_backing_have_no_paint_to_lend() -> None:
    true, guessed = shaded(0.05), shaded(0.1)
    paint, sky = flat(0), flat(0)
    paint[:30], sky[:30] = 4, 1
    paint[66:] = -12
    g = picture(paint, true, sky=sky)
    g["stops"] = np.maximum(g["stops"], -6)
    found = lent(g, guessed, flat(1), DOUBT)
    assert 0.5 < found[SHADE].mean() < 1.2
    assert not found[:30].any()


def test_a_picture_without_any_light_is_left_alone() -> None:
    g = {"stops": flat(-6), "sky": flat(0), "matte": None}
    found = lent(g, flat(0.5), flat(1), DOUBT)
    assert not found.any()
