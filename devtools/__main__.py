"""`python -m devtools`: the command where it is not on the path."""

from devtools.cli import main

main()
