"""`python -m postrun`."""

from postrun.cli.main import main

main()
