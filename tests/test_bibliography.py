"""Every source that a docstring cites by its key is in the bibliography."""

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).parent.parent
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)
# What stands in brackets: `(hu2025, Theorem 2)`, `(krzakala2012b; vila2013)`.
CITATION = re.compile(r"\(((?:[a-z]+\d{4}[a-z]?(?:; )?)+)(?=[,;)\s])")


def keys() -> list[str]:
    return re.findall(r"^@\w+\{(\w+),$", (ROOT / "docs" / "references.bib").read_text(), re.MULTILINE)


def citations():
    for path in sorted((ROOT / "recover").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            text = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
            for cited in CITATION.findall(text or ""):
                yield from ((key, path.relative_to(ROOT)) for key in cited.split("; "))


def test_entries_are_sorted_and_unique():
    assert keys() == sorted(set(keys()))


def test_what_docstrings_cite_is_there():
    known = set(keys())
    missing = {f"{key} in {path}" for key, path in citations() if key not in known}
    assert not missing


def test_citations_are_found():
    assert {"hu2025", "donoho2009a", "vila2013", "he2024"} <= {key for key, _ in citations()}
