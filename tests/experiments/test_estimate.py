"""What programs took before says what they may take."""

import json

from experiments.estimate import ProgramSeconds


def test_means_are_over_programs_and_what_the_cache_gave_was_not_compiled(tmp_path):
    assert ProgramSeconds.of(tmp_path) is None
    seconds = {"trace_seconds": 2.0, "lower_seconds": 1.0, "xla_seconds": 9.0}
    for paper, provenance in {
        "one": {"programs": 3, "cache_hits": 1, **seconds},
        "other": {"programs": 1, "cache_hits": 0, **seconds},
        "without_sweeps": {"programs": 0, "cache_hits": 0, **seconds},
        "older": {"programs": 5, "compile_seconds": 7.0},
    }.items():
        folder = tmp_path / paper / "quick" / "figure"
        folder.mkdir(parents=True)
        (folder / "figure.json").write_text(json.dumps({"provenance": provenance}))
    found = ProgramSeconds.of(tmp_path)
    assert found == ProgramSeconds(trace=1.0, lower=0.5, xla=6.0, programs=4)
    assert found.of_many(2).startswith("about 15 s for 2 programs (tracing 2.0, lowering 1.0, XLA 12.0 unless cached")
