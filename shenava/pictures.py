"""Pictures from outside, made anew before anybody sees or sends them.

What came may be anything: a script in a picture's clothes, a few bytes that unfold to gigabytes,
a photograph that tells where its maker lives. So only its pixels are taken, by Pillow, from four
formats, after its size in pixels was read; and they are written afresh, upright, without
metadata. SVG and the like are no pictures here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image, ImageOps

# Our own limit is asked before anything is unfolded; Pillow's would only warn, and higher up.
Image.MAX_IMAGE_PIXELS = None

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")

MOST_PIXELS = 25_000_000
"""Of a picture as it comes: 100 MB unfolded, more than phones make without an effort."""

MOST_PIXELS_JPEG = 100_000_000
"""JPEG can be read at an eighth of its size, and is what large photographs come as."""

LONGEST = 2_048
"""Pixels of the longer side as kept: enough to read a bank's receipt on a phone."""

THUMB = 360
"""Pixels of the longer side of the small one."""


class NotAPicture(ValueError):
    """No JPEG, PNG, WebP or GIF, or a damaged one."""


class TooManyPixels(ValueError):
    """A picture, but larger than :data:`MOST_PIXELS` allows."""


@dataclass(frozen=True, slots=True)
class Made:
    """A picture as it is kept: JPEG, or PNG where it is partly transparent. ``thumb`` is the small
    one, of the same kind."""

    content: bytes = field(repr=False)
    thumb: bytes = field(repr=False)
    mime: str
    width: int
    height: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def remade(content: bytes, longest: int = LONGEST) -> Made:
    """The picture in ``content`` made anew, its longer side ``longest`` pixels at most; of a moving
    one the first frame. Raises :class:`NotAPicture` or :class:`TooManyPixels`."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as opened:
            _check_size(opened)
            # JPEG only: reads it smaller from the start, as long as it stays large enough.
            opened.draft("RGB", (longest, longest))
            image: Image.Image = ImageOps.exif_transpose(opened)
            image.load()
    except (TooManyPixels, MemoryError):
        raise TooManyPixels("too many pixels") from None
    except Exception as error:
        # Pillow raises of many kinds on damaged files (OSError, ValueError, SyntaxError, …).
        raise NotAPicture(type(error).__name__) from None
    clear = _is_clear(image)
    whole = _fitted(image.convert("RGBA" if clear else "RGB"), longest)
    small = _fitted(whole, THUMB)
    return Made(
        content=_written(whole),
        thumb=_written(small),
        mime="image/png" if clear else "image/jpeg",
        width=whole.width,
        height=whole.height,
    )


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    most = MOST_PIXELS_JPEG if image.format == "JPEG" else MOST_PIXELS
    if width * height > most:
        raise TooManyPixels(f"{width} x {height} pixels")


def _is_clear(image: Image.Image) -> bool:
    """Whether any of it can be seen through."""
    if image.mode == "P" and "transparency" not in image.info:
        return False
    if image.mode not in ("RGBA", "LA", "PA", "P") and "transparency" not in image.info:
        return False
    lowest, _highest = image.convert("RGBA").getchannel("A").getextrema()
    return isinstance(lowest, int | float) and lowest < 255


def _fitted(image: Image.Image, longest: int) -> Image.Image:
    if max(image.size) <= longest:
        return image
    share = longest / max(image.size)
    size = tuple(max(1, round(side * share)) for side in image.size)
    return image.resize((size[0], size[1]), Image.Resampling.LANCZOS)


def _written(image: Image.Image) -> bytes:
    # Pillow writes remarks and profiles that it read into what it saves.
    image.info.clear()
    out = BytesIO()
    if image.mode == "RGBA":
        image.save(out, "PNG", optimize=True)
    else:
        image.save(out, "JPEG", quality=85, optimize=True, progressive=True)
    return out.getvalue()
