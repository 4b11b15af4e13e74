"""What docs/tables.md shows runs as shown, from top to bottom."""

import pathlib
import re

PAGE = (pathlib.Path(__file__).parents[1] / "docs" / "tables.md").read_text()


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    for snippet in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(snippet, scope)
    assert len(scope["table"].frame) == 6 * 3 * 12
