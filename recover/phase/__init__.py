"""Phase retrieval: signals from the moduli of linear measurements."""
