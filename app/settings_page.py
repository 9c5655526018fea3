"""The table of settings in `docs/operations.md`, made from `app/settings.py`: a field, its default, and the sentence below it.

`python -m app.settings_page` writes it anew; a test holds it current.
"""

import ast
import re
from itertools import pairwise
from pathlib import Path

from app import settings
from app.settings import Settings, variable

PAGE = Path(__file__).parents[1] / "docs" / "operations.md"
_TABLE = re.compile(r"(<!-- table: settings -->\n)(.*?)(<!-- /table -->)", re.DOTALL)


def table() -> list[str]:
    """One line a setting, in the order of the file."""
    lines = ["| variable | default | |", "|---|---|---|"]
    default = Settings()
    for name, sentence in sentences().items():
        value = getattr(default, name)
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        escaped = sentence.replace("|", "\\|")
        lines.append(f"| `{variable(name)}` | {f'`{shown}`' if shown else ''} | {escaped} |")
    return lines


def sentences() -> dict[str, str]:
    """Field -> what stands below it in the source. Raises AssertionError for a field without a sentence."""
    module = ast.parse(Path(settings.__file__).read_text(encoding="utf-8"))
    (body,) = (node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == Settings.__name__)
    found = {}
    for node, below in pairwise(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            said = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
            assert isinstance(said, str), f"{node.target.id} has no sentence"
            found[node.target.id] = " ".join(said.split())
    return found


def with_table(page: str) -> str:
    """The page with its table made anew."""
    return _TABLE.sub(lambda match: match[1] + "".join(f"{line}\n" for line in table()) + match[3], page)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
