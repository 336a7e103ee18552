"""`python -m covalue`."""

from covalue.cli import main

main()
