"""Free discontinuity regression (Gunsilius and Van Dijcke 2023)."""

SHARED = ("common", "picture")
