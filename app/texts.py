"""Files that were named on a command line, read or refused in one sentence."""

from pathlib import Path

from schemas.errors import BadSetting


def text_of(path: Path, *, what: str) -> str:
    """Of a file. Raises BadSetting, which says what it would have been."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"{what} {path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
