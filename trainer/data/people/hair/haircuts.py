"""Haircuts by name, each with some freedom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.hair.hair_cap import Bulk
from dinar.trainer.data.people.hair.hair_recipe import HairRecipe, Lengths, Texture
from dinar.trainer.data.people.hair.strands import Combing
from dinar.trainer.data.people.skin.scalp import Scalp

_FINE = Texture(width=0.0095, spacing=0.0088, lift=0.004, stray=0.16, messy=0.004)
_STRAND = Texture(width=0.0180, spacing=0.0112, lift=0.004, stray=0.08, messy=0.006)
_DRAWN = Texture(width=0.0130, spacing=0.0115, lift=0.002, stray=0.05, messy=0.010)
_CLOSE = Bulk(top=0.010, side=0.007, back=0.008, rise=0.35, clump=0.10)
_LONG = Bulk(top=0.012, side=0.009, back=0.011, rise=0.6)
_PLAIN = HairRecipe(
    style="bald",
    scalp=Scalp(),
    bulk=_LONG,
    combing=Combing(),
    lengths=Lengths(0.0, 0.0, 0.0),
    texture=_FINE,
    ears=0.0,
    ahead=0.0,
    tied="none",
    upright=0.0,
    curl=0.0,
    highlights=0.0,
    roots=0.6,
    shine=0.5,
    seed=0,
)


def _bald(draw: Draw) -> HairRecipe:
    """Shaved: a shadow of roots, or none."""
    return replace(_PLAIN, scalp=Scalp(density=draw.pick((0.0, 0.25, 0.45))))


def _buzz(draw: Draw) -> HairRecipe:
    """Clipped to a few millimetres all over."""
    high = draw.uniform(0.0015, 0.005)
    bulk = Bulk(high, 0.7 * high, 0.7 * high, rise=0.5, clump=0.05)
    return replace(
        _PLAIN, scalp=Scalp(draw.uniform(0.75, 1.0), fade=draw.uniform(0, 0.9)), bulk=bulk, shine=0.2
    )


def _crew(draw: Draw) -> HairRecipe:
    """Short, brushed up on top, clipped at the sides."""
    top = draw.uniform(0.014, 0.026)
    return replace(
        _PLAIN,
        scalp=Scalp(fade=draw.uniform(0.2, 0.9)),
        bulk=Bulk(0.5 * top, 0.005, 0.005, front=0.3 * top, low=draw.uniform(-0.06, 0.03)),
        combing=Combing(sweep=(draw.normal(0, 0.4), 0.4, draw.uniform(-0.5, 0.8))),
        lengths=Lengths(1.2 * top, 0.012, 0.012),
        texture=replace(_FINE, width=0.0070, spacing=0.0080, stray=0.25, lift=0.002),
        upright=draw.uniform(0.12, 0.30),
        shine=0.3,
    )


def _side_part(draw: Draw) -> HairRecipe:
    """Parted on one side, combed across."""
    side = draw.pick((-1.0, 1.0))
    top = draw.uniform(0.013, 0.022)
    return replace(
        _PLAIN,
        scalp=Scalp(fade=draw.uniform(0.0, 0.7)),
        bulk=Bulk(top, 0.009, 0.009, front=draw.uniform(0, 0.006), low=draw.uniform(-0.12, 0.01)),
        combing=Combing(
            part=0.034 * side, part_front=0.13, sweep=(-0.7 * side, 0.2, draw.uniform(-1.0, -0.2))
        ),
        lengths=Lengths(draw.uniform(0.05, 0.075), 0.030, 0.028),
        texture=replace(_FINE, messy=draw.uniform(0.001, 0.006)),
    )


def _crop(draw: Draw) -> HairRecipe:
    """Combed forward, a short fringe."""
    top = draw.uniform(0.010, 0.017)
    return replace(
        _PLAIN,
        scalp=Scalp(fade=draw.uniform(0.2, 0.8)),
        bulk=Bulk(top, 0.007, 0.007, low=draw.uniform(-0.10, 0.03)),
        combing=Combing(sweep=(draw.normal(0, 0.5), 0, 0.3), back=0.0),
        lengths=Lengths(0.036, 0.020, 0.022, fringe=draw.uniform(0.006, 0.022)),
        texture=replace(_FINE, stray=0.22, messy=0.006),
    )


def _quiff(draw: Draw) -> HairRecipe:
    """Short sides, the front brushed up and back."""
    side = draw.normal(0, 0.8)
    return replace(
        _PLAIN,
        scalp=Scalp(fade=draw.uniform(0.3, 0.9)),
        bulk=Bulk(
            0.014, 0.007, 0.007, front=draw.uniform(0.010, 0.022), low=draw.uniform(-0.05, 0.03), rise=1.3
        ),
        combing=Combing(sweep=(side, 1.2, -3.0)),
        lengths=Lengths(draw.uniform(0.045, 0.065), 0.020, 0.022),
        texture=replace(_FINE, lift=0.005, messy=0.005),
    )


def _spiky(draw: Draw) -> HairRecipe:
    """Standing up in points."""
    return replace(
        _PLAIN,
        scalp=Scalp(fade=draw.uniform(0.0, 0.7)),
        bulk=Bulk(0.012, 0.006, 0.006, low=draw.uniform(-0.10, 0.02)),
        combing=Combing(sweep=(draw.normal(0, 0.4), 0.3, draw.uniform(-1.2, 0.5))),
        lengths=Lengths(draw.uniform(0.035, 0.055), 0.020, 0.020),
        texture=replace(_FINE, width=0.0110, spacing=0.0098, stray=0.35, messy=0.010),
        upright=draw.uniform(0.4, 0.75),
    )


def _swept(draw: Draw) -> HairRecipe:
    """Longer on top, swept to one side, ears half covered."""
    side = draw.pick((-1.0, 1.0))
    return replace(
        _PLAIN,
        bulk=Bulk(draw.uniform(0.016, 0.024), 0.012, 0.012),
        combing=Combing(
            part=0.03 * side, part_front=0.02, sweep=(-1.3 * side, 0.1, draw.uniform(-0.2, 0.8)), back=0.2
        ),
        lengths=Lengths(draw.uniform(0.065, 0.09), 0.045, 0.045, fringe=draw.uniform(0.01, 0.035)),
        texture=replace(_FINE, width=0.0115, spacing=0.0095, messy=0.008, wave=draw.pick((0.0, 0.0, 0.003))),
    )


def _undercut(draw: Draw) -> HairRecipe:
    """Sides clipped to the skin, the top long and combed back."""
    return replace(
        _PLAIN,
        scalp=Scalp(fade=draw.uniform(0.5, 1.0)),
        bulk=Bulk(
            0.015, 0.014, 0.012, front=draw.uniform(0, 0.010), low=draw.uniform(0.036, 0.046), rise=1.2
        ),
        combing=Combing(sweep=(draw.normal(0, 1.0), 0.4, -3.0)),
        lengths=Lengths(draw.uniform(0.07, 0.10), 0.045, 0.040),
        texture=replace(_FINE, width=0.0115, spacing=0.0090),
    )


def _slick(draw: Draw) -> HairRecipe:
    """Combed straight back, close to the head."""
    return replace(
        _PLAIN,
        bulk=Bulk(0.011, 0.008, 0.010),
        combing=Combing(sweep=(draw.normal(0, 0.3), 0.0, -3.5), back=1.4, down=0.5),
        lengths=Lengths(0.075, 0.055, 0.04),
        texture=replace(_FINE, width=0.0110, stray=0.06, lift=0.002, messy=0.002),
        shine=0.8,
    )


def _balding(draw: Draw) -> HairRecipe:
    """A bald top above short sides."""
    high = draw.uniform(0.002, 0.006)
    return replace(
        _PLAIN,
        scalp=Scalp(draw.uniform(0.7, 1.0), horseshoe=1.0, fade=draw.uniform(0, 0.4)),
        bulk=Bulk(high, high, high, rise=0.35),
        combing=Combing(back=0.9),
        lengths=Lengths(0.014, 0.014, 0.016),
        texture=replace(_FINE, width=0.0075, lift=0.001),
        shine=0.3,
    )


def _pixie(draw: Draw) -> HairRecipe:
    """Short and layered, a long fringe to one side."""
    side = draw.pick((-1.0, 1.0))
    return replace(
        _PLAIN,
        bulk=Bulk(draw.uniform(0.015, 0.021), 0.010, 0.011),
        combing=Combing(part=0.032 * side, part_front=0.06, sweep=(-1.2 * side, 0.0, 0.7), back=0.1),
        lengths=Lengths(0.06, 0.035, 0.035, fringe=draw.uniform(0.02, 0.045)),
        texture=replace(_FINE, width=0.0105, messy=draw.uniform(0.003, 0.009)),
    )


def _hanging(draw: Draw, style_end: tuple[float, float], blunt: float) -> HairRecipe:
    """Hair that hangs, to somewhere between two heights below the eyes."""
    part = draw.pick((0.0, 0.0, 0.022, -0.022, 0.036, -0.036))
    return replace(
        _PLAIN,
        bulk=replace(_LONG, top=draw.uniform(0.009, 0.016)),
        combing=Combing(part=part, part_front=0.13, back=draw.uniform(0.15, 0.4)),
        lengths=Lengths(0.06, 0.03, 0.03, end=draw.uniform(*style_end), blunt=blunt),
        texture=replace(_STRAND, messy=draw.uniform(0.003, 0.009)),
        ears=1.0,
        ahead=0.5,
    )


def _bob(draw: Draw) -> HairRecipe:
    """Cut at the jaw."""
    return replace(_hanging(draw, (0.085, 0.135), draw.uniform(0.8, 1.0)), ahead=0.45)


def _page(draw: Draw) -> HairRecipe:
    """Cut at the jaw, with a fringe to the brows."""
    cut = _bob(draw)
    combing = replace(cut.combing, part=0.0, back=0.0)
    return replace(cut, combing=combing, lengths=replace(cut.lengths, fringe=draw.uniform(0.060, 0.074)))


def _lob(draw: Draw) -> HairRecipe:
    """To the shoulders, often wavy."""
    cut = _hanging(draw, (0.14, 0.20), draw.uniform(0.4, 0.9))
    return replace(cut, texture=_waved(draw, cut.texture, 0.8), ahead=draw.pick((0.0, 0.45)))


def _long(draw: Draw) -> HairRecipe:
    """Past the shoulders, in front of them or behind, to the middle of the back at most."""
    cut = _hanging(draw, (0.26, 0.50), draw.uniform(0.2, 0.8))
    fringe = draw.pick((0.0, draw.uniform(0.060, 0.075)), (0.78, 0.22))
    ahead = draw.pick((0.0, 0.32, 0.5), (0.35, 0.4, 0.25) if fringe == 0 else (0.0, 0.6, 0.4))
    back = 0.05 if fringe > 0 else 0.75 if ahead == 0 else cut.combing.back
    combing = replace(cut.combing, back=back, part=0.0 if fringe > 0 else cut.combing.part)
    return replace(
        cut,
        texture=_waved(draw, cut.texture, 0.55),
        ahead=ahead,
        combing=combing,
        lengths=replace(cut.lengths, fringe=fringe),
    )


def _waved(draw: Draw, texture: Texture, probability: float) -> Texture:
    if not draw.chance(probability):
        return texture
    return replace(texture, wave=draw.uniform(0.005, 0.013), wavelength=draw.uniform(0.075, 0.13))


def _ringlets(draw: Draw) -> HairRecipe:
    """Curls that hang."""
    cut = _hanging(draw, (0.08, 0.26), 0.3)
    texture = Texture(
        width=0.0135,
        spacing=0.0125,
        lift=0.004,
        stray=0.16,
        wave=draw.uniform(0.007, 0.011),
        wavelength=draw.uniform(0.045, 0.060),
        curl=0.9,
        messy=0.016,
    )
    return replace(cut, texture=texture, bulk=replace(_LONG, top=0.018, side=0.014, back=0.016), ahead=0.45)


def _dreadlocks(draw: Draw) -> HairRecipe:
    """Round matted locks."""
    cut = _hanging(draw, (0.08, 0.34), 0.2)
    texture = Texture(
        *(0.0130, 0.0145, 0.004, 0.16), wave=0.003, wavelength=0.06, messy=0.014, round=draw.uniform(0.9, 1.1)
    )
    combing = replace(cut.combing, back=0.6)
    return replace(cut, texture=texture, combing=combing, ahead=draw.pick((0.0, 0.4)), shine=0.2)


def _tied_lengths(draw: Draw, back: float) -> Lengths:
    """What is tied is `back` long (the radius of a bun); some keep a fringe, some locks slip out."""
    fringe = draw.pick((0.0, draw.uniform(0.055, 0.070)), (0.78, 0.22))
    loose = draw.pick((0.0, draw.uniform(0.05, 0.13)), (0.45, 0.55))
    return Lengths(0.1, 0.1, back, fringe=fringe, end=loose)


def _ponytail(draw: Draw) -> HairRecipe:
    """Drawn together behind, high or low."""
    tie = draw.pick(((0.0, 0.060, -0.072), (0.0, 0.020, -0.09), (0.0, -0.040, -0.085)))
    cut = replace(
        _PLAIN, bulk=_CLOSE, tied="ponytail", combing=Combing(tie=tie), texture=_waved(draw, _DRAWN, 0.35)
    )
    return replace(cut, lengths=_tied_lengths(draw, draw.uniform(0.20, 0.42)))


def _bun(draw: Draw) -> HairRecipe:
    """Wound up behind, or on top."""
    tie = draw.pick(((0.0, -0.020, -0.09), (0.0, 0.025, -0.09), (0.0, 0.095, -0.040)))
    cut = replace(_PLAIN, bulk=_CLOSE, tied="bun", combing=Combing(tie=tie), texture=_DRAWN)
    return replace(cut, lengths=_tied_lengths(draw, draw.uniform(0.026, 0.042)))


def _plait(draw: Draw) -> HairRecipe:
    """One plait down the back."""
    tie = (0.0, draw.uniform(-0.055, -0.02), -0.085)
    cut = replace(_PLAIN, bulk=_CLOSE, tied="plait", combing=Combing(tie=tie), texture=_DRAWN)
    return replace(cut, lengths=_tied_lengths(draw, draw.uniform(0.26, 0.44)))


def _plaits(draw: Draw) -> HairRecipe:
    """Two plaits, behind the shoulders or before them."""
    tie = (0.064, draw.uniform(-0.070, -0.055), -0.022)
    cut = replace(_PLAIN, bulk=_CLOSE, tied="plaits", combing=Combing(tie=tie), texture=_DRAWN)
    return replace(
        cut, lengths=_tied_lengths(draw, draw.uniform(0.22, 0.36)), ahead=draw.pick((-0.6, 1.0, 1.0))
    )


def _afro(draw: Draw) -> HairRecipe:
    """A round cloud of tight curls."""
    size = draw.uniform(0.028, 0.070)
    return replace(
        _PLAIN,
        bulk=Bulk(size, 0.9 * size, 0.9 * size, rise=draw.uniform(1.6, 2.4), clump=0.10),
        lengths=Lengths(0.013, 0.013, 0.013),
        texture=Texture(width=0.0052, spacing=0.0080, lift=0.0, stray=0.0, wave=0.0045),
        curl=1.0,
        shine=0.0,
    )


def _short_curls(draw: Draw) -> HairRecipe:
    """Tight curls cut close, the sides often clipped."""
    size = draw.uniform(0.006, 0.018)
    return replace(
        _afro(draw),
        scalp=Scalp(fade=draw.uniform(0, 0.9)),
        bulk=Bulk(size, 0.6 * size, 0.6 * size, rise=1.0, clump=0.10, low=draw.uniform(-0.10, 0.03)),
        lengths=Lengths(0.009, 0.009, 0.009),
        texture=Texture(width=0.0050, spacing=0.0080, lift=0.0, stray=0.0, wave=0.0036),
    )


def _curly_top(draw: Draw) -> HairRecipe:
    """Loose curls on top, shorter at the sides."""
    return replace(
        _afro(draw),
        scalp=Scalp(fade=draw.uniform(0, 0.6)),
        bulk=Bulk(
            draw.uniform(0.020, 0.032), 0.010, 0.011, low=draw.uniform(-0.12, 0.02), rise=1.4, clump=0.25
        ),
        lengths=Lengths(0.024, 0.02, 0.02),
        texture=Texture(width=0.0095, spacing=0.0098, lift=0.0, stray=0.0, wave=0.0075),
        shine=0.4,
    )


_CUTS: dict[str, Callable[[Draw], HairRecipe]] = {
    "bald": _bald,
    "buzz": _buzz,
    "crew": _crew,
    "side part": _side_part,
    "crop": _crop,
    "quiff": _quiff,
    "spiky": _spiky,
    "swept": _swept,
    "undercut": _undercut,
    "slick": _slick,
    "balding": _balding,
    "pixie": _pixie,
    "bob": _bob,
    "page": _page,
    "lob": _lob,
    "long": _long,
    "ringlets": _ringlets,
    "dreadlocks": _dreadlocks,
    "ponytail": _ponytail,
    "bun": _bun,
    "plait": _plait,
    "plaits": _plaits,
    "afro": _afro,
    "short curls": _short_curls,
    "curly top": _curly_top,
}
STYLES = tuple(_CUTS)
"""Names of all haircuts."""


def haircut(style: str, draw: Draw) -> HairRecipe:
    """Draw one cut of a style.

    Raises:
        ValueError: the style is unknown.
    """
    if style not in _CUTS:
        raise ValueError(f"no haircut is called {style!r}; expected one of {', '.join(STYLES)}")
    recipe = _CUTS[style](draw.child("cut", style))
    return replace(recipe, style=style, seed=draw.child("seed").seed())
