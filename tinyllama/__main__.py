"""``python -m tinyllama`` is the command line."""

from tinyllama.cli import main

main()
