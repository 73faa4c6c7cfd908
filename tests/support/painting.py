"""Pictures, drawn for tests."""

from __future__ import annotations

from io import BytesIO

from PIL import Image


def painted(
    width: int = 640, height: int = 480, kind: str = "JPEG", colour: str = "#0b6577"
) -> bytes:
    """A picture in one colour."""
    out = BytesIO()
    Image.new("RGB", (width, height), colour).save(out, kind)
    return out.getvalue()


def clear(width: int = 64, height: int = 64, kind: str = "PNG") -> bytes:
    """A picture that can be seen through."""
    out = BytesIO()
    Image.new("RGBA", (width, height), (11, 101, 119, 90)).save(out, kind)
    return out.getvalue()
