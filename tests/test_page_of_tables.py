"""What docs/tables.md shows runs as shown, from top to bottom."""

import pathlib
import re

PAGE = (pathlib.Path(__file__).parents[1] / "docs" / "tables.md").read_text()


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    for snippet in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(snippet, scope)
    assert len(scope["table"].frame) == 5 * 3 * 12
    rates = scope["rates"]
    assert (rates.status == "fitted").all()
    assert ((rates.low < 1) & (rates.high > 1)).any()
    assert abs(rates.rate - 1).max() < 0.3
    (fit,) = scope["scaling"].fits.to_dict("records")
    assert fit["status"] == "fitted"
    assert 0.1 < fit["critical"] < 0.4
