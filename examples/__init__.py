"""Real apps that carry devtools, each run by a test."""
