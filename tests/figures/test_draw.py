"""A drawing is kept as long as its tables, its code and its claims are."""

import pandas as pd

from figures import claims
from figures.draw import draw_paper


def test_a_drawing_is_kept_until_its_tables_or_its_claims_are_not(fake):
    def drawn():
        made = draw_paper(fake.results, fake.build, fake.slug, "quick")
        times = {path.stem: path.stat().st_mtime_ns for path in (fake.build / fake.slug).glob("*.png")}
        return times, [claim.id for claim in made.claims]

    first, found = drawn()
    assert set(first) == {"rates", "grid"}
    assert drawn() == (first, found)
    table = fake.folder("rates") / "rates.parquet"
    pd.read_parquet(table).assign(rate=0.5).to_parquet(table)
    second, _ = drawn()
    assert second["grid"] == first["grid"]
    assert second["rates"] > first["rates"]
    (fake.build / "claims.json").unlink()
    third, again = drawn()
    assert again == found
    assert third["grid"] > second["grid"]
    assert len(claims.read(fake.build / "claims.json")) == len(found)
